/* See orchestrator.h.
 *
 *   start   storage -> memory of earlier runs -> workers, traders -> server -> feed -> symbols tracked, stream on
 *                                              snapshot read in the pool ------------^
 *   run     feed events -> screener -> passes -> storage -> committed passes -> terminal, browsers
 *   stop    feed -> workers (inboxes run empty) -> cloud (all committed and sent) -> storage -> snapshot, server -> loop empty
 *
 * This file opens and closes the parts; orchestrator_flow.c leads events through them, orchestrator_status.c tells of them.
 * Everything here runs on the I/O thread. */
#include "orchestrator.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/sha256.h"
#include "orchestrator_ask.h"
#include "orchestrator_bars.h"
#include "orchestrator_flow.h"
#include "orchestrator_greeting.h"
#include "orchestrator_health.h"
#include "orchestrator_live.h"
#include "orchestrator_machine.h"
#include "orchestrator_orders.h"
#include "orchestrator_outward.h"
#include "orchestrator_owed.h"
#include "orchestrator_prometheus.h"
#include "orchestrator_scaling.h"
#include "orchestrator_status.h"
#include "orchestrator_try.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    FLUSH_MS = 20,
    DRAIN_MS = 3000,
    EXIT_FAILURE_CODE = 1,
    PASSES_AHEAD = 128,
    STOP_MS = 3500,          /* after which a stop waits for nothing but the disk: Fly kills after 5 s */
    SCREENER_STOP_MS = 1500, /* of it, for what the workers have not evaluated yet */
    LEAVE_MS = 2000,         /* for the cloud, at the end: of what is left of STOP_MS */
    LEAVE_LEAST_MS = 250
};

void orchestrator_fail(orchestrator *o, const char *why) {
    if (o->exit_code == 0) diag_set(o->why, ERR_INVALID, "%s", why);
    o->exit_code = EXIT_FAILURE_CODE;
    o->has_failed = true;
    orchestrator_stop(o);
}

void orchestrator_set_status(orchestrator *o, const char *status) {
    if (strcmp(o->status, status) == 0) return;
    o->status = status;
    orchestrator_service_status(&o->service, status);
    if (o->serve) serve_publish_status(o->serve);
    if (o->cloud) orchestrator_cloud_set_status(o->cloud, status);
}

static void on_wake(uv_async_t *handle) {
    orchestrator *o = handle->data;
    if (!o->is_stopping) orchestrator_flow_move_on(o);
}

static void on_flush(uv_timer_t *handle) {
    orchestrator *o = handle->data;
    if (!o->is_stopping) orchestrator_flow_move_on(o);
    if (!o->is_stopping) orchestrator_analysis_flush(o->analysis);
    if (!o->is_stopping) orchestrator_owed_go_on(o);
    if (!o->is_stopping && o->cloud && o->screener)
        orchestrator_cloud_note_pauses(o->cloud, screener_traders(o->screener));
    if (!o->is_stopping && o->orders) orchestrator_orders_go_on(o->orders);
    if (!o->is_stopping) orchestrator_notify_flush(o->notify);
}

static void on_trader_problem(void *context, const char *id, const char *why) {
    const orchestrator *o = context;
    if (o->serve) serve_publish_problem(o->serve, id, why);
}

static size_t work_left(void *context) {
    const orchestrator *o = context;
    return screener_backlog(o->screener) + (o->feed ? feed_ranges_under_way(o->feed) : 0);
}

/* ---- what the server asks for ---- */

static err query_signals(void *context, const signal_filter *filter, storage_signals_fn on_rows, void *rows_context) {
    return storage_query_signals(((orchestrator *)context)->storage, filter, on_rows, rows_context);
}

static err query_trader_errors(void *context, const trader_error_filter *filter, storage_errors_fn on_rows,
                               void *rows_context) {
    return storage_query_trader_errors(((orchestrator *)context)->storage, filter, on_rows, rows_context);
}

static err read_storage(void *context, storage_job_fn run, storage_job_done_fn on_done, void *job) {
    return storage_read(((orchestrator *)context)->storage, run, on_done, job);
}

static err set_workers(void *context, int32_t n, diag *why) {
    const orchestrator *o = context;
    err e = o->is_stopping ? ERR_CLOSED : screener_resize(o->screener, n);
    if (e == ERR_CLOSED) return diag_set(why, e, "the daemon stops");
    return e == OK ? OK : diag_set(why, e, "workers: %d; expected 1 to %d", n, WORKERS_MAX);
}

