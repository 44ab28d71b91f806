/*   accept --> limits --> doorstep (until the first head is whole) --> libwebsockets --> http_api, channel
 *
 * libwebsockets 4.1 takes at most 127 bytes of subprotocols, and a user's token is longer. So a long list is put under another
 * name on its way in, with "trademind" alone left in its place (`rename_subprotocols`). That is done for the first request of a
 * connection. Browsers open a new one for a WebSocket; a proxy may take one that it has, so behind one every answer of the HTTP
 * interface asks to use none twice.
 *
 * Closing is the part with a story. libwebsockets 4.1 on a foreign loop wants lws_context_destroy twice: the first call
 * closes its libuv handles, the second frees the memory that they live in, so it must wait until the loop is done with
 * them. Nothing says when; a handle that is closing is still seen by uv_walk, so a timer asks until there is none. */
#include "serve/listener.h"
#include "base/clock.h"
#include "base/log.h"
#include "serve/auth.h"
#include "serve/doorstep.h"
#include "serve/http_answer.h"
#include "serve/limits.h"
#include "serve/offer.h"
#include "serve/request_rates.h"
#include "serve/security_headers.h"
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    MAX_CLIENTS = 32,
    MAX_OTHERS = 64,    /* connections that are no client of the channel */
    MAX_VISITORS = 512, /* on the doorstep: a descriptor and half a kilobyte each */
    MAX_PER_ADDRESS = 32,
    ACCEPTS_AT_ONCE = 32, /* then the others have a turn */
    BACKLOG = 512,
    RENAMED_BYTES = 256,
    REQUEST_TIMEOUT_S = 10,
    HEAD_TIMEOUT_MS = 10000,
    KEEPALIVE_S = 30,
    PAUSE_MS = 200, /* of accepting, when the process has no descriptor left */
    CLOSE_POLL_MS = 5,
    CLOSE_GRACE_MS = 300,
    READ_BYTES = 4096,
};

/* What libwebsockets keeps for each connection. */
typedef struct session {
    http_request_state *request;
    channel_client *client;
} session;

/* One that is counted. Those that libwebsockets keeps between two requests stand in a list, longest idle first. */
typedef struct connection {
    client_address from;
    struct lws *wsi;         /* NULL: on the doorstep */
    bool is_idle, is_inside; /* inside: libwebsockets' */
    struct connection *next, *previous;
} connection;

struct listener {
    listener_options options;
    uv_loop_t *loop;
    int fd;
    uint16_t port;
    struct lws_context *context; /* libwebsockets sets it to NULL when it is gone */
    struct lws_vhost *vhost;
    uint32_t n_connections;                           /* libwebsockets' */
    uint32_t max_visitors, max_connections, n_inside; /* `n_connections` counts those as well that are just going */
    limits *limits;
    request_rates *rates;
    doorstep *doorstep;
    const char *head_text; /* what a head on its way to libwebsockets points into */
    connection
        *adopted; /* while it is given to libwebsockets, which may end it at once and keeps nothing for us until then */
    struct lws *adopted_wsi;
    connection *idlest, *last_idle;
    listener_stats stats;
    log_repeater too_many, too_fast, no_descriptor, bad_heads;

    uv_poll_t poll;
    uv_timer_t timer; /* the end of a pause of accepting; later the steps of closing */
    uint32_t n_handles;
    int64_t cut_off_ms;
    bool is_closing, is_destroying;
    void (*on_closed)(void *context);
    void *closed_context;
};

static int on_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t bytes);
static void on_connection(uv_poll_t *poll, int status, int events);
static void free_listener(listener *l);

/* With a subprotocol or without one: the same conversation. The first is also HTTP's. */
static const struct lws_protocols protocols[] = {
    {.name = "http", .callback = on_event, .per_session_data_size = sizeof(session), .rx_buffer_size = READ_BYTES},
    {.name = AUTH_SUBPROTOCOL,
     .callback = on_event,
     .per_session_data_size = sizeof(session),
     .rx_buffer_size = READ_BYTES},
    {0},
};

