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

/* What the server has asked for and is still to be answered. */
enum { N_ORDERS = 4, KLINE_ID = 3 };
typedef struct order {
    serve_answer_fn answer;
    void *request;
} order;
static order orders[N_ORDERS];
static uint32_t n_orders;
static bool holds_queries;
static storage_signals_fn held_rows;
static void *held_context;

static bool has_orders(client *c, const void *n) {
    (void)c;
    return n_orders == *(const uint32_t *)n;
}

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
    ok(hears(c, "status_update", &seq) && seq == 0 && hears(c, "hello", &seq) && seq > 0,
       "a token in the header opens the channel: status without a seq, then hello with one");
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
           json_integer_value(json_object_get(data, "created")) == pass_bar(5) + PASS_BAR_MS + 5 &&
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

/* ---- what a client asks for ---- */

static json_t *ask(client *c, const char *text) {
    int code;
    say(c, text);
    return listen_to(c, &code);
}

static bool is_answer(json_t *answer, const char *type, int id) {
    const char *got = json_string_value(json_object_get(answer, "type"));
    return got && !strcmp(got, type) && json_integer_value(json_object_get(answer, "id")) == id &&
           !json_object_get(answer, "seq") && json_is_object(json_object_get(answer, "data"));
}

static void channel_answers(void) {
    client *c = open_channel();
    json_t *answer = ask(c, "{\"type\":\"ping\",\"id\":1}");
    ok(is_answer(answer, "pong", 1), "a ping is answered by its id");
    json_decref(answer);
    answer = ask(c, "{\"type\":\"config_update\",\"id\":2,\"data\":{\"version\":\"v7\"}}");
    ok(is_answer(answer, "ack", 2) && data_is(answer, "version", "v7"), "config_update names its version");
    json_decref(answer);
    answer = ask(c, "{\"type\":\"nonsense\",\"id\":3}");
    ok(is_answer(answer, "error", 3) && data_is(answer, "code", "unknown_type"), "an unknown type, too");
    json_decref(answer);
    answer = ask(c, "{\"type\":\"subscribe\",\"id\":4,\"data\":{\"symbol\":\"BTCUSDT\"}}");
    ok(is_answer(answer, "error", 4) && data_is(answer, "code", "bad_request"), "and data that is not as it should be");
    json_decref(answer);
    answer = ask(c, "{\"type\":\"force_sync\",\"id\":5}");
    ok(is_answer(answer, "error", 5) && data_is(answer, "code", "not_now"), "where nothing can be flushed it says so");
    json_decref(answer);
    close_client(c);
}

/* The pause is answered later, when the one has gone and the other is there. */
static void channel_late_answers(void) {
    client *gone = open_channel(), *there = open_channel();
    n_orders = 0;
    say(gone, "{\"type\":\"pause_execution\",\"id\":1}");
    wait_for(gone, has_orders, &(uint32_t){1});
    say(there, "{\"type\":\"pause_execution\",\"id\":\"mine\"}");
    wait_for(there, has_orders, &(uint32_t){2});
    close_client(gone);
    for (int i = 0; i < 20; i++) turn(there);
    orders[0].answer(orders[0].request, OK, "{\"status\":\"paused\"}");
    orders[1].answer(orders[1].request, ERR_DATABASE, "the disk fails");
    int code;
    json_t *answer = listen_to(there, &code);
    const char *id = json_string_value(json_object_get(answer, "id"));
    ok(id && !strcmp(id, "mine") && data_is(answer, "message", "the disk fails"), "who is there hears how it ended");
    json_decref(answer);
    close_client(there);
}

static void publish_many(client *reader, uint32_t n) {
    for (uint32_t i = 0; i < n; i++) {
        publish(i, SIGNAL_CONFIRMED);
        if (i % 64 == 0) turn(reader);
        reader->n = 0; /* read, not judged */
    }
}

static int64_t seq_now(client *c) {
    int64_t seq = 0;
    serve_publish_status(server);
    return hears(c, "status_update", &seq) ? seq : -1;
}

static json_t *resume(client *c, const char *session, int64_t seq) {
    char text[256];
    snprintf(text, sizeof text, "{\"type\":\"resume\",\"id\":9,\"data\":{\"session\":\"%s\",\"seq\":%lld}}", session,
             (long long)seq);
    return ask(c, text);
}

static bool is_complete(json_t *answer, bool expected, int replayed) {
    const json_t *data = json_object_get(answer, "data"), *complete = json_object_get(data, "complete");
    bool is_it = is_answer(answer, "ack", 9) && json_is_boolean(complete) && json_is_true(complete) == expected &&
                 json_integer_value(json_object_get(data, "replayed")) == replayed;
    json_decref(answer);
    return is_it;
}

