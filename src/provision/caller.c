/* What a token says of its user is believed when the project has signed it: by a key of its set (fetched once, kept), or with the
 * legacy secret where that is given. */
#include "provision/caller.h"
#include "base/clock.h"
#include "base/http.h"
#include "serve/jwks.h"
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { URL_BYTES = 2048, TICKETS_MOST = 64, TEXT_BYTES = 4 * CALLER_USER_BYTES };

struct caller_ticket {
    caller_ticket *next;
    caller_fn on_verdict;
    void *context;
    size_t bytes;
    char token[];
};

struct caller {
    char issuer[URL_BYTES], *secret;
    http_client *http;
    jwks *keys;
    caller_ticket *tickets;
    uint32_t n_tickets;
};

static void on_fetched(void *context);

err caller_new(uv_loop_t *loop, const char *supabase_url, const char *issuer, const char *secret, caller **out) {
    char url[URL_BYTES];
    caller *c = calloc(1, sizeof *c);
    if (!c) return ERR_NO_MEMORY;
    if (*issuer)
        snprintf(c->issuer, sizeof c->issuer, "%s", issuer);
    else
        snprintf(c->issuer, sizeof c->issuer, "%s/auth/v1", supabase_url);
    snprintf(url, sizeof url, "%s/auth/v1/.well-known/jwks.json", supabase_url);
    c->secret = strdup(secret);
    err e = c->secret ? http_client_new(loop, "trademind/" TRADEMIND_VERSION, &c->http) : ERR_NO_MEMORY;
    if (e == OK) e = jwks_new(c->http, url, on_fetched, c, &c->keys);
    if (e != OK) {
        caller_close(c);
        return e;
    }
    jwks_warm(c->keys, monotonic_ms());
    *out = c;
    return OK;
}

static void free_caller(void *context) {
    caller *c = context;
    jwks_free(c->keys);
    if (c->secret) memset(c->secret, 0, strlen(c->secret));
    free(c->secret);
    free(c);
}

void caller_close(caller *c) {
    assert(!c->tickets);
    if (c->http)
        http_client_close(c->http, free_caller, c);
    else
        free_caller(c);
}

/* ---- a verdict ---- */

static caller_verdict refuse(char *text, const char *why) {
    snprintf(text, TEXT_BYTES, "%s", why);
    return CALLER_REFUSED;
}

static caller_verdict prove(caller *c, const jwt *t, char *text) {
    if (t->alg == JWT_HS256 && !*c->secret)
        return refuse(text, "the token is signed with a secret that is not known here (AUTH_JWT_SECRET)");
    if (t->alg == JWT_HS256)
        return jwt_is_signed_with(t, c->secret) ? CALLER_KNOWN : refuse(text, "the token's signature is wrong");
    switch (t->alg == JWT_OTHER ? JWKS_NOT_PROVEN : jwks_prove(c->keys, t, monotonic_ms())) {
    case JWKS_PROVEN: return CALLER_KNOWN;
    case JWKS_WAIT: return CALLER_WAIT;
    case JWKS_UNAVAILABLE: snprintf(text, TEXT_BYTES, "tokens cannot be checked now"); return CALLER_UNAVAILABLE;
    default: return refuse(text, "the token's signature is wrong");
    }
}

static caller_verdict judge(caller *c, const char *token, size_t bytes, char *text) {
    jwt t;
    if (!jwt_is_like(token, bytes) || jwt_parse(token, bytes, &t) != OK)
        return refuse(text, "a user's token is needed: Authorization: Bearer JWT");
    if (!*t.subject || strlen(t.subject) >= CALLER_USER_BYTES) return refuse(text, "the token names no user");
    const char *fault = jwt_find_fault(&t, &(jwt_expectation){c->issuer, "authenticated", t.subject}, wall_ms() / 1000);
    if (fault) return refuse(text, fault);
    caller_verdict v = prove(c, &t, text);
    if (v == CALLER_KNOWN) snprintf(text, TEXT_BYTES, "%s", t.subject);
    return v;
}

caller_verdict caller_ask(caller *c, const char *authorization, size_t bytes, char *text, caller_fn on_verdict,
                          void *context, caller_ticket **ticket) {
    static const char bearer[] = "Bearer ";
    *ticket = NULL;
    if (bytes < sizeof bearer || strncasecmp(authorization, bearer, sizeof bearer - 1) != 0)
        return refuse(text, "a user's token is needed: Authorization: Bearer JWT");
    const char *token = authorization + sizeof bearer - 1;
    size_t token_bytes = bytes - (sizeof bearer - 1);
    caller_verdict v = judge(c, token, token_bytes, text);
    if (v != CALLER_WAIT) return v;
    caller_ticket *t = c->n_tickets < TICKETS_MOST ? malloc(sizeof *t + token_bytes) : NULL;
    snprintf(text, TEXT_BYTES, "tokens cannot be checked now");
    if (!t) return CALLER_UNAVAILABLE;
    *t = (caller_ticket){.next = c->tickets, .on_verdict = on_verdict, .context = context, .bytes = token_bytes};
    memcpy(t->token, token, token_bytes);
    c->tickets = t;
    c->n_tickets++;
    *ticket = t;
    return CALLER_WAIT;
}

void caller_forget(caller *c, caller_ticket *ticket) {
    caller_ticket **at = &c->tickets;
    if (!ticket) return;
    while (*at && *at != ticket) at = &(*at)->next;
    assert(*at);
    *at = ticket->next;
    c->n_tickets--;
    free(ticket);
}

static void on_fetched(void *context) {
    caller *c = context;
    char text[TEXT_BYTES];
    for (caller_ticket *t = c->tickets, *next; t; t = next) {
        next = t->next;
        caller_verdict v = judge(c, t->token, t->bytes, text);
        if (v == CALLER_WAIT) continue;
        caller_fn on_verdict = t->on_verdict;
        void *asker = t->context;
        caller_forget(c, t);
        on_verdict(asker, v, text);
    }
}
