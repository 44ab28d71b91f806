/* Recursive series of an author: each value made once, oldest bar first, seen as of its own bar; what a kill, an error and
 * a correction leave of them. */
#include "spec/c/scripts.h"
#include "spec/c/tap.h"
#include <math.h>

enum { BARS = 400 }; /* of the dry market */

static script_view view_at(scripts *s, int32_t back) {
    script_view view;
    dry_market_view(s->market, back, &view);
    return view;
}

/* Values of the only own series of the traders loaded so far, or of the newest of them. */
static const double *own_values(scripts *s) {
    script_view view = view_at(s, 0);
    indicator_set *set = view.sets[INTERVAL_5M];
    for (int32_t i = indicator_set_count(set) - 1; i >= 0; i--)
        if (registry_get(s->registry, indicator_set_id(set, i))->kind == INDICATOR_OWN)
            return indicator_set_values(set, i, 0);
    return NULL;
}

static void load(scripts *s, int32_t index, const char *code) {
    err e = scripts_compile(s, index, "own.lua", code);
    if (e != OK) printf("Bail out! %s\n", s->why.text), exit(1);
}

#define COUNTS \
    "return trader {series = {n = function(m, prev) return nz(prev) + 1 end},\n" \
    "  filter = function(m) return m.my.n[0] == m.count end}\n"

static void test_once_each(void) {
    scripts s;
    bool counted = true;
    scripts_open(&s, NULL);
    load(&s, 0, COUNTS);
    for (int32_t back = 60; back >= 30; back--)
        ok(scripts_run_at(&s, 0, back) == OK && s.result.outcome == SCRIPT_MATCH, "bar %d has its number: %s",
           BARS - back, s.why.text);
    for (int32_t i = 0; i < BARS - 30; i++) counted = counted && own_values(&s)[i] == i + 1;
    ok(counted, "from the oldest bar on, each once");
    ok(isnan(own_values(&s)[BARS - 30]), "and none ahead of its time");
    ok(scripts_run_at(&s, 0, 50) == OK && s.result.outcome == SCRIPT_MATCH, "an earlier bar shows its own value");
    scripts_close(&s);
}

static void test_kill(void) {
    scripts s;
    bool counted = true;
    scripts_open(&s, NULL);
    load(&s, 0, COUNTS);
    load(&s, 1, "return trader {filter = function(m) while true do end end}");
    ok(scripts_run_at(&s, 0, 100) == OK, "up to a bar");
    ok(scripts_run_at(&s, 1, 100) == ERR_RUNAWAY, "another trader kills the state");
    scripts_renew(&s);
    load(&s, 0, COUNTS);
    ok(scripts_run_at(&s, 0, 0) == OK && s.result.outcome == SCRIPT_MATCH, "the values go on where they were");
    for (int32_t i = 0; i < BARS; i++) counted = counted && own_values(&s)[i] == i + 1;
    ok(counted, "none is missing, none was made twice");
    scripts_close(&s);
}

static void test_view(void) {
    scripts s;
    scripts_open(&s, NULL);
    load(&s, 0,
         "return trader {interval = '5m', timeframes = {'1h'}, series = {\n"
         "  len = function(m, prev) return m.close:len() end,\n"
         "  mine = function(m, prev) return m.my.len:len() end,\n"
         "  last = function(m, prev) return m.my.len[0] - nz(m.my.mine[0]) end,\n"
         "  hour = function(m, prev) return m['1h'].close[0] end,\n"
         "  sma = function(m, prev) return ta.sma(m.close, 10)[0] end,\n"
         "  time = function(m, prev) return m.time end},\n"
         "filter = function(m)\n"
         "  local aligned, sma = m:align(m['1h'].close), ta.sma(m.close, 10)\n"
         "  for k = 0, m.count - 1 do\n"
         "    local n = m.count - k\n"
         "    if m.my.len[k] ~= n then error('len ' .. k) end\n"
         "    if m.my.mine[k] ~= n - 1 then error('mine ' .. k .. ' ' .. m.my.mine[k]) end\n"
         "    if n > 1 and m.my.last[k] ~= 1 then error('last ' .. k .. ' ' .. m.my.last[k]) end\n"
         "    local h, a = m.my.hour[k], aligned[k]\n"
         "    if h ~= a and (h == h or a == a) then error('hour ' .. k) end\n"
         "    local x, y = m.my.sma[k], sma[k]\n"
         "    if x ~= y and (x == x or y == y) then error('sma ' .. k) end\n"
         "    if m.my.time[k] ~= m.time - k * 300000 then error('time ' .. k) end\n"
         "  end\n"
         "  return true\n"
         "end}");
    ok(scripts_run_at(&s, 0, 20) == OK, "each value sees its own bar and nothing behind it: %s", s.why.text);
    ok(scripts_run(&s, 0) == OK, "and so do those that follow: %s", s.why.text);
    scripts_close(&s);
}

