/* See trader.h. */
#include "script/trader.h"
#include "base/uuid.h"
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TRADER_NAMESPACE "6d8f2f0c-3f0e-5b7a-9c55-7a1c1f0e9b42"

enum { CODE_MAX = 1 << 20 };

static err read_file(const char *path, char **text, size_t *bytes, diag *why) {
    err e = OK;
    struct stat info;
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC); /* a pipe without a writer must not hold us */
    FILE *file = fd >= 0 ? fdopen(fd, "rb") : NULL;
    *text = NULL;
    if (!file && fd >= 0) close(fd);
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

/* Also a list or a number; editors of Windows put a byte order mark in front. */
static json_t *load_json(const char *text, size_t bytes, json_error_t *problem) {
    size_t mark = bytes >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    return json_loadb(text + mark, bytes - mark, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, problem);
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
    if (s) s->enabled = -1;
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
        sha256_hex(s->code, code_bytes, s->version);
        e = hash_revision(s);
    }
    if (e != OK) {
        trader_source_free(s);
        return e;
    }
    *out = s;
    return OK;
}

/* Bytecode is refused where scripts are compiled, with other words. */
static err check_text(const char *path, const char *text, size_t bytes, diag *why) {
    const char *zero = bytes > 0 && text[0] != '\033' ? memchr(text, 0, bytes) : NULL;
    int line = 1;
    if (bytes >= 2 && (memcmp(text, "\xff\xfe", 2) == 0 || memcmp(text, "\xfe\xff", 2) == 0))
        return diag_set(why, ERR_SYNTAX, "%s: found UTF-16; expected a script saved as UTF-8", path);
    for (const char *at = text; zero && at < zero; at++) line += *at == '\n';
    if (zero)
        return diag_set(why, ERR_SYNTAX, "%s:%d: found a zero byte; expected a script, a text in UTF-8", path, line);
    return OK;
}

static err read_code(const char *path, char **code, size_t *bytes, diag *why) {
    err e = read_file(path, code, bytes, why);
    if (e == OK) e = check_text(path, *code, *bytes, why);
    return e;
}

/* The inputs beside a script; NULL when there are none. */
static err read_inputs(const char *path, char **inputs, diag *why) {
    char *text = NULL;
    size_t bytes = 0;
    json_error_t problem;
    json_t *value = NULL;
    err e = read_file(path, &text, &bytes, why);
    *inputs = NULL;
    if (e == ERR_NOT_FOUND) return diag_set(why, OK, "%s", "");
    if (e == OK && !(value = load_json(text, bytes, &problem)))
        e = diag_set(why, ERR_SYNTAX, "%s:%d: %s; expected a JSON object such as {\"length\": 20}", path, problem.line,
                     problem.text);
    if (e == OK && !json_is_object(value))
        e = diag_set(why, ERR_INVALID, "%s: found no JSON object; expected one such as {\"length\": 20}", path);
    if (e == OK && !(*inputs = json_dumps(value, JSON_COMPACT))) e = diag_set(why, ERR_NO_MEMORY, "out of memory");
    json_decref(value);
    free(text);
    return e;
}

static err read_script(const char *path, const char *key, trader_source **out, diag *why) {
    char *code = NULL, *inputs = NULL, inputs_path[TRADER_CHUNK_MAX];
    size_t code_bytes = 0;
    err e;
    snprintf(inputs_path, sizeof inputs_path, "%.*s.json", (int)(strlen(path) - 4), path);
    e = read_code(path, &code, &code_bytes, why);
    if (e == OK) e = read_inputs(inputs_path, &inputs, why);
    if (e == OK) e = trader_source_new(key, path, code, code_bytes, inputs, out, why);
    free(code);
    free(inputs);
    return e;
}

/* What a variant says, checked. Texts are borrowed from `value`. */
typedef struct variant {
    const char *use, *id, *name;
    json_t *inputs; /* borrowed; NULL: none */
} variant;

static err read_variant(const char *path, const json_t *value, variant *v, diag *why) {
    const char *field;
    json_t *item;
    if (!json_is_object(value)) return diag_set(why, ERR_INVALID, "%s: not a JSON object", path);
    json_object_foreach((json_t *)value, field, item) {
        const char **text = strcmp(field, "use") == 0    ? &v->use
                            : strcmp(field, "id") == 0   ? &v->id
                            : strcmp(field, "name") == 0 ? &v->name
                                                         : NULL;
        if (text && json_is_string(item) && *json_string_value(item))
            *text = json_string_value(item);
        else if (strcmp(field, "inputs") == 0 && json_is_object(item))
            v->inputs = item;
        else
            return diag_set(why, ERR_INVALID, "%s: field \"%s\"; expected use, id, name (texts), inputs (an object)",
                            path, field);
    }
    if (v->use && !strchr(v->use, '/')) return OK;
    return diag_set(why, ERR_INVALID, "%s: found no \"use\"; expected the name of a script in the same folder", path);
}

static err make_variant(const char *path, const char *key, const variant *v, trader_source **out, diag *why) {
    const char *slash = strrchr(path, '/');
    char script[TRADER_CHUNK_MAX], *code = NULL, *inputs = v->inputs ? json_dumps(v->inputs, JSON_COMPACT) : NULL;
    size_t bytes = 0;
    err e;
    if (snprintf(script, sizeof script, "%.*s%s.lua", slash ? (int)(slash + 1 - path) : 0, path, v->use) >=
        (int)sizeof script)
        e = diag_set(why, ERR_TOO_BIG, "%s: path too long", path);
    else
        e = read_code(script, &code, &bytes, why);
    if (e != OK) diag_wrap(why, e, "%s", path);
    if (e == OK) e = trader_source_new(v->id ? v->id : key, script, code, bytes, inputs, out, why);
    if (e == OK) {
        (*out)->is_variant = true;
        if (v->name) snprintf((*out)->name, sizeof(*out)->name, "%s", v->name);
    }
    free(inputs);
    free(code);
    return e;
}

