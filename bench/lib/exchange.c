/* See exchange.h. */
#include "bench/lib/exchange.h"
#include "base/clock.h"
#include "bench/lib/data.h"
#include <arpa/inet.h>
#include <errno.h>
#include <jansson.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { N_USED = 4, CONNECTIONS = 16, READ_BYTES = 1 << 16, SEND_BYTES = 4 << 20, START_MS = 5000 };
static const int32_t used[N_USED] = {INTERVAL_1H, INTERVAL_15M, INTERVAL_5M, INTERVAL_1M}; /* slowest first */

typedef struct text {
    char *at;
    size_t bytes, capacity;
} text;

typedef struct series {
    data_stream stream;
    kline *bars; /* closed ones, and the next one */
    int32_t count;
    bool is_subscribed;
} series;

typedef struct connection {
    int fd;
    bool is_stream;
    text in;
} connection;

struct exchange {
    int32_t n_symbols, capacity;
    int listener;
    int64_t now_ms;
    series *series; /* [symbol * N_USED + interval] */
    connection connections[CONNECTIONS];
    int n_connections;
    text frames, body, names;
};

static void die(const char *what) {
    fprintf(stderr, "exchange: %s\n", what);
    exit(1);
}

static void *allocate(size_t n, size_t bytes) {
    void *p = calloc(n, bytes);
    if (!p) die("out of memory");
    return p;
}

/* ---- text ---- */

static void reserve(text *t, size_t more) {
    if (t->bytes + more <= t->capacity) return;
    t->capacity = 2 * (t->bytes + more);
    t->at = realloc(t->at, t->capacity);
    if (!t->at) die("out of memory");
}

static void add_bytes(text *t, const void *at, size_t bytes) {
    reserve(t, bytes + 1);
    memcpy(t->at + t->bytes, at, bytes);
    t->bytes += bytes;
    t->at[t->bytes] = 0;
}

__attribute__((format(printf, 2, 3))) static void add(text *t, const char *format, ...) {
    va_list args;
    char line[1024];
    int n;
    va_start(args, format);
    n = vsnprintf(line, sizeof line, format, args);
    va_end(args);
    if (n < 0 || n >= (int)sizeof line) die("a line is too long");
    add_bytes(t, line, (size_t)n);
}

static void drop(text *t, size_t bytes) {
    memmove(t->at, t->at + bytes, t->bytes - bytes + 1);
    t->bytes -= bytes;
}

static void send_all(int fd, const char *at, size_t bytes) {
    while (bytes > 0) {
        ssize_t n = write(fd, at, bytes);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) die("a connection has broken");
        at += n;
        bytes -= (size_t)n;
    }
}

/* ---- market ---- */

static series *series_of(const exchange *e, int32_t symbol, int32_t u) { return &e->series[symbol * N_USED + u]; }

static bool has_closed(const exchange *e, const series *s, int32_t u) {
    return interval_next(used[u], s->bars[s->count].open_ms) <= e->now_ms;
}

static void step(exchange *e, series *s) {
    if (++s->count == e->capacity) die("more minutes than there is room for");
    data_stream_next(&s->stream, &s->bars[s->count]);
}

static void make_market(exchange *e, int32_t n_bars) {
    e->series = allocate((size_t)e->n_symbols * N_USED, sizeof *e->series);
    for (int32_t symbol = 0; symbol < e->n_symbols; symbol++) {
        add(&e->names, "%sSYM%03dUSDT", symbol ? "," : "", symbol);
        for (int32_t u = 0; u < N_USED; u++) {
            series *s = series_of(e, symbol, u);
            s->bars = allocate((size_t)e->capacity, sizeof *s->bars);
            data_stream_init(&s->stream, symbol, used[u], n_bars);
            data_stream_next(&s->stream, &s->bars[0]);
            while (has_closed(e, s, u)) step(e, s);
        }
    }
}

