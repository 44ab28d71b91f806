/* Strict where a mistake would shift columns or times, lenient where the exchange's history itself is odd: one absurd bar
 * does not hide its neighbours, as over REST. */
#include "binance/dump_file.h"
#include "base/zip.h"
#include "binance/parse_rules.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { N_COLUMNS = 12, NUMBER_MOST_BYTES = 64, FOUND_BYTES = 120, TO_US = 1000 };
static const size_t CSV_MOST_BYTES = (size_t)1 << 30; /* a month of 1s bars is about 400 MB */

typedef struct reading {
    const dump_period *period;
    kline_list *list;
    dump_notes *notes;
    size_t line;
    diag *why;
} reading;

/* One row as it stands in the file. */
typedef struct row {
    kline bar;
    int64_t open, close; /* in the file's unit */
} row;

static err bad_line(const reading *r, const char *at, size_t bytes, const char *expected) {
    int shown = (int)(bytes < FOUND_BYTES ? bytes : FOUND_BYTES);
    return diag_set(r->why, ERR_SYNTAX, "line %zu: found %.*s; expected %s", r->line, shown, at, expected);
}

static bool read_number(const char *at, size_t bytes, bool is_whole, int64_t *whole, double *decimal) {
    json_reader j;
    if (bytes == 0 || bytes > NUMBER_MOST_BYTES) return false;
    json_reader_init(&j, at, bytes);
    if (json_peek(&j) != '0') return false;
    return (is_whole ? json_int64(&j, whole) : json_decimal(&j, decimal)) && json_finish(&j);
}

static err read_row(const reading *r, const char *line, size_t line_bytes, row *out) {
    kline *bar = &out->bar;
    int64_t trades = 0;
    double ignored = 0;
    int64_t *const wholes[N_COLUMNS] = {[0] = &out->open, [6] = &out->close, [8] = &trades};
    double *const decimals[N_COLUMNS] = {
        NULL, &bar->open,         &bar->high, &bar->low,        &bar->close,       &bar->volume,
        NULL, &bar->quote_volume, NULL,       &bar->taker_base, &bar->taker_quote, &ignored};
    const char *at = line, *end = line + line_bytes;
    for (int i = 0; i < N_COLUMNS; i++) {
        const char *comma = memchr(at, ',', (size_t)(end - at));
        const char *stop = comma ? comma : end;
        if ((comma != NULL) != (i < N_COLUMNS - 1)) return bad_line(r, line, line_bytes, "12 columns");
        if (!read_number(at, (size_t)(stop - at), wholes[i] != NULL, wholes[i], decimals[i])) {
            char expected[48];
            snprintf(expected, sizeof expected, "%s in column %d", wholes[i] ? "a whole number" : "a number", i + 1);
            return bad_line(r, line, line_bytes, expected);
        }
        at = stop + 1;
    }
    bar->trades = (double)trades;
    return OK;
}

/* Times to ms. The first row says which unit the file has. */
static err convert_times(const reading *r, const char *line, size_t line_bytes, row *out, int64_t *close_ms) {
    bool is_us = out->open >= MICROSECONDS_FROM;
    if (r->list->count == 0 && r->notes->n_refused == 0) r->notes->has_microseconds = is_us;
    if (is_us != r->notes->has_microseconds || out->open < 0 || out->close < 0)
        return bad_line(r, line, line_bytes,
                        r->notes->has_microseconds ? "times in microseconds, as in the first row"
                                                   : "times in ms, as in the first row");
    if (is_us && out->open % TO_US != 0) return bad_line(r, line, line_bytes, "an open time of a whole ms");
    out->bar.open_ms = is_us ? out->open / TO_US : out->open;
    *close_ms = is_us ? out->close / TO_US : out->close;
    return OK;
}

static const char *broken_rule(const kline *bar, int64_t close_ms, int32_t interval) {
    const char *rule = parse_broken_rule(bar, interval);
    if (rule) return rule;
    /* A few bars of the exchange's early outages end early; none ends late. */
    bool is_within = close_ms >= bar->open_ms && close_ms < interval_next(interval, bar->open_ms);
    return is_within ? NULL : "a close time within its bar";
}

