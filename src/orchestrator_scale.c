/* A change of size is recorded before it is asked for, so that a run that comes back, of whatever size, knows what it finds: the
 * size that was wanted, the one before, or one that somebody has chosen by hand meanwhile. */
#include "orchestrator_scale.h"
#include "base/clock.h"
#include "base/cpu_time.h"
#include "base/log.h"
#include "orchestrator_scale_file.h"
#include "scale/resize.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    QUIET_MS = 50,         /* between two looks for a quiet moment, or for being safe */
    SAFE_BY_MS = 20000,    /* a disk that takes longer is no time to restart */
    KNOW_AGAIN_MS = 30000, /* between two questions for what the machine is */
    SAVE_EVERY = 10,       /* samples */
    WHY_BYTES = 256
};

struct orchestrator_scale {
    orchestrator_scale_config options;
    const config *cfg;
    uv_timer_t sample_timer, work_timer; /* work: quiet moments, safety, asking again */
    fly_machines *client;                /* NULL: the machine is not scaled */
    resize *resize;                      /* under way */
    scaler_policy policy;
    scale_record record;
    cpu_time cpu; /* at the last sample */
    scale_load load;
    double demand; /* of the last sample */
    int64_t sampled_ns;
    int32_t cpus_here; /* of this system */
    enum { IDLE, ASKING, WAITING_FOR_QUIET, RESIZING, BECOMING_SAFE } phase;
    scaler_plan plan;
    bool is_known, has_sample, is_closing;
    int64_t safe_by_ms;
    uint64_t n_samples, n_resizes, n_refused;
    char why[WHY_BYTES];
    size_t n_handles;
};

static void on_sample(uv_timer_t *timer);
static void on_work(uv_timer_t *timer);
static void ask_what_it_is(orchestrator_scale *s);
static void begin_resize(orchestrator_scale *s, bool is_verifying);

static bool scales_machine(const orchestrator_scale *s) { return s->client != NULL; }

static void work_in(orchestrator_scale *s, int64_t wait_ms) {
    if (!s->is_closing) uv_timer_start(&s->work_timer, on_work, (uint64_t)wait_ms, 0);
}

static err save(orchestrator_scale *s) {
    static log_repeater repeater;
    err e = scale_record_write(s->cfg->data_dir, &s->record);
    if (e != OK) log_repeat(&repeater, LOG_ERROR, "scale", "%s/scale.json: %s", s->cfg->data_dir, error_text(e));
    return e;
}

static void tell(orchestrator_scale *s, const char *type, const char *severity, const char *message) {
    if (strcmp(severity, "info") == 0)
        log_info("scale", "%s", message);
    else
        log_warn("scale", "%s", message);
    s->options.tell(s->options.context, type, severity, message);
}

/* ---- start ---- */

static void make_policy(scaler_policy *p, const config *c) {
    scaler_policy_init(p);
    p->min_cpus = (int32_t)c->scale_min_cpus;
    p->max_cpus = (int32_t)c->scale_max_cpus;
    p->month_usd = c->scale_month_usd;
    p->resizes_a_day = (int32_t)c->scale_max_a_day;
    p->cooldown_ms = c->scale_cooldown_s * 1000;
    p->down_after_ms = c->scale_down_after_h * 3600000;
    p->hold_ms = c->scale_hold_h * 3600000;
    p->lag_limit_ms = (double)c->scale_lag_ms;
    p->vcpu_month_usd = c->fly_vcpu_month_usd;
    p->gb_month_usd = c->fly_gb_month_usd;
}

static scaler_size size_here(const orchestrator_scale *s) {
    int64_t mb = (int64_t)(uv_get_total_memory() >> 20);
    return (scaler_size){s->cpus_here, mb > 0 && mb < INT32_MAX ? (int32_t)mb : 256};
}

static err open_client(orchestrator_scale *s) {
    const config *c = s->cfg;
    if (c->scale_machine == SWITCHED_OFF) return OK;
    if (!*c->fly_app_name || !*c->fly_machine_id) {
        log_warn(
            "scale",
            "SCALE_MACHINE=on: without FLY_APP_NAME and FLY_MACHINE_ID, which Fly sets, there is no machine to scale");
        return OK;
    }
    fly_machines_config fc = {.loop = s->options.loop,
                              .url = c->fly_api_url,
                              .socket = *c->fly_api_token || *c->fly_api_url ? NULL : c->fly_api_socket,
                              .token = c->fly_api_token};
    return fly_machines_new(&fc, &s->client);
}

