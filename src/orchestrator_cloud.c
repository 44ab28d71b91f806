/* Rows of the machine wait in a short list until storage takes them, in their order; the disk decides how long. */
#include "orchestrator_cloud.h"
#include "base/clock.h"
#include "base/log.h"
#include "orchestrator_broadcast.h"
#include "sync/machine.h"
#include "sync/machine_table.h"
#include "sync/outbox.h"
#include "sync/synchronizer.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

enum {
    METRICS_MS = 30000,
    COST_EVERY = 10, /* metrics */
    PRUNE_EVERY = 120,
    WAITING_MOST = 1024,
    RETRY_MS = 200,
    DRAINED_MS = 20
};

typedef enum row_kind { ROW_PUT, ROW_MACHINE, ROW_PRUNE } row_kind;

/* A row on its way to storage; its job. PRUNE has none: old ones are deleted. */
typedef struct row {
    struct row *next;
    orchestrator_cloud *owner;
    cloud_table_id table;
    row_kind kind;
    char json[];
} row;

typedef struct seen_trader {
    char id[ID_BYTES], revision[REVISION_BYTES];
} seen_trader;

struct orchestrator_cloud {
    const config *cfg;
    uv_loop_t *loop;
    storage *storage;
    const char *machine_id;
    orchestrator_cloud_config options;
    uv_timer_t metrics_timer, work_timer; /* work: what waits for storage, and the end */
    postgrest *client;
    machine *machine;
    synchronizer *synchronizer;
    orchestrator_broadcast *broadcast;
    orchestrator_metrics metrics;
    row *first, **end; /* not taken by storage yet */
    size_t n_waiting, n_under_way, n_handles;
    uint64_t n_dropped, n_events, n_ticks;
    seen_trader *seen;
    size_t n_seen;
    int32_t cpus;
    const char *status;
    bool is_live, has_seen, is_short_of_disk, is_leaving, is_client_closed;
    log_repeater lost;
    enum { RUNNING, DRAINING, SYNCING, LEAVING, ENDING, ENDED } phase;
    int64_t started_ms, end_by_ms;
    char error[512];
    void (*on_done)(void *context);
    void *done_context;
};

static void on_metrics(uv_timer_t *timer);
static void on_work(uv_timer_t *timer);
static void go_on_ending(orchestrator_cloud *c);

/* ---- rows to storage ---- */

static err do_put(local_db *db, void *job, diag *why) {
    row *r = job;
    switch (r->kind) {
    case ROW_PRUNE: return outbox_prune(db, wall_ms(), why);
    case ROW_MACHINE: return machine_table_put(db, r->json, why);
    default: return outbox_put_row(db, r->table, r->json, why);
    }
}

static void on_put(void *job, err error, const char *why) {
    row *r = job;
    orchestrator_cloud *c = r->owner;
    c->n_under_way--;
    if (error)
        log_repeat(&c->lost, LOG_ERROR, "cloud", "a row of %s is not kept: %s", cloud_table_get(r->table)->name, why);
    if (!error && r->kind == ROW_PUT && c->synchronizer) synchronizer_note(c->synchronizer, 1);
    free(r);
}

static void flush(orchestrator_cloud *c) {
    row *r;
    while ((r = c->first) && storage_write(c->storage, do_put, on_put, r) == OK) {
        c->first = r->next;
        if (!c->first) c->end = &c->first;
        c->n_waiting--;
        c->n_under_way++;
    }
    if (c->first && c->phase < ENDED) uv_timer_start(&c->work_timer, on_work, RETRY_MS, 0);
}

static void add_row(orchestrator_cloud *c, cloud_table_id table, row_kind kind, const char *json) {
    size_t bytes = strlen(json) + 1;
    row *r = c->n_waiting < WAITING_MOST && c->phase < ENDED ? malloc(sizeof *r + bytes) : NULL;
    if (!r) {
        c->n_dropped++;
        log_repeat(&c->lost, LOG_WARN, "cloud", "a row of %s is dropped: too many wait for the disk",
                   cloud_table_get(table)->name);
        return;
    }
    *r = (row){.owner = c, .table = table, .kind = kind};
    memcpy(r->json, json, bytes);
    *c->end = r;
    c->end = &r->next;
    c->n_waiting++;
    flush(c);
}

