#include "serve/client_queue.h"
#include <stdlib.h>
#include <string.h>

enum { FIRST_CAPACITY = 16 }; /* a power of two, as are those that follow */

void client_queue_init(client_queue *q) { *q = (client_queue){0}; }

static message **at(const client_queue *q, uint32_t i) { return &q->items[(q->head + i) & (q->capacity - 1)]; }

/* One message may be larger than the whole budget (a hello with many traders) and goes out all the same: it counts as half of
 * it, so that the answers behind it have room. */
static size_t weight_of(const message *m) {
    return m->bytes < CLIENT_QUEUE_BYTES / 2 ? m->bytes : CLIENT_QUEUE_BYTES / 2;
}

const message *client_queue_first(const client_queue *q) { return q->count ? *at(q, 0) : NULL; }

message *client_queue_take(client_queue *q) {
    message *m;
    if (q->count == 0) return NULL;
    m = *at(q, 0);
    q->head = (q->head + 1) & (q->capacity - 1);
    q->count--;
    q->bytes -= weight_of(m);
    return m;
}

void client_queue_deinit(client_queue *q) {
    for (message *m; (m = client_queue_take(q));) message_release(m);
    free(q->items);
    client_queue_init(q);
}

/* Most clients read, so that their queue stays empty: it grows with the first that does not. */
static err make_room(client_queue *q) {
    uint32_t capacity = q->capacity ? q->capacity * 2 : FIRST_CAPACITY;
    message **larger;
    if (q->count < q->capacity) return OK;
    larger = malloc(capacity * sizeof(message *));
    if (!larger) return ERR_NO_MEMORY;
    for (uint32_t i = 0; i < q->count; i++) larger[i] = *at(q, i);
    free(q->items);
    q->items = larger;
    q->capacity = capacity;
    q->head = 0;
    return OK;
}

/* A bar that has closed is not replaced by what comes after it. */
static bool replaces(const message *newer, const message *older) {
    return newer->kind == older->kind && newer->topic == older->topic && !older->is_closed;
}

/* All that may be lost, or what `newer` replaces. The order of the others stays. */
static void drop(client_queue *q, const message *newer) {
    uint32_t kept = 0;
    for (uint32_t i = 0; i < q->count; i++) {
        message *m = *at(q, i);
        if (m->kind != MESSAGE_KEPT && (!newer || replaces(newer, m))) {
            q->bytes -= weight_of(m);
            q->n_dropped++;
            message_release(m);
        } else {
            *at(q, kept++) = m;
        }
    }
    q->count = kept;
}

static bool fits(const client_queue *q, const message *m, uint32_t share) {
    return q->count < CLIENT_QUEUE_MESSAGES / share && q->bytes + weight_of(m) <= CLIENT_QUEUE_BYTES / share;
}

static err append(client_queue *q, message *m) {
    if (make_room(q) != OK) return ERR_NO_MEMORY;
    *at(q, q->count++) = message_acquire(m);
    q->bytes += weight_of(m);
    return OK;
}

err client_queue_push(client_queue *q, message *m) {
    if (m->kind != MESSAGE_KEPT) {
        drop(q, m);
        if (fits(q, m, CLIENT_QUEUE_LOSSY_SHARE) && append(q, m) == OK) return OK;
        q->n_dropped++;
        return OK;
    }
    if (!fits(q, m, 1)) drop(q, NULL);
    return fits(q, m, 1) ? append(q, m) : ERR_FULL;
}
