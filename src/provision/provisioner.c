/* A connection is freed when its two handles are closed and nobody works for it any more: work cannot be called back, so a client
 * that leaves finds the machine when it asks again. */
#include "provision/provisioner.h"
#include "base/log.h"
#include "provision/api.h"
#include "provision/caller.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

enum {
    CONNECTIONS_MOST = 64,
    WORK_MOST = 36, /* libuv's pool has 4 threads: the rest waits */
    REQUEST_MS = 10000,
    END_MS = 4000,
    BACKLOG = 64,
    TEXT_BYTES = 4 * CALLER_USER_BYTES,
    HEAD_BYTES = 1024,
    REQUEST_BYTES = HTTP_CALL_HEAD_MOST + HTTP_CALL_BODY_MOST + 1
};

typedef struct provisioner provisioner;

typedef struct connection {
    uv_tcp_t tcp;
    uv_timer_t timer;
    uv_write_t write;
    uv_work_t work;
    provisioner *owner;
    char text[REQUEST_BYTES];
    size_t bytes;
    http_call call;
    caller_ticket *ticket;
    api_task task;
    provision_result result;
    err outcome;
    char *answer, origin[256];
    struct connection *next_working;
    int n_open; /* handles */
    bool is_taken, is_working, is_closing;
} connection;

struct provisioner {
    uv_loop_t loop;
    uv_tcp_t listener;
    uv_signal_t signals[2];
    uv_timer_t end_timer;
    const provisioner_options *options;
    caller *caller;
    connection *working; /* queued or in the pool */
    int n_connections, n_working;
    bool is_stopping;
};

static void look_at_end(provisioner *p);

/* ---- the end of a connection ---- */

static void release(connection *c) {
    provisioner *p = c->owner;
    if (c->n_open || c->is_working) return;
    p->n_connections--;
    free(c->answer);
    free(c);
    look_at_end(p);
}

static void on_closed(uv_handle_t *handle) {
    connection *c = handle->data;
    c->n_open--;
    release(c);
}

static void close_connection(connection *c) {
    if (c->is_closing) return;
    c->is_closing = true;
    caller_forget(c->owner->caller, c->ticket);
    c->ticket = NULL;
    uv_close((uv_handle_t *)&c->tcp, on_closed);
    uv_close((uv_handle_t *)&c->timer, on_closed);
}

static void on_timeout(uv_timer_t *timer) { close_connection(timer->data); }

/* ---- answers ---- */

static void on_written(uv_write_t *write, int status) {
    (void)status;
    close_connection(write->data);
}

static bool is_allowed_origin(const connection *c) {
    const provisioner_options *o = c->owner->options;
    for (size_t i = 0; *c->origin && i < o->n_origins; i++)
        if (strcmp(o->origins[i], c->origin) == 0) return true;
    return false;
}

static const char *reason_of(int status) { return status < 300 ? "OK" : status < 500 ? "Refused" : "Failed"; }

/* Takes `body`, which may be NULL. */
static void answer(connection *c, int status, char *body) {
    char head[HEAD_BYTES], cors[512] = "";
    size_t bytes = body ? strlen(body) : 0;
    if (c->is_closing) {
        free(body);
        return;
    }
    if (is_allowed_origin(c))
        snprintf(cors, sizeof cors,
                 "Access-Control-Allow-Origin: %s\r\nVary: Origin\r\nAccess-Control-Allow-Headers: authorization, "
                 "content-type, apikey, "
                 "x-client-info\r\nAccess-Control-Allow-Methods: GET, POST, DELETE\r\n",
                 c->origin);
    int n =
        snprintf(head, sizeof head,
                 "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\nCache-Control: "
                 "no-store\r\nX-Content-Type-Options: "
                 "nosniff\r\n%s%sConnection: close\r\n\r\n",
                 status, reason_of(status),
                 status >= 400 && api_form_of(c->call.path) == API_V1 ? "application/problem+json" : "application/json",
                 bytes, status == 401 ? "WWW-Authenticate: Bearer\r\n" : "", cors);
    c->answer = malloc((size_t)n + bytes + 1);
    if (c->answer) {
        memcpy(c->answer, head, (size_t)n);
        memcpy(c->answer + n, body ? body : "", bytes + 1);
    }
    free(body);
    uv_buf_t buffer = uv_buf_init(c->answer, (unsigned)((size_t)n + bytes));
    c->write.data = c;
    uv_timer_start(&c->timer, on_timeout, REQUEST_MS, 0);
    if (!c->answer || uv_write(&c->write, (uv_stream_t *)&c->tcp, &buffer, 1, on_written) != 0) close_connection(c);
}

static void answer_refusal(connection *c, int status, const char *why) {
    answer(c, status, api_refusal(c->call.path.bytes ? api_form_of(c->call.path) : API_V1, status, why));
}

/* ---- work ---- */

static bool is_look(const connection *c) { return c->task.verb == API_STATUS; }

