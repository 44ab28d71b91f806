#include "sim/pace.h"
#include <math.h>

static const double ns_per_ms = 1e6;

void pace_init(pace *p, double speed, int64_t market_ms) { *p = (pace){.speed = speed, .anchor_ms = market_ms}; }

void pace_start(pace *p, int64_t real_ns) {
    if (p->is_running) return;
    p->is_running = true;
    p->anchor_ns = real_ns;
}

void pace_stand(pace *p, int64_t market_ms) {
    p->is_running = false;
    p->anchor_ms = market_ms;
}

int64_t pace_now_ms(const pace *p, int64_t real_ns) {
    if (!p->is_running) return p->anchor_ms;
    return p->anchor_ms + (int64_t)((double)(real_ns - p->anchor_ns) / ns_per_ms * p->speed);
}

uint64_t pace_wait_ms(const pace *p, int64_t market_ms, int64_t real_ns) {
    double market_left_ms = (double)(market_ms - pace_now_ms(p, real_ns));
    return market_left_ms <= 0 ? 0 : (uint64_t)ceil(market_left_ms / p->speed);
}

void pace_jump(pace *p, int64_t market_ms, int64_t real_ns) {
    if (market_ms <= pace_now_ms(p, real_ns)) return;
    p->anchor_ms = market_ms;
    p->anchor_ns = real_ns;
}
