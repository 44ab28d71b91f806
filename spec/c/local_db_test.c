/* sync/local_db on real files: what goes in comes out, what must be refused is refused with a sentence. */
#include "spec/c/databases.h"
#include "sync/schema.h"
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

static void remove_database(void) {
    const char *names[] = {"trademind.db", "trademind.db-wal", "trademind.db-shm"};
    for (int i = 0; i < 3; i++) {
        char path[128];
        in_folder(path, names[i]);
        unlink(path);
    }
}

static bool same(double a, double b) { return (isnan(a) && isnan(b)) || a == b; }

static bool same_text(const char *a, const char *b) { return a && b ? strcmp(a, b) == 0 : a == b; }

static bool is_same_signal(const signal_row *a, const signal_row *b) {
    for (int i = 0; i < 8; i++)
        if (!same(a->target[i], b->target[i])) return false;
    return !strcmp(a->id, b->id) && !strcmp(a->trader_id, b->trader_id) && !strcmp(a->trader, b->trader) &&
           !strcmp(a->trader_name, b->trader_name) && !strcmp(a->revision, b->revision) &&
           !strcmp(a->symbol, b->symbol) && a->interval == b->interval && a->open_ms == b->open_ms &&
           a->close_ms == b->close_ms && a->created_ms == b->created_ms && same(a->price, b->price) &&
           same(a->change_pct, b->change_pct) && same(a->volume, b->volume) && same(a->score, b->score) &&
           same(a->stop, b->stop) && a->n_targets == b->n_targets && a->side == b->side && a->state == b->state &&
           a->late == b->late && !strcmp(a->conditions, b->conditions) && !strcmp(a->tags, b->tags) &&
           same_text(a->values, b->values) && same_text(a->plots, b->plots);
}

static void round_trip(void) {
    local_db *db = open_db();
    ok(db != NULL, "a folder that is not there is made, with the database in it");
    diag why;
    uint32_t n_new = 99;
    for (uint32_t bar = 0; bar < 4; bar++) {
        pass *p = new_pass("BTCUSDT", bar, 2);
        if (!commit_one(db, p, &n_new) || n_new != 2) ok(false, "bar %u: two new signals", bar);
        pass_release(p);
    }
    signal_filter filter = {.limit = 500};
    signal_list list = {0};
    ok(signal_table_read(db, &filter, &list, &why) == OK && list.count == 8 && !list.has_more, "all eight are read");
    int n_same = 0;
    for (size_t i = 0; i < list.count; i++) {
        signal_row expected[2];
        uint32_t bar = 3 - (uint32_t)i / 2;
        for (uint32_t nth = 0; nth < 2; nth++) {
            fill_signal(&expected[nth], "BTCUSDT", bar, nth);
            n_same += is_same_signal(&list.rows[i], &expected[nth]);
            signal_row_deinit(&expected[nth]);
        }
    }
    ok(n_same == 8, "newest first, and every field is what was written (%d of 8)", n_same);
    signal_list_deinit(&list);
    local_db_close(db);
}

static void repeated_ids(void) {
    local_db *db = open_db();
    uint32_t n_new = 99;
    pass *p = new_pass("BTCUSDT", 1, 4); /* signals 0 and 1 of bar 1 are known */
    char third[ID_BYTES];
    snprintf(third, sizeof third, "%s", p->signals[2].id);
    p->signals[0].price = 1;
    ok(commit_one(db, p, &n_new) && n_new == 2, "of four signals the two known ones are not new");
    ok(strcmp(p->signals[0].id, third) == 0, "the new ones stand first");
    pass_release(p);
    signal_filter filter = {.limit = 500};
    signal_list list = {0};
    diag why;
    bool was_changed = false;
    if (signal_table_read(db, &filter, &list, &why) == OK)
        for (size_t i = 0; i < list.count; i++) was_changed |= list.rows[i].price == 1;
    ok(list.count == 10 && !was_changed, "a known id leaves its row as it is");
    signal_list_deinit(&list);
    pass *twice[2] = {new_pass("NEWUSDT", 1, 1), new_pass("NEWUSDT", 1, 1)};
    uint32_t each[2] = {9, 9};
    ok(local_db_commit(db, twice, 2, each, &why) == OK && each[0] == 1 && each[1] == 0,
       "also when both are in the same transaction");
    pass_release(twice[0]);
    pass_release(twice[1]);
    local_db_close(db);
}