/* The pool is everybody's. So of a user one request is at work that changes the machine, and one that looks: while a machine
 * is made, whoever made it may look. */
static bool has_other_at_work(const connection *c) {
    for (const connection *other = c->owner->working; other; other = other->next_working)
        if (is_look(other) == is_look(c) && strcasecmp(other->task.user, c->task.user) == 0) return true;
    return false;
}

static void begin_work(connection *c) {
    c->is_working = true;
    c->next_working = c->owner->working;
    c->owner->working = c;
    c->owner->n_working++;
}

static void end_work(connection *c) {
    connection **at = &c->owner->working;
    while (*at != c) at = &(*at)->next_working;
    *at = c->next_working;
    c->is_working = false;
    c->owner->n_working--;
}

static void tell_step(void *context, const char *what) {
    log_info("provisioner", "%s: %s", (const char *)context, what);
}

/* In the pool. A machine that is named has to be the caller's. */
static void do_work(uv_work_t *work) {
    connection *c = work->data;
    provision_context context = *c->owner->options->context;
    provision_request r = {
        .user = c->task.user, .app = "", .region = c->task.region, .image = "", .cpus = c->task.cpus};
    context.on_step = tell_step;
    context.step_context = c->task.user;
    c->outcome = OK;
    if (*c->task.machine) {
        c->outcome = provision_status(&context, &r, &c->result);
        if (c->outcome == OK && !api_is_of(&c->task, &c->result)) {
            c->result.http_status = 404;
            c->outcome = diag_set(&c->result.why, ERR_NOT_FOUND, "you have no machine of that name");
        }
    }
    if (c->outcome == OK) c->outcome = api_verb(&c->task)(&context, &r, &c->result);
}

static void on_worked(uv_work_t *work, int cancelled) {
    connection *c = work->data;
    int status = 500;
    end_work(c);
    if (cancelled) {
        answer_refusal(c, 503, "the provisioner is stopping");
    } else {
        char *body = api_answer(&c->task, c->outcome, &c->result, &status);
        log_info("provisioner", "%s: %d%s%s", c->task.user, status, c->outcome == OK ? "" : ": ",
                 c->outcome == OK ? "" : c->result.why.text);
        answer(c, status, body);
    }
    if (c->is_closing)
        release(c);
    else
        look_at_end(c->owner);
}

/* ---- a request ---- */

static void go_on(connection *c, const char *user) {
    provisioner *p = c->owner;
    diag why;
    int status;
    err e = api_route(&c->call, user, &c->task, &status, &why);
    if (e != OK) {
        answer_refusal(c, status, why.text);
    } else if (has_other_at_work(c)) {
        answer_refusal(c, is_look(c) ? 429 : 409, "another request of yours is under way; wait for its answer");
    } else if (p->n_working >= WORK_MOST || p->is_stopping) {
        answer_refusal(c, 503, "too much is under way; try again in a minute");
    } else {
        uv_timer_stop(&c->timer);
        begin_work(c);
        c->work.data = c;
        uv_queue_work(&p->loop, &c->work, do_work, on_worked); /* fails only without a callback */
    }
}

static void decide(connection *c, caller_verdict v, const char *text) {
    if (v == CALLER_KNOWN)
        go_on(c, text);
    else
        answer_refusal(c, v == CALLER_REFUSED ? 401 : 503, text);
}

static void on_verdict(void *context, caller_verdict v, const char *text) {
    connection *c = context;
    c->ticket = NULL;
    decide(c, v, text);
}

static void take_request(connection *c) {
    char text[TEXT_BYTES];
    http_part_copy(c->call.origin, c->origin, sizeof c->origin);
    if (http_part_is(c->call.method, "OPTIONS")) {
        answer(c, is_allowed_origin(c) ? 204 : 403, NULL);
        return;
    }
    if (http_part_is(c->call.path, "/health") && http_part_is(c->call.method, "GET")) {
        answer(c, 200, strdup("{\"status\":\"healthy\"}"));
        return;
    }
    caller_verdict v = caller_ask(c->owner->caller, c->call.authorization.bytes ? c->call.authorization.at : "",
                                  c->call.authorization.bytes, text, on_verdict, c, &c->ticket);
    if (v != CALLER_WAIT) decide(c, v, text);
}

static void on_room(uv_handle_t *handle, size_t wanted, uv_buf_t *buffer) {
    connection *c = handle->data;
    (void)wanted;
    *buffer = uv_buf_init(c->text + c->bytes, (unsigned)(sizeof c->text - c->bytes));
}

/* What comes behind a request is not read: its end is noticed when the answer is written. */
static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buffer) {
    connection *c = stream->data;
    (void)buffer;
    if (n < 0) {
        close_connection(c);
        return;
    }
    c->bytes += (size_t)n;
    int status = http_call_parse(c->text, c->bytes, &c->call);
    if (status == 0) return;
    c->is_taken = true;
    uv_read_stop(stream);
    if (status == 200)
        take_request(c);
    else
        answer_refusal(c, status, "this is no request that is understood here");
}

