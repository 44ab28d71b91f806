/* The client of PostgREST on the wire: what it sends for each call and kind of key, and what it makes of answers. */
#include "base/clock.h"
#include "spec/c/cloud_server.h"
#include "spec/c/tap.h"
#include "sync/postgrest.h"
#include <signal.h>

enum { DEADLINE_MS = 20000 };

#define SERVICE_JWT "eyJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJzdXBhYmFzZSIsInJvbGUiOiJzZXJ2aWNlX3JvbGUiLCJleHAiOjJ9.c2lnbmF0dXJl"

static uv_loop_t loop;
static cloud_server server;
static const char *next_answer;

typedef struct outcome {
    int n;
    postgrest_answer answer;
    char body[256];
} outcome;

static const char *answer_next(cloud_server *s, int n, const char *request, const char *body) {
    (void)s, (void)n, (void)request, (void)body;
    return next_answer;
}

static void on_done(void *context, const postgrest_answer *answer) {
    outcome *o = context;
    o->n++;
    o->answer = *answer;
    snprintf(o->body, sizeof o->body, "%s", answer->body);
}

static void wait_for(const outcome *o) {
    int64_t deadline = monotonic_ms() + DEADLINE_MS;
    while (o->n == 0 && monotonic_ms() < deadline) uv_run(&loop, UV_RUN_ONCE);
}

static postgrest *client(const char *key) {
    char url[64];
    diag why = {""};
    postgrest *p = NULL;
    snprintf(url, sizeof url, "http://127.0.0.1:%d", server.port);
    if (postgrest_new(&(postgrest_config){.loop = &loop, .url = url, .key = key, .timeout_ms = 5000}, &p, &why)) {
        ok(false, "%s", why.text);
        exit(done());
    }
    return p;
}

static const char *last(void) { return server.n_asked ? server.asked[server.n_asked - 1] : ""; }
static bool asked(const char *text) { return strcasestr(last(), text) != NULL; }

static void test_insert(void) {
    static const char rows[] = "[{\"id\":1,\"a\":\"x\"}]";
    outcome o = {0};
    postgrest *p = client("sb_secret_x");
    next_answer = CREATED;
    postgrest_rows what = {"signals", "id,a", "id", RESOLUTION_IGNORE, rows, strlen(rows)};
    ok(postgrest_insert(p, &what, on_done, &o) == OK && o.n == 0, "an insert is accepted, its answer comes later");
    wait_for(&o);
    ok(o.n == 1 && o.answer.kind == POSTGREST_OK && o.answer.status == 201, "and comes once");
    ok(asked("POST /rest/v1/signals?columns=id,a&on_conflict=id HTTP/1.1"),
       "its columns and what is unique are in the URL");
    ok(asked("\r\nPrefer: return=minimal,missing=default,resolution=ignore-duplicates\r\n"),
       "what to do with duplicates in Prefer");
    ok(asked("\r\nContent-Type: application/json\r\n") && asked(rows) && !asked("Expect:"), "and the rows behind");
    ok(asked("\r\napikey: sb_secret_x\r\n") && !asked("Authorization"), "an opaque key is the header apikey alone");
    ok(asked("\r\nUser-Agent: trademind/"), "with no browser's name");
    what = (postgrest_rows){"signals", "id,a", NULL, RESOLUTION_MERGE, rows, strlen(rows)};
    o = (outcome){0};
    ok(postgrest_set_key(p, SERVICE_JWT, NULL) == OK && postgrest_insert(p, &what, on_done, &o) == OK,
       "the key is changed");
    wait_for(&o);
    ok(asked("\r\napikey: " SERVICE_JWT "\r\n") && asked("\r\nAuthorization: Bearer " SERVICE_JWT "\r\n"),
       "a legacy key is in both headers");
    ok(asked("?columns=id,a HTTP") && asked("resolution=merge-duplicates\r\n"), "merged by the primary key");
    what.resolution = RESOLUTION_REFUSE;
    o = (outcome){0};
    ok(postgrest_insert(p, &what, on_done, &o) == OK, "or refused");
    wait_for(&o);
    ok(asked("\r\nPrefer: return=minimal,missing=default\r\n"), "which is PostgREST's own way");
    postgrest_close(p, NULL, NULL);
}