static void look_at_disk(orchestrator_cloud *c) {
    struct statvfs disk;
    if (statvfs(c->cfg->data_dir, &disk) != 0) return;
    bool is_short = (uint64_t)disk.f_bavail * disk.f_frsize < (uint64_t)c->cfg->outbox_reserve_mb << 20;
    if (is_short && !c->is_short_of_disk)
        log_warn("cloud",
                 "less than %lld MB are left in %s (OUTBOX_RESERVE_MB): metrics and notes are dropped, to leave them "
                 "to signals",
                 (long long)c->cfg->outbox_reserve_mb, c->cfg->data_dir);
    c->is_short_of_disk = is_short;
}

/* Whatever is no signal gives way to them. */
static void put(orchestrator_cloud *c, cloud_table_id table, json_writer *w) {
    if (c->is_short_of_disk)
        c->n_dropped++;
    else if (json_writer_text(w))
        add_row(c, table, ROW_PUT, json_writer_text(w));
    json_writer_deinit(w);
}

static void name_row(const orchestrator_cloud *c, const char *kind, char id[ID_BYTES]) {
    char name[256];
    static uint64_t n;
    snprintf(name, sizeof name, "%s|%s|%lld|%lld|%llu", kind, c->machine_id, (long long)wall_ms(),
             (long long)monotonic_ns(), (unsigned long long)++n);
    *id = 0;
    (void)uuid5(SIGNAL_NAMESPACE, name, strlen(name), id);
}

/* The machine's row here; there it goes with the heartbeat. */
static void put_machine(orchestrator_cloud *c, const char *status) {
    bool has_ended = c->phase != RUNNING;
    json_writer w;
    json_writer_init(&w);
    json_write_object(&w);
    json_put_text(&w, "machine_id", c->machine_id);
    json_put_text(&w, "region", c->cfg->machine_region);
    json_put_text(&w, "status", status);
    json_put_integer(&w, "cpus", c->cpus);
    json_put_integer(&w, "memory_mb", c->cfg->machine_memory_mb);
    json_put_integer(&w, "started_at", c->started_ms);
    if (has_ended) json_put_integer(&w, "stopped_at", wall_ms());
    json_put_text(&w, "error_message", *c->error ? c->error : NULL);
    json_put_integer(&w, "updated_at", wall_ms());
    json_write_object_end(&w);
    if (json_writer_text(&w)) add_row(c, CLOUD_METRICS, ROW_MACHINE, json_writer_text(&w));
    json_writer_deinit(&w);
}

/* ---- events ---- */

void orchestrator_cloud_event(orchestrator_cloud *c, const char *type, const char *severity, const char *message,
                              const char *details) {
    char id[ID_BYTES];
    json_writer w;
    name_row(c, type, id);
    json_writer_init(&w);
    json_write_object(&w);
    json_put_text(&w, "id", id);
    json_put_text(&w, "user_id", c->cfg->user_id);
    json_put_text(&w, "event_type", type);
    json_put_text(&w, "severity", severity);
    json_put_text(&w, "message", message);
    json_put_raw(&w, "details", details ? details : "{}");
    json_put_integer(&w, "created_at", wall_ms());
    json_write_object_end(&w);
    c->n_events++;
    put(c, CLOUD_EVENTS, &w);
}

static void trader_event(orchestrator_cloud *c, const char *type, const char *verb, const char *id, const char *name) {
    char message[256];
    json_writer w;
    json_writer_init(&w);
    json_write_object(&w);
    json_put_text(&w, "traderId", id);
    json_write_object_end(&w);
    snprintf(message, sizeof message, "trader %s %s", name, verb);
    orchestrator_cloud_event(c, type, "info", message, json_writer_text(&w));
    json_writer_deinit(&w);
}

