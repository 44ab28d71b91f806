/* Notices and deliveries in the local database: written with their signal or not at all, worded once, sent in their order, and
 * forgotten after a week. In a build with faults the process is killed at each step, too. */
#include "spec/c/databases.h"
#include "sync/notice_table.h"
#include <signal.h>
#include <sys/wait.h>

static local_db *open_told(bool has_notices) {
    diag why;
    local_db *db = NULL;
    local_db_config config = {.folder = folder, .user_id = "user-1", .has_notices = has_notices};
    if (local_db_open(&config, &db, &why) != OK) {
        ok(false, "opening: %s", why.text);
        exit(done());
    }
    return db;
}

static int64_t count(local_db *db, const char *sql) {
    sqlite3_stmt *s = NULL;
    int64_t n = -1;
    if (sqlite3_prepare_v2(local_db_handle(db), sql, -1, &s, NULL) == SQLITE_OK && sqlite3_step(s) == SQLITE_ROW)
        n = sqlite3_column_int64(s, 0);
    sqlite3_finalize(s);
    return n;
}

static notice_list read_all(local_db *db) {
    notice_list list;
    diag why;
    if (notice_table_read(db, 100, &list, &why) != OK) {
        ok(false, "reading: %s", why.text);
        exit(done());
    }
    return list;
}

/* A delivery to each of `n_services` for each notice. */
static delivery_list word(const notice_list *from, int n_services, int32_t most_in_hour) {
    delivery_list to = {.items = calloc(from->count * N_NOTICE_SERVICES + 1, sizeof *to.items)};
    for (size_t i = 0; i < from->count; i++)
        for (int s = 0; s < n_services && *from->items[i].signal.id; s++) {
            delivery *d = &to.items[to.count++];
            const notice *n = &from->items[i];
            *d = (delivery){.service = (notice_service)s,
                            .event = n->event,
                            .most_in_hour = most_in_hour,
                            .close_ms = n->signal.close_ms,
                            .body = strdup(n->signal.symbol)};
            delivery_name(n->event, n->signal.id, d->service, d->id);
            snprintf(d->signal_id, sizeof d->signal_id, "%s", n->signal.id);
            snprintf(d->trader_id, sizeof d->trader_id, "%s", n->signal.trader_id);
        }
    return to;
}

static void expand(local_db *db, int n_services, int32_t most_in_hour, int64_t now_ms) {
    notice_list from = read_all(db);
    delivery_list to = word(&from, n_services, most_in_hour);
    diag why;
    if (notice_table_expand(db, &from, &to, now_ms, &why) != OK) ok(false, "expanding: %s", why.text);
    notice_list_deinit(&from);
    delivery_list_deinit(&to);
}

static delivery_list due(local_db *db, notice_service service, size_t most, int64_t now_ms, int64_t *next_ms) {
    delivery_list list;
    diag why;
    if (delivery_table_read(db, service, most, now_ms, &list, next_ms, &why) != OK) {
        ok(false, "reading: %s", why.text);
        exit(done());
    }
    return list;
}

static void note(local_db *db, delivery *d, delivery_state state, int64_t next_ms, int64_t now_ms) {
    diag why;
    d->state = state;
    d->next_ms = next_ms;
    d->n_tries++;
    if (delivery_table_note(db, d, state == DELIVERY_SENT ? NULL : "why", now_ms, &why) != OK)
        ok(false, "noting: %s", why.text);
}

static void commit(local_db *db, uint32_t bar, uint32_t n_signals, signal_state state) {
    pass *p = new_pass("BTCUSDT", bar, 0);
    uint32_t n_new;
    for (uint32_t i = 0; i < n_signals; i++) {
        signal_row s;
        fill_signal(&s, "BTCUSDT", bar, i);
        s.state = state;
        must(pass_add_signal(p, &s));
        signal_row_deinit(&s);
    }
    if (!commit_one(db, p, &n_new)) abort();
    pass_release(p);
}

static void settle(local_db *db, uint32_t bar, uint32_t nth, signal_state state) {
    pass *p = new_pass("BTCUSDT", bar, 0);
    signal_row s;
    uint32_t n_new;
    fill_signal(&s, "BTCUSDT", bar, nth);
    must(pass_add_settle(p, s.trader_id, s.open_ms, state));
    if (!commit_one(db, p, &n_new)) abort();
    signal_row_deinit(&s);
    pass_release(p);
}

