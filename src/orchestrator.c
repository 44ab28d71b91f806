/* See orchestrator.h.
 *
 *   start   storage -> memory of earlier runs -> workers, traders -> server -> feed -> symbols tracked, stream on
 *                                              snapshot read in the pool ------------^
 *   run     feed events -> screener -> passes -> storage -> committed passes -> terminal, browsers
 *   stop    feed -> workers (inboxes run empty) -> cloud (all committed and sent) -> storage -> snapshot, server -> loop empty
 *
 * Everything here runs on the I/O thread but submit() and notify(), which workers call. */
#include "orchestrator.h"
#include "base/clock.h"
#include "base/cpu_places.h"
#include "base/log.h"
#include "base/uuid.h"
#include "binance/feed.h"
#include "orchestrator_analysis.h"
#include "orchestrator_cloud.h"
#include "orchestrator_cloud_traders.h"
#include "orchestrator_history.h"
#include "orchestrator_snapshot.h"
#include "orchestrator_traders.h"
#include "orchestrator_universe.h"
#include "screener/screener.h"
#include "screener/signal_json.h"
#include "screener/signal_line.h"
#include "serve/auth.h"
#include "serve/serve.h"
#include "sync/storage.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    BACKLOG_FULL = 20000,
    BACKLOG_LOW = 2000,
    FLUSH_MS = 20,
    DRAIN_MS = 3000,
    EXIT_FAILURE_CODE = 1,
    N_SIGNALS = 3,
    PASSES_AHEAD = 128,
    LEAVE_MS = 2500 /* for the cloud, at the end: Fly kills after 5 s */
};

typedef struct orchestrator {
    const config *cfg;
    uv_loop_t loop;
    uv_async_t wake;  /* a worker has notes, or room */
    uv_timer_t flush; /* moves the backlog on when no worker says so */
    uv_signal_t signals[N_SIGNALS];
    symbol_table *symbols;
    market_clock clock;
    storage *storage;
    memory *memory;
    cpu_places places; /* none unless they are to be kept to */
    screener *screener;
    orchestrator_traders *traders;
    postgrest *supabase; /* NULL without the cloud, as is the next one */
    orchestrator_cloud_traders *cloud_traders;
    orchestrator_snapshot *snapshot;
    orchestrator_cloud *cloud;
    orchestrator_analysis *analysis; /* NULL: off */
    serve *serve;
    feed *feed;
    orchestrator_universe *universe;
    orchestrator_history history;
    char token[AUTH_TOKEN_BYTES], machine_id[MACHINE_ID_BYTES], lease_owner[SHA256_TEXT_BYTES];
    const char *status;
    int64_t started_ms, start_ms; /* monotonic; market time */
    bool has_loop, has_started, is_stopping, is_market_ready, are_traders_ready, is_tracking, has_begun, has_failed,
        reexecutes, is_feed_full;
    uint64_t n_kills, n_printed;
    int exit_code;
    diag *why;
} orchestrator;

static void stop(orchestrator *o);

static void fail(orchestrator *o, const char *why) {
    if (o->exit_code == 0) diag_set(o->why, ERR_INVALID, "%s", why);
    o->exit_code = EXIT_FAILURE_CODE;
    o->has_failed = true;
    stop(o);
}

static void set_status(orchestrator *o, const char *status) {
    if (strcmp(o->status, status) == 0) return;
    o->status = status;
    if (o->serve) serve_publish_status(o->serve);
    if (o->cloud) orchestrator_cloud_set_status(o->cloud, status);
}

/* ---- worker threads ---- */

static void submit(void *context, int32_t producer, pass *p) {
    orchestrator *o = context;
    bool has_news = p->n_signals > 0 || p->n_settles > 0;
    err e =
        has_news ? storage_submit(o->storage, (uint32_t)producer, p) : storage_queue(o->storage, (uint32_t)producer, p);
    if (e == OK) return;
    pass_release(p); /* stopping while the disk fails: its watermark was not written, so it is evaluated again */
}

static void flush(void *context, int32_t producer) {
    storage_flush(((orchestrator *)context)->storage, (uint32_t)producer);
}

static bool is_taken(void *context, int32_t producer) {
    return storage_has_taken(((orchestrator *)context)->storage, (uint32_t)producer);
}

static void notify(void *context) { uv_async_send(&((orchestrator *)context)->wake); }

/* ---- signals out ---- */

static void print_signal(const orchestrator *o, const signal_row *s) {
    char line[SIGNAL_LINE_BYTES];
    if (o->cfg->log_format == LOG_JSON) {
        json_writer w;
        json_writer_init(&w);
        signal_write_json(&w, s);
        if (json_writer_text(&w)) puts(json_writer_text(&w));
        json_writer_deinit(&w);
    } else {
        signal_line(s, line);
        puts(line);
    }
    fflush(stdout);
}

/* In the cloud it is the user's tier that says. */
static bool may_analyse(const orchestrator *o) {
    return !o->cloud_traders || orchestrator_cloud_traders_are_analysed(o->cloud_traders);
}

static void on_analysis(void *context, const analysis_row *row) {
    orchestrator *o = context;
    if (o->serve) serve_publish_analysis(o->serve, row);
    if (o->cloud) orchestrator_cloud_analysed(o->cloud, row);
}

