/* See trial.h. */
#include "check/trial.h"
#include "base/clock.h"
#include "base/json_writer.h"
#include "check/inspect.h"
#include "check/repeat.h"
#include "check/trial_body.h"
#include "screener/tracked.h"
#include "script/ask.h"
#include "script/calls.h"
#include "script/dry_market.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* CPU time that the evaluations of one sample may take. */
static const int64_t PATIENCE_NS = 700000000;

enum { GENERATED = 2, RECORDED_MOST = 3, SAMPLES_MOST = GENERATED + RECORDED_MOST, UNDEFINED_ID = 100 };

/* ---- what the parts share ---- */

static void note_error(trial *t, const char *text) {
    for (int i = 0; i < t->n_errors; i++)
        if (strcmp(t->errors[i], text) == 0) return;
    if (t->n_errors < ERRORS_MOST && (t->errors[t->n_errors] = strdup(text))) t->n_errors++;
}

bool trial_go_on(trial *t, err e) {
    if (e == OK) return true;
    note_error(t, t->why->text);
    if (e != ERR_SCRIPT) t->is_over = true;
    return e == ERR_SCRIPT;
}

void answer_deinit(answer *a) {
    free(a->conditions);
    free(a->plots);
    a->conditions = a->plots = NULL;
}

bool trial_load(trial *t, const trader_source *source, const char *question) {
    char *unused = NULL;
    err e;
    if (t->is_over) return false;
    e = probe_renew(&t->probe, t->why);
    if (e == OK && question) e = script_state_ask(t->probe.state, question, NULL, &unused, t->why);
    if (e == OK) e = script_state_load(t->probe.state, 0, source, NULL, t->why);
    if (e == OK) script_state_expect(t->probe.state, 0, t->spec);
    free(unused);
    return trial_go_on(t, e) && e == OK;
}

probe_market *trial_market(trial *t, const sample *s, uint32_t id, const probe_cut *cut) {
    probe_market *m = NULL;
    err e = probe_market_new(t->probe.registry, &s->symbol, id * (REFERENCES_MAX + 1), &s->bars, cut, &m);
    if (e == OK) e = probe_market_refer(m, t->probe.registry, &s->references, cut);
    if (e != OK) {
        probe_market_free(m);
        m = NULL;
    }
    if (e != OK) (void)trial_go_on(t, diag_set(t->why, e, "%s: %s", t->source->chunk, error_text(e)));
    return m;
}

bool trial_look(const trial *t, probe_market *m, int32_t index, script_view *view) {
    probe_market_view(m, t->order.interval, index, view);
    return probe_market_stale(m, t->order.mask & ~(1u << t->order.interval), view, NULL) < 0;
}

static bool ask_more(trial *t, const script_view *view, answer *out) {
    if (!trial_go_on(t, script_state_conditions(t->probe.state, 0, view, &out->conditions, t->why))) return false;
    return trial_go_on(t, script_state_plots(t->probe.state, 0, view, &out->plots, t->why));
}

/* What the daemon would know of all symbols: a place that is the same whenever the bar is seen. */
static void make_up_rank(const trial *t, script_view *view, script_rank *rank) {
    int64_t number = interval_count(t->order.interval, interval_floor(t->order.interval, 0), view->open_ms);
    *rank = dry_market_rank(t->spec->rank_top, (int32_t)(number % INT32_MAX));
    view->rank = rank;
}

bool trial_evaluate(trial *t, const script_view *given, bool whole, answer *out) {
    script_view shown = *given, *view = &shown;
    script_rank rank;
    script_result r;
    script_outcome unused;
    double rank_score = NAN;
    err e = OK;
    if (t->spec->rank_top) {
        e = script_state_score(t->probe.state, 0, view, &rank_score, &unused, t->why);
        make_up_rank(t, view, &rank);
    }
    *out = (answer){.outcome = -1};
    if (e != OK) return trial_go_on(t, e);
    e = script_state_evaluate(t->probe.state, 0, view, &r, t->why);
    *out = (answer){.outcome = e == OK ? (int)r.outcome : -1, .side = r.side, .score = r.score, .stop = r.stop};
    out->rank_score = rank_score;
    out->n_targets = r.n_targets;
    memcpy(out->target, r.target, sizeof out->target);
    if (e == OK && r.fault) note_error(t, r.fault);
    script_result_deinit(&r);
    if (!trial_go_on(t, e)) return false;
    return !whole || out->outcome == SCRIPT_WARMING || ask_more(t, view, out);
}

