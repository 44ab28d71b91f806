/* serve/ on a real port, with a real storage behind it and raw TCP clients before it: what is promised to browsers and
 * programs, and what happens to those that send garbage, too much, or do not read. */
#include "base/log.h"
#include "serve/auth.h"
#include "spec/c/clients.h"
#include "spec/c/passes.h"
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

enum { N_BARS = 30 };
#define KEY "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define UPGRADE "Connection: Upgrade\r\nUpgrade: websocket\r\n" KEY

static storage *store;
static char token[AUTH_TOKEN_BYTES], top[32], bearer[AUTH_TOKEN_BYTES + 64];
static uint32_t n_committed;
static health_state binance_state = HEALTH_DEGRADED, disk_state = HEALTH_OK;
static bool is_warm;

static void http_basics(void) {
    expect(200, "GET", "/", "", "trademind");
    expect(200, "GET", "/health", "", "\"status\":\"degraded\"");
    expect(200, "GET", "/health", "", "\"binance\":\"degraded\"");
}

static void http_errors(void) {
    expect(401, "GET", "/api/v1/status", "", "www-authenticate: Bearer");
    expect(401, "GET", "/api/v1/signals", "Authorization: Bearer tm_wrong\r\n", "\"status\":401");
    expect(401, "GET", "/api/v1/signals", "Authorization: Basic dXNlcjpwYXNz\r\n", "\"status\":401");
    expect(401, "GET", "/api/v1/unknown", "", "\"status\":401");
    expect(404, "GET", "/api/v1/unknown", bearer, "\"status\":404");
    expect(404, "GET", "/nothing", "", "\"status\":404");
    expect(405, "POST", "/api/v1/status", bearer, "allow: GET, HEAD");
    expect(405, "DELETE", "/health", "", "allow: GET, HEAD");
    expect(426, "GET", "/ws", "", "upgrade: websocket");
    expect(400, "GET", "/api/v1/signals?limit=0", bearer, "limit=1..500");
    expect(400, "GET", "/api/v1/signals?limit=501", bearer, "limit=1..500");
    expect(400, "GET", "/api/v1/signals?limit=9x", bearer, "limit=1..500");
    expect(400, "GET", "/api/v1/signals?before=yesterday", bearer, "before=");
    expect(400, "GET", "/api/v1/signals?state=open", bearer, "state=confirmed, provisional, withdrawn or historical");
    expect(400, "GET", "/api/v1/signals?token=x", bearer, "the parameters are");
    char path[1024] = "/api/v1/signals?symbol=";
    memset(path + strlen(path), 'A', 200);
    expect(400, "GET", path, bearer, "symbol=");
}

static void http_health(void) {
    disk_state = HEALTH_FAILED;
    expect(503, "GET", "/health", "", "unhealthy");
    disk_state = HEALTH_OK;
    expect(200, "GET", "/api/v1/status", bearer, "\"machineId\":\"machine-1\"");
    client *c = request("GET", "/ready", "");
    ok(status_of(c) == 503 && has(c, "warming up 1/2"), "not ready: 503 and why");
    close_client(c);
    is_warm = true;
    expect(200, "GET", "/ready", "", "\"ready\":true");
    c = request("HEAD", "/health", "");
    ok(status_of(c) == 200 && c->n == (size_t)(strstr(c->in, "\r\n\r\n") + 4 - c->in), "HEAD has headers and no body");
    ok(has(c, "x-content-type-options: nosniff") && has(c, "content-security-policy:") &&
           has(c, "x-frame-options: DENY"),
       "security headers are there");
    close_client(c);
}

