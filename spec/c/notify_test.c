/* Notifications in words, signed, and as each service takes them and answers: all that needs no network. */
#include "notify/message.h"
#include "notify/rule.h"
#include "notify/service.h"
#include "notify/signature.h"
#include "spec/c/tap.h"
#include <jansson.h>
#include <math.h>
#include <string.h>

static notice example(void) {
    return (notice){.event = NOTICE_SIGNAL,
                    .bar = {1770127500000, 9, 9.5, 8.75, 9.1234, 100},
                    .signal = {.id = "0b6b8a6e-0000-5000-8000-000000000001",
                               .trader = "rsi",
                               .trader_name = "RSI \"bounce\"",
                               .symbol = "LINKUSDT",
                               .interval = INTERVAL_5M,
                               .open_ms = 1770127500000,
                               .close_ms = 1770127800000,
                               .price = 9.1234,
                               .volume = 100,
                               .change_pct = -1.5,
                               .score = 0.75,
                               .stop = NAN,
                               .target = {9.5, 10},
                               .n_targets = 2,
                               .side = SIDE_LONG,
                               .conditions = (char *)"[\"RSI below 30\",\"rising\"]",
                               .tags = (char *)"[\"mean\",\"fast\"]",
                               .values = (char *)"{\"rsi(close,14)\":28.5}",
                               .plots = (char *)"[{\"kind\":\"line\",\"title\":\"RSI\",\"value\":28.5},"
                                                "{\"kind\":\"band\",\"title\":\"BB\",\"upper\":9.75,\"lower\":8},"
                                                "{\"kind\":\"hline\",\"title\":\"low\",\"level\":30},"
                                                "{\"kind\":\"line\",\"title\":\"none\",\"value\":null}]"}};
}

static bool writes(const char *template, const notice *n, const char *expected) {
    message_context context = {.market = "spot", .base = "LINK", .quote = "USDT", .now_ms = 1770127801250};
    char *text = NULL;
    bool is = message_write(template, n, &context, &text) == OK && strcmp(text, expected) == 0;
    if (!is) printf("# got      \"%s\"\n# expected \"%s\"\n", text, expected);
    free(text);
    return is;
}

static void test_words(void) {
    notice n = example();
    ok(writes("{{symbol}} {{base}}/{{quote}} {{exchange}} {{market}} {{interval}}", &n,
              "LINKUSDT LINK/USDT BINANCE spot 5m"),
       "what is traded");
    ok(writes("{{time}} {{close_time}} {{timenow}}", &n,
              "2026-02-03T14:05:00Z 2026-02-03T14:10:00Z 2026-02-03T14:10:01.250Z"),
       "times, UTC");
    ok(writes("{{open}} {{high}} {{low}} {{close}} {{price}} {{volume}} {{change}}", &n,
              "9 9.5 8.75 9.1234 9.1234 100 -1.5"),
       "the bar");
    ok(writes("{{trader}} {{trader_id}} {{conditions}} {{side}} {{score}} {{stop}} {{target}} {{tags}} {{state}}", &n,
              "RSI \"bounce\" rsi RSI below 30; rising long 0.75 n/a 9.5, 10 mean, fast confirmed"),
       "what the trader has said");
    ok(writes("{{plot(\"RSI\")}} {{plot_0}} {{plot('BB.upper')}} {{plot(\"BB.lower\")}} {{plot_2}} {{plot(\"none\")}} "
              "{{plot(\"x\")}} {{plot_9}} {{value(\"rsi(close,14)\")}}",
              &n, "28.5 28.5 9.75 8 30 n/a n/a n/a 28.5"),
       "its plots, and what its conditions have read");
    ok(writes(" {\"t\": \"{{trader}}\"} ", &n, " {\"t\": \"RSI \\\"bounce\\\"\"}"), "in JSON texts are escaped");
    ok(writes("[\"{{trader}}\"]", &n, "[\"RSI \\\"bounce\\\"\"]"), "in a list, too");
    ok(writes("{{trader}}", &n, "RSI \"bounce\""), "but not where a name is what it begins with");
    n.signal.price = 2.1e-05;
    n.signal.volume = 1e20;
    n.signal.change_pct = -0.0;
    ok(writes("{{close}} {{volume}} {{change}}", &n, "0.000021 1e+20 0"), "small numbers have no exponent");
}

