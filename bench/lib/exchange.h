/* A small exchange on the seeded market, for benches that need to know when it has sent what: the REST calls that the
 * daemon makes at its start, and closing frames of all symbols at one instant. It stands still until it is told to close
 * a minute; there are no updates of forming bars and no tickers.
 *
 * Threads: the caller's alone: it serves while the caller is in exchange_serve. What goes wrong ends the program with a
 * sentence. */
#pragma once
#include "abi.h"

typedef struct exchange exchange;

/* Symbols SYM000USDT, SYM001USDT ..; `n_bars` of each interval; listens on 127.0.0.1. */
exchange *exchange_new(int32_t n_symbols, int32_t n_bars);
void exchange_free(exchange *e);
int exchange_port(const exchange *e);
/* The names of all its symbols with commas between; borrowed. */
const char *exchange_names(const exchange *e);

/* Serves until `fd` (-1: none) can be read (true), or for `timeout_ms` (false). */
bool exchange_serve(exchange *e, int fd, int timeout_ms);
/* How many kline streams somebody has subscribed to. */
int32_t exchange_subscriptions(const exchange *e);
/* Makes the frames of the next minute: of each symbol the bars that close with it, slowest first, as far as somebody has
 * subscribed to them. Answers the open time of the 1m bars. */
int64_t exchange_prepare(exchange *e);
/* Writes them, all at once. The monotonic time just before that, ns. */
int64_t exchange_close(exchange *e);
