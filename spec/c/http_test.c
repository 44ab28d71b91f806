/* The HTTP client against a small server on the same loop, whose answer is chosen by the path. */
#include "base/clock.h"
#include "base/http.h"
#include "spec/c/tap.h"
#include <arpa/inet.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zlib.h>

enum { DEADLINE_MS = 30000, REQUEST_BYTES = 1 << 16, CHUNK_BYTES = 1 << 16 };

/* ---- the server ---- */

typedef struct server {
    uv_loop_t *loop;
    uv_tcp_t listener;
    int port;
    int n_connections, n_open, n_requests;
    char last_request[REQUEST_BYTES];
} server;

typedef struct peer {
    uv_tcp_t tcp;
    server *owner;
    char text[REQUEST_BYTES];
    size_t bytes;
    bool is_endless;
} peer;

typedef struct writing {
    uv_write_t request;
    peer *to;
    bool closes;
    char text[];
} writing;

static char chunk[CHUNK_BYTES];

static void answer_endlessly(peer *p);

static void on_peer_closed(uv_handle_t *handle) {
    peer *p = handle->data;
    p->owner->n_open--;
    free(p);
}

static void close_peer(peer *p) {
    if (!uv_is_closing((uv_handle_t *)&p->tcp)) uv_close((uv_handle_t *)&p->tcp, on_peer_closed);
}

static void on_written(uv_write_t *request, int status) {
    writing *w = (writing *)request;
    peer *p = w->to;
    bool closes = w->closes || status < 0;
    free(w);
    if (closes)
        close_peer(p);
    else if (p->is_endless)
        answer_endlessly(p);
}

static void answer_bytes(peer *p, const void *text, size_t bytes, bool closes) {
    writing *w = malloc(sizeof *w + bytes);
    *w = (writing){.to = p, .closes = closes};
    memcpy(w->text, text, bytes);
    uv_buf_t buffer = uv_buf_init(w->text, (unsigned)bytes);
    if (uv_write(&w->request, (uv_stream_t *)&p->tcp, &buffer, 1, on_written)) abort();
}

static void answer(peer *p, const char *text) { answer_bytes(p, text, strlen(text), false); }

static void answer_endlessly(peer *p) {
    if (!uv_is_closing((uv_handle_t *)&p->tcp)) answer_bytes(p, chunk, sizeof chunk, false);
}

/* 1 MiB of zeros: about 1 KiB on the wire. */
static void answer_gzip(peer *p, size_t bytes, char fill) {
    char *plain = malloc(bytes), packed[1 << 14], head[128];
    memset(plain, fill, bytes);
    z_stream z = {
        .next_in = (Bytef *)plain, .avail_in = (uInt)bytes, .next_out = (Bytef *)packed, .avail_out = sizeof packed};
    if (deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) || deflate(&z, Z_FINISH) != Z_STREAM_END)
        abort();
    snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %lu\r\n\r\n",
             z.total_out);
    answer(p, head);
    answer_bytes(p, packed, z.total_out, false);
    deflateEnd(&z);
    free(plain);
}

