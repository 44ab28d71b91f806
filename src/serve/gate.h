/* Who is let in: the machine's own token at once; in cloud mode also a Supabase user's JWT, when it is USER_ID's.
 *
 *   token --+--> the machine's ------------------------------------------> in
 *           +--> a JWT --> claims (time, issuer, audience, user) --+--> ES256, RS256: the issuer's keys (jwks)
 *                                                                  +--> HS256: the secret, else the issuer (user_check)
 * Mostly the verdict is there at once. When keys must be fetched or the issuer asked, the asker gets a ticket and is called
 * back within 5 s. All refusals are counted by their reason; no token is ever logged.
 * Threads: the loop's. Ownership: texts of the options are copied. */
#pragma once
#include "base/errors.h"
#include "base/service_key.h"
#include <uv.h>

typedef struct gate gate;
typedef struct gate_ticket gate_ticket;

/* GATE_UNAVAILABLE: nobody can tell now; worth another try. GATE_WAIT: not yet known. */
typedef enum gate_verdict { GATE_SHUT, GATE_OPEN, GATE_WAIT, GATE_UNAVAILABLE } gate_verdict;
/* `expires_s`, of GATE_OPEN: when the token ends, seconds since 1970; GATE_FOREVER: never, it is the machine's. It is taken until
 * JWT_LEEWAY_S after that. */
typedef struct gate_answer {
    gate_verdict verdict;
    int64_t expires_s;
} gate_answer;
#define GATE_FOREVER INT64_MAX
typedef void (*gate_fn)(void *context, gate_answer answer);

typedef struct gate_options {
    uv_loop_t *loop;
    const char *token;        /* the machine's */
    const char *user_id;      /* NULL or "": users' tokens are not taken */
    const char *supabase_url; /* no slash at the end */
    const char *issuer;       /* `iss`; NULL or "": SUPABASE_URL/auth/v1 */
    const char *secret;       /* for HS256; NULL or "": the issuer is asked */
    /* The project's key as it is now, for asking the issuer. */
    err (*read_key)(void *context, char out[SERVICE_KEY_MAX_BYTES], diag *why);
    void *key_context;
} gate_options;

typedef struct gate_stats {
    uint64_t n_machine, n_users; /* let in */
    uint64_t n_refused;          /* all of the following five */
    uint64_t n_wrong,
        n_claims;           /* no token of ours and no JWT; a JWT out of its time, of another issuer, user, audience */
    uint64_t n_unsigned;    /* by no key, another key, or another algorithm than the key's */
    uint64_t n_unknown_key; /* of a key that is not in the set */
    uint64_t n_unavailable; /* nobody could tell */
    uint64_t n_fetches, n_fetch_failures, n_questions, n_question_failures, n_held_back;
} gate_stats;

MUST_CHECK err gate_new(const gate_options *options, gate **out);
/* The verdict as far as it is known now: for a refusal that need not wait. Counts nothing. */
gate_verdict gate_look(gate *g, const char *given, size_t bytes);
/* GATE_WAIT: `on_verdict` comes once, with another verdict, never from inside this call; *ticket is for gate_forget. Else
 * *ticket is NULL. */
gate_answer gate_ask(gate *g, const char *given, size_t bytes, gate_fn on_verdict, void *context, gate_ticket **ticket);
/* The asker has gone: no verdict comes any more. NULL is ignored. */
void gate_forget(gate *g, gate_ticket *ticket);
void gate_read_stats(const gate *g, gate_stats *out);
/* When nobody holds a ticket any more. `on_closed` when the last handle is gone, from inside this call when there is none;
 * then it is freed. */
void gate_close(gate *g, void (*on_closed)(void *context), void *context);
