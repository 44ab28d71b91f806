/* See history_folder.h. */
#include "market/history_folder.h"
#include "market/history_file.h"
#include "market/interval.h"
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static err check_length(int bytes, const char *folder, diag *why) {
    if (bytes >= 0 && bytes < HISTORY_PATH_BYTES) return OK;
    return diag_set(why, ERR_TOO_BIG, "%.200s...: the path is too long", folder);
}

err history_folder_of_market(const char *data_dir, const char *market, char out[HISTORY_PATH_BYTES], diag *why) {
    return check_length(snprintf(out, HISTORY_PATH_BYTES, "%s/history/%s", data_dir, market), data_dir, why);
}

err history_folder_of_series(const char *market_folder, const history_series *s, char out[HISTORY_PATH_BYTES],
                             diag *why) {
    int bytes = snprintf(out, HISTORY_PATH_BYTES, "%s/%s-%s", market_folder, s->symbol, interval_name(s->interval));
    return check_length(bytes, market_folder, why);
}

/* The interval is behind the last '-', so a symbol may contain one. */
bool history_series_of_name(const char *name, history_series *out) {
    const char *dash = strrchr(name, '-');
    if (!dash || dash == name || dash - name >= SYMBOL_BYTES || name[0] == '.') return false;
    out->interval = interval_parse(dash + 1, strlen(dash + 1));
    snprintf(out->symbol, sizeof out->symbol, "%.*s", (int)(dash - name), name);
    return out->interval >= 0;
}

/* ---- listing ---- */

