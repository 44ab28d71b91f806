/* indicator.NAME.series, indicator.NAME.step: what each kernel costs a bar, computed over a whole series in one call and
 * bar by bar as the daemon does at every close; indicator.NAME.series.tulip: Tulip's C on the same arrays.
 *
 * The bars are the first 1,440 of a symbol of the seeded market (bench/lib/data.h). A sample is ten passes, each from a
 * state of zeros; ours, the peer's and the steps are taken in turns, and all indicators in several sweeps, so that what
 * else the machine does hits all of them.
 * Before any clock runs, values of both ways are compared: a kernel that is wrong has no figure. */
#include "base/clock.h"
#include "bench/lib/data.h"
#include "bench/lib/figure.h"
#include "bench/lib/tulip.h"
#include "bench/lib/workload.h"
#include "indicator/kernel.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    N_BARS = 1440,
    PASSES = 10,
    N_WARM = 2,
    N_SAMPLES = 15,
    N_SWEEPS = 7,
    N_RUNS = N_SAMPLES * N_SWEEPS,
    STEPS_MAX = 16,
    JOBS_MAX = 512,
    TEXT_MAX = 256
};
static const double STEP_LIMIT_NS = 15, SLOWER = 1.02; /* less than 2 % is noise */

__attribute__((format(printf, 1, 2), noreturn)) static void die(const char *format, ...) {
    va_list args;
    va_start(args, format);
    fprintf(stderr, "indicator: ");
    vfprintf(stderr, format, args);
    fprintf(stderr, "\n");
    exit(1);
}

static void *need(size_t count, size_t bytes) {
    void *p = calloc(count, bytes);
    if (!p) die("out of memory");
    return p;
}

/* Element [-1] of a series is NaN. */
static double *new_series(void) {
    double *x = need(N_BARS + 1, sizeof *x);
    x[0] = NAN;
    return x + 1;
}

/* ---- the bars ---- */

typedef struct market {
    double *field[N_FIELDS];
    int64_t open_ms[N_BARS], number[N_BARS];
} market;

static void make_market(market *m) {
    data_stream stream;
    data_stream_init(&stream, 0, INTERVAL_1M, N_BARS);
    for (int32_t f = 0; f < N_FIELDS; f++) m->field[f] = new_series();
    for (int32_t i = 0; i < N_BARS; i++) {
        kline bar;
        data_stream_next(&stream, &bar);
        const double values[N_FIELDS] = {bar.open,         bar.high,   bar.low,        bar.close,      bar.volume,
                                         bar.quote_volume, bar.trades, bar.taker_base, bar.taker_quote};
        for (int32_t f = 0; f < N_FIELDS; f++) m->field[f][i] = values[f];
        m->open_ms[i] = bar.open_ms;
        m->number[i] = bar.open_ms / interval_ms(INTERVAL_1M);
    }
}

/* ---- ours: the kernels of one text, sources before what is made of them ---- */

typedef struct part {
    const kernel *kernel;
    kernel_input in;
    double param[INDICATOR_PARAMS];
    void *state;
    size_t state_bytes;
    double *out[INDICATOR_OUTPUTS];
} part;

typedef struct plan {
    part parts[STEPS_MAX];
    int32_t count, first; /* parts before `first` are given */
} plan;

static void add_part(plan *p, const market *m, const indicator_spec *spec) {
    part *own = &p->parts[p->count++];
    own->kernel = kernel_get(spec->kind);
    memcpy(own->param, spec->param, sizeof own->param);
    own->state_bytes = kernel_state_bytes(spec->kind, spec->param, spec->interval);
    own->state = need(1, own->state_bytes ? own->state_bytes : 1);
    for (int32_t o = 0; o < own->kernel->n_outputs; o++) own->out[o] = new_series();
    own->in = (kernel_input){.open = m->field[FIELD_OPEN],
                             .high = m->field[FIELD_HIGH],
                             .low = m->field[FIELD_LOW],
                             .close = m->field[FIELD_CLOSE],
                             .volume = m->field[FIELD_VOLUME],
                             .quote_volume = m->field[FIELD_QUOTE_VOLUME],
                             .trades = m->field[FIELD_TRADES],
                             .taker_base = m->field[FIELD_TAKER_BASE],
                             .taker_quote = m->field[FIELD_TAKER_QUOTE],
                             .open_ms = m->open_ms,
                             .number = m->number,
                             .param = own->param,
                             .interval = spec->interval};
    for (int32_t s = 0; s < own->kernel->n_sources; s++) {
        series_ref ref = spec->source[s];
        own->in.source[s] =
            series_is_output(ref) ? p->parts[series_indicator(ref)].out[series_output(ref)] : m->field[ref];
    }
}

static void run_series(const plan *p) {
    for (int32_t k = p->first; k < p->count; k++) {
        const part *own = &p->parts[k];
        memset(own->state, 0, own->state_bytes);
        own->kernel->run(own->state, &own->in, 0, N_BARS, own->out);
    }
}

