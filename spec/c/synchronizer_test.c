/* The synchronizer between a real local database and a server that answers as it is told: what is sent, how often, in which
 * order, and what is left in the outbox afterwards. */
#include "base/clock.h"
#include "base/log.h"
#include "spec/c/cloud_server.h"
#include "spec/c/databases.h"
#include "sync/synchronizer.h"
#include <jansson.h>
#include <signal.h>

enum { DEADLINE_MS = 30000, MOST_IDS = 4096 };

#define OK_200 "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]"
#define REFUSED(status, code) \
    "HTTP/1.1 " status " no\r\nContent-Length: 33\r\n\r\n{\"code\":\"" code "\",\"message\":\"oh no\"}"

static uv_loop_t loop;
static cloud_server server;
static storage *store;
static synchronizer *syncing;
static postgrest *client;
static int n_key_refused, n_machine_lost;

/* What the cloud has taken: ids of signals, each once. */
static char ids[MOST_IDS][ID_BYTES];
static size_t n_ids, n_twice;

static bool knows(const char *id) {
    for (size_t i = 0; i < n_ids; i++)
        if (strcmp(ids[i], id) == 0) return true;
    return false;
}

static bool is_of(const char *request, const char *what) {
    const char *end = strchr(request, '\r');
    return end && memmem(request, (size_t)(end - request), what, strlen(what)) != NULL;
}

static size_t take_rows(const char *request, const char *body) {
    json_t *rows = json_loads(body, 0, NULL);
    size_t i, count = json_array_size(rows);
    json_t *row;
    json_array_foreach(rows, i, row) {
        const char *id = json_string_value(json_object_get(row, "id"));
        if (!is_of(request, "POST /rest/v1/signals") || !id) continue;
        n_twice += knows(id);
        if (!knows(id) && n_ids < MOST_IDS) snprintf(ids[n_ids++], ID_BYTES, "%s", id);
    }
    json_decref(rows);
    return count;
}

static const char *take_all(cloud_server *s, int n, const char *request, const char *body) {
    (void)s, (void)n;
    if (is_of(request, "PATCH")) return "HTTP/1.1 204 No Content\r\n\r\n";
    take_rows(request, body);
    return CREATED;
}

/* ---- a life ---- */

static void on_key_refused(void *context) { (void)context, n_key_refused++; }
static void on_machine_lost(void *context) { (void)context, n_machine_lost++; }

static void on_committed(void *context, pass *p, uint32_t n_new) {
    (void)context, (void)n_new;
    pass_release(p);
}

static void open_all(const char *name, cloud_answer_fn answer) {
    char url[64], path[128];
    diag why = {""};
    in_folder(path, name);
    n_ids = n_twice = 0;
    n_key_refused = n_machine_lost = 0;
    uv_loop_init(&loop);
    cloud_server_open(&server, &loop, answer, NULL);
    snprintf(url, sizeof url, "http://127.0.0.1:%d", server.port);
    storage_config sc = {.folder = path, .user_id = "u", .n_producers = 1, .has_cloud = true};
    err e = storage_open(&sc, &store, &why);
    if (e == OK) e = storage_start(store, &loop, on_committed, NULL, &why);
    if (e == OK)
        e = postgrest_new(&(postgrest_config){.loop = &loop, .url = url, .key = "test_key", .timeout_ms = 1000},
                          &client, &why);
    synchronizer_config config = {.loop = &loop,
                                  .storage = store,
                                  .client = client,
                                  .interval_ms = 50,
                                  .rows_per_s = 100000,
                                  .handlers = {on_key_refused, on_machine_lost, NULL}};
    if (e == OK) e = synchronizer_new(&config, &syncing);
    if (e != OK) {
        ok(false, "opening: %s", why.text);
        exit(done());
    }
    synchronizer_set_machine(syncing, "machine-row");
}

static void commit_signals(uint32_t from_bar, uint32_t n_bars, uint32_t n_signals) {
    for (uint32_t bar = from_bar; bar < from_bar + n_bars; bar++)
        must(storage_submit(store, 0, new_pass("BTCUSDT", bar, n_signals)));
}

static outbox_counts counts;

