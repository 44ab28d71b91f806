/* Rows of the table `traders` as they come: objects, texts that hold objects, and what is neither; and which of them run. */
#include "spec/c/tap.h"
#include "sync/trader_choice.h"
#include <stdio.h>

#define ID(n) "00000000-0000-4000-8000-0000000000" #n

static trader_row_list parse(const char *json) {
    trader_row_list list = {0};
    diag why = {""};
    err e = trader_row_parse(json, strlen(json), &list, &why);
    if (e != OK) printf("# %s\n", why.text);
    return list;
}

/* The one row with these fields. */
static trader_row_list one(const char *fields) {
    char json[4096];
    snprintf(json, sizeof json, "[{\"id\":\"" ID(01) "\",%s}]", fields);
    return parse(json);
}

static bool is(const char *text, const char *expected) { return text && strcmp(text, expected) == 0; }

static void test_whole_row(void) {
    trader_row_list l =
        one("\"user_id\":\"u\",\"name\":\"N\",\"enabled\":true,\"filter\":{\"code\":\"return 1\"},\"language\":\"lua\","
            "\"access_tier\":\"pro\",\"cloud_config\":{\"enabledInCloud\":true},\"inputs\":{\"b\":2,\"a\":1},"
            "\"error\":\"e\",\"version\":7,\"created_at\":\"c\",\"updated_at\":\"u\"");
    const trader_row *r = l.items;
    ok(l.count == 1 && is(r->id, ID(01)) && r->version == 7 && is(r->created_at, "c") && is(r->updated_at, "u"),
       "stamps");
    ok(!r->is_built_in && r->is_enabled && r->is_in_cloud && r->tier == TIER_PRO && trader_row_is_lua(r), "flags");
    ok(is(r->code, "return 1") && is(r->inputs, "{\"a\":1,\"b\":2}") && is(r->error, "e") && !r->problem, "texts");
    trader_row copy;
    ok(trader_row_copy(r, &copy) == OK && is(copy.code, "return 1") && copy.code != r->code, "a copy");
    trader_row_deinit(&copy);
    trader_row_list_deinit(&l);
}

static void test_encodings(void) {
    trader_row_list l = one("\"user_id\":null,\"filter\":\"{\\\"code\\\":\\\"x\\\"}\","
                            "\"cloud_config\":\"{\\\"enabledInCloud\\\":false}\",\"inputs\":\"{\\\"a\\\":1}\"");
    ok(l.items[0].is_built_in && is(l.items[0].code, "x") && !l.items[0].is_in_cloud &&
           is(l.items[0].inputs, "{\"a\":1}"),
       "texts that hold objects");
    trader_row_list_deinit(&l);
    l = one("\"filter\":\"\\\"{\\\\\\\"code\\\\\\\":\\\\\\\"x\\\\\\\"}\\\"\"");
    ok(is(l.items[0].code, "x"), "texts that hold texts that hold objects");
    trader_row_list_deinit(&l);
    l = one("\"filter\":{\"code\":\"x\"},\"cloud_config\":null,\"inputs\":null");
    ok(l.items[0].is_in_cloud && !l.items[0].inputs && !l.items[0].problem, "nothing said: in the cloud, no inputs");
    trader_row_list_deinit(&l);
}

