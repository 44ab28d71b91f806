/* See trader_row.h. */
#include "sync/trader_row.h"
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { ENCODINGS_MAX = 4 }; /* texts within texts */

static const char *const TIER_NAMES[] = {"anonymous", "free", "pro", "elite"};

int user_tier_parse(const char *text) {
    for (int i = 0; text && i < (int)(sizeof TIER_NAMES / sizeof *TIER_NAMES); i++)
        if (strcasecmp(text, TIER_NAMES[i]) == 0) return i;
    return -1;
}

const char *user_tier_name(user_tier tier) { return TIER_NAMES[tier]; }

/* ---- columns ---- */

/* The object in a JSON column, however often it was made a text; NULL: it is empty or none. Owned by the caller. */
static json_t *object_of(const json_t *column, bool *is_broken) {
    json_t *value = json_incref((json_t *)column);
    for (int i = 0; i < ENCODINGS_MAX && json_is_string(value); i++) {
        json_t *inner = json_loadb(json_string_value(value), json_string_length(value),
                                   JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL);
        json_decref(value);
        value = inner;
        if (!inner) break;
    }
    *is_broken = column && !json_is_null(column) && !json_is_object(value);
    if (json_is_object(value)) return value;
    json_decref(value);
    return NULL;
}

static bool has_zero(const json_t *text) {
    return memchr(json_string_value(text), 0, json_string_length(text)) != NULL;
}

static void complain(trader_row *row, const char *what) {
    if (!row->problem) row->problem = strdup(what);
}

static char *copy_text(const json_t *column) {
    return json_is_string(column) ? strdup(json_string_value(column)) : NULL;
}

/* Takes what is known out of the object. */
static char *rest_of(json_t *object, const char *known, const char *known_too) {
    json_object_del(object, known);
    if (known_too) json_object_del(object, known_too);
    return json_object_size(object) ? json_dumps(object, JSON_COMPACT | JSON_SORT_KEYS | JSON_EMBED) : NULL;
}

static void read_filter(trader_row *row, const json_t *column) {
    bool is_broken;
    json_t *filter = object_of(column, &is_broken);
    const json_t *code = json_object_get(filter, "code");
    if (!filter)
        complain(row, "filter: found no JSON object; expected {\"code\": a trader in Lua}");
    else if (!json_is_string(code) || json_string_length(code) == 0)
        complain(row, "filter: found no text \"code\"; expected a trader in Lua");
    else if (has_zero(code))
        complain(row, "filter.code: found a zero byte; expected a script, a text in UTF-8");
    else
        row->code = strdup(json_string_value(code));
    row->key = copy_text(json_object_get(filter, "key"));
    row->filter_rest = rest_of(filter, "code", "key");
    json_decref(filter);
}

static void read_inputs(trader_row *row, const json_t *column) {
    bool is_broken;
    json_t *inputs = object_of(column, &is_broken);
    if (is_broken) complain(row, "inputs: expected a JSON object such as {\"length\": 20}");
    if (inputs) row->inputs = json_dumps(inputs, JSON_COMPACT | JSON_SORT_KEYS);
    json_decref(inputs);
}

/* What an owner has never said lets it run, and wants to be told. */
static void read_cloud(trader_row *row, const json_t *column) {
    bool is_broken;
    json_t *settings = object_of(column, &is_broken);
    row->is_in_cloud = !json_is_false(json_object_get(settings, "enabledInCloud"));
    row->tells_signals = !json_is_false(json_object_get(settings, "notifyOnSignal"));
    row->tells_analyses = !json_is_false(json_object_get(settings, "notifyOnAnalysis"));
    row->cloud_rest = rest_of(settings, "enabledInCloud", NULL);
    json_decref(settings);
}

static void copy_short(const json_t *column, char *to, size_t to_bytes) {
    snprintf(to, to_bytes, "%s", json_is_string(column) ? json_string_value(column) : "");
}

/* False: it has no id, so it is no row. */
static bool read_row(const json_t *value, trader_row *row) {
    const char *id = json_string_value(json_object_get(value, "id"));
    int tier = user_tier_parse(json_string_value(json_object_get(value, "access_tier")));
    if (!id || strlen(id) != UUID_TEXT_BYTES - 1) return false;
    *row = (trader_row){.version = json_integer_value(json_object_get(value, "version")),
                        .is_built_in = json_is_null(json_object_get(value, "user_id")),
                        .is_enabled = json_is_true(json_object_get(value, "enabled")),
                        .tier = tier < 0 ? TIER_ELITE : (user_tier)tier};
    memcpy(row->id, id, sizeof row->id);
    row->name = copy_text(json_object_get(value, "name"));
    row->description = copy_text(json_object_get(value, "description"));
    row->language = copy_text(json_object_get(value, "language"));
    row->error = copy_text(json_object_get(value, "error"));
    copy_short(json_object_get(value, "user_id"), row->user_id, sizeof row->user_id);
    copy_short(json_object_get(value, "updated_at"), row->updated_at, sizeof row->updated_at);
    copy_short(json_object_get(value, "created_at"), row->created_at, sizeof row->created_at);
    if (json_object_get(value, "filter")) read_filter(row, json_object_get(value, "filter"));
    read_cloud(row, json_object_get(value, "cloud_config"));
    read_inputs(row, json_object_get(value, "inputs"));
    return true;
}