static err do_count(local_db *db, void *job, diag *why) { return outbox_count(db, job, why); }

static bool is_counted;

static void on_count(void *job, err error, const char *why) {
    (void)job;
    if (error != OK) printf("# %s\n", why);
    is_counted = true;
}

static outbox_counts count(void) {
    int64_t deadline = monotonic_ms() + DEADLINE_MS;
    is_counted = false;
    if (storage_read(store, do_count, on_count, &counts) != OK) return counts;
    while (!is_counted && monotonic_ms() < deadline) uv_run(&loop, UV_RUN_ONCE);
    return counts;
}

static bool wait_until(bool (*is_true)(void)) { return cloud_wait_until(&loop, is_true, DEADLINE_MS); }

static bool is_empty(void) {
    storage_stats s;
    storage_read_stats(store, &s);
    return s.n_queued == 0 && count().n_waiting == 0;
}

static synchronizer_state state(void) {
    synchronizer_stats s;
    synchronizer_get_stats(syncing, &s);
    return s.state;
}

static bool has_finished;

static void on_finished(void *context) {
    (void)context;
    has_finished = true;
}

static bool is_finished(void) { return has_finished; }

static void finish(int64_t timeout_ms) {
    has_finished = false;
    synchronizer_finish(syncing, timeout_ms, on_finished, NULL);
    ok(!has_finished && wait_until(is_finished), "it finishes");
}

static void close_all(void) {
    diag why = {""};
    finish(1000);
    postgrest_close(client, NULL, NULL);
    uv_run(&loop, UV_RUN_NOWAIT);
    cloud_server_close(&server);
    while (server.n_open) uv_run(&loop, UV_RUN_ONCE);
    ok(storage_drain_and_stop(store, 1000, NULL, NULL, &why) == OK, "storage stops %s", why.text);
    synchronizer_close(syncing, NULL, NULL);
    uv_run(&loop, UV_RUN_DEFAULT);
    ok(uv_loop_close(&loop) == 0, "no handle is left open");
    cloud_server_forget(&server);
}

/* ---- the cases ---- */

static void test_all_is_sent(void) {
    open_all("all", take_all);
    commit_signals(0, 50, 3);
    ok(wait_until(is_empty), "all is sent");
    ok(n_ids == 150 && n_twice == 0, "%zu signals, %zu of them twice", n_ids, n_twice);
    ok(state() == SYNCHRONIZER_OK, "state ok");
    const char *first = server.asked[0];
    for (int i = 0; i < server.n_asked && !is_of(first, "POST /rest/v1/signals"); i++) first = server.asked[i];
    ok(strstr(first, "on_conflict=id") && strstr(first, "resolution=ignore-duplicates") &&
           strstr(first, "?columns=id,user_id,"),
       "inserts that leave alone what is there");
    ok(strstr(first, "\"machine_id\":\"machine-row\"") != NULL, "with the machine's row");
    close_all();
}

/* Two batches are under way at a time, and share no row. */
static void test_two_ahead(void) {
    open_all("two", take_all);
    synchronizer_set_machine(syncing, NULL);
    commit_signals(0, 400, 5);
    while (count().n_waiting < 4000) uv_run(&loop, UV_RUN_ONCE);
    synchronizer_set_machine(syncing, "machine-row");
    ok(wait_until(is_empty) && n_ids == 2000 && n_twice == 0, "%zu signals, %zu of them twice", n_ids, n_twice);
    close_all();
}

static void test_finish(void) {
    open_all("finish", take_all);
    synchronizer_set_machine(syncing, NULL);
    commit_signals(0, 20, 2);
    ok(state() == SYNCHRONIZER_WAITING, "nothing goes without the machine's row");
    while (count().n_waiting < 80) uv_run(&loop, UV_RUN_ONCE);
    ok(n_ids == 0, "so nothing went");
    synchronizer_set_machine(syncing, "machine-row");
    close_all();
    ok(n_ids == 40, "the end sends what waits");
}

static int n_bad_requests;

