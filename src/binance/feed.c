/* See feed.h. The start is three answers in a row: time, exchangeInfo, and (unless symbols are named) the 24 h tickers. */
#include "binance/feed.h"
#include "base/backoff.h"
#include "base/log.h"
#include "binance/parse.h"
#include <stdlib.h>
#include <string.h>

enum { RETRY_BASE_MS = 500, RETRY_CAP_MS = 30000, N_PARTS = 4, INFO_MAX = 8192 };

typedef enum feed_stage { STAGE_TIME, STAGE_SYMBOLS, STAGE_VOLUMES, STAGE_READY } feed_stage;

struct feed {
    feed_options options;
    http_client *http;
    rest *rest;
    backfill *backfill;
    stream_pool *pool;
    uv_timer_t retry;
    backoff wait;
    feed_stage stage;
    int64_t start_ms;
    symbol_info *infos;
    size_t n_infos;
    bool is_out_of_memory, is_failing;
    bool has_stood[STREAM_POOL_MAX]; /* by connection: its last state was connected */

    int n_open; /* parts that are still closing */
    void (*on_closed)(void *context);
    void *closed_context;
};

static void ask(feed *f);

/* ---- the start ---- */

static void on_retry(uv_timer_t *timer) { ask(timer->data); }

static void try_again(feed *f, const char *what, const char *why) {
    int64_t wait_ms = backoff_next_ms(&f->wait);
    log_warn("binance", "%s: %s; next try in %.1f s", what, why, (double)wait_ms / 1000);
    f->is_failing = true;
    uv_timer_start(&f->retry, on_retry, (uint64_t)wait_ms, 0);
}

static void ready(feed *f) {
    const universe_policy *p = &f->options.policy;
    size_t n_room = (p->n_names > f->n_infos ? p->n_names : f->n_infos) + 1, n = 0;
    uint32_t *chosen = malloc(n_room * sizeof *chosen), id;
    diag why = {.text = "out of memory"};
    err e = chosen ? universe_choose(f->infos, f->n_infos, p, chosen, &n, &why) : ERR_NO_MEMORY;
    for (size_t i = 0; i < n && e == OK; i++) {
        const symbol_info *info = &f->infos[chosen[i]];
        if (!info->is_trading) log_warn("binance", "%s is not trading at the moment", info->name);
        e = symbol_table_add(f->options.symbols, info, &id);
        if (e != OK) diag_set(&why, e, "%s: %s", info->name, error_text(e));
    }
    free(chosen);
    f->stage = STAGE_READY;
    f->is_failing = false;
    if (e == OK)
        f->options.handlers.on_ready(f->options.handlers.context, f->start_ms);
    else
        f->options.handlers.on_refused(f->options.handlers.context, why.text);
}

static void on_symbol(void *context, const symbol_info *symbol) {
    feed *f = context;
    if (f->n_infos == INFO_MAX) return;
    if ((f->n_infos & (f->n_infos - 1)) == 0) {
        symbol_info *infos = realloc(f->infos, (f->n_infos ? f->n_infos * 2 : 1) * sizeof *infos);
        if (!infos) {
            f->is_out_of_memory = true;
            return;
        }
        f->infos = infos;
    }
    f->infos[f->n_infos++] = *symbol;
}

static void on_ticker(void *context, const parse_ticker *ticker) {
    feed *f = context;
    symbol_info *info = universe_find(f->infos, f->n_infos, ticker->symbol.at, ticker->symbol.bytes);
    if (info) info->quote_volume_24h = ticker->quote_volume;
}