/* A peer that went away without a word is asked after a minute and dropped a quarter later. */
static const lws_retry_bo_t liveness = {.secs_since_valid_ping = 60, .secs_since_valid_hangup = 75};

/* ---- the socket ---- */

static const char *advice(int code) {
    switch (code) {
    case EADDRINUSE: return "; stop the program that has it or set another PORT";
    case EACCES: return "; ports below 1024 need rights, set another PORT";
    case EADDRNOTAVAIL: return "; this machine has no such address, set another HOST";
    default: return "";
    }
}

static int bind_to(const struct addrinfo *address) {
    int one = 1, zero = 0;
    int fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (address->ai_family == AF_INET6) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof zero);
    if (bind(fd, address->ai_addr, address->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0) return fd;
    int code = errno;
    close(fd);
    errno = code;
    return -1;
}

static uint16_t bound_port(int fd) {
    struct sockaddr_in6 bound = {0}; /* the port stands at the same place in sockaddr_in */
    socklen_t bytes = sizeof bound;
    if (getsockname(fd, (struct sockaddr *)&bound, &bytes) != 0) return 0;
    return ntohs(bound.sin6_port);
}

/* At the start only, so that a name may be looked up on the loop's thread. */
static err open_socket(listener *l, diag *why) {
    struct addrinfo hints = {.ai_flags = AI_PASSIVE | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM}, *found = NULL;
    char port[8];
    const char *host = l->options.host;
    snprintf(port, sizeof port, "%u", l->options.port);
    int code = getaddrinfo(host, port, &hints, &found);
    if (code) return diag_set(why, ERR_NETWORK, "cannot listen on HOST %s: %s", host, gai_strerror(code));
    l->fd = bind_to(found);
    code = errno;
    freeaddrinfo(found);
    if (l->fd < 0 && code == EAFNOSUPPORT && strcmp(host, "::") == 0) { /* a machine without IPv6 */
        l->options.host = "0.0.0.0";
        return open_socket(l, why);
    }
    if (l->fd < 0)
        return diag_set(why, ERR_NETWORK, "cannot listen on %s port %s: %s%s", host, port,
                        code == EADDRINUSE ? "address already in use" : strerror(code), advice(code));
    l->port = bound_port(l->fd);
    return OK;
}

/* ---- libwebsockets ---- */

static void log_library(int level, const char *line) {
    /* Its lines may quote what a peer sent; kept away from all but who debugs. */
    log_write(level == LLL_ERR ? LOG_WARN : LOG_DEBUG, "libwebsockets", "%.*s", (int)strcspn(line, "\n"), line);
}

static err open_context(listener *l, diag *why) {
    void *loops[] = {l->loop};
    struct lws_context_creation_info info = {
        .port = CONTEXT_PORT_NO_LISTEN_SERVER,
        .protocols = protocols,
        .headers = security_headers(l->options.is_behind_proxy),
        .options = LWS_SERVER_OPTION_LIBUV | LWS_SERVER_OPTION_EXPLICIT_VHOSTS | LWS_SERVER_OPTION_VALIDATE_UTF8,
        .foreign_loops = loops,
        .pcontext = &l->context,
        .user = l,
        .uid = (uid_t)-1,
        .gid = (gid_t)-1,
        .server_string = "trademind",
        .fd_limit_per_thread =
            l->max_connections + ACCEPTS_AT_ONCE + 16, /* its tables are sized by this; some are just going */
        .max_http_header_pool = (unsigned short)l->max_connections,
        .max_http_header_data = REQUEST_HEAD_MAX_BYTES + RENAMED_BYTES,
        .timeout_secs = REQUEST_TIMEOUT_S,
        .keepalive_timeout = KEEPALIVE_S,
        .retry_and_idle_policy = &liveness,
    };
    lws_set_log_level(LLL_ERR | LLL_WARN, log_library);
    l->context = lws_create_context(&info);
    if (l->context) l->vhost = lws_create_vhost(l->context, &info);
    if (l->vhost) return OK;
    return diag_set(why, ERR_NO_MEMORY,
                    "cannot start the web server (is the package libwebsockets-evlib-uv installed?)");
}