static void on_committed(void *context, pass *p, uint32_t n_new) {
    orchestrator *o = context;
    for (uint32_t i = 0; i < n_new; i++) {
        if (o->serve) serve_publish_signal(o->serve, &p->signals[i]);
        if (p->signals[i].state == SIGNAL_HISTORICAL) continue; /* hundreds at a first start: asked for, not told */
        print_signal(o, &p->signals[i]);
        o->n_printed++;
        if (may_analyse(o)) orchestrator_analysis_signal(o->analysis, &p->signals[i]);
    }
    for (uint32_t i = 0; i < p->n_updates && o->serve; i++) serve_publish_update(o->serve, &p->updates[i]);
    for (uint32_t i = 0; i < p->n_updates; i++) orchestrator_analysis_update(o->analysis, &p->updates[i]);
    orchestrator_traders_committed(o->traders, p);
    if (o->cloud) orchestrator_cloud_committed(o->cloud, p, n_new);
    pass_release(p);
}

/* ---- between feed and screener ---- */

/* Live events are always taken (the backlog keeps every closed bar); history waits when there is much to do. */
static bool on_event(void *context, const market_event *event) {
    orchestrator *o = context;
    bool is_past = event->kind == EVENT_HISTORY || event->kind == EVENT_RANGE_DONE;
    bool is_live = event->kind == EVENT_BAR_FORMING || event->kind == EVENT_BAR_CLOSED;
    if (!o->is_tracking) return true;
    if (is_live && event->event_ms && o->cloud) orchestrator_cloud_latency(o->cloud, event->event_ms);
    orchestrator_analysis_event(o->analysis, event);
    if (is_past && screener_backlog(o->screener) > BACKLOG_FULL) {
        o->is_feed_full = true;
        return false;
    }
    if (screener_push(o->screener, event) != OK) fail(o, "out of memory");
    return true;
}

static void tell_begun(orchestrator *o) {
    o->has_begun = true;
    if (screener_restored(o->screener) > 0)
        log_info("snapshot", "%d series were taken up; what is missing since then is fetched",
                 screener_restored(o->screener));
}

static void move_on(orchestrator *o) {
    bool has_begun = screener_has_begun(o->screener); /* before the poll, which brings the ranges that they ask for */
    screener_poll(o->screener);
    if (o->cloud && o->feed) orchestrator_cloud_set_live(o->cloud, feed_is_live(o->feed));
    if (o->is_feed_full && screener_backlog(o->screener) < BACKLOG_LOW) {
        o->is_feed_full = false;
        if (o->feed) feed_resume(o->feed);
    }
    if (o->is_tracking && o->feed)
        orchestrator_history_show(&o->history, feed_progress(o->feed), feed_ranges_under_way(o->feed), monotonic_ms());
    if (o->is_tracking && has_begun && !o->has_begun) tell_begun(o);
    if (o->is_tracking && has_begun && strcmp(o->status, "starting") == 0 && feed_is_complete(o->feed) &&
        feed_ranges_under_way(o->feed) == 0 && screener_backlog(o->screener) == 0) {
        set_status(o, "running");
        feed_end_first_start(o->feed);
        log_info("orchestrator", "running: %u symbols, %d traders; %lld ms since the start",
                 orchestrator_universe_count(o->universe), trader_set_running(screener_traders(o->screener)),
                 (long long)(monotonic_ms() - o->started_ms));
    }
}

static void on_wake(uv_async_t *handle) {
    orchestrator *o = handle->data;
    if (!o->is_stopping) move_on(o);
}

static void on_flush(uv_timer_t *handle) {
    orchestrator *o = handle->data;
    if (!o->is_stopping) move_on(o);
    if (!o->is_stopping) orchestrator_analysis_flush(o->analysis);
}

static void on_range(void *context, uint32_t symbol, int32_t interval, int64_t from_ms, int64_t to_ms) {
    orchestrator *o = context;
    if (feed_fetch(o->feed, symbol, interval, from_ms, to_ms) != OK) fail(o, "out of memory");
}

/* The symbol may be outside the universe: then it is fed, but not screened. */
static err on_reference(void *context, const char *name, uint32_t *symbol, uint32_t *copy) {
    orchestrator *o = context;
    err e = symbol_table_find(o->symbols, name, strlen(name), symbol);
    if (e == ERR_NOT_FOUND) e = feed_find_symbol(o->feed, name, symbol);
    if (e == OK) orchestrator_universe_add_reference(o->universe, *symbol);
    return e == OK ? symbol_table_alias(o->symbols, *symbol, copy) : e;
}

/* What does not fit onto the connections is said, and what there was goes on. */
static void sync_universe(orchestrator *o) {
    diag why;
    err e = orchestrator_universe_sync(o->universe, o->screener, o->feed, &why);
    if (e == ERR_NO_MEMORY)
        fail(o, why.text);
    else if (e != OK)
        log_error("orchestrator", "%s", why.text);
}

/* Both the market and the traders are there: from now on bars count. */
static void start_tracking(orchestrator *o) {
    diag why;
    if (!o->is_market_ready || !o->are_traders_ready || o->is_stopping) return;
    if (!orchestrator_snapshot_has_read(o->snapshot)) return;
    screener_set_start(o->screener, o->start_ms);
    o->is_tracking = true;
    if (orchestrator_universe_sync(o->universe, o->screener, o->feed, &why) != OK) {
        fail(o, why.text);
        return;
    }
    orchestrator_snapshot_forget(o->snapshot);
    orchestrator_snapshot_start(o->snapshot, o->screener);
    log_info("orchestrator", "watching %u symbols; traders: %d, workers: %d", orchestrator_universe_count(o->universe),
             trader_set_running(screener_traders(o->screener)), screener_workers(o->screener));
}

