/* `trademind fetch`: history into the local store. The result of each series goes to stdout, progress and what happens on
 * the way to stderr. */
#include "base/clock.h"
#include "base/json_writer.h"
#include "base/time_text.h"
#include "binance/history_fetch.h"
#include "binance/parse.h"
#include "cli/fetch_progress.h"
#include "cli/settings.h"
#include "cli/verbs.h"
#include "market/interval.h"
#include "sync/data_folder.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TERMINAL_MS = 200, PLAIN_MS = 10000, TIME_TRIES = 8, TIME_RETRY_MS = 1000 };

typedef struct fetch_call {
    settings settings;
    uint32_t intervals; /* bits; 0: KLINE_INTERVAL */
    history_origin origin;
    int64_t from_ms, to_ms; /* to_ms INT64_MAX: up to now */
    bool has_from, as_json;

    const config *cfg;
    const venue *venue;
    char folder[HISTORY_PATH_BYTES];
    history_wish *wishes;
    size_t n_wishes;
    uv_loop_t loop;
    uv_timer_t progress, retry;
    uv_signal_t on_int, on_term;
    http_client *http;
    rest *rest;
    market_clock clock;
    history_fetch *fetch; /* NULL before the exchange has told the time */
    int n_time_tries;
    bool is_terminal, was_stopped, has_failed;
} fetch_call;

static const option OPTIONS[] = {
    {"symbols", "A,B", "symbols, such as BTCUSDT,ETHUSDT (default: SYMBOLS)"},
    {"intervals", "1m,1h", "intervals (default: KLINE_INTERVAL); a replay makes larger ones out of the smallest"},
    {"from", "T", "first bar, by open time"},
    {"to", "T", "leave out bars that open at or after T (default: up to the newest closed one)"},
    {"source", "S",
     "dumps: the public dumps alone; rest: REST alone; auto (default): dumps where they save requests, REST for the "
     "rest"},
    {"market", "M", "spot or usdm (default: MARKET)"},
    {"data-dir", "DIR", "where the history store is, in DIR/history (default: DATA_DIR)"},
    {"json", NULL,
     "one object for each symbol and interval: market, symbol, interval, from, to, first, bars, new, fromDumps, "
     "changed, "
     "holes, missing, error"},
    SETTINGS_OPTION,
    {0},
};

/* ---- the command line ---- */

static err take_source(fetch_call *call, const char *value, diag *why) {
    static const char *const names[] = {[HISTORY_AUTO] = "auto", [HISTORY_REST] = "rest", [HISTORY_DUMPS] = "dumps"};
    for (int i = HISTORY_AUTO; i <= HISTORY_DUMPS; i++)
        if (strcmp(value, names[i]) == 0) {
            call->origin = (history_origin)i;
            return OK;
        }
    return diag_set(why, ERR_INVALID, "--source is \"%s\"; expected auto, rest or dumps", value);
}

static err take(void *context, const option *o, const char *value, diag *why) {
    fetch_call *call = context;
    if (!o) return options_refuse_word(value, why);
    if (strcmp(o->name, "json") == 0) call->as_json = true;
    if (strcmp(o->name, "intervals") == 0) return options_take_intervals(o, value, &call->intervals, why);
    if (strcmp(o->name, "from") == 0) {
        call->has_from = true;
        return options_take_time(o, value, &call->from_ms, why);
    }
    if (strcmp(o->name, "to") == 0) return options_take_time(o, value, &call->to_ms, why);
    if (strcmp(o->name, "source") == 0) return take_source(call, value, why);
    if (strcmp(o->name, "symbols") == 0) return settings_set(&call->settings, "SYMBOLS", value, why);
    if (strcmp(o->name, "market") == 0) return settings_set(&call->settings, "MARKET", value, why);
    if (strcmp(o->name, "data-dir") == 0) return settings_set(&call->settings, "DATA_DIR", value, why);
    if (strcmp(o->name, "set") == 0) return settings_add(&call->settings, value, why);
    return OK;
}

static err parse(fetch_call *call, int argc, char *const *argv, diag *why) {
    err e = options_parse(OPTIONS, argc, argv, take, call, why);
    if (e == OK && !call->has_from) e = diag_set(why, ERR_INVALID, "--from T is missing: where the history begins");
    if (e == OK && call->to_ms <= call->from_ms)
        e = diag_set(why, ERR_INVALID, "--to is not after --from; expected a later time");
    return e;
}

