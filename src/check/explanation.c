/* See explanation.h. */
#include "check/explanation.h"
#include "base/json_writer.h"
#include "base/time_text.h"
#include "check/reader.h"
#include "screener/firing.h"
#include "script/ask.h"
#include "script/calls.h"
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COMPARISONS_MOST = 60 };

typedef enum outcome { NO_MATCH, MATCH, WARMING, FAILED, SKIPPED } outcome;

typedef struct explanation {
    const explanation_request *request;
    probe probe;
    trader_spec *spec;
    symbol_info symbol;
    probe_bars bars;
    probe_references references;
    probe_market *market;
    script_view view; /* of the bar */
    outcome outcome;
    int32_t have, need, stale;
    const char *stale_symbol; /* NULL: its own */
    edge_row before, after;   /* the memory around the bar */
    bool fires;
    char reason[1024], error[1024];
    char *conditions, *comparisons, *values; /* JSON lists */
} explanation;

/* ---- up to the bar ---- */

static err find_bar(explanation *x, int32_t *index, diag *why) {
    const explanation_request *r = x->request;
    int32_t interval = x->spec->interval, count;
    int64_t open_ms = interval_floor(interval, r->at_ms);
    probe_cut cut = {.to_ms = interval_next(interval, open_ms)};
    char wanted[TIME_TEXT_BYTES], first[TIME_TEXT_BYTES], last[TIME_TEXT_BYTES];
    const kline_list *list = &x->bars.lists[interval];
    err e = probe_market_new(x->probe.registry, &x->symbol, 0, &x->bars, &cut, &x->market);
    if (e == OK) e = probe_market_refer(x->market, x->probe.registry, &x->references, &cut);
    if (e != OK) return diag_set(why, e, "%s: %s", r->symbol, error_text(e));
    count = probe_market_count(x->market, interval);
    *index = count - 1;
    if (count > 0 && probe_market_open_ms(x->market, interval, count - 1) == open_ms) return OK;
    time_text_format(r->at_ms, wanted);
    if (list->count == 0)
        return diag_set(why, ERR_NOT_FOUND, "%s has no whole %s bar in %s", r->symbol, interval_name(interval),
                        r->data);
    time_text_format(list->bars[0].open_ms, first);
    time_text_format(list->bars[list->count - 1].open_ms, last);
    return diag_set(why, ERR_NOT_FOUND, "%s has no %s bar at %s; its bars in %s open from %s to %s", r->symbol,
                    interval_name(interval), wanted, r->data, first, last);
}

/* One bar, as the screener does it: what fails or is warming up leaves the memory as it is. */
static err step(explanation *x, diag *why) {
    script_result result;
    err e;
    x->stale_symbol = NULL;
    x->stale =
        probe_market_stale(x->market, x->spec->interval_mask & ~(1u << x->spec->interval), &x->view, &x->stale_symbol);
    x->outcome = SKIPPED;
    x->before = x->after;
    x->fires = false;
    if (x->stale >= 0) return OK;
    e = script_state_evaluate(x->probe.state, 0, &x->view, &result, why);
    x->have = result.have;
    x->need = result.need;
    if (e == ERR_SCRIPT) snprintf(x->error, sizeof x->error, "%s", why->text);
    if (e == OK) x->outcome = result.outcome == SCRIPT_MATCH ? MATCH : NO_MATCH;
    if (e == OK && result.outcome == SCRIPT_WARMING) x->outcome = WARMING;
    script_result_deinit(&result);
    if (e == ERR_SCRIPT) {
        x->outcome = FAILED;
        return OK;
    }
    if (e == OK && x->outcome != WARMING)
        x->fires = firing_step(&x->after, x->spec, x->view.open_ms, x->outcome == MATCH);
    return e;
}

static err walk(explanation *x, diag *why) {
    int32_t index = -1;
    err e = find_bar(x, &index, why);
    for (int32_t i = 0; i <= index && e == OK; i++) {
        probe_market_view(x->market, x->spec->interval, i, &x->view);
        e = step(x, why);
    }
    return e;
}

