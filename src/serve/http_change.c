#include "serve/http_change.h"
#include "screener/worker.h"
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum { LOOK_BARS_DEFAULT = 100 };

/* NULL and a sentence when it is no JSON object. `expected` is its form. */
static json_t *read_object(const char *body, size_t bytes, const char *expected, diag *why) {
    json_error_t where;
    json_t *root = json_loadb(body, bytes, JSON_REJECT_DUPLICATES, &where);
    if (json_is_object(root)) return root;
    if (root)
        diag_set(why, ERR_INVALID, "expected %s", expected);
    else
        diag_set(why, ERR_INVALID, "the body is no JSON (line %d, column %d); expected %s", where.line, where.column,
                 expected);
    json_decref(root);
    return NULL;
}

err http_change_workers(const char *body, size_t bytes, int32_t *out, diag *why) {
    static const char expected[] = "{\"workers\": N} with a whole number from 1 to 8";
    _Static_assert(WORKERS_MAX == 8, "the sentence says 8");
    json_t *root = read_object(body, bytes, expected, why);
    const json_t *workers = json_object_get(root, "workers");
    json_int_t n = json_integer_value(workers);
    err failed = ERR_INVALID;
    if (!root) return failed;
    if (json_object_size(root) == 1 && json_is_integer(workers) && n >= 1 && n <= WORKERS_MAX) {
        *out = (int32_t)n;
        failed = OK;
    } else {
        diag_set(why, failed, "expected %s", expected);
    }
    json_decref(root);
    return failed;
}

static const char TRADER_FORM[] = "{\"enabled\": true or false, \"inputs\": {\"NAME\": value}}, one of the two or both";

static err check_inputs(json_t *inputs, diag *why) {
    const char *name;
    json_t *value;
    if (!json_is_object(inputs)) return diag_set(why, ERR_INVALID, "expected %s", TRADER_FORM);
    json_object_foreach(inputs, name, value) {
        if (!json_is_number(value) && !json_is_string(value) && !json_is_boolean(value) && !json_is_null(value))
            return diag_set(why, ERR_INVALID,
                            "the value of input \"%.64s\" is expected to be a number, a text, true, false or null",
                            name);
    }
    return OK;
}

static err check_trader(json_t *root, diag *why) {
    json_t *enabled = json_object_get(root, "enabled"), *inputs = json_object_get(root, "inputs");
    size_t n_known = (enabled != NULL) + (inputs != NULL);
    if (n_known == 0 || n_known != json_object_size(root) ||
        (enabled && !json_is_boolean(enabled) && !json_is_null(enabled)))
        return diag_set(why, ERR_INVALID, "expected %s", TRADER_FORM);
    return inputs ? check_inputs(inputs, why) : OK;
}

err http_change_trader(const char *body, size_t bytes, char **json, diag *why) {
    json_t *root = read_object(body, bytes, TRADER_FORM, why);
    err failed = root ? check_trader(root, why) : ERR_INVALID;
    if (!failed && !(*json = json_dumps(root, JSON_COMPACT)))
        failed = diag_set(why, ERR_NO_MEMORY, "%s", error_text(ERR_NO_MEMORY));
    json_decref(root);
    return failed;
}

/* ---- scripts ---- */

typedef struct draft_form {
    const char *members[5]; /* that there may be; the first is always the script */
    const char *text;
} draft_form;

static const draft_form DRAFT_FORMS[] = {
    [HTTP_DRAFT_NEW] = {{"source", "id", "enabled", "inputs"},
                        "{\"source\": TEXT} and perhaps \"id\", \"enabled\" and \"inputs\""},
    [HTTP_DRAFT_EDITED] = {{"source", "version"}, "{\"source\": TEXT, \"version\": the one that was edited}"},
    [HTTP_DRAFT_ALONE] = {{"source"}, "{\"source\": TEXT}"},
    [HTTP_DRAFT_LOOK] = {{"source", "inputs", "symbols", "bars"},
                         "{\"source\": TEXT} and perhaps \"inputs\", \"symbols\" and \"bars\""},
};

static bool is_known(const draft_form *form, const char *name) {
    for (size_t i = 0; i < 5 && form->members[i]; i++)
        if (strcmp(form->members[i], name) == 0) return true;
    return false;
}

