/* A range is a small state machine that asks for one page at a time:
 *
 *          request           answer              delivered, more to come
 *   IDLE ----------> ASKED ----------> FULL --------------------------> IDLE
 *    ^                 | failure        | delivered, end reached
 *    +--- not_before --+                +--> RANGE_DONE delivered: gone
 *
 * Pages of one range must arrive in order, so a range never has two requests; the parallelism comes from having many
 * ranges, the oldest first. All progress is made in `pump`, run from a timer: no handler is called from inside the
 * caller's own call, and delivery that was stopped by a full receiver goes on where it stopped. A page is kept in its
 * range until all of it is delivered; while the receiver is full nothing new is asked for, so memory stays bounded by
 * BACKFILL_MAX_CALLS pages. */
#include "binance/backfill.h"
#include "base/backoff.h"
#include "base/log.h"
#include "binance/parse.h"
#include "market/interval.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { RETRY_BASE_MS = 500, RETRY_CAP_MS = 30000, SLOW_BASE_MS = 60000, SLOW_CAP_MS = 600000 };

enum range_state { RANGE_IDLE, RANGE_ASKED, RANGE_FULL };

typedef struct range {
    struct range *next;
    backfill *owner;
    uint32_t symbol;
    int32_t interval;
    enum range_state state;
    int64_t from_ms, to_ms;
    int64_t next_ms;       /* all before it has been received */
    int64_t end_ms;        /* of what the page in flight can hold: to_ms, or the end of the last closed bar */
    int64_t market_ms;     /* when the page was asked for */
    int64_t not_before_ms; /* monotonic */
    uint64_t call_id;
    kline *bars; /* of the page, with RANGE_FULL */
    size_t n_bars, n_sent;
    bool is_covered;   /* this page was the last */
    bool was_extended; /* since the page was asked for */
    bool is_ending;    /* its RANGE_DONE is being handed out: too late to merge anything into it */
    backoff retry, slow;
} range;

struct backfill {
    backfill_options options;
    range *ranges; /* oldest first */
    size_t n_asked;
    bool is_blocked, is_failing, is_closing;
    int failing_status;
    uint64_t time_call_id; /* 0: not asking for the time */
    backoff time_retry;
    int64_t time_not_before_ms;
    backfill_stats stats;
    uv_timer_t timer;
    void (*on_closed)(void *context);
    void *closed_context;
};

static void pump(uv_timer_t *timer);
static void on_page(void *context, const rest_answer *answer);
static void on_time(void *context, const rest_answer *answer);

/* ---- life ---- */

static int64_t or_default(int64_t given, int64_t fallback) { return given > 0 ? given : fallback; }

err backfill_new(const backfill_options *options, backfill **out) {
    backfill *b = calloc(1, sizeof *b);
    if (!b) return ERR_NO_MEMORY;
    backfill_options *o = &b->options;
    *o = *options;
    o->retry_base_ms = or_default(o->retry_base_ms, RETRY_BASE_MS);
    o->retry_cap_ms = or_default(o->retry_cap_ms, RETRY_CAP_MS);
    o->slow_base_ms = or_default(o->slow_base_ms, SLOW_BASE_MS);
    o->slow_cap_ms = or_default(o->slow_cap_ms, SLOW_CAP_MS);
    if (o->page_bars <= 0 || o->page_bars > REST_MAX_KLINES) o->page_bars = REST_MAX_KLINES;
    backoff_init(&b->time_retry, o->retry_base_ms, o->retry_cap_ms, o->seed);
    uv_timer_init(o->loop, &b->timer);
    b->timer.data = b;
    *out = b;
    return OK;
}

static void free_range(backfill *b, range *r) {
    if (r->state == RANGE_ASKED) {
        rest_cancel(b->options.rest, r->call_id);
        b->n_asked--;
    }
    b->stats.n_under_way--;
    free(r->bars);
    free(r);
}

static void on_timer_closed(uv_handle_t *handle) {
    backfill *b = handle->data;
    void (*on_closed)(void *context) = b->on_closed;
    void *context = b->closed_context;
    free(b);
    if (on_closed) on_closed(context);
}

