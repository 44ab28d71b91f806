/* The last messages that were pushed to everybody and must arrive: for clients that are behind, and for those that come back. By
 * their seq, oldest first.
 *
 * Bounded by number and bytes; what is older is gone, and whoever asks for it is told so.
 * Threads: the loop's. Ownership: holds a reference of every message in it. */
#pragma once
#include "base/errors.h"
#include "serve/message.h"

/* A burst may be committed at once: thousands of signals when the daemon starts on an empty database. */
enum { PUSH_HISTORY_MESSAGES = 4096, PUSH_HISTORY_BYTES = 4 * 1024 * 1024 };

typedef struct push_history {
    message *items[PUSH_HISTORY_MESSAGES]; /* a ring */
    uint32_t head, count;
    size_t bytes;
    uint64_t gone_seq; /* newest one that has gone; 0: none */
} push_history;

void push_history_init(push_history *h);
void push_history_deinit(push_history *h);
/* Their seq grows. */
void push_history_add(push_history *h, message *m);
/* One that could not be written is lost, and with it all before. */
void push_history_lose(push_history *h, uint64_t seq);
/* Everything that came after `seq` is still there. */
bool push_history_reaches(const push_history *h, uint64_t seq);
/* The first one after `seq`, borrowed; NULL: there is none. */
message *push_history_after(const push_history *h, uint64_t seq);
