/* See orchestrator_keep.h. This file knows the places and the folder; orchestrator_keep_cloud.c Supabase. */
#include "orchestrator_keep.h"
#include "base/uuid.h"
#include "orchestrator_body.h"
#include "orchestrator_keep_cloud.h"
#include "orchestrator_local.h"
#include "script/trader_folder.h"
#include "sync/trader_table.h"
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ARCHIVES_MAX = 1000 };

#define NAMESPACE "6d8f2f0c-3f0e-5b7a-9c55-7a1c1f0e9b42"

const char *trader_origin_name(trader_origin origin) {
    static const char *const names[] = {"builtin", "file", "local", "cloud"};
    return names[origin];
}

/* ---- found ---- */

trader_origin orchestrator_keep_place(const orchestrator *o) {
    if (o->cfg->is_cloud) return ORIGIN_CLOUD;
    return o->is_folder_set ? ORIGIN_FILE : ORIGIN_LOCAL;
}

bool orchestrator_keep_origin(const orchestrator *o, const char *key, const trader_source *running,
                              trader_origin *origin) {
    const trader_row *row = o->cloud_traders ? orchestrator_cloud_traders_find(o->cloud_traders, key) : NULL;
    *origin = ORIGIN_CLOUD;
    if (row) *origin = row->is_built_in ? ORIGIN_BUILT_IN : ORIGIN_CLOUD;
    if (o->cfg->is_cloud) return row || running;
    if (!running || !running->file[0]) {
        const trader_row *local = orchestrator_local_find(o->local, key);
        *origin = ORIGIN_LOCAL;
        if (local && local->is_in_cloud) return true;
    }
    *origin = o->is_folder_set ? ORIGIN_FILE : ORIGIN_BUILT_IN;
    return true;
}

void orchestrator_keep_version(const char *code, char out[SHA256_TEXT_BYTES]) { sha256_hex(code, strlen(code), out); }

static err set_code(kept_trader *t, const char *code, const char *inputs) {
    t->code = strdup(code);
    t->inputs = inputs && strcmp(inputs, "{}") != 0 ? strdup(inputs) : NULL;
    if (!t->code) return ERR_NO_MEMORY;
    orchestrator_keep_version(t->code, t->version);
    return OK;
}

/* As the file is now, which may be newer than what runs. */
static err read_file(const orchestrator *o, kept_trader *t, const trader_source *running) {
    char path[TRADER_CHUNK_MAX];
    trader_source *source = NULL;
    diag why;
    err e;
    if (running)
        snprintf(path, sizeof path, "%s", running->file);
    else if (snprintf(path, sizeof path, "%s/%s.lua", o->cfg->traders_dir, t->key) >= (int)sizeof path)
        return ERR_NOT_FOUND;
    e = trader_source_read(path, &source, &why);
    if (e == OK) e = set_code(t, source->code, source->inputs);
    if (e == OK) t->is_variant = source->is_variant;
    trader_source_free(source);
    return e == OK || (running && e != ERR_NO_MEMORY) ? OK : e == ERR_NO_MEMORY ? e : ERR_NOT_FOUND;
}

err orchestrator_keep_find(const orchestrator *o, const char *key, const trader_source *running, kept_trader *out) {
    err e = OK;
    *out = (kept_trader){.is_variant = false};
    snprintf(out->key, sizeof out->key, "%s", key);
    if (!orchestrator_keep_origin(o, key, running, &out->origin)) return ERR_NOT_FOUND;
    const trader_row *row = o->cloud_traders              ? orchestrator_cloud_traders_find(o->cloud_traders, key)
                            : out->origin == ORIGIN_LOCAL ? orchestrator_local_find(o->local, key)
                                                          : NULL;
    if (row && row->code)
        e = set_code(out, row->code, row->inputs);
    else if (!row && o->cfg->is_cloud)
        e = running ? set_code(out, running->code, running->inputs) : ERR_NOT_FOUND;
    else if (!row)
        e = read_file(o, out, running);
    if (e != OK) kept_trader_deinit(out);
    return e;
}

