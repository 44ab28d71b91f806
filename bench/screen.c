/* What the screener costs. Lines with .bar go through the screener itself: inbox, series, indicators, sandboxed filters,
 * firing, passes; the others through what a worker has inside, on this thread (bench/lib/desk.h).
 *
 * screen.cold        twenty traders over a hundred symbols, every indicator from nothing
 * screen.bar         one closed minute of them, one worker
 * screen.tick        one update of every forming bar, and all traders once
 * screen.bar.large   screen.bar of four hundred symbols and a hundred traders: the twenty in five variants
 * screen.bar.2t      two workers, and how many times faster they are than one
 *
 * The lines that end in .c are the same filters in plain C over the same bars (bench/lib/plain.h); both must give the same
 * matches, or there is no figure. `flushes` in a line: how often LuaJIT has thrown its machine code away meanwhile. */
#include "base/clock.h"
#include "base/log.h"
#include "bench/lib/data.h"
#include "bench/lib/desk.h"
#include "bench/lib/figure.h"
#include "bench/lib/plain.h"
#include "bench/lib/rig.h"
#include "bench/lib/traces.h"
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    N_SYMBOLS = 100,
    N_BARS = 500,
    N_WARM = 60,
    N_CYCLES = 240,
    N_RUNS = 60,
    LARGE_SYMBOLS = 400,
    LARGE_CYCLES = 60
};

void luaL_openlibs(lua_State *L) { traces_open_libraries(L); } /* see traces.h */

static void die(const char *what) {
    fprintf(stderr, "screen: %s\n", what);
    exit(1);
}

static double *samples_new(int32_t count) {
    double *samples = calloc((size_t)count, sizeof *samples);
    if (!samples) die("out of memory");
    return samples;
}

static double ms_since(int64_t start_ns) { return (double)(monotonic_ns() - start_ns) / 1e6; }

static void write_flushes(char *more, size_t bytes, uint64_t before) {
    if (traces_compiled() == 0) die("no trace was compiled: nobody counts them");
    snprintf(more, bytes, "\"flushes\":%llu", (unsigned long long)(traces_flushes() - before));
}

/* ---- the same answers ---- */

static bool *matches_new(int32_t n_cycles) {
    bool *matches = calloc((size_t)n_cycles * PLAIN_TRADERS * N_SYMBOLS, sizeof *matches);
    if (!matches) die("out of memory");
    return matches;
}

static int32_t place_of(const char *trader) {
    int32_t place = plain_find(trader);
    if (place < 0) die("a trader has no filter in plain C");
    return place;
}

static void compare(const bool *sandboxed, const bool *in_c, int32_t trader, int32_t symbol, int32_t cycle) {
    if (*sandboxed == *in_c) return;
    fprintf(stderr, "screen: the %d. filter on symbol %d in cycle %d: %s in the sandbox, %s in plain C\n", trader + 1,
            symbol, cycle, *sandboxed ? "a match" : "none", *in_c ? "a match" : "none");
    exit(1);
}

/* Both: [cycle][trader][symbol]. Something must have matched, or all was in vain. */
static void compare_all(const bool *sandboxed, const bool *in_c, int32_t n_cycles) {
    int64_t n_matches = 0;
    for (int32_t i = 0; i < n_cycles * PLAIN_TRADERS * N_SYMBOLS; i++) {
        compare(&sandboxed[i], &in_c[i], i / N_SYMBOLS % PLAIN_TRADERS, i % N_SYMBOLS, i / N_SYMBOLS / PLAIN_TRADERS);
        n_matches += in_c[i];
    }
    if (n_matches == 0) die("nothing has matched in all cycles");
}

/* ---- one worker ---- */

typedef struct cycles {
    const char *name, *workload;
    rig_options options;
    int32_t n_warm, n_measured;
    bool *matches; /* [measured cycle][trader][symbol]; NULL: nobody asks */
} cycles;

static void copy_matches(rig *r, bool *out) {
    const bool *matches = rig_matches(r);
    for (int32_t i = 0; i < rig_traders(r); i++)
        memcpy(out + place_of(rig_trader(r, i)) * N_SYMBOLS, matches + i * N_SYMBOLS, N_SYMBOLS * sizeof *out);
}

static void measure_cycles(const cycles *c) {
    rig *r = rig_new(&c->options);
    double *wall = samples_new(c->n_measured), *cpu = samples_new(c->n_measured), unused;
    uint64_t n_signals, n_flushes;
    char name[64], more[64];
    for (int32_t i = 0; i < c->n_warm; i++) rig_minute(r, &unused, &unused);
    n_signals = rig_signals(r);
    n_flushes = traces_flushes();
    for (int32_t i = 0; i < c->n_measured; i++) {
        rig_minute(r, &wall[i], &cpu[i]);
        if (c->matches) copy_matches(r, c->matches + (ptrdiff_t)i * PLAIN_TRADERS * N_SYMBOLS);
    }
    if (rig_signals(r) == n_signals) die("no signal in all cycles");
    write_flushes(more, sizeof more, n_flushes);
    figure_print_more(c->name, c->workload, "ms", wall, c->n_measured, more);
    snprintf(name, sizeof name, "%s.cpu", c->name);
    figure_print(name, "the same cycles: CPU time of the worker's thread and the watchdog's", "ms", cpu, c->n_measured);
    free(wall);
    free(cpu);
    rig_free(r);
}

