/* The strict reader of a model's answer: what is of the form comes through whole, and what is not is refused with the place. */
#include "analyzer/opinion.h"
#include "spec/c/tap.h"
#include <jansson.h>
#include <math.h>
#include <string.h>

#define LEVELS \
    "{\"entry\":100.5,\"stopLoss\":98,\"takeProfit\":[103,106.25],\"support\":[99.1,97],\"resistance\":[104]}"
#define PLAN "{\"setup\":\"a\",\"execution\":\"b\",\"invalidation\":\"c\",\"riskReward\":1.5}"
#define CONTEXT "{\"trend\":\"up\",\"momentum\":\"weak\",\"volatility\":\"low\",\"keyObservations\":[\"x\",\"y\"]}"
#define ANSWER(decision, side, confidence, levels, plan, context) \
    "{\"decision\":" decision ",\"side\":" side ",\"confidence\":" confidence \
    ",\"reasoning\":\"because \\u00e9\",\"keyLevels\":" levels ",\"tradePlan\":" plan ",\"technicalContext\":" context \
    "}"
#define GOOD ANSWER("\"enter_trade\"", "\"long\"", "72", LEVELS, PLAN, CONTEXT)

static err parse(const char *text, opinion *a, diag *why) {
    why->text[0] = 0;
    return opinion_parse(text, strlen(text), a, why);
}

static void test_whole(void) {
    opinion a;
    diag why;
    err e = parse(GOOD, &a, &why);
    ok(e == OK, "an answer of the form is read (%s)", why.text);
    if (e != OK) return;
    ok(a.decision == DECISION_ENTER && a.side == SIDE_LONG && a.confidence == 72, "decision, side, confidence");
    ok(a.entry == 100.5 && a.stop == 98 && a.targets.count == 2 && a.targets.at[1] == 106.25, "entry, stop, targets");
    ok(a.support.count == 2 && a.support.at[1] == 97 && a.resistance.count == 1, "support and resistance");
    ok(strcmp(a.reasoning, "because \xC3\xA9") == 0 && strcmp(a.invalidation, "c") == 0, "texts");
    ok(a.risk_reward == 1.5 && strcmp(a.volatility, "low") == 0 && a.n_observations == 2, "plan and context");
    opinion_deinit(&a);
}

static void test_nothing_given(void) {
    opinion a;
    diag why;
    ok(parse(ANSWER("\"bad_setup\"", "\"none\"", "0",
                    "{\"entry\":null,\"stopLoss\":null,\"takeProfit\":[],\"support\":[],\"resistance\":[]}",
                    "{\"setup\":\"\",\"execution\":\"\",\"invalidation\":\"\",\"riskReward\":null}", CONTEXT),
             &a, &why) == OK,
       "a rejection without levels is read (%s)", why.text);
    ok(a.decision == DECISION_REJECT && a.side == SIDE_NONE && isnan(a.entry) && isnan(a.stop) && isnan(a.risk_reward),
       "what was null is none");
    opinion_deinit(&a);
}

static bool is_refused(const char *text, err code, const char *sentence) {
    opinion a;
    diag why;
    err e = parse(text, &a, &why);
    bool is_right = e == code && strstr(why.text, sentence);
    if (e == OK) opinion_deinit(&a);
    if (!is_right) printf("# code %d \"%s\"\n# expected %d \"%s\"\n", e, why.text, code, sentence);
    return is_right;
}

static void test_syntax(void) {
    ok(is_refused("", ERR_SYNTAX, "no JSON"), "nothing at all");
    ok(is_refused("I think you should buy.", ERR_SYNTAX, "no JSON"), "prose");
    ok(is_refused(GOOD "\nHope this helps!", ERR_SYNTAX, "no JSON"), "prose behind the object");
    ok(is_refused("Sure: " GOOD, ERR_SYNTAX, "no JSON"), "prose before it");
    ok(is_refused(GOOD GOOD, ERR_SYNTAX, "no JSON"), "two objects");
    ok(is_refused("[" GOOD "]", ERR_INVALID, "expected an object"), "a list");
    ok(is_refused("{\"decision\":\"wait\",\"decision\":\"enter_trade\"}", ERR_SYNTAX, "duplicate"), "a field twice");
    ok(is_refused(ANSWER("\"wait\"", "\"long\"", "NaN", LEVELS, PLAN, CONTEXT), ERR_SYNTAX, "no JSON"), "NaN");
    ok(is_refused(ANSWER("\"wait\"", "\"long\"", "Infinity", LEVELS, PLAN, CONTEXT), ERR_SYNTAX, "no JSON"),
       "Infinity");
    ok(is_refused(ANSWER("\"wait\"", "\"long\"", "1e999", LEVELS, PLAN, CONTEXT), ERR_SYNTAX, "no JSON"), "1e999");
    ok(is_refused("{\"decision\":\"wait\xff\"}", ERR_SYNTAX, "no JSON"), "bytes that are no UTF-8");
}

