/* A connection is one struct for both protocols, since HTTP requests and WebSocket upgrades arrive on the same sockets:
 * for HTTP it holds the body that is being sent, for WebSocket the session and the queue.
 *
 *   queue: [bytes | LWS_PRE | payload] [bytes | LWS_PRE | payload] ...     one buffer; head moves, the rest slides down
 *
 * Not counted as messages, unlike at the real exchange: a client's pings and empty pongs, which libwebsockets handles
 * without telling us.
 *
 * libwebsockets writes a frame's header into the LWS_PRE bytes before the payload, so queued frames are sent in place. */
#include "sim/server.h"
#include "base/clock.h"
#include "base/log.h"
#include "market/interval.h"
#include "sim/frame.h"
#include "sim/limits.h"
#include "sim/rest.h"
#include "sim/session.h"
#include <assert.h>
#include <libwebsockets.h>
#include <stdlib.h>
#include <string.h>

enum {
    URL_BYTES = 32768,
    CONTROL_MOST_BYTES = 65536, /* of a client's message that is being collected */
    DRAINED_BYTES = 16384,
    PING_BYTES = 24,
    TICK_MS = 1000,
};

typedef struct connection connection;
struct connection {
    server *server;
    struct lws *wsi;
    writer body; /* HTTP; with LWS_PRE bytes in front */
    /* the rest is for WebSocket */
    connection *next, **link;
    session session;
    writer incoming;
    uint8_t *queue;
    size_t head, tail, capacity;
    message_limit messages;
    char ping[PING_BYTES]; /* payload of the unanswered ping; empty: none */
    int64_t pinged_ms;     /* when it was due */
    bool wants_ping, is_too_big, is_closing;
};

struct server {
    server_options options;
    struct lws_context *context;
    struct lws_vhost *vhost;
    uv_timer_t ticker;
    channels *channels;
    connection *connections;
    weight_limits limits;
    server_counts counts;
    writer frame, wrapped, reply, ticks; /* ticks: the changed symbols of this instant */
};

static int on_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t bytes);

static const struct lws_protocols protocols[] = {{"exchange", on_event, sizeof(connection), 8192, 0, NULL, 0},
                                                 {NULL, NULL, 0, 0, 0, NULL, 0}};

static int on_request(server *s, connection *c, const char *path);
static int on_body_writable(connection *c);
static int on_upgrade(server *s, connection *c);
static void on_established(server *s, connection *c);
static int on_message(server *s, connection *c, const char *at, size_t bytes);
static int on_pong(server *s, connection *c, const char *payload, size_t bytes);
static int on_ws_writable(server *s, connection *c);
static void on_closed(connection *c);
static void on_tick(uv_timer_t *timer);
static void on_lws_log(int level, const char *line);

err server_new(uv_loop_t *loop, const server_options *options, server **out, diag *why) {
    err e = ERR_NO_MEMORY;
    void *loops[] = {loop};
    server *s = *out = calloc(1, sizeof *s);
    if (!s) return diag_set(why, e, "%s", error_text(e));
    s->options = *options;
    e = channels_new(source_count(options->source), &s->channels);
    if (e != OK) {
        diag_set(why, e, "%s", error_text(e));
        goto out;
    }
    lws_set_log_level(LLL_ERR | LLL_WARN, on_lws_log);
    struct lws_context_creation_info info = {.port = options->port,
                                             .iface = options->host,
                                             .protocols = protocols,
                                             .foreign_loops = loops,
                                             .options = LWS_SERVER_OPTION_LIBUV,
                                             .max_http_header_data = URL_BYTES,
                                             .max_http_header_pool = 1024,
                                             .keepalive_timeout = 60,
                                             .gid = (gid_t)-1,
                                             .uid = (uid_t)-1,
                                             .user = s};
    s->context = lws_create_context(&info);
    s->vhost = s->context ? lws_get_vhost_by_name(s->context, "default") : NULL;
    if (!s->vhost || lws_get_vhost_listen_port(s->vhost) <= 0) {
        e = diag_set(why, ERR_NETWORK, "--host %s --port %d: cannot listen there; expected a free port of this machine",
                     options->host, options->port);
        goto out;
    }
    uv_timer_init(loop, &s->ticker);
    s->ticker.data = s;
    uint64_t tick_ms = (uint64_t)options->ping_every_ms / 4;
    if (tick_ms > TICK_MS) tick_ms = TICK_MS;
    uv_timer_start(&s->ticker, on_tick, tick_ms ? tick_ms : 1, tick_ms ? tick_ms : 1);
    return OK;
out:
    /* The loop has not run: what libwebsockets has begun on it ends with the process, which a failed start means. */
    channels_free(s->channels);
    free(s);
    *out = NULL;
    return e;
}

