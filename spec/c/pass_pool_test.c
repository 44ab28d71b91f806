/* screener/pass and pass_pool: what is added is there and its own, a pass that comes back is used again with its memory,
 * also when another thread gives it back, and a pool may go before its passes. */
#include "base/queue.h"
#include "screener/pass_pool.h"
#include "spec/c/passes.h"
#include "spec/c/tap.h"
#include <pthread.h>
#include <sched.h>
#include <string.h>

enum { N_THREADED = 20000, N_UNDER_WAY = 64 };

static uint64_t state = 1;

static uint32_t draw(uint32_t below) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((state >> 33) % below);
}

/* Text number `n`: its length and its letters follow from the number. */
static void text_of(uint32_t n, char out[4096]) {
    uint32_t bytes = n * 37 % 4000;
    for (uint32_t i = 0; i < bytes; i++) out[i] = (char)('a' + (n + i) % 26);
    out[bytes] = 0;
}

static bool is_text(const char *text, uint32_t n) {
    char expected[4096];
    text_of(n, expected);
    return strcmp(text, expected) == 0;
}

static void fill(pass *p, uint32_t from, uint32_t count) {
    char texts[3][4096], id[ID_BYTES];
    update_row update = {.state = SIGNAL_CONFIRMED};
    for (uint32_t n = from; n < from + count; n++) {
        signal_row row = {.open_ms = n, .conditions = texts[0], .tags = texts[1]};
        for (uint32_t i = 0; i < 3; i++) text_of(n + i, texts[i]);
        if (n % 2) row.values = texts[2];
        snprintf(id, sizeof id, "trader-%u", n);
        must(pass_add_signal(p, &row));
        must(pass_add_edge(p, &(edge_row){.start_ms = n, .is_tick = n % 2}));
        must(pass_add_owed(p, id, n));
        must(pass_add_epoch(p, texts[2], n));
        must(pass_add_settle(p, id, n, SIGNAL_WITHDRAWN));
        must(pass_add_revise(p, id, INTERVAL_5M, 0, 1));
        snprintf(update.id, sizeof update.id, "%s", id);
        must(pass_add_update(p, &update));
        memset(texts, '!', sizeof texts); /* nothing of the caller's is kept */
        memset(id, '!', sizeof id);
    }
}

static bool holds(const pass *p, uint32_t from, uint32_t count) {
    char id[ID_BYTES];
    bool all = p->n_signals == count && p->n_edges == count && p->n_owed == count && p->n_epochs == count &&
               p->n_settles == count && p->n_updates == count;
    for (uint32_t i = 0; all && i < count; i++) {
        uint32_t n = from + i;
        const signal_row *s = &p->signals[i];
        snprintf(id, sizeof id, "trader-%u", n);
        all = s->open_ms == n && is_text(s->conditions, n) && is_text(s->tags, n + 1) && !s->plots &&
              (n % 2 ? is_text(s->values, n + 2) : !s->values) && p->edges[i].start_ms == n &&
              p->edges[i].is_tick == (n % 2) && p->owed[i].cursor_ms == n && !strcmp(p->owed[i].trader_id, id) &&
              is_text(p->epochs[i].key, n + 2) && p->epochs[i].epoch_ms == n && p->settles[i].open_ms == n &&
              p->settles[i].state == SIGNAL_WITHDRAWN && !strcmp(p->settles[i].trader_id, id) &&
              !strcmp(p->updates[i].id, id) && p->updates[i].state == SIGNAL_CONFIRMED;
    }
    return all;
}

