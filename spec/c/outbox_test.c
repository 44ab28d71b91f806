/* The outbox: entries in the transaction of what they name, generations, order, dead letters, and what a row looks like. */
#include "spec/c/databases.h"
#include "sync/error_table.h"
#include "sync/outbox.h"
#include <jansson.h>
#include <sys/stat.h>

enum { NOW_MS = 1770076800 };

static local_db *open_cloud(const char *name) {
    diag why = {""};
    local_db *db = NULL;
    char path[128];
    in_folder(path, name);
    local_db_config config = {.folder = path, .user_id = "user-1", .machine_id = "machine-1", .has_cloud = true};
    if (local_db_open(&config, &db, &why) != OK) {
        ok(false, "opening: %s", why.text);
        exit(done());
    }
    return db;
}

static void commit_signals(local_db *db, uint32_t bar, uint32_t n) {
    pass *p = new_pass("BTCUSDT", bar, n);
    uint32_t n_new;
    candle candles[3];
    for (int i = 0; i < 3; i++) candles[i] = (candle){p->open_ms - (2 - i) * PASS_BAR_MS, 1, 2, 0.5, 1.25 + i, 10};
    must(pass_add_candles(p, candles, 3));
    must(pass_add_candles(p, candles, 3)); /* of the same bar: nothing to do */
    ok(p->n_candles == 1 && commit_one(db, p, &n_new), "bar %u with %u signals", bar, n);
    pass_free(p);
}

static outbox_batch read_batch(local_db *db, cloud_table_id table, outbox_op op, uint32_t most, size_t most_bytes) {
    outbox_batch b = {0};
    diag why = {""};
    outbox_query q = {.table = table, .op = op, .most = most, .most_bytes = most_bytes, .machine_row = "machine-row"};
    if (outbox_read(db, &q, &b, &why) != OK) ok(false, "reading: %s", why.text);
    return b;
}

static json_t *object(const outbox_batch *b, size_t i) {
    return json_loadb(b->text + b->rows[i].at, b->rows[i].bytes, 0, NULL);
}

static const char *text(const json_t *o, const char *key) {
    const char *value = json_string_value(json_object_get(o, key));
    return value ? value : "(none)";
}

static outbox_counts counts(local_db *db) {
    outbox_counts c = {0};
    diag why = {""};
    if (outbox_count(db, &c, &why) != OK) ok(false, "counting: %s", why.text);
    return c;
}

static void settle_all(local_db *db, const outbox_batch *b) {
    int64_t n[64];
    diag why = {""};
    for (size_t i = 0; i < b->count; i++) n[i] = b->rows[i].n;
    ok(outbox_settle(db, n, b->count, &why) == OK, "%zu settled", b->count);
}

static void test_without_cloud(void) {
    local_db *db = open_db();
    commit_signals(db, 0, 2);
    ok(counts(db).n_waiting == 0, "without a cloud nothing waits");
    local_db_close(db);
}

