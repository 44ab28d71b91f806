/* See orchestrator_history.h. */
#include "orchestrator_history.h"
#include "base/log.h"
#include <inttypes.h>
#include <stdio.h>

enum { QUIET_MS = 1000, TERMINAL_MS = 250, LOG_MS = 2000, STEP_PERCENT = 10 };

static int percent(const backfill_progress *p) { return p->n_bars > 0 ? (int)(100 * p->n_bars_done / p->n_bars) : 100; }

/* By the pace so far; -1: cannot be said yet. */
static int64_t seconds_left(const backfill_progress *p, int64_t now_ms) {
    if (p->n_bars_done <= 0) return -1;
    double left = (double)(p->n_bars - p->n_bars_done) / (double)p->n_bars_done;
    return (int64_t)((double)(now_ms - p->began_ms) * left / 1000 + 0.5);
}

void orchestrator_history_describe(const backfill_progress *p, int64_t now_ms, char out[HISTORY_LINE_BYTES]) {
    int64_t left_s = seconds_left(p, now_ms);
    int n = snprintf(out, HISTORY_LINE_BYTES,
                     "history: %" PRIu64 " of %" PRIu64 " ranges, %" PRId64 " of %" PRId64 " bars (%d %%)",
                     p->n_ranges_done, p->n_ranges, p->n_bars_done, p->n_bars, percent(p));
    if (n > 0 && n < HISTORY_LINE_BYTES && left_s >= 0)
        snprintf(out + n, (size_t)(HISTORY_LINE_BYTES - n), ", about %" PRId64 " s left", left_s);
}

void orchestrator_history_show(orchestrator_history *h, const backfill_progress *p, size_t n_under_way,
                               int64_t now_ms) {
    char text[HISTORY_LINE_BYTES];
    if (n_under_way == 0) {
        if (h->is_shown) log_standing_line("");
        h->is_shown = false;
        return;
    }
    if (h->began_ms != p->began_ms) {
        h->began_ms = p->began_ms;
        h->told_percent = 0;
        h->next_ms = p->began_ms + QUIET_MS;
    }
    if (now_ms < h->next_ms || !log_enabled(LOG_INFO)) return;
    if (!h->is_terminal && percent(p) < h->told_percent + STEP_PERCENT) return;
    orchestrator_history_describe(p, now_ms, text);
    if (h->is_terminal)
        log_standing_line(text);
    else
        log_info("orchestrator", "%s", text);
    h->is_shown = h->is_terminal;
    h->told_percent = percent(p) / STEP_PERCENT * STEP_PERCENT;
    h->next_ms = now_ms + (h->is_terminal ? TERMINAL_MS : LOG_MS);
}

void orchestrator_history_write(const feed *f, int64_t now_ms, json_writer *w) {
    const backfill_progress *p = feed_progress(f);
    const backfill_stats *b = feed_backfill_stats(f);
    const rest_stats *r = feed_rest_stats(f);
    int64_t left_s = seconds_left(p, now_ms);
    json_write_key(w, "history");
    json_write_object(w);
    json_put_integer(w, "ranges", (int64_t)p->n_ranges);
    json_put_integer(w, "rangesDone", (int64_t)p->n_ranges_done);
    json_put_integer(w, "bars", p->n_bars);
    json_put_integer(w, "barsDone", p->n_bars_done);
    if (b->n_under_way > 0 && left_s >= 0) json_put_integer(w, "secondsLeft", left_s);
    json_put_integer(w, "underWay", (int64_t)b->n_under_way);
    json_put_integer(w, "live", (int64_t)b->n_live);
    json_put_integer(w, "retries", (int64_t)b->n_retries);
    json_write_object_end(w);
    json_write_key(w, "rest");
    json_write_object(w);
    json_put_text(w, "host", feed_rest_host(f));
    json_put_integer(w, "calls", (int64_t)r->n_calls);
    json_put_integer(w, "failures", (int64_t)r->n_failures);
    json_put_integer(w, "pauses", (int64_t)r->n_pauses);
    json_put_integer(w, "moves", (int64_t)r->n_moves);
    json_put_integer(w, "held", (int64_t)r->n_held);
    json_put_integer(w, "usedWeight", r->used_weight);
    json_put_integer(w, "weightAllowed", r->allowed);
    json_put_integer(w, "weightLimit", r->limit);
    json_write_object_end(w);
}
