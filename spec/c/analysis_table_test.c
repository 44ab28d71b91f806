/* Analyses in the local database: queued with their signal or not at all, ended together with verdict, status and outbox, and what a
 * run leaves for the next one. In a build with faults the process is killed in the middle of an end, too. */
#include "spec/c/databases.h"
#include "sync/analysis_table.h"
#include <math.h>
#include <signal.h>
#include <sys/wait.h>

static char *one(const char *sql) {
    static char answer[512];
    char path[128];
    sqlite3 *handle = NULL;
    sqlite3_stmt *s = NULL;
    in_folder(path, "trademind.db");
    answer[0] = 0;
    sqlite3_open(path, &handle);
    if (sqlite3_prepare_v2(handle, sql, -1, &s, NULL) == SQLITE_OK && sqlite3_step(s) == SQLITE_ROW)
        snprintf(answer, sizeof answer, "%s", (const char *)sqlite3_column_text(s, 0));
    sqlite3_finalize(s);
    sqlite3_close(handle);
    return answer;
}

/* `n` signals of one bar, all with a prompt but the last. */
static void commit_signals(local_db *db, uint32_t bar, uint32_t n, char ids[][ID_BYTES]) {
    pass *p = new_pass("BTCUSDT", bar, 0);
    uint32_t n_new;
    for (uint32_t i = 0; i < n; i++) {
        signal_row s;
        fill_signal(&s, "BTCUSDT", bar, i);
        snprintf(ids[i], ID_BYTES, "%s", s.id);
        s.prompt = i + 1 < n ? strdup("{\"text\":\"t\",\"price\":1}") : NULL;
        must(pass_add_signal(p, &s));
        signal_row_deinit(&s);
    }
    if (!commit_one(db, p, &n_new) || n_new != n) abort();
    pass_release(p);
}

static analysis_past past_of(local_db *db) {
    analysis_past past;
    diag why;
    if (analysis_table_past(db, &past, &why) != OK) {
        ok(false, "the past: %s", why.text);
        exit(done());
    }
    return past;
}

static void put(local_db *db, const analysis_row *row) {
    diag why;
    if (analysis_table_put(db, row, &why) != OK) {
        ok(false, "putting: %s", why.text);
        exit(done());
    }
}

static void set(char **text, const char *value) {
    free(*text);
    *text = strdup(value);
}

static analysis_row ended(const analysis_row *queued, const char *decision, follow_up f) {
    analysis_row row;
    if (analysis_row_copy(queued, &row) != OK) abort();
    row.status = ANALYSIS_DONE;
    row.follow_up = f;
    row.finished_ms = 5000;
    row.day = 20000;
    row.n_requests = 2;
    row.tokens_in = 100;
    row.tokens_out = 50;
    row.cost_usd = 0.25;
    row.confidence = 61.5;
    snprintf(row.provider, sizeof row.provider, "gemini");
    snprintf(row.model, sizeof row.model, "m-1");
    snprintf(row.decision, sizeof row.decision, "%s", decision);
    snprintf(row.side, sizeof row.side, "long");
    set(&row.reasoning, "because");
    set(&row.key_levels, "{\"entry\":1}");
    set(&row.trade_plan, "{\"setup\":\"\"}");
    set(&row.context, "{\"trend\":\"up\"}");
    set(&row.notes, "[\"n\"]");
    set(&row.raw, "raw");
    return row;
}

