/* A request is judged in the order token, path, method, parameters or body, and its answer is made at once or, for rows,
 * when storage has read them. Answers leave in the next writable callback, so that both kinds go one way.
 *
 * Bodies are the exception. What comes behind a body libwebsockets 4.1 offers to the same request again and again, without
 * ever coming back to the loop. So one is taken only for a path that wants it, and only when its length is told; then the
 * answer leaves within the callback, and with every request that has, or may have, a body the connection is closed. */
#include "serve/http_api.h"
#include "screener/signal_json.h"
#include "serve/http_change.h"
#include "serve/http_metrics.h"
#include "serve/http_query.h"
#include "serve/offer.h"
#include "serve/pages.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BODY_MAX_BYTES = 64 * 1024, LENGTH_BYTES = 24 };

typedef void (*handler_fn)(http_api *api, http_request_state *r);

struct http_request_state {
    struct lws *wsi; /* NULL: the connection is gone */
    bool is_waiting; /* for storage, which will call back */
    bool is_head, has_body;
    http_api *api;
    gate_ticket *ticket;          /* while the gate finds out who asks */
    handler_fn later;             /* what waits for the gate */
    handler_fn take_body;         /* while a body arrives: for when it is whole */
    char name[TRADER_KEY_BYTES];  /* the last part of a path that ends in one */
    char *body;                   /* not terminated */
    size_t body_bytes, body_room; /* room: as many as the request has announced */
    http_answer answer;
};

/* GET and HEAD, or POST. A path that ends in "/" stands for all that have a name behind it. */
typedef struct route {
    const char *path;
    handler_fn get, post;
} route;

static void get_health(http_api *api, http_request_state *r);
static void get_ready(http_api *api, http_request_state *r);
static void get_channel(http_api *api, http_request_state *r);
static void get_metrics(http_api *api, http_request_state *r);
static void get_status(http_api *api, http_request_state *r);
static void get_signals(http_api *api, http_request_state *r);

static void get_traders(http_api *api, http_request_state *r);
static void get_trader_errors(http_api *api, http_request_state *r);
static void post_workers(http_api *api, http_request_state *r);
static void post_trader(http_api *api, http_request_state *r);

static const route routes[] = {
    {"/health", get_health, NULL},
    {"/ready", get_ready, NULL},
    {"/ws", get_channel, NULL},
    {"/metrics", get_metrics, NULL},
    {"/api/v1/status", get_status, NULL},
    {"/api/v1/signals", get_signals, NULL},
    {"/api/v1/traders", get_traders, NULL},
    {"/api/v1/traders/errors", get_trader_errors, post_trader},
    {"/api/v1/traders/", NULL, post_trader},
    {"/api/v1/screener/workers", NULL, post_workers},
};

static bool needs_token(const char *path) { return strncmp(path, "/api", 4) == 0 || strcmp(path, "/metrics") == 0; }

static void refuse_entry(http_request_state *r, gate_verdict verdict) {
    if (verdict == GATE_SHUT)
        http_answer_problem(&r->answer, 401,
                            "expected the header \"Authorization: Bearer TOKEN\"; the token is in DATA_DIR/token");
    else
        http_answer_problem(&r->answer, 503, "the token cannot be checked now");
}

static void on_verdict(void *context, gate_verdict verdict) {
    http_request_state *r = context;
    handler_fn later = r->later;
    r->ticket = NULL;
    r->later = NULL;
    if (!later && !r->take_body) return; /* an answer is on its way already */
    if (verdict != GATE_OPEN) {
        r->take_body = NULL;
        refuse_entry(r, verdict);
    } else if (later) {
        later(r->api, r);
    } else {
        return; /* the body is still coming */
    }
    r->answer.must_close = r->has_body;
    if (!r->is_waiting) lws_callback_on_writable(r->wsi);
}

static gate_verdict ask_gate(http_request_state *r) {
    offer o;
    offer_read(r->wsi, &o);
    gate_verdict verdict = GATE_SHUT;
    if (o.place == OFFER_HEADER) verdict = gate_ask(r->api->gate, o.token, o.bytes, on_verdict, r, &r->ticket);
    offer_wipe(&o);
    return verdict;
}