static void note_pause(orchestrator_cloud *c, const trader *who, const trader_error_row *why) {
    char message[TRADER_KEY_BYTES + sizeof why->message + 64];
    json_writer w;
    json_writer_init(&w);
    json_write_object(&w);
    json_put_text(&w, "traderId", who->spec->id);
    json_put_text(&w, "kind", trader_error_kind_name(why->kind));
    json_put_text(&w, "symbol", why->symbol[0] ? why->symbol : NULL);
    json_put_integer(&w, "until", atomic_load(&who->stopped_until_ms));
    json_write_object_end(&w);
    snprintf(message, sizeof message, "trader %s is paused: %s", who->spec->key, why->message);
    orchestrator_cloud_event(c, "error", "error", message, json_writer_text(&w));
    json_writer_deinit(&w);
}

void orchestrator_cloud_note_pauses(orchestrator_cloud *c, const trader_set *set) {
    trader_error_row why;
    for (int32_t i = 0; set && i < set->count; i++)
        if (set->traders[i] && trader_take_pause(set->traders[i], &why)) note_pause(c, set->traders[i], &why);
}

static seen_trader *find_seen(const orchestrator_cloud *c, const char *id) {
    for (size_t i = 0; i < c->n_seen; i++)
        if (strcmp(c->seen[i].id, id) == 0) return &c->seen[i];
    return NULL;
}

static bool is_in(const trader_set *set, const char *id) {
    for (int32_t i = 0; i < set->count; i++)
        if (set->traders[i] && strcmp(set->traders[i]->spec->id, id) == 0) return true;
    return false;
}

/* The first set is what the machine starts with: no news. */
static void tell_changes(orchestrator_cloud *c, const trader_set *set) {
    for (size_t i = 0; i < c->n_seen; i++)
        if (!is_in(set, c->seen[i].id)) trader_event(c, "trader_removed", "is gone", c->seen[i].id, c->seen[i].id);
    for (int32_t i = 0; i < set->count; i++) {
        const trader_spec *spec = set->traders[i] ? set->traders[i]->spec : NULL;
        const seen_trader *seen = spec ? find_seen(c, spec->id) : NULL;
        if (spec && !seen) trader_event(c, "trader_added", "has come", spec->id, spec->name);
        if (seen && strcmp(seen->revision, spec->revision) != 0)
            trader_event(c, "trader_updated", "has changed", spec->id, spec->name);
    }
}

void orchestrator_cloud_note_traders(orchestrator_cloud *c, const trader_set *set) {
    char message[64];
    seen_trader *seen = calloc((size_t)set->count + 1, sizeof *seen);
    if (!seen) return; /* told with the next change */
    if (c->has_seen) tell_changes(c, set);
    free(c->seen);
    c->seen = seen;
    c->n_seen = 0;
    for (int32_t i = 0; i < set->count; i++) {
        if (!set->traders[i]) continue;
        seen_trader *s = &c->seen[c->n_seen++];
        snprintf(s->id, sizeof s->id, "%s", set->traders[i]->spec->id);
        snprintf(s->revision, sizeof s->revision, "%s", set->traders[i]->spec->revision);
    }
    c->has_seen = true;
    snprintf(message, sizeof message, "%zu traders", c->n_seen);
    orchestrator_cloud_event(c, "config_synced", "info", message, NULL);
}

void orchestrator_cloud_set_live(orchestrator_cloud *c, bool is_live) {
    if (is_live == c->is_live) return;
    c->is_live = is_live;
    if (is_live)
        orchestrator_cloud_event(c, "websocket_connected", "info", "the exchange's stream is up", NULL);
    else
        orchestrator_cloud_event(c, "websocket_disconnected", "warning", "the exchange's stream is lost", NULL);
}

