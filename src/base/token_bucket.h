/* A rate: so many units a minute, saved up to at most a minute's worth. Units are taken when work starts; what turns out to have
 * been more or fewer is settled afterwards, so the bucket may owe for a while.
 * Pure: time is an argument, ms, and never goes back. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

typedef struct token_bucket {
    int64_t per_minute; /* 0: no limit */
    double level;       /* units there, at `at_ms`; below 0 after an underestimate */
    int64_t at_ms;
} token_bucket;

/* Full. */
void token_bucket_init(token_bucket *b, int64_t per_minute, int64_t now_ms);
/* ms until `units` are there; 0: now. More than a full bucket holds is there when it is full. */
int64_t token_bucket_wait_ms(token_bucket *b, int64_t units, int64_t now_ms);
/* Takes them, there or not. Negative: gives back. */
void token_bucket_take(token_bucket *b, int64_t units, int64_t now_ms);