static void read_record(orchestrator_scale *s) {
    err e = scale_record_read(s->cfg->data_dir, &s->record);
    if (e == OK) return;
    if (e != ERR_NOT_FOUND)
        log_warn("scale", "%s/scale.json: %s; the load is learnt anew", s->cfg->data_dir, error_text(e));
    memset(&s->record, 0, sizeof s->record);
    if (scales_machine(s)) return; /* the size is what Fly says */
    scaler_init(&s->record.history, &s->policy, size_here(s), wall_ms());
}

err orchestrator_scale_open(const orchestrator_scale_config *options, orchestrator_scale **out) {
    orchestrator_scale *s = calloc(1, sizeof *s);
    if (!s) return ERR_NO_MEMORY;
    s->options = *options;
    s->cfg = options->cfg;
    unsigned cpus = uv_available_parallelism();
    s->cpus_here = cpus < MAX_WORKERS ? (int32_t)cpus : MAX_WORKERS;
    make_policy(&s->policy, s->cfg);
    uv_timer_init(options->loop, &s->sample_timer);
    uv_timer_init(options->loop, &s->work_timer);
    s->sample_timer.data = s->work_timer.data = s;
    s->n_handles = 2;
    *out = s;
    bool is_on = s->cfg->scale_workers == SWITCHED_ON || s->cfg->scale_machine == SWITCHED_ON;
    err e = open_client(s);
    if (e != OK || !is_on) return e;
    read_record(s);
    if (scales_machine(s) && *s->record.nonce)
        begin_resize(s, true);
    else if (scales_machine(s))
        ask_what_it_is(s);
    else
        scaler_adopt(&s->record.history, &s->policy, size_here(s), wall_ms());
    uv_timer_start(&s->sample_timer, on_sample, 0, (uint64_t)s->cfg->scale_sample_ms);
    return OK;
}

/* ---- what the machine is ---- */

/* Fly has said it. */
static void know(orchestrator_scale *s, const fly_machine *m) {
    scale_record *r = &s->record;
    scaler_size found = {m->cpus, m->memory_mb};
    char text[160];
    int64_t now_ms = wall_ms();
    bool is_first = r->history.size.cpus == 0;
    s->policy.baseline = m->is_performance ? 1 : s->policy.baseline;
    if (is_first) scaler_init(&r->history, &s->policy, found, now_ms);
    if (r->before.cpus == found.cpus && r->before.memory_mb == found.memory_mb && r->target.cpus)
        scaler_not_resized(&r->history, &s->policy, found, now_ms);
    else if (scaler_adopt(&r->history, &s->policy, found, now_ms)) {
        snprintf(text, sizeof text, "the machine has %d CPUs and %d MB, chosen by hand: held for %lld h", found.cpus,
                 found.memory_mb, (long long)s->cfg->scale_hold_h);
        tell(s, "machine_scaled", "info", text);
    }
    r->before = r->target = (scaler_size){0};
    *r->nonce = 0;
    s->policy.can_resize = !m->is_performance; /* their sizes are others; nobody has asked for that */
    s->is_known = true;
    (void)save(s);
}

static void on_what_it_is(void *context, const fly_answer *a) {
    static log_repeater repeater;
    orchestrator_scale *s = context;
    fly_machine m;
    if (a->outcome == FLY_CANCELLED || s->is_closing) return;
    s->phase = IDLE;
    if (a->outcome == FLY_OK && fly_machine_of(a->body, &m)) {
        know(s, &m);
        return;
    }
    log_repeat(&repeater, LOG_WARN, "scale", "what this machine is cannot be read, so it is not scaled: %s",
               *a->why ? a->why : "no size in the answer");
    s->phase = ASKING;
    work_in(s, KNOW_AGAIN_MS);
}

static void ask_what_it_is(orchestrator_scale *s) {
    fly_request q = {.action = FLY_GET,
                     .app = s->cfg->fly_app_name,
                     .machine = s->cfg->fly_machine_id,
                     .on_done = on_what_it_is,
                     .context = s};
    s->phase = ASKING;
    err e = fly_machines_send(s->client, &q);
    if (e == OK || e == ERR_CLOSED) return;
    log_warn("scale", "the machine is not scaled: %s", error_text(e));
    s->phase = IDLE;
}

/* ---- a change of size ---- */

static err on_keep(void *context, const char *nonce) {
    orchestrator_scale *s = context;
    snprintf(s->record.nonce, sizeof s->record.nonce, "%s", nonce);
    return save(s);
}