static void add_kline(text *out, int32_t symbol, int32_t u, const kline *bar, int64_t event_ms) {
    const char *interval = interval_name(used[u]);
    add(out,
        "{\"stream\":\"sym%03dusdt@kline_%s\",\"data\":{\"e\":\"kline\",\"E\":%lld,\"s\":\"SYM%03dUSDT\",\"k\":{\"t\":%"
        "lld,"
        "\"T\":%lld,\"s\":\"SYM%03dUSDT\",\"i\":\"%s\",\"f\":100,\"L\":200,\"o\":\"%.8f\",\"c\":\"%.8f\",\"h\":\"%."
        "8f\","
        "\"l\":\"%.8f\",\"v\":\"%.8f\",\"n\":%d,\"x\":true,\"q\":\"%.8f\",\"V\":\"%.8f\",\"Q\":\"%.8f\",\"B\":\"0\"}}}",
        symbol, interval, (long long)event_ms, symbol, (long long)bar->open_ms,
        (long long)interval_next(used[u], bar->open_ms) - 1, symbol, interval, bar->open, bar->close, bar->high,
        bar->low, bar->volume, (int)bar->trades, bar->quote_volume, bar->taker_base, bar->taker_quote);
}

/* ---- REST ---- */

static void respond(const connection *c, const text *body) {
    text head = {0};
    add(&head, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n", body->bytes);
    send_all(c->fd, head.at, head.bytes);
    send_all(c->fd, body->at, body->bytes);
    free(head.at);
}

static int64_t read_argument(const char *path, const char *name, int64_t fallback) {
    const char *at = strstr(path, name);
    return at ? strtoll(at + strlen(name), NULL, 10) : fallback;
}

static void write_klines(exchange *e, const char *path) {
    const char *symbol = strstr(path, "symbol=SYM"), *interval = strstr(path, "interval=");
    int64_t start_ms = read_argument(path, "startTime=", 0), end_ms = read_argument(path, "endTime=", INT64_MAX);
    int64_t limit = read_argument(path, "limit=", 500);
    const series *s = NULL;
    const char *comma = "";
    for (int32_t u = 0; symbol && interval && u < N_USED; u++)
        if (interval_parse(interval + 9, strcspn(interval + 9, "& ")) == used[u])
            s = series_of(e, (int32_t)strtol(symbol + 10, NULL, 10), u);
    if (!s) die("asked for klines of what is not here");
    add(&e->body, "[");
    for (int32_t i = 0; i <= s->count && limit > 0; i++) {
        const kline *bar = &s->bars[i];
        if (bar->open_ms < start_ms || bar->open_ms > end_ms) continue;
        add(&e->body, "%s[%lld,\"%.8f\",\"%.8f\",\"%.8f\",\"%.8f\",\"%.8f\",%lld,\"%.8f\",%d,\"%.8f\",\"%.8f\",\"0\"]",
            comma, (long long)bar->open_ms, bar->open, bar->high, bar->low, bar->close, bar->volume,
            (long long)interval_next(s->stream.interval, bar->open_ms) - 1, bar->quote_volume, (int)bar->trades,
            bar->taker_base, bar->taker_quote);
        comma = ",";
        limit--;
    }
    add(&e->body, "]");
}

static void write_symbols(exchange *e) {
    add(&e->body, "{\"timezone\":\"UTC\",\"serverTime\":%lld,\"rateLimits\":[],\"exchangeFilters\":[],\"symbols\":[",
        (long long)e->now_ms + START_MS);
    for (int32_t s = 0; s < e->n_symbols; s++)
        add(&e->body,
            "%s{\"symbol\":\"SYM%03dUSDT\",\"status\":\"TRADING\",\"baseAsset\":\"SYM%03d\",\"quoteAsset\":\"USDT\","
            "\"filters\":["
            "{\"filterType\":\"PRICE_FILTER\",\"minPrice\":\"0.01\",\"maxPrice\":\"1000000\",\"tickSize\":\"0.01\"},"
            "{\"filterType\":\"LOT_SIZE\",\"minQty\":\"0.01\",\"maxQty\":\"1000000\",\"stepSize\":\"0.01\"}]}",
            s ? "," : "", s, s);
    add(&e->body, "]}");
}

static void answer(exchange *e, connection *c, const char *path) {
    e->body.bytes = 0;
    if (strncmp(path, "/api/v3/time", 12) == 0)
        add(&e->body, "{\"serverTime\":%lld}", (long long)e->now_ms + START_MS);
    else if (strncmp(path, "/api/v3/klines?", 15) == 0)
        write_klines(e, path);
    else if (strncmp(path, "/api/v3/exchangeInfo", 20) == 0)
        write_symbols(e);
    else
        die("asked for what it does not have");
    respond(c, &e->body);
}

/* ---- WebSocket ---- */

static void add_frame(text *out, const char *payload, size_t bytes) {
    unsigned char head[10] = {0x81, (unsigned char)bytes};
    size_t n = 2;
    if (bytes > 125) {
        head[1] = 126, head[2] = (unsigned char)(bytes >> 8), head[3] = (unsigned char)bytes;
        n = 4;
    }
    if (bytes > 65535) die("a message is too long");
    add_bytes(out, head, n);
    add_bytes(out, payload, bytes);
}

static void upgrade(connection *c, const char *key) {
    char salted[128];
    unsigned char hash[SHA_DIGEST_LENGTH], accept[64];
    text head = {0};
    snprintf(salted, sizeof salted, "%.*s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", (int)strcspn(key, "\r"), key);
    SHA1((unsigned char *)salted, strlen(salted), hash);
    EVP_EncodeBlock(accept, hash, sizeof hash);
    add(&head,
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "
        "%s\r\n\r\n",
        accept);
    send_all(c->fd, head.at, head.bytes);
    free(head.at);
    c->is_stream = true;
}

static void subscribe(exchange *e, const char *name) {
    const char *interval = strstr(name, "@kline_");
    int32_t symbol = strncmp(name, "sym", 3) == 0 ? (int32_t)strtol(name + 3, NULL, 10) : -1;
    for (int32_t u = 0; interval && symbol >= 0 && symbol < e->n_symbols && u < N_USED; u++)
        if (strcmp(interval + 7, interval_name(used[u])) == 0) {
            series_of(e, symbol, u)->is_subscribed = true;
            return;
        }
    die("a subscription to what it does not have");
}

/* {"method":"SUBSCRIBE","params":[..],"id":N} */
static void take_command(exchange *e, const connection *c, const char *payload, size_t bytes) {
    json_t *root = json_loadb(payload, bytes, 0, NULL), *name;
    const char *method = json_string_value(json_object_get(root, "method"));
    text reply = {0}, frame = {0};
    size_t i;
    if (!method || strcmp(method, "SUBSCRIBE") != 0) die("a command that it does not know");
    json_array_foreach(json_object_get(root, "params"), i, name) subscribe(e, json_string_value(name));
    add(&reply, "{\"result\":null,\"id\":%lld}", (long long)json_integer_value(json_object_get(root, "id")));
    add_frame(&frame, reply.at, reply.bytes);
    send_all(c->fd, frame.at, frame.bytes);
    free(reply.at);
    free(frame.at);
    json_decref(root);
}

/* One whole frame at the start of what has come in, and it is dropped; false when there is none. */
static bool take_frame(exchange *e, connection *c) {
    unsigned char *at = (unsigned char *)c->in.at;
    size_t n = c->in.bytes, head, bytes;
    if (n < 6) return false;
    bytes = at[1] & 127;
    head = bytes == 126 ? 8 : 6;
    if (bytes == 127) die("a command is too long");
    if (n < head) return false;
    if (bytes == 126) bytes = (size_t)at[2] << 8 | at[3];
    if (n < head + bytes) return false;
    for (size_t i = 0; i < bytes; i++) at[head + i] ^= at[head - 4 + (i & 3)];
    if ((at[0] & 15) == 1) take_command(e, c, (char *)at + head, bytes);
    drop(&c->in, head + bytes);
    return true;
}

/* One whole request, likewise. */
static bool take_request(exchange *e, connection *c) {
    char *end = c->in.bytes ? strstr(c->in.at, "\r\n\r\n") : NULL, *key;
    if (!end) return false;
    if (strncmp(c->in.at, "GET ", 4) != 0) die("expected a GET");
    *end = 0;
    key = strcasestr(c->in.at, "Sec-WebSocket-Key: ");
    if (key) {
        upgrade(c, key + strlen("Sec-WebSocket-Key: "));
    } else {
        c->in.at[4 + strcspn(c->in.at + 4, " ")] = 0;
        answer(e, c, c->in.at + 4);
    }
    drop(&c->in, (size_t)(end - c->in.at) + 4);
    return true;
}

/* ---- sockets ---- */

static void close_connection(exchange *e, int i) {
    connection *c = &e->connections[i];
    close(c->fd);
    free(c->in.at);
    *c = e->connections[--e->n_connections];
}

static void greet(exchange *e) {
    int fd = accept(e->listener, NULL, NULL), send_bytes = SEND_BYTES, yes = 1;
    if (fd < 0 || e->n_connections == CONNECTIONS) die("no further connection");
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &send_bytes, sizeof send_bytes);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    e->connections[e->n_connections++] = (connection){.fd = fd};
}

