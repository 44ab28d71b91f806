/* A seeded market that exists nowhere: any number of symbols with one-minute bars since 2024-01-01, and every higher
 * interval made of them. What a symbol does depends on the seed and its name alone, and any bar can be asked for in any
 * order: a bar is the same whether the market was walked to it or looked up.
 *
 * Prices are a random walk on the symbol's tick with regimes (calm, trends, storms, short crashes and rallies) and
 * bursts of volume, so that filters find something to say. All decimals fit the exchange's eight.
 * Threads: one thread per market (looking up fills caches). Memory: some 40 KB a symbol, plus 8 bytes a day of history. */
#pragma once
#include "abi.h"
#include "base/errors.h"
#include "market/symbol.h"

typedef struct random_market random_market;

/* 2024-01-01T00:00:00Z: no symbol was listed before. */
#define RANDOM_MARKET_FIRST_MS INT64_C(1704067200000)
/* The end of the model's time, 2100-01-01, exclusive. */
#define RANDOM_MARKET_END_MS INT64_C(4102444800000)

/* The n-th symbol of the model's own list: BTCUSDT, ETHUSDT, ...; behind the real names come SIM101USDT and so on. */
void random_market_name(size_t n, char out[SYMBOL_BYTES]);

/* `names` are copied. ERR_INVALID for an empty or over-long name, or one given twice. */
MUST_CHECK err random_market_new(uint64_t seed, const char *const *names, size_t n_names, random_market **out);
void random_market_free(random_market *market);
size_t random_market_count(const random_market *market);
const symbol_info *random_market_symbol(const random_market *market, size_t symbol);

/* The minute that opens at `open_ms` (aligned, within the model's time). */
MUST_CHECK err random_market_minute(random_market *market, size_t symbol, int64_t open_ms, kline *out);
/* Bars that open in [from_ms, to_ms), oldest first, at most `max`; whole spans only. `count` out. There are none of 1s. */
MUST_CHECK err random_market_klines(random_market *market, size_t symbol, enum interval interval, int64_t from_ms,
                                    int64_t to_ms, kline *out, size_t max, size_t *count);