int server_port(const server *s) { return lws_get_vhost_listen_port(s->vhost); }
server_counts server_count(const server *s) { return s->counts; }

size_t server_backlog(const server *s) {
    size_t most = 0;
    for (const connection *c = s->connections; c; c = c->next)
        if (c->tail - c->head > most) most = c->tail - c->head;
    return most;
}

bool server_has_listener(const server *s) {
    for (const connection *c = s->connections; c; c = c->next)
        if (c->session.count > 0) return true;
    return false;
}

void server_close(server *s) {
    uv_close((uv_handle_t *)&s->ticker, NULL);
    lws_context_destroy(s->context);
}

void server_free(server *s) {
    if (!s) return;
    lws_context_destroy(s->context); /* on a foreign loop the second call frees, once the loop has closed its handles */
    channels_free(s->channels);
    writer_free(&s->frame);
    writer_free(&s->wrapped);
    writer_free(&s->reply);
    writer_free(&s->ticks);
    free(s);
}

static int on_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t bytes) {
    connection *c = user;
    struct lws_context *context = lws_get_context(wsi);
    server *s = context ? lws_context_user(context) : NULL;
    if (!s) return 0; /* libwebsockets also calls while a context is being made */
    switch ((int)reason) {
    case LWS_CALLBACK_HTTP: c->wsi = wsi; return on_request(s, c, in);
    case LWS_CALLBACK_HTTP_WRITEABLE: return on_body_writable(c);
    case LWS_CALLBACK_CLOSED_HTTP:
        if (c) writer_free(&c->body);
        return 0;
    case LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION: c->wsi = wsi; return on_upgrade(s, c);
    case LWS_CALLBACK_ESTABLISHED: on_established(s, c); return 0;
    case LWS_CALLBACK_RECEIVE: return on_message(s, c, in, bytes);
    case LWS_CALLBACK_RECEIVE_PONG: return on_pong(s, c, in, bytes);
    case LWS_CALLBACK_SERVER_WRITEABLE: return on_ws_writable(s, c);
    case LWS_CALLBACK_CLOSED: on_closed(c); return 0;
    default: return 0;
    }
}

static void on_lws_log(int level, const char *line) {
    int bytes = (int)strcspn(line, "\n");
    log_write(level == LLL_ERR ? LOG_ERROR : LOG_WARN, "websockets", "%.*s", bytes, line);
}

/* ---- REST ---- */

typedef struct url_args {
    char bytes[URL_BYTES];
    rest_request request;
} url_args;

static void read_args(struct lws *wsi, url_args *args) {
    size_t used = 0;
    rest_request *r = &args->request;
    for (int i = 0; r->n_args < REST_MAX_ARGS; i++) {
        int n = lws_hdr_copy_fragment(wsi, args->bytes + used, (int)(sizeof args->bytes - used),
                                      WSI_TOKEN_HTTP_URI_ARGS, i);
        if (n < 0 || used + (size_t)n + 1 >= sizeof args->bytes) return;
        r->args[r->n_args++] = args->bytes + used;
        used += (size_t)n + 1;
    }
}

static int refuse_by_weight(writer *body, const weight_verdict *v, const char *address) {
    char message[256];
    if (v->status == 418)
        snprintf(
            message, sizeof message,
            "Way too much request weight used; IP banned until %lld. Please use WebSocket Streams for live updates "
            "to avoid bans.",
            (long long)v->until_ms);
    else
        snprintf(message, sizeof message,
                 "Too much request weight used; current limit is %d request weight per 1 MINUTE. Please use WebSocket "
                 "Streams for live updates to avoid polling the API.",
                 LIMIT_WEIGHT_PER_MINUTE);
    rest_error(body, -1003, message);
    if (v->status == 418) log_warn("server", "%s is banned: it went on after 429", address);
    return v->status;
}