static err make_wishes(fetch_call *call, diag *why) {
    const config_list *symbols = &call->cfg->symbols;
    uint32_t mask = call->intervals ? call->intervals : UINT32_C(1) << call->cfg->kline_interval;
    if (symbols->count == 0)
        return diag_set(why, ERR_INVALID, "--symbols is missing: whose history to fetch, such as BTCUSDT,ETHUSDT");
    call->wishes = calloc(symbols->count * N_INTERVALS, sizeof *call->wishes);
    if (!call->wishes) return diag_set(why, ERR_NO_MEMORY, "out of memory");
    for (size_t i = 0; i < symbols->count; i++)
        for (int32_t k = 0; k < N_INTERVALS; k++) {
            history_wish *w = &call->wishes[call->n_wishes];
            if (!(mask >> k & 1)) continue;
            *w = (history_wish){.series.interval = k, .from_ms = call->from_ms, .to_ms = call->to_ms};
            snprintf(w->series.symbol, sizeof w->series.symbol, "%s", symbols->items[i]);
            call->n_wishes++;
        }
    return OK;
}

/* ---- what comes out ---- */

static err tell_json(const fetch_call *call, const history_wish *wish, const history_result *r) {
    json_writer w;
    json_writer_init(&w);
    json_write_object(&w);
    json_put_text(&w, "market", call->venue->name);
    json_put_text(&w, "symbol", wish->series.symbol);
    json_put_text(&w, "interval", interval_name(wish->series.interval));
    json_put_integer(&w, "from", wish->from_ms);
    json_put_integer(&w, "to", r->to_ms);
    json_put_integer(&w, "first", r->first_ms);
    json_put_integer(&w, "bars", r->n_wanted);
    json_put_integer(&w, "new", r->n_new);
    json_put_integer(&w, "fromDumps", r->n_from_dumps);
    json_put_integer(&w, "changed", r->n_changed);
    json_write_key(&w, "holes");
    json_write_array(&w);
    for (size_t i = 0; i < r->holes.count; i++) {
        json_write_array(&w);
        json_write_integer(&w, r->holes.items[i].from_ms);
        json_write_integer(&w, r->holes.items[i].to_ms);
        json_write_array_end(&w);
    }
    json_write_array_end(&w);
    json_put_integer(&w, "missing", r->n_left);
    json_put_text(&w, "error", r->n_errors ? r->error.text : NULL);
    json_write_object_end(&w);
    const char *text = json_writer_text(&w);
    if (text) puts(text);
    json_writer_deinit(&w);
    return text ? OK : ERR_NO_MEMORY;
}

static void tell_line(const history_wish *wish, const history_result *r) {
    char from[TIME_TEXT_BYTES], to[TIME_TEXT_BYTES];
    time_text_format(r->first_ms, from);
    time_text_format(r->to_ms, to);
    printf("%-14s %-4s ", wish->series.symbol, interval_name(wish->series.interval));
    if (r->n_wanted == 0)
        printf("no bars in this span\n");
    else
        printf("%.16s to %.16s  %" PRId64 " new (%" PRId64 " from dumps), %zu holes, %" PRId64 " missing\n", from, to,
               r->n_new, r->n_from_dumps, r->holes.count, r->n_left);
}

static void tell_results(fetch_call *call) {
    size_t n_incomplete = 0;
    for (size_t i = 0; i < call->n_wishes; i++) {
        const history_result *r = history_fetch_result(call->fetch, i);
        if (!call->as_json)
            tell_line(&call->wishes[i], r);
        else if (tell_json(call, &call->wishes[i], r) != OK)
            call->has_failed = true;
        n_incomplete += r->n_left > 0 || r->n_errors > 0;
    }
    if (n_incomplete > 0) call->has_failed = true;
    if (n_incomplete > 0 && !call->was_stopped)
        log_warn("fetch", "%zu of %zu series are not complete; the same command goes on from here", n_incomplete,
                 call->n_wishes);
}

/* ---- the run ---- */