static void channel_resume(void) {
    int code;
    char session[64] = "";
    client *before = upgrade("/ws", bearer), *after;
    if (!hears(before, "status_update", NULL)) ok(false, "the channel opens");
    json_t *hello = listen_to(before, &code);
    const char *name = json_string_value(json_object_get(json_object_get(hello, "data"), "session"));
    ok(name && json_array_size(json_object_get(json_object_get(hello, "data"), "signals")) == N_BARS &&
           json_is_true(json_object_get(json_object_get(hello, "data"), "simulated")),
       "hello names the session, and has the signals");
    snprintf(session, sizeof session, "%s", name ? name : "");
    json_decref(hello);
    int64_t seen = seq_now(before), heard = 0;
    for (int i = 0; i < 300; i++) publish((uint32_t)i, SIGNAL_CONFIRMED);
    close_client(before);
    after = open_channel();
    publish(1, SIGNAL_CONFIRMED); /* live, behind its hello */
    if (!hears(after, "signal_created", &heard)) ok(false, "a live one");
    json_t *message = resume(after, session, seen);
    int n = 0;
    for (int64_t last = seen; n < 300; n++) {
        int64_t seq = json_integer_value(json_object_get(message, "seq"));
        if (seq <= last || seq >= heard) break;
        last = seq;
        json_decref(message);
        message = listen_to(after, &code);
    }
    ok(n == 300, "what was missed comes in order (%d of 300), without what came live", n);
    ok(is_complete(message, true, 300), "and is said to be complete");
    ok(is_complete(resume(after, session, heard), true, 0), "nothing was missed");
    ok(is_complete(resume(after, "another", seen), false, 0), "of another session nothing is known");
    ok(is_complete(resume(after, session, 1000000000), false, 0), "nor of a number that has not been given");
    publish_many(after, 4200);
    close_client(after);
    after = open_channel();
    ok(is_complete(resume(after, session, seen), false, 0), "what is gone is said to be gone");
    close_client(after);
}

/* While the signals of its hello are being read, others come. */
static void channel_between(void) {
    int64_t first = 0, second = 0;
    holds_queries = true;
    client *c = upgrade("/ws", bearer);
    if (!hears(c, "status_update", NULL)) ok(false, "the channel opens");
    publish(1, SIGNAL_CONFIRMED);
    publish(2, SIGNAL_CONFIRMED);
    holds_queries = false;
    held_rows(held_context, OK, NULL, &(signal_list){0});
    ok(hears(c, "hello", &first) && hears(c, "signal_created", &second) && second == first + 1 &&
           hears(c, "signal_created", &second) && second == first + 2,
       "what is pushed between status and hello comes behind hello, with greater numbers");
    close_client(c);
    holds_queries = true;
    c = upgrade("/ws", bearer);
    if (!hears(c, "status_update", NULL)) ok(false, "the channel opens");
    holds_queries = false;
    held_rows(held_context, ERR_DATABASE, "the disk fails", NULL);
    ok(hears(c, "hello", NULL), "hello comes without signals when they cannot be read");
    close_client(c);
}

static void publish_kline(int32_t interval, int64_t open_ms, bool is_closed) {
    kline bar = {open_ms, 1, 4, 0.5, 2, 10, 20, 3, 5, 10};
    serve_publish_kline(server, KLINE_ID, "BTCUSDT", interval, &bar, is_closed);
}

static void channel_klines(void) {
    int code;
    client *c = open_channel(), *other = open_channel();
    ok(!serve_wants_klines(server, KLINE_ID, INTERVAL_1M), "nobody wants klines");
    json_t *m = ask(c, "{\"type\":\"subscribe\",\"id\":1,\"data\":{\"symbol\":\"NOUSDT\",\"interval\":\"1m\"}}");
    ok(is_answer(m, "error", 1) && data_is(m, "code", "not_found"), "of a symbol that is not there");
    json_decref(m);
    m = ask(c, "{\"type\":\"subscribe\",\"id\":2,\"data\":{\"symbol\":\"BTCUSDT\",\"interval\":\"1h\"}}");
    ok(is_answer(m, "error", 2) && data_is(m, "code", "unsupported"), "or of an interval that is not watched");
    json_decref(m);
    m = ask(c, "{\"type\":\"subscribe\",\"id\":3,\"data\":{\"symbol\":\"BTCUSDT\",\"interval\":\"1m\"}}");
    ok(is_answer(m, "ack", 3) && serve_wants_klines(server, KLINE_ID, INTERVAL_1M) &&
           !serve_wants_klines(server, KLINE_ID, INTERVAL_5M) && !serve_wants_klines(server, KLINE_ID + 1, INTERVAL_1M),
       "a subscription is for one symbol and interval");
    json_decref(m);
    publish_kline(INTERVAL_5M, 600000, true);
    publish_kline(INTERVAL_1M, 660000, false);
    m = listen_to(c, &code);
    char *text = json_dumps(json_object_get(json_object_get(m, "data"), "kline"), JSON_COMPACT);
    ok(text && !strcmp(text, "[660000,1,4,0.5,2,10,false]") && data_is(m, "interval", "1m"), "kline_update: %s",
       text ? text : "nothing");
    free(text);
    json_decref(m);
    serve_publish_status(server);
    ok(hears(other, "status_update", NULL), "the other client hears nothing of it");
    if (!hears(c, "status_update", NULL)) ok(false, "the status");
    m = ask(c, "{\"type\":\"unsubscribe\",\"id\":4}");
    ok(is_answer(m, "ack", 4) && !serve_wants_klines(server, KLINE_ID, INTERVAL_1M), "unsubscribed");
    json_decref(m);
    m = ask(c, "{\"type\":\"subscribe\",\"id\":5,\"data\":{\"symbol\":\"BTCUSDT\",\"interval\":\"1m\"}}");
    json_decref(m);
    close_client(c);
    close_client(other);
    wait_for(NULL, are_all_gone, NULL);
    ok(!serve_wants_klines(server, KLINE_ID, INTERVAL_1M), "with the client its subscription has gone");
}