typedef struct epochs_seen {
    int count;
    char keys[4][64];
    int64_t epoch_ms[4];
} epochs_seen;

static void on_epoch(void *context, const char *key, int64_t epoch_ms) {
    epochs_seen *seen = context;
    if (seen->count == 4) return;
    snprintf(seen->keys[seen->count], 64, "%s", key);
    seen->epoch_ms[seen->count++] = epoch_ms;
}

static void put_epochs(local_db *db) {
    pass *p = new_pass("BTCUSDT", 4, 0);
    const char *keys[] = {"z last by name, first by time", "1m sma(close,14)", "a first by name"};
    for (int i = 0; i < 3; i++) must(pass_add_epoch(p, keys[i], 1000 + i));
    uint32_t n_new;
    ok(commit_one(db, p, &n_new), "epochs are written, one of them for the second time");
    pass_release(p);
}

static void restore(void) {
    diag why = {""};
    local_db *db = open_db();
    put_epochs(db);
    pass *empty = new_pass("BTCUSDT", 9, 0), *tick = new_pass("BTCUSDT", 8, 0), *older = new_pass("BTCUSDT", 2, 0);
    empty->open_ms = 0;
    tick->is_tick = true;
    tick->edges[0].is_tick = true;
    tick->edges[0].n_ticks = 3;
    tick->edges[0].tick_open_ms = pass_bar(8);
    uint32_t n_new;
    ok(commit_one(db, empty, &n_new) && commit_one(db, tick, &n_new), "a pass without a bar, and one of a tick");
    older->n_owed = 0;
    ok(commit_one(db, older, &n_new), "a pass of an older bar that owes nothing");
    pass_release(empty);
    pass_release(tick);
    pass_release(older);
    local_db_close(db);

    db = open_db();
    memory *m = NULL;
    ok(memory_new(&m) == OK && local_db_restore(db, m, &why) == OK, "restored after a reopen %s", why.text);
    ok(memory_watermark(m, "BTCUSDT", INTERVAL_1M) == pass_bar(4),
       "the watermark is the newest bar, never went back, and is not moved by a tick");
    ok(!memory_owed(m, "BTCUSDT", INTERVAL_1M, "owing-1") && !memory_owed(m, "BTCUSDT", INTERVAL_1M, "owing-2"),
       "what is owed is the last list, here empty");
    ok(memory_owed(m, "NEWUSDT", INTERVAL_1M, "owing-1") != NULL, "and another symbol's is its own");
    const edge_row *edge = memory_edge(m, "BTCUSDT", "trader-of-the-edge", "r1", false);
    ok(edge && edge->run_open_ms == pass_bar(2) && edge->signal_open_ms == pass_bar(1) && edge->is_matching &&
           edge->has_run && edge->start_ms == PASS_FIRST_MS,
       "the edge is the last one written");
    edge = memory_edge(m, "BTCUSDT", "trader-of-the-edge", "r1", true);
    ok(edge && edge->is_tick && edge->n_ticks == 3 && edge->tick_open_ms == pass_bar(8) &&
           edge->run_open_ms == pass_bar(8) && edge->is_matching,
       "the one of ticks stands beside it");
    ok(!memory_edge(m, "BTCUSDT", "trader-of-the-edge", "r2", false), "an edited trader has none");
    epochs_seen seen = {0};
    memory_each_epoch(m, "BTCUSDT", on_epoch, &seen);
    ok(seen.count == 3 && !strcmp(seen.keys[0], "1m sma(close,14)") && seen.epoch_ms[0] == 1001 &&
           !strcmp(seen.keys[1], "z last by name, first by time") && !strcmp(seen.keys[2], "a first by name"),
       "epochs keep the order of their start");
    memory_free(m);
    local_db_close(db);
}

