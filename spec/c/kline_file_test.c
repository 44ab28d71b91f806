/* Recorded klines: real files against what their README says of them, bad lines, and the fold into higher intervals
 * against a slow model that looks at every bar for every span. */
#include "market/interval.h"
#include "market/kline_file.h"
#include "spec/c/tap.h"
#include <math.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

#define HEADER "open_time,open,high,low,close,volume,close_time,quote_volume,trades,taker_base,taker_quote\n"
#define GOOD "1769990400000,10,12,9,11,5,1769990459999,52,3,2,21\n"

static char folder[] = "/tmp/kline_file_test.XXXXXX";
static uint64_t random_state;

static uint64_t draw(void) {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    return random_state ^= random_state << 17;
}

static void write_file(const char *name, const char *content, bool compressed, char *path, size_t path_bytes) {
    snprintf(path, path_bytes, "%s/%s", folder, name);
    gzFile file = gzopen(path, compressed ? "wb" : "wbT");
    bool is_written =
        file && gzwrite(file, content, (unsigned)strlen(content)) == (int)strlen(content) && gzclose(file) == Z_OK;
    if (!is_written) {
        printf("Bail out! cannot write %s\n", path);
        exit(1);
    }
}

static void test_good_lines(void) {
    char path[128];
    diag why;
    kline_list list;
    write_file("GOOD-1m.csv.gz", HEADER GOOD "1769990520000,11,11,11,11,0,1769990579999,0,0,0,0\n", true, path,
               sizeof path);
    ok(kline_file_read(path, INTERVAL_1M, &list, &why) == OK && list.count == 2, "a compressed file with a hole");
    const kline *bar = list.bars;
    ok(bar->open_ms == 1769990400000 && bar->open == 10 && bar->high == 12 && bar->low == 9 && bar->close == 11 &&
           bar->volume == 5 && bar->quote_volume == 52 && bar->trades == 3 && bar->taker_base == 2 &&
           bar->taker_quote == 21,
       "every column lands in its field");
    kline_list_free(&list);
    ok(list.bars == NULL && list.count == 0, "a freed list is empty");
    write_file("CRLF-1m.csv",
               "open_time,open,high,low,close,volume,close_time,quote_volume,trades,taker_base,taker_quote\r\n"
               "1769990400000,10,12,9,11,5,1769990459999,52,3,2,21\r\n",
               false, path, sizeof path);
    ok(kline_file_read(path, INTERVAL_1M, &list, &why) == OK && list.count == 1,
       "a plain file with line ends of Windows");
    kline_list_free(&list);
    write_file("LAST-1m.csv", HEADER "1769990400000,10,12,9,11,5,1769990459999,52,3,2,21", false, path, sizeof path);
    ok(kline_file_read(path, INTERVAL_1M, &list, &why) == OK && list.count == 1, "a last line without its end");
    kline_list_free(&list);
}

