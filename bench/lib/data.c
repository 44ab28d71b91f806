/* See data.h. */
#include "bench/lib/data.h"
#include <math.h>

enum { MINUTE_MS = 60000, STEPS = 4 };
static const double TAU = 6.283185307179586;

static double uniform(uint32_t *random) { /* mulberry32 */
    uint32_t t = *random += 0x6D2B79F5u;
    t = (t ^ t >> 15) * (t | 1);
    t ^= t + (t ^ t >> 7) * (t | 61);
    return (t ^ t >> 14) / 4294967296.0;
}

static double normal(data_stream *stream) {
    double spare = stream->spare_normal, radius, angle;
    if (!isnan(spare)) {
        stream->spare_normal = NAN;
        return spare;
    }
    radius = sqrt(-2 * log(fmax(uniform(&stream->random), 1e-12)));
    angle = TAU * uniform(&stream->random);
    stream->spare_normal = radius * sin(angle);
    return radius * cos(angle);
}

static double to_tick(const data_stream *stream, double price) { return round(price / stream->tick) * stream->tick; }

void data_stream_init(data_stream *stream, int32_t symbol, int32_t interval, int32_t n_bars) {
    uint32_t first = 777 + (uint32_t)symbol;
    int32_t minutes = (int32_t)(interval_ms(interval) / MINUTE_MS);
    double start = pow(10, 5 * uniform(&first) - 1);
    *stream = (data_stream){.interval = interval,
                            .minutes = minutes,
                            .random = 12345 + 1009 * (uint32_t)symbol + (uint32_t)minutes,
                            .spare_normal = NAN,
                            .start_price = start,
                            .tick = pow(10, floor(log10(start)) - 4)};
    stream->price = to_tick(stream, start);
    stream->next_open_ms = interval_add(interval, interval_floor(interval, DATA_END_MS), 1 - n_bars);
}

void data_stream_next(data_stream *stream, kline *out) {
    double step = 0.001 * sqrt(stream->minutes) / 2, price = stream->price, taker;
    *out = (kline){.open_ms = stream->next_open_ms, .open = price, .high = price, .low = price};
    for (int i = 0; i < STEPS; i++) {
        price = to_tick(stream, price * exp(step * normal(stream)));
        out->high = fmax(out->high, price);
        out->low = fmin(out->low, price);
    }
    out->close = stream->price = price;
    out->volume = 2e5 * stream->minutes / stream->start_price * exp(0.6 * normal(stream));
    if (uniform(&stream->random) < 0.02) out->volume *= 5;
    out->trades = 100 + floor(900 * uniform(&stream->random));
    taker = 0.3 + 0.4 * uniform(&stream->random);
    out->quote_volume = out->volume * price;
    out->taker_base = out->volume * taker;
    out->taker_quote = out->quote_volume * taker;
    stream->next_open_ms = interval_next(stream->interval, stream->next_open_ms);
}
