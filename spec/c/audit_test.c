/* When bars are read again: by random walks through market time, every bar that has settled is read again within a period
 * and a request never has more than it may. */
#include "screener/audit.h"
#include "spec/c/random.h"
#include "spec/c/tap.h"
#include <time.h>

enum { WALKS = 2000, STEPS = 60 };

static int64_t any(int64_t n) { return (int64_t)(uniform() * (double)n); }

/* One series: bars close, audits come when they are planned; sometimes the daemon is away. */
static int walk(void) {
    int32_t interval = below(N_INTERVALS);
    int64_t period = 60000 + any(86400000), market = 1700000000000 + any(1000000000), audited, n_wrong = 0;
    uint64_t which = (uint64_t)below(100000);
    audited = interval_floor(interval, market);
    for (int i = 0; i < STEPS; i++) {
        int64_t next = audit_next_ms(period, which, market), known;
        audit_range r;
        n_wrong += next <= market || next > market + period || audit_next_ms(period, which, next) != next + period;
        market = next + (below(8) ? 0 : any(20 * period));
        known = interval_add(interval, interval_floor(interval, market), -below(3));
        if (!audit_plan(interval, audited, known, market, &r)) {
            n_wrong += audited < known && interval_next(interval, audited) + AUDIT_SETTLED_MS <= market;
            continue;
        }
        n_wrong += r.from_ms < audited || interval_floor(interval, r.from_ms) != r.from_ms;
        n_wrong += interval_count(interval, r.from_ms, r.to_ms) > AUDIT_BARS;
        n_wrong += r.from_ms > audited && interval_count(interval, r.from_ms, r.to_ms) != AUDIT_BARS;
        n_wrong += r.to_ms > known || r.to_ms + AUDIT_SETTLED_MS > market;
        audited = r.to_ms;
    }
    return (int)n_wrong;
}

static int most_at_once(int n_series) {
    enum { SLOTS = 60 };
    int n[SLOTS] = {0}, most = 0;
    for (int i = 0; i < n_series; i++) n[audit_next_ms(3600000, (uint64_t)i, 3600000) / 60000 % SLOTS]++;
    for (int i = 0; i < SLOTS; i++) most = n[i] > most ? n[i] : most;
    return most;
}

int main(void) {
    int n_wrong = 0;
    random_state = tap_seed((uint64_t)time(NULL)) * 2654435769u + 1;
    for (int i = 0; i < WALKS; i++) n_wrong += walk();
    ok(n_wrong == 0, "all that has settled is read again once a period, a request at a time (%d wrong)", n_wrong);
    ok(most_at_once(300) <= 10, "300 series are spread over the hour: at most %d in a minute", most_at_once(300));
    return done();
}