static void test_others(void) {
    outcome o = {0};
    char query[64] = "name=eq.";
    size_t used = strlen(query);
    postgrest *p = client("test_key");
    next_answer = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\nDate: Mon, 30 Nov 2026 07:53:16 GMT\r\n\r\n[{\"id\":1}]";
    ok(postgrest_escape("a b&c\xE2\x82\xAC", query, sizeof query, &used) &&
           strcmp(query, "name=eq.a%20b%26c%E2%82%AC") == 0,
       "a value is escaped: %s", query);
    used = sizeof query - 3;
    ok(!postgrest_escape("&", query, sizeof query, &used), "or said to be too long");
    ok(postgrest_select(p, "traders", "select=id&order=id", 100, on_done, &o) == OK, "a select");
    wait_for(&o);
    ok(asked("GET /rest/v1/traders?select=id&order=id&limit=100 HTTP") && strcmp(o.body, "[{\"id\":1}]") == 0,
       "of a page");
    ok(o.answer.server_ms == INT64_C(1796025196000), "the server's clock is told");
    o = (outcome){0};
    ok(postgrest_update(p, "cloud_machines", "id=eq.7", "{\"status\":\"running\"}", "id", on_done, &o) == OK,
       "an update");
    wait_for(&o);
    ok(asked("PATCH /rest/v1/cloud_machines?id=eq.7&select=id HTTP") && asked("Prefer: return=representation") &&
           asked("\r\n\r\n{\"status\":\"running\"}"),
       "that shows the rows that it has changed");
    o = (outcome){0};
    ok(postgrest_update(p, "signals", "id=eq.7", "{}", NULL, on_done, &o) == OK, "or");
    wait_for(&o);
    ok(asked("PATCH /rest/v1/signals?id=eq.7 HTTP") && asked("Prefer: return=minimal"), "does not");
    o = (outcome){0};
    ok(postgrest_post(p, "/realtime/v1/api/broadcast", "{}", on_done, &o) == OK, "anything else");
    wait_for(&o);
    ok(asked("POST /realtime/v1/api/broadcast HTTP") && !asked("Prefer"), "by its path");
    postgrest_close(p, NULL, NULL);
}

static void expect(const char *answer, postgrest_kind kind, int64_t retry_after_ms, const char *what) {
    outcome o = {0};
    postgrest *p = client("test_key");
    next_answer = answer;
    ok(postgrest_select(p, "t", "select=id", 1, on_done, &o) == OK, "asked");
    wait_for(&o);
    ok(o.n == 1 && o.answer.kind == kind && o.answer.retry_after_ms == retry_after_ms, "%s: %s, after %lld ms", what,
       postgrest_kind_name(kind), (long long)retry_after_ms);
    postgrest_close(p, NULL, NULL);
}

/* A body that is shorter than its length, and then the end. */
#define CUT "HTTP/1.1 201 Created\r\nContent-Length: 100\r\nConnection: close\r\n\r\n["

static void test_answers(void) {
    expect("HTTP/1.1 503 no\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n", POSTGREST_RETRY, 7000, "seconds");
    expect("HTTP/1.1 429 no\r\nDate: Mon, 30 Nov 2026 07:53:16 GMT\r\nRetry-After: Mon, 30 Nov 2026 07:53:26 GMT\r\n"
           "Content-Length: 0\r\n\r\n",
           POSTGREST_RETRY, 10000, "a date");
    expect("HTTP/1.1 503 no\r\nRetry-After: 999999\r\nContent-Length: 0\r\n\r\n", POSTGREST_RETRY, 600000,
           "absurd seconds");
    expect("HTTP/1.1 503 no\r\nRetry-After: -5\r\nContent-Length: 0\r\n\r\n", POSTGREST_RETRY, 0, "negative seconds");
    expect("HTTP/1.1 503 no\r\nRetry-After: soon\r\nContent-Length: 0\r\n\r\n", POSTGREST_RETRY, 0, "nonsense");
    expect(CUT, POSTGREST_RETRY, 0, "cut in the middle");
    expect(NULL, POSTGREST_RETRY, 0, "no answer");
    expect("HTTP/1.1 409 no\r\nContent-Length: 34\r\n\r\n{\"code\":\"23505\",\"message\":\"twice\"}", POSTGREST_ROW, 0,
           "a duplicate");
}

static void test_close(void) {
    outcome o = {0};
    bool is_closed = false;
    postgrest *p = client("test_key");
    next_answer = CREATED;
    ok(postgrest_select(p, "t", "select=id", 1, on_done, &o) == OK, "asked");
    postgrest_close(p, NULL, &is_closed);
    wait_for(&o);
    ok(o.n == 1 && o.answer.kind == POSTGREST_CANCELLED, "a client that is closed cancels what it has asked");
}

int main(void) {
    diag why;
    postgrest *p = NULL;
    signal(SIGPIPE, SIG_IGN);
    uv_loop_init(&loop);
    cloud_server_open(&server, &loop, answer_next, NULL);
    ok(postgrest_new(&(postgrest_config){.loop = &loop, .url = "http://x", .key = "a b"}, &p, &why) == ERR_INVALID,
       "no key, no client");
    test_insert();
    test_others();
    test_answers();
    test_close();
    cloud_server_close(&server);
    uv_run(&loop, UV_RUN_DEFAULT);
    ok(uv_loop_close(&loop) == 0, "no handle is left open");
    cloud_server_forget(&server);
    return done();
}
