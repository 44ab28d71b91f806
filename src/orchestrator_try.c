/* See orchestrator_try.h. A visit of the lab in four kinds:
 *
 *   validate   findings
 *   look       open ──► references ──► 8 symbols, run ──► 8 more, run ... ──► told
 *   plots      open ──► references ──► the symbol, drawn                  ──► told
 *   prompt     open ──► references ──► the symbol, asked at one bar       ──► told
 *
 * Bars are asked of the workers between two steps, few symbols at a time, so that a look at hundreds of them needs the memory of
 * eight. One that does not compile is told what is wrong with it. */
#include "orchestrator_try.h"
#include "check/study_draw.h"
#include "check/study_look.h"
#include "check/study_prompt.h"
#include "orchestrator_bars.h"
#include "orchestrator_body.h"
#include "orchestrator_findings.h"
#include "orchestrator_lab.h"
#include "orchestrator_market.h"
#include "script/script_setup.h"
#include "serve/outcome.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    BATCH = 8,
    COMPLETED_MAX =
        100 /* symbols of one look that the exchange is asked for, when it is of an interval that nobody watches */
};

typedef enum visit_kind { VISIT_VALIDATE, VISIT_LOOK, VISIT_PLOTS, VISIT_PROMPT } visit_kind;

typedef struct visit {
    lab_visitor lab; /* first */
    visit_kind kind;
    orchestrator *o;
    serve_reply reply;
    trader_source *source;
    script_limits limits;
    findings_step findings;
    study *study;
    err failure;
    diag why;
    int32_t n_bars;
    char (*symbols)[SYMBOL_BYTES];
    size_t n_symbols, at; /* at: the first that was not asked for yet */
    probe_references references;
    int32_t n_asked_references;
    excerpt *batch[BATCH];
    size_t n_batch, n_missing; /* missing: asked for, and not there yet */
    size_t n_looked;
    int32_t n_completed; /* symbols for which the exchange may have been asked */
    err code;            /* of the first of them that failed; then it is asked no more */
    diag trouble;
    json_writer w;   /* of plots */
    int64_t open_ms; /* of a prompt, as the next three */
    try_prompt made;
    try_prompt_fn on_prompt;
    void *context;
} visit;

static visit *visit_of(lab_visitor *v) { return (visit *)v; }

static void free_visit(visit *v) {
    for (size_t i = 0; i < BATCH; i++) excerpt_free(v->batch[i]);
    probe_references_free(&v->references);
    findings_step_deinit(&v->findings);
    study_close(v->study);
    trader_source_free(v->source);
    json_writer_deinit(&v->w);
    free(v->made.prompt);
    kline_list_free(&v->made.since);
    free(v->symbols);
    free(v);
}

/* The study has a state and a guard of the lab's thread, so that it ends there. */
static void run_close(lab_visitor *lab) {
    visit *v = visit_of(lab);
    study_close(v->study);
    v->study = NULL;
}

static void on_study_closed(lab_visitor *lab) {
    visit *v = visit_of(lab);
    orchestrator_lab *l = v->o->lab;
    free_visit(v);
    orchestrator_lab_leave(l);
}

/* It has been answered. */
static void leave(visit *v) { orchestrator_lab_step(v->o->lab, run_close, on_study_closed); }

/* Of a prompt; it may take what was made. */
static void give_prompt(visit *v, int status, const char *why) {
    try_prompt_fn on_prompt = v->on_prompt;
    v->on_prompt = NULL;
    if (on_prompt) on_prompt(v->context, status, why, &v->made);
}

static void cancel(lab_visitor *lab) {
    visit *v = visit_of(lab);
    give_prompt(v, 503, error_text(ERR_CLOSED));
    if (v->reply.done) outcome_busy(v->reply, ERR_CLOSED);
}

static void dispose(lab_visitor *lab) { free_visit(visit_of(lab)); }

static void answer_problem(visit *v, int status, const char *why) {
    give_prompt(v, status, why);
    if (v->reply.done) outcome_problem(v->reply, status, "%s", why);
    v->reply.done = NULL;
    leave(v);
}

/* ---- what is wrong with it ---- */

static void run_findings(lab_visitor *lab) {
    visit *v = visit_of(lab);
    v->findings.source = v->source;
    v->findings.limits = v->limits;
    findings_step_run(&v->findings);
}