void orchestrator_cloud_set_status(orchestrator_cloud *c, const char *status) {
    if (strcmp(c->status, status) == 0) return;
    c->status = status;
    if (c->machine) machine_set_status(c->machine, status);
    put_machine(c, status);
    if (strcmp(status, "running") == 0)
        orchestrator_cloud_event(c, "machine_started", "info", "the machine is running", NULL);
}

void orchestrator_cloud_set_cpus(orchestrator_cloud *c, int32_t cpus) {
    char message[64];
    if (cpus == c->cpus) return;
    orchestrator_metrics_spend(&c->metrics, c->cpus, monotonic_ns());
    snprintf(message, sizeof message, "%d to %d workers", c->cpus, cpus);
    c->cpus = cpus;
    if (c->machine) machine_set_cpus(c->machine, cpus);
    put_machine(c, c->status);
    orchestrator_cloud_event(c, "machine_scaled", "info", message, NULL);
}

void orchestrator_cloud_committed(orchestrator_cloud *c, const pass *p, uint32_t n_new) {
    int64_t now_ms = n_new ? wall_ms() : 0;
    for (uint32_t i = 0; i < n_new; i++) {
        if (p->signals[i].state == SIGNAL_HISTORICAL) continue;
        orchestrator_metrics_signal(&c->metrics, now_ms);
        if (c->broadcast) orchestrator_broadcast_signal(c->broadcast, &p->signals[i]);
    }
    if (c->synchronizer && n_new + p->n_updates) synchronizer_note(c->synchronizer, n_new + p->n_updates);
}

void orchestrator_cloud_analysed(orchestrator_cloud *c, const analysis_row *ended) {
    if (ended->status != ANALYSIS_DONE) return;
    c->metrics.n_analyses++;
    if (c->synchronizer) synchronizer_note(c->synchronizer, 1);
}

void orchestrator_cloud_latency(orchestrator_cloud *c, int64_t event_ms) {
    orchestrator_metrics_latency(&c->metrics, wall_ms(), event_ms);
}

void orchestrator_cloud_force(orchestrator_cloud *c) {
    if (c->synchronizer) synchronizer_force(c->synchronizer);
}

/* ---- metrics and costs ---- */

static void put_metrics(orchestrator_cloud *c) {
    orchestrator_load load = {.analysis_queue = -1, .analysis_ms = -1, .filter_ns = -1};
    char id[ID_BYTES];
    json_writer w;
    c->options.read_load(c->options.context, &load);
    name_row(c, "metrics", id);
    json_writer_init(&w);
    orchestrator_metrics_write(&c->metrics, &load, c->cfg->machine_memory_mb, monotonic_ns(), wall_ms(), id, &w);
    put(c, CLOUD_METRICS, &w);
}

static void put_cost(orchestrator_cloud *c) {
    json_writer w;
    orchestrator_metrics_spend(&c->metrics, c->cpus, monotonic_ns());
    json_writer_init(&w);
    orchestrator_metrics_write_cost(&c->metrics, c->cfg->user_id, c->machine_id, c->cfg->machine_region,
                                    c->cfg->vcpu_hour_usd, wall_ms(), &w);
    put(c, CLOUD_COSTS, &w);
}

static void on_metrics(uv_timer_t *timer) {
    orchestrator_cloud *c = timer->data;
    look_at_disk(c);
    put_metrics(c);
    if (++c->n_ticks % COST_EVERY == 0) put_cost(c);
    if (c->n_ticks % PRUNE_EVERY == 1) add_row(c, CLOUD_METRICS, ROW_PRUNE, "");
}

/* ---- the cloud ---- */

static void on_held(void *context, const char *machine_row) {
    const orchestrator_cloud *c = context;
    log_info("cloud", "this machine is %s of user %s", c->machine_id, c->cfg->user_id);
    if (c->synchronizer) synchronizer_set_machine(c->synchronizer, machine_row);
}

