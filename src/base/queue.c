/* A ring with two ever-growing indices, and a sleep that cannot be missed.
 *
 *      head (consumer)          tail (producer)            slot = index & mask
 *        v                        v                        length = tail - head
 *  [ . . x x x x x x x x x x x x x . . . . ]
 *
 * Each side publishes its own index with a release store and keeps a copy of the other's, re-read only when the ring
 * looks full (or empty); so in the steady state the two cache lines do not travel with every item.
 *
 * wakeup: one word. AWAKE -> NOTIFIED by notify; NOTIFIED -> AWAKE by wait; AWAKE -> SLEEPING -> NOTIFIED when the
 * consumer really waits. Both sides change it by read-modify-write only: of a notify and a wait, either the wait comes
 * later and finds NOTIFIED (and with it all that was pushed before), or the notify comes later and stands for the next
 * wait. A plain load before the exchange would be cheaper, but could be satisfied before the push is visible. */
#include "base/queue.h"
#include "base/clock.h"
#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { CACHE_LINE = 64 };
static const size_t MAX_RING_BYTES = (size_t)1 << 30;

struct queue {
    size_t mask, item_bytes;
    char *items;
    _Alignas(CACHE_LINE) _Atomic size_t head; /* written by the consumer */
    size_t seen_tail;                         /* consumer's own */
    _Alignas(CACHE_LINE) _Atomic size_t tail; /* written by the producer */
    size_t seen_head;                         /* producer's own */
};

static size_t round_up(size_t n) {
    size_t power = 1;
    while (power < n) power *= 2;
    return power;
}

err queue_new(size_t capacity, size_t item_bytes, queue **out) {
    if (capacity == 0 || item_bytes == 0) return ERR_INVALID;
    if (capacity > MAX_RING_BYTES || item_bytes > MAX_RING_BYTES) return ERR_TOO_BIG;
    size_t n_items = round_up(capacity);
    if (n_items > MAX_RING_BYTES / item_bytes) return ERR_TOO_BIG;
    queue *q = aligned_alloc(CACHE_LINE, sizeof *q);
    char *items = malloc(n_items * item_bytes);
    if (!q || !items) {
        free(items);
        free(q);
        return ERR_NO_MEMORY;
    }
    memset(q, 0, sizeof *q);
    q->mask = n_items - 1;
    q->item_bytes = item_bytes;
    q->items = items;
    atomic_init(&q->head, 0);
    atomic_init(&q->tail, 0);
    *out = q;
    return OK;
}

void queue_free(queue *q) {
    if (!q) return;
    free(q->items);
    free(q);
}

bool queue_push(queue *q, const void *item) {
    size_t tail = atomic_load_explicit(&q->tail, memory_order_relaxed);
    if (tail - q->seen_head > q->mask) {
        q->seen_head = atomic_load_explicit(&q->head, memory_order_acquire);
        if (tail - q->seen_head > q->mask) return false;
    }
    memcpy(q->items + (tail & q->mask) * q->item_bytes, item, q->item_bytes);
    atomic_store_explicit(&q->tail, tail + 1, memory_order_release);
    return true;
}

bool queue_pop(queue *q, void *item) {
    size_t head = atomic_load_explicit(&q->head, memory_order_relaxed);
    if (head == q->seen_tail) {
        q->seen_tail = atomic_load_explicit(&q->tail, memory_order_acquire);
        if (head == q->seen_tail) return false;
    }
    memcpy(item, q->items + (head & q->mask) * q->item_bytes, q->item_bytes);
    atomic_store_explicit(&q->head, head + 1, memory_order_release);
    return true;
}

const void *queue_peek(queue *q, size_t ahead) {
    size_t at = atomic_load_explicit(&q->head, memory_order_relaxed) + ahead;
    if (q->seen_tail - at - 1 > q->mask) {
        q->seen_tail = atomic_load_explicit(&q->tail, memory_order_acquire);
        if (q->seen_tail - at - 1 > q->mask) return NULL;
    }
    return q->items + (at & q->mask) * q->item_bytes;
}

size_t queue_length(const queue *q) {
    /* Head first: it only grows towards tail, so the difference is never negative. */
    size_t head = atomic_load_explicit(&q->head, memory_order_acquire);
    size_t length = atomic_load_explicit(&q->tail, memory_order_acquire) - head;
    return length <= q->mask ? length : q->mask + 1;
}

size_t queue_capacity(const queue *q) { return q->mask + 1; }

enum { AWAKE, NOTIFIED, SLEEPING };

struct wakeup {
    _Atomic int state;
    pthread_mutex_t mutex; /* held only to go to sleep and to wake the sleeper */
    pthread_cond_t cond;
};

static err init_cond(pthread_cond_t *cond) {
    pthread_condattr_t attributes;
    if (pthread_condattr_init(&attributes)) return ERR_NO_MEMORY;
    bool failed = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) || pthread_cond_init(cond, &attributes);
    pthread_condattr_destroy(&attributes);
    return failed ? ERR_NO_MEMORY : OK;
}

err wakeup_new(wakeup **out) {
    wakeup *w = malloc(sizeof *w);
    if (!w) return ERR_NO_MEMORY;
    if (pthread_mutex_init(&w->mutex, NULL)) goto no_mutex;
    if (init_cond(&w->cond)) goto no_cond;
    atomic_init(&w->state, AWAKE);
    *out = w;
    return OK;
no_cond:
    pthread_mutex_destroy(&w->mutex);
no_mutex:
    free(w);
    return ERR_NO_MEMORY;
}

void wakeup_free(wakeup *w) {
    if (!w) return;
    pthread_cond_destroy(&w->cond);
    pthread_mutex_destroy(&w->mutex);
    free(w);
}

void wakeup_notify(wakeup *w) {
    if (atomic_exchange(&w->state, NOTIFIED) != SLEEPING) return;
    /* Under the mutex: the sleeper is either inside the wait already or has yet to look at the state. */
    pthread_mutex_lock(&w->mutex);
    pthread_cond_signal(&w->cond);
    pthread_mutex_unlock(&w->mutex);
}

static struct timespec deadline_after(int64_t timeout_ms) {
    /* A wait of centuries is a wait for ever; the bound keeps the sum in range. */
    int64_t bounded_ms = timeout_ms < INT64_MAX / 4000000 ? timeout_ms : INT64_MAX / 4000000;
    int64_t ns = monotonic_ns() + bounded_ms * 1000000;
    return (struct timespec){.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};
}

static void sleep_until_notified(wakeup *w, int64_t timeout_ms) {
    struct timespec deadline = deadline_after(timeout_ms < 0 ? 0 : timeout_ms);
    int awake = AWAKE;
    pthread_mutex_lock(&w->mutex);
    if (atomic_compare_exchange_strong(&w->state, &awake, SLEEPING)) {
        int rc = 0;
        while (atomic_load(&w->state) == SLEEPING && rc != ETIMEDOUT) {
            rc = timeout_ms < 0 ? pthread_cond_wait(&w->cond, &w->mutex)
                                : pthread_cond_timedwait(&w->cond, &w->mutex, &deadline);
            assert(rc == 0 || rc == ETIMEDOUT);
        }
    }
    pthread_mutex_unlock(&w->mutex);
}

bool wakeup_wait(wakeup *w, int64_t timeout_ms) {
    if (atomic_exchange(&w->state, AWAKE) == NOTIFIED) return true;
    if (timeout_ms == 0) return false;
    sleep_until_notified(w, timeout_ms);
    return atomic_exchange(&w->state, AWAKE) == NOTIFIED;
}
