/* See prompting.h. */
#include "check/prompting.h"
#include "base/time_text.h"
#include "script/calls.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct run {
    const prompting_request *request;
    probe probe;
    trader_spec *spec;
    symbol_info symbol;
    probe_bars bars;
    probe_references references;
    probe_market *market;
    script_view view;
} run;

/* The market up to the bar; `last` is the bar's index. */
static err open_market(run *r, int32_t *last, diag *why) {
    int32_t interval = r->spec->interval;
    const kline_list *list = &r->bars.lists[interval];
    probe_cut cut = {0};
    char wanted[TIME_TEXT_BYTES];
    err e;
    if (list->count == 0)
        return diag_set(why, ERR_NOT_FOUND, "%s has no whole %s bar in %s", r->request->symbol, interval_name(interval),
                        r->request->data);
    int64_t open_ms =
        r->request->at_ms ? interval_floor(interval, r->request->at_ms) : list->bars[list->count - 1].open_ms;
    cut.to_ms = interval_next(interval, open_ms);
    e = probe_market_new(r->probe.registry, &r->symbol, 0, &r->bars, &cut, &r->market);
    if (e == OK) e = probe_market_refer(r->market, r->probe.registry, &r->references, &cut);
    if (e != OK) return diag_set(why, e, "%s: %s", r->request->symbol, error_text(e));
    *last = probe_market_count(r->market, interval) - 1;
    if (*last >= 0 && probe_market_open_ms(r->market, interval, *last) == open_ms) return OK;
    time_text_format(r->request->at_ms, wanted);
    return diag_set(why, ERR_NOT_FOUND, "%s has no %s bar at %s in %s", r->request->symbol, interval_name(interval),
                    wanted, r->request->data);
}

/* What fails on the way is no matter of the bar asked for. */
static err walk(run *r, int32_t last, script_result *result, diag *why) {
    err e = OK;
    for (int32_t i = 0; i <= last && e != ERR_RUNAWAY; i++) {
        if (i > 0) script_result_deinit(result);
        probe_market_view(r->market, r->spec->interval, i, &r->view);
        e = script_state_evaluate(r->probe.state, 0, &r->view, result, why);
    }
    if (e == OK && result->outcome == SCRIPT_WARMING)
        e = diag_set(why, ERR_INVALID, "%s is still warming up at that bar: %d of %d bars are there",
                     r->request->source->chunk, result->have, result->need);
    return e;
}

static err ask(run *r, script_result *result, diag *why) {
    err e = script_state_describe(r->probe.state, 0, &r->view, result, why);
    if (e == OK && !result->fault) e = script_state_prompt(r->probe.state, 0, &r->view, result, why);
    if (e == OK && result->fault) e = diag_set(why, ERR_SCRIPT, "%s", result->fault);
    if (e == OK && !result->prompt)
        e = diag_set(why, ERR_INVALID, "%s wants no analysis of that bar: its score is not high enough",
                     r->request->source->chunk);
    return e;
}

static void note(const run *r, prompting *out) {
    const kline_series *bars = r->view.bars[r->spec->interval];
    snprintf(out->trader, sizeof out->trader, "%s", r->spec->key);
    out->interval = r->spec->interval;
    out->open_ms = r->view.open_ms;
    out->close_ms = r->view.close_ms;
    out->price = kline_series_field(bars, FIELD_CLOSE)[kline_series_count(bars) - 1];
}

err prompting_make(const prompting_request *request, prompting *out, diag *why) {
    run r = {.request = request, .symbol.tick_size = request->tick_size};
    script_limits limits = request->limits;
    int32_t last = -1;
    err e;
    *out = (prompting){.result = {.score = NAN, .stop = NAN}};
    limits.analysis = ANALYSIS_MANUAL;
    e = probe_open(&r.probe, &limits, why);
    if (e == OK) e = script_state_load(r.probe.state, 0, request->source, &r.spec, why);
    if (e == OK && r.spec->rank_top)
        e = diag_set(why, ERR_INVALID, "%s ranks all symbols, which the bars of one symbol do not say",
                     request->source->chunk);
    if (e == OK) e = probe_folder_read(request->data, request->symbol, r.spec, &r.symbol, &r.bars, &r.references, why);
    if (e == OK) e = open_market(&r, &last, why);
    if (e == OK) e = walk(&r, last, &out->result, why);
    if (e == OK) e = ask(&r, &out->result, why);
    if (e == OK) note(&r, out);
    probe_market_free(r.market);
    probe_bars_free(&r.bars);
    probe_references_free(&r.references);
    probe_close(&r.probe);
    trader_spec_free(r.spec);
    if (e != OK) prompting_deinit(out);
    return e;
}

void prompting_deinit(prompting *p) { script_result_deinit(&p->result); }
