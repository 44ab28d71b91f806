/* What one client alone has still to be sent, oldest first, within a budget of messages and bytes: answers, which must arrive,
 * and what may be lost. What is pushed to all and must arrive lies in the history (push_history.h).
 *
 *   push ──► [ kept | kline | kept | metrics | ... ] ──► take
 *             what may be lost gives way first: a newer one of its kind replaces it; above a quarter of the budget it is not
 *             taken at all, and it goes when what must arrive has no room
 *
 * Threads: the loop's. Ownership: holds a reference of every message in it. */
#pragma once
#include "base/errors.h"
#include "serve/message.h"

enum {
    CLIENT_QUEUE_MESSAGES = 2048,
    CLIENT_QUEUE_BYTES = 1024 * 1024,
    CLIENT_QUEUE_LOSSY_SHARE = 4, /* what may be lost has a fourth of it */
};

typedef struct client_queue {
    message **items; /* a ring; NULL: nothing has ever waited */
    uint32_t capacity, head, count;
    size_t bytes;       /* each counts as half of the budget at most */
    uint64_t n_dropped; /* messages that were lost, ever */
} client_queue;

void client_queue_init(client_queue *q);
void client_queue_deinit(client_queue *q);
/* ERR_FULL: a message that must arrive has no room. ERR_NO_MEMORY. One that may be lost always gives OK. */
MUST_CHECK err client_queue_push(client_queue *q, message *m);
/* The oldest, borrowed; NULL: it is empty. */
const message *client_queue_first(const client_queue *q);
/* The reference moves to the caller; NULL: it is empty. */
message *client_queue_take(client_queue *q);