/* As the table's default has them, one at a time, and what is no true or false. */
static void test_wishes(void) {
    static const struct {
        const char *settings;
        bool signals, analyses;
    } cases[] = {{"{\"enabledInCloud\":true,\"notifyOnSignal\":true,\"notifyOnAnalysis\":true}", true, true},
                 {"{\"notifyOnSignal\":false}", false, true},
                 {"{\"notifyOnAnalysis\":false}", true, false},
                 {"\"{\\\"notifyOnSignal\\\":false}\"", false, true},
                 {"{\"notifyOnSignal\":\"false\",\"notifyOnAnalysis\":0}", true, true},
                 {"{}", true, true},
                 {"null", true, true}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char fields[256];
        snprintf(fields, sizeof fields, "\"cloud_config\":%s", cases[i].settings);
        trader_row_list l = one(fields), again;
        json_writer w;
        json_writer_init(&w);
        json_write_array(&w);
        trader_row_write(l.items, &w);
        json_write_array_end(&w);
        again = parse(json_writer_text(&w));
        ok(l.items[0].tells_signals == cases[i].signals && l.items[0].tells_analyses == cases[i].analyses &&
               again.items[0].tells_signals == cases[i].signals && again.items[0].tells_analyses == cases[i].analyses,
           "who wants to be told: %s", cases[i].settings);
        json_writer_deinit(&w);
        trader_row_list_deinit(&l);
        trader_row_list_deinit(&again);
    }
}

static void test_rest(void) {
    trader_row_list l = one("\"filter\":{\"every\":5,\"code\":\"x\",\"about\":[\"a\",{\"b\":null}],\"key\":\"k\"},"
                            "\"cloud_config\":\"{\\\"enabledInCloud\\\":false,\\\"notifyOnSignal\\\":true}\"");
    ok(is(l.items[0].filter_rest, "\"about\":[\"a\",{\"b\":null}],\"every\":5") &&
           is(l.items[0].cloud_rest, "\"notifyOnSignal\":true"),
       "what else is in them is kept: %s", l.items[0].filter_rest);
    json_writer w;
    json_writer_init(&w);
    json_write_array(&w);
    trader_row_write(&l.items[0], &w);
    json_write_array_end(&w);
    trader_row_list again = parse(json_writer_text(&w));
    ok(again.count == 1 && is(again.items[0].filter_rest, l.items[0].filter_rest) &&
           is(again.items[0].cloud_rest, l.items[0].cloud_rest) && is(again.items[0].code, "x") &&
           is(again.items[0].key, "k") && !again.items[0].is_in_cloud,
       "and written beside what is known");
    json_writer_deinit(&w);
    trader_row_list_deinit(&again);
    trader_row_list_deinit(&l);
    l = one("\"filter\":{\"code\":\"x\"},\"cloud_config\":{\"enabledInCloud\":true}");
    ok(!l.items[0].filter_rest && !l.items[0].cloud_rest, "nothing else: nothing");
    trader_row_list_deinit(&l);
    trader_row of_a_file = {.id = ID(01), .is_in_cloud = true, .tier = TIER_ELITE};
    json_writer_init(&w);
    json_write_array(&w);
    trader_row_write(&of_a_file, &w);
    json_write_array_end(&w);
    l = parse(json_writer_text(&w));
    ok(l.count == 1 && l.items[0].is_in_cloud && l.items[0].tells_signals && l.items[0].tells_analyses,
       "a row made of a file silences nobody");
    json_writer_deinit(&w);
    trader_row_list_deinit(&l);
}

static void test_problems(void) {
    static const char *const broken[] = {
        "\"filter\":null",
        "\"filter\":\"no JSON\"",
        "\"filter\":[1]",
        "\"filter\":{}",
        "\"filter\":{\"code\":\"\"}",
        "\"filter\":{\"code\":1}",
        "\"filter\":{\"code\":\"a\\u0000b\"}",
        "\"filter\":{\"code\":\"x\"},\"inputs\":[1]",
        "\"filter\":{\"code\":\"x\"},\"inputs\":\"no JSON\"",
    };
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        trader_row_list l = one(broken[i]);
        ok(l.count == 1 && l.items[0].problem, "%s: %s", broken[i], l.count ? l.items[0].problem : "no row");
        trader_row_list_deinit(&l);
    }
}

