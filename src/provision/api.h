/* What the provisioner is asked over HTTP, and how it answers: its own routes under /v1, and those of the original.
 *
 *   POST   /v1/machines {userId?, region?, cpus?}      201 made, 200 found
 *   GET    /v1/machines                                {machines: [...]}
 *   POST   /v1/machines/ID/stop, .../start             ID: machineId or flyMachineId
 *   DELETE /v1/machines/ID
 *   POST   /provision-machine {userId, region?, cpuPriority?}, /stop-machine {userId}, /get-machine-status {userId}
 *   GET    /get-machine-status?userId=U
 *
 * Whoever asks acts on his own machine only: `user` is whose token it was. Pure. */
#pragma once
#include "provision/http_call.h"
#include "provision/provision.h"

typedef enum api_form { API_V1, API_ORIGINAL } api_form;

typedef err (*api_verb_fn)(const provision_context *c, const provision_request *r, provision_result *out);

typedef struct api_task {
    api_form form;
    enum { API_CREATE, API_STATUS, API_START, API_STOP, API_DESTROY } verb;
    char user[PLAN_NAME_BYTES], region[16], machine[PLAN_NAME_BYTES]; /* machine "": the user's, whichever */
    long cpus;
} api_task;

/* The form of a path, for answers to what has not come to a task. */
api_form api_form_of(http_part path);
/* OK; else `status` and the sentence: ERR_NOT_FOUND (404, 405), ERR_INVALID (400), ERR_UNSUPPORTED (403: another user's). */
MUST_CHECK err api_route(const http_call *call, const char *user, api_task *out, int *status, diag *why);
api_verb_fn api_verb(const api_task *task);
/* The task names this machine, or none. */
bool api_is_of(const api_task *task, const provision_result *r);
/* The answer's body; the caller frees it; NULL: no memory. `status` is that of HTTP. */
char *api_answer(const api_task *task, err e, const provision_result *r, int *status);
char *api_refusal(api_form form, int status, const char *why);