static void test_row(void) {
    local_db *db = open_cloud("row");
    commit_signals(db, 1, 2);
    outbox_counts c = counts(db);
    ok(c.waiting[CLOUD_SIGNALS] == 2 && c.waiting[CLOUD_EVENTS] == 2 && c.n_waiting == 4 &&
           c.oldest_ms == pass_bar(2) + 5,
       "each signal waits, with its event");
    outbox_batch b = read_batch(db, CLOUD_SIGNALS, OUTBOX_INSERT, 10, 1 << 20);
    ok(b.count == 2 && !b.has_more, "both are read");
    json_t *whole = json_loads(b.text, 0, NULL), *o = object(&b, 1);
    ok(json_array_size(whole) == 2 && json_equal(json_array_get(whole, 1), o),
       "as one array, of which each knows its place");
    signal_row s;
    fill_signal(&s, "BTCUSDT", 1, 0);
    ok(strcmp(text(o, "id"), s.id) == 0 && strcmp(text(o, "trader_id"), s.trader_id) == 0, "the newest comes first");
    ok(strcmp(text(o, "user_id"), "user-1") == 0 && strcmp(text(o, "machine_id"), "machine-row") == 0,
       "with its user and machine");
    ok(strcmp(text(o, "timestamp"), "2026-02-03T00:01:00Z") == 0 &&
           strcmp(text(o, "created_at"), "2026-02-03T00:02:00.005Z") == 0,
       "times are ISO 8601: %s, %s", text(o, "timestamp"), text(o, "created_at"));
    ok(json_number_value(json_object_get(o, "price")) == s.price &&
           json_is_null(json_object_get(o, "change_percent_at_signal")),
       "numbers are numbers, what is unknown is null");
    ok(json_is_array(json_object_get(o, "matched_conditions")) &&
           strcmp(text(json_object_get(o, "metadata"), "state"), "confirmed") == 0,
       "JSON is JSON");
    const json_t *klines = json_object_get(json_object_get(o, "indicator_data"), "klines");
    ok(json_array_size(klines) == 3 &&
           json_integer_value(json_object_get(json_array_get(klines, 2), "x")) == s.open_ms &&
           json_number_value(json_object_get(json_array_get(klines, 2), "c")) == 3.25,
       "its candles are in it");
    ok(strcmp(text(o, "status"), "new") == 0 && strcmp(text(o, "source"), "cloud") == 0 && json_object_size(o) == 17,
       "all columns");
    json_t *first = object(&b, 0);
    ok(json_is_array(json_object_get(json_object_get(first, "indicator_data"), "plots")),
       "and its plots, when it has some");
    json_decref(first);
    json_decref(o);
    json_decref(whole);
    signal_row_deinit(&s);
    outbox_batch_deinit(&b);

    b = read_batch(db, CLOUD_EVENTS, OUTBOX_INSERT, 10, 1 << 20);
    o = object(&b, 0);
    ok(strcmp(text(o, "event_type"), "signal_created") == 0 &&
           strcmp(text(json_object_get(o, "details"), "symbol"), "BTCUSDT") == 0 &&
           strcmp(text(o, "machine_id"), "machine-row") == 0,
       "the event says of what");
    json_decref(o);
    outbox_batch_deinit(&b);
    commit_signals(db, 1, 2);
    ok(counts(db).n_waiting == 4, "the same pass again changes nothing");
    local_db_close(db);
}

static void test_pages(void) {
    local_db *db = open_cloud("pages");
    for (uint32_t bar = 0; bar < 5; bar++) commit_signals(db, bar, 2);
    outbox_batch b = read_batch(db, CLOUD_SIGNALS, OUTBOX_INSERT, 4, 1 << 20);
    ok(b.count == 4 && b.has_more, "at most as many as asked for");
    outbox_batch_deinit(&b);
    b = read_batch(db, CLOUD_SIGNALS, OUTBOX_INSERT, 10, 1500);
    ok(b.count == 2 && b.has_more, "at most so many bytes, and the row that is over");
    settle_all(db, &b);
    outbox_batch_deinit(&b);
    b = read_batch(db, CLOUD_SIGNALS, OUTBOX_INSERT, 10, 1);
    ok(b.count == 1, "one row is read whatever its size");
    outbox_batch_deinit(&b);
    b = read_batch(db, CLOUD_SIGNALS, OUTBOX_INSERT, 8, 1 << 20);
    ok(b.count == 8 && !b.has_more && counts(db).waiting[CLOUD_SIGNALS] == 8, "what is settled waits no more");
    outbox_query rest = {.table = CLOUD_SIGNALS,
                         .op = OUTBOX_INSERT,
                         .most = 8,
                         .most_bytes = 1 << 20,
                         .skip_from = b.rows[5].n,
                         .skip_to = b.rows[2].n};
    outbox_batch others = {0};
    diag why = {""};
    ok(outbox_read(db, &rest, &others, &why) == OK && others.count == 4 && others.rows[1].n == b.rows[1].n &&
           others.rows[2].n == b.rows[6].n,
       "what another batch has is left out");
    outbox_batch_deinit(&others);
    outbox_batch_deinit(&b);
    local_db_close(db);
}