static size_t count_pages(local_db *db, signal_filter filter, size_t *n_pages) {
    size_t total = 0;
    char last[SIGNAL_CURSOR_BYTES] = "";
    for (*n_pages = 0; *n_pages < 100; (*n_pages)++) {
        signal_list list = {0};
        diag why;
        if (signal_table_read(db, &filter, &list, &why) != OK) return 0;
        total += list.count;
        bool has_more = list.has_more;
        if (list.count) signal_cursor_format(&list.rows[list.count - 1], last);
        signal_list_deinit(&list);
        if (!has_more) return total;
        if (signal_cursor_parse(last, &filter) != OK) return 0;
    }
    return 0;
}

static void paging(void) {
    local_db *db = open_db();
    size_t n_pages;
    ok(count_pages(db, (signal_filter){.limit = 3}, &n_pages) == 11 && n_pages == 3,
       "pages of three meet each of the eleven rows once");
    ok(count_pages(db, (signal_filter){.limit = 2, .symbol = "NEWUSDT"}, &n_pages) == 1, "by symbol");
    ok(count_pages(db, (signal_filter){.limit = 2, .trader = "trader_1"}, &n_pages) == 4, "by a trader's key");
    signal_row s;
    fill_signal(&s, "BTCUSDT", 1, 3);
    signal_filter by_id = {.limit = 2};
    snprintf(by_id.trader, sizeof by_id.trader, "%s", s.trader_id);
    ok(count_pages(db, by_id, &n_pages) == 1, "by a trader's UUID");
    signal_row_deinit(&s);
    const char *bad[] = {"",
                         "x",
                         "12",
                         "12:",
                         "-5:6d8f2f0c-3f0e-5b7a-9c55-7a1c1f0e9b42",
                         "1:' OR 1=1 --",
                         "99999999999999999999:6d8f2f0c-3f0e-5b7a-9c55-7a1c1f0e9b42"};
    int n_refused = 0;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        n_refused += signal_cursor_parse(bad[i], &by_id) == ERR_SYNTAX;
    ok(n_refused == 7, "what is no cursor is refused");
    local_db_close(db);
}

static void settings(void) {
    local_db *db = open_db();
    char value[16];
    diag why;
    ok(local_db_setting(db, "machine_id", value, sizeof value, &why) == ERR_NOT_FOUND, "a setting that is not there");
    ok(local_db_set_setting(db, "machine_id", "one", &why) == OK &&
           local_db_set_setting(db, "machine_id", "two", &why) == OK,
       "a setting is written and written again");
    ok(local_db_setting(db, "machine_id", value, sizeof value, &why) == OK && !strcmp(value, "two"), "and read back");
    ok(local_db_setting(db, "machine_id", value, 3, &why) == ERR_TOO_BIG, "one that does not fit is refused");
    local_db_close(db);
}

static void checkpoint(void) {
    local_db *db = open_db();
    uint32_t n_new;
    diag why;
    pass *p = new_pass("CHKUSDT", 1, 3);
    ok(commit_one(db, p, &n_new) && local_db_wal_pages(db) > 0, "a commit stays in the log");
    pass_release(p);
    ok(local_db_checkpoint(db, &why) == OK && local_db_wal_pages(db) == 0, "until a checkpoint");
    local_db_close(db);
}

