/* The token that a request offers, before it has said anything: in the Authorization header, or beside "trademind" in the
 * list of subprotocols. Never in the URL.
 * Threads: the loop's. Ownership: the caller's struct; offer_wipe when the token has been judged. */
#pragma once
#include "serve/jwt.h"
#include <libwebsockets.h>

typedef enum offer_place { OFFER_NONE, OFFER_HEADER, OFFER_SUBPROTOCOL } offer_place;

typedef struct offer {
    offer_place place;
    size_t bytes; /* 0: what stands there can be no token */
    char token[JWT_MAX_BYTES + 64];
} offer;

/* libwebsockets takes no longer list of subprotocols, and closes without a word. */
enum { OFFER_LIST_MAX_BYTES = 127 };
/* The name of a header that the doorstep has put a long list of subprotocols into (doorstep.h). */
#define OFFER_MOVED_HEADER "trademind-subprotocols"

/* While libwebsockets has the request's headers. */
void offer_read(struct lws *wsi, offer *out);
void offer_wipe(offer *o);
