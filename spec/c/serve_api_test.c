/* The API for traders and workers: what it tells, and that a request which changes something is taken whole or refused with
 * one sentence, whatever way its body comes. */
#include "base/log.h"
#include "screener/trader_status.h"
#include "serve/auth.h"
#include "serve/outcome.h"
#include "spec/c/clients.h"
#include "spec/c/passes.h"
#include <math.h>
#include <signal.h>

static storage *store;
static char token[AUTH_TOKEN_BYTES], top[32], bearer[AUTH_TOKEN_BYTES + 64];

/* What the providers were asked for last. */
static int32_t workers;
static char change[4096];

static size_t on_health(void *context, health_component *out) {
    (void)context, (void)out;
    return 0;
}

static void on_traders(void *context, json_writer *w) {
    static const trader_error_row last = {.symbol = "BTCUSDT",
                                          .open_ms = 1770076800000,
                                          .message = "rsi.lua:14: boom",
                                          .line = 14,
                                          .trace = "stack traceback:",
                                          .revision = "r1"};
    (void)context;
    trader_status_write_json(w, &(trader_status){.trader = "rsi",
                                                 .id = "an-id",
                                                 .name = "RSI",
                                                 .interval = INTERVAL_5M,
                                                 .is_enabled = true,
                                                 .description = "a text",
                                                 .timeframes = 1u << INTERVAL_1H | 1u << INTERVAL_1D,
                                                 .origin = "local",
                                                 .is_editable = true,
                                                 .version = "v7",
                                                 .parameters = "[{\"name\":\"length\"}]",
                                                 .cost_us = 2.5,
                                                 .n_signals = 9,
                                                 .error = "boom",
                                                 .inputs = "{\"length\":7}",
                                                 .state = TRADER_PAUSED,
                                                 .until_ms = 1770076900000,
                                                 .n_symbols = 7,
                                                 .n_skipped = 3,
                                                 .warning = "GONEUSDT is not listed by the exchange",
                                                 .n_errors = 3,
                                                 .n_kills = 1,
                                                 .first_ms = 10,
                                                 .last_ms = 20,
                                                 .last = &last});
    trader_status_write_json(w, &(trader_status){.trader = "ok",
                                                 .id = "2",
                                                 .name = "OK",
                                                 .interval = INTERVAL_1H,
                                                 .cost_us = NAN,
                                                 .state = TRADER_WARMING,
                                                 .have = 180,
                                                 .need = 250});
}

static err on_query(void *context, const signal_filter *filter, storage_signals_fn on_rows, void *rows_context) {
    return storage_query_signals(context, filter, on_rows, rows_context);
}

static err on_query_errors(void *context, const trader_error_filter *filter, storage_errors_fn on_rows,
                           void *rows_context) {
    return storage_query_trader_errors(context, filter, on_rows, rows_context);
}

static err on_workers(void *context, int32_t n, diag *why) {
    (void)context;
    workers = n;
    return n == 8 ? diag_set(why, ERR_FULL, "a change is under way") : OK;
}

static err on_change(void *context, const char *key, const char *json, diag *why) {
    (void)context;
    snprintf(change, sizeof change, "%s %s", key, json);
    if (strcmp(key, "rsi") == 0) return OK;
    if (strcmp(key, "old") == 0) return diag_set(why, ERR_UNSUPPORTED, "it cannot be changed");
    if (strcmp(key, "strict") == 0) return diag_set(why, ERR_INVALID, "input \"length\" is 0; expected 2..50");
    return diag_set(why, ERR_NOT_FOUND, "there is no trader \"%s\"", key);
}

/* ---- what takes its time: answered when a test says so ---- */

static serve_reply waiting[4];
static int n_waiting;
static char draft_text[4096];

static void note_draft(const trader_draft *d) {
    snprintf(draft_text, sizeof draft_text, "key=%s source=%s inputs=%s enabled=%d version=%s", d->key, d->source,
             d->inputs ? d->inputs : "-", d->enabled, d->version ? d->version : "-");
}

