/* `trademind status`: asks the daemon that runs with the same configuration how it is. The token that it keeps in
 * DATA_DIR opens its HTTP interface. */
#include "base/http.h"
#include "cli/settings.h"
#include "cli/verbs.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    DEFAULT_TIMEOUT_MS = 5000,
    MAX_TIMEOUT_MS = 600000,
    MAX_BODY_BYTES = 1 << 20,
    TOKEN_BYTES = 256,
    URL_BYTES = 512
};

typedef struct status_call {
    settings settings;
    int64_t timeout_ms;
    bool as_json;
    char url[URL_BYTES];
    char authorization[TOKEN_BYTES + 32];
    int code;
    diag why;
} status_call;

static const option OPTIONS[] = {
    {"json", NULL, "the daemon's answer as one object"},
    {"timeout-ms", "N", "how long to wait for the answer (default: 5000)"},
    SETTINGS_OPTION,
    {0},
};

static err take_timeout(const char *value, int64_t *out, diag *why) {
    char *end;
    long number = strtol(value, &end, 10);
    if (*value < '0' || *value > '9' || *end || number < 1 || number > MAX_TIMEOUT_MS)
        return diag_set(why, ERR_INVALID, "--timeout-ms is \"%s\"; expected a whole number from 1 to %d", value,
                        MAX_TIMEOUT_MS);
    *out = number;
    return OK;
}

static err take(void *context, const option *o, const char *value, diag *why) {
    status_call *call = context;
    if (!o) return options_refuse_word(value, why);
    if (strcmp(o->name, "set") == 0) return settings_add(&call->settings, value, why);
    if (strcmp(o->name, "timeout-ms") == 0) return take_timeout(value, &call->timeout_ms, why);
    call->as_json = true;
    return OK;
}

/* ---- what to ask, and whom ---- */

/* A daemon that listens on all addresses is asked on the loopback one. */
static err make_url(const config *cfg, char out[URL_BYTES], diag *why) {
    const char *host = cfg->host;
    if (strcmp(host, "::") == 0) host = "::1";
    if (strcmp(host, "0.0.0.0") == 0) host = "127.0.0.1";
    if (cfg->port == 0)
        return diag_set(why, ERR_INVALID, "PORT is 0, so the daemon's port is not known; name it: --set PORT=N");
    bool is_v6 = strchr(host, ':');
    snprintf(out, URL_BYTES, "http://%s%s%s:%" PRId64 "/api/v1/status", is_v6 ? "[" : "", host, is_v6 ? "]" : "",
             cfg->port);
    return OK;
}

/* The header with the token; "" when there is no token, as before the daemon's first start. */
static err make_authorization(const config *cfg, char *out, size_t bytes, diag *why) {
    char path[PATH_MAX], token[TOKEN_BYTES] = "";
    snprintf(path, sizeof path, "%s/token", cfg->data_dir);
    *out = 0;
    FILE *file = fopen(path, "re");
    if (!file && errno == ENOENT) return OK;
    if (!file) return diag_set(why, ERR_IO, "%s: %s", path, strerror(errno));
    bool is_read = fgets(token, sizeof token, file);
    fclose(file);
    token[strcspn(token, "\r\n")] = 0;
    if (!is_read || !*token) return diag_set(why, ERR_IO, "%s: found no token; expected one line", path);
    snprintf(out, bytes, "Authorization: Bearer %s", token);
    return OK;
}

/* ---- what it says ---- */

static void print_value(const char *path, const json_t *value);

static void print_members(const char *path, const json_t *object) {
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)object, key, value) {
        char longer[256];
        snprintf(longer, sizeof longer, "%s%s%s", path, *path ? "." : "", key);
        print_value(longer, value);
    }
}

static void print_items(const char *path, const json_t *array) {
    size_t i;
    json_t *value;
    json_array_foreach(array, i, value) {
        char longer[256];
        snprintf(longer, sizeof longer, "%s.%zu", path, i);
        print_value(longer, value);
    }
}

/* One line per leaf: "stream.connected  true", "traders.0.name  Golden cross". */
static void print_value(const char *path, const json_t *value) {
    if (json_is_object(value)) {
        print_members(path, value);
    } else if (json_is_array(value) && json_array_size(value)) {
        print_items(path, value);
    } else if (json_is_string(value)) {
        printf("%-32s %s\n", path, json_string_value(value));
    } else {
        char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(15));
        printf("%-32s %s\n", path, text ? text : "?");
        free(text);
    }
}