static err change_trader(void *context, const char *key, const char *json, diag *why) {
    const orchestrator *o = context;
    if (o->is_stopping) return diag_set(why, ERR_CLOSED, "the daemon stops");
    return orchestrator_traders_change(o->traders, key, json, why);
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
                         .has_notices = orchestrator_notify_is_on(o->cfg),
                         .machine_id = o->machine_id,
                         .outbox_sync_full = o->cfg->outbox_sync == OUTBOX_SYNC_FULL,
                         .n_producers = WORKERS_MAX,
                         .queue_capacity = PASSES_AHEAD};
    err e = storage_open(&sc, &o->storage, why); /* makes the folder */
    if (e == OK) e = orchestrator_machine_id(o->cfg, o->cfg->data_dir, o->machine_id, why);
    if (e == OK) e = auth_token_load(o->cfg->data_dir, o->token, why);
    if (e == OK && memory_new(&o->memory) != OK) e = diag_set(why, ERR_NO_MEMORY, "out of memory");
    if (e == OK) e = storage_restore(o->storage, o->memory, why);
    if (e == OK) e = orchestrator_orders_restore(o, why);
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

static void on_lease_refused(void *context, const char *why) { orchestrator_fail(context, why); }

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

static err open_snapshot(orchestrator *o, diag *why) {
    const venue *v = venue_get(o->cfg->market);
    const char *source = o->cfg->binance_rest_urls.count ? o->cfg->binance_rest_urls.items[0] : v->rest_hosts[0].url;
    orchestrator_snapshot_config sc = {.loop = &o->loop,
                                       .folder = o->cfg->data_dir,
                                       .origin = {v->name, source},
                                       .interval_ms = o->cfg->snapshot_interval_ms,
                                       .on_read = orchestrator_flow_snapshot_read,
                                       .context = o};
    err e = orchestrator_snapshot_open(&sc, &o->snapshot);
    return e == OK ? OK : diag_set(why, e, "out of memory");
}

static void on_cloud_traders(void *context) {
    orchestrator *o = context;
    orchestrator_update_read(o->update);
    if (!o->is_stopping) orchestrator_traders_list_again(o->traders);
}

static void on_settled(void *context) {
    const orchestrator *o = context;
    if (o->cloud_traders) orchestrator_cloud_traders_loaded(o->cloud_traders, o->traders);
    orchestrator_author_settled(context);
}

static err add_local_traders(void *context, trader_folder *f, diag *why) {
    return orchestrator_local_add(((orchestrator *)context)->local, f, why);
}

static bool is_set(const config *cfg, const char *name) {
    config_item item;
    for (size_t i = 0; i < config_item_count(); i++) {
        config_item_get(cfg, i, &item);
        if (strcmp(item.name, name) == 0) return item.is_set;
    }
    return false;
}

static void on_same_traders(void *context) {
    orchestrator_update_read(((orchestrator *)context)->update);
    orchestrator_author_read(context);
}

static void on_traders_unread(void *context) { orchestrator_update_failed(((orchestrator *)context)->update); }

static err scan_cloud_traders(void *context, trader_folder *out, diag *why) {
    const orchestrator *o = context;
    err e = orchestrator_cloud_traders_scan(o->cloud_traders, out, why);
    if (e == OK) orchestrator_update_apply(o->update, out);
    return e;
}

static err open_cloud(orchestrator *o, diag *why) {
    postgrest_config pc = {.loop = &o->loop, .url = o->cfg->supabase_url, .key = o->cfg->supabase_key};
    err e = postgrest_new(&pc, &o->supabase, why);
    orchestrator_cloud_traders_config tc = {.loop = &o->loop,
                                            .client = o->supabase,
                                            .storage = o->storage,
                                            .user_id = o->cfg->user_id,
                                            .on_change = on_cloud_traders,
                                            .on_same = on_same_traders,
                                            .on_failed = on_traders_unread,
                                            .context = o};
    return e == OK ? orchestrator_cloud_traders_new(&tc, &o->cloud_traders, why) : e;
}