/* Someone else's eyes: what the sqlite3 shell would see while the database is open. */
static void readable_from_outside(void) {
    local_db *db = open_db();
    char path[128];
    in_folder(path, "trademind.db");
    sqlite3 *shell = NULL;
    sqlite3_stmt *row = NULL;
    sqlite3_open_v2(path, &shell, SQLITE_OPEN_READONLY, NULL);
    const char *sql = "SELECT user_id, machine_id, status, source, json_extract(metadata, '$.state'),"
                      " json_extract(matched_conditions, '$[0]'), change_percent_at_signal IS NULL, price_at_signal"
                      " FROM signals WHERE symbol = 'BTCUSDT' AND timestamp = 1770076860000 AND trader = 'trader_0'";
    sqlite3_prepare_v2(shell, sql, -1, &row, NULL);
    ok(sqlite3_step(row) == SQLITE_ROW && !strcmp((const char *)sqlite3_column_text(row, 0), "user-1") &&
           !strcmp((const char *)sqlite3_column_text(row, 1), "machine-1") &&
           !strcmp((const char *)sqlite3_column_text(row, 2), "new") &&
           !strcmp((const char *)sqlite3_column_text(row, 3), "cloud") &&
           !strcmp((const char *)sqlite3_column_text(row, 4), "confirmed") &&
           !strcmp((const char *)sqlite3_column_text(row, 5), "RSI crosses above the level") &&
           sqlite3_column_int(row, 6) == 1 && sqlite3_column_double(row, 7) == 100.1,
       "the row is plain to another reader while the database is open");
    sqlite3_finalize(row);
    sqlite3_close(shell);
    local_db_close(db);
}

/* A database of the first version, with an edge and a signal in it. */
static void older_schema(void) {
    diag why = {""};
    memory *m = NULL;
    remove_database();
    alter(schema_migrations[0]);
    alter("PRAGMA user_version = 1;"
          "INSERT INTO edges VALUES ('trader-of-the-edge', 'BTCUSDT', 'r1', 1, 2, 3, 1, 1);"
          "INSERT INTO signals (id, user_id, trader_id, symbol, interval, timestamp, price_at_signal, metadata,"
          " created_at) VALUES ('an-id', 'local', 'a-trader', 'BTCUSDT', '1m', 1770076800000, 5,"
          " '{\"trader\":\"old\",\"state\":\"confirmed\"}', 7)");
    local_db *db = open_db();
    ok(memory_new(&m) == OK && local_db_restore(db, m, &why) == OK, "an older database is brought up to date");
    const edge_row *edge = memory_edge(m, "BTCUSDT", "trader-of-the-edge", "r1", false);
    ok(edge && !edge->is_tick && edge->start_ms == 1 && edge->run_open_ms == 2 && edge->signal_open_ms == 3 &&
           edge->is_matching && edge->has_run && !memory_edge(m, "BTCUSDT", "trader-of-the-edge", "r1", true),
       "its edges are those of closes");
    signal_filter filter = {.limit = 5, .trader = "old", .has_state = true, .state = SIGNAL_CONFIRMED};
    signal_list list = {0};
    ok(signal_table_read(db, &filter, &list, &why) == OK && list.count == 1 && list.rows[0].price == 5 &&
           list.rows[0].state == SIGNAL_CONFIRMED && !list.rows[0].is_revised,
       "its signals are found by their state %s", why.text);
    signal_list_deinit(&list);
    memory_free(m);
    local_db_close(db);
    remove_database();
}

static bool is_refused(const char *at, err expected, const char *fragment) {
    diag why = {""};
    local_db *db = NULL;
    local_db_config config = {.folder = at};
    err failed = local_db_open(&config, &db, &why);
    printf("# %s\n", why.text);
    local_db_close(db);
    return failed == expected && strstr(why.text, fragment) && !strchr(why.text, '\n');
}

static void write_file(const char *name, const char *text, size_t bytes, off_t at) {
    char path[128];
    in_folder(path, name);
    int fd = open(path, O_WRONLY | O_CREAT, 0600);
    if (pwrite(fd, text, bytes, at) != (ssize_t)bytes) ok(false, "writing %s", path);
    close(fd);
}