/* Cut anywhere it is no answer, and read from memory that ends there, which the sanitizer watches. */
static void test_truncated(void) {
    size_t n_read = 0;
    for (size_t n = 0; n < strlen(GOOD); n++) {
        char *part = malloc(n + !n);
        opinion a;
        diag why;
        if (!part) abort();
        memcpy(part, GOOD, n);
        if (opinion_parse(part, n, &a, &why) != ERR_SYNTAX) n_read++;
        free(part);
    }
    ok(n_read == 0, "an answer cut at any of its %zu bytes is refused", strlen(GOOD));
}

static void test_fences(void) {
    static const char *const fenced[] = {"```json\n" GOOD "\n```", "```\n" GOOD "\n```",
                                         " \n```JSON\r\n" GOOD "\r\n```\n\n", "\t" GOOD "\n"};
    opinion a;
    diag why;
    for (size_t i = 0; i < sizeof fenced / sizeof *fenced; i++) {
        err e = parse(fenced[i], &a, &why);
        ok(e == OK && a.confidence == 72, "fence %zu is taken off (%s)", i, why.text);
        if (e == OK) opinion_deinit(&a);
    }
    ok(is_refused("```json\n" GOOD, ERR_SYNTAX, "no JSON"), "an open fence");
    ok(is_refused("Here:\n```json\n" GOOD "\n```", ERR_SYNTAX, "no JSON"), "prose before a fence");
    ok(is_refused("``````", ERR_SYNTAX, "no JSON"), "fences and nothing else");
    ok(is_refused("```json\n```json\n" GOOD "\n```\n```", ERR_SYNTAX, "no JSON"), "two fences");
}

static void test_types(void) {
#define CASE(text, sentence) ok(is_refused(text, ERR_INVALID, sentence), "%s", sentence)
    CASE("{}", "the answer has no field decision");
    CASE(ANSWER("\"buy\"", "\"long\"", "72", LEVELS, PLAN, CONTEXT),
         "decision is \"buy\"; expected one of enter_trade, bad_setup, wait");
    CASE(ANSWER("1", "\"long\"", "72", LEVELS, PLAN, CONTEXT), "decision is 1; expected one of");
    CASE(ANSWER("\"wait\"", "null", "72", LEVELS, PLAN, CONTEXT), "side is null; expected one of none, long, short");
    CASE(ANSWER("\"wait\"", "\"long\"", "\"72\"", LEVELS, PLAN, CONTEXT),
         "confidence is \"72\"; expected a number from 0 to 100");
    CASE(ANSWER("\"wait\"", "\"long\"", "-1", LEVELS, PLAN, CONTEXT),
         "confidence is -1; expected a number from 0 to 100");
    CASE(ANSWER("\"wait\"", "\"long\"", "100.5", LEVELS, PLAN, CONTEXT), "confidence is 100.5; expected");
    CASE(ANSWER("\"wait\"", "\"long\"", "null", LEVELS, PLAN, CONTEXT), "confidence is null; expected");
    CASE(ANSWER("\"wait\"", "\"long\"", "99999999999999999999999", LEVELS, PLAN, CONTEXT),
         "confidence is 1e+23; expected");
    CASE(ANSWER("\"wait\"", "\"long\"", "5", "7", PLAN, CONTEXT), "keyLevels is 7; expected an object");
    CASE(ANSWER("\"wait\"", "\"long\"", "5", "{\"entry\":\"100\"}", PLAN, CONTEXT),
         "entry is \"100\"; expected a price above 0, or null");
    CASE(ANSWER("\"wait\"", "\"long\"", "5", "{\"entry\":0}", PLAN, CONTEXT), "entry is 0; expected a price above 0");
    CASE(ANSWER("\"wait\"", "\"long\"", "5", "{\"entry\":1,\"stopLoss\":-3}", PLAN, CONTEXT),
         "stopLoss is -3; expected a price above 0");
    CASE(ANSWER("\"wait\"", "\"long\"", "5", "{\"entry\":1,\"stopLoss\":1,\"takeProfit\":2}", PLAN, CONTEXT),
         "takeProfit is 2; expected a list of prices above 0");
    CASE(ANSWER("\"wait\"", "\"long\"", "5", "{\"entry\":1,\"stopLoss\":1,\"takeProfit\":[1,null]}", PLAN, CONTEXT),
         "takeProfit is null; expected a list of prices above 0");
    CASE(ANSWER("\"wait\"", "\"long\"", "5", "{\"entry\":1,\"stopLoss\":1,\"takeProfit\":[1,2,3,4,5,6,7,8,9]}", PLAN,
                CONTEXT),
         "takeProfit has 9 prices; expected at most 8");
    CASE(ANSWER("\"wait\"", "\"long\"", "5", LEVELS, "{\"setup\":5}", CONTEXT), "setup is 5; expected a text");
    CASE(ANSWER("\"wait\"", "\"long\"", "5", LEVELS, "[]", CONTEXT), "tradePlan is a list; expected an object");
    CASE(ANSWER("\"wait\"", "\"long\"", "5", LEVELS,
                "{\"setup\":\"\",\"execution\":\"\",\"invalidation\":\"\",\"riskReward\":-0.5}", CONTEXT),
         "riskReward is -0.5; expected a number from 0, or null");
    CASE(ANSWER("\"wait\"", "\"long\"", "5", LEVELS, PLAN,
                "{\"trend\":\"\",\"momentum\":\"\",\"volatility\":\"\",\"keyObservations\":[1]}"),
         "keyObservations is 1; expected a text");
    CASE(ANSWER("\"wait\"", "\"long\"", "5", LEVELS, PLAN, "{\"trend\":\"\",\"momentum\":\"\",\"volatility\":\"\"}"),
         "technicalContext has no field keyObservations");
    CASE(ANSWER("\"wait\",\"size\":5", "\"long\"", "5", LEVELS, PLAN, CONTEXT),
         "the answer has the unknown field \"size\"");
#undef CASE
}

