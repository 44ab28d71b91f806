/* The sliding window of connection attempts, by hand and against a list of all attempts. */
#include "binance/connect_limit.h"
#include "spec/c/random.h"
#include "spec/c/tap.h"

static void test_window(void) {
    connect_limit l;
    connect_limit_init(&l, 3, 1000);
    ok(connect_limit_take(&l, 0) == 0 && connect_limit_take(&l, 400) == 0 && connect_limit_take(&l, 400) == 0,
       "three within a second");
    ok(connect_limit_take(&l, 500) == 500, "the fourth waits until the first has left");
    ok(connect_limit_take(&l, 999) == 1, "a refused one is not counted");
    ok(connect_limit_take(&l, 1000) == 0 && connect_limit_take(&l, 1000) == 400, "one place, not three");
    ok(connect_limit_take(&l, 1400) == 0 && connect_limit_take(&l, 1400) == 0 && connect_limit_take(&l, 1400) == 600,
       "two that came together leave together");
    ok(connect_limit_take(&l, 1000000) == 0, "after a long time all are forgotten");
}

/* Never more than `max` in any window, and never a wait that is longer than it must be. */
static size_t run_scene(uint32_t max, int64_t window_ms, size_t *n_refused) {
    enum { N = 1000 };
    int64_t taken[N], now_ms = 0;
    connect_limit l;
    size_t n = 0, n_wrong = 0;
    connect_limit_init(&l, max, window_ms);
    for (size_t i = 0; i < N; i++) {
        now_ms += below((int32_t)(2 * window_ms / max + 2));
        size_t n_inside = 0;
        for (size_t k = n; k > 0 && now_ms - taken[k - 1] < window_ms; k--) n_inside++;
        int64_t expected = n_inside < max ? 0 : taken[n - max] + window_ms - now_ms;
        n_wrong += connect_limit_take(&l, now_ms) != expected;
        if (expected == 0) taken[n++] = now_ms;
        *n_refused += expected != 0;
    }
    return n_wrong + (n <= max); /* else the ring has not gone round */
}

static void test_random(void) {
    enum { SCENES = 50 };
    size_t n_refused = 0, n_wrong = 0;
    random_state = tap_seed(20261130);
    for (int i = 0; i < SCENES; i++) {
        uint32_t max = 1 + (uint32_t)below(CONNECT_LIMIT_MAX);
        n_wrong += run_scene(max, 1 + below(5000), &n_refused);
    }
    ok(n_wrong == 0 && n_refused > SCENES, "of the attempts of %d scenes %zu wait, as a list of all says", SCENES,
       n_refused);
}

int main(void) {
    test_window();
    test_random();
    return done();
}