static void on_market_ready(void *context, int64_t start_ms) {
    orchestrator *o = context;
    o->start_ms = start_ms;
    o->is_market_ready = true;
    start_tracking(o);
}

static void on_universe(void *context) {
    orchestrator *o = context;
    if (!o->is_stopping && o->is_tracking) sync_universe(o);
}

static void on_snapshot_read(void *context) { start_tracking(context); }

static saved_symbol *find_saved(void *context, const char *name) {
    return orchestrator_snapshot_find(((orchestrator *)context)->snapshot, name);
}

static void on_saved(void *context, saved_symbol *saved) {
    orchestrator_snapshot_saved(((orchestrator *)context)->snapshot, saved);
}

static void on_market_refused(void *context, const char *why) { fail(context, why); }

/* Also after each change of the traders: then there may be other intervals to watch. */
static void on_loaded(void *context, const trader_set *set) {
    orchestrator *o = context;
    if (o->is_stopping) return;
    orchestrator_traders_loaded(o->traders, set);
    if (o->cloud) orchestrator_cloud_note_traders(o->cloud, set);
    if (o->is_tracking) {
        sync_universe(o);
        return;
    }
    if (trader_set_running(set) == 0 && !o->cfg->is_cloud) { /* there somebody may switch one on */
        fail(o, "no trader could be loaded; the log above says why");
        return;
    }
    o->are_traders_ready = true;
    start_tracking(o);
}

static void on_killed(void *context) {
    orchestrator *o = context;
    o->n_kills++;
    if ((int64_t)o->n_kills < o->cfg->script_max_kills || o->reexecutes) return;
    log_warn("orchestrator", "%llu scripts were stopped (SCRIPT_MAX_KILLS): draining and starting anew",
             (unsigned long long)o->n_kills);
    o->reexecutes = true;
    stop(o);
}

static void on_worker_failed(void *context) { fail(context, "a worker could not go on; the log above says why"); }
static void on_barrier(void *context) { orchestrator_traders_passed_barrier(((orchestrator *)context)->traders); }

static void on_resized(void *context, int32_t n_workers) {
    const orchestrator *o = context;
    if (o->serve) serve_publish_status(o->serve);
    if (o->cloud) orchestrator_cloud_set_cpus(o->cloud, n_workers);
}

static void on_trader_problem(void *context, const char *id, const char *why) {
    const orchestrator *o = context;
    if (o->serve) serve_publish_problem(o->serve, id, why);
}

static size_t work_left(void *context) {
    const orchestrator *o = context;
    return screener_backlog(o->screener) + (o->feed ? feed_ranges_under_way(o->feed) : 0);
}

/* ---- what the server asks ---- */

static void tell_status(void *context, serve_status *out) {
    const orchestrator *o = context;
    *out = (serve_status){o->status, (uint32_t)screener_workers(o->screener), monotonic_ms() - o->started_ms};
}

static bool has_quarantined(const orchestrator *o) {
    const trader_set *set = screener_traders(o->screener);
    int64_t now_ms = market_clock_now(&o->clock, monotonic_ms());
    for (int32_t i = 0; set && i < set->count; i++)
        if (set->traders[i] && trader_is_stopped(set->traders[i], now_ms)) return true;
    return false;
}

static size_t tell_health(void *context, health_component *out) {
    const orchestrator *o = context;
    bool is_live = o->feed && feed_is_live(o->feed), is_failing = o->feed && feed_is_failing(o->feed);
    bool is_short = o->cloud && orchestrator_cloud_is_short_of_disk(o->cloud);
    size_t n = 0;
    out[n++] = (health_component){"storage",
                                  storage_health(o->storage) == STORAGE_FAILING ? HEALTH_FAILED
                                  : is_short                                    ? HEALTH_DEGRADED
                                                                                : HEALTH_OK,
                                  true};
    out[n++] = (health_component){"workers", o->has_failed ? HEALTH_FAILED : HEALTH_OK, true};
    out[n++] = (health_component){"stream", is_live ? HEALTH_OK : HEALTH_DEGRADED, false};
    out[n++] = (health_component){"history", is_failing ? HEALTH_DEGRADED : HEALTH_OK, false};
    out[n++] = (health_component){"traders", has_quarantined(o) ? HEALTH_DEGRADED : HEALTH_OK, false};
    if (o->analysis)
        out[n++] = (health_component){
            "analysis", orchestrator_analysis_is_serving(o->analysis) ? HEALTH_OK : HEALTH_DEGRADED, false};
    if (o->cfg->is_cloud)
        out[n++] = (health_component){"cloud", o->cloud ? orchestrator_cloud_health(o->cloud) : HEALTH_DEGRADED, false};
    if (o->cloud_traders)
        out[n++] = (health_component){
            "supabase", orchestrator_cloud_traders_is_failing(o->cloud_traders) ? HEALTH_DEGRADED : HEALTH_OK, false};
    return n;
}

static bool tell_ready(void *context, diag *why) {
    const orchestrator *o = context;
    if (strcmp(o->status, "running") == 0) return true;
    diag_set(why, ERR_INVALID, "%s", strcmp(o->status, "starting") == 0 ? "history is still being loaded" : o->status);
    return false;
}