static void test_bad_lines(void) {
    static const struct bad {
        const char *name, *content, *place, *word;
    } bads[] = {
        {"EMPTY", "", ":1:", "open_time,open"},
        {"HEADER", "time,open\n" GOOD, ":1:", "found time,open"},
        {"NOHEADER", GOOD, ":1:", "expected open_time"},
        {"FEW", HEADER GOOD "1769990460000,1,1,1,1,1\n", ":3:", "11 columns"},
        {"MANY", HEADER "1769990400000,10,12,9,11,5,1769990459999,52,3,2,21,0\n", ":2:", "11 columns"},
        {"TEXT", HEADER "1769990400000,10,abc,9,11,5,1769990459999,52,3,2,21\n", ":2:", "a number in column 3"},
        {"NAN", HEADER "1769990400000,10,nan,9,11,5,1769990459999,52,3,2,21\n", ":2:", "a number in column 3"},
        {"HUGE", HEADER "1769990400000,10,1e999,9,11,5,1769990459999,52,3,2,21\n", ":2:", "a number in column 3"},
        {"BLANK", HEADER "1769990400000,10,,9,11,5,1769990459999,52,3,2,21\n", ":2:", "a number in column 3"},
        {"QUOTED", HEADER "1769990400000,\"10\",12,9,11,5,1769990459999,52,3,2,21\n", ":2:", "a number in column 2"},
        {"TIME", HEADER "1769990400.5,10,12,9,11,5,1769990459999,52,3,2,21\n", ":2:", "whole ms in column 1"},
        {"ALIGN", HEADER "1769990400001,10,12,9,11,5,1769990459999,52,3,2,21\n", ":2:", "the start of a 1m bar"},
        {"CLOSE", HEADER "1769990400000,10,12,9,11,5,1769990460000,52,3,2,21\n", ":2:", "one ms before"},
        {"HIGH", HEADER "1769990400000,10,10.5,9,11,5,1769990459999,52,3,2,21\n", ":2:", "low..high"},
        {"LOW", HEADER "1769990400000,10,12,10.5,11,5,1769990459999,52,3,2,21\n", ":2:", "low..high"},
        {"ZERO", HEADER "1769990400000,0,0,0,0,5,1769990459999,52,3,2,21\n", ":2:", "prices over 0"},
        {"NEGATIVE", HEADER "1769990400000,10,12,9,11,-5,1769990459999,52,3,2,21\n", ":2:", "0 or more"},
        {"TWICE", HEADER GOOD GOOD, ":3:", "a later open_time"},
    };
    char path[128];
    for (size_t i = 0; i < sizeof bads / sizeof bads[0]; i++) {
        diag why = {{0}};
        kline_list list;
        write_file(bads[i].name, bads[i].content, false, path, sizeof path);
        err e = kline_file_read(path, INTERVAL_1M, &list, &why);
        bool says = strncmp(why.text, path, strlen(path)) == 0 && strstr(why.text, bads[i].place) &&
                    strstr(why.text, "found ") && strstr(why.text, "expected ") && strstr(why.text, bads[i].word);
        ok(e == ERR_SYNTAX && says && list.bars == NULL, "%s: %s", bads[i].name, why.text + strlen(path));
    }
}

static void test_broken_files(void) {
    char path[128];
    diag why;
    kline_list list;
    snprintf(path, sizeof path, "%s/NOTHING-1m.csv", folder);
    ok(kline_file_read(path, INTERVAL_1M, &list, &why) == ERR_IO && strstr(why.text, "No such file"),
       "a missing file: %s", why.text);
    char *text = malloc(400000);
    size_t bytes = (size_t)sprintf(text, "%s", HEADER);
    for (int64_t i = 0; i < 3000; i++)
        bytes +=
            (size_t)sprintf(text + bytes, "%lld,1,2,1,1.5,%llu,%lld,0,0,0,0\n", (long long)(1769990400000 + i * 60000),
                            (unsigned long long)(draw() % 1000000), (long long)(1769990459999 + i * 60000));
    write_file("CUT-1m.csv.gz", text, true, path, sizeof path);
    free(text);
    FILE *file = fopen(path, "r+");
    fseek(file, 0, SEEK_END);
    long whole = ftell(file);
    fclose(file);
    ok(truncate(path, whole / 2) == 0 && kline_file_read(path, INTERVAL_1M, &list, &why) != OK && list.bars == NULL,
       "a compressed file that ends in the middle: %s", why.text);
}

