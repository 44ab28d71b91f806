/* rank.by: its number, its warm-up, which it shares with the filter, its mistakes; and what the filter sees of the ranks. */
#include "script/calls.h"
#include "spec/c/symbols.h"
#include "spec/c/tap.h"

static symbols u;

static err score(scripts *s, int32_t index, const script_view *view, double *number, script_outcome *outcome) {
    s->why.text[0] = 0;
    return script_state_score(s->state, index, view, number, outcome, &s->why);
}

static void load(scripts *s, int32_t index, const char *code) {
    err e = scripts_load(s, index, "k.lua", code);
    if (e != OK) printf("Bail out! %s\n", s->why.text), exit(1);
}

static bool matches(scripts *s, int32_t index, const script_view *view) {
    script_result_deinit(&s->result);
    scripts_demand(script_state_evaluate(s->state, index, view, &s->result, &s->why), s->why.text);
    return s->result.outcome == SCRIPT_MATCH;
}

static void test_score(void) {
    scripts s;
    script_view view;
    double number;
    script_outcome outcome;
    scripts_open(&s, NULL);
    symbols_open(&u, s.registry, 3);
    for (int32_t i = 0; i < 30; i++) symbols_close_bar(&u.mine, i);
    load(&s, 0,
         "return trader {rank = {by = function(m) return m.close[0] / m.close[5] - 1 end, top = 7},\n"
         "  filter = function(m) return ta.sma(m.close, 40)[0] > 0 end}");
    ok(s.specs[0]->rank_top == 7, "so many of the best");
    view = symbols_view_alone(&u);
    view.ignores_warmup = false;
    ok(score(&s, 0, &view, &number, &outcome) == OK && outcome == SCRIPT_WARMING && isnan(number),
       "rank.by waits for what the filter uses: %s", s.why.text);
    for (int32_t i = 30; i < 60; i++) symbols_close_bar(&u.mine, i);
    view = symbols_view_alone(&u);
    view.ignores_warmup = false;
    ok(score(&s, 0, &view, &number, &outcome) == OK && outcome == SCRIPT_MATCH &&
           number == u.mine.bars[59].close / u.mine.bars[54].close - 1,
       "its number: %g", number);
    load(&s, 1,
         "return trader {rank = {by = function(m) return ta.sma(m.close, 80)[0] end, top = 1},\n"
         "  filter = function(m) return m.close[0] > 0 end}");
    (void)matches(&s, 1, &view);
    ok(s.result.outcome == SCRIPT_WARMING && s.result.have == 60 && s.result.need == 80,
       "the filter waits for what rank.by uses: %d/%d", s.result.have, s.result.need);
    ok(s.specs[1]->depth[INTERVAL_5M] == 80, "which is part of its depth");
    symbols_free(&u);
    scripts_close(&s);
}