static void close_all(fetch_call *call) {
    uv_handle_t *const handles[] = {(uv_handle_t *)&call->progress, (uv_handle_t *)&call->retry,
                                    (uv_handle_t *)&call->on_int, (uv_handle_t *)&call->on_term};
    for (size_t i = 0; i < sizeof handles / sizeof *handles; i++)
        if (!uv_is_closing(handles[i])) uv_close(handles[i], NULL);
    if (call->fetch) history_fetch_close(call->fetch);
    if (call->rest) rest_close(call->rest, NULL, NULL);
    if (call->http) http_client_close(call->http, NULL, NULL);
    call->fetch = NULL;
    call->rest = NULL;
    call->http = NULL;
}

static void fail(fetch_call *call, const char *why) {
    if (call->is_terminal) log_standing_line("");
    log_error("fetch", "%s", why);
    call->has_failed = true;
    close_all(call);
}

static void on_done(void *context, const char *why) {
    fetch_call *call = context;
    if (call->is_terminal) log_standing_line("");
    if (why) log_error("fetch", "%s", why);
    if (why) call->has_failed = true;
    if (call->was_stopped) log_info("fetch", "stopped; the same command goes on from here");
    tell_results(call);
    close_all(call);
}

static void start_fetch(fetch_call *call, int64_t now_ms) {
    history_fetch_options o = {.loop = &call->loop,
                               .http = call->http,
                               .rest = call->rest,
                               .venue = call->venue,
                               .dumps_url = *call->cfg->binance_dumps_url ? call->cfg->binance_dumps_url
                                                                          : call->venue->dumps_url,
                               .market_folder = call->folder,
                               .origin = call->origin,
                               .now_ms = now_ms,
                               .seed = (uint64_t)monotonic_ns(),
                               .wishes = call->wishes,
                               .n_wishes = call->n_wishes,
                               .on_done = on_done,
                               .context = call};
    err e = history_fetch_start(&o, &call->fetch);
    if (e != OK) fail(call, error_text(e));
}

static void ask_time(fetch_call *call);
static void on_retry(uv_timer_t *timer) { ask_time(timer->data); }

static void on_time(void *context, const rest_answer *answer) {
    fetch_call *call = context;
    int64_t now_ms = 0;
    diag why = {{0}};
    err e = answer->error;
    if (e != OK)
        (void)diag_set(&why, e, "%s", answer->why ? answer->why : error_text(e));
    else
        e = parse_time(answer->body, answer->body_bytes, &now_ms, &why);
    if (e == OK) {
        market_clock_observe(&call->clock, now_ms, monotonic_ms());
        start_fetch(call, now_ms);
    } else if (++call->n_time_tries >= TIME_TRIES) {
        char text[1200];
        snprintf(text, sizeof text,
                 "REST does not tell the time: %s; given up after %d tries (--source dumps needs no REST)", why.text,
                 TIME_TRIES);
        fail(call, text);
    } else {
        log_warn("fetch", "REST does not tell the time: %s; trying again", why.text);
        uv_timer_start(&call->retry, on_retry, answer->has_moved ? 0 : TIME_RETRY_MS, 0);
    }
}

static void ask_time(fetch_call *call) {
    err e = rest_time(call->rest, on_time, call, NULL);
    if (e != OK) fail(call, error_text(e));
}

static void on_progress(uv_timer_t *timer) {
    fetch_call *call = timer->data;
    char line[FETCH_LINE_BYTES];
    if (!call->fetch) return;
    fetch_progress_describe(history_fetch_progress(call->fetch), monotonic_ms(), line);
    if (call->is_terminal)
        log_standing_line(line);
    else
        log_info("fetch", "%s", line + strcspn(line, "]") + 2);
}

/* The second signal finds no handler any more and ends the process. */
static void on_signal(uv_signal_t *handle, int number) {
    fetch_call *call = handle->data;
    (void)number;
    call->was_stopped = true;
    call->has_failed = true;
    uv_signal_stop(&call->on_int);
    uv_signal_stop(&call->on_term);
    if (call->fetch)
        history_fetch_stop(call->fetch);
    else
        fail(call, "stopped before anything was fetched");
}

