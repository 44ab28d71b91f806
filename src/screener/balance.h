/* Which symbols should change their worker so that all have the same to do. Pure. */
#pragma once
#include "base/errors.h"

typedef struct balance_item {
    uint32_t symbol;
    int32_t worker; /* in: who has it; out: who should have it */
    int64_t cost;   /* any unit, >= 0 */
} balance_item;

/* Gives every item a worker of 0 .. n_workers - 1: those whose worker is none of them go where there is least to do;
 * then, while the busiest has more than `BALANCE_SLACK_PCT` above the mean, items move to the least busy, `most` at the
 * most. Reorders the items. The number of items whose worker has changed. */
enum { BALANCE_SLACK_PCT = 10 };
int32_t balance_plan(balance_item *items, int32_t count, int32_t n_workers, int32_t most);
