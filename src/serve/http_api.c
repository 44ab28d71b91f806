/* A request is judged in the order token, path, method, parameters or body, and its answer is made at once or, for what takes
 * its time, when whoever was asked has answered. Answers leave in the next writable callback, so that all kinds go one way.
 *
 * Bodies are the exception. What comes behind a body libwebsockets 4.1 offers to the same request again and again, without
 * ever coming back to the loop. So one is taken only for a path that wants it, and only when its length is told; then the
 * answer leaves within the callback, or nothing more is read until it does; and with every request that has, or may have, a
 * body the connection is closed. */
#include "serve/http_api.h"
#include "serve/http_request.h"
#include "serve/http_routes.h"
#include "serve/offer.h"
#include "serve/pages.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LENGTH_BYTES = 24 };

static bool needs_token(const char *path) { return strncmp(path, "/api", 4) == 0 || strcmp(path, "/metrics") == 0; }

/* While nothing is read behind a body nothing is written either. */
static void send_soon(http_request_state *r) {
    if (r->must_close) lws_rx_flow_control(r->wsi, 1);
    lws_callback_on_writable(r->wsi);
}

static void refuse_entry(http_request_state *r, gate_verdict verdict) {
    if (verdict == GATE_SHUT)
        http_answer_problem(&r->answer, 401,
                            "expected the header \"Authorization: Bearer TOKEN\"; the token is in DATA_DIR/token");
    else
        http_answer_problem(&r->answer, 503, "the token cannot be checked now");
}

static void run_handler(http_request_state *r, handler_fn handler) {
    if (r->api->is_over)
        http_answer_problem(&r->answer, 503, "the daemon stops");
    else
        handler(r->api, r);
}

static void on_verdict(void *context, gate_answer answer) {
    http_request_state *r = context;
    handler_fn later = r->later;
    r->ticket = NULL;
    r->later = NULL;
    if (!later && !r->take_body) return; /* an answer is on its way already */
    if (answer.verdict != GATE_OPEN) {
        r->take_body = NULL;
        refuse_entry(r, answer.verdict);
    } else if (later) {
        run_handler(r, later);
    } else {
        return; /* the body is still coming */
    }
    r->must_close = r->has_body;
    if (!r->is_waiting) send_soon(r);
}

static gate_verdict ask_gate(http_request_state *r) {
    offer o;
    offer_read(r->wsi, &o);
    gate_verdict verdict = GATE_SHUT;
    if (o.place == OFFER_HEADER) verdict = gate_ask(r->api->gate, o.token, o.bytes, on_verdict, r, &r->ticket).verdict;
    offer_wipe(&o);
    return verdict;
}

/* At once, or when the gate knows who asks. */
static void begin_handler(http_request_state *r, handler_fn handler) {
    if (r->ticket)
        r->later = handler;
    else
        run_handler(r, handler);
}

/* ---- a body ---- */

static void expect_body(http_request_state *r, size_t most, handler_fn take_body) {
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
    } else if (bytes > most) {
        http_answer_problem(&r->answer, 413, "a body may have %zu bytes", most);
    } else if (!(r->body = malloc((size_t)bytes))) {
        http_answer_problem(&r->answer, 503, "%s", error_text(ERR_NO_MEMORY));
    } else {
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

static http_method method_of(struct lws *wsi) {
    static const struct {
        enum lws_token_indexes token;
        http_method method;
    } methods[] = {{WSI_TOKEN_GET_URI, HTTP_GET},
                   {WSI_TOKEN_HEAD_URI, HTTP_GET},
                   {WSI_TOKEN_POST_URI, HTTP_POST},
                   {WSI_TOKEN_PUT_URI, HTTP_PUT},
                   {WSI_TOKEN_DELETE_URI, HTTP_DELETE}};
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
        if (lws_hdr_total_length(wsi, methods[i].token) > 0) return methods[i].method;
    return HTTP_OTHER;
}

static void refuse_method(http_request_state *r, const http_route *found) {
    r->answer.allow = http_route_allow(found);
    http_answer_problem(&r->answer, 405, "only %s is answered here", http_route_allow(found));
    r->answer.allow = http_route_allow(found);
}

static bool has_no_body(http_method method, const http_route *found) {
    return method == HTTP_GET || method == HTTP_DELETE ||
           (method == HTTP_POST && found && found->post && found->body_most == 0);
}

/* Anything but GET, HEAD and the like may have one, those when they say so. */
static bool may_have_body(struct lws *wsi, http_method method, const http_route *found) {
    char length[LENGTH_BYTES] = "";
    if (!has_no_body(method, found) || lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_TRANSFER_ENCODING) > 0) return true;
    if (lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH) <= 0) return false;
    return lws_hdr_copy(wsi, length, sizeof length, WSI_TOKEN_HTTP_CONTENT_LENGTH) < 0 || strcmp(length, "0") != 0;
}