void kept_trader_deinit(kept_trader *t) {
    free(t->code);
    free(t->inputs);
    t->code = t->inputs = NULL;
}

/* ---- in the folder ---- */

typedef struct file_work {
    uv_work_t work;
    keep_order *order;
    const char *folder;
    err error;
    diag why;
} file_work;

static err remove_file(const char *path, diag *why) {
    if (unlink(path) == 0 || errno == ENOENT) return OK;
    return diag_set(why, ERR_IO, "%s: %s", path, strerror(errno));
}

/* `number` 0: none. */
static bool path_of(char path[PATH_MAX], const file_work *w, const char *below, int number, const char *ending) {
    char tail[16] = "";
    if (number) snprintf(tail, sizeof tail, "-%d", number);
    return snprintf(path, PATH_MAX, "%s/%s%s%s%s", w->folder, below, w->order->key, tail, ending) < PATH_MAX;
}

/* Into the folder `archive`, which nobody reads, under a name that is free there. */
static err archive_file(file_work *w, const char *ending) {
    char from[PATH_MAX], to[PATH_MAX];
    if (snprintf(to, sizeof to, "%s/archive", w->folder) >= (int)sizeof to || !path_of(from, w, "", 0, ending))
        return diag_set(&w->why, ERR_TOO_BIG, "%s: path too long", w->folder);
    if (access(from, F_OK) != 0) return OK;
    if (mkdir(to, 0777) != 0 && errno != EEXIST) return diag_set(&w->why, ERR_IO, "%s: %s", to, strerror(errno));
    for (int n = 0; n < ARCHIVES_MAX; n++) {
        if (!path_of(to, w, "archive/", n, ending)) return diag_set(&w->why, ERR_TOO_BIG, "%s: path too long", to);
        if (link(from, to) == 0) return remove_file(from, &w->why);
        if (errno != EEXIST) break;
    }
    return diag_set(&w->why, ERR_IO, "%s: %s", to, strerror(errno));
}

static err remove_files(file_work *w) {
    static const char *const endings[] = {".lua", ".json"};
    err e = OK;
    for (int i = 0; i < 2 && e == OK; i++) {
        char path[PATH_MAX];
        if (w->order->action == KEEP_ARCHIVE)
            e = archive_file(w, endings[i]);
        else if (path_of(path, w, "", 0, endings[i]))
            e = remove_file(path, &w->why);
    }
    return e;
}

/* Nobody has changed it since. */
static err check_version(file_work *w) {
    char path[PATH_MAX], version[SHA256_TEXT_BYTES] = "";
    trader_source *source = NULL;
    if (!path_of(path, w, "", 0, ".lua")) return diag_set(&w->why, ERR_TOO_BIG, "%s: path too long", path);
    err e = trader_source_read(path, &source, &w->why);
    if (e == OK) orchestrator_keep_version(source->code, version);
    trader_source_free(source);
    if (e == OK && strcmp(version, w->order->version) != 0)
        e = diag_set(&w->why, ERR_EXISTS, "%s has changed meanwhile", path);
    return e;
}

static void work_on_files(uv_work_t *work) {
    file_work *w = work->data;
    const keep_order *order = w->order;
    bool is_new = order->action == KEEP_NEW;
    if (order->action == KEEP_REMOVE || order->action == KEEP_ARCHIVE) {
        w->error = remove_files(w);
        return;
    }
    w->error = order->action == KEEP_REPLACE ? check_version(w) : OK;
    if (w->error == OK && is_new && order->inputs) /* before the script, which would run without them */
        w->error = trader_folder_write(w->folder, order->key, ".json", order->inputs, true, &w->why);
    if (w->error == OK) w->error = trader_folder_write(w->folder, order->key, ".lua", order->code, is_new, &w->why);
}

static void after_files(uv_work_t *work, int status) {
    file_work *w = work->data;
    if (status != 0) w->error = diag_set(&w->why, ERR_CANCELLED, "%s", error_text(ERR_CANCELLED));
    w->order->on_done(w->order->context, w->error, w->why.text);
    free(w);
}

