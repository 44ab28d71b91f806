/* See dialogue.h. While a question is under way the loop runs until its callback has come. */
#include "provision/dialogue.h"
#include "base/http.h"
#include "sync/postgrest.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PATH_BYTES = 256 };

struct dialogue {
    uv_loop_t loop;
    uv_timer_t timer;
    fly_machines *fly;
    postgrest *supabase;
    http_client *http;
    dialogue_answer *out; /* of the question under way */
    int status;
    bool is_answered;
};

/* ---- life ---- */

err dialogue_open(const dialogue_config *c, dialogue **out, diag *why) {
    dialogue *d = calloc(1, sizeof *d);
    if (!d || uv_loop_init(&d->loop) != 0) {
        free(d);
        return diag_set(why, ERR_NO_MEMORY, "out of memory");
    }
    uv_timer_init(&d->loop, &d->timer);
    d->timer.data = d;
    fly_machines_config fc = {.loop = &d->loop, .url = c->fly_url, .token = c->fly_token};
    postgrest_config pc = {.loop = &d->loop, .url = c->supabase_url, .key = c->supabase_key};
    err e = fly_machines_new(&fc, &d->fly);
    if (e == OK) e = http_client_new(&d->loop, "trademind/" TRADEMIND_VERSION, &d->http);
    if (e != OK)
        diag_set(why, e, "%s", error_text(e));
    else
        e = postgrest_new(&pc, &d->supabase, why);
    if (e != OK) {
        dialogue_close(d);
        d = NULL;
    }
    *out = d;
    return e;
}

void dialogue_close(dialogue *d) {
    if (!d) return;
    fly_machines_close(d->fly, NULL, NULL);
    if (d->http) http_client_close(d->http, NULL, NULL);
    if (d->supabase) postgrest_close(d->supabase, NULL, NULL);
    uv_close((uv_handle_t *)&d->timer, NULL);
    uv_run(&d->loop, UV_RUN_DEFAULT);
    (void)uv_loop_close(&d->loop);
    free(d);
}

void dialogue_answer_deinit(dialogue_answer *a) {
    json_decref(a->body);
    a->body = NULL;
}

/* ---- a question ---- */

static void begin(dialogue *d, dialogue_answer *out) {
    *out = (dialogue_answer){.outcome = FLY_LOST};
    d->out = out;
    d->is_answered = false;
}

static void wait_for_answer(dialogue *d, err e) {
    if (e != OK) snprintf(d->out->why, sizeof d->out->why, "%s", error_text(e));
    while (e == OK && !d->is_answered) uv_run(&d->loop, UV_RUN_ONCE);
    d->out = NULL;
}

static void on_fly(void *context, const fly_answer *a) {
    dialogue *d = context;
    d->is_answered = true;
    if (!d->out) return;
    d->out->outcome = a->outcome;
    d->out->status = a->status;
    d->out->body = json_deep_copy(a->body);
    snprintf(d->out->why, sizeof d->out->why, "%s", a->why);
}

void dialogue_fly(dialogue *d, const fly_request *request, dialogue_answer *out) {
    fly_request r = *request;
    r.on_done = on_fly;
    r.context = d;
    begin(d, out);
    wait_for_answer(d, fly_machines_send(d->fly, &r));
}

/* ---- Supabase ---- */

static fly_outcome outcome_of(const postgrest_answer *a) {
    switch (a->kind) {
    case POSTGREST_OK: return FLY_OK;
    case POSTGREST_KEY: return FLY_TOKEN;
    case POSTGREST_ROW:
    case POSTGREST_SHRINK: return FLY_REFUSED;
    case POSTGREST_SCHEMA: return FLY_NOT_FOUND;
    case POSTGREST_CANCELLED: return FLY_CANCELLED;
    default: return FLY_LOST;
    }
}

static void on_supabase(void *context, const postgrest_answer *a) {
    dialogue *d = context;
    d->is_answered = true;
    if (!d->out) return;
    d->out->outcome = outcome_of(a);
    d->out->status = a->status;
    json_t *body = a->body_bytes ? json_loadb(a->body, a->body_bytes, JSON_DECODE_ANY, NULL) : NULL;
    d->out->body = json_is_array(body) ? json_incref(json_array_get(body, 0)) : json_incref(body);
    json_decref(body);
    if (a->kind != POSTGREST_OK) snprintf(d->out->why, sizeof d->out->why, "Supabase: %.240s", a->why);
}

void dialogue_select(dialogue *d, const char *table, const char *query, dialogue_answer *out) {
    begin(d, out);
    wait_for_answer(d, postgrest_select(d->supabase, table, query, 1, on_supabase, d));
}

void dialogue_update(dialogue *d, const char *table, const char *filter, const char *changes, dialogue_answer *out) {
    begin(d, out);
    wait_for_answer(d, postgrest_update(d->supabase, table, filter, changes, "id", on_supabase, d));
}

static void post(dialogue *d, const char *path, const char *json, dialogue_answer *out) {
    begin(d, out);
    wait_for_answer(d, postgrest_post(d->supabase, path, json, on_supabase, d));
}

void dialogue_insert(dialogue *d, const char *table, const char *row, dialogue_answer *out) {
    char path[PATH_BYTES];
    snprintf(path, sizeof path, "/rest/v1/%s", table);
    post(d, path, row, out);
}

void dialogue_call(dialogue *d, const char *name, const char *arguments, dialogue_answer *out) {
    char path[PATH_BYTES];
    snprintf(path, sizeof path, "/rest/v1/rpc/%s", name);
    post(d, path, arguments, out);
}

/* ---- anything else ---- */

static void on_got(void *context, const http_response *r) {
    dialogue *d = context;
    d->is_answered = true;
    d->status = r->error == OK ? r->status : 0;
}

int dialogue_get(dialogue *d, const char *url, int64_t timeout_ms) {
    http_request r = {.url = url, .timeout_ms = timeout_ms, .max_body_bytes = 1 << 20, .on_done = on_got, .context = d};
    d->is_answered = false;
    d->status = 0;
    if (http_client_send(d->http, &r, NULL) != OK) return 0;
    while (!d->is_answered) uv_run(&d->loop, UV_RUN_ONCE);
    return d->status;
}

static void on_waited(uv_timer_t *timer) { ((dialogue *)timer->data)->is_answered = true; }

void dialogue_wait(dialogue *d, int64_t ms) {
    d->is_answered = false;
    uv_timer_start(&d->timer, on_waited, (uint64_t)ms, 0);
    while (!d->is_answered) uv_run(&d->loop, UV_RUN_ONCE);
}