static void handle(http_request_state *r, const http_route *found, http_method method) {
    handler_fn handler = http_route_handler(found, method);
    if (!handler)
        refuse_method(r, found);
    else if (!has_no_body(method, found))
        expect_body(r, found->body_most, handler);
    else
        begin_handler(r, handler);
}

static void judge(http_request_state *r, const char *path) {
    http_method method = method_of(r->wsi);
    const http_route *found = http_route_find(path, r->name);
    const page *file = page_find(path);
    gate_verdict verdict = needs_token(path) ? ask_gate(r) : GATE_OPEN;
    r->has_body = may_have_body(r->wsi, method, found);
    r->is_head = lws_hdr_total_length(r->wsi, WSI_TOKEN_HEAD_URI) > 0;
    if (verdict == GATE_SHUT || verdict == GATE_UNAVAILABLE)
        refuse_entry(r, verdict);
    else if (has_no_body(method, found) && r->has_body)
        http_answer_problem(&r->answer, 400, "%s has no body here",
                            method == HTTP_POST ? "a POST at this path" : "a GET, HEAD or DELETE");
    else if (method == HTTP_GET && file)
        page_answer(file, r->wsi, &r->answer);
    else if (!found)
        http_answer_problem(&r->answer, 404, "there is nothing at this path");
    else
        handle(r, found, method);
    r->answer.must_close = !r->take_body && !r->is_waiting && r->has_body;
}

static void detach(http_request_state **slot);

static void free_request(http_request_state *r) {
    if (r->ticket) gate_forget(r->api->gate, r->ticket); /* else the interface may be gone */
    free(r->body);
    http_answer_deinit(&r->answer);
    free(r);
}

static int send_answer(http_request_state **slot) {
    http_request_state *r = *slot;
    struct lws *wsi = r->wsi;
    r->answer.must_close = r->answer.must_close || r->must_close;
    r->answer.is_last = r->api->is_behind_proxy;
    int failed = http_answer_send(wsi, &r->answer, r->is_head);
    *slot = NULL;
    free_request(r);
    return failed || lws_http_transaction_completed(wsi) ? -1 : 0;
}

/* Answers within the call, or reads no more until it does: see the top. When the gate does not know yet who asks, the answer
 * waits for it. */
static int end_body(http_request_state **slot) {
    http_request_state *r = *slot;
    handler_fn take = r->take_body;
    r->take_body = NULL;
    r->must_close = true;
    if (r->ticket)
        r->later = take;
    else
        run_handler(r, take);
    if (!r->is_waiting && !r->later) return send_answer(slot);
    lws_rx_flow_control(r->wsi, 0);
    return 0;
}

/* The body is whole, or (again and again) there is more behind it. */
static int on_whole(http_request_state **slot) {
    http_request_state *r = *slot;
    if (r && r->take_body) return end_body(slot);
    return r && r->must_close && !r->is_waiting && !r->later ? send_answer(slot) : 0;
}

/* NULL without memory. */
static http_request_state *new_request(http_api *api, struct lws *wsi, http_request_state **slot) {
    http_request_state *r = calloc(1, sizeof *r);
    if (!r) return NULL;
    r->wsi = wsi;
    r->api = api;
    *slot = r;
    return r;
}

static int begin(http_api *api, struct lws *wsi, http_request_state **slot, const char *path) {
    http_request_state *r = new_request(api, wsi, slot);
    if (!r) return -1;
    judge(r, path);
    if (r->answer.must_close) return send_answer(slot);
    if (!r->is_waiting && !r->take_body && !r->later) lws_callback_on_writable(wsi);
    return 0;
}

