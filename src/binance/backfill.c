/* A range is a small state machine that asks for one page at a time:
 *
 *          request           answer              delivered, more to come
 *   IDLE ----------> ASKED ----------> FULL --------------------------> IDLE
 *    ^                 | failure        | delivered, end reached
 *    +--- not_before --+                +--> RANGE_DONE delivered: gone
 *
 * Pages of one range must arrive in order, so a range never has two requests; the parallelism comes from having many
 * ranges. Those that may ask are in a queue by rank; what would be above the budget of weight is not handed to REST, so
 * that the rank still decides when the minute turns. Each symbol has a list of its own ranges, and those with a page to
 * deliver are in one more. All progress is made in `pump`, run from a timer: no handler is called from inside the
 * caller's own call, and delivery that was stopped by a full receiver goes on where it stopped. A page is kept in its
 * range until all of it is delivered; while the receiver is full nothing new is asked for, so memory stays bounded by
 * BACKFILL_MAX_CALLS pages. */
#include "binance/backfill.h"
#include "base/backoff.h"
#include "base/log.h"
#include "binance/fetch_queue.h"
#include "binance/parse.h"
#include "market/interval.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { RETRY_BASE_MS = 500, RETRY_CAP_MS = 30000, SLOW_BASE_MS = 60000, SLOW_CAP_MS = 600000 };

enum range_state { RANGE_IDLE, RANGE_ASKED, RANGE_FULL };

typedef struct range {
    fetch_item item;         /* first: the queue gives it back */
    struct range *next;      /* of its symbol */
    struct range *next_full; /* of those with a page to deliver */
    backfill *owner;
    uint32_t symbol;
    int32_t interval;
    enum range_state state;
    int64_t from_ms, to_ms;
    int64_t next_ms;              /* all before it has been received */
    int64_t end_ms;               /* of what the page in flight can hold: to_ms, or the end of the last closed bar */
    int64_t market_ms;            /* when the page was asked for */
    int64_t n_planned, n_counted; /* bars, for the progress */
    uint64_t call_id;
    kline *bars; /* of the page, with RANGE_FULL */
    size_t n_bars, n_sent;
    bool is_live;
    bool is_covered;   /* this page was the last */
    bool was_extended; /* since the page was asked for */
    bool is_ending;    /* its RANGE_DONE is being handed out: too late to merge anything into it */
    backoff retry, slow;
} range;

typedef struct symbol_ranges {
    range *first;
    int64_t done_to_ms[N_INTERVALS]; /* end of the last range that was done; 0: none was */
} symbol_ranges;

struct backfill {
    backfill_options options;
    const venue *venue;
    symbol_ranges *symbols; /* by id */
    size_t n_symbols;
    fetch_queue queue; /* of all that are IDLE */
    range *first_full, *last_full;
    size_t n_asked;
    bool is_blocked, is_failing, is_closing;
    int failing_status;
    uint64_t time_call_id; /* 0: not asking for the time */
    backoff time_retry;
    int64_t time_not_before_ms;
    backfill_stats stats;
    backfill_progress progress;
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
    b->venue = rest_venue(o->rest);
    o->retry_base_ms = or_default(o->retry_base_ms, RETRY_BASE_MS);
    o->retry_cap_ms = or_default(o->retry_cap_ms, RETRY_CAP_MS);
    o->slow_base_ms = or_default(o->slow_base_ms, SLOW_BASE_MS);
    o->slow_cap_ms = or_default(o->slow_cap_ms, SLOW_CAP_MS);
    if (o->page_bars <= 0 || o->page_bars > b->venue->page_bars) o->page_bars = b->venue->page_bars;
    fetch_queue_init(&b->queue);
    backoff_init(&b->time_retry, o->retry_base_ms, o->retry_cap_ms, o->seed);
    uv_timer_init(o->loop, &b->timer);
    b->timer.data = b;
    *out = b;
    return OK;
}

static void add_full(backfill *b, range *r) {
    r->state = RANGE_FULL;
    r->next_full = NULL;
    if (b->last_full)
        b->last_full->next_full = r;
    else
        b->first_full = r;
    b->last_full = r;
}

/* At most a few are full, and all but a cancelled one leave from the front. */
static void drop_full(backfill *b, range *r) {
    range *before = NULL;
    for (range *at = b->first_full; at != r; at = at->next_full) before = at;
    if (before)
        before->next_full = r->next_full;
    else
        b->first_full = r->next_full;
    if (b->last_full == r) b->last_full = before;
}

static void add_idle(backfill *b, range *r, int64_t not_before_ms) {
    r->state = RANGE_IDLE;
    r->item.not_before_ms = not_before_ms;
    fetch_queue_add(&b->queue, &r->item);
}

