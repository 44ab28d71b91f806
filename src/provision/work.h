/* One piece of provisioning under way: the row and its claim, and the steps that provision.c is made of.
 * Threads: one. */
#pragma once
#include "provision/provision.h"

typedef struct work {
    const provision_context *context;
    const provision_request *request;
    dialogue *talk;
    machine_plan plan;
    char owner[40]; /* of the claim; random */
    char row[PLAN_NAME_BYTES], row_status[32];
    char made[PLAN_NAME_BYTES];  /* the machine that this work has made, whatever the row says; "": none */
    char nonce[FLY_NONCE_BYTES]; /* of Fly's lease; "": none is held */
    int64_t claim_until_ms;      /* monotonic; before then it is ours even when Supabase cannot be asked */
    bool has_claim, has_made_app;
    bool is_well; /* it failed, but the machine runs as before */
    provision_result *out;
} work;

/* Fails the work: the code, the status over HTTP, and a sentence. */
err work_fail(work *w, err code, int http_status, const char *format, ...) __attribute__((format(printf, 4, 5)));
err work_fail_by(work *w, const dialogue_answer *a, const char *what);
void work_tell(const work *w, const char *format, ...) __attribute__((format(printf, 2, 3)));

MUST_CHECK err work_begin(work *w, const provision_context *c, const provision_request *r, provision_result *out);
/* Gives the claim back; `e` is written into the row when it is a failure that the row should tell. */
void work_end(work *w, err e);

/* Elite and active, else the refusal. */
MUST_CHECK err work_check_tier(work *w);
/* The row of the user, without claiming it; ERR_NOT_FOUND. */
MUST_CHECK err work_read_row(work *w);
/* Waits for whoever is at work. The row is made when there is none. */
MUST_CHECK err work_claim(work *w);
/* Between steps that may take long; a lease that is held, too. ERR_EXISTS: another has claimed it meanwhile, and nothing of it
 * is ours any more; or another has the lease. */
MUST_CHECK err work_renew(work *w);
/* `changes` a JSON object (taken). ERR_EXISTS: the claim is lost, and nothing is written. */
MUST_CHECK err work_write_row(work *w, json_t *changes);
/* In cloud_events. A failure to tell is no failure. */
void work_event(work *w, const char *type, const char *severity, const char *message);

/* Asks Fly about the app and machine of the work, under the lease that is held; `body` NULL or a text. */
void work_fly(work *w, fly_action action, const char *query, const char *body, dialogue_answer *out);
/* Fly's lease of the machine, for minutes, or a prolonged one. While it is held nobody else can change the machine. */
MUST_CHECK err work_lease(work *w);
void work_unlease(work *w);
/* The machine as it is; ERR_NOT_FOUND when Fly has none of that id. */
MUST_CHECK err work_get_machine(work *w, fly_machine *m, json_t **body);
/* Until its state is this; `version` "": any. */
MUST_CHECK err work_wait_state(work *w, const char *state, const char *version);
/* Until /health says 200. */
MUST_CHECK err work_wait_healthy(work *w);
