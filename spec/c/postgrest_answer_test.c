/* Every answer of the table in the documentation of PostgREST, and those of gateways, by what they mean. */
#include "spec/c/tap.h"
#include "sync/postgrest_answer.h"
#include <string.h>

typedef struct expectation {
    int status;
    const char *code; /* NULL: the body is a page */
    postgrest_kind kind;
    bool shrinks;
} expectation;

static const expectation TABLE[] = {
    {200, NULL, POSTGREST_OK, false},
    {201, NULL, POSTGREST_OK, false},
    {204, NULL, POSTGREST_OK, false},
    {206, NULL, POSTGREST_OK, false},
    /* passing */
    {408, NULL, POSTGREST_RETRY, true},
    {429, NULL, POSTGREST_RETRY, false},
    {402, NULL, POSTGREST_RETRY, false},
    {500, NULL, POSTGREST_RETRY, false},
    {502, NULL, POSTGREST_RETRY, false},
    {503, NULL, POSTGREST_RETRY, false},
    {504, NULL, POSTGREST_RETRY, true},
    {540, NULL, POSTGREST_RETRY, false},
    {500, "57014", POSTGREST_RETRY, true},
    {500, "40001", POSTGREST_RETRY, false},
    {500, "40P01", POSTGREST_RETRY, false},
    {500, "55P03", POSTGREST_RETRY, false},
    {500, "57P01", POSTGREST_RETRY, false},
    {500, "58030", POSTGREST_RETRY, false},
    {500, "XX000", POSTGREST_RETRY, false},
    {503, "08006", POSTGREST_RETRY, false},
    {503, "53300", POSTGREST_RETRY, false},
    {500, "53400", POSTGREST_RETRY, false},
    {405, "25006", POSTGREST_RETRY, false},
    {503, "PGRST000", POSTGREST_RETRY, false},
    {503, "PGRST001", POSTGREST_RETRY, false},
    {503, "PGRST002", POSTGREST_RETRY, false},
    {504, "PGRST003", POSTGREST_RETRY, true},
    /* too much at once */
    {413, NULL, POSTGREST_SHRINK, false},
    {414, NULL, POSTGREST_SHRINK, false},
    /* the key */
    {401, NULL, POSTGREST_KEY, false},
    {403, NULL, POSTGREST_KEY, false},
    {401, "PGRST301", POSTGREST_KEY, false},
    {401, "PGRST302", POSTGREST_KEY, false},
    {401, "PGRST303", POSTGREST_KEY, false},
    {403, "42501", POSTGREST_KEY, false},
    {401, "42501", POSTGREST_KEY, false},
    {403, "28000", POSTGREST_KEY, false},
    /* a row */
    {409, "23505", POSTGREST_ROW, false},
    {409, "23503", POSTGREST_ROW, false},
    {400, "23502", POSTGREST_ROW, false},
    {400, "23514", POSTGREST_ROW, false},
    {400, "22P02", POSTGREST_ROW, false},
    {400, "22P05", POSTGREST_ROW, false},
    {400, "21000", POSTGREST_ROW, false},
    {400, "P0001", POSTGREST_ROW, false},
    {400, "PGRST102", POSTGREST_ROW, false},
    {400, NULL, POSTGREST_ROW, false},
    {409, NULL, POSTGREST_ROW, false},
    /* the tables */
    {404, "42P01", POSTGREST_SCHEMA, false},
    {404, "42883", POSTGREST_SCHEMA, false},
    {400, "42703", POSTGREST_SCHEMA, false},
    {400, "42P10", POSTGREST_SCHEMA, false},
    {400, "PGRST100", POSTGREST_SCHEMA, false},
    {400, "PGRST204", POSTGREST_SCHEMA, false},
    {404, "PGRST202", POSTGREST_SCHEMA, false},
    {404, "PGRST205", POSTGREST_SCHEMA, false},
    {406, "PGRST106", POSTGREST_SCHEMA, false},
    {404, NULL, POSTGREST_SCHEMA, false},
    {301, NULL, POSTGREST_SCHEMA, false},
};

static void test_table(void) {
    for (size_t i = 0; i < sizeof TABLE / sizeof *TABLE; i++) {
        const expectation *e = &TABLE[i];
        char body[128];
        postgrest_answer a;
        if (e->code)
            snprintf(body, sizeof body, "{\"code\":\"%s\",\"message\":\"so it is\",\"details\":null,\"hint\":null}",
                     e->code);
        else
            snprintf(body, sizeof body, "<html>\n<title>no</title>");
        postgrest_answer_judge(OK, NULL, e->status, body, strlen(body), &a);
        ok(a.kind == e->kind && a.shrinks == e->shrinks && a.status == e->status &&
               !strcmp(a.code, e->code ? e->code : ""),
           "%d %s: %s%s", e->status, e->code ? e->code : "without a code", postgrest_kind_name(e->kind),
           e->shrinks ? ", with less" : "");
        ok(a.kind == POSTGREST_OK ? !*a.why : strstr(a.why, e->code ? "so it is" : "<html>") != NULL, "and why: %s",
           a.why);
    }
}

static void test_transfer(err error, postgrest_kind kind, bool shrinks) {
    postgrest_answer a;
    postgrest_answer_judge(error, "so it was", 200, "", 0, &a);
    ok(a.kind == kind && a.shrinks == shrinks && a.status == 0 && strcmp(a.why, "so it was") == 0, "%s: %s",
       error_text(error), postgrest_kind_name(kind));
}

static void test_lite(void) {
    static const char body[] =
        "{\"code\":\"SUP\",\"message\":\"new row for relation \\\"signals\\\" violates check constraint\"}";
    postgrest_answer a;
    postgrest_answer_judge(OK, NULL, 500, body, sizeof body - 1, &a);
    ok(a.kind == POSTGREST_ROW, "a check that is broken is of the row, whatever the code says");
}

static void test_hostile(void) {
    static char body[4096];
    postgrest_answer a;
    memset(body, 'x', sizeof body - 1);
    postgrest_answer_judge(OK, NULL, 503, body, sizeof body - 1, &a);
    ok(a.kind == POSTGREST_RETRY && strlen(a.why) < POSTGREST_WHY_BYTES, "a long page is cut");
    snprintf(body, sizeof body, "{\"code\":\"%0100d\",\"message\":\"%01000d\"}", 1, 2);
    postgrest_answer_judge(OK, NULL, 400, body, strlen(body), &a);
    ok(a.kind == POSTGREST_ROW, "so are a long code and a long message");
    postgrest_answer_judge(OK, NULL, 400, "{\"code\":7,\"message\":[]}", 23, &a);
    ok(a.kind == POSTGREST_ROW && !*a.code, "a code that is no text is none");
}

int main(void) {
    test_table();
    test_transfer(ERR_NETWORK, POSTGREST_RETRY, false);
    test_transfer(ERR_TIMEOUT, POSTGREST_RETRY, true);
    test_transfer(ERR_TOO_BIG, POSTGREST_RETRY, true);
    test_transfer(ERR_CANCELLED, POSTGREST_CANCELLED, false);
    test_lite();
    test_hostile();
    return done();
}
