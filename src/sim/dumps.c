/* A path is taken apart, and what it stands for is written down again as a path: only a path that comes out the same is
 * one that exists. */
#include "sim/dumps.h"
#include "base/sha256.h"
#include "base/time_text.h"
#include "market/interval.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define SPOT_MICROSECONDS_MS INT64_C(1735689600000) /* 2025-01-01 */
#define FUTURES_NAMES_MS INT64_C(1654041600000)     /* 2022-06-01 */
enum { PATH_BYTES = 512, DATE_BYTES = 11 };

typedef struct dump {
    uint32_t symbol;
    int32_t interval;
    bool is_monthly, is_checksum;
    int64_t from_ms, to_ms;
    char stem[PATH_BYTES]; /* BTCUSDT-1m-2025-01 */
} dump;

bool dumps_has(const char *path) { return strncmp(path, "/data/", 6) == 0; }

bool dumps_is_archive(const char *path) {
    size_t bytes = strlen(path);
    return bytes > 4 && strcmp(path + bytes - 4, ".zip") == 0;
}

/* ---- what is asked ---- */

/* The dumps call a month 1mo, since a file system may take 1M for 1m. */
static const char *name_of(int32_t interval) { return interval == INTERVAL_1MO ? "1mo" : interval_name(interval); }

static int32_t interval_of(const char *name) {
    for (int32_t i = 0; i < N_INTERVALS; i++)
        if (strcmp(name, name_of(i)) == 0) return i;
    return -1;
}

/* The next part of the path, up to a '/'. */
static bool take_part(const char **at, char *out, size_t room) {
    size_t bytes = strcspn(*at, "/");
    if (bytes == 0 || bytes >= room || (*at)[bytes] != '/') return false;
    memcpy(out, *at, bytes);
    out[bytes] = 0;
    *at += bytes + 1;
    return true;
}

/* 2025-01 or 2025-01-31 behind the last part's SYMBOL-INTERVAL-. */
static bool read_date(dump *d, const char *file, const char *symbol, const char *interval) {
    char front[PATH_BYTES], date[2 * DATE_BYTES] = "";
    size_t bytes = (size_t)snprintf(front, sizeof front, "%s-%s-", symbol, interval),
           date_bytes = d->is_monthly ? 7 : 10;
    if (strncmp(file, front, bytes) != 0 || strlen(file + bytes) < date_bytes) return false;
    snprintf(date, sizeof date, "%.*s%s", (int)date_bytes, file + bytes, d->is_monthly ? "-01" : "");
    if (time_text_parse(date, &d->from_ms) != OK) return false;
    d->to_ms = interval_next(d->is_monthly ? INTERVAL_1MO : INTERVAL_1D, d->from_ms);
    snprintf(d->stem, sizeof d->stem, "%.*s", (int)(bytes + date_bytes), file);
    const char *ending = file + bytes + date_bytes;
    d->is_checksum = strcmp(ending, ".zip.CHECKSUM") == 0;
    return d->is_checksum || strcmp(ending, ".zip") == 0;
}

static bool read_path(const char *path, const venue *v, const source *s, dump *out) {
    const char *market = v->is_futures ? "/data/futures/um/" : "/data/spot/", *at = path + strlen(market);
    char period[16], kind[16], symbol[SYMBOL_BYTES], interval[8];
    *out = (dump){.interval = -1};
    if (strlen(path) >= PATH_BYTES || strncmp(path, market, strlen(market)) != 0) return false;
    if (!take_part(&at, period, sizeof period) || !take_part(&at, kind, sizeof kind) || strcmp(kind, "klines") != 0 ||
        !take_part(&at, symbol, sizeof symbol) || !take_part(&at, interval, sizeof interval))
        return false;
    out->is_monthly = strcmp(period, "monthly") == 0;
    out->interval = interval_of(interval);
    if ((!out->is_monthly && strcmp(period, "daily") != 0) || out->interval < 0) return false;
    if (!out->is_monthly && out->interval > INTERVAL_1D) return false;
    return source_find(s, symbol, strlen(symbol), &out->symbol) == OK && !source_at(s, out->symbol)->is_hidden &&
           read_date(out, at, symbol, interval);
}

/* A month appears on the first Monday after it. */
static int64_t published_ms(const dump *d) {
    if (!d->is_monthly) return d->to_ms;
    int64_t monday_ms = interval_floor(INTERVAL_1W, d->to_ms);
    return monday_ms == d->to_ms ? monday_ms : interval_next(INTERVAL_1W, monday_ms);
}

/* ---- the archive ---- */

static void add_time(writer *out, int64_t ms, bool is_us, bool is_end) {
    writer_add_int(out, is_us ? ms * 1000 + (is_end ? 999 : 0) : ms);
}

static void add_row(writer *out, int32_t interval, const kline *bar, bool is_us) {
    const double before[] = {bar->open, bar->high, bar->low, bar->close, bar->volume};
    add_time(out, bar->open_ms, is_us, false);
    for (size_t i = 0; i < sizeof before / sizeof *before; i++) {
        writer_add(out, ",");
        writer_add_decimal(out, before[i]);
    }
    writer_add(out, ",");
    add_time(out, interval_next(interval, bar->open_ms) - 1, is_us, true);
    writer_add(out, ",");
    writer_add_decimal(out, bar->quote_volume);
    writer_add(out, ",");
    writer_add_int(out, (int64_t)bar->trades);
    writer_add(out, ",");
    writer_add_decimal(out, bar->taker_base);
    writer_add(out, ",");
    writer_add_decimal(out, bar->taker_quote);
    writer_add(out, ",0\n");
}