static void test_pages(void) {
    static const char *const broken[] = {"", "{}", "[1]", "[{}]", "[{\"id\":\"short\"}]", "[{\"id\":\"" ID(01) "\"}"};
    trader_row_list l = parse("[{\"id\":\"" ID(02) "\"},{\"id\":\"" ID(01) "\"}]");
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        diag why = {""};
        ok(trader_row_parse(broken[i], strlen(broken[i]), &l, &why) == ERR_SYNTAX && l.count == 2 && *why.text,
           "\"%s\" is no page and adds nothing: %s", broken[i], why.text);
    }
    diag why;
    const char *half = "[{\"id\":\"" ID(03) "\"},{\"id\":1}]";
    ok(trader_row_parse(half, strlen(half), &l, &why) == ERR_SYNTAX && l.count == 2, "half a page adds nothing");
    trader_row_list_sort(&l);
    ok(trader_row_list_find(&l, ID(01)) == l.items && trader_row_list_find(&l, ID(02)) == l.items + 1 &&
           !trader_row_list_find(&l, ID(03)),
       "sorted, and found");
    trader_row_list_deinit(&l);
}

static void test_tiers(void) {
    ok(user_tier_parse("ELITE") == TIER_ELITE && user_tier_parse("free") == TIER_FREE &&
           user_tier_parse("gold") == -1 && user_tier_parse(NULL) == -1,
       "tiers in any case");
    ok(user_tier_quota(TIER_ANONYMOUS) == 0 && user_tier_quota(TIER_FREE) == 0 && user_tier_quota(TIER_PRO) == 10 &&
           user_tier_quota(TIER_ELITE) == -1,
       "and their room");
}

/* Twelve own ones, the youngest first, and a built-in one of each tier. */
static trader_row_list market(void) {
    trader_row_list l = {0};
    for (int i = 0; i < 16; i++) {
        trader_row r = {.is_enabled = true, .is_in_cloud = i < 12, .is_built_in = i >= 12, .language = strdup("lua")};
        snprintf(r.id, sizeof r.id, "00000000-0000-4000-8000-%012d", i);
        snprintf(r.created_at, sizeof r.created_at, "2026-01-%02d", 28 - i);
        r.tier = i >= 12 ? (user_tier)(i - 12) : TIER_ELITE;
        if (trader_row_list_add(&l, &r) != OK) abort();
    }
    return l;
}

static void test_choice(void) {
    trader_row_list l = market();
    trader_verdict v[16];
    static const int own[] = {0, 0, 10, 12}, built_in[] = {1, 2, 3, 4};
    for (int tier = TIER_ANONYMOUS; tier <= TIER_ELITE; tier++) {
        int n_own = 0, n_built_in = 0;
        ok(trader_choice_make(&l, (user_tier)tier, v) == OK, "chosen");
        for (int i = 0; i < 16; i++) *(i < 12 ? &n_own : &n_built_in) += v[i] == VERDICT_RUNS;
        ok(n_own == own[tier] && n_built_in == built_in[tier], "%s: %d own ones, %d built-in ones",
           user_tier_name((user_tier)tier), n_own, n_built_in);
    }
    ok(trader_choice_make(&l, TIER_PRO, v) == OK && v[0] == VERDICT_QUOTA && v[1] == VERDICT_QUOTA &&
           v[2] == VERDICT_RUNS,
       "the oldest ones have the room");
    l.items[11].is_enabled = false;
    l.items[10].is_in_cloud = false;
    free(l.items[9].language);
    l.items[9].language = NULL;
    free(l.items[15].language);
    l.items[15].language = strdup("javascript");
    l.items[14].is_in_cloud = true;
    ok(trader_choice_make(&l, TIER_PRO, v) == OK && v[11] == VERDICT_DISABLED && v[10] == VERDICT_DISABLED &&
           v[9] == VERDICT_UNSUPPORTED && v[0] == VERDICT_RUNS && v[1] == VERDICT_RUNS,
       "what does not run takes no room");
    ok(v[15] == VERDICT_TIER && v[14] == VERDICT_RUNS, "of a higher tier before all else");
    trader_row_list_deinit(&l);
}

int main(void) {
    test_whole_row();
    test_encodings();
    test_wishes();
    test_rest();
    test_problems();
    test_pages();
    test_tiers();
    test_choice();
    return done();
}