static void write_workers(const orchestrator *o, json_writer *w) {
    json_write_key(w, "workers");
    json_write_array(w);
    for (int32_t i = 0; i < screener_workers(o->screener); i++) {
        const worker_stats *s = screener_stats(o->screener, i);
        json_write_object(w);
        json_put_integer(w, "symbols", atomic_load(&s->n_symbols));
        json_put_integer(w, "events", (int64_t)atomic_load(&s->n_events));
        json_put_integer(w, "bars", (int64_t)atomic_load(&s->n_bars));
        json_put_integer(w, "evaluations", (int64_t)atomic_load(&s->n_evaluations));
        json_put_integer(w, "warming", (int64_t)atomic_load(&s->n_warming));
        json_put_integer(w, "signals", (int64_t)atomic_load(&s->n_signals));
        json_put_integer(w, "late", (int64_t)atomic_load(&s->n_late));
        json_put_integer(w, "errors", (int64_t)atomic_load(&s->n_errors));
        json_put_integer(w, "kills", (int64_t)atomic_load(&s->n_kills));
        json_put_integer(w, "skipped", (int64_t)atomic_load(&s->n_skipped));
        json_put_integer(w, "stopped", (int64_t)atomic_load(&s->n_stopped));
        json_put_integer(w, "gaps", (int64_t)atomic_load(&s->n_gaps));
        json_put_integer(w, "holes", atomic_load(&s->n_holes));
        json_put_integer(w, "closedByRest", (int64_t)atomic_load(&s->n_by_rest));
        json_put_integer(w, "corrected", (int64_t)atomic_load(&s->n_corrected));
        json_put_integer(w, "refused", (int64_t)atomic_load(&s->n_refused));
        json_put_integer(w, "audits", (int64_t)atomic_load(&s->n_audits));
        json_put_number(w, "lagMs", (double)atomic_load(&s->lag_ns) / 1e6);
        json_put_integer(w, "memory", atomic_load(&s->memory_bytes));
        json_put_integer(w, "marketMemory", atomic_load(&s->market_bytes));
        json_put_integer(w, "indicators", atomic_load(&s->n_indicators));
        json_put_integer(w, "restored", atomic_load(&s->n_restored));
        json_put_number(w, "saveMs", (double)atomic_load(&s->save_ns) / 1e6);
        json_write_object_end(w);
    }
    json_write_array_end(w);
}

static void write_snapshot(const orchestrator *o, json_writer *w) {
    orchestrator_snapshot_stats s =
        o->snapshot ? orchestrator_snapshot_get_stats(o->snapshot) : (orchestrator_snapshot_stats){0};
    json_write_key(w, "snapshot");
    json_write_object(w);
    json_put_integer(w, "written", (int64_t)s.n_written);
    json_put_integer(w, "failed", (int64_t)s.n_failed);
    json_put_integer(w, "bytes", (int64_t)s.bytes);
    json_put_integer(w, "lastMs", s.last_ms);
    json_write_object_end(w);
}

static void tell_traders(void *context, json_writer *w) {
    const orchestrator *o = context;
    orchestrator_traders_write(o->traders, market_clock_now(&o->clock, monotonic_ms()),
                               strcmp(o->status, "starting") == 0, w);
}

static void tell_details(void *context, json_writer *w) {
    const orchestrator *o = context;
    stream_pool_stats pool = o->feed ? feed_stream_stats(o->feed) : (stream_pool_stats){0};
    stream_stats s = pool.sum;
    storage_stats st;
    storage_read_stats(o->storage, &st);
    json_put_integer(w, "symbols", orchestrator_universe_count(o->universe));
    json_write_key(w, "universe");
    orchestrator_universe_write(o->universe, o->feed, w);
    json_put_integer(w, "marketTime", market_clock_now(&o->clock, monotonic_ms()));
    json_put_integer(w, "backlog", (int64_t)screener_backlog(o->screener));
    json_put_integer(w, "rangesUnderWay", o->feed ? (int64_t)feed_ranges_under_way(o->feed) : 0);
    json_put_text(w, "market", venue_get(o->cfg->market)->name);
    if (o->is_market_ready && o->feed) orchestrator_history_write(o->feed, monotonic_ms(), w);
    json_put_integer(w, "kills", (int64_t)o->n_kills);
    json_put_integer(w, "moves", (int64_t)screener_moves(o->screener));
    json_write_key(w, "stream");
    json_write_object(w);
    json_put_bool(w, "connected", pool.is_live);
    json_put_text(w, "host", pool.host ? pool.host : "");
    json_put_integer(w, "connections", (int64_t)pool.n_connections);
    json_put_integer(w, "liveConnections", (int64_t)pool.n_live);
    json_put_integer(w, "wantedTopics", (int64_t)pool.n_wanted);
    json_put_integer(w, "confirmedTopics", (int64_t)pool.n_carried);
    json_put_integer(w, "replacements", (int64_t)pool.n_replacements);
    json_put_integer(w, "outdatedMessages", (int64_t)pool.n_outdated);
    json_put_integer(w, "frames", (int64_t)s.n_frames);
    json_put_integer(w, "klines", (int64_t)s.n_klines);
    json_put_integer(w, "malformed", (int64_t)s.n_malformed);
    json_put_integer(w, "oversized", (int64_t)s.n_oversized);
    json_put_integer(w, "losses", (int64_t)s.n_losses);
    json_write_object_end(w);
    json_write_key(w, "storage");
    json_write_object(w);
    json_put_integer(w, "passes", (int64_t)st.n_passes);
    json_put_integer(w, "commits", (int64_t)st.n_commits);
    json_put_integer(w, "failures", (int64_t)st.n_failures);
    json_put_integer(w, "newSignals", (int64_t)st.n_new_signals);
    json_put_integer(w, "queued", (int64_t)st.n_queued);
    json_write_object_end(w);
    json_write_key(w, "cloud");
    json_write_object(w);
    if (o->cloud) orchestrator_cloud_write(o->cloud, w);
    json_write_object_end(w);
    write_snapshot(o, w);
    json_write_key(w, "analysis");
    orchestrator_analysis_write(o->analysis, w);
    write_workers(o, w);
    if (o->cloud_traders) {
        json_write_key(w, "supabaseTraders");
        json_write_object(w);
        orchestrator_cloud_traders_write(o->cloud_traders, w);
        json_write_object_end(w);
    }
    json_write_key(w, "traders");
    json_write_array(w);
    tell_traders(context, w);
    json_write_array_end(w);
}

