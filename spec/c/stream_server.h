/* A small WebSocket server on the loop of the test. It is written from RFC 6455 and not with libwebsockets, so that it can
 * misbehave and so that the two do not share a misreading. Every test has its own server, several connections are
 * peers of one. */
#pragma once
#include "base/clock.h"
#include "market/symbol.h"
#include "spec/c/tap.h"
#include <inttypes.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

enum { MAX_COMMANDS = 64, MAX_PEERS = 32, BUFFER = 65536 };

enum answering { ANSWER, MUTE, REFUSE, REFUSE_WITHOUT_ID };
enum greeting { UPGRADE, HANG, REJECT };

typedef struct command {
    char text[4200];
    size_t bytes, n_names;
    int64_t at_ms, id;
    bool is_join;
} command;

typedef struct server {
    uv_loop_t *loop;
    uv_tcp_t listener;
    int port;
    struct peer *peer;             /* the newest of those that stand */
    struct peer *peers[MAX_PEERS]; /* by the order of their coming; NULL: gone */
    size_t n_peers;
    enum answering answering;
    enum greeting greeting;
    int status;    /* of REJECT, such as 451 */
    size_t n_mute; /* so many more commands get no answer */
    size_t n_connections, n_upgrades, n_commands, n_pongs, n_unmasked, n_closes;
    command commands[MAX_COMMANDS];
    char request[2048], pong[128];
} server;

typedef struct peer {
    uv_tcp_t tcp;
    server *server;
    char in[BUFFER];
    size_t n_in, index, n_carried; /* names that it has been asked for, less those given back */
    bool is_upgraded;
} peer;

static void on_peer_closed(uv_handle_t *handle) { free(handle->data); }

static void cut(peer *p) {
    if (!p || uv_is_closing((uv_handle_t *)&p->tcp)) return;
    p->server->n_closes++;
    if (p->server->peer == p) p->server->peer = NULL;
    if (p->is_upgraded) p->server->peers[p->index] = NULL;
    uv_close((uv_handle_t *)&p->tcp, on_peer_closed);
}

typedef struct output {
    uv_write_t write;
    char bytes[];
} output;

static void on_written(uv_write_t *write, int status) {
    (void)status;
    free(write);
}

static void put(peer *p, const void *bytes, size_t n) {
    output *out = malloc(sizeof *out + n);
    memcpy(out->bytes, bytes, n);
    uv_buf_t buffer = uv_buf_init(out->bytes, (unsigned)n);
    if (uv_write(&out->write, (uv_stream_t *)&p->tcp, &buffer, 1, on_written)) abort();
}

enum { CONTINUE = 0, TEXT = 1, BINARY = 2, CLOSE = 8, PING = 9, PONG = 10, FIN = 0x80 };

static size_t frame_head(unsigned char head[10], int first, size_t n) {
    head[0] = (unsigned char)first;
    if (n < 126) {
        head[1] = (unsigned char)n;
        return 2;
    }
    if (n < 65536) {
        head[1] = 126;
        head[2] = (unsigned char)(n >> 8);
        head[3] = (unsigned char)n;
        return 4;
    }
    head[1] = 127;
    for (int i = 0; i < 8; i++) head[2 + i] = (unsigned char)(n >> (56 - 8 * i));
    return 10;
}

static void put_frame_to(peer *p, int first, const char *payload, size_t n) {
    unsigned char head[10];
    if (!p) abort();
    put(p, head, frame_head(head, first, n));
    if (n > 0) put(p, payload, n);
}

static void say_to(peer *p, const char *text) { put_frame_to(p, FIN | TEXT, text, strlen(text)); }

static inline void put_frame(server *s, int first, const char *payload, size_t n) {
    put_frame_to(s->peer, first, payload, n);
}

static inline void say(server *s, const char *text) { say_to(s->peer, text); }

