/* Whether a provider is to be asked now.
 *
 *   closed ──(5 failures in a row, or one denial)──► open for 30 s, 60 s, ... 10 min ──► one request to try ──► closed, or open
 *      └──(429)──► blocked for as long as it says; a quota of the day: until midnight at Google's (Pacific time)
 *
 * Pure: time is an argument, market time in ms. */
#pragma once
#include "analyzer/reply.h"

typedef struct provider_breaker {
    int64_t until_ms;   /* not before; 0: any time */
    int32_t n_failures; /* in a row */
    int32_t n_limits;   /* 429 in a row that do not say how long */
    bool is_open;       /* until a request gets through */
    bool is_trying;     /* the one request is under way */
    bool is_daily;      /* until_ms is the end of a quota's day */
    char why[160];      /* of the last failure, for people */
} provider_breaker;

/* ms to wait; 0: ask. INT64_MAX: until the request that tries it is done. */
int64_t provider_breaker_wait_ms(const provider_breaker *b, int64_t now_ms);
/* A request is sent. */
void provider_breaker_start(provider_breaker *b);
/* What came of one. */
void provider_breaker_note(provider_breaker *b, const reply *r, int64_t now_ms);
/* A request ends without saying anything about the provider: cancelled. */
void provider_breaker_forget(provider_breaker *b);
/* The next midnight in Los Angeles, market time ms (daylight saving by the rule of 2007). */
int64_t provider_breaker_pacific_midnight_ms(int64_t now_ms);
