/* The client of the Machines API, and a change of size through it, with every fault at every step: the machine has the old
 * size or the new one, what is told is what is, and no lease is left. */
#include "base/clock.h"
#include "scale/resize.h"
#include "spec/c/cloud_server.h"
#include "spec/c/tap.h"
#include <signal.h>

enum { DEADLINE_MS = 20000 };

static uv_loop_t loop;
static cloud_server server;
static fly_machines *client;

/* ---- a machine ---- */

typedef enum fault { NO_FAULT, LIMITED, LOST, LOST_BEFORE, BROKEN, CONFLICT, REFUSED, FULL, FORBIDDEN, N_FAULTS } fault;
static const char *const FAULT_NAMES[] = {"none", "429", "reply lost",  "request lost", "500",
                                          "409",  "422", "no capacity", "401"};

static struct {
    int cpus, memory_mb, version;
    bool is_leased;
    const char *at; /* the step that fails */
    fault fault;
    int n_faults; /* so many times */
    int n_updates, n_leases;
} fly;

static char reply[1024];

static const char *json(int status, const char *body) {
    snprintf(reply, sizeof reply, "HTTP/1.1 %d X\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
             status, strlen(body), body);
    return reply;
}

static const char *step_of(const char *request) {
    bool is_lease = strstr(request, "/lease HTTP") != NULL;
    if (strncmp(request, "DELETE", 6) == 0) return "unlease";
    if (strncmp(request, "GET", 3) == 0) return "get";
    return is_lease ? "lease" : "update";
}

static const char *show(void) {
    char body[512];
    snprintf(body, sizeof body,
             "{\"id\":\"m1\",\"state\":\"started\",\"instance_id\":\"v%d\",\"config\":{\"image\":\"i:1\",\"env\":{"
             "\"A\":\"b\"},"
             "\"guest\":{\"cpu_kind\":\"shared\",\"cpus\":%d,\"memory_mb\":%d}}}",
             fly.version, fly.cpus, fly.memory_mb);
    return json(200, body);
}

static int number_after(const char *text, const char *key) {
    const char *at = strstr(text, key);
    return at ? atoi(at + strlen(key)) : -1;
}

static const char *carry_out(const char *step, const char *request, const char *body) {
    bool has_nonce = strstr(request, "fly-machine-lease-nonce: n0nce") != NULL;
    if (strcmp(step, "get") == 0) return show();
    if (strcmp(step, "lease") == 0) {
        if (fly.is_leased) return json(409, "{\"error\":\"held\"}");
        fly.is_leased = true;
        fly.n_leases++;
        return json(201, "{\"status\":\"success\",\"data\":{\"nonce\":\"n0nce\",\"expires_at\":1}}");
    }
    if (!has_nonce) return json(409, "{\"error\":\"lease currently held\"}");
    if (strcmp(step, "unlease") == 0) {
        fly.is_leased = false;
        return json(200, "{\"status\":\"success\"}");
    }
    char version[32];
    snprintf(version, sizeof version, "\"current_version\":\"v%d\"", fly.version);
    if (!strstr(body, version) || !strstr(body, "\"A\":\"b\"") || !strstr(body, "\"image\":\"i:1\""))
        return json(409, "{\"error\":\"version mismatch\"}");
    fly.n_updates++;
    fly.version++;
    fly.cpus = number_after(body, "\"cpus\":");
    fly.memory_mb = number_after(body, "\"memory_mb\":");
    return show();
}

static const char *answer(cloud_server *s, int n, const char *request, const char *body) {
    (void)s, (void)n;
    const char *step = step_of(request);
    bool fails = fly.at && strcmp(step, fly.at) == 0 && fly.n_faults > 0 && fly.fault != NO_FAULT;
    if (!fails) return carry_out(step, request, body);
    fly.n_faults--;
    switch (fly.fault) {
    case LIMITED: return "HTTP/1.1 429 X\r\nContent-Length: 0\r\n\r\n";
    case LOST: carry_out(step, request, body); return NULL;
    case LOST_BEFORE: return NULL;
    case BROKEN: return json(500, "{\"error\":\"internal\"}");
    case CONFLICT: return json(409, "{\"error\":\"conflict\"}");
    case REFUSED: return json(422, "{\"error\":\"invalid\"}");
    case FULL: return json(503, "{\"error\":\"no room\",\"status\":\"insufficient_capacity\"}");
    default: return json(401, "{\"error\":\"unauthorized\"}");
    }
}

/* ---- the change ---- */

static resize *it;
static int n_ends, n_prepared;
static resize_end end;
static char why[256], kept[FLY_NONCE_BYTES];
static err keep_error, prepare_error;

static err keep(void *context, const char *nonce) {
    (void)context;
    snprintf(kept, sizeof kept, "%s", nonce);
    return keep_error;
}

static void prepare(void *context, const fly_machine *now) {
    (void)context, (void)now;
    n_prepared++;
    resize_prepared(it, prepare_error);
}