/* The answer to a request to upgrade; its length. */
static int write_upgrade(const char *request, char *reply, size_t capacity) {
    static const char GUID[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    char key[128], both[256];
    unsigned char digest[EVP_MAX_MD_SIZE], text[64];
    unsigned digest_bytes;
    const char *at = strcasestr(request, "Sec-WebSocket-Key: ");
    if (!at || sscanf(at + 19, "%127[^\r]", key) != 1) abort();
    int n = snprintf(both, sizeof both, "%s%s", key, GUID);
    EVP_Digest(both, (size_t)n, digest, &digest_bytes, EVP_sha1(), NULL);
    EVP_EncodeBlock(text, digest, (int)digest_bytes);
    return snprintf(reply, capacity,
                    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                    "Sec-WebSocket-Accept: %s\r\n\r\n",
                    (char *)text);
}

static void upgrade(peer *p) {
    char reply[512];
    put(p, reply, (size_t)write_upgrade(p->in, reply, sizeof reply));
    p->is_upgraded = true;
    p->server->peer = p;
    p->index = p->server->n_peers++;
    if (p->index == MAX_PEERS) abort();
    p->server->peers[p->index] = p;
    p->server->n_upgrades++;
}

static void take_command(peer *p, const char *text, size_t n) {
    server *s = p->server;
    char reply[128];
    if (s->n_commands == MAX_COMMANDS) abort();
    command *c = &s->commands[s->n_commands++];
    *c = (command){.bytes = n, .at_ms = monotonic_ms()};
    snprintf(c->text, sizeof c->text, "%.*s", (int)n, text);
    c->is_join = strstr(c->text, "\"SUBSCRIBE\"") != NULL;
    for (const char *at = c->text; (at = strchr(at, '@')); at++) c->n_names++;
    const char *id = strstr(c->text, "\"id\":");
    c->id = id ? strtoll(id + 5, NULL, 10) : 0;
    if (s->n_mute > 0) {
        s->n_mute--;
        return;
    }
    switch (s->answering) {
    case ANSWER: snprintf(reply, sizeof reply, "{\"result\":null,\"id\":%" PRId64 "}", c->id); break;
    case REFUSE: snprintf(reply, sizeof reply, "{\"code\":2,\"msg\":\"No.\",\"id\":%" PRId64 "}", c->id); break;
    case REFUSE_WITHOUT_ID:
        snprintf(reply, sizeof reply, "{\"error\":{\"code\":3,\"msg\":\"No.\"},\"id\":null}");
        break;
    case MUTE: return;
    }
    if (s->answering == ANSWER) p->n_carried += c->is_join ? c->n_names : -c->n_names;
    say_to(p, reply);
}

/* One frame of the client at the start of the buffer; its length, 0 when it is not whole yet. */
static size_t take_frame(peer *p) {
    server *s = p->server;
    const unsigned char *in = (unsigned char *)p->in;
    size_t head = 6, n;
    if (p->n_in < 8 && p->n_in < 6) return 0;
    n = in[1] & 127;
    if (!(in[1] & 128)) s->n_unmasked++;
    if (n == 126) {
        n = (size_t)in[2] << 8 | in[3];
        head = 8;
    }
    if (p->n_in < head + n) return 0;
    char payload[BUFFER];
    for (size_t i = 0; i < n; i++) payload[i] = (char)(in[head + i] ^ in[head - 4 + i % 4]);
    switch (in[0] & 15) {
    case TEXT: take_command(p, payload, n); break;
    case PONG:
        s->n_pongs++;
        snprintf(s->pong, sizeof s->pong, "%.*s", (int)n, payload);
        break;
    default: break;
    }
    return head + n;
}

static void greet(peer *p) {
    server *s = p->server;
    char rejection[96];
    snprintf(s->request, sizeof s->request, "%.*s", (int)sizeof s->request - 1, p->in);
    switch (s->greeting) {
    case UPGRADE: upgrade(p); break;
    case REJECT:
        put(p, rejection,
            (size_t)snprintf(rejection, sizeof rejection, "HTTP/1.1 %d No\r\nContent-Length: 0\r\n\r\n", s->status));
        break;
    case HANG: break;
    }
    p->n_in = 0;
}

static void on_room(uv_handle_t *handle, size_t size, uv_buf_t *buffer) {
    (void)size;
    peer *p = handle->data;
    *buffer = uv_buf_init(p->in + p->n_in, (unsigned)(BUFFER - 1 - p->n_in));
}

static void on_bytes(uv_stream_t *tcp, ssize_t n, const uv_buf_t *buffer) {
    (void)buffer;
    peer *p = tcp->data;
    size_t used;
    if (n < 0) {
        cut(p);
        return;
    }
    p->n_in += (size_t)n;
    p->in[p->n_in] = 0;
    if (!p->is_upgraded) {
        if (strstr(p->in, "\r\n\r\n")) greet(p);
        return;
    }
    while (p->n_in > 0 && (used = take_frame(p)) > 0) {
        p->n_in -= used;
        memmove(p->in, p->in + used, p->n_in);
    }
}

static void on_connection(uv_stream_t *listener, int status) {
    server *s = listener->data;
    if (status) return;
    peer *p = calloc(1, sizeof *p);
    p->server = s;
    p->tcp.data = p;
    s->n_connections++;
    uv_tcp_init(s->loop, &p->tcp);
    if (uv_accept(listener, (uv_stream_t *)&p->tcp) || uv_read_start((uv_stream_t *)&p->tcp, on_room, on_bytes))
        abort();
}

/* Port 0: any. */
static void start_server(server *s, int port) {
    struct sockaddr_in address;
    int bytes = sizeof address;
    uv_ip4_addr("127.0.0.1", port, &address);
    if (uv_tcp_init(s->loop, &s->listener) || uv_tcp_bind(&s->listener, (struct sockaddr *)&address, 0) ||
        uv_listen((uv_stream_t *)&s->listener, 16, on_connection) ||
        uv_tcp_getsockname(&s->listener, (struct sockaddr *)&address, &bytes))
        abort();
    s->listener.data = s;
    s->port = ntohs(address.sin_port);
}

/* ---- the loop of a test ---- */

enum { STREAM_TEST_DEADLINE_MS = 20000 };

/* Ends a test in which nothing happens any more. Also keeps UV_RUN_ONCE from waiting for what has happened within the same
 * round. */
typedef struct guard {
    uv_timer_t timer;
    int64_t deadline_ms;
} guard;

static void on_guard(uv_timer_t *timer) {
    if (monotonic_ms() < ((guard *)timer->data)->deadline_ms) return;
    printf("Bail out! nothing happened for %d s\n", STREAM_TEST_DEADLINE_MS / 1000);
    exit(1);
}

static void guard_start(guard *g, uv_loop_t *loop) {
    uv_timer_init(loop, &g->timer);
    g->timer.data = g;
    g->deadline_ms = monotonic_ms() + STREAM_TEST_DEADLINE_MS;
    uv_timer_start(&g->timer, on_guard, 5, 5);
}

/* Timers and listeners are the test's, other sockets those of peers. */
static void close_left(uv_handle_t *handle, void *context) {
    const uv_handle_t *const *listeners = context;
    if (uv_is_closing(handle)) return;
    if (handle->type == UV_TIMER || handle == listeners[0] || handle == listeners[1])
        uv_close(handle, NULL);
    else if (handle->type == UV_TCP && handle->data)
        cut(handle->data);
}

/* After the client has closed: what the test itself has on the loop. `second`: NULL without another server. */
static void close_loop(uv_loop_t *loop, server *first, server *second) {
    const uv_handle_t *listeners[] = {(uv_handle_t *)&first->listener,
                                      second ? (uv_handle_t *)&second->listener : NULL};
    uv_walk(loop, close_left, listeners);
    uv_run(loop, UV_RUN_DEFAULT);
    ok(first->n_unmasked == 0 && uv_loop_close(loop) == 0, "every handle is closed");
}

/* SYM0USDT, SYM1USDT, ... */
static symbol_table *numbered_symbols(int n) {
    symbol_table *symbols;
    if (symbol_table_new(&symbols)) abort();
    for (int i = 0; i < n; i++) {
        symbol_info info = {0};
        uint32_t id;
        snprintf(info.name, sizeof info.name, "SYM%dUSDT", i);
        if (symbol_table_add(symbols, &info, &id)) abort();
    }
    return symbols;
}
