/* See batch.h. */
#include "screener/batch.h"

static int32_t find(const batch *b, const tracked *t) {
    for (int32_t i = 0; i < b->count; i++)
        if (b->items[i].symbol == t) return i;
    return -1;
}

static int64_t close_of(const market_event *event) { return interval_next(event->interval, event->bar.open_ms); }

bool batch_admits(const batch *b, const tracked *t, const timeframe *f, const market_event *event) {
    int64_t close_ms;
    int32_t at;
    if (event->kind != EVENT_BAR_CLOSED || !t->standings || t->is_waiting || t->is_loading) return false;
    if (event->bar.open_ms != kline_series_known_to(f->bars) || f->first_waiting != f->n_waiting) return false;
    close_ms = close_of(event);
    if (event->event_ms < close_ms || event->event_ms > close_ms + GRACE_MS) return false;
    at = find(b, t);
    return at >= 0 ? b->items[at].close_ms == close_ms : !batch_is_full(b);
}

void batch_add(batch *b, tracked *t, const market_event *event, int64_t received_ns, int64_t now_ns) {
    int32_t at = find(b, t);
    batch_item *item;
    if (at < 0) {
        at = b->count++;
        b->items[at] = (batch_item){.symbol = t, .close_ms = close_of(event)};
    }
    item = &b->items[at];
    if (event->event_ms > item->as_of_ms) item->as_of_ms = event->event_ms;
    item->received_ns = received_ns;
    item->spent_ns += now_ns - received_ns;
}

bool batch_is_full(const batch *b) { return b->count == EVALUATIONS_MAX; }
