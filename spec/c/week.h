/* A week of one machine on Fly, in steps of 80 ms, with the real decisions of scaler_decide: traders that come and go, a
 * market that is wild or quiet, shared CPUs that are throttled, restarts that take 40 s.
 *
 * What an evaluation costs is measured (README, "Measured"): screen.bar.large, screen.tick, screen.bar.2t,
 * latency.close_to_signal. How shared CPUs work is Fly's own description: 5 ms in 80 ms for each vCPU, pooled over the
 * machine, what is not used is saved for bursts, and a machine without savings stands still for the rest of each 80 ms.
 * Assumed: the savings of a vCPU begin at 5 s after each start and end at 500 s; 90 MB and 0.04 MB a trader. */
#pragma once
#include "scale/scaler.h"
#include "spec/c/random.h"
#include <math.h>
#include <string.h>

enum { WEEK_S = 7 * 86400, WEEK_SYMBOLS = 400, WEEK_STEPS_A_MINUTE = 750, WEEK_QUIET_STEP = 63, WEEK_HOURS = 7 * 24 };

static const double WEEK_STEP_S = 0.08, WEEK_BAR_S = 33e-3 / 40000, WEEK_TICK_S = 0.95e-3 / 2000;
static const double WEEK_BASE_LAG_S = 2.4e-3, WEEK_DOWN_S = 40, WEEK_EFFICIENCY = 0.93;
static const int64_t WEEK_BEGIN_MS = INT64_C(1772409600000); /* Monday, 2026-03-02 */

typedef struct week_scene {
    const char *name;
    /* Traders (all look at every close and at each second's updates), and the share of symbols that trade each second. */
    void (*at)(double hours, double *traders, double *activity);
} week_scene;

typedef struct week_result {
    double usd_month,
        lag_s; /* means over the week; lag: closes and ticks count alike, each evaluation within its kind */
    int32_t n_resizes;
    double hour_cpus[WEEK_HOURS], hour_load[WEEK_HOURS], hour_lag_s[WEEK_HOURS]; /* means of each hour */
} week_result;

/* ---- scenes ---- */

static inline double week_day_night(double hours) { return 0.65 + 0.35 * sin((hours - 8) / 24 * 2 * 3.14159265358979); }

static inline void week_light(double h, double *traders, double *activity) {
    *traders = 50;
    *activity = week_day_night(h);
}
static inline void week_carried(double h, double *traders, double *activity) {
    *traders = 300;
    *activity = week_day_night(h);
}
static inline void week_steady_2(double h, double *traders, double *activity) {
    (void)h;
    *traders = 500;
    *activity = 0.9;
}
static inline void week_steady_4(double h, double *traders, double *activity) {
    (void)h;
    *traders = 1000;
    *activity = 0.95;
}
static inline void week_steady_8(double h, double *traders, double *activity) {
    (void)h;
    *traders = 2000;
    *activity = 1;
}
/* Added one after the other. */
static inline void week_growth(double h, double *traders, double *activity) {
    *traders = 50 + 1950 * h / WEEK_HOURS;
    *activity = 0.9;
}
/* Nights quiet, days wild. */
static inline void week_rhythm(double h, double *traders, double *activity) {
    *traders = 1200;
    *activity = week_day_night(h);
}
/* A wild half an hour each day, which a full balance carries. */
static inline void week_bursts(double h, double *traders, double *activity) {
    *traders = 700;
    *activity = fmod(h, 24) >= 14 && fmod(h, 24) < 14.5 ? 1 : 0.3;
}
/* From many to few on Wednesday. */
static inline void week_release(double h, double *traders, double *activity) {
    *traders = h < 48 ? 2000 : 100;
    *activity = 0.9;
}
/* Trying out on Monday and Tuesday, everything on for two days, a part of it on Friday, a quiet weekend. */
static inline void week_mixed(double h, double *traders, double *activity) {
    *traders = h < 40 ? 80 : h < 84 ? 2000 : h < 104 ? 700 : 150;
    *activity = week_day_night(h);
    if (h >= 104) *activity *= 0.6;
}

static const week_scene WEEK_SCENES[] = {
    {"mixed", week_mixed},       {"light", week_light},       {"carried", week_carried}, {"steady_2", week_steady_2},
    {"steady_4", week_steady_4}, {"steady_8", week_steady_8}, {"growth", week_growth},   {"rhythm", week_rhythm},
    {"bursts", week_bursts},     {"release", week_release},
};
enum { N_WEEK_SCENES = sizeof WEEK_SCENES / sizeof *WEEK_SCENES };

/* ---- the machine ---- */

typedef struct week_machine {
    scaler_size size;
    double rate;              /* CPUs of work when it runs as fast as it can: memory is shared */
    double balance_s;         /* CPU seconds */
    double closes_s, ticks_s; /* work that waits, CPU seconds */
    double down_s;            /* still to come of a restart */
    /* of the minute under way */
    double used_s, came_s, lag_work_s, lag_weight, steal_s;
} week_machine;

static inline void week_start(week_machine *m, scaler_size size) {
    m->size = size;
    m->rate = pow(size.cpus, WEEK_EFFICIENCY);
    m->balance_s = 5.0 * size.cpus;
}

/* Until so much work is done, from now on: as fast as it goes while savings last, then at the baseline. */
static inline double week_time(const week_machine *m, double work_s) {
    double free_rate = m->rate, base = m->size.cpus / 16.0, fast_s = work_s / free_rate;
    if (work_s - base * fast_s <= m->balance_s) return fast_s;
    double before = m->balance_s / (1 - base / free_rate);
    return before / free_rate + (work_s - before) / base;
}

