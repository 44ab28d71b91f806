/* sync/signal_table: what becomes of a signal after it is written: provisional ones are settled in place, historical ones
 * are kept as such, one that comes again with other values is marked. */
#include "spec/c/databases.h"

static pass *tick_pass(const char *symbol, uint32_t bar, uint32_t n_signals, signal_state state) {
    pass *p = new_pass(symbol, bar, n_signals);
    p->is_tick = state == SIGNAL_PROVISIONAL;
    for (uint32_t i = 0; i < n_signals; i++) p->signals[i].state = state;
    return p;
}

/* A pass of the bar's close that settles those of trader number `nth`. */
static pass *settling(const char *symbol, uint32_t bar, uint32_t nth, signal_state state) {
    pass *p = new_pass(symbol, bar, 0);
    signal_row s;
    fill_signal(&s, symbol, bar, nth);
    must(pass_add_settle(p, s.trader_id, s.open_ms, state));
    signal_row_deinit(&s);
    return p;
}

static size_t count_in(local_db *db, const char *symbol, signal_state state) {
    signal_filter filter = {.limit = 500, .has_state = true, .state = state};
    signal_list list = {0};
    diag why;
    size_t count;
    snprintf(filter.symbol, sizeof filter.symbol, "%s", symbol);
    if (signal_table_read(db, &filter, &list, &why) != OK) return SIZE_MAX;
    for (size_t i = 0; i < list.count; i++)
        if (list.rows[i].state != state) return SIZE_MAX;
    count = list.count;
    signal_list_deinit(&list);
    return count;
}

/* One value as another program reads it. */
static bool column_is(const char *id, const char *column, const char *expected) {
    char path[128], sql[256];
    sqlite3 *shell = NULL;
    sqlite3_stmt *row = NULL;
    in_folder(path, "trademind.db");
    snprintf(sql, sizeof sql, "SELECT %s FROM signals WHERE id = '%s'", column, id);
    sqlite3_open_v2(path, &shell, SQLITE_OPEN_READONLY, NULL);
    sqlite3_prepare_v2(shell, sql, -1, &row, NULL);
    const char *found = sqlite3_step(row) == SQLITE_ROW ? (const char *)sqlite3_column_text(row, 0) : "no row";
    bool is_so = expected ? found && !strcmp(found, expected) : !found;
    if (!is_so) printf("# %s is %s, expected %s\n", column, found ? found : "NULL", expected ? expected : "NULL");
    sqlite3_finalize(row);
    sqlite3_close(shell);
    return is_so;
}

static void test_settle(void) {
    local_db *db = open_db();
    pass *ticks = tick_pass("BTCUSDT", 3, 3, SIGNAL_PROVISIONAL),
         *other = tick_pass("BTCUSDT", 4, 3, SIGNAL_PROVISIONAL);
    pass *close = settling("BTCUSDT", 3, 0, SIGNAL_CONFIRMED);
    char ids[3][ID_BYTES];
    uint32_t n_new;
    signal_row second;
    for (int i = 0; i < 3; i++) snprintf(ids[i], ID_BYTES, "%s", ticks->signals[i].id);
    fill_signal(&second, "BTCUSDT", 3, 1);
    must(pass_add_settle(close, second.trader_id, second.open_ms, SIGNAL_WITHDRAWN));
    signal_row_deinit(&second);

    ok(commit_one(db, ticks, &n_new) && n_new == 3 && ticks->n_updates == 0, "provisional signals are new ones");
    ok(commit_one(db, other, &n_new) && count_in(db, "BTCUSDT", SIGNAL_PROVISIONAL) == 6, "and found by their state");
    ok(commit_one(db, close, &n_new) && n_new == 0 && close->n_updates == 2,
       "the close settles two of the bar's three");
    ok(!strcmp(close->updates[0].id, ids[0]) && close->updates[0].state == SIGNAL_CONFIRMED &&
           !strcmp(close->updates[0].trader_id, ticks->signals[0].trader_id) && !strcmp(close->updates[1].id, ids[1]) &&
           close->updates[1].state == SIGNAL_WITHDRAWN,
       "the pass says which, and how");
    ok(count_in(db, "BTCUSDT", SIGNAL_CONFIRMED) == 1 && count_in(db, "BTCUSDT", SIGNAL_WITHDRAWN) == 1 &&
           count_in(db, "BTCUSDT", SIGNAL_PROVISIONAL) == 4,
       "no other trader's and no other bar's");
    ok(column_is(ids[0], "json_extract(metadata, '$.state')", "confirmed") && column_is(ids[0], "status", "new") &&
           column_is(ids[1], "json_extract(metadata, '$.state')", "withdrawn") &&
           column_is(ids[1], "status", "expired") && column_is(ids[1], "json_extract(metadata, '$.score')", "0.5"),
       "in place, with the rest of the metadata as it was; one that is withdrawn is expired");

    ok(commit_one(db, close, &n_new) && close->n_updates == 0, "the same close again changes nothing");
    ok(commit_one(db, ticks, &n_new) && n_new == 0 && count_in(db, "BTCUSDT", SIGNAL_CONFIRMED) == 1 &&
           column_is(ids[0], "json_extract(metadata, '$.revised')", NULL),
       "nor do the same ticks: what is settled stays so");
    pass_release(ticks);
    pass_release(other);
    pass_release(close);

    close = settling("BTCUSDT", 9, 0, SIGNAL_CONFIRMED);
    ok(commit_one(db, close, &n_new) && close->n_updates == 0, "a close without provisional signals settles none");
    pass_release(close);
    pass *both[2] = {tick_pass("ETHUSDT", 1, 1, SIGNAL_PROVISIONAL), settling("ETHUSDT", 1, 0, SIGNAL_WITHDRAWN)};
    uint32_t each[2];
    diag why;
    ok(local_db_commit(db, both, 2, each, &why) == OK && each[0] == 1 && both[1]->n_updates == 1 &&
           count_in(db, "ETHUSDT", SIGNAL_WITHDRAWN) == 1,
       "also when tick and close are of one transaction");
    pass_release(both[0]);
    pass_release(both[1]);
    local_db_close(db);
}

