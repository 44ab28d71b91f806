/* What is new of one topic. While a connection is replaced, two of them deliver the same messages, one a little behind
 * the other; each message passes once, and an older one never follows a newer one. Pure, O(1).
 *
 * A forming bar passes when its event time is newer than all before. A closed bar passes when it is the first of its
 * open time, also when a newer forming one came before it: the only final frame of a bar is never dropped.
 * Threads: one. Ownership: plain data of the caller; all zero is a topic of which nothing came. */
#pragma once
#include "market/event.h"

typedef struct topic_order {
    int64_t event_ms, open_ms;               /* the newest of all */
    int64_t closed_event_ms, closed_open_ms; /* the newest closed bar */
} topic_order;

/* True: new; it counts as delivered. For EVENT_BAR_FORMING and EVENT_BAR_CLOSED. */
bool topic_order_admit(topic_order *o, const market_event *event);
/* The same of messages without bars; one of the same ms is the same one. */
bool topic_order_admit_time(topic_order *o, int64_t event_ms);
