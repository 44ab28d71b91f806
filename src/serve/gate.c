#include "serve/gate.h"
#include "base/clock.h"
#include "base/http.h"
#include "base/log.h"
#include "serve/auth.h"
#include "serve/jwks.h"
#include "serve/user_check.h"
#include <assert.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { URL_BYTES = 2048, TICKETS_MOST = 64 };
#define AUDIENCE "authenticated"

struct gate_ticket {
    gate_ticket *next;
    gate_fn on_verdict;
    void *context;
    size_t bytes;
    char given[];
};

struct gate {
    char *token, *user_id, *issuer, *secret;
    http_client *http; /* NULL: users' tokens are not taken */
    jwks *keys;
    user_check *users;
    gate_ticket *tickets;
    uint32_t n_tickets;
    gate_stats stats;
    log_repeater refusals;
    void (*on_closed)(void *context);
    void *closed_context;
};

/* What is known of a token, and why it is so. */
typedef enum finding {
    FOUND_MACHINE,
    FOUND_USER,
    FOUND_WRONG,
    FOUND_CLAIMS,
    FOUND_UNSIGNED,
    FOUND_UNKNOWN_KEY,
    FOUND_WAIT,
    FOUND_UNAVAILABLE
} finding;

typedef struct judgement {
    finding found;
    const char *fault; /* in words, of a token that is refused */
    int64_t expires_s;
} judgement;

static void on_news(void *context);

/* ---- a life ---- */

static bool is_given(const char *text) { return text && *text; }

static err open_users(gate *g, const gate_options *options) {
    char url[URL_BYTES];
    user_check_options uo = {.url = url,
                             .user_id = options->user_id,
                             .read_key = options->read_key,
                             .on_answered = on_news,
                             .key_context = options->key_context,
                             .context = g};
    snprintf(url, sizeof url, "%s/auth/v1", options->supabase_url);
    g->user_id = strdup(options->user_id);
    g->issuer = strdup(is_given(options->issuer) ? options->issuer : url);
    if (!g->user_id || !g->issuer) return ERR_NO_MEMORY;
    err failed = http_client_new(options->loop, "trademind/" TRADEMIND_VERSION, &g->http);
    if (failed) return failed;
    snprintf(url, sizeof url, "%s/auth/v1/.well-known/jwks.json", options->supabase_url);
    failed = jwks_new(g->http, url, on_news, g, &g->keys);
    snprintf(url, sizeof url, "%s/auth/v1/user", options->supabase_url);
    uo.http = g->http;
    return failed ? failed : user_check_new(&uo, &g->users);
}

static void free_gate(void *context) {
    gate *g = context;
    void (*on_closed)(void *) = g->on_closed;
    void *closed_context = g->closed_context;
    user_check_free(g->users);
    jwks_free(g->keys);
    if (g->secret) OPENSSL_cleanse(g->secret, strlen(g->secret));
    free(g->secret);
    free(g->issuer);
    free(g->user_id);
    free(g->token);
    free(g);
    if (on_closed) on_closed(closed_context);
}

err gate_new(const gate_options *options, gate **out) {
    gate *g = calloc(1, sizeof *g);
    if (!g) return ERR_NO_MEMORY;
    g->token = strdup(options->token);
    g->secret = strdup(is_given(options->secret) ? options->secret : "");
    err failed = g->token && g->secret ? OK : ERR_NO_MEMORY;
    if (!failed && is_given(options->user_id)) failed = open_users(g, options);
    if (failed) {
        gate_close(g, NULL, NULL);
        return failed;
    }
    if (g->keys) jwks_warm(g->keys, monotonic_ms()); /* the first token should not have to wait */
    *out = g;
    return OK;
}

void gate_close(gate *g, void (*on_closed)(void *context), void *context) {
    assert(!g->tickets);
    g->on_closed = on_closed;
    g->closed_context = context;
    if (g->http)
        http_client_close(g->http, free_gate, g);
    else
        free_gate(g);
}

/* ---- a verdict ---- */

static finding judge_secret(gate *g, const jwt *t, const char *given, size_t bytes) {
    if (*g->secret) return jwt_is_signed_with(t, g->secret) ? FOUND_USER : FOUND_UNSIGNED;
    switch (user_check_ask(g->users, given, bytes, monotonic_ms())) {
    case USER_KNOWN: return FOUND_USER;
    case USER_UNKNOWN: return FOUND_UNSIGNED;
    case USER_CHECK_WAIT: return FOUND_WAIT;
    default: return FOUND_UNAVAILABLE;
    }
}

static finding judge_key(gate *g, const jwt *t) {
    switch (jwks_prove(g->keys, t, monotonic_ms())) {
    case JWKS_PROVEN: return FOUND_USER;
    case JWKS_NOT_PROVEN: return FOUND_UNSIGNED;
    case JWKS_UNKNOWN: return FOUND_UNKNOWN_KEY;
    case JWKS_WAIT: return FOUND_WAIT;
    default: return FOUND_UNAVAILABLE;
    }
}