/* Takes it out of all lists. */
static void free_range(backfill *b, range *r) {
    range **link = &b->symbols[r->symbol].first;
    while (*link != r) link = &(*link)->next;
    *link = r->next;
    fetch_queue_remove(&b->queue, &r->item);
    if (r->state == RANGE_FULL) drop_full(b, r);
    if (r->state == RANGE_ASKED) {
        rest_cancel(b->options.rest, r->call_id);
        b->n_asked--;
    }
    b->stats.n_under_way--;
    b->stats.n_live -= r->is_live;
    b->progress.n_ranges_done++;
    b->progress.n_bars_done += r->n_planned - r->n_counted;
    free(r->bars);
    free(r);
}

static void on_timer_closed(uv_handle_t *handle) {
    backfill *b = handle->data;
    void (*on_closed)(void *context) = b->on_closed;
    void *context = b->closed_context;
    fetch_queue_deinit(&b->queue);
    free(b->symbols);
    free(b);
    if (on_closed) on_closed(context);
}

void backfill_close(backfill *b, void (*on_closed)(void *context), void *context) {
    b->is_closing = true;
    b->on_closed = on_closed;
    b->closed_context = context;
    for (size_t i = 0; i < b->n_symbols; i++)
        while (b->symbols[i].first) free_range(b, b->symbols[i].first);
    if (b->time_call_id) rest_cancel(b->options.rest, b->time_call_id);
    uv_close((uv_handle_t *)&b->timer, on_timer_closed);
}

const backfill_stats *backfill_get_stats(const backfill *b) { return &b->stats; }
const backfill_progress *backfill_get_progress(const backfill *b) { return &b->progress; }

/* Run `pump` from the loop in `delay_ms`. */
static void schedule(backfill *b, int64_t delay_ms) {
    if (b->is_closing) return;
    uv_update_time(b->options.loop);
    uv_timer_start(&b->timer, pump, delay_ms > 0 ? (uint64_t)delay_ms : 0, 0);
}

/* ---- requests ---- */

/* The range under way that [from_ms, to_ms) lies in or continues. */
static range *find_mergeable(backfill *b, uint32_t symbol, int32_t interval, int64_t from_ms) {
    for (range *r = b->symbols[symbol].first; r; r = r->next)
        if (r->interval == interval && !r->is_ending && from_ms >= r->from_ms && from_ms <= r->to_ms) return r;
    return NULL;
}

static void plan(backfill *b, range *r, int64_t from_ms, int64_t to_ms) {
    int64_t n = interval_count(r->interval, from_ms, to_ms);
    r->n_planned += n;
    b->progress.n_bars += n;
}

static void rank(const backfill *b, range *r) {
    int64_t sequence = (int64_t)b->stats.n_ranges, *at = r->item.rank;
    bool is_copy = symbol_table_get(b->options.symbols, r->symbol)->is_alias;
    at[0] = r->is_live ? 0 : is_copy ? 1 : 2;
    at[1] = r->is_live ? r->n_planned : r->symbol;
    at[2] = r->is_live ? 0 : r->n_planned;
    at[3] = sequence;
}

static range *new_range(backfill *b, uint32_t symbol, int32_t interval, int64_t from_ms, int64_t to_ms) {
    const backfill_options *o = &b->options;
    int64_t done_to_ms = b->symbols[symbol].done_to_ms[interval];
    range *r = calloc(1, sizeof *r);
    if (!r) return NULL;
    *r = (range){.owner = b,
                 .symbol = symbol,
                 .interval = interval,
                 .from_ms = from_ms,
                 .next_ms = from_ms,
                 .to_ms = to_ms,
                 .is_live = done_to_ms > 0 && from_ms >= done_to_ms};
    uint64_t seed = o->seed + b->stats.n_ranges * 0x9e3779b97f4a7c15u;
    backoff_init(&r->retry, o->retry_base_ms, o->retry_cap_ms, seed);
    backoff_init(&r->slow, o->slow_base_ms, o->slow_cap_ms, seed);
    return r;
}

/* Room for all symbols that there are, and for one range more. */
static err make_room(backfill *b) {
    size_t n = symbol_table_count(b->options.symbols);
    err error = fetch_queue_reserve(&b->queue, b->stats.n_under_way + 1);
    if (error || n <= b->n_symbols) return error;
    symbol_ranges *symbols = realloc(b->symbols, n * sizeof *symbols);
    if (!symbols) return ERR_NO_MEMORY;
    memset(symbols + b->n_symbols, 0, (n - b->n_symbols) * sizeof *symbols);
    b->symbols = symbols;
    b->n_symbols = n;
    return OK;
}

