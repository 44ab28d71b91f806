/* Raw TCP clients of a server on the same thread: while they wait, they turn its loop. */
#pragma once
#include "base/clock.h"
#include "serve/serve.h"
#include "spec/c/tap.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

enum { DEADLINE_MS = 60000, IN_BYTES = 1 << 20 };

static uv_loop_t loop;
static serve *server;

/* ---- a client ---- */

typedef struct client {
    int fd;
    bool is_ended;
    size_t n;
    char in[IN_BYTES];
} client;

static inline client *open_client(void) {
    client *c = calloc(1, sizeof *c);
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(serve_port(server)), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(c->fd, (struct sockaddr *)&to, sizeof to) != 0) ok(false, "connect: %s", strerror(errno));
    fcntl(c->fd, F_SETFL, O_NONBLOCK);
    return c;
}

static inline void close_client(client *c) {
    close(c->fd);
    free(c);
}

static inline void take_in(client *c) {
    while (c->n < IN_BYTES - 1) {
        ssize_t count = recv(c->fd, c->in + c->n, IN_BYTES - 1 - c->n, 0);
        if (count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR)) c->is_ended = true;
        if (count <= 0) break;
        c->n += (size_t)count;
    }
    c->in[c->n] = 0;
}

/* One turn of the loop, after a look at who has something. `c` may be NULL. */
static inline void turn(client *c) {
    struct pollfd fds[2] = {{uv_backend_fd(&loop), POLLIN, 0}, {c ? c->fd : -1, POLLIN, 0}};
    poll(fds, c && !c->is_ended ? 2 : 1, 2);
    uv_run(&loop, UV_RUN_NOWAIT);
    if (c) take_in(c);
}

typedef bool (*condition_fn)(client *c, const void *what);

static inline bool wait_for(client *c, condition_fn is_true, const void *what) {
    int64_t deadline = monotonic_ms() + DEADLINE_MS;
    while (!is_true(c, what)) {
        if (monotonic_ms() > deadline) return false;
        turn(c);
    }
    return true;
}

static inline bool has_ended(client *c, const void *what) {
    (void)what;
    return c->is_ended;
}

static inline void send_bytes(client *c, const void *bytes, size_t count) {
    const char *at = bytes;
    int64_t deadline = monotonic_ms() + DEADLINE_MS;
    while (count && !c->is_ended && monotonic_ms() < deadline) {
        ssize_t sent = send(c->fd, at, count, MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN) return;
        at += sent > 0 ? sent : 0;
        count -= sent > 0 ? (size_t)sent : 0;
        if (count) turn(c);
    }
}

static inline void send_text(client *c, const char *text) { send_bytes(c, text, strlen(text)); }

/* ---- HTTP ---- */

/* The answer is whole: its headers, and as many bytes as content-length says. */
static inline bool is_answered(client *c, const void *is_head) {
    const char *end = strstr(c->in, "\r\n\r\n"), *length = strcasestr(c->in, "content-length:");
    if (!end || !length) return c->is_ended;
    size_t body = *(const bool *)is_head ? 0 : strtoul(length + 15, NULL, 10);
    return c->n >= (size_t)(end + 4 - c->in) + body;
}

static inline client *request(const char *method, const char *path, const char *extra) {
    char text[2048];
    bool is_head = strcmp(method, "HEAD") == 0;
    client *c = open_client();
    snprintf(text, sizeof text, "%s %s HTTP/1.1\r\nHost: localhost\r\n%s\r\n", method, path, extra);
    send_text(c, text);
    wait_for(c, is_answered, &is_head);
    return c;
}

static inline int status_of(const client *c) {
    int status = 0;
    return sscanf(c->in, "HTTP/1.1 %d", &status) == 1 ? status : 0;
}

static inline json_t *body_of(const client *c) {
    const char *end = strstr(c->in, "\r\n\r\n");
    return end ? json_loads(end + 4, 0, NULL) : NULL;
}

static inline bool has(const client *c, const char *text) { return strcasestr(c->in, text) != NULL; }

static inline void expect(int status, const char *method, const char *path, const char *extra, const char *fragment) {
    client *c = request(method, path, extra);
    bool is_problem = status < 400 || strcmp(path, "/health") == 0 || has(c, "application/problem+json");
    ok(status_of(c) == status && is_problem && has(c, fragment), "%s %s: %d, %s", method, path, status, fragment);
    if (status_of(c) != status) printf("# %.300s\n", c->in);
    close_client(c);
}