static err query_signals(void *context, const signal_filter *filter, storage_signals_fn on_rows, void *rows_context) {
    return storage_query_signals(((orchestrator *)context)->storage, filter, on_rows, rows_context);
}

static err query_trader_errors(void *context, const trader_error_filter *filter, storage_errors_fn on_rows,
                               void *rows_context) {
    return storage_query_trader_errors(((orchestrator *)context)->storage, filter, on_rows, rows_context);
}

static err set_workers(void *context, int32_t n, diag *why) {
    const orchestrator *o = context;
    err e = screener_resize(o->screener, n);
    return e == OK ? OK : diag_set(why, e, "workers: %d; expected 1 to %d", n, WORKERS_MAX);
}

static err change_trader(void *context, const char *key, const char *json, diag *why) {
    return orchestrator_traders_change(((orchestrator *)context)->traders, key, json, why);
}

static void reload_traders(void *context) {
    orchestrator *o = context;
    if (o->is_stopping || !o->traders || !o->screener) return;
    if (o->cloud_traders)
        orchestrator_cloud_traders_now(o->cloud_traders);
    else
        orchestrator_traders_reload(o->traders);
}

/* ---- start ---- */

static err open_storage(orchestrator *o, diag *why) {
    storage_config sc = {.folder = o->cfg->data_dir,
                         .user_id = o->cfg->user_id,
                         .has_cloud = o->cfg->is_cloud,
                         .machine_id = o->machine_id,
                         .outbox_sync_full = o->cfg->outbox_sync == OUTBOX_SYNC_FULL,
                         .n_producers = WORKERS_MAX,
                         .queue_capacity = PASSES_AHEAD};
    err e = storage_open(&sc, &o->storage, why); /* makes the folder */
    if (e == OK) e = config_machine_id(o->cfg, o->cfg->data_dir, o->machine_id, why);
    if (e == OK) e = auth_token_load(o->cfg->data_dir, o->token, why);
    if (e == OK && memory_new(&o->memory) != OK) e = diag_set(why, ERR_NO_MEMORY, "out of memory");
    if (e == OK) e = storage_restore(o->storage, o->memory, why);
    return e;
}

static void read_load(void *context, orchestrator_load *out) {
    const orchestrator *o = context;
    for (int32_t i = 0; o->screener && i < screener_workers(o->screener); i++) {
        const worker_stats *s = screener_stats(o->screener, i);
        int64_t lag_ns = atomic_load(&s->lag_ns);
        if (lag_ns > out->filter_ns) out->filter_ns = lag_ns;
        out->n_errors += atomic_load(&s->n_errors);
    }
    if (o->analysis) out->analysis_queue = orchestrator_analysis_depth(o->analysis);
}

static void on_lease_refused(void *context, const char *why) { fail(context, why); }

/* The token is random and of this DATA_DIR alone, and so is what is made of it. */
static err open_machine(orchestrator *o, diag *why) {
    char name[AUTH_TOKEN_BYTES + MACHINE_ID_BYTES + 8];
    snprintf(name, sizeof name, "lease|%s|%s", o->token, o->machine_id);
    sha256_hex(name, strlen(name), o->lease_owner);
    orchestrator_cloud_config cc = {.loop = &o->loop,
                                    .cfg = o->cfg,
                                    .storage = o->storage,
                                    .client = o->supabase,
                                    .machine_id = o->machine_id,
                                    .lease_owner = o->lease_owner,
                                    .cpus = (int32_t)o->cfg->machine_cpus,
                                    .read_load = read_load,
                                    .on_refused = on_lease_refused,
                                    .context = o};
    return orchestrator_cloud_open(&cc, &o->cloud, why);
}

static void force_sync(void *context) {
    const orchestrator *o = context;
    if (o->cloud && !o->is_stopping) orchestrator_cloud_force(o->cloud);
}

static err open_snapshot(orchestrator *o, diag *why) {
    const venue *v = venue_get(o->cfg->market);
    const char *source = o->cfg->binance_rest_urls.count ? o->cfg->binance_rest_urls.items[0] : v->rest_hosts[0].url;
    orchestrator_snapshot_config sc = {.loop = &o->loop,
                                       .folder = o->cfg->data_dir,
                                       .origin = {v->name, source},
                                       .interval_ms = o->cfg->snapshot_interval_ms,
                                       .on_read = on_snapshot_read,
                                       .context = o};
    err e = orchestrator_snapshot_open(&sc, &o->snapshot);
    return e == OK ? OK : diag_set(why, e, "out of memory");
}