/* A pass that settles the provisional signals of its bar. */
static void commit_settling(local_db *db, uint32_t bar, signal_state state) {
    pass *p = new_pass("BTCUSDT", bar, 0);
    signal_row s;
    uint32_t n_new;
    fill_signal(&s, "BTCUSDT", bar, 0);
    must(pass_add_settle(p, s.trader_id, s.open_ms, state));
    ok(commit_one(db, p, &n_new), "its bar closes: %s", signal_state_name(state));
    signal_row_deinit(&s);
    pass_free(p);
}

static void commit_provisional(local_db *db, uint32_t bar) {
    pass *p = new_pass("BTCUSDT", bar, 0);
    signal_row s;
    uint32_t n_new;
    fill_signal(&s, "BTCUSDT", bar, 0);
    s.state = SIGNAL_PROVISIONAL;
    p->is_tick = true;
    must(pass_add_signal(p, &s));
    ok(commit_one(db, p, &n_new) && n_new == 1, "a provisional signal");
    signal_row_deinit(&s);
    pass_free(p);
}

static void test_generations(void) {
    local_db *db = open_cloud("generations");
    commit_provisional(db, 0);
    outbox_batch sent = read_batch(db, CLOUD_SIGNALS, OUTBOX_INSERT, 10, 1 << 20);
    commit_settling(db, 0, SIGNAL_WITHDRAWN);
    settle_all(db, &sent);
    outbox_batch_deinit(&sent);
    ok(counts(db).waiting[CLOUD_SIGNALS] == 1, "a row that changes while it is being sent waits again");
    sent = read_batch(db, CLOUD_SIGNALS, OUTBOX_AMEND, 10, 1 << 20);
    json_t *o = sent.count == 1 ? object(&sent, 0) : NULL;
    ok(o && !json_object_get(o, "status") && strcmp(text(json_object_get(o, "metadata"), "state"), "withdrawn") == 0 &&
           sent.rows[0].is_expired,
       "as an amendment: all but its status, which others may have moved on");
    json_decref(o);
    settle_all(db, &sent);
    outbox_batch_deinit(&sent);
    commit_provisional(db, 1);
    commit_settling(db, 1, SIGNAL_CONFIRMED);
    ok(counts(db).waiting[CLOUD_SIGNALS] == 1, "one that changes before it is sent waits once");
    sent = read_batch(db, CLOUD_SIGNALS, OUTBOX_AMEND, 10, 1 << 20);
    ok(sent.count == 1 && !sent.rows[0].is_expired, "and is sent as it is then");
    outbox_batch_deinit(&sent);
    local_db_close(db);
}

static int n_letters;
static char letter[4096];

static void on_letter(void *context, const char *json) {
    (void)context;
    n_letters++;
    snprintf(letter, sizeof letter, "%s", json);
}

static void list(local_db *db) {
    diag why = {""};
    n_letters = 0;
    ok(outbox_list_dead(db, on_letter, NULL, &why) == OK, "dead letters are listed %s", why.text);
}

