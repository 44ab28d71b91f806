/* The machine's row: lease, heartbeat, refusal, outage, and the last word. */
#include "base/clock.h"
#include "base/log.h"
#include "spec/c/cloud_server.h"
#include "spec/c/tap.h"
#include "sync/machine.h"
#include <signal.h>

enum { DEADLINE_MS = 20000 };

#define NO_CONTENT "HTTP/1.1 204 No Content\r\n\r\n"

static uv_loop_t loop;
static cloud_server server;
static postgrest *client;
static machine *it;
static char held[64], refused[1024];
static int n_held, n_refused, n_keys;
static char lease[512];

static void on_held(void *context, const char *row) {
    (void)context;
    n_held++;
    snprintf(held, sizeof held, "%s", row);
}

static void on_refused(void *context, const char *why) {
    (void)context;
    n_refused++;
    snprintf(refused, sizeof refused, "%s", why);
}

static void on_key(void *context) { (void)context, n_keys++; }

static bool is_of(const char *request, const char *what) { return strncmp(request, what, strlen(what)) == 0; }

static const char *holder = "m-2"; /* machine_id of whoever has the lease */

static const char *answer_lease(const char *owner, const char *id) {
    char body[256];
    snprintf(body, sizeof body,
             "[{\"id\":\"%s\",\"machine_id\":\"%s\",\"lease_owner\":\"%s\",\"lease_until\":\"2026-11-30T08:00:40Z\"}]",
             id, holder, owner);
    snprintf(lease, sizeof lease, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s", strlen(body), body);
    return lease;
}

static const char *owner = "owner-1", *row = "row-1", *trouble;

static const char *answer(cloud_server *s, int n, const char *request, const char *body) {
    (void)s, (void)n, (void)body;
    if (trouble) return trouble;
    if (is_of(request, "POST /rest/v1/rpc/trademind_lease ")) return answer_lease(owner, row);
    if (is_of(request, "PATCH")) return NO_CONTENT;
    return "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ntrue";
}

static void open_it(void) {
    char url[64];
    diag why;
    n_held = n_refused = n_keys = 0;
    *held = 0;
    uv_loop_init(&loop);
    cloud_server_open(&server, &loop, answer, NULL);
    snprintf(url, sizeof url, "http://127.0.0.1:%d", server.port);
    machine_config config = {.loop = &loop,
                             .user_id = "u-1",
                             .machine_id = "m-1",
                             .region = "sin",
                             .version = "1",
                             .owner = "owner-1",
                             .cpus = 2,
                             .memory_mb = 256,
                             .heartbeat_ms = 50,
                             .seed = 1,
                             .handlers = {on_held, on_refused, on_key, NULL}};
    if (postgrest_new(&(postgrest_config){.loop = &loop, .url = url, .key = "test_key", .timeout_ms = 1000}, &client,
                      &why) != OK)
        exit(1);
    config.client = client;
    if (machine_new(&config, &it) != OK) exit(1);
}

static int count(const char *what, const char *fragment) {
    int n = 0;
    for (int i = 0; i < server.n_asked; i++) n += is_of(server.asked[i], what) && strstr(server.asked[i], fragment);
    return n;
}

static bool wait_until(bool (*is_true)(void)) { return cloud_wait_until(&loop, is_true, DEADLINE_MS); }

static void close_it(void) {
    machine_halt(it);
    postgrest_close(client, NULL, NULL);
    uv_run(&loop, UV_RUN_NOWAIT);
    cloud_server_close(&server);
    while (server.n_open) uv_run(&loop, UV_RUN_ONCE);
    machine_close(it, NULL, NULL);
    uv_run(&loop, UV_RUN_DEFAULT);
    ok(uv_loop_close(&loop) == 0, "no handle is left open");
    cloud_server_forget(&server);
}

static machine_state state(void) {
    machine_stats s;
    machine_get_stats(it, &s);
    return s.state;
}

static bool has_beaten(void) { return count("PATCH /rest/v1/cloud_machines?id=eq.row-1 ", "last_health_check") >= 3; }
static bool is_running(void) { return count("PATCH", "\"status\":\"running\"") > 0; }
static bool is_scaled(void) { return count("PATCH", "\"cpus\":4") > 0; }
static bool is_held_again(void) { return n_held == 2; }
static bool is_failing(void) { return state() == MACHINE_FAILING; }
static bool is_held(void) { return state() == MACHINE_HELD; }
static bool is_refused(void) { return n_refused > 0; }
static bool has_key_asked(void) { return n_keys > 0; }
static bool has_left;
static bool is_gone(void) { return has_left; }
static void on_left(void *context) { (void)context, has_left = true; }

static void test_life(void) {
    open_it();
    ok(wait_until(has_beaten) && n_held == 1 && strcmp(held, "row-1") == 0, "the lease is taken once, the heart beats");
    ok(count("POST /rest/v1/rpc/trademind_lease ", "\"owner\":\"owner-1\"") >= 3 &&
           count("POST /rest/v1/rpc/trademind_lease ", "\"user_id\":\"u-1\"") >= 3,
       "each beat renews the lease");
    machine_set_status(it, "running");
    ok(wait_until(is_running), "another status is written");
    machine_set_cpus(it, 4);
    ok(wait_until(is_scaled), "so is another size");
    row = "row-2";
    ok(wait_until(is_held_again) && strcmp(held, "row-2") == 0, "a row that was made anew is told");
    row = "row-1";
    has_left = false;
    machine_finish(it, "stopped", NULL, on_left, NULL);
    ok(wait_until(is_gone), "it leaves");
    ok(count("PATCH", "\"status\":\"stopped\"") >= 1 && count("PATCH", "\"stopped_at\":\"20") >= 1, "says so");
    ok(is_of(server.asked[server.n_asked - 1], "POST /rest/v1/rpc/trademind_release"), "and gives the lease back last");
    close_it();
}

static void test_error(void) {
    open_it();
    ok(wait_until(is_held), "held");
    has_left = false;
    machine_finish(it, "error", "no trader could be loaded", on_left, NULL);
    ok(wait_until(is_gone) && count("PATCH", "\"status\":\"error\"") == 1 &&
           count("PATCH", "\"error_message\":\"no trader could be loaded\"") == 1,
       "a failed start says why");
    close_it();
}

static void test_refused(void) {
    owner = "owner-2";
    open_it();
    ok(wait_until(is_refused) && n_held == 0, "a lease of another process is a refusal");
    ok(strstr(refused, "another process acts for user u-1: machine m-2, at least until 2026-11-30T08:00:40Z"),
       "that says whose: %s", refused);
    ok(count("PATCH", "") == 0, "and the row is not touched");
    owner = "owner-1";
    close_it();
}

static bool has_asked_thrice(void) { return count("POST /rest/v1/rpc/trademind_lease ", "") >= 3; }

static void test_earlier_run(void) {
    owner = "owner-2";
    holder = "m-1";
    open_it();
    ok(wait_until(has_asked_thrice) && n_refused == 0 && n_held == 0,
       "the lease of an earlier run of this machine is waited for");
    owner = "owner-1";
    ok(wait_until(is_held) && n_held == 1, "until it ends");
    close_it();
    owner = "owner-2";
    open_it();
    ok(wait_until(is_refused) && count("POST /rest/v1/rpc/trademind_lease ", "") > 3,
       "one that does not end is another process");
    close_it();
    owner = "owner-1";
    holder = "m-2";
}

static void test_outage(void) {
    open_it();
    ok(wait_until(is_held), "held");
    trouble = "HTTP/1.1 503 no\r\nContent-Length: 0\r\n\r\n";
    ok(wait_until(is_failing) && n_refused == 0, "an outage takes nothing away");
    trouble = NULL;
    ok(wait_until(is_held) && n_held == 1, "and ends");
    trouble = "HTTP/1.1 401 no\r\nContent-Length: 0\r\n\r\n";
    ok(wait_until(has_key_asked), "a refused key is asked for again");
    has_left = false;
    machine_finish(it, "stopped", NULL, on_left, NULL);
    ok(wait_until(is_gone), "it leaves without waiting for a cloud that fails");
    trouble = NULL;
    close_it();
}

int main(void) {
    signal(SIGPIPE, SIG_IGN);
    log_init(LOG_OFF, LOG_HUMAN);
    test_life();
    test_error();
    test_refused();
    test_earlier_run();
    test_outage();
    return done();
}
