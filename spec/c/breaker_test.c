/* When a failing service is asked again, and how fast what has piled up is sent. */
#include "spec/c/tap.h"
#include "sync/breaker.h"

static breaker fresh(void) {
    breaker b;
    breaker_init(&b, 500, 60000, 1000, 7);
    return b;
}

static void test_states(void) {
    breaker b = fresh();
    ok(b.state == BREAKER_CLOSED && breaker_wait_ms(&b, 1000) == 0, "at first all goes");
    breaker_failed(&b, 1000, 0);
    int64_t wait_ms = breaker_wait_ms(&b, 1000);
    ok(b.state == BREAKER_RETRYING && wait_ms >= 250 && wait_ms <= 500, "a failure waits: %lld ms", (long long)wait_ms);
    ok(breaker_wait_ms(&b, 1000 + wait_ms) == 0, "and then one may be tried");
    breaker_worked(&b);
    ok(b.state == BREAKER_CLOSED && !b.is_draining, "a single failure leaves nothing to be drained");
    for (int i = 0; i < BREAKER_OPEN_AFTER; i++) breaker_failed(&b, 2000, 0);
    ok(b.state == BREAKER_OPEN, "%d in a row are an outage", BREAKER_OPEN_AFTER);
    for (int i = 0; i < 20; i++) breaker_failed(&b, 3000, 0);
    wait_ms = breaker_wait_ms(&b, 3000);
    ok(wait_ms >= 250 && wait_ms <= 60000, "the wait has a ceiling: %lld ms", (long long)wait_ms);
    breaker_worked(&b);
    ok(b.state == BREAKER_CLOSED && b.is_draining && breaker_wait_ms(&b, 3000) == 0,
       "what has waited through it is drained");
}

static void test_retry_after(void) {
    breaker b = fresh();
    breaker_failed(&b, 1000, 7000);
    ok(breaker_wait_ms(&b, 1000) == 7000, "no sooner than the service asks");
    breaker_failed(&b, 1000, 1);
    ok(breaker_wait_ms(&b, 1000) >= 250, "and no sooner than of itself");
}

static void test_drain(void) {
    breaker b = fresh();
    breaker_sent(&b, 1000, 100000);
    ok(breaker_wait_ms(&b, 1000) == 0, "without an outage nothing is bounded");
    for (int i = 0; i < BREAKER_OPEN_AFTER; i++) breaker_failed(&b, 1000, 0);
    breaker_worked(&b);
    int64_t now_ms = 10000, sent = 0;
    while (now_ms < 20000) {
        int64_t wait_ms = breaker_wait_ms(&b, now_ms);
        now_ms += wait_ms;
        if (wait_ms) continue;
        breaker_sent(&b, now_ms, 100);
        sent += 100;
    }
    ok(sent >= 10000 && sent <= 10100, "%lld rows in ten seconds at 1000/s", (long long)sent);
    breaker_emptied(&b);
    ok(breaker_wait_ms(&b, now_ms) == 0, "until nothing is left");
    for (int i = 0; i < BREAKER_OPEN_AFTER; i++) breaker_failed(&b, now_ms, 0);
    breaker_worked(&b);
    breaker_sent(&b, now_ms + 60000, 500);
    ok(breaker_wait_ms(&b, now_ms + 60000) == 500, "time that has gone by unused is not saved up");
}

int main(void) {
    test_states();
    test_retry_after();
    test_drain();
    return done();
}