static void on_validate(void *context, const trader_draft *draft, serve_reply to) {
    (void)context;
    note_draft(draft);
    waiting[n_waiting++] = to;
}

static void on_create(void *context, const trader_draft *draft, serve_reply to) {
    (void)context;
    note_draft(draft);
    if (strcmp(draft->key, "taken") == 0)
        outcome_problem_with(to, 409, "there is one", "version", "\"v1\"");
    else
        outcome_empty(to, 204);
}

static void on_replace(void *context, const char *key, const trader_draft *draft, serve_reply to) {
    (void)context;
    note_draft(draft);
    outcome_problem(to, 404, "there is no trader \"%s\"", key);
}

static void on_remove(void *context, const char *key, serve_reply to) {
    (void)context, (void)key;
    waiting[n_waiting++] = to;
}

static void on_look(void *context, const serve_look *look, serve_reply to) {
    (void)context;
    note_draft(&look->draft);
    snprintf(draft_text + strlen(draft_text), sizeof draft_text - strlen(draft_text), " bars=%d symbols=%zu:%s",
             look->n_bars, look->n_symbols, look->n_symbols ? look->symbols[look->n_symbols - 1] : "-");
    outcome_busy(to, ERR_FULL);
}

static void on_committed(void *context, pass *p, uint32_t n_new) {
    (void)context, (void)n_new;
    pass_release(p);
}

static void start_all(void) {
    static serve_providers providers = {.health = on_health,
                                        .traders = on_traders,
                                        .query_signals = on_query,
                                        .query_trader_errors = on_query_errors,
                                        .set_workers = on_workers,
                                        .change_trader = on_change,
                                        .validate_trader = on_validate,
                                        .create_trader = on_create,
                                        .replace_trader = on_replace,
                                        .remove_trader = on_remove,
                                        .look = on_look};
    diag why = {""};
    storage_config files = {.folder = top, .n_producers = 1};
    serve_config config = {.host = "127.0.0.1", .token = token};
    uv_loop_init(&loop);
    must(storage_open(&files, &store, &why));
    must(storage_start(store, &loop, on_committed, NULL, &why));
    must(auth_token_load(top, token, &why));
    snprintf(bearer, sizeof bearer, "Authorization: Bearer %s\r\n", token);
    providers.context = store;
    ok(serve_start(&loop, &config, &providers, &server, &why) == OK, "the server starts %s", why.text);
}

/* ---- what is told ---- */

static void traders(void) {
    client *c = request("GET", "/api/v1/traders", bearer);
    const char *expected =
        "{\"traders\":[{\"trader\":\"rsi\",\"id\":\"an-id\",\"name\":\"RSI\",\"description\":\"a "
        "text\",\"interval\":\"5m\","
        "\"timeframes\":[\"1h\",\"1d\"],\"enabled\":true,\"inputs\":{\"length\":7},\"parameters\":[{\"name\":"
        "\"length\"}],"
        "\"origin\":\"local\",\"editable\":true,\"version\":\"v7\",\"cost_us\":2.5,\"n_signals\":9,\"error\":\"boom\","
        "\"state\":\"paused\",\"until\":1770076900000,\"warming\":null,\"symbols\":7,\"skippedSymbols\":3,"
        "\"warning\":\"GONEUSDT is not listed by the exchange\",\"errors\":3,\"kills\":1,"
        "\"firstError\":10,\"lastErrorAt\":20,"
        "\"lastError\":{\"symbol\":\"BTCUSDT\",\"time\":1770076800000,\"message\":\"rsi.lua:14: boom\",\"line\":14,"
        "\"trace\":\"stack traceback:\",\"codeHash\":\"r1\"}},"
        "{\"trader\":\"ok\",\"id\":\"2\",\"name\":\"OK\",\"description\":null,\"interval\":\"1h\",\"timeframes\":[],"
        "\"enabled\":false,\"inputs\":null,\"parameters\":[],\"origin\":\"file\",\"editable\":false,\"version\":null,"
        "\"cost_us\":null,\"n_signals\":0,\"error\":null,\"state\":\"warming\","
        "\"until\":null,\"warming\":{\"have\":180,\"need\":250},\"symbols\":0,\"skippedSymbols\":0,\"warning\":null,"
        "\"errors\":0,\"kills\":0,\"firstError\":"
        "null,\"lastErrorAt\":null,\"lastError\":null}]}";
    ok(status_of(c) == 200 && has(c, expected), "how each trader fares");
    if (!has(c, expected)) printf("# %s\n", c->in);
    close_client(c);
    expect(401, "GET", "/api/v1/traders", "", "\"status\":401");
    expect(404, "GET", "/api/v1/traders/", bearer, "\"status\":404");
    expect(405, "GET", "/api/v1/traders/look", bearer, "allow: POST");
    expect(501, "GET", "/api/v1/traders/rsi", bearer, "does not answer that");
    expect(405, "PATCH", "/api/v1/traders/rsi", bearer, "allow: GET, HEAD, POST, PUT, DELETE");
}