static void answer_with_headers(peer *p, size_t bytes) {
    char *text = malloc(bytes + 128), *at = text;
    at += sprintf(at, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n");
    while ((size_t)(at - text) < bytes) at += sprintf(at, "X-Filler: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n");
    at += sprintf(at, "\r\n");
    answer_bytes(p, text, (size_t)(at - text), false);
    free(text);
}

static void answer_echo(peer *p) {
    const char *body = strstr(p->text, "\r\n\r\n") + 4;
    size_t bytes = p->bytes - (size_t)(body - p->text);
    char head[128];
    snprintf(head, sizeof head, "HTTP/1.1 201 Created\r\nContent-Length: %zu\r\n\r\n", bytes);
    answer(p, head);
    answer_bytes(p, body, bytes, false);
}

static void answer_by_path(peer *p) {
    const char *path = strchr(p->text, ' ') + 1;
#define IS(word) (strncmp(path, word " ", sizeof word) == 0)
    if (IS("/ok"))
        answer(p, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Weight:  17 \r\nEmpty:\r\nX-Weight: 18\r\n\r\nhello");
    else if (IS("/missing"))
        answer(p, "HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\ngone");
    else if (IS("/empty"))
        answer(p, "HTTP/1.1 204 No Content\r\n\r\n");
    else if (IS("/redirect"))
        answer(p, "HTTP/1.1 302 Found\r\nLocation: /ok\r\nContent-Length: 0\r\n\r\n");
    else if (IS("/interim"))
        answer(
            p,
            "HTTP/1.1 103 Early Hints\r\nX-Early: 1\r\n\r\nHTTP/1.1 200 OK\r\nX-Late: 2\r\nContent-Length: 0\r\n\r\n");
    else if (IS("/cut"))
        answer_bytes(p, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this", 50, true);
    else if (IS("/hangup"))
        close_peer(p);
    else if (IS("/garbage"))
        answer_bytes(p, "SSH-2.0-OpenSSH_9.2\r\n", 21, true);
    else if (IS("/half"))
        answer(p, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this");
    else if (IS("/gzip"))
        answer_gzip(p, 1 << 16, 'z');
    else if (IS("/bomb"))
        answer_gzip(p, 1 << 20, 0);
    else if (IS("/headers"))
        answer_with_headers(p, 80 * 1024);
    else if (IS("/echo"))
        answer_echo(p);
    else if (IS("/endless")) {
        p->is_endless = true;
        answer(p, "HTTP/1.1 200 OK\r\n\r\n");
    } else if (!IS("/silent"))
        abort();
#undef IS
}

static bool is_whole(const peer *p) {
    const char *end = strstr(p->text, "\r\n\r\n"), *length = strstr(p->text, "Content-Length: ");
    if (!end) return false;
    size_t body_bytes = length && length < end ? strtoul(length + 16, NULL, 10) : 0;
    return p->bytes >= (size_t)(end + 4 - p->text) + body_bytes;
}

static void allocate(uv_handle_t *handle, size_t wanted, uv_buf_t *out) {
    (void)wanted;
    peer *p = handle->data;
    *out = uv_buf_init(p->text + p->bytes, (unsigned)(sizeof p->text - 1 - p->bytes));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buffer) {
    (void)buffer;
    peer *p = stream->data;
    if (n < 0) {
        close_peer(p);
        return;
    }
    p->bytes += (size_t)n;
    p->text[p->bytes] = 0;
    if (!is_whole(p)) return;
    p->owner->n_requests++;
    memcpy(p->owner->last_request, p->text, p->bytes + 1);
    answer_by_path(p);
    p->bytes = 0;
}

static void on_connection(uv_stream_t *listener, int status) {
    if (status < 0) abort();
    server *s = listener->data;
    peer *p = calloc(1, sizeof *p);
    p->owner = s;
    uv_tcp_init(s->loop, &p->tcp);
    p->tcp.data = p;
    if (uv_accept(listener, (uv_stream_t *)&p->tcp) || uv_read_start((uv_stream_t *)&p->tcp, allocate, on_read))
        abort();
    s->n_connections++;
    s->n_open++;
}

static void server_start(server *s, uv_loop_t *loop) {
    struct sockaddr_in address;
    int bytes = sizeof address;
    *s = (server){.loop = loop};
    uv_ip4_addr("127.0.0.1", 0, &address);
    uv_tcp_init(loop, &s->listener);
    s->listener.data = s;
    if (uv_tcp_bind(&s->listener, (struct sockaddr *)&address, 0) ||
        uv_listen((uv_stream_t *)&s->listener, 16, on_connection) ||
        uv_tcp_getsockname(&s->listener, (struct sockaddr *)&address, &bytes))
        abort();
    s->port = ntohs(address.sin_port);
}

/* ---- the side under test ---- */

typedef struct world {
    uv_loop_t loop;
    server server;
    http_client *client;
    int n_pending;
    bool is_closed;
} world;

typedef struct outcome {
    world *w;
    int n_calls;
    err error;
    int status;
    char why[256], body[1 << 17], header[64];
    size_t body_bytes;
    bool has_header;
    const char *header_name;
    void (*then)(struct outcome *); /* called from on_done */
    uint64_t other;                 /* an id, for `then` */
    bool was_closed_first;
} outcome;

static void on_done(void *context, const http_response *response) {
    outcome *o = context;
    o->n_calls++;
    o->w->n_pending--;
    o->error = response->error;
    o->status = response->status;
    o->was_closed_first = o->w->is_closed;
    snprintf(o->why, sizeof o->why, "%s", response->why ? response->why : "");
    o->body_bytes = response->body_bytes;
    if (response->body_bytes < sizeof o->body) memcpy(o->body, response->body, response->body_bytes + 1);
    const char *value = o->header_name ? http_response_header(response, o->header_name) : NULL;
    o->has_header = value != NULL;
    if (value) snprintf(o->header, sizeof o->header, "%s", value);
    if (o->then) o->then(o);
}

static void on_deadline(uv_timer_t *timer) { *(bool *)timer->data = true; }

/* Turns the loop until `*counter` is `wanted`; false when the deadline comes first. */
static bool run_until(world *w, const int *counter, int wanted) {
    bool is_late = false;
    uv_timer_t timer;
    uv_timer_init(&w->loop, &timer);
    timer.data = &is_late;
    uv_timer_start(&timer, on_deadline, DEADLINE_MS, 0);
    while (*counter != wanted && !is_late) uv_run(&w->loop, UV_RUN_ONCE);
    uv_close((uv_handle_t *)&timer, NULL);
    uv_run(&w->loop, UV_RUN_NOWAIT);
    return !is_late;
}

static err send_to(world *w, outcome *o, http_request request, const char *path, uint64_t *id) {
    char url[256];
    snprintf(url, sizeof url, "http://127.0.0.1:%d%s", w->server.port, path);
    o->w = w;
    request.url = url;
    if (!request.timeout_ms) request.timeout_ms = DEADLINE_MS;
    if (!request.max_body_bytes) request.max_body_bytes = sizeof o->body - 1;
    request.on_done = on_done;
    request.context = o;
    err code = http_client_send(w->client, &request, id);
    w->n_pending += code == OK;
    return code;
}

static outcome *fetch(world *w, http_request request, const char *path, const char *header_name) {
    static outcome o;
    o = (outcome){.header_name = header_name};
    if (send_to(w, &o, request, path, NULL) || !run_until(w, &w->n_pending, 0)) o.error = -1;
    return &o;
}

static void on_closed(void *context) { ((world *)context)->is_closed = true; }

static void world_open(world *w) {
    memset(w, 0, sizeof *w);
    if (uv_loop_init(&w->loop)) abort();
    server_start(&w->server, &w->loop);
    if (http_client_new(&w->loop, "spec/1", &w->client)) abort();
}

/* Closes what is open; true when the loop then has nothing left, which is the proof that no handle was forgotten. */
static bool world_close(world *w) {
    if (w->client) http_client_close(w->client, on_closed, w);
    uv_close((uv_handle_t *)&w->server.listener, NULL);
    if (!run_until(w, &w->server.n_open, 0)) return false;
    uv_run(&w->loop, UV_RUN_DEFAULT);
    return w->is_closed && uv_loop_close(&w->loop) == 0;
}

static void test_answers(world *w) {
    outcome *o = fetch(w, (http_request){0}, "/ok", "x-WEIGHT");
    ok(o->error == OK && o->status == 200 && strcmp(o->body, "hello") == 0 && o->body_bytes == 5, "an answer");
    ok(o->has_header && strcmp(o->header, "17") == 0, "its header, by name in any case, trimmed, the first of two");
    o = fetch(w, (http_request){0}, "/ok", "empty");
    ok(o->has_header && !*o->header, "a header without a value is there");
    o = fetch(w, (http_request){0}, "/ok", "weight");
    ok(!o->has_header, "a part of a name is not a name");
    o = fetch(w, (http_request){0}, "/missing", NULL);
    ok(o->error == OK && o->status == 404 && strcmp(o->body, "gone") == 0, "404 is an answer like any other");
    o = fetch(w, (http_request){0}, "/empty", NULL);
    ok(o->error == OK && o->status == 204 && o->body_bytes == 0 && !*o->body, "an answer without a body");
    o = fetch(w, (http_request){0}, "/redirect", "location");
    ok(o->status == 302 && strcmp(o->header, "/ok") == 0, "a redirect is not followed");
    o = fetch(w, (http_request){0}, "/interim", "x-early");
    ok(o->status == 200 && !o->has_header, "headers of an interim answer are forgotten");
    o = fetch(w, (http_request){0}, "/gzip", NULL);
    ok(o->error == OK && o->body_bytes == 1 << 16 && o->body[0] == 'z' && o->body[(1 << 16) - 1] == 'z', "gzip");
    ok(w->server.n_connections == 1 && w->server.n_requests == 8, "all eight requests over one connection");
}

static void test_requests(world *w) {
    const char body[] = "{\"a\":\0 1}";
    const char *headers[] = {"Content-Type: application/json", "X-Key: secret", NULL};
    http_request request = {.method = "POST", .body = body, .body_bytes = sizeof body - 1, .headers = headers};
    outcome *o = fetch(w, request, "/echo", NULL);
    const char *sent = w->server.last_request;
    ok(o->status == 201 && o->body_bytes == sizeof body - 1 && memcmp(o->body, body, sizeof body - 1) == 0,
       "a body goes out byte by byte");
    ok(strncmp(sent, "POST /echo HTTP/1.1\r\n", 21) == 0 && strstr(sent, "\r\nX-Key: secret\r\n") &&
           strstr(sent, "\r\nContent-Type: application/json\r\n") && strstr(sent, "\r\nUser-Agent: spec/1\r\n"),
       "method, headers and user agent go out");
    ok(!strcasestr(sent, "\r\nExpect:"), "nothing waits for 100-continue");
    static const char *const methods[] = {"PATCH", "PUT", "DELETE", "GET", "POST"};
    bool all = true;
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        o = fetch(w, (http_request){.method = methods[i]}, "/ok", NULL);
        all = all && o->status == 200 && strncmp(sent, methods[i], strlen(methods[i])) == 0;
    }
    ok(all, "methods go out without a body, too");
    o = fetch(w, (http_request){.method = "HEAD"}, "/empty", NULL);
    ok(o->error == OK && strncmp(sent, "HEAD ", 5) == 0, "HEAD");
}

static void test_refusals(world *w) {
    static outcome o;
    const char *smuggled[] = {"X-A: 1\r\nX-B: 2", NULL};
    int n_before = w->server.n_requests;
    ok(send_to(w, &o, (http_request){.headers = smuggled}, "/ok", NULL) == ERR_INVALID &&
           send_to(w, &o, (http_request){0}, "/ok HTTP/1.1\r\nX: 1", NULL) == ERR_INVALID &&
           send_to(w, &o, (http_request){.method = "GET /ok"}, "/ok", NULL) == ERR_INVALID,
       "line breaks and blanks cannot smuggle anything into the head");
    ok(send_to(w, &o, (http_request){.timeout_ms = -1}, "/ok", NULL) == ERR_INVALID, "no request without a deadline");
    http_request request = {.on_done = on_done, .context = &o, .timeout_ms = 1000, .max_body_bytes = 1};
    static const char *const urls[] = {"file:///etc/passwd", "ftp://127.0.0.1/", "127.0.0.1", "", "gopher://x"};
    bool all = true;
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
        request.url = urls[i];
        all = all && http_client_send(w->client, &request, NULL) == ERR_INVALID;
    }
    ok(all && o.n_calls == 0 && w->server.n_requests == n_before, "nothing but http and https");
}

static void test_limits(world *w) {
    outcome *o = fetch(w, (http_request){.timeout_ms = 50}, "/silent", NULL);
    ok(o->error == ERR_TIMEOUT && o->status == 0 && *o->why, "a server that says nothing: deadline (%s)", o->why);
    o = fetch(w, (http_request){.timeout_ms = 50}, "/half", NULL);
    ok(o->error == ERR_TIMEOUT && !*o->body && o->body_bytes == 0, "one that stops in the body: deadline, no body");
    o = fetch(w, (http_request){.max_body_bytes = 100000}, "/endless", NULL);
    ok(o->error == ERR_TOO_BIG && o->body_bytes == 0, "a body without end: %s", o->why);
    o = fetch(w, (http_request){.max_body_bytes = 4}, "/ok", NULL);
    ok(o->error == ERR_TOO_BIG, "one byte over the ceiling");
    o = fetch(w, (http_request){.max_body_bytes = 5}, "/ok", NULL);
    ok(o->error == OK && o->body_bytes == 5, "exactly the ceiling");
    o = fetch(w, (http_request){.max_body_bytes = 1 << 16}, "/bomb", NULL);
    ok(o->error == ERR_TOO_BIG, "the ceiling holds after decompression");
    o = fetch(w, (http_request){0}, "/headers", NULL);
    ok(o->error == ERR_TOO_BIG, "headers have a ceiling: %s", o->why);
}

static void test_failures(world *w) {
    outcome *o = fetch(w, (http_request){0}, "/cut", NULL);
    ok(o->error == ERR_NETWORK && o->body_bytes == 0, "closed in the body: %s", o->why);
    o = fetch(w, (http_request){0}, "/hangup", NULL);
    ok(o->error == ERR_NETWORK && o->status == 0, "closed before an answer: %s", o->why);
    o = fetch(w, (http_request){0}, "/garbage", NULL);
    ok(o->error == ERR_NETWORK, "no HTTP: %s", o->why);
    o = fetch(w, (http_request){0}, "/ok", NULL);
    ok(o->error == OK, "after all that the client still works");
}

static void test_cancel(world *w) {
    static outcome a, b;
    uint64_t id_a = 0, id_b = 0;
    a = b = (outcome){0};
    int n_before = w->server.n_requests;
    if (send_to(w, &a, (http_request){0}, "/silent", &id_a) || send_to(w, &b, (http_request){0}, "/ok", &id_b)) abort();
    ok(id_a && id_b && id_a != id_b, "ids differ and are not 0");
    http_client_cancel(w->client, id_a);
    http_client_cancel(w->client, id_a);
    http_client_cancel(w->client, 1234567);
    ok(a.n_calls == 0, "no callback from inside cancel");
    run_until(w, &w->n_pending, 0);
    ok(a.n_calls == 1 && a.error == ERR_CANCELLED && b.error == OK && b.n_calls == 1,
       "cancelled before it was sent; its neighbour is not touched");
    http_client_cancel(w->client, id_b);
    a = (outcome){0};
    n_before = w->server.n_requests;
    if (send_to(w, &a, (http_request){0}, "/silent", &id_a)) abort();
    bool was_asked = run_until(w, &w->server.n_requests, n_before + 1);
    http_client_cancel(w->client, id_a);
    run_until(w, &w->n_pending, 0);
    ok(was_asked && a.n_calls == 1 && a.error == ERR_CANCELLED, "cancelled while the server works");
}

static void cancel_other(outcome *o) { http_client_cancel(o->w->client, o->other); }

static void send_again(outcome *o) {
    o->then = NULL;
    if (send_to(o->w, o, (http_request){0}, "/missing", NULL)) abort();
}

static void test_reentry(world *w) {
    static outcome a, b;
    a = (outcome){.then = cancel_other};
    b = (outcome){0};
    if (send_to(w, &b, (http_request){0}, "/silent", &a.other) || send_to(w, &a, (http_request){0}, "/ok", NULL))
        abort();
    run_until(w, &w->n_pending, 0);
    ok(a.error == OK && b.error == ERR_CANCELLED && b.n_calls == 1, "a callback may cancel another request");
    a = (outcome){.then = send_again};
    if (send_to(w, &a, (http_request){0}, "/ok", NULL)) abort();
    run_until(w, &w->n_pending, 0);
    ok(a.n_calls == 2 && a.status == 404, "a callback may send");
}

static void close_client(outcome *o) {
    http_client_close(o->w->client, on_closed, o->w);
    o->w->client = NULL;
}

static void try_to_send(outcome *o) {
    static outcome refused;
    http_request request = {
        .url = "http://127.0.0.1/", .timeout_ms = 1, .max_body_bytes = 1, .on_done = on_done, .context = &refused};
    o->other = (uint64_t)http_client_send((http_client *)(uintptr_t)o->other, &request, NULL);
}

static void test_close(void) {
    static world w;
    static outcome o[3];
    world_open(&w);
    memset(o, 0, sizeof o);
    for (int i = 0; i < 3; i++)
        if (send_to(&w, &o[i], (http_request){0}, "/silent", NULL)) abort();
    o[0].then = try_to_send;
    o[0].other = (uintptr_t)w.client;
    bool all = run_until(&w, &w.server.n_requests, 3);
    bool is_clean = world_close(&w);

    for (int i = 0; i < 3; i++) all = all && o[i].n_calls == 1 && o[i].error == ERR_CANCELLED && !o[i].was_closed_first;
    ok(all, "close cancels what is under way, each once, before on_closed");
    ok(o[0].other == ERR_CLOSED, "a client that closes takes no more");
    ok(is_clean, "and leaves no handle on the loop");
}

static void test_close_inside(void) {
    static world w;
    static outcome a, b;
    world_open(&w);
    a = (outcome){.then = close_client};
    b = (outcome){0};
    if (send_to(&w, &b, (http_request){0}, "/silent", NULL) || send_to(&w, &a, (http_request){0}, "/ok", NULL)) abort();
    run_until(&w, &w.n_pending, 0);
    ok(a.error == OK && b.error == ERR_CANCELLED && b.n_calls == 1 && world_close(&w), "close from inside a callback");
    world_open(&w);
    ok(world_close(&w), "close of a client that was never used");
}

static void test_refused(void) {
    static world w;
    world_open(&w);
    int fd = socket(AF_INET, SOCK_STREAM, 0); /* bound, not listening: refuses */
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t bytes = sizeof address;
    if (bind(fd, (struct sockaddr *)&address, bytes) || getsockname(fd, (struct sockaddr *)&address, &bytes)) abort();
    int port = w.server.port;
    w.server.port = ntohs(address.sin_port);
    outcome *o = fetch(&w, (http_request){0}, "/ok", NULL);
    ok(o->error == ERR_NETWORK && o->status == 0, "nobody listens: %s", o->why);
    w.server.port = port;
    close(fd);
    ok(world_close(&w), "closed");
}

/* ---- certificates ---- */

static SSL_CTX *self_signed(void) {
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    X509 *certificate = X509_new();
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    X509_set_pubkey(certificate, key);
    X509_NAME *name = X509_get_subject_name(certificate);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"127.0.0.1", -1, -1, 0);
    X509_set_issuer_name(certificate, name);
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    if (!X509_sign(certificate, key, EVP_sha256()) || !SSL_CTX_use_certificate(context, certificate) ||
        !SSL_CTX_use_PrivateKey(context, key))
        abort();
    X509_free(certificate);
    EVP_PKEY_free(key);
    return context;
}

typedef struct tls_server {
    int fd;
    bool got_request;
} tls_server;

/* One connection: was anything said to a server whose certificate nobody signed? */
static void *serve_tls(void *argument) {
    tls_server *s = argument;
    SSL_CTX *context = self_signed();
    SSL *tls = SSL_new(context);
    char text[64];
    int fd = accept(s->fd, NULL, NULL);
    SSL_set_fd(tls, fd);
    s->got_request = SSL_accept(tls) == 1 && SSL_read(tls, text, sizeof text) > 0;
    SSL_free(tls);
    SSL_CTX_free(context);
    close(fd);
    return NULL;
}

static void test_certificate(void) {
    static world w;
    static outcome o;
    tls_server s = {.fd = socket(AF_INET, SOCK_STREAM, 0)};
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t bytes = sizeof address;
    if (bind(s.fd, (struct sockaddr *)&address, bytes) || listen(s.fd, 1) ||
        getsockname(s.fd, (struct sockaddr *)&address, &bytes))
        abort();
    pthread_t thread;
    pthread_create(&thread, NULL, serve_tls, &s);
    world_open(&w);
    char url[64];
    snprintf(url, sizeof url, "https://127.0.0.1:%d/", ntohs(address.sin_port));
    o = (outcome){.w = &w};
    http_request request = {
        .url = url, .timeout_ms = DEADLINE_MS, .max_body_bytes = 1, .on_done = on_done, .context = &o};
    w.n_pending = 1;
    if (http_client_send(w.client, &request, NULL) || !run_until(&w, &w.n_pending, 0)) abort();
    pthread_join(thread, NULL);
    ok(o.error == ERR_NETWORK && !s.got_request, "a certificate that nobody signed is refused: %s", o.why);
    close(s.fd);
    ok(world_close(&w), "closed");
}

int main(void) {
    static world w;
    signal(SIGPIPE, SIG_IGN); /* as the daemon, which blocks it */
    unsetenv("http_proxy");
    unsetenv("https_proxy");
    unsetenv("all_proxy");
    unsetenv("HTTPS_PROXY");
    unsetenv("ALL_PROXY");
    world_open(&w);
    test_answers(&w);
    test_requests(&w);
    test_refusals(&w);
    test_limits(&w);
    test_failures(&w);
    test_cancel(&w);
    test_reentry(&w);
    ok(world_close(&w), "closed, and no handle is left on the loop");
    test_close();
    test_close_inside();
    test_refused();
    test_certificate();
    return done();
}