static void http_signals(void) {
    char path[256] = "/api/v1/signals?limit=8";
    int n_pages = 0, n_signals = 0, n_good = 0;
    for (bool has_more = true; has_more && n_pages < 20; n_pages++) {
        client *c = request("GET", path, bearer);
        json_t *body = body_of(c), *item;
        size_t i;
        json_array_foreach(json_object_get(body, "signals"), i, item) {
            n_signals++;
            n_good += json_is_string(json_object_get(item, "id")) &&
                      strcmp(json_string_value(json_object_get(item, "trader")), "trader_0") == 0 &&
                      json_is_integer(json_object_get(item, "time")) &&
                      json_is_array(json_object_get(item, "conditions")) &&
                      json_is_false(json_object_get(item, "provisional")) &&
                      strcmp(json_string_value(json_object_get(item, "state")), "confirmed") == 0 &&
                      json_is_false(json_object_get(item, "revised")) && json_is_boolean(json_object_get(item, "late"));
        }
        const char *next = json_string_value(json_object_get(body, "next"));
        has_more = next != NULL;
        if (next) snprintf(path, sizeof path, "/api/v1/signals?limit=8&before=%s", next);
        json_decref(body);
        close_client(c);
    }
    ok(n_pages == 4 && n_signals == N_BARS && n_good == N_BARS, "pages give each of %d signals once (%d)", N_BARS,
       n_signals);
    expect(200, "GET", "/api/v1/signals?symbol=NOPE", bearer, "\"signals\":[]");
    expect(200, "GET", "/api/v1/signals?state=withdrawn", bearer, "\"signals\":[]");
    expect(200, "GET", "/api/v1/signals?state=confirmed&limit=1", bearer, "\"state\":\"confirmed\"");
}

/* Two requests on one connection, the second sent with the first. */
static void http_keepalive(void) {
    client *c = open_client();
    char text[1024];
    snprintf(text, sizeof text,
             "GET /api/v1/signals?limit=2 HTTP/1.1\r\nHost: a\r\n%s\r\nGET /health HTTP/1.1\r\nHost: a\r\nConnection: "
             "close\r\n\r\n",
             bearer);
    send_text(c, text);
    wait_for(c, has_ended, NULL);
    ok(has(c, "\"next\"") && has(c, "\"components\""), "two requests on one connection are both answered");
    close_client(c);
}

/* The connection goes while storage still works on the request. */
static void http_gone(void) {
    char text[512];
    snprintf(text, sizeof text, "GET /api/v1/signals HTTP/1.1\r\nHost: a\r\n%s\r\n", bearer);
    for (int i = 0; i < 20; i++) {
        client *c = open_client();
        send_text(c, text);
        for (int turns = 0; turns < i % 4; turns++) uv_run(&loop, UV_RUN_NOWAIT);
        close_client(c);
    }
    expect(200, "GET", "/health", "", "degraded");
}

/* ---- WebSocket ---- */

static bool has_headers(client *c, const void *what) {
    (void)what;
    return strstr(c->in, "\r\n\r\n") || c->is_ended;
}

/* Everything up to the first frame is dropped from `in` when the upgrade was granted. */
static client *upgrade(const char *path, const char *extra) {
    char text[2048];
    client *c = open_client();
    snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: localhost:1\r\n" UPGRADE "%s\r\n", path, extra);
    send_text(c, text);
    wait_for(c, has_headers, NULL);
    if (status_of(c) == 101) {
        size_t head = (size_t)(strstr(c->in, "\r\n\r\n") + 4 - c->in);
        c->n -= head;
        memmove(c->in, c->in + head, c->n + 1);
    }
    return c;
}

static void send_frame(client *c, int opcode, const char *payload, size_t bytes) {
    unsigned char head[14] = {(unsigned char)(0x80 | opcode)}, mask[4] = {1, 2, 3, 4};
    size_t n = 2;
    head[1] = (unsigned char)(0x80 | (bytes < 126 ? bytes : bytes < 65536 ? 126 : 127));
    if (bytes >= 65536)
        for (int i = 7; i >= 0; i--) head[n++] = (unsigned char)((uint64_t)bytes >> 8 * i);
    else if (bytes >= 126)
        for (int i = 1; i >= 0; i--) head[n++] = (unsigned char)(bytes >> 8 * i);
    memcpy(head + n, mask, 4);
    char *masked = malloc(bytes + 1);
    for (size_t i = 0; i < bytes; i++) masked[i] = (char)(payload[i] ^ (char)mask[i % 4]);
    send_bytes(c, head, n + 4);
    send_bytes(c, masked, bytes);
    free(masked);
}

static void say(client *c, const char *text) { send_frame(c, 1, text, strlen(text)); }

/* Length of the first frame in `in`, 0 when it is not whole; its payload out. */
static size_t first_frame(const client *c, int *opcode, const char **payload, size_t *bytes) {
    const unsigned char *in = (const unsigned char *)c->in;
    if (c->n < 2) return 0;
    size_t head = 2;
    *opcode = in[0] & 15;
    *bytes = in[1] & 127;
    if (*bytes == 126) {
        if (c->n < 4) return 0;
        *bytes = (size_t)in[2] << 8 | in[3];
        head = 4;
    }
    *payload = c->in + head;
    return c->n >= head + *bytes ? head + *bytes : 0;
}

