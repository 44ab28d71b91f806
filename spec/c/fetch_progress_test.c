/* The line that says how far a fetch is. */
#include "cli/fetch_progress.h"
#include "spec/c/tap.h"
#include <string.h>

static void says(const char *wanted, history_progress p, int64_t now_ms) {
    char line[FETCH_LINE_BYTES];
    fetch_progress_describe(&p, now_ms, line);
    ok(strcmp(line, wanted) == 0, "%s", line);
}

int main(void) {
    says("[------------------------]   0 %  0 of 1,234,567 bars", (history_progress){.n_bars = 1234567}, 500);
    says("[############------------]  50 %  500,000 of 1,000,000 bars, 10,000 new/s, 0:50 left",
         (history_progress){.n_bars = 1000000, .n_bars_done = 500000, .n_new = 100000}, 10000);
    says("[########################] 100 %  999 of 999 bars, 99 new/s",
         (history_progress){.n_bars = 999, .n_bars_done = 999, .n_new = 999}, 10000);
    says("[########################] 100 %  7 of 7 bars", (history_progress){.n_bars = 7, .n_bars_done = 7}, 5000);
    says("[########################] 100 %  0 of 0 bars", (history_progress){.n_bars = 0}, 5000);
    says("[#-----------------------]   5 %  50,000 of 1,000,000 bars, 10 new/s, 1583:20 left",
         (history_progress){.n_bars = 1000000, .n_bars_done = 50000, .n_new = 100}, 10000);
    return done();
}
