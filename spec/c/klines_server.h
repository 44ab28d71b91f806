/* A small exchange on the loop of the test that knows klines of one minute and the time, and that can misbehave. */
#pragma once
#include "base/clock.h"
#include "spec/c/tap.h"
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

enum { MAX_REQUESTS = 512 };
static const int64_t T0 = INT64_C(1700000040000); /* a whole minute */
static const int64_t MINUTE = 60000;

enum fault {
    NONE,
    LIMITED,
    SERVER_ERROR,
    CUT_SHORT,
    GARBAGE,
    RESTRICTED,
    FORBIDDEN,
    BAD_SYMBOL,
    WRONG_ROWS,
    SHORT_PAGES
};

typedef struct request {
    char symbol[64];
    int64_t from_ms, to_ms, limit, at_ms;
    char api[8];   /* api or fapi */
    char host[16]; /* first part of the path, which stands for one */
    bool is_time;
} request;

typedef struct exchange {
    uv_loop_t *loop;
    uv_tcp_t listener;
    int port, n_open, most_open;
    enum fault faults[16]; /* of the next answers, in order */
    size_t n_faults, at_fault;
    bool is_mute; /* takes requests and says nothing */
    int64_t hole_from_ms, hole_to_ms, now_ms;
    int64_t odd_ms; /* a bar that breaks the rules */
    request requests[MAX_REQUESTS];
    size_t n_requests;
} exchange;

typedef struct peer {
    uv_tcp_t tcp;
    uv_write_t write;
    uv_timer_t timer;
    exchange *market;
    char in[4096], *out;
    size_t n_in, n_out;
    int n_handles;
} peer;

static void on_peer_gone(uv_handle_t *handle) {
    peer *p = handle->data;
    if (--p->n_handles > 0) return;
    free(p->out);
    free(p);
}

static void close_peer(peer *p) {
    if (uv_is_closing((uv_handle_t *)&p->tcp)) return;
    p->market->n_open--;
    uv_close((uv_handle_t *)&p->tcp, on_peer_gone);
    uv_close((uv_handle_t *)&p->timer, on_peer_gone);
}

static void on_written(uv_write_t *write, int status) {
    (void)status;
    close_peer(write->data);
}

static void on_room(uv_handle_t *handle, size_t size, uv_buf_t *buffer) {
    (void)size;
    peer *p = handle->data;
    *buffer = uv_buf_init(p->in + p->n_in, (unsigned)(sizeof p->in - 1 - p->n_in));
}

static double price(int64_t open_ms) { return 100 + (double)(open_ms / MINUTE % 1000); }

static size_t write_rows(const exchange *m, const request *q, size_t limit, char *out) {
    size_t n = 0, n_out = 0;
    out[n_out++] = '[';
    for (int64_t t = q->from_ms; t <= q->to_ms && t <= m->now_ms && n < limit; t += MINUTE) {
        if (t >= m->hole_from_ms && t < m->hole_to_ms) continue;
        double p = t == m->odd_ms ? -1 : price(t);
        n_out += (size_t)sprintf(out + n_out,
                                 "%s[%" PRId64 ",\"%.1f\",\"%.1f\",\"%.1f\",\"%.1f\",\"10\",%" PRId64
                                 ",\"20\",5,\"4\",\"8\",\"0\"]",
                                 n++ ? "," : "", t, p, p, p, p, t + MINUTE - 1);
    }
    out[n_out++] = ']';
    return n_out;
}

static void answer(peer *p, const char *status, const char *headers, const char *body, size_t bytes, size_t claimed) {
    p->out = malloc(bytes + 512);
    int n =
        sprintf(p->out, "HTTP/1.1 %s\r\nContent-Length: %zu\r\nConnection: close\r\n%s\r\n", status, claimed, headers);
    memcpy(p->out + n, body, bytes);
    p->n_out = (size_t)n + bytes;
}

