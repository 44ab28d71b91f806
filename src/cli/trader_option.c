/* See trader_option.h. */
#include "cli/trader_option.h"
#include "script/trader_folder.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

err trader_option_input(trader_option *c, const char *value, diag *why) {
    if (c->n_inputs == INPUTS_MAX) return diag_set(why, ERR_TOO_BIG, "more than %d times --input", INPUTS_MAX);
    c->inputs[c->n_inputs++] = value;
    return OK;
}

static bool is_file(const char *name) {
    size_t n = strlen(name);
    return strchr(name, '/') || (n > 4 && strcmp(name + n - 4, ".lua") == 0) ||
           (n > 5 && strcmp(name + n - 5, ".json") == 0);
}

static err refuse_trader(const char *folder, const char *name, diag *why) {
    trader_source **sources = NULL;
    int32_t count = 0, n_failed = 0;
    char names[512] = "";
    size_t n = 0;
    err e = trader_folder_read(folder, &sources, &count, &n_failed, why);
    if (e != OK) return e;
    for (int32_t i = 0; i < count; i++) {
        if (n + strlen(sources[i]->key) + 8 < sizeof names)
            n += (size_t)snprintf(names + n, sizeof names - n, "%s%s", n ? ", " : "", sources[i]->key);
        trader_source_free(sources[i]);
    }
    free(sources);
    return diag_set(why, ERR_NOT_FOUND, "there is no trader \"%s\" in %s; expected a file or one of %s", name, folder,
                    names);
}

err trader_option_read(const trader_option *c, const char *folder, trader_source **source, diag *why) {
    static const char *const endings[] = {".lua", ".json"};
    char path[TRADER_CHUNK_MAX];
    err e = ERR_NOT_FOUND;
    if (is_file(c->name)) {
        e = trader_source_read(c->name, source, why);
    } else {
        for (int i = 0; i < 2 && e == ERR_NOT_FOUND; i++) {
            snprintf(path, sizeof path, "%s/%s%s", folder, c->name, endings[i]);
            if (access(path, F_OK) == 0) e = trader_source_read(path, source, why);
        }
        if (e == ERR_NOT_FOUND) e = refuse_trader(folder, c->name, why);
    }
    for (int i = 0; i < c->n_inputs && e == OK; i++) e = trader_source_set_input(*source, c->inputs[i], why);
    return e;
}
