/* What the scaler decides: each rule with the least that makes it act, and just less. */
#include "scale/scaler.h"
#include "spec/c/random.h"
#include "spec/c/tap.h"
#include <math.h>

static const int64_t BEGIN_MS = INT64_C(1772409600000), MINUTE_MS = 60000, HOUR_MS = 3600000, DAY_MS = 86400000;

typedef struct bed {
    scaler_policy policy;
    scaler_history history;
    int64_t now_ms;
} bed;

static bed bed_of(int32_t cpus) {
    bed b = {.now_ms = BEGIN_MS};
    scaler_policy_init(&b.policy);
    b.policy.can_resize = true;
    scaler_init(&b.history, &b.policy, (scaler_size){cpus, 256 * cpus}, b.now_ms);
    return b;
}

static void note(bed *b, scaler_sample s, int minutes) {
    for (int i = 0; i < minutes; i++) {
        b->now_ms += MINUTE_MS;
        s.at_ms = b->now_ms;
        s.span_ms = MINUTE_MS;
        if (s.demand < s.used) s.demand = s.used;
        scaler_note(&b->history, &b->policy, &s);
    }
}

static scaler_plan decide(const bed *b) { return scaler_decide(&b->history, &b->policy, b->now_ms); }

/* Decides each minute and does what is decided; the number of changes of the machine. */
static int live(bed *b, scaler_sample s, int minutes) {
    int n = 0;
    for (int i = 0; i < minutes; i++) {
        note(b, s, 1);
        scaler_plan plan = decide(b);
        scaler_set_workers(&b->history, plan.workers, b->now_ms);
        if (plan.reason == SCALER_STAY) continue;
        scaler_resized(&b->history, &b->policy, plan.size, b->now_ms);
        n++;
    }
    return n;
}

static void test_throttled(void) {
    bed b = bed_of(1);
    note(&b, (scaler_sample){.used = 0.0625, .demand = 0.39, .steal = 0.9}, 1);
    ok(decide(&b).reason == SCALER_STAY, "one sample is no evidence");
    note(&b, (scaler_sample){.used = 0.0625, .demand = 0.39, .steal = 0.9}, 1);
    scaler_plan plan = decide(&b);
    ok(plan.reason == SCALER_THROTTLED && plan.size.cpus == 8 && plan.size.memory_mb == 2048,
       "throttled: the size that carries the demand, in one step, with its memory");
    b.policy.max_cpus = 4;
    ok(decide(&b).size.cpus == 4, "no more than SCALE_MAX_CPUS");
    b.policy.max_cpus = 8;
    b.policy.can_resize = false;
    ok(decide(&b).reason == SCALER_STAY, "nothing without a machine to ask");
    b.policy.can_resize = true;
    b.policy.baseline = 1;
    ok(decide(&b).reason == SCALER_STAY, "a performance CPU is not throttled");
}

static void test_sustained(void) {
    bed b = bed_of(1);
    note(&b, (scaler_sample){.used = 0.01}, 6 * 60);
    ok(b.history.balance_s == 500, "six idle hours fill the balance of a vCPU: %.0f s", b.history.balance_s);
    note(&b, (scaler_sample){.used = 0.3}, 10);
    ok(decide(&b).reason == SCALER_STAY, "a peak of ten minutes lives on the balance: %.0f s left",
       b.history.balance_s);
    note(&b, (scaler_sample){.used = 0.3}, 16);
    scaler_plan plan = decide(&b);
    ok(b.history.balance_s > 0 && plan.reason == SCALER_SUSTAINED && plan.size.cpus == 8,
       "a longer one: more CPUs before the balance is gone (%.0f s left)", b.history.balance_s);
    bed below = bed_of(1);
    ok(live(&below, (scaler_sample){.used = 0.0620}, 7 * 24 * 60) == 0, "no change in a week just below the baseline");
}

static void test_cooldown(void) {
    bed b = bed_of(1);
    note(&b, (scaler_sample){.used = 0.0625, .demand = 0.15, .steal = 0.5}, 3);
    scaler_plan plan = decide(&b);
    scaler_resized(&b.history, &b.policy, plan.size, b.now_ms);
    ok(plan.size.cpus == 4, "4 CPUs for a demand of 0.15");
    note(&b, (scaler_sample){.used = 0.25, .demand = 0.4, .steal = 2}, 4);
    ok(decide(&b).reason == SCALER_STAY, "nothing within 300 s of a change");
    note(&b, (scaler_sample){.used = 0.25, .demand = 0.4, .steal = 2}, 1);
    ok(decide(&b).size.cpus == 8, "then the next");
    b.policy.resizes_a_day = 1;
    ok(decide(&b).reason == SCALER_STAY, "not more often a day than allowed");
    ok(scaler_decide(&b.history, &b.policy, b.now_ms + DAY_MS).reason != SCALER_STAY, "but the next day");
}

