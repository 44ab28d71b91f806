/* A client of Fly's Machines API: what machines are asked for and what comes of it.
 *
 * Each action is sent at most once a second (reads five times), as Fly allows; what comes faster waits here. A 429 is asked
 * again, since nothing was done; everything else is told to the caller, who knows what it means. A call whose reply was
 * lost (FLY_LOST) may have been carried out: the caller looks before it asks again.
 * Threads: the loop's. Ownership: what is passed in is copied; an answer is borrowed for the callback, which comes exactly
 * once for every accepted call, never from inside it. */
#pragma once
#include "base/errors.h"
#include <jansson.h>
#include <uv.h>

enum { FLY_NAME_BYTES = 64, FLY_NONCE_BYTES = 128 };

typedef enum fly_action {
    FLY_APP_GET,
    FLY_APP_CREATE, /* {app_name, org_slug} */
    FLY_APP_DELETE,
    FLY_ADDRESSES,   /* those of the app */
    FLY_ADDRESS_ADD, /* {type} */
    FLY_SECRETS_SET, /* {values} */
    FLY_VOLUMES,
    FLY_VOLUME_CREATE, /* {name, region, size_gb} */
    FLY_LIST,
    FLY_CREATE, /* {config, name, region, ...} */
    FLY_GET,
    FLY_UPDATE, /* {config, current_version}: the whole config */
    FLY_START,
    FLY_STOP,
    FLY_DESTROY,
    FLY_WAIT,  /* query: state=..&timeout=..&version=.. */
    FLY_LEASE, /* {ttl, description}; with a nonce: prolongs it */
    FLY_LEASE_GET,
    FLY_UNLEASE, /* with its nonce */
    FLY_METADATA,
    FLY_METADATA_SET, /* {key: value}: many keys */
    N_FLY_ACTIONS
} fly_action;

typedef enum fly_outcome {
    FLY_OK,
    FLY_TIMED_OUT,   /* 408: what was waited for has not come */
    FLY_CONFLICT,    /* 409: another holds the lease, or the version is stale */
    FLY_STALE,       /* 412: metadata of another version */
    FLY_REFUSED,     /* 400, 422: never like this */
    FLY_NO_CAPACITY, /* no room for it there; another time, or elsewhere */
    FLY_LIMITED,     /* 429, again and again */
    FLY_TOKEN,       /* 401, 403 */
    FLY_NOT_FOUND,   /* 404 */
    FLY_FAILED,      /* 5xx; it may have been carried out */
    FLY_LOST,        /* no reply: the same */
    FLY_CANCELLED
} fly_outcome;

typedef struct fly_answer {
    fly_outcome outcome;
    int status;         /* of HTTP; 0 without one */
    const json_t *body; /* NULL: none, or no JSON */
    char why[256];      /* one sentence unless FLY_OK */
} fly_answer;

typedef void (*fly_fn)(void *context, const fly_answer *answer);

typedef struct fly_machines_config {
    uv_loop_t *loop;
    const char *url;    /* no slash at the end; NULL: Fly's public address, or of a socket */
    const char *socket; /* the machine's own, which needs no token; NULL: none */
    const char *token;  /* NULL or "": none */
    int64_t timeout_ms; /* of one call; 0: 15000 */
    int64_t second_ms;  /* least time between two calls of an action; 0: 1000 */
} fly_machines_config;

typedef struct fly_request {
    fly_action action;
    const char *app, *machine; /* where the action has them */
    const char *query;         /* NULL: none */
    const char *body;          /* JSON; NULL: none */
    const char *nonce;         /* NULL: none */
    int64_t timeout_ms;        /* 0: the client's */
    fly_fn on_done;
    void *context;
} fly_request;

typedef struct fly_machines fly_machines;

MUST_CHECK err fly_machines_new(const fly_machines_config *config, fly_machines **out);
/* ERR_INVALID (a name that is none), ERR_TOO_BIG, ERR_CLOSED, ERR_NO_MEMORY. */
MUST_CHECK err fly_machines_send(fly_machines *f, const fly_request *request);
/* Callbacks come with FLY_CANCELLED; then `on_closed` (may be NULL), and it is freed. May be NULL: nothing happens. */
void fly_machines_close(fly_machines *f, void (*on_closed)(void *context), void *context);

/* ---- pure ---- */

const char *fly_action_name(fly_action action);
/* What an HTTP answer means; `error` is the text in its body ("" without one). */
fly_outcome fly_outcome_of(int status, const char *error);
/* The lease in an answer, bare or in `data`: its nonce; false: there is none. */
bool fly_nonce_of(const json_t *body, char nonce[FLY_NONCE_BYTES]);
/* Size and version of a machine; false: it does not say. */
typedef struct fly_machine {
    char id[FLY_NAME_BYTES], name[FLY_NAME_BYTES], state[32], version[FLY_NAME_BYTES], region[16];
    int32_t cpus, memory_mb;
    bool is_performance;
} fly_machine;
bool fly_machine_of(const json_t *body, fly_machine *out);
/* Of FLY_UPDATE: the whole config of `machine` with another size, for its version only. NULL: no memory, or no config. The
 * caller frees it. */
char *fly_resize_body(const json_t *machine, int32_t cpus, int32_t memory_mb);