static void test_folder(void) {
    char path[128], found[256];
    enum interval interval;
    diag why;
    char **names;
    size_t count;
    write_file("AAA-5m.csv", HEADER, false, path, sizeof path);
    write_file("AAA-1h.csv.gz", HEADER, true, path, sizeof path);
    write_file("B-C-1M.csv", HEADER, false, path, sizeof path);
    write_file("README.md", "", false, path, sizeof path);
    write_file("DDD-7m.csv", HEADER, false, path, sizeof path);
    ok(kline_file_smallest(folder, "AAA", &interval, found, sizeof found) == OK && interval == INTERVAL_5M &&
           strstr(found, "AAA-5m.csv"),
       "the smallest interval of a symbol");
    ok(kline_file_smallest(folder, "DDD", &interval, found, sizeof found) == ERR_NOT_FOUND, "7m is no interval");
    bool has_aaa = false, has_bc = false, has_other = false, is_sorted = true;
    ok(kline_file_symbols(folder, &names, &count, &why) == OK, "the symbols of a folder");
    for (size_t i = 0; i < count; i++) {
        has_aaa |= strcmp(names[i], "AAA") == 0;
        has_bc |= strcmp(names[i], "B-C") == 0;
        has_other |= strcmp(names[i], "DDD") == 0 || strcmp(names[i], "README.md") == 0;
        is_sorted &= i == 0 || strcmp(names[i - 1], names[i]) < 0;
    }
    ok(has_aaa && has_bc && !has_other && is_sorted, "sorted, each once, names with a dash, nothing else");
    kline_file_free_symbols(names, count);
    ok(kline_file_symbols("/does/not/exist", &names, &count, &why) == ERR_IO, "a missing folder: %s", why.text);
}

/* ---- resample ---- */

static bool same_bar(const kline *a, const kline *b) { return memcmp(a, b, sizeof *a) == 0; }

/* Every bar of `to` between the first and the last base bar, found by looking at all base bars. Sums in long double,
 * rounded to eight decimals at the end: what an accountant would say. */
static void slow_resample(const kline_list *in, enum interval from, enum interval to, kline_list *out) {
    *out = (kline_list){0};
    int64_t first_ms = in->bars[0].open_ms, end_ms = interval_next(from, in->bars[in->count - 1].open_ms);
    for (int64_t at_ms = interval_floor(to, first_ms); at_ms < end_ms; at_ms = interval_next(to, at_ms)) {
        int64_t next_ms = interval_next(to, at_ms);
        long double sums[5] = {0};
        kline bar = {.open_ms = at_ms, .high = -1, .low = INFINITY};
        size_t n = 0;
        for (size_t i = 0; i < in->count; i++) {
            const kline *b = &in->bars[i];
            if (b->open_ms < at_ms || b->open_ms >= next_ms) continue;
            if (n++ == 0) bar.open = b->open;
            bar.close = b->close;
            bar.high = fmax(bar.high, b->high);
            bar.low = fmin(bar.low, b->low);
            const double parts[5] = {b->volume, b->quote_volume, b->trades, b->taker_base, b->taker_quote};
            for (int k = 0; k < 5; k++) sums[k] += parts[k];
        }
        if (n == 0 || at_ms < first_ms || next_ms > end_ms) continue;
        double *const fields[5] = {&bar.volume, &bar.quote_volume, &bar.trades, &bar.taker_base, &bar.taker_quote};
        for (int k = 0; k < 5; k++) {
            char printed[64]; /* one rounding from decimal to double; a division in long double would round twice */
            snprintf(printed, sizeof printed, "%.8Lf", sums[k]);
            *fields[k] = strtod(printed, NULL);
        }
        if (kline_list_push(out, &bar) != OK) exit(1);
    }
}

/* Sums beyond 2^26 have fewer than eight decimals left; they are compared by a relative error of 1e-14. */
static bool agrees(const kline *a, const kline *b) {
    bool same = a->open_ms == b->open_ms && a->open == b->open && a->high == b->high && a->low == b->low &&
                a->close == b->close && a->trades == b->trades;
    const double x[] = {a->volume, a->quote_volume, a->taker_base, a->taker_quote};
    const double y[] = {b->volume, b->quote_volume, b->taker_base, b->taker_quote};
    for (int i = 0; i < 4; i++) same &= y[i] < 3.3e7 ? x[i] == y[i] : fabs(x[i] - y[i]) <= 1e-14 * y[i];
    return same;
}

