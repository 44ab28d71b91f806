/* Which analysis is asked for next: order, limits, budgets, failures and identical requests, in scenes with a clock of their own;
 * then a simulated day of random jobs, answers and outages whose bill is kept apart and must stay within the budget. */
#include "analyzer/analysis_queue.h"
#include "spec/c/random.h"
#include "spec/c/tap.h"
#include <math.h>
#include <string.h>
#include <time.h>

enum { JOBS_MAX = 20000 };
#define START 1767600000000 /* 2026-01-05 08:00 UTC */
#define MINUTE 60000
#define HOUR 3600000
#define DAY 86400000

static analysis_job jobs[JOBS_MAX];
static int n_jobs;
static analysis_queue *q;

static analysis_limits limits(void) {
    return (analysis_limits){
        .concurrency = 4, .queue_max = 500, .attempts_max = 4, .n_providers = 1, .max_age_ms = 2 * HOUR};
}

static void open_queue(const analysis_limits *l) {
    analysis_queue_free(q);
    if (analysis_queue_new(l, 1, &q) != OK) abort();
    n_jobs = 0;
}

static analysis_job *job(const char *trader, int64_t close_ms, double score) {
    analysis_job *j = &jobs[n_jobs++];
    *j = (analysis_job){
        .close_ms = close_ms, .score = score, .tokens_in = 2000, .tokens_out = 1000, .usd = {0.01, 0.02}};
    snprintf(j->trader_id, sizeof j->trader_id, "%s", trader);
    snprintf(j->identity, sizeof j->identity, "%d", n_jobs);
    return j;
}

static analysis_job *add(analysis_job *j, int64_t now_ms) {
    analysis_job *dropped;
    if (analysis_queue_add(q, j, now_ms, &dropped) != OK) abort();
    return dropped;
}

static hindrance why;
static int64_t wait_ms;
static analysis_job *next(int64_t now_ms) { return analysis_queue_next(q, now_ms, &why, &wait_ms); }

static job_state done_with(analysis_job *j, reply_kind kind, int64_t retry_ms, int64_t now_ms) {
    reply r = {.kind = kind, .retry_ms = retry_ms, .tokens_in = 1500, .tokens_out = 500};
    return analysis_queue_done(q, j, &r, 0.005, now_ms);
}

/* ---- scenes ---- */

static void test_order(void) {
    analysis_limits l = limits();
    analysis_job *old, *low, *high, *other;
    l.concurrency = 1;
    open_queue(&l);
    old = job("a", START - 5 * MINUTE, 0.99);
    low = job("a", START, 0.2);
    high = job("a", START, 0.9);
    other = job("b", START - 10 * MINUTE, NAN);
    add(old, START), add(low, START), add(high, START), add(other, START);
    ok(next(START) == high, "the newest bar first, and of it the highest score");
    ok(next(START) == NULL && why == HINDER_CONCURRENCY && wait_ms == INT64_MAX, "one at a time");
    ok(done_with(high, REPLY_ANSWER, -1, START) == JOB_ANSWERED, "answered");
    ok(next(START) == other, "traders take turns, however old what they have is");
    done_with(other, REPLY_ANSWER, -1, START);
    ok(next(START) == low, "then the first one again");
    done_with(low, REPLY_REFUSED, -1, START);
    ok(next(START) == old, "the old one last");
    ok(done_with(old, REPLY_CUT, -1, START) == JOB_FAILED, "what was cut fails at once");
    ok(next(START) == NULL && why == HINDER_EMPTY, "and nothing is left");
}

static void test_concurrency(void) {
    analysis_limits l = limits();
    open_queue(&l);
    for (int i = 0; i < 6; i++) add(job("a", START + i, NAN), START);
    for (int i = 0; i < 4; i++) ok(next(START) != NULL, "request %d of 4 is sent", i + 1);
    ok(next(START) == NULL && why == HINDER_CONCURRENCY, "the fifth is not");
}

