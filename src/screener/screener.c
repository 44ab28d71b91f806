/* See screener.h. */
#include "screener/screener.h"
#include "base/log.h"
#include <sched.h>
#include <stdlib.h>
#include <string.h>

typedef struct backlog {
    market_event *events;
    size_t first, count, capacity;
} backlog;

struct screener {
    worker_shared shared;
    screener_handlers handlers;
    worker *workers[WORKERS_MAX];
    backlog backlogs[WORKERS_MAX];
    int32_t n_workers, n_started;
    trader_set *set;
    compile_job job;
    int32_t n_installed, n_barriers;
    uint8_t owner[SYMBOL_MAX];
    uint32_t n_tracked;
};

err screener_new(const screener_config *c, const screener_handlers *handlers, screener **out) {
    screener *s = calloc(1, sizeof *s);
    err e = ERR_NO_MEMORY;
    if (!s) return e;
    s->handlers = *handlers;
    s->shared = (worker_shared){
        .symbols = c->symbols,
        .limits = c->limits,
        .policy = {.kline_history = c->kline_history, .memory = c->memory, .skips_late_bars = c->skips_late_bars},
        .max_errors_in_row = c->max_errors_in_row,
        .user = c->user,
        .market = c->market,
        .submit = c->submit,
        .submit_context = c->submit_context,
        .notify = c->notify,
        .notify_context = c->notify_context};
    e = registry_new(&s->shared.registry);
    if (e == OK) e = watchdog_start(&s->shared.dog);
    for (int32_t i = 0; i < c->n_workers && i < WORKERS_MAX && e == OK; i++) {
        e = worker_new(i, &s->shared, &s->workers[i]);
        if (e == OK) s->n_workers++;
    }
    if (e == OK)
        *out = s;
    else
        screener_free(s);
    return e;
}

err screener_start(screener *s) {
    err e = OK;
    for (int32_t i = 0; i < s->n_workers && e == OK; i++) {
        e = worker_start(s->workers[i]);
        if (e == OK) s->n_started++;
    }
    return e;
}

/* ---- into the inboxes ---- */

static bool drain(screener *s, int32_t i) {
    backlog *b = &s->backlogs[i];
    bool moved = false;
    while (b->count && queue_push(worker_inbox(s->workers[i]), &b->events[b->first])) {
        b->first++;
        b->count--;
        moved = true;
    }
    if (b->count == 0)
        b->first = 0;
    else
        worker_ask_for_room(s->workers[i]);
    if (moved) worker_wake(s->workers[i]);
    return b->count == 0;
}

static bool replaces_forming(backlog *b, const market_event *event) {
    if (event->kind != EVENT_BAR_FORMING) return false;
    for (size_t i = b->first + b->count; i > b->first; i--) {
        market_event *other = &b->events[i - 1];
        if (other->symbol != event->symbol || other->interval != event->interval || other->kind == EVENT_CONTROL)
            continue;
        if (other->kind != EVENT_BAR_FORMING || other->bar.open_ms != event->bar.open_ms) return false;
        *other = *event;
        return true;
    }
    return false;
}

static err keep(screener *s, int32_t i, const market_event *event) {
    backlog *b = &s->backlogs[i];
    if (replaces_forming(b, event)) return OK;
    if (b->first > 0 && b->first + b->count == b->capacity) {
        memmove(b->events, b->events + b->first, b->count * sizeof *b->events);
        b->first = 0;
    }
    if (b->count == b->capacity) {
        size_t capacity = b->capacity ? b->capacity * 2 : 1024;
        market_event *events = realloc(b->events, capacity * sizeof *events);
        if (!events) return ERR_NO_MEMORY;
        b->events = events;
        b->capacity = capacity;
    }
    b->events[b->first + b->count++] = *event;
    return OK;
}

static err push(screener *s, int32_t i, const market_event *event) {
    if ((s->backlogs[i].count == 0 || drain(s, i)) && queue_push(worker_inbox(s->workers[i]), event)) {
        worker_wake(s->workers[i]);
        return OK;
    }
    worker_ask_for_room(s->workers[i]);
    return keep(s, i, event);
}

err screener_push(screener *s, const market_event *event) {
    return event->symbol < SYMBOL_MAX ? push(s, s->owner[event->symbol], event) : ERR_INVALID;
}

bool screener_flush(screener *s) {
    bool all = true;
    for (int32_t i = 0; i < s->n_workers; i++) all = drain(s, i) && all;
    return all;
}

size_t screener_backlog(const screener *s) {
    size_t n = 0;
    for (int32_t i = 0; i < s->n_workers; i++) n += s->backlogs[i].count;
    return n;
}

static err send(screener *s, int32_t i, control what) {
    control *c = malloc(sizeof *c);
    market_event event = {.kind = EVENT_CONTROL, .control = c};
    err e;
    if (!c) return ERR_NO_MEMORY;
    *c = what;
    e = push(s, i, &event);
    if (e != OK) free(c);
    return e;
}

