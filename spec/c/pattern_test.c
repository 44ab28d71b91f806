/* Candlestick patterns: a range of bars gives the bits of as many single steps, whatever the ranges; and they read the
 * market that they are asked of. */
#include "indicator/kernel.h"
#include "spec/c/random.h"
#include "spec/c/scripts.h"
#include "spec/c/tap.h"
#include <math.h>
#include <time.h>

enum { BARS = 2000, MARGIN = 1, RUNS = 20, UNDEFINED_IN = 150 };

typedef struct bars {
    double open[MARGIN + BARS], high[MARGIN + BARS], low[MARGIN + BARS], close[MARGIN + BARS];
    double out[MARGIN + BARS];
} bars;

/* Not on any grid, so that sums are rounded and their order shows; some prices undefined. */
static void fill(bars *b) {
    double price = 100;
    b->open[0] = b->high[0] = b->low[0] = b->close[0] = NAN;
    for (int32_t i = MARGIN; i < MARGIN + BARS; i++) {
        double size = below(3) ? 0.3 : 3;
        b->open[i] = below(4) ? price : price + size * (uniform() - 0.5);
        b->close[i] = below(10) ? b->open[i] + size * (uniform() - 0.5) : b->open[i];
        b->high[i] = fmax(b->open[i], b->close[i]) + (below(3) ? size * uniform() : 0);
        b->low[i] = fmin(b->open[i], b->close[i]) - (below(3) ? size * uniform() : 0);
        price = b->close[i] + (100 - b->close[i]) * 0.01;
        if (below(UNDEFINED_IN) == 0) *(double *[]){&b->open[i], &b->high[i], &b->low[i], &b->close[i]}[below(4)] = NAN;
    }
}

/* Values of all bars, at most `most` at a time. */
static void run(const kernel *k, bars *b, int32_t most, double *out) {
    static const double param[INDICATOR_PARAMS] = {0.3};
    const kernel_input in = {.open = b->open + MARGIN,
                             .high = b->high + MARGIN,
                             .low = b->low + MARGIN,
                             .close = b->close + MARGIN,
                             .param = param};
    double *const outs[INDICATOR_OUTPUTS] = {b->out + MARGIN};
    int64_t state[8] = {0};
    if (k->state_bytes > sizeof state) abort();
    for (int32_t from = 0, to; from < BARS; from = to) {
        to = from + 1 + below(most);
        if (to > BARS) to = BARS;
        k->run(state, &in, from, to, outs);
    }
    memcpy(out, b->out + MARGIN, BARS * sizeof *out);
}

static void test_ranges(void) {
    static bars b;
    static double single[BARS], ranges[BARS];
    int32_t n_patterns = 0;
    for (int32_t kind = 0; kind < N_INDICATOR_KINDS; kind++) {
        const kernel *k = kernel_get(kind);
        int32_t n_found = 0, n_undefined = 0, n_different = 0;
        if (strncmp(k->name, "cdl_", 4) != 0) continue;
        n_patterns++;
        for (int32_t n = 0; n < RUNS; n++) {
            fill(&b);
            run(k, &b, 1, single);
            run(k, &b, (int32_t[]){3, 20, 70, 300, BARS}[n % 5], ranges);
            n_different += memcmp(single, ranges, sizeof single) != 0;
            for (int32_t i = 0; i < BARS; i++) n_found += fabs(single[i]) > 0, n_undefined += isnan(single[i]);
        }
        ok(n_different == 0, "%s: ranges and steps give the same bits", k->name);
        ok(n_found > 0 && n_undefined > RUNS, "%s: %d found, %d undefined", k->name, n_found, n_undefined);
    }
    ok(n_patterns == 16, "%d patterns", n_patterns);
}

/* An hourly doji by definition beside m["1h"].ta.cdl_doji(), on all bars; and m.ta, ta, of the trader's own interval. */
static const char bound[] = "local function check(m, doji)\n"
                            "  local n, found = m.close:len(), 0\n"
                            "  for i = 0, n - 11 do\n"
                            "    local sum = 0\n"
                            "    for k = i + 1, i + 10 do sum = sum + m.high[k] - m.low[k] end\n"
                            "    local is_doji = math.abs(m.close[i] - m.open[i]) <= 0.1 * sum / 10\n"
                            "    if is_doji ~= (doji[i] == 100) then error(\"bar \" .. i) end\n"
                            "    if is_doji then found = found + 1 end\n"
                            "  end\n"
                            "  if na(doji[n - 11]) or not na(doji[n - 10]) then error(\"warm-up\") end\n"
                            "  return found\n"
                            "end\n"
                            "return trader {timeframes = {\"1h\"}, filter = function(m)\n"
                            "  local hour = m[\"1h\"]\n"
                            "  local of_hour, own = check(hour, hour.ta.cdl_doji()), check(m, ta.cdl_doji())\n"
                            "  return of_hour > 0 and own > 0 and own == check(m, m.ta.cdl_doji()) and\n"
                            "    hour.ta.cdl_morning_star():len() == hour.close:len()\n"
                            "end}\n";

static void test_bound(void) {
    scripts s;
    scripts_open(&s, NULL);
    ok(scripts_load(&s, 0, "t.lua", bound) == OK && scripts_matches(&s, 0), "patterns of another timeframe: %s",
       s.why.text);
    scripts_load(&s, 0, "t.lua",
                 "return trader {filter = function(m)\n  return ta.cdl_morning_star(-1)[0] > 0\nend}\n");
    ok(strcmp(s.why.text, "t.lua:2: ta.cdl_morning_star: penetration is -1; expected a number from 0 to 10") == 0, "%s",
       s.why.text);
    scripts_close(&s);
}

int main(void) {
    random_state = tap_seed((uint64_t)time(NULL)) * 2654435769u + 1;
    test_ranges();
    test_bound();
    return done();
}