static bool has_frame(client *c, const void *what) {
    int opcode;
    const char *payload;
    size_t bytes;
    (void)what;
    return first_frame(c, &opcode, &payload, &bytes) || c->is_ended;
}

/* The next message; NULL for a close frame (its code out) or the end. */
static json_t *listen_to(client *c, int *close_code) {
    int opcode = 0;
    const char *payload = NULL;
    size_t bytes = 0;
    *close_code = 0;
    wait_for(c, has_frame, NULL);
    size_t frame = first_frame(c, &opcode, &payload, &bytes);
    if (!frame) return NULL;
    json_t *message = opcode == 1 ? json_loadb(payload, bytes, 0, NULL) : NULL;
    if (opcode == 8 && bytes >= 2) *close_code = (unsigned char)payload[0] << 8 | (unsigned char)payload[1];
    c->n -= frame;
    memmove(c->in, c->in + frame, c->n + 1);
    return message;
}

static bool hears(client *c, const char *type, int64_t *seq) {
    int code;
    json_t *message = listen_to(c, &code);
    const char *got = json_string_value(json_object_get(message, "type"));
    bool is_it = got && strcmp(got, type) == 0 && json_is_object(json_object_get(message, "data"));
    if (!is_it) printf("# heard %s, close code %d; expected %s\n", got ? got : "nothing", code, type);
    if (seq) *seq = json_integer_value(json_object_get(message, "seq"));
    json_decref(message);
    return is_it;
}

static bool is_closed_with(client *c, int expected) {
    int code = 0;
    for (json_t *message; (message = listen_to(c, &code));) json_decref(message);
    if (code != expected) printf("# close code %d, expected %d\n", code, expected);
    return code == expected;
}

static client *open_channel(void) {
    client *c = upgrade("/ws", bearer);
    if (!hears(c, "status_update", NULL) || !hears(c, "hello", NULL)) ok(false, "the channel opens");
    return c;
}

static void channel_tokens(void) {
    char text[AUTH_TOKEN_BYTES + 128];
    int64_t seq = 0;
    client *c = upgrade("/", bearer);
    ok(hears(c, "status_update", &seq) && seq > 0, "a token in the header opens the channel, status first, with a seq");
    close_client(c);
    snprintf(text, sizeof text, "Sec-WebSocket-Protocol: trademind, %s\r\n", token);
    c = upgrade("/ws", text);
    ok(hears(c, "status_update", NULL), "so does one in the subprotocols");
    close_client(c);
    c = upgrade("/ws", "");
    snprintf(text, sizeof text, "{\"type\":\"auth\",\"data\":{\"token\":\"%s\"}}", token);
    say(c, text);
    ok(hears(c, "status_update", NULL), "so does one in the first message");
    close_client(c);
    c = upgrade("/ws", "Authorization: Bearer tm_wrong\r\n");
    ok(status_of(c) == 401 && has(c, "problem+json"), "a wrong header gives 401");
    close_client(c);
    c = upgrade("/ws", "Sec-WebSocket-Protocol: trademind, tm_wrong\r\n");
    ok(is_closed_with(c, 4401), "a wrong subprotocol closes with 4401");
    close_client(c);
    c = upgrade("/ws", "");
    say(c, "{\"type\":\"auth\",\"data\":{\"token\":\"tm_wrong\"}}");
    ok(is_closed_with(c, 4401), "a wrong first message closes with 4401");
    close_client(c);
    c = upgrade("/ws", "");
    say(c, "{\"type\":\"ping\"}");
    ok(is_closed_with(c, 4401), "so does anything else before the token");
    close_client(c);
    c = upgrade("/ws", "");
    ok(is_closed_with(c, 4401), "so does silence");
    close_client(c);
    snprintf(text, sizeof text, "/ws?token=%s", token);
    c = upgrade(text, "");
    ok(is_closed_with(c, 4401), "a token in the URL is none");
    close_client(c);
}

