/* The idea: a shared machine may use 1/16 of each vCPU for ever, and saves what it does not use as a balance for bursts.
 * So peaks of minutes are no reason for anything; only the mean load against the baseline is.
 *
 *   demand ─┬─ above the baseline, balance gone or soon gone ──► the smallest size whose baseline carries it, in one step
 *           └─ below a smaller size's for `down_after` ────────► that size
 *
 * A restart costs tens of seconds without evaluations. Upward that is repaid within the hour; downward only money is won,
 * so the evidence must be long, and doubles each time when it turns out to have been too short. */
#include "scale/scaler.h"
#include <math.h>
#include <string.h>

static const int64_t HOUR_MS = 3600000, DAY_MS = 86400000;
static const double MONTH_HOURS = 730;
enum { URGENT_SAMPLES = 2 };

#define REASON_TEXT(name) [name]
static const char *const REASONS[N_SCALER_REASONS] = {
    REASON_TEXT(SCALER_STAY) = "stay",           REASON_TEXT(SCALER_THROTTLED) = "throttled",
    REASON_TEXT(SCALER_SUSTAINED) = "sustained", REASON_TEXT(SCALER_LAG) = "lag",
    REASON_TEXT(SCALER_IDLE) = "idle",           REASON_TEXT(SCALER_COST) = "cost",
    REASON_TEXT(SCALER_LEAST) = "least"};
#undef REASON_TEXT

const char *scaler_reason_text(scaler_reason reason) { return reason < N_SCALER_REASONS ? REASONS[reason] : "?"; }

void scaler_policy_init(scaler_policy *p) {
    *p = (scaler_policy){.min_cpus = 1,
                         .max_cpus = SCALER_CPUS_MAX,
                         .baseline = 1.0 / 16,
                         .balance_start_s = 5,
                         .balance_max_s = 500,
                         .up_queue = 10,
                         .down_queue = 2,
                         .up_busy = 0.8,
                         .lag_limit_ms = 1500,
                         .horizon_s = 600,
                         .fill_up = 0.95,
                         .fill_down = 0.75,
                         .cooldown_ms = 300000,
                         .down_after_ms = DAY_MS,
                         .hold_ms = DAY_MS,
                         .resizes_a_day = 4,
                         .vcpu_month_usd = 0.695,
                         .gb_month_usd = 5,
                         .least_saving = 0.1,
                         .memory_step_mb = 256,
                         .memory_per_cpu_min_mb = 256,
                         .memory_per_cpu_max_mb = 2048};
}

double scaler_price(const scaler_policy *p, scaler_size size) {
    return size.cpus * p->vcpu_month_usd + size.memory_mb / 1024.0 * p->gb_month_usd;
}

double scaler_baseline(const scaler_policy *p, int32_t cpus) { return cpus * p->baseline; }

static double balance_max(const scaler_policy *p, int32_t cpus) { return p->balance_max_s * cpus; }

/* ---- the history ---- */

static void forget_samples(scaler_history *h) { h->n_recent = h->next = 0; }

void scaler_init(scaler_history *h, const scaler_policy *p, scaler_size size, int64_t now_ms) {
    *h = (scaler_history){.size = size, .workers = size.cpus, .spent_by_ms = now_ms};
    h->balance_s = p->balance_start_s * size.cpus;
}

/* Days and months of the calendar, by Hinnant's algorithm: no time zone, no locale. */
static int64_t month_start_ms(int64_t ms) {
    int64_t z = ms / DAY_MS + 719468, era = z / 146097, doe = z - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;
    int64_t day = doy - (153 * mp + 2) / 5; /* from 0 */
    return (ms / DAY_MS - day) * DAY_MS;
}

static void spend(scaler_history *h, const scaler_policy *p, int64_t now_ms) {
    int64_t month_ms = month_start_ms(now_ms), from_ms = h->spent_by_ms > month_ms ? h->spent_by_ms : month_ms;
    if (h->month_from_ms != month_ms) {
        h->month_from_ms = month_ms;
        h->spent_usd = 0;
    }
    if (now_ms > from_ms)
        h->spent_usd += scaler_price(p, h->size) * (double)(now_ms - from_ms) / (MONTH_HOURS * (double)HOUR_MS);
    h->spent_by_ms = now_ms;
}

/* Hours in which nothing was measured count as idle: the machine was off. */
static void note_hour(scaler_history *h, const scaler_sample *s) {
    int64_t hour = s->at_ms / HOUR_MS;
    if (!h->first_hour) h->first_hour = h->hour = hour;
    for (int64_t at = h->hour + 1; at <= hour && at - h->hour <= SCALER_HOURS; at++)
        h->hour_load[at % SCALER_HOURS] = 0;
    if (hour > h->hour) h->hour = hour;
    h->hour_load[hour % SCALER_HOURS] += s->demand * (double)s->span_ms;
}

