#include "screener/quote.h"
#include <math.h>

enum { DAY_MS = 86400000 };

double quote_change_of_day(const kline_series *bars, int64_t close_ms, double close) {
    int32_t at = kline_series_count_at(bars, close_ms - DAY_MS);
    if (at == 0) return NAN;
    return (close / kline_series_field(bars, FIELD_CLOSE)[at - 1] - 1) * 100;
}

/* The smallest interval has the newest price, and the smallest that reaches back a day says best where it was. */
quote quote_of(uint32_t symbol, timeframe *const frames[N_INTERVALS]) {
    quote q = {symbol, NAN, NAN};
    int64_t end_ms = 0;
    for (int32_t i = 0; i < N_INTERVALS && isnan(q.change_pct); i++) {
        const kline_series *bars = frames[i] ? frames[i]->bars : NULL;
        int32_t newest = bars ? kline_series_count(bars) - !kline_series_has_forming(bars) : -1;
        if (newest < 0) continue;
        if (isnan(q.price)) {
            q.price = kline_series_field(bars, FIELD_CLOSE)[newest];
            end_ms = interval_next(i, kline_series_open_ms(bars)[newest]);
        }
        q.change_pct = quote_change_of_day(bars, end_ms, q.price);
    }
    return q;
}