typedef struct plain_market {
    plain *symbols[N_SYMBOLS];
    data_stream streams[N_SYMBOLS][PLAIN_INTERVALS];
    kline next[N_SYMBOLS][PLAIN_INTERVALS];
} plain_market;

static void append_closed(plain_market *m, int32_t s, int64_t now_ms) {
    for (int32_t u = 0; u < PLAIN_INTERVALS; u++)
        while (interval_next(plain_interval[u], m->next[s][u].open_ms) <= now_ms) {
            plain_append(m->symbols[s], u, &m->next[s][u]);
            data_stream_next(&m->streams[s][u], &m->next[s][u]);
        }
}

static plain_market *plain_market_new(int32_t most_bars) {
    plain_market *m = calloc(1, sizeof *m);
    if (!m) die("out of memory");
    for (int32_t s = 0; s < N_SYMBOLS; s++) {
        m->symbols[s] = plain_new(most_bars);
        for (int32_t u = 0; u < PLAIN_INTERVALS; u++) {
            data_stream_init(&m->streams[s][u], s, plain_interval[u], N_BARS);
            data_stream_next(&m->streams[s][u], &m->next[s][u]);
        }
    }
    return m;
}

static void plain_market_free(plain_market *m) {
    for (int32_t s = 0; s < N_SYMBOLS; s++) plain_free(m->symbols[s]);
    free(m);
}

/* A symbol's indicators up to its newest bar, and all filters. */
static void match_all(plain *p, bool *out, int32_t stride) {
    plain_advance(p);
    for (int32_t i = 0; i < PLAIN_TRADERS; i++) out[i * stride] = plain_match(p, i);
}

/* The cycles of screen.bar in plain C. The bars are stored before the clock runs. */
static void measure_plain_bar(int32_t n_cycles, const bool *sandboxed) {
    plain_market *m = plain_market_new(N_BARS + N_WARM + n_cycles);
    double *wall = samples_new(n_cycles);
    bool *matches = matches_new(n_cycles + 1), *out;
    for (int32_t i = -N_WARM; i < n_cycles; i++) {
        int64_t now_ms = DATA_END_MS + (i + N_WARM + 2) * interval_ms(INTERVAL_1M), start_ns;
        for (int32_t s = 0; s < N_SYMBOLS; s++) append_closed(m, s, now_ms);
        out = matches + (ptrdiff_t)(i < 0 ? n_cycles : i) * PLAIN_TRADERS * N_SYMBOLS;
        start_ns = monotonic_ns();
        for (int32_t s = 0; s < N_SYMBOLS; s++) match_all(m->symbols[s], out + s, N_SYMBOLS);
        if (i >= 0) wall[i] = ms_since(start_ns);
    }
    compare_all(sandboxed, matches, n_cycles);
    figure_print("screen.bar.c", "the same cycles in plain C: indicators of the new bars and all filters", "ms", wall,
                 n_cycles);
    free(wall);
    free(matches);
    plain_market_free(m);
}

static void measure_bar(int32_t n_cycles) {
    bool *matches = matches_new(n_cycles);
    measure_cycles(&(cycles){
        .name = "screen.bar",
        .workload = "20 Lua traders x 100 symbols x 500 bars of 1m 5m 15m 1h, one worker: one closed 1m bar a symbol "
                    "(and the slower ones that close with it), 2000 evaluations a cycle",
        .options = {.n_symbols = N_SYMBOLS, .n_bars = N_BARS, .n_workers = 1, .n_variants = 1},
        .n_warm = N_WARM,
        .n_measured = n_cycles,
        .matches = matches});
    measure_plain_bar(n_cycles, matches);
    free(matches);
}

static void measure_large(int32_t n_cycles) {
    measure_cycles(&(cycles){
        .name = "screen.bar.large",
        .workload = "100 Lua traders (20 in five variants of other lengths) x 400 symbols x 500 bars of 1m 5m 15m 1h, "
                    "one worker: one closed 1m bar a symbol (and the slower ones that close with it), 40000 "
                    "evaluations a cycle",
        .options = {.n_symbols = LARGE_SYMBOLS, .n_bars = N_BARS, .n_workers = 1, .n_variants = RIG_VARIANTS},
        .n_warm = N_WARM,
        .n_measured = n_cycles});
}

/* ---- from nothing ---- */