static err send_all(screener *s, control what) {
    err e = OK;
    for (int32_t i = 0; i < s->n_workers && e == OK; i++) e = send(s, i, what);
    return e;
}

void screener_set_start(screener *s, int64_t start_ms) { s->shared.policy.start_ms = start_ms; }

err screener_track(screener *s, uint32_t symbol) {
    if (symbol >= SYMBOL_MAX) return ERR_INVALID;
    s->owner[symbol] = (uint8_t)(s->n_tracked++ % (uint32_t)s->n_workers);
    return send(s, s->owner[symbol], (control){.kind = CONTROL_TRACK, .symbol = symbol});
}

err screener_barrier(screener *s) {
    s->n_barriers = 0;
    return send_all(s, (control){.kind = CONTROL_BARRIER});
}

/* ---- traders ---- */

err screener_load(screener *s, trader_source **sources, int32_t count) {
    s->job = (compile_job){.count = 0, .sources = sources};
    s->job.specs = calloc((size_t)count + 1, sizeof *s->job.specs);
    s->job.diags = calloc((size_t)count + 1, sizeof *s->job.diags);
    if (!s->job.specs || !s->job.diags) return ERR_NO_MEMORY;
    s->job.count = count;
    return send(s, 0, (control){.kind = CONTROL_COMPILE, .job = &s->job});
}

static bool is_taken(const compile_job *job, int32_t upto, const char *id) {
    for (int32_t i = 0; i < upto; i++)
        if (job->specs[i] && strcmp(job->specs[i]->id, id) == 0) return true;
    return false;
}

/* Keeps what compiled; says what did not. */
static err install(screener *s) {
    compile_job *job = &s->job;
    int32_t n = 0;
    err e;
    for (int32_t i = 0; i < job->count; i++) {
        trader_spec *spec = job->specs[i];
        if (spec && is_taken(job, n, spec->id)) {
            log_error("screener", "%s: its id %s is that of another trader; expected one of its own",
                      job->sources[i]->chunk, spec->key);
            trader_spec_free(spec);
            spec = NULL;
        } else if (!spec) {
            log_error("screener", "%s", job->diags[i].text);
        }
        if (!spec) {
            trader_source_free(job->sources[i]);
            continue;
        }
        job->sources[n] = job->sources[i];
        job->specs[n++] = spec;
    }
    e = trader_set_new(n, job->sources, job->specs, &s->set);
    if (e != OK) return e;
    free(job->diags);
    *job = (compile_job){0};
    s->n_installed = 0;
    return send_all(s, (control){.kind = CONTROL_INSTALL, .set = s->set});
}

/* ---- notes ---- */

static void on_note(screener *s, const note *n) {
    const screener_handlers *h = &s->handlers;
    switch (n->kind) {
    case NOTE_RANGE: h->on_range(h->context, n->symbol, n->interval, n->from_ms, n->to_ms); break;
    case NOTE_COMPILED:
        if (install(s) != OK) h->on_failed(h->context);
        break;
    case NOTE_INSTALLED:
        if (++s->n_installed == s->n_workers) h->on_loaded(h->context, s->set);
        break;
    case NOTE_BARRIER:
        if (++s->n_barriers == s->n_workers) h->on_barrier(h->context);
        break;
    case NOTE_KILLED: h->on_killed(h->context); break;
    case NOTE_FAILED: h->on_failed(h->context); break;
    }
}

void screener_poll(screener *s) {
    note n;
    for (int32_t i = 0; i < s->n_workers; i++)
        while (queue_pop(worker_notes(s->workers[i]), &n)) on_note(s, &n);
    screener_flush(s);
}

/* ---- the end ---- */

void screener_stop(screener *s) {
    for (int32_t i = 0; i < s->n_started; i++) worker_stop(s->workers[i]);
    while (!screener_flush(s)) sched_yield(); /* the last of the backlog: the workers are taking it */
    for (int32_t i = 0; i < s->n_started; i++) worker_finish(s->workers[i]);
    s->n_started = 0;
}

void screener_free(screener *s) {
    if (!s) return;
    for (int32_t i = 0; i < s->n_workers; i++) {
        worker_free(s->workers[i]);
        free(s->backlogs[i].events);
    }
    for (int32_t i = 0; i < s->job.count; i++) { /* stopped before they were installed */
        trader_source_free(s->job.sources[i]);
        trader_spec_free(s->job.specs[i]);
    }
    free(s->job.sources);
    free(s->job.specs);
    free(s->job.diags);
    trader_set_free(s->set);
    watchdog_stop(s->shared.dog);
    registry_free(s->shared.registry);
    free(s);
}

const trader_set *screener_traders(const screener *s) { return s->set; }
registry *screener_registry(screener *s) { return s->shared.registry; }
int32_t screener_workers(const screener *s) { return s->n_workers; }
const worker_stats *screener_stats(const screener *s, int32_t index) { return worker_get_stats(s->workers[index]); }