static void on_refused(void *context, const char *why) {
    orchestrator_cloud *c = context;
    if (c->synchronizer) synchronizer_set_machine(c->synchronizer, NULL);
    c->options.on_refused(c->options.context, why);
}

static void on_machine_lost(void *context) {
    const orchestrator_cloud *c = context;
    log_warn("cloud", "the machine's row in cloud_machines is gone; it is made again");
    if (c->machine) machine_lost(c->machine);
}

static void on_key_refused(void *context) {
    const orchestrator_cloud *c = context;
    char key[SERVICE_KEY_MAX_BYTES];
    diag why;
    err e = config_read_key(c->cfg, key, &why);
    if (e == OK) e = postgrest_set_key(c->client, key, &why);
    if (e != OK) log_error("cloud", "the service key cannot be read again: %s", why.text);
    memset(key, 0, sizeof key);
}

static err open_cloud(orchestrator_cloud *c, diag *why) {
    const config *cfg = c->cfg;
    uint64_t seed = (uint64_t)monotonic_ns();
    synchronizer_config sc = {
        .loop = c->loop,
        .storage = c->storage,
        .client = c->client,
        .interval_ms = cfg->sync_interval_ms,
        .seed = seed,
        .handlers = {.on_key_refused = on_key_refused, .on_machine_lost = on_machine_lost, .context = c}};
    machine_config mc = {
        .loop = c->loop,
        .client = c->client,
        .user_id = cfg->user_id,
        .machine_id = c->machine_id,
        .region = cfg->machine_region,
        .version = TRADEMIND_VERSION,
        .owner = c->options.lease_owner,
        .cpus = c->cpus,
        .memory_mb = (int32_t)cfg->machine_memory_mb,
        .seed = seed,
        .handlers = {.on_held = on_held, .on_refused = on_refused, .on_key_refused = on_key_refused, .context = c}};
    err e = synchronizer_new(&sc, &c->synchronizer);
    if (e == OK) e = machine_new(&mc, &c->machine);
    if (e == OK && cfg->realtime == SWITCHED_ON) e = orchestrator_broadcast_new(c->client, cfg->user_id, &c->broadcast);
    return e == OK ? OK : diag_set(why, e, "%s", error_text(e));
}

err orchestrator_cloud_open(const orchestrator_cloud_config *options, orchestrator_cloud **out, diag *why) {
    orchestrator_cloud *c = calloc(1, sizeof *c);
    if (!c) return diag_set(why, ERR_NO_MEMORY, "out of memory");
    c->options = *options;
    c->cfg = options->cfg;
    c->loop = options->loop;
    c->storage = options->storage;
    c->client = options->client;
    c->machine_id = options->machine_id;
    c->cpus = options->cpus;
    c->status = "starting";
    c->started_ms = wall_ms();
    c->end = &c->first;
    orchestrator_metrics_init(&c->metrics, monotonic_ns(), wall_ms());
    uv_timer_init(c->loop, &c->metrics_timer);
    uv_timer_init(c->loop, &c->work_timer);
    c->metrics_timer.data = c->work_timer.data = c;
    look_at_disk(c);
    put_machine(c, c->status);
    uv_timer_start(&c->metrics_timer, on_metrics, METRICS_MS, METRICS_MS);
    *out = c; /* also when it fails: the caller closes it, since handles are open */
    return c->client ? open_cloud(c, why) : OK;
}

/* ---- the end ----
 *
 *   DRAINING   all passes and our rows are committed
 *   SYNCING    what waits in the outbox is sent
 *   LEAVING    the machine says that it is stopped, and gives its lease back
 *   ENDING     the client closes, which cancels what is left */

static void on_work(uv_timer_t *timer) {
    orchestrator_cloud *c = timer->data;
    flush(c);
    if (c->phase != RUNNING) go_on_ending(c);
}

static void on_client_closed(void *context) {
    orchestrator_cloud *c = context;
    c->is_client_closed = true;
    uv_timer_start(&c->work_timer, on_work, 0, 0);
}

