/* Whether the issuer itself knows a token: GET /auth/v1/user, for tokens that are signed with a secret which is not here.
 *
 * The same token is asked for once a minute at most; the answer is kept under its SHA-256, never the token. At most 60
 * questions a minute go out and 16 at once, so that strangers with invented tokens cannot make this machine a burden.
 * Threads: the loop's. Ownership: the client is borrowed until user_check_free. */
#pragma once
#include "base/http.h"
#include "base/service_key.h"

typedef struct user_check user_check;

/* USER_CHECK_WAIT: asked, ask again when a question has been answered; USER_CHECK_UNAVAILABLE: the issuer does not answer,
 * or too much is asked. */
typedef enum user_verdict { USER_KNOWN, USER_UNKNOWN, USER_CHECK_WAIT, USER_CHECK_UNAVAILABLE } user_verdict;

typedef struct user_check_options {
    http_client *http;
    const char *url;     /* .../auth/v1/user; copied */
    const char *user_id; /* whose token it must be; copied */
    /* The project's key as it is now. */
    err (*read_key)(void *context, char out[SERVICE_KEY_MAX_BYTES], diag *why);
    /* Whenever a question has been answered, or was not; never from inside a call of these. */
    void (*on_answered)(void *context);
    void *key_context, *context;
} user_check_options;

typedef struct user_check_stats {
    uint64_t n_asked, n_failures, n_held_back;
} user_check_stats;

MUST_CHECK err user_check_new(const user_check_options *options, user_check **out);
/* `now_ms`: the monotonic clock's. */
user_verdict user_check_ask(user_check *u, const char *token, size_t bytes, int64_t now_ms);
void user_check_read_stats(const user_check *u, user_check_stats *out);
/* When the client is closed; NULL is ignored. */
void user_check_free(user_check *u);