static void channel_origins(void) {
    char text[AUTH_TOKEN_BYTES + 128];
    const struct {
        const char *origin;
        int status;
    } cases[] = {{"http://localhost:1", 101},
                 {"https://app.example", 101},
                 {"http://evil.example", 403},
                 {"null", 403},
                 {"http://localhost:1.evil.org", 403}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        snprintf(text, sizeof text, "Origin: %s\r\n%s", cases[i].origin, bearer);
        client *c = upgrade("/ws", text);
        int status = status_of(c) ? status_of(c) : 101; /* the head of a granted one is dropped */
        ok(status == cases[i].status, "origin %s: %d", cases[i].origin, cases[i].status);
        close_client(c);
    }
}

static void publish(uint32_t bar, signal_state state) {
    signal_row s;
    fill_signal(&s, "BTCUSDT", bar, 1);
    s.state = state;
    serve_publish_signal(server, &s);
    signal_row_deinit(&s);
}

static void channel_messages(void) {
    int code;
    int64_t first = 0, second = 0, other = 0;
    client *c = open_channel(), *d = open_channel();
    publish(5, SIGNAL_CONFIRMED);
    json_t *message = listen_to(c, &code), *data = json_object_get(message, "data");
    first = json_integer_value(json_object_get(message, "seq"));
    ok(json_is_string(json_object_get(data, "signalId")) && json_is_string(json_object_get(data, "traderId")) &&
           !strcmp(json_string_value(json_object_get(data, "symbol")), "BTCUSDT") &&
           json_number_value(json_object_get(data, "price")) == 100.5 &&
           !strcmp(json_string_value(json_object_get(data, "interval")), "1m") &&
           json_integer_value(json_object_get(data, "time")) == pass_bar(5) &&
           json_array_size(json_object_get(data, "conditions")) == 1 &&
           json_is_false(json_object_get(data, "provisional")) &&
           !strcmp(json_string_value(json_object_get(data, "state")), "confirmed") &&
           json_is_true(json_object_get(data, "late")) &&
           !strcmp(json_string_value(json_object_get(data, "side")), "long"),
       "signal_created carries its fields");
    json_decref(message);
    serve_publish_status(server);
    ok(hears(c, "status_update", &second) && second > first && first > 0, "seq grows with each pushed message");
    ok(hears(d, "signal_created", &other) && other == first, "all clients get it, with the same seq");
    say(c, "{\"type\":\"ping\"}");
    ok(hears(c, "pong", &other) && other == 0, "ping gives pong, without a seq");
    say(c, "{\"type\":\"no such type\",\"data\":{}}");
    ok(hears(c, "error", NULL), "an unknown type gives an error");
    say(c, "{\"type\":");
    ok(hears(c, "error", NULL), "what is no JSON gives an error");
    say(c, "[1,2,3]");
    ok(hears(c, "error", NULL), "so does JSON that is no message");
    channel_stats stats;
    serve_read_stats(server, &stats);
    ok(stats.n_malformed == 2, "and both are counted");
    say(c, "{\"type\":\"ping\"}");
    ok(hears(c, "pong", NULL), "the channel is still open");
    close_client(c);
    close_client(d);
}

static bool data_is(const json_t *message, const char *key, const char *expected) {
    const char *found = json_string_value(json_object_get(json_object_get(message, "data"), key));
    return found && strcmp(found, expected) == 0;
}

static void channel_states(void) {
    int code;
    client *c = open_channel();
    publish(6, SIGNAL_PROVISIONAL);
    json_t *created = listen_to(c, &code);
    ok(data_is(created, "state", "provisional") &&
           json_is_true(json_object_get(json_object_get(created, "data"), "provisional")),
       "a provisional signal says so");
    serve_publish_update(server, &(update_row){.id = "an-id", .trader_id = "a-trader", .state = SIGNAL_WITHDRAWN});
    json_t *updated = listen_to(c, &code);
    ok(!strcmp(json_string_value(json_object_get(updated, "type")), "signal_updated") &&
           data_is(updated, "signalId", "an-id") && data_is(updated, "traderId", "a-trader") &&
           data_is(updated, "state", "withdrawn") &&
           json_is_false(json_object_get(json_object_get(updated, "data"), "revised")),
       "signal_updated says what became of it");
    ok(json_integer_value(json_object_get(updated, "seq")) == json_integer_value(json_object_get(created, "seq")) + 1,
       "with the next seq");
    json_decref(created);
    json_decref(updated);
    publish(7, SIGNAL_HISTORICAL);
    created = listen_to(c, &code);
    ok(data_is(created, "state", "historical"), "a historical one comes as such");
    json_decref(created);
    close_client(c);
}

