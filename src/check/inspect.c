/* See inspect.h. */
#include "check/inspect.h"
#include "script/ask.h"
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KEPT_BARS = 40, CAUSES_MOST = 64 };

/* The text that the tools answer; NULL when they cannot. */
static char *ask(trial *t, const char *question, const char *argument) {
    char *text = NULL;
    err e = script_state_ask(t->probe.state, question, argument, &text, t->why);
    if (e == ERR_RUNAWAY) t->is_over = true;
    return e == OK ? text : NULL;
}

/* ---- kept ---- */

void inspect_kept(trial *t, const sample *s, uint32_t id) {
    probe_market *m;
    int32_t count;
    if (!trial_load(t, t->source, "keep") || !(m = trial_market(t, s, id, NULL))) return;
    count = probe_market_count(m, t->order.interval);
    free(ask(t, "kept", NULL));
    for (int k = 0; k < KEPT_BARS && !t->is_over; k++) {
        int32_t at = s->from + (int32_t)((int64_t)(count - s->from - 1) * k / (KEPT_BARS - 1));
        script_view view;
        answer a = {0};
        if (trial_look(t, m, at, &view)) (void)trial_evaluate(t, &view, true, &a);
        answer_deinit(&a);
    }
    if (!t->is_over) t->kept = ask(t, "kept", NULL);
    probe_market_free(m);
}

/* ---- sites ---- */

void inspect_sites(trial *t, const trader_source *watched, const sample *samples, int n) {
    if (!trial_load(t, watched, "watch")) return;
    for (int k = 0; k < n && !t->is_over; k++) {
        const sample *s = &samples[k];
        probe_market *m = trial_market(t, s, (uint32_t)k, NULL);
        int32_t count = m ? probe_market_count(m, t->order.interval) : 0;
        for (int32_t i = s->from; i < count && !t->is_over; i++) {
            script_view view;
            answer a = {0};
            if (trial_look(t, m, i, &view)) (void)trial_evaluate(t, &view, true, &a);
            answer_deinit(&a);
        }
        probe_market_free(m);
    }
    if (!t->is_over) t->sites = ask(t, "sites", NULL);
}

/* ---- bars without a number ---- */

static bool matches(trial *t, probe_market *m, int32_t at) {
    script_view view;
    answer a = {0};
    bool has_run;
    probe_market_view(m, t->order.interval, at, &view);
    view.ignores_warmup = true;
    has_run = trial_evaluate(t, &view, false, &a);
    return has_run && a.outcome == SCRIPT_MATCH;
}

/* The bar at which the trader matches; -1: at none. Errors count for nothing here: no such bar ever comes. */
static int32_t find_match(trial *t, const sample *s, probe_market *m) {
    int32_t count = probe_market_count(m, t->order.interval);
    int n_errors = t->n_errors;
    int32_t found = -1;
    for (int32_t i = s->from; i < count && found < 0 && !t->is_over; i++)
        if (matches(t, m, i)) found = i;
    while (t->n_errors > n_errors) free(t->errors[--t->n_errors]);
    return found;
}

/* The sites at which something was decided in the evaluation: those that a NaN has touched first, the latest before the
 * earlier ones. */
static int order_sites(const char *events, int sites[CAUSES_MOST]) {
    json_t *list = json_loads(events, 0, NULL);
    int n = 0;
    for (int pass = 1; pass >= 0; pass--)
        for (size_t i = json_array_size(list); i-- > 0;) {
            const json_t *event = json_array_get(list, i);
            int site = (int)json_integer_value(json_object_get(event, "site"));
            bool is_known = false;
            if (json_is_true(json_object_get(event, "tainted")) != (pass == 1)) continue;
            for (int k = 0; k < n; k++) is_known = is_known || sites[k] == site;
            if (!is_known && n < CAUSES_MOST) sites[n++] = site;
        }
    json_decref(list);
    return n;
}

/* Each site in turn is forced to what it would be without NaN, until the match is gone. -1: none of them alone. */
static int find_cause(trial *t, probe_market *m, int32_t at) {
    int sites[CAUSES_MOST], n;
    char *events;
    free(ask(t, "record", NULL));
    if (!matches(t, m, at) || !(events = ask(t, "events", NULL))) return -1;
    n = order_sites(events, sites);
    free(events);
    for (int k = 0; k < n && !t->is_over; k++) {
        char site[16];
        snprintf(site, sizeof site, "%d", sites[k]);
        free(ask(t, "record", site));
        if (!matches(t, m, at)) return sites[k];
    }
    return n > 0 ? sites[0] : -1;
}

void inspect_undefined(trial *t, const trader_source *watched, const sample *s, uint32_t id) {
    probe_market *m;
    int32_t at = -1, site = -1;
    if (!trial_load(t, t->source, NULL) || !(m = trial_market(t, s, id, NULL))) return;
    at = find_match(t, s, m);
    probe_market_free(m);
    if (at < 0) return;
    if (watched && trial_load(t, watched, "watch") && (m = trial_market(t, s, id, NULL))) {
        site = find_cause(t, m, at);
        probe_market_free(m);
    }
    if (site >= 0 ? asprintf(&t->nan_fact, "{\"site\":%d}", site) < 0 : !(t->nan_fact = strdup("{}")))
        t->nan_fact = NULL;
}