static err open_exchange(fetch_call *call, diag *why) {
    rest_options o = {.loop = &call->loop,
                      .venue = call->venue,
                      .urls = (const char *const *)call->cfg->binance_rest_urls.items,
                      .n_urls = call->cfg->binance_rest_urls.count,
                      .clock = &call->clock};
    err e = http_client_new(&call->loop, "trademind/" TRADEMIND_VERSION, &call->http);
    if (e != OK) return diag_set(why, e, "HTTP client: %s", error_text(e));
    if (call->origin == HISTORY_DUMPS) return OK;
    o.http = call->http;
    e = rest_new(&o, &call->rest, why);
    if (e == OK) rest_end_first_start(call->rest); /* half of the limit: a daemon may run at the same address */
    return e;
}

static err run_loop(fetch_call *call, diag *why) {
    if (uv_loop_init(&call->loop) != 0) return diag_set(why, ERR_NO_MEMORY, "out of memory");
    market_clock_init(&call->clock);
    uv_timer_init(&call->loop, &call->progress);
    uv_timer_init(&call->loop, &call->retry);
    uv_signal_init(&call->loop, &call->on_int);
    uv_signal_init(&call->loop, &call->on_term);
    call->progress.data = call->retry.data = call->on_int.data = call->on_term.data = call;
    err e = open_exchange(call, why);
    if (e == OK) {
        int64_t every_ms = call->is_terminal ? TERMINAL_MS : PLAIN_MS;
        uv_timer_start(&call->progress, on_progress, (uint64_t)every_ms, (uint64_t)every_ms);
        uv_signal_start(&call->on_int, on_signal, SIGINT);
        uv_signal_start(&call->on_term, on_signal, SIGTERM);
        /* Of dumps alone the clock only says which days may be there by now. */
        if (call->rest)
            ask_time(call);
        else
            start_fetch(call, wall_ms());
    } else {
        close_all(call);
    }
    uv_run(&call->loop, UV_RUN_DEFAULT);
    uv_loop_close(&call->loop);
    return e;
}

static err fetch(fetch_call *call, diag *why) {
    int lock = -1;
    call->venue = venue_get(call->cfg->market);
    call->is_terminal = isatty(STDERR_FILENO) && call->cfg->log_format != LOG_JSON;
    err e = history_folder_of_market(call->cfg->data_dir, call->venue->name, call->folder, why);
    if (e == OK) e = data_folder_make(call->folder, why);
    if (e == OK) e = data_folder_acquire(call->folder, &lock, why);
    if (e == OK) e = run_loop(call, why);
    data_folder_release(lock);
    return e;
}

static int run(int argc, char *const *argv) {
    fetch_call call = {.to_ms = INT64_MAX};
    config cfg = {0};
    diag why = {0};
    int code;
    err e = parse(&call, argc, argv, &why);
    if (e != OK) {
        code = verb_fail(&FETCH_VERB, EXIT_USAGE, &why);
        goto out;
    }
    e = settings_load(&call.settings, &cfg, &why);
    if (e != OK) {
        code = verb_fail(&FETCH_VERB, settings_exit_code(e), &why);
        goto out;
    }
    call.cfg = &cfg;
    e = make_wishes(&call, &why);
    if (e != OK) {
        code = verb_fail(&FETCH_VERB, e == ERR_NO_MEMORY ? EXIT_FAILED : EXIT_USAGE, &why);
        goto out;
    }
    e = fetch(&call, &why);
    if (e != OK) code = verb_fail(&FETCH_VERB, EXIT_FAILED, &why);
    if (e == OK) code = call.has_failed ? EXIT_FAILED : EXIT_OK;
out:
    config_deinit(&cfg);
    free(call.wishes);
    settings_deinit(&call.settings);
    return code;
}

const verb FETCH_VERB = {
    .name = "fetch",
    .summary = "bring history from the exchange into the local store",
    .usage = "--symbols A,B --intervals 1m,1h --from T [options]",
    .details =
        "Fetches klines from Binance's public dumps and from REST into DATA_DIR/history, a file for each month. What "
        "is "
        "there is not fetched again: stop it at any moment, and the same command goes on from there. `replay`, "
        "`check`, "
        "`explain` and `eval` read DATA_DIR/history/spot as a folder of klines; `trademind data` lists, verifies and "
        "exports it.\n"
        "Every archive is compared with its checksum. Bars that the exchange does not have are said and kept as holes. "
        "T is a UTC time: 2026-02-03, 2026-02-03T14:05:00Z or Unix ms. Exit code 1 when something is missing still.",
    .options = OPTIONS,
    .run = run,
};