static void on_prepare(void *context, const fly_machine *now) {
    orchestrator_scale *s = context;
    char text[192];
    scaler_resized(&s->record.history, &s->policy, s->record.target, wall_ms());
    snprintf(text, sizeof text, "%s: %d CPUs and %d MB become %d and %d", scaler_reason_text(s->plan.reason), now->cpus,
             now->memory_mb, s->record.target.cpus, s->record.target.memory_mb);
    tell(s, "machine_scaled", "info", text);
    s->options.make_safe(s->options.context);
    s->phase = BECOMING_SAFE;
    s->safe_by_ms = monotonic_ms() + SAFE_BY_MS;
    work_in(s, QUIET_MS);
}

static void look_whether_safe(orchestrator_scale *s) {
    bool is_late = monotonic_ms() > s->safe_by_ms;
    if (!is_late && !s->options.is_safe(s->options.context)) {
        work_in(s, QUIET_MS);
        return;
    }
    s->phase = RESIZING;
    err e = is_late ? ERR_TIMEOUT : save(s);
    resize_prepared(s->resize, e);
}

static void on_end(void *context, resize_end end, const fly_machine *machine, const char *why) {
    orchestrator_scale *s = context;
    char text[WHY_BYTES + 64];
    resize_free(s->resize);
    s->resize = NULL;
    s->phase = IDLE;
    snprintf(s->why, sizeof s->why, "%s", end == RESIZE_DONE ? "" : why);
    if (end == RESIZE_DONE) {
        s->n_resizes++;
        snprintf(text, sizeof text, "the machine has %d CPUs and %d MB", machine->cpus, machine->memory_mb);
        tell(s, "machine_scaled", "info", text);
    } else {
        s->n_refused++;
        snprintf(text, sizeof text, "the machine's size is not changed: %s", why);
        tell(s, "machine_error", "warning", text);
    }
    if (end != RESIZE_UNKNOWN && machine->cpus) {
        know(s, machine);
        return;
    }
    s->is_known = s->policy.can_resize = false;
    if (!machine->cpus &&
        end == RESIZE_NOT) { /* it did not come to that; the attempt counts, or there would be no end of them */
        scaler_resized(&s->record.history, &s->policy, s->record.history.size, wall_ms());
        s->record.before = s->record.target = (scaler_size){0};
    }
    *s->record.nonce = 0;
    (void)save(s);
    ask_what_it_is(s);
}

static void begin_resize(orchestrator_scale *s, bool is_verifying) {
    resize_config rc = {.loop = s->options.loop,
                        .client = s->client,
                        .app = s->cfg->fly_app_name,
                        .machine = s->cfg->fly_machine_id,
                        .target = s->record.target,
                        .handlers = {on_keep, on_prepare, on_end, s}};
    s->phase = RESIZING;
    if (resize_new(&rc, &s->resize) != OK) {
        s->phase = IDLE;
        log_error("scale", "out of memory");
    } else if (is_verifying) {
        resize_verify(s->resize, s->record.nonce);
    } else {
        resize_start(s->resize);
    }
}

static void look_for_quiet(orchestrator_scale *s) {
    if (!s->options.is_quiet(s->options.context)) {
        work_in(s, QUIET_MS);
        return;
    }
    s->record.before = s->record.history.size;
    s->record.target = s->plan.size;
    begin_resize(s, false);
}

static void on_work(uv_timer_t *timer) {
    orchestrator_scale *s = timer->data;
    switch (s->phase) {
    case ASKING: ask_what_it_is(s); break;
    case WAITING_FOR_QUIET: look_for_quiet(s); break;
    case BECOMING_SAFE: look_whether_safe(s); break;
    default: break;
    }
}

/* ---- samples ---- */

/* A worker that cannot follow leaves updates out: the work that they would have been is demand as well. */
static double demand_of(double used, uint64_t n_events, uint64_t n_replaced) {
    return n_events ? used * (double)(n_events + n_replaced) / (double)n_events : used;
}

static bool take_sample(orchestrator_scale *s, scaler_sample *out) {
    cpu_time cpu;
    scale_load load = {0};
    size_t rss = 0;
    int64_t now_ns = monotonic_ns();
    double span_s = (double)(now_ns - s->sampled_ns) / 1e9;
    if (cpu_time_read(&cpu) != OK) return false;
    s->options.read_load(s->options.context, &load);
    (void)uv_resident_set_memory(&rss);
    bool has_before = s->has_sample;
    cpu_time before_cpu = s->cpu;
    scale_load before = s->load;
    s->cpu = cpu;
    s->load = load;
    s->sampled_ns = now_ns;
    s->has_sample = true;
    if (!has_before || span_s <= 0) return false;
    double used = (cpu.used_s - before_cpu.used_s) / span_s;
    *out =
        (scaler_sample){.at_ms = wall_ms(),
                        .span_ms = (int64_t)(span_s * 1000) + 1,
                        .used = used,
                        .steal = (cpu.steal_s - before_cpu.steal_s) / span_s,
                        .demand = demand_of(used, load.n_events - before.n_events, load.n_replaced - before.n_replaced),
                        .lag_ms = load.n_evaluations == before.n_evaluations ? 0 : load.lag_ms, /* else it is old */
                        .queued = load.queued,
                        .analyses = load.analyses,
                        .memory_mb = (int32_t)(rss >> 20)};
    return true;
}