/* What was refused can only have been refused because nothing was left. */
static void note_balance(scaler_history *h, const scaler_policy *p, const scaler_sample *s) {
    double base = scaler_baseline(p, h->size.cpus), seconds = (double)s->span_ms / 1000;
    h->balance_s = fmin(fmax(h->balance_s + (base - s->used) * seconds, 0), balance_max(p, h->size.cpus));
    if (s->steal > base / 4 && s->used > base / 2 && s->used < base * 1.5) h->balance_s = 0;
}

static const scaler_sample *newest(const scaler_history *h, int32_t back) {
    return &h->recent[(h->next - 1 - back + 2 * SCALER_SAMPLES) % SCALER_SAMPLES];
}

void scaler_note(scaler_history *h, const scaler_policy *p, const scaler_sample *s) {
    if (h->n_recent && s->at_ms <= newest(h, 0)->at_ms) return;
    h->recent[h->next] = *s;
    h->next = (h->next + 1) % SCALER_SAMPLES;
    if (h->n_recent < SCALER_SAMPLES) h->n_recent++;
    note_hour(h, s);
    note_balance(h, p, s);
    spend(h, p, s->at_ms);
}

void scaler_set_workers(scaler_history *h, int32_t workers, int64_t now_ms) {
    h->workers = workers;
    h->workers_ms = now_ms;
}

static void take_size(scaler_history *h, const scaler_policy *p, scaler_size size, int64_t now_ms) {
    spend(h, p, now_ms);
    h->size = size;
    h->workers = size.cpus;
    h->balance_s = p->balance_start_s * size.cpus;
    h->resized_ms = now_ms;
    forget_samples(h);
}

void scaler_resized(scaler_history *h, const scaler_policy *p, scaler_size size, int64_t now_ms) {
    int64_t patience = h->down_after_ms ? h->down_after_ms : p->down_after_ms;
    if (size.cpus > h->size.cpus && h->lowered_ms && now_ms - h->lowered_ms < 2 * patience && patience < 4 * DAY_MS)
        h->down_after_ms = 2 * patience;
    if (size.cpus < h->size.cpus) h->lowered_ms = now_ms;
    if (h->day != now_ms / DAY_MS) {
        h->day = now_ms / DAY_MS;
        h->n_today = 0;
    }
    h->n_today++;
    take_size(h, p, size, now_ms);
}

void scaler_not_resized(scaler_history *h, const scaler_policy *p, scaler_size size, int64_t now_ms) {
    take_size(h, p, size, now_ms);
}

bool scaler_adopt(scaler_history *h, const scaler_policy *p, scaler_size found, int64_t now_ms) {
    h->balance_s = p->balance_start_s * found.cpus;
    forget_samples(h);
    if (found.cpus == h->size.cpus && found.memory_mb == h->size.memory_mb) return false;
    take_size(h, p, found, now_ms);
    h->hold_until_ms = now_ms + p->hold_ms;
    return true;
}

/* ---- means ---- */

typedef struct load {
    double used, steal, demand, lag_ms, queued, analyses;
    int32_t memory_mb; /* the most */
} load;

static load mean_of(const scaler_history *h, int32_t n) {
    load m = {0};
    double seconds = 0;
    for (int32_t i = 0; i < n; i++) {
        const scaler_sample *s = newest(h, i);
        double w = (double)s->span_ms / 1000;
        m.used += s->used * w;
        m.steal += s->steal * w;
        m.demand += s->demand * w;
        m.lag_ms += s->lag_ms * w;
        m.queued += s->queued * w;
        m.analyses += s->analyses * w;
        if (s->memory_mb > m.memory_mb) m.memory_mb = s->memory_mb;
        seconds += w;
    }
    if (seconds > 0) {
        m.used /= seconds;
        m.steal /= seconds;
        m.demand /= seconds;
        m.lag_ms /= seconds;
        m.queued /= seconds;
        m.analyses /= seconds;
    }
    return m;
}

