/* See api.h. The original answered errors as {error, message, details?, machineId?} and its browser code reads `error`; /v1 answers
 * problem details (RFC 9457). */
#include "provision/api.h"
#include "base/json_writer.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char V1[] = "/v1/machines";

static bool begins(http_part part, const char *text) {
    return part.bytes >= strlen(text) && memcmp(part.at, text, strlen(text)) == 0;
}

api_form api_form_of(http_part path) { return begins(path, "/v1/") ? API_V1 : API_ORIGINAL; }

/* ---- routes ---- */

static err refuse(int *status, int code, err e, diag *why, const char *text) {
    *status = code;
    return diag_set(why, e, "%s", text);
}

/* /v1/machines/ID[/stop|/start] */
static bool route_one(const http_call *call, api_task *out) {
    http_part rest = {call->path.at + sizeof V1, call->path.bytes - sizeof V1};
    const char *slash = memchr(rest.at, '/', rest.bytes);
    http_part id = {rest.at, slash ? (size_t)(slash - rest.at) : rest.bytes}, tail = {0};
    if (slash) tail = (http_part){slash + 1, rest.bytes - id.bytes - 1};
    if (id.bytes == 0 || id.bytes >= sizeof out->machine) return false;
    http_part_copy(id, out->machine, sizeof out->machine);
    bool is_post = http_part_is(call->method, "POST");
    if (is_post && slash && http_part_is(tail, "stop"))
        out->verb = API_STOP;
    else if (is_post && slash && http_part_is(tail, "start"))
        out->verb = API_START;
    else if (!slash && http_part_is(call->method, "DELETE"))
        out->verb = API_DESTROY;
    else
        return false;
    return true;
}

static bool route(const http_call *call, api_task *out) {
    bool is_post = http_part_is(call->method, "POST"), is_get = http_part_is(call->method, "GET");
    out->form = api_form_of(call->path);
    if (http_part_is(call->path, V1)) {
        out->verb = is_post ? API_CREATE : API_STATUS;
        return is_post || is_get;
    }
    if (begins(call->path, V1) && call->path.at[sizeof V1 - 1] == '/') return route_one(call, out);
    if (http_part_is(call->path, "/provision-machine"))
        out->verb = API_CREATE;
    else if (http_part_is(call->path, "/stop-machine"))
        out->verb = API_STOP;
    else if (http_part_is(call->path, "/get-machine-status"))
        out->verb = API_STATUS;
    else
        return false;
    return is_post || (is_get && out->verb == API_STATUS);
}

/* ---- what is asked ---- */

static err take_text(const json_t *body, const char *key, char *out, size_t bytes, int *status, diag *why) {
    const json_t *value = json_object_get(body, key);
    if (!value || json_is_null(value)) return OK;
    const char *text = json_string_value(value);
    *status = 400;
    if (!text || strlen(text) >= bytes)
        return diag_set(why, ERR_INVALID, "%s: expected a text shorter than %zu", key, bytes);
    snprintf(out, bytes, "%s", text);
    *status = 200;
    return OK;
}

/* In the original's words; each is this machine's own decision later (scaling), so it is only where to begin. */
static long cpus_of_priority(const char *priority) { return strcasecmp(priority, "high") == 0 ? 2 : 1; }

static err take_body(const json_t *body, api_task *out, char *claimed, int *status, diag *why) {
    char priority[16] = "";
    const json_t *cpus = json_object_get(body, "cpus");
    err e = take_text(body, "userId", claimed, PLAN_NAME_BYTES, status, why);
    if (e == OK) e = take_text(body, "region", out->region, sizeof out->region, status, why);
    if (e == OK) e = take_text(body, "cpuPriority", priority, sizeof priority, status, why);
    if (e != OK) return e;
    if (cpus && !json_is_null(cpus) && !json_is_integer(cpus))
        return refuse(status, 400, ERR_INVALID, why, "cpus: expected 1, 2, 4 or 8");
    json_int_t n = json_integer_value(cpus);
    if (json_is_integer(cpus) && (n < 1 || n > 8))
        return refuse(status, 400, ERR_INVALID, why, "cpus: expected 1, 2, 4 or 8");
    out->cpus = json_is_integer(cpus) ? (long)n : cpus_of_priority(priority);
    return OK;
}

static void take_query(http_part query, char *claimed) {
    static const char key[] = "userId=";
    for (size_t at = 0; at < query.bytes;) {
        const char *from = query.at + at, *end = memchr(from, '&', query.bytes - at);
        size_t bytes = end ? (size_t)(end - from) : query.bytes - at;
        if (bytes >= sizeof key - 1 && memcmp(from, key, sizeof key - 1) == 0)
            http_part_copy((http_part){from + sizeof key - 1, bytes - (sizeof key - 1)}, claimed, PLAN_NAME_BYTES);
        at += bytes + 1;
    }
}

