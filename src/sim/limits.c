/* The weight counts by whole minutes of the clock, as the exchange's does: it starts again at each full minute. */
#include "sim/limits.h"
#include <stdio.h>
#include <string.h>

enum { MINUTE_MS = 60000, CONNECTS_MS = 300000, FIRST_BAN_MS = 120000, MOST_DOUBLINGS = 11 };

static address_use *find_address(weight_limits *limits, const char *address);

static void ban(address_use *a, int64_t now_ms) {
    uint32_t doublings = a->n_bans < MOST_DOUBLINGS ? a->n_bans : MOST_DOUBLINGS; /* 2 min to about 3 days */
    a->banned_until_ms = now_ms + ((int64_t)FIRST_BAN_MS << doublings);
    a->n_bans++;
    a->n_ignored = 0;
}

int weight_limits_connect(weight_limits *limits, const char *address, uint32_t limit, int64_t now_ms) {
    address_use *a = find_address(limits, address);
    a->used_ms = now_ms;
    if (now_ms - a->connects_from_ms >= CONNECTS_MS) {
        a->connects_from_ms = now_ms;
        a->n_connects = 0;
    }
    a->n_connects++;
    if (a->banned_until_ms > now_ms) return 418;
    if (a->n_connects <= limit) return 0;
    if (a->n_connects > limit + LIMIT_CONNECTS_BEFORE_BAN) ban(a, now_ms);
    return 429;
}

weight_verdict weight_limits_charge(weight_limits *limits, const char *address, uint32_t weight, uint32_t limit,
                                    int64_t now_ms) {
    address_use *a = find_address(limits, address);
    a->used_ms = now_ms;
    if (a->minute != now_ms / MINUTE_MS) {
        a->minute = now_ms / MINUTE_MS;
        a->weight = a->n_ignored = 0;
    }
    a->weight += weight;
    weight_verdict v = {.status = 200, .used = a->weight};
    if (a->banned_until_ms <= now_ms && a->weight > limit && a->n_ignored++ >= LIMIT_IGNORED_BEFORE_BAN) ban(a, now_ms);
    if (a->banned_until_ms > now_ms) {
        v.status = 418;
        v.until_ms = a->banned_until_ms;
    } else if (a->weight > limit) {
        v.status = 429;
        v.until_ms = (a->minute + 1) * MINUTE_MS;
    }
    v.retry_after_s = v.status == 200 ? 0 : (v.until_ms - now_ms + 999) / 1000;
    return v;
}

static address_use *find_address(weight_limits *limits, const char *address) {
    address_use *oldest = limits->addresses;
    for (int i = 0; i < LIMIT_ADDRESSES; i++) {
        address_use *a = &limits->addresses[i];
        if (strcmp(a->address, address) == 0) return a;
        if (a->used_ms < oldest->used_ms) oldest = a;
    }
    *oldest = (address_use){0};
    snprintf(oldest->address, sizeof oldest->address, "%s", address);
    return oldest;
}

bool message_limit_allows(message_limit *limit, uint32_t per_second, int64_t now_ms) {
    int64_t *oldest = &limit->at_ms[limit->next];
    bool is_full = limit->count == per_second;
    if (is_full && now_ms - *oldest < 1000) return false;
    *oldest = now_ms;
    limit->next = (limit->next + 1) % per_second;
    if (!is_full) limit->count++;
    return true;
}
