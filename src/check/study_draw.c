/* The plots of each bar are asked for one by one, as they are at a signal, and then turned round: one list of values for each
 * plot. A plot is known by its place among those of its kind and title, since a script may draw another list at each bar. */
#include "check/study_draw.h"
#include "check/study_body.h"
#include "script/calls.h"
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { PLOTS_MAX = 64 };

typedef struct curve {
    json_t *plot; /* as it was first drawn */
    const char *kind;
    double *values[2]; /* of each bar, NaN where there is none; [1]: the lower side of a band */
} curve;

typedef struct drawing {
    curve curves[PLOTS_MAX];
    int n_curves;
    int32_t n_bars;
    int64_t *times;
} drawing;

static double value_of(const json_t *plot, const char *name) {
    const json_t *value = json_object_get(plot, name);
    if (json_is_boolean(value)) return json_is_true(value) ? 1 : 0;
    return json_is_number(value) ? json_number_value(value) : NAN;
}

static const char *text_of(const json_t *plot, const char *name) {
    const char *text = json_string_value(json_object_get(plot, name));
    return text ? text : "";
}

static double *undefined(int32_t n) {
    double *values = malloc((size_t)n * sizeof *values);
    for (int32_t i = 0; values && i < n; i++) values[i] = NAN;
    return values;
}

static curve *add_curve(drawing *d, json_t *plot) {
    curve *c = &d->curves[d->n_curves];
    if (d->n_curves == PLOTS_MAX) return NULL;
    *c = (curve){.plot = json_incref(plot), .kind = text_of(plot, "kind")};
    d->n_curves++;
    c->values[0] = undefined(d->n_bars);
    c->values[1] = undefined(d->n_bars);
    return c->values[0] && c->values[1] ? c : NULL;
}

/* The `nth` of those that are called so. */
static curve *find_curve(drawing *d, json_t *plot, int nth) {
    for (int i = 0; i < d->n_curves; i++)
        if (strcmp(d->curves[i].kind, text_of(plot, "kind")) == 0 &&
            strcmp(text_of(d->curves[i].plot, "title"), text_of(plot, "title")) == 0 && nth-- == 0)
            return &d->curves[i];
    return add_curve(d, plot);
}

static void take_bar(drawing *d, int32_t at, const json_t *plots) {
    for (size_t i = 0; i < json_array_size(plots); i++) {
        json_t *plot = json_array_get(plots, i);
        int nth = 0;
        for (size_t k = 0; k < i; k++) {
            const json_t *other = json_array_get(plots, k);
            nth += strcmp(text_of(other, "kind"), text_of(plot, "kind")) == 0 &&
                   strcmp(text_of(other, "title"), text_of(plot, "title")) == 0;
        }
        curve *c = find_curve(d, plot, nth);
        if (!c) continue;
        bool is_band = strcmp(c->kind, "band") == 0;
        c->values[0][at] = value_of(plot, is_band ? "upper" : "value");
        c->values[1][at] = is_band ? value_of(plot, "lower") : NAN;
    }
}

static err draw_all(study *s, probe_market *m, int32_t from, drawing *d, diag *why) {
    int32_t interval = s->spec->interval;
    err e = OK;
    for (int32_t i = 0; i < d->n_bars && e == OK; i++) {
        script_view view;
        char *json = NULL;
        probe_market_view(m, interval, from + i, &view);
        view.ignores_warmup = true;
        d->times[i] = view.open_ms;
        e = script_state_plots(s->probe.state, 0, &view, &json, why);
        json_t *plots = e == OK && json ? json_loads(json, 0, NULL) : NULL;
        if (plots) take_bar(d, i, plots);
        json_decref(plots);
        free(json);
    }
    return e;
}

/* ---- told ---- */

static void write_values(json_writer *w, const char *name, const double *values, int32_t n, bool is_marker) {
    json_write_key(w, name);
    json_write_array(w);
    for (int32_t i = 0; i < n; i++)
        if (is_marker)
            json_write_integer(w, !isnan(values[i]) && values[i] != 0);
        else
            json_write_number(w, values[i]);
    json_write_array_end(w);
}

static void write_options(json_writer *w, const json_t *plot) {
    static const char *const texts[] = {"color", "style", "position", "shape", "text"};
    json_put_integer(w, "pane", (int64_t)json_number_value(json_object_get(plot, "pane")));
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (json_object_get(plot, texts[i])) json_put_text(w, texts[i], text_of(plot, texts[i]));
    if (json_object_get(plot, "width")) json_put_number(w, "width", value_of(plot, "width"));
    if (json_object_get(plot, "level")) json_put_number(w, "level", value_of(plot, "level"));
}

static void write_curve(json_writer *w, const curve *c, int32_t n) {
    json_write_object(w);
    json_put_text(w, "name", text_of(c->plot, "title"));
    json_put_text(w, "kind", c->kind);
    write_options(w, c->plot);
    if (strcmp(c->kind, "band") == 0) {
        write_values(w, "upper", c->values[0], n, false);
        write_values(w, "lower", c->values[1], n, false);
    } else if (strcmp(c->kind, "hline") != 0) {
        write_values(w, "values", c->values[0], n, strcmp(c->kind, "marker") == 0);
    }
    json_write_object_end(w);
}

static void write_drawing(const drawing *d, json_writer *w) {
    json_write_key(w, "times");
    json_write_array(w);
    for (int32_t i = 0; i < d->n_bars; i++) json_write_integer(w, d->times[i]);
    json_write_array_end(w);
    json_write_key(w, "plots");
    json_write_array(w);
    for (int i = 0; i < d->n_curves; i++)
        if (d->curves[i].values[0] && d->curves[i].values[1]) write_curve(w, &d->curves[i], d->n_bars);
    json_write_array_end(w);
}

err study_draw(study *s, const study_bars *at, int32_t n_bars, json_writer *w, diag *why) {
    probe_market *m = NULL;
    int32_t from = 0;
    drawing d = {0};
    err e = study_market(s, at, n_bars, &m, &from, why);
    if (e == OK) {
        d.n_bars = probe_market_count(m, s->spec->interval) - from;
        d.times = calloc((size_t)d.n_bars, sizeof *d.times);
        e = d.times ? draw_all(s, m, from, &d, why) : diag_set(why, ERR_NO_MEMORY, "%s", error_text(ERR_NO_MEMORY));
    }
    if (e == OK && d.times) write_drawing(&d, w);
    for (int i = 0; i < d.n_curves; i++) {
        json_decref(d.curves[i].plot);
        free(d.curves[i].values[0]);
        free(d.curves[i].values[1]);
    }
    free(d.times);
    probe_market_free(m);
    return e;
}