static finding judge_signature(gate *g, const jwt *t, const char *given, size_t bytes) {
    if (t->alg == JWT_OTHER) return FOUND_UNSIGNED;
    return t->alg == JWT_HS256 ? judge_secret(g, t, given, bytes) : judge_key(g, t);
}

/* The claims come first: they cost nothing, and what they refuse is not worth a question. */
static judgement judge(gate *g, const char *given, size_t bytes) {
    jwt t;
    if (auth_is_token(given, bytes, g->token)) return (judgement){FOUND_MACHINE, "", GATE_FOREVER};
    if (!g->http || !jwt_is_like(given, bytes) || jwt_parse(given, bytes, &t) != OK)
        return (judgement){FOUND_WRONG, "it is not this machine's", 0};
    const char *claim = jwt_find_fault(&t, &(jwt_expectation){g->issuer, AUDIENCE, g->user_id}, wall_ms() / 1000);
    if (claim) return (judgement){FOUND_CLAIMS, claim, 0};
    return (judgement){judge_signature(g, &t, given, bytes), "nobody who may has signed it", t.expires_s};
}

static gate_verdict verdict_of(finding found) {
    switch (found) {
    case FOUND_MACHINE:
    case FOUND_USER: return GATE_OPEN;
    case FOUND_WAIT: return GATE_WAIT;
    case FOUND_UNAVAILABLE: return GATE_UNAVAILABLE;
    default: return GATE_SHUT;
    }
}

static gate_answer answer_of(const judgement *j) { return (gate_answer){verdict_of(j->found), j->expires_s}; }

static void count(gate *g, const judgement *j) {
    gate_stats *s = &g->stats;
    finding found = j->found;
    const char *fault = found == FOUND_UNAVAILABLE ? "it cannot be checked now" : j->fault;
    s->n_machine += found == FOUND_MACHINE;
    s->n_users += found == FOUND_USER;
    s->n_wrong += found == FOUND_WRONG;
    s->n_claims += found == FOUND_CLAIMS;
    s->n_unsigned += found == FOUND_UNSIGNED;
    s->n_unknown_key += found == FOUND_UNKNOWN_KEY;
    s->n_unavailable += found == FOUND_UNAVAILABLE;
    s->n_refused += verdict_of(found) != GATE_OPEN;
    if (verdict_of(found) != GATE_OPEN) log_repeat(&g->refusals, LOG_WARN, "gate", "refused a token: %s", fault);
}

gate_verdict gate_look(gate *g, const char *given, size_t bytes) { return verdict_of(judge(g, given, bytes).found); }

/* ---- tickets ---- */

static gate_ticket *new_ticket(gate *g, const char *given, size_t bytes, gate_fn on_verdict, void *context) {
    gate_ticket *t = g->n_tickets < TICKETS_MOST ? malloc(sizeof *t + bytes) : NULL;
    if (!t) return NULL;
    *t = (gate_ticket){.next = g->tickets, .on_verdict = on_verdict, .context = context, .bytes = bytes};
    memcpy(t->given, given, bytes);
    g->tickets = t;
    g->n_tickets++;
    return t;
}

void gate_forget(gate *g, gate_ticket *ticket) {
    gate_ticket **at = &g->tickets;
    if (!ticket) return;
    while (*at && *at != ticket) at = &(*at)->next;
    assert(*at);
    *at = ticket->next;
    g->n_tickets--;
    OPENSSL_cleanse(ticket->given, ticket->bytes);
    free(ticket);
}

gate_answer gate_ask(gate *g, const char *given, size_t bytes, gate_fn on_verdict, void *context,
                     gate_ticket **ticket) {
    judgement j = judge(g, given, bytes);
    *ticket = NULL;
    if (j.found == FOUND_WAIT && !(*ticket = new_ticket(g, given, bytes, on_verdict, context)))
        j.found = FOUND_UNAVAILABLE;
    if (j.found != FOUND_WAIT) count(g, &j);
    return answer_of(&j);
}

/* Whoever need not wait any longer is told. An asker may forget other tickets meanwhile, so the list is begun anew. */
static void on_news(void *context) {
    gate *g = context;
    for (gate_ticket *t = g->tickets; t;) {
        judgement j = judge(g, t->given, t->bytes);
        if (j.found == FOUND_WAIT) {
            t = t->next;
            continue;
        }
        gate_fn on_verdict = t->on_verdict;
        void *asker = t->context;
        gate_forget(g, t);
        count(g, &j);
        on_verdict(asker, answer_of(&j));
        t = g->tickets;
    }
}

void gate_read_stats(const gate *g, gate_stats *out) {
    *out = g->stats;
    if (!g->http) return;
    jwks_stats keys;
    user_check_stats users;
    jwks_read_stats(g->keys, &keys);
    user_check_read_stats(g->users, &users);
    out->n_fetches = keys.n_fetches;
    out->n_fetch_failures = keys.n_failures;
    out->n_questions = users.n_asked;
    out->n_question_failures = users.n_failures;
    out->n_held_back = users.n_held_back;
}
