/* The provisioner's requests: what is one, what it asks for, and that nobody acts on another's machine. */
#include "provision/api.h"
#include "spec/c/random.h"
#include "spec/c/tap.h"
#include <string.h>

#define USER "6f2d1c1e-0000-4000-8000-00000000000a"
#define OTHER "6f2d1c1e-0000-4000-8000-00000000000b"

static int parse(const char *text, http_call *out) { return http_call_parse(text, strlen(text), out); }

static void test_parse(void) {
    static const struct {
        const char *text;
        int status;
    } rows[] = {
        {"GET /v1/machines HTTP/1.1\r\nHost: a\r\n\r\n", 200},
        {"POST /stop-machine HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}", 200},
        {"POST /stop-machine HTTP/1.1\r\nContent-Length: 3\r\n\r\n{}", 0},
        {"GET / HTTP/1.1\r\nHost: a\r\n", 0},
        {"POST / HTTP/1.1\r\nHost: a\r\n\r\n", 411},
        {"POST / HTTP/1.1\r\nContent-Length: 99999\r\n\r\n", 413},
        {"POST / HTTP/1.1\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n{}", 400},
        {"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400},
        {"POST / HTTP/1.1\r\nContent-Length: 2x\r\n\r\n{}", 400},
        {"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", 501},
        {"GET / HTTP/2\r\n\r\n", 505},
        {"GET x HTTP/1.1\r\n\r\n", 400},
        {"GET /\x01 HTTP/1.1\r\n\r\n", 400},
        {"GET  / HTTP/1.1\r\n\r\n", 400},
        {"GET /\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\n folded\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\nAuthorization: a\r\nAuthorization: b\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\nA: b\nC: d\r\n\r\n", 400},
        {"\r\n\r\n", 400},
    };
    http_call call;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        ok(parse(rows[i].text, &call) == rows[i].status, "row %zu: %d", i, rows[i].status);
    char big[HTTP_CALL_HEAD_MOST + 8];
    memset(big, 'a', sizeof big - 1);
    big[sizeof big - 1] = 0;
    ok(parse(big, &call) == 431, "a head without an end");
    parse("GET /get-machine-status?userId=x&y HTTP/1.1\r\nauthorization:  Bearer t \r\nOrigin: https://a\r\n\r\n",
          &call);
    ok(http_part_is(call.path, "/get-machine-status") && http_part_is(call.query, "userId=x&y") &&
           http_part_is(call.authorization, "Bearer t") && http_part_is(call.origin, "https://a"),
       "path, query, token, origin");
}

static err ask(const char *line, const char *body, api_task *task, int *status) {
    static char text[2048];
    http_call call;
    diag why;
    snprintf(text, sizeof text, "%s HTTP/1.1\r\nContent-Length: %zu\r\n\r\n%s", line, strlen(body), body);
    if (parse(text, &call) != 200) return ERR_SYNTAX;
    return api_route(&call, USER, task, status, &why);
}

static void test_routes(void) {
    static const struct {
        const char *line, *body;
        int status, verb;
        const char *machine;
    } rows[] = {
        {"POST /v1/machines", "{}", 200, API_CREATE, ""},
        {"POST /v1/machines", "{\"userId\":\"" USER "\",\"region\":\"fra\",\"cpus\":2}", 200, API_CREATE, ""},
        {"GET /v1/machines", "", 200, API_STATUS, ""},
        {"POST /v1/machines/abc/stop", "", 200, API_STOP, "abc"},
        {"POST /v1/machines/abc/start", "", 200, API_START, "abc"},
        {"DELETE /v1/machines/abc", "", 200, API_DESTROY, "abc"},
        {"POST /provision-machine", "{\"userId\":\"" USER "\",\"cpuPriority\":\"high\"}", 200, API_CREATE, ""},
        {"POST /stop-machine", "{\"userId\":\"" USER "\"}", 200, API_STOP, ""},
        {"GET /get-machine-status?userId=" USER, "", 200, API_STATUS, ""},
        {"POST /get-machine-status", "{\"userId\":\"" USER "\"}", 200, API_STATUS, ""},
        {"POST /v1/machines", "{\"userId\":\"" OTHER "\"}", 403, 0, ""},
        {"POST /stop-machine", "{\"userId\":\"" OTHER "\"}", 403, 0, ""},
        {"GET /get-machine-status?userId=" OTHER, "", 403, 0, ""},
        {"GET /get-machine-status?a=b&userId=" OTHER, "", 403, 0, ""},
        {"POST /v1/machines", "[]", 400, 0, ""},
        {"POST /v1/machines", "{", 400, 0, ""},
        {"POST /v1/machines", "{\"cpus\":\"2\"}", 400, 0, ""},
        {"POST /v1/machines", "{\"cpus\":99999999999}", 400, 0, ""},
        {"POST /v1/machines", "{\"region\":5}", 400, 0, ""},
        {"DELETE /v1/machines", "", 404, 0, ""},
        {"DELETE /v1/machines/", "", 404, 0, ""},
        {"POST /v1/machines/abc/explode", "", 404, 0, ""},
        {"GET /v1/machines/abc/stop", "", 404, 0, ""},
        {"GET /v1/machinesabc", "", 404, 0, ""},
        {"GET /stop-machine", "", 404, 0, ""},
        {"GET /", "", 404, 0, ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        api_task task;
        int status = 0;
        err e = ask(rows[i].line, rows[i].body, &task, &status);
        bool is_same = status == rows[i].status && (e == OK) == (rows[i].status == 200);
        if (e == OK)
            is_same = is_same && (int)task.verb == rows[i].verb && strcmp(task.machine, rows[i].machine) == 0 &&
                      strcmp(task.user, USER) == 0;
        ok(is_same, "%s %s: %d", rows[i].line, rows[i].body, status);
    }
    api_task task;
    int status;
    ok(ask("POST /provision-machine", "{\"cpuPriority\":\"high\"}", &task, &status) == OK && task.cpus == 2,
       "a high priority begins with two CPUs");
}

static void test_answers(void) {
    provision_result r = {.has_machine = true,
                          .http_status = 200,
                          .machine_id = "app",
                          .fly_machine_id = "f1",
                          .app = "app",
                          .status = "running"};
    api_task task = {.form = API_ORIGINAL, .verb = API_STATUS};
    int status;
    char *text = api_answer(&task, OK, &r, &status);
    ok(text && strstr(text, "\"hasMachine\":true") && strstr(text, "\"totalMachines\":1") &&
           strstr(text, "\"activeMachine\":{"),
       "the original's status: %s", text);
    free(text);
    provision_result none = {.http_status = 404};
    text = api_answer(&task, ERR_NOT_FOUND, &none, &status);
    ok(text && status == 200 && strstr(text, "\"hasMachine\":false") && strstr(text, "\"activeMachine\":null"),
       "and without one");
    free(text);
    task = (api_task){.form = API_V1, .verb = API_CREATE};
    text = api_answer(&task, OK, &r, &status);
    ok(text && status == 201 && strstr(text, "\"websocketUrl\":\"wss://app.fly.dev\""), "made: 201");
    free(text);
    r.was_reused = true;
    text = api_answer(&task, OK, &r, &status);
    ok(text && status == 200, "found: 200");
    free(text);
    r.http_status = 403;
    diag_set(&r.why, OK, "not \"elite\"");
    task.form = API_ORIGINAL;
    text = api_answer(&task, ERR_UNSUPPORTED, &r, &status);
    ok(text && status == 403 && strstr(text, "\"error\":\"Forbidden\"") && strstr(text, "not \\\"elite\\\""),
       "an error as the original had it: %s", text);
    free(text);
    diag_set(&r.why, OK, "cut in the middle \xe2\x82");
    for (int form = API_V1; form <= API_ORIGINAL; form++) {
        text = api_refusal((api_form)form, 403, r.why.text);
        ok(text && strstr(text, "\"cut in the middle "), "a sentence that is no UTF-8: %s", text ? text : "nothing");
        free(text);
    }
    task.machine[0] = 'x';
    ok(!api_is_of(&task, &r), "another machine is not this one");
}

/* Whatever comes, in whatever pieces: a status, and parts within the text. */
static void test_random(void) {
    static const char *const words[] = {"GET ", "POST ", "/v1/machines",      "/",  "?", " HTTP/1.1", "\r\n", "\r",
                                        "\n",   ":",     "Content-Length: 3", "{}", "a", "\x80",      " "};
    random_state = tap_seed(77);
    bool is_sane = true;
    for (int round = 0; round < 200000 && is_sane; round++) {
        char text[256] = "";
        size_t bytes = 0;
        for (int i = below(14); i >= 0; i--) {
            const char *word = words[below(sizeof words / sizeof *words)];
            memcpy(text + bytes, word, strlen(word));
            bytes += strlen(word);
        }
        http_call call;
        int status = http_call_parse(text, bytes, &call);
        const http_part parts[] = {call.method, call.path, call.query, call.authorization, call.origin, call.body};
        for (size_t i = 0; status == 200 && i < sizeof parts / sizeof *parts; i++)
            is_sane =
                is_sane && (!parts[i].bytes || (parts[i].at >= text && parts[i].at + parts[i].bytes <= text + bytes));
    }
    ok(is_sane, "200,000 random requests");
}

int main(void) {
    test_parse();
    test_routes();
    test_answers();
    test_random();
    return done();
}
