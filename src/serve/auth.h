/* Who may talk to the daemon: the machine's own token, and from which web pages.
 *
 * A token is "tm_" and 32 random bytes in base64url, so it fits into a header, a subprotocol and a link without
 * escaping and never starts with a dash. It is kept in FOLDER/token (mode 0600) and is never part of a URL or a log line.
 * Threads: any; everything but auth_token_load is pure. */
#pragma once
#include "base/errors.h"

enum { AUTH_TOKEN_BYTES = 256, AUTH_TOKEN_LEAST = 16 };
#define AUTH_SUBPROTOCOL "trademind"

/* The token that FOLDER/token holds, else a new one, which is written there first. ERR_IO; ERR_INVALID when the file
 * holds no token. `folder` must exist. */
MUST_CHECK err auth_token_load(const char *folder, char out[AUTH_TOKEN_BYTES], diag *why);

/* In constant time for all that is given. */
bool auth_is_token(const char *given, size_t bytes, const char *token);
/* The value of an Authorization header: "Bearer TOKEN". */
bool auth_is_bearer(const char *value, const char *token);

typedef enum auth_offer { AUTH_NOT_OFFERED, AUTH_REFUSED, AUTH_ACCEPTED } auth_offer;
/* The value of a Sec-WebSocket-Protocol header: "trademind, TOKEN". Without a second entry nothing is offered. */
auth_offer auth_judge_subprotocols(const char *list, const char *token);

/* A page may connect when it comes from the host that it connects to, or is on the list; no Origin (NULL or empty)
 * means no browser. */
bool auth_allows_origin(const char *origin, const char *host, const char *const *allowed, size_t n_allowed);
