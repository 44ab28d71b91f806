/* A server on the loop of the test that stands for Supabase: it keeps what it was asked, and answers as it is told. */
#pragma once
#include "base/clock.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <uv.h>

enum { ASKED_BYTES = 1 << 21, ASKED_MOST = 512 };

typedef struct cloud_server cloud_server;

/* The answer to request number `n` (from 0): an HTTP response; NULL: none, the connection is cut. Static or kept by the test. */
typedef const char *(*cloud_answer_fn)(cloud_server *s, int n, const char *request, const char *body);

struct cloud_server {
    uv_tcp_t listener;
    int port, n_asked, n_open;
    char *asked[ASKED_MOST]; /* head and body of each request */
    cloud_answer_fn answer;
    void *context;
};

typedef struct cloud_peer {
    uv_tcp_t tcp;
    cloud_server *owner;
    char text[ASKED_BYTES];
    size_t bytes;
} cloud_peer;

#define CREATED "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n"

static inline void cloud_peer_closed(uv_handle_t *handle) {
    cloud_peer *p = handle->data;
    p->owner->n_open--;
    free(p);
}

static inline void cloud_peer_close(cloud_peer *p) {
    if (!uv_is_closing((uv_handle_t *)&p->tcp)) uv_close((uv_handle_t *)&p->tcp, cloud_peer_closed);
}

static inline void cloud_shut(uv_shutdown_t *request, int status) {
    cloud_peer *p = request->data;
    (void)status;
    free(request);
    cloud_peer_close(p);
}

/* After what is still to be written. */
static inline void cloud_peer_end(cloud_peer *p) {
    uv_shutdown_t *request = malloc(sizeof *request);
    if (!request) abort();
    request->data = p;
    uv_read_stop((uv_stream_t *)&p->tcp);
    if (uv_shutdown(request, (uv_stream_t *)&p->tcp, cloud_shut)) {
        free(request);
        cloud_peer_close(p);
    }
}

static inline void cloud_written(uv_write_t *w, int status) {
    (void)status;
    free(w);
}

static inline void cloud_send(cloud_peer *p, const char *text) {
    uv_write_t *w = malloc(sizeof *w);
    uv_buf_t buffer = uv_buf_init((char *)(uintptr_t)text, (unsigned)strlen(text));
    if (!w || uv_write(w, (uv_stream_t *)&p->tcp, &buffer, 1, cloud_written)) abort();
}

/* One whole request at the front is answered and dropped. */
static inline bool cloud_take(cloud_peer *p) {
    cloud_server *s = p->owner;
    p->text[p->bytes] = 0;
    char *end = strstr(p->text, "\r\n\r\n");
    if (!end) return false;
    const char *length = strcasestr(p->text, "content-length:");
    size_t head = (size_t)(end + 4 - p->text), body = length && length < end ? strtoul(length + 15, NULL, 10) : 0;
    if (p->bytes < head + body) return false;
    if (s->n_asked == ASKED_MOST) abort();
    char *kept = strndup(p->text, head + body);
    s->asked[s->n_asked] = kept;
    const char *answer = s->answer(s, s->n_asked++, kept, kept + head);
    memmove(p->text, p->text + head + body, p->bytes - head - body);
    p->bytes -= head + body;
    if (answer) cloud_send(p, answer);
    bool ends = !answer || strstr(answer, "Connection: close");
    if (ends) cloud_peer_end(p);
    return !ends;
}

static inline void cloud_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buffer) {
    cloud_peer *p = stream->data;
    (void)buffer;
    if (n < 0) {
        cloud_peer_close(p);
        return;
    }
    p->bytes += (size_t)n;
    while (cloud_take(p)) {}
}

static inline void cloud_room(uv_handle_t *handle, size_t wanted, uv_buf_t *buffer) {
    cloud_peer *p = handle->data;
    (void)wanted;
    *buffer = uv_buf_init(p->text + p->bytes, (unsigned)(ASKED_BYTES - 1 - p->bytes));
}

static inline void cloud_connected(uv_stream_t *listener, int status) {
    cloud_server *s = listener->data;
    cloud_peer *p = calloc(1, sizeof *p);
    if (status || !p) abort();
    uv_tcp_init(listener->loop, &p->tcp);
    p->tcp.data = p;
    p->owner = s;
    s->n_open++;
    if (uv_accept(listener, (uv_stream_t *)&p->tcp)) abort();
    uv_read_start((uv_stream_t *)&p->tcp, cloud_room, cloud_read);
}

static inline void cloud_server_open(cloud_server *s, uv_loop_t *loop, cloud_answer_fn answer, void *context) {
    struct sockaddr_in here;
    int bytes = sizeof here;
    *s = (cloud_server){.answer = answer, .context = context};
    uv_tcp_init(loop, &s->listener);
    s->listener.data = s;
    uv_ip4_addr("127.0.0.1", 0, &here);
    if (uv_tcp_bind(&s->listener, (struct sockaddr *)&here, 0)) abort();
    if (uv_listen((uv_stream_t *)&s->listener, 16, cloud_connected)) abort();
    uv_tcp_getsockname(&s->listener, (struct sockaddr *)&here, &bytes);
    s->port = ntohs(here.sin_port);
}

/* No new connection; those that are there end with their clients. */
static inline void cloud_server_close(cloud_server *s) { uv_close((uv_handle_t *)&s->listener, NULL); }

static inline void cloud_server_forget(cloud_server *s) {
    for (int i = 0; i < s->n_asked; i++) free(s->asked[i]);
    s->n_asked = 0;
}

/* The loop goes on until it is true; false when that takes longer than `most_ms`. */
static inline bool cloud_wait_until(uv_loop_t *loop, bool (*is_true)(void), int64_t most_ms) {
    int64_t deadline = monotonic_ms() + most_ms;
    while (!is_true()) {
        if (monotonic_ms() > deadline) return false;
        uv_run(loop, UV_RUN_ONCE);
    }
    return true;
}