void backfill_close(backfill *b, void (*on_closed)(void *context), void *context) {
    b->is_closing = true;
    b->on_closed = on_closed;
    b->closed_context = context;
    while (b->ranges) {
        range *r = b->ranges;
        b->ranges = r->next;
        free_range(b, r);
    }
    if (b->time_call_id) rest_cancel(b->options.rest, b->time_call_id);
    uv_close((uv_handle_t *)&b->timer, on_timer_closed);
}

const backfill_stats *backfill_get_stats(const backfill *b) { return &b->stats; }

/* Run `pump` from the loop in `delay_ms`. */
static void schedule(backfill *b, int64_t delay_ms) {
    if (b->is_closing) return;
    uv_update_time(b->options.loop);
    uv_timer_start(&b->timer, pump, delay_ms > 0 ? (uint64_t)delay_ms : 0, 0);
}

/* ---- requests ---- */

/* The range under way that [from_ms, to_ms) lies in or continues. */
static range *find_mergeable(backfill *b, uint32_t symbol, int32_t interval, int64_t from_ms) {
    for (range *r = b->ranges; r; r = r->next)
        if (r->symbol == symbol && r->interval == interval && !r->is_ending && from_ms >= r->from_ms &&
            from_ms <= r->to_ms)
            return r;
    return NULL;
}

static range *new_range(backfill *b, uint32_t symbol, int32_t interval, int64_t from_ms, int64_t to_ms) {
    const backfill_options *o = &b->options;
    range *r = calloc(1, sizeof *r);
    if (!r) return NULL;
    *r = (range){
        .owner = b, .symbol = symbol, .interval = interval, .from_ms = from_ms, .next_ms = from_ms, .to_ms = to_ms};
    uint64_t seed = o->seed + b->stats.n_ranges * 0x9e3779b97f4a7c15u;
    backoff_init(&r->retry, o->retry_base_ms, o->retry_cap_ms, seed);
    backoff_init(&r->slow, o->slow_base_ms, o->slow_cap_ms, seed);
    return r;
}

err backfill_request(backfill *b, uint32_t symbol, int32_t interval, int64_t from_ms, int64_t to_ms) {
    if (b->is_closing) return ERR_CLOSED;
    if (symbol >= symbol_table_count(b->options.symbols) || !interval_name(interval)) return ERR_INVALID;
    if (from_ms <= 0 || from_ms > to_ms || interval_floor(interval, from_ms) != from_ms ||
        interval_floor(interval, to_ms) != to_ms)
        return ERR_INVALID;
    b->stats.n_ranges++;
    range *merged = find_mergeable(b, symbol, interval, from_ms);
    if (merged) {
        b->stats.n_merged++;
        if (to_ms > merged->to_ms) {
            merged->to_ms = to_ms;
            merged->was_extended = true;
            merged->is_covered = false; /* a page that was the last is so no longer */
        }
        return OK;
    }
    range *r = new_range(b, symbol, interval, from_ms, to_ms);
    if (!r) return ERR_NO_MEMORY;
    range **link = &b->ranges;
    while (*link) link = &(*link)->next;
    *link = r;
    b->stats.n_under_way++;
    if (!b->is_blocked) schedule(b, 0);
    return OK;
}

void backfill_cancel(backfill *b, uint32_t symbol) {
    for (range **link = &b->ranges; *link;) {
        range *r = *link;
        if (r->symbol != symbol) {
            link = &r->next;
            continue;
        }
        *link = r->next;
        b->stats.n_cancelled++;
        free_range(b, r);
    }
    if (!b->is_blocked) schedule(b, 0);
}

void backfill_resume(backfill *b) {
    b->is_blocked = false;
    schedule(b, 0);
}

/* ---- progress ---- */

static bool emit(backfill *b, const market_event *event) {
    if (b->options.handlers.on_event(b->options.handlers.context, event)) return true;
    b->is_blocked = true;
    return false;
}

/* Hands out what the range holds. False: the receiver is full. True: the page is through, `*is_done` says whether the
 * range is. */