static void test_rows(void) {
    pass *p = pass_new();
    uint32_t n_wrong = 0;
    size_t bytes;
    fill(p, 0, 100);
    ok(holds(p, 0, 100), "a hundred rows of every kind, with texts of all lengths");
    for (uint32_t i = 0; i < 200; i++) {
        uint32_t from = draw(1000), count = draw(60);
        pass_reset(p);
        n_wrong += p->symbol[0] || p->open_ms || p->is_tick || p->n_signals || p->n_updates;
        fill(p, from, count);
        n_wrong += !holds(p, from, count);
    }
    ok(n_wrong == 0, "after a reset it is empty, and holds what is added then");
    pass_reset(p);
    fill(p, 0, 100);
    bytes = pass_bytes(p);
    for (uint32_t i = 0; i < 50; i++) {
        pass_reset(p);
        fill(p, 0, 100);
    }
    ok(pass_bytes(p) == bytes, "the same rows again take no more memory");
    pass_release(p);
}

static void test_reuse(void) {
    pass_pool *pool = NULL;
    must(pass_pool_new(&pool));
    pass *first = pass_pool_take(pool), *second;
    fill(first, 0, 10);
    const void *edges = first->edges;
    snprintf(first->symbol, sizeof first->symbol, "BTCUSDT");
    first->is_tick = true;
    second = pass_pool_take(pool);
    ok(second != first, "two at a time are two");
    pass_release(first);
    first = pass_pool_take(pool);
    ok(first->edges == edges && first->n_edges == 0 && !first->symbol[0] && !first->is_tick,
       "what came back is used again with its memory, and empty");
    pass_free(second);
    second = pass_pool_take(pool);
    fill(second, 3, 3);
    pass_pool_free(pool);
    ok(holds(second, 3, 3), "a pass outlives its pool");
    pass_release(first);
    pass_release(second); /* the last one frees the pool: LeakSanitizer watches */
    pass_release(NULL);
}

static void test_limit(void) {
    enum { N = 100 };
    pass_pool *pool = NULL;
    pass *all[N];
    size_t kept = 0;
    must(pass_pool_new(&pool));
    for (int i = 0; i < N; i++) {
        all[i] = pass_pool_take(pool);
        fill(all[i], 0, 20);
    }
    size_t each = pass_bytes(all[0]);
    for (int i = 0; i < N; i++) pass_release(all[i]);
    for (int i = 0; i < N; i++) {
        all[i] = pass_pool_take(pool);
        if (pass_bytes(all[i]) == each) kept += each;
    }
    ok(kept > 0 && kept <= 1 << 20 && N * each > 2 << 20, "of a burst, 1 MiB is kept (%zu of %zu bytes)", kept,
       N * each);
    for (int i = 0; i < N; i++) pass_release(all[i]);
    pass_pool_free(pool);
}

/* ---- given back by another thread ---- */

static void *give_back(void *argument) {
    queue *from = argument;
    static uint32_t n_wrong;
    pass *p;
    for (uint32_t i = 0; i < N_THREADED; i++) {
        while (!queue_pop(from, &p)) sched_yield();
        n_wrong += p->open_ms != i || !holds(p, i % 100, i % 3);
        pass_release(p);
    }
    return n_wrong ? &n_wrong : NULL;
}

static void test_threads(void) {
    pass_pool *pool = NULL;
    queue *under_way = NULL;
    pthread_t thread;
    void *wrong = NULL;
    size_t most = 0;
    must(pass_pool_new(&pool));
    must(queue_new(N_UNDER_WAY, sizeof(pass *), &under_way));
    pthread_create(&thread, NULL, give_back, under_way);
    for (uint32_t i = 0; i < N_THREADED; i++) {
        pass *p = pass_pool_take(pool);
        p->open_ms = i;
        fill(p, i % 100, i % 3);
        if (pass_bytes(p) > most) most = pass_bytes(p);
        while (!queue_push(under_way, &p)) sched_yield();
    }
    pass_pool_free(pool); /* while the last ones are under way */
    pthread_join(thread, &wrong);
    ok(!wrong && most < 64 << 10, "%d passes through two threads, each as it was made (%zu bytes at most)", N_THREADED,
       most);
    queue_free(under_way);
}

int main(void) {
    test_rows();
    test_reuse();
    test_limit();
    test_threads();
    return done();
}
