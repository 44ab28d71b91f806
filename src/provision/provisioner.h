/* The provisioner: provisioning over HTTP, for the users themselves.
 *
 *   connection ─► request ─► whose token? ─► route ─► a thread of the pool does it ─► answer, closed
 *
 * One request on a connection. At most 64 connections, 4 pieces of work at once and 32 that wait; beyond, 503.
 * Threads: the calling thread until it ends; work in libuv's pool. */
#pragma once
#include "provision/provision.h"
#include <uv.h>

typedef struct provisioner_options {
    const char *host;
    uint16_t port;                   /* 0: any free one */
    const char *issuer, *jwt_secret; /* as of caller_new */
    const char *const *origins;      /* of browsers that may ask */
    size_t n_origins;
    const provision_context *context;
    void (*on_listening)(void *context, uint16_t port);
    void *listening_context;
} provisioner_options;

/* Until SIGINT or SIGTERM: nothing new is taken, and what is under way has `4 s` to end; what has not can be asked for again. */
MUST_CHECK err provisioner_run(const provisioner_options *options, diag *why);