err api_route(const http_call *call, const char *user, api_task *out, int *status, diag *why) {
    char claimed[PLAN_NAME_BYTES] = "";
    *out = (api_task){.cpus = 1};
    *status = 200;
    if (!route(call, out))
        return refuse(status, 404, ERR_NOT_FOUND, why, "there is nothing at this path for this method");
    take_query(call->query, claimed);
    json_t *body = call->body.bytes ? json_loadb(call->body.at, call->body.bytes, 0, NULL) : NULL;
    err e = OK;
    if (call->body.bytes && !json_is_object(body))
        e = refuse(status, 400, ERR_INVALID, why, "the body is no JSON object");
    else if (body)
        e = take_body(body, out, claimed, status, why);
    json_decref(body);
    if (e != OK) return e;
    if (*claimed && strcasecmp(claimed, user) != 0)
        return refuse(status, 403, ERR_UNSUPPORTED, why, "only your own machine is yours to act on");
    snprintf(out->user, sizeof out->user, "%s", user);
    return OK;
}

api_verb_fn api_verb(const api_task *task) {
    static const api_verb_fn verbs[] = {[API_CREATE] = provision_create,
                                        [API_STATUS] = provision_status,
                                        [API_START] = provision_start,
                                        [API_STOP] = provision_stop,
                                        [API_DESTROY] = provision_destroy};
    return verbs[task->verb];
}

bool api_is_of(const api_task *task, const provision_result *r) {
    return !*task->machine || strcmp(task->machine, r->machine_id) == 0 ||
           strcmp(task->machine, r->fly_machine_id) == 0;
}

/* ---- answers ---- */

static char *print(json_t *object) {
    char *text = object ? json_dumps(object, JSON_COMPACT) : NULL;
    json_decref(object);
    return text;
}

static const char *title_of(int status) {
    switch (status) {
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 409: return "Conflict";
    case 429: return "Too Many Requests";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    default: return status < 500 ? "Refused" : "Failed";
    }
}

/* A sentence may hold what somebody sent, which need not be UTF-8. */
char *api_refusal(api_form form, int status, const char *why) {
    char *text = NULL;
    size_t bytes;
    json_writer w;
    json_writer_init(&w);
    json_write_object(&w);
    if (form == API_V1) json_put_text(&w, "type", "about:blank");
    json_put_text(&w, form == API_V1 ? "title" : "error", title_of(status));
    if (form == API_V1) json_put_integer(&w, "status", status);
    json_put_text(&w, form == API_V1 ? "detail" : "message", why);
    json_write_object_end(&w);
    if (json_writer_take(&w, &text, &bytes) != OK) text = NULL;
    json_writer_deinit(&w);
    return text;
}

static json_t *original_machine(const provision_result *r) {
    json_t *m = provision_result_json(r);
    json_object_set_new(m, "machine_id", json_string(r->machine_id));
    json_object_set(m, "websocket_url", json_object_get(m, "websocketUrl"));
    return m;
}

static json_t *original_status(const provision_result *r) {
    bool is_active = r->has_machine && (strcmp(r->status, "running") == 0 || strcmp(r->status, "starting") == 0);
    json_t *list = json_array();
    if (r->has_machine) json_array_append_new(list, original_machine(r));
    return json_pack("{s:b, s:o, s:o, s:i}", "hasMachine", r->has_machine, "machines", list, "activeMachine",
                     is_active ? original_machine(r) : json_null(), "totalMachines", r->has_machine);
}

static json_t *original_answer(const api_task *task, const provision_result *r) {
    if (task->verb == API_STATUS) return original_status(r);
    if (task->verb == API_STOP)
        return json_pack("{s:s, s:s, s:s}", "machineId", r->machine_id, "status", r->status, "message",
                         "the machine is stopped");
    json_t *m = provision_result_json(r);
    json_object_set_new(m, "message", json_string(r->was_reused ? "the machine was there" : "the machine is made"));
    return m;
}

static json_t *v1_list(const provision_result *r) {
    json_t *list = json_array();
    if (r->has_machine) json_array_append_new(list, provision_result_json(r));
    return json_pack("{s:o}", "machines", list);
}

char *api_answer(const api_task *task, err e, const provision_result *r, int *status) {
    bool is_status = task->verb == API_STATUS;
    *status = e == OK ? 200 : r->http_status;
    if (is_status && e == ERR_NOT_FOUND) { /* that there is none is an answer */
        provision_result none = {0};
        *status = 200;
        return print(task->form == API_V1 ? v1_list(&none) : original_status(&none));
    }
    if (e != OK) return api_refusal(task->form, *status, r->why.text);
    if (task->form == API_ORIGINAL) return print(original_answer(task, r));
    if (is_status) return print(v1_list(r));
    if (task->verb == API_CREATE && !r->was_reused) *status = 201;
    return print(provision_result_json(r));
}