static bool add_header(struct lws *wsi, const char *name, int64_t value, uint8_t **at, uint8_t *end) {
    char number[24];
    int bytes = snprintf(number, sizeof number, "%lld", (long long)value);
    return lws_add_http_header_by_name(wsi, (const uint8_t *)name, (const uint8_t *)number, bytes, at, end) == 0;
}

static int send_headers(connection *c, int status, const weight_verdict *v) {
    uint8_t head[LWS_PRE + 2048], *start = head + LWS_PRE, *at = start, *end = head + sizeof head - 1;
    const char *type = status == 404 ? "text/html" : "application/json;charset=UTF-8";
    bool is_good =
        lws_add_http_common_headers(c->wsi, (unsigned)status, type, c->body.bytes - LWS_PRE, &at, end) == 0 &&
        add_header(c->wsi, "x-mbx-used-weight:", v->used, &at, end) &&
        add_header(c->wsi, "x-mbx-used-weight-1m:", v->used, &at, end) &&
        (v->retry_after_s == 0 || add_header(c->wsi, "retry-after:", v->retry_after_s, &at, end)) &&
        lws_finalize_write_http_header(c->wsi, start, &at, end) == 0;
    return is_good ? 0 : -1;
}

static int on_request(server *s, connection *c, const char *path) {
    static const char room[LWS_PRE];
    char address[48] = "";
    lws_get_peer_simple(c->wsi, address, sizeof address);
    url_args *args = calloc(1, sizeof *args);
    if (!args) return -1;
    args->request.path = lws_hdr_total_length(c->wsi, WSI_TOKEN_GET_URI) > 0 ? path : "";
    read_args(c->wsi, args);
    int64_t now_ms = s->options.now_ms(s->options.context);
    weight_verdict v = weight_limits_charge(&s->limits, address, rest_weight(&args->request), wall_ms());
    writer_clear(&s->reply);
    int status = v.status == 200 ? rest_answer(&args->request, s->options.source, s->options.tape, now_ms, &s->reply)
                                 : refuse_by_weight(&s->reply, &v, address);
    bool is_time = status == 200 && strcmp(path, "/api/v3/time") == 0;
    log_debug("server", "%s %s -> %d", address, path, status);
    free(args);
    s->counts.n_requests++;
    s->counts.request_ms = monotonic_ms();
    writer_clear(&c->body);
    writer_add_bytes(&c->body, room, LWS_PRE);
    writer_add_bytes(&c->body, s->reply.at, s->reply.bytes);
    if (c->body.failed || s->reply.failed || send_headers(c, status, &v) != 0) return -1;
    lws_callback_on_writable(c->wsi);
    if (is_time) s->options.on_contact(s->options.context);
    return 0;
}

static int on_body_writable(connection *c) {
    if (c->body.bytes <= LWS_PRE) return 0;
    size_t bytes = c->body.bytes - LWS_PRE;
    int written = lws_write(c->wsi, (uint8_t *)c->body.at + LWS_PRE, bytes, LWS_WRITE_HTTP_FINAL);
    writer_free(&c->body);
    if (written < (int)bytes) return -1;
    return lws_http_transaction_completed(c->wsi) ? -1 : 0;
}

/* ---- WebSocket: coming and going ---- */

/* Streams of the URL: behind /ws/, or the parameter of /stream. NULL when the path is none of the two. */
static const char *url_streams(const char *path, url_args *args, bool *is_combined) {
    *is_combined = strcmp(path, "/stream") == 0;
    if (strcmp(path, "/ws") == 0) return "";
    if (strncmp(path, "/ws/", 4) == 0) return path + 4;
    if (!*is_combined) return NULL;
    for (size_t i = 0; i < args->request.n_args; i++)
        if (strncmp(args->request.args[i], "streams=", 8) == 0) return args->request.args[i] + 8;
    return "";
}

