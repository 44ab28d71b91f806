/* Giving the machine that we run on another size, so that whatever fails or is killed on the way, it ends with the old size
 * or the new one, and nobody else changes it meanwhile.
 *
 *   lease ─► kept on disk ─► read ─► prepared (drained, snapshot, committed) ─► update ─► we are stopped
 *     └ held by another: given up                                                 └ refused: release, all as before
 *   ... the next run finds the lease on disk: read ─► release
 *
 * The lease outlives us on purpose: it is released by whoever comes back, or ends by itself.
 * Threads: the loop's. Ownership: client and names are borrowed. */
#pragma once
#include "scale/fly_machines.h"
#include "scale/scaler.h"

typedef enum resize_end {
    RESIZE_DONE,   /* the machine has the size (a run that comes back says so) */
    RESIZE_NOT,    /* it is as it was */
    RESIZE_UNKNOWN /* Fly does not say; it is asked again at the next start */
} resize_end;

typedef struct resize_handlers {
    /* To be on disk before it returns OK: without it nobody could release it. */
    err (*keep)(void *context, const char *nonce);
    /* Everything is to be made safe; then resize_prepared. */
    void (*prepare)(void *context, const fly_machine *now);
    /* Once; the lease is released, or will end by itself. May free it. `machine` is what Fly said last; cpus 0: nothing. */
    void (*on_end)(void *context, resize_end end, const fly_machine *machine, const char *why);
    void *context;
} resize_handlers;

typedef struct resize_config {
    uv_loop_t *loop;
    fly_machines *client;
    const char *app, *machine;
    scaler_size target;
    int32_t lease_s;    /* 0: 120 */
    int64_t stop_by_ms; /* after the update we are stopped within; 0: 60000 */
    int64_t retry_ms;   /* between two looks; 0: 2000 */
    resize_handlers handlers;
} resize_config;

typedef struct resize resize;

/* ERR_NO_MEMORY. */
MUST_CHECK err resize_new(const resize_config *config, resize **out);
/* Begins with the lease. */
void resize_start(resize *r);
/* An earlier run was on the way, with this lease. */
void resize_verify(resize *r, const char *nonce);
/* Answers `prepare`; an error: given up. */
void resize_prepared(resize *r, err error);
/* At any time, no handler is called any more; the lease stays as it is. May be NULL. Before the client is closed, or after. */
void resize_free(resize *r);
