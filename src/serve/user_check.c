#include "serve/user_check.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/sha256.h"
#include "base/token_bucket.h"
#include <jansson.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    N_PLACES = 32,
    UNDER_WAY_MOST = 16,
    ASKED_PER_MINUTE = 60,
    AGAIN_PER_MINUTE = 12, /* of tokens that were good a while ago, whatever strangers have used up */
    AGAIN_UNDER_WAY = 2,
    KEPT_MS = 60000,
    LAPSED_KEPT_MS = 3600000,
    FAILED_KEPT_MS = 2000, /* an issuer that does not answer is not asked for every request */
    TIMEOUT_MS = 4000,     /* a client waits at most 5 s for its verdict */
    BODY_MAX_BYTES = 64 * 1024,
    AUTHORIZATION_BYTES = 8192,
};

/* LAPSED: was KNOWN, and is to be asked again. */
typedef enum place_state {
    PLACE_FREE,
    PLACE_ASKED,
    PLACE_KNOWN,
    PLACE_LAPSED,
    PLACE_UNKNOWN,
    PLACE_FAILED
} place_state;

typedef struct place {
    user_check *owner;
    place_state state;
    bool was_good; /* the issuer has known it within the hour */
    unsigned char digest[SHA256_BYTES];
    int64_t ahead_ms; /* of the caller's clock, when it was asked */
    int64_t until_ms; /* by the caller's clock: when the answer is forgotten; not while it is asked */
} place;

struct user_check {
    user_check_options options;
    char *url, *user_id;
    place places[N_PLACES];
    token_bucket bucket, again;
    int n_under_way;
    user_check_stats stats;
    log_repeater failures;
};

err user_check_new(const user_check_options *options, user_check **out) {
    user_check *u = calloc(1, sizeof *u);
    if (!u) return ERR_NO_MEMORY;
    u->options = *options;
    u->url = strdup(options->url);
    u->user_id = strdup(options->user_id);
    token_bucket_init(&u->bucket, ASKED_PER_MINUTE, monotonic_ms());
    token_bucket_init(&u->again, AGAIN_PER_MINUTE, monotonic_ms());
    if (!u->url || !u->user_id) {
        user_check_free(u);
        return ERR_NO_MEMORY;
    }
    *out = u;
    return OK;
}

void user_check_free(user_check *u) {
    if (!u) return;
    free(u->user_id);
    free(u->url);
    free(u);
}

void user_check_read_stats(const user_check *u, user_check_stats *out) { *out = u->stats; }

/* ---- places ---- */

static void forget(place *p, int64_t now_ms) {
    if (p->state == PLACE_FREE || p->state == PLACE_ASKED || now_ms < p->until_ms) return;
    if (p->state != PLACE_LAPSED && p->was_good && now_ms < p->until_ms + LAPSED_KEPT_MS) {
        p->state = PLACE_LAPSED;
        p->until_ms += LAPSED_KEPT_MS;
        return;
    }
    p->state = PLACE_FREE;
}

static place *find(user_check *u, const unsigned char digest[SHA256_BYTES], int64_t now_ms) {
    for (place *p = u->places; p < u->places + N_PLACES; p++) {
        forget(p, now_ms);
        if (p->state != PLACE_FREE && CRYPTO_memcmp(p->digest, digest, SHA256_BYTES) == 0) return p;
    }
    return NULL;
}

/* A free one, else the one that is forgotten next; what is known is kept longest, so that invented tokens do not drive out
 * the user's. */
static place *take_place(user_check *u) {
    place *best = NULL;
    for (place *p = u->places; p < u->places + N_PLACES; p++) {
        if (p->state == PLACE_FREE) return p;
        if (p->state == PLACE_ASKED) continue;
        bool is_worse = best && p->was_good != best->was_good ? !p->was_good : best && p->until_ms < best->until_ms;
        if (!best || is_worse) best = p;
    }
    return best;
}

/* ---- questions ---- */

static void settle(place *p, place_state state) {
    p->was_good = state == PLACE_KNOWN || (state == PLACE_FAILED && p->was_good);
    p->state = state;
    p->until_ms = monotonic_ms() + p->ahead_ms + (state == PLACE_FAILED ? FAILED_KEPT_MS : KEPT_MS);
}

static bool is_the_user(const user_check *u, const http_response *response) {
    json_t *root = json_loadb(response->body, response->body_bytes, JSON_REJECT_DUPLICATES, NULL);
    const char *id = json_string_value(json_object_get(root, "id"));
    bool is_it = id && strcmp(id, u->user_id) == 0;
    json_decref(root);
    return is_it;
}