/* ---- why ---- */

static void say(explanation *x, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void say(explanation *x, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(x->reason, sizeof x->reason, format, arguments);
    va_end(arguments);
}

static long long bars_since(const explanation *x, int64_t open_ms) {
    return (long long)interval_count(x->spec->interval, open_ms, x->view.open_ms);
}

static void say_match(explanation *x) {
    trader_spec without_cooldown = *x->spec;
    edge_row memory = x->before;
    char run[TIME_TEXT_BYTES], signal[TIME_TEXT_BYTES];
    bool is_due;
    without_cooldown.cooldown = 0;
    is_due = firing_step(&memory, &without_cooldown, x->view.open_ms, true);
    time_text_format(x->after.run_open_ms, run);
    time_text_format(x->before.signal_open_ms, signal);
    if (x->fires && x->spec->fire == FIRE_EDGE)
        say(x, "It fired: it matches, and did not at the evaluation before.");
    else if (x->fires && x->spec->fire_every <= 1)
        say(x, "It fired: it matches, and fires at every bar that does.");
    else if (x->fires)
        say(x, "It fired: it matches, for %lld bars now, and fires every %d bars of a run.",
            bars_since(x, x->after.run_open_ms), x->spec->fire_every);
    else if (is_due)
        say(x, "It did not fire: it matches, but a signal came %lld bars before, at %s, and the cooldown is %d bars.",
            bars_since(x, x->before.signal_open_ms), signal, x->spec->cooldown);
    else if (!x->before.has_run)
        say(x, "It did not fire: it matches, but this is the first evaluation, and whether it matched before is not "
               "known.");
    else if (x->spec->fire == FIRE_EDGE)
        say(x, "It did not fire: it matches, but has matched since %s already, and fires at the first bar of a run.",
            run);
    else
        say(x, "It did not fire: it matches, since %s, and fires every %d bars of a run.", run, x->spec->fire_every);
}

/* The first condition with a function that did not hold; NULL: none. */
static const char *failed_condition(const json_t *conditions) {
    for (size_t i = 0; i < json_array_size(conditions); i++) {
        const json_t *c = json_array_get(conditions, i);
        if (json_is_false(json_object_get(c, "held"))) return json_string_value(json_object_get(c, "text"));
    }
    return NULL;
}

static void say_no_match(explanation *x) {
    json_t *conditions = json_loads(x->conditions, 0, NULL);
    const char *failed = failed_condition(conditions);
    if (failed)
        say(x, "It did not fire: the condition \"%s\" did not hold.", failed);
    else
        say(x, "It did not fire: the filter returned false.");
    json_decref(conditions);
}

static void find_reason(explanation *x) {
    if (!x->spec->is_enabled) {
        say(x, "It did not fire: the trader is not enabled.");
        x->fires = false;
    } else if (!trader_spec_wants(x->spec, x->symbol.name, x->symbol.quote)) {
        say(x, "It did not fire: %s is none of the trader's symbols, so it is never evaluated.", x->symbol.name);
        x->fires = false;
    } else if (x->outcome == SKIPPED) {
        say(x, "It was not evaluated: the %s bar%s%s that closes with this one does not exist.",
            interval_name(x->stale), x->stale_symbol ? " of " : "", x->stale_symbol ? x->stale_symbol : "");
    } else if (x->outcome == FAILED) {
        say(x, "It did not fire: the trader failed: %s", x->error);
    } else if (x->outcome == WARMING) {
        say(x, "It did not fire: warming up %d/%d.", x->have, x->need);
    } else if (x->outcome == MATCH) {
        say_match(x);
    } else {
        say_no_match(x);
    }
}

/* ---- what the script did ---- */

/* [{text, held, values}]: without functions `held` is null. */
static err find_conditions(explanation *x, diag *why) {
    json_t *texts, *list;
    err e = script_state_conditions(x->probe.state, 0, &x->view, &x->conditions, why);
    if (e == ERR_SCRIPT && !*x->error) snprintf(x->error, sizeof x->error, "%s", why->text);
    if (e == ERR_RUNAWAY || e == ERR_NO_MEMORY) return e;
    if (e == OK && strcmp(x->conditions, "[]") != 0) return OK;
    free(x->conditions);
    list = json_array();
    texts = json_loads(x->spec->conditions, 0, NULL);
    for (size_t i = 0; i < json_array_size(texts); i++)
        json_array_append_new(list, json_pack("{s:O, s:n, s:{}}", "text", json_array_get(texts, i), "held", "values"));
    x->conditions = json_dumps(list, JSON_COMPACT);
    json_decref(texts);
    json_decref(list);
    return x->conditions ? OK : diag_set(why, ERR_NO_MEMORY, "out of memory");
}

static void add_comparison(json_t *list, const json_t *event, const json_t *site) {
    json_t *row = json_pack("{s:O?, s:O?, s:O?, s:O?, s:O?, s:O?, s:O?}", "line", json_object_get(site, "line"),
                            "column", json_object_get(site, "column"), "text", json_object_get(site, "text"), "kind",
                            json_object_get(site, "kind"), "left", json_object_get(event, "a"), "right",
                            json_object_get(event, "b"), "held", json_object_get(event, "result"));
    if (row && json_array_size(list) < COMPARISONS_MOST)
        json_array_append_new(list, row);
    else
        json_decref(row);
}

static bool is_comparison(const char *kind) {
    static const char *const kinds[] = {"lt", "le", "gt", "ge", "eq", "ne", "call"};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(kind, kinds[i]) == 0) return true;
    return false;
}

