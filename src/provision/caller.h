/* Who asks: the user of a Supabase JWT, for any user of the project.
 * Threads: the loop's. Ownership: texts are copied. */
#pragma once
#include "base/errors.h"
#include <uv.h>

enum { CALLER_USER_BYTES = 64 };

typedef struct caller caller;
typedef struct caller_ticket caller_ticket;

typedef enum caller_verdict { CALLER_KNOWN, CALLER_REFUSED, CALLER_UNAVAILABLE, CALLER_WAIT } caller_verdict;
/* `user` when known, else why not, in words without any of the token. */
typedef void (*caller_fn)(void *context, caller_verdict verdict, const char *text);

/* `issuer` "": SUPABASE_URL/auth/v1. `secret` "": only tokens of the project's signing keys are taken. */
MUST_CHECK err caller_new(uv_loop_t *loop, const char *supabase_url, const char *issuer, const char *secret,
                          caller **out);
/* The value of an Authorization header. CALLER_WAIT: on_verdict comes once, never from inside; `ticket` is for caller_forget. Else
 * `text` (CALLER_USER_BYTES * 4) is as of caller_fn. */
caller_verdict caller_ask(caller *c, const char *authorization, size_t bytes, char *text, caller_fn on_verdict,
                          void *context, caller_ticket **ticket);
void caller_forget(caller *c, caller_ticket *ticket);
/* Nobody holds a ticket any more. */
void caller_close(caller *c);
