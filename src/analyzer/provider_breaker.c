#include "analyzer/provider_breaker.h"
#include <stdio.h>

enum {
    HOUR_MS = 3600000,
    DAY_MS = 24 * HOUR_MS,
    FAILURES_MAX = 5,
    OPEN_MS = 30000,
    OPEN_MAX_MS = 600000,
    LIMIT_MIN_MS = 1000,
    LIMIT_MS = 10000
};

int64_t provider_breaker_wait_ms(const provider_breaker *b, int64_t now_ms) {
    if (b->is_trying) return INT64_MAX;
    return b->until_ms > now_ms ? b->until_ms - now_ms : 0;
}

void provider_breaker_start(provider_breaker *b) { b->is_trying = b->is_open; }

void provider_breaker_forget(provider_breaker *b) { b->is_trying = false; }

static int64_t doubled(int64_t first_ms, int32_t times) {
    int64_t ms = first_ms;
    while (times-- > 0 && ms < OPEN_MAX_MS) ms *= 2;
    return ms < OPEN_MAX_MS ? ms : OPEN_MAX_MS;
}

static void block(provider_breaker *b, int64_t until_ms) {
    if (until_ms > b->until_ms) b->until_ms = until_ms;
}

static void note_limit(provider_breaker *b, const reply *r, int64_t now_ms) {
    b->is_daily = r->is_daily;
    if (r->is_daily)
        block(b, provider_breaker_pacific_midnight_ms(now_ms));
    else if (r->retry_ms >= 0)
        block(b, now_ms + (r->retry_ms > LIMIT_MIN_MS ? r->retry_ms : LIMIT_MIN_MS));
    else
        block(b, now_ms + doubled(LIMIT_MS, b->n_limits));
    b->n_limits++;
}

static void note_failure(provider_breaker *b, const reply *r, int64_t now_ms) {
    b->n_failures++;
    if (r->kind == REPLY_DENIED && b->n_failures < FAILURES_MAX) b->n_failures = FAILURES_MAX;
    if (r->retry_ms > 0) block(b, now_ms + r->retry_ms);
    if (b->n_failures < FAILURES_MAX) return;
    b->is_open = true;
    block(b, now_ms + doubled(OPEN_MS, b->n_failures - FAILURES_MAX));
}

void provider_breaker_note(provider_breaker *b, const reply *r, int64_t now_ms) {
    b->is_trying = false;
    if (r->why[0]) snprintf(b->why, sizeof b->why, "%.*s", (int)sizeof b->why - 1, r->why);
    switch (r->kind) {
    case REPLY_LIMITED: note_limit(b, r, now_ms); return;
    case REPLY_TROUBLE:
    case REPLY_DENIED: note_failure(b, r, now_ms); return;
    case REPLY_ANSWER:
    case REPLY_CUT:
    case REPLY_REFUSED: break;
    }
    b->n_failures = b->n_limits = 0;
    b->is_open = b->is_daily = false;
}

/* ---- Pacific time ---- */

/* Days since 1970 of a date. */
static int64_t days_of(int64_t year, int month, int day) {
    int64_t y = year - (month <= 2), era = y / 400, of_era = y - era * 400;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static int64_t year_of(int64_t ms) {
    int64_t days = ms / DAY_MS, year = 1970 + days * 400 / 146097;
    while (days_of(year + 1, 1, 1) <= days) year++;
    while (days_of(year, 1, 1) > days) year--;
    return year;
}

/* The n-th Sunday of a month, days since 1970. 1970-01-01 was a Thursday. */
static int64_t sunday(int64_t year, int month, int n) {
    int64_t first = days_of(year, month, 1);
    return first + (10 - first % 7) % 7 + 7 * (n - 1);
}

/* From 2:00 standard time on the second Sunday of March to 2:00 daylight time on the first of November. */
static int64_t offset_ms(int64_t utc_ms) {
    int64_t year = year_of(utc_ms);
    bool is_daylight =
        utc_ms >= sunday(year, 3, 2) * DAY_MS + 10 * HOUR_MS && utc_ms < sunday(year, 11, 1) * DAY_MS + 9 * HOUR_MS;
    return is_daylight ? 7 * HOUR_MS : 8 * HOUR_MS;
}

int64_t provider_breaker_pacific_midnight_ms(int64_t now_ms) {
    int64_t day = (now_ms - offset_ms(now_ms)) / DAY_MS + 1, midnight = day * DAY_MS + offset_ms(now_ms);
    return day * DAY_MS + offset_ms(midnight); /* the clock may change before it */
}
