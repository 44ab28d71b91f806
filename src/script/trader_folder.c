/* See trader_folder.h. */
#include "script/trader_folder.h"
#include "base/log.h"
#include <dirent.h>
#include <errno.h>
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

static err read_one(const char *folder, const char *name, trader_source **out, diag *why) {
    char path[TRADER_CHUNK_MAX];
    if (snprintf(path, sizeof path, "%s/%s", folder, name) >= (int)sizeof path)
        return diag_set(why, ERR_TOO_BIG, "%s/%s: path too long", folder, name);
    return trader_source_read(path, out, why);
}

err trader_folder_read(const char *folder, trader_source ***sources, int32_t *count, int32_t *n_failed, diag *why) {
    struct dirent **entries = NULL;
    int n = scandir(folder, &entries, is_trader, alphasort);
    trader_source **read = n >= 0 ? calloc((size_t)n + 1, sizeof *read) : NULL;
    *sources = NULL;
    *count = *n_failed = 0;
    if (n < 0) return diag_set(why, ERR_NOT_FOUND, "traders folder %s: %s", folder, strerror(errno));
    for (int i = 0; i < n; i++) {
        if (is_inputs(folder, entries[i]->d_name)) {
            free(entries[i]);
            continue;
        }
        if (read && read_one(folder, entries[i]->d_name, &read[*count], why) == OK) {
            ++*count;
        } else if (read) {
            ++*n_failed;
            log_error("traders", "%s", why->text);
        }
        free(entries[i]);
    }
    free(entries);
    if (!read) return diag_set(why, ERR_NO_MEMORY, "%s: out of memory", folder);
    if (*count > 0) {
        *sources = read;
        return OK;
    }
    free(read);
    if (n > 0) return diag_set(why, ERR_NOT_FOUND, "traders folder %s: none of its %d traders can be used", folder, n);
    return diag_set(why, ERR_NOT_FOUND, "traders folder %s: no .lua files in it", folder);
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