/* Microseconds were asked for: better refused than answered in ms. */
static bool wants_microseconds(const url_args *args) {
    for (size_t i = 0; i < args->request.n_args; i++)
        if (strncasecmp(args->request.args[i], "timeUnit=micro", 14) == 0) return true;
    return false;
}

static int on_upgrade(server *s, connection *c) {
    bool is_combined;
    int status = 0;
    err e = OK;
    char *path = calloc(1, URL_BYTES);
    url_args *args = calloc(1, sizeof *args);
    if (!path || !args) {
        status = 500;
        goto out;
    }
    if (lws_hdr_copy(c->wsi, path, URL_BYTES, WSI_TOKEN_GET_URI) < 0) path[0] = '\0';
    read_args(c->wsi, args);
    const char *streams = url_streams(path, args, &is_combined);
    if (!streams) status = 404;
    if (wants_microseconds(args)) status = 400;
    if (status) goto out;
    c->server = s;
    session_init(&c->session, s->options.source, s->options.tape, s->channels, c, is_combined);
    e = session_subscribe_all(&c->session, streams);
    if (e == ERR_SYNTAX) status = 400;
    if (e != OK && !status) status = e == ERR_FULL ? 400 : 500;
    if (status) session_deinit(&c->session);
out:
    free(path);
    free(args);
    if (!status) return 0;
    lws_return_http_status(c->wsi, (unsigned)status, NULL);
    return -1;
}

static void on_established(server *s, connection *c) {
    c->pinged_ms = monotonic_ms();
    c->next = s->connections;
    c->link = &s->connections;
    if (c->next) c->next->link = &c->next;
    s->connections = c;
    s->counts.n_connections++;
    log_debug("server", "connection opened, %zu streams", c->session.count);
    s->options.on_contact(s->options.context);
    if (c->session.count > 0) s->options.on_listener(s->options.context);
}

static void on_closed(connection *c) {
    if (!c || !c->link) return;
    server *s = c->server;
    *c->link = c->next;
    if (c->next) c->next->link = c->link;
    c->link = NULL;
    session_deinit(&c->session);
    writer_free(&c->incoming);
    free(c->queue);
    c->queue = NULL;
    log_debug("server", "connection closed");
    s->options.on_listener(s->options.context); /* it may have been the one that all waited for */
}

/* ---- WebSocket: out ---- */

static void close_slow(server *s, connection *c) {
    static log_repeater repeater;
    s->counts.n_slow_closed++;
    log_repeat(&repeater, LOG_WARN, "server", "a connection was closed: it let %zu bytes queue up", c->tail - c->head);
    c->tail = c->head = 0;
    c->is_closing = true;
    session_deinit(&c->session);
    lws_set_timeout(c->wsi, PENDING_TIMEOUT_KILLED_BY_PARENT, LWS_TO_KILL_ASYNC);
}

static bool make_room(connection *c, size_t bytes) {
    if (c->tail + bytes <= c->capacity) return true;
    if (c->head > 0) {
        memmove(c->queue, c->queue + c->head, c->tail - c->head);
        c->tail -= c->head;
        c->head = 0;
        if (c->tail + bytes <= c->capacity / 2) return true;
    }
    size_t capacity = 2 * c->capacity + bytes + 4096;
    uint8_t *queue = realloc(c->queue, capacity);
    if (!queue) return false;
    c->queue = queue;
    c->capacity = capacity;
    return true;
}

static void send_text(server *s, connection *c, const writer *payload) {
    uint32_t bytes = (uint32_t)payload->bytes;
    if (payload->failed || !make_room(c, sizeof bytes + LWS_PRE + bytes)) {
        close_slow(s, c);
        return;
    }
    bool was_empty = c->head == c->tail;
    memcpy(c->queue + c->tail, &bytes, sizeof bytes);
    memcpy(c->queue + c->tail + sizeof bytes + LWS_PRE, payload->at, bytes);
    c->tail += sizeof bytes + LWS_PRE + bytes;
    if (was_empty) lws_callback_on_writable(c->wsi);
    if (s->options.max_queue_bytes && c->tail - c->head > s->options.max_queue_bytes) close_slow(s, c);
}

