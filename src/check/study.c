#include "check/study.h"
#include "check/study_body.h"
#include <stdlib.h>

err study_open(const script_limits *limits, const trader_source *source, study **out, diag *why) {
    script_limits quiet = *limits;
    study *s = calloc(1, sizeof *s);
    if (!s) return diag_set(why, ERR_NO_MEMORY, "%s", error_text(ERR_NO_MEMORY));
    quiet.is_quiet = true;
    if (quiet.analysis != ANALYSIS_MANUAL) quiet.analysis = ANALYSIS_OFF;
    err e = probe_open(&s->probe, &quiet, why);
    if (e == OK) e = script_state_load(s->probe.state, 0, source, &s->spec, why);
    if (e == OK)
        *out = s;
    else
        study_close(s);
    return e;
}

void study_close(study *s) {
    if (!s) return;
    probe_close(&s->probe);
    trader_spec_free(s->spec);
    for (size_t i = 0; i < s->n_kept; i++) free(s->matches[i].conditions);
    free(s->matches);
    free(s->costs_ns);
    free(s);
}

const trader_spec *study_spec(const study *s) { return s->spec; }

/* Another id for each symbol, since the state keeps what it has bound by it. */
err study_market(study *s, const study_bars *at, int32_t n_bars, probe_market **out, int32_t *from, diag *why) {
    uint32_t id = s->n_symbols * (REFERENCES_MAX + 1);
    err e = probe_market_new(s->probe.registry, at->symbol, id, at->bars, NULL, out);
    if (e == OK && at->references) e = probe_market_refer(*out, s->probe.registry, at->references, NULL);
    if (e != OK) return diag_set(why, e, "%s: %s", at->symbol->name, error_text(e));
    int32_t n = probe_market_count(*out, s->spec->interval);
    if (n == 0)
        return diag_set(why, ERR_NOT_FOUND, "%s has no %s bars yet", at->symbol->name,
                        interval_name(s->spec->interval));
    *from = n > n_bars ? n - n_bars : 0;
    return OK;
}
