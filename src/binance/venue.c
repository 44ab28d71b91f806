/* The numbers are those of Binance's documentation of 2026. Where it is silent about the futures (client messages,
 * attempts to connect) the tighter one of spot is used for both. */
#include "binance/venue.h"
#include <assert.h>

enum { SECOND_MS = 1000, MINUTE_MS = 60 * SECOND_MS, HOUR_MS = 60 * MINUTE_MS };

static const venue VENUES[] = {
    [MARKET_SPOT] = {.name = "spot",
                     .market = MARKET_SPOT,
                     .ws_hosts = {{"wss://stream.binance.com:9443", false},
                                  {"wss://stream.binance.com:443", false},
                                  {"wss://data-stream.binance.vision", true}},
                     .n_ws_hosts = 3,
                     .streams_per_connection = 1024,
                     .client_messages_per_s = 5,
                     .connects = 300,
                     .connects_ms = 5 * MINUTE_MS,
                     .ping_ms = 20 * SECOND_MS,
                     .silence_ms = 75 * SECOND_MS,
                     .life_ms = 24 * HOUR_MS,
                     .rest_hosts = {{"https://api.binance.com", false},
                                    {"https://api-gcp.binance.com", false},
                                    {"https://api1.binance.com", false},
                                    {"https://api2.binance.com", false},
                                    {"https://api3.binance.com", false},
                                    {"https://api4.binance.com", false},
                                    {"https://data-api.binance.vision", true}},
                     .n_rest_hosts = 7,
                     .time_path = "/api/v3/time",
                     .exchange_info_path = "/api/v3/exchangeInfo",
                     .klines_path = "/api/v3/klines",
                     .tickers_path = "/api/v3/ticker/24hr?type=MINI",
                     .page_bars = 1000,
                     .klines_weights = {{1000, 2}},
                     .time_weight = 1,
                     .exchange_info_weight = 20,
                     .tickers_weight = 80,
                     .weight_per_minute = 6000,
                     .dumps_url = "https://data.binance.vision",
                     .dumps_path = "/data/spot"},
    /* Its paths are split by kind of stream since 2026: klines and tickers are under /market. */
    [MARKET_USDM] = {.name = "usdm",
                     .market = MARKET_USDM,
                     .ws_hosts = {{"wss://fstream.binance.com/market", false}},
                     .n_ws_hosts = 1,
                     .streams_per_connection = 1024,
                     .client_messages_per_s = 5,
                     .connects = 300,
                     .connects_ms = 5 * MINUTE_MS,
                     .ping_ms = 3 * MINUTE_MS,
                     .silence_ms = 4 * MINUTE_MS,
                     .life_ms = 24 * HOUR_MS,
                     .rest_hosts = {{"https://fapi.binance.com", false}},
                     .n_rest_hosts = 1,
                     .time_path = "/fapi/v1/time",
                     .exchange_info_path = "/fapi/v1/exchangeInfo",
                     .klines_path = "/fapi/v1/klines",
                     .tickers_path = "/fapi/v1/ticker/24hr",
                     .page_bars = 1500,
                     .klines_weights = {{99, 1}, {499, 2}, {1000, 5}, {1500, 10}},
                     .time_weight = 1,
                     .exchange_info_weight = 1,
                     .tickers_weight = 40,
                     .weight_per_minute = 2400,
                     .dumps_url = "https://data.binance.vision",
                     .dumps_path = "/data/futures/um"},
};

const venue *venue_get(market_kind market) {
    assert((size_t)market < sizeof VENUES / sizeof *VENUES);
    return &VENUES[market];
}

int venue_klines_weight(const venue *v, int limit) {
    const venue_weight *row = v->klines_weights;
    assert(limit >= 1 && limit <= v->page_bars);
    while (row->max_bars < limit) row++;
    return row->weight;
}
