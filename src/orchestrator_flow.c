/* See orchestrator_flow.h.
 *
 *   feed ── on_event ──► screener ──► workers ── submit ──► storage ── committed ──► terminal, browsers, cloud, analysis
 *    ▲                      │
 *    └────── on_range ──────┘  what is missing of the history
 *
 * Everything here runs on the I/O thread but submit(), flush(), is_taken() and notify(), which workers call. */
#include "orchestrator_flow.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/spare_memory.h"
#include "orchestrator_live.h"
#include "orchestrator_orders.h"
#include "screener/signal_json.h"
#include "screener/signal_line.h"
#include "script/script_setup.h"
#include <stdio.h>
#include <string.h>

/* Events that wait for the workers. When a bar ends on four intervals of all of Binance's symbols, some 8,000 come at once. */
enum { BACKLOG_FULL = 20000, BACKLOG_LOW = 2000, STREAMS_FULL = 30000, STREAMS_LOW = 10000 };

static const char ELSEWHERE[] = "it is analysed in the Supabase project";

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

bool orchestrator_flow_may_analyse(const orchestrator *o) {
    return !o->cloud_traders || !orchestrator_cloud_traders_are_analysed_elsewhere(o->cloud_traders);
}

void orchestrator_flow_analysed(void *context, const analysis_row *row) {
    orchestrator *o = context;
    histogram_add(&o->measure.analysis_s, (double)row->latency_ms / 1e3);
    if (o->serve) serve_publish_analysis(o->serve, row);
    if (o->cloud) orchestrator_cloud_analysed(o->cloud, row);
    orchestrator_notify_poke(o->notify);
}

void orchestrator_flow_committed(void *context, pass *p, uint32_t n_new) {
    orchestrator *o = context;
    if (p->received_ns) histogram_add(&o->measure.commit_s, (double)(monotonic_ns() - p->received_ns) / 1e9);
    for (uint32_t i = 0; i < n_new; i++) {
        if (o->serve) serve_publish_signal(o->serve, &p->signals[i]);
        if (p->signals[i].state == SIGNAL_HISTORICAL) continue; /* hundreds at a first start: asked for, not told */
        print_signal(o, &p->signals[i]);
        o->n_printed++;
        if (orchestrator_flow_may_analyse(o))
            orchestrator_analysis_signal(o->analysis, &p->signals[i]);
        else
            orchestrator_analysis_decline(o->analysis, &p->signals[i], ELSEWHERE);
    }
    for (uint32_t i = 0; i < p->n_prompts; i++)
        if (p->prompts[i].is_taken)
            orchestrator_analysis_prompt(o->analysis, p, &p->prompts[i],
                                         orchestrator_flow_may_analyse(o) ? NULL : ELSEWHERE);
    for (uint32_t i = 0; i < p->n_updates && o->serve; i++) serve_publish_update(o->serve, &p->updates[i]);
    for (uint32_t i = 0; i < p->n_updates; i++) orchestrator_analysis_update(o->analysis, &p->updates[i]);
    if (n_new || p->n_updates) orchestrator_notify_poke(o->notify);
    orchestrator_traders_committed(o->traders, p, n_new);
    if (o->cloud) orchestrator_cloud_committed(o->cloud, p, n_new);
    pass_release(p);
}

/* ---- between feed and screener ---- */

/* Nothing that has come is dropped, but no more of it is read: the exchange waits, or closes the connection, and then REST fills the
 * gap once there is room. */
static void hold_streams(orchestrator *o) {
    static log_repeater repeater;
    if (o->are_streams_held || !o->feed || screener_backlog(o->screener) <= STREAMS_FULL) return;
    o->are_streams_held = true;
    feed_hold_streams(o->feed, true);
    log_repeat(
        &repeater, LOG_WARN, "orchestrator",
        "the market is ahead: more than %d updates wait for the workers; no more are read until they are through",
        STREAMS_FULL);
}