/* 0 or -1 when the connection is lost. */
static int drain(server *s, connection *c) {
    while (c->head < c->tail && !lws_send_pipe_choked(c->wsi)) {
        uint32_t bytes;
        memcpy(&bytes, c->queue + c->head, sizeof bytes);
        uint8_t *payload = c->queue + c->head + sizeof bytes + LWS_PRE;
        if (lws_write(c->wsi, payload, bytes, LWS_WRITE_TEXT) < (int)bytes) return -1;
        c->head += sizeof bytes + LWS_PRE + bytes;
        s->counts.n_frames++;
    }
    if (c->head == c->tail) c->head = c->tail = 0;
    return 0;
}

static int on_ws_writable(server *s, connection *c) {
    if (c->wants_ping) {
        uint8_t room[LWS_PRE + PING_BYTES];
        size_t bytes = strlen(c->ping);
        memcpy(room + LWS_PRE, c->ping, bytes);
        c->wants_ping = false;
        if (lws_write(c->wsi, room + LWS_PRE, bytes, LWS_WRITE_PING) < (int)bytes) return -1;
        if (c->head < c->tail) lws_callback_on_writable(c->wsi);
        return 0;
    }
    size_t before = c->tail - c->head;
    if (drain(s, c) != 0) return -1;
    if (c->head < c->tail) lws_callback_on_writable(c->wsi);
    if (before > DRAINED_BYTES && c->tail - c->head <= DRAINED_BYTES) s->options.on_listener(s->options.context);
    return 0;
}

/* ---- WebSocket: in ---- */

/* What was asked for in time is answered, then the connection closes. In the callback of the message itself, because
 * libwebsockets drops the close frame of a connection that is closed from its writable callback. */
static int close_noisy(server *s, connection *c) {
    static const char reason[] = "Too many requests";
    c->is_closing = true;
    if (drain(s, c) == 0)
        lws_close_reason(c->wsi, LWS_CLOSE_STATUS_POLICY_VIOLATION, (unsigned char *)reason, sizeof reason - 1);
    return -1;
}

static int on_message(server *s, connection *c, const char *at, size_t bytes) {
    if (c->is_closing) return 0;
    if (lws_is_first_fragment(c->wsi)) {
        writer_clear(&c->incoming);
        c->is_too_big = false;
    }
    if (c->incoming.bytes + bytes > CONTROL_MOST_BYTES) c->is_too_big = true;
    if (!c->is_too_big) writer_add_bytes(&c->incoming, at, bytes);
    if (!lws_is_final_fragment(c->wsi) || lws_remaining_packet_payload(c->wsi) > 0) return 0;
    if (!message_limit_allows(&c->messages, monotonic_ms())) return close_noisy(s, c);
    if (c->is_too_big || c->incoming.failed) return 0;
    size_t count = c->session.count;
    session_control(&c->session, c->incoming.at ? c->incoming.at : "", c->incoming.bytes, &s->reply);
    if (s->reply.bytes > 0) send_text(s, c, &s->reply);
    if (c->session.count != count) s->options.on_listener(s->options.context);
    return 0;
}

/* ---- pings ---- */

static int on_pong(server *s, connection *c, const char *payload, size_t bytes) {
    if (strlen(c->ping) == bytes && memcmp(c->ping, payload, bytes) == 0) c->ping[0] = '\0';
    return message_limit_allows(&c->messages, monotonic_ms()) ? 0 : close_noisy(s, c);
}

static void on_tick(uv_timer_t *timer) {
    server *s = timer->data;
    int64_t now_ms = monotonic_ms();
    for (connection *c = s->connections, *next; c; c = next) {
        next = c->next;
        int64_t since_ms = now_ms - c->pinged_ms;
        if (c->ping[0] && since_ms >= s->options.pong_within_ms) {
            log_info("server", "a connection was closed: no pong within %lld ms", (long long)s->options.pong_within_ms);
            lws_set_timeout(c->wsi, PENDING_TIMEOUT_KILLED_BY_PARENT, LWS_TO_KILL_ASYNC);
        } else if (!c->ping[0] && since_ms >= s->options.ping_every_ms) {
            snprintf(c->ping, sizeof c->ping, "%lld", (long long)wall_ms());
            c->pinged_ms = now_ms;
            c->wants_ping = true;
            lws_callback_on_writable(c->wsi);
        }
    }
}

