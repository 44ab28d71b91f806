/* Who is stopped when a state is full: the trader that filled it, which need not be the one that runs. */
#include "spec/c/scripts.h"
#include "spec/c/tap.h"

#define FILTER(body) "filter = function(m)\n" body "\nreturn m.close[0] > 0 end}\n"

enum { MEMORY = 32 << 20, ROUNDS_MAX = 20000 };

static const char QUIET[] = "return trader {name = 'quiet', " FILTER("local x = ta.sma(m.close, 20)[0]");
/* Much is made, nothing is kept. */
static const char CHURNING[] = "return trader {name = 'churning', " FILTER(
    "local t = {} for i = 1, 300 do t[i] = {'text ' .. i .. m.close[0]} end");
/* Little is made, everything is kept. */
static const char HOARDING[] = "local kept = {} return trader {name = 'hoarding', " FILTER(
    "local n = #kept for i = 1, 20 do kept[n + i] = {m.close[0], n, i, {}} end");

/* In turns until one is stopped; the index that is blamed, -1 when none was. `fails_at`: who ran then. */
static int32_t run_until_stopped(scripts *s, int32_t n_traders, int32_t *ran) {
    for (int round = 0; round < ROUNDS_MAX; round++)
        for (*ran = 0; *ran < n_traders; ++*ran) {
            err e = scripts_run(s, *ran);
            if (e == ERR_RUNAWAY) return script_state_guilty(s->state);
            if (e != OK) return -2;
        }
    return -1;
}

static void expect_guilty(scripts *s, const char *name, const char *const codes[], int32_t n, int32_t guilty) {
    int32_t ran = 0, blamed;
    char chunk[32], sentence[128];
    scripts_renew(s);
    for (int32_t i = 0; i < n; i++) {
        snprintf(chunk, sizeof chunk, "trader-%d.lua", i);
        scripts_demand(scripts_compile(s, i, chunk, codes[i]), s->why.text);
    }
    blamed = run_until_stopped(s, n, &ran);
    snprintf(sentence, sizeof sentence, "trader-%d.lua: stopped, over its limit SCRIPT_MEMORY_MB of %d MB", guilty,
             MEMORY >> 20);
    ok(blamed == guilty && strcmp(s->why.text, sentence) == 0, "%s: %s (while %d ran)", name, s->why.text, ran);
}

static void test_guilty(scripts *s) {
    const char *const hoarder_last[] = {QUIET, CHURNING, CHURNING, HOARDING}, *const hoarder_first[] = {
                                                                                  HOARDING, CHURNING, QUIET, CHURNING};
    const char *const at_once[] = {
        QUIET, "return trader {name = 'x', " FILTER("local t = {} for i = 1, 1e6 do t[i] = {i} end"), CHURNING};
    const char *const under_pcall[] = {
        QUIET,
        "return trader {name = 'x', " FILTER("pcall(function() local t = {} for i = 1, 1e6 do t[i] = {i} end end)")};
    const char *const one_text[] = {CHURNING, "return trader {name = 'x', " FILTER("local s = ('x'):rep(20e6)"), QUIET};
    const char *const load[] = {
        QUIET,
        "local kept = {} for i = 1, 2e4 do kept[i] = {i} end return trader {name = 'x', " FILTER(
            "if #kept == 0 then return false end"),
        HOARDING};
    expect_guilty(s, "a hoarder beside those that make and drop much more", hoarder_last, 4, 3);
    expect_guilty(s, "wherever it stands", hoarder_first, 4, 0);
    expect_guilty(s, "one that needs too much at once", at_once, 3, 1);
    expect_guilty(s, "one that catches the error", under_pcall, 2, 1);
    expect_guilty(s, "one text over the limit", one_text, 3, 1);
    expect_guilty(s, "one that hoards, not one that was loaded with much", load, 3, 2);
}

static void test_innocent(scripts *s) {
    const char *const codes[] = {
        CHURNING, QUIET,
        "local kept = {} for i = 1, 1e4 do kept[i] = {i} end return trader {name = 'x', " FILTER(
            "if #kept == 0 then return false end")};
    int32_t n_matches = 0;
    scripts_renew(s);
    for (int32_t i = 0; i < 3; i++) scripts_demand(scripts_compile(s, i, "t.lua", codes[i]), s->why.text);
    for (int i = 0; i < 1000; i++)
        for (int32_t k = 0; k < 3; k++) n_matches += scripts_matches(s, k);
    ok(n_matches == 3000, "what stays below the limits runs for ever: %d of 3000 %s", n_matches, s->why.text);
    ok(script_state_memory(s->state) < MEMORY / 2, "and the state does not grow: %zu bytes",
       script_state_memory(s->state));
}

/* A trader that fills the memory with small blocks and drops them leaves none of another size. Its neighbour must not
 * pay for that. */
static void test_fragments(scripts *s) {
    const char *const codes[] = {"return trader {name = 'x', " FILTER("local t = {} for i = 1, 12e4 do t[i] = {i} end"),
                                 "return trader {name = 'x', " FILTER("local s = ('x'):rep(1e6) s = s .. s .. s")};
    int32_t ran = 0, blamed;
    scripts_renew(s);
    for (int32_t i = 0; i < 2; i++) scripts_demand(scripts_compile(s, i, "t.lua", codes[i]), s->why.text);
    blamed = run_until_stopped(s, 2, &ran);
    ok(blamed == -1 || blamed == 0,
       "small blocks that were dropped are not held against who needs a large one: %d blamed while %d ran", blamed,
       ran);
}

int main(void) {
    scripts s;
    scripts_open(&s, NULL);
    s.limits.memory_bytes = MEMORY;
    s.limits.cpu_ms = s.limits.load_cpu_ms = 60000; /* memory is what this is about */
    test_guilty(&s);
    test_innocent(&s);
    test_fragments(&s);
    scripts_close(&s);
    return done();
}