/* A message in two frames, a control frame between them. */
static void channel_fragments(void) {
    client *c = open_channel();
    const char *text = "{\"type\":\"ping\"}";
    unsigned char first[] = {0x01, 0x85, 0, 0, 0, 0}, last[] = {0x80, 0x8A, 0, 0, 0, 0};
    send_bytes(c, first, sizeof first);
    send_bytes(c, text, 5);
    send_frame(c, 9, "are you there", 13);
    send_bytes(c, last, sizeof last);
    send_bytes(c, text + 5, 10);
    int code;
    json_t *between = listen_to(c, &code);
    ok(!between && !code, "a ping frame is answered by a pong frame");
    json_decref(between);
    ok(hears(c, "pong", NULL), "and the message around it is taken whole");
    close_client(c);
}

static void channel_limits(void) {
    char *big = malloc(70000);
    memset(big, ' ', 70000);
    memcpy(big, "{\"type\":\"ping\"}", 15);
    client *c = open_channel();
    send_frame(c, 1, big, 65536);
    ok(hears(c, "pong", NULL), "64 KiB are taken");
    send_frame(c, 1, big, 65537);
    ok(is_closed_with(c, 1009), "one byte more closes with 1009");
    close_client(c);
    c = open_channel();
    unsigned char huge[] = {0x81, 0xFF, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0}; /* says 4 GiB */
    send_bytes(c, huge, sizeof huge);
    send_bytes(c, big, 5000);
    ok(is_closed_with(c, 1009), "a length of 4 GiB closes with 1009, before it came");
    close_client(c);
    c = open_channel();
    send_frame(c, 2, "binary", 6);
    ok(is_closed_with(c, 1003), "binary closes with 1003");
    close_client(c);
    c = open_channel();
    send_frame(c, 1, "\xC0\xAF\xFF", 3);
    wait_for(c, has_ended, NULL);
    ok(c->is_ended, "text that is no UTF-8 closes");
    close_client(c);
    free(big);
    client *all[40];
    int n_open = 0, n_refused = 0;
    for (int i = 0; i < 40; i++) {
        all[i] = upgrade("/ws", bearer);
        n_open += status_of(all[i]) == 0;
        n_refused += status_of(all[i]) == 503;
    }
    ok(n_open == 32 && n_refused == 8, "32 clients, more are refused with 503 (%d, %d)", n_open, n_refused);
    for (int i = 0; i < 40; i++) close_client(all[i]);
}

static bool are_all_gone(client *c, const void *what) {
    channel_stats stats;
    (void)c;
    (void)what;
    serve_read_stats(server, &stats);
    return stats.n_clients == 0;
}

static void channel_strangers(void) {
    wait_for(NULL, are_all_gone, NULL);
    client *all[10];
    int n_refused = 0;
    for (int i = 0; i < 10; i++) {
        all[i] = upgrade("/ws", "");
        n_refused += status_of(all[i]) == 503;
    }
    ok(n_refused == 2, "at most eight clients without a token");
    client *c = open_channel();
    ok(!c->is_ended, "and the one with the token still gets in");
    close_client(c);
    for (int i = 0; i < 10; i++) close_client(all[i]);
}

static bool was_slow(client *c, const void *what) {
    channel_stats stats;
    (void)c;
    publish(1, SIGNAL_CONFIRMED);
    serve_read_stats(server, &stats);
    return stats.n_slow > *(const uint64_t *)what;
}

/* It asks for much and reads nothing; the other one must not notice. */
static void channel_slow_reader(void) {
    wait_for(NULL, are_all_gone, NULL);
    channel_stats before;
    serve_read_stats(server, &before);
    client *slow = open_channel(), *good = open_channel();
    int64_t deadline = monotonic_ms() + DEADLINE_MS;
    bool is_over = false;
    while (!is_over && monotonic_ms() < deadline) {
        is_over = was_slow(NULL, &before.n_slow);
        uv_run(&loop, UV_RUN_NOWAIT);
        take_in(good);
        good->n = 0; /* read, not judged */
    }
    ok(is_over, "a client that does not read is found out");
    for (int i = 0; i < 50; i++) turn(good);
    good->n = 0;
    say(good, "{\"type\":\"ping\"}");
    ok(hears(good, "pong", NULL), "the one that reads goes on");
    ok(is_closed_with(slow, 1013), "the slow one, when it reads at last, finds 1013");
    close_client(slow);
    close_client(good);
}

