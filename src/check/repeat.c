/* See repeat.h. */
#include "check/repeat.h"
#include "base/json_writer.h"
#include "base/time_text.h"
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PREFIXES = 8, NAMES_MOST = 8 };

/* ---- two answers ---- */

static bool is_same_number(double a, double b, double tolerance) {
    if (isnan(a) || isnan(b)) return isnan(a) && isnan(b);
    if (tolerance == 0) return a == b && signbit(a) == signbit(b);
    return fabs(a - b) <= tolerance * fmax(fabs(a), fabs(b));
}

static bool is_same_text(const char *a, const char *b) { return !a || !b || strcmp(a, b) == 0; }

typedef enum part { SAME, OUTCOME, SIDE, SCORE, RANK_SCORE, STOP, TARGETS, CONDITIONS, PLOTS } part;

/* What differs first. `tolerance` 0: to the bit, conditions and plots, too. */
static part difference(const answer *a, const answer *b, double tolerance) {
    if (a->outcome != b->outcome) return OUTCOME;
    if (a->side != b->side) return SIDE;
    if (!is_same_number(a->score, b->score, tolerance)) return SCORE;
    if (!is_same_number(a->rank_score, b->rank_score, tolerance)) return RANK_SCORE;
    if (!is_same_number(a->stop, b->stop, tolerance)) return STOP;
    if (a->n_targets != b->n_targets) return TARGETS;
    for (int32_t i = 0; i < a->n_targets; i++)
        if (!is_same_number(a->target[i], b->target[i], tolerance)) return TARGETS;
    if (tolerance > 0) return SAME;
    if (!is_same_text(a->conditions, b->conditions)) return CONDITIONS;
    return is_same_text(a->plots, b->plots) ? SAME : PLOTS;
}

static const char *outcome_text(int outcome) {
    switch (outcome) {
    case SCRIPT_MATCH: return "match";
    case SCRIPT_NO_MATCH: return "no match";
    case SCRIPT_WARMING: return "warming up";
    default: return "an error";
    }
}

static void describe(const answer *a, part what, char *out, size_t bytes) {
    static const char *const sides[] = {"no side", "long", "short"};
    switch (what) {
    case OUTCOME: snprintf(out, bytes, "%s", outcome_text(a->outcome)); break;
    case SIDE: snprintf(out, bytes, "%s", sides[a->side]); break;
    case SCORE: snprintf(out, bytes, "score %.10g", a->score); break;
    case RANK_SCORE: snprintf(out, bytes, "rank.by gives %.10g", a->rank_score); break;
    case STOP: snprintf(out, bytes, "stop %.10g", a->stop); break;
    case TARGETS: snprintf(out, bytes, "%d targets, the first %.10g", a->n_targets, a->target[0]); break;
    case CONDITIONS: snprintf(out, bytes, "conditions %.120s", a->conditions); break;
    case PLOTS: snprintf(out, bytes, "plots %.120s", a->plots); break;
    case SAME: out[0] = 0; break;
    }
}

/* {"time", "before", "after"} and what `more` adds, in place of an earlier one. */
static void note(char **fact, const answer *a, const answer *b, part what, int64_t open_ms, const char *more) {
    char time[TIME_TEXT_BYTES], before[192], after[192];
    json_writer w;
    size_t bytes;
    time_text_format(open_ms, time);
    describe(a, what, before, sizeof before);
    describe(b, what, after, sizeof after);
    json_writer_init(&w);
    json_write_object(&w);
    json_put_text(&w, "time", time);
    json_put_text(&w, "before", before);
    json_put_text(&w, "after", after);
    if (more) json_put_raw(&w, "more", more);
    json_write_object_end(&w);
    free(*fact);
    *fact = NULL;
    (void)!json_writer_take(&w, fact, &bytes);
    json_writer_deinit(&w);
}

/* ---- prefixes ---- */

static int32_t chosen(const sample *s, int32_t count, int k) {
    return s->from + (int32_t)((int64_t)(count - s->from - 1) * k / (PREFIXES - 1));
}

/* The chosen bars, newest first, in a state that has seen all of them. */
static void look_back(trial *t, const sample *s, probe_market *m, answer later[PREFIXES]) {
    int32_t count = probe_market_count(m, t->order.interval);
    for (int k = PREFIXES - 1; k >= 0 && !t->is_over; k--) {
        script_view view;
        if (trial_look(t, m, chosen(s, count, k), &view) && !trial_evaluate(t, &view, true, &later[k])) return;
    }
}

static bool run_prefix(trial *t, const sample *s, uint32_t id, int64_t open_ms, answer *out) {
    probe_cut cut = {.to_ms = interval_next(t->order.interval, open_ms)};
    probe_market *m;
    script_view view;
    bool has_run = false;
    if (!trial_load(t, t->source, NULL) || !(m = trial_market(t, s, id, &cut))) return false;
    if (trial_look(t, m, probe_market_count(m, t->order.interval) - 1, &view))
        has_run = trial_evaluate(t, &view, true, out);
    probe_market_free(m);
    return has_run;
}

