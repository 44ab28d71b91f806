/* See orchestrator_ask.h. */
#include "orchestrator_ask.h"
#include "analyzer/later_look.h"
#include "orchestrator_body.h"
#include "orchestrator_flow.h"
#include "orchestrator_try.h"
#include "serve/outcome.h"
#include "sync/analysis_table.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ASKS_AT_ONCE = 8, LOOKS_READ = 1000, MINUTE_MS = 60000 };

typedef struct orchestrator_ask {
    struct orchestrator_ask *next;
    orchestrator *o;
    serve_reply reply;
    char id[ID_BYTES]; /* of the signal */
    signal_row signal;
    int32_t n_kept; /* looks at it that are kept: how many there were when they were read */
    int32_t look;   /* this one */
    bool is_at_work;
    char *prompt;
} ask;

static void drop(ask *a) {
    ask **at = &a->o->asks;
    while (*at != a) at = &(*at)->next;
    *at = a->next;
    signal_row_deinit(&a->signal);
    free(a->prompt);
    free(a);
}

static void refuse(ask *a, int status, const char *why) {
    outcome_problem(a->reply, status, "%s", why);
    drop(a);
}

/* ---- the last step ---- */

static follow_up follow_up_of(const char *status) {
    for (follow_up f = FOLLOW_NEW; f <= FOLLOW_EXPIRED; f++)
        if (strcmp(status, follow_up_name(f)) == 0) return f;
    return FOLLOW_NEW;
}

static analysis_row row_of(const ask *a, const try_prompt *made) {
    const signal_row *s = &a->signal;
    const kline_list *since = &made->since;
    analysis_row row = {.is_asked = true,
                        .interval = s->interval,
                        .open_ms = s->open_ms,
                        .close_ms = s->close_ms,
                        .look = a->look,
                        .prompt = a->prompt,
                        .follow_up = follow_up_of(s->status),
                        .created_ms = wall_ms(),
                        .confidence = NAN};
    if (since->count > 0) {
        row.open_ms = since->bars[since->count - 1].open_ms;
        row.close_ms = interval_next(s->interval, row.open_ms);
    }
    analysis_id(s->id, a->look, row.id);
    snprintf(row.signal_id, sizeof row.signal_id, "%s", s->id);
    snprintf(row.trader_id, sizeof row.trader_id, "%s", s->trader_id);
    snprintf(row.symbol, sizeof row.symbol, "%s", s->symbol);
    return row;
}

static void tell(ask *a, const analysis_row *row) {
    char why[160];
    json_writer w;
    json_writer_init(&w);
    json_write_object(&w);
    json_put_text(&w, "signalId", row->signal_id);
    json_put_text(&w, "analysisId", row->id);
    json_put_integer(&w, "look", row->look);
    json_put_text(&w, "state", analysis_status_name(ANALYSIS_QUEUED));
    json_put_integer(&w, "waiting", orchestrator_analysis_depth(a->o->analysis));
    json_put_text(&w, "hindrance", orchestrator_analysis_hindrance(a->o->analysis, why, sizeof why) ? why : NULL);
    json_write_object_end(&w);
    outcome_json(a->reply, 202, &w);
    drop(a);
}

static void on_prompt(void *context, int status, const char *why, try_prompt *made) {
    ask *a = context;
    diag problem;
    err e = OK;
    if (status != 200) {
        refuse(a, status, why);
        return;
    }
    if (made->since.count > 0) {
        char heading[64];
        snprintf(heading, sizeof heading, "look %d at this signal, which a person asks for now", a->look + 1);
        e = later_look_prompt(made->prompt, heading, made->since.bars, made->since.count, &a->prompt);
    } else {
        a->prompt = made->prompt;
        made->prompt = NULL;
    }
    if (e != OK) {
        refuse(a, 503, error_text(e));
        return;
    }
    analysis_row row = row_of(a, made);
    e = orchestrator_analysis_ask(a->o->analysis, &row, &problem);
    if (e == OK)
        tell(a, &row);
    else
        refuse(a, e == ERR_EXISTS ? 409 : 503, problem.text);
}

/* ---- may it be asked ---- */

/* 0: yes; else the status of a problem. */
static int judge(const ask *a, diag *why) {
    const signal_row *s = &a->signal;
    int64_t age_min = (market_clock_now(&a->o->clock, monotonic_ms()) - s->close_ms) / MINUTE_MS;
    why->text[0] = 0;
    if (s->state == SIGNAL_HISTORICAL)
        diag_set(why, ERR_INVALID, "it is of the bars before its trader's start, which are not analysed");
    else if (s->state == SIGNAL_WITHDRAWN)
        diag_set(why, ERR_INVALID, "it was withdrawn at the close of its bar");
    else if (s->state == SIGNAL_PROVISIONAL)
        diag_set(why, ERR_INVALID, "it is provisional: its bar has not closed yet");
    else if (strcmp(s->status, "archived") == 0)
        diag_set(why, ERR_INVALID, "it is archived");
    else if (age_min > a->o->cfg->ai_max_age_min)
        diag_set(why, ERR_INVALID, "it is too old: its bar closed %lld minutes ago, and AI_MAX_AGE_MIN is %lld",
                 (long long)age_min, (long long)a->o->cfg->ai_max_age_min);
    else if (a->is_at_work)
        diag_set(why, ERR_INVALID, "an analysis of it is at work");
    return why->text[0] ? 409 : 0;
}