static bool is_websocket_event(enum lws_callback_reasons reason) {
    switch ((int)reason) {
    case LWS_CALLBACK_ESTABLISHED:
    case LWS_CALLBACK_RECEIVE:
    case LWS_CALLBACK_SERVER_WRITEABLE:
    case LWS_CALLBACK_TIMER:
    case LWS_CALLBACK_CLOSED: return true;
    default: return false;
    }
}

static void set_idle(listener *l, connection *c, bool is_idle) {
    if (c->is_idle == is_idle) return;
    c->is_idle = is_idle;
    if (is_idle) {
        c->next = NULL;
        c->previous = l->last_idle;
        *(l->last_idle ? &l->last_idle->next : &l->idlest) = c;
        l->last_idle = c;
        return;
    }
    *(c->previous ? &c->previous->next : &l->idlest) = c->next;
    *(c->next ? &c->next->previous : &l->last_idle) = c->previous;
}

static void forget(listener *l, connection *c) {
    if (!c) return;
    set_idle(l, c, false);
    l->n_inside -= c->is_inside;
    limits_leave(l->limits, &c->from);
    free(c);
}

static void begin_connection(listener *l, struct lws *wsi) {
    l->adopted_wsi = wsi;
    l->n_connections++;
}

static bool is_being_adopted(const listener *l, const struct lws *wsi) { return l->adopted && wsi == l->adopted_wsi; }

static connection *connection_of(const listener *l, struct lws *wsi) {
    return is_being_adopted(l, wsi) ? l->adopted : lws_get_opaque_user_data(wsi);
}

static void end_connection(listener *l, struct lws *wsi) {
    bool is_adopted = is_being_adopted(l, wsi);
    forget(l, connection_of(l, wsi));
    if (is_adopted) l->adopted = NULL;
    lws_set_opaque_user_data(wsi, NULL);
    l->n_connections--;
}

/* The protocol of a connection is dropped when an answer has been given, and taken up with the next request. */
static void note_use(listener *l, struct lws *wsi, enum lws_callback_reasons reason) {
    connection *c = lws_get_opaque_user_data(wsi);
    bool is_end = reason == LWS_CALLBACK_HTTP_DROP_PROTOCOL;
    bool is_begin = reason == LWS_CALLBACK_HTTP || reason == LWS_CALLBACK_HTTP_CONFIRM_UPGRADE ||
                    reason == LWS_CALLBACK_ESTABLISHED;
    if (c && (is_begin || is_end)) set_idle(l, c, is_end);
}

/* 0: it may ask; else ms until it may. */
static int64_t count_request(listener *l, struct lws *wsi) {
    const connection *c = connection_of(l, wsi);
    int64_t wait_ms = c ? request_rates_take(l->rates, &c->from, monotonic_ms()) : 0;
    if (wait_ms == 0) return 0;
    l->stats.n_refused_rate++;
    log_repeat(&l->too_fast, LOG_WARN, "listener", "refused a request: there are too many of its address");
    return wait_ms;
}

static int begin_request(listener *l, struct lws *wsi, http_request_state **slot, const char *path) {
    int64_t wait_ms = http_api_may_be_refused(path) ? count_request(l, wsi) : 0;
    l->stats.n_requests++;
    return wait_ms == 0 ? http_api_on_event(l->options.api, wsi, LWS_CALLBACK_HTTP, slot, path, 0)
                        : http_api_refuse(l->options.api, wsi, slot, wait_ms);
}

/* A channel that is asked for is a request like any other. */
static int begin_channel(listener *l, struct lws *wsi, session *s, const char *protocol) {
    int64_t wait_ms = count_request(l, wsi);
    http_answer a;
    if (wait_ms == 0)
        return channel_on_event(l->options.channel, wsi, LWS_CALLBACK_HTTP_CONFIRM_UPGRADE, &s->client, protocol, 0);
    http_answer_too_many(&a, wait_ms);
    int failed = http_answer_send(wsi, &a, false);
    http_answer_deinit(&a);
    return failed ? -1 : 1;
}

