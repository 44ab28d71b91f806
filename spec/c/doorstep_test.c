/* Connections before and at their first request, on a real port: halves, pieces, what is no request, crowds, and where a
 * client comes from behind a proxy. */
#include "base/log.h"
#include "spec/c/clients.h"
#include <signal.h>

enum { PATIENCE_MS = 400, PER_ADDRESS = 3, CROWD = 300, VISITORS = 100, INSIDE = 96, PER_MINUTE = 6 };

static json_t *counters;

static void on_status(void *context, serve_status *out) {
    (void)context;
    *out = (serve_status){.status = "running", .cpus = 2, .uptime_ms = 12345};
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

static int64_t counted(const char *name) {
    json_writer w;
    json_writer_init(&w);
    serve_write_counters(server, &w);
    json_decref(counters);
    counters = json_loads(json_writer_text(&w), 0, NULL);
    json_writer_deinit(&w);
    const json_t *value = json_object_get(counters, name);
    if (!json_is_integer(value)) ok(false, "%s is counted", name);
    return json_integer_value(value);
}

static void open_server(bool is_behind_proxy, int64_t requests_per_minute) {
    diag why = {""};
    serve_config config = {.host = "127.0.0.1",
                           .token = "tm_0123456789012345678901234567890123456789012",
                           .auth_timeout_ms = 500,
                           .head_timeout_ms = PATIENCE_MS,
                           .max_per_address = PER_ADDRESS,
                           .max_visitors = VISITORS,
                           .requests_per_minute = requests_per_minute,
                           .is_behind_proxy = is_behind_proxy};
    serve_providers providers = {.status = on_status, .health = on_health, .ready = on_ready};
    ok(serve_start(&loop, &config, &providers, &server, &why) == OK, "a server starts %s", why.text);
}

static bool is_over(client *c, const void *what) {
    (void)c;
    return *(const bool *)what;
}

static void set(void *context) { *(bool *)context = true; }

static void close_server(void) {
    bool is_closed = false;
    serve_close(server, set, &is_closed);
    ok(wait_for(NULL, is_over, &is_closed), "and closes");
}

static void ends_with(const char *text, int status, const char *counter, const char *what) {
    int64_t before = counted(counter);
    client *c = open_client();
    send_text(c, text);
    wait_for(c, has_ended, NULL);
    ok(c->is_ended && status_of(c) == status && counted(counter) == before + 1, "%s: %d, and counted", what, status);
    ok(status == 0 || (has(c, "application/problem+json") && has(c, "content-security-policy: default-src 'none'") &&
                       has(c, "x-content-type-options: nosniff") && has(c, "x-frame-options: DENY") &&
                       has(c, "connection: close")),
       "with the headers of every answer");
    close_client(c);
}

static void halves(void) {
    ends_with("GET / HTTP/1.1\r\nHost: a\r\nX-Half", 408, "lateHeads", "half a head");
    ends_with("", 0, "lateHeads", "silence");
    ends_with("GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400, "badHeads", "a malformed Host");
    ends_with("GET /%00 HTTP/1.1\r\nHost: a\r\n\r\n", 400, "badHeads", "a malformed path");
    ends_with("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, "badHeads", "HTTP/2");
    ends_with("\x16\x03\x01\x02\x01\xfc\x03\x03", 400, "badHeads", "TLS");
    ends_with("SSH-2.0-x\r\n", 400, "badHeads", "SSH");
    int64_t before = counted("goneBeforeRequest");
    client *c = open_client();
    send_text(c, "GET / HT");
    shutdown(c->fd, SHUT_WR);
    ok(wait_for(c, has_ended, NULL) && counted("goneBeforeRequest") == before + 1,
       "who says half a word and no more is let go at once");
    close_client(c);
}

static void pieces(void) {
    static const char text[] =
        "GET /health HTTP/1.1\r\nHost: localhost\r\nX-Padding: abcdefghijklmnopqrstuvwxyz\r\n\r\n";
    bool is_head = false;
    client *c = open_client();
    for (size_t i = 0; i < sizeof text - 1; i++) {
        send_bytes(c, text + i, 1);
        uv_run(&loop, UV_RUN_NOWAIT);
    }
    wait_for(c, is_answered, &is_head);
    ok(status_of(c) == 200, "a request in pieces of one byte is answered");
    close_client(c);
    c = open_client();
    send_text(c, text);
    shutdown(c->fd, SHUT_WR);
    wait_for(c, is_answered, &is_head);
    ok(status_of(c) == 200, "so is one whose sender has nothing more to say");
    close_client(c);
}

/* More than there are places for, and none of them says anything: whoever does is served. */
static void crowd(void) {
    static client *all[CROWD];
    int64_t refused = counted("refusedFull"), put_out = counted("putOut");
    for (int i = 0; i < CROWD; i++) {
        all[i] = open_client();
        if (i % 2) send_text(all[i], "GET / HTTP/1.1\r\n");
        uv_run(&loop, UV_RUN_NOWAIT);
    }
    expect(200, "GET", "/health", "", "healthy");
    put_out = counted("putOut") - put_out;
    ok(put_out >= CROWD - VISITORS && counted("refusedFull") == refused,
       "in a crowd of %d silent ones a request is answered; they make room (%d)", CROWD, (int)put_out);
    ok(counted("connections") <= VISITORS + 1, "and there are never more than may be");
    for (int i = 0; i < CROWD; i++) close_client(all[i]);
}

/* As many as there are places for have been served and stay, idle: they make room, too. */
static void idlers(void) {
    static client *all[CROWD];
    int64_t refused = counted("refusedFull");
    int n_served = 0;
    for (int i = 0; i < CROWD; i++) {
        all[i] = request("GET", "/health", "");
        n_served += status_of(all[i]) == 200;
    }
    ok(n_served == CROWD && counted("refusedFull") == refused && counted("connections") <= INSIDE,
       "%d that stay are all served (%d)", CROWD, n_served);
    take_in(all[0]);
    take_in(all[CROWD - 1]);
    ok(all[0]->is_ended && !all[CROWD - 1]->is_ended, "the longest idle one has gone, the last one is still there");
    send_text(all[CROWD - 1], "GET /ready HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    wait_for(all[CROWD - 1], has_ended, NULL);
    ok(has(all[CROWD - 1], "\"ready\":true"), "and is served again");
    for (int i = 0; i < CROWD; i++) close_client(all[i]);
}

static client *come_from(const char *address) {
    char extra[128];
    snprintf(extra, sizeof extra, "Fly-Client-IP: %s\r\n", address);
    return request("GET", "/health", extra);
}

static bool are_few(client *c, const void *what) {
    (void)c;
    return counted("connections") <= *(const int64_t *)what;
}

static void proxied(void) {
    client *all[PER_ADDRESS];
    int64_t none = 0, before = counted("refusedAddress");
    for (int i = 0; i < PER_ADDRESS; i++) all[i] = come_from("203.0.113.9");
    ok(status_of(all[PER_ADDRESS - 1]) == 200, "as many connections of one address as may be");
    client *c = come_from("203.0.113.9");
    ok(wait_for(c, has_ended, NULL) && status_of(c) == 429 && has(c, "strict-transport-security:"), "one more: 429");
    close_client(c);
    ok(counted("refusedAddress") == before + 1, "which is counted");
    c = come_from("203.0.113.10");
    ok(status_of(c) == 200, "another address is none of its business");
    close_client(c);
    c = come_from("::ffff:203.0.113.9");
    ok(status_of(c) == 429, "the same in another spelling is not another");
    close_client(c);
    c = come_from("nonsense");
    ok(status_of(c) == 200, "without an address there is the limit in all");
    close_client(c);
    for (int i = 0; i < PER_ADDRESS; i++) close_client(all[i]);
    ok(wait_for(NULL, are_few, &none), "when they have gone, nothing is counted any more");
    c = come_from("203.0.113.9");
    ok(status_of(c) == 200, "and the address is free again");
    close_client(c);
}

static void not_proxied(void) {
    client *all[PER_ADDRESS + 2];
    int n_served = 0;
    for (int i = 0; i < PER_ADDRESS + 2; i++) {
        all[i] = come_from("203.0.113.9");
        n_served += status_of(all[i]) == 200;
    }
    ok(n_served == PER_ADDRESS + 2, "without the proxy nobody is believed where they come from");
    for (int i = 0; i < PER_ADDRESS + 2; i++) close_client(all[i]);
}

static int status_from(const char *method, const char *path, const char *address, client **out) {
    char extra[160];
    snprintf(extra, sizeof extra, "Fly-Client-IP: %s\r\n%s", address,
             strcmp(method, "POST") ? "" : "Content-Length: 2\r\n");
    client *c = request(method, path, extra);
    int status = status_of(c);
    if (out)
        *out = c;
    else
        close_client(c);
    return status;
}

/* The bucket of a minute's worth: what fills up again while this runs is less than one request. */
static void rates(void) {
    static const char here[] = "203.0.113.9", there[] = "203.0.113.10";
    int64_t before = counted("refusedRate");
    int n_asked = 0, status = 401, wait_s = 0;
    for (; n_asked < 3 * PER_MINUTE && status == 401; n_asked++)
        status = status_from("GET", "/api/v1/status", here, NULL);
    ok(n_asked == PER_MINUTE + 1 && status == 429, "as many requests of one address as may be, then 429 (%d)", n_asked);
    ok(counted("refusedRate") == before + 1, "which is counted");
    client *c;
    status = status_from("GET", "/api/v1/status", here, &c);
    const char *header = strstr(c->in, "retry-after: ");
    ok(header && sscanf(header, "retry-after: %d", &wait_s) == 1 && wait_s >= 1 && wait_s <= 60 / PER_MINUTE,
       "with the time after which there is one more (%d s)", wait_s);
    ok(has(c, "application/problem+json") && has(c, "\"status\":429") && has(c, "x-content-type-options"),
       "as all problems are told");
    close_client(c);
    ok(status_from("GET", "/health", here, NULL) == 200 && status_from("GET", "/ready", here, NULL) == 200,
       "a watchdog is always answered");
    ok(status_from("GET", "/api/v1/status", there, NULL) == 401, "another address is none of its business");
    ok(status_from("GET", "/", here, NULL) == 429, "the pages count, too");
    ok(status_from("POST", "/api/v1/traders", here, &c) == 429 && wait_for(c, has_ended, NULL),
       "and what has a body, whose connection ends");
    close_client(c);
}

static bool has_head(client *c, const void *what) {
    (void)what;
    return strstr(c->in, "\r\n\r\n") || c->is_ended;
}

static int next_status(client *c, const char *text) {
    bool is_head = false;
    c->n = 0;
    c->in[0] = 0;
    send_text(c, text);
    return wait_for(c, is_answered, &is_head) ? status_of(c) : -1;
}

/* Whose second request is of another client of the proxy: it is asked not to. */
static void kept_behind_proxy(void) {
    client *c = request("GET", "/health", "");
    ok(has(c, "connection: close"), "a proxy is asked to use no connection twice");
    close_client(c);
}

#define UPGRADE \
    "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" \
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: trademind, "

/* What libwebsockets does not take, and only the first request of a connection is changed for. */
static void late_upgrades(void) {
    char text[1024], list[512];
    memset(list, 'x', sizeof list);
    list[300] = 0;
    snprintf(text, sizeof text, "%s%s\r\n\r\n", UPGRADE, list);
    client *c = open_client();
    send_text(c, text);
    ok(wait_for(c, has_head, NULL) && status_of(c) == 101, "a long list of subprotocols on a new connection");
    close_client(c);
    c = request("GET", "/health", "");
    ok(!has(c, "connection: close"), "a connection is kept");
    ok(next_status(c, text) == 431 && has(c, "of a connection's first request"),
       "on one that was used it is refused, with the reason");
    close_client(c);
    snprintf(text, sizeof text, "%s%.46s\r\n\r\n", UPGRADE, list);
    c = request("GET", "/health", "");
    c->n = 0;
    c->in[0] = 0;
    send_text(c, text);
    ok(wait_for(c, has_head, NULL) && status_of(c) == 101, "a short one is not");
    close_client(c);
}

int main(void) {
    signal(SIGPIPE, SIG_IGN);
    log_init(LOG_OFF, LOG_HUMAN);
    uv_loop_init(&loop);
    open_server(false, 0);
    halves();
    pieces();
    crowd();
    idlers();
    not_proxied();
    late_upgrades();
    client *idle = open_client();
    close_server();
    close_client(idle);
    open_server(true, 0);
    proxied();
    kept_behind_proxy();
    close_server();
    open_server(true, PER_MINUTE);
    rates();
    close_server();
    json_decref(counters);
    ok(uv_run(&loop, UV_RUN_NOWAIT) == 0 && uv_loop_close(&loop) == 0, "the loop is empty");
    return done();
}
