/* sync/error_table and screener/trader_error: rows that are alike are one, with the counts given last; what is past stays
 * past until it happens again. */
#include "screener/trader_error.h"
#include "spec/c/databases.h"
#include "sync/error_table.h"

static trader_error_row row_of(const char *trader, trader_error_kind kind, int32_t line, uint64_t count,
                               int64_t last_ms) {
    trader_error_row row = {
        .kind = kind, .open_ms = pass_bar(3), .line = line, .count = count, .first_ms = 1000, .last_ms = last_ms};
    snprintf(row.trader, sizeof row.trader, "%s", trader);
    snprintf(row.trader_id, sizeof row.trader_id, "id-of-%s", trader);
    snprintf(row.revision, sizeof row.revision, "r1");
    snprintf(row.symbol, sizeof row.symbol, "BTCUSDT");
    snprintf(row.message, sizeof row.message, "%s.lua:%d: attempt to index a nil value", trader, line);
    snprintf(row.trace, sizeof row.trace, "stack traceback:\n\t%s.lua:%d", trader, line);
    return row;
}

static bool put(local_db *db, trader_error_row row) {
    diag why;
    return error_table_put(db, &row, 1, &why) == OK;
}

/* All rows of the trader ("": of all), newest first. */
static trader_error_list read_all(local_db *db, const char *trader, uint32_t limit) {
    trader_error_filter filter = {.limit = limit};
    trader_error_list list = {0};
    diag why = {""};
    snprintf(filter.trader, sizeof filter.trader, "%s", trader);
    ok(error_table_read(db, &filter, &list, &why) == OK, "read %s", why.text);
    return list;
}

static bool is_same(const trader_error_row *a, const trader_error_row *b) {
    return a->kind == b->kind && a->open_ms == b->open_ms && a->line == b->line && a->count == b->count &&
           a->first_ms == b->first_ms && a->last_ms == b->last_ms && a->resolved_ms == b->resolved_ms &&
           !strcmp(a->trader, b->trader) && !strcmp(a->trader_id, b->trader_id) && !strcmp(a->symbol, b->symbol) &&
           !strcmp(a->message, b->message) && !strcmp(a->trace, b->trace) && !strcmp(a->revision, b->revision);
}

static void test_rows(void) {
    local_db *db = open_db();
    trader_error_row first = row_of("rsi", TRADER_ERROR_ERROR, 14, 1, 2000), again = first, bare = {.count = 1};
    trader_error_list list;
    snprintf(bare.trader, sizeof bare.trader, "bare");
    bare.last_ms = 1;
    ok(put(db, first) && put(db, bare), "rows are written, also one of which little is known");
    list = read_all(db, "", 10);
    ok(list.count == 2 && is_same(&list.rows[0], &first) && is_same(&list.rows[1], &bare),
       "and read as they were, newest first");
    trader_error_list_deinit(&list);

    again.count = 40;
    again.first_ms = 1900; /* of a later run of the daemon */
    again.last_ms = 3000;
    again.open_ms = pass_bar(7);
    snprintf(again.symbol, sizeof again.symbol, "ETHUSDT");
    ok(put(db, again) && put(db, again), "the same error again");
    list = read_all(db, "rsi", 10);
    again.first_ms = first.first_ms;
    ok(list.count == 1 && is_same(&list.rows[0], &again), "is one row, with the new totals and the first time");
    trader_error_list_deinit(&list);

    trader_error_row others[] = {first, first, first, first};
    others[0].line = 15;
    others[1].kind = TRADER_ERROR_KILL;
    others[2].message[0] = 'R';
    snprintf(others[3].revision, sizeof others[3].revision, "r2");
    diag why;
    ok(error_table_put(db, others, 4, &why) == OK, "several at once");
    list = read_all(db, "id-of-rsi", 10);
    ok(list.count == 5, "another line, kind, message or code is another row (%zu), found by the trader's id",
       list.count);
    trader_error_list_deinit(&list);
    list = read_all(db, "", 3);
    ok(list.count == 3, "no more than asked for");
    trader_error_list_deinit(&list);
    local_db_close(db);
}

static int64_t resolved_ms(local_db *db, const char *trader) {
    trader_error_list list = read_all(db, trader, 1);
    int64_t at = list.count == 1 ? list.rows[0].resolved_ms : -1;
    trader_error_list_deinit(&list);
    return at;
}

static void test_resolve(void) {
    local_db *db = open_db();
    diag why;
    trader_error_row row = row_of("flooding", TRADER_ERROR_FLOOD, 0, 1, 5000);
    ok(put(db, row) && resolved_ms(db, "flooding") == 0, "what has just happened is not past");
    ok(error_table_resolve(db, "id-of-flooding", 6000, &why) == OK && resolved_ms(db, "flooding") == 6000,
       "until it is said to be");
    ok(resolved_ms(db, "bare") == 0, "of that trader only");
    ok(error_table_resolve(db, "id-of-flooding", 7000, &why) == OK && resolved_ms(db, "flooding") == 6000,
       "saying so again does not move the time");
    ok(put(db, row) && resolved_ms(db, "flooding") == 6000, "the same totals again do not bring it back");
    row.last_ms = 8000;
    ok(put(db, row) && resolved_ms(db, "flooding") == 0, "a later one does");
    local_db_close(db);
}

static void test_texts(void) {
    static const struct {
        const char *message;
        int32_t line;
    } cases[] = {{"rsi.lua:14: boom", 14},
                 {"C:/a:b/rsi.lua:7: boom", 7},
                 {"at 12:30 it was late", 0},
                 {"12:30: it was late", 30},
                 {"no line", 0},
                 {"", 0},
                 {"x.lua:0: no line", 0},
                 {"x.lua:99999999999999999999: huge", 0},
                 {"x.lua:5", 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        ok(trader_error_line(cases[i].message) == cases[i].line, "line %d of \"%s\"", cases[i].line, cases[i].message);
    int n_same = 0;
    for (int kind = TRADER_ERROR_ERROR; kind <= TRADER_ERROR_FLOOD; kind++)
        n_same += trader_error_kind_of(trader_error_kind_name((trader_error_kind)kind)) == (trader_error_kind)kind;
    ok(n_same == 4 && trader_error_kind_of("?") == TRADER_ERROR_ERROR, "kinds go by their names");

    trader_error_row row = row_of("rsi", TRADER_ERROR_KILL, 14, 2, 2000);
    json_writer w;
    json_writer_init(&w);
    trader_error_write_json(&w, &row);
    const char *expected =
        "{\"trader\":\"rsi\",\"traderId\":\"id-of-rsi\",\"kind\":\"kill\",\"symbol\":\"BTCUSDT\",\"time\":"
        "1770076980000,"
        "\"message\":\"rsi.lua:14: attempt to index a nil value\",\"line\":14,\"trace\":\"stack "
        "traceback:\\n\\trsi.lua:14\",\"codeHash\":\"r1\",\"count\":2,\"firstSeen\":1000,\"lastSeen\":2000,"
        "\"resolvedAt\":null}";
    ok(json_writer_text(&w) && !strcmp(json_writer_text(&w), expected), "as JSON: %s", json_writer_text(&w));
    json_writer_deinit(&w);
}

int main(void) {
    char top[] = "/tmp/trademind-er-XXXXXX", remove[64];
    if (!mkdtemp(top)) return 1;
    snprintf(folder, sizeof folder, "%s/a", top);
    test_rows();
    test_resolve();
    test_texts();
    snprintf(remove, sizeof remove, "rm -rf %s", top);
    return system(remove) != 0 || done();
}