static bool tells_errors(client *unused, const void *fragment) {
    (void)unused;
    client *c = request("GET", "/api/v1/traders/errors", bearer);
    bool is_there = status_of(c) == 200 && has(c, fragment);
    close_client(c);
    return is_there;
}

static void trader_errors(void) {
    trader_error_row rows[2] = {{.trader_id = "1", .trader = "one", .message = "first", .count = 4, .last_ms = 5},
                                {.trader_id = "2", .trader = "two", .message = "second", .count = 1, .last_ms = 6}};
    expect(200, "GET", "/api/v1/traders/errors", bearer, "{\"errors\":[]}");
    must(storage_put_trader_errors(store, rows, 2));
    ok(wait_for(NULL, tells_errors, "\"message\":\"second\""), "errors that were stored are told");
    expect(200, "GET", "/api/v1/traders/errors?limit=1", bearer, "\"trader\":\"two\"");
    client *c = request("GET", "/api/v1/traders/errors?trader=one&limit=5", bearer);
    ok(status_of(c) == 200 && has(c, "\"count\":4") && !has(c, "second"), "of one trader");
    close_client(c);
    expect(400, "GET", "/api/v1/traders/errors?limit=501", bearer, "limit=1..500");
    expect(400, "GET", "/api/v1/traders/errors?symbol=BTCUSDT", bearer, "the parameters are limit and trader");
    expect(400, "GET", "/api/v1/traders/errors?trader=", bearer, "trader=");
}

/* ---- what is changed ---- */

static client *post(const char *path, const char *body) {
    char extra[4096];
    snprintf(extra, sizeof extra, "%sContent-Length: %zu\r\n\r\n%s", bearer, strlen(body), body);
    char text[8192];
    bool is_head = false;
    client *c = open_client();
    snprintf(text, sizeof text, "POST %s HTTP/1.1\r\nHost: localhost\r\n%s", path, extra);
    send_text(c, text);
    wait_for(c, is_answered, &is_head);
    return c;
}

static void refuses(const char *path, const char *body, int status, const char *fragment) {
    client *c = post(path, body);
    workers = 0;
    ok(status_of(c) == status && has(c, "application/problem+json") && has(c, fragment), "%s %.40s: %d, %s", path, body,
       status, fragment);
    if (status_of(c) != status) printf("# %.400s\n", c->in);
    close_client(c);
}

