#include "base/token_bucket.h"
#include <math.h>

enum { MINUTE_MS = 60000 };

static void fill(token_bucket *b, int64_t now_ms) {
    double more = (double)(now_ms - b->at_ms) * (double)b->per_minute / MINUTE_MS;
    if (now_ms <= b->at_ms) return;
    b->level = fmin((double)b->per_minute, b->level + more);
    b->at_ms = now_ms;
}

void token_bucket_init(token_bucket *b, int64_t per_minute, int64_t now_ms) {
    *b = (token_bucket){.per_minute = per_minute, .level = (double)per_minute, .at_ms = now_ms};
}

int64_t token_bucket_wait_ms(token_bucket *b, int64_t units, int64_t now_ms) {
    double wanted = fmin((double)units, (double)b->per_minute);
    if (b->per_minute == 0) return 0;
    fill(b, now_ms);
    if (b->level >= wanted) return 0;
    return (int64_t)ceil((wanted - b->level) * MINUTE_MS / (double)b->per_minute);
}

void token_bucket_take(token_bucket *b, int64_t units, int64_t now_ms) {
    if (b->per_minute == 0) return;
    fill(b, now_ms);
    b->level = fmin((double)b->per_minute, b->level - (double)units);
}
