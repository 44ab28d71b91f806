/* Strict, because a replay is evidence: a shifted column or a bar twice would give signals that nobody can repeat. */
#include "market/kline_csv.h"
#include "base/json_reader.h"
#include "market/interval.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { N_COLUMNS = 11, N_DECIMALS = 8, FOUND_MOST_BYTES = 200 };

const char kline_csv_names[] =
    "open_time,open,high,low,close,volume,close_time,quote_volume,trades,taker_base,taker_quote";

/* ---- reading ---- */

err kline_csv_refuse(const kline_csv_place *at, const char *found, size_t found_bytes, const char *expected) {
    int shown = (int)(found_bytes < FOUND_MOST_BYTES ? found_bytes : FOUND_MOST_BYTES);
    return diag_set(at->why, ERR_SYNTAX, "%s:%zu: found %.*s; expected %s", at->path, at->line, shown, found, expected);
}

static err refuse_text(const kline_csv_place *at, const char *found, const char *expected) {
    return kline_csv_refuse(at, found, strlen(found), expected);
}

static bool parse_integer(const char *text, size_t bytes, int64_t *out) {
    json_reader r;
    json_reader_init(&r, text, bytes);
    return json_peek(&r) == '0' && json_int64(&r, out) && json_finish(&r);
}

static bool parse_decimal(const char *text, size_t bytes, double *out) {
    json_reader r;
    json_reader_init(&r, text, bytes);
    return json_peek(&r) == '0' && json_decimal(&r, out) && json_finish(&r) && isfinite(*out);
}

static err check_bar(const kline_csv_place *at, int32_t interval, const kline *bar, int64_t close_ms) {
    char found[160], expected[64];
    if (interval_floor(interval, bar->open_ms) != bar->open_ms) {
        snprintf(found, sizeof found, "open_time %lld", (long long)bar->open_ms);
        snprintf(expected, sizeof expected, "the start of a %s bar", interval_name(interval));
        return refuse_text(at, found, expected);
    }
    if (close_ms != interval_next(interval, bar->open_ms) - 1) {
        snprintf(found, sizeof found, "close_time %lld", (long long)close_ms);
        return refuse_text(at, found, "one ms before the bar's end");
    }
    if (!(bar->low > 0 && bar->low <= bar->open && bar->low <= bar->close && bar->high >= bar->open &&
          bar->high >= bar->close)) {
        snprintf(found, sizeof found, "open %g, high %g, low %g, close %g", bar->open, bar->high, bar->low, bar->close);
        return refuse_text(at, found, "prices over 0 with open and close within low..high");
    }
    if (!(bar->volume >= 0 && bar->quote_volume >= 0 && bar->trades >= 0 && bar->taker_base >= 0 &&
          bar->taker_quote >= 0))
        return refuse_text(at, "a negative volume or count", "0 or more");
    return OK;
}

err kline_csv_read(const kline_csv_place *at, int32_t interval, const char *line, size_t line_bytes, kline *bar) {
    int64_t close_ms = 0;
    double *const columns[N_COLUMNS] = {
        NULL, &bar->open,         &bar->high,   &bar->low,        &bar->close,      &bar->volume,
        NULL, &bar->quote_volume, &bar->trades, &bar->taker_base, &bar->taker_quote};
    const char *field = line, *end = line + line_bytes;
    for (int i = 0; i < N_COLUMNS; i++) {
        const char *comma = memchr(field, ',', (size_t)(end - field));
        size_t bytes = (size_t)((comma ? comma : end) - field);
        if ((comma != NULL) != (i < N_COLUMNS - 1)) return kline_csv_refuse(at, line, line_bytes, "11 columns");
        bool is_number = columns[i] ? parse_decimal(field, bytes, columns[i])
                                    : parse_integer(field, bytes, i == 0 ? &bar->open_ms : &close_ms);
        if (!is_number) {
            char expected[64];
            snprintf(expected, sizeof expected, columns[i] ? "a number in column %d" : "whole ms in column %d", i + 1);
            return kline_csv_refuse(at, line, line_bytes, expected);
        }
        field += bytes + 1;
    }
    return check_bar(at, interval, bar, close_ms);
}

/* ---- writing ---- */

static size_t write_integer(int64_t value, char *out) {
    char digits[24], *at = digits + sizeof digits;
    uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    do *--at = (char)('0' + rest % 10);
    while ((rest /= 10) > 0);
    if (value < 0) *--at = '-';
    size_t bytes = (size_t)(digits + sizeof digits - at);
    memcpy(out, at, bytes);
    return bytes;
}

/* Nearly all numbers of the exchange are whole multiples of 1e-8 below 2^53 of them: then the quotient is the double
 * that the decimal reads as. */
size_t kline_csv_number(double value, char out[KLINE_CSV_NUMBER_BYTES]) {
    double scaled = nearbyint(value * 1e8);
    if (!(scaled > -9007199254740992.0 && scaled < 9007199254740992.0) || scaled / 1e8 != value || value < 0) {
        int bytes = 0;
        for (int digits = 15; digits <= 17; digits++) {
            bytes = snprintf(out, KLINE_CSV_NUMBER_BYTES, "%.*g", digits, value);
            if (strtod(out, NULL) == value) break;
        }
        return (size_t)bytes;
    }
    uint64_t whole = (uint64_t)scaled / 100000000, fraction = (uint64_t)scaled % 100000000;
    size_t used = write_integer((int64_t)whole, out);
    if (fraction == 0) return used;
    out[used] = '.';
    for (int i = N_DECIMALS; i > 0; i--, fraction /= 10) out[used + (size_t)i] = (char)('0' + fraction % 10);
    used += 1 + N_DECIMALS;
    while (out[used - 1] == '0') used--;
    return used;
}

size_t kline_csv_write(int32_t interval, const kline *bar, char out[KLINE_CSV_ROW_BYTES]) {
    const double before[] = {bar->open, bar->high, bar->low, bar->close, bar->volume};
    const double behind[] = {bar->quote_volume, bar->trades, bar->taker_base, bar->taker_quote};
    size_t used = write_integer(bar->open_ms, out);
    for (size_t i = 0; i < sizeof before / sizeof *before; i++) {
        out[used++] = ',';
        used += kline_csv_number(before[i], out + used);
    }
    out[used++] = ',';
    used += write_integer(interval_next(interval, bar->open_ms) - 1, out + used);
    for (size_t i = 0; i < sizeof behind / sizeof *behind; i++) {
        out[used++] = ',';
        used += kline_csv_number(behind[i], out + used);
    }
    out[used++] = '\n';
    return used;
}