static bool deliver(backfill *b, range *r, bool *is_done) {
    market_event event = {
        .symbol = r->symbol, .interval = (uint8_t)r->interval, .kind = EVENT_HISTORY, .from_ms = r->from_ms};
    for (; r->n_sent < r->n_bars; r->n_sent++, b->stats.n_bars++) {
        event.bar = r->bars[r->n_sent];
        if (!emit(b, &event)) return false;
    }
    if (!r->is_covered) return true;
    event = (market_event){.symbol = r->symbol,
                           .interval = (uint8_t)r->interval,
                           .kind = EVENT_RANGE_DONE,
                           .bar.open_ms = r->from_ms,
                           .to_ms = r->end_ms};
    r->is_ending = true;
    *is_done = emit(b, &event);
    r->is_ending = *is_done;
    return *is_done;
}

/* Delivers every page that has arrived. */
static void deliver_pages(backfill *b) {
    for (range **link = &b->ranges; *link && !b->is_blocked;) {
        range *r = *link;
        bool is_done = false;
        if (r->state != RANGE_FULL) {
            link = &r->next;
            continue;
        }
        if (!deliver(b, r, &is_done)) return;
        free(r->bars);
        r->bars = NULL;
        r->n_bars = r->n_sent = 0;
        r->state = RANGE_IDLE;
        if (!is_done) {
            link = &r->next;
            continue;
        }
        *link = r->next;
        b->stats.n_done++;
        free_range(b, r);
    }
}

/* Told when it changes; another status is a change too. */
static void set_failing(backfill *b, bool is_failing, int status, const char *why) {
    if (is_failing == b->is_failing && status == b->failing_status) return;
    b->is_failing = is_failing;
    b->failing_status = status;
    if (b->options.handlers.on_state) b->options.handlers.on_state(b->options.handlers.context, is_failing, why);
}

/* A refusal that will be the same tomorrow, as opposed to a failure that may be gone in a second. */
static bool is_refusal(int status) { return status >= 400 && status < 500 && status != 408 && status != 429; }

static int64_t note_failure(backfill *b, int status, const char *why, backoff *retry, backoff *slow) {
    static log_repeater repeater;
    log_repeat(&repeater, LOG_WARN, "backfill", "%s; trying again", why);
    b->stats.n_retries++;
    /* 400 and 404 are about one symbol, not about the exchange. */
    if (status != 400 && status != 404) set_failing(b, true, status, why);
    return monotonic_ms() + backoff_next_ms(slow && is_refusal(status) ? slow : retry);
}

/* Nothing can be said to have closed before the time is known. */
static void ask_time(backfill *b) {
    if (b->time_call_id || monotonic_ms() < b->time_not_before_ms) return;
    err error = rest_time(b->options.rest, on_time, b, &b->time_call_id);
    if (error) b->time_not_before_ms = note_failure(b, 0, error_text(error), &b->time_retry, NULL);
}

static void on_time(void *context, const rest_answer *answer) {
    backfill *b = context;
    int64_t server_ms = 0;
    diag why = {{0}};
    b->time_call_id = 0;
    err error = answer->error;
    if (!error) error = parse_time(answer->body, answer->body_bytes, &server_ms, &why);
    if (error) {
        b->time_not_before_ms =
            note_failure(b, answer->status, answer->why ? answer->why : why.text, &b->time_retry, NULL);
    } else {
        backoff_reset(&b->time_retry);
        market_clock_observe(b->options.clock, server_ms, monotonic_ms());
        set_failing(b, false, 0, NULL);
    }
    schedule(b, 0);
}

/* Nothing left to ask for: the range ends where closed bars end. */
static void cover(range *r) {
    r->is_covered = true;
    r->state = RANGE_FULL;
}

static void ask_page(backfill *b, range *r) {
    int64_t now_ms = monotonic_ms();
    int64_t page_bars = b->options.page_bars;
    r->market_ms = market_clock_now(b->options.clock, now_ms);
    int64_t closed_ms = interval_floor(r->interval, r->market_ms);
    r->end_ms = r->to_ms < closed_ms ? r->to_ms : closed_ms;
    if (r->end_ms <= r->next_ms) {
        r->end_ms = r->next_ms;
        cover(r);
        return;
    }
    int64_t left = interval_count(r->interval, r->next_ms, r->end_ms);
    const symbol_info *info = symbol_table_get(b->options.symbols, r->symbol);
    err error = rest_klines(b->options.rest, info->name, r->interval, r->next_ms, r->end_ms,
                            (int)(left < page_bars ? left : page_bars), on_page, r, &r->call_id);
    if (error) {
        r->not_before_ms = note_failure(b, 0, error_text(error), &r->retry, NULL);
        return;
    }
    r->was_extended = false;
    r->state = RANGE_ASKED;
    b->n_asked++;
}