static void extend(backfill *b, range *r, int64_t to_ms) {
    b->stats.n_merged++;
    if (to_ms <= r->to_ms) return;
    plan(b, r, r->to_ms, to_ms);
    r->to_ms = to_ms;
    r->was_extended = true;
    r->is_covered = false; /* a page that was the last is so no longer */
}

err backfill_request(backfill *b, uint32_t symbol, int32_t interval, int64_t from_ms, int64_t to_ms) {
    if (b->is_closing) return ERR_CLOSED;
    if (symbol >= symbol_table_count(b->options.symbols) || !interval_name(interval)) return ERR_INVALID;
    if (from_ms <= 0 || from_ms > to_ms || interval_floor(interval, from_ms) != from_ms ||
        interval_floor(interval, to_ms) != to_ms)
        return ERR_INVALID;
    err error = make_room(b);
    if (error) return error;
    b->stats.n_ranges++;
    range *merged = find_mergeable(b, symbol, interval, from_ms);
    if (merged) {
        extend(b, merged, to_ms);
        return OK;
    }
    range *r = new_range(b, symbol, interval, from_ms, to_ms);
    if (!r) return ERR_NO_MEMORY;
    if (b->stats.n_under_way == 0) b->progress = (backfill_progress){.began_ms = monotonic_ms()};
    plan(b, r, from_ms, to_ms);
    rank(b, r);
    b->progress.n_ranges++;
    b->stats.n_under_way++;
    b->stats.n_live += r->is_live;
    r->next = b->symbols[symbol].first;
    b->symbols[symbol].first = r;
    add_idle(b, r, 0);
    if (!b->is_blocked) schedule(b, 0);
    return OK;
}

