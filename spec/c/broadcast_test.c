/* Signals to Supabase Realtime, and signals that storage commits when the client is gone. */
#include "base/clock.h"
#include "orchestrator_broadcast.h"
#include "spec/c/cloud_server.h"
#include "spec/c/tap.h"

enum { DEADLINE_MS = 20000 };

static uv_loop_t loop;
static cloud_server server;
static bool is_closed;

static const char *answer(cloud_server *s, int n, const char *request, const char *body) {
    (void)s, (void)n, (void)request, (void)body;
    return CREATED;
}

static void on_answered(void *context, const postgrest_answer *a) { *(int *)context += a->kind == POSTGREST_OK; }

static void on_closed(void *context) {
    (void)context;
    is_closed = true;
}

static void wait_for(const int *n, int least) {
    int64_t deadline = monotonic_ms() + DEADLINE_MS;
    while (*n < least && monotonic_ms() < deadline) uv_run(&loop, UV_RUN_ONCE);
}

static void test_stop(postgrest *client) {
    char none[] = "[]";
    signal_row s = {.id = "of-this-signal", .symbol = "BTCUSDT", .interval = 0, .conditions = none, .tags = none};
    int n_answered = 0;
    orchestrator_broadcast *b;
    if (orchestrator_broadcast_new(client, "ann", &b) != OK) abort();
    orchestrator_broadcast_signal(b, &s);
    wait_for(&server.n_asked, 1);
    const char *asked = server.n_asked ? server.asked[0] : "";
    ok(strstr(asked, "POST /realtime/v1/api/broadcast ") && strstr(asked, "\"topic\":\"user:ann\"") &&
           strstr(asked, "of-this-signal"),
       "a signal is sent to the user's topic");
    orchestrator_broadcast_signal(b, &s);
    wait_for(&server.n_asked, 2);
    orchestrator_broadcast_let_go(b);
    orchestrator_broadcast_signal(b, &s); /* the client is there and would send it */
    ok(postgrest_post(client, "/rest/v1/rpc/behind", "{}", on_answered, &n_answered) == OK,
       "something is sent behind it");
    wait_for(&n_answered, 1);
    ok(server.n_asked == 3 && strstr(server.asked[2], "/rpc/behind"), "let go, it sends nothing");
    postgrest_close(client, on_closed, NULL);
    while (!is_closed) uv_run(&loop, UV_RUN_ONCE);
    orchestrator_broadcast_signal(b, &s);
    ok(server.n_asked == 3, "nor when the client is gone");
    orchestrator_broadcast_free(b);
}

int main(void) {
    char url[64];
    diag why = {""};
    postgrest *client = NULL;
    uv_loop_init(&loop);
    cloud_server_open(&server, &loop, answer, NULL);
    snprintf(url, sizeof url, "http://127.0.0.1:%d", server.port);
    if (postgrest_new(&(postgrest_config){.loop = &loop, .url = url, .key = "sb_secret_x"}, &client, &why) != OK) {
        ok(false, "%s", why.text);
        return done();
    }
    test_stop(client);
    cloud_server_close(&server);
    uv_run(&loop, UV_RUN_DEFAULT);
    cloud_server_forget(&server);
    ok(uv_loop_close(&loop) == 0, "nothing is left open");
    return done();
}
