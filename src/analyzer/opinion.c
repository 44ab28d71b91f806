/* See opinion.h.
 *
 *   text ──► without its fence ──► jansson (whole, no duplicates) ──► one table of fields per object ──► answer
 *
 * A table names each field, its form and where it goes; what the table does not name is an error, what it names is
 * required. So reader and schema say the same thing, which a spec compares. */
#include "analyzer/opinion.h"
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_SCHEMA "{\"type\":\"string\"}"
#define PRICE_SCHEMA "{\"type\":[\"number\",\"null\"]}"
#define PRICES_SCHEMA "{\"type\":\"array\",\"items\":{\"type\":\"number\"}}"
#define OBJECT_SCHEMA(required, properties) \
    "{\"type\":\"object\",\"additionalProperties\":false,\"required\":[" required "],\"properties\":{" properties "}}"

const char OPINION_SCHEMA[] = OBJECT_SCHEMA(
    "\"decision\",\"side\",\"confidence\",\"reasoning\",\"keyLevels\",\"tradePlan\",\"technicalContext\"",
    "\"decision\":{\"type\":\"string\",\"enum\":[\"enter_trade\",\"bad_setup\",\"wait\"]},"
    "\"side\":{\"type\":\"string\",\"enum\":[\"long\",\"short\",\"none\"]},"
    "\"confidence\":{\"type\":\"number\",\"minimum\":0,\"maximum\":100},"
    "\"reasoning\":" TEXT_SCHEMA ","
    "\"keyLevels\":" OBJECT_SCHEMA(
        "\"entry\",\"stopLoss\",\"takeProfit\",\"support\",\"resistance\"",
        "\"entry\":" PRICE_SCHEMA ",\"stopLoss\":" PRICE_SCHEMA ",\"takeProfit\":" PRICES_SCHEMA
        ",\"support\":" PRICES_SCHEMA
        ",\"resistance\":" PRICES_SCHEMA) ","
                                          "\"tradePlan\":" OBJECT_SCHEMA(
                                              "\"setup\",\"execution\",\"invalidation\",\"riskReward\"",
                                              "\"setup\":" TEXT_SCHEMA ",\"execution\":" TEXT_SCHEMA
                                              ",\"invalidation\":" TEXT_SCHEMA
                                              ",\"riskReward\":" PRICE_SCHEMA) ","
                                                                               "\"technicalContext\":" OBJECT_SCHEMA(
                                                                                   "\"trend\",\"momentum\","
                                                                                   "\"volatility\",\"keyObservations\"",
                                                                                   "\"trend\":" TEXT_SCHEMA
                                                                                   ",\"momentum\":" TEXT_SCHEMA
                                                                                   ",\"volatility\":" TEXT_SCHEMA
                                                                                   ",\"keyObservations\":{\"type\":"
                                                                                   "\"array\",\"items\":" TEXT_SCHEMA
                                                                                   "}"));

/* ---- forms ---- */

typedef enum form {
    FORM_DECISION,
    FORM_SIDE,
    FORM_PERCENT,
    FORM_TEXT,
    FORM_PRICE,  /* > 0, or null */
    FORM_RATIO,  /* >= 0, or null */
    FORM_PRICES, /* a list of prices > 0 */
    FORM_TEXTS,
    FORM_OBJECT
} form;

typedef struct field field;
struct field {
    const char *name;
    form form;
    size_t offset;       /* in `opinion` */
    const field *fields; /* FORM_OBJECT: its own, NULL name at the end */
};

#define AT(member) offsetof(opinion, member)

static const field LEVEL_FIELDS[] = {{"entry", FORM_PRICE, AT(entry), NULL},
                                     {"stopLoss", FORM_PRICE, AT(stop), NULL},
                                     {"takeProfit", FORM_PRICES, AT(targets), NULL},
                                     {"support", FORM_PRICES, AT(support), NULL},
                                     {"resistance", FORM_PRICES, AT(resistance), NULL},
                                     {0}};
static const field PLAN_FIELDS[] = {{"setup", FORM_TEXT, AT(setup), NULL},
                                    {"execution", FORM_TEXT, AT(execution), NULL},
                                    {"invalidation", FORM_TEXT, AT(invalidation), NULL},
                                    {"riskReward", FORM_RATIO, AT(risk_reward), NULL},
                                    {0}};
static const field CONTEXT_FIELDS[] = {{"trend", FORM_TEXT, AT(trend), NULL},
                                       {"momentum", FORM_TEXT, AT(momentum), NULL},
                                       {"volatility", FORM_TEXT, AT(volatility), NULL},
                                       {"keyObservations", FORM_TEXTS, AT(observations), NULL},
                                       {0}};
static const field FIELDS[] = {
    {"decision", FORM_DECISION, AT(decision), NULL},      {"side", FORM_SIDE, AT(side), NULL},
    {"confidence", FORM_PERCENT, AT(confidence), NULL},   {"reasoning", FORM_TEXT, AT(reasoning), NULL},
    {"keyLevels", FORM_OBJECT, 0, LEVEL_FIELDS},          {"tradePlan", FORM_OBJECT, 0, PLAN_FIELDS},
    {"technicalContext", FORM_OBJECT, 0, CONTEXT_FIELDS}, {0}};