/* Live events are always taken (the backlog keeps every closed bar); history waits when there is much to do. */
static bool on_event(void *context, const market_event *event) {
    orchestrator *o = context;
    bool is_past = event->kind == EVENT_HISTORY || event->kind == EVENT_RANGE_DONE;
    bool is_live = event->kind == EVENT_BAR_FORMING || event->kind == EVENT_BAR_CLOSED;
    if (!o->is_tracking) return true;
    if (is_live && event->event_ms && o->cloud) orchestrator_cloud_latency(o->cloud, event->event_ms);
    orchestrator_analysis_event(o->analysis, event);
    if (o->live) orchestrator_live_event(o->live, event);
    if (is_past && screener_backlog(o->screener) > BACKLOG_FULL) {
        o->is_feed_full = true;
        return false;
    }
    if (screener_push(o->screener, event) != OK) orchestrator_fail(o, "out of memory");
    hold_streams(o);
    return true;
}

static void tell_begun(orchestrator *o) {
    o->has_begun = true;
    if (screener_restored(o->screener) > 0)
        log_info("snapshot", "%d series were taken up; what is missing since then is fetched",
                 screener_restored(o->screener));
}

static void give_memory_back(uv_work_t *work) {
    (void)work;
    spare_memory_give_back();
}

static void on_given_back(uv_work_t *work, int status) { (void)work, (void)status; }

/* The history came through buffers that nobody needs now, and so did what it said of signals, until that is stored. */
static void end_start(orchestrator *o) {
    storage_stats s;
    storage_read_stats(o->storage, &s);
    if (s.n_queued > 0 || screener_backlog(o->screener) > 0) return;
    o->has_spare_memory = false;
    uv_queue_work(&o->loop, &o->trim, give_memory_back, on_given_back);
}

void orchestrator_flow_move_on(orchestrator *o) {
    bool has_begun = screener_has_begun(o->screener); /* before the poll, which brings the ranges that they ask for */
    screener_poll(o->screener);
    if (o->cloud && o->feed) orchestrator_cloud_set_live(o->cloud, feed_is_live(o->feed));
    if (o->is_feed_full && screener_backlog(o->screener) < BACKLOG_LOW) {
        o->is_feed_full = false;
        if (o->feed) feed_resume(o->feed);
    }
    if (o->are_streams_held && screener_backlog(o->screener) < STREAMS_LOW) {
        o->are_streams_held = false;
        if (o->feed) feed_hold_streams(o->feed, false);
    }
    if (o->is_tracking && o->feed)
        orchestrator_history_show(&o->history, feed_progress(o->feed), feed_ranges_under_way(o->feed), monotonic_ms());
    if (o->is_tracking && has_begun && !o->has_begun) tell_begun(o);
    if (o->is_tracking && has_begun && strcmp(o->status, "starting") == 0 && feed_is_complete(o->feed) &&
        feed_ranges_under_way(o->feed) == 0 && screener_backlog(o->screener) == 0) {
        orchestrator_set_status(o, o->is_paused ? "paused" : "running");
        feed_end_first_start(o->feed);
        o->has_spare_memory = true;
        log_info("orchestrator", "%s: %u symbols, %d traders; %lld ms since the start", o->status,
                 orchestrator_universe_count(o->universe), trader_set_running(screener_traders(o->screener)),
                 (long long)(monotonic_ms() - o->started_ms));
    }
    if (o->has_spare_memory) end_start(o);
}

static void on_range(void *context, uint32_t symbol, int32_t interval, int64_t from_ms, int64_t to_ms) {
    orchestrator *o = context;
    if (feed_fetch(o->feed, symbol, interval, from_ms, to_ms) != OK) orchestrator_fail(o, "out of memory");
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
        orchestrator_fail(o, why.text);
    else if (e != OK)
        log_error("orchestrator", "%s", why.text);
}

/* ---- the beginning ---- */

