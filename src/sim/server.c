/* A connection is one struct for both protocols, since HTTP requests and WebSocket upgrades arrive on the same sockets.
 *
 * Not counted as messages, unlike at the real exchange: a client's pings and empty pongs, which libwebsockets handles
 * without telling us. */
#include "sim/server.h"
#include "base/clock.h"
#include "base/log.h"
#include "sim/broadcast.h"
#include "sim/connection.h"
#include "sim/dumps.h"
#include "sim/limits.h"
#include "sim/rest.h"
#include "sim/trouble.h"
#include <stdlib.h>
#include <string.h>

enum {
    URL_BYTES = 32768,
    CONTROL_MOST_BYTES = 65536, /* of a client's message that is being collected */
    DRAINED_BYTES = 16384,
    TICK_MS = 1000,
    HOLD_MS = 10000, /* real time for which the market waits at most for listeners that a fault has cut off */
    DELAY_MOST_S = 3600
};

struct server {
    server_options options;
    struct lws_context *context;
    struct lws_vhost *hosts[SERVER_MOST_HOSTS];
    uv_timer_t ticker;
    channels *channels;
    broadcast *broadcast;
    connection_list connections;
    weight_limits limits;
    server_counts counts;
    writer reply;
    size_t wanted_streams;   /* 0, or as many as were subscribed to before a fault */
    int64_t wanted_until_ms; /* monotonic */
};

static int on_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t bytes);

static const struct lws_protocols protocols[] = {{"exchange", on_event, sizeof(connection), 8192, 0, NULL, 0},
                                                 {NULL, NULL, 0, 0, 0, NULL, 0}};

static int on_request(server *s, connection *c, const char *path);
static int on_body_writable(connection *c);
static int on_upgrade(server *s, connection *c);
static void on_established(server *s, connection *c);
static int on_message(server *s, connection *c, const char *at, size_t bytes);
static int on_pong(connection *c, const char *payload, size_t bytes);
static int on_ws_writable(server *s, connection *c);
static void on_closed(server *s, connection *c);
static int send_answer(connection *c);
static void on_tick(uv_timer_t *timer);
static void on_lws_log(int level, const char *line);

static err listen_all(server *s, void **loops, diag *why) {
    static const char *const names[SERVER_MOST_HOSTS] = {"1", "2",  "3",  "4",  "5",  "6",  "7",  "8",
                                                         "9", "10", "11", "12", "13", "14", "15", "16"};
    const server_options *options = &s->options;
    lws_set_log_level(LLL_ERR | LLL_WARN, on_lws_log);
    struct lws_context_creation_info info = {.iface = options->host,
                                             .protocols = protocols,
                                             .foreign_loops = loops,
                                             .options = LWS_SERVER_OPTION_LIBUV | LWS_SERVER_OPTION_EXPLICIT_VHOSTS,
                                             .max_http_header_data = URL_BYTES,
                                             .max_http_header_pool = 1024,
                                             .keepalive_timeout = 60,
                                             .gid = (gid_t)-1,
                                             .uid = (uid_t)-1,
                                             .user = s};
    s->context = lws_create_context(&info);
    for (int i = 0; i < options->n_hosts; i++) {
        info.port = options->port ? options->port + i : 0;
        info.vhost_name = names[i];
        s->hosts[i] = s->context ? lws_create_vhost(s->context, &info) : NULL;
        if (!s->hosts[i] || lws_get_vhost_listen_port(s->hosts[i]) <= 0)
            return diag_set(why, ERR_NETWORK,
                            "--host %s --port %d: cannot listen there; expected a free port of this machine",
                            options->host, info.port);
    }
    return OK;
}

