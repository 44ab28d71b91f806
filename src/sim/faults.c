/* Two lists: the plan (events with the time when each is due next) and what goes on. Both are short, so they are walked;
 * `n_frame` faults that touch frames spare all others the walk. */
#include "sim/faults.h"
#include "market/interval.h"
#include "sim/dumps.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_ACTIVE = 256, SECOND_MS = 1000 };

typedef struct planned {
    scene_event event;
    int64_t next_ms;
} planned;

struct faults {
    const source *from;
    planned *plan;
    size_t n_plan;
    fault active[MAX_ACTIVE];
    size_t n_active, n_frame;
    int64_t start_ms;
    uint64_t random;
};

/* splitmix64 */
static uint64_t draw(faults *f) {
    uint64_t z = f->random += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static bool touches_frames(scene_kind kind) {
    return kind == SCENE_GAP || kind == SCENE_NO_CLOSE || kind == SCENE_CORRECT || kind == SCENE_DUPLICATE ||
           kind == SCENE_REORDER;
}

static bool has_bars(scene_kind kind) {
    return kind == SCENE_GAP || kind == SCENE_HOLE || kind == SCENE_NO_CLOSE || kind == SCENE_CORRECT;
}

static err check_symbols(faults *f, const char *path, diag *why) {
    for (size_t i = 0; i < f->n_plan; i++) {
        const scene_event *event = &f->plan[i].event;
        uint32_t symbol;
        if (event->target == TARGET_SYMBOL && source_find(f->from, event->symbol, strlen(event->symbol), &symbol) != OK)
            return diag_set(why, ERR_NOT_FOUND, "%s:%d: found %s; expected a symbol that is simulated here", path,
                            (int)event->line, event->symbol);
    }
    return OK;
}

err faults_new(const scene *s, const char *path, uint64_t seed, int64_t start_ms, const source *from, faults **out,
               diag *why) {
    err e = ERR_NO_MEMORY;
    faults *f = *out = calloc(1, sizeof *f);
    if (f) f->plan = calloc(s->count + 1, sizeof *f->plan);
    if (!f || !f->plan) {
        diag_set(why, e, "%s", error_text(e));
        goto out;
    }
    f->from = from;
    f->start_ms = start_ms;
    f->random = seed;
    for (size_t i = 0; i < s->count; i++) {
        const scene_event *event = &s->events[i];
        uint64_t seconds = (uint64_t)(event->at_most_ms - event->at_ms) / SECOND_MS;
        int64_t later_ms = seconds ? (int64_t)(draw(f) % (seconds + 1)) * SECOND_MS : 0;
        f->plan[f->n_plan++] = (planned){*event, start_ms + event->at_ms + later_ms};
    }
    e = check_symbols(f, path, why);
out:
    if (e != OK) {
        faults_free(f);
        *out = NULL;
    }
    return e;
}

void faults_free(faults *f) {
    if (!f) return;
    free(f->plan);
    free(f);
}

void faults_stop(faults *f) { f->n_plan = 0; }

bool faults_expects_listing(const faults *f, int64_t to_ms) {
    for (size_t i = 0; i < f->n_plan; i++)
        if (f->plan[i].event.kind == SCENE_LIST && f->plan[i].next_ms <= to_ms && f->plan[i].next_ms < INT64_MAX)
            return true;
    return false;
}

static planned *first_due(const faults *f) {
    planned *first = NULL;
    for (size_t i = 0; i < f->n_plan; i++)
        if (!first || f->plan[i].next_ms < first->next_ms) first = &f->plan[i];
    return first;
}

static int64_t first_over_ms(const faults *f, size_t *at) {
    int64_t first_ms = INT64_MAX;
    for (size_t i = 0; i < f->n_active; i++)
        if (f->active[i].over_ms < first_ms) {
            first_ms = f->active[i].over_ms;
            *at = i;
        }
    return first_ms;
}

int64_t faults_next_ms(const faults *f) {
    size_t at;
    const planned *due = first_due(f);
    int64_t over_ms = first_over_ms(f, &at), due_ms = due ? due->next_ms : INT64_MAX;
    return over_ms < due_ms ? over_ms : due_ms;
}

static void end_fault(faults *f, size_t at, fault *out) {
    *out = f->active[at];
    f->n_frame -= touches_frames(out->what.kind);
    memmove(&f->active[at], &f->active[at + 1], (--f->n_active - at) * sizeof f->active[0]);
}

static void plan_next(faults *f, planned *p) {
    bool goes_on = p->event.every_ms > 0 && p->next_ms + p->event.every_ms - f->start_ms <= p->event.until_ms;
    p->next_ms = goes_on ? p->next_ms + p->event.every_ms : INT64_MAX;
}

bool faults_take(faults *f, int64_t now_ms, fault *out, bool *is_over) {
    size_t at = 0;
    planned *due;
    *is_over = first_over_ms(f, &at) <= now_ms;
    if (*is_over) {
        end_fault(f, at, out);
        return true;
    }
    while ((due = first_due(f)) && due->next_ms <= now_ms) {
        scene_event event = due->event;
        int64_t due_ms = due->next_ms;
        plan_next(f, due);
        if (faults_begin(f, &event, due_ms, out, NULL) == OK) return true;
    }
    return false;
}

bool faults_clear(faults *f, fault *out) {
    if (f->n_active == 0) return false;
    end_fault(f, 0, out);
    return true;
}

/* ---- beginning ---- */

/* Whom `random` may mean: what trades, or for `list` what does not. */
static bool find_random(faults *f, bool is_trading, uint32_t *symbol) {
    uint32_t n = 0;
    for (uint32_t i = 0; i < source_count(f->from); i++) {
        const source_symbol *s = source_at(f->from, i);
        n += (s->info.is_trading && !s->is_hidden) == is_trading;
    }
    if (n == 0) return false;
    uint32_t chosen = (uint32_t)(draw(f) % n);
    for (uint32_t i = 0; i < source_count(f->from); i++) {
        const source_symbol *s = source_at(f->from, i);
        if ((s->info.is_trading && !s->is_hidden) != is_trading) continue;
        *symbol = i;
        if (chosen-- == 0) break;
    }
    return true;
}

static bool is_about_connections(scene_kind kind) {
    return kind == SCENE_DROP || kind == SCENE_SILENCE || kind == SCENE_HALF_OPEN || kind == SCENE_SHUTDOWN ||
           kind == SCENE_MALFORMED;
}

/* Bars begin at the next whole one. */
static void set_bars(const faults *f, fault *out) {
    enum interval interval = out->what.interval >= 0 ? (enum interval)out->what.interval
                                                     : source_at(f->from, out->has_symbol ? out->symbol : 0)->base;
    out->start_ms = interval_floor(interval, out->at_ms);
    if (out->start_ms < out->at_ms) out->start_ms = interval_next(interval, out->start_ms);
    out->until_ms = out->start_ms;
    for (uint32_t i = 0; i < out->what.count; i++) out->until_ms = interval_next(interval, out->until_ms);
    out->over_ms = out->until_ms + out->what.after_ms + 1;
}

static void set_span(fault *out) {
    scene_kind kind = out->what.kind;
    bool is_instant = kind == SCENE_MALFORMED || kind == SCENE_DELIST || kind == SCENE_LIST || kind == SCENE_CLEAR ||
                      (kind == SCENE_DROP && out->what.for_ms == 0);
    int64_t for_ms = kind == SCENE_SHUTDOWN ? out->what.after_ms : out->what.for_ms;
    out->until_ms = for_ms > 0 ? out->at_ms + for_ms : INT64_MAX;
    if (is_instant) out->until_ms = out->at_ms;
    out->over_ms = out->until_ms;
}

err faults_begin(faults *f, const scene_event *event, int64_t now_ms, fault *out, diag *why) {
    *out = (fault){.what = *event, .at_ms = now_ms, .start_ms = now_ms, .requests_left = event->for_requests};
    out->draw = (uint32_t)draw(f);
    out->has_symbol =
        event->target == TARGET_SYMBOL || (event->target == TARGET_RANDOM && !is_about_connections(event->kind));
    if (event->target == TARGET_SYMBOL &&
        source_find(f->from, event->symbol, strlen(event->symbol), &out->symbol) != OK)
        return diag_set(why, ERR_NOT_FOUND, "found %s; expected a symbol that is simulated here", event->symbol);
    if (out->has_symbol && event->target == TARGET_RANDOM && !find_random(f, event->kind != SCENE_LIST, &out->symbol))
        return diag_set(why, ERR_NOT_FOUND, "found random; there is no symbol left to draw");
    if (has_bars(event->kind))
        set_bars(f, out);
    else
        set_span(out);
    if (out->over_ms <= now_ms) return OK;
    if (f->n_active == MAX_ACTIVE) return diag_set(why, ERR_FULL, "%d faults go on already", MAX_ACTIVE);
    f->active[f->n_active++] = *out;
    f->n_frame += touches_frames(event->kind);
    return OK;
}

/* ---- what it means ---- */

/* The bars of an event end in (start, until]; without an interval, those of all intervals that do. */
static bool meets_bar(const fault *a, enum interval interval, const kline *bar) {
    int64_t end_ms = interval_next((int32_t)interval, bar->open_ms);
    bool is_its_interval = a->what.interval < 0 || a->what.interval == (int32_t)interval;
    return is_its_interval && end_ms > a->start_ms && end_ms <= a->until_ms;
}

static void meet(const fault *a, frame_fate *fate, enum interval interval, const kline *bar, bool is_closed,
                 int64_t at_ms) {
    switch (a->what.kind) {
    case SCENE_GAP:
        /* Without an interval the stream says nothing at all meanwhile, of no interval. */
        fate->is_lost |=
            a->what.interval < 0 ? at_ms > a->start_ms && at_ms <= a->until_ms : meets_bar(a, interval, bar);
        break;
    case SCENE_NO_CLOSE: fate->is_lost |= is_closed && meets_bar(a, interval, bar); break;
    case SCENE_CORRECT: fate->is_distorted |= is_closed && meets_bar(a, interval, bar); break;
    case SCENE_DUPLICATE: fate->is_doubled = true; break;
    case SCENE_REORDER: fate->is_swapped = true; break;
    default: break;
    }
}

frame_fate faults_frame(const faults *f, uint32_t symbol, enum interval interval, const kline *bar, bool is_closed,
                        int64_t at_ms) {
    frame_fate fate = {0};
    for (size_t i = 0; f->n_frame > 0 && i < f->n_active; i++) {
        const fault *a = &f->active[i];
        if (!a->has_symbol || a->symbol == symbol) meet(a, &fate, interval, bar, is_closed, at_ms);
    }
    return fate;
}

bool faults_shows_distorted(const faults *f, uint32_t symbol, enum interval interval, const kline *bar,
                            int64_t now_ms) {
    for (size_t i = 0; f->n_frame > 0 && i < f->n_active; i++) {
        const fault *a = &f->active[i];
        bool is_its = a->what.kind == SCENE_CORRECT && (!a->has_symbol || a->symbol == symbol);
        int64_t end_ms = interval_next((int32_t)interval, bar->open_ms);
        if (is_its && meets_bar(a, interval, bar) && now_ms >= end_ms && now_ms < end_ms + a->what.after_ms)
            return true;
    }
    return false;
}

void faults_distort(const symbol_info *info, kline *bar) {
    double tick = info->tick_size > 0 ? info->tick_size : 1e-8;
    bar->close += tick;
    if (bar->close > bar->high) bar->high = bar->close;
    bar->trades += 1;
}

static bool is_on_host(const fault *a, int host) { return a->what.host == 0 || a->what.host == host; }

/* Of several statuses the first is answered, and only it has met a request. */
/* Whether the fault is about that path. The dumps are on a host of their own. */
static bool is_about(const scene_event *what, const char *path) {
    if (!dumps_has(path)) return !what->endpoint || strstr(path, what->endpoint) != NULL;
    if (!what->endpoint) return false;
    return strcmp(what->endpoint, "dumps") == 0 || (strcmp(what->endpoint, "archives") == 0 && dumps_is_archive(path));
}

rest_fate faults_request(faults *f, int host, const char *path) {
    rest_fate fate = {0};
    for (size_t i = 0; i < f->n_active; i++) {
        fault *a = &f->active[i];
        const scene_event *what = &a->what;
        bool is_spent = what->for_requests > 0 && a->requests_left == 0;
        bool is_its = what->kind == SCENE_REST && !is_spent && is_on_host(a, host) && is_about(what, path) &&
                      (what->status == 0 || fate.status == 0);
        if (is_its && what->status > 0) {
            fate.status = what->status;
            fate.retry_after_s = what->retry_after_s;
        } else if (is_its) {
            fate.delay_ms += what->amount_ms;
            fate.is_cut |= what->is_cut;
            fate.is_corrupt |= what->is_corrupt;
        }
        if (is_its && a->requests_left > 0 && --a->requests_left == 0) a->over_ms = a->at_ms;
    }
    return fate;
}

int faults_connection(const faults *f, int host) {
    int status = 0;
    for (size_t i = 0; i < f->n_active; i++) {
        const fault *a = &f->active[i];
        if (!is_on_host(a, host)) continue;
        if (a->what.kind == SCENE_DROP) return -1;
        bool is_spent = a->what.for_requests > 0 && a->requests_left == 0;
        if (a->what.kind == SCENE_REST && a->what.status == 451 && !is_spent) status = 451;
    }
    return status;
}

bool faults_is_outage(const faults *f) {
    for (size_t i = 0; i < f->n_active; i++)
        if (f->active[i].what.kind == SCENE_DROP) return true;
    return false;
}

/* The newest of a kind; NULL: none. */
static const fault *newest(const faults *f, scene_kind kind) {
    for (size_t i = f->n_active; i-- > 0;)
        if (f->active[i].what.kind == kind) return &f->active[i];
    return NULL;
}

uint32_t faults_connect_limit(const faults *f, uint32_t usual) {
    const fault *a = newest(f, SCENE_CONNECT_LIMIT);
    return a ? a->what.count : usual;
}

int64_t faults_lifetime_ms(const faults *f) {
    const fault *a = newest(f, SCENE_LIFETIME);
    return a ? a->what.amount_ms : 0;
}

int64_t faults_skew_ms(const faults *f) {
    const fault *a = newest(f, SCENE_SKEW);
    return a ? a->what.amount_ms : 0;
}
