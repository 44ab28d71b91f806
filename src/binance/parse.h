/* What Binance says over REST, as plain structs. Pure, no allocation; keys in any order, unknown keys skipped, every
 * byte validated (base/json_reader.h). WebSocket frames: parse_frame.h.
 *
 * Answers are an `err` and a sentence; a single row or symbol that breaks a rule is refused and counted, so that one
 * absurd bar in the exchange's history does not hide its neighbours.
 * Times are Unix ms. Microseconds are only sent when asked for, which we never do: 1e14 and more is malformed.
 * Threads: none shared. Ownership: slices point into the caller's text. */
#pragma once
#include "binance/parse_frame.h"
#include "market/symbol.h"

typedef struct parse_page {
    size_t n_bars;    /* in the caller's array, open times strictly increasing */
    size_t n_closed;  /* the first so many of them had closed at the server time given */
    size_t n_refused; /* rows that break a rule, or came out of order */
} parse_page;

/* klines of either market into `bars`. ERR_SYNTAX, or ERR_TOO_BIG when there are more than `capacity` rows. */
MUST_CHECK err parse_klines(const char *text, size_t bytes, int32_t interval, int64_t server_ms, kline *bars,
                            size_t capacity, parse_page *out, diag *why);

/* time of either market. */
MUST_CHECK err parse_time(const char *text, size_t bytes, int64_t *server_ms, diag *why);

enum { PARSE_MAX_LIMITS = 8, PARSE_ERROR_BYTES = 256 };

typedef struct parse_limit {
    char kind[24]; /* REQUEST_WEIGHT, RAW_REQUESTS, ORDERS */
    int64_t period_ms, limit;
} parse_limit;

typedef struct parse_exchange {
    int64_t server_ms; /* 0 when absent */
    parse_limit limits[PARSE_MAX_LIMITS];
    size_t n_limits, n_symbols;
    size_t n_refused; /* symbols without a usable name */
} parse_exchange;

typedef void (*parse_symbol_fn)(void *context, const symbol_info *symbol);

/* exchangeInfo of either market. A symbol is trading when its status is TRADING and spot trading is not denied by
 * isSpotTradingAllowed or by permission sets without SPOT; a contract that is no PERPETUAL is_by_name_only. Symbols that came before a syntax error were reported. */
MUST_CHECK err parse_exchange_info(const char *text, size_t bytes, parse_symbol_fn on_symbol, void *context,
                                   parse_exchange *out, diag *why);

/* ticker/24hr of either market, full or mini, one object or an array. */
MUST_CHECK err parse_tickers_24h(const char *text, size_t bytes, parse_ticker_fn on_ticker, void *context,
                                 parse_tickers *out, diag *why);

/* An error body {"code":..,"msg":..}; false when it is not one (a gateway's HTML, say). */
bool parse_error_body(const char *text, size_t bytes, int64_t *code, char message[PARSE_ERROR_BYTES]);

/* The content of a JSON string, escapes decoded to UTF-8, terminated. ERR_TOO_BIG when `out` cannot hold it, ERR_SYNTAX
 * for a NUL. `slice` must come from the reader, which checked its escapes. */
MUST_CHECK err parse_text(json_slice slice, char *out, size_t capacity);