/* ---- garbage ---- */

static void garbage(uint64_t seed) {
    static const char *const heads[] = {
        "GET / HTTP/1.1\r\nHost: \r\n\r\n",
        "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a:99999999999999\r\nHost: b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: %00\xFF\xFE//\\@:::\r\n\r\n",
        ("GET /ws HTTP/1.1\r\nHost: [[[\r\nOrigin: ://\r\n" UPGRADE "\r\n"),
        "GET http://[::1/ HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET /%zz%00%ff?%=&&== HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET /../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\nHTTP2-Settings: "
        "AAMAAABkAARAAAAAAAIAAAAA\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "BREW /pot HTCPCP/1.0\r\n\r\n",
        "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        "GET / HTTP/1.1\r\nContent-Length: -5\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        "\r\n\r\n\r\n\r\n",
    };
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
        client *c = open_client();
        send_text(c, heads[i]);
        shutdown(c->fd, SHUT_WR);
        if (!wait_for(c, has_ended, NULL)) ok(false, "garbage %zu: the connection ends", i);
        close_client(c);
    }
    for (int i = 0; i < 200; i++) {
        char noise[600];
        client *c = open_client();
        for (size_t n = 0; n < sizeof noise; n++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            noise[n] = (char)(seed >> 56);
        }
        if (i % 2) memcpy(noise, "GET /health HTTP/1.1\r\nHost: ", 28);
        send_bytes(c, noise, sizeof noise);
        for (int turns = 0; turns < 3; turns++) uv_run(&loop, UV_RUN_NOWAIT);
        close_client(c);
    }
    client *c = open_channel(); /* garbage instead of frames */
    char frames[4096];
    for (size_t n = 0; n < sizeof frames; n++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        frames[n] = (char)(seed >> 56);
    }
    send_bytes(c, frames, sizeof frames);
    shutdown(c->fd, SHUT_WR);
    ok(wait_for(c, has_ended, NULL), "random bytes instead of frames end the connection");
    close_client(c);
    c = open_client(); /* a header that never ends */
    send_text(c, "GET / HTTP/1.1\r\nX: ");
    char line[1024];
    memset(line, 'x', sizeof line);
    for (int i = 0; i < 64 && !c->is_ended; i++) send_bytes(c, line, sizeof line);
    ok(wait_for(c, has_ended, NULL), "64 KiB of header end the connection");
    close_client(c);
    expect(200, "GET", "/health", "", "degraded");
}

/* ---- start and stop ---- */

static void on_status(void *context, serve_status *out) {
    (void)context;
    *out = (serve_status){.status = "running", .cpus = 2, .uptime_ms = 12345};
}

static size_t on_health(void *context, health_component *out) {
    (void)context;
    out[0] = (health_component){"storage", disk_state, true};
    out[1] = (health_component){"binance", binance_state, false};
    return 2;
}

static bool on_ready(void *context, diag *why) {
    (void)context;
    if (!is_warm) diag_set(why, ERR_INVALID, "warming up 1/2");
    return is_warm;
}

static err on_query(void *context, const signal_filter *filter, storage_signals_fn on_rows, void *rows_context) {
    return storage_query_signals(context, filter, on_rows, rows_context);
}

static void on_committed(void *context, pass *p, uint32_t n_new) {
    (void)context;
    n_committed += n_new;
    pass_release(p);
}

static bool is_committed(client *c, const void *what) {
    (void)c;
    (void)what;
    return n_committed == N_BARS;
}

static const char *const origins[] = {"https://app.example"};
static serve_config config = {
    .host = "127.0.0.1", .origins = origins, .n_origins = 1, .machine_id = "machine-1", .auth_timeout_ms = 500};
static serve_providers providers = {
    .status = on_status, .health = on_health, .ready = on_ready, .query_signals = on_query};

static void start_all(void) {
    diag why = {""};
    storage_config files = {.folder = top, .n_producers = 1};
    uv_loop_init(&loop);
    ok(storage_open(&files, &store, &why) == OK && storage_start(store, &loop, on_committed, NULL, &why) == OK,
       "storage %s", why.text);
    for (uint32_t bar = 0; bar < N_BARS; bar++)
        if (storage_submit(store, 0, new_pass("BTCUSDT", bar, 1)) != OK) ok(false, "submit");
    wait_for(NULL, is_committed, NULL);
    ok(auth_token_load(top, token, &why) == OK && strlen(token) == 46, "a token is made %s", why.text);
    snprintf(bearer, sizeof bearer, "Authorization: Bearer %s\r\n", token);
    config.token = token;
    providers.context = store;
    ok(serve_start(&loop, &config, &providers, &server, &why) == OK && serve_port(server) != 0,
       "the server starts on a free port %s", why.text);
}

