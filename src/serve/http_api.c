/* A request is judged in the order token, path, method, parameters, and its answer is made at once or, for signals, when
 * storage has read them. Answers leave in the next writable callback, so that both kinds go one way. */
#include "serve/http_api.h"
#include "screener/signal_json.h"
#include "serve/auth.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HEADER_BYTES = 1024, ARGUMENT_BYTES = 256, PAGE_DEFAULT = 100 };

struct http_request_state {
    struct lws *wsi; /* NULL: the connection is gone */
    bool is_waiting; /* for storage, which will call back */
    bool is_head;
    http_answer answer;
};

typedef void (*handler_fn)(http_api *api, http_request_state *r);

typedef struct route {
    const char *path;
    handler_fn handle;
} route;

static void get_root(http_api *api, http_request_state *r);
static void get_health(http_api *api, http_request_state *r);
static void get_ready(http_api *api, http_request_state *r);
static void get_channel(http_api *api, http_request_state *r);
static void get_status(http_api *api, http_request_state *r);
static void get_signals(http_api *api, http_request_state *r);

static const route routes[] = {
    {"/", get_root},      {"/health", get_health},        {"/ready", get_ready},
    {"/ws", get_channel}, {"/api/v1/status", get_status}, {"/api/v1/signals", get_signals},
};

static bool needs_token(const char *path) { return strncmp(path, "/api", 4) == 0; }

static bool has_token(const http_api *api, struct lws *wsi) {
    char header[HEADER_BYTES];
    return lws_hdr_copy(wsi, header, sizeof header, WSI_TOKEN_HTTP_AUTHORIZATION) > 0 &&
           auth_is_bearer(header, api->token);
}

static const route *find_route(const char *path) {
    for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++)
        if (strcmp(routes[i].path, path) == 0) return &routes[i];
    return NULL;
}

/* Anything but GET and HEAD may bring a body, which would be read as the next request: the connection is closed. */
static void judge(http_api *api, http_request_state *r, const char *path) {
    bool is_get = lws_hdr_total_length(r->wsi, WSI_TOKEN_GET_URI) > 0;
    r->is_head = lws_hdr_total_length(r->wsi, WSI_TOKEN_HEAD_URI) > 0;
    const route *found = find_route(path);
    if (needs_token(path) && !has_token(api, r->wsi))
        http_answer_problem(&r->answer, 401,
                            "expected the header \"Authorization: Bearer TOKEN\"; the token is in DATA_DIR/token");
    else if (!found)
        http_answer_problem(&r->answer, 404, "there is nothing at this path");
    else if (!is_get && !r->is_head)
        http_answer_problem(&r->answer, 405, "only GET and HEAD are answered here");
    else
        found->handle(api, r);
    r->answer.must_close = !is_get && !r->is_head;
}

static int send_answer(http_request_state **slot) {
    http_request_state *r = *slot;
    struct lws *wsi = r->wsi;
    int failed = http_answer_send(wsi, &r->answer, r->is_head);
    *slot = NULL;
    http_answer_deinit(&r->answer);
    free(r);
    return failed || lws_http_transaction_completed(wsi) ? -1 : 0;
}

static int begin(http_api *api, struct lws *wsi, http_request_state **slot, const char *path) {
    http_request_state *r = calloc(1, sizeof *r);
    if (!r) return -1;
    r->wsi = wsi;
    *slot = r;
    judge(api, r, path);
    if (r->answer.must_close) return send_answer(slot);
    if (!r->is_waiting) lws_callback_on_writable(wsi);
    return 0;
}

/* The connection goes. A request that storage still works on is freed when it answers. */
static void detach(http_request_state **slot) {
    http_request_state *r = *slot;
    *slot = NULL;
    if (!r) return;
    r->wsi = NULL;
    if (r->is_waiting) return;
    http_answer_deinit(&r->answer);
    free(r);
}

int http_api_on_event(http_api *api, struct lws *wsi, enum lws_callback_reasons reason, http_request_state **slot,
                      const char *path) {
    switch ((int)reason) {
    case LWS_CALLBACK_HTTP: detach(slot); return begin(api, wsi, slot, path);
    case LWS_CALLBACK_HTTP_WRITEABLE: return *slot && !(*slot)->is_waiting ? send_answer(slot) : 0;
    case LWS_CALLBACK_HTTP_DROP_PROTOCOL:
    case LWS_CALLBACK_CLOSED_HTTP:
    case LWS_CALLBACK_WSI_DESTROY: detach(slot); return 0;
    default: return 0;
    }
}

/* ---- what is answered ---- */

static void get_root(http_api *api, http_request_state *r) {
    (void)api;
    http_answer_text(
        &r->answer, 200,
        "trademind: watches markets and sends signals. API: /health, /ready, /api/v1/status, /api/v1/signals "
        "(with a token); WebSocket: /ws\n");
}

static void get_channel(http_api *api, http_request_state *r) {
    (void)api;
    http_answer_problem(&r->answer, 426, "this path speaks WebSocket");
}

