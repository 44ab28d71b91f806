/* How fast each address may ask: a token bucket (base/token_bucket.h) for everyone who has asked lately.
 * Pure: time is an argument, ms, and never goes back. */
#pragma once
#include "base/errors.h"
#include "serve/client_address.h"

enum { REQUEST_RATES_MOST = 512 }; /* addresses that are remembered */

typedef struct request_rates request_rates;

/* `per_minute` 0: no limit. */
MUST_CHECK err request_rates_new(int64_t per_minute, request_rates **out);
void request_rates_free(request_rates *r); /* NULL is ignored */
/* 0: it may, and that is counted; else ms until it may, and nothing is counted. */
int64_t request_rates_take(request_rates *r, const client_address *from, int64_t now_ms);
