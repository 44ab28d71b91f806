/* See orchestrator_analysis.h. */
#include "orchestrator_analysis.h"
#include "analyzer/analyzer_setup.h"
#include "base/log.h"
#include "sync/analysis_table.h"
#include <stdlib.h>
#include <string.h>

enum { PENDING_MAX = 4096, DAY_MS = 86400000 };

/* A row on its way to storage and back. */
typedef struct kept_row {
    struct kept_row *next;
    orchestrator_analysis *owner;
    analysis_row row;
    bool is_asked; /* only what it has cost so far */
} kept_row;

struct orchestrator_analysis {
    orchestrator_analysis_config config;
    analyzer *analyzer;
    analysis_past past;
    kept_row *first, **end; /* to be handed over, in their order */
    kept_row *pending;      /* of signals that came before the past was read; newest first */
    size_t n_pending;
    size_t n_under_way; /* in storage, the read of the past included */
    int64_t began_ms;   /* wall clock */
    bool is_read, is_stopped, is_closed, has_analyzer;
    log_repeater lost;
};

static void read_past(orchestrator_analysis *a);
static void on_row(void *context, const analysis_row *row);
static void on_asked(void *context, const analysis_row *row);

script_analysis orchestrator_analysis_mode(const config *cfg) {
    if (!analyzer_setup_is_on(cfg)) return ANALYSIS_OFF;
    return cfg->ai_signals == AI_SIGNALS_ALL ? ANALYSIS_ALL : ANALYSIS_ASKED;
}

err orchestrator_analysis_new(const orchestrator_analysis_config *options, orchestrator_analysis **out, diag *why) {
    orchestrator_analysis *a;
    analyzer_config ac;
    err e;
    *out = NULL;
    if (!analyzer_setup_is_on(options->cfg)) return OK;
    e = analyzer_setup(options->cfg, &ac, why);
    if (e != OK) return e;
    a = calloc(1, sizeof *a);
    if (!a) return diag_set(why, ERR_NO_MEMORY, "out of memory");
    a->config = *options;
    a->end = &a->first;
    a->began_ms = wall_ms();
    ac.loop = options->loop;
    ac.clock = options->clock;
    ac.seed = (uint64_t)monotonic_ns();
    ac.on_row = on_row;
    ac.on_asked = on_asked;
    ac.context = a;
    e = analyzer_new(&ac, &a->analyzer, why);
    if (e != OK) {
        free(a);
        return e;
    }
    a->has_analyzer = true;
    log_info("analysis", "signals are analysed by %s, model %s", provider_name(&ac.providers[0]),
             ac.providers[0].model);
    read_past(a);
    *out = a;
    return OK;
}

static void release(orchestrator_analysis *a) {
    if (!a->is_closed || a->has_analyzer || a->n_under_way) return;
    for (kept_row *k = a->first, *next; k; k = next) {
        next = k->next;
        analysis_row_deinit(&k->row);
        free(k);
    }
    for (kept_row *k = a->pending, *next; k; k = next) {
        next = k->next;
        analysis_row_deinit(&k->row);
        free(k);
    }
    analysis_past_deinit(&a->past);
    free(a);
}

/* ---- rows to storage ---- */

static err do_put(local_db *db, void *job, diag *why) {
    const kept_row *k = job;
    return k->is_asked ? analysis_table_asked(db, &k->row, why) : analysis_table_put(db, &k->row, why);
}

static void on_put(void *job, err error, const char *why) {
    kept_row *k = job;
    orchestrator_analysis *a = k->owner;
    a->n_under_way--;
    if (error == ERR_CANCELLED)
        log_warn("analysis", "an analysis was not kept before the stop; it is asked again at the next start");
    else if (error)
        log_repeat(&a->lost, LOG_ERROR, "analysis", "an analysis is not kept: %s", why);
    else if (k->row.status != ANALYSIS_QUEUED && !a->is_closed)
        a->config.on_shown(a->config.context, &k->row);
    analysis_row_deinit(&k->row);
    free(k);
    release(a);
}

void orchestrator_analysis_flush(orchestrator_analysis *a) {
    kept_row *k;
    while (a && (k = a->first) && storage_write(a->config.storage, do_put, on_put, k) == OK) {
        a->first = k->next;
        if (!a->first) a->end = &a->first;
        a->n_under_way++;
    }
}

