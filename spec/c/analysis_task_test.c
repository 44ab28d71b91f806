/* What lies between a signal's row and the wire: the question and its price, answers into the row, later looks, and the table that
 * keeps them. */
#include "analyzer/analysis_task.h"
#include "analyzer/watch.h"
#include "spec/c/tap.h"
#include <jansson.h>
#include <math.h>
#include <string.h>

#define PROMPT \
    "{\"system\":\"be brief\",\"text\":\"what " \
    "now?\",\"atr\":2,\"tick\":0.5,\"price\":100,\"side\":\"long\",\"score\":0.7," \
    "\"targets\":[104,108],\"stopPct\":2,\"maxPerDay\":3%s}"
#define ANSWER \
    "{\"decision\":\"%s\",\"side\":\"long\",\"confidence\":60,\"reasoning\":\"r\",\"keyLevels\":{\"entry\":100.2," \
    "\"stopLoss\":97," \
    "\"takeProfit\":[104.1],\"support\":[],\"resistance\":[]},\"tradePlan\":{\"setup\":\"\",\"execution\":\"\"," \
    "\"invalidation\":\"\"," \
    "\"riskReward\":9},\"technicalContext\":{\"trend\":\"\",\"momentum\":\"\",\"volatility\":\"\"," \
    "\"keyObservations\":[]}}"

static const provider PROVIDERS[] = {{PROVIDER_GEMINI, "http://g", "k", "gemini-2.5-flash"},
                                     {PROVIDER_OPENAI, "http://o/v1", "", "llama"}};

static char text[4096];

static const char *prompt(const char *more) {
    snprintf(text, sizeof text, PROMPT, more);
    return text;
}

static analysis_row row_of(const char *signal, char *json) {
    analysis_row row = {.interval = INTERVAL_5M, .open_ms = 1770127500000, .close_ms = 1770127800000, .prompt = json};
    snprintf(row.signal_id, sizeof row.signal_id, "%s", signal);
    snprintf(row.trader_id, sizeof row.trader_id, "t");
    snprintf(row.symbol, sizeof row.symbol, "BTCUSDT");
    analysis_id(signal, 0, row.id);
    return row;
}

static analysis_task *task_of(const char *signal, const char *more) {
    analysis_row row = row_of(signal, (char *)prompt(more));
    analysis_task *t;
    if (analysis_task_new(&row, &t) != OK) abort();
    return t;
}

static analysis_manner manner(void) {
    static const char *const prices[] = {"llama=0/0"};
    return (analysis_manner){.providers = PROVIDERS,
                             .n_providers = 2,
                             .temperature = NAN,
                             .max_output_tokens = 1000,
                             .prices = prices,
                             .n_prices = 1,
                             .needs_prices = true};
}

static void test_question(void) {
    analysis_manner m = manner();
    analysis_task *t = task_of("s", ",\"model\":\"gemini-2.5-pro\",\"temperature\":0.5"), *plain = task_of("s", "");
    question q;
    analysis_task_question(t, &m, 0, &q);
    ok(strcmp(q.model, "gemini-2.5-pro") == 0 && q.temperature == 0.5 && strcmp(q.text, "what now?") == 0,
       "the prompt's model and temperature");
    analysis_task_question(t, &m, 1, &q);
    ok(strcmp(q.model, "llama") == 0, "the fallback has its own model");
    analysis_task_question(plain, &m, 0, &q);
    ok(strcmp(q.model, "gemini-2.5-flash") == 0 && isnan(q.temperature), "else those of the settings");
    ok(plain->job.max_per_day == 3 && plain->job.score == 0.7 && plain->scene.targets.count == 2 &&
           plain->scene.stop_pct == 2 && isnan(plain->scene.stop) && plain->scene.side == SIDE_LONG,
       "what the prompt says of the signal");
    ok(strcmp(t->job.identity, plain->job.identity) != 0, "another model is another question");
    analysis_task *other = task_of("another signal", "");
    ok(strcmp(other->job.identity, plain->job.identity) == 0, "another signal is not");
    analysis_task_free(t);
    analysis_task_free(plain);
    analysis_task_free(other);
    static const char *const bad[] = {
        "{}", "[]", "x", "{\"text\":\"\",\"price\":1}", "{\"text\":\"t\"}", "{\"text\":\"t\",\"price\":-1}"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        analysis_row row = row_of("s", (char *)bad[i]);
        ok(analysis_task_new(&row, &t) == ERR_INVALID, "no prompt: %s", bad[i]);
    }
}

