/* See feed.h. The start is three answers in a row: time, exchangeInfo, and (unless symbols are named) the 24 h tickers. A
 * later look at the universe is the last two again. */
#include "binance/feed.h"
#include "base/backoff.h"
#include "base/log.h"
#include "binance/parse.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { RETRY_BASE_MS = 500, RETRY_CAP_MS = 30000, REFUSED_MS = 60000, N_PARTS = 4, LOOK_MS = 250 };

typedef enum feed_stage { STAGE_TIME, STAGE_SYMBOLS, STAGE_VOLUMES, STAGE_READY } feed_stage;

struct feed {
    feed_options options;
    http_client *http;
    rest *rest;
    backfill *backfill;
    lookup *lookup;
    stream_pool *pool;
    uv_timer_t retry, refresh;
    backoff wait;
    feed_stage stage;
    int64_t start_ms;
    roster *roster;
    int64_t refresh_at_ms; /* market time */
    bool is_out_of_memory, is_failing, was_ready;
    bool has_stood[STREAM_POOL_MAX]; /* by connection: its last state was connected */

    int n_open; /* parts that are still closing */
    void (*on_closed)(void *context);
    void *closed_context;
};

static void ask(feed *f);

/* ---- the start ---- */

static void on_retry(uv_timer_t *timer) { ask(timer->data); }

/* `is_refused`: the same answer is to be expected for a long time. */
static void try_again(feed *f, const char *what, const char *why, bool is_refused) {
    int64_t wait_ms = backoff_next_ms(&f->wait) + (is_refused ? REFUSED_MS : 0);
    log_warn("binance", "%s: %s; next try in %.1f s", what, why, (double)wait_ms / 1000);
    f->is_failing = true;
    uv_timer_start(&f->retry, on_retry, (uint64_t)wait_ms, 0);
}

static int64_t market_now(const feed *f) { return market_clock_now(f->options.clock, monotonic_ms()); }

/* At equal distances, whatever an answer takes. */
static void set_next_look(feed *f, int64_t now_ms) {
    f->refresh_at_ms += f->options.refresh_ms;
    if (f->refresh_at_ms <= now_ms) f->refresh_at_ms = now_ms + f->options.refresh_ms;
}

/* Symbols and volumes are known. Of a later look a failure changes nothing. */
static void ready(feed *f) {
    const feed_handlers *h = &f->options.handlers;
    diag why = {.text = "out of memory"};
    err e = roster_choose(f->roster, market_now(f), &why);
    bool is_first = !f->was_ready;
    f->stage = STAGE_READY;
    f->is_failing = false;
    f->was_ready = true;
    set_next_look(f, market_now(f));
    if (is_first && e != OK)
        h->on_refused(h->context, why.text);
    else if (is_first)
        h->on_ready(h->context, f->start_ms);
    else if (e != OK)
        log_warn("binance", "the universe stays as it is: %s", why.text);
    if (!is_first && h->on_universe) h->on_universe(h->context); /* also then: volumes are new, who trades, too */
}

static void on_refresh(uv_timer_t *timer) {
    feed *f = timer->data;
    if (f->stage != STAGE_READY || !f->options.refresh_ms || market_now(f) < f->refresh_at_ms) return;
    f->stage = STAGE_SYMBOLS;
    ask(f);
}

static void on_symbol(void *context, const symbol_info *symbol) {
    feed *f = context;
    if (roster_add(f->roster, symbol) != OK) f->is_out_of_memory = true;
}

static void on_ticker(void *context, const parse_ticker *ticker) {
    feed *f = context;
    roster_set_volume(f->roster, ticker->symbol.at, ticker->symbol.bytes, ticker->quote_volume);
}

