/* WebSocket frames of Binance's market streams, as plain structs. Pure, no allocation; keys in any order, unknown keys
 * skipped, every byte validated (base/json_reader.h).
 *
 * A frame always becomes one tagged message; a bad one is MESSAGE_MALFORMED with what and where, for the caller to
 * count. Times are Unix ms. Microseconds are only sent when asked for, which we never do: 1e14 and more is malformed.
 * Threads: none shared. Ownership: slices and `what` point into the caller's text or into constants. */
#pragma once
#include "abi.h"
#include "base/json_reader.h"

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

/* The same without the short cut for klines: what parse_frame falls back to, and what the short cut must agree with. */
message_kind parse_frame_any(const char *text, size_t bytes, parse_ticker_fn on_ticker, void *context,
                             parse_message *out);
