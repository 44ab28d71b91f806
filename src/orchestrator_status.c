#include "orchestrator_status.h"
#include "base/clock.h"
#include "base/url.h"
#include "orchestrator_health.h"
#include "orchestrator_traders_tell.h"
#include <string.h>

/* Binance's own hosts are not on this machine. */
static bool is_simulated(const config *cfg) {
    bool is_here = false;
    for (size_t i = 0; i < cfg->binance_rest_urls.count; i++)
        is_here = is_here || url_is_loopback(cfg->binance_rest_urls.items[i]);
    return is_here;
}

static void tell_status(void *context, serve_status *out) {
    const orchestrator *o = context;
    *out = (serve_status){.status = o->status,
                          .cpus = (uint32_t)screener_workers(o->screener),
                          .uptime_ms = monotonic_ms() - o->started_ms,
                          .is_simulated = is_simulated(o->cfg)};
}

/* ---- health ---- */

static size_t tell_health(void *context, health_component *out) {
    health_facts facts;
    orchestrator_health_facts(context, &facts);
    return health_rules_judge(&facts, out);
}

bool orchestrator_status_is_ready(void *context, diag *why) {
    const orchestrator *o = context;
    if (strcmp(o->status, "running") == 0 || strcmp(o->status, "paused") == 0) return true;
    diag_set(why, ERR_INVALID, "%s", strcmp(o->status, "starting") == 0 ? "history is still being loaded" : o->status);
    return false;
}

bool orchestrator_status_is_well(void *context) {
    const orchestrator *o = context;
    health_component components[HEALTH_MAX_COMPONENTS];
    size_t n = tell_health(context, components);
    return health_judge(components, n) != STATUS_UNHEALTHY && orchestrator_status_is_ready(context, NULL) && o->feed &&
           feed_is_live(o->feed);
}

/* ---- numbers ---- */

static void write_stream(const orchestrator *o, json_writer *w) {
    stream_pool_stats pool = o->feed ? feed_stream_stats(o->feed) : (stream_pool_stats){0};
    stream_stats s = pool.sum;
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
    json_put_integer(w, "holds", (int64_t)pool.n_holds);
    json_put_integer(w, "frames", (int64_t)s.n_frames);
    json_put_integer(w, "klines", (int64_t)s.n_klines);
    json_put_integer(w, "tickers", (int64_t)s.n_tickers);
    json_put_integer(w, "malformed", (int64_t)s.n_malformed);
    json_put_integer(w, "oversized", (int64_t)s.n_oversized);
    json_put_integer(w, "losses", (int64_t)s.n_losses);
    json_write_object_end(w);
}

static void write_storage(const orchestrator *o, json_writer *w) {
    storage_stats st;
    storage_read_stats(o->storage, &st);
    json_write_key(w, "storage");
    json_write_object(w);
    json_put_integer(w, "passes", (int64_t)st.n_passes);
    json_put_integer(w, "commits", (int64_t)st.n_commits);
    json_put_integer(w, "failures", (int64_t)st.n_failures);
    json_put_integer(w, "newSignals", (int64_t)st.n_new_signals);
    json_put_integer(w, "queued", (int64_t)st.n_queued);
    json_write_object_end(w);
}

static void tell_workers(void *context, json_writer *w) {
    const orchestrator *o = context;
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
        json_put_integer(w, "copiesAnew", atomic_load(&s->n_copies_anew));
        json_put_integer(w, "promptsOwed", (int64_t)atomic_load(&s->n_owed_prompts));
        json_put_number(w, "saveMs", (double)atomic_load(&s->save_ns) / 1e6);
        json_write_object_end(w);
    }
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

/* ---- at a glance ---- */

static void write_memory(json_writer *w) {
    size_t used = 0;
    uint64_t total = uv_get_total_memory(), limit = uv_get_constrained_memory();
    if (limit && limit < total) total = limit;
    if (uv_resident_set_memory(&used) != 0) used = 0;
    json_write_key(w, "memory");
    json_write_object(w);
    json_put_integer(w, "used", (int64_t)used);
    json_put_integer(w, "total", (int64_t)total);
    json_write_object_end(w);
}

static void write_queues(const orchestrator *o, json_writer *w) {
    storage_stats st;
    int64_t waiting = o->cloud ? orchestrator_cloud_waiting(o->cloud) : -1;
    storage_read_stats(o->storage, &st);
    json_write_key(w, "queues");
    json_write_object(w);
    json_put_integer(w, "screener", (int64_t)screener_backlog(o->screener));
    json_put_integer(w, "storage", (int64_t)st.n_queued);
    json_put_integer(w, "analysis", orchestrator_analysis_depth(o->analysis));
    json_write_key(w, "outbox");
    if (waiting < 0)
        json_write_null(w);
    else
        json_write_integer(w, waiting);
    json_write_object_end(w);
}

static void write_glance(const orchestrator *o, json_writer *w) {
    int64_t lag_ns = 0;
    for (int32_t i = 0; i < screener_workers(o->screener); i++) {
        int64_t its_ns = atomic_load(&screener_stats(o->screener, i)->lag_ns);
        if (its_ns > lag_ns) lag_ns = its_ns;
    }
    json_put_bool(w, "simulated", is_simulated(o->cfg));
    json_put_number(w, "lag_ms", (double)lag_ns / 1e6);
    write_memory(w);
    write_queues(o, w);
}

static void write_health(const orchestrator *o, json_writer *w) {
    health_facts facts;
    orchestrator_health_facts(o, &facts);
    json_write_key(w, "problems");
    health_rules_write(&facts, w);
}

static void tell_details(void *context, json_writer *w) {
    const orchestrator *o = context;
    write_glance(o, w);
    write_health(o, w);
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
    write_stream(o, w);
    write_storage(o, w);
    json_write_key(w, "cloud");
    json_write_object(w);
    if (o->cloud) orchestrator_cloud_write(o->cloud, w);
    json_write_object_end(w);
    write_snapshot(o, w);
    if (o->scale) {
        json_write_key(w, "scale");
        orchestrator_scale_write(o->scale, w);
    }
    json_write_key(w, "analysis");
    orchestrator_analysis_write(o->analysis, w);
    json_write_key(w, "notify");
    orchestrator_notify_write(o->notify, w);
    json_write_key(w, "workers");
    json_write_array(w);
    tell_workers(context, w);
    json_write_array_end(w);
    if (o->serve) {
        json_write_key(w, "server");
        serve_write_counters(o->serve, w);
    }
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

void orchestrator_status_provide(serve_providers *out) {
    out->status = tell_status;
    out->health = tell_health;
    out->ready = orchestrator_status_is_ready;
    out->details = tell_details;
    out->traders = tell_traders;
    out->workers = tell_workers;
}
