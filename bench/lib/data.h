/* The seeded market of the screener's benches: random walks that any program can make again bit for bit, so that figures
 * of different engines are of the same bars.
 *
 * Symbol s, interval of m minutes. mulberry32 is seeded with 12345 + 1009 s + m; normals come by Box-Muller, two for a
 * pair of uniforms, cosine first, and a spare one is kept for the next call. The start price is 10^(5u - 1) with u the
 * first uniform of mulberry32(777 + s), the tick 10^(floor(log10 price) - 4). A bar opens at the previous close and
 * makes four steps p = p exp(sigma / 2 N), each rounded to the tick, with sigma = 0.001 sqrt(m); volume is
 * (2e5 m / start price) exp(0.6 N), five-fold with probability 0.02; trades 100 + floor(900 u); the taker's share
 * 0.3 + 0.4 u; draws in this order. Quote volumes, of which nothing is said, are volume x close.
 * Threads: none of its own. Pure but for the stream's own state. */
#pragma once
#include "abi.h"

typedef struct data_stream {
    int32_t interval, minutes;
    uint32_t random;
    double spare_normal; /* NaN: none */
    double start_price, tick, price;
    int64_t next_open_ms;
} data_stream;

/* Stands before the first of `n_bars` bars, the last of which opens at DATA_END_MS or at the grid point before it. The
 * stream goes on for ever: what comes after are the bars that follow. `interval`: 1m to 12h. */
void data_stream_init(data_stream *stream, int32_t symbol, int32_t interval, int32_t n_bars);
void data_stream_next(data_stream *stream, kline *out);

#define DATA_END_MS INT64_C(1700000400000)