static void run_steps(const plan *p) {
    for (int32_t k = p->first; k < p->count; k++) memset(p->parts[k].state, 0, p->parts[k].state_bytes);
    for (int32_t i = 0; i < N_BARS; i++)
        for (int32_t k = p->first; k < p->count; k++) {
            const part *own = &p->parts[k];
            own->kernel->run(own->state, &own->in, i, i + 1, own->out);
        }
}

/* Claims what the text names; the number of indicators then known. */
static int32_t claim(registry *r, const char *text) {
    char key[TEXT_MAX + 8];
    int32_t id;
    snprintf(key, sizeof key, "1m %s", text);
    if (registry_parse(r, key, &id) != OK) die("%s: no kernel is called so, or its parameters are refused", text);
    return registry_count(r);
}

static void make_plan(plan *p, const market *m, const workload *w) {
    registry *r;
    int32_t n_given, count;
    memset(p, 0, sizeof *p);
    if (registry_new(&r) != OK) die("out of memory");
    n_given = w->given ? claim(r, w->given) : 0;
    count = claim(r, w->text);
    if (count > STEPS_MAX) die("%s: made of %d indicators; expected at most %d", w->text, count, STEPS_MAX);
    for (int32_t id = 0; id < count; id++) add_part(p, m, registry_get(r, id));
    registry_free(r);
    run_series(p);
    p->first = n_given;
}

static void free_plan(plan *p) {
    for (int32_t k = 0; k < p->count; k++) {
        free(p->parts[k].state);
        for (int32_t o = 0; o < p->parts[k].kernel->n_outputs; o++) free(p->parts[k].out[o] - 1);
    }
}

/* Values of the last part in both ways. */
static void check(const plan *p, const workload *w) {
    const part *last = &p->parts[p->count - 1];
    double *whole = need(N_BARS, sizeof *whole);
    bool has_value = false;
    for (int32_t o = 0; o < last->kernel->n_outputs; o++) {
        run_series(p);
        memcpy(whole, last->out[o], N_BARS * sizeof *whole);
        run_steps(p);
        for (int32_t i = 0; i < N_BARS; i++) {
            double a = whole[i], b = last->out[o][i];
            has_value = has_value || !isnan(a);
            if ((isnan(a) && isnan(b)) || fabs(a - b) <= 1e-9 * fmax(1, fabs(a))) continue;
            die("%s, output %d, bar %d: %.17g over the series, %.17g bar by bar", w->text, o, i, a, b);
        }
    }
    if (!has_value) die("%s: no value in %d bars", w->text, N_BARS);
    free(whole);
}

/* ---- the figures ---- */

typedef struct job {
    workload workload;
    char text[TEXT_MAX]; /* of a workload that is no row of the table */
    plan plan;
    tulip *peer;
    double series[N_RUNS], step[N_RUNS], tulip[N_RUNS];
} job;

static double ns_a_bar(int64_t since_ns) { return (double)(monotonic_ns() - since_ns) / (PASSES * N_BARS); }

static void measure(job *j, int sweep) {
    for (int run = -N_WARM; run < N_SAMPLES; run++) {
        int at = sweep * N_SAMPLES + (run < 0 ? 0 : run);
        int64_t start = monotonic_ns();
        for (int i = 0; i < PASSES; i++) run_series(&j->plan);
        j->series[at] = ns_a_bar(start);
        start = monotonic_ns();
        for (int i = 0; j->peer && i < PASSES; i++) tulip_run(j->peer);
        j->tulip[at] = ns_a_bar(start);
        start = monotonic_ns();
        for (int i = 0; i < PASSES; i++) run_steps(&j->plan);
        j->step[at] = ns_a_bar(start);
    }
}

static void print_json(job *j) {
    const workload *w = &j->workload;
    char name[64], text[TEXT_MAX + 200], described[200];
    snprintf(name, sizeof name, "indicator.%s.series", w->name);
    snprintf(text, sizeof text, "%s%s%s over %d bars of 1m (bench/lib/data.h, symbol 0) in one call, a bar", w->text,
             w->given ? " with given " : "", w->given ? w->given : "", N_BARS);
    figure_print(name, text, "ns", j->series, N_RUNS);
    if (j->peer) {
        tulip_describe(j->peer, described, sizeof described);
        snprintf(name, sizeof name, "indicator.%s.series.tulip", w->name);
        snprintf(text, sizeof text, "%s over the same arrays, a bar", described);
        figure_print(name, text, "ns", j->tulip, N_RUNS);
    }
    snprintf(name, sizeof name, "indicator.%s.step", w->name);
    snprintf(text, sizeof text, "%s, a call for each of the same bars", w->text);
    figure_print(name, text, "ns", j->step, N_RUNS);
}

typedef struct totals {
    int n, n_peers, n_slower, n_over;
} totals;