static void test_dead(void) {
    local_db *db = open_cloud("dead");
    diag why = {""};
    uint64_t count = 0;
    commit_signals(db, 0, 3);
    outbox_batch b = read_batch(db, CLOUD_SIGNALS, OUTBOX_INSERT, 10, 1 << 20);
    for (size_t i = 0; i < 2; i++)
        ok(outbox_bury(db, b.rows[i].n, "23514", "HTTP 400 23514: it breaks a check", NOW_MS, &why) == OK,
           "one is refused for good");
    outbox_counts c = counts(db);
    ok(c.waiting[CLOUD_SIGNALS] == 1 && c.n_dead == 2, "it waits no more, and is kept");
    list(db);
    json_t *o = json_loads(letter, 0, NULL), *sent = object(&b, 1), *row = json_object_get(o, "row");
    ok(n_letters == 2 && strcmp(text(o, "table"), "signals") == 0 && strcmp(text(o, "code"), "23514") == 0 &&
           strstr(text(o, "reason"), "breaks a check") && json_integer_value(json_object_get(o, "diedAt")) == NOW_MS,
       "with its reason");
    ok(strcmp(text(row, "id"), text(sent, "id")) == 0 && json_object_size(row) == json_object_size(sent),
       "and what was refused");
    int64_t n = json_integer_value(json_object_get(o, "n"));
    json_decref(o);
    json_decref(sent);
    outbox_batch_deinit(&b);
    ok(outbox_retry(db, n, &count, &why) == OK && count == 1 && counts(db).n_dead == 1 &&
           counts(db).waiting[CLOUD_SIGNALS] == 2,
       "one is tried again");
    ok(outbox_retry(db, n, &count, &why) == OK && count == 0, "once");
    ok(outbox_drop(db, 0, &count, &why) == OK && count == 1 && counts(db).n_dead == 0 &&
           counts(db).waiting[CLOUD_SIGNALS] == 2,
       "the others are forgotten");
    list(db);
    ok(n_letters == 0, "then there are none");
    local_db_close(db);
}

static void test_rows(void) {
    local_db *db = open_cloud("rows");
    diag why = {""};
    static const char metric[] =
        "{\"id\":\"m-1\",\"cpu_usage_vcpus\":0.25,\"memory_used_mb\":40,\"recorded_at\":1770076800250}";
    static const char analysis[] =
        "{\"id\":\"a-1\",\"signal_id\":\"%s\",\"trader_id\":\"t\",\"user_id\":\"u\",\"decision\":\"wait\","
        "\"key_levels\":{\"stop\":[1,2]},\"created_at\":1770076800000}";
    char text_of_analysis[512];
    ok(outbox_put_row(db, CLOUD_METRICS, metric, &why) == OK, "a row of the machine %s", why.text);
    ok(outbox_put_row(db, CLOUD_METRICS, metric, &why) == OK && counts(db).waiting[CLOUD_METRICS] == 1,
       "twice is once");
    outbox_batch b = read_batch(db, CLOUD_METRICS, OUTBOX_INSERT, 10, 1 << 20);
    json_t *o = object(&b, 0);
    ok(json_number_value(json_object_get(o, "cpu_usage_vcpus")) == 0.25 &&
           json_integer_value(json_object_get(o, "memory_used_mb")) == 40 &&
           json_is_null(json_object_get(o, "errors_count")) &&
           strcmp(text(o, "recorded_at"), "2026-02-03T00:00:00.250Z") == 0,
       "comes out as it went in");
    json_decref(o);
    outbox_batch_deinit(&b);
    commit_signals(db, 0, 1);
    signal_row s;
    fill_signal(&s, "BTCUSDT", 0, 0);
    snprintf(text_of_analysis, sizeof text_of_analysis, analysis, s.id);
    signal_row_deinit(&s);
    ok(outbox_put_row(db, CLOUD_ANALYSES, text_of_analysis, &why) == OK, "an analysis");
    b = read_batch(db, CLOUD_ANALYSES, OUTBOX_INSERT, 10, 1 << 20);
    ok(b.count == 0 && !b.has_more, "waits for its signal");
    outbox_batch_deinit(&b);
    b = read_batch(db, CLOUD_SIGNALS, OUTBOX_INSERT, 10, 1 << 20);
    settle_all(db, &b);
    outbox_batch_deinit(&b);
    b = read_batch(db, CLOUD_ANALYSES, OUTBOX_INSERT, 10, 1 << 20);
    o = b.count ? object(&b, 0) : NULL;
    ok(b.count == 1 && json_array_size(json_object_get(json_object_get(o, "key_levels"), "stop")) == 2,
       "and goes after it");
    json_decref(o);
    outbox_batch_deinit(&b);
    ok(outbox_put_row(db, CLOUD_METRICS, "{\"id\":\"m-2\"}", &why) != OK && counts(db).waiting[CLOUD_METRICS] == 1,
       "a row that lacks what it needs is refused whole: %s", why.text);
    ok(outbox_put_row(db, CLOUD_METRICS, "{", &why) != OK, "so is what is no JSON");
    local_db_close(db);
}