/* Both the market and the traders are there: from now on bars count. */
static void start_tracking(orchestrator *o) {
    diag why;
    if (!o->is_market_ready || !o->are_traders_ready || o->is_stopping) return;
    if (!orchestrator_snapshot_has_read(o->snapshot)) return;
    screener_set_start(o->screener, o->start_ms);
    o->is_tracking = true;
    if (orchestrator_universe_sync(o->universe, o->screener, o->feed, &why) != OK) {
        orchestrator_fail(o, why.text);
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

void orchestrator_flow_snapshot_read(void *context) { start_tracking(context); }

static saved_symbol *find_saved(void *context, const char *name) {
    return orchestrator_snapshot_find(((orchestrator *)context)->snapshot, name);
}

static void on_saved(void *context, saved_symbol *saved) {
    orchestrator_snapshot_saved(((orchestrator *)context)->snapshot, saved);
}

static void on_market_refused(void *context, const char *why) { orchestrator_fail(context, why); }

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
    /* Else there are none yet, or all are off: somebody may write one, or switch one on. */
    if (trader_set_running(set) == 0 && !o->cfg->is_cloud && orchestrator_traders_have_failed(o->traders)) {
        orchestrator_fail(o, "no trader could be loaded; the log above says why");
        return;
    }
    o->are_traders_ready = true;
    orchestrator_notify_start(o->notify);
    start_tracking(o);
}

/* ---- workers ---- */

static void on_killed(void *context) {
    orchestrator *o = context;
    o->n_kills++;
    if ((int64_t)o->n_kills < o->cfg->script_max_kills || o->reexecutes) return;
    log_warn("orchestrator", "%llu scripts were stopped (SCRIPT_MAX_KILLS): draining and starting anew",
             (unsigned long long)o->n_kills);
    o->reexecutes = true;
    orchestrator_stop(o);
}

static void on_worker_failed(void *context) {
    orchestrator_fail(context, "a worker could not go on; the log above says why");
}

static void on_barrier(void *context) { orchestrator_traders_passed_barrier(((orchestrator *)context)->traders); }

static void on_resized(void *context, int32_t n_workers) {
    const orchestrator *o = context;
    if (o->serve) serve_publish_status(o->serve);
    if (o->cloud) orchestrator_cloud_set_cpus(o->cloud, n_workers);
}

/* ---- opened ---- */

err orchestrator_flow_open_screener(orchestrator *o, diag *why) {
    const config *c = o->cfg;
    screener_config sc = {.n_workers = (int32_t)c->machine_cpus,
                          .places = &o->places,
                          .symbols = o->symbols,
                          .limits = script_limits_from(c),
                          .max_errors_in_row = (int32_t)c->script_max_errors,
                          .max_signals_per_hour = (int32_t)c->max_signals_per_trader_hour,
                          .tick_ms = c->screening_interval_ms,
                          .watches_closes = true,
                          .audit_period_ms = c->audit_interval_ms,
                          .shows_first_look = true,
                          .kline_history = (int32_t)c->kline_history,
                          .user = c->user_id,
                          .market = venue_get(c->market)->name,
                          .is_paused = o->is_paused,
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
                                  .on_paused = orchestrator_orders_paused,
                                  .on_saved = on_saved,
                                  .on_quotes = orchestrator_market_quotes,
                                  .find_saved = find_saved,
                                  .context = o};
    sc.limits.analysis = orchestrator_analysis_mode(c);
    err e = screener_new(&sc, &handlers, &o->screener);
    if (e == OK) e = screener_start(o->screener);
    if (e != OK) return diag_set(why, e, "screener: %s", error_text(e));
    e = orchestrator_traders_start(o->traders, o->screener, why);
    if (e != OK || !o->cloud_traders) return e;
    e = orchestrator_cloud_traders_start(o->cloud_traders);
    return e == OK ? OK : diag_set(why, e, "%s", error_text(e));
}

err orchestrator_flow_open_feed(orchestrator *o, diag *why) {
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