static const char *const DECISIONS[] = {"enter_trade", "bad_setup", "wait"};
static const char *const SIDES[] = {"none", "long", "short"};

const char *decision_name(decision d) { return DECISIONS[d]; }

static int index_of(const char *text, const char *const names[3]) {
    for (int i = 0; i < 3; i++)
        if (strcmp(text, names[i]) == 0) return i;
    return -1;
}

/* ---- reading ---- */

static err refuse(const field *f, const json_t *found, const char *expected, diag *why) {
    static const char *const kinds[] = {"an object", "a list", "a text", "a number",
                                        "a number",  "true",   "false",  "null"};
    char shown[48];
    if (json_is_number(found))
        snprintf(shown, sizeof shown, "%.9g", json_number_value(found));
    else if (json_is_string(found) && json_string_length(found) < 32)
        snprintf(shown, sizeof shown, "\"%s\"", json_string_value(found));
    else
        snprintf(shown, sizeof shown, "%s", kinds[json_typeof(found)]);
    return diag_set(why, ERR_INVALID, "%s is %s; expected %s", f->name, shown, expected);
}

static err read_choice(const field *f, const json_t *v, const char *const names[3], int *out, diag *why) {
    char expected[64];
    *out = json_is_string(v) ? index_of(json_string_value(v), names) : -1;
    snprintf(expected, sizeof expected, "one of %s, %s, %s", names[0], names[1], names[2]);
    return *out >= 0 ? OK : refuse(f, v, expected, why);
}

static err read_text(const field *f, const json_t *v, char **out, diag *why) {
    if (!json_is_string(v)) return refuse(f, v, "a text", why);
    if (json_string_length(v) > OPINION_TEXT_BYTES)
        return diag_set(why, ERR_INVALID, "%s has %zu bytes; expected at most %d", f->name, json_string_length(v),
                        OPINION_TEXT_BYTES);
    *out = strdup(json_string_value(v));
    return *out ? OK : diag_set(why, ERR_NO_MEMORY, "out of memory");
}

/* From `low` on, or above it when `is_open`; null gives NaN where it may stand. */
static err read_number(const field *f, const json_t *v, double low, bool is_open, double high, double *out, diag *why) {
    double x = json_number_value(v);
    bool may_be_null = f->form == FORM_PRICE || f->form == FORM_RATIO;
    *out = NAN;
    if (json_is_null(v) && may_be_null) return OK;
    if (json_is_number(v) && isfinite(x) && (is_open ? x > low : x >= low) && x <= high) {
        *out = x;
        return OK;
    }
    if (f->form == FORM_PERCENT) return refuse(f, v, "a number from 0 to 100", why);
    if (f->form == FORM_RATIO) return refuse(f, v, "a number from 0, or null", why);
    return refuse(f, v, may_be_null ? "a price above 0, or null" : "a list of prices above 0", why);
}

static err read_prices(const field *f, const json_t *v, level_list *out, diag *why) {
    if (!json_is_array(v)) return refuse(f, v, "a list of prices above 0", why);
    if (json_array_size(v) > OPINION_LEVELS)
        return diag_set(why, ERR_INVALID, "%s has %zu prices; expected at most %d", f->name, json_array_size(v),
                        OPINION_LEVELS);
    for (size_t i = 0; i < json_array_size(v); i++) {
        err e = read_number(f, json_array_get(v, i), 0, true, HUGE_VAL, &out->at[i], why);
        if (e != OK) return e;
        out->count++;
    }
    return OK;
}

static err read_texts(const field *f, const json_t *v, opinion *a, diag *why) {
    if (!json_is_array(v)) return refuse(f, v, "a list of texts", why);
    if (json_array_size(v) > OPINION_OBSERVATIONS)
        return diag_set(why, ERR_INVALID, "%s has %zu texts; expected at most %d", f->name, json_array_size(v),
                        OPINION_OBSERVATIONS);
    for (size_t i = 0; i < json_array_size(v); i++) {
        err e = read_text(f, json_array_get(v, i), &a->observations[i], why);
        if (e != OK) return e;
        a->n_observations++;
    }
    return OK;
}

static err read_object(const char *name, const json_t *object, const field *fields, opinion *a, diag *why);

static err read_field(const field *f, const json_t *v, opinion *a, diag *why) {
    char *at = (char *)a + f->offset;
    int choice = 0;
    err e;
    switch (f->form) {
    case FORM_DECISION:
        e = read_choice(f, v, DECISIONS, &choice, why);
        if (e == OK) a->decision = (decision)choice;
        return e;
    case FORM_SIDE:
        e = read_choice(f, v, SIDES, &choice, why);
        if (e == OK) a->side = (signal_side)choice;
        return e;
    case FORM_PERCENT: return read_number(f, v, 0, false, 100, (double *)at, why);
    case FORM_RATIO: return read_number(f, v, 0, false, HUGE_VAL, (double *)at, why);
    case FORM_PRICE: return read_number(f, v, 0, true, HUGE_VAL, (double *)at, why);
    case FORM_TEXT: return read_text(f, v, (char **)at, why);
    case FORM_PRICES: return read_prices(f, v, (level_list *)at, why);
    case FORM_TEXTS: return read_texts(f, v, a, why);
    case FORM_OBJECT:
        return json_is_object(v) ? read_object(f->name, v, f->fields, a, why) : refuse(f, v, "an object", why);
    }
    return ERR_INVALID;
}