/* False: no bars, or no memory (then `failed`). */
static bool add_rows(const dump *d, const venue *v, tape *t, writer *out) {
    size_t room = (size_t)((d->to_ms - d->from_ms) / interval_ms(d->interval)) + 1, n = 0;
    kline *bars = malloc(room * sizeof *bars);
    if (!bars ||
        tape_klines(t, d->symbol, (enum interval)d->interval, d->from_ms, d->to_ms - 1, false, bars, room, &n) != OK) {
        free(bars);
        out->failed = true;
        return false;
    }
    if (n > 0 && v->is_futures && d->from_ms >= FUTURES_NAMES_MS)
        writer_add(out, "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,"
                        "taker_buy_quote_volume,ignore\n");
    for (size_t i = 0; i < n; i++)
        add_row(out, d->interval, &bars[i], !v->is_futures && d->from_ms >= SPOT_MICROSECONDS_MS);
    free(bars);
    return n > 0;
}

static void add_number(writer *out, uint64_t value, int bytes) {
    for (int i = 0; i < bytes; i++, value >>= 8) writer_add_bytes(out, (const char[]){(char)value}, 1);
}

/* What both headers of the file say, from the flags to the length of its name. */
static void add_fields(writer *out, uint32_t crc, size_t packed_bytes, size_t bytes, size_t name_bytes) {
    add_number(out, 0, 2); /* flags */
    add_number(out, 8, 2); /* deflated */
    add_number(out, 0x00215821, 4);
    add_number(out, crc, 4);
    add_number(out, packed_bytes, 4);
    add_number(out, bytes, 4);
    add_number(out, name_bytes, 2);
    add_number(out, 0, 2);
}

static void add_archive(writer *out, const char *name, const char *packed, size_t packed_bytes, const writer *rows) {
    uint32_t crc = (uint32_t)crc32_z(0, (const unsigned char *)rows->at, rows->bytes);
    size_t name_bytes = strlen(name), first = out->bytes;
    add_number(out, 0x04034b50, 4);
    add_number(out, 20, 2);
    add_fields(out, crc, packed_bytes, rows->bytes, name_bytes);
    writer_add(out, name);
    writer_add_bytes(out, packed, packed_bytes);
    size_t directory = out->bytes - first;
    add_number(out, 0x02014b50, 4);
    add_number(out, 20, 2);
    add_number(out, 20, 2);
    add_fields(out, crc, packed_bytes, rows->bytes, name_bytes);
    add_number(out, 0, 14); /* comment, disk, attributes, place */
    writer_add(out, name);
    size_t end = out->bytes - first;
    add_number(out, 0x06054b50, 4);
    add_number(out, 0, 4);
    add_number(out, 1, 2);
    add_number(out, 1, 2);
    add_number(out, end - directory, 4);
    add_number(out, directory, 4);
    add_number(out, 0, 2);
}

static void pack(writer *out, const char *name, const writer *rows) {
    size_t room = compressBound(rows->bytes) + 64;
    z_stream z = {.next_in = (unsigned char *)rows->at, .avail_in = (uInt)rows->bytes, .avail_out = (uInt)room};
    unsigned char *packed = malloc(room);
    z.next_out = packed;
    if (!packed || deflateInit2(&z, Z_BEST_SPEED, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
        out->failed = true;
    } else {
        if (deflate(&z, Z_FINISH) != Z_STREAM_END) out->failed = true;
        deflateEnd(&z);
        add_archive(out, name, (const char *)packed, z.total_out, rows);
    }
    free(packed);
}

static void add_checksum(writer *body, const char *stem, const writer *archive) {
    unsigned char digest[SHA256_BYTES];
    char text[SHA256_TEXT_BYTES];
    if (sha256_of("", 0, archive->at, archive->bytes, digest) != OK) body->failed = true;
    sha256_text(digest, text);
    writer_add_format(body, "%s  %s.zip\n", text, stem);
}

int dumps_answer(const char *path, const venue *v, const source *s, tape *t, int64_t now_ms, writer *body) {
    dump d;
    writer rows = {.at = NULL}, archive = {.at = NULL};
    char name[PATH_BYTES + 8];
    int status = 404;
    writer_clear(body);
    if (read_path(path, v, s, &d) && published_ms(&d) <= now_ms && add_rows(&d, v, t, &rows)) {
        snprintf(name, sizeof name, "%s.csv", d.stem);
        pack(d.is_checksum ? &archive : body, name, &rows);
        if (d.is_checksum) add_checksum(body, d.stem, &archive);
        status = 200;
    }
    if (rows.failed || archive.failed || body->failed) status = 500;
    if (status != 200) {
        writer_clear(body);
        writer_add(body, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>NoSuchKey</Code></Error>");
    }
    writer_free(&rows);
    writer_free(&archive);
    return status;
}
