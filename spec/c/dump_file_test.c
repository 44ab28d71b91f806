/* The public dumps: archives of every shape, cut off at every byte and with every bit flipped, and rows of every kind. */
#include "base/zip.h"
#include "binance/dump_file.h"
#include "market/interval.h"
#include "spec/c/same_bar.h"
#include "spec/c/tap.h"
#include "spec/c/zips.h"

#define NAMES \
    "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,taker_buy_quote_volume," \
    "ignore\n"
#define ROW0 "1735689600000,10.5,12,9,11,5.25,1735689659999,52.1,3,2,21.5,0\n"
#define ROW1 "1735689660000,11,11,11,11,0,1735689719999,0,0,0,0,0\n"
#define ROW2 "1735689720000,11,13,10,12,7,1735689779999,80,4,3,33,0\n"
#define US0 "1735689600000000,10.5,12,9,11,5.25,1735689659999999,52.1,3,2,21.5,0\n"
#define US1 "1735689660000000,11,11,11,11,0,1735689719999999,0,0,0,0,0\n"

static const dump_period DAY = {INTERVAL_1M, 1735689600000, 1735776000000};
static zip_bytes z;

static void test_archives(void) {
    static const char text[] = NAMES ROW0 ROW1;
    static const zip_shape shapes[] = {
        {"X.csv", false, false, false, NULL}, {"X.csv", true, false, false, NULL}, {"X.csv", false, true, false, NULL},
        {"X.csv", false, false, true, NULL},  {"X.csv", false, true, true, NULL},  {"X.csv", true, false, false, "PK"},
    };
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        zip_file file;
        diag why = {{0}};
        char *out = NULL;
        zip_make(&z, &shapes[i], text, sizeof text - 1);
        err e = zip_find(z.data, z.used, &file, &why);
        if (e == OK) e = zip_unpack(&file, sizeof text, &out, &why);
        ok(e == OK && file.bytes == sizeof text - 1 && memcmp(out, text, sizeof text) == 0 &&
               strcmp(file.name, "X.csv") == 0,
           "archive %zu (stored %d, descriptor %d, zip64 %d): its text comes out %s", i, shapes[i].is_stored,
           shapes[i].has_descriptor, shapes[i].is_zip64, why.text);
        free(out);
        size_t n_read = 0;
        for (size_t bytes = 0; bytes < z.used; bytes++) {
            unsigned char *cut = malloc(bytes); /* exactly so large: the sanitizer sees a read behind it */
            memcpy(cut, z.data, bytes);
            n_read += zip_find(cut, bytes, &file, &why) == OK;
            free(cut);
        }
        ok(n_read == 0, "archive %zu cut off at any of its %zu bytes is refused", i, z.used);
    }
}

/* A flipped bit may only go unseen where nothing of the file depends on it: versions, times, attributes. */
static void test_flipped_bits(void) {
    static const char text[] = ROW0 ROW1 ROW2;
    zip_make(&z, &(zip_shape){.name = "X.csv"}, text, sizeof text - 1);
    size_t n_other = 0, n_seen = 0;
    for (size_t bit = 0; bit < 8 * z.used; bit++) {
        zip_file file;
        diag why;
        char *out = NULL;
        z.data[bit / 8] ^= (unsigned char)(1 << bit % 8);
        err e = zip_find(z.data, z.used, &file, &why);
        if (e == OK) e = zip_unpack(&file, 1 << 16, &out, &why);
        n_seen += e != OK;
        n_other += e == OK && (file.bytes != sizeof text - 1 || memcmp(out, text, sizeof text) != 0);
        free(out);
        z.data[bit / 8] ^= (unsigned char)(1 << bit % 8);
    }
    ok(n_other == 0, "no flipped bit gives another text");
    ok(n_seen > 8 * (z.used - 60) && n_seen < 8 * z.used, "%zu of %zu flipped bits are noticed", n_seen, 8 * z.used);
}

