#include "serve/metrics_listener.h"
#include "serve/metrics_text.h"
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CLIENTS_MAX = 16, HEAD_BYTES = 4096, TIMEOUT_MS = 10000, BACKLOG = 16 };

/* One connection: a head comes in, an answer goes out. */
typedef struct client {
    metrics_listener *owner;
    uv_tcp_t socket;
    uv_timer_t timer;
    uv_write_t write;
    char head[HEAD_BYTES + 1];
    size_t head_bytes;
    char *body;
    char answer_head[256];
    int n_handles;
    bool is_answering;
} client;

struct metrics_listener {
    metrics_listener_config config;
    uv_tcp_t socket;
    uint16_t port;
    client *clients[CLIENTS_MAX];
    bool is_closing, is_socket_closed;
};

static void release(metrics_listener *l) {
    if (!l->is_socket_closed) return;
    for (int i = 0; i < CLIENTS_MAX; i++)
        if (l->clients[i]) return;
    free(l);
}

/* ---- a connection ---- */

static void on_client_closed(uv_handle_t *handle) {
    client *c = handle->data;
    metrics_listener *l = c->owner;
    if (--c->n_handles) return;
    for (int i = 0; i < CLIENTS_MAX; i++)
        if (l->clients[i] == c) l->clients[i] = NULL;
    free(c->body);
    free(c);
    release(l);
}

static void drop(client *c) {
    if (uv_is_closing((uv_handle_t *)&c->socket)) return;
    uv_close((uv_handle_t *)&c->socket, on_client_closed);
    uv_close((uv_handle_t *)&c->timer, on_client_closed);
}

static void on_timeout(uv_timer_t *timer) { drop(timer->data); }

static void on_written(uv_write_t *request, int status) {
    (void)status;
    drop(request->data);
}

static void answer(client *c, int status, const char *reason, const char *type, size_t body_bytes, bool is_head) {
    uv_buf_t parts[2];
    int bytes = snprintf(c->answer_head, sizeof c->answer_head,
                         "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\nCache-Control: no-store\r\n"
                         "X-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n",
                         status, reason, type, body_bytes);
    c->is_answering = true;
    c->write.data = c;
    parts[0] = uv_buf_init(c->answer_head, (unsigned)bytes);
    parts[1] = uv_buf_init(c->body, is_head ? 0 : (unsigned)body_bytes);
    if (uv_write(&c->write, (uv_stream_t *)&c->socket, parts, 2, on_written) != 0) drop(c);
}

static void refuse(client *c, int status, const char *reason, bool is_head) {
    char text[64];
    int bytes = snprintf(text, sizeof text, "%s; here is GET /metrics\n", reason);
    c->body = strdup(text);
    answer(c, status, reason, "text/plain", c->body ? (size_t)bytes : 0, is_head);
}

static void judge(client *c) {
    bool is_get = strncmp(c->head, "GET ", 4) == 0, is_head = strncmp(c->head, "HEAD ", 5) == 0;
    const char *path = c->head + (is_head ? 5 : 4);
    size_t path_bytes = strcspn(path, " ?\r\n"), bytes = 0;
    if (!is_get && !is_head)
        refuse(c, 405, "Method Not Allowed", false);
    else if (path_bytes != 8 || strncmp(path, "/metrics", 8) != 0)
        refuse(c, 404, "Not Found", is_head);
    else if (c->owner->config.write(c->owner->config.context, &c->body, &bytes) != OK)
        refuse(c, 503, "Service Unavailable", is_head);
    else
        answer(c, 200, "OK", METRICS_TEXT_TYPE, bytes, is_head);
}

static void give_room(uv_handle_t *handle, size_t suggested, uv_buf_t *out) {
    client *c = handle->data;
    (void)suggested;
    *out = uv_buf_init(c->head + c->head_bytes, (unsigned)(HEAD_BYTES - c->head_bytes));
}

/* What comes behind the head is nobody's. */
static void on_read(uv_stream_t *stream, ssize_t bytes, const uv_buf_t *buffer) {
    client *c = stream->data;
    (void)buffer;
    if (bytes < 0) {
        if (!c->is_answering || bytes != UV_EOF) drop(c);
        return;
    }
    if (c->is_answering) return;
    c->head_bytes += (size_t)bytes;
    c->head[c->head_bytes] = 0;
    bool is_whole = strstr(c->head, "\r\n\r\n") || strstr(c->head, "\n\n");
    if (!is_whole && c->head_bytes < HEAD_BYTES) return;
    uv_read_stop(stream);
    if (is_whole)
        judge(c);
    else
        refuse(c, 431, "Request Header Fields Too Large", false);
}

