#include "notify/rule.h"
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { DEFAULT_EVENTS = 1 << NOTICE_SIGNAL | 1 << NOTICE_PROVISIONAL | 1 << NOTICE_WITHDRAWN };

static int event_of(const char *name) { return (int)notice_event_parse(name); }
static int service_of(const char *name) { return (int)notice_service_parse(name); }

/* Bits of the names of a list; `otherwise` when it is not there. */
static err read_bits(const json_t *list, int (*place_of)(const char *name), int most, uint32_t otherwise,
                     uint32_t *out) {
    size_t i;
    json_t *item;
    *out = list ? 0 : otherwise;
    if (list && !json_is_array(list)) return ERR_INVALID;
    json_array_foreach((json_t *)list, i, item) {
        int place = json_is_string(item) ? place_of(json_string_value(item)) : most;
        if (place >= most) return ERR_INVALID;
        *out |= 1u << place;
    }
    return OK;
}

static err read_messages(const json_t *messages, notice_rule *rule) {
    const char *event;
    json_t *text;
    json_object_foreach((json_t *)messages, event, text) {
        int place = event_of(event);
        if (place >= N_NOTICE_EVENTS || !json_is_string(text)) return ERR_INVALID;
        rule->messages[place] = strdup(json_string_value(text));
        if (!rule->messages[place]) return ERR_NO_MEMORY;
    }
    return OK;
}

static err read_fields(const json_t *fields, notice_rule *rule) {
    const json_t *score = json_object_get(fields, "min_score"), *most = json_object_get(fields, "max_per_hour");
    err e = read_bits(json_object_get(fields, "to"), service_of, N_NOTICE_SERVICES, rule->services, &rule->services);
    if (e == OK)
        e = read_bits(json_object_get(fields, "events"), event_of, N_NOTICE_EVENTS, rule->events, &rule->events);
    if (json_is_number(score)) rule->min_score = json_number_value(score);
    if (json_is_number(most)) rule->most_in_hour = (int32_t)json_number_value(most);
    return e == OK ? read_messages(json_object_get(fields, "messages"), rule) : e;
}

err notice_rule_read(const char *json, bool is_asked_only, notice_rule *out) {
    json_t *fields = NULL;
    err e = OK;
    *out = (notice_rule){.services = (1u << N_NOTICE_SERVICES) - 1, .events = DEFAULT_EVENTS, .min_score = NAN};
    if (!json) {
        if (is_asked_only) out->events = 0;
        return OK;
    }
    fields = json_loads(json, 0, NULL);
    if (!json_is_object(fields))
        e = ERR_INVALID;
    else if (json_is_true(json_object_get(fields, "off")))
        out->events = 0;
    else
        e = read_fields(fields, out);
    json_decref(fields);
    if (e != OK) notice_rule_deinit(out);
    return e;
}

void notice_rule_silence(notice_rule *rule, bool tells_signals, bool tells_analyses) {
    const uint32_t analyses = 1u << NOTICE_ANALYSIS;
    if (!tells_signals) rule->events &= analyses;
    if (!tells_analyses) rule->events &= ~analyses;
}

void notice_rule_deinit(notice_rule *rule) {
    for (int i = 0; i < N_NOTICE_EVENTS; i++) free(rule->messages[i]);
    *rule = (notice_rule){0};
}

uint32_t notice_rule_services(const notice_rule *rule, const notice *n, uint32_t available) {
    if (!(rule->events >> n->event & 1)) return 0;
    if (!isnan(rule->min_score) && !(n->signal.score >= rule->min_score)) return 0;
    return rule->services & available;
}
