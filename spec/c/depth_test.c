/* Traders that look back as far as the data says: what they answer does not depend on how many values were there. One
 * market is seen by two symbols; of one all columns are whole before each evaluation, of the other they grow on demand. */
#include "script/calls.h"
#include "spec/c/scripts.h"
#include "spec/c/tap.h"
#include <math.h>

enum { KEEP = 700, N_BARS = 3200, FIRST = 600 };

static const char *const traders[] = {
    /* on some bars only, at any depth, also before the oldest bar */
    "return trader {warmup = 0, filter = function(m)\n"
    "  local n = math.floor(m.volume[0] * 1e6)\n"
    "  local slow, fast = ta.ema(m.close, 20), ta.sma(ta.rsi(m.close, 14), 9)\n"
    "  if n % 701 ~= 0 then return {match = true, stop = 1e5 + (slow[0] + nz(fast[0]))} end\n"
    "  local back = n % 800\n"
    "  return {match = true, stop = 1e5 + (nz(slow[back], -1) + nz(fast[back], -1))}\n"
    "end}",
    /* all that there is, and how much that is */
    "return trader {warmup = 0, filter = function(m)\n"
    "  if math.floor(m.volume[0] * 1e6) % 809 ~= 0 then return false end\n"
    "  local s, sum, n = ta.macd(m.close, 12, 26, 9).hist, 0, 0\n"
    "  if s:len() ~= m.count then error('len ' .. s:len()) end\n"
    "  for k = 0, s:len() - 1 do if not na(s[k]) then sum, n = sum + s[k], n + 1 end end\n"
    "  return {match = true, stop = 1e5 + (sum * 10 + n)}\n"
    "end}",
    /* by functions that walk a series themselves */
    "return trader {warmup = 0, filter = function(m)\n"
    "  local n = math.floor(m.volume[0] * 1e6)\n"
    "  local rsi, score = ta.rsi(m.close, 14), 0\n"
    "  local kind = ta.divergence(m.low, rsi, {lookback = n % 151 == 0 and 400 or 30})\n"
    "  if kind then score = #kind end\n"
    "  if ta.crossover(ta.ema(m.close, 9), ta.ema(m.close, 21)) then score = score + 100 end\n"
    "  if n % 101 == 0 and ta.rising(ta.cum(m.volume), 150 + n % 400) then score = score + 1000 end\n"
    "  return {match = true, stop = 1e5 + (score)}\n"
    "end}",
    /* of its own, made at each bar, and the conditions */
    "return trader {warmup = 0, series = {deep = function(m, prev)\n"
    "    local back = math.floor(m.volume[0] * 1e6) % 907 == 0 and 300 or 1\n"
    "    return nz(ta.atr(14)[back]) + nz(prev) / 2\n"
    "  end},\n"
    "  filter = function(m) return {match = true, stop = m.my.deep[0]} end,\n"
    "  conditions = {{'deep', function(m) return nz(ta.bb(m.close, 20, 2).upper[250]) > m.close[0] end},\n"
    "    {'near', function(m) return m.my.deep[1] > 0 end}}}"};
enum { N_TRADERS = sizeof traders / sizeof *traders };

typedef struct seen {
    kline_series *bars[N_INTERVALS];
    indicator_set *sets[N_INTERVALS];
    script_binding *bindings[N_TRADERS];
    double stop[N_TRADERS];
    char *conditions[N_TRADERS];
    int64_t n_short;
} seen;

static void seen_open(seen *m, scripts *s, int64_t from_ms) {
    memset(m, 0, sizeof *m);
    m->bars[INTERVAL_5M] = kline_series_new(INTERVAL_5M, KEEP, from_ms);
    if (!m->bars[INTERVAL_5M]) abort();
    scripts_demand(indicator_set_new(m->bars[INTERVAL_5M], s->registry, &m->sets[INTERVAL_5M]), "set");
    indicator_set_link(m->sets[INTERVAL_5M], m->sets);
}

static void seen_close(seen *m) {
    for (int k = 0; k < N_TRADERS; k++) script_binding_free(m->bindings[k]);
    indicator_set_free(m->sets[INTERVAL_5M]);
    kline_series_free(m->bars[INTERVAL_5M]);
}

static void feed(seen *m, const kline *bar) {
    if (kline_series_close(m->bars[INTERVAL_5M], bar, NULL) != KLINE_APPENDED) abort();
    indicator_set_advance(m->sets[INTERVAL_5M]);
}

