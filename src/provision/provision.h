/* A user's machine at Fly: made, asked after, started, stopped, given another image, destroyed.
 *
 *   claim of the row (cloud_machines) ─► app ─► address ─► secrets ─► volume ─► machine ─► recorded ─► started ─► healthy
 *         └ another is at work: waited for, then what it made is found                      └ failed: what was made goes again
 *
 * Every step looks before it makes, so the same may be asked again at any time, also after a kill; two at once follow each
 * other. No secret is in any message.
 * Threads: each call on one thread, which it keeps until the end (minutes); several threads may each call.
 * Ownership: texts of the context are borrowed. */
#pragma once
#include "provision/dialogue.h"
#include "provision/machine_plan.h"

typedef struct provision_context {
    dialogue_config services;
    const char *org, *image, *regions, *gemini_key; /* gemini_key "": none */
    const char *proxy;                              /* of machine_plan_health_url */
    int64_t health_by_ms;                           /* a machine is healthy within; 0: 240000 */
    int64_t claim_by_ms;                            /* another's work ends within; 0: 300000 */
    int64_t look_ms;                                /* between two looks; 0: 2000 */
    /* What is being done, for a person; may be NULL. */
    void (*on_step)(void *context, const char *what);
    void *step_context;
} provision_context;

typedef struct provision_request {
    const char *user, *app, *region; /* app, region "": by default */
    const char *image;               /* of an upgrade; else "" or another than the context's */
    long cpus;
} provision_request;

typedef struct provision_result {
    int http_status; /* what the outcome would be over HTTP: 200, 400, 403, 404, 409, 502, 504 ... */
    bool has_machine, was_reused;
    char machine_id[PLAN_NAME_BYTES], fly_machine_id[PLAN_NAME_BYTES], app[PLAN_NAME_BYTES], status[32], region[8];
    int cpus, memory_mb;
    diag why; /* when it failed; else "" or a warning */
} provision_result;

/* ERR_INVALID (400), ERR_UNSUPPORTED (the tier, 403), ERR_NOT_FOUND (404), ERR_EXISTS (409: at work, or the name is another's),
 * ERR_HTTP, ERR_NETWORK, ERR_TIMEOUT, ERR_NO_MEMORY. */
MUST_CHECK err provision_create(const provision_context *c, const provision_request *r, provision_result *out);
MUST_CHECK err provision_status(const provision_context *c, const provision_request *r, provision_result *out);
MUST_CHECK err provision_start(const provision_context *c, const provision_request *r, provision_result *out);
MUST_CHECK err provision_stop(const provision_context *c, const provision_request *r, provision_result *out);
MUST_CHECK err provision_upgrade(const provision_context *c, const provision_request *r, provision_result *out);
/* With its volume: what it had not sent to Supabase is gone. */
MUST_CHECK err provision_destroy(const provision_context *c, const provision_request *r, provision_result *out);

/* {machineId, flyMachineId, websocketUrl, websocketHost, healthCheckUrl, status, wasReused, ...}; NULL: no memory. */
json_t *provision_result_json(const provision_result *r);
