/* The bars of the benches are those that every other engine was measured on: figures written down once, and what a bar
 * must be. */
#include "bench/lib/data.h"
#include "spec/c/tap.h"
#include <math.h>

enum { N_SYMBOLS = 100, N_BARS = 500, N_USED = 4 };
static const int32_t used[N_USED] = {INTERVAL_1M, INTERVAL_5M, INTERVAL_15M, INTERVAL_1H};

static bool is_near(double found, double expected, double tolerance) {
    bool near = fabs(found - expected) <= tolerance;
    if (!near) printf("# found %.10g, expected %.10g\n", found, expected);
    return near;
}

static kline bar_at(int32_t symbol, int32_t interval, int32_t index) {
    data_stream stream;
    kline bar;
    data_stream_init(&stream, symbol, interval, N_BARS);
    for (int32_t i = 0; i <= index; i++) data_stream_next(&stream, &bar);
    return bar;
}

static double sum_of_last_closes(void) {
    double sum = 0;
    for (int32_t s = 0; s < N_SYMBOLS; s++)
        for (int32_t i = 0; i < N_USED; i++) sum += bar_at(s, used[i], N_BARS - 1).close;
    return sum;
}

static bool is_bar(const kline *bar, const kline *before) {
    return bar->open == before->close && bar->high >= fmax(bar->open, bar->close) &&
           bar->low <= fmin(bar->open, bar->close) && bar->low > 0 && bar->volume > 0 && bar->trades >= 100 &&
           bar->trades < 1000 && bar->taker_base >= 0.3 * bar->volume && bar->taker_base < 0.7 * bar->volume &&
           bar->open_ms == before->open_ms + 60000;
}

static bool all_are_bars(void) {
    data_stream stream;
    kline before, bar;
    data_stream_init(&stream, 42, INTERVAL_1M, N_BARS);
    data_stream_next(&stream, &before);
    for (int32_t i = 1; i < 2 * N_BARS; i++, before = bar) {
        data_stream_next(&stream, &bar);
        if (!is_bar(&bar, &before)) return false;
    }
    return true;
}

int main(void) {
    ok(is_near(bar_at(0, INTERVAL_1M, 0).open, 270.33, 1e-9), "symbol 0, 1m: the first open");
    ok(is_near(bar_at(0, INTERVAL_1M, N_BARS - 1).close, 270.35, 1e-9), "symbol 0, 1m: the last close");
    ok(is_near(bar_at(7, INTERVAL_1H, N_BARS - 1).close, 100.75, 1e-9), "symbol 7, 1h: the last close");
    ok(is_near(sum_of_last_closes(), 305136.2654, 5e-5), "the sum of the 400 last closes");
    ok(bar_at(0, INTERVAL_1M, N_BARS - 1).open_ms == DATA_END_MS, "1m: the last bar opens at the end");
    ok(bar_at(0, INTERVAL_1H, N_BARS - 1).open_ms == INT64_C(1699999200000), "1h: on the grid point before it");
    ok(all_are_bars(), "bars follow each other, past the last one too, and are bars");
    return done();
}
