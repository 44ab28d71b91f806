/* What the screener costs, through the screener itself: inbox, series, indicators, sandboxed filters, firing, passes.
 *
 * screen.bar         one closed minute over a hundred symbols and twenty traders, one worker
 * screen.bar.large   the same of four hundred symbols and a hundred traders: the twenty in five variants
 * screen.bar.2t      two workers, and how many times faster they are than one
 *
 * `flushes` in a line: how often LuaJIT has thrown its machine code away while it was measured. */
#include "base/clock.h"
#include "base/log.h"
#include "bench/lib/figure.h"
#include "bench/lib/rig.h"
#include "bench/lib/traces.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { N_SYMBOLS = 100, N_BARS = 500, N_WARM = 60, N_CYCLES = 240, LARGE_SYMBOLS = 400, LARGE_CYCLES = 60 };

static void die(const char *what) {
    fprintf(stderr, "screen: %s\n", what);
    exit(1);
}

static double *samples_new(int32_t count) {
    double *samples = calloc((size_t)count, sizeof *samples);
    if (!samples) die("out of memory");
    return samples;
}

/* ---- one worker ---- */

typedef struct cycles {
    const char *name, *workload;
    rig_options options;
    int32_t n_warm, n_measured;
} cycles;

static void measure_cycles(const cycles *c) {
    rig *r = rig_new(&c->options);
    double *wall = samples_new(c->n_measured), *cpu = samples_new(c->n_measured), unused;
    uint64_t n_signals, n_flushes;
    char name[64], more[64];
    for (int32_t i = 0; i < c->n_warm; i++) rig_minute(r, &unused, &unused);
    n_signals = rig_signals(r);
    n_flushes = traces_flushes();
    for (int32_t i = 0; i < c->n_measured; i++) rig_minute(r, &wall[i], &cpu[i]);
    if (rig_signals(r) == n_signals) die("no signal in all cycles");
    if (traces_compiled() == 0) die("no trace was compiled: nobody counts them");
    snprintf(more, sizeof more, "\"flushes\":%llu", (unsigned long long)(traces_flushes() - n_flushes));
    figure_print_more(c->name, c->workload, "ms", wall, c->n_measured, more);
    snprintf(name, sizeof name, "%s.cpu", c->name);
    figure_print(name, "the same cycles: CPU time of the worker's thread and the watchdog's", "ms", cpu, c->n_measured);
    free(wall);
    free(cpu);
    rig_free(r);
}

static void measure_bar(int32_t n_cycles) {
    measure_cycles(&(cycles){
        .name = "screen.bar",
        .workload = "20 Lua traders x 100 symbols x 500 bars of 1m 5m 15m 1h, one worker: one closed 1m bar a symbol "
                    "(and the slower ones that close with it), 2000 evaluations a cycle",
        .options = {.n_symbols = N_SYMBOLS, .n_bars = N_BARS, .n_workers = 1, .n_variants = 1},
        .n_warm = N_WARM,
        .n_measured = n_cycles ? n_cycles : N_CYCLES});
}

static void measure_large(int32_t n_cycles) {
    measure_cycles(&(cycles){
        .name = "screen.bar.large",
        .workload = "100 Lua traders (20 in five variants of other lengths) x 400 symbols x 500 bars of 1m 5m 15m 1h, "
                    "one worker: one closed 1m bar a symbol (and the slower ones that close with it), 40000 "
                    "evaluations a cycle",
        .options = {.n_symbols = LARGE_SYMBOLS, .n_bars = N_BARS, .n_workers = 1, .n_variants = RIG_VARIANTS},
        .n_warm = N_WARM,
        .n_measured = n_cycles ? n_cycles : LARGE_CYCLES});
}

/* ---- two workers ---- */

enum { N_TURNS = 9, MINUTES = 20 };

/* What the machine's other guests took from this one, all processors. */
static double stolen_ms(void) {
    unsigned long long user, nice, system, idle, iowait, irq, softirq, steal;
    FILE *f = fopen("/proc/stat", "r");
    if (!f) die("/proc/stat cannot be read");
    if (fscanf(f, "cpu %llu %llu %llu %llu %llu %llu %llu %llu", &user, &nice, &system, &idle, &iowait, &irq, &softirq,
               &steal) != 8)
        die("/proc/stat is not as expected");
    fclose(f);
    return (double)steal * 1e3 / (double)sysconf(_SC_CLK_TCK);
}

/* One worker and two take turns, so that both see the same noise. */
static void measure_two(int32_t n_turns) {
    rig_options options = {.n_symbols = N_SYMBOLS, .n_bars = N_BARS, .n_workers = 1, .n_variants = 1};
    rig *one = rig_new(&options), *two;
    double *of_one = samples_new(n_turns), *of_two = samples_new(n_turns), began_ms, median_one, median_two;
    uint64_t n_flushes;
    char more[160];
    options.n_workers = 2;
    two = rig_new(&options);
    for (int32_t m = 0; m < N_WARM; m += MINUTES) {
        (void)rig_minutes_inside(one, MINUTES);
        (void)rig_minutes_inside(two, MINUTES);
    }
    n_flushes = traces_flushes();
    began_ms = stolen_ms();
    for (int32_t i = 0; i < n_turns; i++) {
        of_one[i] = rig_minutes_inside(one, MINUTES);
        of_two[i] = rig_minutes_inside(two, MINUTES);
    }
    median_one = figure_median(of_one, n_turns);
    median_two = figure_median(of_two, n_turns);
    if (memcmp(rig_matches(one), rig_matches(two), (size_t)rig_traders(one) * N_SYMBOLS) != 0)
        die("one worker and two do not match the same");
    snprintf(more, sizeof more,
             "\"one_thread\":%.4g,\"ratio\":%.3g,\"ratio_of_min\":%.3g,\"steal_ms\":%.4g,\"flushes\":%llu", median_one,
             median_one / median_two, of_one[0] / of_two[0], stolen_ms() - began_ms,
             (unsigned long long)(traces_flushes() - n_flushes));
    figure_print_more("screen.bar.2t",
                      "the cycle of screen.bar by two workers, by turns with one worker; 20 cycles lie in the inboxes "
                      "before they begin, no other thread works; steal_ms: of the whole machine, meanwhile",
                      "ms", of_two, n_turns, more);
    free(of_one);
    free(of_two);
    rig_free(one);
    rig_free(two);
}

/* bench-screen [FIGURE [CYCLES]]: one alone, and more cycles, for a profiler. */
int main(int argc, char **argv) {
    static const struct {
        const char *name;
        void (*measure)(int32_t n);
        int32_t n;
    } figures[] = {{"bar", measure_bar, 0}, {"large", measure_large, 0}, {"2t", measure_two, N_TURNS}};
    bool is_known = argc < 2;
    log_init(LOG_WARN, LOG_AUTO);
    for (size_t i = 0; i < sizeof figures / sizeof *figures; i++) {
        int32_t n = argc > 2 ? (int32_t)strtol(argv[2], NULL, 10) : figures[i].n;
        if (argc > 1 && strcmp(argv[1], figures[i].name) != 0) continue;
        is_known = true;
        figures[i].measure(n);
    }
    if (!is_known) die("there is no such figure");
    return 0;
}