static void test_price(void) {
    analysis_manner m = manner();
    analysis_task *t = task_of("s", ""), *unknown = task_of("s", ",\"model\":\"secret-1\"");
    ok(analysis_task_price(t, &m, 0) &&
           fabs(t->job.usd[0] - ((double)t->job.tokens_in * 0.3 + 1000 * 2.5) / 1e6) < 1e-12 && t->job.usd[1] == 0,
       "at the most %lld tokens in for $%.6f", (long long)t->job.tokens_in, t->job.usd[0]);
    ok(analysis_task_price(unknown, &m, 0) && isnan(unknown->job.usd[0]) && unknown->job.usd[1] == 0,
       "a model without a price is not asked");
    m.n_providers = 1;
    ok(!analysis_task_price(unknown, &m, 0), "and then nobody is");
    m.needs_prices = false;
    ok(analysis_task_price(unknown, &m, 0) && unknown->job.usd[0] == 0, "but without a budget in dollars");
    reply r = {.kind = REPLY_ANSWER,
               .tokens_in = 1000,
               .tokens_cached = 400,
               .tokens_out = 200,
               .model = "gemini-2.5-flash-001"};
    m = manner();
    double usd = analysis_task_charge(t, &m, &r, true, 0);
    ok(fabs(usd - (600 * 0.3 + 400 * 0.03 + 200 * 2.5) / 1e6) < 1e-12 && t->row.cost_usd == usd,
       "what it did cost, cached tokens for less");
    usd = analysis_task_charge(t, &m, &r, false, 0);
    ok(isnan(usd) && fabs(t->row.cost_usd - (600 * 0.3 + 400 * 0.03 + 200 * 2.5) / 1e6 - t->job.usd[0]) < 1e-12 &&
           t->row.n_requests == 2,
       "one without an answer counts at the most");
    analysis_task_free(t);
    analysis_task_free(unknown);
    model_price p;
    ok(model_price_find("google/gemini-3.8-flash", NULL, 0, 0, &p) && p.out == 3.75,
       "a router's name of a known model");
    ok(model_price_find("gemini-3.8-flash", NULL, 0, 1798761600000, &p) && p.out == 7.5, "the price of 2027");
    static const char *const own[] = {"gemini-3.8-flash=1/2/0.5"};
    ok(model_price_find("gemini-3.8-flash", own, 1, 0, &p) && p.in == 1 && p.out == 2 && p.cached == 0.5,
       "one's own comes first");
    ok(!model_price_find("gemini-9", own, 1, 0, &p), "an unknown model has none");
}

static void test_answer(void) {
    analysis_task *t = task_of("s", "");
    char answer[1024];
    diag why;
    snprintf(answer, sizeof answer, ANSWER, "enter_trade");
    ok(analysis_task_answer(t, answer, &why) == OK && t->row.status == ANALYSIS_DONE, "an answer ends the row (%s)",
       why.text);
    ok(strcmp(t->row.decision, "enter_trade") == 0 && strcmp(t->row.side, "long") == 0 && t->row.confidence == 60,
       "with its verdict");
    ok(strcmp(t->row.key_levels,
              "{\"entry\":100,\"stopLoss\":97,\"takeProfit\":[104],\"support\":[],\"resistance\":[]}") == 0,
       "levels: %s", t->row.key_levels);
    ok(strstr(t->row.trade_plan, "\"riskReward\":1.3333333333333333"), "risk/reward by the levels: %s",
       t->row.trade_plan);
    ok(strstr(t->row.notes, "not 9.00") && strcmp(t->row.raw, answer) == 0, "what was corrected, and what came");
    ok(analysis_task_answer(t, "{}", &why) == ERR_INVALID && strcmp(t->row.raw, "{}") == 0,
       "what is not of the form: %s", why.text);
    ok(analysis_task_complain(t, "{}", why.text) == OK && strstr(t->complaint, "no field decision") &&
           strcmp(t->previous, "{}") == 0,
       "is said");
    analysis_task_end(t, ANALYSIS_FAILED, "because");
    ok(t->row.status == ANALYSIS_FAILED && strcmp(t->row.error, "because") == 0, "an end without a verdict");
    analysis_task_free(t);
}

/* ---- later looks ---- */

static analysis_row due[8];
static int n_due;

static void on_due(void *context, const analysis_row *look) {
    (void)context;
    if (analysis_row_copy(look, &due[n_due++]) != OK) abort();
}

