#include "serve/push_history.h"

void push_history_init(push_history *h) {
    h->head = h->count = 0;
    h->bytes = 0;
    h->gone_seq = 0;
}

static message *at(const push_history *h, uint32_t i) { return h->items[(h->head + i) % PUSH_HISTORY_MESSAGES]; }

static void drop_first(push_history *h) {
    message *m = at(h, 0);
    h->gone_seq = m->seq;
    h->bytes -= m->bytes;
    h->head = (h->head + 1) % PUSH_HISTORY_MESSAGES;
    h->count--;
    message_release(m);
}

void push_history_deinit(push_history *h) {
    while (h->count) drop_first(h);
}

void push_history_add(push_history *h, message *m) {
    while (h->count && (h->count == PUSH_HISTORY_MESSAGES || h->bytes + m->bytes > PUSH_HISTORY_BYTES)) drop_first(h);
    h->items[(h->head + h->count++) % PUSH_HISTORY_MESSAGES] = message_acquire(m);
    h->bytes += m->bytes;
}

void push_history_lose(push_history *h, uint64_t seq) {
    push_history_deinit(h);
    h->gone_seq = seq;
}

bool push_history_reaches(const push_history *h, uint64_t seq) { return seq >= h->gone_seq; }

message *push_history_after(const push_history *h, uint64_t seq) {
    uint32_t low = 0, high = h->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (at(h, middle)->seq <= seq)
            low = middle + 1;
        else
            high = middle;
    }
    return low < h->count ? at(h, low) : NULL;
}