/* `user` is the session, zeroed; NULL before a connection has one. */
static int on_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t bytes) {
    listener *l = lws_context_user(lws_get_context(wsi));
    session *s = user, none = {0};
    if (!l) return 0;
    if (reason == LWS_CALLBACK_WSI_CREATE) begin_connection(l, wsi);
    if (reason == LWS_CALLBACK_WSI_DESTROY) end_connection(l, wsi);
    if (!s) s = &none;
    if (reason == LWS_CALLBACK_WSI_DESTROY) channel_on_event(l->options.channel, wsi, reason, &s->client, NULL, 0);
    note_use(l, wsi, reason);
    if (reason == LWS_CALLBACK_HTTP) return begin_request(l, wsi, &s->request, in);
    if (reason == LWS_CALLBACK_HTTP_CONFIRM_UPGRADE) return begin_channel(l, wsi, s, in);
    if (is_websocket_event(reason)) return channel_on_event(l->options.channel, wsi, reason, &s->client, in, bytes);
    return http_api_on_event(l->options.api, wsi, reason, &s->request, in, bytes);
}

/* ---- accepting ---- */

static void resume(uv_timer_t *timer) {
    listener *l = timer->data;
    uv_poll_start(&l->poll, UV_READABLE, on_connection);
}

/* Without a free descriptor the socket would stay readable and the loop would spin. */
static void pause_accepting(listener *l, int code) {
    log_repeat(&l->no_descriptor, LOG_ERROR, "listener", "cannot accept a connection: %s", strerror(code));
    uv_poll_stop(&l->poll);
    uv_timer_start(&l->timer, resume, PAUSE_MS, 0);
}

/* A last word to one that is not taken in. */
static void turn_away(listener *l, int fd, err why) {
    bool is_address = why == ERR_EXISTS;
    l->stats.n_refused_full += !is_address;
    l->stats.n_refused_address += is_address;
    log_repeat(&l->too_many, LOG_WARN, "listener", "refused a connection: there are too many%s",
               is_address ? " of its address" : "");
    doorstep_refuse(fd, is_address ? 429 : 503,
                    is_address ? "too many connections of your address" : "too many connections",
                    l->options.is_behind_proxy);
}

/* False: there is none. libwebsockets is done with it a little later; its place is free at once. */
static bool put_out_idlest(listener *l) {
    connection *c = l->idlest;
    if (!c) return false;
    struct lws *wsi = c->wsi;
    l->stats.n_put_out++;
    lws_set_opaque_user_data(wsi, NULL);
    forget(l, c);
    lws_set_timeout(wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_SYNC);
    return true;
}

/* When the doorstep is full, the one that has waited longest for its request makes room. */
static err enter(listener *l, const client_address *from) {
    if (limits_count(l->limits) - l->n_inside >= l->max_visitors) doorstep_put_out(l->doorstep);
    return limits_enter(l->limits, from);
}

/* When all places inside are taken, the one makes room that has asked for nothing more for longest. */
static err go_inside(listener *l, connection *c) {
    if (l->n_inside >= l->max_connections && !put_out_idlest(l)) return ERR_FULL;
    c->is_inside = true;
    l->n_inside++;
    return OK;
}

/* Behind a proxy all come from the proxy, which tells where from only in the request (`note_address`). */
static client_address address_of(const listener *l, const struct sockaddr_storage *peer) {
    const struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    return client_address_of(l->options.is_behind_proxy ? (const struct sockaddr *)&here
                                                        : (const struct sockaddr *)peer);
}

static void welcome(listener *l, int fd, const struct sockaddr_storage *peer) {
    connection *c = calloc(1, sizeof *c);
    err failed = c ? OK : ERR_NO_MEMORY;
    l->stats.n_accepted++;
    if (c) c->from = address_of(l, peer);
    if (!failed) failed = enter(l, &c->from);
    if (failed) {
        free(c);
        turn_away(l, fd, failed);
        return;
    }
    failed = doorstep_add(l->doorstep, fd, c);
    if (!failed) return;
    forget(l, c);
    turn_away(l, fd, failed);
}

