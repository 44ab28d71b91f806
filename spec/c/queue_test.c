/* Two threads, millions of items: order, fullness, and no wake-up lost. */
#include "base/clock.h"
#include "base/queue.h"
#include "spec/c/tap.h"
#include <pthread.h>
#include <sched.h>
#include <string.h>

#ifdef __SANITIZE_THREAD__
enum { N_ITEMS = 1000000, N_ROUNDS = 20000 };
#else
enum { N_ITEMS = 4000000, N_ROUNDS = 100000 };
#endif
enum { DEADLINE_MS = 60000 };

typedef struct item {
    uint64_t number, check;
    char pad[24];
} item;

static item make_item(uint64_t number) { return (item){.number = number, .check = ~number}; }

static void test_limits(void) {
    queue *q = NULL;
    ok(queue_new(0, 8, &q) == ERR_INVALID && queue_new(8, 0, &q) == ERR_INVALID, "a queue of nothing is refused");
    ok(queue_new(SIZE_MAX, 8, &q) == ERR_TOO_BIG && queue_new(1 << 20, 1 << 20, &q) == ERR_TOO_BIG,
       "a queue beyond the ceiling is refused");
    ok(!q, "and nothing is handed out");
    queue_free(NULL);
    wakeup_free(NULL);
}

/* At every fill and place of the ring: what is seen ahead is what will be popped then. */
static void test_peek(void) {
    queue *q = NULL;
    item got = {0};
    uint64_t pushed = 0, popped = 0;
    bool is_right = true;
    if (queue_new(8, sizeof(item), &q)) abort();
    ok(!queue_peek(q, 0), "an empty queue shows nothing");
    for (int round = 0; round < 200; round++) {
        item i = make_item(pushed);
        if (round % 3 && queue_push(q, &i)) pushed++;
        if (round % 50 < 20 && queue_pop(q, &got)) popped++;
        for (size_t ahead = 0; ahead < 10; ahead++) {
            const item *seen = queue_peek(q, ahead);
            bool is_there = ahead < pushed - popped;
            is_right = is_right && (is_there ? seen && seen->number == popped + ahead : !seen);
        }
    }
    ok(is_right, "what lies ahead is seen in its order, and nothing behind the last");
    queue_free(q);
}

static void test_one_thread(void) {
    queue *q = NULL;
    if (queue_new(5, sizeof(item), &q)) abort();
    ok(queue_capacity(q) == 8, "the capacity is rounded up to a power of two");
    item got = {0};
    ok(!queue_pop(q, &got), "a new queue is empty");
    uint64_t pushed = 0, popped = 0;
    bool in_order = true;
    for (int round = 0; round < 100; round++) {
        for (item i = make_item(pushed); queue_push(q, &i); i = make_item(pushed)) pushed++;
        in_order = in_order && pushed - popped == 8 && queue_length(q) == 8;
        for (int n = 0; n < 1 + round % 8 && queue_pop(q, &got); n++) in_order = in_order && got.number == popped++;
    }
    ok(in_order, "full at its capacity, first in first out, over many turns of the ring");
    while (queue_pop(q, &got)) popped++;
    ok(pushed == popped && queue_length(q) == 0, "what went in came out");
    queue_free(q);
}

typedef struct pipe {
    queue *q;
    wakeup *w;
    uint64_t n_full;
} pipe;

static void *produce(void *context) {
    pipe *p = context;
    for (uint64_t number = 0; number < N_ITEMS; number++) {
        item i = make_item(number);
        while (!queue_push(p->q, &i)) {
            p->n_full++;
            sched_yield();
        }
        wakeup_notify(p->w);
    }
    return NULL;
}

static void test_two_threads(void) {
    pipe p = {0};
    pthread_t thread;
    if (queue_new(64, sizeof(item), &p.q) || wakeup_new(&p.w)) abort();
    pthread_create(&thread, NULL, produce, &p);
    uint64_t n = 0, n_waits = 0, n_wrong = 0;
    bool was_lost = false;
    while (n < N_ITEMS && !was_lost) {
        item got;
        for (; queue_pop(p.q, &got); n++) n_wrong += got.number != n || got.check != ~n;
        if (n < N_ITEMS) was_lost = !wakeup_wait(p.w, DEADLINE_MS);
        n_waits++;
    }
    ok(!was_lost, "no wake-up is lost");
    ok(n == N_ITEMS && n_wrong == 0, "%d items come whole and in order", N_ITEMS);
    printf("# %llu waits, full %llu times\n", (unsigned long long)n_waits, (unsigned long long)p.n_full);
    if (was_lost) exit(done()); /* the producer would never end */
    pthread_join(thread, NULL);
    queue_free(p.q);
    wakeup_free(p.w);
}

/* Ping-pong: each side sleeps until the other has notified, so every round needs both wake-ups. */
typedef struct court {
    queue *there, *back;
    wakeup *far_side, *near_side;
    bool was_lost;
} court;

static bool take_one(queue *q, wakeup *w, uint64_t *number) {
    while (!queue_pop(q, number))
        if (!wakeup_wait(w, DEADLINE_MS)) return false;
    return true;
}

static void *return_balls(void *context) {
    court *c = context;
    for (uint64_t round = 0, number; round < N_ROUNDS; round++) {
        if (!take_one(c->there, c->far_side, &number) || !queue_push(c->back, &number)) {
            c->was_lost = true;
            return NULL;
        }
        wakeup_notify(c->near_side);
    }
    return NULL;
}

static void test_ping_pong(void) {
    court c = {0};
    pthread_t thread;
    if (queue_new(2, 8, &c.there) || queue_new(2, 8, &c.back) || wakeup_new(&c.far_side) || wakeup_new(&c.near_side))
        abort();
    pthread_create(&thread, NULL, return_balls, &c);
    uint64_t round = 0, number = 0;
    for (; round < N_ROUNDS; round++) {
        if (!queue_push(c.there, &round)) break;
        wakeup_notify(c.far_side);
        if (!take_one(c.back, c.near_side, &number) || number != round) break;
    }
    pthread_join(thread, NULL);
    ok(round == N_ROUNDS && !c.was_lost, "%d rounds of ping-pong", N_ROUNDS);
    queue_free(c.there);
    queue_free(c.back);
    wakeup_free(c.far_side);
    wakeup_free(c.near_side);
}

static void test_wait(void) {
    wakeup *w = NULL;
    if (wakeup_new(&w)) abort();
    ok(!wakeup_wait(w, 0), "a wait of 0 ms without a notify says so");
    int64_t before = monotonic_ns();
    ok(!wakeup_wait(w, 20), "a wait times out");
    ok(monotonic_ns() - before >= 20000000, "not before its time");
    wakeup_notify(w);
    wakeup_notify(w);
    ok(wakeup_wait(w, -1), "a notify that came before makes the next wait return at once");
    ok(!wakeup_wait(w, 0), "and only that one");
    wakeup_notify(w);
    ok(wakeup_wait(w, INT64_MAX), "the longest timeout is no overflow");
    wakeup_free(w);
}

int main(void) {
    test_limits();
    test_one_thread();
    test_peek();
    test_wait();
    test_two_threads();
    test_ping_pong();
    return done();
}