static void on_synced(void *context) {
    orchestrator_cloud *c = context;
    c->phase = LEAVING;
    uv_timer_start(&c->work_timer, on_work, 0, 0);
}

static void on_left(void *context) {
    orchestrator_cloud *c = context;
    if (c->phase == LEAVING) c->phase = ENDING;
    uv_timer_start(&c->work_timer, on_work, 0, 0);
}

static void sync_last(orchestrator_cloud *c, int64_t left_ms) {
    c->phase = SYNCING;
    if (c->synchronizer)
        synchronizer_finish(c->synchronizer, left_ms > 0 ? left_ms : 0, on_synced, c);
    else
        on_synced(c);
}

static void end(orchestrator_cloud *c) {
    void (*on_done)(void *) = c->on_done;
    c->phase = ENDED;
    uv_timer_stop(&c->work_timer);
    uv_timer_stop(&c->metrics_timer);
    on_done(c->done_context);
}

static bool has_drained(const orchestrator_cloud *c) {
    storage_stats s;
    storage_read_stats(c->storage, &s);
    if (s.state == STORAGE_FAILING) return true; /* nobody waits for a disk that fails */
    return s.n_queued == 0 && !c->first && c->n_under_way == 0;
}

static void go_on_ending(orchestrator_cloud *c) {
    int64_t left_ms = c->end_by_ms - monotonic_ms();
    if (c->phase == DRAINING && (has_drained(c) || left_ms <= 0)) {
        sync_last(c, left_ms * 2 / 3);
    } else if (c->phase == DRAINING) {
        uv_timer_start(&c->work_timer, on_work, DRAINED_MS, 0);
    } else if (c->phase == LEAVING && left_ms > 0 && c->machine && !c->is_leaving) {
        c->is_leaving = true;
        machine_finish(c->machine, *c->error ? "error" : "stopped", *c->error ? c->error : NULL, on_left, c);
        uv_timer_start(&c->work_timer, on_work, (uint64_t)left_ms, 0);
    } else if (c->phase == LEAVING || (c->phase == ENDING && c->client)) {
        c->phase = ENDING;
        postgrest *client = c->client;
        c->client = NULL;
        if (c->machine) machine_halt(c->machine);
        orchestrator_broadcast_let_go(c->broadcast); /* storage may still commit signals */
        if (client)
            postgrest_close(client, on_client_closed, c);
        else
            end(c);
    } else if (c->phase == ENDING && c->is_client_closed) {
        end(c);
    }
}

void orchestrator_cloud_finish(orchestrator_cloud *c, const char *error, int64_t timeout_ms,
                               void (*on_done)(void *context), void *context) {
    c->on_done = on_done;
    c->done_context = context;
    c->end_by_ms = monotonic_ms() + timeout_ms;
    snprintf(c->error, sizeof c->error, "%s", error ? error : "");
    uv_timer_stop(&c->metrics_timer);
    put_metrics(c);
    put_cost(c);
    if (error)
        orchestrator_cloud_event(c, "machine_error", "error", error, NULL);
    else
        orchestrator_cloud_event(c, "machine_stopped", "info", "the machine is stopping", NULL);
    c->phase = DRAINING;
    put_machine(c, error ? "error" : "stopped");
    uv_timer_start(&c->work_timer, on_work, 0, 0);
}

static void on_part_closed(void *context) {
    orchestrator_cloud *c = context;
    if (--c->n_handles > 0) return;
    for (row *r = c->first, *next; r; r = next) {
        next = r->next;
        free(r);
    }
    orchestrator_broadcast_free(c->broadcast);
    free(c->seen);
    free(c);
}

static void on_timer_closed(uv_handle_t *handle) { on_part_closed(handle->data); }