static err read_variant_file(const char *path, const char *key, trader_source **out, diag *why) {
    char *text = NULL;
    size_t bytes = 0;
    json_error_t problem;
    json_t *value = NULL;
    variant v = {0};
    err e = read_file(path, &text, &bytes, why);
    if (e == OK && !(value = load_json(text, bytes, &problem)))
        e = diag_set(why, ERR_SYNTAX, "%s:%d: %s; expected {\"use\": ..., \"inputs\": {...}}", path, problem.line,
                     problem.text);
    if (e == OK) e = read_variant(path, value, &v, why);
    if (e == OK) e = make_variant(path, key, &v, out, why);
    json_decref(value);
    free(text);
    return e;
}

err trader_source_read(const char *path, trader_source **out, diag *why) {
    char key[TRADER_CHUNK_MAX];
    const char *slash = strrchr(path, '/');
    size_t n = (size_t)snprintf(key, sizeof key, "%s", slash ? slash + 1 : path);
    const char *end = n < sizeof key ? strrchr(key, '.') : NULL;
    bool is_script = end && strcmp(end, ".lua") == 0, is_json = end && strcmp(end, ".json") == 0;
    if ((!is_script && !is_json) || end == key)
        return diag_set(why, ERR_INVALID, "%s: expected a file name that ends in .lua or .json", path);
    if (strlen(path) + 2 > TRADER_CHUNK_MAX) return diag_set(why, ERR_TOO_BIG, "%s: path too long", path);
    key[end - key] = 0;
    err e = is_script ? read_script(path, key, out, why) : read_variant_file(path, key, out, why);
    if (e == OK) snprintf((*out)->file, sizeof(*out)->file, "%s", path);
    return e;
}

err trader_source_set_input(trader_source *source, const char *text, diag *why) {
    const char *equals = strchr(text, '=');
    json_t *inputs = NULL, *value = NULL;
    char name[64], *canonical_text = NULL;
    err e = OK;
    if (!equals || equals == text || equals - text >= (int)sizeof name)
        return diag_set(why, ERR_INVALID, "input \"%s\"; expected NAME=VALUE", text);
    snprintf(name, sizeof name, "%.*s", (int)(equals - text), text);
    inputs = json_loads(source->inputs, 0, NULL);
    value = json_loads(equals + 1, JSON_DECODE_ANY, NULL);
    if (!value) value = json_string(equals + 1);
    if (!inputs || !value || json_object_set(inputs, name, value) != 0)
        e = diag_set(why, ERR_INVALID, "input \"%s\": not a text in UTF-8", name);
    if (e == OK && !(canonical_text = json_dumps(inputs, JSON_COMPACT | JSON_SORT_KEYS)))
        e = diag_set(why, ERR_NO_MEMORY, "out of memory");
    if (e == OK && canonical_text) {
        free(source->inputs);
        source->inputs = canonical_text;
        e = hash_revision(source);
    }
    json_decref(value);
    json_decref(inputs);
    return e;
}

err trader_source_copy(const trader_source *source, trader_source **out) {
    trader_source *s = malloc(sizeof *s);
    if (!s) return ERR_NO_MEMORY;
    *s = *source;
    s->code = malloc(source->code_bytes + 1);
    s->inputs = strdup(source->inputs);
    if (!s->code || !s->inputs) {
        trader_source_free(s);
        return ERR_NO_MEMORY;
    }
    memcpy(s->code, source->code, source->code_bytes + 1);
    *out = s;
    return OK;
}

void trader_source_free(trader_source *s) {
    if (!s) return;
    free(s->code);
    free(s->inputs);
    free(s);
}

void trader_id_of(const char *key, char id[TRADER_ID_MAX]) {
    if (uuid_is_valid(key)) {
        memcpy(id, key, TRADER_ID_MAX);
        return;
    }
    char named[sizeof "file:" + TRADER_KEY_MAX];
    snprintf(named, sizeof named, "file:%s", key);
    (void)uuid5(TRADER_NAMESPACE, named, strlen(named), id);
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
    free(spec->notify);
    free_list(spec->references);
    free(spec->needs);
    free(spec);
}

static bool holds(char *const *list, const char *name) {
    for (; *list; list++)
        if (strcmp(*list, name) == 0) return true;
    return false;
}

bool trader_spec_names(const trader_spec *spec, const char *symbol) {
    return spec->include && holds(spec->include, symbol);
}

int32_t trader_spec_reference(const trader_spec *spec, const char *symbol) {
    for (int32_t k = 0; k < spec->n_references; k++)
        if (strcmp(spec->references[k], symbol) == 0) return k;
    return -1;
}

bool trader_spec_wants(const trader_spec *spec, const char *symbol, const char *quote) {
    if (spec->include && spec->include[0] && !holds(spec->include, symbol)) return false;
    if (spec->exclude && holds(spec->exclude, symbol)) return false;
    return !spec->quote || strcmp(spec->quote, quote) == 0;
}