/* Every row of bar 7 is refused, and with it whatever is sent along. */
static const char *refuse_bar(cloud_server *s, int n, const char *request, const char *body) {
    if (!is_of(request, "POST /rest/v1/signals") || !strstr(body, "\"timestamp\":\"2026-02-03T00:07:00Z\""))
        return take_all(s, n, request, body);
    n_bad_requests++;
    return REFUSED("400", "23514");
}

static void test_bad_rows(void) {
    n_bad_requests = 0;
    open_all("bad", refuse_bar);
    commit_signals(0, 100, 2);
    ok(wait_until(is_empty), "nothing waits");
    ok(n_ids == 198 && counts.n_dead == 2, "all but the bad rows are there: %zu, %llu dead", n_ids,
       (unsigned long long)counts.n_dead);
    ok(n_twice == 0 && n_bad_requests < 40, "found in %d requests", n_bad_requests);
    ok(state() == SYNCHRONIZER_OK, "and all is well");
    close_all();
}

static int n_failures_left;

static const char *fail_first(cloud_server *s, int n, const char *request, const char *body) {
    if (n_failures_left-- > 0) return REFUSED("503", "PGRST");
    return take_all(s, n, request, body);
}

static bool is_open(void) { return state() == SYNCHRONIZER_OUTAGE; }

/* Of the bar's first signal among what the cloud has taken. */
static size_t place_of_bar(uint32_t bar) {
    signal_row s;
    size_t place = 0;
    fill_signal(&s, "BTCUSDT", bar, 0);
    while (place < n_ids && strcmp(ids[place], s.id) != 0) place++;
    signal_row_deinit(&s);
    return place;
}

static void test_outage(void) {
    n_failures_left = 1 << 20;
    open_all("outage", fail_first);
    synchronizer_set_machine(syncing, NULL);
    commit_signals(0, 150, 2);
    while (count().n_waiting < 600) uv_run(&loop, UV_RUN_ONCE);
    synchronizer_set_machine(syncing, "machine-row");
    ok(wait_until(is_open), "failures in a row are an outage");
    int asked = server.n_asked;
    synchronizer_force(syncing);
    uv_run(&loop, UV_RUN_NOWAIT);
    ok(server.n_asked == asked, "in which nobody asks before the wait is over");
    n_failures_left = 0;
    ok(wait_until(is_empty) && n_ids == 300 && n_twice == 0, "then what has waited goes: %zu", n_ids);
    ok(place_of_bar(149) < place_of_bar(0), "the newest first");
    close_all();
}

/* Done, but the answer is lost. */
static const char *lose_some(cloud_server *s, int n, const char *request, const char *body) {
    const char *answer = take_all(s, n, request, body);
    return n_failures_left-- > 0 ? NULL : answer;
}

static void test_lost_answers(void) {
    n_failures_left = 3;
    open_all("lost", lose_some);
    commit_signals(0, 40, 2);
    ok(wait_until(is_empty) && n_ids == 80, "what is sent twice is sent with the same ids: %zu, %zu twice", n_ids,
       n_twice);
    ok(n_twice > 0, "and it was");
    close_all();
}

static size_t most_rows;

static const char *refuse_big(cloud_server *s, int n, const char *request, const char *body) {
    if (strlen(body) > 5000) return "HTTP/1.1 413 no\r\nContent-Length: 0\r\n\r\n";
    size_t rows = take_rows(request, body);
    if (rows > most_rows) most_rows = rows;
    (void)s, (void)n;
    return CREATED;
}

static void test_too_big(void) {
    most_rows = 0;
    open_all("big", refuse_big);
    commit_signals(0, 60, 2);
    ok(wait_until(is_empty) && n_ids == 120 && counts.n_dead == 0, "batches shrink until they pass: at most %zu rows",
       most_rows);
    close_all();
}

static const char *refuse_key(cloud_server *s, int n, const char *request, const char *body) {
    if (n_key_refused < 2) return "HTTP/1.1 401 no\r\nContent-Length: 27\r\n\r\n{\"message\":\"Invalid key...\"}";
    return take_all(s, n, request, body);
}

static bool is_key_refused(void) { return state() == SYNCHRONIZER_KEY; }