static void test_rates(void) {
    analysis_limits l = limits();
    l.concurrency = 100;
    l.requests_per_minute = 6;
    open_queue(&l);
    for (int i = 0; i < 20; i++) add(job("a", START + i, NAN), START);
    for (int i = 0; i < 6; i++)
        if (!next(START)) abort();
    ok(next(START) == NULL && why == HINDER_RATE && wait_ms == 10000, "6 a minute: the seventh waits 10 s");
    ok(next(START + 9999) == NULL && next(START + 10000) != NULL, "and is sent then");
    l.requests_per_minute = 0;
    l.tokens_per_minute = 4000;
    open_queue(&l);
    for (int i = 0; i < 3; i++) add(job("a", START + i, NAN), START);
    ok(next(START) && next(START) && !next(START) && why == HINDER_RATE && wait_ms == 30000,
       "tokens a minute: two of 2,000, then 30 s");
}

static void test_budget(void) {
    analysis_limits l = limits();
    l.day.usd = 0.025;
    open_queue(&l);
    analysis_job *a = job("a", START, NAN), *b = job("a", START, NAN), *c = job("a", START, NAN);
    add(a, START), add(b, START), add(c, START);
    ok(next(START) && next(START), "two of at most 1 cent each");
    ok(next(START) == NULL && why == HINDER_BUDGET && wait_ms == 16 * HOUR,
       "a third might pass the budget: it waits for midnight UTC");
    done_with(a, REPLY_ANSWER, -1, START);
    ok(next(START) == c, "half a cent was not spent: there is room again");
    ok(analysis_queue_done(q, b, &(reply){.kind = REPLY_TROUBLE}, NAN, START) == JOB_WAITING,
       "one whose cost is not known");
    analysis_queue_counts n;
    analysis_queue_count(q, &n);
    ok(fabs(n.spent.usd - 0.025) < 1e-12 && n.spent.requests == 3, "stays at the most that it may have cost: %.3f",
       n.spent.usd);
    ok(next(START + HOUR) == NULL && why == HINDER_BUDGET, "nothing more today");
    add(job("a", START + 16 * HOUR, NAN), START + 16 * HOUR);
    ok(next(START + 16 * HOUR) != NULL, "at midnight there is a new day");
    l.day = (spending_amount){.requests = 1};
    open_queue(&l);
    add(job("a", START, NAN), START), add(job("a", START, NAN), START);
    ok(next(START) && !next(START) && why == HINDER_BUDGET, "a budget of requests");
    l.day = (spending_amount){.tokens = 5999};
    open_queue(&l);
    add(job("a", START, NAN), START), add(job("a", START, NAN), START);
    ok(next(START) && !next(START) && why == HINDER_BUDGET, "a budget of tokens");
    l.day = (spending_amount){.usd = 1};
    open_queue(&l);
    analysis_queue_restore(q, &(spending_amount){.usd = 0.995}, START);
    add(job("a", START, NAN), START);
    ok(!next(START) && why == HINDER_BUDGET, "what a run before has spent counts");
}

static void test_caps(void) {
    analysis_limits l = limits();
    analysis_job *dropped, *j;
    open_queue(&l);
    analysis_queue_restore_trader(q, "a", 1, START);
    for (int i = 0; i < 2; i++) {
        j = job("a", START + i, NAN);
        j->max_per_day = 3;
        ok(analysis_queue_add(q, j, START, &dropped) == OK, "%d of 3 a day", i + 2);
    }
    j = job("a", START + 9, NAN);
    j->max_per_day = 3;
    ok(analysis_queue_add(q, j, START, &dropped) == ERR_FULL, "the fourth is refused");
    analysis_job *extra = job("a", START, NAN);
    extra->is_extra = true;
    ok(add(extra, START) == NULL, "a look that a monitored signal has led to is taken all the same");
    if (!next(START)) abort();
    ok(analysis_queue_add(q, j, START, &dropped) == ERR_FULL, "also while they run");
    ok(add(job("b", START, NAN), START) == NULL, "another trader's is not");
    ok(analysis_queue_add(q, j, START + DAY, &dropped) == OK, "and tomorrow it is taken");
}