/* At once, or when the gate knows who asks. */
static void handle(http_request_state *r, handler_fn handler) {
    if (r->ticket)
        r->later = handler;
    else
        handler(r->api, r);
}

static bool has_name(const route *r) { return r->path[1] && r->path[strlen(r->path) - 1] == '/'; }

static bool is_named(const route *r, const char *path) {
    size_t bytes = strlen(r->path);
    const char *name = path + bytes;
    return strncmp(path, r->path, bytes) == 0 && *name && strlen(name) < TRADER_KEY_BYTES && !strchr(name, '/');
}

static const route *find_route(const char *path) {
    for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++)
        if (has_name(&routes[i]) ? is_named(&routes[i], path) : strcmp(routes[i].path, path) == 0) return &routes[i];
    return NULL;
}

/* ---- a body ---- */

static void expect_body(http_request_state *r, const char *path, handler_fn take_body) {
    char length[LENGTH_BYTES] = "";
    char *end = NULL;
    unsigned long long bytes;
    int header = lws_hdr_copy(r->wsi, length, sizeof length, WSI_TOKEN_HTTP_CONTENT_LENGTH);
    bool is_chunked = lws_hdr_total_length(r->wsi, WSI_TOKEN_HTTP_TRANSFER_ENCODING) > 0;
    bytes = header > 0 && length[0] >= '0' && length[0] <= '9' ? strtoull(length, &end, 10) : 0;
    if (!end || *end || is_chunked) {
        http_answer_problem(&r->answer, 411, "expected a body of JSON and the header Content-Length");
    } else if (bytes == 0) {
        http_answer_problem(&r->answer, 400, "expected a body of JSON");
    } else if (bytes > BODY_MAX_BYTES) {
        http_answer_problem(&r->answer, 413, "a body may have %d bytes", BODY_MAX_BYTES);
    } else if (!(r->body = malloc((size_t)bytes))) {
        http_answer_problem(&r->answer, 503, "%s", error_text(ERR_NO_MEMORY));
    } else {
        snprintf(r->name, sizeof r->name, "%s", strrchr(path, '/') + 1);
        r->body_room = (size_t)bytes;
        r->take_body = take_body;
    }
}

/* What arrives beyond the announced length is none of this request. */
static void add_to_body(http_request_state *r, const void *in, size_t bytes) {
    size_t room = r->body_room - r->body_bytes;
    size_t taken = bytes < room ? bytes : room;
    if (taken) memcpy(r->body + r->body_bytes, in, taken);
    r->body_bytes += taken;
}

/* ---- a request ---- */

static void refuse_method(http_request_state *r, const route *found) {
    const char *allow = !found->post ? "GET, HEAD" : found->get ? "GET, HEAD, POST" : "POST";
    http_answer_problem(&r->answer, 405, "only %s is answered here", allow);
    r->answer.allow = allow;
}

/* Anything but GET and HEAD may have one, those when they say so. */
static bool may_have_body(struct lws *wsi, bool is_get) {
    char length[LENGTH_BYTES] = "";
    if (!is_get || lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_TRANSFER_ENCODING) > 0) return true;
    if (lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH) <= 0) return false;
    return lws_hdr_copy(wsi, length, sizeof length, WSI_TOKEN_HTTP_CONTENT_LENGTH) < 0 || strcmp(length, "0") != 0;
}