static void on_cloud_traders(void *context) {
    orchestrator *o = context;
    if (!o->is_stopping) orchestrator_traders_list_again(o->traders);
}

static void on_settled(void *context) {
    const orchestrator *o = context;
    if (o->cloud_traders) orchestrator_cloud_traders_loaded(o->cloud_traders, o->traders);
}

static err scan_cloud_traders(void *context, trader_folder *out, diag *why) {
    return orchestrator_cloud_traders_scan(((orchestrator *)context)->cloud_traders, out, why);
}

static err open_cloud(orchestrator *o, diag *why) {
    postgrest_config pc = {.loop = &o->loop, .url = o->cfg->supabase_url, .key = o->cfg->supabase_key};
    err e = postgrest_new(&pc, &o->supabase, why);
    orchestrator_cloud_traders_config tc = {.loop = &o->loop,
                                            .client = o->supabase,
                                            .storage = o->storage,
                                            .user_id = o->cfg->user_id,
                                            .on_change = on_cloud_traders,
                                            .context = o};
    return e == OK ? orchestrator_cloud_traders_new(&tc, &o->cloud_traders, why) : e;
}

static err open_traders(orchestrator *o, diag *why) {
    bool is_cloud = o->cfg->is_cloud;
    orchestrator_traders_config tc = {.loop = &o->loop,
                                      .folder = is_cloud ? NULL : o->cfg->traders_dir,
                                      .scan = is_cloud ? scan_cloud_traders : NULL,
                                      .on_settled = is_cloud ? on_settled : NULL,
                                      .scan_context = o,
                                      .symbols = o->symbols,
                                      .storage = o->storage,
                                      .on_problem = on_trader_problem,
                                      .work_left = work_left,
                                      .context = o};
    err e = is_cloud ? open_cloud(o, why) : OK;
    if (e == OK) e = orchestrator_traders_new(&tc, &o->traders, why);
    return e == OK ? storage_start(o->storage, &o->loop, on_committed, o, why) : e;
}

static err open_analysis(orchestrator *o, diag *why) {
    orchestrator_analysis_config ac = {.cfg = o->cfg,
                                       .loop = &o->loop,
                                       .clock = &o->clock,
                                       .symbols = o->symbols,
                                       .storage = o->storage,
                                       .on_shown = on_analysis,
                                       .context = o};
    return orchestrator_analysis_new(&ac, &o->analysis, why);
}

static err open_screener(orchestrator *o, diag *why) {
    const config *c = o->cfg;
    screener_config sc = {.n_workers = (int32_t)c->machine_cpus,
                          .places = &o->places,
                          .symbols = o->symbols,
                          .limits = {.cpu_ms = c->script_cpu_ms,
                                     .load_cpu_ms = c->script_load_cpu_ms,
                                     .memory_bytes = (size_t)c->script_memory_mb << 20,
                                     .default_interval = (int32_t)c->kline_interval,
                                     .analysis = orchestrator_analysis_mode(c)},
                          .max_errors_in_row = (int32_t)c->script_max_errors,
                          .max_signals_per_hour = (int32_t)c->max_signals_per_trader_hour,
                          .tick_ms = c->screening_interval_ms,
                          .watches_closes = true,
                          .audit_period_ms = c->audit_interval_ms,
                          .shows_first_look = true,
                          .kline_history = (int32_t)c->kline_history,
                          .user = c->user_id,
                          .market = venue_get(c->market)->name,
                          .memory = o->memory,
                          .skips_late_bars = c->late_bars == LATE_BARS_SKIP,
                          .submit = submit,
                          .flush = flush,
                          .is_taken = is_taken,
                          .submit_context = o,
                          .notify = notify,
                          .notify_context = o};
    screener_handlers handlers = {.on_range = on_range,
                                  .on_loaded = on_loaded,
                                  .on_reference = on_reference,
                                  .on_resized = on_resized,
                                  .on_killed = on_killed,
                                  .on_failed = on_worker_failed,
                                  .on_barrier = on_barrier,
                                  .on_saved = on_saved,
                                  .find_saved = find_saved,
                                  .context = o};
    err e = screener_new(&sc, &handlers, &o->screener);
    if (e == OK) e = screener_start(o->screener);
    if (e != OK) return diag_set(why, e, "screener: %s", error_text(e));
    e = orchestrator_traders_start(o->traders, o->screener, why);
    if (e != OK || !o->cloud_traders) return e;
    e = orchestrator_cloud_traders_start(o->cloud_traders);
    return e == OK ? OK : diag_set(why, e, "%s", error_text(e));
}

static err open_server(orchestrator *o, diag *why) {
    serve_config sc = {.host = o->cfg->host,
                       .port = (uint16_t)o->cfg->port,
                       .token = o->token,
                       .origins = (const char *const *)o->cfg->auth_origins.items,
                       .n_origins = o->cfg->auth_origins.count,
                       .machine_id = o->machine_id};
    serve_providers providers = {.context = o,
                                 .status = tell_status,
                                 .health = tell_health,
                                 .ready = tell_ready,
                                 .details = tell_details,
                                 .traders = tell_traders,
                                 .query_signals = query_signals,
                                 .query_trader_errors = query_trader_errors,
                                 .set_workers = set_workers,
                                 .change_trader = change_trader,
                                 .force_sync = force_sync,
                                 .reload_traders = reload_traders};
    return serve_start(&o->loop, &sc, &providers, &o->serve, why);
}