static client **find_place(metrics_listener *l) {
    for (int i = 0; i < CLIENTS_MAX; i++)
        if (!l->clients[i]) return &l->clients[i];
    return NULL;
}

static void on_refused_closed(uv_handle_t *handle) { free(handle); }

/* Taken and closed at once; left in the queue it would keep the socket readable. */
static void turn_away(metrics_listener *l) {
    uv_tcp_t *socket = malloc(sizeof *socket);
    if (!socket) return;
    uv_tcp_init(l->socket.loop, socket);
    (void)uv_accept((uv_stream_t *)&l->socket, (uv_stream_t *)socket);
    uv_close((uv_handle_t *)socket, on_refused_closed);
}

static void on_connection(uv_stream_t *server, int status) {
    metrics_listener *l = server->data;
    client **place = status == 0 ? find_place(l) : NULL;
    client *c = place ? calloc(1, sizeof *c) : NULL;
    if (!c) {
        if (status == 0) turn_away(l);
        return;
    }
    *place = c;
    c->owner = l;
    c->n_handles = 2;
    uv_tcp_init(l->socket.loop, &c->socket);
    uv_timer_init(l->socket.loop, &c->timer);
    c->socket.data = c->timer.data = c;
    uv_timer_start(&c->timer, on_timeout, TIMEOUT_MS, 0);
    if (uv_accept(server, (uv_stream_t *)&c->socket) != 0 ||
        uv_read_start((uv_stream_t *)&c->socket, give_room, on_read) != 0)
        drop(c);
}

/* ---- its life ---- */

static void on_closed(uv_handle_t *handle) {
    metrics_listener *l = handle->data;
    l->is_socket_closed = true;
    release(l);
}

static int bind_to(metrics_listener *l) {
    const metrics_listener_config *c = &l->config;
    struct sockaddr_storage address = {0};
    int code = uv_ip6_addr(c->host, c->port, (struct sockaddr_in6 *)&address);
    if (code != 0) code = uv_ip4_addr(c->host, c->port, (struct sockaddr_in *)&address);
    if (code == 0) code = uv_tcp_bind(&l->socket, (struct sockaddr *)&address, 0);
    if (code == 0) code = uv_listen((uv_stream_t *)&l->socket, BACKLOG, on_connection);
    return code;
}

static uint16_t bound_port(const metrics_listener *l) {
    struct sockaddr_in6 bound = {0}; /* the port stands at the same place in sockaddr_in */
    int bytes = sizeof bound;
    return uv_tcp_getsockname(&l->socket, (struct sockaddr *)&bound, &bytes) == 0 ? ntohs(bound.sin6_port) : 0;
}

err metrics_listener_open(uv_loop_t *loop, const metrics_listener_config *config, metrics_listener **out, diag *why) {
    metrics_listener *l = calloc(1, sizeof *l);
    if (!l) return diag_set(why, ERR_NO_MEMORY, "%s", error_text(ERR_NO_MEMORY));
    l->config = *config;
    if (strcmp(config->host, "localhost") == 0) l->config.host = "127.0.0.1";
    uv_tcp_init(loop, &l->socket);
    l->socket.data = l;
    int code = bind_to(l);
    if ((code == UV_EAFNOSUPPORT || code == UV_EADDRNOTAVAIL) && strcmp(config->host, "::") == 0) {
        l->config.host = "0.0.0.0"; /* a machine without IPv6 */
        code = bind_to(l);
    }
    if (code != 0) {
        uv_close((uv_handle_t *)&l->socket, on_closed);
        return diag_set(why, ERR_NETWORK, "%s port %u: %s", config->host, config->port, uv_strerror(code));
    }
    l->port = bound_port(l);
    *out = l;
    return OK;
}

uint16_t metrics_listener_port(const metrics_listener *l) { return l->port; }

void metrics_listener_close(metrics_listener *l) {
    if (!l || l->is_closing) return;
    l->is_closing = true;
    for (int i = 0; i < CLIENTS_MAX; i++)
        if (l->clients[i]) drop(l->clients[i]);
    uv_close((uv_handle_t *)&l->socket, on_closed);
}