/* False: there is nobody more, or nobody can be taken. */
static bool accept_one(listener *l) {
    struct sockaddr_storage peer = {0};
    socklen_t bytes = sizeof peer;
    int fd = accept4(l->fd, (struct sockaddr *)&peer, &bytes, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) welcome(l, fd, &peer);
    if (fd >= 0 || errno == ECONNABORTED || errno == EINTR) return true; /* the trouble of the one that came */
    if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) pause_accepting(l, errno);
    return false;
}

static void on_connection(uv_poll_t *poll, int status, int events) {
    (void)status;
    (void)events;
    for (int n = 0; n < ACCEPTS_AT_ONCE && accept_one(poll->data); n++) {}
}

/* ---- from the doorstep to libwebsockets ---- */

/* ERR_EXISTS: there are too many of that address. */
static err note_address(listener *l, connection *c, const request_head *head) {
    client_address from;
    const request_part *told = &head->client_address;
    if (!l->options.is_behind_proxy || !told->at || !client_address_parse(told->at, told->bytes, &from)) return OK;
    err failed = limits_move(l->limits, &c->from, &from);
    if (!failed) c->from = from;
    return failed;
}

/* Takes the head off the socket and gives it to libwebsockets changed; NULL when that fails, with the descriptor closed. */
static struct lws *rename_subprotocols(listener *l, int fd, const request_head *head) {
    static const char ours[] = "Sec-WebSocket-Protocol: " AUTH_SUBPROTOCOL "\r\n" OFFER_MOVED_HEADER;
    char text[REQUEST_HEAD_MAX_BYTES], changed[REQUEST_HEAD_MAX_BYTES + RENAMED_BYTES];
    _Static_assert(sizeof ours < RENAMED_BYTES, "it has room");
    size_t name_at = (size_t)(head->subprotocols_name.at - l->head_text), name_bytes = head->subprotocols_name.bytes;
    if (recv(fd, text, head->bytes, MSG_DONTWAIT) != (ssize_t)head->bytes) {
        close(fd);
        return NULL;
    }
    size_t at = 0;
    memcpy(changed, text, at = name_at);
    memcpy(changed + at, ours, sizeof ours - 1);
    at += sizeof ours - 1;
    memcpy(changed + at, text + name_at + name_bytes, head->bytes - name_at - name_bytes);
    at += head->bytes - name_at - name_bytes;
    return lws_adopt_socket_vhost_readbuf(l->vhost, fd, changed, at);
}

