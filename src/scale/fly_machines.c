/* Calls stand in one list in their order. A timer sends each whose action may be used again; a 429 puts its call back.
 *
 *   send ──► waiting ──(the action's second is over)──► under way ──► on_done
 *               ▲                                          │ 429
 *               └──────────────────────────────────────────┘ */
#include "scale/fly_machines.h"
#include "base/clock.h"
#include "base/http.h"
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char PUBLIC_URL[] = "https://api.machines.dev", SOCKET_URL[] = "http://flaps";

enum { TIMEOUT_MS = 15000, SECOND_MS = 1000, READS_A_SECOND = 5, MAX_LIMITED = 6, MAX_BODY = 8 << 20, URL_BYTES = 768 };

typedef struct form {
    const char *name, *method;
    bool has_app, has_machine, is_read;
    const char *middle, *tail; /* between app and machine, and behind them */
} form;

static const form FORMS[N_FLY_ACTIONS] = {
    [FLY_APP_GET] = {"app_get", "GET", true, false, true, "", ""},
    [FLY_APP_CREATE] = {"app_create", "POST", false, false, false, "", ""},
    [FLY_APP_DELETE] = {"app_delete", "DELETE", true, false, false, "", ""},
    [FLY_ADDRESSES] = {"addresses", "GET", true, false, true, "", "/ip_assignments"},
    [FLY_ADDRESS_ADD] = {"address_add", "POST", true, false, false, "", "/ip_assignments"},
    [FLY_SECRETS_SET] = {"secrets_set", "POST", true, false, false, "", "/secrets"},
    [FLY_VOLUMES] = {"volumes", "GET", true, false, true, "", "/volumes"},
    [FLY_VOLUME_CREATE] = {"volume_create", "POST", true, false, false, "", "/volumes"},
    [FLY_LIST] = {"list", "GET", true, false, true, "/machines", ""},
    [FLY_CREATE] = {"create", "POST", true, false, false, "/machines", ""},
    [FLY_GET] = {"get", "GET", true, true, true, "/machines", ""},
    [FLY_UPDATE] = {"update", "POST", true, true, false, "/machines", ""},
    [FLY_START] = {"start", "POST", true, true, false, "/machines", "/start"},
    [FLY_STOP] = {"stop", "POST", true, true, false, "/machines", "/stop"},
    [FLY_DESTROY] = {"destroy", "DELETE", true, true, false, "/machines", ""},
    [FLY_WAIT] = {"wait", "GET", true, true, false, "/machines", "/wait"},
    [FLY_LEASE] = {"lease", "POST", true, true, false, "/machines", "/lease"},
    [FLY_LEASE_GET] = {"lease_get", "GET", true, true, true, "/machines", "/lease"},
    [FLY_UNLEASE] = {"unlease", "DELETE", true, true, false, "/machines", "/lease"},
    [FLY_METADATA] = {"metadata", "GET", true, true, true, "/machines", "/metadata"},
    [FLY_METADATA_SET] = {"metadata_set", "PATCH", true, true, false, "/machines", "/metadata"},
};

typedef struct call {
    struct call *next;
    fly_machines *owner;
    fly_action action;
    int64_t timeout_ms, not_before_ms; /* monotonic */
    int n_limited;
    fly_fn on_done;
    void *context;
    char url[URL_BYTES], nonce_line[FLY_NONCE_BYTES + 32];
    char body[]; /* "": none */
} call;

struct fly_machines {
    uv_timer_t timer;
    http_client *http;
    char *url, *socket, *token_line;
    int64_t timeout_ms, second_ms;
    int64_t next_ms[N_FLY_ACTIONS]; /* when the action may be used again */
    call *waiting;
    size_t n_handles;
    bool is_closing;
    void (*on_closed)(void *context);
    void *closed_context;
};

static void on_timer(uv_timer_t *timer);
static void send_due(fly_machines *f);

const char *fly_action_name(fly_action action) { return FORMS[action].name; }

/* ---- life ---- */

static void free_parts(fly_machines *f) {
    free(f->url);
    free(f->socket);
    if (f->token_line) memset(f->token_line, 0, strlen(f->token_line));
    free(f->token_line);
    free(f);
}

