/* The limits are where a person would want to know: a minute's data is late, the disk is nearly full, memory is nearly gone. What a
 * restart cures is failed: a disk that does not take what is written is tried anew by a fresh process, and a thread that has hung is
 * gone. An outage of anybody else is never more than degraded. */
#include "serve/health_rules.h"
#include <math.h>
#include <string.h>

#define FACT(name) offsetof(health_facts, name)
#define NEVER INFINITY

/* clang-format off */
const health_rule HEALTH_RULES[] = {
    {"storage", "the database does not take what is written", "", FACT(storage_failing), 1, 1, true},
    {"storage", "what was written has waited for its commit", "s", FACT(storage_wait_s), 10, 60, true},
    {"storage", "the disk has less room than OUTBOX_RESERVE_MB by", "MB", FACT(disk_short_mb), 1e-6, NEVER, true},
    {"workers", "a worker could not go on", "", FACT(workers_failed), 1, 1, true},
    {"workers", "a worker has had work and shown no sign of life for", "s", FACT(worker_stuck_s), 10, 60, true},
    {"loop", "the I/O thread was late by", "s", FACT(loop_lag_s), 1, NEVER, false},
    {"memory", "of the memory there is in use", "%", FACT(memory_percent), 90, NEVER, false},
    {"stream", "a connection to the exchange is missing", "", FACT(stream_down), 1, NEVER, false},
    {"stream", "a connection to the exchange has been silent for", "s", FACT(stream_age_s), 45, NEVER, false},
    {"history", "the exchange's REST does not answer", "", FACT(history_failing), 1, NEVER, false},
    {"traders", "traders are stopped:", "", FACT(traders_stopped), 1, NEVER, false},
    {"errors", "errors in the last minute:", "", FACT(errors_per_minute), 60, NEVER, false},
    {"screening", "closed bars wait for their evaluation", "s", FACT(lag_s), 5, NEVER, false},
    {"analysis", "the models do not serve", "", FACT(analysis_down), 1, NEVER, false},
    {"notify", "a service of notifications does not take them", "", FACT(notify_down), 1, NEVER, false},
    {"cloud", "Supabase does not take what is written", "", FACT(cloud_down), 1, NEVER, false},
    {"supabase", "the traders of Supabase cannot be read", "", FACT(supabase_down), 1, NEVER, false},
};
/* clang-format on */

const size_t N_HEALTH_RULES = sizeof HEALTH_RULES / sizeof *HEALTH_RULES;

void health_facts_init(health_facts *f) {
    double *fact = (double *)f;
    for (size_t i = 0; i < sizeof *f / sizeof *fact; i++) fact[i] = NAN;
}

double health_rule_value(const health_rule *rule, const health_facts *f) {
    double value;
    memcpy(&value, (const char *)f + rule->fact, sizeof value);
    return value;
}

health_state health_rule_judge(const health_rule *rule, const health_facts *f) {
    double value = health_rule_value(rule, f);
    if (value >= rule->failed) return HEALTH_FAILED;
    return value >= rule->degraded ? HEALTH_DEGRADED : HEALTH_OK;
}

static health_component *find(health_component *list, size_t n, const char *name) {
    for (size_t i = 0; i < n; i++)
        if (strcmp(list[i].name, name) == 0) return &list[i];
    return NULL;
}

size_t health_rules_judge(const health_facts *f, health_component *out) {
    size_t n = 0;
    for (size_t i = 0; i < N_HEALTH_RULES; i++) {
        const health_rule *rule = &HEALTH_RULES[i];
        health_state state = health_rule_judge(rule, f);
        health_component *known = find(out, n, rule->component);
        if (isnan(health_rule_value(rule, f))) continue;
        if (!known)
            out[n++] = (health_component){rule->component, state, rule->is_vital};
        else if (state > known->state)
            known->state = state;
    }
    return n;
}

void health_rules_write(const health_facts *f, json_writer *w) {
    json_write_array(w);
    for (size_t i = 0; i < N_HEALTH_RULES; i++) {
        const health_rule *rule = &HEALTH_RULES[i];
        health_state state = health_rule_judge(rule, f);
        if (state == HEALTH_OK) continue;
        json_write_object(w);
        json_put_text(w, "component", rule->component);
        json_put_text(w, "state", health_state_name(state));
        json_put_text(w, "what", rule->what);
        json_put_number(w, "value", health_rule_value(rule, f));
        json_put_number(w, "limit", state == HEALTH_FAILED ? rule->failed : rule->degraded);
        json_put_text(w, "unit", rule->unit);
        json_write_object_end(w);
    }
    json_write_array_end(w);
}
