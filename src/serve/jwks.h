/* The issuer's public keys, fetched and kept: what they say of a token now.
 *
 * A set is believed for ten minutes from when it was asked for; from eight on it is fetched again beside the work, so that a
 * busy machine never waits. A key that is not in the set may be new: then the set is fetched again, once in half a minute at
 * most, however many tokens name unknown keys. After a failure the next try waits a few seconds.
 * Threads: the loop's. Ownership: the client is borrowed until jwks_free. */
#pragma once
#include "base/http.h"
#include "serve/jwt_keys.h"

enum { JWKS_LIFE_MS = 600000, JWKS_RENEW_MS = 480000, JWKS_UNKNOWN_MS = 30000, JWKS_RETRY_MS = 3000 };

typedef struct jwks jwks;

/* JWKS_WAIT: a fetch is under way, ask again when it has ended; JWKS_UNKNOWN: no such key and none to be expected;
 * JWKS_UNAVAILABLE: there are no keys to ask, and the issuer was tried in vain a moment ago. */
typedef enum jwks_verdict { JWKS_PROVEN, JWKS_NOT_PROVEN, JWKS_UNKNOWN, JWKS_WAIT, JWKS_UNAVAILABLE } jwks_verdict;

typedef struct jwks_stats {
    uint64_t n_fetches, n_failures;
} jwks_stats;

/* `on_fetched` whenever a fetch has ended, well or not; never from inside a call of these. Nothing is fetched before it is
 * needed or warmed. */
MUST_CHECK err jwks_new(http_client *http, const char *url, void (*on_fetched)(void *context), void *context,
                        jwks **out);
/* Fetches when there are no keys yet. */
void jwks_warm(jwks *j, int64_t now_ms);
/* `now_ms`: the monotonic clock's. */
jwks_verdict jwks_prove(jwks *j, const jwt *t, int64_t now_ms);
void jwks_read_stats(const jwks *j, jwks_stats *out);
/* When the client is closed; NULL is ignored. */
void jwks_free(jwks *j);
