#include "analyzer/analysis_task.h"
#include "abi.h"
#include "base/uuid.h"
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PREVIOUS_BYTES = 4096, SCHEMA_TOKENS = 800, DAY_MS = 86400000 };

/* ---- out of the prompt ---- */

static const char *text_of(const json_t *prompt, const char *key) {
    const char *text = json_string_value(json_object_get(prompt, key));
    return text ? text : "";
}

static double number_of(const json_t *prompt, const char *key) {
    const json_t *v = json_object_get(prompt, key);
    return json_is_number(v) ? json_number_value(v) : NAN;
}

static void read_scene(const json_t *prompt, scene *s) {
    const json_t *targets = json_object_get(prompt, "targets");
    const char *side = text_of(prompt, "side");
    *s = (scene){.price = number_of(prompt, "price"),
                 .tick_size = number_of(prompt, "tick"),
                 .atr = number_of(prompt, "atr"),
                 .stop = number_of(prompt, "stop"),
                 .stop_pct = number_of(prompt, "stopPct"),
                 .target_pct = number_of(prompt, "targetPct")};
    s->side = strcmp(side, "long") == 0 ? SIDE_LONG : strcmp(side, "short") == 0 ? SIDE_SHORT : SIDE_NONE;
    for (size_t i = 0; i < json_array_size(targets) && i < OPINION_LEVELS; i++)
        s->targets.at[s->targets.count++] = json_number_value(json_array_get(targets, i));
}

/* All that is sent, and the bar: the same question of two traders is one. */
static void identify(analysis_task *t) {
    char *text = NULL;
    int n = asprintf(&text, "%s|%d|%lld|%s|%.17g|%s|%s", t->row.symbol, (int)t->row.interval, (long long)t->row.open_ms,
                     text_of(t->prompt, "model"), number_of(t->prompt, "temperature"), text_of(t->prompt, "system"),
                     text_of(t->prompt, "text"));
    if (n >= 0)
        sha256_hex(text, (size_t)n, t->job.identity);
    else
        snprintf(t->job.identity, sizeof t->job.identity, "%s", t->row.id); /* without memory: like no other */
    if (n >= 0) free(text);
}

err analysis_task_new(const analysis_row *row, analysis_task **out) {
    analysis_task *t = calloc(1, sizeof *t);
    double most;
    err e;
    if (!t) return ERR_NO_MEMORY;
    e = analysis_row_copy(row, &t->row);
    if (e == OK && !(t->prompt = json_loads(row->prompt, 0, NULL))) e = ERR_INVALID;
    if (e == OK && !*text_of(t->prompt, "text")) e = ERR_INVALID;
    if (e == OK) read_scene(t->prompt, &t->scene);
    if (e == OK && !(t->scene.price > 0)) e = ERR_INVALID;
    if (e != OK) {
        analysis_task_free(t);
        return e;
    }
    most = number_of(t->prompt, "maxPerDay");
    t->job = (analysis_job){.payload = t,
                            .close_ms = row->close_ms,
                            .score = number_of(t->prompt, "score"),
                            .is_extra = row->look > 0 && !row->is_asked};
    if (!t->job.is_extra && most >= 1) t->job.max_per_day = (int32_t)most;
    memcpy(t->job.id, row->signal_id, ID_BYTES);
    memcpy(t->job.trader_id, row->trader_id, ID_BYTES);
    identify(t);
    *out = t;
    return OK;
}

void analysis_task_free(analysis_task *t) {
    if (!t) return;
    analysis_row_deinit(&t->row);
    json_decref(t->prompt);
    free(t->previous);
    free(t->complaint);
    free(t);
}

/* ---- asking ---- */

/* A trader's model is one of the provider that is asked first. */
static const char *model_at(const analysis_task *t, const analysis_manner *m, int32_t which) {
    const char *own = text_of(t->prompt, "model");
    return *own && which == 0 ? own : m->providers[which].model;
}

void analysis_task_question(const analysis_task *t, const analysis_manner *m, int32_t which, question *out) {
    double own = number_of(t->prompt, "temperature");
    *out = (question){.model = model_at(t, m, which),
                      .system = text_of(t->prompt, "system"),
                      .text = text_of(t->prompt, "text"),
                      .schema = OPINION_SCHEMA,
                      .temperature = isnan(own) ? m->temperature : own,
                      .max_output_tokens = m->max_output_tokens,
                      .thinking = m->thinking,
                      .previous = t->previous,
                      .complaint = t->complaint};
}

static int64_t tokens_of(const char *text) { return text ? script_tokens(text, strlen(text)) : 0; }

/* A quarter more than the estimate, which is of another maker's making. */
static int64_t most_tokens_in(const analysis_task *t) {
    int64_t tokens = SCHEMA_TOKENS + tokens_of(text_of(t->prompt, "system")) + tokens_of(text_of(t->prompt, "text")) +
                     tokens_of(t->previous) + tokens_of(t->complaint);
    return tokens + tokens / 4;
}