err fly_machines_new(const fly_machines_config *c, fly_machines **out) {
    static const char TOKEN[] = "Authorization: ", BEARER[] = "Bearer ";
    fly_machines *f = calloc(1, sizeof *f);
    if (!f) return ERR_NO_MEMORY;
    bool has_token = c->token && *c->token, has_socket = c->socket && *c->socket;
    bool is_scheme = has_token && strchr(c->token, ' '); /* "FlyV1 ..." says itself how it is to be shown */
    size_t token_bytes = has_token ? sizeof TOKEN + sizeof BEARER + strlen(c->token) : 0;
    f->url = strdup(c->url && *c->url ? c->url : has_socket ? SOCKET_URL : PUBLIC_URL);
    f->socket = has_socket ? strdup(c->socket) : NULL;
    f->token_line = has_token ? malloc(token_bytes) : NULL;
    f->timeout_ms = c->timeout_ms ? c->timeout_ms : TIMEOUT_MS;
    f->second_ms = c->second_ms ? c->second_ms : SECOND_MS;
    bool is_whole = f->url && (f->socket || !has_socket) && (f->token_line || !has_token);
    if (!is_whole || http_client_new(c->loop, "trademind/" TRADEMIND_VERSION, &f->http) != OK) {
        free_parts(f);
        return ERR_NO_MEMORY;
    }
    if (has_token) snprintf(f->token_line, token_bytes, "%s%s%s", TOKEN, is_scheme ? "" : BEARER, c->token);
    uv_timer_init(c->loop, &f->timer);
    f->timer.data = f;
    f->n_handles = 2;
    *out = f;
    return OK;
}

static void tell(call *c, const fly_answer *a) {
    c->on_done(c->context, a);
    memset(c->body, 0, strlen(c->body)); /* it may hold secrets */
    free(c);
}

static void on_part_closed(fly_machines *f) {
    fly_answer gone = {.outcome = FLY_CANCELLED, .why = "cancelled"};
    call *c;
    if (--f->n_handles > 0) return;
    while ((c = f->waiting)) {
        f->waiting = c->next;
        tell(c, &gone);
    }
    void (*on_closed)(void *) = f->on_closed;
    void *context = f->closed_context;
    free_parts(f);
    if (on_closed) on_closed(context);
}

static void on_http_closed(void *context) { on_part_closed(context); }
static void on_timer_closed(uv_handle_t *handle) { on_part_closed(handle->data); }

void fly_machines_close(fly_machines *f, void (*on_closed)(void *context), void *context) {
    if (!f) return;
    assert(!f->is_closing);
    f->is_closing = true;
    f->on_closed = on_closed;
    f->closed_context = context;
    http_client_close(f->http, on_http_closed, f);
    uv_close((uv_handle_t *)&f->timer, on_timer_closed);
}

/* ---- a call ---- */

/* What stands in a path: nothing that would make it another. */
static bool is_name(const char *text) {
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
    return text && *text && strlen(text) < FLY_NAME_BYTES && strspn(text, allowed) == strlen(text);
}

static err write_url(const fly_machines *f, const fly_request *r, char out[URL_BYTES]) {
    const form *shape = &FORMS[r->action];
    if ((shape->has_app && !is_name(r->app)) || (shape->has_machine && !is_name(r->machine))) return ERR_INVALID;
    int n = snprintf(out, URL_BYTES, "%s/v1/apps%s%s%s%s%s%s%s%s", f->url, shape->has_app ? "/" : "",
                     shape->has_app ? r->app : "", shape->middle, shape->has_machine ? "/" : "",
                     shape->has_machine ? r->machine : "", shape->tail, r->query ? "?" : "", r->query ? r->query : "");
    return n < URL_BYTES ? OK : ERR_TOO_BIG;
}

static void put_last(fly_machines *f, call *c) {
    call **at = &f->waiting;
    while (*at) at = &(*at)->next;
    c->next = NULL;
    *at = c;
}

/* By the timer, so that nothing is called back from inside of send. */
static void wake(fly_machines *f, int64_t wait_ms) {
    if (!f->is_closing) uv_timer_start(&f->timer, on_timer, (uint64_t)(wait_ms > 0 ? wait_ms : 0), 0);
}

