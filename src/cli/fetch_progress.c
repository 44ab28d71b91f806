/* See fetch_progress.h. */
#include "cli/fetch_progress.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { BAR_WIDTH = 24, NUMBER_BYTES = 32, SECOND_MS = 1000, MINUTE_S = 60 };

/* 1234567 -> 1,234,567 */
static void group(int64_t n, char out[NUMBER_BYTES]) {
    char digits[24];
    size_t count = (size_t)snprintf(digits, sizeof digits, "%" PRId64, n), used = 0;
    for (size_t i = 0; i < count; i++) {
        if (i > 0 && (count - i) % 3 == 0 && digits[i - 1] != '-') out[used++] = ',';
        out[used++] = digits[i];
    }
    out[used] = 0;
}

/* By what this run has brought; a run that finds everything there has no speed. */
static void describe_speed(const history_progress *p, int64_t now_ms, char *out, size_t room) {
    int64_t ms = now_ms - p->began_ms, left = p->n_bars - p->n_bars_done;
    char speed[NUMBER_BYTES];
    out[0] = 0;
    if (ms < SECOND_MS || p->n_new == 0) return;
    int64_t per_s = (int64_t)(p->n_new * SECOND_MS / (uint64_t)ms);
    group(per_s, speed);
    int64_t left_s = per_s > 0 ? left / per_s : 0;
    int used = snprintf(out, room, ", %s new/s", speed);
    if (left > 0 && used > 0 && (size_t)used < room)
        snprintf(out + used, room - (size_t)used, ", %" PRId64 ":%02d left", left_s / MINUTE_S,
                 (int)(left_s % MINUTE_S));
}

void fetch_progress_describe(const history_progress *p, int64_t now_ms, char out[FETCH_LINE_BYTES]) {
    char bar[BAR_WIDTH + 1], done[NUMBER_BYTES], all[NUMBER_BYTES], speed[80];
    int percent = p->n_bars > 0 ? (int)(100 * p->n_bars_done / p->n_bars) : 100, filled = percent * BAR_WIDTH / 100;
    memset(bar, '-', BAR_WIDTH);
    memset(bar, '#', (size_t)filled);
    bar[BAR_WIDTH] = 0;
    group(p->n_bars_done, done);
    group(p->n_bars, all);
    describe_speed(p, now_ms, speed, sizeof speed);
    snprintf(out, FETCH_LINE_BYTES, "[%s] %3d %%  %s of %s bars%s", bar, percent, done, all, speed);
}
