/* Two binary heaps: of those that may be tried, by rank, and of those that may not yet, by time. An item knows its
 * place, so that it can be removed from the middle. */
#include "binance/fetch_queue.h"
#include <assert.h>
#include <stdlib.h>

void fetch_queue_init(fetch_queue *q) { *q = (fetch_queue){.delayed.is_by_time = true}; }

void fetch_queue_deinit(fetch_queue *q) {
    free(q->ready.items);
    free(q->delayed.items);
    fetch_queue_init(q);
}

err fetch_queue_reserve(fetch_queue *q, size_t n) {
    size_t wanted = q->n_reserved ? q->n_reserved : 16;
    if (n <= q->n_reserved) return OK;
    while (wanted < n) wanted *= 2;
    fetch_heap *heaps[] = {&q->ready, &q->delayed};
    for (size_t i = 0; i < 2; i++) {
        fetch_item **items = realloc(heaps[i]->items, wanted * sizeof *items);
        if (!items) return ERR_NO_MEMORY;
        heaps[i]->items = items;
    }
    q->n_reserved = wanted;
    return OK;
}

static bool is_before(const fetch_heap *h, const fetch_item *a, const fetch_item *b) {
    if (h->is_by_time && a->not_before_ms != b->not_before_ms) return a->not_before_ms < b->not_before_ms;
    for (int i = 0; i < FETCH_RANKS; i++)
        if (a->rank[i] != b->rank[i]) return a->rank[i] < b->rank[i];
    return false;
}

static void put(fetch_heap *h, size_t at, fetch_item *item) {
    h->items[at] = item;
    item->place = at + 1;
}

static void rise(fetch_heap *h, size_t at, fetch_item *item) {
    for (; at > 0 && is_before(h, item, h->items[(at - 1) / 2]); at = (at - 1) / 2) put(h, at, h->items[(at - 1) / 2]);
    put(h, at, item);
}

static void sink(fetch_heap *h, size_t at, fetch_item *item) {
    for (size_t child = 2 * at + 1; child < h->n; child = 2 * at + 1) {
        if (child + 1 < h->n && is_before(h, h->items[child + 1], h->items[child])) child++;
        if (!is_before(h, h->items[child], item)) break;
        put(h, at, h->items[child]);
        at = child;
    }
    put(h, at, item);
}

static void insert(fetch_heap *h, fetch_item *item) {
    item->is_delayed = h->is_by_time;
    rise(h, h->n++, item);
}

static void drop(fetch_heap *h, fetch_item *item) {
    size_t at = item->place - 1;
    fetch_item *last = h->items[--h->n];
    item->place = 0;
    if (last == item) return;
    if (at > 0 && is_before(h, last, h->items[(at - 1) / 2]))
        rise(h, at, last);
    else
        sink(h, at, last);
}

void fetch_queue_add(fetch_queue *q, fetch_item *item) {
    assert(item->place == 0 && q->ready.n + q->delayed.n < q->n_reserved);
    insert(item->not_before_ms > 0 ? &q->delayed : &q->ready, item);
}

void fetch_queue_remove(fetch_queue *q, fetch_item *item) {
    if (item->place > 0) drop(item->is_delayed ? &q->delayed : &q->ready, item);
}

fetch_item *fetch_queue_first(fetch_queue *q, int64_t now_ms) {
    while (q->delayed.n > 0 && q->delayed.items[0]->not_before_ms <= now_ms) {
        fetch_item *item = q->delayed.items[0];
        drop(&q->delayed, item);
        insert(&q->ready, item);
    }
    return q->ready.n > 0 ? q->ready.items[0] : NULL;
}

int64_t fetch_queue_due(const fetch_queue *q) { return q->delayed.n > 0 ? q->delayed.items[0]->not_before_ms : -1; }