/* Works for a step; the oldest kind first: a close goes before ticks. */
static inline void week_work(week_machine *m) {
    double base_s = m->size.cpus / 16.0 * WEEK_STEP_S, waits = m->closes_s + m->ticks_s;
    double most = fmin(m->rate * WEEK_STEP_S, m->balance_s + base_s), done = fmin(waits, most);
    m->balance_s = fmin(m->balance_s + base_s - done, 500.0 * m->size.cpus);
    m->used_s += done;
    if (done < waits && most < m->rate * WEEK_STEP_S) m->steal_s += m->size.cpus * WEEK_STEP_S - done;
    double of_closes = fmin(m->closes_s, done);
    m->closes_s -= of_closes;
    m->ticks_s -= fmin(m->ticks_s, done - of_closes);
}

/* One kind of work comes; its lag is counted with a weight per CPU second, so that both kinds count alike in a minute. */
static inline double week_come(week_machine *m, double work_s, double weight) {
    double ahead = m->closes_s + m->ticks_s;
    double lag = WEEK_BASE_LAG_S + m->down_s + week_time(m, ahead + work_s / 2);
    m->came_s += work_s;
    m->lag_work_s += lag * weight;
    m->lag_weight += weight;
    return lag;
}

typedef struct week_run {
    const week_scene *scene;
    week_machine machine;
    scaler_policy policy;
    scaler_history history;
    bool is_scaled;
    scaler_size wanted; /* cpus 0: no restart is due */
    week_result *out;
    double usd_hours;
} week_run;

static inline int32_t week_memory_mb(double traders) { return (int32_t)(90 + 0.04 * traders); }

/* As the daemon does it: after the close's work, so that it is back before the next. */
static inline void week_restart(week_run *r) {
    week_start(&r->machine, r->wanted);
    r->wanted.cpus = 0;
    r->machine.down_s = WEEK_DOWN_S;
    r->out->n_resizes++;
}

static inline void week_minute_of_work(week_run *r, double traders, double activity) {
    week_machine *m = &r->machine;
    double tick_s = traders * WEEK_SYMBOLS * activity * WEEK_TICK_S * WEEK_STEP_S;
    double sweep_s = traders * WEEK_SYMBOLS * WEEK_TICK_S, bar_s = traders * WEEK_SYMBOLS * WEEK_BAR_S;
    for (int step = 0; step < WEEK_STEPS_A_MINUTE; step++) {
        if (step == 0) {
            week_come(m, bar_s, 1);
            m->closes_s += bar_s;
        }
        week_come(m, tick_s, 1.0 / WEEK_STEPS_A_MINUTE);
        m->ticks_s = fmin(m->ticks_s + tick_s, sweep_s); /* a newer update of a bar replaces the one that waits */
        if (step == WEEK_QUIET_STEP && r->wanted.cpus) week_restart(r);
        if (m->down_s > 0)
            m->down_s = fmax(m->down_s - WEEK_STEP_S, 0);
        else
            week_work(m);
    }
}

static inline void week_minute(week_run *r, int minute) {
    double traders, activity, hours = minute / 60.0;
    week_machine *m = &r->machine;
    int64_t end_ms = WEEK_BEGIN_MS + (minute + 1) * INT64_C(60000);
    r->scene->at(hours, &traders, &activity);
    activity = fmin(activity * (0.9 + 0.2 * uniform()), 1);
    m->used_s = m->came_s = m->lag_work_s = m->lag_weight = m->steal_s = 0;
    week_minute_of_work(r, traders, activity);
    int hour = minute / 60;
    double lag_s = m->lag_work_s / m->lag_weight;
    r->out->hour_cpus[hour] += m->size.cpus / 60.0;
    r->out->hour_load[hour] += m->came_s / 60 / 60;
    r->out->hour_lag_s[hour] += lag_s / 60;
    r->out->lag_s += lag_s;
    r->usd_hours += scaler_price(&r->policy, m->size) / 60;
    if (!r->is_scaled) return;
    scaler_sample s = {.at_ms = end_ms,
                       .span_ms = 60000,
                       .used = m->used_s / 60,
                       .demand = fmax(m->came_s, m->used_s) / 60,
                       .steal = m->steal_s / 60,
                       .lag_ms = lag_s * 1000,
                       .queued = m->closes_s / (traders * WEEK_BAR_S),
                       .memory_mb = week_memory_mb(traders)};
    scaler_note(&r->history, &r->policy, &s);
    scaler_plan plan = scaler_decide(&r->history, &r->policy, end_ms);
    scaler_set_workers(&r->history, plan.workers, end_ms);
    if (plan.reason == SCALER_STAY) return;
    scaler_resized(&r->history, &r->policy, plan.size, end_ms);
    r->wanted = plan.size;
}

/* `cpus` 0: scaled, from one on; else that size all week. */
static inline void week_simulate(const week_scene *scene, int32_t cpus, uint64_t seed, week_result *out) {
    week_run r = {.scene = scene, .is_scaled = cpus == 0, .out = out};
    scaler_size size = {cpus ? cpus : 1, 256 * (cpus ? cpus : 1)};
    memset(out, 0, sizeof *out);
    random_state = seed;
    scaler_policy_init(&r.policy);
    r.policy.can_resize = true;
    scaler_init(&r.history, &r.policy, size, WEEK_BEGIN_MS);
    week_start(&r.machine, size);
    for (int minute = 0; minute < WEEK_S / 60; minute++) week_minute(&r, minute);
    out->usd_month = r.usd_hours / WEEK_HOURS;
    out->lag_s /= WEEK_S / 60.0;
}
