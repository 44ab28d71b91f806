/* What a bar and a ticker must keep, whichever way they come. For the parsers of this folder alone.
 * Threads: none shared. Ownership: nothing is kept. */
#pragma once
#include "binance/parse_frame.h"
#include "market/interval.h"
#include <math.h>

static const int64_t MICROSECONDS_FROM = 100000000000000; /* 1e14: as ms that is the year 5138 */

static inline bool parse_is_time(int64_t ms) { return ms > 0 && ms < MICROSECONDS_FROM; }

/* A part of a volume may pass its whole by the rounding of a sum only. */
static inline bool parse_is_part(double part, double whole) { return part >= 0 && part <= whole + whole * 1e-9 + 1e-9; }

/* NULL when the bar keeps the rules, else the rule. Written so that NAN breaks them. */
static inline const char *parse_broken_rule(const kline *bar, int32_t interval) {
    if (!parse_is_time(bar->open_ms)) return "an open time in ms";
    if (interval_floor(interval, bar->open_ms) != bar->open_ms) return "an open time on the interval's grid";
    if (!(bar->low > 0 && bar->high < INFINITY)) return "prices above 0";
    if (!(bar->low <= bar->open && bar->open <= bar->high)) return "an open between low and high";
    if (!(bar->low <= bar->close && bar->close <= bar->high)) return "a close between low and high";
    if (!(bar->volume >= 0 && bar->quote_volume >= 0 && bar->trades >= 0)) return "volumes of at least 0";
    if (!(bar->volume < INFINITY && bar->quote_volume < INFINITY)) return "finite volumes";
    if (!parse_is_part(bar->taker_base, bar->volume)) return "a taker volume within the volume";
    if (!parse_is_part(bar->taker_quote, bar->quote_volume)) return "a taker quote volume within the quote volume";
    return NULL;
}

static inline bool parse_count(json_reader *r, double *out) {
    int64_t n;
    if (!json_int64(r, &n)) return false;
    *out = (double)n;
    return true;
}

static inline void parse_clear_ticker(parse_ticker *t) {
    *t = (parse_ticker){.last = NAN,
                        .open = NAN,
                        .high = NAN,
                        .low = NAN,
                        .volume = NAN,
                        .quote_volume = NAN,
                        .change = NAN,
                        .change_percent = NAN,
                        .weighted_average = NAN,
                        .bid = NAN,
                        .ask = NAN,
                        .trades = NAN};
}

/* What every ticker has. A symbol without trades in 24 h has prices of 0, hence not `> 0`. */
static inline const char *parse_broken_ticker_rule(const parse_ticker *t) {
    if (t->symbol.bytes == 0) return "a symbol";
    if (!(t->last >= 0 && t->open >= 0 && t->low >= 0 && t->high >= t->low)) return "prices o h l c";
    if (!(t->volume >= 0 && t->quote_volume >= 0)) return "volumes v and q";
    return NULL;
}