/* The busiest of the last hours, the one under way without the part of it that is still to come. */
static double peak_demand(const scaler_history *h, int64_t now_ms, int64_t span_ms) {
    double peak = 0;
    int64_t oldest = (now_ms - span_ms) / HOUR_MS;
    for (int64_t hour = h->hour; hour >= oldest && hour >= h->first_hour && h->hour - hour < SCALER_HOURS; hour--) {
        int64_t begin_ms = hour * HOUR_MS, measured_ms = now_ms - begin_ms < HOUR_MS ? now_ms - begin_ms : HOUR_MS;
        if (measured_ms < 10 * SCALER_SAMPLE_MS) continue;
        peak = fmax(peak, h->hour_load[hour % SCALER_HOURS] / (double)measured_ms);
    }
    return peak;
}

/* ---- workers ---- */

static int32_t clamp(int32_t value, int32_t from, int32_t to) { return value < from ? from : value > to ? to : value; }

/* The original's rule, with what really waits. A worker more costs nothing and one too few costs lag, so up is at once. */
static int32_t choose_workers(const scaler_history *h, const scaler_policy *p, int64_t now_ms) {
    int32_t w = h->workers;
    if (h->n_recent == 0) return clamp(w, 1, h->size.cpus);
    load last = mean_of(h, 1), all = mean_of(h, h->n_recent);
    if (last.queued >= p->up_queue || last.lag_ms >= p->lag_limit_ms)
        w *= 2;
    else if (last.used > p->up_busy * w)
        w += 1;
    else if (h->n_recent == SCALER_SAMPLES && now_ms - h->workers_ms >= p->cooldown_ms && all.queued <= p->down_queue &&
             all.lag_ms * 4 < p->lag_limit_ms && all.used < p->up_busy * w / 4)
        w /= 2;
    return clamp(w, 1, h->size.cpus);
}

/* ---- the machine ---- */

/* In the policy's steps, with a quarter to spare. */
static int32_t memory_for(const scaler_policy *p, int32_t cpus, int32_t used_mb) {
    int32_t step = p->memory_step_mb, wanted = (used_mb + used_mb / 4 + step - 1) / step * step;
    return clamp(wanted, p->memory_per_cpu_min_mb * cpus, p->memory_per_cpu_max_mb * cpus);
}

static bool has_room(const scaler_policy *p, scaler_size size, int32_t used_mb) {
    return size.memory_mb <= p->memory_per_cpu_max_mb * size.cpus && used_mb + used_mb / 4 <= size.memory_mb;
}

static int64_t next_month_ms(int64_t month_ms) { return month_start_ms(month_ms + 32 * DAY_MS); }

/* Would the month stay below its ceiling with this size from now on? */
static bool is_affordable(const scaler_history *h, const scaler_policy *p, scaler_size size, int64_t now_ms) {
    if (p->month_usd <= 0) return true;
    int64_t month_ms = month_start_ms(now_ms);
    double spent = h->month_from_ms == month_ms ? h->spent_usd : 0;
    double hours = (double)(next_month_ms(month_ms) - now_ms) / (double)HOUR_MS;
    return spent + scaler_price(p, size) * hours / MONTH_HOURS <= p->month_usd;
}

/* The smallest size above the one now that carries the load; else the biggest that can be paid. Not bigger: the one now. */
static scaler_size size_for(const scaler_history *h, const scaler_policy *p, double cpus_used, int32_t least,
                            int32_t used_mb, int64_t now_ms) {
    scaler_size best = h->size;
    for (int32_t cpus = 1; cpus <= p->max_cpus; cpus *= 2) {
        scaler_size size = {cpus, memory_for(p, cpus, used_mb)};
        if (size.memory_mb < h->size.memory_mb && h->size.memory_mb <= p->memory_per_cpu_max_mb * cpus)
            size.memory_mb = h->size.memory_mb;
        if (cpus <= h->size.cpus || cpus < p->min_cpus || !is_affordable(h, p, size, now_ms)) continue;
        best = size;
        if (cpus >= least && scaler_baseline(p, cpus) * p->fill_up >= cpus_used) break;
    }
    return best;
}

/* Somebody has asked for more at least. */
static bool is_below_least(const scaler_history *h, const scaler_policy *p, int64_t now_ms, scaler_plan *plan) {
    if (h->size.cpus >= p->min_cpus) return false;
    load all = mean_of(h, h->n_recent);
    plan->reason = SCALER_LEAST;
    plan->load = all.demand;
    plan->size = size_for(h, p, all.demand, p->min_cpus, all.memory_mb, now_ms);
    return plan->size.cpus > h->size.cpus;
}

static bool is_bigger(const scaler_history *h, scaler_size size) { return size.cpus > h->size.cpus; }