static void test_queue(local_db *db, char ids[][ID_BYTES]) {
    commit_signals(db, 1, 4, ids);
    analysis_past past = past_of(db);
    ok(past.n_queued == 3 && past.n_watched == 0 && past.day == 0,
       "signals with a prompt are queued with their commit (%zu)", past.n_queued);
    const analysis_row *a = &past.queued[0];
    ok(strcmp(a->symbol, "BTCUSDT") == 0 && a->look == 0 && a->status == ANALYSIS_QUEUED && a->close_ms > a->open_ms &&
           a->prompt && strcmp(a->prompt, "{\"text\":\"t\",\"price\":1}") == 0 && isnan(a->confidence) && !a->raw,
       "as they are");
    analysis_past_deinit(&past);
    pass *p = new_pass("BTCUSDT", 1, 0);
    uint32_t n_new;
    signal_row s;
    fill_signal(&s, "BTCUSDT", 1, 0);
    s.prompt = strdup("{\"text\":\"another\",\"price\":1}");
    must(pass_add_signal(p, &s));
    signal_row_deinit(&s);
    ok(commit_one(db, p, &n_new) && n_new == 0, "a signal that comes again");
    pass_release(p);
    ok(strcmp(one("SELECT count(*) FROM analyses WHERE prompt LIKE '%another%'"), "0") == 0,
       "leaves its analysis alone");
}

static void follow(local_db *db, uint32_t bar, const char *signal_id, const char *prompt, bool is_taken) {
    pass *p = new_pass("BTCUSDT", bar, 0);
    prompt_row made = {.open_ms = pass_bar(bar), .close_ms = pass_bar(bar) + PASS_BAR_MS, .created_ms = 7};
    uint32_t n_new;
    snprintf(made.signal_id, sizeof made.signal_id, "%s", signal_id);
    snprintf(made.trader_id, sizeof made.trader_id, "trader");
    made.prompt = prompt ? strdup(prompt) : NULL;
    made.error = prompt ? NULL : strdup("it has failed");
    must(pass_add_prompt(p, &made));
    if (!commit_one(db, p, &n_new)) abort();
    ok(p->prompts[0].is_taken == is_taken, "%s", is_taken ? "a prompt that was owed is taken" : "another is not");
    pass_release(p);
    free(made.prompt);
    free(made.error);
}

/* Signals whose prompts follow: until then a run leaves them to the next one. */
static void test_owed(local_db *db) {
    enum { BAR = 9 };
    pass *p = new_pass("BTCUSDT", BAR, 0);
    char ids[3][ID_BYTES], sql[256];
    uint32_t n_new;
    analysis_past past = past_of(db);
    const size_t n_before = past.n_queued;
    analysis_past_deinit(&past);
    for (uint32_t i = 0; i < 3; i++) {
        signal_row s;
        fill_signal(&s, "BTCUSDT", BAR, i);
        snprintf(ids[i], ID_BYTES, "%s", s.id);
        s.owes_prompt = true;
        must(pass_add_signal(p, &s));
        signal_row_deinit(&s);
    }
    if (!commit_one(db, p, &n_new) || n_new != 3) abort();
    pass_release(p);
    past = past_of(db);
    const analysis_row *last = &past.queued[past.n_queued - 1];
    bool is_owed = false;
    diag why;
    must(analysis_table_is_owed(db, last->signal_id, &is_owed, &why));
    ok(is_owed, "and can be asked for");
    ok(past.n_queued == n_before + 3 && !last->prompt && last->look == 0 && last->open_ms == pass_bar(BAR) &&
           last->close_ms == pass_bar(BAR) + PASS_BAR_MS && strcmp(last->symbol, "BTCUSDT") == 0,
       "what is owed is there for the next run");
    analysis_row failed;
    if (analysis_row_copy(last, &failed) != OK) abort();
    for (int i = 0; i < 2; i++) /* the last one ends otherwise */
        if (strcmp(ids[i], last->signal_id) == 0) {
            memcpy(ids[i], ids[2], ID_BYTES);
            memcpy(ids[2], last->signal_id, ID_BYTES);
        }
    analysis_past_deinit(&past);
    follow(db, BAR, ids[0], "{\"text\":\"t\"}", true);
    follow(db, BAR, ids[0], "{\"text\":\"again\"}", false);
    follow(db, BAR, ids[1], NULL, true);
    snprintf(sql, sizeof sql,
             "SELECT group_concat(status || coalesce(prompt, '') || coalesce(error, '')) FROM (SELECT *"
             " FROM analyses WHERE signal_id IN ('%s', '%s') ORDER BY status)",
             ids[0], ids[1]);
    ok(strcmp(one(sql), "failedit has failed,queued{\"text\":\"t\"}") == 0, "%s", one(sql));
    failed.status = ANALYSIS_EXPIRED;
    put(db, &failed);
    ok(strcmp(one("SELECT count(*) FROM owed_prompts"), "0") == 0, "one that has ended without owes none either");
    must(analysis_table_is_owed(db, failed.signal_id, &is_owed, &why));
    ok(!is_owed, "whoever asks is told so");
    follow(db, BAR, failed.signal_id, "{\"text\":\"late\"}", false);
    analysis_row_deinit(&failed);
}