static void set_workers(void) {
    static const char path[] = "/api/v1/screener/workers";
    static const char *const wrong[] = {"{\"workers\":0}",
                                        "{\"workers\":9}",
                                        "{\"workers\":2.0}",
                                        "{\"workers\":\"2\"}",
                                        "{}",
                                        "{\"workers\":2,\"x\":1}",
                                        "[2]",
                                        "2",
                                        "{\"workers\":-1}",
                                        "{\"workers\":1e0}",
                                        "{\"workers\":99999999999}"};
    client *c = post(path, "{\"workers\": 3}");
    ok(status_of(c) == 202 && has(c, "{\"workers\":3}") && workers == 3, "the number of workers is taken");
    close_client(c);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        refuses(path, wrong[i], 400, "expected {\\\"workers\\\": N} with a whole number from 1 to 8");
    refuses(path, "{\"workers\":", 400, "the body is no JSON (line 1, column");
    refuses(path, "{\"workers\":2,\"workers\":3}", 400, "no JSON");
    refuses(path, "", 400, "expected a body");
    refuses(path, "{\"workers\":8}", 503, "a change is under way");
}

static void change_trader(void) {
    static const char *const wrong[] = {"{}", "[]", "{\"enabled\":1}", "{\"inputs\":[]}",
                                        "{\"enabled\":true,\"code\":\"x\"}"};
    client *c = post("/api/v1/traders/rsi", "{\"enabled\": false, \"inputs\": {\"length\": 14, \"name\": \"x\"}}");
    ok(status_of(c) == 202 && has(c, "\"trader\":\"rsi\"") &&
           !strcmp(change, "rsi {\"enabled\":false,\"inputs\":{\"length\":14,\"name\":\"x\"}}"),
       "a trader's change is handed on: %s", change);
    close_client(c);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        refuses("/api/v1/traders/rsi", wrong[i], 400, "expected {\\\"enabled\\\": true or false");
    refuses("/api/v1/traders/rsi", "{\"inputs\":{\"a\":{}}}", 400, "the value of input \\\"a\\\"");
    refuses("/api/v1/traders/rsi", "{\"inputs\":{\"a\":[1]}}", 400, "the value of input \\\"a\\\"");
    refuses("/api/v1/traders/none", "{\"enabled\":true}", 404, "there is no trader \\\"none\\\"");
    refuses("/api/v1/traders/errors", "{\"enabled\":true}", 404, "there is no trader \\\"errors\\\"");
    refuses("/api/v1/traders/old", "{\"enabled\":true}", 501, "it cannot be changed");
    refuses("/api/v1/traders/strict", "{\"inputs\":{\"length\":0}}", 400, "expected 2..50");
    refuses("/api/v1/traders/a/b", "{\"enabled\":true}", 404, "nothing at this path");
    refuses("/api/v1/traders/a234567890123456789012345678901234567890123456789012345678901234", "{\"enabled\":true}",
            404, "nothing at this path");
    change[0] = 0;
    expect(401, "POST", "/api/v1/traders/rsi", "Content-Length: 16\r\n\r\n{\"enabled\":true}", "\"status\":401");
    ok(!change[0], "nothing is changed without the token");
}

/* ---- the ways of a body ---- */

static void bodies(void) {
    char text[2048];
    client *c = open_client(); /* byte by byte */
    int n = snprintf(text, sizeof text,
                     "POST /api/v1/screener/workers HTTP/1.1\r\nHost: a\r\n%sContent-Length: 13\r\n\r\n{\"workers\":4}"
                     "POST /api/v1/screener/workers HTTP/1.1\r\nHost: a\r\n%sContent-Length: 13\r\n\r\n{\"workers\":5}",
                     bearer, bearer);
    for (int i = 0; i < n / 2; i++) {
        send_bytes(c, text + i, 1);
        turn(c);
    }
    ok(wait_for(c, has_ended, NULL) && status_of(c) == 202 && has(c, "{\"workers\":4}") && has(c, "connection: close"),
       "a body may come in pieces");
    close_client(c);

    workers = 0;
    c = open_client(); /* two at once */
    send_bytes(c, text, (size_t)n);
    ok(wait_for(c, has_ended, NULL) && has(c, "{\"workers\":4}") && !has(c, "{\"workers\":5}") && workers == 4,
       "what comes behind it is not looked at");
    close_client(c);

    workers = 0;
    for (int i = 0; i < 20; i++) { /* the connection goes before the body is whole */
        c = open_client();
        send_bytes(c, text, (size_t)(n / 2 - 5));
        for (int turns = 0; turns < i % 4; turns++) uv_run(&loop, UV_RUN_NOWAIT);
        close_client(c);
    }
    expect(411, "POST", "/api/v1/screener/workers", bearer, "Content-Length");
    snprintf(text, sizeof text, "%sTransfer-Encoding: chunked\r\n", bearer);
    expect(411, "POST", "/api/v1/screener/workers", text, "Content-Length");
    snprintf(text, sizeof text, "%sContent-Length: 65537\r\n", bearer);
    expect(413, "POST", "/api/v1/screener/workers", text, "65536 bytes");
    expect(405, "POST", "/api/v1/status", bearer, "allow: GET, HEAD");
    expect(405, "PUT", "/api/v1/traders/errors", bearer, "allow: GET, HEAD, POST\r");
    ok(workers == 0, "none of these changes anything");
}