static void test_headline(void) {
    notice n = example();
    ok(writes(message_default(n.event), &n, "LINKUSDT 5m long at 9.1234: RSI \"bounce\"\nRSI below 30; rising"),
       "the default of a signal");
    n.signal.conditions = (char *)"[]";
    n.signal.side = SIDE_NONE;
    n.signal.late = true;
    ok(writes(message_default(n.event), &n, "LINKUSDT 5m at 9.1234: RSI \"bounce\" (late)"),
       "without a side and conditions, late: no blank and no line too many");
    n.event = NOTICE_PROVISIONAL;
    n.signal.late = false;
    ok(writes("{{headline}}", &n, "LINKUSDT 5m at 9.1234: RSI \"bounce\" (provisional)"), "of a forming bar");
    n.event = NOTICE_WITHDRAWN;
    ok(writes(message_default(n.event), &n, "LINKUSDT 5m at 9.1234: RSI \"bounce\" (withdrawn)"), "gone again");
    n.event = NOTICE_ANALYSIS;
    n.analysis.confidence = 71;
    strcpy(n.analysis.decision, "enter_trade");
    n.analysis.reasoning = (char *)"because";
    ok(writes(message_default(n.event), &n, "LINKUSDT 5m: enter_trade, 71 % (RSI \"bounce\")\nbecause"), "a verdict");
    ok(writes("{{decision}} {{confidence}} {{reasoning}}", &n, "enter_trade 71 because"), "and its parts");
}

