/* See trader_overrides.h. */
#include "script/trader_overrides.h"
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct trader_overrides {
    json_t *root; /* key -> {enabled, inputs}; never with an empty member */
};

err trader_overrides_new(const char *json, trader_overrides **out, diag *why) {
    trader_overrides *o = calloc(1, sizeof *o);
    json_error_t problem = {.text = "no JSON object"};
    if (!o) return diag_set(why, ERR_NO_MEMORY, "out of memory");
    o->root = json && *json ? json_loads(json, JSON_REJECT_DUPLICATES, &problem) : json_object();
    if (!json_is_object(o->root)) {
        trader_overrides_free(o);
        return diag_set(why, ERR_SYNTAX, "changes of traders: %s", problem.text);
    }
    *out = o;
    return OK;
}

void trader_overrides_free(trader_overrides *o) {
    if (!o) return;
    json_decref(o->root);
    free(o);
}

char *trader_overrides_text(const trader_overrides *o) { return json_dumps(o->root, JSON_COMPACT | JSON_SORT_KEYS); }

/* ---- checks ---- */

static const json_t *declaration(const json_t *declared, const char *name) {
    size_t i;
    json_t *item;
    json_array_foreach(declared, i, item) {
        const char *its = json_string_value(json_object_get(item, "name"));
        if (its && strcmp(its, name) == 0) return item;
    }
    return NULL;
}

/* What the loader would say of it as well, only later: choices of texts are left to it. */
static err check_value(const json_t *declared, const char *name, const json_t *value, diag *why) {
    const char *type = json_string_value(json_object_get(declared, "type"));
    const json_t *min = json_object_get(declared, "min"), *max = json_object_get(declared, "max");
    double number = json_number_value(value);
    bool is_whole = json_is_integer(value) || (json_is_real(value) && number == floor(number));
    if (json_is_null(value) || !type) return OK;
    if (strcmp(type, "bool") == 0)
        return json_is_boolean(value) ? OK : diag_set(why, ERR_INVALID, "input \"%s\": expected true or false", name);
    if (strcmp(type, "int") != 0 && strcmp(type, "float") != 0)
        return json_is_string(value) ? OK : diag_set(why, ERR_INVALID, "input \"%s\": expected a text", name);
    if (!json_is_number(value) || (strcmp(type, "int") == 0 && !is_whole))
        return diag_set(why, ERR_INVALID, "input \"%s\": expected a %snumber", name,
                        strcmp(type, "int") == 0 ? "whole " : "");
    if (json_is_number(min) && number < json_number_value(min))
        return diag_set(why, ERR_INVALID, "input \"%s\" is %g; expected at least %g", name, number,
                        json_number_value(min));
    if (json_is_number(max) && number > json_number_value(max))
        return diag_set(why, ERR_INVALID, "input \"%s\" is %g; expected at most %g", name, number,
                        json_number_value(max));
    return OK;
}

err trader_overrides_check(const trader_spec *spec, const char *change, diag *why) {
    json_t *root = json_loads(change, 0, NULL), *declared = json_loads(spec->inputs, 0, NULL), *value;
    const char *name;
    err e = OK;
    json_object_foreach(json_object_get(root, "inputs"), name, value) {
        const json_t *its = declaration(declared, name);
        if (e != OK) break;
        /* one that was there before an edit of the script can still be taken away */
        if (!its && !json_is_null(value))
            e = diag_set(why, ERR_INVALID, "trader \"%s\" has no input \"%.64s\"", spec->key, name);
        else if (its)
            e = check_value(its, name, value, why);
    }
    json_decref(root);
    json_decref(declared);
    return e;
}

/* ---- changes ---- */

/* Members of `from` into `to`; null takes one away. */
static int put_members(json_t *to, json_t *from) {
    const char *name;
    json_t *value;
    int failed = 0;
    json_object_foreach(from, name, value) {
        if (json_is_null(value))
            (void)json_object_del(to, name); /* it need not be there */
        else
            failed |= json_object_set(to, name, value);
    }
    return failed;
}

