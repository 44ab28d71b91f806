/* See trader.h. */
#include "script/trader.h"
#include <assert.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { CODE_MAX = 1 << 20 };

static err read_file(const char *path, char **text, size_t *bytes, diag *why) {
    err e = OK;
    struct stat info;
    FILE *file = fopen(path, "rb");
    *text = NULL;
    if (!file) return diag_set(why, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, "%s: %s", path, strerror(errno));
    if (fstat(fileno(file), &info) != 0 || !S_ISREG(info.st_mode)) {
        e = diag_set(why, ERR_IO, "%s: not a regular file", path);
        goto out;
    }
    if (info.st_size > CODE_MAX) {
        e = diag_set(why, ERR_TOO_BIG, "%s: %lld bytes; expected at most %d", path, (long long)info.st_size, CODE_MAX);
        goto out;
    }
    *text = malloc((size_t)info.st_size + 1);
    if (!*text) {
        e = diag_set(why, ERR_NO_MEMORY, "%s: out of memory", path);
        goto out;
    }
    *bytes = fread(*text, 1, (size_t)info.st_size, file);
    (*text)[*bytes] = 0;
    if (ferror(file)) e = diag_set(why, ERR_IO, "%s: %s", path, strerror(errno));
out:
    if (e != OK) {
        free(*text);
        *text = NULL;
    }
    fclose(file);
    return e;
}

/* One canonical text for equal inputs: sorted keys, no white space. */
static err canonical(const char *text, const char *chunk, char **out, diag *why) {
    json_error_t problem;
    json_t *value = json_loads(text ? text : "{}", JSON_REJECT_DUPLICATES, &problem);
    if (!value)
        return diag_set(why, ERR_SYNTAX, "%s: inputs, line %d: %s; expected a JSON object", chunk, problem.line,
                        problem.text);
    *out = json_is_object(value) ? json_dumps(value, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
    json_decref(value);
    return *out ? OK : diag_set(why, ERR_INVALID, "%s: inputs are not a JSON object", chunk);
}

static err hash_revision(trader_source *s) {
    size_t inputs_bytes = strlen(s->inputs);
    char *both = malloc(s->code_bytes + 1 + inputs_bytes);
    if (!both) return ERR_NO_MEMORY;
    memcpy(both, s->code, s->code_bytes);
    both[s->code_bytes] = 0;
    memcpy(both + s->code_bytes + 1, s->inputs, inputs_bytes);
    sha256_hex(both, s->code_bytes + 1 + inputs_bytes, s->revision);
    free(both);
    return OK;
}

err trader_source_new(const char *key, const char *chunk, const char *code, size_t code_bytes, const char *inputs,
                      trader_source **out, diag *why) {
    trader_source *s;
    err e;
    if (!key[0] || strlen(key) >= TRADER_KEY_MAX)
        return diag_set(why, ERR_INVALID, "%s: name of %zu bytes; expected 1 to %d", chunk, strlen(key),
                        TRADER_KEY_MAX - 1);
    s = calloc(1, sizeof *s);
    if (!s) return diag_set(why, ERR_NO_MEMORY, "%s: out of memory", chunk);
    snprintf(s->key, sizeof s->key, "%s", key);
    snprintf(s->chunk, sizeof s->chunk, "%s", chunk);
    s->code = malloc(code_bytes + 1);
    e = s->code ? canonical(inputs, chunk, &s->inputs, why) : ERR_NO_MEMORY;
    if (e == OK) {
        assert(code && s->code && s->inputs);
        memcpy(s->code, code, code_bytes);
        s->code[code_bytes] = 0;
        s->code_bytes = code_bytes;
        e = hash_revision(s);
    }
    if (e != OK) {
        trader_source_free(s);
        return e;
    }
    *out = s;
    return OK;
}

err trader_source_read(const char *path, trader_source **out, diag *why) {
    char *code = NULL, *inputs = NULL, key[TRADER_CHUNK_MAX], inputs_path[TRADER_CHUNK_MAX];
    const char *slash = strrchr(path, '/');
    size_t code_bytes = 0, inputs_bytes = 0, n;
    err e;
    n = (size_t)snprintf(key, sizeof key, "%s", slash ? slash + 1 : path);
    if (n < 5 || n >= sizeof key || strcmp(key + n - 4, ".lua") != 0)
        return diag_set(why, ERR_INVALID, "%s: expected a file name that ends in .lua", path);
    key[n - 4] = 0;
    if (strlen(path) >= sizeof inputs_path) return diag_set(why, ERR_TOO_BIG, "%s: path too long", path);
    snprintf(inputs_path, sizeof inputs_path, "%.*s.json", (int)(strlen(path) - 4), path);
    e = read_file(path, &code, &code_bytes, why);
    if (e == OK) {
        e = read_file(inputs_path, &inputs, &inputs_bytes, why);
        if (e == ERR_NOT_FOUND) e = diag_set(why, OK, "%s", "");
    }
    if (e == OK) e = trader_source_new(key, path, code, code_bytes, inputs, out, why);
    free(code);
    free(inputs);
    return e;
}

void trader_source_free(trader_source *s) {
    if (!s) return;
    free(s->code);
    free(s->inputs);
    free(s);
}

static void free_list(char **list) {
    for (char **at = list; at && *at; at++) free(*at);
    free(list);
}

void trader_spec_free(trader_spec *spec) {
    if (!spec) return;
    free_list(spec->include);
    free_list(spec->exclude);
    free(spec->quote);
    free(spec->conditions);
    free(spec->inputs);
    free(spec->description);
    free(spec->tags);
    free(spec->needs);
    free(spec);
}

static bool holds(char *const *list, const char *name) {
    for (; *list; list++)
        if (strcmp(*list, name) == 0) return true;
    return false;
}

bool trader_spec_wants(const trader_spec *spec, const char *symbol, const char *quote) {
    if (spec->include && spec->include[0] && !holds(spec->include, symbol)) return false;
    if (spec->exclude && holds(spec->exclude, symbol)) return false;
    return !spec->quote || strcmp(spec->quote, quote) == 0;
}