static kept_row *keep(orchestrator_analysis *a, const analysis_row *row) {
    kept_row *k = calloc(1, sizeof *k);
    if (k && analysis_row_copy(row, &k->row) == OK) {
        k->owner = a;
        return k;
    }
    free(k);
    log_repeat(&a->lost, LOG_ERROR, "analysis", "out of memory: an analysis is not kept");
    return NULL;
}

static void hand_over(orchestrator_analysis *a, kept_row *k) {
    *a->end = k;
    a->end = &k->next;
    orchestrator_analysis_flush(a);
}

static void on_row(void *context, const analysis_row *row) {
    orchestrator_analysis *a = context;
    kept_row *k = keep(a, row);
    a->config.on_row(a->config.context, row);
    if (k) hand_over(a, k);
}

static void on_asked(void *context, const analysis_row *row) {
    orchestrator_analysis *a = context;
    kept_row *k;
    analysis_row costs = *row;
    costs.prompt = NULL; /* is kept already, and large */
    k = keep(a, &costs);
    if (!k) return;
    k->is_asked = true;
    hand_over(a, k);
}

/* ---- the past ---- */

static bool is_known(const orchestrator_analysis *a, const analysis_row *row) {
    for (size_t i = 0; i < a->past.n_queued; i++)
        if (strcmp(a->past.queued[i].id, row->id) == 0) return true;
    return false;
}

static void add(orchestrator_analysis *a, const analysis_row *row) {
    err e = analyzer_add(a->analyzer, row);
    if (e != OK) log_error("analysis", "%s on %s is not analysed: %s", row->trader_id, row->symbol, error_text(e));
}

static void restore(orchestrator_analysis *a) {
    const analysis_past *p = &a->past;
    int64_t day_ms = p->day * DAY_MS;
    analyzer_restore(a->analyzer, &(spending_amount){p->n_requests, p->n_tokens, p->usd}, day_ms);
    for (size_t i = 0; i < p->n_spenders; i++)
        analyzer_restore_trader(a->analyzer, p->spenders[i].trader_id, p->spenders[i].n_started, day_ms);
    for (size_t i = 0; i < p->n_watched; i++)
        if (analyzer_restore_watch(a->analyzer, &p->watched[i]) != OK) log_error("analysis", "out of memory");
    for (size_t i = 0; i < p->n_queued; i++)
        if (p->queued[i].prompt)
            add(a, &p->queued[i]);
        else if (p->queued[i].created_ms < a->began_ms) /* else its prompt is on its way */
            a->config.on_owed(a->config.context, &p->queued[i]);
    if (p->n_queued || p->n_watched)
        log_info("analysis", "taken up from the run before: %zu that wait, %zu that are watched", p->n_queued,
                 p->n_watched);
}

static err do_read(local_db *db, void *job, diag *why) {
    return analysis_table_past(db, &((orchestrator_analysis *)job)->past, why);
}

static void on_read(void *job, err error, const char *why) {
    orchestrator_analysis *a = job;
    a->n_under_way--;
    if (error && error != ERR_CANCELLED) log_error("analysis", "what a run before has left is not known: %s", why);
    if (!a->is_stopped) {
        if (!error) restore(a);
        a->is_read = true;
        while (a->pending) {
            kept_row *k = a->pending;
            a->pending = k->next;
            if (!is_known(a, &k->row)) add(a, &k->row);
            analysis_row_deinit(&k->row);
            free(k);
        }
        analysis_past_deinit(&a->past);
    }
    release(a);
}

static void read_past(orchestrator_analysis *a) {
    if (storage_read(a->config.storage, do_read, on_read, a) == OK) {
        a->n_under_way++;
        return;
    }
    log_error("analysis", "what a run before has left is not known: storage takes no question");
    a->is_read = true;
}

/* ---- what comes in ---- */

/* Asked now, or once the past is known. */
static void take(orchestrator_analysis *a, const analysis_row *row) {
    kept_row *k;
    if (a->is_read) {
        add(a, row);
    } else if (a->n_pending < PENDING_MAX && (k = keep(a, row))) {
        k->next = a->pending;
        a->pending = k;
        a->n_pending++;
    }
}

