/* Single-producer single-consumer ring of fixed-size items, and the wake-up that goes with it.
 *
 * Threads: exactly one producer and one consumer per queue. Lock-free: one release store per side, each side caches
 * the other's index. A `wakeup` is shared by all queues that one thread consumes: producers notify, the consumer
 * waits; a notify for a consumer that is awake is one atomic exchange and no system call. Push first, then notify: once
 * per batch is enough.
 * Consumers on the libuv loop use uv_async_t instead of a wakeup. */
#pragma once
#include "base/errors.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct queue queue;

/* `capacity` is rounded up to a power of two. ERR_INVALID when either is 0, ERR_TOO_BIG over 1 GiB, ERR_NO_MEMORY. */
MUST_CHECK err queue_new(size_t capacity, size_t item_bytes, queue **out);
void queue_free(queue *q);
/* Producer: false when full. */
bool queue_push(queue *q, const void *item);
/* Consumer: false when empty. */
bool queue_pop(queue *q, void *item);
/* Consumer: the item that will be popped `ahead` pops after the next one, NULL when it is not there yet. Borrowed until the
 * next pop. */
const void *queue_peek(queue *q, size_t ahead);
/* Either side: number of items, exact only from the caller's own side. */
size_t queue_length(const queue *q);
size_t queue_capacity(const queue *q);

typedef struct wakeup wakeup;

MUST_CHECK err wakeup_new(wakeup **out);
/* After the last thread that notifies is gone. */
void wakeup_free(wakeup *w);
/* Any thread. A notify that comes while the consumer is awake makes its next wait return at once. */
void wakeup_notify(wakeup *w);
/* Consumer: waits until notified or until `timeout_ms` (monotonic; negative: for ever). True when notified. */
bool wakeup_wait(wakeup *w, int64_t timeout_ms);