static void print_answer(status_call *call, const http_response *response) {
    json_error_t problem;
    json_t *answer = json_loadb(response->body, response->body_bytes, 0, &problem);
    if (!json_is_object(answer)) {
        call->code = EXIT_FAILED;
        (void)diag_set(&call->why, ERR_SYNTAX, "%s: found no JSON object in the answer; is this a trademind?",
                       call->url);
    } else if (call->as_json) {
        char *text = json_dumps(answer, JSON_COMPACT | JSON_REAL_PRECISION(15));
        if (text) puts(text);
        call->code = text ? EXIT_OK : EXIT_FAILED;
        free(text);
    } else {
        print_members("", answer);
        call->code = EXIT_OK;
    }
    json_decref(answer);
}

static void on_answer(void *context, const http_response *response) {
    status_call *call = context;
    if (response->error == ERR_TIMEOUT) {
        call->code = EXIT_TIMEOUT;
        (void)diag_set(&call->why, ERR_TIMEOUT, "%s: no answer within %" PRId64 " ms", call->url, call->timeout_ms);
    } else if (response->error == ERR_NETWORK) {
        call->code = EXIT_NOT_RUNNING;
        (void)diag_set(&call->why, ERR_NETWORK, "not running: nothing answers at %s", call->url);
    } else if (response->error != OK) {
        call->code = EXIT_FAILED;
        (void)diag_set(&call->why, response->error, "%s: %s", call->url, response->why);
    } else if (response->status == 401 || response->status == 403) {
        call->code = EXIT_FAILED;
        (void)diag_set(&call->why, ERR_HTTP, "%s: the daemon refuses %s; is DATA_DIR the one that it runs with?",
                       call->url, *call->authorization ? "the token" : "a request without a token");
    } else if (response->status != 200) {
        call->code = EXIT_FAILED;
        (void)diag_set(&call->why, ERR_HTTP, "%s: answered with HTTP status %d; expected 200", call->url,
                       response->status);
    } else {
        print_answer(call, response);
    }
}

static err ask(status_call *call) {
    uv_loop_t loop;
    http_client *client = NULL;
    if (uv_loop_init(&loop) != 0) return diag_set(&call->why, ERR_NO_MEMORY, "out of memory");
    const char *const headers[] = {call->authorization, NULL};
    http_request request = {.url = call->url,
                            .headers = *call->authorization ? headers : NULL,
                            .timeout_ms = call->timeout_ms,
                            .max_body_bytes = MAX_BODY_BYTES,
                            .on_done = on_answer,
                            .context = call};
    err e = http_client_new(&loop, "trademind/" TRADEMIND_VERSION, &client);
    if (e == OK) e = http_client_send(client, &request, NULL);
    if (e == OK) call->code = -1;
    while (call->code == -1 && uv_run(&loop, UV_RUN_ONCE)) {}
    if (client) http_client_close(client, NULL, NULL);
    uv_run(&loop, UV_RUN_DEFAULT);
    uv_loop_close(&loop);
    return e == OK ? OK : diag_set(&call->why, e, "%s: %s", call->url, error_text(e));
}

static int run(int argc, char *const *argv) {
    status_call call = {.timeout_ms = DEFAULT_TIMEOUT_MS};
    config cfg = {0};
    err e = options_parse(OPTIONS, argc, argv, take, &call, &call.why);
    if (e != OK) return verb_fail(&STATUS_VERB, EXIT_USAGE, &call.why);
    e = settings_load(&call.settings, &cfg, &call.why);
    if (e == OK) e = make_url(&cfg, call.url, &call.why);
    if (e == OK) e = make_authorization(&cfg, call.authorization, sizeof call.authorization, &call.why);
    config_deinit(&cfg);
    if (e != OK) return verb_fail(&STATUS_VERB, settings_exit_code(e), &call.why);
    if (ask(&call) != OK) call.code = EXIT_FAILED;
    return call.code == EXIT_OK ? EXIT_OK : verb_fail(&STATUS_VERB, call.code, &call.why);
}

const verb STATUS_VERB = {
    .name = "status",
    .summary = "ask the running daemon how it is",
    .usage = "[options]",
    .details = "Asks the daemon at HOST and PORT with the token in DATA_DIR, so it needs the same settings as `run`. "
               "Exit code 3 when nothing listens there, 5 when no answer comes in time.",
    .options = OPTIONS,
    .run = run,
};