static void test_archived(void) {
    local_db *db = open_db();
    pass *ticks = tick_pass("SOLUSDT", 1, 1, SIGNAL_PROVISIONAL), *close = settling("SOLUSDT", 1, 0, SIGNAL_WITHDRAWN);
    uint32_t n_new;
    if (!commit_one(db, ticks, &n_new)) ok(false, "a tick");
    alter("UPDATE signals SET status = 'archived' WHERE symbol = 'SOLUSDT'");
    ok(commit_one(db, close, &n_new) && close->n_updates == 1 && column_is(ticks->signals[0].id, "status", "archived"),
       "a status that somebody has given is left alone");
    pass_release(ticks);
    pass_release(close);
    local_db_close(db);
}

static void test_historical(void) {
    local_db *db = open_db();
    pass *p = tick_pass("ADAUSDT", 1, 2, SIGNAL_HISTORICAL), *live = new_pass("ADAUSDT", 1, 1);
    uint32_t n_new;
    ok(commit_one(db, p, &n_new) && n_new == 2, "historical signals are announced too");
    ok(count_in(db, "ADAUSDT", SIGNAL_HISTORICAL) == 2 && column_is(p->signals[0].id, "status", "expired"),
       "kept as what they are, for nobody to act upon");
    ok(commit_one(db, p, &n_new) && n_new == 0, "once");
    ok(commit_one(db, live, &n_new) && n_new == 0 && count_in(db, "ADAUSDT", SIGNAL_HISTORICAL) == 2 &&
           column_is(p->signals[0].id, "json_extract(metadata, '$.revised')", NULL),
       "another state alone is no other content");
    pass_release(p);
    pass_release(live);
    local_db_close(db);
}

typedef void (*change_fn)(signal_row *s);
static void change_price(signal_row *s) { s->price += 0.01; }
static void change_volume(signal_row *s) { s->volume = NAN; }
static void change_side(signal_row *s) { s->side = SIDE_SHORT; }
static void change_target(signal_row *s) { s->target[1] += 1; }
static void change_targets(signal_row *s) { s->n_targets = 1; }
static void change_stop(signal_row *s) { s->stop = NAN; }
static void change_conditions(signal_row *s) { s->conditions = (char *)"[\"another\"]"; }
static void change_values(signal_row *s) { s->values = (char *)"{\"rsi(close 1m, 14)\":28.6}"; }
static void drop_values(signal_row *s) { s->values = NULL; }
static void change_plots(signal_row *s) { s->plots = (char *)"[]"; }
static void change_nothing(signal_row *s) {
    s->created_ms += 1000;
    s->late = !s->late;
    s->price *= 1 + 1e-12;
    s->values = (char *)"{ \"rsi(close 1m, 14)\" : 28.500000000001 }";
}

