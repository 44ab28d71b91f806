/* See trader_folder.h. */
#include "script/trader_folder.h"
#include "base/log.h"
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool ends_in(const char *name, const char *end) {
    size_t n = strlen(name), m = strlen(end);
    return n > m && strcmp(name + n - m, end) == 0;
}

/* A JSON file beside a script of its name: no trader of its own. */
static bool is_inputs(const char *folder, const char *name) {
    char script[TRADER_CHUNK_MAX];
    if (!ends_in(name, ".json")) return false;
    snprintf(script, sizeof script, "%s/%.*s.lua", folder, (int)(strlen(name) - 5), name);
    return access(script, F_OK) == 0;
}

static int is_trader(const struct dirent *entry) {
    const char *name = entry->d_name;
    return name[0] != '.' && (ends_in(name, ".json") || (ends_in(name, ".lua") && !ends_in(name, "_spec.lua")));
}

/* The file's name without its end. */
static void key_of(const char *name, char key[TRADER_KEY_MAX]) {
    const char *end = strrchr(name, '.');
    snprintf(key, TRADER_KEY_MAX, "%.*s", end ? (int)(end - name) : (int)strlen(name), name);
}

static void read_one(trader_folder *f, const char *folder, const char *name) {
    char path[TRADER_CHUNK_MAX];
    trader_file_failure *failure = &f->failures[f->n_failures];
    err e;
    if (snprintf(path, sizeof path, "%s/%s", folder, name) >= (int)sizeof path)
        e = diag_set(&failure->why, ERR_TOO_BIG, "%s/%s: path too long", folder, name);
    else
        e = trader_source_read(path, &f->sources[f->count], &failure->why);
    if (e == OK) {
        f->count++;
        return;
    }
    snprintf(failure->file, sizeof failure->file, "%s", path);
    key_of(name, failure->key);
    f->n_failures++;
}

err trader_folder_scan(const char *path, trader_folder *out, diag *why) {
    struct dirent **entries = NULL;
    int n = scandir(path, &entries, is_trader, alphasort);
    *out = (trader_folder){0};
    if (n < 0)
        return diag_set(why, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, "traders folder %s: %s", path, strerror(errno));
    out->sources = calloc((size_t)n + 1, sizeof(trader_source *));
    out->failures = calloc((size_t)n + 1, sizeof *out->failures);
    for (int i = 0; i < n; i++) {
        if (out->sources && out->failures && !is_inputs(path, entries[i]->d_name))
            read_one(out, path, entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
    if (out->sources && out->failures) return OK;
    trader_folder_deinit(out);
    return diag_set(why, ERR_NO_MEMORY, "%s: out of memory", path);
}

void trader_folder_deinit(trader_folder *folder) {
    for (int32_t i = 0; folder->sources && i < folder->count; i++) trader_source_free(folder->sources[i]);
    free(folder->sources);
    free(folder->failures);
    *folder = (trader_folder){0};
}

err trader_folder_read(const char *folder, trader_source ***sources, int32_t *count, int32_t *n_failed, diag *why) {
    trader_folder f;
    err e = trader_folder_scan(folder, &f, why);
    *sources = NULL;
    *count = *n_failed = 0;
    if (e != OK) return e == ERR_IO ? ERR_NOT_FOUND : e;
    for (int32_t i = 0; i < f.n_failures; i++) log_error("traders", "%s", f.failures[i].why.text);
    *count = f.count;
    *n_failed = f.n_failures;
    if (f.count > 0) {
        *sources = f.sources;
        f.sources = NULL;
    } else if (f.n_failures > 0) {
        e = diag_set(why, ERR_NOT_FOUND, "traders folder %s: none of its %d traders can be used", folder, f.n_failures);
    } else {
        e = diag_set(why, ERR_NOT_FOUND, "traders folder %s: no .lua files in it", folder);
    }
    trader_folder_deinit(&f);
    return e;
}

err trader_folder_set_input(trader_source *const *sources, int32_t count, const char *text, diag *why) {
    trader_source *best = NULL;
    size_t best_bytes = 0;
    for (int32_t i = 0; i < count; i++) { /* a key may hold dots: the longest counts */
        size_t n = strlen(sources[i]->key);
        if (n < best_bytes || strncmp(text, sources[i]->key, n) != 0 || text[n] != '.') continue;
        best = sources[i];
        best_bytes = n;
    }
    if (best) return trader_source_set_input(best, text + best_bytes + 1, why);
    if (count == 1) return trader_source_set_input(sources[0], text, why);
    return diag_set(why, ERR_INVALID, "input \"%s\": no trader of that name; expected TRADER.NAME=VALUE", text);
}

/* ---- writing ---- */

/* The new name never takes the place of a file: a link is made only where there is none. */
static err give_name(const char *part, const char *path, bool is_new, diag *why) {
    int code = is_new ? link(part, path) : rename(part, path);
    int problem = errno;
    if (is_new || code != 0) (void)remove(part);
    if (code == 0) return OK;
    return diag_set(why, is_new && problem == EEXIST ? ERR_EXISTS : ERR_IO, "%s: %s", path, strerror(problem));
}

err trader_folder_write(const char *folder, const char *key, const char *ending, const char *text, bool is_new,
                        diag *why) {
    char path[PATH_MAX], part[PATH_MAX];
    if (snprintf(path, sizeof path, "%s/%s%s", folder, key, ending) >= PATH_MAX ||
        snprintf(part, sizeof part, "%s/.%s%s.part", folder, key, ending) >= PATH_MAX)
        return diag_set(why, ERR_TOO_BIG, "%s/%s%s: path too long", folder, key, ending);
    FILE *file = fopen(part, "wb");
    bool is_written = file && fputs(text, file) >= 0 && fflush(file) == 0 && fsync(fileno(file)) == 0;
    if (file && fclose(file) != 0) is_written = false;
    if (is_written) return give_name(part, path, is_new, why);
    err e = diag_set(why, ERR_IO, "%s: %s", path, strerror(errno));
    (void)remove(part);
    return e;
}