/* It reads nothing: metrics and klines are lost, and it is still there. */
static void channel_lossy(void) {
    channel_stats before, now;
    serve_read_stats(server, &before);
    client *slow = open_channel();
    json_t *m = ask(slow, "{\"type\":\"subscribe\",\"data\":{\"symbol\":\"BTCUSDT\",\"interval\":\"1m\"}}");
    json_decref(m);
    int64_t deadline = monotonic_ms() + DEADLINE_MS, last_ms = 0;
    do {
        for (int i = 0; i < 1000; i++) publish_kline(INTERVAL_1M, last_ms += 60000, i % 10 == 0);
        serve_publish_metrics(server, &(serve_metrics){1, 2, 3, 4});
        uv_run(&loop, UV_RUN_NOWAIT);
        serve_read_stats(server, &now);
    } while (now.n_dropped < before.n_dropped + 5000 && monotonic_ms() < deadline);
    ok(now.n_dropped >= before.n_dropped + 5000 && now.n_slow == before.n_slow && now.n_clients == 1,
       "a slow reader loses klines and stays");
    publish(1, SIGNAL_CONFIRMED);
    int code, n_signals = 0, n_metrics = 0;
    int64_t seq = 0, shown_ms = 0;
    bool is_ordered = true;
    while (n_signals == 0 && (m = listen_to(slow, &code))) {
        const char *type = json_string_value(json_object_get(m, "type"));
        const json_t *bar = json_object_get(json_object_get(m, "data"), "kline");
        is_ordered = is_ordered && json_integer_value(json_object_get(m, "seq")) > seq;
        seq = json_integer_value(json_object_get(m, "seq"));
        n_signals += !strcmp(type, "signal_created");
        n_metrics += !strcmp(type, "metrics_update");
        if (bar) shown_ms = json_integer_value(json_array_get(bar, 0));
        json_decref(m);
    }
    ok(n_signals == 1 && is_ordered, "what must arrive does, in order");
    ok(n_metrics > 0 && shown_ms <= last_ms, "and of the rest what had room");
    close_client(slow);
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
    *out = (serve_status){.status = "running", .cpus = 2, .uptime_ms = 12345, .is_simulated = true};
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
    if (holds_queries) {
        held_rows = on_rows;
        held_context = rows_context;
        return OK;
    }
    return storage_query_signals(context, filter, on_rows, rows_context);
}

static void on_paused(void *context, bool is_paused, serve_answer_fn answer, void *request) {
    (void)context;
    (void)is_paused;
    if (n_orders < N_ORDERS) orders[n_orders++] = (order){answer, request};
}

static err on_find_klines(void *context, const char *symbol, int32_t interval, uint32_t *id, diag *why) {
    (void)context;
    if (strcmp(symbol, "BTCUSDT") != 0) return diag_set(why, ERR_NOT_FOUND, "%s is not watched", symbol);
    *id = KLINE_ID;
    return interval == INTERVAL_1M ? OK : diag_set(why, ERR_UNSUPPORTED, "there are 1m bars");
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
static serve_providers providers = {.status = on_status,
                                    .health = on_health,
                                    .ready = on_ready,
                                    .query_signals = on_query,
                                    .set_paused = on_paused,
                                    .find_klines = on_find_klines};

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
    channel_answers();
    channel_late_answers();
    channel_klines();
    channel_lossy();
    channel_between();
    channel_resume();
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
