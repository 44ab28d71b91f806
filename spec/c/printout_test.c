/* What a trader prints appears once, however often its functions have to be run. Lines are caught in a pipe in the place of
 * stderr. */
#include "script/calls.h"
#include "script/printout.h"
#include "spec/c/scripts.h"
#include "spec/c/tap.h"
#include <fcntl.h>
#include <unistd.h>

static int captured_fd;

static void capture(void) {
    int fds[2];
    if (pipe2(fds, O_NONBLOCK) != 0 || dup2(fds[1], STDERR_FILENO) < 0) {
        printf("Bail out! no pipe\n");
        exit(1);
    }
    close(fds[1]);
    captured_fd = fds[0];
}

/* The lines since the last call. A line of the log is written by the thread that logs: it is there by now. */
static const char *printed(void) {
    static char text[1 << 16];
    size_t bytes = 0;
    ssize_t n;
    while ((n = read(captured_fd, text + bytes, sizeof text - 1 - bytes)) > 0) bytes += (size_t)n;
    text[bytes] = 0;
    return text;
}

static int count_of(const char *text, const char *part) {
    int n = 0;
    for (const char *at = text; (at = strstr(at, part)); at += strlen(part)) n++;
    return n;
}

/* An evaluation as in the daemon: what dry ones print is left out. */
static err run(scripts *s) {
    script_view view;
    dry_market_view(s->market, 0, &view);
    view.ignores_warmup = false;
    script_result_deinit(&s->result);
    return script_state_evaluate(s->state, 0, &view, &s->result, &s->why);
}

static void says_once(scripts *s, const char *what, const char *code, const char *part) {
    const char *text;
    scripts_renew(s);
    scripts_demand(scripts_compile(s, 0, "t.lua", code), s->why.text);
    (void)printed();
    (void)!run(s);
    text = printed();
    ok(count_of(text, part) == 1 && count_of(text, "\n") == 1, "%s: %s", what, text);
}

static void test_first_run(scripts *s) {
    says_once(s, "a filter that asks for series",
              "return trader {filter = function(m)\n"
              "  local a = ta.sma(m.close, 5)[0]\n  local b = ta.ema(m.close, 9)[0]\n  print('seen', a == a, b == b)\n"
              "  return false\nend}",
              "seen true true");
    says_once(s, "one that asks for another series each time",
              "return trader {filter = function(m)\n"
              "  print('again')\n  local a = ta.sma(m.close, 5)[0]\n  if a == a then a = ta.ema(m.close, 9)[0] end\n"
              "  return a > 0\nend}",
              "again");
    says_once(s, "one that fails",
              "return trader {filter = function(m)\n"
              "  print('before')\n  local a = ta.sma(m.close, 5)[0]\n  error('x')\nend}",
              "before");
    says_once(s, "one that is stopped",
              "return trader {filter = function(m) log.error('before')\n  while true do end\nend}", "before");
}

/* The bars of one pass, the first ones of them: a second has room for ten lines. */
static void test_own_series(scripts *s) {
    const char *text;
    char expected[64];
    scripts_renew(s);
    scripts_demand(scripts_compile(s, 0, "t.lua",
                                   "return trader {series = {x = function(m, prev)\n  local a = ta.sma(m.close, 5)[0]\n"
                                   "  if m.count <= 7 then print('bar', m.count, a == a) end\n  return 1\nend},\n"
                                   "filter = function(m) return m.my.x[0] > 0 end}"),
                   s->why.text);
    (void)printed();
    scripts_demand(run(s), s->why.text);
    text = printed();
    for (int n = 1; n <= 7; n++) {
        snprintf(expected, sizeof expected, "bar %d %s", n, n >= 5 ? "true" : "false");
        ok(count_of(text, expected) == 1, "an own series: %s", expected);
    }
    ok(count_of(text, "\n") == 7, "and nothing else");
}

#define BY_CONDITIONS "conditions = {{'up', function(m) print('asked', ta.sma(m.close, 5)[0] > 0) return true end}}"

static void test_description(scripts *s) {
    static const struct {
        const char *what, *code;
    } cases[] = {
        {"conditions that are the filter", "return trader {" BY_CONDITIONS "}"},
        {"conditions beside a filter", "return trader {filter = function(m) return true end, " BY_CONDITIONS "}"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        script_view view;
        const char *text;
        scripts_renew(s);
        scripts_demand(scripts_load(s, 0, "t.lua", cases[i].code), s->why.text);
        ok(count_of(printed(), "asked") == 0, "%s: nothing in dry evaluations", cases[i].what);
        dry_market_view(s->market, 0, &view);
        view.ignores_warmup = false;
        scripts_demand(run(s), s->why.text);
        scripts_demand(script_state_describe(s->state, 0, &view, &s->result, &s->why), s->why.text);
        text = printed();
        ok(count_of(text, "asked true") == 1 && count_of(text, "\n") == 1, "%s: once: %s", cases[i].what, text);
    }
}

static void test_load(scripts *s) {
    const char *code = "print('loaded')\nreturn trader {filter = function(m) return true end}";
    scripts_renew(s);
    (void)printed();
    scripts_demand(scripts_load(s, 0, "t.lua", code), s->why.text);
    ok(count_of(printed(), "loaded") == 1, "a load with the dry evaluation prints");
    scripts_demand(scripts_compile(s, 0, "t.lua", code), s->why.text);
    ok(count_of(printed(), "loaded") == 0, "the loads of the other states do not");
}

static void test_second(void) {
    printout p = {0};
    char text[64];
    (void)printed();
    for (int i = 0; i < 25; i++) {
        snprintf(text, sizeof text, "line %d.", i);
        printout_hold(&p, LOG_INFO, text);
    }
    printout_write(&p, 5000, "t", "BTCUSDT");
    const char *got = printed();
    ok(count_of(got, "\n") == 10 && count_of(got, "t BTCUSDT: line 0.") == 1 && count_of(got, "line 9.") == 1,
       "ten lines a second: %s", got);
    printout_hold(&p, LOG_INFO, "more");
    printout_write(&p, 5999, "t", "BTCUSDT");
    ok(printed()[0] == 0, "and no more");
    printout_hold(&p, LOG_INFO, "next");
    printout_write(&p, 6000, "t", "BTCUSDT");
    got = printed();
    ok(count_of(got, "16 more lines of scripts in one second were left out") == 1 && count_of(got, "next") == 1,
       "the next one says how many were left out: %s", got);
}

int main(void) {
    scripts s;
    scripts_open(&s, NULL);
    capture();
    log_init(LOG_INFO, LOG_HUMAN);
    test_first_run(&s);
    test_own_series(&s);
    test_description(&s);
    test_load(&s);
    test_second();
    scripts_close(&s);
    return done();
}
