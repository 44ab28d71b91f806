#include "screener/excerpt.h"
#include "market/kline_file.h"
#include <stdlib.h>

err excerpt_new(uint32_t symbol, excerpt **out) {
    excerpt *e = calloc(1, sizeof *e);
    if (!e) return ERR_NO_MEMORY;
    e->symbol = symbol;
    e->failure = ERR_NOT_FOUND;
    for (int32_t i = 0; i < N_INTERVALS; i++) e->source[i] = -1;
    *out = e;
    return OK;
}

void excerpt_free(excerpt *e) {
    if (!e) return;
    for (int32_t i = 0; i < N_INTERVALS; i++) kline_list_free(&e->lists[i]);
    free(e);
}

static bool is_wanted(const excerpt *e, int64_t open_ms) { return e->before_ms == 0 || open_ms < e->before_ms; }

static err copy(excerpt *e, const kline_series *bars, int32_t interval, int32_t most) {
    int32_t to = kline_series_count(bars), from;
    const int64_t *open_ms = kline_series_open_ms(bars);
    err failed = OK;
    if (e->lists[interval].count > 0) return OK; /* wanted for itself and as a source */
    if (kline_series_has_forming(bars) && is_wanted(e, open_ms[to])) {
        kline_series_get(bars, to, &e->forming[interval]);
        e->has_forming |= 1u << interval;
    }
    while (to > 0 && !is_wanted(e, open_ms[to - 1])) to--;
    from = to > most ? to - most : 0;
    for (int32_t i = from; i < to && failed == OK; i++) {
        kline bar;
        kline_series_get(bars, i, &bar);
        failed = kline_list_push(&e->lists[interval], &bar);
    }
    return failed;
}

static int32_t source_of(timeframe *const frames[N_INTERVALS], int32_t interval) {
    for (int32_t i = interval - 1; i >= 0; i--)
        if (frames[i] && interval_divides(i, interval)) return i;
    return -1;
}

void excerpt_fill(excerpt *e, timeframe *const frames[N_INTERVALS]) {
    e->failure = OK;
    for (int32_t i = 0; i < N_INTERVALS; i++)
        if (frames[i]) e->loaded |= 1u << i;
    for (int32_t i = N_INTERVALS - 1; i >= 0 && e->failure == OK; i--) {
        if (!e->most[i] || frames[i]) continue;
        e->source[i] = source_of(frames, i);
        if (e->source[i] >= 0) e->failure = copy(e, frames[e->source[i]]->bars, e->source[i], INT32_MAX);
    }
    for (int32_t i = 0; i < N_INTERVALS && e->failure == OK; i++)
        if (e->most[i] && frames[i]) e->failure = copy(e, frames[i]->bars, i, e->most[i]);
}

/* The bars of the source that have come since the last whole one. */
static err make_forming(excerpt *e, int32_t interval) {
    int32_t small = e->source[interval];
    const kline_list *parts = &e->lists[small], *whole = &e->lists[interval];
    size_t at = parts->count;
    int64_t open_ms;
    kline *forming = &e->forming[interval];
    bool has_some = false;
    if (parts->count == 0) return OK;
    open_ms = interval_floor(interval, parts->bars[parts->count - 1].open_ms);
    if (whole->count > 0 && whole->bars[whole->count - 1].open_ms == open_ms)
        open_ms = interval_next(interval, open_ms);
    if (parts->bars[0].open_ms > open_ms) return OK; /* what is there is only its end */
    while (at > 0 && parts->bars[at - 1].open_ms >= open_ms) at--;
    for (; at < parts->count; at++, has_some = true)
        if (has_some)
            kline_merge(forming, &parts->bars[at]);
        else
            *forming = parts->bars[at];
    if (e->has_forming >> small & 1) {
        if (has_some)
            kline_merge(forming, &e->forming[small]);
        else
            *forming = e->forming[small];
        has_some = true;
    }
    forming->open_ms = interval_floor(interval, forming->open_ms);
    if (has_some) e->has_forming |= 1u << interval;
    return OK;
}

err excerpt_make(excerpt *e, int32_t interval) {
    int32_t small = e->source[interval];
    if ((e->loaded | e->completed) >> interval & 1) return OK;
    if (small < 0) return ERR_NOT_FOUND;
    if (e->lists[interval].count > 0) return OK;
    err failed = kline_resample(&e->lists[small], (enum interval)small, (enum interval)interval, &e->lists[interval]);
    if (failed == OK) failed = make_forming(e, interval);
    if (failed != OK) return failed;
    /* No more than were asked for: the oldest go. */
    kline_list *list = &e->lists[interval];
    size_t most = (size_t)e->most[interval], gone = list->count > most ? list->count - most : 0;
    for (size_t i = gone; gone > 0 && i < list->count; i++) list->bars[i - gone] = list->bars[i];
    list->count -= gone;
    return OK;
}