err server_new(uv_loop_t *loop, const server_options *options, server **out, diag *why) {
    err e = ERR_NO_MEMORY;
    void *loops[] = {loop};
    server *s = *out = calloc(1, sizeof *s);
    if (!s) return diag_set(why, e, "%s", error_text(e));
    s->options = *options;
    s->connections.max_queue_bytes = options->max_queue_bytes;
    e = channels_new(source_count(options->source), &s->channels);
    if (e == OK)
        e = broadcast_new(options->source, options->venue, options->tape, s->channels, options->faults, &s->broadcast);
    if (e != OK) {
        diag_set(why, e, "%s", error_text(e));
        goto out;
    }
    e = listen_all(s, loops, why);
    if (e != OK) goto out;
    uv_timer_init(loop, &s->ticker);
    s->ticker.data = s;
    uint64_t tick_ms = (uint64_t)options->ping_every_ms / 4;
    if (tick_ms > TICK_MS) tick_ms = TICK_MS;
    uv_timer_start(&s->ticker, on_tick, tick_ms ? tick_ms : 1, tick_ms ? tick_ms : 1);
    return OK;
out:
    /* The loop has not run: what libwebsockets has begun on it ends with the process, which a failed start means. */
    broadcast_free(s->broadcast);
    channels_free(s->channels);
    free(s);
    *out = NULL;
    return e;
}

int server_port(const server *s, int host) { return lws_get_vhost_listen_port(s->hosts[host - 1]); }

server_counts server_count(const server *s) {
    server_counts counts = s->counts;
    counts.n_connections = s->connections.n_opened;
    counts.n_frames = s->connections.n_frames;
    counts.n_slow_closed = s->connections.n_slow_closed;
    return counts;
}

tape_sink server_sink(server *s) { return broadcast_sink(s->broadcast); }

size_t server_backlog(const server *s) {
    size_t most = 0;
    for (const connection *c = s->connections.first; c; c = c->next)
        if (connection_backlog(c) > most) most = connection_backlog(c);
    return most;
}

bool server_holds_market(server *s) {
    size_t streams = channels_count(s->channels);
    if (streams >= s->wanted_streams || monotonic_ms() >= s->wanted_until_ms) s->wanted_streams = 0;
    if (faults_is_outage(s->options.faults)) return false;
    return streams == 0 || s->wanted_streams > 0;
}

/* ---- faults ---- */

/* So many streams were listened to before connections were cut. */
static void want_back(server *s, size_t streams) {
    if (channels_count(s->channels) >= streams) return;
    if (streams > s->wanted_streams) s->wanted_streams = streams;
    s->wanted_until_ms = monotonic_ms() + HOLD_MS;
}

size_t server_begin_fault(server *s, const fault *f) {
    size_t streams = channels_count(s->channels);
    size_t n_met = trouble_begin(&s->connections, s->options.source, f, &s->reply);
    want_back(s, streams);
    return n_met;
}

void server_end_fault(server *s, const fault *f) {
    if (f->what.kind == SCENE_REORDER) broadcast_flush(s->broadcast);
    size_t streams = channels_count(s->channels);
    trouble_end(&s->connections, f);
    want_back(s, streams);
}

int64_t server_next_ms(const server *s) {
    return trouble_next_ms(&s->connections, faults_lifetime_ms(s->options.faults));
}

void server_pass(server *s, int64_t now_ms) {
    size_t streams = channels_count(s->channels);
    if (trouble_pass(&s->connections, now_ms, faults_lifetime_ms(s->options.faults)) > 0) want_back(s, streams);
}

void server_close(server *s) {
    uv_close((uv_handle_t *)&s->ticker, NULL);
    lws_context_destroy(s->context);
}