void orchestrator_cloud_close(orchestrator_cloud *c) {
    if (!c) return;
    c->phase = ENDED;
    c->n_handles = 2 + (c->machine != NULL) + (c->synchronizer != NULL);
    if (c->n_waiting) log_warn("cloud", "%zu rows of the machine were not written before the stop", c->n_waiting);
    if (c->machine) machine_close(c->machine, on_part_closed, c);
    if (c->synchronizer) synchronizer_close(c->synchronizer, on_part_closed, c);
    uv_close((uv_handle_t *)&c->metrics_timer, on_timer_closed);
    uv_close((uv_handle_t *)&c->work_timer, on_timer_closed);
}

/* ---- told ---- */

bool orchestrator_cloud_is_sending(const orchestrator_cloud *c) {
    return c->synchronizer && synchronizer_is_sending(c->synchronizer);
}

bool orchestrator_cloud_has_sent_all(const orchestrator_cloud *c, const char **why) {
    return !c->synchronizer || synchronizer_has_sent_all(c->synchronizer, why);
}

uint32_t orchestrator_cloud_active_signals(const orchestrator_cloud *c) {
    return orchestrator_metrics_active(&c->metrics, wall_ms());
}

bool orchestrator_cloud_is_short_of_disk(const orchestrator_cloud *c) { return c->is_short_of_disk; }

health_state orchestrator_cloud_health(const orchestrator_cloud *c) {
    synchronizer_stats s;
    machine_stats m;
    if (!c->synchronizer || !c->machine) return HEALTH_OK;
    synchronizer_get_stats(c->synchronizer, &s);
    machine_get_stats(c->machine, &m);
    bool is_well = (s.state == SYNCHRONIZER_OK || s.state == SYNCHRONIZER_DRAINING) && m.state == MACHINE_HELD;
    return is_well ? HEALTH_OK : HEALTH_DEGRADED;
}

static void write_counts(const outbox_counts *counts, json_writer *w) {
    json_put_integer(w, "waiting", (int64_t)counts->n_waiting);
    json_put_integer(w, "dead", (int64_t)counts->n_dead);
    json_put_integer(w, "oldest", counts->oldest_ms);
    json_write_key(w, "waitingIn");
    json_write_object(w);
    for (int i = 0; i < N_CLOUD_TABLES; i++) json_put_integer(w, cloud_table_get(i)->name, (int64_t)counts->waiting[i]);
    json_write_object_end(w);
}

int64_t orchestrator_cloud_waiting(const orchestrator_cloud *c) {
    synchronizer_stats s;
    if (!c->synchronizer) return -1;
    synchronizer_get_stats(c->synchronizer, &s);
    return (int64_t)s.counts.n_waiting;
}

void orchestrator_cloud_write(const orchestrator_cloud *c, json_writer *w) {
    synchronizer_stats s;
    machine_stats m;
    json_put_bool(w, "enabled", c->synchronizer != NULL);
    json_put_integer(w, "events", (int64_t)c->n_events);
    json_put_integer(w, "dropped", (int64_t)c->n_dropped);
    json_put_bool(w, "shortOfDisk", c->is_short_of_disk);
    json_put_integer(w, "activeSignals", orchestrator_metrics_active(&c->metrics, wall_ms()));
    if (!c->synchronizer || !c->machine) return;
    synchronizer_get_stats(c->synchronizer, &s);
    machine_get_stats(c->machine, &m);
    json_put_text(w, "user", c->cfg->user_id);
    json_put_text(w, "state", synchronizer_state_name(s.state));
    json_put_text(w, "why", *s.why ? s.why : m.why);
    json_put_integer(w, "rows", (int64_t)s.n_rows);
    json_put_integer(w, "requests", (int64_t)s.n_requests);
    json_put_integer(w, "failures", (int64_t)s.n_failures);
    json_put_integer(w, "refused", (int64_t)s.n_buried);
    json_put_integer(w, "lastSent", s.last_ms);
    json_put_integer(w, "heartbeat", m.last_ms);
    write_counts(&s.counts, w);
}
