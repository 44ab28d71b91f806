/* See transfer.h. */
#include "cli/transfer.h"
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KEY_BYTES = 64, SLUG_BYTES = 48 };

typedef enum action { ADDED, UPDATED, UNCHANGED, SKIPPED, REFUSED, N_ACTIONS } action;
static const char *const ACTIONS[] = {"added", "updated", "unchanged", "skipped", "refused"};

typedef struct run {
    const transfer *t;
    trader_place from, to;
    trader_row_list rows, there;
    size_t n[N_ACTIONS];
} run;

err transfer_take(void *context, const option *o, const char *value, diag *why) {
    transfer *t = context;
    if (!o && t->n_names == TRANSFER_NAMES_MAX)
        return diag_set(why, ERR_TOO_BIG, "more than %d names", TRANSFER_NAMES_MAX);
    if (!o) {
        t->names[t->n_names++] = value;
        return OK;
    }
    if (strcmp(o->name, "set") == 0) return settings_add(&t->settings, value, why);
    if (strcmp(o->name, "from") == 0) t->from = value;
    if (strcmp(o->name, "to") == 0) t->to = value;
    if (strcmp(o->name, "json") == 0) t->as_json = true;
    if (strcmp(o->name, "dry-run") == 0) t->is_dry = true;
    if (strcmp(o->name, "force") == 0) t->forces = true;
    return OK;
}

/* ---- telling ---- */

static void tell(run *r, action what, const char *key, const char *id, const char *name, const char *error) {
    r->n[what]++;
    if (!r->t->as_json) {
        printf("%-9s  %s%s%s\n", ACTIONS[what], key, error ? ": " : "", error ? error : "");
        return;
    }
    json_writer w;
    json_writer_init(&w);
    json_write_object(&w);
    json_put_text(&w, "trader", key);
    json_put_text(&w, "id", id);
    json_put_text(&w, "name", name);
    json_put_text(&w, "action", ACTIONS[what]);
    json_put_text(&w, "error", error);
    json_write_object_end(&w);
    if (json_writer_text(&w)) puts(json_writer_text(&w));
    json_writer_deinit(&w);
}

static void on_problem(void *context, const char *name, const char *why) {
    tell(context, REFUSED, name, NULL, NULL, why);
}

/* ---- what is what ---- */

/* A name as a file's: "RSI, rising" is rsi_rising. */
static void slug_of(const char *name, char slug[KEY_BYTES]) {
    size_t n = 0;
    for (; name && *name && n < SLUG_BYTES; name++) {
        if (isalnum((unsigned char)*name))
            slug[n++] = (char)tolower((unsigned char)*name);
        else if (n > 0 && slug[n - 1] != '_')
            slug[n++] = '_';
    }
    while (n > 0 && slug[n - 1] == '_') n--;
    slug[n] = 0;
    if (n == 0) snprintf(slug, KEY_BYTES, "trader");
    if (n > 5 && strcmp(slug + n - 5, "_spec") == 0) snprintf(slug + n, KEY_BYTES - n, "_trader"); /* no spec */
}

/* A name that stays within its folder. */
static bool is_file_name(const char *key) {
    if (!key || !*key || *key == '.' || *key == '-' || strlen(key) >= KEY_BYTES) return false;
    for (; *key; key++)
        if (!isalnum((unsigned char)*key) && !strchr("_-.", *key)) return false;
    return true;
}

/* Rows of an app have no file's name: the name decides, and of two alike the second one also has its id. */
static err name_rows(trader_row_list *rows) {
    for (size_t i = 0; i < rows->count; i++) {
        trader_row *row = &rows->items[i];
        char key[KEY_BYTES];
        if (is_file_name(row->key))
            snprintf(key, sizeof key, "%s", row->key);
        else
            slug_of(row->name, key);
        for (size_t k = 0; k < i; k++) {
            if (strcmp(rows->items[k].key, key) != 0) continue;
            snprintf(key + strlen(key), sizeof key - strlen(key), "-%.8s", row->id);
            break;
        }
        char *copy = strdup(key);
        if (!copy) return ERR_NO_MEMORY;
        free(row->key);
        row->key = copy;
    }
    return OK;
}

static bool is_same(const char *a, const char *b) { return strcmp(a ? a : "", b ? b : "") == 0; }

static bool is_called(const trader_row *row, const char *name) {
    return is_same(name, row->key) || is_same(name, row->id) || is_same(name, row->name);
}

static bool is_wanted(const transfer *t, const trader_row *row) {
    for (size_t i = 0; i < t->n_names; i++)
        if (is_called(row, t->names[i])) return true;
    return t->n_names == 0;
}

static bool is_any_called(const trader_row_list *rows, const char *name) {
    for (size_t i = 0; i < rows->count; i++)
        if (is_called(&rows->items[i], name)) return true;
    return false;
}

static const trader_row *find_there(const run *r, const trader_row *row) {
    const trader_row *same = r->to.kind == PLACE_FOLDER ? NULL : trader_row_list_find(&r->there, row->id);
    for (size_t i = 0; !same && i < r->there.count; i++)
        if (is_same(r->there.items[i].key, row->key)) same = &r->there.items[i];
    return same;
}

