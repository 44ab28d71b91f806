/* What Binance says, as plain structs: WebSocket frames and REST answers. Pure, no allocation; keys in any order,
 * unknown keys skipped, every byte validated (base/json_reader.h).
 *
 * A frame always becomes one tagged message; a bad one is MESSAGE_MALFORMED with what and where, for the caller to
 * count. REST answers are an `err` and a sentence; a single row or symbol that breaks a rule is refused and counted,
 * so that one absurd bar in the exchange's history does not hide its neighbours.
 * Times are Unix ms. Microseconds are only sent when asked for, which we never do: 1e14 and more is malformed.
 * Threads: none shared. Ownership: slices and `what` point into the caller's text or into constants. */
#pragma once
#include "abi.h"
#include "base/json_reader.h"
#include "market/symbol.h"

/* ---- WebSocket frames ---- */

typedef enum message_kind {
    MESSAGE_MALFORMED,
    MESSAGE_KLINE,       /* .kline */
    MESSAGE_TICKER,      /* .ticker, all fields */
    MESSAGE_MINI_TICKER, /* .ticker, the ones that a mini ticker has */
    MESSAGE_TICKERS,     /* .tickers: an array; each element went to the callback */
    MESSAGE_REPLY,       /* .reply: a command was answered */
    MESSAGE_ERROR,       /* .reply: a command was refused */
    MESSAGE_SHUTDOWN,    /* the server is about to close: connect again at once */
    MESSAGE_OTHER        /* well-formed, of a kind that is not used here (aggTrade, bookTicker, depthUpdate, ...) */
} message_kind;

typedef struct parse_kline {
    json_slice symbol;
    kline bar;
    int32_t interval;
    bool is_closed;
} parse_kline;

/* NAN: the message has no such field. */
typedef struct parse_ticker {
    json_slice symbol;
    int64_t event_ms; /* 0 in REST answers */
    double last, open, high, low, volume, quote_volume;
    double change, change_percent, weighted_average, bid, ask, trades;
} parse_ticker;

typedef struct parse_reply {
    int64_t id;
    bool has_id; /* false: null, absent, or no integer */
    int64_t code;
    json_slice text;
} parse_reply;

typedef struct parse_tickers {
    size_t n_items, n_refused;
} parse_tickers;

typedef struct parse_message {
    message_kind kind;
    int64_t event_ms;  /* 0 when it has none */
    json_slice stream; /* name in a combined frame; .at NULL in a raw one */
    const char *what;  /* MESSAGE_MALFORMED: what was expected or which rule is broken */
    size_t where;      /* and the offset in the frame */
    union {
        parse_kline kline;
        parse_ticker ticker;
        parse_tickers tickers;
        parse_reply reply;
    };
} parse_message;

typedef void (*parse_ticker_fn)(void *context, const parse_ticker *ticker);

/* One whole text frame, raw or combined. `on_ticker` (may be NULL) gets the elements of an array, only once the whole
 * frame is known to be well-formed. Returns out->kind.
 * A kline is only reported when it keeps the rules: aligned times, 0 < low <= open, close <= high, volumes >= 0 and
 * taker volumes not above their totals. */
message_kind parse_frame(const char *text, size_t bytes, parse_ticker_fn on_ticker, void *context, parse_message *out);

/* ---- REST answers ---- */

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
