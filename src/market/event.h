/* What the I/O thread (or a replay) puts into a worker's inbox: one bar of one symbol, or word about a range.
 * Plain data, copied through queues. */
#pragma once
#include "abi.h"

typedef enum event_kind {
    EVENT_BAR_FORMING, /* bar is not finished */
    EVENT_BAR_CLOSED,  /* final bar from the stream (or a replay's file) */
    EVENT_HISTORY,     /* closed bar from REST */
    EVENT_RANGE_DONE, /* REST has been asked for [bar.open_ms, to_ms): all it has was sent before this event; open_ms 0:
                          nobody has asked, and everything up to to_ms is known */
    EVENT_TICKER,     /* the exchange's 24 hours of the symbol, see ticker; belongs to no interval */
    EVENT_CONTROL     /* pointer for the screener itself */
} event_kind;

typedef struct market_event {
    union {
        kline bar;
        script_ticker ticker; /* EVENT_TICKER */
    };
    int64_t event_ms; /* market time of the message; 0 when it has none */
    int64_t from_ms;  /* EVENT_HISTORY: begin of the range that it answers, by open time; 0: nobody has asked */
    int64_t to_ms;    /* EVENT_RANGE_DONE: end of the range, exclusive, by open time */
    uint64_t
        inquiry;   /* of those two, within the screener: the number of what it answers (screener/inquiries.h); else 0 */
    void *control; /* EVENT_CONTROL */
    uint32_t symbol;  /* id in the symbol table */
    uint8_t interval; /* enum interval */
    uint8_t kind;     /* event_kind */
} market_event;

/* Whether the event shows the forming bar in an earlier state than one of so many trades, of that time: trades are only ever
 * added, and of as many the message's own time decides. Connections deliver in the order of neither. */
static inline bool market_event_is_older(const market_event *event, double trades, int64_t event_ms) {
    if (event->bar.trades != trades) return event->bar.trades < trades;
    return event->event_ms < event_ms;
}
