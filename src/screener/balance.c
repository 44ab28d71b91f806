/* See balance.h. Homeless items are placed dearest first (longest processing time first); the rest is improved step by step,
 * since each move has its price. */
#include "screener/balance.h"
#include "screener/worker.h"
#include <stdlib.h>

typedef struct loads {
    int64_t of[WORKERS_MAX], sum;
    int32_t n_items[WORKERS_MAX], n;
} loads;

static int dearest_first(const void *a, const void *b) {
    const balance_item *x = a, *y = b;
    if (x->cost != y->cost) return x->cost > y->cost ? -1 : 1;
    return x->symbol < y->symbol ? -1 : x->symbol > y->symbol;
}

/* Among equal loads the one with fewer items. */
static int32_t least_busy(const loads *l) {
    int32_t best = 0;
    for (int32_t i = 1; i < l->n; i++)
        if (l->of[i] < l->of[best] || (l->of[i] == l->of[best] && l->n_items[i] < l->n_items[best])) best = i;
    return best;
}

static int32_t busiest(const loads *l) {
    int32_t best = 0;
    for (int32_t i = 1; i < l->n; i++)
        if (l->of[i] > l->of[best] || (l->of[i] == l->of[best] && l->n_items[i] > l->n_items[best])) best = i;
    return best;
}

static void give(loads *l, balance_item *item, int32_t to, int sign) {
    l->of[to] += sign * item->cost;
    l->n_items[to] += sign;
    if (sign > 0) item->worker = to;
}

/* The item of `from` whose move brings the two closest together; NULL when none does. Items are dearest first. */
static balance_item *best_to_move(balance_item *items, int32_t count, int32_t from, int64_t gap) {
    balance_item *best = NULL;
    int64_t best_left = gap;
    for (int32_t i = 0; i < count; i++) {
        int64_t left = llabs(gap - 2 * items[i].cost);
        if (items[i].worker != from || left >= best_left) continue;
        best = &items[i];
        best_left = left;
    }
    return best;
}

int32_t balance_plan(balance_item *items, int32_t count, int32_t n_workers, int32_t most) {
    loads l = {.n = n_workers};
    int32_t n_moved = 0;
    qsort(items, (size_t)count, sizeof *items, dearest_first);
    for (int32_t i = 0; i < count; i++) {
        l.sum += items[i].cost;
        if (items[i].worker >= 0 && items[i].worker < n_workers) give(&l, &items[i], items[i].worker, 1);
    }
    for (int32_t i = 0; i < count; i++)
        if (items[i].worker < 0 || items[i].worker >= n_workers) {
            give(&l, &items[i], least_busy(&l), 1);
            n_moved++;
        }
    for (int32_t k = 0; k < most; k++) {
        int32_t from = busiest(&l), to = least_busy(&l);
        balance_item *item;
        if (l.of[from] * n_workers * 100 <= l.sum * (100 + BALANCE_SLACK_PCT)) break;
        item = best_to_move(items, count, from, l.of[from] - l.of[to]);
        if (!item) break;
        give(&l, item, from, -1);
        give(&l, item, to, 1);
        n_moved++;
    }
    return n_moved;
}