static void test_put(void) {
    local_db *db = open_told(false);
    commit(db, 1, 2, SIGNAL_CONFIRMED);
    ok(count(db, "SELECT count(*) FROM notices") == 0, "when nobody is to be told nothing is kept");
    local_db_close(db);
    db = open_told(true);
    commit(db, 1, 2, SIGNAL_CONFIRMED);
    ok(count(db, "SELECT count(*) FROM notices") == 0, "a signal that was known is no news");
    commit(db, 2, 3, SIGNAL_CONFIRMED);
    commit(db, 3, 1, SIGNAL_HISTORICAL);
    notice_list list = read_all(db);
    ok(list.count == 3 && list.items[0].event == NOTICE_SIGNAL && list.items[1].signal.open_ms == pass_bar(2) &&
           strcmp(list.items[2].signal.trader, "trader_2") == 0,
       "new ones are, with all that is known of them; historical ones are not");
    ok(isnan(list.items[0].bar.open), "a bar that is not there is unknown");
    notice_list_deinit(&list);
    local_db_close(db);
}

static void test_expand(void) {
    local_db *db = open_told(true);
    int64_t next_ms;
    expand(db, 2, 0, 1000);
    ok(count(db, "SELECT count(*) FROM notices") == 0 && count(db, "SELECT count(*) FROM deliveries") == 6,
       "notices become deliveries");
    delivery_list list = due(db, NOTICE_TELEGRAM, 2, 1000, &next_ms);
    ok(list.count == 2 && next_ms == 0 && strcmp(list.items[0].body, "BTCUSDT") == 0 && list.items[0].n_tries == 0,
       "as many as are asked for, the oldest first");
    note(db, &list.items[0], DELIVERY_SENT, 0, 1500);
    note(db, &list.items[1], DELIVERY_WAITING, 5000, 1500);
    delivery_list_deinit(&list);
    list = due(db, NOTICE_TELEGRAM, 10, 2000, &next_ms);
    ok(list.count == 1 && next_ms == 5000, "one is sent, one is due later, one now");
    delivery_list_deinit(&list);
    list = due(db, NOTICE_TELEGRAM, 10, 5000, &next_ms);
    ok(list.count == 2 && next_ms == 0 && list.items[0].n_tries == 1, "and later both, in their first order");
    delivery_list_deinit(&list);
    delivery_counts counts;
    diag why;
    ok(delivery_table_count(db, &counts, &why) == OK && counts.n_waiting[NOTICE_TELEGRAM] == 2 &&
           counts.n_waiting[NOTICE_WEBHOOK] == 3 && counts.n_waiting[NOTICE_DISCORD] == 0 && counts.n_notices == 0,
       "they are counted");
    ok(count(db, "SELECT count(*) FROM deliveries WHERE state = 'sent' AND body IS NULL AND ended_at = 1500") == 1,
       "of what is sent the body goes");
    ok(delivery_table_prune(db, 1500 + INT64_C(7) * 86400000, &why) == OK &&
           count(db, "SELECT count(*) FROM deliveries WHERE state = 'sent'") == 1,
       "after a week it is still known");
    ok(delivery_table_prune(db, 1501 + INT64_C(7) * 86400000, &why) == OK &&
           count(db, "SELECT count(*) FROM deliveries WHERE state = 'sent'") == 0 &&
           count(db, "SELECT count(*) FROM deliveries") == 5,
       "later it is not; what waits stays");
    local_db_close(db);
}

static void test_limit(void) {
    local_db *db = open_told(true);
    const int64_t hour = 3600000;
    alter("DELETE FROM deliveries");
    for (uint32_t bar = 10; bar < 14; bar++) {
        commit(db, bar, 2, SIGNAL_CONFIRMED);
        expand(db, 1, 3, 10000 + bar);
    }
    ok(count(db, "SELECT count(*) FROM deliveries WHERE state = 'waiting'") == 6 &&
           count(db, "SELECT count(*) FROM deliveries WHERE state = 'limited' AND body IS NULL AND ended_at > 0") == 2,
       "three of each trader in an hour, the fourth is over the limit");
    commit(db, 20, 1, SIGNAL_CONFIRMED);
    expand(db, 1, 3, 10010 + hour);
    ok(count(db, "SELECT count(*) FROM deliveries WHERE state = 'waiting'") == 7, "an hour later there is room again");
    local_db_close(db);
}

