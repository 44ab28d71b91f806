/* See trader_said.h. */
#include "script/trader_said.h"
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

struct trader_said {
    json_t *list;
};

err trader_said_new(const char *json, trader_said **out) {
    trader_said *s = calloc(1, sizeof *s);
    if (!s) return ERR_NO_MEMORY;
    s->list = json_loads(json, JSON_REJECT_DUPLICATES, NULL);
    if (json_is_array(s->list)) {
        *out = s;
        return OK;
    }
    trader_said_free(s);
    return ERR_SYNTAX;
}

void trader_said_free(trader_said *s) {
    if (!s) return;
    json_decref(s->list);
    free(s);
}

size_t trader_said_count(const trader_said *s) { return json_array_size(s->list); }

const char *trader_said_id(const trader_said *s, size_t i) {
    return json_string_value(json_object_get(json_array_get(s->list, i), "id"));
}

static bool is_value(const json_t *v) {
    return json_is_number(v) || json_is_string(v) || json_is_boolean(v) || json_is_null(v);
}

const char *trader_said_fault(const trader_said *s, size_t i) {
    const json_t *item = json_array_get(s->list, i);
    const json_t *enabled = json_object_get(item, "enabled");
    json_t *inputs = json_object_get(item, "inputs"), *value;
    const char *name;
    if (!json_is_string(json_object_get(item, "id"))) return "expected an object with an id";
    if (enabled && !json_is_boolean(enabled) && !json_is_null(enabled)) return "enabled: expected true or false";
    if (inputs && !json_is_object(inputs) && !json_is_null(inputs)) return "inputs: expected an object";
    json_object_foreach(inputs, name, value) {
        if (!is_value(value)) return "inputs: expected numbers, texts, true, false or null";
    }
    return NULL;
}

/* What the input is now; NULL: there is none of that name. */
static const json_t *present_value(const json_t *declared, const char *name) {
    size_t i;
    json_t *one;
    json_array_foreach(declared, i, one) {
        const char *its = json_string_value(json_object_get(one, "name"));
        if (its && strcmp(its, name) == 0) return json_object_get(one, "value");
    }
    return NULL;
}

static bool is_same(const json_t *a, const json_t *b) {
    if (json_is_number(a) && json_is_number(b)) return json_number_value(a) == json_number_value(b);
    return a && json_equal(a, b);
}

static int put_inputs(json_t *change, json_t *inputs, const trader_spec *spec) {
    json_t *declared = spec ? json_loads(spec->inputs, 0, NULL) : NULL, *to = json_object(), *value;
    const char *name;
    int failed = !to;
    json_object_foreach(inputs, name, value) {
        if (!is_same(present_value(declared, name), value)) failed |= json_object_set(to, name, value);
    }
    if (!failed && json_object_size(to)) failed = json_object_set(change, "inputs", to);
    json_decref(to);
    json_decref(declared);
    return failed;
}

char *trader_said_change(const trader_said *s, size_t i, const trader_spec *spec) {
    const json_t *item = json_array_get(s->list, i);
    json_t *change = json_object(), *enabled = json_object_get(item, "enabled");
    bool is_news = json_is_boolean(enabled) && (!spec || json_is_true(enabled) != spec->is_enabled);
    int failed = !change;
    if (!failed && is_news) failed = json_object_set(change, "enabled", enabled);
    if (!failed) failed = put_inputs(change, json_object_get(item, "inputs"), spec);
    char *text = failed ? NULL : json_object_size(change) ? json_dumps(change, JSON_COMPACT) : strdup("");
    json_decref(change);
    return text;
}
