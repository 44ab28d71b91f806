/* What is said about the loading of history, and when. */
#include "base/log.h"
#include "orchestrator_history.h"
#include "spec/c/tap.h"
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static int to_read;

/* What has been written to stderr since the last call. */
static const char *told(void) {
    static char text[4096];
    ssize_t n = read(to_read, text, sizeof text - 1);
    text[n > 0 ? n : 0] = 0;
    return text;
}

static backfill_progress at(int64_t n_bars_done) {
    return (backfill_progress){
        .n_ranges = 40, .n_ranges_done = 4, .n_bars = 1000, .n_bars_done = n_bars_done, .began_ms = 5000};
}

static void show(orchestrator_history *h, int64_t n_bars_done, size_t n_under_way, int64_t now_ms) {
    backfill_progress p = at(n_bars_done);
    orchestrator_history_show(h, &p, n_under_way, now_ms);
}

static void test_terminal(void) {
    orchestrator_history h = {.is_terminal = true};
    show(&h, 10, 36, 5900);
    ok(!*told(), "nothing in the first second");
    show(&h, 100, 36, 6000);
    const char *text = told();
    ok(strcmp(text, "history: 4 of 40 ranges, 100 of 1000 bars (10 %), about 9 s left\033[K\r") == 0, "a line: %s",
       text);
    show(&h, 110, 36, 6100);
    ok(!*told(), "not again within a quarter of a second");
    show(&h, 120, 36, 6250);
    ok(strstr(told(), "120 of 1000") != NULL, "then over itself");
    log_warn("test", "hear");
    text = told();
    ok(strncmp(text, "\033[K{", 4) == 0 && strchr(text, '\n'), "what is logged meanwhile takes its place");
    log_warn("test", "hear");
    ok(*told() == '{', "once");
    show(&h, 1000, 0, 6300);
    ok(strcmp(told(), "\033[K\r") == 0, "at the end the line is empty");
    show(&h, 1000, 0, 9000);
    ok(!*told(), "and stays so");
}

static void test_log(void) {
    orchestrator_history h = {0};
    show(&h, 90, 36, 8000);
    ok(!*told(), "below a tenth: nothing");
    show(&h, 130, 36, 8100);
    ok(strstr(told(), "(13 %)") != NULL, "a tenth of the way: a line");
    show(&h, 450, 36, 8200);
    ok(!*told(), "the next step not within 2 s");
    show(&h, 450, 36, 10200);
    ok(strstr(told(), "(45 %)") != NULL, "but then");
    show(&h, 490, 36, 20000);
    ok(!*told(), "and nothing until the next tenth");
}

int main(void) {
    int ends[2], errors = dup(STDERR_FILENO);
    char text[HISTORY_LINE_BYTES];
    backfill_progress nothing = at(0);
    if (pipe(ends) || dup2(ends[1], STDERR_FILENO) < 0 || fcntl(ends[0], F_SETFL, O_NONBLOCK)) abort();
    to_read = ends[0];
    log_init(LOG_INFO, LOG_JSON);
    orchestrator_history_describe(&nothing, 6000, text);
    ok(strcmp(text, "history: 4 of 40 ranges, 0 of 1000 bars (0 %)") == 0, "no guess before the first bar");
    test_terminal();
    test_log();
    dup2(errors, STDERR_FILENO);
    return done();
}