static void check_resample(const kline_list *in, enum interval from, enum interval to, const char *what) {
    kline_list fast, slow;
    err e = kline_resample(in, from, to, &fast);
    slow_resample(in, from, to, &slow);
    bool same = e == OK && fast.count == slow.count;
    size_t at = 0;
    while (same && at < fast.count && agrees(&fast.bars[at], &slow.bars[at])) at++;
    ok(same && at == fast.count, "%s to %s as the model has it: %zu bars", what, interval_name((int32_t)to),
       slow.count);
    bool survives = true;
    for (size_t i = 0; i < fast.count; i++) {
        char printed[64];
        const double values[] = {fast.bars[i].volume, fast.bars[i].quote_volume, fast.bars[i].taker_base,
                                 fast.bars[i].taker_quote};
        for (int k = 0; k < 4; k++) {
            snprintf(printed, sizeof printed, "%.8f", values[k]);
            survives &= strtod(printed, NULL) == values[k];
        }
    }
    ok(survives, "%s to %s: sums keep their bits when printed with 8 decimals", what, interval_name((int32_t)to));
    kline_list_free(&fast);
    kline_list_free(&slow);
}

static void test_random_resample(void) {
    kline_list list = {0};
    int64_t at_ms = 1769990400000 + (int64_t)(draw() % 500) * 60000;
    for (int i = 0; i < 4000; i++) {
        double price = (double)(100000 + draw() % 1000) / 100, volume = (double)(draw() % 100000000) / 1e8 * 1000;
        volume = nearbyint(volume * 1e8) / 1e8;
        kline bar = {at_ms, price,  price + 1, price - 1, price + 0.5, volume, nearbyint(volume * price * 1e8) / 1e8,
                     3,     volume, 1};
        if (kline_list_push(&list, &bar) != OK) exit(1);
        at_ms +=
            60000 * (draw() % 50 == 0 ? 1 + (int64_t)(draw() % 700) : 1); /* holes, some of them over whole spans */
    }
    static const enum interval tos[] = {INTERVAL_3M, INTERVAL_5M, INTERVAL_15M, INTERVAL_1H, INTERVAL_1D, INTERVAL_1W};
    for (size_t i = 0; i < sizeof tos / sizeof tos[0]; i++)
        check_resample(&list, INTERVAL_1M, tos[i], "random 1m with holes");
    kline_list out;
    ok(kline_resample(&list, INTERVAL_1M, INTERVAL_1S, &out) == ERR_INVALID, "nothing smaller can be made");
    ok(kline_resample(&list, INTERVAL_1M, INTERVAL_1M, &out) == OK && out.count == list.count &&
           same_bar(&out.bars[7], &list.bars[7]),
       "the same interval is a copy");
    kline_list_free(&out);
    kline_list nothing = {0};
    ok(kline_resample(&nothing, INTERVAL_1M, INTERVAL_1H, &out) == OK && out.count == 0, "nothing gives nothing");
    kline_list_free(&list);
}

/* ---- real files ---- */

static void test_real_file(const char *data, const char *name, enum interval interval, size_t count, int64_t first_ms,
                           int64_t last_ms, size_t missing, size_t n_empty, double least, double most) {
    char path[512];
    diag why = {{0}};
    kline_list list;
    snprintf(path, sizeof path, "%s/klines/%s-%s.csv.gz", data, name, interval_name((int32_t)interval));
    err e = kline_file_read(path, interval, &list, &why);
    ok(e == OK && list.count == count, "%s-%s: %zu bars %s", name, interval_name((int32_t)interval), count, why.text);
    if (e != OK) return;
    size_t zero = 0;
    double low = INFINITY, high = 0;
    for (size_t i = 0; i < list.count; i++) {
        zero += list.bars[i].volume == 0;
        low = fmin(low, list.bars[i].close);
        high = fmax(high, list.bars[i].close);
    }
    int64_t spans = interval_count((int32_t)interval, first_ms, last_ms) + 1;
    ok(list.bars[0].open_ms == first_ms && list.bars[list.count - 1].open_ms == last_ms &&
           (size_t)spans == list.count + missing,
       "%s: first and last bar, %zu missing", name, missing);
    ok(zero == n_empty && low == least && high == most, "%s: %zu bars without volume, closes %g .. %g", name, n_empty,
       least, most);
    kline_list_free(&list);
}