static void test_full(void) {
    analysis_limits l = limits();
    l.queue_max = 3;
    open_queue(&l);
    analysis_job *old = job("a", START, 0.9), *low = job("a", START + MINUTE, 0.1);
    add(low, START), add(old, START), add(job("a", START + MINUTE, 0.5), START);
    ok(add(job("b", START + MINUTE, 0.3), START) == old, "a full queue gives up the oldest bar");
    ok(add(job("b", START + 2 * MINUTE, 0.3), START) == low, "then the lowest score");
    analysis_job *late = job("c", START - HOUR, 1);
    ok(add(late, START) == late, "also the one that comes");
}

static void test_age(void) {
    analysis_limits l = limits();
    open_queue(&l);
    analysis_job *old = job("a", START - 2 * HOUR, NAN), *fresh = job("a", START, NAN);
    add(old, START), add(fresh, START);
    ok(analysis_queue_take_expired(q, START) == NULL, "two hours are not too old");
    ok(analysis_queue_take_expired(q, START + 1) == old && !analysis_queue_take_expired(q, START + 1),
       "a moment more is");
    ok(next(START + 1) == fresh, "the other one is there");
    ok(!analysis_queue_take_expired(q, START + DAY), "what runs does not expire");
}

static void test_retry(void) {
    analysis_limits l = limits();
    int64_t now = START;
    int n = 0;
    open_queue(&l);
    add(job("a", START, NAN), now);
    for (job_state s = JOB_WAITING; s == JOB_WAITING; n++) {
        analysis_job *j = next(now);
        if (!j) {
            ok(why == HINDER_BACKOFF && wait_ms > 0 && wait_ms <= MINUTE, "trouble %d: again in %lld ms", n,
               (long long)wait_ms);
            j = next(now += wait_ms);
        }
        if (!j) break;
        s = done_with(j, REPLY_TROUBLE, -1, now);
    }
    ok(n == 4, "after 4 requests it fails (%d)", n);
}

static void test_limited(void) {
    analysis_limits l = limits();
    open_queue(&l);
    analysis_job *j = job("a", START, NAN);
    add(j, START);
    next(START);
    ok(done_with(j, REPLY_LIMITED, 47000, START) == JOB_WAITING, "429");
    ok(!next(START) && why == HINDER_PROVIDER && wait_ms == 47000, "the provider is left alone for as long as it says");
    ok(next(START + 47000) == j, "and asked again then");
    reply daily = {.kind = REPLY_LIMITED, .retry_ms = 1000, .is_daily = true};
    analysis_queue_done(q, j, &daily, 0, START + 47000);
    ok(!next(START + 47000) && wait_ms == 24 * HOUR - 47000, "a quota of the day: until midnight Pacific time");
    l.n_providers = 2;
    open_queue(&l);
    j = job("a", START, NAN);
    add(j, START);
    next(START);
    analysis_queue_done(q, j, &daily, 0, START);
    ok(next(START) == j && j->provider == 1, "the fallback is asked meanwhile");
    analysis_job *bound = job("a", START, NAN);
    bound->usd[1] = NAN;
    add(bound, START);
    ok(!next(START) && why == HINDER_PROVIDER, "but not with what cannot be asked there");
}

static void test_breaker(void) {
    analysis_limits l = limits();
    int64_t now = START;
    int n_sent = 0;
    l.attempts_max = 100;
    open_queue(&l);
    for (int i = 0; i < 100; i++) add(job("a", START + i, NAN), now);
    for (int i = 0; i < 5; i++) done_with(next(now), REPLY_TROUBLE, -1, now);
    ok(!next(now) && why == HINDER_PROVIDER && wait_ms == 30000, "five failures in a row open the circuit for 30 s");
    now += 30000;
    analysis_job *trial = next(now);
    ok(trial && !next(now) && why == HINDER_PROVIDER && wait_ms == INT64_MAX, "then one request tries");
    done_with(trial, REPLY_TROUBLE, -1, now);
    ok(!next(now) && wait_ms == 60000, "its failure doubles the time");
    for (int64_t end = now + HOUR; now<end; now += wait_ms> 0 && wait_ms < HOUR ? wait_ms : 1000)
        for (analysis_job *j = next(now); j; j = next(now), n_sent++) done_with(j, REPLY_TROUBLE, -1, now);
    ok(n_sent > 5 && n_sent < 15, "an outage of an hour is asked about %d times", n_sent);
    while (!(trial = next(now))) now += wait_ms;
    done_with(trial, REPLY_ANSWER, -1, now);
    ok(next(now) && next(now) && next(now), "an answer closes it");
    open_queue(&l);
    add(job("a", START, NAN), now);
    done_with(next(now), REPLY_DENIED, -1, now);
    ok(!next(now) && why == HINDER_PROVIDER, "a wrong key opens it at once");
}