static void reply_findings(visit *v, const char *text, bool has_error) {
    json_writer w;
    json_writer_init(&w);
    json_write_object(&w);
    json_put_bool(&w, "ok", !has_error);
    json_put_raw(&w, "findings", text);
    json_write_object_end(&w);
    outcome_json(v->reply, 200, &w);
}

static void on_findings(lab_visitor *lab) {
    visit *v = visit_of(lab);
    bool has_error = false;
    char *text = findings_step_text(&v->findings, v->failure ? v->why.text : NULL, &has_error);
    if (v->findings.failure && !v->failure)
        outcome_problem(v->reply, 503, "%s", v->findings.why.text);
    else if (!text)
        outcome_busy(v->reply, ERR_NO_MEMORY);
    else if (v->kind == VISIT_VALIDATE)
        reply_findings(v, text, has_error);
    else
        outcome_problem_with(v->reply, 422, v->why.text, "findings", text);
    free(text);
    v->reply.done = NULL;
    leave(v);
}

/* ---- bars ---- */

/* On the lab's thread: the bars of the intervals that the trader uses. */
static err take_bars(excerpt *e, uint32_t mask, probe_bars *out) {
    *out = (probe_bars){.mask = mask};
    err failed = e->failure;
    for (int32_t i = 0; i < N_INTERVALS && failed == OK; i++)
        if (mask >> i & 1) failed = excerpt_make(e, i);
    for (int32_t i = 0; i < N_INTERVALS && failed == OK; i++) {
        if (!(mask >> i & 1)) continue;
        out->lists[i] = e->lists[i];
        e->lists[i] = (kline_list){0};
    }
    return failed;
}

static void ask_references(visit *v);
static void ask_symbols(visit *v);

/* Of an interval that nobody watches as many as the daemon would keep. */
static err ask(visit *v, const char *symbol, uint32_t mask, bars_done_fn on_done, diag *why) {
    bars_wish wish = {.trusts_series = true, .closed_only = true};
    bool may_complete = v->code == OK && v->n_completed++ < COMPLETED_MAX;
    snprintf(wish.symbol, sizeof wish.symbol, "%s", symbol);
    for (int32_t i = 0; i < N_INTERVALS; i++) {
        if (!(mask >> i & 1)) continue;
        wish.most[i] = INT32_MAX;
        wish.least[i] = may_complete ? (int32_t)v->o->cfg->kline_history : 0;
    }
    return orchestrator_bars_get(v->o, &wish, on_done, v, why);
}

/* The exchange did not give all: the first time is what is told. */
static void note_trouble(visit *v, err code, const char *trouble) {
    if (code == OK || v->code != OK) return;
    v->code = code;
    diag_set(&v->trouble, code, "%s", trouble);
}

/* Of each reference in its order, one after the other. They are few, and small beside what comes of the symbols. */
static void on_reference(void *context, excerpt *e, err code, const char *trouble) {
    visit *v = context;
    note_trouble(v, code, trouble);
    const trader_spec *spec = study_spec(v->study);
    int32_t k = v->references.count;
    const symbol_info *info = symbol_table_get(v->o->symbols, e->symbol);
    memcpy(&v->references.symbols[k], info, sizeof *info);
    err failed = take_bars(e, spec->reference_mask, &v->references.bars[k]);
    excerpt_free(e);
    v->references.count++;
    if (failed == OK)
        ask_references(v);
    else
        answer_problem(v, v->code ? orchestrator_market_status_of(v->code) : 422,
                       v->code ? v->trouble.text : "a reference of the trader has no bars");
}

static void ask_references(visit *v) {
    const trader_spec *spec = study_spec(v->study);
    diag why;
    if (v->references.count == spec->n_references) {
        ask_symbols(v);
        return;
    }
    err failed = ask(v, spec->references[v->references.count], spec->reference_mask, on_reference, &why);
    if (failed != OK) answer_problem(v, failed == ERR_NOT_FOUND ? 422 : 503, why.text);
}

/* ---- the steps of a look ---- */

static void run_look(lab_visitor *lab) {
    visit *v = visit_of(lab);
    const trader_spec *spec = study_spec(v->study);
    for (size_t i = 0; i < v->n_batch && v->failure == OK; i++) {
        probe_bars bars;
        study_bars at = {symbol_table_get(v->o->symbols, v->batch[i]->symbol), &bars, &v->references};
        err failed = take_bars(v->batch[i], spec->interval_mask, &bars);
        v->n_looked += failed == OK;
        if (failed == OK)
            v->failure = study_look_at(v->study, &at, v->n_bars, &v->why);
        else
            study_look_skip(v->study);
        if (failed == ERR_NO_MEMORY) v->failure = diag_set(&v->why, failed, "%s", error_text(failed));
        probe_bars_free(&bars);
    }
}