/* ---- forward ---- */

static void run_forward(trial *t, const sample *s, probe_market *m, answer *answers) {
    int32_t count = probe_market_count(m, t->order.interval);
    int64_t start_ns = thread_cpu_ns();
    for (int32_t i = s->from; i < count && !t->is_over && !t->is_slow; i++) {
        script_view view;
        answer *a = &answers[i - s->from];
        int64_t began_ns;
        a->outcome = SCRIPT_WARMING;
        t->is_slow = thread_cpu_ns() - start_ns > PATIENCE_NS;
        if (!trial_look(t, m, i, &view)) continue;
        began_ns = thread_cpu_ns();
        if (!trial_evaluate(t, &view, false, a)) return;
        if (a->outcome == SCRIPT_WARMING) continue;
        t->costs_ns[t->n_costs++] = thread_cpu_ns() - began_ns;
        t->n_matches += a->outcome == SCRIPT_MATCH;
    }
}

static void run_sample(trial *t, const sample *s, uint32_t id) {
    probe_market *m = NULL;
    answer *answers = calloc(SAMPLE_BARS, sizeof *answers);
    if (answers && trial_load(t, t->source, NULL)) m = trial_market(t, s, id, NULL);
    if (m) run_forward(t, s, m, answers);
    if (m && !t->is_over && !t->is_slow) repeat_prefixes(t, s, id, m, answers);
    if (m && !t->is_over && !t->is_slow && !t->history_fact) repeat_later_start(t, s, id, m);
    probe_market_free(m);
    free(answers);
}

/* ---- facts ---- */