/* ---- the tape's sink ---- */

/* The name of the stream is in three parts: symbol, kind, interval. */
static void distribute(server *s, const stream *from, const char *symbol, const char *kind, const char *interval) {
    size_t count;
    void *const *subscribers = channels_subscribers(s->channels, from, &count);
    bool is_wrapped = false;
    for (size_t i = count; i-- > 0;) { /* backwards: a slow one that is closed leaves the list */
        connection *c = subscribers[i];
        if (c->session.is_combined && !is_wrapped) {
            writer_clear(&s->wrapped);
            writer_add(&s->wrapped, "{\"stream\":\"");
            writer_add(&s->wrapped, symbol);
            writer_add(&s->wrapped, kind);
            writer_add(&s->wrapped, interval);
            writer_add(&s->wrapped, "\",\"data\":");
            writer_add_bytes(&s->wrapped, s->frame.at, s->frame.bytes);
            writer_add(&s->wrapped, "}");
            is_wrapped = true;
        }
        send_text(s, c, c->session.is_combined ? &s->wrapped : &s->frame);
    }
}

static bool has_subscribers(const server *s, const stream *from) {
    size_t count;
    channels_subscribers(s->channels, from, &count);
    return count > 0;
}

static void on_kline(void *context, uint32_t symbol, enum interval interval, const kline *bar, bool is_closed,
                     int64_t event_ms) {
    server *s = context;
    stream from = {STREAM_KLINE, symbol, interval};
    if (!has_subscribers(s, &from)) return;
    const source_symbol *info = source_at(s->options.source, symbol);
    writer_clear(&s->frame);
    frame_kline(&s->frame, info->info.name, interval, bar, is_closed, event_ms);
    distribute(s, &from, info->stream, "@kline_", interval_name((int32_t)interval));
}

static void on_symbol(void *context, uint32_t symbol, int64_t event_ms) {
    server *s = context;
    const source_symbol *info = source_at(s->options.source, symbol);
    stream mini = {STREAM_MINI_TICKER, symbol, INTERVAL_1S}, full = {STREAM_TICKER, symbol, INTERVAL_1S};
    stream all = {STREAM_ALL_MINI, 0, INTERVAL_1S};
    bool wants_mini = has_subscribers(s, &mini), wants_full = has_subscribers(s, &full),
         wants_all = has_subscribers(s, &all);
    tape_ticker ticker;
    if (!(wants_mini || wants_full || wants_all) || !tape_ticker_of(s->options.tape, symbol, &ticker)) return;
    writer_clear(&s->frame);
    frame_mini_ticker(&s->frame, info->info.name, &ticker, event_ms);
    if (wants_all) {
        writer_add(&s->ticks, s->ticks.bytes > 0 ? "," : "[");
        writer_add_bytes(&s->ticks, s->frame.at, s->frame.bytes);
    }
    if (wants_mini) distribute(s, &mini, info->stream, "@miniTicker", "");
    if (!wants_full) return;
    writer_clear(&s->frame);
    frame_ticker(&s->frame, info->info.name, &ticker, event_ms);
    distribute(s, &full, info->stream, "@ticker", "");
}

static void on_instant(void *context, int64_t event_ms) {
    server *s = context;
    stream all = {STREAM_ALL_MINI, 0, INTERVAL_1S};
    (void)event_ms;
    if (s->ticks.bytes == 0) return;
    writer_clear(&s->frame);
    writer_add_bytes(&s->frame, s->ticks.at, s->ticks.bytes);
    writer_add(&s->frame, "]");
    writer_clear(&s->ticks);
    distribute(s, &all, "", "!miniTicker@arr", "");
}

tape_sink server_sink(server *s) { return (tape_sink){s, on_kline, on_symbol, on_instant}; }