void repeat_prefixes(trial *t, const sample *s, uint32_t id, probe_market *m, const answer *forward) {
    int32_t count = probe_market_count(m, t->order.interval);
    answer later[PREFIXES] = {{0}};
    if (count - s->from < PREFIXES) return;
    look_back(t, s, m, later);
    for (int k = 0; k < PREFIXES && !t->is_over && !t->future_fact; k++) {
        int32_t i = chosen(s, count, k);
        int64_t open_ms = probe_market_open_ms(m, t->order.interval, i);
        answer alone = {0};
        if (run_prefix(t, s, id, open_ms, &alone)) {
            const answer *in_order = &forward[i - s->from];
            part now = difference(&alone, &later[k], 0), then = difference(&alone, in_order, 0);
            if (now != SAME)
                note(&t->future_fact, &alone, &later[k], now, open_ms, NULL);
            else if (then != SAME)
                note(&t->future_fact, &alone, in_order, then, open_ms, NULL);
        }
        answer_deinit(&alone);
    }
    for (int k = 0; k < PREFIXES; k++) answer_deinit(&later[k]);
}

/* ---- a later start ---- */

/* Names of the indicators whose newest values differ when fewer bars are known: a JSON list. */
static char *find_indicators(const trial *t, const script_view *whole, const script_view *less) {
    json_t *names = json_array();
    char *text;
    for (int32_t i = 0; i < N_INTERVALS; i++)
        for (int32_t k = 0; less->sets[i] && k < indicator_set_count(less->sets[i]); k++) {
            int32_t id = indicator_set_id(less->sets[i], k), at = indicator_set_find(whole->sets[i], id, 0);
            double x, y;
            if (at < 0 || json_array_size(names) >= NAMES_MOST) continue;
            x = indicator_set_values(whole->sets[i], at, 0)[kline_series_count(whole->bars[i]) - 1];
            y = indicator_set_values(less->sets[i], k, 0)[kline_series_count(less->bars[i]) - 1];
            if (!is_same_number(x, y, 1e-6))
                json_array_append_new(names, json_string(kernel_get(registry_get(t->probe.registry, id)->kind)->name));
        }
    text = json_dumps(names, JSON_COMPACT);
    json_decref(names);
    return text;
}

static void note_history(trial *t, const script_view *whole, const script_view *less, const answer *a, const answer *b,
                         part what, bool is_early) {
    char *names = find_indicators(t, whole, less), *more = NULL;
    int32_t i = t->order.interval;
    if (names &&
        asprintf(&more, "{\"n_more\":%d,\"n_less\":%d,\"is_early\":%s,\"indicators\":%s}",
                 kline_series_count_at(whole->bars[i], whole->close_ms),
                 kline_series_count_at(less->bars[i], less->close_ms), is_early ? "true" : "false", names) >= 0)
        note(&t->history_fact, a, b, what, whole->open_ms, more);
    free(names);
    free(more);
}

/* What a path decides (a stop that trails, a direction) agrees after some bars only. So a difference in the bars before
 * the evaluated ones is *early*: it counts for a script that asks how many bars there are, and gives way to a later
 * one. */
static void compare_histories(trial *t, const sample *s, probe_market *whole, probe_market *less) {
    int32_t n_whole = probe_market_count(whole, t->order.interval),
            n_less = probe_market_count(less, t->order.interval);
    bool has_early = t->history_fact != NULL, has_late = false;
    for (int32_t at = 0; at < n_less && !t->is_over && !has_late; at++) {
        int32_t whole_at = at + n_whole - n_less;
        bool is_early = whole_at < s->from;
        script_view a_view, b_view;
        answer a = {0}, b = {0};
        part what;
        if ((is_early && has_early) || !trial_look(t, less, at, &b_view)) continue;
        if (!trial_evaluate(t, &b_view, false, &b) || b.outcome == SCRIPT_WARMING) continue;
        if (!trial_look(t, whole, whole_at, &a_view) || !trial_evaluate(t, &a_view, false, &a)) continue;
        what = a.outcome == SCRIPT_WARMING ? SAME : difference(&a, &b, 1e-6);
        if (what == SAME) continue;
        note_history(t, &a_view, &b_view, &a, &b, what, is_early);
        has_early = true;
        has_late = !is_early;
    }
}

void repeat_later_start(trial *t, const sample *s, uint32_t id, probe_market *m) {
    probe_market *less = trial_market(t, s, id, &s->later);
    if (!less) return;
    if (probe_market_count(less, t->order.interval) < probe_market_count(m, t->order.interval) &&
        trial_load(t, t->source, NULL))
        compare_histories(t, s, m, less);
    probe_market_free(less);
}