static err open_traders(orchestrator *o, diag *why) {
    bool is_cloud = o->cfg->is_cloud;
    orchestrator_traders_config tc = {.loop = &o->loop,
                                      .folder = is_cloud ? NULL : o->cfg->traders_dir,
                                      .scan = is_cloud ? scan_cloud_traders : NULL,
                                      .add = is_cloud ? NULL : add_local_traders,
                                      .on_settled = on_settled,
                                      .describe = orchestrator_author_describe,
                                      .scan_context = o,
                                      .symbols = o->symbols,
                                      .storage = o->storage,
                                      .on_problem = on_trader_problem,
                                      .work_left = work_left,
                                      .context = o};
    err e = is_cloud ? open_cloud(o, why) : orchestrator_local_new(o->storage, &o->local, why);
    o->is_folder_set = is_set(o->cfg, "TRADERS_DIR");
    if (e == OK && (orchestrator_author_new(o, &o->author) != OK || orchestrator_update_new(o, &o->update) != OK))
        e = diag_set(why, ERR_NO_MEMORY, "out of memory");
    if (e == OK) e = orchestrator_traders_new(&tc, &o->traders, why);
    return e == OK ? storage_start(o->storage, &o->loop, orchestrator_flow_committed, o, why) : e;
}

static err open_analysis(orchestrator *o, diag *why) {
    orchestrator_analysis_config ac = {.cfg = o->cfg,
                                       .loop = &o->loop,
                                       .clock = &o->clock,
                                       .symbols = o->symbols,
                                       .storage = o->storage,
                                       .on_row = orchestrator_ask_note,
                                       .on_shown = orchestrator_flow_analysed,
                                       .on_owed = orchestrator_owed_add,
                                       .context = o};
    return orchestrator_analysis_new(&ac, &o->analysis, why);
}

static err open_lab(orchestrator *o, diag *why) {
    err e = orchestrator_lab_new(&o->loop, &o->lab);
    if (e == OK) e = orchestrator_market_new(o, &o->market);
    return e == OK ? OK : diag_set(why, e, "%s", error_text(e));
}

static err read_key(void *context, char out[SERVICE_KEY_MAX_BYTES], diag *why) {
    const orchestrator *o = context;
    return config_read_key(o->cfg, out, why);
}

static err open_server(orchestrator *o, diag *why) {
    serve_config sc = {.host = o->cfg->host,
                       .port = (uint16_t)o->cfg->port,
                       .token = o->token,
                       .origins = (const char *const *)o->cfg->auth_origins.items,
                       .n_origins = o->cfg->auth_origins.count,
                       .max_per_address = (uint32_t)o->cfg->connections_per_address,
                       .requests_per_minute = o->cfg->requests_per_minute,
                       .is_behind_proxy = *o->cfg->fly_machine_id != 0, /* clients come through Fly's proxy */
                       .machine_id = o->machine_id};
    if (o->cfg->is_cloud)
        sc.users = (serve_users){.user_id = o->cfg->user_id,
                                 .supabase_url = o->cfg->supabase_url,
                                 .issuer = o->cfg->auth_issuer,
                                 .secret = o->cfg->auth_jwt_secret,
                                 .read_key = read_key,
                                 .key_context = o};
    serve_providers providers = {.context = o,
                                 .query_signals = query_signals,
                                 .query_trader_errors = query_trader_errors,
                                 .read = read_storage,
                                 .set_workers = set_workers,
                                 .change_trader = change_trader,
                                 .force_sync = orchestrator_orders_force_sync,
                                 .set_paused = orchestrator_orders_set_paused,
                                 .find_klines = orchestrator_live_find,
                                 .metrics = orchestrator_prometheus_write,
                                 .update_traders = orchestrator_update_take};
    orchestrator_status_provide(&providers);
    if (orchestrator_orders_new(o, &o->orders) != OK || orchestrator_live_open(o, &o->live) != OK)
        return diag_set(why, ERR_NO_MEMORY, "out of memory");
    orchestrator_market_provide(&providers);
    orchestrator_author_provide(&providers);
    orchestrator_try_provide(&providers);
    orchestrator_ask_provide(&providers);
    return serve_start(&o->loop, &sc, &providers, &o->serve, why);
}