static err keep_file(orchestrator *o, keep_order *order) {
    file_work *w = calloc(1, sizeof *w);
    if (!w) return ERR_NO_MEMORY;
    w->work.data = w;
    w->order = order;
    w->folder = o->cfg->traders_dir;
    if (uv_queue_work(&o->loop, &w->work, work_on_files, after_files) == 0) return OK;
    free(w);
    return ERR_NO_MEMORY;
}

/* ---- in the database ---- */

/* As `import` names the row of a file, so that both are the same one. */
static void name_row(const char *key, char id[UUID_TEXT_BYTES]) {
    char text[TRADER_KEY_MAX + 32];
    int n = snprintf(text, sizeof text, "user:" TRADER_LOCAL_USER "|file:%s", key);
    if (uuid_is_valid(key))
        memcpy(id, key, UUID_TEXT_BYTES);
    else
        (void)uuid5(NAMESPACE, text, (size_t)n, id);
}

static err make_row(const keep_order *order, const trader_row *before, trader_row *out) {
    trader_row row = {.is_enabled = order->is_enabled, .is_in_cloud = true, .tier = TIER_ELITE};
    row.name = strdup(order->name);
    row.description = strdup(order->description ? order->description : "");
    row.language = strdup("lua");
    row.key = strdup(order->key);
    row.code = strdup(order->code);
    row.inputs = order->inputs ? strdup(order->inputs) : NULL;
    row.filter_rest = before && before->filter_rest ? strdup(before->filter_rest) : NULL;
    row.cloud_rest = before && before->cloud_rest ? strdup(before->cloud_rest) : NULL;
    row.version = before ? before->version + 1 : 1;
    snprintf(row.user_id, sizeof row.user_id, TRADER_LOCAL_USER);
    if (before)
        memcpy(row.id, before->id, sizeof row.id);
    else
        name_row(order->key, row.id);
    if (row.name && row.description && row.language && row.key && row.code && (row.inputs || !order->inputs)) {
        *out = row;
        return OK;
    }
    trader_row_deinit(&row);
    return ERR_NO_MEMORY;
}

/* An archived one with that name makes room for a new one. */
static err keep_local(orchestrator *o, keep_order *order) {
    const trader_row *before = orchestrator_local_find(o->local, order->key);
    char version[SHA256_TEXT_BYTES] = "";
    trader_row row;
    err e;
    if (order->action == KEEP_REMOVE)
        return orchestrator_local_remove(o->local, order->key, order->on_done, order->context);
    if (order->action == KEEP_NEW && before && before->is_in_cloud) return ERR_EXISTS;
    if (order->action != KEEP_NEW && !before) return ERR_NOT_FOUND;
    if (order->action == KEEP_REPLACE && before->code) orchestrator_keep_version(before->code, version);
    if (order->action == KEEP_REPLACE && strcmp(version, order->version) != 0) return ERR_EXISTS;
    e = order->action == KEEP_ARCHIVE ? trader_row_copy(before, &row) : make_row(order, before, &row);
    if (e != OK) return e;
    if (order->action == KEEP_ARCHIVE) row.is_enabled = row.is_in_cloud = false;
    if (order->action == KEEP_REPLACE && before) row.is_enabled = before->is_enabled;
    return orchestrator_local_put(o->local, &row, order->on_done, order->context);
}

/* ---- anywhere ---- */

void orchestrator_keep(orchestrator *o, keep_order *order) {
    err e = ERR_CLOSED;
    if (!o->is_stopping)
        e = order->origin == ORIGIN_FILE    ? keep_file(o, order)
            : order->origin == ORIGIN_LOCAL ? keep_local(o, order)
            : order->origin == ORIGIN_CLOUD ? orchestrator_keep_cloud(o, order)
                                            : ERR_UNSUPPORTED;
    if (e != OK) order->on_done(order->context, e, error_text(e));
}
