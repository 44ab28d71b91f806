/* Delays stay in their bounds, spread over them, and never overflow. */
#include "base/backoff.h"
#include "spec/c/tap.h"
#include <time.h>

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

static void test_bounds(uint64_t seed) {
    backoff b;
    backoff_init(&b, 500, 60000, seed);
    bool in_bounds = true;
    for (int n = 0; n < 10000; n++) {
        int64_t high = n < 20 ? least(60000, 500LL << n) : 60000;
        int64_t wait = backoff_next_ms(&b);
        in_bounds = in_bounds && wait >= 250 && wait <= high;
    }
    ok(in_bounds, "10000 delays lie in [base/2, min(cap, base * 2^n)]");
    ok(b.n_failures == 10000, "failures are counted");
    backoff_reset(&b);
    int64_t wait = backoff_next_ms(&b);
    ok(wait >= 250 && wait <= 500 && b.n_failures == 1, "a reset begins anew");
}

static void test_first(uint64_t seed) {
    backoff b;
    int n_early = 0;
    backoff_init(&b, 1000, 60000, seed);
    for (int i = 0; i < 200; i++) {
        n_early += backoff_next_ms(&b) < 750;
        backoff_reset(&b);
    }
    ok(n_early > 40 && n_early < 160,
       "the first delay is spread, too: clients that fell together do not rise together");
}

static void test_spread(uint64_t seed) {
    enum { N_BUCKETS = 10, N_DRAWS = 20000 };
    int buckets[N_BUCKETS] = {0};
    backoff b;
    backoff_init(&b, 1000, 10499, seed);
    b.n_failures = 30;
    for (int i = 0; i < N_DRAWS; i++) buckets[(backoff_next_ms(&b) - 500) / 1000]++;
    bool is_even = true;
    for (int i = 0; i < N_BUCKETS; i++) is_even = is_even && buckets[i] > 1600 && buckets[i] < 2400;
    ok(is_even, "delays are uniform over their range"); /* 400 is more than nine standard deviations */
}

static void test_seeds(void) {
    backoff a, b, c;
    backoff_init(&a, 1000, 60000, 1);
    backoff_init(&b, 1000, 60000, 1);
    backoff_init(&c, 1000, 60000, 2);
    int n_equal = 0, n_chance = 0;
    for (int i = 0; i < 20; i++) {
        int64_t wait = backoff_next_ms(&a);
        n_equal += wait == backoff_next_ms(&b);
        n_chance += wait == backoff_next_ms(&c);
    }
    ok(n_equal == 20, "one seed gives one sequence");
    ok(n_chance < 5, "another gives another");
}

static void test_extremes(void) {
    backoff b;
    backoff_init(&b, 1000, 100, 3);
    ok(backoff_next_ms(&b) == 100, "a cap below the base wins");
    backoff_init(&b, INT64_MAX, INT64_MAX, 3);
    b.n_failures = UINT32_MAX;
    ok(backoff_next_ms(&b) >= INT64_MAX / 2 && b.n_failures == UINT32_MAX, "the largest values do not overflow");
    backoff_init(&b, 0, 1000, 3);
    ok(backoff_next_ms(&b) == 0, "a base of 0 never waits");
}

int main(void) {
    uint64_t seed = tap_seed((uint64_t)time(NULL));
    test_bounds(seed);
    test_first(seed);
    test_spread(seed);
    test_seeds();
    test_extremes();
    return done();
}