static void test_end(local_db *db) {
    analysis_past past = past_of(db);
    analysis_row enter = ended(&past.queued[0], "enter_trade", FOLLOW_READY),
                 wait = ended(&past.queued[1], "wait", FOLLOW_MONITORING);
    put(db, &enter);
    put(db, &wait);
    char sql[256];
    snprintf(sql, sizeof sql, "SELECT status FROM signals WHERE id = '%s'", enter.signal_id);
    ok(strcmp(one(sql), "ready") == 0, "the signal's status goes on");
    snprintf(sql, sizeof sql,
             "SELECT decision || confidence || user_id || gemini_tokens_used || json_extract(technical_indicators, "
             "'$.trend') FROM signal_analyses WHERE id = '%s'",
             enter.id);
    ok(strcmp(one(sql), "enter_trade61.5user-1150up") == 0, "the verdict is there: %s", one(sql));
    snprintf(sql, sizeof sql, "SELECT prompt IS NULL FROM analyses WHERE id = '%s'", enter.id);
    ok(strcmp(one(sql), "1") == 0, "its prompt is not kept");
    analysis_past_deinit(&past);
    past = past_of(db);
    ok(past.n_queued == 1 && past.n_watched == 1 && past.day == 20000 && past.n_requests == 4 && past.n_tokens == 300 &&
           past.usd == 0.5 && past.n_spenders == 2,
       "what is left: one that waits, one that is watched, and what was spent");
    ok(past.watched[0].prompt && past.watched[0].look == 0 && strcmp(past.watched[0].decision, "wait") == 0,
       "the watched one has its prompt");
    analysis_row look = ended(&wait, "wait", FOLLOW_MONITORING);
    look.look = 1;
    analysis_id(look.signal_id, 1, look.id);
    look.status = ANALYSIS_QUEUED;
    put(db, &look);
    analysis_past_deinit(&past);
    past = past_of(db);
    ok(past.n_queued == 2 && past.n_watched == 1 && past.watched[0].look == 0, "a later look is queued");
    look.status = ANALYSIS_DONE;
    put(db, &look);
    analysis_past_deinit(&past);
    past = past_of(db);
    ok(past.n_queued == 1 && past.n_watched == 1 && past.watched[0].look == 1 && past.watched[0].prompt,
       "and once it has ended it is the newest");
    ok(past.n_requests == 6 && past.n_spenders == 2 && past.spenders[0].n_started == 1,
       "it costs, and is no further analysis of its trader");
    look.look = 2;
    analysis_id(look.signal_id, 2, look.id);
    look.follow_up = FOLLOW_EXPIRED;
    put(db, &look);
    analysis_past_deinit(&past);
    past = past_of(db);
    ok(past.n_watched == 0, "nothing is watched any more");
    snprintf(sql, sizeof sql, "SELECT group_concat(prompt IS NULL) FROM analyses WHERE signal_id = '%s'",
             look.signal_id);
    ok(strcmp(one(sql), "1,1,1") == 0, "and no prompt kept: %s", one(sql));
    look.look = 3; /* somebody has asked for it, with a prompt of its own */
    look.is_asked = true;
    analysis_id(look.signal_id, 3, look.id);
    look.follow_up = FOLLOW_MONITORING;
    put(db, &look);
    analysis_past_deinit(&past);
    past = past_of(db);
    ok(past.n_watched == 1 && past.watched[0].look == 3 && past.watched[0].prompt,
       "a look that begins a new watch is watched with its prompt");
    ok(past.watched[0].is_asked && past.n_spenders == 2 && past.spenders[0].n_started + past.spenders[1].n_started == 3,
       "and counts as one of its trader's");
    look.look = 4;
    look.is_asked = false;
    analysis_id(look.signal_id, 4, look.id);
    look.follow_up = FOLLOW_EXPIRED;
    put(db, &look);
    analysis_past_deinit(&past);
    past = past_of(db);
    snprintf(sql, sizeof sql, "UPDATE signals SET status = 'archived' WHERE id = '%s'", enter.signal_id);
    alter(sql);
    put(db, &enter);
    snprintf(sql, sizeof sql, "SELECT status FROM signals WHERE id = '%s'", enter.signal_id);
    ok(strcmp(one(sql), "archived") == 0, "what a user has put away stays so");
    analysis_row failed = ended(&past.queued[0], "", FOLLOW_NEW);
    failed.status = ANALYSIS_FAILED;
    put(db, &failed);
    snprintf(sql, sizeof sql, "SELECT count(*) FROM signal_analyses WHERE id = '%s'", failed.id);
    ok(strcmp(one(sql), "0") == 0, "a failed one is no verdict");
    analysis_past_deinit(&past);
    analysis_row_deinit(&enter);
    analysis_row_deinit(&wait);
    analysis_row_deinit(&look);
    analysis_row_deinit(&failed);
}