static void tell_look(visit *v) {
    json_writer w;
    if (v->n_looked == 0 && v->code) {
        answer_problem(v, orchestrator_market_status_of(v->code), v->trouble.text);
        return;
    }
    json_writer_init(&w);
    json_write_object(&w);
    study_look_write(v->study, &w);
    json_put_integer(&w, "bars", v->n_bars);
    json_put_raw(&w, "findings", "[]");
    if (v->code != OK) json_put_text(&w, "trouble", v->trouble.text);
    json_write_object_end(&w);
    outcome_json(v->reply, 200, &w);
    v->reply.done = NULL;
    leave(v);
}

static void drop_batch(visit *v) {
    for (size_t i = 0; i < BATCH; i++) {
        excerpt_free(v->batch[i]);
        v->batch[i] = NULL;
    }
    v->n_batch = 0;
}

static void on_looked(lab_visitor *lab) {
    visit *v = visit_of(lab);
    drop_batch(v);
    if (v->failure)
        orchestrator_lab_step(v->o->lab, run_findings, on_findings);
    else
        ask_symbols(v);
}

/* ---- the steps of plots ---- */

static void run_draw(lab_visitor *lab) {
    visit *v = visit_of(lab);
    const trader_spec *spec = study_spec(v->study);
    probe_bars bars;
    study_bars at = {symbol_table_get(v->o->symbols, v->batch[0]->symbol), &bars, &v->references};
    v->failure = take_bars(v->batch[0], spec->interval_mask, &bars);
    if (v->failure != OK)
        diag_set(&v->why, v->failure, "%s has no bars of all intervals that %s uses", at.symbol->name, spec->key);
    json_write_object(&v->w);
    json_put_text(&v->w, "symbol", at.symbol->name);
    json_put_text(&v->w, "interval", interval_name(spec->interval));
    if (v->failure == OK) v->failure = study_draw(v->study, &at, v->n_bars, &v->w, &v->why);
    json_write_object_end(&v->w);
    probe_bars_free(&bars);
}

static void on_drawn(lab_visitor *lab) {
    visit *v = visit_of(lab);
    if (v->failure && v->code) {
        answer_problem(v, orchestrator_market_status_of(v->code), v->trouble.text);
        return;
    }
    if (v->failure) {
        answer_problem(v, v->failure == ERR_NOT_FOUND ? 404 : v->failure == ERR_NO_MEMORY ? 503 : 422, v->why.text);
        return;
    }
    outcome_json(v->reply, 200, &v->w);
    v->reply.done = NULL;
    leave(v);
}

/* ---- the step of a prompt ---- */

static err take_since(const kline_list *list, int64_t open_ms, kline_list *out) {
    err failed = OK;
    for (size_t i = kline_list_find(list, open_ms + 1); i < list->count && failed == OK; i++)
        failed = kline_list_push(out, &list->bars[i]);
    return failed;
}

static void run_prompt(lab_visitor *lab) {
    visit *v = visit_of(lab);
    const trader_spec *spec = study_spec(v->study);
    probe_bars bars;
    study_bars at = {symbol_table_get(v->o->symbols, v->batch[0]->symbol), &bars, &v->references};
    v->failure = take_bars(v->batch[0], spec->interval_mask, &bars);
    if (v->failure == OK) v->failure = take_since(&bars.lists[spec->interval], v->open_ms, &v->made.since);
    if (v->failure != OK)
        diag_set(&v->why, v->failure, "%s has no bars of all intervals that %s uses", at.symbol->name, spec->key);
    if (v->failure == OK) v->failure = study_prompt(v->study, &at, v->open_ms, &v->made.prompt, &v->why);
    probe_bars_free(&bars);
}

static void on_made(lab_visitor *lab) {
    visit *v = visit_of(lab);
    if (v->failure) {
        bool is_script = v->failure == ERR_SCRIPT || v->failure == ERR_RUNAWAY;
        answer_problem(v, is_script ? 422 : v->failure == ERR_NO_MEMORY ? 503 : 409, v->why.text);
        return;
    }
    give_prompt(v, 200, NULL);
    leave(v);
}