err fly_machines_send(fly_machines *f, const fly_request *r) {
    size_t bytes = (r->body ? strlen(r->body) : 0) + 1;
    if (f->is_closing) return ERR_CLOSED;
    if (r->nonce && strlen(r->nonce) >= FLY_NONCE_BYTES) return ERR_TOO_BIG;
    call *c = malloc(sizeof *c + bytes);
    if (!c) return ERR_NO_MEMORY;
    *c = (call){.owner = f,
                .action = r->action,
                .timeout_ms = r->timeout_ms ? r->timeout_ms : f->timeout_ms,
                .on_done = r->on_done,
                .context = r->context};
    memcpy(c->body, r->body ? r->body : "", bytes);
    err e = write_url(f, r, c->url);
    if (e != OK) {
        free(c);
        return e;
    }
    if (r->nonce) snprintf(c->nonce_line, sizeof c->nonce_line, "fly-machine-lease-nonce: %s", r->nonce);
    put_last(f, c);
    wake(f, 0);
    return OK;
}

/* ---- answers ---- */

fly_outcome fly_outcome_of(int status, const char *error) {
    bool is_short = strcasestr(error, "insufficient_capacity") || strcasestr(error, "insufficient resources") ||
                    strcasestr(error, "insufficient memory") || strcasestr(error, "insufficient cpu") ||
                    strcasestr(error, "no capacity");
    if (status >= 200 && status < 300) return FLY_OK;
    if (is_short) return FLY_NO_CAPACITY;
    switch (status) {
    case 401:
    case 403: return FLY_TOKEN;
    case 404: return FLY_NOT_FOUND;
    case 408: return FLY_TIMED_OUT;
    case 409: return FLY_CONFLICT;
    case 412: return FLY_STALE;
    case 429: return FLY_LIMITED;
    default: return status >= 500 ? FLY_FAILED : FLY_REFUSED;
    }
}

static void read_error(const json_t *body, char *out, size_t bytes) {
    const char *error = json_string_value(json_object_get(body, "error"));
    const char *status = json_string_value(json_object_get(body, "status"));
    snprintf(out, bytes, "%s%s%s", error ? error : "", error && status ? ", " : "", status ? status : "");
}

static void answer_call(call *c, const http_response *r) {
    fly_answer a = {.status = r->status};
    json_t *body = r->error == OK && r->body_bytes ? json_loadb(r->body, r->body_bytes, JSON_DECODE_ANY, NULL) : NULL;
    char error[160];
    a.body = body;
    if (r->error != OK) {
        a.outcome = r->error == ERR_CANCELLED ? FLY_CANCELLED : FLY_LOST;
        snprintf(a.why, sizeof a.why, "%s: %s", FORMS[c->action].name, r->why);
    } else {
        read_error(body, error, sizeof error);
        a.outcome = fly_outcome_of(r->status, error);
        if (a.outcome != FLY_OK)
            snprintf(a.why, sizeof a.why, "%s: Fly answers %d%s%s", FORMS[c->action].name, r->status,
                     *error ? ": " : "", error);
    }
    tell(c, &a);
    json_decref(body);
}

static void on_answer(void *context, const http_response *r) {
    call *c = context;
    fly_machines *f = c->owner;
    if (r->error != OK || r->status != 429 || ++c->n_limited > MAX_LIMITED || f->is_closing) {
        answer_call(c, r);
        return;
    }
    const char *header = http_response_header(r, "retry-after");
    int64_t asked_ms = header ? strtoll(header, NULL, 10) * 1000 : 0, wait_ms = f->second_ms << (c->n_limited - 1);
    if (asked_ms > 0 && asked_ms <= 60000) wait_ms = asked_ms;
    c->not_before_ms = monotonic_ms() + wait_ms;
    put_last(f, c);
    wake(f, 0);
}

/* ---- sending ---- */

static void fail_unsent(call *c, err e) {
    http_response r = {.error = e == ERR_CLOSED ? ERR_CANCELLED : e, .why = error_text(e), .body = ""};
    answer_call(c, &r);
}

