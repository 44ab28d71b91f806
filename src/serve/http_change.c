#include "serve/http_change.h"
#include "screener/worker.h"
#include <jansson.h>
#include <string.h>

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