void server_free(server *s) {
    if (!s) return;
    lws_context_destroy(s->context); /* on a foreign loop the second call frees, once the loop has closed its handles */
    broadcast_free(s->broadcast);
    channels_free(s->channels);
    writer_free(&s->reply);
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
    case LWS_CALLBACK_RECEIVE_PONG: return on_pong(c, in, bytes);
    case LWS_CALLBACK_SERVER_WRITEABLE: return on_ws_writable(s, c);
    case LWS_CALLBACK_TIMER: return c && c->status ? send_answer(c) : 0;
    case LWS_CALLBACK_CLOSED: on_closed(s, c); return 0;
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

static int refuse_by_weight(const server *s, writer *body, const weight_verdict *v, const char *address) {
    char message[256];
    if (v->status == 418)
        snprintf(
            message, sizeof message,
            "Way too much request weight used; IP banned until %lld. Please use WebSocket Streams for live updates "
            "to avoid bans.",
            (long long)v->until_ms);
    else
        snprintf(message, sizeof message,
                 "Too much request weight used; current limit is %u request weight per 1 MINUTE. Please use WebSocket "
                 "Streams for live updates to avoid polling the API.",
                 s->options.venue->weight_per_minute);
    rest_error(body, -1003, message);
    if (v->status == 418) log_warn("server", "%s is banned: it went on after 429", address);
    return v->status;
}

static bool add_header(struct lws *wsi, const char *name, int64_t value, uint8_t **at, uint8_t *end) {
    char number[24];
    int bytes = snprintf(number, sizeof number, "%lld", (long long)value);
    return lws_add_http_header_by_name(wsi, (const uint8_t *)name, (const uint8_t *)number, bytes, at, end) == 0;
}

static int host_of(const server *s, struct lws *wsi) {
    int host = 1;
    while (host < s->options.n_hosts && s->hosts[host - 1] != lws_get_vhost(wsi)) host++;
    return host;
}

/* What stands in the body already, with its headers; -1 when the connection is lost. */
static int send_answer(connection *c) {
    uint8_t head[LWS_PRE + 2048], *start = head + LWS_PRE, *at = start, *end = head + sizeof head - 1;
    const char *type = c->status == 404 || c->status == 403 ? "text/html" : "application/json;charset=UTF-8";
    const weight_verdict *v = &c->verdict;
    bool is_good =
        lws_add_http_common_headers(c->wsi, (unsigned)c->status, type, c->body.bytes - LWS_PRE, &at, end) == 0 &&
        add_header(c->wsi, "x-mbx-used-weight:", v->used, &at, end) &&
        add_header(c->wsi, "x-mbx-used-weight-1m:", v->used, &at, end) &&
        (v->retry_after_s == 0 || add_header(c->wsi, "retry-after:", v->retry_after_s, &at, end)) &&
        lws_finalize_write_http_header(c->wsi, start, &at, end) == 0;
    c->status = 0;
    if (is_good) lws_callback_on_writable(c->wsi);
    return is_good ? 0 : -1;
}

/* The exchange's words for a status that a fault asks for. */
static void refuse_by_fault(writer *body, int status) {
    writer_clear(body);
    switch (status) {
    case 403:
        writer_add(body, "<html><head><title>403 Forbidden</title></head><body>Request blocked.</body></html>");
        break;
    case 418: rest_error(body, -1003, "Way too much request weight used; IP banned until further notice."); break;
    case 429:
        rest_error(body, -1003, "Too much request weight used; please use WebSocket Streams for live updates.");
        break;
    case 451:
        rest_error(body, 0,
                   "Service unavailable from a restricted location according to 'b. Eligibility' in our terms.");
        break;
    case 503: rest_error(body, -1008, "Server is currently overloaded with other requests."); break;
    default: rest_error(body, -1000, "An unknown error occurred while processing the request."); break;
    }
}

static int on_request(server *s, connection *c, const char *path) {
    static const char room[LWS_PRE];
    const venue *market = s->options.venue;
    char address[48] = "";
    lws_get_peer_simple(c->wsi, address, sizeof address);
    url_args *args = calloc(1, sizeof *args);
    if (!args) return -1;
    args->request.path = lws_hdr_total_length(c->wsi, WSI_TOKEN_GET_URI) > 0 ? path : "";
    read_args(c->wsi, args);
    int64_t now_ms = s->options.now_ms(s->options.context) + faults_skew_ms(s->options.faults);
    rest_fate fate = faults_request(s->options.faults, host_of(s, c->wsi), path);
    bool is_dump = dumps_has(args->request.path);
    c->verdict = is_dump ? (weight_verdict){.status = 200}
                         : weight_limits_charge(&s->limits, address, rest_weight(&args->request, market),
                                                market->weight_per_minute, wall_ms());
    writer_clear(&s->reply);
    if (fate.status) {
        c->status = fate.status;
        c->verdict.retry_after_s = fate.retry_after_s;
        refuse_by_fault(&s->reply, fate.status);
    } else if (c->verdict.status != 200)
        c->status = refuse_by_weight(s, &s->reply, &c->verdict, address);
    else if (is_dump)
        c->status = dumps_answer(path, market, s->options.source, s->options.tape, now_ms, &s->reply);
    else
        c->status = rest_answer(&args->request, market, s->options.source, s->options.tape, s->options.faults, now_ms,
                                &s->reply);
    bool is_time = c->status == 200 && rest_is_time(&args->request, market);
    log_debug("server", "%s %s -> %d", address, path, c->status);
    free(args);
    s->counts.n_requests++;
    s->counts.request_ms = monotonic_ms();
    c->is_cut = fate.is_cut;
    writer_clear(&c->body);
    writer_add_bytes(&c->body, room, LWS_PRE);
    writer_add_bytes(&c->body, s->reply.at, s->reply.bytes);
    if (c->body.failed || s->reply.failed) return -1;
    if (fate.is_corrupt) c->body.at[LWS_PRE + s->reply.bytes / 2] ^= 1;
    if (is_time) s->options.on_contact(s->options.context);
    if (fate.delay_ms == 0) return send_answer(c);
    lws_set_timeout(c->wsi, PENDING_TIMEOUT_HTTP_CONTENT, DELAY_MOST_S);
    lws_set_timer_usecs(c->wsi, fate.delay_ms * LWS_US_PER_MS);
    return 0;
}

static int on_body_writable(connection *c) {
    if (c->body.bytes <= LWS_PRE) return 0;
    size_t bytes = c->body.bytes - LWS_PRE;
    if (c->is_cut) {
        lws_write(c->wsi, (uint8_t *)c->body.at + LWS_PRE, bytes / 2, LWS_WRITE_HTTP);
        writer_free(&c->body);
        return -1;
    }
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

/* Status of a refusal; -1: cut off; 0: welcome. */
static int refuse_connection(server *s, connection *c) {
    char address[48] = "";
    lws_get_peer_simple(c->wsi, address, sizeof address);
    c->host = host_of(s, c->wsi);
    int status = faults_connection(s->options.faults, c->host);
    if (status) return status;
    return weight_limits_connect(&s->limits, address, faults_connect_limit(s->options.faults, LIMIT_CONNECTS),
                                 wall_ms());
}

static int on_upgrade(server *s, connection *c) {
    bool is_combined = false;
    venue_part part;
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
    const char *behind = venue_path(s->options.venue, path, s->options.takes_legacy_paths, &part);
    const char *streams = behind ? url_streams(behind, args, &is_combined) : NULL;
    if (!streams) status = 404;
    if (wants_microseconds(args)) status = 400;
    if (!status) status = refuse_connection(s, c);
    if (status) goto out;
    session_init(&c->session, s->options.source, s->options.venue, part, s->options.tape, s->channels, c, is_combined);
    e = session_subscribe_all(&c->session, streams);
    if (e == ERR_SYNTAX) status = 400;
    if (e != OK && !status) status = e == ERR_FULL ? 400 : 500;
    if (status) session_deinit(&c->session);
out:
    free(path);
    free(args);
    if (status > 0) lws_return_http_status(c->wsi, (unsigned)status, NULL);
    return status ? -1 : 0;
}

static void on_established(server *s, connection *c) {
    connection_open(c, &s->connections, s->options.now_ms(s->options.context));
    log_debug("server", "connection opened, %zu streams", c->session.count);
    s->options.on_contact(s->options.context);
    if (c->session.count > 0) s->options.on_listener(s->options.context);
}

static void on_closed(server *s, connection *c) {
    if (!c || !c->link) return;
    connection_deinit(c);
    log_debug("server", "connection closed");
    s->options.on_listener(s->options.context); /* it may have been the one that all waited for */
}

/* ---- WebSocket: out ---- */

static int on_ws_writable(server *s, connection *c) {
    if (connection_is_silent(c)) return 0;
    if (c->wants_ping) {
        uint8_t room[LWS_PRE + CONNECTION_PING_BYTES];
        size_t bytes = strlen(c->ping);
        memcpy(room + LWS_PRE, c->ping, bytes);
        c->wants_ping = false;
        if (lws_write(c->wsi, room + LWS_PRE, bytes, LWS_WRITE_PING) < (int)bytes) return -1;
        if (c->head < c->tail) lws_callback_on_writable(c->wsi);
        return 0;
    }
    size_t before = connection_backlog(c);
    if (connection_drain(c) != 0) return -1;
    if (c->head < c->tail) lws_callback_on_writable(c->wsi);
    size_t after = connection_backlog(c);
    if ((before > DRAINED_BYTES && after <= DRAINED_BYTES) || (before > 0 && after == 0))
        s->options.on_listener(s->options.context);
    return 0;
}

/* ---- WebSocket: in ---- */

/* What was asked for in time is answered, then the connection closes. In the callback of the message itself, because
 * libwebsockets drops the close frame of a connection that is closed from its writable callback. */
static int close_noisy(connection *c) {
    static const char reason[] = "Too many requests";
    c->is_closing = true;
    if (connection_drain(c) == 0)
        lws_close_reason(c->wsi, LWS_CLOSE_STATUS_POLICY_VIOLATION, (unsigned char *)reason, sizeof reason - 1);
    return -1;
}

static int on_message(server *s, connection *c, const char *at, size_t bytes) {
    if (c->is_closing || c->dead_until_ms > INT64_MIN) return 0;
    if (lws_is_first_fragment(c->wsi)) {
        writer_clear(&c->incoming);
        c->is_too_big = false;
    }
    if (c->incoming.bytes + bytes > CONTROL_MOST_BYTES) c->is_too_big = true;
    if (!c->is_too_big) writer_add_bytes(&c->incoming, at, bytes);
    if (!lws_is_final_fragment(c->wsi) || lws_remaining_packet_payload(c->wsi) > 0) return 0;
    if (!message_limit_allows(&c->messages, c->session.venue->messages_per_second, monotonic_ms()))
        return close_noisy(c);
    if (c->is_too_big || c->incoming.failed) return 0;
    size_t count = c->session.count;
    session_control(&c->session, c->incoming.at ? c->incoming.at : "", c->incoming.bytes, &s->reply);
    if (s->reply.bytes > 0) connection_send(c, &s->reply, false);
    if (c->session.count != count) s->options.on_listener(s->options.context);
    return 0;
}

/* ---- pings ---- */

static int on_pong(connection *c, const char *payload, size_t bytes) {
    if (strlen(c->ping) == bytes && memcmp(c->ping, payload, bytes) == 0) c->ping[0] = '\0';
    return message_limit_allows(&c->messages, c->session.venue->messages_per_second, monotonic_ms()) ? 0
                                                                                                     : close_noisy(c);
}

static void on_tick(uv_timer_t *timer) {
    server *s = timer->data;
    int64_t now_ms = monotonic_ms();
    if (s->wanted_streams) s->options.on_listener(s->options.context); /* the wait for them may have an end */
    for (connection *c = s->connections.first, *next; c; c = next) {
        next = c->next;
        if (c->is_closing || connection_is_silent(c)) continue;
        int64_t since_ms = now_ms - c->pinged_ms;
        if (c->ping[0] && since_ms >= s->options.pong_within_ms) {
            log_info("server", "a connection was closed: no pong within %lld ms", (long long)s->options.pong_within_ms);
            connection_cut(c);
        } else if (!c->ping[0] && since_ms >= s->options.ping_every_ms) {
            snprintf(c->ping, sizeof c->ping, "%lld", (long long)wall_ms());
            c->pinged_ms = now_ms;
            c->wants_ping = true;
            lws_callback_on_writable(c->wsi);
        }
    }
}
