#include "serve/jwks.h"
#include "base/clock.h"
#include "base/log.h"
#include <stdlib.h>
#include <string.h>

enum { TIMEOUT_MS = 4000 }; /* a client waits at most 5 s for its verdict */

struct jwks {
    http_client *http;
    char *url;
    jwt_keys *keys; /* NULL before the first set */
    int64_t keys_ms, asked_ms;
    bool is_asked, is_under_way, has_failed; /* asked: ever; failed: the last fetch */
    bool is_pausing;                         /* after a failure, from when the first has looked here */
    int64_t pause_ms;
    jwks_stats stats;
    void (*on_fetched)(void *context);
    void *context;
    log_repeater failures;
};

err jwks_new(http_client *http, const char *url, void (*on_fetched)(void *context), void *context, jwks **out) {
    jwks *j = calloc(1, sizeof *j);
    if (!j) return ERR_NO_MEMORY;
    *j = (jwks){.http = http, .url = strdup(url), .on_fetched = on_fetched, .context = context};
    if (!j->url) {
        free(j);
        return ERR_NO_MEMORY;
    }
    *out = j;
    return OK;
}

void jwks_free(jwks *j) {
    if (!j) return;
    jwt_keys_free(j->keys);
    free(j->url);
    free(j);
}

void jwks_read_stats(const jwks *j, jwks_stats *out) { *out = j->stats; }

static bool are_believed(const jwks *j, int64_t now_ms) { return j->keys && now_ms - j->keys_ms < JWKS_LIFE_MS; }

static void fail(jwks *j, const char *why) {
    j->has_failed = true;
    j->stats.n_failures++;
    log_repeat(&j->failures, LOG_WARN, "jwks", "the keys of users' tokens cannot be had: %s", why);
}

static void take(jwks *j, const http_response *response) {
    jwt_keys *keys = NULL;
    if (response->status != 200) {
        fail(j, "the issuer answers with another status than 200");
        return;
    }
    err failed = jwt_keys_parse(response->body, response->body_bytes, &keys);
    if (failed) {
        fail(j, error_text(failed));
        return;
    }
    jwt_keys_free(j->keys);
    j->keys = keys;
    j->keys_ms = j->asked_ms;
    log_debug("jwks", "%zu keys of users' tokens", jwt_keys_count(keys));
}

static void on_done(void *context, const http_response *response) {
    jwks *j = context;
    j->is_under_way = j->has_failed = j->is_pausing = false;
    if (response->error == ERR_CANCELLED) return; /* the server closes */
    if (response->error)
        fail(j, response->why);
    else
        take(j, response);
    j->on_fetched(j->context);
}

static void fetch(jwks *j, int64_t now_ms) {
    http_request request = {.url = j->url,
                            .timeout_ms = TIMEOUT_MS,
                            .max_body_bytes = JWT_KEYS_MAX_BYTES,
                            .on_done = on_done,
                            .context = j};
    j->asked_ms = now_ms;
    j->is_asked = true;
    j->stats.n_fetches++;
    err failed = http_client_send(j->http, &request, NULL);
    j->is_under_way = failed == OK;
    if (failed) fail(j, error_text(failed));
}

/* The pause is counted from the first look, not from the fetch that failed: whoever has waited for that is told, and does not
 * wait for the next one. */
static bool is_pausing(jwks *j, int64_t now_ms) {
    if (!j->has_failed) return false;
    if (!j->is_pausing) j->pause_ms = now_ms;
    j->is_pausing = true;
    return now_ms - j->pause_ms < JWKS_RETRY_MS;
}

/* A fetch is under way, begun now if the last one is `apart_ms` ago. */
static bool may_expect(jwks *j, int64_t apart_ms, int64_t now_ms) {
    if (j->is_under_way) return true;
    bool is_due = j->has_failed ? !is_pausing(j, now_ms) : !j->is_asked || now_ms - j->asked_ms >= apart_ms;
    if (is_due) fetch(j, now_ms);
    return j->is_under_way;
}

void jwks_warm(jwks *j, int64_t now_ms) {
    if (!j->keys) (void)may_expect(j, 0, now_ms);
}

jwks_verdict jwks_prove(jwks *j, const jwt *t, int64_t now_ms) {
    if (!are_believed(j, now_ms)) return may_expect(j, 0, now_ms) ? JWKS_WAIT : JWKS_UNAVAILABLE;
    if (now_ms - j->keys_ms >= JWKS_RENEW_MS) (void)may_expect(j, 0, now_ms);
    switch (jwt_keys_prove(j->keys, t)) {
    case JWT_PROVEN: return JWKS_PROVEN;
    case JWT_NOT_PROVEN: return JWKS_NOT_PROVEN;
    default: break;
    }
    if (!*t->kid) return JWKS_UNKNOWN;
    if (may_expect(j, JWKS_UNKNOWN_MS, now_ms)) return JWKS_WAIT;
    return j->has_failed ? JWKS_UNAVAILABLE : JWKS_UNKNOWN;
}