static void judge(http_request_state *r, const char *path) {
    bool is_post = lws_hdr_total_length(r->wsi, WSI_TOKEN_POST_URI) > 0, is_get;
    r->is_head = lws_hdr_total_length(r->wsi, WSI_TOKEN_HEAD_URI) > 0;
    is_get = r->is_head || lws_hdr_total_length(r->wsi, WSI_TOKEN_GET_URI) > 0;
    const route *found = find_route(path);
    const page *file = page_find(path);
    gate_verdict verdict = needs_token(path) ? ask_gate(r) : GATE_OPEN;
    r->has_body = may_have_body(r->wsi, is_get);
    if (verdict == GATE_SHUT || verdict == GATE_UNAVAILABLE)
        refuse_entry(r, verdict);
    else if (is_get && r->has_body)
        http_answer_problem(&r->answer, 400, "a GET or HEAD has no body here");
    else if (is_get && file)
        page_answer(file, r->wsi, &r->answer);
    else if (!found)
        http_answer_problem(&r->answer, 404, "there is nothing at this path");
    else if (is_get && found->get)
        handle(r, found->get);
    else if (is_post && found->post)
        expect_body(r, path, found->post);
    else
        refuse_method(r, found);
    r->answer.must_close = !r->take_body && r->has_body;
}

static void free_request(http_request_state *r) {
    gate_forget(r->api->gate, r->ticket);
    free(r->body);
    http_answer_deinit(&r->answer);
    free(r);
}

static int send_answer(http_request_state **slot) {
    http_request_state *r = *slot;
    struct lws *wsi = r->wsi;
    int failed = http_answer_send(wsi, &r->answer, r->is_head);
    *slot = NULL;
    free_request(r);
    return failed || lws_http_transaction_completed(wsi) ? -1 : 0;
}

/* Answers within the call, and closes: see the top. When the gate does not know yet who asks, the answer waits for it. */
static int end_body(http_api *api, http_request_state **slot) {
    http_request_state *r = *slot;
    if (r->ticket) {
        r->later = r->take_body;
        r->take_body = NULL;
        return 0;
    }
    r->take_body(api, r);
    r->answer.must_close = true;
    return send_answer(slot);
}

static int begin(http_api *api, struct lws *wsi, http_request_state **slot, const char *path) {
    http_request_state *r = calloc(1, sizeof *r);
    if (!r) return -1;
    r->wsi = wsi;
    *slot = r;
    r->api = api;
    judge(r, path);
    if (r->answer.must_close) return send_answer(slot);
    if (!r->is_waiting && !r->take_body && !r->later) lws_callback_on_writable(wsi);
    return 0;
}

/* The connection goes. A request that storage still works on is freed when it answers. */
static void detach(http_request_state **slot) {
    http_request_state *r = *slot;
    *slot = NULL;
    if (!r) return;
    r->wsi = NULL;
    if (!r->is_waiting) free_request(r);
}

int http_api_on_event(http_api *api, struct lws *wsi, enum lws_callback_reasons reason, http_request_state **slot,
                      const void *in, size_t bytes) {
    http_request_state *r = *slot;
    switch ((int)reason) {
    case LWS_CALLBACK_HTTP: detach(slot); return begin(api, wsi, slot, in);
    case LWS_CALLBACK_HTTP_BODY:
        if (r && r->later) return -1; /* something stands behind the body: see the top */
        if (r && r->take_body) add_to_body(r, in, bytes);
        return 0;
    case LWS_CALLBACK_HTTP_BODY_COMPLETION: return r && r->take_body ? end_body(api, slot) : 0;
    case LWS_CALLBACK_HTTP_WRITEABLE: return r && !r->is_waiting && !r->take_body && !r->later ? send_answer(slot) : 0;
    case LWS_CALLBACK_HTTP_DROP_PROTOCOL:
    case LWS_CALLBACK_CLOSED_HTTP:
    case LWS_CALLBACK_WSI_DESTROY: detach(slot); return 0;
    default: return 0;
    }
}

/* ---- what is answered ---- */

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

static void get_metrics(http_api *api, http_request_state *r) { http_metrics_answer(&api->providers, &r->answer); }

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

static void get_traders(http_api *api, http_request_state *r) {
    json_writer w;
    json_writer_init(&w);
    json_write_object(&w);
    json_write_key(&w, "traders");
    json_write_array(&w);
    if (api->providers.traders) api->providers.traders(api->providers.context, &w);
    json_write_array_end(&w);
    json_write_object_end(&w);
    http_answer_json(&r->answer, 200, &w);
}