/* What the trader has from now on: a new object, NULL when it would be empty. */
static err merged(const json_t *before, json_t *change, json_t **out) {
    json_t *one = before ? json_deep_copy(before) : json_object(), *inputs = json_object_get(one, "inputs"),
           *enabled = json_object_get(change, "enabled");
    int failed = !one;
    if (!failed && !inputs) failed = json_object_set_new(one, "inputs", inputs = json_object());
    if (!failed) failed = put_members(inputs, json_object_get(change, "inputs"));
    if (!failed && json_object_size(inputs) == 0) failed = json_object_del(one, "inputs");
    if (!failed && json_is_boolean(enabled)) failed = json_object_set(one, "enabled", enabled);
    if (!failed && json_is_null(enabled)) (void)json_object_del(one, "enabled");
    *out = one;
    if (!failed && json_object_size(one) > 0) return OK;
    json_decref(one);
    *out = NULL;
    return failed ? ERR_NO_MEMORY : OK;
}

/* Takes `one` over; NULL: nothing is said of that trader any more. */
static err put(json_t *root, const char *key, json_t *one) {
    if (one) return json_object_set_new(root, key, one) == 0 ? OK : ERR_NO_MEMORY;
    (void)json_object_del(root, key);
    return OK;
}

err trader_overrides_merge(trader_overrides *o, const char *key, const char *change, diag *why) {
    json_t *root = json_loads(change, 0, NULL), *one = NULL, *next = json_copy(o->root);
    err e = root && next ? merged(json_object_get(o->root, key), root, &one) : ERR_NO_MEMORY;
    json_decref(root);
    if (e == OK) e = put(next, key, one);
    if (e == OK && json_dumpb(next, NULL, 0, JSON_COMPACT) >= TRADER_OVERRIDES_BYTES) e = ERR_TOO_BIG;
    if (e == OK) {
        json_t *before = o->root;
        o->root = next;
        next = before;
    }
    json_decref(next);
    return e == OK ? OK : diag_set(why, e, "changes of traders: %s", error_text(e));
}

err trader_overrides_lay(trader_overrides *to, const trader_overrides *from, diag *why) {
    const char *key;
    json_t *one;
    err e = OK;
    json_object_foreach(from->root, key, one) {
        char *change = e == OK ? json_dumps(one, JSON_COMPACT) : NULL;
        if (e == OK)
            e = change ? trader_overrides_merge(to, key, change, why) : diag_set(why, ERR_NO_MEMORY, "out of memory");
        free(change);
    }
    return e;
}

err trader_overrides_apply(const trader_overrides *o, trader_source *source, diag *why) {
    const json_t *one = json_object_get(o->root, source->key), *enabled = json_object_get(one, "enabled");
    const char *name;
    json_t *value;
    err e = OK;
    if (json_is_boolean(enabled)) source->enabled = json_is_true(enabled);
    json_object_foreach(json_object_get(one, "inputs"), name, value) {
        char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT), line[TRADER_OVERRIDE_LINE_BYTES];
        if (e == OK && (!text || snprintf(line, sizeof line, "%s=%s", name, text) >= (int)sizeof line))
            e = diag_set(why, ERR_TOO_BIG, "%s: input \"%.64s\": too long", source->chunk, name);
        if (e == OK) e = trader_source_set_input(source, line, why);
        free(text);
    }
    return e;
}

bool trader_overrides_has(const trader_overrides *o, const char *key) { return json_object_get(o->root, key); }

bool trader_overrides_equal(const trader_overrides *a, const trader_overrides *b, const char *key) {
    const json_t *one = key ? json_object_get(a->root, key) : a->root,
                 *other = key ? json_object_get(b->root, key) : b->root;
    return one == other || (one && other && json_equal(one, other));
}

err trader_overrides_copy(trader_overrides *to, const trader_overrides *from, const char *key) {
    const json_t *one = key ? json_object_get(from->root, key) : from->root;
    json_t *copy = one ? json_deep_copy(one) : NULL;
    if (one && !copy) return ERR_NO_MEMORY;
    if (key) return put(to->root, key, copy);
    json_decref(to->root);
    to->root = copy;
    return OK;
}