static void make_answer(peer *p, const request *q) {
    exchange *m = p->market;
    static char body[1 << 18];
    static const char WEIGHT[] = "X-MBX-USED-WEIGHT-1M: 42\r\n";
    enum fault fault = m->at_fault < m->n_faults ? m->faults[m->at_fault++] : NONE;
    request wrong = {.from_ms = T0 - 500 * MINUTE, .to_ms = T0 - 490 * MINUTE};
    size_t limit = (size_t)q->limit;
    size_t n =
        q->is_time ? (size_t)sprintf(body, "{\"serverTime\":%" PRId64 "}", m->now_ms) : write_rows(m, q, limit, body);
#define TEXT(s) s, strlen(s), strlen(s)
    switch (fault) {
    case NONE: answer(p, "200 OK", WEIGHT, body, n, n); break;
    case LIMITED:
        answer(p, "429 Too Many", "Retry-After: 1\r\n", TEXT("{\"code\":-1003,\"msg\":\"Too much.\"}"));
        break;
    case SERVER_ERROR: answer(p, "500 No", "", TEXT("<html>oops</html>")); break;
    case CUT_SHORT: answer(p, "200 OK", "", body, n / 2, n); break;
    case GARBAGE: answer(p, "200 OK", "", body, n / 2, n / 2); break;
    case RESTRICTED: answer(p, "451 Unavailable", "", TEXT("{\"code\":0,\"msg\":\"restricted location\"}")); break;
    case FORBIDDEN: answer(p, "403 Forbidden", "", TEXT("<html>select nothing</html>")); break;
    case BAD_SYMBOL: answer(p, "400 Bad", "", TEXT("{\"code\":-1121,\"msg\":\"Invalid symbol.\"}")); break;
    case WRONG_ROWS:
        n = write_rows(m, &wrong, 10, body);
        answer(p, "200 OK", "", body, n, n);
        break;
    case SHORT_PAGES:
        n = write_rows(m, q, 7, body);
        answer(p, "200 OK", "", body, n, n);
        break;
    }
}

static void on_answer_due(uv_timer_t *timer) {
    peer *p = timer->data;
    uv_buf_t buffer = uv_buf_init(p->out, (unsigned)p->n_out);
    p->write.data = p;
    if (uv_write(&p->write, (uv_stream_t *)&p->tcp, &buffer, 1, on_written)) close_peer(p);
}

static int64_t parameter(const char *query, const char *name) {
    const char *at = strstr(query, name);
    return at ? strtoll(at + strlen(name), NULL, 10) : 0;
}

static void on_bytes(uv_stream_t *stream, ssize_t n, const uv_buf_t *buffer) {
    (void)buffer;
    peer *p = stream->data;
    exchange *m = p->market;
    if (n < 0) {
        close_peer(p);
        return;
    }
    p->n_in += (size_t)n;
    p->in[p->n_in] = 0;
    if (!strstr(p->in, "\r\n\r\n") || p->out || m->n_requests == MAX_REQUESTS) return;
    request *q = &m->requests[m->n_requests++];
    *q = (request){.at_ms = monotonic_ms(), .is_time = strstr(p->in, "/time ") != NULL};
    sscanf(p->in, "GET /%15[^/]/%7[^/]/%*2[^/]/klines?symbol=%63[^&]", q->host, q->api, q->symbol);
    q->from_ms = parameter(p->in, "startTime=");
    q->to_ms = parameter(p->in, "endTime=");
    q->limit = parameter(p->in, "limit=");
    if (m->is_mute) return;
    make_answer(p, q);
    uv_timer_start(&p->timer, on_answer_due, 2, 0); /* long enough for others to overlap */
}

static void on_connection(uv_stream_t *listener, int status) {
    exchange *m = listener->data;
    if (status) return;
    peer *p = calloc(1, sizeof *p);
    p->market = m;
    p->tcp.data = p->timer.data = p;
    p->n_handles = 2;
    uv_tcp_init(m->loop, &p->tcp);
    uv_timer_init(m->loop, &p->timer);
    if (++m->n_open > m->most_open) m->most_open = m->n_open;
    if (uv_accept(listener, (uv_stream_t *)&p->tcp) || uv_read_start((uv_stream_t *)&p->tcp, on_room, on_bytes))
        abort();
}

static void start_exchange(exchange *m, uv_loop_t *loop) {
    struct sockaddr_in address;
    int bytes = sizeof address;
    *m = (exchange){.loop = loop, .now_ms = T0 + 100000 * MINUTE};
    uv_ip4_addr("127.0.0.1", 0, &address);
    if (uv_tcp_init(loop, &m->listener) || uv_tcp_bind(&m->listener, (struct sockaddr *)&address, 0) ||
        uv_listen((uv_stream_t *)&m->listener, 64, on_connection) ||
        uv_tcp_getsockname(&m->listener, (struct sockaddr *)&address, &bytes))
        abort();
    m->listener.data = m;
    m->port = ntohs(address.sin_port);
}