static err take_row(const reading *r, const char *line, size_t line_bytes) {
    row one = {.open = 0};
    int64_t close_ms = 0;
    err e = read_row(r, line, line_bytes, &one);
    if (e == OK) e = convert_times(r, line, line_bytes, &one, &close_ms);
    if (e != OK) return e;
    if (one.bar.open_ms < r->period->from_ms || one.bar.open_ms >= r->period->to_ms)
        return bad_line(r, line, line_bytes, "a bar of the period that the file is of");
    const kline *last = r->list->count ? &r->list->bars[r->list->count - 1] : NULL;
    if (last && one.bar.open_ms < last->open_ms)
        return bad_line(r, line, line_bytes, "an open time after that of the line before");
    const char *rule = broken_rule(&one.bar, close_ms, r->period->interval);
    if (rule) {
        if (r->notes->n_refused++ == 0) {
            r->notes->refused_line = r->line;
            r->notes->refused_rule = rule;
        }
        return OK;
    }
    if (!last || one.bar.open_ms > last->open_ms) {
        e = kline_list_push(r->list, &one.bar);
        return e == OK ? OK : diag_set(r->why, e, "line %zu: %s", r->line, error_text(e));
    }
    if (!kline_has_same_values(last, &one.bar))
        return bad_line(r, line, line_bytes, "the same values as in the line before");
    r->notes->n_repeated++;
    return OK;
}

err dump_rows_read(const char *text, size_t bytes, const dump_period *period, kline_list *out, dump_notes *notes,
                   diag *why) {
    reading r = {period, out, notes, 0, why};
    const char *at = text, *end = text + bytes;
    err e = OK;
    *out = (kline_list){0};
    *notes = (dump_notes){0};
    while (at < end && e == OK) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        size_t line_bytes = (size_t)((stop ? stop : end) - at);
        const char *line = at;
        at += line_bytes + (stop ? 1 : 0);
        if (line_bytes > 0 && line[line_bytes - 1] == '\r') line_bytes--;
        r.line++;
        if (r.line == 1 && line_bytes > 0 && (line[0] < '0' || line[0] > '9'))
            notes->has_names = true;
        else
            e = take_row(&r, line, line_bytes);
    }
    if (e != OK) kline_list_free(out);
    return e;
}

err dump_checksum_read(const char *text, size_t bytes, const char *name, unsigned char out[SHA256_BYTES], diag *why) {
    size_t at = 2 * SHA256_BYTES, name_bytes = strlen(name);
    if (sha256_parse(text, bytes, out) != OK)
        return diag_set(why, ERR_SYNTAX, "%s.CHECKSUM: found %.*s; expected 64 hexadecimal digits", name,
                        (int)(bytes < FOUND_BYTES ? bytes : FOUND_BYTES), text);
    size_t blanks = 0;
    while (at < bytes && (text[at] == ' ' || text[at] == '*')) at++, blanks++; /* * : sha256sum's binary mode */
    bool is_its = blanks > 0 && bytes - at >= name_bytes && memcmp(text + at, name, name_bytes) == 0;
    for (at += name_bytes; is_its && at < bytes; at++) is_its = text[at] == '\n' || text[at] == '\r';
    if (is_its) return OK;
    return diag_set(why, ERR_SYNTAX, "%s.CHECKSUM: found another name; expected %s behind the digits", name, name);
}

err dump_checksum_compare(const void *archive, size_t bytes, const unsigned char wanted[SHA256_BYTES], diag *why) {
    unsigned char digest[SHA256_BYTES];
    char found[SHA256_TEXT_BYTES], expected[SHA256_TEXT_BYTES];
    err e = sha256_of("", 0, archive, bytes, digest);
    if (e != OK) return diag_set(why, e, "%s", error_text(e));
    if (memcmp(digest, wanted, SHA256_BYTES) == 0) return OK;
    sha256_text(digest, found);
    sha256_text(wanted, expected);
    return diag_set(why, ERR_INVALID, "found SHA-256 %s; expected %s", found, expected);
}

err dump_file_read(const void *archive, size_t bytes, const char *name, const dump_period *period, kline_list *out,
                   dump_notes *notes, diag *why) {
    zip_file file;
    char *text = NULL;
    size_t stem = strlen(name) >= 4 ? strlen(name) - 4 : 0;
    *out = (kline_list){0};
    *notes = (dump_notes){0};
    err e = zip_find(archive, bytes, &file, why);
    if (e == OK &&
        (strlen(file.name) != stem + 4 || memcmp(file.name, name, stem) != 0 || strcmp(file.name + stem, ".csv") != 0))
        e = diag_set(why, ERR_SYNTAX, "archive: found %.100s; expected %.*s.csv", file.name, (int)stem, name);
    if (e == OK) e = zip_unpack(&file, CSV_MOST_BYTES, &text, why);
    if (e == OK) e = dump_rows_read(text, file.bytes, period, out, notes, why);
    free(text);
    return e == OK ? OK : diag_wrap(why, e, "%s", name);
}