static void on_live_ticker(void *context, uint32_t symbol, const parse_ticker *t) {
    feed *f = context;
    market_event event = {.kind = EVENT_TICKER,
                          .symbol = symbol,
                          .interval = N_INTERVALS,
                          .event_ms = t->event_ms,
                          .ticker = {.last = t->last,
                                     .change_pct = t->change_percent,
                                     .high = t->high,
                                     .low = t->low,
                                     .volume = t->volume,
                                     .quote_volume = t->quote_volume,
                                     .bid = t->bid,
                                     .ask = t->ask}};
    f->options.handlers.on_event(f->options.handlers.context, &event);
}

static void note_limit(feed *f, const parse_exchange *exchange) {
    for (size_t i = 0; i < exchange->n_limits; i++) {
        const parse_limit *limit = &exchange->limits[i];
        if (strcmp(limit->kind, "REQUEST_WEIGHT") == 0 && limit->period_ms == 60000 && limit->limit > 0)
            rest_set_limit(f->rest, limit->limit);
    }
}

static err take_answer(feed *f, const rest_answer *answer, diag *why) {
    parse_exchange exchange;
    parse_tickers tickers;
    err e;
    switch (f->stage) {
    case STAGE_TIME: return parse_time(answer->body, answer->body_bytes, &f->start_ms, why);
    case STAGE_SYMBOLS:
        roster_begin(f->roster);
        f->is_out_of_memory = false;
        e = parse_exchange_info(answer->body, answer->body_bytes, on_symbol, f, &exchange, why);
        if (e == OK) note_limit(f, &exchange);
        if (e == OK && f->is_out_of_memory) e = diag_set(why, ERR_NO_MEMORY, "out of memory");
        roster_sort(f->roster);
        return e;
    case STAGE_VOLUMES: return parse_tickers_24h(answer->body, answer->body_bytes, on_ticker, f, &tickers, why);
    default: return OK;
    }
}

static const char *stage_name(feed_stage stage) {
    static const char *const names[] = {"time", "symbols", "24 h volumes", "ready"};
    return names[stage];
}

static void on_answer(void *context, const rest_answer *answer) {
    feed *f = context;
    diag why = {.text = ""};
    err e = answer->error;
    if (e == OK) e = take_answer(f, answer, &why);
    if (e != OK) {
        bool is_refused =
            answer->status == 403 || answer->status == 418 || (answer->status == 451 && !answer->has_moved);
        try_again(f, stage_name(f->stage), answer->error != OK ? answer->why : why.text, is_refused);
        return;
    }
    backoff_reset(&f->wait);
    if (f->stage == STAGE_TIME) market_clock_observe(f->options.clock, f->start_ms, monotonic_ms());
    f->stage = f->stage == STAGE_SYMBOLS && f->options.policy.n_names ? STAGE_READY : f->stage + 1;
    if (f->stage == STAGE_READY)
        ready(f);
    else
        ask(f);
}

static void ask(feed *f) {
    err e = f->stage == STAGE_TIME      ? rest_time(f->rest, on_answer, f, NULL)
            : f->stage == STAGE_SYMBOLS ? rest_exchange_info(f->rest, on_answer, f, NULL)
                                        : rest_tickers_24h(f->rest, on_answer, f, NULL);
    if (e != OK) try_again(f, stage_name(f->stage), error_text(e), false);
}

/* ---- handlers of the parts ---- */

static bool on_history(void *context, const market_event *event) {
    feed *f = context;
    return f->options.handlers.on_event(f->options.handlers.context, event);
}

static void on_live(void *context, const market_event *event) {
    feed *f = context;
    (void)f->options.handlers.on_event(f->options.handlers.context, event);
}

static void on_backfill_state(void *context, bool is_failing, const char *why) {
    feed *f = context;
    f->is_failing = is_failing;
    if (is_failing)
        log_warn("binance", "history: %s; trying again", why);
    else
        log_info("binance", "history: the exchange answers again");
}

static void on_stream_state(void *context, size_t connection, bool is_connected, const char *why) {
    feed *f = context;
    if (is_connected)
        log_info("binance", "stream connected (connection %zu)", connection);
    else if (f->has_stood[connection]) /* further failed tries are the stream's own business, once a period */
        log_warn("binance", "stream lost (connection %zu): %s; trying again", connection, why);
    f->has_stood[connection] = is_connected;
}

