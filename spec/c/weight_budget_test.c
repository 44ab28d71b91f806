/* The budget against an exchange that counts by its own minutes: calls with random weights and latencies, answers that
 * overtake each other, clocks that are right, late, fast, slow or unknown. Never one unit above the limit. */
#include "binance/weight_budget.h"
#include "spec/c/random.h"
#include "spec/c/tap.h"
#include <time.h>

enum { MAX_OUT = 12, MINUTE = 60000 };

typedef struct out_call {
    int64_t counted_ms, back_ms; /* when the exchange counts it, when its answer is here */
    int64_t used;
    int weight;
    weight_mark mark;
    bool is_counted, is_lost;
} out_call;

typedef struct exchange {
    int64_t minute, used, limit, most, total, foreign; /* most: that a call of ours was told */
    bool is_mute;                                      /* its answers do not say what was used */
} exchange;

typedef struct clock_kind {
    const char *name;
    double speed; /* of the server time that we are told; 0: unknown */
    int64_t ahead_ms;
} clock_kind;

static void count(exchange *x, int64_t real_ms, int weight) {
    if (real_ms / MINUTE != x->minute) x->used = 0;
    x->minute = real_ms / MINUTE;
    x->used += weight;
}

static void advance(exchange *x, weight_budget *b, out_call *calls, int *n, int64_t real_ms, weight_now now) {
    for (int i = 0; i < *n; i++) {
        if (calls[i].is_counted || calls[i].counted_ms > real_ms) continue;
        count(x, real_ms, calls[i].weight);
        x->total += calls[i].weight;
        if (x->used > x->most) x->most = x->used;
        calls[i].is_counted = true;
        calls[i].used = calls[i].is_lost ? -2 : x->is_mute ? -1 : x->used;
    }
    for (int i = 0; i < *n;) {
        if (!calls[i].is_counted || calls[i].back_ms > real_ms) {
            i++;
            continue;
        }
        out_call done_call = calls[i];
        calls[i] = calls[--*n];
        weight_budget_answer(b, done_call.weight, done_call.mark, done_call.used, now);
    }
}

/* Asks as much as is allowed for ten minutes. Lost: answers that never come, though the exchange has counted. */
static exchange play(const clock_kind *clock, int64_t limit, int percent, bool is_mute, int64_t foreign_per_s,
                     bool has_lost) {
    exchange x = {.limit = limit, .is_mute = is_mute};
    weight_budget b;
    out_call calls[MAX_OUT];
    int n = 0;
    int64_t began_ms = 1700000000000 + below(MINUTE), next_foreign_ms = 0;
    weight_budget_init(&b, limit, percent);
    for (int64_t ms = 1; ms < 10 * MINUTE; ms += 1 + below(4)) {
        int64_t real_ms = began_ms + ms;
        int64_t told_ms = clock->speed > 0 ? began_ms + clock->ahead_ms + (int64_t)((double)ms * clock->speed) : 0;
        weight_now now = {ms, told_ms};
        if (foreign_per_s && ms >= next_foreign_ms) {
            count(&x, real_ms, (int)foreign_per_s);
            x.foreign += foreign_per_s;
            next_foreign_ms = ms + 1000;
        }
        advance(&x, &b, calls, &n, real_ms, now);
        int weight = below(4) ? 2 : 10;
        if (n == MAX_OUT || weight_budget_wait(&b, weight, below(3) ? WEIGHT_BULK : WEIGHT_URGENT, now) > 0) continue;
        out_call *c = &calls[n++];
        *c = (out_call){
            .weight = weight, .mark = weight_budget_take(&b, weight, now), .is_lost = has_lost && below(200) == 0};
        c->counted_ms = real_ms + 5 + below(60);
        c->back_ms = c->counted_ms + 5 + below(200);
    }
    return x;
}

