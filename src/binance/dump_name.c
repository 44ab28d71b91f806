/* See dump_name.h. */
#include "binance/dump_name.h"
#include "base/time_text.h"
#include "market/interval.h"
#include <stdio.h>

bool dump_name_has_days(int32_t interval) { return interval <= INTERVAL_1D; }

/* The dumps call a month 1mo, since a file system may take 1M for 1m. */
static const char *name_of(int32_t interval) { return interval == INTERVAL_1MO ? "1mo" : interval_name(interval); }

/* Symbols may be Chinese. */
static void encode(const char *text, char *out, size_t room) {
    size_t n = 0;
    for (const unsigned char *p = (const unsigned char *)text; *p && n + 4 <= room; p++) {
        bool is_plain = (*p >= '0' && *p <= '9') || (*p >= 'A' && *p <= 'Z') || (*p >= 'a' && *p <= 'z') || *p == '_';
        n += (size_t)snprintf(out + n, 4, is_plain ? "%c" : "%%%02X", *p);
    }
    out[n] = 0;
}

void dump_name_make(const venue *v, const char *symbol, int32_t interval, bool is_monthly, int64_t ms, dump_name *out) {
    int32_t period = is_monthly ? INTERVAL_1MO : INTERVAL_1D;
    char time[TIME_TEXT_BYTES], encoded[3 * SYMBOL_BYTES + 1];
    out->period = (dump_period){interval, interval_floor(period, ms), 0};
    out->period.to_ms = interval_next(period, out->period.from_ms);
    time_text_format(out->period.from_ms, time);
    int date_bytes = is_monthly ? 7 : 10;
    encode(symbol, encoded, sizeof encoded);
    const char *name = name_of(interval);
    snprintf(out->file, sizeof out->file, "%s-%s-%.*s.zip", symbol, name, date_bytes, time);
    snprintf(out->path, sizeof out->path, "%s/%s/klines/%s/%s/%s-%s-%.*s.zip", v->dumps_path,
             is_monthly ? "monthly" : "daily", encoded, name, encoded, name, date_bytes, time);
}