static void test_idle(void) {
    bed b = bed_of(8);
    scaler_sample idle = {.used = 0.02, .lag_ms = 5, .memory_mb = 100};
    int n = live(&b, idle, 24 * 60 - 1);
    ok(n == 0 && b.history.size.cpus == 8, "a day of idleness is waited for");
    n = live(&b, idle, 2 * 60);
    ok(n == 1 && b.history.size.cpus == 1 && b.history.size.memory_mb == 256, "then one step down, to what is enough");
    live(&b, (scaler_sample){.used = 0.3, .lag_ms = 50}, 60);
    ok(b.history.size.cpus == 8 && b.history.down_after_ms == 2 * b.policy.down_after_ms,
       "back up soon after: the next time two days are waited for");
    n = live(&b, idle, 47 * 60);
    ok(n == 0, "and they are");
    ok(live(&b, idle, 3 * 60) == 1, "no longer");
}

static void test_what_keeps_it_up(void) {
    bed b = bed_of(8);
    b.history.size.memory_mb = 4096;
    note(&b, (scaler_sample){.used = 0.02, .memory_mb = 3000}, 25 * 60);
    ok(decide(&b).size.cpus == 2, "memory in use sets the smallest size: 3 GB need two shared CPUs");
    bed late = bed_of(8);
    note(&late, (scaler_sample){.used = 0.02, .lag_ms = 400}, 25 * 60);
    ok(decide(&late).size.cpus == 4, "a burst that would take too long with fewer");
    bed peak = bed_of(8);
    note(&peak, (scaler_sample){.used = 0.02}, 12 * 60);
    note(&peak, (scaler_sample){.used = 0.15}, 60);
    note(&peak, (scaler_sample){.used = 0.02}, 12 * 60);
    ok(decide(&peak).size.cpus == 4, "the busiest hour of the day counts, not its mean");
    bed dear = bed_of(2);
    dear.policy.least_saving = 0.6;
    note(&dear, (scaler_sample){.used = 0.02}, 25 * 60);
    ok(decide(&dear).reason == SCALER_STAY, "no restart for less than is worth it");
    bed more = bed_of(1);
    more.policy.min_cpus = 4;
    note(&more, (scaler_sample){.used = 0.001}, 2);
    ok(decide(&more).reason == SCALER_LEAST && decide(&more).size.cpus == 4,
       "SCALE_MIN_CPUS is reached without a load");
    bed least = bed_of(8);
    least.policy.min_cpus = 2;
    note(&least, (scaler_sample){.used = 0.02}, 25 * 60);
    ok(decide(&least).size.cpus == 2, "no less than SCALE_MIN_CPUS");
}

static void test_hand(void) {
    bed b = bed_of(1);
    note(&b, (scaler_sample){.used = 0.02}, 30 * 60);
    ok(!scaler_adopt(&b.history, &b.policy, (scaler_size){1, 256}, b.now_ms), "the size that is known is no news");
    ok(scaler_adopt(&b.history, &b.policy, (scaler_size){4, 1024}, b.now_ms), "another one was chosen by hand");
    b.policy.down_after_ms = HOUR_MS;
    ok(live(&b, (scaler_sample){.used = 0.02}, 24 * 60 - 1) == 0, "and is held, whatever policy says");
    ok(live(&b, (scaler_sample){.used = 0.02}, 60) == 1, "for SCALE_HOLD");
    bed up = bed_of(1);
    scaler_adopt(&up.history, &up.policy, (scaler_size){2, 512}, up.now_ms);
    note(&up, (scaler_sample){.used = 0.125, .demand = 0.4, .steal = 1}, 6);
    ok(decide(&up).size.cpus == 8, "held downward only");
}