static void close_bar(watch_list *list, int64_t k, double close) {
    kline bar = {.open_ms = 1770127500000 + k * 300000,
                 .open = close - 1,
                 .high = close + 1,
                 .low = close - 2,
                 .close = close,
                 .volume = 7};
    if (watch_list_bar(list, "BTCUSDT", INTERVAL_5M, &bar, on_due, NULL) != OK) abort();
}

static follow_up settle(watch_list *list, analysis_row *row, analysis_status status, const char *said) {
    row->status = status;
    snprintf(row->decision, sizeof row->decision, "%s", said);
    if (watch_list_settle(list, row, NULL) != OK) abort();
    return row->follow_up;
}

static void test_watch(void) {
    watch_list *list;
    analysis_row row = row_of("s", (char *)prompt(""));
    if (watch_list_new(3, &list) != OK) abort();
    ok(settle(list, &row, ANALYSIS_DONE, "enter_trade") == FOLLOW_READY &&
           settle(list, &row, ANALYSIS_DONE, "bad_setup") == FOLLOW_EXPIRED &&
           settle(list, &row, ANALYSIS_FAILED, "") == FOLLOW_NEW && watch_list_count(list) == 0,
       "ready, expired, new: nothing is watched");
    ok(settle(list, &row, ANALYSIS_DONE, "wait") == FOLLOW_MONITORING && watch_list_count(list) == 1, "wait: it is");
    ok(watch_list_wants(list, "BTCUSDT", INTERVAL_5M) && !watch_list_wants(list, "BTCUSDT", INTERVAL_1M) &&
           !watch_list_wants(list, "ETHUSDT", INTERVAL_5M),
       "on its symbol and interval");
    close_bar(list, 0, 100);
    ok(n_due == 0, "the bar of the signal is known");
    close_bar(list, 1, 101.5);
    ok(n_due == 1 && due[0].look == 1 && due[0].status == ANALYSIS_QUEUED && due[0].open_ms == 1770127800000 &&
           due[0].close_ms == 1770128100000 && strcmp(due[0].signal_id, "s") == 0 && strcmp(due[0].id, row.id) != 0,
       "the next close is a look");
    close_bar(list, 1, 999);
    close_bar(list, 2, 103);
    ok(n_due == 1, "none while that is under way, and no bar twice");
    ok(settle(list, &due[0], ANALYSIS_FAILED, "") == FOLLOW_MONITORING, "a look that fails is one of them");
    close_bar(list, 4, 99);
    json_t *later = json_loads(due[1].prompt, 0, NULL);
    const char *said = json_string_value(json_object_get(later, "text"));
    ok(n_due == 2 && due[1].look == 2 && said && strncmp(said, "what now?\n# Since then: look 3", 30) == 0,
       "the next one has the first prompt");
    ok(said && strstr(said, "14:10 100.5 102.5 99.5 101.5 7\n14:15 102 104 101 103 7\n14:25 98 100 97 99 7\nchange "
                            "over these bars: -1.49 %\n"),
       "and all bars since: %s", said ? said : "");
    ok(json_number_value(json_object_get(later, "price")) == 99, "its price is the last close");
    json_decref(later);
    settle(list, &due[1], ANALYSIS_DONE, "wait");
    close_bar(list, 5, 98);
    ok(settle(list, &due[2], ANALYSIS_DONE, "wait") == FOLLOW_EXPIRED && watch_list_count(list) == 0,
       "after three looks it is expired");
    settle(list, &row, ANALYSIS_DONE, "wait");
    watch_list_mark(list, "s");
    close_bar(list, 6, 98);
    ok(n_due == 3, "none while one of a run before is under way");
    watch_list_forget(list, "s");
    ok(watch_list_count(list) == 0, "forgotten");
    analysis_row asked = row; /* by hand, of a signal that is not watched */
    asked.look = 5;
    asked.follow_up = FOLLOW_READY;
    ok(settle(list, &asked, ANALYSIS_FAILED, "") == FOLLOW_READY && watch_list_count(list) == 0,
       "a look that somebody asked for and that failed changes nothing");
    asked.look = 1;
    ok(settle(list, &asked, ANALYSIS_DONE, "wait") == FOLLOW_MONITORING && watch_list_count(list) == 1,
       "one that says to wait begins a watch");
    for (int i = 0; i < n_due; i++) analysis_row_deinit(&due[i]);
    watch_list_free(list);
}

int main(void) {
    test_question();
    test_price();
    test_answer();
    test_watch();
    return done();
}