/* ---- open, use, close ---- */

err feed_open(const feed_options *o, feed **out, diag *why) {
    feed *f = calloc(1, sizeof *f);
    rest_options r = {
        .loop = o->loop, .venue = o->venue, .urls = o->rest_urls, .n_urls = o->n_rest_urls, .clock = o->clock};
    backfill_options b = {.loop = o->loop, .clock = o->clock, .symbols = o->symbols, .seed = o->seed};
    err e = ERR_NO_MEMORY;
    if (!f) return diag_set(why, e, "out of memory");
    f->options = *o;
    backoff_init(&f->wait, RETRY_BASE_MS, RETRY_CAP_MS, o->seed);
    uv_timer_init(o->loop, &f->retry);
    uv_timer_init(o->loop, &f->refresh);
    f->retry.data = f->refresh.data = f;
    uv_timer_start(&f->refresh, on_refresh, LOOK_MS, LOOK_MS);
    *out = f; /* also after a failure: what has been opened is closed with feed_close */
    if (roster_new(&o->policy, o->symbols, &f->roster) != OK) return diag_set(why, e, "out of memory");
    e = http_client_new(o->loop, "trademind/" TRADEMIND_VERSION, &f->http);
    if (e != OK) return diag_set(why, e, "HTTP client: %s", error_text(e));
    r.http = f->http;
    e = rest_new(&r, &f->rest, why);
    if (e != OK) return e;
    b.rest = f->rest;
    b.handlers = (backfill_handlers){on_history, on_backfill_state, f};
    e = backfill_new(&b, &f->backfill);
    if (e != OK) return diag_set(why, e, "backfill: %s", error_text(e));
    e = lookup_new(f->rest, o->clock, &f->lookup);
    if (e != OK) return diag_set(why, e, "%s", error_text(e));
    ask(f);
    return OK;
}

static err open_pool(feed *f, diag *why) {
    const feed_options *fo = &f->options;
    const venue *v = fo->venue;
    const char *urls[VENUE_MAX_HOSTS + 1] = {0};
    stream_options each = {.silence_ms = v->silence_ms};
    stream_pool_options o = {
        .loop = fo->loop,
        .urls = urls,
        .clock = fo->clock,
        .symbols = fo->symbols,
        .handlers = {.on_event = on_live, .on_ticker = on_live_ticker, .on_state = on_stream_state, .context = f},
        .seed = fo->seed,
        .each = &each,
        .topics_per_connection = fo->streams_per_connection,
        .connects = (uint32_t)v->connects,
        .connects_ms = v->connects_ms,
        .life_ms = fo->stream_life_ms};
    assert(fo->n_ws_urls <= VENUE_MAX_HOSTS);
    for (size_t i = 0; i < v->n_ws_hosts && !fo->n_ws_urls; i++) urls[i] = v->ws_hosts[i].url;
    for (size_t i = 0; i < fo->n_ws_urls; i++) urls[i] = fo->ws_urls[i];
    return stream_pool_open(&o, &f->pool, why);
}

err feed_watch(feed *f, uint32_t mask, const uint32_t *symbols, size_t n_symbols, diag *why) {
    topic *wanted = calloc(n_symbols * N_TOPIC_KINDS + 1, sizeof *wanted);
    size_t n = 0, most = STREAM_POOL_MAX *
                         (f->options.streams_per_connection ? f->options.streams_per_connection : TOPICS_MAX);
    err e = OK;
    if (!wanted) return diag_set(why, ERR_NO_MEMORY, "out of memory");
    for (size_t k = 0; k < n_symbols; k++)
        for (int32_t i = 0; i < N_TOPIC_KINDS; i++)
            if (mask >> i & 1) wanted[n++] = (topic){symbols[k], (uint8_t)i};
    if (!f->pool) e = open_pool(f, why);
    if (e == OK) {
        e = stream_pool_want(f->pool, wanted, n);
        if (e == ERR_TOO_BIG)
            diag_set(why, e, "%zu streams (%zu symbols) are wanted; expected at most %zu: lower SYMBOL_COUNT", n,
                     n_symbols, most);
        else if (e != OK)
            diag_set(why, e, "stream: %s", error_text(e));
    }
    free(wanted);
    return e;
}