static void test_refused_archives(void) {
    static const char text[] = ROW0;
    zip_file file;
    diag why;
    char *out = NULL;
    zip_make(&z, &(zip_shape){.name = "X.csv"}, text, sizeof text - 1);
    ok(zip_find(z.data, z.used, &file, &why) == OK && zip_unpack(&file, sizeof text - 2, &out, &why) == ERR_TOO_BIG,
       "more bytes than are wanted: %s", why.text);
    z.data[z.central_at + 16] ^= 1;
    z.data[14] ^= 1;
    ok(zip_find(z.data, z.used, &file, &why) == OK && zip_unpack(&file, 1 << 16, &out, &why) == ERR_SYNTAX &&
           strstr(why.text, "found CRC-32"),
       "a CRC-32 that both headers say and the data has not: %s", why.text);
    zip_make(&z, &(zip_shape){.name = "X.csv"}, text, sizeof text - 1);
    z.data[z.end_at + 8] = z.data[z.end_at + 10] = 2;
    ok(zip_find(z.data, z.used, &file, &why) == ERR_UNSUPPORTED && strstr(why.text, "found 2 files"), "%s", why.text);
    zip_make(&z, &(zip_shape){.name = "X.csv"}, text, sizeof text - 1);
    z.data[6] |= 1;
    z.data[z.central_at + 8] |= 1;
    ok(zip_find(z.data, z.used, &file, &why) == ERR_UNSUPPORTED, "%s", why.text);
    zip_make(&z, &(zip_shape){.name = "X.csv"}, text, sizeof text - 1);
    z.data[8] = z.data[z.central_at + 10] = 12;
    ok(zip_find(z.data, z.used, &file, &why) == ERR_UNSUPPORTED && strstr(why.text, "method 12"), "%s", why.text);
    zip_make(&z, &(zip_shape){.name = "X.csv"}, text, sizeof text - 1);
    for (int i = 0; i < 4; i++) z.data[22 + i] = z.data[z.central_at + 24 + i] = i == 3 ? 0x7f : 0xff;
    ok(zip_find(z.data, z.used, &file, &why) == ERR_SYNTAX, "2 GB in %zu bytes: %s", z.used, why.text);
}

static bool has_bars(const char *text, size_t n, dump_notes *notes) {
    kline_list list;
    diag why = {{0}};
    err e = dump_rows_read(text, strlen(text), &DAY, &list, notes, &why);
    bool is_so = e == OK && list.count == n && (n == 0 || list.bars[0].open_ms == 1735689600000);
    if (!is_so) printf("# %zu bars, %s\n", list.count, why.text);
    kline_list_free(&list);
    return is_so;
}

static void test_rows(void) {
    kline_list ms, us;
    dump_notes notes;
    diag why;
    ok(has_bars(NAMES ROW0 ROW1 ROW2, 3, &notes) && notes.has_names && !notes.has_microseconds, "names, then ms");
    ok(has_bars(ROW0 ROW1, 2, &notes) && !notes.has_names, "no names");
    ok(has_bars(US0 US1, 2, &notes) && !notes.has_names && notes.has_microseconds, "microseconds");
    ok(has_bars(NAMES US0, 1, &notes) && notes.has_names && notes.has_microseconds, "names, then microseconds");
    ok(has_bars("", 0, &notes) && has_bars(NAMES, 0, &notes), "a file without a row");
    ok(has_bars("1735689600000,10.5,12,9,11,5.25,1735689659999,52.1,3,2,21.5,0\r\n"
                "1735689660000,11,11,11,11,0,1735689719999,0,0,0,0,0",
                2, &notes),
       "line ends of Windows, and none at the end");
    err e = dump_rows_read(ROW0 ROW1, strlen(ROW0 ROW1), &DAY, &ms, &notes, &why);
    if (e == OK) e = dump_rows_read(US0 US1, strlen(US0 US1), &DAY, &us, &notes, &why);
    ok(e == OK && ms.count == 2 && us.count == 2 && is_same_bar(&ms.bars[0], &us.bars[0]) &&
           is_same_bar(&ms.bars[1], &us.bars[1]),
       "both units give the same bars");
    const kline *b = ms.bars;
    ok(b->open == 10.5 && b->high == 12 && b->low == 9 && b->close == 11 && b->volume == 5.25 &&
           b->quote_volume == 52.1 && b->trades == 3 && b->taker_base == 2 && b->taker_quote == 21.5,
       "every column lands in its field");
    kline_list_free(&ms);
    kline_list_free(&us);
    ok(has_bars(ROW0 ROW0 ROW1 ROW1 ROW1, 2, &notes) && notes.n_repeated == 3, "rows that stand twice count once");
    ok(has_bars(ROW0 "1735689660000,11,10,11,11,0,1735689719999,0,0,0,0,0\n" ROW2, 2, &notes) && notes.n_refused == 1 &&
           notes.refused_line == 2 && notes.refused_rule,
       "a row that breaks a rule is refused, its neighbours are not");
    ok(has_bars(ROW0 "1735689660000,11,11,11,11,0,1735689720000,0,0,0,0,0\n", 1, &notes) && notes.n_refused == 1,
       "so is one that ends after its bar");
}

