#include "serve/http_machine.h"
#include "screener/worker.h"
#include "script/embedded.h"
#include "serve/http_change.h"
#include "serve/http_metrics.h"
#include "serve/http_query.h"
#include "sync/outbox.h"
#include <stdlib.h>
#include <string.h>

enum { LETTERS_MAX = 100 };

/* ---- without a token ---- */

void http_machine_channel(http_api *api, http_request_state *r) {
    (void)api;
    http_answer_problem(&r->answer, 426, "this path speaks WebSocket");
}

void http_machine_health(http_api *api, http_request_state *r) {
    health_component components[HEALTH_MAX_COMPONENTS];
    size_t count = api->providers.health(api->providers.context, components);
    json_writer w;
    json_writer_init(&w);
    health_write_json(&w, components, count);
    http_answer_json(&r->answer, health_http_status(health_judge(components, count)), &w);
}

void http_machine_ready(http_api *api, http_request_state *r) {
    diag why = {""};
    bool is_ready = api->providers.ready(api->providers.context, &why);
    json_writer w;
    json_writer_init(&w);
    json_write_object(&w);
    json_put_bool(&w, "ready", is_ready);
    if (!is_ready) json_put_text(&w, "reason", why.text);
    json_write_object_end(&w);
    http_answer_json(&r->answer, is_ready ? 200 : 503, &w);
}

/* ---- its state ---- */

void http_machine_openapi(http_api *api, http_request_state *r) {
    json_writer w;
    (void)api;
    json_writer_init(&w);
    for (size_t i = 0; i < n_embedded_files; i++)
        if (strcmp(embedded_files[i].name, "serve/openapi.json") == 0) json_write_raw(&w, embedded_files[i].text);
    http_answer_json(&r->answer, 200, &w);
}

void http_machine_metrics(http_api *api, http_request_state *r) { http_metrics_answer(&api->providers, &r->answer); }

void http_machine_status(http_api *api, http_request_state *r) {
    serve_status status = {0};
    api->providers.status(api->providers.context, &status);
    json_writer w;
    json_writer_init(&w);
    json_write_object(&w);
    json_put_text(&w, "status", status.status);
    json_put_text(&w, "version", api->version);
    json_put_text(&w, "machineId", api->machine_id);
    json_put_integer(&w, "cpus", status.cpus);
    json_put_integer(&w, "uptime", status.uptime_ms);
    if (api->providers.details) api->providers.details(api->providers.context, &w);
    json_write_object_end(&w);
    http_answer_json(&r->answer, 200, &w);
}

/* ---- events ---- */

typedef struct event_page {
    http_read read;
    event_filter filter;
} event_page;

static err read_events(local_db *db, void *context, diag *why) {
    event_page *page = context;
    json_write_object(&page->read.w);
    err e = event_table_write(db, &page->filter, &page->read.w, why);
    json_write_object_end(&page->read.w);
    return e;
}

void http_machine_events(http_api *api, http_request_state *r) {
    event_page *page = calloc(1, sizeof *page);
    const char *problem = page ? http_query_events(r->wsi, &page->filter) : NULL;
    if (problem) {
        http_answer_problem(&r->answer, 400, "%s", problem);
        free(page);
        return;
    }
    http_request_read(api, r, page ? &page->read : NULL, read_events, "events");
}

/* ---- outbox ---- */

typedef struct outbox_page {
    http_read read;
    int n_letters;
} outbox_page;

static void on_letter(void *context, const char *json) {
    outbox_page *page = context;
    if (page->n_letters++ < LETTERS_MAX) json_write_raw(&page->read.w, json);
}

static err read_outbox(local_db *db, void *context, diag *why) {
    outbox_page *page = context;
    json_writer *w = &page->read.w;
    outbox_counts counts;
    err e = outbox_count(db, &counts, why);
    if (e != OK) return e;
    json_write_object(w);
    json_put_bool(w, "enabled", local_db_has_cloud(db));
    json_put_integer(w, "waiting", (int64_t)counts.n_waiting);
    json_put_integer(w, "dead", (int64_t)counts.n_dead);
    json_write_key(w, "oldest");
    if (counts.oldest_ms)
        json_write_integer(w, counts.oldest_ms);
    else
        json_write_null(w);
    json_write_key(w, "waitingIn");
    json_write_object(w);
    for (int i = 0; i < N_CLOUD_TABLES; i++)
        json_put_integer(w, cloud_table_get((cloud_table_id)i)->name, (int64_t)counts.waiting[i]);
    json_write_object_end(w);
    json_write_key(w, "refused");
    json_write_array(w);
    e = outbox_list_dead(db, on_letter, page, why);
    json_write_array_end(w);
    json_write_object_end(w);
    return e;
}

void http_machine_outbox(http_api *api, http_request_state *r) {
    outbox_page *page = calloc(1, sizeof *page);
    http_request_read(api, r, page ? &page->read : NULL, read_outbox, "the outbox");
}

/* ---- workers ---- */

void http_machine_workers(http_api *api, http_request_state *r) {
    serve_status status = {0};
    json_writer w;
    api->providers.status(api->providers.context, &status);
    json_writer_init(&w);
    json_write_object(&w);
    json_put_integer(&w, "workers", status.cpus);
    json_put_integer(&w, "most", WORKERS_MAX);
    json_write_key(&w, "each");
    json_write_array(&w);
    if (api->providers.workers) api->providers.workers(api->providers.context, &w);
    json_write_array_end(&w);
    json_write_object_end(&w);
    http_answer_json(&r->answer, 200, &w);
}

void http_machine_set_workers(http_api *api, http_request_state *r) {
    const serve_providers *p = &api->providers;
    json_writer w;
    diag why = {""};
    int32_t n = 0;
    err failed = http_change_workers(r->body, r->body_bytes, &n, &why);
    if (!failed) failed = p->set_workers(p->context, n, &why);
    json_writer_init(&w);
    json_write_object(&w);
    json_put_integer(&w, "workers", n);
    json_write_object_end(&w);
    http_request_begun(r, failed, &why, &w);
}