static void test_settled(void) {
    local_db *db = open_told(true);
    alter("DELETE FROM deliveries");
    commit(db, 30, 3, SIGNAL_PROVISIONAL);
    notice_list list = read_all(db);
    ok(list.count == 3 && list.items[0].event == NOTICE_PROVISIONAL, "of a forming bar");
    delivery_list to = word(&list, 1, 0);
    diag why;
    to.count = 2; /* nobody is told of the third */
    ok(notice_table_expand(db, &list, &to, 1, &why) == OK, "two of three are told");
    to.count = 3;
    delivery_list_deinit(&to);
    notice_list_deinit(&list);
    settle(db, 30, 0, SIGNAL_CONFIRMED);
    settle(db, 30, 1, SIGNAL_WITHDRAWN);
    settle(db, 30, 2, SIGNAL_WITHDRAWN);
    list = read_all(db);
    ok(list.count == 3 && list.items[0].event == NOTICE_CONFIRMED && list.items[1].event == NOTICE_WITHDRAWN &&
           list.items[1].signal.state == SIGNAL_WITHDRAWN,
       "what has become of each");
    notice_list_deinit(&list);
    expand(db, 1, 0, 2);
    ok(count(db, "SELECT count(*) FROM deliveries WHERE event = 'withdrawn'") == 1 &&
           count(db, "SELECT count(*) FROM deliveries WHERE event = 'confirmed'") == 1,
       "nobody hears that something is gone of which he has not heard");
    commit(db, 31, 1, SIGNAL_PROVISIONAL);
    expand(db, 1, 0, 2);
    alter("UPDATE deliveries SET state = 'expired' WHERE state = 'waiting'");
    settle(db, 31, 0, SIGNAL_WITHDRAWN);
    expand(db, 1, 0, 2);
    ok(count(db, "SELECT count(*) FROM deliveries WHERE event = 'withdrawn'") == 1,
       "nor if he was too late to hear of it");
    commit(db, 40, 1, SIGNAL_CONFIRMED);
    alter("DELETE FROM signals");
    list = read_all(db);
    ok(list.count == 1 && !*list.items[0].signal.id, "a signal that is gone is told so");
    notice_list_deinit(&list);
    expand(db, 1, 0, 3);
    ok(count(db, "SELECT count(*) FROM notices") == 0, "and its notice goes");
    local_db_close(db);
}

#ifdef FAULTS
static void killed_at(const char *point, void (*work)(local_db *db)) {
    pid_t child = fork();
    int status;
    if (child == 0) {
        setenv("TRADEMIND_FAULT", point, 1);
        local_db *db = open_told(true);
        work(db);
        _exit(0);
    }
    waitpid(child, &status, 0);
    ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "killed at %s", point);
}

static void commit_one_signal(local_db *db) { commit(db, 50, 1, SIGNAL_CONFIRMED); }
static void expand_them(local_db *db) { expand(db, 2, 0, 4); }
static void send_one(local_db *db) {
    int64_t next_ms;
    delivery_list list = due(db, NOTICE_WEBHOOK, 1, 5, &next_ms);
    note(db, &list.items[0], DELIVERY_SENT, 0, 5);
}

static int64_t after_kill(const char *sql) {
    local_db *db = open_told(true);
    int64_t n = count(db, sql);
    local_db_close(db);
    return n;
}

static void test_killed(void) {
    alter("DELETE FROM deliveries");
    alter("DELETE FROM signals");
    killed_at("notice.put:1", commit_one_signal);
    ok(after_kill("SELECT (SELECT count(*) FROM signals) + (SELECT count(*) FROM notices)") == 0,
       "neither the signal nor its notice are there");
    local_db *db = open_told(true);
    commit_one_signal(db);
    local_db_close(db);
    killed_at("notice.expand:1", expand_them);
    ok(after_kill("SELECT (SELECT count(*) FROM notices) * 10 + (SELECT count(*) FROM deliveries)") == 10,
       "a notice that was being worded is a notice still");
    killed_at("notice.expanded:1", expand_them);
    ok(after_kill("SELECT (SELECT count(*) FROM notices) * 10 + (SELECT count(*) FROM deliveries)") == 2,
       "afterwards it is two deliveries");
    killed_at("delivery.sent:1", send_one);
    ok(after_kill("SELECT count(*) FROM deliveries WHERE state = 'waiting'") == 2,
       "what was sent and not noted is sent again");
}
#endif

int main(void) {
    snprintf(folder, sizeof folder, "/tmp/trademind-notices-XXXXXX");
    if (!mkdtemp(folder)) return 1;
    test_put();
    test_expand();
    test_limit();
    test_settled();
#ifdef FAULTS
    test_killed();
#endif
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    if (system(command) != 0) return 1;
    return done();
}