static void on_end(void *context, resize_end how, const fly_machine *machine, const char *text) {
    (void)context, (void)machine;
    n_ends++;
    end = how;
    snprintf(why, sizeof why, "%s", text);
}

static bool has_ended(void) { return n_ends > 0; }
static bool is_closed(void) { return !uv_loop_alive(&loop); }

static void begin(void) {
    char url[64];
    n_ends = n_prepared = 0;
    *kept = 0;
    keep_error = prepare_error = OK;
    uv_loop_init(&loop);
    cloud_server_open(&server, &loop, answer, NULL);
    snprintf(url, sizeof url, "http://127.0.0.1:%d", server.port);
    if (fly_machines_new(&(fly_machines_config){.loop = &loop, .url = url, .token = "t0ken", .second_ms = 1},
                         &client) != OK)
        exit(1);
    resize_config config = {.loop = &loop,
                            .client = client,
                            .app = "demo",
                            .machine = "m1",
                            .target = {4, 1024},
                            .stop_by_ms = 5,
                            .retry_ms = 1,
                            .handlers = {keep, prepare, on_end, NULL}};
    if (resize_new(&config, &it) != OK) exit(1);
}

static void finish(void) {
    resize_free(it);
    fly_machines_close(client, NULL, NULL);
    cloud_server_close(&server);
    ok(cloud_wait_until(&loop, is_closed, DEADLINE_MS) && uv_loop_close(&loop) == 0, "nothing is left open");
    cloud_server_forget(&server);
}

static void set_fly(const char *at, fault f, int n) {
    memset(&fly, 0, sizeof fly);
    fly.cpus = 1;
    fly.memory_mb = 256;
    fly.version = 1;
    fly.at = at;
    fly.fault = f;
    fly.n_faults = n;
}

static int count_updates(void) {
    int n = 0;
    for (int i = 0; i < server.n_asked; i++) n += strcmp(step_of(server.asked[i]), "update") == 0;
    return n;
}

static void test_fault(const char *at, fault f, int n) {
    set_fly(at, f, n);
    begin();
    resize_start(it);
    bool is_over = cloud_wait_until(&loop, has_ended, DEADLINE_MS);
    bool is_old = fly.cpus == 1 && fly.memory_mb == 256, is_new = fly.cpus == 4 && fly.memory_mb == 1024;
    bool is_told = end == RESIZE_DONE ? is_new : end == RESIZE_NOT ? is_old : true;
    /* A lease whose grant was lost, or that could not be given back, ends by itself. */
    bool may_leave = strcmp(at, "lease") == 0 ? f == LOST : strcmp(at, "unlease") == 0;
    ok(is_over && n_ends == 1 && (is_old || is_new) && is_told && fly.n_updates <= 1 && fly.n_leases <= 1 &&
           (!fly.is_leased || may_leave),
       "%s at %s, %d times: %s, told %s (%s)", FAULT_NAMES[f], at, n,
       is_new   ? "new"
       : is_old ? "old"
                : "broken",
       end == RESIZE_DONE  ? "done"
       : end == RESIZE_NOT ? "not"
                           : "unknown",
       why);
    ok(f == LIMITED || count_updates() <= 2, "asked for at most twice");
    if (n == 1 && f == LIMITED) ok(end == RESIZE_DONE, "what is only too fast is asked again");
    finish();
}

static void test_plain(void) {
    set_fly(NULL, NO_FAULT, 0);
    begin();
    resize_start(it);
    cloud_wait_until(&loop, has_ended, DEADLINE_MS);
    ok(end == RESIZE_DONE && fly.cpus == 4 && n_prepared == 1 && strcmp(kept, "n0nce") == 0 && !fly.is_leased,
       "the size is changed, after the lease was kept and all was prepared");
    ok(strstr(server.asked[0], "Authorization: Bearer t0ken") &&
           strstr(server.asked[0], "POST /v1/apps/demo/machines/m1/lease "),
       "with the token, on the machine's path");
    finish();
    set_fly(NULL, NO_FAULT, 0);
    begin();
    keep_error = ERR_IO;
    resize_start(it);
    cloud_wait_until(&loop, has_ended, DEADLINE_MS);
    ok(end == RESIZE_NOT && fly.n_updates == 0 && !fly.is_leased && n_prepared == 0,
       "a lease that cannot be kept is given back");
    finish();
    set_fly(NULL, NO_FAULT, 0);
    begin();
    prepare_error = ERR_DATABASE;
    resize_start(it);
    cloud_wait_until(&loop, has_ended, DEADLINE_MS);
    ok(end == RESIZE_NOT && fly.n_updates == 0 && !fly.is_leased, "no update when what is kept could not be made safe");
    finish();
}