static void send_now(fly_machines *f, call *c) {
    const char *headers[5], **at = headers;
    if (f->token_line) *at++ = f->token_line;
    if (*c->nonce_line) *at++ = c->nonce_line;
    if (*c->body) *at++ = "Content-Type: application/json";
    *at++ = "Accept: application/json";
    *at = NULL;
    http_request r = {.method = FORMS[c->action].method,
                      .url = c->url,
                      .socket = f->socket,
                      .headers = headers,
                      .is_once = !FORMS[c->action].is_read,
                      .body = *c->body ? c->body : NULL,
                      .body_bytes = strlen(c->body),
                      .timeout_ms = c->timeout_ms,
                      .max_body_bytes = MAX_BODY,
                      .on_done = on_answer,
                      .context = c};
    err e = http_client_send(f->http, &r, NULL);
    if (e != OK) fail_unsent(c, e);
}

static void send_due(fly_machines *f) {
    int64_t now_ms = monotonic_ms(), soonest_ms = INT64_MAX;
    for (call **at = &f->waiting, *c; (c = *at);) {
        int64_t due_ms = c->not_before_ms > f->next_ms[c->action] ? c->not_before_ms : f->next_ms[c->action];
        if (due_ms > now_ms) {
            if (due_ms < soonest_ms) soonest_ms = due_ms;
            at = &c->next;
            continue;
        }
        *at = c->next;
        f->next_ms[c->action] = now_ms + (FORMS[c->action].is_read ? f->second_ms / READS_A_SECOND : f->second_ms);
        send_now(f, c);
    }
    if (soonest_ms != INT64_MAX) wake(f, soonest_ms - now_ms);
}

static void on_timer(uv_timer_t *timer) { send_due(timer->data); }

/* ---- what is in an answer ---- */

bool fly_nonce_of(const json_t *body, char nonce[FLY_NONCE_BYTES]) {
    const json_t *data = json_object_get(body, "data");
    const char *text = json_string_value(json_object_get(json_is_object(data) ? data : body, "nonce"));
    if (!text || !*text || strlen(text) >= FLY_NONCE_BYTES) return false;
    memcpy(nonce, text, strlen(text) + 1);
    return true;
}

static void copy_text(const json_t *body, const char *key, char *out, size_t bytes) {
    const char *text = json_string_value(json_object_get(body, key));
    snprintf(out, bytes, "%s", text ? text : "");
}

bool fly_machine_of(const json_t *body, fly_machine *out) {
    const json_t *guest = json_object_get(json_object_get(body, "config"), "guest");
    const char *kind = json_string_value(json_object_get(guest, "cpu_kind"));
    *out = (fly_machine){.cpus = (int32_t)json_integer_value(json_object_get(guest, "cpus")),
                         .memory_mb = (int32_t)json_integer_value(json_object_get(guest, "memory_mb")),
                         .is_performance = kind && strcmp(kind, "performance") == 0};
    copy_text(body, "id", out->id, sizeof out->id);
    copy_text(body, "name", out->name, sizeof out->name);
    copy_text(body, "state", out->state, sizeof out->state);
    copy_text(body, "region", out->region, sizeof out->region);
    copy_text(body, "instance_id", out->version, sizeof out->version);
    if (!*out->version) copy_text(body, "version", out->version, sizeof out->version);
    return *out->id && *out->version && out->cpus > 0 && out->memory_mb > 0;
}

char *fly_resize_body(const json_t *machine, int32_t cpus, int32_t memory_mb) {
    fly_machine now;
    json_t *config = json_deep_copy(json_object_get(machine, "config"));
    json_t *guest = json_object_get(config, "guest"), *body = NULL;
    char *text = NULL;
    if (!fly_machine_of(machine, &now) || json_object_set_new(guest, "cpus", json_integer(cpus)) != 0 ||
        json_object_set_new(guest, "memory_mb", json_integer(memory_mb)) != 0)
        goto out;
    body = json_pack("{s:O, s:s}", "config", config, "current_version", now.version);
    text = body ? json_dumps(body, JSON_COMPACT) : NULL;
out:
    json_decref(body);
    json_decref(config);
    return text;
}