/* Comparisons and calls that answered true or false; when there are many, of one that came several times the last. */
static char *join_sites(const char *events, const char *sites) {
    json_t *seen = json_loads(events, 0, NULL), *known = json_loads(sites, 0, NULL), *list = json_array();
    char *text;
    for (size_t i = 0; i < json_array_size(seen); i++) {
        const json_t *event = json_array_get(seen, i);
        json_int_t number = json_integer_value(json_object_get(event, "site"));
        const json_t *site = json_array_get(known, (size_t)number - 1);
        const char *kind = json_string_value(json_object_get(site, "kind"));
        bool comes_again = false;
        for (size_t k = i + 1; k < json_array_size(seen) && json_array_size(seen) > COMPARISONS_MOST; k++)
            comes_again = comes_again || json_integer_value(json_object_get(json_array_get(seen, k), "site")) == number;
        if (kind && !comes_again && is_comparison(kind)) add_comparison(list, event, site);
    }
    text = json_dumps(list, JSON_COMPACT | JSON_REAL_PRECISION(17));
    json_decref(seen);
    json_decref(known);
    json_decref(list);
    return text;
}

/* The filter once more, in a state that looks at it: rewritten when that could be done. What it says there counts for
 * nothing. */
static err look(explanation *x, reader *r, const char *watched, diag *why) {
    trader_source *source = NULL;
    script_result result;
    char *unused = NULL, *events = NULL, *sites = NULL;
    const char *code = watched ? watched : x->request->source->code;
    err e = trader_source_new(x->request->source->key, x->request->source->chunk, code, strlen(code),
                              x->request->source->inputs, &source, why);
    if (e == OK) e = probe_renew(&x->probe, why);
    if (e == OK) e = script_state_ask(x->probe.state, "look", NULL, &unused, why);
    if (e == OK) e = script_state_ask(x->probe.state, "watch", NULL, &unused, why);
    if (e == OK) e = script_state_load(x->probe.state, 0, source, NULL, why);
    for (int run = 0; run < 2 && (e == OK || e == ERR_SCRIPT); run++) { /* the first finds out what it asks for */
        script_view view = x->view;
        view.ignores_warmup = true;
        e = script_state_ask(x->probe.state, "record", NULL, &unused, why);
        if (e != OK) break;
        e = script_state_evaluate(x->probe.state, 0, &view, &result, why);
        script_result_deinit(&result);
    }
    if (e == OK || e == ERR_SCRIPT) e = script_state_ask(x->probe.state, "events", NULL, &events, why);
    if (e == OK) e = script_state_ask(x->probe.state, "reads", NULL, &x->values, why);
    if (e == OK) e = reader_sites(r, &sites, why);
    if (e == OK && events && sites) x->comparisons = join_sites(events, sites);
    free(events);
    free(sites);
    trader_source_free(source);
    return e == ERR_NO_MEMORY ? e : OK;
}