static void on_done(void *context, const http_response *response) {
    place *p = context;
    user_check *u = p->owner;
    bool is_answer =
        !response->error && (response->status == 200 || response->status == 401 || response->status == 403);
    u->n_under_way--;
    if (response->error == ERR_CANCELLED) return; /* the server closes */
    if (is_answer) {
        settle(p, response->status == 200 && is_the_user(u, response) ? PLACE_KNOWN : PLACE_UNKNOWN);
    } else {
        u->stats.n_failures++;
        log_repeat(&u->failures, LOG_WARN, "user_check",
                   "the issuer of users' tokens was asked in vain: %s (status %d)",
                   response->error ? response->why : "no answer to use", response->status);
        settle(p, PLACE_FAILED);
    }
    u->options.on_answered(u->options.context);
}

static err send_question(user_check *u, place *p, const char *token, size_t bytes) {
    char key[SERVICE_KEY_MAX_BYTES] = "", apikey[SERVICE_KEY_HEADER_BYTES], authorization[AUTHORIZATION_BYTES];
    diag why = {""};
    err failed = u->options.read_key(u->options.key_context, key, &why);
    const char *headers[] = {apikey, authorization, NULL};
    http_request request = {.url = u->url,
                            .headers = headers,
                            .timeout_ms = TIMEOUT_MS,
                            .max_body_bytes = BODY_MAX_BYTES,
                            .on_done = on_done,
                            .context = p};
    snprintf(apikey, sizeof apikey, "apikey: %s", key);
    if ((size_t)snprintf(authorization, sizeof authorization, "Authorization: Bearer %.*s", (int)bytes, token) >=
        sizeof authorization)
        failed = ERR_TOO_BIG;
    if (!failed) failed = http_client_send(u->options.http, &request, NULL);
    OPENSSL_cleanse(key, sizeof key);
    OPENSSL_cleanse(apikey, sizeof apikey);
    OPENSSL_cleanse(authorization, sizeof authorization);
    return failed;
}

/* The bucket that may be asked from; NULL: none. Strangers, whose tokens anybody can invent, do not use up the questions that a
 * user's own token needs from minute to minute. */
static token_bucket *bucket_for(user_check *u, bool is_again, int64_t now_ms) {
    if (u->n_under_way >= UNDER_WAY_MOST + (is_again ? AGAIN_UNDER_WAY : 0)) return NULL;
    if (token_bucket_wait_ms(&u->bucket, 1, now_ms) == 0) return &u->bucket;
    return is_again && token_bucket_wait_ms(&u->again, 1, now_ms) == 0 ? &u->again : NULL;
}

/* `p`: where the token is known from; NULL: from nowhere. */
static user_verdict begin(user_check *u, place *p, const unsigned char digest[SHA256_BYTES], const char *token,
                          size_t bytes, int64_t now_ms) {
    token_bucket *bucket = bucket_for(u, p != NULL, now_ms);
    if (!p && (p = take_place(u))) p->was_good = false;
    if (!bucket || !p) {
        u->stats.n_held_back++;
        return USER_CHECK_UNAVAILABLE;
    }
    token_bucket_take(bucket, 1, now_ms);
    p->owner = u;
    p->ahead_ms = now_ms - monotonic_ms();
    memcpy(p->digest, digest, SHA256_BYTES);
    u->stats.n_asked++;
    if (send_question(u, p, token, bytes) != OK) {
        u->stats.n_failures++;
        settle(p, PLACE_FAILED);
        return USER_CHECK_UNAVAILABLE;
    }
    p->state = PLACE_ASKED;
    u->n_under_way++;
    return USER_CHECK_WAIT;
}

user_verdict user_check_ask(user_check *u, const char *token, size_t bytes, int64_t now_ms) {
    unsigned char digest[SHA256_BYTES];
    if (sha256_of(NULL, 0, token, bytes, digest) != OK) return USER_CHECK_UNAVAILABLE;
    place *p = find(u, digest, now_ms);
    switch (p ? p->state : PLACE_FREE) {
    case PLACE_ASKED: return USER_CHECK_WAIT;
    case PLACE_KNOWN: return USER_KNOWN;
    case PLACE_UNKNOWN: return USER_UNKNOWN;
    case PLACE_FAILED: return USER_CHECK_UNAVAILABLE;
    default: return begin(u, p, digest, token, bytes, now_ms);
    }
}