bool http_api_may_be_refused(const char *path) { return strcmp(path, "/health") != 0 && strcmp(path, "/ready") != 0; }

int http_api_refuse(http_api *api, struct lws *wsi, http_request_state **slot, int64_t wait_ms) {
    detach(slot);
    http_request_state *r = new_request(api, wsi, slot);
    if (!r) return -1;
    r->is_head = lws_hdr_total_length(wsi, WSI_TOKEN_HEAD_URI) > 0;
    http_answer_too_many(&r->answer, wait_ms);
    r->answer.must_close = may_have_body(wsi, method_of(wsi), NULL);
    if (r->answer.must_close) return send_answer(slot);
    lws_callback_on_writable(wsi);
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
        if (r && r->take_body) add_to_body(r, in, bytes);
        return 0;
    case LWS_CALLBACK_HTTP_BODY_COMPLETION: return on_whole(slot);
    case LWS_CALLBACK_HTTP_WRITEABLE: return r && !r->is_waiting && !r->take_body && !r->later ? send_answer(slot) : 0;
    case LWS_CALLBACK_HTTP_DROP_PROTOCOL:
    case LWS_CALLBACK_CLOSED_HTTP:
    case LWS_CALLBACK_WSI_DESTROY: detach(slot); return 0;
    default: return 0;
    }
}

/* ---- what takes its time ---- */

bool http_request_resume(http_request_state *r) {
    r->is_waiting = false;
    if (!r->wsi) {
        free_request(r);
        return false;
    }
    send_soon(r);
    return true;
}

bool http_request_resume_with(http_request_state *r, err error, const char *why) {
    if (!http_request_resume(r)) return false;
    if (error) http_answer_problem(&r->answer, 503, "%s", why);
    return !error;
}

static void on_outcome(void *request, const serve_outcome *o) {
    http_request_state *r = request;
    if (!http_request_resume(r)) return;
    if (o->status < 300 && o->w)
        http_answer_json(&r->answer, o->status, o->w);
    else if (o->status < 300)
        http_answer_empty(&r->answer, o->status);
    else
        http_answer_problem_with(&r->answer, o->status, o->why, o->member, o->json);
}

serve_reply http_request_reply(http_request_state *r) {
    r->is_waiting = true;
    return (serve_reply){on_outcome, r};
}

void http_request_await(http_request_state *r, err failed, const char *what) {
    r->is_waiting = !failed;
    if (failed) http_answer_problem(&r->answer, 503, "%s cannot be read now: %s", what, error_text(failed));
}

void http_request_refuse(http_request_state *r) {
    http_answer_problem(&r->answer, 501, "this machine does not answer that");
}

static void on_read(void *job, err error, const char *why) {
    http_read *read = job;
    http_request_state *r = read->request;
    if (http_request_resume(r)) {
        if (error == OK)
            http_answer_json(&r->answer, 200, &read->w);
        else
            http_answer_problem(&r->answer, error == ERR_NOT_FOUND ? 404 : 503, "%s", why);
    }
    json_writer_deinit(&read->w);
    free(read);
}

void http_request_read(http_api *api, http_request_state *r, http_read *job, storage_job_fn run, const char *what) {
    err failed = job ? OK : ERR_NO_MEMORY;
    if (job) {
        job->request = r;
        json_writer_init(&job->w);
        failed = api->providers.read ? api->providers.read(api->providers.context, run, on_read, job) : ERR_UNSUPPORTED;
    }
    if (failed) free(job);
    http_request_await(r, failed, what);
}

static int status_of(err failed) {
    switch (failed) {
    case ERR_INVALID: return 400;
    case ERR_NOT_FOUND: return 404;
    case ERR_UNSUPPORTED: return 501;
    default: return 503;
    }
}

void http_request_begun(http_request_state *r, err failed, const diag *why, json_writer *w) {
    if (failed) {
        json_writer_deinit(w);
        http_answer_problem(&r->answer, status_of(failed), "%s", why->text);
    } else {
        http_answer_json(&r->answer, 202, w);
    }
}