static bool is_asked(client *unused, const void *count) {
    (void)unused;
    return n_waiting == *(const int *)count;
}

static void answer_waiting(int i, const char *json) {
    json_writer w;
    json_writer_init(&w);
    json_write_raw(&w, json);
    outcome_json(waiting[i], 200, &w);
}

/* The answer comes long after the body: until then nothing more of the connection is read, and others are served. */
static void late_answers(void) {
    static const char body[] = "{\"source\":\"return 1\"}", path[] = "/api/v1/traders/validate";
    char text[2048], one[1024];
    int want = 1, n;
    client *c = open_client(), *gone;
    snprintf(one, sizeof one, "POST %s HTTP/1.1\r\nHost: a\r\n%sContent-Length: %zu\r\n\r\n%s", path, bearer,
             sizeof body - 1, body);
    n = snprintf(text, sizeof text, "%s%s%s", one, one, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    n_waiting = 0;
    send_bytes(c, text, (size_t)n);
    ok(wait_for(c, is_asked, &want), "a body is taken, and its answer waits: %s", draft_text);
    for (int i = 0; i < 20; i++) turn(c);
    ok(n_waiting == 1 && c->n == 0 && !c->is_ended, "what comes behind it does not come to its turn");
    expect(200, "GET", "/health", "", "healthy");
    answer_waiting(0, "{\"first\":1}");
    ok(wait_for(c, has_ended, NULL) && status_of(c) == 200 && has(c, "{\"first\":1}") && has(c, "connection: close"),
       "the answer goes out, and the connection ends");
    ok(n_waiting == 1 && !strstr(strstr(c->in, "first"), "HTTP/1.1"), "nothing else was answered");
    close_client(c);

    gone = open_client(); /* goes away while it waits */
    n_waiting = 0;
    send_text(gone, one);
    ok(wait_for(gone, is_asked, &want), "another one waits");
    close_client(gone);
    for (int i = 0; i < 20; i++) turn(NULL);
    answer_waiting(0, "{}");
    expect(200, "GET", "/health", "", "healthy");

    c = open_client(); /* without a body the connection stays */
    n_waiting = 0;
    snprintf(text, sizeof text, "DELETE /api/v1/traders/rsi HTTP/1.1\r\nHost: a\r\n%s\r\n", bearer);
    send_text(c, text);
    ok(wait_for(c, is_asked, &want), "a DELETE waits");
    outcome_empty(waiting[0], 204);
    while (!strstr(c->in, "\r\n\r\n") && !c->is_ended) turn(c);
    ok(status_of(c) == 204 && !has(c, "content-length") && !c->is_ended, "and has no content");
    close_client(c);
}

static void drafts(void) {
    static const char *const wrong[] = {"{}", "{\"source\":1}", "{\"source\":\"x\",\"code\":1}", "[]",
                                        "{\"source\":\"a\\u0000b\"}"};
    client *c = post("/api/v1/traders", "{\"source\":\"x\",\"id\":\"a-1\",\"enabled\":false,\"inputs\":{\"n\":2}}");
    ok(status_of(c) == 204 && !strcmp(draft_text, "key=a-1 source=x inputs={\"n\":2} enabled=0 version=-"),
       "a new one: %s", draft_text);
    close_client(c);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        refuses("/api/v1/traders", wrong[i], 400, i == 4 ? "body is no JSON" : "expected {\\\"source\\\": TEXT}");
    static const char *const ids[] = {"", "../x", "a b", "-a", "errors", "look", "validate"};
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        char body[128];
        snprintf(body, sizeof body, "{\"source\":\"x\",\"id\":\"%s\"}", ids[i]);
        refuses("/api/v1/traders", body, 400, "id");
    }
    refuses("/api/v1/traders", "{\"source\":\"x\",\"id\":\"taken\"}", 409, "\"version\":\"v1\"");
    refuses("/api/v1/traders", "{\"source\":\"x\",\"enabled\":null}", 400, "expected");
    refuses("/api/v1/traders", "{\"source\":\"x\",\"inputs\":[1]}", 400, "expected");
    refuses("/api/v1/traders/look", "{\"source\":\"x\",\"bars\":0}", 400, "from 1 to 500");
    refuses("/api/v1/traders/look", "{\"source\":\"x\",\"symbols\":[]}", 400, "1 to 1000 names");
    refuses("/api/v1/traders/look", "{\"source\":\"x\",\"symbols\":[1]}", 400, "list of names");
    refuses("/api/v1/traders/look", "{\"source\":\"x\",\"symbols\":[\"A\",\"B\"],\"bars\":7}", 429, "wait already");
    ok(strstr(draft_text, "bars=7 symbols=2:B") != NULL, "a look: %s", draft_text);
    refuses("/api/v1/traders/validate", "{\"source\":\"x\",\"id\":\"a\"}", 400, "expected");
}

