#include "screener/inboxes.h"
#include <stdlib.h>

bool inboxes_drain(screener *s, int32_t i) {
    backlog *b = &s->backlogs[i];
    const market_event *event;
    bool moved = false;
    while ((event = backlog_first(b)) && queue_push(worker_inbox(s->workers[i]), event)) {
        backlog_drop_first(b);
        moved = true;
    }
    if (b->count > 0) worker_ask_for_room(s->workers[i]);
    if (moved) worker_wake(s->workers[i]);
    return b->count == 0;
}

err inboxes_push(screener *s, int32_t i, const market_event *event) {
    if ((s->backlogs[i].count == 0 || inboxes_drain(s, i)) && queue_push(worker_inbox(s->workers[i]), event)) {
        worker_wake(s->workers[i]);
        return OK;
    }
    worker_ask_for_room(s->workers[i]);
    return backlog_keep(&s->backlogs[i], event);
}

err inboxes_push_all(screener *s, market_event event, uint32_t symbol) {
    err e = OK;
    event.symbol = symbol;
    for (int32_t i = 0; i < s->n_workers && e == OK; i++) e = inboxes_push(s, i, &event);
    return e;
}

err inboxes_push_to_owner(screener *s, const market_event *event) {
    if (s->target[event->symbol] != NOBODY || s->is_back[event->symbol]) return backlog_keep(&s->held, event);
    return inboxes_push(s, s->owner[event->symbol], event);
}

/* ---- controls ---- */

err inboxes_send(screener *s, int32_t i, control what) {
    control *c = malloc(sizeof *c);
    market_event event = {.kind = EVENT_CONTROL, .control = c};
    err e;
    if (!c) return ERR_NO_MEMORY;
    *c = what;
    c->market_ms = s->market_ms;
    c->is_paused = s->is_paused;
    e = inboxes_push(s, i, &event);
    if (e != OK) free(c);
    return e;
}

err inboxes_send_all(screener *s, control what) {
    err e = OK;
    for (int32_t i = 0; i < s->n_workers && e == OK; i++) e = inboxes_send(s, i, what);
    return e;
}

err inboxes_send_to_symbol(screener *s, uint32_t symbol, control what) {
    control *c = malloc(sizeof *c);
    market_event event = {.kind = EVENT_CONTROL, .control = c, .symbol = symbol};
    err e;
    if (!c) return ERR_NO_MEMORY;
    *c = what;
    c->market_ms = s->market_ms;
    c->is_paused = s->is_paused;
    e = inboxes_push_to_owner(s, &event);
    if (e != OK) free(c);
    return e;
}

err inboxes_send_with_saved(screener *s, int32_t to, control what, const char *name) {
    err e;
    if (s->handlers.find_saved) what.saved = s->handlers.find_saved(s->handlers.context, name);
    e = inboxes_send(s, to, what);
    if (e != OK) saved_symbol_free(what.saved);
    return e;
}

/* ---- what is held ---- */

/* Whoever waits for an answer has it. */
static void drop_control(screener *s, control *c) {
    if (c->kind == CONTROL_SAVE) s->handlers.on_saved(s->handlers.context, NULL);
    if (c->kind == CONTROL_EXCERPT) {
        excerpt *e = c->excerpt;
        c->excerpt = NULL;
        e->on_done(e->context, e);
    }
    control_free(c);
}

static err meet(screener *s, const market_event *event, fate f) {
    if (f == FATE_KEEP) return backlog_keep(&s->held, event);
    if (f == FATE_PUSH) return inboxes_push(s, s->owner[event->symbol], event);
    if (event->kind == EVENT_CONTROL) drop_control(s, event->control);
    return OK;
}

err inboxes_empty_held(screener *s, uint32_t symbol, bool has_left, fate before, fate behind) {
    uint64_t n = s->held.count;
    err e = OK;
    for (uint64_t k = 0; k < n && e == OK; k++) {
        market_event event = *backlog_first(&s->held);
        bool is_mine = event.symbol == symbol;
        bool is_end = is_mine && event.kind == EVENT_CONTROL && ((control *)event.control)->kind == CONTROL_UNTRACK;
        backlog_drop_first(&s->held);
        e = meet(s, &event, !is_mine ? FATE_KEEP : has_left ? behind : before);
        has_left = has_left || is_end;
    }
    return e;
}
