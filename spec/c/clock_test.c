/* Market time never goes back, whatever the exchange says. */
#include "base/clock.h"
#include "spec/c/tap.h"
#include <poll.h>
#include <pthread.h>

static void test_system_clocks(void) {
    int64_t first = monotonic_ns(), cpu = thread_cpu_ns();
    for (int i = 0; i < 10000000 && thread_cpu_ns() == cpu;) i++;
    ok(thread_cpu_ns() > cpu, "CPU time grows with work");
    ok(monotonic_ns() > first, "monotonic time grows");
    first = monotonic_ns();
    cpu = thread_cpu_ns();
    poll(NULL, 0, 40);
    ok(thread_cpu_ns() - cpu < (monotonic_ns() - first) / 2, "waiting is no CPU time");
    int64_t ns = monotonic_ns(), ms = monotonic_ms();
    ok(ms >= ns / 1000000 && ms <= monotonic_ns() / 1000000, "both units are of one clock");
    ok(wall_ms() > 1704067200000, "the wall clock is in ms and past 2024");
}

static void test_market_clock(void) {
    market_clock c;
    market_clock_init(&c);
    ok(market_clock_now(&c, 5000) == 0, "0 before the first observation");
    market_clock_observe(&c, 1700000000000, 5000);
    ok(market_clock_now(&c, 5000) == 1700000000000, "an observation sets it");
    ok(market_clock_now(&c, 5250) == 1700000000250, "the monotonic clock carries it on");
    market_clock_observe(&c, 1700000000100, 5250);
    ok(market_clock_now(&c, 5250) == 1700000000250, "a late observation does not turn it back");
    market_clock_observe(&c, 1700000009000, 5300);
    ok(market_clock_now(&c, 5300) == 1700000009000, "a newer one moves it on");
    const int64_t absurd[] = {INT64_MAX, INT64_MIN, -1, 0, 253402300800000};
    for (size_t i = 0; i < sizeof absurd / sizeof *absurd; i++) market_clock_observe(&c, absurd[i], 5300);
    ok(market_clock_now(&c, 5300) == 1700000009000, "absurd times are ignored");
}

enum { N_STEPS = 200000 };

static void *observe(void *context) {
    for (int64_t i = 1; i <= N_STEPS; i++) market_clock_observe(context, 1700000000000 + (i % 2 ? i : i - 50), i);
    return NULL;
}

static void test_reader(void) {
    market_clock c;
    pthread_t thread;
    market_clock_init(&c);
    market_clock_observe(&c, 1700000000000, 0);
    pthread_create(&thread, NULL, observe, &c);
    int64_t last = 0;
    bool grew = true;
    for (int i = 0; i < N_STEPS; i++) {
        int64_t now = market_clock_now(&c, i);
        grew = grew && now >= last;
        last = now;
    }
    pthread_join(thread, NULL);
    ok(grew, "another thread sees it grow only");
}

int main(void) {
    test_system_clocks();
    test_market_clock();
    test_reader();
    return done();
}