static void tokens(void) {
    char again[AUTH_TOKEN_BYTES], path[64];
    struct stat status;
    diag why = {""};
    snprintf(path, sizeof path, "%s/token", top);
    ok(stat(path, &status) == 0 && (status.st_mode & 0777) == 0600, "the token's file is private");
    ok(auth_token_load(top, again, &why) == OK && strcmp(again, token) == 0, "and it is kept");
    int fd = open(path, O_WRONLY | O_TRUNC);
    ok(auth_token_load(top, again, &why) == ERR_INVALID && strstr(why.text, "holds no token"),
       "an empty file is refused");
    if (write(fd, token, strlen(token)) < 0) ok(false, "writing the token back");
    close(fd);
    ok(!auth_is_token(token, strlen(token) - 1, token) && !auth_is_token("", 0, "") && auth_is_token(token, 46, token),
       "a token is compared whole");
}

static void ports(void) {
    diag why = {""};
    serve *second = NULL;
    serve_config taken = config;
    taken.port = serve_port(server);
    ok(serve_start(&loop, &taken, &providers, &second, &why) == ERR_NETWORK &&
           strstr(why.text, "address already in use") && strstr(why.text, "PORT"),
       "a port that is taken gives a sentence");
    printf("# %s\n", why.text);
    taken.host = "203.0.113.7";
    ok(serve_start(&loop, &taken, &providers, &second, &why) == ERR_NETWORK && strstr(why.text, "HOST"),
       "so does an address that is not ours");
}

static bool is_over(client *c, const void *what) {
    (void)c;
    return *(const bool *)what;
}

static void set(void *context) { *(bool *)context = true; }

static void stop_server(bool *is_closed) {
    client *c = open_channel();
    client *idle = open_client();
    *is_closed = false;
    serve_close(server, set, is_closed);
    ok(is_closed_with(c, 1001), "at the stop a client hears 1001");
    ok(wait_for(c, is_over, is_closed), "every handle of the server is gone");
    close_client(c);
    close_client(idle);
}

static void dual_stack(void) {
    diag why = {""};
    bool is_closed = false;
    config.host = "::";
    ok(serve_start(&loop, &config, &providers, &server, &why) == OK, "a second server, on :: %s", why.text);
    expect(200, "GET", "/health", "", "degraded");
    stop_server(&is_closed);
}

int main(void) {
    snprintf(top, sizeof top, "/tmp/trademind-se-XXXXXX");
    if (!mkdtemp(top)) return 1;
    signal(SIGPIPE, SIG_IGN);
    log_init(LOG_DEBUG, LOG_HUMAN);
    char log_path[64], remove[64];
    snprintf(log_path, sizeof log_path, "%s/log", top);
    if (!freopen(log_path, "w", stderr)) return 1;
    uint64_t seed = tap_seed((uint64_t)monotonic_ns());
    bool is_closed = false;
    start_all();
    tokens();
    ports();
    http_basics();
    http_errors();
    http_health();
    http_signals();
    http_keepalive();
    http_gone();
    channel_tokens();
    channel_origins();
    channel_messages();
    channel_states();
    channel_fragments();
    channel_limits();
    channel_strangers();
    channel_slow_reader();
    garbage(seed);
    stop_server(&is_closed);
    dual_stack();
    diag why;
    is_closed = false;
    storage_drain_and_stop(store, 5000, set, &is_closed, &why);
    wait_for(NULL, is_over, &is_closed);
    ok(uv_run(&loop, UV_RUN_NOWAIT) == 0 && uv_loop_close(&loop) == 0, "the loop is empty");
    char search[512];
    snprintf(search, sizeof search, "grep -q -- '%s' %s", token + 3, log_path);
    ok(system(search) != 0, "the token is in no line of the log");
    snprintf(search, sizeof search, "grep -q refused %s", log_path);
    ok(system(search) == 0, "which was written");
    snprintf(remove, sizeof remove, "rm -rf %s", top);
    return system(remove) != 0 || done();
}