/* Trader 1 gives values and plots; bar `bar` for each change one of its own. */
static void check_revision(local_db *db, uint32_t bar, change_fn change, bool is_revised, const char *what) {
    pass *first = new_pass("XRPUSDT", bar, 2), *again = new_pass("XRPUSDT", bar, 2);
    char id[ID_BYTES], price[64];
    uint32_t n_new;
    snprintf(id, sizeof id, "%s", first->signals[1].id);
    snprintf(price, sizeof price, "%.1f", first->signals[1].price);
    change(&again->signals[1]);
    bool is_written = commit_one(db, first, &n_new) && n_new == 2 && commit_one(db, again, &n_new) && n_new == 0;
    ok(is_written && column_is(id, "json_extract(metadata, '$.revised')", is_revised ? "1" : NULL) &&
           column_is(id, "price_at_signal", price) && column_is(first->signals[0].id, "metadata ->> '$.revised'", NULL),
       "the same signal with %s is %s", what, is_revised ? "marked, and its row stays" : "the same");
    pass_release(first);
    pass_release(again);
}

static void test_revised(void) {
    local_db *db = open_db();
    check_revision(db, 0, change_nothing, false, "another time of creation and another last digit");
    check_revision(db, 1, change_price, true, "another price");
    check_revision(db, 2, change_volume, true, "no volume");
    check_revision(db, 3, change_side, true, "another side");
    check_revision(db, 4, change_target, true, "another target");
    check_revision(db, 5, change_targets, true, "a target less");
    check_revision(db, 6, change_stop, true, "no stop");
    check_revision(db, 7, change_conditions, true, "other conditions");
    check_revision(db, 8, change_values, true, "another value");
    check_revision(db, 9, drop_values, true, "no values");
    check_revision(db, 10, change_plots, true, "no plots");
    signal_filter filter = {.limit = 50, .symbol = "XRPUSDT"};
    signal_list list = {0};
    diag why;
    size_t n_revised = 0;
    if (signal_table_read(db, &filter, &list, &why) == OK)
        for (size_t i = 0; i < list.count; i++) n_revised += list.rows[i].is_revised;
    ok(n_revised == 10, "and read so (%zu)", n_revised);
    signal_list_deinit(&list);
    local_db_close(db);
}

static pass *revising(const signal_row *s, int64_t from_ms, int64_t to_ms) {
    pass *p = pass_new();
    if (!p) abort();
    snprintf(p->symbol, sizeof p->symbol, "%s", s->symbol);
    p->interval = s->interval;
    must(pass_add_revise(p, s->trader_id, s->interval, from_ms, to_ms));
    return p;
}

/* The bar of a signal is corrected while the daemon runs. */
static void test_corrected(void) {
    local_db *db = open_db();
    pass *first = new_pass("DOTUSDT", 1, 2), *second = new_pass("DOTUSDT", 2, 2), *other = new_pass("UNIUSDT", 1, 2);
    const signal_row *s = &first->signals[0];
    pass *p = revising(s, s->open_ms, s->close_ms);
    uint32_t n_new;
    ok(commit_one(db, first, &n_new) && commit_one(db, second, &n_new) && commit_one(db, other, &n_new), "signals");
    ok(commit_one(db, p, &n_new) && n_new == 0 && p->n_updates == 1 && !strcmp(p->updates[0].id, s->id) &&
           p->updates[0].is_revised && p->updates[0].state == s->state,
       "a correction marks the trader's signal of that bar, and the pass says so");
    ok(column_is(s->id, "metadata ->> '$.revised'", "1") && column_is(s->id, "status", "new"), "in its metadata alone");
    ok(column_is(first->signals[1].id, "metadata ->> '$.revised'", NULL) &&
           column_is(second->signals[0].id, "metadata ->> '$.revised'", NULL) &&
           column_is(other->signals[0].id, "metadata ->> '$.revised'", NULL),
       "no other trader's, bar's or symbol's");
    ok(commit_one(db, p, &n_new) && p->n_updates == 0, "once");
    pass_release(p);
    pass_release(first);
    pass_release(second);
    pass_release(other);
    local_db_close(db);
}

int main(void) {
    char top[] = "/tmp/trademind-sg-XXXXXX", remove[64];
    if (!mkdtemp(top)) return 1;
    snprintf(folder, sizeof folder, "%s/a", top);
    test_settle();
    test_archived();
    test_historical();
    test_revised();
    test_corrected();
    snprintf(remove, sizeof remove, "rm -rf %s", top);
    return system(remove) != 0 || done();
}