static void on_stop_signal(uv_signal_t *handle, int number) {
    orchestrator *o = handle->data;
    log_info("orchestrator", "%s: stopping", number == SIGINT ? "SIGINT" : "SIGTERM");
    orchestrator_stop(o);
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
    orchestrator_health_open(o);
    orchestrator_service_open(&o->service, &o->loop, orchestrator_health_is_alive, o);
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
    if (e == OK) e = open_lab(o, why);
    if (e == OK) e = open_traders(o, why);
    if (e == OK) e = open_machine(o, why);
    if (e == OK) e = open_analysis(o, why);
    if (e == OK) e = orchestrator_outward_open_notify(o, why);
    if (e == OK) e = orchestrator_flow_open_screener(o, why);
    if (e == OK) e = open_server(o, why);
    if (e == OK) e = orchestrator_outward_open_heartbeat(o, why);
    if (e == OK) orchestrator_outward_open_metrics(o);
    if (e == OK) e = orchestrator_flow_open_feed(o, why);
    if (e == OK) e = orchestrator_scaling_open(o, why);
    return e;
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
    if (o->serve) serve_end_questions(o->serve);                            /* what they ask of goes now */
    if (o->supabase && !o->cloud) postgrest_close(o->supabase, NULL, NULL); /* else it was closed at the finish */
    o->supabase = NULL;
    close_storage(o);
    orchestrator_orders_close(o->orders);
    o->orders = NULL;
    orchestrator_live_close(o->live);
    o->live = NULL;
    orchestrator_analysis_close(o->analysis);
    o->analysis = NULL;
    orchestrator_notify_close(o->notify);
    o->notify = NULL;
    orchestrator_cloud_close(o->cloud);
    o->cloud = NULL;
    orchestrator_snapshot_close(o->snapshot, !o->has_failed); /* after the signals: those matter more */
    o->snapshot = NULL;
    orchestrator_traders_close(o->traders);
    o->traders = NULL;
    metrics_listener_close(o->metrics);
    o->metrics = NULL;
    if (o->serve) serve_close(o->serve, NULL, NULL);
    o->serve = NULL;
    close_handle((uv_handle_t *)&o->wake);
    close_handle((uv_handle_t *)&o->flush);
    close_handle((uv_handle_t *)&o->measure.timer);
    orchestrator_service_close(&o->service);
    for (int i = 0; i < N_SIGNALS; i++) close_handle((uv_handle_t *)&o->signals[i]);
}

/* A machine that is short of CPU has used up a part of its time before the cloud's turn comes. */
static int64_t leave_ms(const orchestrator *o) {
    int64_t left = o->stop_began_ms + STOP_MS - monotonic_ms();
    if (left > LEAVE_MS) return LEAVE_MS;
    return left > LEAVE_LEAST_MS ? left : LEAVE_LEAST_MS;
}

/* The feed is closed: no event comes any more. While storage hands out the last passes the server still publishes them; its
 * questions end with storage. */
static void on_feed_closed(void *context) {
    orchestrator *o = context;
    uint64_t n_let_go;
    o->feed = NULL;
    if (o->screener) {
        if (storage_health(o->storage) == STORAGE_FAILING) storage_stop_waiting(o->storage);
        n_let_go = screener_stop(o->screener, o->stop_began_ms + SCREENER_STOP_MS);
        if (n_let_go)
            log_warn("orchestrator", "the workers were behind: %llu events are left to the next start",
                     (unsigned long long)n_let_go);
    }
    orchestrator_bars_stop(o);
    orchestrator_market_stop(o->market);
    orchestrator_author_stop(o->author);
    orchestrator_lab_close(o->lab);
    o->lab = NULL;
    orchestrator_owed_free(o);
    if (o->traders) orchestrator_traders_stop(o->traders);
    orchestrator_analysis_stop(o->analysis);
    orchestrator_notify_stop(o->notify);
    orchestrator_cloud_traders_close(o->cloud_traders);
    o->cloud_traders = NULL;
    if (o->serve) serve_publish_status(o->serve);
    if (o->cloud)
        orchestrator_cloud_finish(o->cloud, o->exit_code ? o->why->text : NULL, leave_ms(o), on_cloud_finished, o);
    else
        on_cloud_finished(o);
}

void orchestrator_stop(orchestrator *o) {
    if (o->is_stopping) return;
    o->is_stopping = true;
    o->stop_began_ms = monotonic_ms();
    orchestrator_heartbeat_close(o->heartbeat);
    o->heartbeat = NULL;
    orchestrator_set_status(o, "stopping");
    orchestrator_scale_close(o->scale);
    o->scale = NULL;
    orchestrator_service_stopping(&o->service);
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
        if (o->has_loop) orchestrator_stop(o);
    } else {
        orchestrator_service_ready(&o->service);
        orchestrator_greet(o);
    }
    block_signals(false);
    if (o->has_loop) {
        uv_run(&o->loop, UV_RUN_DEFAULT);
        if (uv_loop_close(&o->loop) != 0) log_error("orchestrator", "a handle was left open");
    }
    log_info("orchestrator", "stopped: %llu signals since the start", (unsigned long long)o->n_printed);
    screener_free(o->screener);
    orchestrator_market_free(o->market);
    orchestrator_author_free(o->author);
    orchestrator_update_free(o->update);
    orchestrator_local_free(o->local);
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