static void test_clocks(void) {
    static const clock_kind clocks[] = {
        {"a clock that is right", 1, 0},        {"a clock that is 40 ms late", 1, -40},
        {"a clock that is 2 s late", 1, -2000}, {"a clock that is 25 s ahead", 1, 25000},
        {"a clock ten times too fast", 10, 0},  {"a clock a thousand times too fast", 1000, 0},
        {"a clock that hardly moves", 0.05, 0}, {"no clock", 0, 0}};
    for (size_t i = 0; i < sizeof clocks / sizeof *clocks; i++) {
        exchange start = play(&clocks[i], 6000, 90, false, 0, true), later = play(&clocks[i], 2400, 50, false, 0, true);
        ok(start.most <= 6000 && later.most <= 2400, "%s: never above the limit (%lld of 6000, %lld of 2400)",
           clocks[i].name, (long long)start.most, (long long)later.most);
        ok(start.total > 9 * 6000 * 6 / 10 && later.total > 9 * 2400 * 3 / 10,
           "%s: and the minutes are used (%lld, %lld)", clocks[i].name, (long long)start.total, (long long)later.total);
    }
}

static void test_share(void) {
    const clock_kind late = {"late", 1, -40};
    exchange x = play(&late, 6000, 50, false, 0, false);
    ok(x.most <= 3000 && x.most > 2700, "half of the limit is what is used at most (%lld of 6000)", (long long)x.most);
    x = play(&late, 6000, 90, false, 30, true);
    ok(x.most <= 6000 && x.foreign > 0, "others at the same address are seen in the answers (%lld)", (long long)x.most);
    x = play(&late, 6000, 90, true, 0, true);
    ok(x.most <= 6000 && x.total > 9 * 6000 / 2, "answers that say nothing: our own count (%lld)", (long long)x.most);
}

static void test_steps(void) {
    weight_budget b;
    weight_budget_init(&b, 100, 50);
    weight_now now = {1000, 60000 * 1000 + 20000};
    ok(weight_budget_wait(&b, 60, WEIGHT_BULK, now) == 0, "a call above the whole budget goes when nothing else does");
    weight_mark turn = weight_budget_take(&b, 44, now);
    ok(weight_budget_wait(&b, 2, WEIGHT_BULK, now) == 40000, "what is out counts; held until the minute turns");
    ok(weight_budget_wait(&b, 6, WEIGHT_URGENT, now) == 0 && weight_budget_wait(&b, 7, WEIGHT_URGENT, now) == 40000,
       "a twentieth of the limit is left to urgent calls");
    weight_budget_answer(&b, 44, turn, 48, now);
    ok(weight_budget_wait(&b, 3, WEIGHT_URGENT, now) > 0 && weight_budget_wait(&b, 2, WEIGHT_URGENT, now) == 0,
       "the exchange's own count is believed");
    weight_budget_set_percent(&b, 90);
    ok(weight_budget_wait(&b, 37, WEIGHT_BULK, now) == 0, "another share counts at once");
    weight_budget_set_percent(&b, 50);
    now = (weight_now){41000, 60000 * 1001};
    ok(weight_budget_wait(&b, 10, WEIGHT_BULK, now) == 0, "the minute is expected to turn: one call may ask");
    turn = weight_budget_take(&b, 10, now);
    ok(weight_budget_wait(&b, 10, WEIGHT_BULK, now) > 0, "and only one");
    weight_budget_answer(&b, 10, turn, 58, now);
    ok(weight_budget_wait(&b, 10, WEIGHT_BULK, now) >= 5000, "it has not turned: not asked again at once");
    now = (weight_now){47000, 60000 * 1001 + 6000};
    turn = weight_budget_take(&b, 10, now);
    weight_budget_answer(&b, 10, turn, 10, now);
    ok(b.used == 10 && weight_budget_wait(&b, 10, WEIGHT_BULK, now) == 0,
       "an answer that shows a new minute is enough");
}

int main(void) {
    random_state = tap_seed((uint64_t)time(NULL)) | 1;
    test_steps();
    test_clocks();
    test_share();
    return done();
}
