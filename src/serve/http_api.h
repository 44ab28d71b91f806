/* The HTTP interface. Without a token, GET and HEAD: the page's files (pages.h), `/health`, `/ready`. With
 * `Authorization: Bearer TOKEN` what stands under /api/v1: src/serve/openapi.json says what each path takes and gives.
 *
 *   http_api (connections, token, bodies) ──► http_routes ──► http_machine, http_signals, http_traders, http_market
 * Threads: the loop's. Ownership: borrows gate and providers; a request that waits lives until whoever was asked
 * has answered, also when its connection or the interface is gone. */
#pragma once
#include "serve/gate.h"
#include "serve/http_answer.h"
#include "serve/providers.h"

typedef struct http_api {
    gate *gate;
    const char *version, *machine_id; /* machine_id may be NULL */
    bool is_behind_proxy;             /* which is asked to use no connection twice: listener.c */
    serve_providers providers;
    bool is_over; /* the providers are gone */
} http_api;

typedef struct http_request_state http_request_state;

/* All but `/health` and `/ready`, whose answer decides whether a machine is restarted. */
bool http_api_may_be_refused(const char *path);
/* In place of LWS_CALLBACK_HTTP: a 429 that says when to come again. */
int http_api_refuse(http_api *api, struct lws *wsi, http_request_state **slot, int64_t wait_ms);
/* An event of libwebsockets on a connection that speaks HTTP. `slot` is the connection's own, zero at first. */
int http_api_on_event(http_api *api, struct lws *wsi, enum lws_callback_reasons reason, http_request_state **slot,
                      const void *in, size_t bytes);
