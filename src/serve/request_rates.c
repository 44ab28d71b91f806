/* A plain list, looked through from end to end, as in limits.c. When it is full the address goes that has not asked for longest:
 * after a minute its bucket would be full anyway. Whoever has more than that many addresses is held back by no limit that counts
 * addresses. */
#include "serve/request_rates.h"
#include "base/token_bucket.h"
#include <stdlib.h>

typedef struct place {
    client_address address;
    token_bucket bucket;
} place;

struct request_rates {
    int64_t per_minute;
    uint32_t n_places;
    place places[REQUEST_RATES_MOST];
};

err request_rates_new(int64_t per_minute, request_rates **out) {
    request_rates *r = calloc(1, sizeof *r);
    if (!r) return ERR_NO_MEMORY;
    r->per_minute = per_minute;
    *out = r;
    return OK;
}

void request_rates_free(request_rates *r) { free(r); }

/* The address's own, else a new one, or that of who has not asked for longest. */
static place *find(request_rates *r, const client_address *from, int64_t now_ms) {
    place *oldest = r->places;
    for (uint32_t i = 0; i < r->n_places; i++) {
        place *p = &r->places[i];
        if (client_address_equal(&p->address, from)) return p;
        if (p->bucket.at_ms < oldest->bucket.at_ms) oldest = p;
    }
    place *p = r->n_places < REQUEST_RATES_MOST ? &r->places[r->n_places++] : oldest;
    p->address = *from;
    token_bucket_init(&p->bucket, r->per_minute, now_ms);
    return p;
}

int64_t request_rates_take(request_rates *r, const client_address *from, int64_t now_ms) {
    if (r->per_minute == 0) return 0;
    place *p = find(r, from, now_ms);
    int64_t wait_ms = token_bucket_wait_ms(&p->bucket, 1, now_ms);
    if (wait_ms == 0) token_bucket_take(&p->bucket, 1, now_ms);
    return wait_ms;
}