static err take_answer(feed *f, const rest_answer *answer, diag *why) {
    parse_exchange exchange;
    parse_tickers tickers;
    err e;
    switch (f->stage) {
    case STAGE_TIME: return parse_time(answer->body, answer->body_bytes, &f->start_ms, why);
    case STAGE_SYMBOLS:
        f->n_infos = 0;
        e = parse_exchange_info(answer->body, answer->body_bytes, on_symbol, f, &exchange, why);
        if (e == OK && f->is_out_of_memory) e = diag_set(why, ERR_NO_MEMORY, "out of memory");
        if (e == OK) universe_sort(f->infos, f->n_infos);
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
        try_again(f, stage_name(f->stage), answer->error != OK ? answer->why : why.text);
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
    if (e != OK) try_again(f, stage_name(f->stage), error_text(e));
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
    rest_options r = {.loop = o->loop, .base_url = o->rest_url};
    backfill_options b = {.loop = o->loop, .clock = o->clock, .symbols = o->symbols, .seed = o->seed};
    err e = ERR_NO_MEMORY;
    if (!f) return diag_set(why, e, "out of memory");
    f->options = *o;
    backoff_init(&f->wait, RETRY_BASE_MS, RETRY_CAP_MS, o->seed);
    uv_timer_init(o->loop, &f->retry);
    f->retry.data = f;
    *out = f; /* also after a failure: what has been opened is closed with feed_close */
    e = http_client_new(o->loop, "trademind/" TRADEMIND_VERSION, &f->http);
    if (e != OK) return diag_set(why, e, "HTTP client: %s", error_text(e));
    r.http = f->http;
    e = rest_new(&r, &f->rest, why);
    if (e != OK) return e;
    b.rest = f->rest;
    b.handlers = (backfill_handlers){on_history, on_backfill_state, f};
    e = backfill_new(&b, &f->backfill);
    if (e != OK) return diag_set(why, e, "backfill: %s", error_text(e));
    ask(f);
    return OK;
}

/* Cuts the list at its commas; NULL after the last. */
static err open_pool(feed *f, diag *why) {
    static const char *const HOSTS[] = {"wss://stream.binance.com:9443", "wss://stream.binance.com:443",
                                        "wss://data-stream.binance.vision:443", NULL};
    const char *urls[STREAM_HOSTS_MAX + 2] = {0}; /* one too many is refused by the pool, with a sentence */
    char *list = strdup(f->options.ws_urls), *left = list, *item;
    if (!list) return diag_set(why, ERR_NO_MEMORY, "out of memory");
    for (size_t n = 0; n <= STREAM_HOSTS_MAX && (item = strsep(&left, ","));) {
        item += strspn(item, " \t");
        item[strcspn(item, " \t")] = 0;
        if (*item) urls[n++] = item;
    }
    stream_pool_options o = {.loop = f->options.loop,
                             .urls = urls[0] ? urls : HOSTS,
                             .clock = f->options.clock,
                             .symbols = f->options.symbols,
                             .handlers = {.on_event = on_live, .on_state = on_stream_state, .context = f},
                             .seed = f->options.seed};
    err e = stream_pool_open(&o, &f->pool, why);
    free(list);
    return e;
}

err feed_watch(feed *f, uint32_t mask, diag *why) {
    uint32_t n_symbols = symbol_table_count(f->options.symbols);
    topic *wanted = calloc((size_t)n_symbols * N_INTERVALS + 1, sizeof *wanted);
    size_t n = 0;
    err e = OK;
    if (!wanted) return diag_set(why, ERR_NO_MEMORY, "out of memory");
    for (uint32_t id = 0; id < n_symbols; id++)
        for (int32_t i = 0; i < N_INTERVALS && !symbol_table_get(f->options.symbols, id)->is_alias; i++)
            if (mask >> i & 1) wanted[n++] = (topic){id, (uint8_t)i};
    if (!f->pool) e = open_pool(f, why);
    if (e == OK) {
        e = stream_pool_want(f->pool, wanted, n);
        if (e == ERR_TOO_BIG)
            diag_set(why, e, "%zu streams (%u symbols) are wanted; expected at most %d: lower SYMBOL_COUNT", n,
                     n_symbols, STREAM_POOL_MAX * TOPICS_MAX);
        else if (e != OK)
            diag_set(why, e, "stream: %s", error_text(e));
    }
    free(wanted);
    return e;
}

err feed_add_symbol(feed *f, const char *name, uint32_t *id) {
    const symbol_info *info = universe_find(f->infos, f->n_infos, name, strlen(name));
    return info ? symbol_table_add(f->options.symbols, info, id) : ERR_NOT_FOUND;
}

err feed_fetch(feed *f, uint32_t symbol, int32_t interval, int64_t from_ms, int64_t to_ms) {
    return backfill_request(f->backfill, symbol, interval, from_ms, to_ms);
}

void feed_resume(feed *f) { backfill_resume(f->backfill); }

bool feed_is_live(const feed *f) { return f->pool && stream_pool_get_stats(f->pool).is_live; }
bool feed_is_complete(const feed *f) { return f->pool && stream_pool_get_stats(f->pool).is_complete; }
bool feed_is_failing(const feed *f) { return f->is_failing; }
size_t feed_ranges_under_way(const feed *f) { return f->backfill ? backfill_get_stats(f->backfill)->n_under_way : 0; }
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
        free(f->infos);
        free(f);
    }
}

static void on_timer_closed(uv_handle_t *handle) {
    feed *f = handle->data;
    f->n_open = N_PARTS;
    if (f->pool)
        stream_pool_close(f->pool, close_next, f);
    else
        close_next(f);
}

void feed_close(feed *f, void (*on_closed)(void *context), void *context) {
    f->on_closed = on_closed;
    f->closed_context = context;
    uv_close((uv_handle_t *)&f->retry, on_timer_closed);
}