static void on_ready(void *context, void *guest, int fd, const char *text, const request_head *head) {
    listener *l = context;
    int one = 1;
    err failed = note_address(l, guest, head);
    if (!failed) failed = go_inside(l, guest);
    if (failed) {
        forget(l, guest);
        turn_away(l, fd, failed);
        return;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    l->adopted = guest;
    l->head_text = text;
    bool is_long = head->subprotocols.at && head->subprotocols.bytes > OFFER_LIST_MAX_BYTES;
    /* On failure it has closed the descriptor. */
    struct lws *wsi = is_long ? rename_subprotocols(l, fd, head) : lws_adopt_socket_vhost(l->vhost, fd);
    if (wsi && l->adopted) {
        l->adopted->wsi = wsi;
        lws_set_opaque_user_data(wsi, l->adopted);
    } else {
        forget(l, l->adopted);
    }
    l->adopted = NULL;
    l->adopted_wsi = NULL;
}

static void on_lost(void *context, void *guest, doorstep_loss why) {
    listener *l = context;
    l->stats.n_bad_heads += why == DOORSTEP_REFUSED;
    l->stats.n_late += why == DOORSTEP_LATE;
    l->stats.n_gone += why == DOORSTEP_GONE;
    l->stats.n_put_out += why == DOORSTEP_PUT_OUT;
    if (why == DOORSTEP_REFUSED) log_repeat(&l->bad_heads, LOG_WARN, "listener", "refused what is no request");
    forget(l, guest);
}

static err open_doorstep(listener *l, diag *why) {
    doorstep_options options = {.loop = l->loop,
                                .patience_ms =
                                    l->options.head_timeout_ms ? l->options.head_timeout_ms : HEAD_TIMEOUT_MS,
                                .is_public = l->options.is_behind_proxy,
                                .on_ready = on_ready,
                                .on_lost = on_lost,
                                .context = l};
    err failed = limits_new(l->max_connections + l->max_visitors,
                            l->options.max_per_address ? l->options.max_per_address : MAX_PER_ADDRESS, &l->limits);
    if (!failed) failed = request_rates_new(l->options.requests_per_minute, &l->rates);
    if (!failed) failed = doorstep_new(&options, &l->doorstep);
    return failed ? diag_set(why, failed, "%s", error_text(failed)) : OK;
}

/* ---- a life ---- */

err listener_open(uv_loop_t *loop, const listener_options *options, listener **out, diag *why) {
    listener *l = calloc(1, sizeof *l);
    if (!l) return diag_set(why, ERR_NO_MEMORY, "%s", error_text(ERR_NO_MEMORY));
    l->options = *options;
    l->loop = loop;
    l->fd = -1;
    l->max_visitors = options->max_visitors ? options->max_visitors : MAX_VISITORS;
    l->max_connections = MAX_OTHERS + (options->max_clients ? options->max_clients : MAX_CLIENTS);
    err failed = open_socket(l, why);
    if (!failed) failed = open_context(l, why);
    if (!failed) failed = open_doorstep(l, why);
    if (!failed && uv_poll_init(loop, &l->poll, l->fd) != 0) failed = diag_set(why, ERR_IO, "cannot watch the socket");
    if (failed) {
        if (l->context) lws_context_destroy(l->context);
        if (l->doorstep) doorstep_close(l->doorstep, NULL, NULL);
        free_listener(l);
        return failed;
    }
    uv_timer_init(loop, &l->timer); /* never fails */
    l->n_handles = 3;
    l->poll.data = l->timer.data = l;
    uv_poll_start(&l->poll, UV_READABLE, on_connection);
    *out = l;
    return OK;
}

uint16_t listener_port(const listener *l) { return l->port; }

void listener_read_stats(const listener *l, listener_stats *out) {
    *out = l->stats;
    out->n_connections = limits_count(l->limits);
}

static void free_listener(listener *l) {
    limits_free(l->limits);
    request_rates_free(l->rates);
    if (l->fd >= 0) close(l->fd);
    free(l);
}

/* ---- closing ---- */

static void on_part_closed(void *context) {
    listener *l = context;
    if (--l->n_handles) return;
    void (*on_closed)(void *) = l->on_closed;
    void *closed_context = l->closed_context;
    free_listener(l);
    if (on_closed) on_closed(closed_context);
}

static void on_handle_closed(uv_handle_t *handle) { on_part_closed(handle->data); }

static void count_closing(uv_handle_t *handle, void *count) { *(uint32_t *)count += uv_is_closing(handle) != 0; }

static bool is_loop_quiet(listener *l) {
    uint32_t n_closing = 0;
    uv_walk(l->loop, count_closing, &n_closing);
    return n_closing == 0;
}

static void on_close_step(uv_timer_t *timer) {
    listener *l = timer->data;
    if (!l->is_destroying) {
        if (l->n_connections && monotonic_ms() < l->cut_off_ms) return;
        l->is_destroying = true;
        lws_context_destroy(l->context);
        return;
    }
    if (!is_loop_quiet(l)) return;
    if (l->context) lws_context_destroy(l->context);
    uv_close((uv_handle_t *)&l->timer, on_handle_closed);
}

void listener_close(listener *l, void (*on_closed)(void *context), void *context) {
    if (l->is_closing) return;
    l->is_closing = true;
    l->on_closed = on_closed;
    l->closed_context = context;
    l->cut_off_ms = monotonic_ms() + CLOSE_GRACE_MS;
    channel_close_clients(l->options.channel);
    doorstep_close(l->doorstep, on_part_closed, l);
    uv_close((uv_handle_t *)&l->poll, on_handle_closed);
    uv_timer_start(&l->timer, on_close_step, CLOSE_POLL_MS, CLOSE_POLL_MS);
}