static void lengthen_all(const seen *m) {
    indicator_set *set = m->sets[INTERVAL_5M];
    for (int32_t i = 0; i < indicator_set_count(set); i++) scripts_demand(indicator_set_lengthen(set, i), "lengthen");
}

/* All traders at the bar that is `back` before the newest. */
static void evaluate(seen *m, scripts *s, int32_t back, bool is_whole) {
    static const symbol_info symbol = {.name = "AAUSDT", .base = "AA", .quote = "USDT"};
    const kline_series *bars = m->bars[INTERVAL_5M];
    int64_t open_ms = kline_series_open_ms(bars)[kline_series_count(bars) - 1 - back];
    for (int k = 0; k < N_TRADERS; k++) {
        script_view view = {.symbol = &symbol, .open_ms = open_ms, .close_ms = interval_next(INTERVAL_5M, open_ms)};
        memcpy(view.bars, m->bars, sizeof view.bars);
        memcpy(view.sets, m->sets, sizeof view.sets);
        view.binding = &m->bindings[k];
        if (is_whole) lengthen_all(m);
        script_result_deinit(&s->result);
        if (script_state_evaluate(s->state, k, &view, &s->result, &s->why) != OK)
            printf("Bail out! %s\n", s->why.text), exit(1);
        m->stop[k] = s->result.outcome == SCRIPT_MATCH ? s->result.stop : -1;
        free(m->conditions[k]);
        m->conditions[k] = NULL;
        if (k == 3)
            scripts_demand(script_state_conditions(s->state, k, &view, &m->conditions[k], &s->why), s->why.text);
    }
    for (int32_t i = 0; i < indicator_set_count(m->sets[INTERVAL_5M]); i++)
        m->n_short += indicator_set_first(m->sets[INTERVAL_5M], i) > 0;
}

/* The same answers, to the bit. */
static int differences(const seen *a, const seen *b) {
    int n = 0;
    for (int k = 0; k < N_TRADERS; k++) {
        n += !(a->stop[k] == b->stop[k] || (isnan(a->stop[k]) && isnan(b->stop[k])));
        n += a->conditions[k] && strcmp(a->conditions[k], b->conditions[k]) != 0;
    }
    return n;
}

int main(void) {
    int64_t from_ms = 1700006400000; /* 2023-11-15T00:00Z */
    scripts s;
    seen whole, grown;
    int n_different = 0, n_evaluations = 0, n_late = 0;
    double price = 100;
    uint64_t random_state = tap_seed((uint64_t)time(NULL)) * 2654435769u + 1;
    scripts_open(&s, NULL);
    for (int k = 0; k < N_TRADERS; k++)
        if (scripts_compile(&s, k, "depth.lua", traders[k]) != OK) printf("Bail out! %s\n", s.why.text), exit(1);
    seen_open(&whole, &s, from_ms);
    seen_open(&grown, &s, from_ms);
    for (int32_t i = 0; i < N_BARS; i++) {
        double draw[4];
        for (int d = 0; d < 4; d++) {
            random_state = random_state * 6364136223846793005u + 1442695040888963407u;
            draw[d] = (double)(random_state >> 33) / 2147483648.0;
        }
        kline bar = {.open_ms = interval_add(INTERVAL_5M, from_ms, i), .open = price, .volume = 1 + draw[0]};
        price *= 1 + 0.02 * (draw[1] - 0.5);
        bar.close = price;
        bar.high = fmax(bar.open, bar.close) * (1 + 0.005 * draw[2]);
        bar.low = fmin(bar.open, bar.close) * (1 - 0.005 * draw[3]);
        feed(&whole, &bar);
        feed(&grown, &bar);
        if (i < FIRST) continue;
        for (int32_t back = i == FIRST ? 100 : i % 401 == 0 ? 300 : 0; back >= 0; back--) { /* also late ones */
            evaluate(&whole, &s, back, true);
            evaluate(&grown, &s, back, false);
            n_different += differences(&whole, &grown);
            n_evaluations++;
            n_late += back > 0;
        }
    }
    ok(n_different == 0, "the same answers in %d evaluations, %d of them late", n_evaluations, n_late);
    ok(whole.n_short == 0 && grown.n_short > N_BARS / 4, "columns were short %lld times", (long long)grown.n_short);
    for (int k = 0; k < N_TRADERS; k++) free(whole.conditions[k]), free(grown.conditions[k]);
    seen_close(&whole);
    seen_close(&grown);
    scripts_close(&s);
    return done();
}
