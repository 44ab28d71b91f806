/* The queue against a list that is searched through, under random operations. */
#include "binance/fetch_queue.h"
#include "spec/c/random.h"
#include "spec/c/tap.h"
#include <string.h>
#include <time.h>

enum { N = 300, ROUNDS = 60000 };

static fetch_item items[N];

static bool is_lower(const fetch_item *a, const fetch_item *b) {
    for (int i = 0; i < FETCH_RANKS; i++)
        if (a->rank[i] != b->rank[i]) return a->rank[i] < b->rank[i];
    return false;
}

static fetch_item *model_first(int64_t now_ms) {
    fetch_item *best = NULL;
    for (int i = 0; i < N; i++)
        if (items[i].place && items[i].not_before_ms <= now_ms && (!best || is_lower(&items[i], best)))
            best = &items[i];
    return best;
}

static int64_t model_due(int64_t now_ms) {
    int64_t due_ms = -1;
    for (int i = 0; i < N; i++)
        if (items[i].place && items[i].not_before_ms > now_ms && (due_ms < 0 || items[i].not_before_ms < due_ms))
            due_ms = items[i].not_before_ms;
    return due_ms;
}

int main(void) {
    fetch_queue q;
    int64_t now_ms = 1;
    int n_wrong_first = 0, n_wrong_due = 0, n_taken = 0;
    random_state = tap_seed((uint64_t)time(NULL)) | 1;
    fetch_queue_init(&q);
    ok(fetch_queue_first(&q, 1) == NULL && fetch_queue_due(&q) == -1, "nothing in an empty one");
    if (fetch_queue_reserve(&q, N)) abort();
    for (int round = 0; round < ROUNDS; round++) {
        fetch_item *item = &items[below(N)], *first;
        switch (below(4)) {
        case 0: now_ms += below(20); break;
        case 1: fetch_queue_remove(&q, item); break;
        default:
            if (item->place) break;
            for (int i = 0; i < FETCH_RANKS - 1; i++) item->rank[i] = below(4);
            item->rank[FETCH_RANKS - 1] = round;
            item->not_before_ms = below(2) ? 0 : now_ms + below(100);
            fetch_queue_add(&q, item);
        }
        first = fetch_queue_first(&q, now_ms);
        n_wrong_first += first != model_first(now_ms);
        n_wrong_due += fetch_queue_due(&q) != model_due(now_ms);
        if (first && below(3) == 0) {
            fetch_queue_remove(&q, first);
            n_taken += first->place == 0;
        }
    }
    ok(n_wrong_first == 0, "the first is the first (%d wrong of %d)", n_wrong_first, ROUNDS);
    ok(n_wrong_due == 0, "the next due is the next due (%d wrong)", n_wrong_due);
    ok(n_taken > 1000, "%d were taken", n_taken);
    fetch_queue_deinit(&q);
    return done();
}