static void test_cost(void) {
    bed b = bed_of(1);
    ok(fabs(scaler_price(&b.policy, (scaler_size){1, 256}) - 1.945) < 1e-9 &&
           fabs(scaler_price(&b.policy, (scaler_size){8, 2048}) - 15.56) < 1e-9,
       "Fly's prices of the presets");
    b.policy.month_usd = 8;
    note(&b, (scaler_sample){.used = 0.0625, .demand = 0.39, .steal = 0.9}, 3);
    ok(decide(&b).size.cpus == 4, "the ceiling of the month bounds the size");
    bed over = bed_of(8);
    over.policy.month_usd = 5;
    note(&over, (scaler_sample){.used = 0.3}, 10);
    scaler_plan plan = decide(&over);
    ok(plan.reason == SCALER_COST && plan.size.cpus == 2, "a size that the month cannot pay is left, loaded or not");
    over.policy.month_usd = 0;
    note(&over, (scaler_sample){.used = 0.3}, 29 * 24 * 60);
    ok(fabs(over.history.spent_usd - 15.56 * 29 / (730 / 24.0)) < 0.01, "29 days of it cost their price: %.2f",
       over.history.spent_usd);
    note(&over, (scaler_sample){.used = 0.3}, 2 * 24 * 60);
    ok(over.history.spent_usd < 1, "and the next month begins at nothing");
}

static void test_workers(void) {
    bed b = bed_of(8);
    scaler_set_workers(&b.history, 1, b.now_ms);
    note(&b, (scaler_sample){.used = 0.1, .queued = 10}, 1);
    ok(decide(&b).workers == 2, "ten events wait: twice the workers, at once");
    note(&b, (scaler_sample){.used = 0.9, .queued = 1}, 1);
    ok(decide(&b).workers == 2, "their CPUs are more than 80 %% in use: one more");
    scaler_set_workers(&b.history, 6, b.now_ms);
    note(&b, (scaler_sample){.queued = 50}, 1);
    ok(decide(&b).workers == 8, "never more than there are CPUs");
    scaler_set_workers(&b.history, 8, b.now_ms);
    note(&b, (scaler_sample){.used = 0.1, .queued = 0}, 9);
    ok(decide(&b).workers == 8, "not fewer while the mean remembers");
    note(&b, (scaler_sample){.used = 0.1, .queued = 0}, 10);
    ok(decide(&b).workers == 4, "half of them when little is to be done");
}

/* Whatever is measured: a size that is allowed, no loop, no more changes than allowed. */
static void test_random(void) {
    uint64_t seed = tap_seed(20260302);
    bool is_sane = true;
    random_state = seed;
    for (int round = 0; round < 200 && is_sane; round++) {
        bed b = bed_of(1 << below(4));
        int64_t day = 0;
        int n_today = 0;
        double mean = uniform() * 0.5;
        for (int minute = 0; minute < 3 * 24 * 60; minute++) {
            if (below(200) == 0) mean = uniform() * 0.5;
            double demand = mean * (0.5 + uniform()),
                   most = b.history.balance_s > 0 ? demand : b.history.size.cpus / 16.0;
            note(&b,
                 (scaler_sample){.used = demand < most ? demand : most,
                                 .demand = demand,
                                 .lag_ms = uniform() * 300,
                                 .queued = uniform() * 12,
                                 .memory_mb = 100 + below(3000)},
                 1);
            scaler_plan plan = decide(&b);
            is_sane = is_sane && plan.workers >= 1 && plan.workers <= b.history.size.cpus;
            scaler_set_workers(&b.history, plan.workers, b.now_ms);
            if (plan.reason == SCALER_STAY) continue;
            if (b.now_ms / DAY_MS != day) n_today = 0;
            day = b.now_ms / DAY_MS;
            int32_t c = plan.size.cpus;
            is_sane = is_sane && ++n_today <= b.policy.resizes_a_day && (c == 1 || c == 2 || c == 4 || c == 8) &&
                      c != b.history.size.cpus && plan.size.memory_mb % 256 == 0 && plan.size.memory_mb >= 256 * c &&
                      plan.size.memory_mb <= 2048 * c;
            scaler_resized(&b.history, &b.policy, plan.size, b.now_ms);
        }
        if (!is_sane) printf("# round %d\n", round);
    }
    ok(is_sane, "200 random stretches of three days: only sizes that exist, never more changes than allowed");
}

int main(void) {
    test_throttled();
    test_sustained();
    test_cooldown();
    test_idle();
    test_what_keeps_it_up();
    test_hand();
    test_cost();
    test_workers();
    test_random();
    return done();
}
