/* See inspect.h. */
#include "check/inspect.h"
#include "script/ask.h"
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KEPT_BARS = 40, HISTORY_BARS = 40, CAUSES_MOST = 64 };

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

/* ---- comparisons and history ---- */

/* The event is a comparison of two numbers. */
static bool read_sides(const json_t *event, double side[2]) {
    const json_t *a = json_object_get(event, "a"), *b = json_object_get(event, "b");
    side[0] = json_number_value(a);
    side[1] = json_number_value(b);
    return json_is_number(a) && json_is_number(b);
}

static bool is_near(double x, double y) { return fabs(x - y) <= 1e-6 * fmax(1, fmax(fabs(x), fabs(y))); }

/* The side that differs while the other one does not; -1: none. A difference of `n_older` is that of a count of bars,
 * which matters only where the answers differ. */
static int differing_side(const double x[2], const double y[2], int32_t n_older) {
    for (int k = 0; k < 2; k++)
        if (!is_near(x[k], y[k]) && is_near(x[1 - k], y[1 - k]) && fabs(x[k] - y[k]) != n_older) return k;
    return -1;
}

/* {"site", "more", "less"} of the first such comparison in two lists of events; NULL: none. */
static char *compare_events(const char *whole, const char *less, int32_t n_older) {
    json_t *a = json_loads(whole, 0, NULL), *b = json_loads(less, 0, NULL);
    char *found = NULL;
    for (size_t i = 0; i < json_array_size(a) && i < json_array_size(b) && !found; i++) {
        const json_t *x = json_array_get(a, i), *y = json_array_get(b, i);
        double x_sides[2], y_sides[2];
        int k;
        if (!json_equal(json_object_get(x, "site"), json_object_get(y, "site"))) break;
        if (!read_sides(x, x_sides) || !read_sides(y, y_sides)) continue;
        k = differing_side(x_sides, y_sides, n_older);
        if (k >= 0 && asprintf(&found, "\"site\":%d,\"more\":%.10g,\"less\":%.10g",
                               (int)json_integer_value(json_object_get(x, "site")), x_sides[k], y_sides[k]) < 0)
            found = NULL;
    }
    json_decref(a);
    json_decref(b);
    return found;
}

/* What the script decides at a bar; NULL: nothing. The filter is run a second time when it asks for a series that it had
 * not asked for before, so what counts is written down when it is asked once more. */
static char *decide(trial *t, probe_market *m, int32_t at, script_view *view) {
    if (!trial_look(t, m, at, view)) return NULL;
    for (int k = 0; k < 2; k++) {
        answer a = {0};
        free(ask(t, "record", NULL));
        if (t->is_over || !trial_evaluate(t, view, false, &a) || a.outcome == SCRIPT_WARMING) return NULL;
    }
    return ask(t, "events", NULL);
}

static void compare_bars(trial *t, const sample *s, probe_market *whole, probe_market *less) {
    int32_t n = probe_market_count(whole, t->order.interval), n_less = probe_market_count(less, t->order.interval);
    for (int k = 0; k < HISTORY_BARS && !t->is_over && !t->history_fact; k++) {
        int32_t at = s->from + (int32_t)((int64_t)(n - s->from - 1) * k / (HISTORY_BARS - 1));
        script_view a, b;
        char *more = decide(t, whole, at, &a), *fewer = more ? decide(t, less, at - (n - n_less), &b) : NULL;
        char *found = more && fewer ? compare_events(more, fewer, n - n_less) : NULL;
        if (found &&
            asprintf(&t->history_fact, "{\"n_more\":%d,\"n_less\":%d,%s}", at + 1, at + 1 - (n - n_less), found) < 0)
            t->history_fact = NULL;
        free(more);
        free(fewer);
        free(found);
    }
}

void inspect_history(trial *t, const trader_source *watched, const sample *s, uint32_t id) {
    probe_market *whole, *less;
    if (t->history_fact || !trial_load(t, watched, "watch")) return;
    whole = trial_market(t, s, id, NULL);
    less = trial_market(t, s, id, &s->later);
    if (whole && less && probe_market_count(less, t->order.interval) < probe_market_count(whole, t->order.interval))
        compare_bars(t, s, whole, less);
    probe_market_free(whole);
    probe_market_free(less);
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
