/* When a failing service is asked again, and how fast what has piled up is sent. */
#include "spec/c/tap.h"
#include "sync/outage.h"

static outage fresh(void) {
    outage b;
    outage_init(&b, 500, 60000, 1000, 7);
    return b;
}

static void test_states(void) {
    outage b = fresh();
    ok(b.state == OUTAGE_NONE && outage_wait_ms(&b, 1000) == 0, "at first all goes");
    outage_failed(&b, 1000, 0);
    int64_t wait_ms = outage_wait_ms(&b, 1000);
    ok(b.state == OUTAGE_RETRYING && wait_ms >= 250 && wait_ms <= 500, "a failure waits: %lld ms", (long long)wait_ms);
    ok(outage_wait_ms(&b, 1000 + wait_ms) == 0, "and then one may be tried");
    outage_worked(&b);
    ok(b.state == OUTAGE_NONE && !b.is_draining, "a single failure leaves nothing to be drained");
    for (int i = 0; i < OUTAGE_LASTS_AFTER; i++) outage_failed(&b, 2000, 0);
    ok(b.state == OUTAGE_LASTING, "%d in a row are an outage", OUTAGE_LASTS_AFTER);
    for (int i = 0; i < 20; i++) outage_failed(&b, 3000, 0);
    wait_ms = outage_wait_ms(&b, 3000);
    ok(wait_ms >= 250 && wait_ms <= 60000, "the wait has a ceiling: %lld ms", (long long)wait_ms);
    outage_worked(&b);
    ok(b.state == OUTAGE_NONE && b.is_draining && outage_wait_ms(&b, 3000) == 0,
       "what has waited through it is drained");
}

static void test_retry_after(void) {
    outage b = fresh();
    outage_failed(&b, 1000, 7000);
    ok(outage_wait_ms(&b, 1000) == 7000, "no sooner than the service asks");
    outage_failed(&b, 1000, 1);
    ok(outage_wait_ms(&b, 1000) >= 250, "and no sooner than of itself");
}

static void test_drain(void) {
    outage b = fresh();
    outage_sent(&b, 1000, 100000);
    ok(outage_wait_ms(&b, 1000) == 0, "without an outage nothing is bounded");
    for (int i = 0; i < OUTAGE_LASTS_AFTER; i++) outage_failed(&b, 1000, 0);
    outage_worked(&b);
    int64_t now_ms = 10000, sent = 0;
    while (now_ms < 20000) {
        int64_t wait_ms = outage_wait_ms(&b, now_ms);
        now_ms += wait_ms;
        if (wait_ms) continue;
        outage_sent(&b, now_ms, 100);
        sent += 100;
    }
    ok(sent >= 10000 && sent <= 10100, "%lld rows in ten seconds at 1000/s", (long long)sent);
    outage_emptied(&b);
    ok(outage_wait_ms(&b, now_ms) == 0, "until nothing is left");
    for (int i = 0; i < OUTAGE_LASTS_AFTER; i++) outage_failed(&b, now_ms, 0);
    outage_worked(&b);
    outage_sent(&b, now_ms + 60000, 500);
    ok(outage_wait_ms(&b, now_ms + 60000) == 500, "time that has gone by unused is not saved up");
}

int main(void) {
    test_states();
    test_retry_after();
    test_drain();
    return done();
}