/* ---- the symbols ---- */

static void run_batch(visit *v) {
    if (v->kind == VISIT_PROMPT)
        orchestrator_lab_step(v->o->lab, run_prompt, on_made);
    else if (v->kind == VISIT_PLOTS)
        orchestrator_lab_step(v->o->lab, run_draw, on_drawn);
    else
        orchestrator_lab_step(v->o->lab, run_look, on_looked);
}

static void on_bars(void *context, excerpt *e, err code, const char *trouble) {
    visit *v = context;
    note_trouble(v, code, trouble);
    v->batch[v->n_batch++] = e;
    if (--v->n_missing == 0) run_batch(v);
}

static bool is_wanted(const visit *v, const char *name) {
    const trader_spec *spec = study_spec(v->study);
    uint32_t id;
    if (v->kind != VISIT_LOOK) return true;
    if (symbol_table_find(v->o->symbols, name, strlen(name), &id) != OK) return false;
    return trader_spec_wants(spec, name, symbol_table_get(v->o->symbols, id)->quote);
}

/* The count goes up before anything is asked for: an answer may come within the call. */
static void ask_symbols(visit *v) {
    diag why = {""};
    v->n_missing = 1;
    for (size_t n = 0; v->at < v->n_symbols && n < BATCH; v->at++) {
        const char *name = v->symbols[v->at];
        v->n_missing++;
        if (is_wanted(v, name) && ask(v, name, study_spec(v->study)->interval_mask, on_bars, &why) == OK) {
            n++;
            continue;
        }
        v->n_missing--;
        study_look_skip(v->study);
    }
    if (--v->n_missing > 0) return;
    if (v->n_batch > 0)
        run_batch(v);
    else if (v->kind != VISIT_LOOK)
        answer_problem(v, 404, why.text);
    else
        tell_look(v);
}

/* ---- opened ---- */

static void run_open(lab_visitor *lab) {
    visit *v = visit_of(lab);
    v->failure = study_open(&v->limits, v->source, &v->study, &v->why);
}

static void on_open(lab_visitor *lab) {
    visit *v = visit_of(lab);
    bool is_script = v->failure == ERR_SCRIPT || v->failure == ERR_RUNAWAY;
    if (v->failure && !is_script)
        answer_problem(v, 503, v->why.text);
    else if (v->failure && v->kind != VISIT_LOOK)
        answer_problem(v, 422, v->why.text);
    else if (v->failure)
        orchestrator_lab_step(v->o->lab, run_findings, on_findings);
    else if (study_spec(v->study)->rank_top > 0 && v->kind == VISIT_LOOK)
        answer_problem(v, 422,
                       "it ranks all symbols, which is only known when they are all looked at together: it "
                       "shows when it runs");
    else
        ask_references(v);
}

static void begin(lab_visitor *lab) {
    visit *v = visit_of(lab);
    if (v->kind == VISIT_VALIDATE)
        orchestrator_lab_step(v->o->lab, run_findings, on_findings);
    else
        orchestrator_lab_step(v->o->lab, run_open, on_open);
}

static void fill_visit(visit *v, orchestrator *o, visit_kind kind, trader_source *source) {
    v->lab = (lab_visitor){.begin = begin, .cancel = cancel, .dispose = dispose};
    v->kind = kind;
    v->o = o;
    v->source = source;
    v->limits = script_limits_from(o->cfg);
    json_writer_init(&v->w);
}

/* Takes the source. */
static visit *new_visit(orchestrator *o, visit_kind kind, trader_source *source, serve_reply to) {
    visit *v = calloc(1, sizeof *v);
    if (!v) {
        trader_source_free(source);
        outcome_busy(to, ERR_NO_MEMORY);
        return NULL;
    }
    fill_visit(v, o, kind, source);
    v->reply = to;
    return v;
}

static void enter(visit *v) {
    err failed = v->o->is_stopping ? ERR_CLOSED : orchestrator_lab_enter(v->o->lab, &v->lab);
    if (failed == OK) return;
    outcome_busy(v->reply, failed);
    free_visit(v);
}

/* ---- what is asked ---- */

/* NULL: it has been answered. */
static trader_source *source_of(const trader_draft *draft, serve_reply to) {
    trader_source *source = NULL;
    diag why;
    const char *key = *draft->key ? draft->key : "draft";
    err failed = trader_source_new(key, "script", draft->source, strlen(draft->source), draft->inputs, &source, &why);
    if (failed != OK) outcome_problem(to, failed == ERR_NO_MEMORY ? 503 : 400, "%s", why.text);
    return failed == OK ? source : NULL;
}