static void test_bad_rows(void) {
    static const struct bad {
        const char *text, *where, *word;
    } bads[] = {
        {ROW1 ROW0, "line 2:", "after that of the line before"},
        {ROW0 "1735689600000,10.5,12,9,11,5.5,1735689659999,52.1,3,2,21.5,0\n", "line 2:", "the same values"},
        {ROW0 US1, "line 2:", "times in ms"},
        {US0 ROW1, "line 2:", "times in microseconds"},
        {"1735689600000001,10,12,9,11,5,1735689659999999,52,3,2,21,0\n", "line 1:", "a whole ms"},
        {NAMES NAMES, "line 2:", "a whole number in column 1"},
        {ROW0 "\n" ROW1, "line 2:", "12 columns"},
        {"1735689600000,10,12,9,11,5,1735689659999,52,3,2,21\n", "line 1:", "12 columns"},
        {"1735689600000,10,12,9,11,5,1735689659999,52,3,2,21,0,0\n", "line 1:", "12 columns"},
        {ROW0 "1735689660000,1,x,1,1,1,1735689719999,1,1,1,1,0\n", "line 2:", "a number in column 3"},
        {ROW0 "1735689660000,1,\"1\",1,1,1,1735689719999,1,1,1,1,0\n", "line 2:", "a number in column 3"},
        {ROW0 "1735689660000,1,1,1,1,1,1735689719999,1,1.5,1,1,0\n", "line 2:", "a whole number in column 9"},
        {ROW0 "1735689660000,1,1,1,1,1,1735689719999,1e999,1,1,1,0\n", "line 2:", "a number in column 8"},
        {"1735603200000,10,12,9,11,5,1735603259999,52,3,2,21,0\n", "line 1:", "a bar of the period"},
        {"1735776000000,10,12,9,11,5,1735776059999,52,3,2,21,0\n", "line 1:", "a bar of the period"},
    };
    for (size_t i = 0; i < sizeof bads / sizeof *bads; i++) {
        kline_list list;
        dump_notes notes;
        diag why = {{0}};
        err e = dump_rows_read(bads[i].text, strlen(bads[i].text), &DAY, &list, &notes, &why);
        ok(e == ERR_SYNTAX && strstr(why.text, bads[i].where) == why.text && strstr(why.text, "found ") &&
               strstr(why.text, bads[i].word) && !list.bars,
           "%.90s", why.text);
    }
}

static void test_files(void) {
    static const char text[] = US0 US1;
    unsigned char digest[SHA256_BYTES], again[SHA256_BYTES];
    char hex[SHA256_TEXT_BYTES], line[256];
    kline_list list;
    dump_notes notes;
    diag why;
    zip_make(&z, &(zip_shape){.name = "BTCUSDT-1m-2025-01-01.csv"}, text, sizeof text - 1);
    ok(dump_file_read(z.data, z.used, "BTCUSDT-1m-2025-01-01.zip", &DAY, &list, &notes, &why) == OK && list.count == 2,
       "an archive gives its bars");
    kline_list_free(&list);
    ok(dump_file_read(z.data, z.used, "BTCUSDT-1m-2025-01-02.zip", &DAY, &list, &notes, &why) == ERR_SYNTAX &&
           strstr(why.text, "expected BTCUSDT-1m-2025-01-02.csv"),
       "%s", why.text);
    ok(sha256_of(z.data, 10, z.data + 10, z.used - 10, digest) == OK, "a digest of two parts");
    sha256_text(digest, hex);
    snprintf(line, sizeof line, "%s  A.zip\n", hex);
    ok(dump_checksum_read(line, strlen(line), "A.zip", again, &why) == OK && memcmp(digest, again, 32) == 0,
       "the checksum as sha256sum writes it");
    ok(dump_checksum_compare(z.data, z.used, again, &why) == OK, "is the archive's");
    z.data[100] ^= 4;
    ok(dump_checksum_compare(z.data, z.used, again, &why) == ERR_INVALID && strstr(why.text, hex), "%s", why.text);
    ok(dump_checksum_read(line, strlen(line), "B.zip", again, &why) == ERR_SYNTAX, "%s", why.text);
    ok(dump_checksum_read(line, 60, "A.zip", again, &why) == ERR_SYNTAX, "%s", why.text);
    ok(dump_checksum_read("<html>", 6, "A.zip", again, &why) == ERR_SYNTAX, "%s", why.text);
    snprintf(line, sizeof line, "%s  A.zip2", hex);
    ok(dump_checksum_read(line, strlen(line), "A.zip", again, &why) == ERR_SYNTAX, "%s", why.text);
    snprintf(line, sizeof line, "%s *A.zip\r\n", hex);
    ok(dump_checksum_read(line, strlen(line), "A.zip", again, &why) == OK, "sha256sum's binary mode");
}

int main(void) {
    test_archives();
    test_flipped_bits();
    test_refused_archives();
    test_rows();
    test_bad_rows();
    test_files();
    return done();
}