err feed_find_symbol(feed *f, const char *name, uint32_t *id) { return roster_find(f->roster, name, id); }

void feed_forget(feed *f, uint32_t symbol) { backfill_cancel(f->backfill, symbol); }

const uint32_t *feed_members(const feed *f, size_t *n) { return roster_members(f->roster, n); }

roster_stats feed_universe_stats(const feed *f) { return f->roster ? roster_get_stats(f->roster) : (roster_stats){0}; }

err feed_fetch(feed *f, uint32_t symbol, int32_t interval, int64_t from_ms, int64_t to_ms) {
    return backfill_request(f->backfill, symbol, interval, from_ms, to_ms);
}

err feed_look_up(feed *f, const lookup_wish *wish, lookup_done_fn on_done, void *context) {
    return f->lookup ? lookup_ask(f->lookup, wish, on_done, context) : ERR_CLOSED;
}

void feed_hold_streams(feed *f, bool is_held) {
    if (f->pool) stream_pool_hold(f->pool, is_held);
}

void feed_resume(feed *f) { backfill_resume(f->backfill); }

bool feed_is_live(const feed *f) { return f->pool && stream_pool_get_stats(f->pool).is_live; }
bool feed_is_complete(const feed *f) { return f->pool && stream_pool_get_stats(f->pool).is_complete; }
bool feed_is_failing(const feed *f) { return f->is_failing; }
size_t feed_ranges_under_way(const feed *f) { return f->backfill ? backfill_get_stats(f->backfill)->n_under_way : 0; }
const backfill_progress *feed_progress(const feed *f) { return backfill_get_progress(f->backfill); }
const backfill_stats *feed_backfill_stats(const feed *f) { return backfill_get_stats(f->backfill); }
const rest_stats *feed_rest_stats(const feed *f) { return rest_get_stats(f->rest); }
const char *feed_rest_host(const feed *f) { return rest_host(f->rest); }
void feed_end_first_start(feed *f) { rest_end_first_start(f->rest); }
size_t feed_stream_silence(const feed *f, int64_t silent_ms[STREAM_POOL_MAX]) {
    return f->pool ? stream_pool_silence(f->pool, silent_ms) : 0;
}

stream_pool_stats feed_stream_stats(const feed *f) {
    return f->pool ? stream_pool_get_stats(f->pool) : (stream_pool_stats){0};
}

/* The parts close in the order of their use: who borrows first. */
static void close_next(void *context) {
    feed *f = context;
    switch (f->n_open--) {
    case 4:
        if (f->backfill)
            backfill_close(f->backfill, close_next, f);
        else
            close_next(f);
        return;
    case 3:
        if (f->rest)
            rest_close(f->rest, close_next, f);
        else
            close_next(f);
        return;
    case 2:
        if (f->http)
            http_client_close(f->http, close_next, f);
        else
            close_next(f);
        return;
    default:
        if (f->on_closed) f->on_closed(f->closed_context);
        roster_free(f->roster);
        free(f);
    }
}

static void on_timer_closed(uv_handle_t *handle) {
    feed *f = handle->data;
    if (!uv_is_closing((uv_handle_t *)&f->refresh)) {
        uv_close((uv_handle_t *)&f->refresh, on_timer_closed);
        return;
    }
    f->n_open = N_PARTS;
    if (f->pool)
        stream_pool_close(f->pool, close_next, f);
    else
        close_next(f);
}

void feed_close(feed *f, void (*on_closed)(void *context), void *context) {
    f->on_closed = on_closed;
    f->closed_context = context;
    lookup_close(f->lookup);
    f->lookup = NULL;
    uv_close((uv_handle_t *)&f->retry, on_timer_closed);
}
