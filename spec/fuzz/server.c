/* The whole server on a real port: what a peer sends over TCP, in two writes. The first byte chooses what stands before the
 * rest: nothing (a raw peer), a request with the token (what follows is a body or the next request), or a granted upgrade (what
 * follows are frames), or one where each further byte sequence up to a zero is a masked text frame (messages).
 * Whatever it is: the server ends the connection or goes on, and then answers /health. */
#include "base/clock.h"
#include "base/log.h"
#include "serve/serve.h"
#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

#define TOKEN "tm_0123456789012345678901234567890123456789012"
#define BEARER "Authorization: Bearer " TOKEN "\r\n"
#define POST "POST /api/v1/screener/workers HTTP/1.1\r\nHost: a\r\n" BEARER "Content-Length: 13\r\n\r\n"
#define UPGRADE \
    "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" \
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" BEARER "\r\n"

enum { MOST_BYTES = 1 << 16, TURNS_MS = 2000 };

static uv_loop_t loop;
static serve *server;

static void require(bool holds) {
    if (!holds) abort();
}

static void on_status(void *context, serve_status *out) {
    (void)context;
    *out = (serve_status){.status = "running", .cpus = 1, .uptime_ms = 1};
}

static size_t on_health(void *context, health_component *out) {
    (void)context;
    out[0] = (health_component){"storage", HEALTH_OK, true};
    return 1;
}

static bool on_ready(void *context, diag *why) {
    (void)context, (void)why;
    return true;
}

static err on_workers(void *context, int32_t n, diag *why) {
    (void)context, (void)n, (void)why;
    return OK;
}

static err on_query(void *context, const signal_filter *filter, storage_signals_fn on_rows, void *rows_context) {
    (void)context, (void)filter, (void)on_rows, (void)rows_context;
    return ERR_CLOSED;
}

static err on_query_errors(void *context, const trader_error_filter *filter, storage_errors_fn on_rows,
                           void *rows_context) {
    (void)context, (void)filter, (void)on_rows, (void)rows_context;
    return ERR_CLOSED;
}

static err on_change(void *context, const char *key, const char *json, diag *why) {
    (void)context, (void)json;
    return diag_set(why, ERR_NOT_FOUND, "no trader %s", key);
}

static void open_server(void) {
    diag why;
    serve_config config = {.host = "127.0.0.1", .token = TOKEN, .machine_id = "m"};
    serve_providers providers = {.status = on_status,
                                 .health = on_health,
                                 .ready = on_ready,
                                 .query_signals = on_query,
                                 .query_trader_errors = on_query_errors,
                                 .set_workers = on_workers,
                                 .change_trader = on_change};
    signal(SIGPIPE, SIG_IGN);
    log_init(LOG_OFF, LOG_HUMAN);
    uv_loop_init(&loop);
    require(serve_start(&loop, &config, &providers, &server, &why) == OK);
}

static int dial(void) {
    struct linger reset = {1, 0}; /* thousands of connections must not leave as many ports waiting */
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(serve_port(server)), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    require(fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof to) == 0);
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    return fd;
}

/* Turns the loop until nothing happens any more for a moment, or the peer has what it waits for; false: it was cut off. */
static bool turn(int fd, const char *awaited) {
    char in[8192];
    bool is_there = false;
    int64_t end = monotonic_ms() + TURNS_MS;
    for (int idle = 0; idle < 3 && monotonic_ms() < end && !(awaited && is_there);) {
        struct pollfd fds[2] = {{uv_backend_fd(&loop), POLLIN, 0}, {fd, POLLIN, 0}};
        int n = poll(fds, 2, awaited ? 20 : 0);
        uv_run(&loop, UV_RUN_NOWAIT);
        ssize_t got = recv(fd, in, sizeof in - 1, 0);
        if (got == 0) return false;
        if (got > 0) {
            in[got] = 0;
            is_there |= awaited && strstr(in, awaited);
        }
        idle = n > 0 || got > 0 || awaited ? 0 : idle + 1;
    }
    return !awaited || is_there;
}

static void put(int fd, const void *data, size_t bytes) {
    if (bytes) (void)!send(fd, data, bytes, MSG_NOSIGNAL);
}

static void put_messages(int fd, const uint8_t *data, size_t bytes) {
    for (size_t at = 0; at < bytes;) {
        const uint8_t *zero = memchr(data + at, 0, bytes - at);
        size_t n = zero ? (size_t)(zero - data) - at : bytes - at;
        uint8_t head[8] = {0x81, (uint8_t)(0x80 | (n < 126 ? n : 126)), (uint8_t)(n >> 8), (uint8_t)n};
        if (n < 126) head[2] = head[3] = 0; /* the mask is zero */
        put(fd, head, n < 126 ? 6 : 8);
        put(fd, data + at, n);
        at += n + 1;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes) {
    if (!server) open_server();
    if (bytes == 0 || bytes > MOST_BYTES) return 0;
    int fd = dial(), kind = data[0] % 4;
    data++, bytes--;
    if (kind == 1) put(fd, POST, sizeof POST - 1);
    if (kind >= 2) {
        put(fd, UPGRADE, sizeof UPGRADE - 1);
        require(turn(fd, "101 Switching Protocols"));
    }
    if (kind == 3) {
        put_messages(fd, data, bytes);
    } else {
        put(fd, data, bytes / 2);
        (void)turn(fd, NULL);
        put(fd, data + bytes / 2, bytes - bytes / 2);
    }
    shutdown(fd, SHUT_WR);
    (void)turn(fd, NULL);
    close(fd);
    fd = dial();
    put(fd, "GET /health HTTP/1.1\r\nHost: a\r\n\r\n", 33);
    require(turn(fd, "healthy"));
    close(fd);
    (void)turn(-1, NULL);
    return 0;
}
