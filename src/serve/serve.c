#include "serve/serve.h"
#include "serve/listener.h"
#include "serve/serve_counters.h"
#include <stdlib.h>
#include <string.h>

enum { AUTH_TIMEOUT_MS = 5000 };

struct serve {
    char *machine_id;
    gate *gate;
    char **origins;
    size_t n_origins;
    channel *channel;
    http_api api;
    listener *listener;
    void (*on_closed)(void *context);
    void *closed_context;
};

static void free_rest(void *context) {
    serve *s = context;
    void (*on_closed)(void *) = s->on_closed;
    void *closed_context = s->closed_context;
    free(s);
    if (on_closed) on_closed(closed_context);
}

/* The gate is the last: it may have to wait for the loop. */
static void free_serve(serve *s) {
    gate *g = s->gate;
    channel_free(s->channel);
    for (size_t i = 0; i < s->n_origins; i++) free(s->origins[i]);
    free(s->origins);
    free(s->machine_id);
    if (g)
        gate_close(g, free_rest, s);
    else
        free_rest(s);
}

static err copy_config(serve *s, const serve_config *config) {
    s->machine_id = config->machine_id ? strdup(config->machine_id) : NULL;
    s->origins = calloc(config->n_origins + 1, sizeof(char *));
    if (!s->origins || (config->machine_id && !s->machine_id)) return ERR_NO_MEMORY;
    for (; s->n_origins < config->n_origins; s->n_origins++) {
        s->origins[s->n_origins] = strdup(config->origins[s->n_origins]);
        if (!s->origins[s->n_origins]) return ERR_NO_MEMORY;
    }
    return OK;
}

static err open_gate(serve *s, uv_loop_t *loop, const serve_config *config) {
    const serve_users *users = &config->users;
    gate_options options = {.loop = loop,
                            .token = config->token,
                            .user_id = users->user_id,
                            .supabase_url = users->supabase_url,
                            .issuer = users->issuer,
                            .secret = users->secret,
                            .read_key = users->read_key,
                            .key_context = users->key_context};
    return gate_new(&options, &s->gate);
}

static err make_parts(serve *s, uv_loop_t *loop, const serve_config *config, const serve_providers *providers) {
    err failed = copy_config(s, config);
    if (!failed) failed = open_gate(s, loop, config);
    if (failed) return failed;
    s->api = (http_api){.gate = s->gate,
                        .version = TRADEMIND_VERSION,
                        .machine_id = s->machine_id,
                        .is_behind_proxy = config->is_behind_proxy,
                        .providers = *providers};
    channel_options options = {.gate = s->gate,
                               .origins = (const char *const *)s->origins,
                               .n_origins = s->n_origins,
                               .auth_timeout_ms = config->auth_timeout_ms ? config->auth_timeout_ms : AUTH_TIMEOUT_MS,
                               .max_clients = config->max_clients,
                               .version = TRADEMIND_VERSION,
                               .providers = *providers};
    return channel_new(&options, &s->channel);
}

err serve_start(uv_loop_t *loop, const serve_config *config, const serve_providers *providers, serve **out, diag *why) {
    serve *s = calloc(1, sizeof *s);
    if (!s) return diag_set(why, ERR_NO_MEMORY, "%s", error_text(ERR_NO_MEMORY));
    err failed = make_parts(s, loop, config, providers);
    if (failed) diag_set(why, failed, "%s", error_text(failed));
    listener_options options = {.host = config->host,
                                .port = config->port,
                                .channel = s->channel,
                                .api = &s->api,
                                .max_clients = config->max_clients,
                                .is_behind_proxy = config->is_behind_proxy,
                                .max_per_address = config->max_per_address,
                                .requests_per_minute = config->requests_per_minute,
                                .head_timeout_ms = config->head_timeout_ms,
                                .max_visitors = config->max_visitors};
    if (!failed) failed = listener_open(loop, &options, &s->listener, why);
    if (failed)
        free_serve(s);
    else
        *out = s;
    return failed;
}

uint16_t serve_port(const serve *s) { return listener_port(s->listener); }
void serve_publish_signal(serve *s, const signal_row *signal) { channel_publish_signal(s->channel, signal); }
void serve_publish_analysis(serve *s, const analysis_row *row) { channel_publish_analysis(s->channel, row); }
void serve_publish_update(serve *s, const update_row *update) { channel_publish_update(s->channel, update); }
void serve_publish_problem(serve *s, const char *trader_id, const char *why) {
    channel_publish_problem(s->channel, trader_id, why);
}
void serve_publish_status(serve *s) { channel_publish_status(s->channel); }
void serve_publish_metrics(serve *s, const serve_metrics *metrics) { channel_publish_metrics(s->channel, metrics); }
bool serve_wants_klines(const serve *s, uint32_t id, int32_t interval) {
    return channel_wants_klines(s->channel, id, interval);
}
void serve_publish_kline(serve *s, uint32_t id, const char *symbol, int32_t interval, const kline *bar,
                         bool is_closed) {
    channel_publish_kline(s->channel, id, symbol, interval, bar, is_closed);
}
void serve_read_stats(const serve *s, channel_stats *out) { channel_read_stats(s->channel, out); }

void serve_write_counters(const serve *s, json_writer *w) {
    listener_stats l;
    gate_stats g;
    channel_stats c;
    listener_read_stats(s->listener, &l);
    gate_read_stats(s->gate, &g);
    channel_read_stats(s->channel, &c);
    serve_counters_write(w, &l, &g, &c);
}

void serve_end_questions(serve *s) {
    s->api.is_over = true;
    channel_end_questions(s->channel);
}

static void on_listener_closed(void *context) { free_serve(context); }

void serve_close(serve *s, void (*on_closed)(void *context), void *context) {
    s->on_closed = on_closed;
    s->closed_context = context;
    listener_close(s->listener, on_listener_closed, s);
}