void trader_row_write_filter(const char *code, const char *key, const char *rest, json_writer *w) {
    json_write_key(w, "filter");
    json_write_object(w);
    if (code) json_put_text(w, "code", code);
    if (key) json_put_text(w, "key", key);
    if (rest) json_write_raw(w, rest);
    json_write_object_end(w);
}

void trader_row_write_cloud(bool is_in_cloud, const char *rest, json_writer *w) {
    json_write_key(w, "cloud_config");
    json_write_object(w);
    json_put_bool(w, "enabledInCloud", is_in_cloud);
    if (rest) json_write_raw(w, rest);
    json_write_object_end(w);
}

void trader_row_write(const trader_row *row, json_writer *w) {
    json_write_object(w);
    json_put_text(w, "id", row->id);
    json_put_text(w, "user_id", row->is_built_in ? NULL : row->user_id);
    json_put_text(w, "name", row->name);
    json_put_text(w, "description", row->description ? row->description : "");
    json_put_bool(w, "enabled", row->is_enabled);
    trader_row_write_filter(row->code, row->key, row->filter_rest, w);
    json_put_raw(w, "strategy", "{}"); /* not null in earlier tables */
    json_put_text(w, "language", row->language);
    json_put_text(w, "access_tier", user_tier_name(row->tier));
    trader_row_write_cloud(row->is_in_cloud, row->cloud_rest, w);
    json_put_raw(w, "inputs", row->inputs ? row->inputs : "null");
    json_put_text(w, "error", row->error);
    json_put_integer(w, "version", row->version);
    json_put_text(w, "created_at", row->created_at);
    json_put_text(w, "updated_at", row->updated_at);
    json_write_object_end(w);
}

/* ---- lists ---- */

void trader_row_deinit(trader_row *row) {
    char *texts[] = {row->name,   row->description, row->language, row->key,         row->code,
                     row->inputs, row->error,       row->problem,  row->filter_rest, row->cloud_rest};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) free(texts[i]);
    *row = (trader_row){0};
}

void trader_row_list_deinit(trader_row_list *list) {
    for (size_t i = 0; i < list->count; i++) trader_row_deinit(&list->items[i]);
    free(list->items);
    *list = (trader_row_list){0};
}

err trader_row_list_add(trader_row_list *list, trader_row *row) {
    if ((list->count & (list->count - 1)) == 0) { /* 0, 1, 2, 4, ...: full */
        trader_row *larger = realloc(list->items, (list->count ? list->count * 2 : 1) * sizeof *larger);
        if (!larger) return ERR_NO_MEMORY;
        list->items = larger;
    }
    list->items[list->count++] = *row;
    *row = (trader_row){0};
    return OK;
}

static bool copy(const char *from, char **to) {
    *to = from ? strdup(from) : NULL;
    return !from || *to;
}

err trader_row_copy(const trader_row *row, trader_row *out) {
    trader_row r = *row;
    bool is_whole = copy(row->name, &r.name);
    is_whole = copy(row->description, &r.description) && is_whole;
    is_whole = copy(row->language, &r.language) && is_whole;
    is_whole = copy(row->key, &r.key) && is_whole;
    is_whole = copy(row->code, &r.code) && is_whole;
    is_whole = copy(row->inputs, &r.inputs) && is_whole;
    is_whole = copy(row->error, &r.error) && is_whole;
    is_whole = copy(row->problem, &r.problem) && is_whole;
    is_whole = copy(row->filter_rest, &r.filter_rest) && is_whole;
    is_whole = copy(row->cloud_rest, &r.cloud_rest) && is_whole;
    if (!is_whole) {
        trader_row_deinit(&r);
        return ERR_NO_MEMORY;
    }
    *out = r;
    return OK;
}

static int compare_ids(const void *a, const void *b) {
    return strcmp(((const trader_row *)a)->id, ((const trader_row *)b)->id);
}

void trader_row_list_sort(trader_row_list *list) {
    if (list->count) qsort(list->items, list->count, sizeof *list->items, compare_ids);
}

trader_row *trader_row_list_find(const trader_row_list *list, const char *id) {
    trader_row key = {.name = NULL};
    snprintf(key.id, sizeof key.id, "%s", id);
    return list->count ? bsearch(&key, list->items, list->count, sizeof key, compare_ids) : NULL;
}

err trader_row_parse(const char *json, size_t bytes, trader_row_list *list, diag *why) {
    json_error_t problem;
    json_t *page = json_loadb(json, bytes, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &problem);
    size_t n_before = list->count, i;
    json_t *value;
    err e = OK;
    if (!json_is_array(page)) {
        json_decref(page);
        return diag_set(why, ERR_SYNTAX, "traders: %s; expected a JSON array of rows",
                        page ? "no array" : problem.text);
    }
    json_array_foreach(page, i, value) {
        trader_row row;
        if (!read_row(value, &row)) {
            e = diag_set(why, ERR_SYNTAX, "traders: row %zu has no id; expected a UUID", i);
            break;
        }
        e = trader_row_list_add(list, &row);
        if (e == OK) continue;
        trader_row_deinit(&row);
        (void)diag_set(why, e, "%s", error_text(e));
        break;
    }
    json_decref(page);
    while (e != OK && list->count > n_before) trader_row_deinit(&list->items[--list->count]);
    return e;
}