static plain_market *plain_of_desk(const desk *d) {
    plain_market *m = plain_market_new(N_BARS);
    for (int32_t s = 0; s < N_SYMBOLS; s++)
        for (int32_t u = 0; u < PLAIN_INTERVALS; u++) {
            const kline *bars;
            int32_t n = desk_bars(d, s, u, &bars);
            for (int32_t i = 0; i < n; i++) plain_append(m->symbols[s], u, &bars[i]);
        }
    return m;
}

static void measure_cold(int32_t n_runs) {
    enum { WARM = 10 };
    desk *d = desk_new(N_SYMBOLS, N_BARS);
    plain_market *m = plain_of_desk(d);
    static bool sandboxed[N_SYMBOLS][PLAIN_TRADERS], in_c[N_SYMBOLS][PLAIN_TRADERS];
    double *wall = samples_new(n_runs), *plain_wall = samples_new(n_runs);
    uint64_t n_flushes = 0;
    char more[64];
    if (desk_traders(d) != PLAIN_TRADERS) die("expected 20 traders in bench/traders");
    for (int32_t i = -WARM; i < n_runs; i++) {
        int64_t start_ns;
        if (i == 0) n_flushes = traces_flushes();
        desk_clear(d);
        start_ns = monotonic_ns();
        for (int32_t s = 0; s < N_SYMBOLS; s++) desk_begin(d, s, sandboxed[s]);
        if (i >= 0) wall[i] = ms_since(start_ns);
        start_ns = monotonic_ns();
        for (int32_t s = 0; s < N_SYMBOLS; s++) {
            plain_restart(m->symbols[s]);
            match_all(m->symbols[s], in_c[s], 1);
        }
        if (i >= 0) plain_wall[i] = ms_since(start_ns);
        for (int32_t s = 0; s < N_SYMBOLS; s++)
            for (int32_t k = 0; k < PLAIN_TRADERS; k++) {
                int32_t place = place_of(desk_trader(d, k));
                compare(&sandboxed[s][k], &in_c[s][place], place, s, i);
            }
    }
    write_flushes(more, sizeof more, n_flushes);
    figure_print_more("screen.cold",
                      "20 Lua traders x 100 symbols x 500 bars of 1m 5m 15m 1h (a trader looks at one to three): all "
                      "indicators from nothing, memory for them included, and 2000 evaluations",
                      "ms", wall, n_runs, more);
    figure_print("screen.cold.c", "the same in plain C, into arrays that are there", "ms", plain_wall, n_runs);
    free(wall);
    free(plain_wall);
    plain_market_free(m);
    desk_free(d);
}

/* ---- forming bars ---- */

/* An update of the forming bars, and all filters once: the first of a symbol has the values of its indicators computed. */
static void measure_tick(int32_t n_runs) {
    enum { WARM = 60 };
    desk *d = desk_new(N_SYMBOLS, N_BARS);
    static bool matches[PLAIN_TRADERS];
    double *wall = samples_new(n_runs);
    uint64_t n_flushes = 0;
    char more[64];
    desk_clear(d);
    for (int32_t s = 0; s < N_SYMBOLS; s++) desk_begin(d, s, matches);
    for (int32_t i = -WARM; i < n_runs; i++) {
        int64_t start_ns = monotonic_ns();
        if (i == 0) n_flushes = traces_flushes();
        for (int32_t s = 0; s < N_SYMBOLS; s++) {
            desk_update(d, s, (i + WARM) % 100 / 100.0);
            desk_evaluate_forming(d, s, matches);
        }
        if (i >= 0) wall[i] = ms_since(start_ns);
    }
    write_flushes(more, sizeof more, n_flushes);
    figure_print_more("screen.tick",
                      "20 Lua traders x 100 symbols x 500 bars of 1m 5m 15m 1h: an update of the four forming bars of "
                      "every symbol, and 2000 evaluations at the forming 1m bar, with its indicators",
                      "ms", wall, n_runs, more);
    free(wall);
    desk_free(d);
}

/* ---- two workers ---- */

enum { N_TURNS = 9, MINUTES = 20 };

/* What the machine's other guests took from this one, all processors. */
static double stolen_ms(void) {
    enum { STEAL = 8 }; /* the eighth number: cpu user nice system idle iowait irq softirq steal */
    char line[512], *at = line;
    unsigned long long steal = 0;
    FILE *f = fopen("/proc/stat", "r");
    if (!f || !fgets(line, sizeof line, f) || strncmp(line, "cpu ", 4) != 0) die("/proc/stat is not as expected");
    fclose(f);
    at += 4;
    for (int i = 0; i < STEAL; i++) steal = strtoull(at, &at, 10);
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
    } figures[] = {{"cold", measure_cold, N_RUNS},
                   {"bar", measure_bar, N_CYCLES},
                   {"tick", measure_tick, N_CYCLES},
                   {"large", measure_large, LARGE_CYCLES},
                   {"2t", measure_two, N_TURNS}};
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