/* False: it has gone. */
static bool receive(exchange *e, connection *c) {
    ssize_t n;
    reserve(&c->in, READ_BYTES + 1);
    n = read(c->fd, c->in.at + c->in.bytes, READ_BYTES);
    if (n <= 0) return false;
    c->in.bytes += (size_t)n;
    c->in.at[c->in.bytes] = 0;
    while (c->is_stream ? take_frame(e, c) : take_request(e, c)) continue;
    return true;
}

bool exchange_serve(exchange *e, int fd, int timeout_ms) {
    int64_t end_ms = monotonic_ms() + timeout_ms;
    for (;;) {
        struct pollfd polled[CONNECTIONS + 2] = {{.fd = fd, .events = POLLIN}, {.fd = e->listener, .events = POLLIN}};
        int64_t left_ms = end_ms - monotonic_ms();
        int n = e->n_connections;
        for (int i = 0; i < n; i++) polled[i + 2] = (struct pollfd){.fd = e->connections[i].fd, .events = POLLIN};
        if (poll(polled, (nfds_t)n + 2, left_ms > 0 ? (int)left_ms : 0) < 0 && errno != EINTR) die("poll failed");
        for (int i = n - 1; i >= 0; i--)
            if (polled[i + 2].revents && !receive(e, &e->connections[i])) close_connection(e, i);
        if (polled[1].revents) greet(e);
        if (polled[0].revents) return true;
        if (left_ms <= 0) return false;
    }
}