static err refuse_unknown(const char *name, const json_t *object, const field *fields, diag *why) {
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)object, key, value) {
        const field *f = fields;
        while (f->name && strcmp(f->name, key) != 0) f++;
        if (!f->name) return diag_set(why, ERR_INVALID, "%s has the unknown field \"%.40s\"", name, key);
    }
    return OK;
}

static err read_object(const char *name, const json_t *object, const field *fields, opinion *a, diag *why) {
    for (const field *f = fields; f->name; f++) {
        const json_t *v = json_object_get(object, f->name);
        err e = v ? read_field(f, v, a, why) : diag_set(why, ERR_INVALID, "%s has no field %s", name, f->name);
        if (e != OK) return e;
    }
    return refuse_unknown(name, object, fields, why);
}

static bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

static void trim(const char **text, size_t *bytes) {
    while (*bytes && is_blank(**text)) ++*text, --*bytes;
    while (*bytes && is_blank((*text)[*bytes - 1])) --*bytes;
}

/* Some models wrap what they were asked to give bare: ```json, a line break, the object, ```. */
static void unfence(const char **text, size_t *bytes) {
    const char *line;
    trim(text, bytes);
    if (*bytes < 6 || memcmp(*text, "```", 3) != 0 || memcmp(*text + *bytes - 3, "```", 3) != 0) return;
    line = memchr(*text, '\n', *bytes - 3);
    if (!line) return;
    *bytes -= (size_t)(line + 1 - *text) + 3;
    *text = line + 1;
    trim(text, bytes);
}

err opinion_parse(const char *text, size_t bytes, opinion *out, diag *why) {
    json_error_t problem;
    json_t *object;
    err e;
    *out = (opinion){.confidence = NAN, .entry = NAN, .stop = NAN, .risk_reward = NAN};
    if (bytes > OPINION_MAX_BYTES)
        return diag_set(why, ERR_TOO_BIG, "the answer has %zu bytes; expected at most %d", bytes, OPINION_MAX_BYTES);
    unfence(&text, &bytes);
    object = json_loadb(text, bytes, JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL, &problem);
    if (!object)
        return diag_set(why, ERR_SYNTAX, "the answer is no JSON object: %.160s (line %d)", problem.text, problem.line);
    e = json_is_object(object) ? read_object("the answer", object, FIELDS, out, why)
                               : diag_set(why, ERR_INVALID, "the answer is a list; expected an object");
    json_decref(object);
    if (e != OK) opinion_deinit(out);
    return e;
}

void opinion_deinit(opinion *a) {
    free(a->reasoning);
    free(a->setup);
    free(a->execution);
    free(a->invalidation);
    free(a->trend);
    free(a->momentum);
    free(a->volatility);
    for (int i = 0; i < OPINION_OBSERVATIONS; i++) free(a->observations[i]);
    *a = (opinion){0};
}

/* ---- writing ---- */

static void write_value(json_writer *w, const field *f, const opinion *a);

static void write_object(json_writer *w, const field *fields, const opinion *a) {
    json_write_object(w);
    for (const field *f = fields; f->name; f++) {
        json_write_key(w, f->name);
        write_value(w, f, a);
    }
    json_write_object_end(w);
}

static void write_value(json_writer *w, const field *f, const opinion *a) {
    const char *at = (const char *)a + f->offset;
    switch (f->form) {
    case FORM_DECISION: json_write_text(w, DECISIONS[a->decision]); return;
    case FORM_SIDE: json_write_text(w, SIDES[a->side]); return;
    case FORM_PERCENT:
    case FORM_RATIO:
    case FORM_PRICE: json_write_number(w, *(const double *)at); return;
    case FORM_TEXT: json_write_text(w, *(char *const *)at ? *(char *const *)at : ""); return;
    case FORM_OBJECT: write_object(w, f->fields, a); return;
    case FORM_PRICES: {
        const level_list *list = (const level_list *)at;
        json_write_array(w);
        for (int32_t i = 0; i < list->count; i++) json_write_number(w, list->at[i]);
        json_write_array_end(w);
        return;
    }
    case FORM_TEXTS:
        json_write_array(w);
        for (int32_t i = 0; i < a->n_observations; i++) json_write_text(w, a->observations[i]);
        json_write_array_end(w);
        return;
    }
}

void opinion_write(json_writer *w, const opinion *a) { write_object(w, FIELDS, a); }
void opinion_write_levels(json_writer *w, const opinion *a) { write_object(w, LEVEL_FIELDS, a); }
void opinion_write_plan(json_writer *w, const opinion *a) { write_object(w, PLAN_FIELDS, a); }
void opinion_write_context(json_writer *w, const opinion *a) { write_object(w, CONTEXT_FIELDS, a); }