/* ---- rows ---- */

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

static void write_errors(json_writer *w, const trader_error_list *errors) {
    json_write_object(w);
    json_write_key(w, "errors");
    json_write_array(w);
    for (size_t i = 0; i < errors->count; i++) trader_error_write_json(w, &errors->rows[i]);
    json_write_array_end(w);
    json_write_object_end(w);
}

/* False: nobody is there any more, and the request is gone. */
static bool resume(http_request_state *r, err error, const char *why) {
    r->is_waiting = false;
    if (!r->wsi) {
        free_request(r);
        return false;
    }
    if (error) http_answer_problem(&r->answer, 503, "%s", why);
    lws_callback_on_writable(r->wsi);
    return true;
}

static void on_signals(void *context, err error, const char *why, const signal_list *signals) {
    http_request_state *r = context;
    json_writer w;
    if (!resume(r, error, why) || error) return;
    json_writer_init(&w);
    write_signals(&w, signals);
    http_answer_json(&r->answer, 200, &w);
}

static void on_errors(void *context, err error, const char *why, const trader_error_list *errors) {
    http_request_state *r = context;
    json_writer w;
    if (!resume(r, error, why) || error) return;
    json_writer_init(&w);
    write_errors(&w, errors);
    http_answer_json(&r->answer, 200, &w);
}

/* The query has been accepted, or the answer says why not. */
static void await(http_request_state *r, err failed, const char *what) {
    r->is_waiting = !failed;
    if (failed) http_answer_problem(&r->answer, 503, "%s cannot be read now: %s", what, error_text(failed));
}

static void get_signals(http_api *api, http_request_state *r) {
    signal_filter filter;
    const char *problem = http_query_signals(r->wsi, &filter);
    if (problem)
        http_answer_problem(&r->answer, 400, "%s", problem);
    else
        await(r, api->providers.query_signals(api->providers.context, &filter, on_signals, r), "signals");
}

static void get_trader_errors(http_api *api, http_request_state *r) {
    trader_error_filter filter;
    const char *problem = http_query_trader_errors(r->wsi, &filter);
    if (problem)
        http_answer_problem(&r->answer, 400, "%s", problem);
    else
        await(r, api->providers.query_trader_errors(api->providers.context, &filter, on_errors, r), "errors");
}

/* ---- changes ---- */

static int status_of(err failed) {
    switch (failed) {
    case ERR_INVALID: return 400;
    case ERR_NOT_FOUND: return 404;
    case ERR_UNSUPPORTED: return 501;
    default: return 503;
    }
}

/* 202: it has begun, and its outcome shows in the status. */
static void answer_change(http_request_state *r, err failed, const diag *why, json_writer *w) {
    if (failed) {
        json_writer_deinit(w);
        http_answer_problem(&r->answer, status_of(failed), "%s", why->text);
    } else {
        http_answer_json(&r->answer, 202, w);
    }
}

static void post_workers(http_api *api, http_request_state *r) {
    const serve_providers *p = &api->providers;
    json_writer w;
    diag why = {""};
    int32_t n = 0;
    err failed = http_change_workers(r->body, r->body_bytes, &n, &why);
    if (!failed) failed = p->set_workers(p->context, n, &why);
    json_writer_init(&w);
    json_write_object(&w);
    json_put_integer(&w, "workers", n);
    json_write_object_end(&w);
    answer_change(r, failed, &why, &w);
}

static void post_trader(http_api *api, http_request_state *r) {
    const serve_providers *p = &api->providers;
    char *json = NULL;
    json_writer w;
    diag why = {""};
    err failed = http_change_trader(r->body, r->body_bytes, &json, &why);
    if (!failed) failed = p->change_trader(p->context, r->name, json, &why);
    json_writer_init(&w);
    json_write_object(&w);
    json_put_text(&w, "trader", r->name);
    if (json) json_put_raw(&w, "change", json);
    json_write_object_end(&w);
    answer_change(r, failed, &why, &w);
    free(json);
}