#ifdef FAULTS
/* Killed at a point of an end: it is wholly there, or it is still queued. */
static void test_kill(const char *point, bool is_kept) {
    char ids[3][ID_BYTES], sql[256];
    static uint32_t bar = 10;
    local_db *db = open_db();
    commit_signals(db, ++bar, 2, ids);
    local_db_close(db);
    pid_t child = fork();
    int status;
    if (child == 0) {
        char fault_text[64];
        snprintf(fault_text, sizeof fault_text, "%s:1", point);
        setenv("TRADEMIND_FAULT", fault_text, 1);
        db = open_db();
        analysis_past past = past_of(db);
        for (size_t i = 0; i < past.n_queued; i++) {
            if (strcmp(past.queued[i].signal_id, ids[0]) != 0) continue;
            analysis_row row = ended(&past.queued[i], "enter_trade", FOLLOW_READY);
            put(db, &row);
        }
        _exit(0);
    }
    waitpid(child, &status, 0);
    ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "killed at %s", point);
    local_db_close(open_db()); /* recovers */
    snprintf(sql, sizeof sql,
             "SELECT a.status || s.status || (SELECT count(*) FROM signal_analyses v WHERE v.signal_id = s.id) FROM "
             "analyses a JOIN signals s ON s.id = a.signal_id WHERE s.id = '%s'",
             ids[0]);
    ok(strcmp(one(sql), is_kept ? "doneready1" : "queuednew0") == 0, "%s", one(sql));
}
#endif

int main(void) {
    char ids[4][ID_BYTES];
    snprintf(folder, sizeof folder, "/tmp/trademind-analyses-XXXXXX");
    if (!mkdtemp(folder)) return 1;
    local_db *db = open_db();
    test_queue(db, ids);
    test_end(db);
    test_owed(db);
    local_db_close(db);
#ifdef FAULTS
    test_kill("analysis.put", false);
    test_kill("analysis.kept", true);
#else
    printf("ok %d - # SKIP kills need a build with -DFAULTS\n", ++tap_count);
#endif
    char remove[128];
    snprintf(remove, sizeof remove, "rm -rf %s", folder);
    ok(system(remove) == 0, "cleaned up");
    return done();
}