static void on_connection(uv_stream_t *listener, int status) {
    provisioner *p = listener->data;
    connection *c = status == 0 ? calloc(1, sizeof *c) : NULL;
    if (!c) return;
    c->owner = p;
    uv_tcp_init(&p->loop, &c->tcp);
    uv_timer_init(&p->loop, &c->timer);
    c->tcp.data = c->timer.data = c;
    c->n_open = 2;
    p->n_connections++;
    if (uv_accept(listener, (uv_stream_t *)&c->tcp) != 0 || p->n_connections > CONNECTIONS_MOST || p->is_stopping) {
        close_connection(c);
        return;
    }
    uv_timer_start(&c->timer, on_timeout, REQUEST_MS, 0);
    uv_read_start((uv_stream_t *)&c->tcp, on_room, on_read);
}

/* ---- life ---- */

static void close_handle(uv_handle_t *handle) {
    if (!uv_is_closing(handle)) uv_close(handle, NULL);
}

static void look_at_end(provisioner *p) {
    if (!p->is_stopping || p->n_connections > 0 || p->n_working > 0 || !p->caller) return;
    caller_close(p->caller);
    p->caller = NULL;
    close_handle((uv_handle_t *)&p->end_timer);
    for (int i = 0; i < 2; i++) close_handle((uv_handle_t *)&p->signals[i]);
}

/* Threads that wait for Fly cannot be stopped, and need not be: their claims end by themselves. */
static void on_end(uv_timer_t *timer) {
    const provisioner *p = timer->data;
    log_warn("provisioner", "%d pieces of work are left unfinished; they go on when they are asked for again",
             p->n_working);
    fflush(NULL);
    _exit(0);
}

static void on_signal(uv_signal_t *handle, int number) {
    provisioner *p = handle->data;
    (void)number;
    if (p->is_stopping) return;
    log_info("provisioner", "stopping");
    p->is_stopping = true;
    close_handle((uv_handle_t *)&p->listener);
    uv_timer_start(&p->end_timer, on_end, END_MS, 0);
    look_at_end(p);
}

static err listen_on(provisioner *p, diag *why) {
    const provisioner_options *o = p->options;
    struct sockaddr_storage at;
    int bytes = sizeof at;
    bool is_v4 = uv_ip4_addr(o->host, o->port, (struct sockaddr_in *)&at) == 0;
    if (!is_v4 && uv_ip6_addr(o->host, o->port, (struct sockaddr_in6 *)&at) != 0)
        return diag_set(why, ERR_INVALID, "HOST is \"%s\"; expected a numeric address", o->host);
    int e = uv_tcp_bind(&p->listener, (struct sockaddr *)&at, 0);
    if (e == 0) e = uv_listen((uv_stream_t *)&p->listener, BACKLOG, on_connection);
    if (e == 0) e = uv_tcp_getsockname(&p->listener, (struct sockaddr *)&at, &bytes);
    if (e != 0) return diag_set(why, ERR_NETWORK, "%s port %u: %s", o->host, o->port, uv_strerror(e));
    uint16_t port = ntohs(is_v4 ? ((struct sockaddr_in *)&at)->sin_port : ((struct sockaddr_in6 *)&at)->sin6_port);
    if (o->on_listening) o->on_listening(o->listening_context, port);
    return OK;
}

err provisioner_run(const provisioner_options *options, diag *why) {
    static const int numbers[2] = {SIGINT, SIGTERM};
    provisioner p = {.options = options};
    signal(SIGPIPE, SIG_IGN);
    if (uv_loop_init(&p.loop) != 0) return diag_set(why, ERR_IO, "no event loop");
    uv_tcp_init(&p.loop, &p.listener);
    uv_timer_init(&p.loop, &p.end_timer);
    p.listener.data = p.end_timer.data = &p;
    for (int i = 0; i < 2; i++) {
        uv_signal_init(&p.loop, &p.signals[i]);
        p.signals[i].data = &p;
        uv_signal_start(&p.signals[i], on_signal, numbers[i]);
    }
    err e =
        caller_new(&p.loop, options->context->services.supabase_url, options->issuer, options->jwt_secret, &p.caller);
    if (e != OK) diag_set(why, e, "%s", error_text(e));
    if (e == OK) e = listen_on(&p, why);
    if (e != OK) {
        p.is_stopping = true;
        close_handle((uv_handle_t *)&p.listener);
        close_handle((uv_handle_t *)&p.end_timer);
        for (int i = 0; i < 2; i++) close_handle((uv_handle_t *)&p.signals[i]);
        look_at_end(&p);
    }
    uv_run(&p.loop, UV_RUN_DEFAULT);
    if (uv_loop_close(&p.loop) != 0) log_error("provisioner", "a handle was left open");
    return e;
}