static err open_feed(orchestrator *o, diag *why) {
    feed_options fo = {.loop = &o->loop,
                       .venue = venue_get(o->cfg->market),
                       .rest_urls = (const char *const *)o->cfg->binance_rest_urls.items,
                       .n_rest_urls = o->cfg->binance_rest_urls.count,
                       .ws_urls = (const char *const *)o->cfg->binance_ws_urls.items,
                       .n_ws_urls = o->cfg->binance_ws_urls.count,
                       .streams_per_connection = (size_t)o->cfg->streams_per_connection,
                       .stream_life_ms = o->cfg->stream_life_s * 1000,
                       .policy = {.names = (const char *const *)o->cfg->symbols.items,
                                  .n_names = o->cfg->symbols.count,
                                  .quote = o->cfg->quote_asset,
                                  .count = (size_t)o->cfg->symbol_count,
                                  .min_quote_volume = (double)o->cfg->min_quote_volume,
                                  .has_leveraged = o->cfg->leveraged_tokens == INCLUSION_INCLUDE,
                                  .has_stable = o->cfg->stablecoins == INCLUSION_INCLUDE},
                       .refresh_ms = o->cfg->universe_refresh_min * 60000,
                       .clock = &o->clock,
                       .symbols = o->symbols,
                       .seed = (uint64_t)monotonic_ns(),
                       .handlers = {.on_ready = on_market_ready,
                                    .on_universe = on_universe,
                                    .on_refused = on_market_refused,
                                    .on_event = on_event,
                                    .context = o}};
    return feed_open(&fo, &o->feed, why);
}

static void on_stop_signal(uv_signal_t *handle, int number) {
    orchestrator *o = handle->data;
    log_info("orchestrator", "%s: stopping", number == SIGINT ? "SIGINT" : "SIGTERM");
    stop(o);
}

static void on_hangup(uv_signal_t *handle, int number) {
    (void)number;
    log_info("orchestrator", "SIGHUP: reading the traders again; a setting changes with a restart only");
    reload_traders(handle->data);
}

static err open_loop(orchestrator *o, diag *why) {
    static const int numbers[N_SIGNALS] = {SIGINT, SIGTERM, SIGHUP};
    if (uv_loop_init(&o->loop) != 0) return diag_set(why, ERR_IO, "no event loop");
    o->has_loop = true;
    uv_async_init(&o->loop, &o->wake, on_wake);
    o->wake.data = o;
    uv_timer_init(&o->loop, &o->flush);
    o->flush.data = o;
    uv_timer_start(&o->flush, on_flush, FLUSH_MS, FLUSH_MS);
    for (int i = 0; i < N_SIGNALS; i++) {
        uv_signal_init(&o->loop, &o->signals[i]);
        o->signals[i].data = o;
        uv_signal_start(&o->signals[i], numbers[i] == SIGHUP ? on_hangup : on_stop_signal, numbers[i]);
    }
    return OK;
}

/* Signals go to the I/O thread alone: all other threads are started while everything is blocked. What says that the
 * program is broken is not blocked anywhere: it would be lost, and with it the report of a sanitizer. */
static void block_signals(bool is_start) {
    static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS};
    sigset_t all;
    sigfillset(&all);
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) sigdelset(&all, faults[i]);
    pthread_sigmask(is_start ? SIG_BLOCK : SIG_UNBLOCK, &all, NULL);
}

static void keep_places(orchestrator *o) {
    if (o->cfg->cpu_placement != CPU_PLACEMENT_SPREAD) return;
    cpu_places_find(&o->places);
    if (cpu_places_keep_others(&o->places) == OK) return;
    log_warn("orchestrator", "CPU_PLACEMENT=spread: the system refuses; threads run where it puts them");
    o->places.n = 0;
}

static err start(orchestrator *o, diag *why) {
    err e = open_loop(o, why);
    keep_places(o); /* before there are other threads */
    market_clock_init(&o->clock);
    if (e == OK && symbol_table_new(&o->symbols) != OK) e = diag_set(why, ERR_NO_MEMORY, "out of memory");
    if (e == OK && orchestrator_universe_new(o->symbols, &o->universe) != OK)
        e = diag_set(why, ERR_NO_MEMORY, "out of memory");
    if (e == OK) e = open_storage(o, why);
    if (e == OK) e = open_snapshot(o, why);
    if (e == OK) e = open_traders(o, why);
    if (e == OK) e = open_machine(o, why);
    if (e == OK) e = open_analysis(o, why);
    if (e == OK) e = open_screener(o, why);
    if (e == OK) e = open_server(o, why);
    if (e == OK) e = open_feed(o, why);
    return e;
}

/* Where it listens and how to talk to it. The token is shown to a person at a terminal, or when only this machine can
 * be reached; elsewhere the log is read by others, and the file has it. */
