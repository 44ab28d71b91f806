#include "orchestrator_keep_cloud.h"
#include "base/clock.h"
#include "base/uuid.h"
#include "orchestrator_body.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FILTER_BYTES = 256 };

typedef struct call {
    keep_order *order;
    bool wants_row; /* the answer has the rows that were changed: none means that another version is there */
} call;

static void on_done(void *context, const postgrest_answer *answer) {
    call c = *(call *)context;
    char why[256];
    err e = answer->kind == POSTGREST_OK ? OK : answer->kind == POSTGREST_CANCELLED ? ERR_CANCELLED : ERR_HTTP;
    free(context);
    snprintf(why, sizeof why, "Supabase: %.200s", e == OK ? "the row has changed meanwhile" : answer->why);
    if (e == OK && c.wants_row && (!answer->body || answer->body_bytes <= 2)) e = ERR_EXISTS; /* "[]" */
    c.order->on_done(c.order->context, e, why);
}

/* The key of a row is its id. Nobody else makes one at this instant on this machine. */
static err name_row(const orchestrator *o, char key[TRADER_KEY_MAX]) {
    char text[256];
    int n = snprintf(text, sizeof text, "trader|%s|%s|%lld|%lld", o->cfg->user_id, o->machine_id, (long long)wall_ms(),
                     (long long)monotonic_ns());
    return n < (int)sizeof text && uuid5(SIGNAL_NAMESPACE, text, (size_t)n, key) == 0 ? OK : ERR_INVALID;
}

static err insert(orchestrator *o, keep_order *order, call *c) {
    json_writer w;
    if (name_row(o, order->key) != OK) return ERR_INVALID;
    json_writer_init(&w);
    json_write_array(&w);
    json_write_object(&w);
    json_put_text(&w, "id", order->key);
    json_put_text(&w, "user_id", o->cfg->user_id);
    json_put_text(&w, "name", order->name);
    json_put_text(&w, "description", order->description ? order->description : "");
    json_put_bool(&w, "enabled", order->is_enabled);
    trader_row_write_filter(order->code, NULL, NULL, &w);
    json_put_raw(&w, "strategy", "{}");
    json_put_text(&w, "language", "lua");
    trader_row_write_cloud(true, NULL, &w);
    json_put_raw(&w, "inputs", order->inputs ? order->inputs : "null");
    json_write_object_end(&w);
    json_write_array_end(&w);
    postgrest_rows rows = {.table = "traders",
                           .columns =
                               "id,user_id,name,description,enabled,filter,strategy,language,cloud_config,inputs",
                           .on_conflict = "id",
                           .resolution = RESOLUTION_REFUSE,
                           .rows = json_writer_text(&w),
                           .rows_bytes = w.bytes};
    err e = rows.rows ? postgrest_insert(o->supabase, &rows, on_done, c) : ERR_NO_MEMORY;
    json_writer_deinit(&w);
    return e;
}

/* Columns are written whole: what the app keeps in them, too, stays as it was read. */
static err update(orchestrator *o, const keep_order *order, const trader_row *row, const char *filter, call *c) {
    json_writer w;
    json_writer_init(&w);
    json_write_object(&w);
    if (order->action == KEEP_ARCHIVE) {
        json_put_bool(&w, "enabled", false);
        trader_row_write_cloud(false, row->cloud_rest, &w);
    } else {
        trader_row_write_filter(order->code, row->key, row->filter_rest, &w);
        json_put_text(&w, "language", "lua");
    }
    json_write_object_end(&w);
    const char *changes = json_writer_text(&w);
    c->wants_row = true;
    err e = changes ? postgrest_update(o->supabase, "traders", filter, changes, "id", on_done, c) : ERR_NO_MEMORY;
    json_writer_deinit(&w);
    return e;
}

/* What was read last is what the version is of; the row's own number says whether it is still that one. */
err orchestrator_keep_cloud(orchestrator *o, keep_order *order) {
    const trader_row *row = orchestrator_cloud_traders_find(o->cloud_traders, order->key);
    char filter[FILTER_BYTES], version[SHA256_TEXT_BYTES] = "";
    call *c;
    err e;
    if (order->action != KEEP_NEW && !row) return ERR_NOT_FOUND;
    if (order->action == KEEP_REPLACE) {
        if (row->code) orchestrator_keep_version(row->code, version);
        if (strcmp(version, order->version) != 0) return ERR_EXISTS;
    }
    c = calloc(1, sizeof *c);
    if (!c) return ERR_NO_MEMORY;
    c->order = order;
    if (row && order->action == KEEP_REPLACE)
        snprintf(filter, sizeof filter, "id=eq.%s&user_id=eq.%s&version=eq.%lld", row->id, o->cfg->user_id,
                 (long long)row->version);
    else if (row)
        snprintf(filter, sizeof filter, "id=eq.%s&user_id=eq.%s", row->id, o->cfg->user_id);
    e = order->action == KEEP_NEW      ? insert(o, order, c)
        : order->action == KEEP_REMOVE ? postgrest_delete(o->supabase, "traders", filter, on_done, c)
                                       : update(o, order, row, filter, c);
    if (e != OK) free(c);
    return e;
}