static bool grows(const scaler_history *h, const scaler_policy *p, int64_t now_ms, scaler_plan *plan) {
    load last = mean_of(h, URGENT_SAMPLES), all = mean_of(h, h->n_recent);
    double base = scaler_baseline(p, h->size.cpus), above = all.demand - base;
    bool is_throttled = h->balance_s <= 0 && last.demand > base;
    bool is_sustained = h->n_recent == SCALER_SAMPLES && above > 0 && h->balance_s / above < p->horizon_s;
    /* More CPUs shorten a burst only if all there are work on it. */
    bool is_late = h->n_recent == SCALER_SAMPLES && all.lag_ms > p->lag_limit_ms && h->workers >= h->size.cpus;
    int32_t least = 1;
    if (is_throttled) {
        plan->reason = SCALER_THROTTLED;
        plan->load = fmax(last.demand, all.demand);
    } else if (is_sustained) {
        plan->reason = SCALER_SUSTAINED;
        plan->load = all.demand;
    } else if (is_late && all.used > base / 8) {
        plan->reason = SCALER_LAG;
        plan->load = all.demand;
        least = (int32_t)ceil(h->size.cpus * fmin(all.lag_ms / p->lag_limit_ms, SCALER_CPUS_MAX));
    } else {
        return false;
    }
    plan->size = size_for(h, p, plan->load, least, all.memory_mb, now_ms);
    return is_bigger(h, plan->size);
}

/* The smallest size that would have been enough. */
static bool shrinks(const scaler_history *h, const scaler_policy *p, int64_t now_ms, scaler_plan *plan) {
    int64_t patience = h->down_after_ms ? h->down_after_ms : p->down_after_ms;
    if (h->n_recent < SCALER_SAMPLES || now_ms - h->resized_ms < patience) return false;
    if (now_ms - h->first_hour * HOUR_MS < patience) return false;
    load all = mean_of(h, h->n_recent);
    if (all.queued > p->down_queue || all.analyses >= p->up_queue) return false;
    double peak = peak_demand(h, now_ms, patience);
    for (int32_t cpus = 1; cpus < h->size.cpus; cpus *= 2) {
        scaler_size size = {cpus, memory_for(p, cpus, all.memory_mb)};
        if (cpus < p->min_cpus || scaler_baseline(p, cpus) * p->fill_down < peak) continue;
        if (!has_room(p, size, all.memory_mb) || all.lag_ms * h->size.cpus / cpus > p->lag_limit_ms) continue;
        if (scaler_price(p, size) > scaler_price(p, h->size) * (1 - p->least_saving)) continue;
        *plan = (scaler_plan){.workers = plan->workers, .size = size, .reason = SCALER_IDLE, .load = peak};
        return true;
    }
    return false;
}

/* The month would cost too much: the biggest size that does not, or the smallest there is. */
static bool is_too_dear(const scaler_history *h, const scaler_policy *p, int64_t now_ms, scaler_plan *plan) {
    if (is_affordable(h, p, h->size, now_ms)) return false;
    load all = mean_of(h, h->n_recent);
    scaler_size best = h->size;
    for (int32_t cpus = SCALER_CPUS_MAX; cpus >= p->min_cpus && cpus >= 1; cpus /= 2) {
        scaler_size size = {cpus, memory_for(p, cpus, all.memory_mb)};
        if (cpus >= h->size.cpus || !has_room(p, size, all.memory_mb)) continue;
        best = size;
        if (is_affordable(h, p, size, now_ms)) break;
    }
    *plan = (scaler_plan){.workers = plan->workers, .size = best, .reason = SCALER_COST, .load = all.demand};
    return best.cpus < h->size.cpus;
}

static bool may_resize(const scaler_history *h, const scaler_policy *p, int64_t now_ms) {
    bool is_spent = h->day == now_ms / DAY_MS && h->n_today >= p->resizes_a_day;
    bool is_cooling = h->resized_ms && now_ms - h->resized_ms < p->cooldown_ms;
    return p->can_resize && !is_spent && !is_cooling && h->n_recent >= URGENT_SAMPLES;
}

scaler_plan scaler_decide(const scaler_history *h, const scaler_policy *p, int64_t now_ms) {
    scaler_plan stay = {.workers = choose_workers(h, p, now_ms), .size = h->size, .reason = SCALER_STAY}, plan = stay;
    if (!may_resize(h, p, now_ms)) return stay;
    if (grows(h, p, now_ms, &plan)) return plan;
    plan = stay;
    if (is_below_least(h, p, now_ms, &plan)) return plan;
    plan = stay;
    if (now_ms < h->hold_until_ms) return stay;
    if (is_too_dear(h, p, now_ms, &plan)) return plan;
    plan = stay;
    return shrinks(h, p, now_ms, &plan) ? plan : stay;
}