static void get_health(http_api *api, http_request_state *r) {
    health_component components[HEALTH_MAX_COMPONENTS];
    size_t count = api->providers.health(api->providers.context, components);
    json_writer w;
    json_writer_init(&w);
    health_write_json(&w, components, count);
    http_answer_json(&r->answer, health_http_status(health_judge(components, count)), &w);
}

static void get_ready(http_api *api, http_request_state *r) {
    diag why = {""};
    bool is_ready = api->providers.ready(api->providers.context, &why);
    json_writer w;
    json_writer_init(&w);
    json_write_object(&w);
    json_put_bool(&w, "ready", is_ready);
    if (!is_ready) json_put_text(&w, "reason", why.text);
    json_write_object_end(&w);
    http_answer_json(&r->answer, is_ready ? 200 : 503, &w);
}

static void get_status(http_api *api, http_request_state *r) {
    serve_status status = {0};
    api->providers.status(api->providers.context, &status);
    json_writer w;
    json_writer_init(&w);
    json_write_object(&w);
    json_put_text(&w, "status", status.status);
    json_put_text(&w, "version", api->version);
    json_put_text(&w, "machineId", api->machine_id);
    json_put_integer(&w, "cpus", status.cpus);
    json_put_integer(&w, "uptime", status.uptime_ms);
    if (api->providers.details) api->providers.details(api->providers.context, &w);
    json_write_object_end(&w);
    http_answer_json(&r->answer, 200, &w);
}

/* ---- signals ---- */

static bool copy_value(char *to, size_t to_bytes, const char *value) {
    return value[0] && (size_t)snprintf(to, to_bytes, "%s", value) < to_bytes;
}

static bool parse_limit(const char *value, uint32_t *out) {
    char *end = NULL;
    if (value[0] < '0' || value[0] > '9') return false;
    errno = 0;
    unsigned long limit = strtoul(value, &end, 10);
    *out = (uint32_t)limit;
    return !errno && *end == 0 && limit >= 1 && limit <= SIGNAL_PAGE_MAX;
}

/* NULL: fine; else what was expected. */
static const char *take_argument(signal_filter *filter, const char *argument) {
    const char *value = strchr(argument, '=');
    if (!value) return "expected name=value";
    size_t bytes = (size_t)(value++ - argument);
    if (bytes == 5 && memcmp(argument, "limit", 5) == 0)
        return parse_limit(value, &filter->limit) ? NULL : "expected limit=1..500";
    if (bytes == 6 && memcmp(argument, "before", 6) == 0)
        return signal_cursor_parse(value, filter) == OK ? NULL : "expected before=the \"next\" of an earlier answer";
    if (bytes == 6 && memcmp(argument, "symbol", 6) == 0)
        return copy_value(filter->symbol, sizeof filter->symbol, value) ? NULL : "expected symbol=a symbol's name";
    if (bytes == 6 && memcmp(argument, "trader", 6) == 0)
        return copy_value(filter->trader, sizeof filter->trader, value) ? NULL
                                                                        : "expected trader=a trader's name or UUID";
    return "the parameters are limit, before, symbol and trader";
}

static const char *parse_arguments(struct lws *wsi, signal_filter *filter) {
    char argument[ARGUMENT_BYTES];
    if (lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_URI_ARGS) == 0) return NULL;
    for (int i = 0; lws_hdr_fragment_length(wsi, WSI_TOKEN_HTTP_URI_ARGS, i) > 0; i++) {
        if (lws_hdr_copy_fragment(wsi, argument, sizeof argument, WSI_TOKEN_HTTP_URI_ARGS, i) < 0)
            return "a parameter is too long";
        const char *problem = take_argument(filter, argument);
        if (problem) return problem;
    }
    return NULL;
}

static void write_signals(json_writer *w, const signal_list *signals) {
    char next[SIGNAL_CURSOR_BYTES];
    json_write_object(w);
    json_write_key(w, "signals");
    json_write_array(w);
    for (size_t i = 0; i < signals->count; i++) signal_write_json(w, &signals->rows[i]);
    json_write_array_end(w);
    if (signals->has_more) signal_cursor_format(&signals->rows[signals->count - 1], next);
    json_put_text(w, "next", signals->has_more ? next : NULL);
    json_write_object_end(w);
}

static void on_signals(void *context, err error, const char *why, const signal_list *signals) {
    http_request_state *r = context;
    r->is_waiting = false;
    if (!r->wsi) {
        free(r);
        return;
    }
    if (error) {
        http_answer_problem(&r->answer, 503, "%s", why);
    } else {
        json_writer w;
        json_writer_init(&w);
        write_signals(&w, signals);
        http_answer_json(&r->answer, 200, &w);
    }
    lws_callback_on_writable(r->wsi);
}

static void get_signals(http_api *api, http_request_state *r) {
    signal_filter filter = {.limit = PAGE_DEFAULT};
    const char *problem = parse_arguments(r->wsi, &filter);
    if (problem) {
        http_answer_problem(&r->answer, 400, "%s", problem);
        return;
    }
    r->is_waiting = true;
    err failed = api->providers.query_signals(api->providers.context, &filter, on_signals, r);
    if (!failed) return;
    r->is_waiting = false;
    http_answer_problem(&r->answer, 503, "signals cannot be read now: %s", error_text(failed));
}