/* Between files and rows the text counts: an app may call a trader as it likes. */
static bool is_unchanged(const run *r, const trader_row *row, const trader_row *there) {
    bool has_files = r->from.kind == PLACE_FOLDER || r->to.kind == PLACE_FOLDER;
    return is_same(row->code, there->code) && is_same(row->inputs, there->inputs) && trader_row_is_lua(there) &&
           (has_files || is_same(row->name, there->name));
}

/* ---- one trader ---- */

static err put(const run *r, trader_row *row, const trader_row *there, diag *why) {
    if (r->to.kind != PLACE_FOLDER) {
        if (there) memcpy(row->id, there->id, sizeof row->id);
        snprintf(row->user_id, sizeof row->user_id, "%s", r->to.cfg->user_id);
    } else if (there && !r->t->forces) {
        return diag_set(why, ERR_EXISTS, "%s/%s.lua is there and differs; --force replaces it", r->to.path, row->key);
    }
    return r->t->is_dry ? OK : trader_place_put(&r->to, row, there, why);
}

/* Why it is not carried; NULL: it is. */
static const char *reason_to_skip(const run *r, const trader_row *row) {
    if (!trader_row_is_lua(row)) return row->language ? row->language : "no language";
    if (row->problem || !row->code) return row->problem ? row->problem : "it has no code";
    return row->is_built_in && r->to.kind != PLACE_FOLDER ? "built in" : NULL;
}

static void carry(run *r, trader_row *row) {
    const trader_row *there = find_there(r, row);
    const char *skipped = reason_to_skip(r, row);
    diag why;
    if (skipped)
        tell(r, SKIPPED, row->key, row->id, row->name, skipped);
    else if (there && is_unchanged(r, row, there))
        tell(r, UNCHANGED, row->key, there->id, row->name, NULL);
    else if (put(r, row, there, &why) != OK)
        tell(r, REFUSED, row->key, row->id, row->name, why.text);
    else
        tell(r, there ? UPDATED : ADDED, row->key, row->id, row->name, NULL);
}

/* ---- all of them ---- */

static err choose_places(run *r, const config *cfg, bool is_import, diag *why) {
    const char *other = cfg->is_cloud ? "supabase" : NULL, *folder = cfg->traders_dir;
    const char *from = r->t->from ? r->t->from : is_import ? folder : other;
    const char *to = r->t->to ? r->t->to : is_import ? other : folder;
    if (!from) return diag_set(why, ERR_INVALID, "--from is missing; expected a folder, a file.db or supabase");
    if (!to) return diag_set(why, ERR_INVALID, "--to is missing; expected a folder, a file.db or supabase");
    err e = trader_place_parse(from, cfg, &r->from, why);
    if (e == OK) e = trader_place_parse(to, cfg, &r->to, why);
    if (e == OK && strcmp(from, to) == 0) e = diag_set(why, ERR_INVALID, "--from and --to are both %s", from);
    return e;
}

static err carry_all(run *r, diag *why) {
    err e = trader_place_read(&r->from, false, &r->rows, on_problem, r, why);
    if (e == OK) e = trader_place_read(&r->to, true, &r->there, on_problem, r, why);
    if (e == OK && (name_rows(&r->rows) != OK || name_rows(&r->there) != OK))
        e = diag_set(why, ERR_NO_MEMORY, "out of memory");
    for (size_t i = 0; i < r->rows.count && e == OK; i++)
        if (is_wanted(r->t, &r->rows.items[i])) carry(r, &r->rows.items[i]);
    for (size_t i = 0; i < r->t->n_names && e == OK; i++)
        if (!is_any_called(&r->rows, r->t->names[i]))
            tell(r, REFUSED, r->t->names[i], NULL, NULL, "there is no trader of that name");
    return e;
}

int transfer_run(transfer *t, const verb *v, int argc, char *const *argv, bool is_import) {
    run r = {.t = t};
    config cfg;
    diag why = {""};
    int code = EXIT_OK;
    if (options_parse(v->options, argc, argv, transfer_take, t, &why) != OK) return verb_fail(v, EXIT_USAGE, &why);
    err e = settings_load(&t->settings, &cfg, &why);
    if (e != OK) return verb_fail(v, settings_exit_code(e), &why);
    if (choose_places(&r, &cfg, is_import, &why) != OK) {
        code = verb_fail(v, EXIT_USAGE, &why);
    } else if (carry_all(&r, &why) != OK) {
        code = verb_fail(v, EXIT_FAILED, &why);
    } else {
        if (!t->as_json)
            fprintf(stderr, "%s%zu added, %zu updated, %zu unchanged, %zu skipped, %zu refused\n",
                    t->is_dry ? "would be: " : "", r.n[ADDED], r.n[UPDATED], r.n[UNCHANGED], r.n[SKIPPED],
                    r.n[REFUSED]);
        if (r.n[REFUSED]) code = EXIT_FAILED;
    }
    trader_row_list_deinit(&r.rows);
    trader_row_list_deinit(&r.there);
    config_deinit(&cfg);
    return code;
}