static void expire(orchestrator_analysis *a, analysis_row *row, const char *why) {
    row->error = strdup(why);
    row->status = ANALYSIS_EXPIRED;
    row->finished_ms = wall_ms();
    if (row->error)
        on_row(a, row);
    else
        log_repeat(&a->lost, LOG_ERROR, "analysis", "out of memory: an analysis is not kept");
}

void orchestrator_analysis_signal(orchestrator_analysis *a, const signal_row *s) {
    analysis_row row;
    if (!a || a->is_stopped || !s->prompt || s->state == SIGNAL_HISTORICAL) return;
    if (analysis_row_of_signal(s, &row) == OK)
        take(a, &row);
    else
        log_error("analysis", "out of memory: %s on %s is analysed after the next start", s->trader, s->symbol);
    analysis_row_deinit(&row);
}

void orchestrator_analysis_prompt(orchestrator_analysis *a, const pass *p, const prompt_row *made,
                                  const char *declined) {
    analysis_row row;
    if (!a || a->is_stopped) return;
    if (analysis_row_of_prompt(p, made, &row) != OK)
        log_error("analysis", "out of memory: a signal on %s is analysed after the next start", p->symbol);
    else if (row.status != ANALYSIS_QUEUED)
        a->config.on_shown(a->config.context, &row);
    else if (declined)
        expire(a, &row, declined);
    else
        take(a, &row);
    analysis_row_deinit(&row);
}

void orchestrator_analysis_owed(orchestrator_analysis *a, const analysis_row *row) {
    if (!a || a->is_stopped) return;
    on_row(a, row);
    if (row->status == ANALYSIS_QUEUED) add(a, row);
}

void orchestrator_analysis_decline(orchestrator_analysis *a, const signal_row *s, const char *why) {
    analysis_row row;
    if (!a || a->is_stopped || !(s->prompt || s->owes_prompt)) return;
    if (analysis_row_of_signal(s, &row) == OK) expire(a, &row, why);
    analysis_row_deinit(&row);
}

void orchestrator_analysis_update(orchestrator_analysis *a, const update_row *u) {
    if (a && !a->is_stopped && u->state == SIGNAL_WITHDRAWN) analyzer_withdraw(a->analyzer, u->id);
}

void orchestrator_analysis_event(orchestrator_analysis *a, const market_event *event) {
    const symbol_info *symbol;
    if (!a || a->is_stopped || event->kind != EVENT_BAR_CLOSED) return;
    symbol = symbol_table_get(a->config.symbols, event->symbol);
    if (symbol && analyzer_wants_bar(a->analyzer, symbol->name, event->interval))
        analyzer_bar(a->analyzer, symbol->name, event->interval, &event->bar);
}

err orchestrator_analysis_ask(orchestrator_analysis *a, const analysis_row *row, diag *why) {
    if (!a || a->is_stopped) return diag_set(why, ERR_CLOSED, "the daemon stops");
    if (!a->is_read) return diag_set(why, ERR_CLOSED, "the daemon starts: what it has spent today is not known yet");
    return analyzer_ask(a->analyzer, row, why);
}

/* ---- reports ---- */

bool orchestrator_analysis_hindrance(const orchestrator_analysis *a, char *why, size_t bytes) {
    return a && !a->is_stopped && !analyzer_is_serving(a->analyzer, why, bytes);
}

bool orchestrator_analysis_is_serving(const orchestrator_analysis *a) {
    char why[160];
    return !a || a->is_stopped || analyzer_is_serving(a->analyzer, why, sizeof why);
}

void orchestrator_analysis_write(const orchestrator_analysis *a, json_writer *w) {
    if (a && !a->is_stopped)
        analyzer_write(a->analyzer, w);
    else
        json_write_null(w);
}

int32_t orchestrator_analysis_depth(const orchestrator_analysis *a) {
    return a && !a->is_stopped ? analyzer_depth(a->analyzer) : 0;
}

/* ---- the end ---- */

static void on_analyzer_closed(void *context) {
    orchestrator_analysis *a = context;
    a->has_analyzer = false;
    release(a);
}

void orchestrator_analysis_stop(orchestrator_analysis *a) {
    if (!a || a->is_stopped) return;
    a->is_stopped = true;
    orchestrator_analysis_flush(a);
    analyzer_close(a->analyzer, on_analyzer_closed, a);
}

void orchestrator_analysis_close(orchestrator_analysis *a) {
    if (!a) return;
    a->is_closed = true;
    release(a);
}
