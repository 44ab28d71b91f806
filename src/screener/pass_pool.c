/* Two lists: what has come back, pushed by any thread with one compare-and-swap and taken whole by the worker; and what
 * the worker has at hand. Taken whole, a list of this kind knows no ABA problem, and unlike a ring it is never full.
 *
 *   I/O thread ──put──► returned ──(exchange, whole)──► at_hand ──take──► worker
 *
 * The passes of a burst, and the long ones of the start, would otherwise be kept for ever: beyond KEPT_BYTES what comes back is
 * freed. */
#include "screener/pass_pool.h"
#include <stdatomic.h>
#include <stdlib.h>

enum { KEPT_BYTES = 1 << 20 };

struct pass_pool {
    _Atomic(pass *) returned;
    _Atomic uint64_t n_users;  /* the worker, and every pass under way */
    _Atomic size_t bytes_kept; /* of both lists */
    pass *at_hand;             /* the worker's */
};

err pass_pool_new(pass_pool **out) {
    pass_pool *pool = calloc(1, sizeof *pool);
    if (!pool) return ERR_NO_MEMORY;
    atomic_init(&pool->n_users, 1);
    *out = pool;
    return OK;
}

static void free_list(pass *p) {
    for (pass *next; p; p = next) {
        next = p->next;
        p->pool = NULL; /* nobody counts it any more */
        pass_free(p);
    }
}

void pass_pool_forget(pass_pool *pool) {
    if (atomic_fetch_sub(&pool->n_users, 1) != 1) return;
    free_list(atomic_load(&pool->returned));
    free_list(pool->at_hand);
    free(pool);
}

void pass_pool_free(pass_pool *pool) {
    if (pool) pass_pool_forget(pool);
}

void pass_pool_put(pass_pool *pool, pass *p) {
    size_t bytes = pass_bytes(p);
    if (atomic_fetch_add_explicit(&pool->bytes_kept, bytes, memory_order_relaxed) + bytes > KEPT_BYTES) {
        atomic_fetch_sub_explicit(&pool->bytes_kept, bytes, memory_order_relaxed);
        pass_free(p);
        return;
    }
    p->next = atomic_load_explicit(&pool->returned, memory_order_relaxed);
    while (!atomic_compare_exchange_weak_explicit(&pool->returned, &p->next, p, memory_order_release,
                                                  memory_order_relaxed))
        continue;
    pass_pool_forget(pool); /* after the push: who comes last finds it */
}

pass *pass_pool_take(pass_pool *pool) {
    pass *p;
    if (!pool->at_hand) pool->at_hand = atomic_exchange_explicit(&pool->returned, NULL, memory_order_acquire);
    p = pool->at_hand;
    if (p) {
        pool->at_hand = p->next;
        atomic_fetch_sub_explicit(&pool->bytes_kept, pass_bytes(p), memory_order_relaxed);
        pass_reset(p);
    } else if ((p = pass_new())) {
        p->pool = pool;
    }
    if (p) atomic_fetch_add_explicit(&pool->n_users, 1, memory_order_relaxed);
    return p;
}