static void test_verify(void) {
    for (int is_new = 0; is_new < 2; is_new++) {
        set_fly("get", BROKEN, 3);
        fly.is_leased = true;
        if (is_new) fly.cpus = 4, fly.memory_mb = 1024;
        begin();
        resize_verify(it, "n0nce");
        cloud_wait_until(&loop, has_ended, DEADLINE_MS);
        ok(end == (is_new ? RESIZE_DONE : RESIZE_NOT) && !fly.is_leased,
           "a later run finds the %s size and gives the lease back", is_new ? "new" : "old");
        finish();
    }
    set_fly(NULL, NO_FAULT, 0);
    fly.is_leased = true;
    begin();
    resize_start(it);
    cloud_wait_until(&loop, has_ended, DEADLINE_MS);
    ok(end == RESIZE_NOT && fly.is_leased && fly.n_updates == 0, "another's lease is left alone: %s", why);
    finish();
}

/* ---- the client ---- */

static int n_answers;
static fly_answer last;
static int64_t answered_ms[16];

static void on_answer(void *context, const fly_answer *a) {
    (void)context;
    last = *a;
    last.body = NULL;
    answered_ms[n_answers++ % 16] = monotonic_ms();
}

static bool are_three(void) { return n_answers == 3; }

static void test_client(void) {
    static const char *const bad[] = {"", "a/b", "a?b", "..", "a b"};
    fly_request q = {.action = FLY_GET, .app = "demo", .machine = "m1", .on_done = on_answer};
    int n_refused = 0;
    set_fly(NULL, NO_FAULT, 0);
    begin();
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        fly_request r = q;
        r.machine = bad[i];
        n_refused += fly_machines_send(client, &r) == ERR_INVALID;
    }
    ok(n_refused == sizeof bad / sizeof *bad, "nothing but a name goes into a path");
    for (int i = 0; i < 3; i++)
        if (fly_machines_send(client, &q) != OK) exit(1);
    ok(n_answers == 0, "no callback from inside of send");
    resize_free(it);
    fly_machines_close(client, NULL, NULL);
    cloud_server_close(&server);
    ok(cloud_wait_until(&loop, is_closed, DEADLINE_MS) && n_answers == 3 && last.outcome == FLY_CANCELLED,
       "closed: each call is called back");
    uv_loop_close(&loop);
    cloud_server_forget(&server);
}

static void test_pace(void) {
    fly_machines *slow;
    char url[64];
    fly_request q = {.action = FLY_LEASE, .app = "demo", .machine = "m1", .body = "{}", .on_done = on_answer};
    set_fly(NULL, NO_FAULT, 0);
    begin();
    n_answers = 0;
    snprintf(url, sizeof url, "http://127.0.0.1:%d", server.port);
    if (fly_machines_new(&(fly_machines_config){.loop = &loop, .url = url, .second_ms = 40}, &slow) != OK) exit(1);
    int64_t began_ms = monotonic_ms();
    for (int i = 0; i < 3; i++)
        if (fly_machines_send(slow, &q) != OK) exit(1);
    cloud_wait_until(&loop, are_three, DEADLINE_MS);
    ok(answered_ms[2] - began_ms >= 80, "an action is not used again before its second is over (%lld ms for three)",
       (long long)(answered_ms[2] - began_ms));
    fly_machines_close(slow, NULL, NULL);
    finish();
}

static void test_outcomes(void) {
    static const struct {
        int status;
        const char *error;
        fly_outcome outcome;
    } rows[] = {{200, "", FLY_OK},
                {204, "", FLY_OK},
                {408, "", FLY_TIMED_OUT},
                {409, "", FLY_CONFLICT},
                {412, "", FLY_STALE},
                {422, "", FLY_REFUSED},
                {429, "", FLY_LIMITED},
                {401, "", FLY_TOKEN},
                {404, "", FLY_NOT_FOUND},
                {500, "", FLY_FAILED},
                {503, "x, insufficient_capacity", FLY_NO_CAPACITY},
                {422, "insufficient CPUs available", FLY_NO_CAPACITY},
                {409, "insufficient memory available", FLY_NO_CAPACITY}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        ok(fly_outcome_of(rows[i].status, rows[i].error) == rows[i].outcome, "%d %s", rows[i].status, rows[i].error);
    char nonce[FLY_NONCE_BYTES];
    json_t *bare = json_loads("{\"nonce\":\"b\"}", 0, NULL), *none = json_loads("{\"data\":{}}", 0, NULL);
    ok(fly_nonce_of(bare, nonce) && strcmp(nonce, "b") == 0 && !fly_nonce_of(none, nonce), "a bare lease, and none");
    json_decref(bare);
    json_decref(none);
}

int main(void) {
    static const char *const steps[] = {"lease", "get", "update", "unlease"};
    signal(SIGPIPE, SIG_IGN);
    test_outcomes();
    test_client();
    test_pace();
    test_plain();
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
        for (int f = LIMITED; f < N_FAULTS; f++) {
            test_fault(steps[i], f, 1);
            test_fault(steps[i], f, 100);
        }
    test_verify();
    return done();
}