static void test_sizes(void) {
    size_t bytes = 10 << 20;
    char *text = malloc(bytes + 1);
    opinion a;
    diag why;
    if (!text) abort();
    memset(text, ' ', bytes);
    memcpy(text, GOOD, strlen(GOOD));
    text[bytes] = 0;
    ok(opinion_parse(text, bytes, &a, &why) == ERR_TOO_BIG, "10 MB are refused: %s", why.text);
    memset(text, '[', bytes);
    ok(opinion_parse(text, OPINION_MAX_BYTES, &a, &why) == ERR_SYNTAX, "so is a deep nest: %s", why.text);
    memset(text, 'x', bytes);
    strcpy(text, "{\"decision\":\"wait\",\"side\":\"none\",\"confidence\":1,\"reasoning\":\"");
    text[strlen(text)] = 'x';
    strcpy(text + 20000, "\"}");
    ok(is_refused(text, ERR_INVALID, "expected at most 8192"), "and a text that is too long");
    free(text);
}

/* What opinion_write gives is the same answer. */
static void test_round_trip(void) {
    opinion a, b;
    diag why;
    json_writer one, two;
    json_writer_init(&one);
    json_writer_init(&two);
    if (parse(GOOD, &a, &why) != OK) abort();
    opinion_write(&one, &a);
    ok(parse(json_writer_text(&one), &b, &why) == OK, "an answer that was written is read (%s)", why.text);
    opinion_write(&two, &b);
    ok(strcmp(json_writer_text(&one), json_writer_text(&two)) == 0, "as the same");
    opinion_deinit(&a);
    opinion_deinit(&b);
    json_writer_deinit(&one);
    json_writer_deinit(&two);
}

/* The schema names, on each level, exactly what the reader takes: each property that is left out, and each that is added, is
 * refused. */
static void each_property(json_t *schema, json_t *whole, json_t *part, int *n_properties, int *n_refused) {
    const char *key;
    json_t *property;
    json_object_foreach(json_object_get(schema, "properties"), key, property) {
        json_t *value = json_incref(json_object_get(part, key));
        char *text;
        opinion a;
        diag why;
        if (json_object_get(property, "properties")) each_property(property, whole, value, n_properties, n_refused);
        json_object_del(part, key);
        text = json_dumps(whole, 0);
        (*n_properties)++;
        if (parse(text, &a, &why) == ERR_INVALID) (*n_refused)++;
        free(text);
        json_object_set_new(part, key, value);
    }
}

static void test_schema(void) {
    json_t *schema = json_loads(OPINION_SCHEMA, 0, NULL), *whole = json_loads(GOOD, 0, NULL);
    int n_properties = 0, n_refused = 0;
    ok(schema && whole, "the schema is JSON");
    ok(json_is_false(json_object_get(schema, "additionalProperties")), "nothing besides is allowed by it");
    each_property(schema, whole, whole, &n_properties, &n_refused);
    ok(n_properties == 20 && n_refused == n_properties, "each of its %d properties is required (%d)", n_properties,
       n_refused);
    json_decref(schema);
    json_decref(whole);
}

int main(void) {
    test_whole();
    test_nothing_given();
    test_syntax();
    test_truncated();
    test_fences();
    test_types();
    test_sizes();
    test_round_trip();
    test_schema();
    return done();
}
