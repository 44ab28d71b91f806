/* One call at a time: lease, row, now and then retention, and then the timer. */
#include "sync/machine.h"
#include "base/backoff.h"
#include "base/clock.h"
#include "base/json_writer.h"
#include "base/log.h"
#include "base/time_text.h"
#include <assert.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    HEARTBEAT_MS = 10000,
    LEASE_HEARTBEATS = 4, /* three may be lost */
    RETRY_FIRST_MS = 500,
    RETENTION_MS = 3600000,
    RETENTION_MORE_MS = 10000,
    RETENTION_MOST = 10000, /* rows that one call deletes */
    ROW_BYTES = 64,
    WHY_BYTES = 600,
    NAME_BYTES = 128
};

struct machine {
    uv_timer_t timer;
    postgrest *client;
    machine_handlers handlers;
    char user_id[NAME_BYTES], machine_id[NAME_BYTES], region[NAME_BYTES], version[NAME_BYTES], owner[NAME_BYTES];
    int32_t cpus, memory_mb;
    int64_t heartbeat_ms, started_ms, next_retention_ms, patient_until_ms;
    int64_t server_offset_ms; /* server's clock - ours */
    char row[ROW_BYTES];      /* "": not known */
    const char *status;
    char error[WHY_BYTES], why[WHY_BYTES];
    backoff retry;
    machine_state state;
    int64_t last_ms;
    log_repeater failures, waits;
    bool is_busy, is_stale; /* a call is under way; the row has changed since the last one */
    bool is_finishing, is_closing;
    void (*on_done)(void *context);
    void *done_context;
    void (*on_closed)(void *context);
    void *closed_context;
};

static void beat(machine *m);
static void write_row(machine *m);

/* ---- life ---- */

static void on_timer(uv_timer_t *timer) { beat(timer->data); }

err machine_new(const machine_config *c, machine **out) {
    machine *m = calloc(1, sizeof *m);
    if (!m) return ERR_NO_MEMORY;
    m->client = c->client;
    m->handlers = c->handlers;
    snprintf(m->user_id, sizeof m->user_id, "%s", c->user_id);
    snprintf(m->machine_id, sizeof m->machine_id, "%s", c->machine_id);
    snprintf(m->region, sizeof m->region, "%s", c->region);
    snprintf(m->version, sizeof m->version, "%s", c->version);
    snprintf(m->owner, sizeof m->owner, "%s", c->owner);
    m->cpus = c->cpus;
    m->memory_mb = c->memory_mb;
    m->heartbeat_ms = c->heartbeat_ms ? c->heartbeat_ms : HEARTBEAT_MS;
    m->started_ms = wall_ms();
    m->status = "starting";
    m->next_retention_ms = monotonic_ms() + RETENTION_MORE_MS;
    m->patient_until_ms = monotonic_ms() + (LEASE_HEARTBEATS + 2) * m->heartbeat_ms;
    backoff_init(&m->retry, RETRY_FIRST_MS, m->heartbeat_ms, c->seed);
    uv_timer_init(c->loop, &m->timer);
    m->timer.data = m;
    uv_timer_start(&m->timer, on_timer, 0, 0);
    *out = m;
    return OK;
}

static void on_timer_closed(uv_handle_t *handle) {
    machine *m = handle->data;
    void (*on_closed)(void *) = m->on_closed;
    void *context = m->closed_context;
    free(m);
    if (on_closed) on_closed(context);
}

void machine_close(machine *m, void (*on_closed)(void *context), void *context) {
    assert(!m->is_busy);
    m->is_closing = true;
    m->on_closed = on_closed;
    m->closed_context = context;
    uv_close((uv_handle_t *)&m->timer, on_timer_closed);
}

void machine_halt(machine *m) {
    m->is_closing = true;
    m->on_done = NULL;
    uv_timer_stop(&m->timer);
}

static void again(machine *m, int64_t wait_ms) {
    if (!m->is_closing) uv_timer_start(&m->timer, on_timer, (uint64_t)wait_ms, 0);
}

static void touch(machine *m) {
    m->is_stale = true;
    if (!m->is_busy && m->state != MACHINE_REFUSED) again(m, 0);
}

void machine_set_status(machine *m, const char *status) {
    if (m->is_finishing || strcmp(m->status, status) == 0) return;
    m->status = status;
    touch(m);
}

void machine_set_cpus(machine *m, int32_t cpus) {
    if (m->cpus == cpus) return;
    m->cpus = cpus;
    touch(m);
}

void machine_lost(machine *m) {
    *m->row = 0;
    touch(m);
}