static int by_name(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

static bool has_ending(const char *name, const char *ending) {
    size_t bytes = strlen(name), n = strlen(ending);
    return bytes > n && name[0] != '.' && strcmp(name + bytes - n, ending) == 0;
}

static err push_name(history_names *names, size_t *capacity, const char *name) {
    if (names->count == *capacity) {
        size_t larger = *capacity ? 2 * *capacity : 64;
        char **items = realloc(names->items, larger * sizeof *items);
        if (!items) return ERR_NO_MEMORY;
        names->items = items;
        *capacity = larger;
    }
    names->items[names->count] = strdup(name);
    return names->items[names->count] ? (names->count++, OK) : ERR_NO_MEMORY;
}

static bool is_folder(const char *folder, const char *name) {
    char path[HISTORY_PATH_BYTES];
    struct stat status;
    int bytes = snprintf(path, sizeof path, "%s/%s", folder, name);
    return bytes > 0 && bytes < HISTORY_PATH_BYTES && stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

/* Names with the ending, or, without one, of folders. */
static err list_names(const char *folder, const char *ending, history_names *out, diag *why) {
    size_t capacity = 0;
    struct dirent *entry;
    err e = OK;
    *out = (history_names){0};
    DIR *dir = opendir(folder);
    if (!dir && errno == ENOENT) return OK;
    if (!dir) return diag_set(why, ERR_IO, "%s: cannot be opened: %s", folder, strerror(errno));
    while (e == OK && (entry = readdir(dir)))
        if (ending ? has_ending(entry->d_name, ending) : is_folder(folder, entry->d_name))
            e = push_name(out, &capacity, entry->d_name);
    closedir(dir);
    if (out->count > 1) qsort(out->items, out->count, sizeof *out->items, by_name);
    if (e == OK) return OK;
    history_names_free(out);
    return diag_set(why, e, "%s: %s", folder, error_text(e));
}

void history_names_free(history_names *names) {
    for (size_t i = 0; i < names->count; i++) free(names->items[i]);
    free(names->items);
    *names = (history_names){0};
}

err history_folder_parts(const char *series_folder, history_names *out, diag *why) {
    return list_names(series_folder, history_file_ending, out, why);
}

static int by_series(const void *a, const void *b) {
    const history_series *x = a, *y = b;
    int order = strcmp(x->symbol, y->symbol);
    return order ? order : (x->interval > y->interval) - (x->interval < y->interval);
}

err history_folder_list(const char *market_folder, history_series **out, size_t *count, diag *why) {
    history_names names;
    *out = NULL;
    *count = 0;
    err e = list_names(market_folder, NULL, &names, why);
    if (e != OK) return e;
    history_series *list = calloc(names.count + 1, sizeof *list);
    if (!list) e = diag_set(why, ERR_NO_MEMORY, "%s", error_text(ERR_NO_MEMORY));
    for (size_t i = 0; list && i < names.count; i++)
        if (history_series_of_name(names.items[i], &list[*count])) ++*count;
    if (*count > 1) qsort(list, *count, sizeof *list, by_series);
    *out = list;
    history_names_free(&names);
    return e;
}

/* ---- reading ---- */

static err read_part(const char *series_folder, const char *name, int32_t interval, kline_list *out, diag *why) {
    char path[HISTORY_PATH_BYTES], expected[HISTORY_NAME_BYTES];
    history_part part;
    err e = check_length(snprintf(path, sizeof path, "%s/%s", series_folder, name), series_folder, why);
    if (e == OK) e = history_file_read(path, &part, why);
    if (e != OK) return e;
    history_file_name(&part, expected);
    if (strcmp(name, expected) != 0 || part.interval != interval)
        e = diag_set(why, ERR_INVALID, "%s: found what belongs into %s; expected what its name says", path, expected);
    for (size_t i = 0; i < part.bars.count && e == OK; i++) {
        e = kline_list_push(out, &part.bars.bars[i]);
        if (e != OK) (void)diag_set(why, e, "%s: %s", path, error_text(e));
    }
    history_part_deinit(&part);
    return e;
}

err history_folder_read(const char *series_folder, int32_t interval, kline_list *out, diag *why) {
    history_names names;
    *out = (kline_list){0};
    err e = history_folder_parts(series_folder, &names, why);
    for (size_t i = 0; i < names.count && e == OK; i++)
        e = read_part(series_folder, names.items[i], interval, out, why);
    history_names_free(&names);
    if (e != OK) kline_list_free(out);
    return e;
}

/* ---- parts ---- */

/* Another program, or the disk, has spoilt the file: it is kept under another name. */
static err set_aside(const char *path, const diag *found, diag *aside, diag *why) {
    char to[HISTORY_PATH_BYTES + 16];
    snprintf(to, sizeof to, "%s.damaged", path);
    if (rename(path, to) != 0)
        return diag_set(why, ERR_IO, "%.700s; it cannot be renamed to %.200s: %s", found->text, to, strerror(errno));
    (void)diag_set(aside, OK, "%.700s; it is %.200s now", found->text, to);
    return OK;
}

err history_folder_load(const char *series_folder, const char *market, const history_series *s, int64_t ms,
                        history_part *out, diag *aside, diag *why) {
    char name[HISTORY_NAME_BYTES], path[HISTORY_PATH_BYTES];
    history_part there;
    diag found;
    aside->text[0] = 0;
    history_part_init(out, market, s->symbol, s->interval, ms);
    history_file_name(out, name);
    err e = check_length(snprintf(path, sizeof path, "%s/%s", series_folder, name), series_folder, why);
    if (e != OK) return e;
    e = history_file_read(path, &there, &found);
    if (e == ERR_NOT_FOUND) return OK;
    if (e == OK && (strcmp(there.market, market) != 0 || strcmp(there.symbol, s->symbol) != 0 ||
                    there.interval != s->interval || there.from_ms != out->from_ms)) {
        e = diag_set(&found, ERR_INVALID, "%s: found bars of another series or month; expected what its name says",
                     path);
        history_part_deinit(&there);
    }
    if (e == ERR_INVALID || e == ERR_TOO_BIG) return set_aside(path, &found, aside, why);
    if (e != OK) return diag_set(why, e, "%s", found.text);
    *out = there;
    return OK;
}

err history_folder_save(const char *series_folder, const history_part *p, diag *why) {
    if (mkdir(series_folder, 0700) != 0 && errno != EEXIST)
        return diag_set(why, ERR_IO, "cannot make the folder %s: %s", series_folder, strerror(errno));
    return history_file_write(series_folder, p, NULL, why);
}