static err look_into(explanation *x, char **warning, diag *why) {
    const trader_source *source = x->request->source;
    reader *r = NULL;
    char *names = NULL, *watched = NULL;
    err e = reader_new(&r, why);
    if (e == OK) e = probe_renew(&x->probe, why);
    if (e == OK) e = script_state_ask(x->probe.state, "names", NULL, &names, why);
    if (e == OK) e = reader_open(r, source->code, source->code_bytes, source->chunk, names, &watched, warning, why);
    if (e == OK) e = look(x, r, watched, why);
    free(names);
    free(watched);
    reader_free(r);
    return e;
}

/* ---- the answer ---- */

static err write_answer(const explanation *x, char **json) {
    static const char *const outcomes[] = {"no match", "match", "warming up", "error", "skipped"};
    const kline_series *bars = probe_market_bars(x->market, x->spec->interval);
    json_writer w;
    size_t bytes;
    err e;
    json_writer_init(&w);
    json_write_object(&w);
    json_put_text(&w, "trader", x->spec->key);
    json_put_text(&w, "symbol", x->symbol.name);
    json_put_text(&w, "interval", interval_name(x->spec->interval));
    json_put_integer(&w, "time", x->view.open_ms);
    json_put_integer(&w, "closeTime", x->view.close_ms);
    json_put_number(&w, "price", kline_series_field(bars, FIELD_CLOSE)[kline_series_count(bars) - 1]);
    json_put_text(&w, "outcome", outcomes[x->outcome]);
    json_put_number(&w, "have", x->outcome == WARMING ? x->have : NAN);
    json_put_number(&w, "need", x->outcome == WARMING ? x->need : NAN);
    json_put_text(&w, "error", *x->error ? x->error : NULL);
    json_put_raw(&w, "conditions", x->conditions);
    json_put_raw(&w, "comparisons", x->comparisons ? x->comparisons : "[]");
    json_put_raw(&w, "values", x->values ? x->values : "[]");
    json_put_bool(&w, "fires", x->fires);
    json_put_text(&w, "reason", x->reason);
    json_write_object_end(&w);
    e = json_writer_take(&w, json, &bytes);
    json_writer_deinit(&w);
    return e;
}

err explanation_make(const explanation_request *request, char **json, char **warning, diag *why) {
    explanation x = {.request = request};
    err e = probe_open(&x.probe, &request->limits, why);
    *warning = NULL;
    if (e == OK) e = script_state_load(x.probe.state, 0, request->source, &x.spec, why);
    if (e == OK && x.spec->rank_top)
        e = diag_set(why, ERR_INVALID,
                     "%s ranks all symbols, which the bars of one symbol do not say; replay shows what "
                     "it fires at",
                     request->source->chunk);
    if (e == OK) e = probe_folder_read(request->data, request->symbol, x.spec, &x.symbol, &x.bars, &x.references, why);
    if (e == OK) e = walk(&x, why);
    if (e == OK) e = find_conditions(&x, why);
    if (e == OK) e = look_into(&x, warning, why);
    if (e == OK) {
        find_reason(&x);
        if (write_answer(&x, json) != OK) e = diag_set(why, ERR_NO_MEMORY, "out of memory");
    }
    probe_market_free(x.market);
    probe_bars_free(&x.bars);
    probe_references_free(&x.references);
    probe_close(&x.probe);
    trader_spec_free(x.spec);
    free(x.conditions);
    free(x.comparisons);
    free(x.values);
    return e;
}