static void test_errors(void) {
    scripts s;
    script_view view;
    scripts_open(&s, NULL);
    load(&s, 0,
         "return trader {series = {x = function(m, prev)\n"
         "  if m.count == 390 then error('at ' .. m.count) end\n"
         "  return m.count end},\n"
         "filter = function(m) return true end}");
    ok(scripts_run_at(&s, 0, 11) == OK, "before the bar that fails");
    ok(scripts_run_at(&s, 0, 10) == ERR_SCRIPT && strcmp(s.why.text, "own.lua:2: at 390") == 0,
       "a call that fails is an error of the trader: %s", s.why.text);
    ok(isnan(own_values(&s)[389]) && own_values(&s)[388] == 389, "its value is NaN");
    ok(scripts_run_at(&s, 0, 9) == OK && own_values(&s)[390] == 391, "the next bar is on its own");
    load(
        &s, 1,
        "return trader {series = {x = function(m, prev) while true do end end}, filter = function(m) return true end}");
    view = view_at(&s, 0);
    (void)view;
    ok(scripts_run(&s, 1) == ERR_RUNAWAY && script_state_guilty(s.state) == 1, "one that does not end is stopped: %s",
       s.why.text);
    scripts_close(&s);
}

static void test_correction(void) {
    scripts s;
    script_view view;
    kline bar;
    int32_t index;
    double before, after;
    scripts_open(&s, NULL);
    load(&s, 0,
         "return trader {series = {sum = function(m, prev) return nz(prev) + m.close[0] end},\n"
         "  filter = function(m) return ta.sma(m.my.sum, 5)[0] > 0 end}");
    ok(scripts_run(&s, 0) == OK, "%s", s.why.text);
    before = own_values(&s)[BARS - 1];
    view = view_at(&s, 0);
    kline_series_get(view.bars[INTERVAL_5M], BARS - 40, &bar);
    bar.close += 1;
    bar.high += 1;
    ok(kline_series_close(view.bars[INTERVAL_5M], &bar, &index) == KLINE_REPLACED, "a bar is corrected");
    indicator_set_correct(view.sets[INTERVAL_5M], index);
    ok(scripts_run(&s, 0) == OK, "%s", s.why.text);
    after = own_values(&s)[BARS - 1];
    ok(fabs(after - before - 1) < 1e-9, "what follows is made anew: %.12g, was %.12g", after, before);
    scripts_close(&s);
}

static void test_identity(void) {
    scripts s;
    int32_t n_before, n_after;
    scripts_open(&s, NULL);
    load(&s, 0, COUNTS);
    n_before = registry_count(s.registry);
    load(&s, 1, COUNTS);
    n_after = registry_count(s.registry);
    ok(n_before == n_after, "the same trader in another place has the same series");
    load(&s, 2, COUNTS "-- another revision\n");
    ok(registry_count(s.registry) == n_before + 1, "an edited one has another");
    scripts_close(&s);
}

int main(void) {
    test_once_each();
    test_kill();
    test_view();
    test_errors();
    test_correction();
    test_identity();
    return done();
}