/* A body where none is wanted, and more behind it. */
static void unwanted_bodies(void) {
    static const char *const heads[] = {"GET /health", "HEAD /health", "GET /",
                                        "GET /ws",     "GET /nothing", "GET /api/v1/signals"};
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
        char text[1024];
        client *c = open_client();
        snprintf(text, sizeof text,
                 "%s HTTP/1.1\r\nHost: a\r\n%sContent-Length: 5\r\n\r\nhelloGET / HTTP/1.1\r\nHost: a\r\n\r\n",
                 heads[i], bearer);
        send_text(c, text);
        ok(wait_for(c, has_ended, NULL) && status_of(c) == 400, "%s with a body is refused, and the connection ends",
           heads[i]);
        close_client(c);
    }
    expect(200, "GET", "/health", "Content-Length: 0\r\n", "healthy");
}

static void set(void *context) { *(bool *)context = true; }

static bool is_over(client *unused, const void *what) {
    (void)unused;
    return *(const bool *)what;
}

int main(void) {
    char log_path[64], remove[64];
    diag why = {""};
    bool is_closed = false;
    snprintf(top, sizeof top, "/tmp/trademind-sa-XXXXXX");
    if (!mkdtemp(top)) return 1;
    signal(SIGPIPE, SIG_IGN);
    log_init(LOG_DEBUG, LOG_HUMAN);
    snprintf(log_path, sizeof log_path, "%s/log", top);
    if (!freopen(log_path, "w", stderr)) return 1;
    start_all();
    traders();
    trader_errors();
    set_workers();
    change_trader();
    drafts();
    late_answers();
    unwanted_bodies();
    bodies();
    serve_close(server, set, &is_closed);
    ok(wait_for(NULL, is_over, &is_closed), "every handle of the server is gone");
    must(storage_drain_and_stop(store, 1000, NULL, NULL, &why));
    uv_run(&loop, UV_RUN_DEFAULT);
    ok(uv_loop_close(&loop) == 0, "and the loop is empty");
    snprintf(remove, sizeof remove, "rm -rf %s", top);
    return system(remove) != 0 || done();
}