static void greet(const orchestrator *o) {
    const char *host = o->cfg->host;
    bool is_local = strcmp(host, "127.0.0.1") == 0 || strcmp(host, "::1") == 0 || strcmp(host, "localhost") == 0;
    unsigned port = serve_port(o->serve);
    log_info("orchestrator", "listening on %s port %u; signals are kept in %s", host, port, o->cfg->data_dir);
    if (!is_local && !isatty(STDERR_FILENO)) {
        log_info("orchestrator", "the token for requests is in %s/token", o->cfg->data_dir);
        return;
    }
    log_info("orchestrator", "token: %s", o->token);
    log_info("orchestrator", "try: curl -H 'Authorization: Bearer %s' http://127.0.0.1:%u/api/v1/signals", o->token,
             port);
}

/* ---- stop ---- */

static void close_handle(uv_handle_t *handle) {
    if (!uv_is_closing(handle)) uv_close(handle, NULL);
}

static void close_storage(orchestrator *o) {
    diag why;
    if (!o->storage) return;
    if (storage_drain_and_stop(o->storage, DRAIN_MS, NULL, NULL, &why) != OK) {
        log_error("orchestrator", "%s", why.text);
        if (o->exit_code == 0) diag_set(o->why, ERR_DATABASE, "%s", why.text);
        o->exit_code = EXIT_FAILURE_CODE;
    }
    o->storage = NULL;
}

/* Nothing is written any more. */
static void on_cloud_finished(void *context) {
    orchestrator *o = context;
    if (o->supabase && !o->cloud) postgrest_close(o->supabase, NULL, NULL); /* else it was closed at the finish */
    o->supabase = NULL;
    close_storage(o);
    orchestrator_analysis_close(o->analysis);
    o->analysis = NULL;
    orchestrator_cloud_close(o->cloud);
    o->cloud = NULL;
    orchestrator_snapshot_close(o->snapshot, !o->has_failed); /* after the signals: those matter more */
    o->snapshot = NULL;
    orchestrator_traders_close(o->traders);
    o->traders = NULL;
    if (o->serve) serve_close(o->serve, NULL, NULL);
    o->serve = NULL;
    close_handle((uv_handle_t *)&o->wake);
    close_handle((uv_handle_t *)&o->flush);
    for (int i = 0; i < N_SIGNALS; i++) close_handle((uv_handle_t *)&o->signals[i]);
}

/* The feed is closed: no event comes any more. While storage hands out the last passes the server still publishes them; its
 * questions end with storage. */
static void on_feed_closed(void *context) {
    orchestrator *o = context;
    o->feed = NULL;
    if (o->screener) {
        if (storage_health(o->storage) == STORAGE_FAILING) storage_stop_waiting(o->storage);
        screener_stop(o->screener);
    }
    if (o->traders) orchestrator_traders_stop(o->traders);
    orchestrator_analysis_stop(o->analysis);
    orchestrator_cloud_traders_close(o->cloud_traders);
    o->cloud_traders = NULL;
    if (o->serve) serve_publish_status(o->serve);
    if (o->cloud)
        orchestrator_cloud_finish(o->cloud, o->exit_code ? o->why->text : NULL, LEAVE_MS, on_cloud_finished, o);
    else
        on_cloud_finished(o);
}

static void stop(orchestrator *o) {
    if (o->is_stopping) return;
    o->is_stopping = true;
    set_status(o, "stopping");
    if (o->feed)
        feed_close(o->feed, on_feed_closed, o);
    else
        on_feed_closed(o);
}

/* Same process id, fresh address space: what stopped scripts have left behind is gone. */
static void reexecute(void) {
    static char arguments[1 << 16];
    char *argv[1024];
    size_t n = 0, bytes;
    FILE *file = fopen("/proc/self/cmdline", "rb");
    sigset_t none;
    if (!file) return;
    bytes = fread(arguments, 1, sizeof arguments - 1, file);
    fclose(file);
    for (char *at = arguments; at < arguments + bytes && n < 1023; at += strlen(at) + 1) argv[n++] = at;
    argv[n] = NULL;
    sigemptyset(&none);
    pthread_sigmask(SIG_SETMASK, &none, NULL);
    execv("/proc/self/exe", argv);
}

int orchestrator_run(const config *cfg, diag *why) {
    orchestrator *o = calloc(1, sizeof *o);
    bool reexecutes;
    int code;
    if (!o) {
        diag_set(why, ERR_NO_MEMORY, "out of memory");
        return EXIT_FAILURE_CODE;
    }
    o->cfg = cfg;
    o->why = why;
    o->status = "starting";
    o->started_ms = monotonic_ms();
    o->history.is_terminal = isatty(STDERR_FILENO) && cfg->log_format != LOG_JSON;
    block_signals(true);
    if (start(o, why) != OK) {
        o->exit_code = EXIT_FAILURE_CODE;
        if (o->has_loop) stop(o);
    } else {
        greet(o);
    }
    block_signals(false);
    if (o->has_loop) {
        uv_run(&o->loop, UV_RUN_DEFAULT);
        if (uv_loop_close(&o->loop) != 0) log_error("orchestrator", "a handle was left open");
    }
    log_info("orchestrator", "stopped: %llu signals since the start", (unsigned long long)o->n_printed);
    screener_free(o->screener);
    orchestrator_universe_free(o->universe);
    symbol_table_free(o->symbols);
    memory_free(o->memory);
    if (cpu_places_leave(&o->places) != OK) log_warn("orchestrator", "the next start finds one CPU fewer");
    code = o->exit_code;
    reexecutes = o->reexecutes && code == 0;
    free(o);
    if (reexecutes) {
        reexecute();
        diag_set(why, ERR_IO, "could not start anew");
        return EXIT_FAILURE_CODE;
    }
    return code;
}
