/* What analyses have cost since midnight UTC, against the budget of a day.
 *
 * A request reserves the most that it may cost before it is sent, and is settled by what it did cost; one whose answer never came
 * stays at its reservation, since it may have been charged. So the sum never passes the budget, whatever happens.
 * Pure: time is an argument, market time in ms. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/* An amount, or a limit of one (0: none). Tokens: in and out. */
typedef struct spending_amount {
    int64_t requests, tokens;
    double usd;
} spending_amount;

typedef struct spending {
    spending_amount limit, spent; /* spent: what is reserved, too */
    int64_t day;                  /* days since 1970 */
} spending;

void spending_init(spending *s, const spending_amount *limit);
/* What a run before this one has spent on the day of `now_ms`. */
void spending_restore(spending *s, const spending_amount *spent, int64_t now_ms);
bool spending_allows(spending *s, const spending_amount *wanted, int64_t now_ms);
/* Reserves it. The day that it is to be settled on. */
int64_t spending_reserve(spending *s, const spending_amount *wanted, int64_t now_ms);
/* `actual` in place of what was reserved on `day`; of a day that is over there is nothing to do. */
void spending_settle(spending *s, int64_t day, const spending_amount *reserved, const spending_amount *actual);
/* ms until the next day. */
int64_t spending_renews_ms(int64_t now_ms);