/* ALGOUSDT's 5m file was made from the same genuine month by others, with exact decimals: ours must be the same. */
static void test_peer_file(const char *data) {
    char path[512];
    diag why;
    kline_list minutes, theirs, ours;
    snprintf(path, sizeof path, "%s/klines/ALGOUSDT-1m.csv.gz", data);
    err e = kline_file_read(path, INTERVAL_1M, &minutes, &why);
    snprintf(path, sizeof path, "%s/klines/ALGOUSDT-5m.csv.gz", data);
    if (e == OK) e = kline_file_read(path, INTERVAL_5M, &theirs, &why);
    if (e == OK) e = kline_resample(&minutes, INTERVAL_1M, INTERVAL_5M, &ours);
    size_t at = 0, same = 0;
    while (at < theirs.count && theirs.bars[at].open_ms < ours.bars[0].open_ms) at++;
    while (e == OK && same < ours.count && at + same < theirs.count &&
           same_bar(&ours.bars[same], &theirs.bars[at + same]))
        same++;
    ok(e == OK && ours.count == 2016 && same == ours.count,
       "a week of 5m bars has the very bits of the peer's: %zu of 2016", same);
    static const enum interval tos[] = {INTERVAL_5M, INTERVAL_15M, INTERVAL_1H, INTERVAL_1D};
    for (size_t i = 0; i < sizeof tos / sizeof tos[0]; i++)
        check_resample(&minutes, INTERVAL_1M, tos[i], "ALGOUSDT 1m");
    kline_list_free(&minutes);
    kline_list_free(&theirs);
    kline_list_free(&ours);
}

static void test_genuine_hole(const char *data) {
    char path[512];
    diag why;
    kline_list list, hours;
    snprintf(path, sizeof path, "%s/klines/BTCUSDT-5m.csv.gz", data);
    if (kline_file_read(path, INTERVAL_5M, &list, &why) != OK) exit(1);
    check_resample(&list, INTERVAL_5M, INTERVAL_1H, "BTCUSDT 5m with its hole");
    size_t holes = 0;
    if (kline_resample(&list, INTERVAL_5M, INTERVAL_1H, &hours) != OK) exit(1);
    for (size_t i = 1; i < hours.count; i++)
        holes += (size_t)interval_count(INTERVAL_1H, hours.bars[i - 1].open_ms, hours.bars[i].open_ms) - 1;
    ok(holes >= 223 / 12 - 1 && holes <= 223 / 12, "hours that lie wholly in the hole do not exist: %zu", holes);
    kline_list_free(&list);
    kline_list_free(&hours);
}

int main(void) {
    random_state = tap_seed((uint64_t)time(NULL)) | 1;
    if (!mkdtemp(folder)) return 1;
    test_good_lines();
    test_bad_lines();
    test_broken_files();
    test_folder();
    test_random_resample();
    const char *data = getenv("TRADEMIND_DATA") ? getenv("TRADEMIND_DATA") : "../shared/data";
    char path[512];
    snprintf(path, sizeof path, "%s/klines/ALGOUSDT-1m.csv.gz", data);
    if (access(path, R_OK) == 0) {
        test_real_file(data, "ALGOUSDT", INTERVAL_1M, 10080, 1769990400000, 1770595140000, 0, 7, 0.0808, 0.1103);
        test_real_file(data, "BTCUSDT", INTERVAL_1M, 4320, 1761711720000, 1761970860000, 0, 0, 106427.81, 113624.11);
        test_real_file(data, "BTCUSDT", INTERVAL_5M, 9118, 1755616200000, 1758418200000, 223, 0, 107303.99, 117879.29);
        test_real_file(data, "PEPEUSDT", INTERVAL_1H, 4500, 1687773600000, 1703970000000, 0, 0, 6.1e-7, 0.00000184);
        test_peer_file(data);
        test_genuine_hole(data);
    } else
        printf("ok %d - # SKIP no recorded klines at %s\n", ++tap_count, data);
    char command[128];
    snprintf(command, sizeof command, "rm -r %s", folder);
    return system(command) == 0 ? done() : 1;
}
