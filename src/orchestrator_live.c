#include "orchestrator_live.h"
#include "base/clock.h"
#include "orchestrator_metrics.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FORMING_MS = 100, METRICS_MS = 5000 };

/* Klines that somebody listens to. */
typedef struct line {
    uint32_t symbol;
    int32_t interval;
    int64_t closed_ms; /* open time of the newest closed bar that was told; 0: none yet */
    bool is_due;       /* `forming` has not been told */
    market_event forming;
} line;

struct orchestrator_live {
    orchestrator *owner;
    uv_timer_t forming_timer, metrics_timer;
    line *lines;
    size_t n_lines, capacity;
    orchestrator_gauge gauge;
    int n_handles;
    bool is_timing;
};

static void on_forming(uv_timer_t *timer);
static void on_metrics(uv_timer_t *timer);

err orchestrator_live_open(orchestrator *o, orchestrator_live **out) {
    orchestrator_live *l = calloc(1, sizeof *l);
    if (!l) return ERR_NO_MEMORY;
    l->owner = o;
    l->n_handles = 2;
    uv_timer_init(&o->loop, &l->forming_timer);
    uv_timer_init(&o->loop, &l->metrics_timer);
    l->forming_timer.data = l->metrics_timer.data = l;
    orchestrator_gauge_init(&l->gauge, monotonic_ns());
    uv_timer_start(&l->metrics_timer, on_metrics, METRICS_MS, METRICS_MS);
    *out = l;
    return OK;
}

static void on_closed(uv_handle_t *handle) {
    orchestrator_live *l = handle->data;
    if (--l->n_handles > 0) return;
    free(l->lines);
    free(l);
}

void orchestrator_live_close(orchestrator_live *l) {
    if (!l) return;
    uv_close((uv_handle_t *)&l->forming_timer, on_closed);
    uv_close((uv_handle_t *)&l->metrics_timer, on_closed);
}

/* ---- numbers ---- */

static void on_metrics(uv_timer_t *timer) {
    orchestrator_live *l = timer->data;
    const orchestrator *o = l->owner;
    orchestrator_usage usage = orchestrator_gauge_read(&l->gauge, monotonic_ns()); /* also when nobody listens */
    if (!o->serve) return;
    serve_publish_metrics(
        o->serve, &(serve_metrics){.n_active_signals = o->cloud ? orchestrator_cloud_active_signals(o->cloud) : 0,
                                   .queue_depth = o->analysis ? orchestrator_analysis_depth(o->analysis) : 0,
                                   .cpu_pct = usage.cpu_pct,
                                   .memory_pct = usage.memory_pct});
}

/* ---- klines ---- */

static void list_intervals(uint32_t mask, char *out, size_t out_bytes) {
    size_t n = 0;
    *out = 0;
    for (int32_t i = 0; i < N_INTERVALS && n < out_bytes; i++)
        if (mask >> i & 1) n += (size_t)snprintf(out + n, out_bytes - n, "%s%s", n ? ", " : "", interval_name(i));
}

err orchestrator_live_find(void *context, const char *symbol, int32_t interval, uint32_t *id, diag *why) {
    const orchestrator *o = context;
    uint32_t mask = trader_set_feeds(screener_traders(o->screener));
    char intervals[128];
    if (!o->is_tracking) return diag_set(why, ERR_CLOSED, "the market is not watched yet");
    if (symbol_table_find(o->symbols, symbol, strlen(symbol), id) != OK ||
        !orchestrator_universe_is_fed(o->universe, *id))
        return diag_set(why, ERR_NOT_FOUND, "%s is not watched", symbol);
    if (mask >> interval & 1) return OK;
    list_intervals(mask, intervals, sizeof intervals);
    return diag_set(why, ERR_UNSUPPORTED, "no trader looks at %s bars, so that they do not come live; there are %s",
                    interval_name(interval), intervals);
}

static void tell(const orchestrator_live *l, const market_event *event) {
    const orchestrator *o = l->owner;
    serve_publish_kline(o->serve, event->symbol, symbol_table_get(o->symbols, event->symbol)->name, event->interval,
                        &event->bar, event->kind != EVENT_BAR_FORMING);
}

/* NULL without memory: then the next bar is told. */
static line *line_of(orchestrator_live *l, const market_event *event) {
    for (size_t i = 0; i < l->n_lines; i++)
        if (l->lines[i].symbol == event->symbol && l->lines[i].interval == event->interval) return &l->lines[i];
    if (l->n_lines == l->capacity) {
        size_t capacity = l->capacity ? l->capacity * 2 : 8;
        line *larger = realloc(l->lines, capacity * sizeof *larger);
        if (!larger) return NULL;
        l->lines = larger;
        l->capacity = capacity;
    }
    l->lines[l->n_lines] = (line){.symbol = event->symbol, .interval = event->interval};
    return &l->lines[l->n_lines++];
}

/* Also a bar that the stream has not closed, but REST knows. */
static void take_closed(orchestrator_live *l, line *at, const market_event *event) {
    if (event->kind == EVENT_HISTORY && (at->closed_ms == 0 || event->bar.open_ms <= at->closed_ms)) return;
    if (event->bar.open_ms >= at->closed_ms) at->closed_ms = event->bar.open_ms;
    if (at->forming.bar.open_ms <= event->bar.open_ms) at->is_due = false;
    tell(l, event);
}

/* Two connections may deliver the same bar, and in any order. */
static void take_forming(orchestrator_live *l, line *at, const market_event *event) {
    const market_event *before = &at->forming;
    if (event->bar.open_ms <= at->closed_ms || event->bar.open_ms < before->bar.open_ms) return;
    if (event->bar.open_ms == before->bar.open_ms && market_event_is_older(event, before->bar.trades, before->event_ms))
        return;
    at->forming = *event;
    at->is_due = true;
    if (l->is_timing) return;
    l->is_timing = true;
    uv_timer_start(&l->forming_timer, on_forming, FORMING_MS, 0);
}

/* Tells what is new, and forgets what nobody listens to any more. */
static void on_forming(uv_timer_t *timer) {
    orchestrator_live *l = timer->data;
    size_t kept = 0;
    l->is_timing = false;
    for (size_t i = 0; i < l->n_lines; i++) {
        line *at = &l->lines[i];
        if (!l->owner->serve || !serve_wants_klines(l->owner->serve, at->symbol, at->interval)) continue;
        if (at->is_due) tell(l, &at->forming);
        at->is_due = false;
        l->lines[kept++] = *at;
    }
    l->n_lines = kept;
}

void orchestrator_live_event(orchestrator_live *l, const market_event *event) {
    const orchestrator *o = l->owner;
    bool is_bar = event->kind == EVENT_BAR_FORMING || event->kind == EVENT_BAR_CLOSED || event->kind == EVENT_HISTORY;
    if (!is_bar || !o->serve || !serve_wants_klines(o->serve, event->symbol, event->interval)) return;
    line *at = line_of(l, event);
    if (at && event->kind == EVENT_BAR_FORMING)
        take_forming(l, at, event);
    else if (at)
        take_closed(l, at, event);
}