static void print_row(job *j, totals *t) {
    double series = figure_median(j->series, N_RUNS), step = figure_median(j->step, N_RUNS);
    t->n++;
    t->n_over += step > STEP_LIMIT_NS;
    printf("%-24s %-36s %8.2f", j->workload.name, j->workload.text, series);
    if (j->peer) {
        double other = figure_median(j->tulip, N_RUNS);
        t->n_peers++;
        t->n_slower += series > SLOWER * other;
        printf(" %8.2f %6.2f%c", other, series / other, series > SLOWER * other ? '!' : ' ');
    } else {
        printf(" %8s %6s ", "", "");
    }
    printf(" %8.2f%c\n", step, step > STEP_LIMIT_NS ? '!' : ' ');
}

/* ---- which ---- */

static const workload *row_of(const char *name) {
    for (const workload *w = workloads; w->name; w++)
        if (strcmp(w->name, name) == 0) return w;
    return NULL;
}

/* A kernel that has no row: usual parameters. */
static void default_text(const kernel *k, char text[TEXT_MAX]) {
    static const char *const sources[INDICATOR_SOURCES] = {"close", "open", "low"};
    size_t used = (size_t)snprintf(text, TEXT_MAX, "%s(", k->name);
    for (int32_t s = 0; s < k->n_sources; s++)
        used += (size_t)snprintf(text + used, TEXT_MAX - used, "%s%s", s ? "," : "", sources[s]);
    for (int32_t p = 0; p < k->n_params; p++) {
        double value = fmin(fmax(k->params[p].is_whole ? 20 : 2, k->params[p].min), k->params[p].max);
        used += (size_t)snprintf(text + used, TEXT_MAX - used, "%s%g", p || k->n_sources ? "," : "", value);
    }
    snprintf(text + used, TEXT_MAX - used, ")");
}

static bool is_wanted(const char *name, char **names, int n_names) {
    for (int i = 0; i < n_names; i++)
        if (strcmp(names[i], name) == 0) return true;
    return n_names == 0;
}

typedef struct jobs {
    job *list[JOBS_MAX];
    int count;
} jobs;

static void add_job(jobs *all, const market *m, const workload *w) {
    job *j = need(1, sizeof *j);
    const tulip_bars bars = {N_BARS,
                             m->field[FIELD_OPEN],
                             m->field[FIELD_HIGH],
                             m->field[FIELD_LOW],
                             m->field[FIELD_CLOSE],
                             m->field[FIELD_VOLUME]};
    err e = w->peer[0].name ? tulip_new(w->peer, &bars, &j->peer) : OK;
    if (e != OK && e != ERR_NOT_FOUND) die("%s: Tulip's %s: %s", w->name, w->peer[0].name, error_text(e));
    if (all->count == JOBS_MAX) die("more than %d indicators", JOBS_MAX);
    snprintf(j->text, sizeof j->text, "%s", w->text);
    j->workload = *w;
    j->workload.text = j->text;
    make_plan(&j->plan, m, w);
    check(&j->plan, w);
    all->list[all->count++] = j;
}

static void free_job(job *j) {
    free_plan(&j->plan);
    tulip_free(j->peer);
    free(j);
}

static void add_jobs(jobs *all, const market *m, char **names, int n_names) {
    for (const workload *w = workloads; w->name; w++)
        if (is_wanted(w->name, names, n_names)) add_job(all, m, w);
    for (int32_t k = 0; k < N_INDICATOR_KINDS; k++) {
        char text[TEXT_MAX];
        workload w = {.name = kernel_get(k)->name, .text = text};
        if (row_of(w.name) || workload_is_passive(w.name) || !is_wanted(w.name, names, n_names)) continue;
        default_text(kernel_get(k), text);
        add_job(all, m, &w);
    }
    for (int i = 0; i < n_names; i++)
        if (kernel_find(names[i], strlen(names[i])) < 0 && !row_of(names[i])) die("there is no indicator %s", names[i]);
}

/* bench-indicator [--table] [NAME...]: JSON lines, or a table for people; all, or those of these names. */
int main(int argc, char **argv) {
    static market m;
    static jobs all;
    bool as_table = argc > 1 && strcmp(argv[1], "--table") == 0;
    totals t = {0};
    make_market(&m);
    if (!tulip_is_there())
        fprintf(stderr, "indicator: built without Tulip's sources (./dev bench installs them): no peer\n");
    add_jobs(&all, &m, argv + 1 + as_table, argc - 1 - as_table);
    for (int sweep = 0; sweep < N_SWEEPS; sweep++)
        for (int i = 0; i < all.count; i++) measure(all.list[i], sweep);
    if (as_table) printf("%-24s %-36s %8s %8s %7s %9s\n", "", "ns a bar, medians", "series", "Tulip", "ratio", "step");
    for (int i = 0; i < all.count; i++) {
        if (as_table)
            print_row(all.list[i], &t);
        else
            print_json(all.list[i]);
        free_job(all.list[i]);
    }
    if (as_table)
        printf("%d indicators; %d of %d slower than Tulip; %d of %d steps above %g ns\n", t.n, t.n_slower, t.n_peers,
               t.n_over, t.n, STEP_LIMIT_NS);
    return 0;
}