static void test_key(void) {
    open_all("key", refuse_key);
    commit_signals(0, 10, 2);
    ok(wait_until(is_key_refused), "a refused key is its own state");
    ok(wait_until(is_empty) && n_ids == 20 && n_key_refused == 2, "the key is asked for before each try");
    ok(state() == SYNCHRONIZER_OK, "until one is taken");
    close_all();
}

static const char *lack_table(cloud_server *s, int n, const char *request, const char *body) {
    if (is_of(request, "POST /rest/v1/cloud_events")) return REFUSED("404", "42P01");
    return take_all(s, n, request, body);
}

static bool are_signals_sent(void) { return n_ids == 20 && state() == SYNCHRONIZER_SCHEMA; }

static void test_schema(void) {
    open_all("schema", lack_table);
    commit_signals(0, 10, 2);
    ok(wait_until(are_signals_sent), "a table that is missing holds up its own rows, and no others");
    ok(count().waiting[CLOUD_EVENTS] == 20 && counts.n_dead == 0, "and no row is to blame");
    close_all();
}

static const char *lack_machine(cloud_server *s, int n, const char *request, const char *body) {
    if (n_machine_lost) return take_all(s, n, request, body);
    return "HTTP/1.1 409 no\r\nContent-Length: 86\r\n\r\n{\"code\":\"23503\",\"message\":\"violates foreign "
           "key\",\"details\":\"no row in cloud_machines\"}";
}

static bool is_machine_lost(void) { return n_machine_lost > 0; }

static void test_machine_lost(void) {
    open_all("lost_machine", lack_machine);
    commit_signals(0, 10, 2);
    ok(wait_until(is_machine_lost) && count().n_dead == 0, "without the machine's row no row is to blame");
    ok(n_machine_lost == 1 && state() == SYNCHRONIZER_WAITING, "and nothing goes until there is another");
    synchronizer_set_machine(syncing, "other-row");
    ok(wait_until(is_empty) && n_ids == 20, "then all goes");
    close_all();
}

static void commit_tick(uint32_t bar, bool is_close) {
    pass *p = new_pass("BTCUSDT", bar, 0);
    signal_row s;
    fill_signal(&s, "BTCUSDT", bar, 0);
    s.state = SIGNAL_PROVISIONAL;
    p->is_tick = !is_close;
    if (is_close)
        must(pass_add_settle(p, s.trader_id, s.open_ms, SIGNAL_WITHDRAWN));
    else
        must(pass_add_signal(p, &s));
    signal_row_deinit(&s);
    must(storage_submit(store, 0, p));
}

static void test_amend(void) {
    open_all("amend", take_all);
    commit_tick(0, false);
    ok(wait_until(is_empty) && n_ids == 1, "a provisional signal is there");
    int asked = server.n_asked;
    commit_tick(0, true);
    ok(wait_until(is_empty), "it is withdrawn");
    const char *amend = NULL, *patch = NULL;
    for (int i = asked; i < server.n_asked; i++) {
        if (is_of(server.asked[i], "POST /rest/v1/signals")) amend = server.asked[i];
        if (is_of(server.asked[i], "PATCH /rest/v1/signals")) patch = server.asked[i];
    }
    ok(amend && strstr(amend, "resolution=merge-duplicates") && !strstr(amend, "status") && strstr(amend, "withdrawn"),
       "the row is merged, but for its status");
    ok(patch && is_of(patch, "&status=eq.new ") && strstr(patch, "id=in.(") &&
           strstr(patch, "{\"status\":\"expired\"}"),
       "which moves on only where nobody else has moved it");
    close_all();
}

int main(void) {
    char remove[96];
    signal(SIGPIPE, SIG_IGN);
    log_init(LOG_OFF, LOG_HUMAN);
    snprintf(folder, sizeof folder, "/tmp/trademind-sy-XXXXXX");
    if (!mkdtemp(folder)) return 1;
    test_all_is_sent();
    test_two_ahead();
    test_finish();
    test_bad_rows();
    test_outage();
    test_lost_answers();
    test_too_big();
    test_key();
    test_schema();
    test_machine_lost();
    test_amend();
    snprintf(remove, sizeof remove, "rm -rf %s", folder);
    if (system(remove) != 0) ok(false, "cleaning up");
    return done();
}
