/* See trader_folder.h. */
#include "script/trader_folder.h"
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int is_script(const struct dirent *entry) {
    size_t n = strlen(entry->d_name);
    return n > 4 && entry->d_name[0] != '.' && strcmp(entry->d_name + n - 4, ".lua") == 0;
}

err trader_folder_read(const char *folder, trader_source ***sources, int32_t *count, diag *why) {
    struct dirent **entries = NULL;
    int n = scandir(folder, &entries, is_script, alphasort);
    err e = OK;
    *sources = NULL;
    *count = 0;
    if (n < 0) return diag_set(why, ERR_NOT_FOUND, "traders folder %s: %s", folder, strerror(errno));
    if (n == 0)
        e = diag_set(why, ERR_NOT_FOUND, "traders folder %s: no .lua files in it", folder);
    else if (!(*sources = calloc((size_t)n, sizeof **sources)))
        e = diag_set(why, ERR_NO_MEMORY, "%s: out of memory", folder);
    for (int i = 0; i < n; i++) {
        char path[TRADER_CHUNK_MAX];
        if (e == OK && snprintf(path, sizeof path, "%s/%s", folder, entries[i]->d_name) >= (int)sizeof path)
            e = diag_set(why, ERR_TOO_BIG, "%s/%s: path too long", folder, entries[i]->d_name);
        if (e == OK) e = trader_source_read(path, &(*sources)[*count], why);
        if (e == OK) ++*count;
        free(entries[i]);
    }
    free(entries);
    if (e == OK) return OK;
    for (int32_t i = 0; i < *count; i++) trader_source_free((*sources)[i]);
    free(*sources);
    *sources = NULL;
    *count = 0;
    return e;
}
