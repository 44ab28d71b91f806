#include "analyzer/spending.h"

enum { DAY_MS = 86400000 };

void spending_init(spending *s, const spending_amount *limit) { *s = (spending){.limit = *limit, .day = -1}; }

static void turn(spending *s, int64_t now_ms) {
    if (s->day == now_ms / DAY_MS) return;
    s->day = now_ms / DAY_MS;
    s->spent = (spending_amount){0};
}

static void add(spending_amount *to, const spending_amount *more, int sign) {
    to->requests += sign * more->requests;
    to->tokens += sign * more->tokens;
    to->usd += sign * more->usd;
}

void spending_restore(spending *s, const spending_amount *spent, int64_t now_ms) {
    turn(s, now_ms);
    add(&s->spent, spent, 1);
}

bool spending_allows(spending *s, const spending_amount *wanted, int64_t now_ms) {
    turn(s, now_ms);
    if (s->limit.requests && s->spent.requests + wanted->requests > s->limit.requests) return false;
    if (s->limit.tokens && s->spent.tokens + wanted->tokens > s->limit.tokens) return false;
    return !(s->limit.usd > 0) || s->spent.usd + wanted->usd <= s->limit.usd;
}

int64_t spending_reserve(spending *s, const spending_amount *wanted, int64_t now_ms) {
    turn(s, now_ms);
    add(&s->spent, wanted, 1);
    return s->day;
}

void spending_settle(spending *s, int64_t day, const spending_amount *reserved, const spending_amount *actual) {
    if (day != s->day) return;
    add(&s->spent, reserved, -1);
    add(&s->spent, actual, 1);
}

int64_t spending_renews_ms(int64_t now_ms) { return DAY_MS - now_ms % DAY_MS; }