static void test_identical(void) {
    analysis_limits l = limits();
    open_queue(&l);
    analysis_job *a = job("a", START, NAN), *b = job("b", START, NAN), *c = job("c", START, NAN);
    strcpy(b->identity, a->identity);
    strcpy(c->identity, a->identity);
    add(a, START);
    add(b, START);
    ok(next(START) == a && !next(START) && why == HINDER_EMPTY, "the same question is sent once");
    add(c, START);
    ok(!next(START), "also when it comes while that runs");
    ok(done_with(a, REPLY_ANSWER, -1, START) == JOB_ANSWERED, "its answer");
    analysis_job *first = analysis_queue_take_follower(a), *second = analysis_queue_take_follower(a);
    ok(((first == b && second == c) || (first == c && second == b)) && !analysis_queue_take_follower(a),
       "is that of all three");
}

static void test_again(void) {
    analysis_limits l = limits();
    l.concurrency = 1;
    open_queue(&l);
    analysis_job *a = job("a", START, NAN);
    add(a, START);
    next(START);
    done_with(a, REPLY_ANSWER, -1, START);
    add(job("b", START + HOUR, 1), START);
    analysis_queue_again(q, a);
    ok(next(START) == a && a->n_requests == 2, "what is asked again goes first");
}

static void test_outage(void) {
    analysis_limits l = limits();
    int64_t now = START;
    bool is_falling = true;
    open_queue(&l);
    for (int i = 0; i < 500; i++) {
        now = START + (int64_t)i * 7200;
        add(job("a", now, NAN), now);
        for (analysis_job *j = next(now); j; j = next(now))
            if (done_with(j, REPLY_TROUBLE, -1, now) == JOB_FAILED) break;
    }
    analysis_queue_counts n;
    analysis_queue_count(q, &n);
    ok(n.n_waiting > 480, "after an hour without the provider %d jobs wait", n.n_waiting);
    for (analysis_job *j = NULL; !j;) {
        j = next(now);
        if (j) done_with(j, REPLY_ANSWER, -1, now);
        now += 1000;
    }
    for (int64_t last = INT64_MAX, k = 0; k < 50; k++) {
        analysis_job *j = next(now);
        if (!j || j->n_requests > 1) { /* those that have tried before are brought to their end first */
            if (j) done_with(j, REPLY_ANSWER, -1, now);
            now += j ? 0 : 1000;
            continue;
        }
        is_falling = is_falling && j->close_ms < last;
        last = j->close_ms;
        done_with(j, REPLY_ANSWER, -1, now);
    }
    ok(is_falling, "afterwards the newest are asked first");
}

static void test_midnight(void) {
    static const struct {
        int64_t now_ms, midnight_ms;
        const char *what;
    } cases[] = {{1767600000000, 1767686400000, "winter"},
                 {1782900000000, 1782975600000, "summer"},
                 {1772953200000, 1773039600000, "the day before the clock goes forward"},
                 {1773043200000, 1773126000000, "the day on which it does"},
                 {1793516400000, 1793602800000, "the day on which it goes back"}};
    ok(circuit_pacific_midnight_ms(cases[0].now_ms) == cases[0].midnight_ms, "midnight Pacific time: %s",
       cases[0].what);
    for (int i = 1; i < 5; i++) {
        int64_t got = circuit_pacific_midnight_ms(cases[i].now_ms);
        struct tm local;
        time_t seconds = (time_t)(got / 1000);
        setenv("TZ", "America/Los_Angeles", 1);
        tzset();
        localtime_r(&seconds, &local);
        ok(got > cases[i].now_ms && got <= cases[i].now_ms + 25 * HOUR && local.tm_hour == 0 && local.tm_min == 0,
           "midnight Pacific time: %s (%02d:%02d there)", cases[i].what, local.tm_hour, local.tm_min);
    }
}