/* Of letters, digits, "-" and "_": it becomes the name of a file. */
static bool is_key(const char *id) {
    size_t n = strspn(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_");
    return id[0] && id[n] == 0 && n < TRADER_KEY_BYTES && id[0] != '-' && id[0] != '_';
}

static err take_key(const json_t *id, trader_draft *out, diag *why) {
    static const char *const taken[] = {"errors", "validate", "look"}; /* are paths */
    out->key = "";
    if (!id) return OK;
    if (!json_is_string(id) || !is_key(json_string_value(id)))
        return diag_set(why, ERR_INVALID,
                        "expected as \"id\" 1 to 63 letters, digits, \"-\" and \"_\", a letter or digit first");
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++)
        if (strcmp(json_string_value(id), taken[i]) == 0)
            return diag_set(why, ERR_INVALID, "\"%s\" is a path of its own; expected another id", taken[i]);
    out->key = json_string_value(id);
    return OK;
}

static err take_source(const json_t *source, trader_draft *out, const char *form, diag *why) {
    if (!json_is_string(source) || json_string_length(source) != strlen(json_string_value(source)))
        return diag_set(why, ERR_INVALID, "expected %s", form);
    if (json_string_length(source) > SOURCE_BYTES_MAX)
        return diag_set(why, ERR_TOO_BIG, "a script may have %d bytes", SOURCE_BYTES_MAX);
    out->source = json_string_value(source);
    return OK;
}

static err take_inputs(json_t *inputs, http_draft *out, diag *why) {
    err e = inputs ? check_inputs(inputs, why) : OK;
    if (e != OK || !inputs) return e;
    out->inputs = json_dumps(inputs, JSON_COMPACT);
    out->look.draft.inputs = out->inputs;
    return out->inputs ? OK : diag_set(why, ERR_NO_MEMORY, "%s", error_text(ERR_NO_MEMORY));
}

static err take_symbols(const json_t *symbols, serve_look *out, diag *why) {
    size_t n = json_array_size(symbols);
    if (!symbols) return OK;
    if (!json_is_array(symbols) || n == 0 || n > LOOK_SYMBOLS_MAX)
        return diag_set(why, ERR_INVALID, "expected as \"symbols\" a list of 1 to %d names", LOOK_SYMBOLS_MAX);
    out->symbols = calloc(n, sizeof *out->symbols);
    if (!out->symbols) return diag_set(why, ERR_NO_MEMORY, "%s", error_text(ERR_NO_MEMORY));
    for (; out->n_symbols < n; out->n_symbols++) {
        const char *name = json_string_value(json_array_get(symbols, out->n_symbols));
        if (!name || strlen(name) >= SYMBOL_BYTES)
            return diag_set(why, ERR_INVALID, "expected as \"symbols\" a list of names");
        memcpy(out->symbols[out->n_symbols], name, strlen(name) + 1);
    }
    return OK;
}

static err take_bars(const json_t *bars, serve_look *out, diag *why) {
    json_int_t n = bars ? json_integer_value(bars) : LOOK_BARS_DEFAULT;
    if ((bars && !json_is_integer(bars)) || n < 1 || n > LOOK_BARS_MAX)
        return diag_set(why, ERR_INVALID, "expected as \"bars\" a whole number from 1 to %d", LOOK_BARS_MAX);
    out->n_bars = (int32_t)n;
    return OK;
}

static err take_members(http_draft *out, http_draft_kind kind, diag *why) {
    const draft_form *form = &DRAFT_FORMS[kind];
    const json_t *enabled = json_object_get(out->root, "enabled"), *version = json_object_get(out->root, "version");
    const char *name;
    json_t *value;
    json_object_foreach(out->root, name, value) if (!is_known(form, name)) return diag_set(why, ERR_INVALID,
                                                                                           "expected %s", form->text);
    if ((enabled && !json_is_boolean(enabled)) || (kind == HTTP_DRAFT_EDITED && !json_is_string(version)))
        return diag_set(why, ERR_INVALID, "expected %s", form->text);
    out->look.draft.enabled = enabled ? json_is_true(enabled) : -1;
    out->look.draft.version = json_string_value(version);
    err e = take_source(json_object_get(out->root, "source"), &out->look.draft, form->text, why);
    if (e == OK) e = take_key(json_object_get(out->root, "id"), &out->look.draft, why);
    if (e == OK) e = take_inputs(json_object_get(out->root, "inputs"), out, why);
    if (e == OK) e = take_symbols(json_object_get(out->root, "symbols"), &out->look, why);
    return e == OK ? take_bars(json_object_get(out->root, "bars"), &out->look, why) : e;
}

err http_change_draft(const char *body, size_t bytes, http_draft_kind kind, http_draft *out, diag *why) {
    *out = (http_draft){.root = read_object(body, bytes, DRAFT_FORMS[kind].text, why)};
    err e = out->root ? take_members(out, kind, why) : ERR_INVALID;
    if (e != OK) http_draft_deinit(out);
    return e;
}

void http_draft_deinit(http_draft *draft) {
    json_decref(draft->root);
    free(draft->inputs);
    free(draft->look.symbols);
    *draft = (http_draft){0};
}