static void validate(void *context, const trader_draft *draft, serve_reply to) {
    trader_source *source = source_of(draft, to);
    visit *v = source ? new_visit(context, VISIT_VALIDATE, source, to) : NULL;
    if (v) enter(v);
}

/* All that are screened. */
static err name_all(visit *v) {
    uint32_t count = symbol_table_count(v->o->symbols);
    v->symbols = calloc((size_t)count + 1, sizeof *v->symbols);
    if (!v->symbols) return ERR_NO_MEMORY;
    for (uint32_t id = 0; id < count; id++)
        if (screener_is_tracked(v->o->screener, id))
            memcpy(v->symbols[v->n_symbols++], symbol_table_get(v->o->symbols, id)->name, SYMBOL_BYTES);
    return OK;
}

static err name_some(visit *v, char (*symbols)[SYMBOL_BYTES], size_t n) {
    v->symbols = calloc(n, sizeof *v->symbols);
    if (!v->symbols) return ERR_NO_MEMORY;
    memcpy(v->symbols, symbols, n * sizeof *symbols);
    v->n_symbols = n;
    return OK;
}

static void look(void *context, const serve_look *wanted, serve_reply to) {
    trader_source *source = source_of(&wanted->draft, to);
    visit *v = source ? new_visit(context, VISIT_LOOK, source, to) : NULL;
    if (!v) return;
    v->n_bars = wanted->n_bars;
    err failed = wanted->symbols ? name_some(v, wanted->symbols, wanted->n_symbols) : name_all(v);
    if (failed == OK) {
        enter(v);
        return;
    }
    outcome_busy(to, failed);
    free_visit(v);
}

const trader *orchestrator_try_find(const orchestrator *o, const char *key) {
    const trader_set *set = screener_traders(o->screener);
    for (int32_t i = 0; set && i < set->count; i++) {
        const trader *one = set->traders[i];
        if (one && (strcmp(one->spec->key, key) == 0 || strcmp(one->spec->id, key) == 0)) return one;
    }
    return NULL;
}

static void plots(void *context, const serve_bars *bars, serve_reply to) {
    orchestrator *o = context;
    const trader *one = orchestrator_try_find(o, bars->trader);
    trader_source *source = NULL;
    if (!one) {
        outcome_problem(to, 404, "there is no trader \"%s\" that runs", bars->trader);
        return;
    }
    if (trader_source_copy(one->source, &source) != OK) {
        outcome_busy(to, ERR_NO_MEMORY);
        return;
    }
    visit *v = new_visit(o, VISIT_PLOTS, source, to);
    if (!v) return;
    char name[1][SYMBOL_BYTES];
    memcpy(name[0], bars->symbol, SYMBOL_BYTES);
    v->n_bars = (int32_t)bars->limit;
    v->limits.forces_interval = bars->interval >= 0;
    if (bars->interval >= 0) v->limits.default_interval = bars->interval;
    if (name_some(v, name, 1) == OK) {
        enter(v);
        return;
    }
    outcome_busy(to, ERR_NO_MEMORY);
    free_visit(v);
}

err orchestrator_try_prompt(orchestrator *o, const trader_source *of, const char *symbol, int64_t open_ms,
                            try_prompt_fn on_prompt, void *context) {
    trader_source *source = NULL;
    visit *v = trader_source_copy(of, &source) == OK ? calloc(1, sizeof *v) : NULL;
    if (!v) {
        trader_source_free(source);
        return ERR_NO_MEMORY;
    }
    fill_visit(v, o, VISIT_PROMPT, source);
    v->limits.analysis = ANALYSIS_MANUAL;
    v->open_ms = open_ms;
    char name[1][SYMBOL_BYTES];
    snprintf(name[0], SYMBOL_BYTES, "%s", symbol);
    err failed = o->is_stopping ? ERR_CLOSED : name_some(v, name, 1);
    if (failed == OK) {
        v->on_prompt = on_prompt;
        v->context = context;
        failed = orchestrator_lab_enter(o->lab, &v->lab);
    }
    if (failed != OK) free_visit(v);
    return failed;
}

void orchestrator_try_provide(serve_providers *out) {
    out->validate_trader = validate;
    out->look = look;
    out->plots = plots;
}