static void test_prune(void) {
    local_db *db = open_cloud("prune");
    diag why = {""};
    const int64_t late_ms = pass_bar(0) + INT64_C(100) * 86400000;
    commit_signals(db, 0, 1);
    ok(outbox_put_row(db, CLOUD_METRICS, "{\"id\":\"m-1\",\"recorded_at\":1770076800250}", &why) == OK, "a metric");
    ok(outbox_prune(db, late_ms, &why) == OK && counts(db).n_waiting == 3, "what still waits is kept %s", why.text);
    outbox_batch b = read_batch(db, CLOUD_METRICS, OUTBOX_INSERT, 10, 1 << 20);
    ok(b.count == 1, "and is read");
    settle_all(db, &b);
    outbox_batch_deinit(&b);
    ok(outbox_prune(db, late_ms, &why) == OK, "what has arrived goes");
    local_db_close(db);
    sqlite3 *handle = NULL;
    sqlite3_stmt *select = NULL;
    char path[128];
    in_folder(path, "prune/trademind.db");
    sqlite3_open(path, &handle);
    sqlite3_prepare_v2(handle,
                       "SELECT (SELECT count(*) FROM cloud_metrics), (SELECT count(*) FROM cloud_events), (SELECT "
                       "count(*) FROM candles)",
                       -1, &select, NULL);
    ok(sqlite3_step(select) == SQLITE_ROW && sqlite3_column_int(select, 0) == 0 && sqlite3_column_int(select, 1) == 1 &&
           sqlite3_column_int(select, 2) == 1,
       "of the metrics, not of what waits, nor its candles");
    sqlite3_finalize(select);
    sqlite3_close(handle);
}

static void test_errors(void) {
    local_db *db = open_cloud("errors");
    diag why = {""};
    trader_error_row e = {.trader_id = "t-1",
                          .trader = "t",
                          .revision = "r",
                          .line = 3,
                          .count = 1,
                          .first_ms = 1000,
                          .last_ms = 2000,
                          .message = "oh"};
    ok(error_table_put(db, &e, 1, &why) == OK && counts(db).waiting[CLOUD_ERRORS] == 1, "an error of a trader waits");
    outbox_batch b = read_batch(db, CLOUD_ERRORS, OUTBOX_INSERT, 10, 1 << 20);
    json_t *first = object(&b, 0);
    settle_all(db, &b);
    outbox_batch_deinit(&b);
    e.count = 7;
    ok(error_table_put(db, &e, 1, &why) == OK && error_table_resolve(db, "t-1", 3000, &why) == OK &&
           counts(db).waiting[CLOUD_ERRORS] == 1,
       "and again when it repeats or is past");
    b = read_batch(db, CLOUD_ERRORS, OUTBOX_INSERT, 10, 1 << 20);
    json_t *second = object(&b, 0);
    ok(strcmp(text(first, "id"), text(second, "id")) == 0 && strlen(text(first, "id")) == 36, "as the same row");
    ok(json_integer_value(json_object_get(second, "count")) == 7 &&
           strcmp(text(second, "resolved_at"), "1970-01-01T00:00:03Z") == 0 &&
           json_is_null(json_object_get(first, "resolved_at")),
       "with its count and its end");
    json_decref(first);
    json_decref(second);
    outbox_batch_deinit(&b);
    local_db_close(db);
}

int main(void) {
    char remove[96];
    snprintf(folder, sizeof folder, "/tmp/trademind-ob-XXXXXX");
    if (!mkdtemp(folder)) return 1;
    test_without_cloud();
    test_row();
    test_pages();
    test_generations();
    test_dead();
    test_rows();
    test_prune();
    test_errors();
    snprintf(remove, sizeof remove, "rm -rf %s", folder);
    if (system(remove) != 0) ok(false, "cleaning up");
    return done();
}