/* Compiled only: the dry evaluation would refuse what always fails. */
static void test_mistakes(void) {
    scripts s;
    script_view view;
    double number;
    script_outcome outcome;
    scripts_open(&s, NULL);
    dry_market_view(s.market, 0, &view);
#define RANKED(body) \
    "return trader {\n  rank = {by = function(m) " body " end, top = 3},\n  filter = function(m) return true end}"
    scripts_demand(scripts_compile(&s, 0, "k.lua", RANKED("return \"x\"")), s.why.text);
    ok(score(&s, 0, &view, &number, &outcome) == ERR_SCRIPT && isnan(number) &&
           strcmp(s.why.text, "k.lua:2: rank.by returned \"x\"; expected a number (0/0 where there is none)") == 0,
       "%s", s.why.text);
    scripts_demand(scripts_compile(&s, 1, "k.lua", RANKED("return m.close")), s.why.text);
    ok(score(&s, 1, &view, &number, &outcome) == ERR_SCRIPT &&
           strcmp(s.why.text,
                  "k.lua:2: rank.by returned series close 5m; expected a number (0/0 where there is none)") == 0,
       "%s", s.why.text);
    scripts_demand(scripts_compile(&s, 2, "k.lua", RANKED("return 0/0")), s.why.text);
    ok(score(&s, 2, &view, &number, &outcome) == OK && outcome == SCRIPT_MATCH && isnan(number),
       "no number is a number");
    scripts_demand(scripts_compile(&s, 3, "k.lua", RANKED("return m.rank + 1")), s.why.text);
    ok(score(&s, 3, &view, &number, &outcome) == ERR_SCRIPT &&
           strcmp(s.why.text,
                  "k.lua:2: attempt to perform arithmetic on field 'rank' (a nil value); m.rank is nil until all "
                  "symbols have their score") == 0,
       "%s", s.why.text);
    scripts_demand(scripts_compile(&s, 4, "k.lua", RANKED("return nil + 1")), s.why.text);
    ok(score(&s, 4, &view, &number, &outcome) == ERR_SCRIPT && script_state_trace(s.state)[0] != 0, "with a traceback");
    ok(scripts_load(&s, 5, "k.lua",
                    RANKED("if m.close[0] > m.close[0] then return nil end local x = ta.sma(m.clos, 3)")) == ERR_SCRIPT,
       "the dry evaluation asks for scores: %s", s.why.text);
    ok(scripts_load(&s, 6, "k.lua", "return trader {filter = function(m)\n  return m.rank == 1 end}") == ERR_SCRIPT &&
           strcmp(s.why.text,
                  "k.lua:2: m.rank: this trader ranks nothing; add rank = {by = function(m) return ... end, top = "
                  "10}") == 0,
       "%s", s.why.text);
    ok(scripts_load(&s, 6, "k.lua", "return trader {filter = function(m)\n  return m.universe.count > 1 end}") ==
               ERR_SCRIPT &&
           strstr(s.why.text, "k.lua:2: m.universe: this trader ranks nothing"),
       "%s", s.why.text);
    scripts_demand(scripts_compile(&s, 7, "k.lua", RANKED("while true do end")), s.why.text);
    ok(score(&s, 7, &view, &number, &outcome) == ERR_RUNAWAY && script_state_guilty(s.state) == 7 && isnan(number),
       "a runaway is stopped: %s", s.why.text);
    scripts_close(&s);
}

static void test_what_the_filter_sees(void) {
    scripts s;
    script_view view;
    script_rank rank = {
        .rank = 2, .count = 300, .advancing = 170, .declining = 120, .missing = 4, .median_change = -0.5};
    char *json;
    scripts_open(&s, NULL);
    symbols_open(&u, s.registry, 4);
    for (int32_t i = 0; i < 30; i++) symbols_close_bar(&u.mine, i);
    load(&s, 0,
         "local kept\nreturn trader {rank = {by = function(m) return m.close[0] end, top = 5},\n"
         "  filter = function(m)\n    local w = m.universe\n    if not w then return na(kept.count) and m.rank == nil "
         "end\n"
         "    kept = w\n    return m.rank == 2 and w.count == 300 and w.advancing == 170 and w.declining == 120 and\n"
         "      w.missing == 4 and w.median_change == -0.5 end,\n"
         "  conditions = {{\"first\", function(m) return m.rank == 1 end}, {\"two\", function(m) return m.rank == 2 "
         "end}}}");
    view = symbols_view_alone(&u);
    view.rank = &rank;
    ok(matches(&s, 0, &view), "rank and universe");
    ok(script_state_conditions(s.state, 0, &view, &json, &s.why) == OK && strstr(json, "\"first\",\"held\":false") &&
           strstr(json, "\"two\",\"held\":true"),
       "conditions see them, too");
    free(json);
    view.rank = NULL;
    ok(matches(&s, 0, &view), "nil when there are none");
    ok(scripts_load(&s, 1, "k.lua",
                    "return trader {rank = {by = function(m) return 1 end, top = 5}, filter = function(m)\n"
                    "  return m.universe.size > 1 end}") == ERR_SCRIPT &&
           strcmp(s.why.text, "k.lua:2: m.universe has no field \"size\"") == 0,
       "%s", s.why.text);
    symbols_free(&u);
    scripts_close(&s);
}

int main(void) {
    test_score();
    test_mistakes();
    test_what_the_filter_sees();
    return done();
}