/* The example of the specification at standardwebhooks.com. */
static void test_signature(void) {
    char out[SIGNATURE_BYTES];
    const char secret[] = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", body[] = "{\"test\": 2432232314}";
    ok(signature_make(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body, strlen(body), out) == OK &&
           strcmp(out, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=") == 0,
       "the signature of the specification's example");
    ok(!signature_is_secret("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw") && !signature_is_secret("whsec_") &&
           !signature_is_secret("whsec_!!!!") && !signature_is_secret("whsec_c2hvcnQ="),
       "no prefix, no key, no Base64, a short key: no secrets");
    ok(signature_is_secret("whsec_MDEyMzQ1Njc4OWFiY2RlZg=="), "sixteen bytes are enough");
    ok(signature_make("password", "a", 1, "", 0, out) == ERR_INVALID, "and none makes no signature");
}

static uint32_t services(const char *json, bool asked, notice_event event, double score) {
    notice_rule rule;
    notice n = example();
    n.event = event;
    n.signal.score = score;
    if (notice_rule_read(json, asked, &rule) != OK) return 1000;
    uint32_t bits = notice_rule_services(&rule, &n, 1u << NOTICE_WEBHOOK | 1u << NOTICE_DISCORD);
    notice_rule_deinit(&rule);
    return bits;
}

static void test_rules(void) {
    const uint32_t all = 1u << NOTICE_WEBHOOK | 1u << NOTICE_DISCORD;
    ok(services(NULL, false, NOTICE_SIGNAL, NAN) == all && services(NULL, false, NOTICE_PROVISIONAL, NAN) == all &&
           services(NULL, false, NOTICE_WITHDRAWN, NAN) == all,
       "without rules all that is set up hear of signals");
    ok(services(NULL, false, NOTICE_CONFIRMED, NAN) == 0 && services(NULL, false, NOTICE_ANALYSIS, NAN) == 0,
       "but not of what came of them");
    ok(services(NULL, true, NOTICE_SIGNAL, NAN) == 0 && services("{}", true, NOTICE_SIGNAL, NAN) == all,
       "asked: only with rules");
    ok(services("{\"off\":true}", false, NOTICE_SIGNAL, 1) == 0, "switched off");
    ok(services("{\"to\":[\"discord\",\"telegram\"]}", false, NOTICE_SIGNAL, NAN) == 1u << NOTICE_DISCORD,
       "to some, of which one is not set up");
    ok(services("{\"events\":[\"analysis\"]}", false, NOTICE_SIGNAL, NAN) == 0 &&
           services("{\"events\":[\"analysis\"]}", false, NOTICE_ANALYSIS, NAN) == all,
       "of some");
    ok(services("{\"min_score\":0.5}", false, NOTICE_SIGNAL, 0.5) == all &&
           services("{\"min_score\":0.5}", false, NOTICE_SIGNAL, 0.49) == 0 &&
           services("{\"min_score\":0.5}", false, NOTICE_SIGNAL, NAN) == 0,
       "from a score on");
    ok(services("{\"to\":[\"fax\"]}", false, NOTICE_SIGNAL, 1) == 1000 &&
           services("[]", false, NOTICE_SIGNAL, 1) == 1000 && services("{", false, NOTICE_SIGNAL, 1) == 1000,
       "what the standard library does not make is refused");
}

/* All five events of a trader that wants all of them: bits of those that are told. */
static uint32_t told(bool tells_signals, bool tells_analyses) {
    static const char every[] = "{\"events\":[\"signal\",\"provisional\",\"confirmed\",\"withdrawn\",\"analysis\"]}";
    notice_rule rule;
    uint32_t bits = 0;
    if (notice_rule_read(every, false, &rule) != OK) ok(false, "a rule");
    notice_rule_silence(&rule, tells_signals, tells_analyses);
    for (notice_event event = 0; event < N_NOTICE_EVENTS; event++) {
        notice n = example();
        n.event = event;
        if (notice_rule_services(&rule, &n, 1u << NOTICE_WEBHOOK)) bits |= 1u << event;
    }
    notice_rule_deinit(&rule);
    return bits;
}

static void test_silence(void) {
    const uint32_t all = (1u << N_NOTICE_EVENTS) - 1, analysis = 1u << NOTICE_ANALYSIS;
    ok(told(true, true) == all, "an owner who wants all hears of all");
    ok(told(false, true) == analysis, "without signals: of verdicts alone");
    ok(told(true, false) == (all & ~analysis), "without verdicts: of signals alone");
    ok(told(false, false) == 0, "without both: of nothing");
}

static service_verdict judged(notice_service which, service_answer a) {
    service_verdict v;
    if (!a.body) a.body = "";
    service_get(which)->judge(&a, &v);
    return v;
}

static void test_answers(void) {
    service_verdict v;
    ok(judged(NOTICE_WEBHOOK, (service_answer){.status = 204}).outcome == SERVICE_SENT, "204 is good");
    v = judged(NOTICE_WEBHOOK, (service_answer){.status = 429, .retry_after = "7"});
    ok(v.outcome == SERVICE_RETRY && v.wait_ms == 7000, "429 with Retry-After");
    v = judged(NOTICE_WEBHOOK, (service_answer){.status = 429, .retry_after = "Wed, 21 Oct 2026 07:28:00 GMT"});
    ok(v.outcome == SERVICE_RETRY && v.wait_ms == -1, "with a date: as long as we find right");
    v = judged(NOTICE_WEBHOOK, (service_answer){.status = 503, .retry_after = "999999999"});
    ok(v.wait_ms == 86400000, "a day is the longest wait");
    ok(judged(NOTICE_WEBHOOK, (service_answer){.status = 500}).outcome == SERVICE_RETRY &&
           judged(NOTICE_WEBHOOK, (service_answer){.status = 401}).outcome == SERVICE_RETRY &&
           judged(NOTICE_WEBHOOK, (service_answer){.status = 301}).outcome == SERVICE_RETRY,
       "what can be put right is tried again");
    ok(judged(NOTICE_WEBHOOK, (service_answer){.status = 422}).outcome == SERVICE_REFUSED &&
           judged(NOTICE_WEBHOOK, (service_answer){.status = 413}).outcome == SERVICE_REFUSED,
       "a body that is no good is not");
    v = judged(NOTICE_WEBHOOK, (service_answer){.why = "connection refused"});
    ok(v.outcome == SERVICE_RETRY && v.wait_ms == -1 && strstr(v.why, "refused"), "no answer");
    ok(judged(NOTICE_TELEGRAM, (service_answer){.status = 200, .body = "{\"ok\":true}"}).outcome == SERVICE_SENT,
       "Telegram's ok");
    ok(judged(NOTICE_TELEGRAM, (service_answer){.status = 200, .body = "<html>"}).outcome == SERVICE_RETRY,
       "a page of somebody else is none");
    v = judged(NOTICE_TELEGRAM, (service_answer){.status = 429,
                                                 .body = "{\"ok\":false,\"description\":\"Too Many\","
                                                         "\"parameters\":{\"retry_after\":35}}"});
    ok(v.outcome == SERVICE_RETRY && v.wait_ms == 35000 && strstr(v.why, "Too Many"), "Telegram's retry_after");
    v = judged(NOTICE_TELEGRAM, (service_answer){.status = 400,
                                                 .body = "{\"ok\":false,\"description\":\"x\",\"parameters\""
                                                         ":{\"migrate_to_chat_id\":-1001}}"});
    ok(v.outcome == SERVICE_RETRY && v.wait_ms == 0 && strcmp(v.chat, "-1001") == 0, "a chat that has moved");
    ok(judged(NOTICE_TELEGRAM, (service_answer){.status = 400,
                                                .body = "{\"description\":\"Bad Request: message text is "
                                                        "empty\"}"})
               .outcome == SERVICE_REFUSED,
       "a text that it never takes");
    v = judged(NOTICE_DISCORD, (service_answer){.status = 429, .retry_after = "2", .body = "{\"retry_after\":1.25}"});
    ok(v.outcome == SERVICE_RETRY && v.wait_ms == 1250, "Discord's retry_after is more exact than the header");
    v = judged(NOTICE_DISCORD, (service_answer){.status = 204, .remaining = "0", .reset_after = "1.5"});
    ok(v.outcome == SERVICE_SENT && v.wait_ms == 1500, "an empty bucket is waited for");
}

static void test_bodies(void) {
    static char longer[3000 * 4 + 1];
    notice n = example();
    char *body = NULL;
    service_options o = {.url = "http://x", .secret = "", .chat = "5"};
    for (int i = 0; i < 3000; i++) memcpy(longer + 4 * (size_t)i, "\xF0\x9F\x9A\x80", 4); /* of two units each */
    ok(service_word(NOTICE_DISCORD, &o, &n, "id", longer, &body) == OK && strlen(body) == 999 * 4 + 3 &&
           strcmp(body + 999 * 4, "\xE2\x80\xA6") == 0,
       "what is too long for Discord is cut between two characters");
    free(body);
    ok(service_word(NOTICE_WEBHOOK, &o, &n, "id", "said", &body) == OK, "a webhook's body");
    json_t *object = json_loads(body, 0, NULL);
    ok(strcmp(json_string_value(json_object_get(object, "text")), "said") == 0 &&
           strcmp(json_string_value(json_object_get(json_object_get(object, "signal"), "symbol")), "LINKUSDT") == 0,
       "has the message and the signal");
    json_decref(object);
    free(body);
}

int main(void) {
    test_words();
    test_headline();
    test_signature();
    test_rules();
    test_silence();
    test_answers();
    test_bodies();
    return done();
}