/* Starts what may start; the time until the next range may, or -1. */
static int64_t ask_pages(backfill *b) {
    int64_t now_ms = monotonic_ms(), wait_ms = -1;
    for (range *r = b->ranges; r && b->n_asked < BACKFILL_MAX_CALLS; r = r->next) {
        if (r->state != RANGE_IDLE) continue;
        if (r->not_before_ms <= now_ms) ask_page(b, r);
        if (r->state == RANGE_FULL) return 0; /* covered without asking: deliver */
        int64_t left_ms = r->not_before_ms - now_ms;
        if (r->state == RANGE_IDLE && (wait_ms < 0 || left_ms < wait_ms)) wait_ms = left_ms > 0 ? left_ms : 1;
    }
    return wait_ms;
}

static void pump(uv_timer_t *timer) {
    backfill *b = timer->data;
    deliver_pages(b);
    if (b->is_closing || b->is_blocked || !b->ranges) return;
    if (market_clock_now(b->options.clock, monotonic_ms()) == 0) {
        ask_time(b);
        if (!b->time_call_id) schedule(b, b->time_not_before_ms - monotonic_ms());
        return;
    }
    int64_t wait_ms = ask_pages(b);
    if (wait_ms >= 0) schedule(b, wait_ms);
}

/* ---- answers ---- */

/* Where to go on. Only the last bar or an empty page ends a range: a page may be short because the server gives fewer.
 * Rows of which none is usable are as good as absent: at least so many bars are skipped. */
static int64_t after_page(const range *r, const parse_page *page) {
    if (r->n_bars > r->n_sent) return interval_next(r->interval, r->bars[r->n_bars - 1].open_ms);
    if (page->n_refused == 0) return r->end_ms;
    int64_t skipped_ms = interval_add(r->interval, r->next_ms, (int64_t)page->n_refused);
    return skipped_ms < r->end_ms ? skipped_ms : r->end_ms;
}

/* The page into the range: closed bars within what was asked for. */
static err take_page(backfill *b, range *r, const rest_answer *answer, diag *why) {
    parse_page page;
    r->bars = malloc(sizeof *r->bars * REST_MAX_KLINES);
    if (!r->bars) return diag_set(why, ERR_NO_MEMORY, "out of memory");
    err error =
        parse_klines(answer->body, answer->body_bytes, r->interval, r->market_ms, r->bars, REST_MAX_KLINES, &page, why);
    if (error) return error;
    size_t first = 0, n = page.n_closed;
    while (first < n && r->bars[first].open_ms < r->next_ms) first++;
    while (n > first && r->bars[n - 1].open_ms >= r->end_ms) n--;
    if (n == first && page.n_bars > 0)
        return diag_set(why, ERR_INVALID, "klines: none of %zu rows was asked for", page.n_bars);
    r->n_sent = first;
    r->n_bars = n;
    r->next_ms = after_page(r, &page);
    b->stats.n_refused_rows += page.n_refused;
    return OK;
}

static void on_page(void *context, const rest_answer *answer) {
    range *r = context;
    backfill *b = r->owner;
    diag why = {{0}};
    b->n_asked--;
    r->state = RANGE_IDLE;
    err error = answer->error;
    if (error)
        diag_set(&why, error, "%s", answer->why ? answer->why : error_text(error));
    else
        error = take_page(b, r, answer, &why);
    if (error) {
        free(r->bars);
        r->bars = NULL;
        diag_wrap(&why, error, "klines of %s %s", symbol_table_get(b->options.symbols, r->symbol)->name,
                  interval_name(r->interval));
        r->not_before_ms = note_failure(b, answer->status, why.text, &r->retry, &r->slow);
    } else {
        b->stats.n_pages++;
        backoff_reset(&r->retry);
        backoff_reset(&r->slow);
        r->state = RANGE_FULL;
        r->is_covered = r->next_ms >= r->end_ms && !r->was_extended;
        set_failing(b, false, 0, NULL);
    }
    if (!b->is_blocked) schedule(b, 0);
}
