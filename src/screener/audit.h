/* When the closed bars of a series are read again from the exchange, and which: a bar that was corrected, or that came
 * over the stream otherwise than it stands at the exchange, is found within a period. Market time throughout, ms.
 *
 *     audited_to            known_to
 *   ─────┼─────────────────────┼──── to the last bar that has been closed for AUDIT_SETTLED_MS, AUDIT_BARS at the most
 *        [     read again   )
 *
 * Pure. */
#pragma once
#include "market/interval.h"

enum {
    AUDIT_SETTLED_MS = 60000, /* a bar that closed a moment ago may still be in flux at REST */
    AUDIT_SOON_MS = 120000,   /* after an outage: what REST has filled is read again */
    AUDIT_BARS = 1000         /* one request */
};

typedef struct audit_range {
    int64_t from_ms, to_ms; /* by open time, half-open */
} audit_range;

/* What is to be read again now of a series that is known up to known_to_ms; false: nothing. */
bool audit_plan(int32_t interval, int64_t audited_to_ms, int64_t known_to_ms, int64_t market_ms, audit_range *out);
/* The next audit after `market_ms`: once in period_ms, and `which` (any number) spreads the series over the period. */
int64_t audit_next_ms(int64_t period_ms, uint64_t which, int64_t market_ms);
