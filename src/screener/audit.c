/* See audit.h. */
#include "screener/audit.h"

bool audit_plan(int32_t interval, int64_t audited_to_ms, int64_t known_to_ms, int64_t market_ms, audit_range *out) {
    int64_t to = interval_floor(interval, market_ms - AUDIT_SETTLED_MS), most;
    if (to > known_to_ms) to = known_to_ms;
    most = interval_add(interval, to, -(int64_t)AUDIT_BARS);
    *out = (audit_range){audited_to_ms > most ? audited_to_ms : most, to};
    return out->from_ms < out->to_ms;
}

/* Neighbouring numbers are put far apart, so that the requests of a few series are even over the period, too. */
int64_t audit_next_ms(int64_t period_ms, uint64_t which, int64_t market_ms) {
    uint64_t spread = which * 0x9e3779b97f4a7c15u;
    int64_t phase = (int64_t)((spread >> 32) * (uint64_t)period_ms >> 32);
    int64_t past = (market_ms - phase) % period_ms;
    if (past < 0) past += period_ms;
    return market_ms - past + period_ms;
}