static void refusals(void) {
    char path[128], noise[8192];
    alter("PRAGMA user_version = 99");
    ok(is_refused(folder, ERR_UNSUPPORTED, "newer trademind (schema 99"), "a newer schema is refused");
    char was[64];
    snprintf(was, sizeof was, "PRAGMA user_version = %d", schema_version);
    alter(was);
    local_db *db = open_db();
    ok(db != NULL, "and was left as it was");
    local_db_close(db);
    alter("DROP TABLE edges");
    ok(is_refused(folder, ERR_DATABASE, "no such table: edges"), "a table that is gone is named");
    alter("PRAGMA user_version = 0");
    ok(is_refused(folder, ERR_UNSUPPORTED, "belongs to another program"), "another program's database is refused");
    remove_database();
    memset(noise, 'x', sizeof noise);
    write_file("trademind.db", noise, sizeof noise, 0);
    ok(is_refused(folder, ERR_DAMAGED, "damaged"), "a file that is no database is refused");
    in_folder(path, "trademind.db");
    struct stat status;
    ok(stat(path, &status) == 0 && status.st_size == sizeof noise, "and not touched");
    ok(is_refused(path, ERR_IO, "no folder"), "a data folder that is a file is refused");
    in_folder(path, "trademind.db/deeper");
    ok(is_refused(path, ERR_IO, "cannot make"), "a data folder below a file is refused");
    remove_database();
}

/* The schema page is fine, a table behind it is not: restore says so and does not crash. */
static void damaged_inside(void) {
    local_db *db = open_db();
    uint32_t n_new;
    char symbol[SYMBOL_BYTES], noise[64];
    for (uint32_t i = 0; i < 300; i++) {
        snprintf(symbol, sizeof symbol, "SYMBOL%uUSDT", i);
        pass *p = new_pass(symbol, 0, 1);
        if (!commit_one(db, p, &n_new)) ok(false, "filling");
        pass_release(p);
    }
    local_db_close(db);
    char path[128];
    in_folder(path, "trademind.db");
    struct stat status;
    if (stat(path, &status) != 0) status.st_size = 0;
    memset(noise, 0xEE, sizeof noise);
    for (off_t at = 4096; at < status.st_size; at += 4096) write_file("trademind.db", noise, sizeof noise, at);
    diag why = {""};
    memory *m = NULL;
    local_db_config config = {.folder = folder};
    db = NULL;
    err failed = local_db_open(&config, &db, &why);
    if (!failed && memory_new(&m) == OK) failed = local_db_restore(db, m, &why);
    printf("# %s\n", why.text);
    ok(failed == ERR_DAMAGED && strstr(why.text, "damaged"), "damaged pages give the sentence");
    memory_free(m);
    local_db_close(db);
    remove_database();
}

/* In a child without root's rights, since root may write everywhere. */
static void unwritable(void) {
    if (chmod(folder, 0555) != 0) ok(false, "chmod");
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        if (getuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0)) _exit(2);
        _exit(is_refused(folder, ERR_IO, "cannot be written") ? 0 : 1);
    }
    int status = -1;
    waitpid(child, &status, 0);
    ok(WIFEXITED(status) && WEXITSTATUS(status) == 0, "a folder that cannot be written is refused");
    chmod(folder, 0755);
}

int main(void) {
    char top[32] = "/tmp/trademind-db-XXXXXX";
    if (!mkdtemp(top)) return 1;
    chmod(top, 0755); /* the child without rights must reach the folder */
    snprintf(folder, sizeof folder, "%s/a/b", top);
    round_trip();
    repeated_ids();
    restore();
    paging();
    settings();
    checkpoint();
    readable_from_outside();
    refusals();
    older_schema();
    damaged_inside();
    snprintf(folder, sizeof folder, "%s/closed", top);
    mkdir(folder, 0755);
    unwritable();
    char remove[64];
    snprintf(remove, sizeof remove, "rm -rf %s", top);
    return system(remove) != 0 || done();
}