void machine_finish(machine *m, const char *status, const char *error, void (*on_done)(void *context), void *context) {
    m->is_finishing = true;
    m->is_stale = m->is_busy; /* what is under way is not the last word */
    m->status = status;
    snprintf(m->error, sizeof m->error, "%s", error ? error : "");
    m->on_done = on_done;
    m->done_context = context;
    if (!m->is_busy) again(m, 0);
}

/* ---- what came of a call ---- */

static void finish(machine *m) {
    void (*on_done)(void *) = m->on_done;
    m->on_done = NULL;
    uv_timer_stop(&m->timer);
    if (on_done) on_done(m->done_context);
}

static void fail(machine *m, const postgrest_answer *a) {
    m->is_busy = false;
    snprintf(m->why, sizeof m->why, "%s", a->why);
    if (a->kind == POSTGREST_CANCELLED) return;
    if (m->is_finishing) {
        finish(m);
        return;
    }
    if (m->state == MACHINE_HELD) m->state = MACHINE_FAILING;
    log_repeat(&m->failures, LOG_WARN, "machine", "the heartbeat cannot be written%s: %s",
               a->kind == POSTGREST_SCHEMA ? " (are the migrations of supabase/migrations run?)" : "", a->why);
    if (a->kind == POSTGREST_KEY) m->handlers.on_key_refused(m->handlers.context);
    int64_t wait_ms = backoff_next_ms(&m->retry);
    again(m, wait_ms > a->retry_after_ms ? wait_ms : a->retry_after_ms);
}

/* Nothing was sent: no memory. */
static void fail_here(machine *m, err e) {
    postgrest_answer a = {.kind = e == ERR_CLOSED ? POSTGREST_CANCELLED : POSTGREST_RETRY};
    snprintf(a.why, sizeof a.why, "%s", error_text(e));
    fail(m, &a);
}

static void note_clock(machine *m, const postgrest_answer *a) {
    if (a->server_ms) m->server_offset_ms = a->server_ms - wall_ms();
}

/* ---- the lease ---- */

static void put_time(json_writer *w, const char *key, int64_t ms) {
    char text[TIME_TEXT_BYTES];
    time_text_format(ms, text);
    json_put_text(w, key, text);
}

/* The lease of an earlier run of this machine whose disk is gone, as on Fly without a volume: it ends by itself, unless
 * another process of that name goes on renewing it. */
static bool is_worth_waiting(machine *m, const char *other) {
    if (!other || strcmp(other, m->machine_id) != 0 || m->is_finishing || *m->row) return false;
    return monotonic_ms() < m->patient_until_ms;
}

static void refuse(machine *m, const json_t *row) {
    const char *other = json_string_value(json_object_get(row, "machine_id"));
    const char *until = json_string_value(json_object_get(row, "lease_until"));
    if (is_worth_waiting(m, other)) {
        log_repeat(&m->waits, LOG_WARN, "machine",
                   "an earlier run of this machine holds the lease until %s; waiting for its end",
                   until ? until : "(unknown)");
        m->is_busy = false;
        again(m, m->heartbeat_ms);
        return;
    }
    m->state = MACHINE_REFUSED;
    m->is_busy = false;
    snprintf(m->why, sizeof m->why,
             "another process acts for user %s: machine %s, at least until %s; stop that one, or wait until its lease "
             "is over",
             m->user_id, other ? other : "(unknown)", until ? until : "(unknown)");
    if (m->is_finishing)
        finish(m);
    else
        m->handlers.on_refused(m->handlers.context, m->why);
}

static void hold(machine *m, const char *row) {
    bool is_new = strcmp(m->row, row) != 0;
    snprintf(m->row, sizeof m->row, "%s", row);
    if (m->state == MACHINE_FAILING) log_info("machine", "the heartbeat is written again");
    m->state = MACHINE_HELD;
    *m->why = 0;
    backoff_reset(&m->retry);
    if (is_new) m->handlers.on_held(m->handlers.context, m->row);
    write_row(m);
}

static void on_leased(void *context, const postgrest_answer *a) {
    machine *m = context;
    if (a->kind != POSTGREST_OK) {
        fail(m, a);
        return;
    }
    note_clock(m, a);
    json_t *rows = json_loadb(a->body, a->body_bytes, 0, NULL);
    const json_t *row = json_is_array(rows) ? json_array_get(rows, 0) : rows;
    const char *id = json_string_value(json_object_get(row, "id"));
    const char *owner = json_string_value(json_object_get(row, "lease_owner"));
    if (!id) {
        postgrest_answer odd = {.kind = POSTGREST_RETRY, .why = "trademind_lease answers no row"};
        fail(m, &odd);
    } else if (!owner || strcmp(owner, m->owner) != 0) {
        refuse(m, row);
    } else {
        hold(m, id);
    }
    json_decref(rows);
}