/* ---- a day ---- */

typedef struct sent {
    analysis_job *job;
    int64_t end_ms;
    reply_kind kind;
    double usd;
    bool is_known;
} sent;

/* The bill is kept here, by what the provider has charged, and known to the queue only by what it is told. */
static void test_day(void) {
    enum { RUNNING_MAX = 16 };
    sent running[RUNNING_MAX];
    int n_running = 0, n_answers = 0, most = 0, n_lost = 0;
    analysis_limits l = limits();
    double bill = 0, worst = 0;
    int64_t requests = 0, day = START / DAY;
    random_state = tap_seed((uint64_t)time(NULL) * 2 + 1) | 1;
    l.concurrency = 8;
    l.day = (spending_amount){.usd = 2.5, .requests = 2000};
    l.requests_per_minute = 60;
    open_queue(&l);
    for (int64_t now = START; now < START + 2 * DAY; now += 500) {
        analysis_job *j;
        bool is_out = now % (8 * HOUR) > 7 * HOUR;
        if (now / DAY != day) bill = 0, requests = 0, day = now / DAY;
        if (uniform() < 0.04 && n_jobs < JOBS_MAX) {
            char trader[8];
            snprintf(trader, sizeof trader, "t%d", below(9));
            j = job(trader, now - now % MINUTE, uniform());
            j->usd[0] = 0.002 + uniform() * 0.01;
            if (add(j, now)) n_lost++;
        }
        while (analysis_queue_take_expired(q, now)) n_lost++;
        for (int i = 0; i < n_running; i++) {
            reply r = {
                .kind = running[i].kind, .retry_ms = uniform() < 0.5 ? -1 : 3000, .tokens_in = 1000, .tokens_out = 100};
            if (running[i].end_ms > now) continue;
            if (analysis_queue_done(q, running[i].job, &r, running[i].is_known ? running[i].usd : NAN, now) ==
                JOB_ANSWERED)
                n_answers++;
            running[i--] = running[--n_running];
        }
        while (n_running < RUNNING_MAX && (j = next(now))) {
            sent s = {.job = j, .end_ms = now + below(8000), .usd = j->usd[0] * uniform(), .is_known = true};
            double u = uniform();
            s.kind = is_out     ? REPLY_TROUBLE
                     : u < 0.85 ? REPLY_ANSWER
                     : u < 0.9  ? REPLY_TROUBLE
                     : u < 0.95 ? REPLY_LIMITED
                                : REPLY_REFUSED;
            if (s.kind == REPLY_TROUBLE)
                s.is_known = uniform() < 0.5; /* a dropped connection may have been charged in full */
            if (s.kind == REPLY_TROUBLE && !s.is_known) s.usd = j->usd[0];
            bill += s.usd;
            requests++;
            if (bill > worst) worst = bill;
            if (n_running + 1 > most) most = n_running + 1;
            if (bill > l.day.usd || requests > l.day.requests) break;
            running[n_running++] = s;
        }
    }
    ok(worst <= l.day.usd && worst > 0.8 * l.day.usd, "two days: the bill of a day is at most %.4f of %.2f", worst,
       l.day.usd);
    ok(requests <= l.day.requests, "and %lld requests of %lld", (long long)requests, (long long)l.day.requests);
    ok(n_answers > 300 && most <= 8, "%d answers, at most %d at once, %d given up", n_answers, most, n_lost);
}

int main(void) {
    test_order();
    test_concurrency();
    test_rates();
    test_budget();
    test_caps();
    test_full();
    test_age();
    test_retry();
    test_limited();
    test_breaker();
    test_identical();
    test_again();
    test_outage();
    test_midnight();
    test_day();
    analysis_queue_free(q);
    return done();
}