static void begin(ask *a) {
    diag why;
    int status = judge(a, &why);
    const trader *one = status ? NULL : orchestrator_try_find(a->o, a->signal.trader_id);
    if (status) {
        refuse(a, status, why.text);
    } else if (!one) {
        diag_set(&why, ERR_NOT_FOUND, "its trader, %s, does not run: it makes the prompt", a->signal.trader);
        refuse(a, 409, why.text);
    } else {
        err e = orchestrator_try_prompt(a->o, one->source, a->signal.symbol, a->signal.open_ms, on_prompt, a);
        if (e == OK) return;
        outcome_busy(a->reply, e);
        drop(a);
    }
}

/* ---- what is kept of it ---- */

static err read_all(local_db *db, void *job, diag *why) {
    ask *a = job;
    analysis_filter of_signal = {.limit = LOOKS_READ};
    analysis_list looks = {0};
    err e = signal_table_get(db, a->id, &a->signal, why);
    if (e == ERR_NOT_FOUND) return diag_set(why, e, "there is no signal \"%s\"", a->id);
    snprintf(of_signal.signal_id, sizeof of_signal.signal_id, "%s", a->id);
    if (e == OK) e = analysis_table_is_owed(db, a->id, &a->is_at_work, why);
    if (e == OK) e = analysis_table_read(db, &of_signal, &looks, why);
    for (size_t i = 0; i < looks.count; i++) {
        if (looks.rows[i].look >= a->n_kept) a->n_kept = looks.rows[i].look + 1;
        a->is_at_work = a->is_at_work || looks.rows[i].status == ANALYSIS_QUEUED;
    }
    analysis_list_deinit(&looks);
    return e;
}

static void on_read(void *job, err error, const char *why) {
    ask *a = job;
    if (a->n_kept > a->look) a->look = a->n_kept;
    if (error == OK)
        begin(a);
    else
        refuse(a, error == ERR_NOT_FOUND ? 404 : 503, why ? why : error_text(error));
}

/* ---- asked ---- */

static bool is_asked(const orchestrator *o, const char *id, int *n) {
    bool is_there = false;
    *n = 0;
    for (const ask *a = o->asks; a; a = a->next, ++*n) is_there = is_there || strcmp(a->id, id) == 0;
    return is_there;
}

static ask *add(orchestrator *o, const char *id, serve_reply to) {
    ask *a = calloc(1, sizeof *a);
    if (!a) return NULL;
    *a = (ask){.next = o->asks, .o = o, .reply = to};
    snprintf(a->id, sizeof a->id, "%s", id);
    o->asks = a;
    return a;
}

static void analyze(void *context, const char *id, serve_reply to) {
    orchestrator *o = context;
    int n = 0;
    if (o->is_stopping) {
        outcome_busy(to, ERR_CLOSED);
    } else if (!o->analysis) {
        outcome_problem(to, 503, "no model is set up: it takes GEMINI_API_KEY, or OPENAI_BASE_URL and OPENAI_MODEL");
    } else if (!orchestrator_flow_may_analyse(o)) {
        outcome_problem(to, 503, "signals of this machine are analysed in the Supabase project, not here");
    } else if (strlen(id) >= ID_BYTES) {
        outcome_problem(to, 404, "there is no signal \"%s\"", id);
    } else if (is_asked(o, id, &n)) {
        outcome_problem(to, 409, "an analysis of it is at work");
    } else {
        ask *a = n < ASKS_AT_ONCE ? add(o, id, to) : NULL;
        err e = a ? storage_read(o->storage, read_all, on_read, a) : n < ASKS_AT_ONCE ? ERR_NO_MEMORY : ERR_FULL;
        if (e != OK) outcome_busy(to, e);
        if (e != OK && a) drop(a);
    }
}

/* Only the loop's side of an ask: the other one may be reading. */
void orchestrator_ask_note(void *context, const analysis_row *row) {
    const orchestrator *o = context;
    for (ask *a = o->asks; a; a = a->next)
        if (strcmp(a->id, row->signal_id) == 0 && row->look >= a->look) a->look = row->look + 1;
}

void orchestrator_ask_provide(serve_providers *out) { out->analyze_signal = analyze; }