static void follow_with_workers(orchestrator_scale *s) {
    int32_t n = s->plan.workers < s->cpus_here ? s->plan.workers : s->cpus_here;
    if (s->cfg->scale_workers == SWITCHED_OFF || n == s->load.workers) return;
    scaler_set_workers(&s->record.history, n, wall_ms());
    s->options.set_workers(s->options.context, n);
}

static void follow_with_machine(orchestrator_scale *s) {
    bool is_wanted = s->plan.reason != SCALER_STAY;
    if (s->phase == WAITING_FOR_QUIET && !is_wanted) {
        uv_timer_stop(&s->work_timer);
        s->phase = IDLE;
    } else if (s->phase == IDLE && is_wanted && s->is_known) {
        s->phase = WAITING_FOR_QUIET;
        work_in(s, 0);
    }
}

static void on_sample(uv_timer_t *timer) {
    orchestrator_scale *s = timer->data;
    scaler_sample sample;
    bool has_size = s->record.history.size.cpus > 0;
    if (!take_sample(s, &sample) || !has_size) return;
    s->record.history.workers = s->load.workers;
    s->demand = sample.demand;
    scaler_note(&s->record.history, &s->policy, &sample);
    s->plan = scaler_decide(&s->record.history, &s->policy, wall_ms());
    follow_with_workers(s);
    if (scales_machine(s)) follow_with_machine(s);
    if (++s->n_samples % SAVE_EVERY == 0) (void)save(s);
}

/* ---- told ---- */

bool orchestrator_scale_get_stats(const orchestrator_scale *s, orchestrator_scale_stats *out) {
    const scaler_history *h = &s->record.history;
    *out = (orchestrator_scale_stats){.cpus = h->size.cpus,
                                      .memory_mb = h->size.memory_mb,
                                      .load = s->demand,
                                      .spent_usd = h->spent_usd,
                                      .n_refused = s->n_refused};
    return h->size.cpus > 0 && s->n_samples > 0;
}

void orchestrator_scale_write(const orchestrator_scale *s, json_writer *w) {
    const scaler_history *h = &s->record.history;
    json_write_object(w);
    json_put_bool(w, "workers", s->cfg->scale_workers == SWITCHED_ON);
    json_put_bool(w, "machine", scales_machine(s));
    json_put_bool(w, "known", s->is_known);
    json_put_integer(w, "cpus", h->size.cpus);
    json_put_integer(w, "memoryMb", h->size.memory_mb);
    json_put_text(w, "wanted", scaler_reason_text(s->plan.reason));
    json_put_integer(w, "wantedCpus", s->plan.size.cpus);
    json_put_integer(w, "today", h->day == wall_ms() / 86400000 ? h->n_today : 0);
    json_put_integer(w, "heldUntil", h->hold_until_ms);
    json_put_number(w, "spentUsd", h->spent_usd);
    json_put_integer(w, "samples", (int64_t)s->n_samples);
    json_put_integer(w, "resizes", (int64_t)s->n_resizes);
    json_put_integer(w, "refused", (int64_t)s->n_refused);
    json_put_text(w, "why", s->why);
    json_write_object_end(w);
}

/* ---- stop ---- */

static void on_part_closed(orchestrator_scale *s) {
    if (--s->n_handles == 0) free(s);
}

static void on_timer_closed(uv_handle_t *handle) { on_part_closed(handle->data); }
static void on_client_closed(void *context) { on_part_closed(context); }

void orchestrator_scale_close(orchestrator_scale *s) {
    if (!s || s->is_closing) return;
    s->is_closing = true;
    if (s->record.history.size.cpus) (void)save(s);
    resize_free(s->resize);
    s->resize = NULL;
    if (s->client) {
        s->n_handles++;
        fly_machines_close(s->client, on_client_closed, s);
    }
    uv_close((uv_handle_t *)&s->sample_timer, on_timer_closed);
    uv_close((uv_handle_t *)&s->work_timer, on_timer_closed);
}
