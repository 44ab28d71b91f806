/* Compiles traders and tries them out, on a thread of its own: whatever a script does while it is loaded, screening goes
 * on meanwhile.
 *
 * Threads: _new, _submit, _take, _free on the feed's thread. One job at a time. */
#pragma once
#include "script/state.h"

typedef struct trader_loader trader_loader;

typedef struct load_job {
    int32_t count;
    trader_source **sources; /* borrowed */
    trader_spec **specs;     /* out; NULL where it failed */
    diag *diags;             /* out */
    err failure;             /* out: the whole job failed, the traders were not to blame */
} load_job;

/* `notify` comes from its thread when a job is done: take it. Everything is borrowed and must outlive it. */
MUST_CHECK err trader_loader_new(registry *r, watchdog *dog, const script_limits *limits, void (*notify)(void *context),
                                 void *context, trader_loader **out);
/* The job is the loader's until _take gives it back. ERR_FULL: one is under way. */
MUST_CHECK err trader_loader_submit(trader_loader *l, load_job *job);
/* The finished job; NULL: none. */
load_job *trader_loader_take(trader_loader *l);
/* Waits for the trader that is being compiled; a job under way is left as it is and may be freed afterwards. May be NULL. */
void trader_loader_free(trader_loader *l);
