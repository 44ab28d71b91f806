#include "check/study_prompt.h"
#include "check/study_body.h"
#include "script/calls.h"
#include <math.h>
#include <string.h>

static err ask(study *s, const script_view *view, script_result *r, diag *why) {
    err e = script_state_evaluate(s->probe.state, 0, view, r, why);
    if (e == OK && r->outcome == SCRIPT_WARMING)
        e = diag_set(why, ERR_INVALID, "%s is still warming up at that bar: %d of %d bars are there", s->spec->key,
                     r->have, r->need);
    if (e == OK) e = script_state_describe(s->probe.state, 0, view, r, why);
    if (e == OK && !r->fault) e = script_state_prompt(s->probe.state, 0, view, r, why);
    if (e == OK && r->fault) e = diag_set(why, ERR_SCRIPT, "%s", r->fault);
    if (e == OK && !r->prompt)
        e = diag_set(why, ERR_INVALID, "%s wants no analysis of that bar: its score is not high enough", s->spec->key);
    return e;
}

err study_prompt(study *s, const study_bars *at, int64_t open_ms, char **out, diag *why) {
    script_result r = {.score = NAN, .stop = NAN};
    probe_market *m = NULL;
    script_view view;
    int32_t from = 0, place = -1, interval = s->spec->interval;
    *out = NULL;
    if (s->spec->rank_top)
        return diag_set(why, ERR_INVALID, "%s ranks all symbols, which the bars of one symbol do not say",
                        s->spec->key);
    err e = study_market(s, at, 1, &m, &from, why);
    if (e == OK) place = kline_series_find(probe_market_bars(m, interval), open_ms);
    if (e == OK && place < 0)
        e = diag_set(why, ERR_NOT_FOUND, "%s: the bar of the signal is not in memory any more", at->symbol->name);
    if (e == OK) {
        probe_market_view(m, interval, place, &view);
        e = ask(s, &view, &r, why);
    }
    if (e == OK && !(*out = strdup(r.prompt))) e = diag_set(why, ERR_NO_MEMORY, "%s", error_text(ERR_NO_MEMORY));
    script_result_deinit(&r);
    probe_market_free(m);
    return e;
}
