/* A kernel gives the same bits however the bars come: one by one with looks at the forming bar in between, as in the daemon;
 * all at once, as at a catch-up; in pieces of any size. With bars that are not whole among them.
 * time limit: 400 */
#include "indicator/kernel.h"
#include "indicator/window.h"
#include "spec/c/random.h"
#include "spec/c/tap.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { N = 1600, FIRST = 8, STATE_MAX = 1 << 17, N_ROUNDS = 3 };

#define NAME(NAME, name) INDICATOR_##NAME,
static const int32_t kinds[] = {AVERAGE_KERNELS(NAME) RSI_KERNELS(NAME) MOMENTUM_KERNELS(NAME) MEAN_DEVIATION_KERNELS(
    NAME) STATISTIC_KERNELS(NAME) RANGE_KERNELS(NAME) TREND_KERNELS(NAME)};
#undef NAME

static double fields[9][FIRST + N + 1];
static int64_t open_ms[FIRST + N + 1], number[FIRST + N + 1];

/* Prices in ticks, so that many are equal; still stretches, holes; in odd rounds some values are missing. */
static void make_market(int32_t round) {
    double price = 100;
    int64_t at_ms = 1700006400000;
    for (int32_t i = 0; i <= N; i++) {
        bool is_still = i / 100 % 5 == 3;
        double open = price, close = is_still ? price : floor(price * (1 + (uniform() - 0.5) * 0.02) * 10 + 0.5) / 10;
        double *const bar[] = {&fields[0][FIRST + i], &fields[1][FIRST + i], &fields[2][FIRST + i]};
        *bar[0] = open;
        *bar[1] = fmax(open, close) + (is_still ? 0 : below(5) / 10.0);
        *bar[2] = fmin(open, close) - (is_still ? 0 : below(5) / 10.0);
        fields[3][FIRST + i] = price = close;
        for (int f = 4; f < 9; f++) fields[f][FIRST + i] = is_still && i % 2 ? 0 : below(100000) / 1000.0;
        at_ms += 3600000 * (uniform() < 0.01 ? 1 + below(40) : 1);
        open_ms[FIRST + i] = at_ms;
        number[FIRST + i] = at_ms / 3600000;
    }
    for (int32_t k = 0; k < 4 && round % 2; k++) fields[1 + below(3)][FIRST + below(N)] = k ? NAN : INFINITY;
    for (int f = 0; f < 9; f++) fields[f][FIRST - 1] = NAN;
}

static kernel_input input(const double *param) {
    kernel_input in = {.open = fields[0] + FIRST,
                       .high = fields[1] + FIRST,
                       .low = fields[2] + FIRST,
                       .close = fields[3] + FIRST,
                       .volume = fields[4] + FIRST,
                       .quote_volume = fields[5] + FIRST,
                       .trades = fields[6] + FIRST,
                       .taker_base = fields[7] + FIRST,
                       .taker_quote = fields[8] + FIRST,
                       .open_ms = open_ms + FIRST,
                       .number = number + FIRST,
                       .param = param,
                       .interval = INTERVAL_1H};
    for (int s = 0; s < INDICATOR_SOURCES; s++) in.source[s] = fields[3 - s] + FIRST;
    return in;
}

typedef struct values {
    double of[INDICATOR_OUTPUTS][N + 1];
} values;

/* `piece`: bars at a time; 0: any number. `begin`: bars before it are not seen. */
static void run(int32_t kind, const double *param, int32_t begin, int32_t piece, bool looks, values *v) {
    static _Alignas(16) char state[STATE_MAX], copy[STATE_MAX];
    kernel_input in = input(param);
    size_t bytes = kernel_state_bytes(kind, param, in.interval);
    double *out[INDICATOR_OUTPUTS];
    for (int o = 0; o < INDICATOR_OUTPUTS; o++) out[o] = v->of[o];
    if (bytes > STATE_MAX) abort();
    memset(state, 0, bytes);
    memset(v, 0xff, sizeof *v); /* NaN */
    for (int32_t at = begin, n; at < N; at += n) {
        n = piece ? piece : 1 + below(uniform() < 0.5 ? 4 : 400);
        if (n > N - at) n = N - at;
        kernel_get(kind)->run(state, &in, at, at + n, out);
        if (!looks) continue;
        memcpy(copy, state, bytes);
        kernel_get(kind)->run(copy, &in, at + n, at + n + 1, out);
    }
}

static bool same(const values *a, const values *b, int32_t n_outputs) {
    for (int32_t o = 0; o < n_outputs; o++)
        for (int32_t i = 0; i < N; i++)
            if (a->of[o][i] != b->of[o][i] && !(isnan(a->of[o][i]) && isnan(b->of[o][i]))) {
                printf("# output %d at bar %d: %.17g, %.17g\n", o, i, a->of[o][i], b->of[o][i]);
                return false;
            }
    return true;
}

/* Some parameters: lengths of every size, flags, and numbers that are small. */
static void choose(const kernel *k, int32_t length, double *param) {
    for (int32_t p = 0; p < k->n_params; p++) {
        const kernel_param *of = &k->params[p];
        param[p] = !of->is_whole ? 0.02 * (1 + p) : of->max == 1 ? below(2) : p == 0 ? length : 1 + below(length + 30);
        param[p] = fmin(fmax(param[p], of->min), of->max);
    }
}

static void test_kernel(int32_t kind, int32_t length) {
    static values one, all, any, late, late_any;
    const kernel *k = kernel_get(kind);
    double param[INDICATOR_PARAMS] = {0};
    bool pieces = true, lanes = true, looks = true, epochs = true;
    for (int32_t round = 0; round < N_ROUNDS; round++) {
        int32_t begin = below(300);
        make_market(round);
        choose(k, length, param);
        if (kernel_check(kind, param, NULL) != OK) continue;
        run(kind, param, 0, 1, false, &one);
        run(kind, param, 0, N, false, &all);
        pieces = same(&one, &all, k->n_outputs) && pieces;
        run(kind, param, 0, 0, false, &any);
        pieces = same(&one, &any, k->n_outputs) && pieces;
        window_two_lanes_only = true;
        run(kind, param, 0, 0, false, &any);
        window_two_lanes_only = false;
        lanes = same(&one, &any, k->n_outputs) && lanes;
        run(kind, param, 0, 1, true, &any);
        looks = same(&one, &any, k->n_outputs) && looks;
        run(kind, param, begin, 1, false, &late);
        run(kind, param, begin, 0, true, &late_any);
        epochs = same(&late, &late_any, k->n_outputs) && epochs;
    }
    ok(pieces, "%s, length %d: one by one, all at once, in pieces", k->name, length);
    ok(lanes, "%s, length %d: two values at a time, as on a machine that cannot do four", k->name, length);
    ok(looks, "%s, length %d: looks at the forming bar change nothing", k->name, length);
    ok(epochs, "%s, length %d: from a bar in the middle", k->name, length);
}

int main(void) {
    static const int32_t lengths[] = {1, 2, 5, 14, 63, 64, 65, 130, 511, 512, 513, 700};
    random_state = tap_seed((uint64_t)time(NULL)) * 2654435769u + 1;
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++)
        for (size_t l = 0; l < sizeof lengths / sizeof *lengths; l++) test_kernel(kinds[k], lengths[l]);
    return done();
}
