/* The machine's own token, where a request shows one, and from which web pages it may come.
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
/* Where the token stands in the value of an Authorization header, "Bearer TOKEN"; NULL: it is of another kind. */
const char *auth_find_bearer(const char *value, size_t *bytes);
/* Where it stands in the value of a Sec-WebSocket-Protocol header, "trademind, TOKEN"; NULL: "trademind" is not in the list,
 * or alone. */
const char *auth_find_subprotocol(const char *list, size_t *bytes);

/* A page may connect when it comes from the host that it connects to, or is on the list; no Origin (NULL or empty)
 * means no browser. */
bool auth_allows_origin(const char *origin, const char *host, const char *const *allowed, size_t n_allowed);