static int by_size(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

static double median_us(const trial *t) {
    int32_t middle;
    if (t->n_costs == 0) return 0;
    qsort(t->costs_ns, (size_t)t->n_costs, sizeof *t->costs_ns, by_size);
    middle = t->n_costs / 2;
    return (double)t->costs_ns[middle] / 1000;
}

static void write_needs(json_writer *w, const trader_spec *spec) {
    uint32_t used = 0, references = 0;
    json_write_key(w, "warmup");
    json_write_array(w);
    for (int32_t i = 0; i < N_INTERVALS && spec; i++) {
        if (spec->depth[i] <= 0) continue;
        json_write_object(w);
        json_put_text(w, "interval", interval_name(i));
        json_put_integer(w, "bars", spec->depth[i]);
        json_write_object_end(w);
    }
    json_write_array_end(w);
    for (int32_t i = 0; spec && i < spec->n_needs; i++) {
        int32_t k = place_reference_of(spec->needs[i].place);
        used |= 1u << place_interval(spec->needs[i].place);
        if (k >= 0) references |= 1u << k;
    }
    json_write_key(w, "used_references");
    json_write_array(w);
    for (int32_t k = 0; spec && k < spec->n_references; k++)
        if (references >> k & 1) json_write_text(w, spec->references[k]);
    json_write_array_end(w);
    json_write_key(w, "used");
    json_write_array(w);
    for (int32_t i = 0; i < N_INTERVALS; i++)
        if (used >> i & 1) json_write_text(w, interval_name(i));
    json_write_array_end(w);
}

static err write_facts(trial *t, char **facts) {
    json_writer w;
    size_t bytes;
    err e;
    json_writer_init(&w);
    json_write_object(&w);
    json_write_key(&w, "errors");
    json_write_array(&w);
    for (int i = 0; i < t->n_errors; i++) json_write_text(&w, t->errors[i]);
    json_write_array_end(&w);
    write_needs(&w, t->spec);
    json_put_raw(&w, "sites", t->sites ? t->sites : "[]");
    json_put_raw(&w, "kept", t->kept ? t->kept : "[]");
    if (t->nan_fact) json_put_raw(&w, "nan", t->nan_fact);
    if (t->future_fact) json_put_raw(&w, "future", t->future_fact);
    if (t->history_fact) json_put_raw(&w, "history", t->history_fact);
    json_put_integer(&w, "evaluations", t->n_costs);
    json_put_integer(&w, "matches", t->n_matches);
    json_put_text(&w, "bars", t->is_recorded ? "generated and recorded" : "generated");
    json_put_bool(&w, "is_cut", t->is_slow);
    json_put_number(&w, "cost_us", median_us(t));
    json_put_number(&w, "cost_limit_us", t->options->cost_limit_us);
    json_write_object_end(&w);
    e = json_writer_take(&w, facts, &bytes);
    json_writer_deinit(&w);
    return e;
}

/* ---- all of it ---- */

static err read_recorded(trial *t, sample *samples, int *n) {
    char **names = NULL;
    size_t n_names = 0;
    err e = kline_file_symbols(t->options->data, &names, &n_names, t->why);
    for (size_t i = 0; i < n_names && e == OK && *n < SAMPLES_MOST; i++) {
        e = sample_read(&t->order, t->options->data, names[i], &samples[*n], t->why);
        if (e == OK) ++*n;
        if (e == ERR_INVALID) e = diag_set(t->why, OK, "%s", ""); /* bars too coarse for this trader */
    }
    if (e == OK && *n == GENERATED)
        e = diag_set(t->why, ERR_NOT_FOUND, "%s: no file has bars of which %s bars can be made", t->options->data,
                     interval_name(t->order.interval));
    t->is_recorded = e == OK;
    kline_file_free_symbols(names, n_names);
    return e;
}

static err run_samples(trial *t, const trader_source *watched) {
    sample samples[SAMPLES_MOST] = {0}, undefined = {0};
    int n = 0;
    err e = OK;
    for (; n < GENERATED && e == OK; n++) e = sample_generate(&t->order, n * 17, &samples[n]);
    if (e == OK) e = sample_undefined(&t->order, 0, &undefined);
    if (e != OK) e = diag_set(t->why, e, "%s", error_text(e));
    if (e == OK && t->options->data) e = read_recorded(t, samples, &n);
    t->costs_ns = calloc((size_t)n * SAMPLE_BARS + 1, sizeof *t->costs_ns);
    if (e == OK && !t->costs_ns) e = diag_set(t->why, ERR_NO_MEMORY, "out of memory");
    for (int k = 0; k < n && e == OK && !t->is_over; k++) run_sample(t, &samples[k], (uint32_t)k);
    if (e == OK && !t->is_over) inspect_kept(t, &samples[0], 0);
    if (e == OK && !t->is_over) inspect_undefined(t, watched, &undefined, UNDEFINED_ID);
    for (int k = 0; k < n && e == OK && !t->is_over && !t->is_slow && watched; k++)
        inspect_history(t, watched, &samples[k], (uint32_t)k);
    if (e == OK && !t->is_over && !t->is_slow && watched) inspect_sites(t, watched, samples, n);
    for (int k = 0; k < SAMPLES_MOST; k++) sample_free(&samples[k]);
    sample_free(&undefined);
    return e;
}

static err run_loaded(trial *t) {
    trader_source *watched = NULL;
    err e = OK;
    t->order = (sample_order){.interval = t->spec->interval,
                              .mask = t->spec->interval_mask,
                              .references = t->spec->references,
                              .n_references = t->spec->n_references};
    for (int32_t i = 0; i < N_INTERVALS; i++) /* the daemon asks for no more, either */
        t->order.history[i] = t->spec->history[i] < BACKFILL_MAX_BARS ? t->spec->history[i] : BACKFILL_MAX_BARS;
    if (t->watched)
        e = trader_source_new(t->source->key, t->source->chunk, t->watched, strlen(t->watched), t->source->inputs,
                              &watched, t->why);
    if (e == OK) e = run_samples(t, watched);
    trader_source_free(watched);
    return e;
}

static void trial_deinit(trial *t) {
    probe_close(&t->probe);
    trader_spec_free(t->spec);
    for (int i = 0; i < t->n_errors; i++) free(t->errors[i]);
    free(t->costs_ns);
    free(t->sites);
    free(t->kept);
    free(t->nan_fact);
    free(t->future_fact);
    free(t->history_fact);
}

err trial_run(const trial_options *options, const trader_source *source, const char *watched, char **facts, diag *why) {
    trial t = {.options = options, .source = source, .watched = watched, .why = why};
    err e = probe_open(&t.probe, &options->limits, why);
    if (e == OK) {
        err loaded = script_state_load(t.probe.state, 0, source, &t.spec, why);
        if (loaded == OK)
            e = run_loaded(&t);
        else
            (void)trial_go_on(&t, loaded);
    }
    if (e == OK && write_facts(&t, facts) != OK) e = diag_set(why, ERR_NO_MEMORY, "out of memory");
    trial_deinit(&t);
    return e;
}