bool analysis_task_price(analysis_task *t, const analysis_manner *m, int64_t market_ms) {
    bool has_any = false;
    t->job.tokens_in = most_tokens_in(t);
    t->job.tokens_out = m->max_output_tokens;
    for (int32_t p = 0; p < PROVIDERS_MAX; p++) {
        model_price price = {0};
        bool is_known =
            p < m->n_providers && model_price_find(model_at(t, m, p), m->prices, m->n_prices, market_ms, &price);
        t->job.usd[p] = model_price_of(&price, t->job.tokens_in, 0, t->job.tokens_out);
        if (p >= m->n_providers || (!is_known && m->needs_prices)) t->job.usd[p] = NAN;
        has_any = has_any || !isnan(t->job.usd[p]);
    }
    return has_any;
}

double analysis_task_charge(analysis_task *t, const analysis_manner *m, const reply *r, bool has_answer,
                            int64_t market_ms) {
    int32_t p = t->job.provider;
    model_price price = {0};
    double usd;
    t->row.n_requests++;
    t->row.day = t->job.day;
    snprintf(t->row.provider, sizeof t->row.provider, "%s", provider_name(&m->providers[p]));
    snprintf(t->row.model, sizeof t->row.model, "%s", r->model[0] ? r->model : model_at(t, m, p));
    t->row.tokens_in += has_answer ? r->tokens_in : t->job.tokens_in;
    t->row.tokens_out += has_answer ? r->tokens_out : t->job.tokens_out;
    t->row.tokens_cached += r->tokens_cached;
    (void)model_price_find(model_at(t, m, p), m->prices, m->n_prices, market_ms, &price);
    usd = model_price_of(&price, r->tokens_in, r->tokens_cached, r->tokens_out);
    t->row.cost_usd += has_answer ? usd : t->job.usd[p]; /* the same as the queue counts */
    return has_answer ? usd : NAN;
}

analysis_row analysis_task_asked(const analysis_task *t) {
    analysis_row row = t->row;
    row.n_requests++;
    row.day = t->job.day;
    row.tokens_in += t->job.tokens_in;
    row.tokens_out += t->job.tokens_out;
    row.cost_usd += t->job.usd[t->job.provider];
    return row;
}

/* ---- answering ---- */

typedef void (*write_fn)(json_writer *w, const opinion *o, const verdict *v);

static void write_levels(json_writer *w, const opinion *o, const verdict *v) {
    (void)o;
    verdict_write_levels(w, v);
}

/* The plan with the risk/reward that the levels give. */
static void write_plan(json_writer *w, const opinion *o, const verdict *v) {
    opinion checked = *o;
    checked.risk_reward = v->risk_reward;
    opinion_write_plan(w, &checked);
}

static void write_context(json_writer *w, const opinion *o, const verdict *v) {
    (void)v;
    opinion_write_context(w, o);
}

static void write_notes(json_writer *w, const opinion *o, const verdict *v) {
    (void)o;
    verdict_write_notes(w, v);
}

static err written(write_fn write, const opinion *o, const verdict *v, char **out) {
    json_writer w;
    size_t bytes;
    err e;
    json_writer_init(&w);
    write(&w, o, v);
    free(*out);
    *out = NULL;
    e = json_writer_take(&w, out, &bytes);
    json_writer_deinit(&w);
    return e;
}

static err fill_row(analysis_row *row, opinion *o, const verdict *v) {
    static const char *const sides[] = {"", "long", "short"};
    err e = written(write_levels, o, v, &row->key_levels);
    if (e == OK) e = written(write_plan, o, v, &row->trade_plan);
    if (e == OK) e = written(write_context, o, v, &row->context);
    if (e == OK) e = written(write_notes, o, v, &row->notes);
    if (e != OK) return e;
    snprintf(row->decision, sizeof row->decision, "%s", decision_name(v->decision));
    snprintf(row->side, sizeof row->side, "%s", sides[v->side]);
    row->confidence = v->confidence;
    free(row->reasoning);
    row->reasoning = o->reasoning;
    o->reasoning = NULL;
    row->status = ANALYSIS_DONE;
    return OK;
}

err analysis_task_answer(analysis_task *t, const char *text, diag *why) {
    opinion o;
    verdict v;
    err e;
    free(t->row.raw);
    t->row.raw = strndup(text, OPINION_MAX_BYTES);
    if (!t->row.raw) return ERR_NO_MEMORY;
    e = opinion_parse(text, strlen(text), &o, why);
    if (e != OK) return e;
    verdict_make(&o, &t->scene, &v);
    e = fill_row(&t->row, &o, &v);
    opinion_deinit(&o);
    return e;
}

err analysis_task_complain(analysis_task *t, const char *text, const char *what) {
    t->previous = strndup(text, PREVIOUS_BYTES);
    if (!t->previous) return ERR_NO_MEMORY;
    if (asprintf(&t->complaint,
                 "That answer was not of the form asked for: %s. Answer again with one JSON object of the schema and "
                 "nothing else.",
                 what) >= 0)
        return OK;
    t->complaint = NULL;
    return ERR_NO_MEMORY;
}

void analysis_task_end(analysis_task *t, analysis_status status, const char *why) {
    t->row.status = status;
    free(t->row.error);
    t->row.error = strdup(why); /* NULL without memory: the status says enough */
}