static void listen_here(exchange *e) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    e->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (e->listener < 0 || bind(e->listener, (struct sockaddr *)&address, sizeof address) != 0 ||
        listen(e->listener, CONNECTIONS) != 0)
        die("cannot listen");
}

exchange *exchange_new(int32_t n_symbols, int32_t n_bars) {
    exchange *e = allocate(1, sizeof *e);
    e->n_symbols = n_symbols;
    e->capacity = n_bars + 1000;
    e->now_ms = DATA_END_MS + interval_ms(INTERVAL_1M);
    make_market(e, n_bars);
    listen_here(e);
    return e;
}

void exchange_free(exchange *e) {
    while (e->n_connections) close_connection(e, 0);
    close(e->listener);
    for (int32_t i = 0; i < e->n_symbols * N_USED; i++) free(e->series[i].bars);
    free(e->series);
    free(e->frames.at);
    free(e->body.at);
    free(e->names.at);
    free(e);
}

int exchange_port(const exchange *e) {
    struct sockaddr_in address = {0};
    socklen_t bytes = sizeof address;
    if (getsockname(e->listener, (struct sockaddr *)&address, &bytes) != 0) die("it has no port");
    return ntohs(address.sin_port);
}

const char *exchange_names(const exchange *e) { return e->names.at; }

int32_t exchange_subscriptions(const exchange *e) {
    int32_t n = 0;
    for (int32_t i = 0; i < e->n_symbols * N_USED; i++) n += e->series[i].is_subscribed;
    return n;
}

int64_t exchange_prepare(exchange *e) {
    text frame = {0};
    e->now_ms += interval_ms(INTERVAL_1M);
    e->frames.bytes = 0;
    for (int32_t symbol = 0; symbol < e->n_symbols; symbol++)
        for (int32_t u = 0; u < N_USED; u++) {
            series *s = series_of(e, symbol, u);
            if (!has_closed(e, s, u)) continue;
            if (s->is_subscribed) {
                frame.bytes = 0;
                add_kline(&frame, symbol, u, &s->bars[s->count], e->now_ms);
                add_frame(&e->frames, frame.at, frame.bytes);
            }
            step(e, s);
        }
    free(frame.at);
    return e->now_ms - interval_ms(INTERVAL_1M);
}

int64_t exchange_close(exchange *e) {
    const connection *stream = NULL;
    int64_t began_ns;
    for (int i = 0; i < e->n_connections; i++)
        if (e->connections[i].is_stream) {
            if (stream) die("more than one stream is open");
            stream = &e->connections[i];
        }
    if (!stream || e->frames.bytes == 0) die("nobody has subscribed");
    began_ns = monotonic_ns();
    send_all(stream->fd, e->frames.at, e->frames.bytes);
    return began_ns;
}
