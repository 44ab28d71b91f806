/* Binance's markets as data: where each one is, how its paths are spelled, what its calls weigh and what it allows.
 *
 * Everything that differs between spot and USD-M futures stands here, so that no other module asks which market it is.
 * Hosts are in the order in which they are tried. A *market-data-only* host serves public data and nothing else; it is
 * also open where the others answer 451.
 * Threads: constants, any thread. Ownership: all texts are constants. */
#pragma once
#include "config.h"

enum { VENUE_MAX_HOSTS = 8 };

typedef struct venue_host {
    const char *url; /* scheme://host[:port][/prefix], no slash at the end */
    bool is_market_data_only;
} venue_host;

/* A call of at most so many bars weighs so much; the rows are in rising order and the last one has the page size. */
typedef struct venue_weight {
    int max_bars, weight;
} venue_weight;

typedef struct venue {
    const char *name; /* as in MARKET and in signal ids */
    market_kind market;

    venue_host ws_hosts[VENUE_MAX_HOSTS]; /* the prefix of the path included; "/stream" or "/ws" follows */
    size_t n_ws_hosts;
    int streams_per_connection;
    int client_messages_per_s; /* over it the server disconnects; pongs count */
    int connects, connects_ms; /* attempts that one address may make within so many ms */
    int64_t ping_ms;           /* the server's pings come so often; nothing for much longer is a dead connection */
    int64_t silence_ms;        /* a connection without a byte for so long is given up */
    int64_t life_ms;           /* the server closes a connection that is so old */

    venue_host rest_hosts[VENUE_MAX_HOSTS];
    size_t n_rest_hosts;
    const char *time_path, *exchange_info_path, *klines_path;
    const char *tickers_path; /* with its query: all symbols */
    int page_bars;            /* most bars of one klines call */
    venue_weight klines_weights[4];
    int time_weight, exchange_info_weight, tickers_weight;
    int64_t weight_per_minute; /* until exchangeInfo has told the real one */

    const char *dumps_url, *dumps_path; /* public dumps of history: the host, and what stands before monthly/klines */
} venue;

const venue *venue_get(market_kind market);

/* Weight of a klines call for `limit` bars, 1 to page_bars. */
int venue_klines_weight(const venue *v, int limit);