static err post(machine *m, const char *path, json_writer *w, postgrest_fn on_done) {
    const char *text = json_writer_text(w);
    err e = text ? postgrest_post(m->client, path, text, on_done, m) : ERR_NO_MEMORY;
    json_writer_deinit(w);
    return e;
}

static void beat(machine *m) {
    json_writer w;
    m->is_busy = true;
    m->is_stale = false;
    json_writer_init(&w);
    json_write_object(&w);
    json_put_text(&w, "user_id", m->user_id);
    json_put_text(&w, "machine_id", m->machine_id);
    json_put_text(&w, "owner", m->owner);
    json_put_integer(&w, "seconds", LEASE_HEARTBEATS * m->heartbeat_ms / 1000 + 1);
    json_write_object_end(&w);
    err e = post(m, "/rest/v1/rpc/trademind_lease", &w, on_leased);
    if (e != OK) fail_here(m, e);
}

/* ---- the row ---- */

static void go_on(machine *m);

static void on_released(void *context, const postgrest_answer *a) {
    machine *m = context;
    (void)a; /* it ends by itself */
    m->is_busy = false;
    finish(m);
}

static void release(machine *m) {
    json_writer w;
    json_writer_init(&w);
    json_write_object(&w);
    json_put_text(&w, "user_id", m->user_id);
    json_put_text(&w, "owner", m->owner);
    json_write_object_end(&w);
    err e = post(m, "/rest/v1/rpc/trademind_release", &w, on_released);
    if (e != OK) fail_here(m, e);
}

static void on_written(void *context, const postgrest_answer *a) {
    machine *m = context;
    if (a->kind != POSTGREST_OK) {
        fail(m, a);
        return;
    }
    note_clock(m, a);
    m->last_ms = wall_ms();
    if (m->is_finishing && !m->is_stale)
        release(m);
    else
        go_on(m);
}

static void write_row(machine *m) {
    char filter[NAME_BYTES + ROW_BYTES];
    int64_t now_ms = wall_ms() + m->server_offset_ms;
    json_writer w;
    json_writer_init(&w);
    json_write_object(&w);
    json_put_text(&w, "status", m->status);
    json_put_text(&w, "region", m->region);
    json_put_integer(&w, "cpus", m->cpus);
    json_put_integer(&w, "memory_mb", m->memory_mb);
    json_put_text(&w, "fly_machine_version", m->version);
    json_put_text(&w, "error_message", *m->error ? m->error : NULL);
    put_time(&w, "last_health_check", now_ms);
    put_time(&w, "started_at", m->started_ms + m->server_offset_ms);
    if (m->is_finishing)
        put_time(&w, "stopped_at", now_ms);
    else
        json_put_text(&w, "stopped_at", NULL);
    json_write_object_end(&w);
    snprintf(filter, sizeof filter, "id=eq.%s", m->row);
    const char *text = json_writer_text(&w);
    err e = text ? postgrest_update(m->client, "cloud_machines", filter, text, NULL, on_written, m) : ERR_NO_MEMORY;
    json_writer_deinit(&w);
    if (e != OK) fail_here(m, e);
}

/* ---- what is asked now and then ---- */

static void on_retained(void *context, const postgrest_answer *a) {
    machine *m = context;
    json_t *counts = a->kind == POSTGREST_OK ? json_loadb(a->body, a->body_bytes, JSON_DECODE_ANY, NULL) : NULL;
    bool has_more = json_integer_value(json_object_get(counts, "metrics")) >= RETENTION_MOST ||
                    json_integer_value(json_object_get(counts, "events")) >= RETENTION_MOST;
    json_decref(counts);
    m->next_retention_ms = monotonic_ms() + (has_more ? RETENTION_MORE_MS : RETENTION_MS);
    m->is_busy = false;
    if (a->kind != POSTGREST_CANCELLED) again(m, m->is_stale || m->is_finishing ? 0 : m->heartbeat_ms);
}

/* The row is written. */
static void go_on(machine *m) {
    json_writer w;
    err e = OK;
    json_writer_init(&w);
    json_write_object(&w);
    if (monotonic_ms() >= m->next_retention_ms && !m->is_finishing) {
        json_write_object_end(&w);
        e = post(m, "/rest/v1/rpc/trademind_retention", &w, on_retained);
    } else {
        json_writer_deinit(&w);
        m->is_busy = false;
        again(m, m->is_stale || m->is_finishing ? 0 : m->heartbeat_ms);
    }
    if (e != OK) fail_here(m, e);
}

void machine_get_stats(const machine *m, machine_stats *out) {
    *out = (machine_stats){.state = m->state, .why = m->why, .last_ms = m->last_ms};
}
