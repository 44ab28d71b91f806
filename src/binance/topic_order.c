/* Two pairs of (event time, open time): one of the newest message, one of the newest final frame. In one ms there may be
 * the final frame of a bar and the first of the next, hence pairs. */
#include "binance/topic_order.h"

static bool is_newer(int64_t event_ms, int64_t open_ms, int64_t than_event_ms, int64_t than_open_ms) {
    return event_ms != than_event_ms ? event_ms > than_event_ms : open_ms > than_open_ms;
}

static void note(topic_order *o, int64_t event_ms, int64_t open_ms) {
    if (!is_newer(event_ms, open_ms, o->event_ms, o->open_ms)) return;
    o->event_ms = event_ms;
    o->open_ms = open_ms;
}

static bool admit_closed(topic_order *o, const market_event *event) {
    int64_t open_ms = event->bar.open_ms;
    if (open_ms < o->closed_open_ms) return false;
    if (open_ms == o->closed_open_ms && event->event_ms <= o->closed_event_ms) return false;
    o->closed_open_ms = open_ms;
    o->closed_event_ms = event->event_ms;
    note(o, event->event_ms, open_ms);
    return true;
}

bool topic_order_admit(topic_order *o, const market_event *event) {
    if (event->kind == EVENT_BAR_CLOSED) return admit_closed(o, event);
    if (event->bar.open_ms <= o->closed_open_ms) return false;
    if (!is_newer(event->event_ms, event->bar.open_ms, o->event_ms, o->open_ms)) return false;
    note(o, event->event_ms, event->bar.open_ms);
    return true;
}

bool topic_order_admit_time(topic_order *o, int64_t event_ms) {
    if (event_ms <= o->event_ms) return false;
    o->event_ms = event_ms;
    return true;
}