void backfill_cancel(backfill *b, uint32_t symbol) {
    while (symbol < b->n_symbols && b->symbols[symbol].first) {
        b->stats.n_cancelled++;
        free_range(b, b->symbols[symbol].first);
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

/* Delivers every page that has arrived. A handler may ask for further ranges meanwhile. */
static void deliver_pages(backfill *b) {
    while (b->first_full && !b->is_blocked) {
        range *r = b->first_full;
        bool is_done = false;
        if (!deliver(b, r, &is_done)) return;
        if (is_done) {
            b->symbols[r->symbol].done_to_ms[r->interval] = r->end_ms;
            b->stats.n_done++;
            free_range(b, r);
            continue;
        }
        drop_full(b, r);
        free(r->bars);
        r->bars = NULL;
        r->n_bars = r->n_sent = 0;
        add_idle(b, r, 0);
    }
}

/* Told when it changes; another status is a change too. */
static void set_failing(backfill *b, bool is_failing, int status, const char *why) {
    if (is_failing == b->is_failing && status == b->failing_status) return;
    b->is_failing = is_failing;
    b->failing_status = status;
    if (b->options.handlers.on_state) b->options.handlers.on_state(b->options.handlers.context, is_failing, why);
}

/* A refusal that will be the same tomorrow, as opposed to a failure that may be gone in a second. After 451 another host
 * may serve; a firewall (403) is better not asked at once by another door. */
static bool is_refusal(int status, bool has_moved) {
    if (has_moved && status != 403) return false;
    return status >= 400 && status < 500 && status != 408 && status != 429;
}

static int64_t note_failure(backfill *b, const rest_answer *answer, const char *why, backoff *retry, backoff *slow) {
    static log_repeater repeater;
    log_repeat(&repeater, LOG_WARN, "backfill", "%s; trying again", why);
    b->stats.n_retries++;
    /* 400 and 404 are about one symbol, not about the exchange. */
    if (answer->status != 400 && answer->status != 404) set_failing(b, true, answer->status, why);
    return monotonic_ms() + backoff_next_ms(slow && is_refusal(answer->status, answer->has_moved) ? slow : retry);
}

static int64_t note_not_sent(backfill *b, err error, backoff *retry) {
    return note_failure(b, &(rest_answer){.error = error}, error_text(error), retry, NULL);
}

/* Nothing can be said to have closed before the time is known. */
static void ask_time(backfill *b) {
    if (b->time_call_id || monotonic_ms() < b->time_not_before_ms) return;
    err error = rest_time(b->options.rest, on_time, b, &b->time_call_id);
    if (error) b->time_not_before_ms = note_not_sent(b, error, &b->time_retry);
}

static void on_time(void *context, const rest_answer *answer) {
    backfill *b = context;
    int64_t server_ms = 0;
    diag why = {{0}};
    b->time_call_id = 0;
    err error = answer->error;
    if (!error) error = parse_time(answer->body, answer->body_bytes, &server_ms, &why);
    if (error) {
        b->time_not_before_ms = note_failure(b, answer, answer->why ? answer->why : why.text, &b->time_retry, NULL);
    } else {
        backoff_reset(&b->time_retry);
        market_clock_observe(b->options.clock, server_ms, monotonic_ms());
        set_failing(b, false, 0, NULL);
    }
    schedule(b, 0);
}

/* What the next page of the range is, as of now. False: nothing is left to ask for, the range ends where closed bars
 * end. */
static bool plan_page(const backfill *b, range *r, rest_page *page) {
    r->market_ms = market_clock_now(b->options.clock, monotonic_ms());
    int64_t closed_ms = interval_floor(r->interval, r->market_ms), page_bars = b->options.page_bars;
    r->end_ms = r->to_ms < closed_ms ? r->to_ms : closed_ms;
    if (r->end_ms <= r->next_ms) {
        r->end_ms = r->next_ms;
        return false;
    }
    int64_t left = interval_count(r->interval, r->next_ms, r->end_ms);
    *page = (rest_page){.symbol = symbol_table_get(b->options.symbols, r->symbol)->name,
                        .interval = r->interval,
                        .from_ms = r->next_ms,
                        .to_ms = r->end_ms,
                        .limit = (int)(left < page_bars ? left : page_bars),
                        .class = r->is_live ? WEIGHT_URGENT : WEIGHT_BULK};
    return true;
}

static void ask_page(backfill *b, range *r, const rest_page *page) {
    fetch_queue_remove(&b->queue, &r->item);
    err error = rest_klines(b->options.rest, page, on_page, r, &r->call_id);
    if (error) {
        add_idle(b, r, note_not_sent(b, error, &r->retry));
        return;
    }
    r->was_extended = false;
    r->state = RANGE_ASKED;
    b->n_asked++;
}

/* Starts what may start; the time until more may, or -1: not before an answer. */
static int64_t ask_pages(backfill *b) {
    for (;;) {
        int64_t now_ms = monotonic_ms(), wait_ms;
        range *r = (range *)fetch_queue_first(&b->queue, now_ms);
        int64_t due_ms = fetch_queue_due(&b->queue), until_due_ms = due_ms < 0 ? -1 : due_ms - now_ms + 1;
        rest_page page;
        if (!r) return until_due_ms;
        if (b->n_asked >= (r->is_live ? BACKFILL_MAX_CALLS + BACKFILL_MORE_LIVE_CALLS : BACKFILL_MAX_CALLS))
            return until_due_ms;
        if (!plan_page(b, r, &page)) {
            fetch_queue_remove(&b->queue, &r->item);
            r->is_covered = true;
            add_full(b, r);
            return 0; /* deliver */
        }
        wait_ms = rest_wait(b->options.rest, venue_klines_weight(b->venue, page.limit), page.class);
        if (wait_ms > 0) return until_due_ms > 0 && until_due_ms < wait_ms ? until_due_ms : wait_ms;
        ask_page(b, r, &page);
    }
}

static void pump(uv_timer_t *timer) {
    backfill *b = timer->data;
    deliver_pages(b);
    if (b->is_closing || b->is_blocked || b->stats.n_under_way == 0) return;
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
    r->bars = malloc(sizeof *r->bars * (size_t)b->venue->page_bars);
    if (!r->bars) return diag_set(why, ERR_NO_MEMORY, "out of memory");
    err error = parse_klines(answer->body, answer->body_bytes, r->interval, r->market_ms, r->bars,
                             (size_t)b->venue->page_bars, &page, why);
    if (error) return error;
    size_t first = 0, n = page.n_closed;
    while (first < n && r->bars[first].open_ms < r->next_ms) first++;
    while (n > first && r->bars[n - 1].open_ms >= r->end_ms) n--;
    if (n == first && page.n_bars > 0)
        return diag_set(why, ERR_INVALID, "klines: none of %zu rows was asked for", page.n_bars);
    r->n_sent = first;
    r->n_bars = n;
    int64_t next_ms = after_page(r, &page), n_counted = interval_count(r->interval, r->next_ms, next_ms);
    r->n_counted += n_counted;
    b->progress.n_bars_done += n_counted;
    r->next_ms = next_ms;
    b->stats.n_refused_rows += page.n_refused;
    return OK;
}

static void on_page(void *context, const rest_answer *answer) {
    range *r = context;
    backfill *b = r->owner;
    diag why = {{0}};
    b->n_asked--;
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
        add_idle(b, r, note_failure(b, answer, why.text, &r->retry, &r->slow));
    } else {
        b->stats.n_pages++;
        backoff_reset(&r->retry);
        backoff_reset(&r->slow);
        add_full(b, r);
        r->is_covered = r->next_ms >= r->end_ms && !r->was_extended;
        set_failing(b, false, 0, NULL);
    }
    if (!b->is_blocked) schedule(b, 0);
}
