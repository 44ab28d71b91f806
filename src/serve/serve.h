/* The server that browsers and programs talk to: HTTP and WebSocket on one port.
 *
 *   listener (socket, libwebsockets) --+--> http_api   /health /ready /api/v1/...
 *                                      +--> channel    / and /ws: hello, signal_created, ... (channel.h)
 * Threads: the loop's. Ownership: everything of the config is copied but providers.context. */
#pragma once
#include "serve/channel.h"
#include "serve/providers.h"
#include <uv.h>

typedef struct serve serve;

/* As gate_options; without a user_id there are none. */
typedef struct serve_users {
    const char *user_id, *supabase_url, *issuer, *secret;
    err (*read_key)(void *context, char out[SERVICE_KEY_MAX_BYTES], diag *why);
    void *key_context;
} serve_users;

typedef struct serve_config {
    const char *host; /* "::" also takes IPv4 */
    uint16_t port;    /* 0: any free one */
    const char *token;
    const char *const *origins; /* of pages that may connect, beside the server's own */
    size_t n_origins;
    const char *machine_id;      /* for /api/v1/status; may be NULL */
    serve_users users;           /* of Supabase, whose tokens are taken beside the machine's */
    int64_t auth_timeout_ms;     /* for a client's token; 0: 5000 */
    int64_t head_timeout_ms;     /* for the first request of a connection; 0: 10000 */
    uint32_t max_visitors;       /* connections without a whole request; 0: 512 */
    uint32_t max_per_address;    /* connections at once; 0: 32 */
    int64_t requests_per_minute; /* HTTP requests of one address; 0: no limit */
    bool is_behind_proxy;        /* Fly's: listener.h */
    uint32_t max_clients;        /* of the channel; 0: 32 */
} serve_config;

/* ERR_NETWORK and a sentence when the port cannot be had. */
MUST_CHECK err serve_start(uv_loop_t *loop, const serve_config *config, const serve_providers *providers, serve **out,
                           diag *why);
/* The real one. */
uint16_t serve_port(const serve *s);
/* To all clients that have been let in. */
void serve_publish_signal(serve *s, const signal_row *signal);
void serve_publish_analysis(serve *s, const analysis_row *row);
void serve_publish_update(serve *s, const update_row *update);
/* The newest version of a trader does not run. */
void serve_publish_problem(serve *s, const char *trader_id, const char *why);
/* As the provider tells it now. */
void serve_publish_status(serve *s);
/* The same, to whom wants them: see channel.h. */
void serve_publish_metrics(serve *s, const serve_metrics *metrics);
bool serve_wants_klines(const serve *s, uint32_t id, int32_t interval);
void serve_publish_kline(serve *s, uint32_t id, const char *symbol, int32_t interval, const kline *bar, bool is_closed);
void serve_read_stats(const serve *s, channel_stats *out);
/* As serve_counters_write: who came, who was let in, what was refused. */
void serve_write_counters(const serve *s, json_writer *w);
/* The providers go: nothing is asked of them any more. What is published still goes out. */
void serve_end_questions(serve *s);
/* Says good-bye to the clients and closes; `on_closed` when the last handle is gone; then it is freed. */
void serve_close(serve *s, void (*on_closed)(void *context), void *context);
