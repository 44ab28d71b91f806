/* See backlog.h. */
#include "screener/backlog.h"
#include <stdlib.h>
#include <string.h>

enum { FIRST_CAPACITY = 1024, N_SERIES = SYMBOL_MAX * N_INTERVALS };

static market_event *at(const backlog *b, uint64_t number) { return &b->events[number % b->capacity]; }

static bool is_of_series(const market_event *event) {
    return event->kind != EVENT_CONTROL && event->symbol < SYMBOL_MAX && event->interval < N_INTERVALS;
}

static uint64_t *last_of(const backlog *b, const market_event *event) {
    return &b->last[(size_t)event->symbol * N_INTERVALS + event->interval];
}

static bool replaces_forming(backlog *b, const market_event *event) {
    uint64_t number;
    market_event *other;
    if (event->kind != EVENT_BAR_FORMING || !b->last) return false;
    number = *last_of(b, event);
    if (number == 0 || number - 1 < b->first) return false;
    other = at(b, number - 1);
    if (other->kind != EVENT_BAR_FORMING || other->bar.open_ms != event->bar.open_ms) return false;
    if (!market_event_is_older(event, other->bar.trades, other->event_ms)) *other = *event;
    return true;
}

static err grow(backlog *b) {
    size_t capacity = b->capacity ? b->capacity * 2 : FIRST_CAPACITY;
    market_event *events = malloc(capacity * sizeof *events);
    if (!events) return ERR_NO_MEMORY;
    for (uint64_t k = 0; k < b->count; k++) events[(b->first + k) % capacity] = *at(b, b->first + k);
    free(b->events);
    b->events = events;
    b->capacity = capacity;
    return OK;
}

err backlog_keep(backlog *b, const market_event *event) {
    if (!b->last && !(b->last = calloc(N_SERIES, sizeof *b->last))) return ERR_NO_MEMORY;
    if (event->kind == EVENT_TICKER) return OK;
    if (is_of_series(event) && replaces_forming(b, event)) {
        b->n_replaced++;
        return OK;
    }
    if (b->count == b->capacity && grow(b) != OK) return ERR_NO_MEMORY;
    *at(b, b->first + b->count++) = *event;
    if (is_of_series(event)) *last_of(b, event) = b->first + b->count;
    return OK;
}

const market_event *backlog_first(const backlog *b) { return b->count ? at(b, b->first) : NULL; }

/* What a start or a stall has made it grow to is not kept for ever. */
void backlog_drop_first(backlog *b) {
    b->first++;
    if (--b->count > 0 || b->capacity <= FIRST_CAPACITY) return;
    free(b->events);
    b->events = NULL;
    b->capacity = 0;
}

void backlog_deinit(backlog *b) {
    free(b->events);
    free(b->last);
    *b = (backlog){0};
}
