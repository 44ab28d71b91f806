/* Health: each rule of the table below its limit, at it, and at the limit of failure; and what is measured from second to second. */
#include "orchestrator_measure.h"
#include "serve/health_rules.h"
#include "spec/c/tap.h"
#include <jansson.h>
#include <math.h>
#include <string.h>

/* What each row is to say, written down a second time: component, value that is well, that is degraded, that has failed. */
static const struct {
    const char *component;
    double well, degraded, failed;
    bool is_vital;
} rows[] = {
    {"storage", 0, NAN, 1, true},      {"storage", 9.9, 10, 60, true}, {"storage", 0, 0.5, NAN, true},
    {"workers", 0, NAN, 1, true},      {"workers", 9.9, 10, 60, true}, {"loop", 0.9, 1, NAN, false},
    {"memory", 89, 90, NAN, false},    {"stream", 0, 1, NAN, false},   {"stream", 44, 45, NAN, false},
    {"history", 0, 1, NAN, false},     {"traders", 0, 1, NAN, false},  {"errors", 59, 60, NAN, false},
    {"screening", 4.9, 5, NAN, false}, {"analysis", 0, 1, NAN, false}, {"notify", 0, 1, NAN, false},
    {"cloud", 0, 1, NAN, false},       {"supabase", 0, 1, NAN, false},
};

static void set(health_facts *f, const health_rule *rule, double value) {
    memcpy((char *)f + rule->fact, &value, sizeof value);
}

/* Of the whole, with that one fact alone. */
static bool gives(const health_rule *rule, double value, health_state state, health_status status) {
    health_facts f;
    health_component components[HEALTH_MAX_COMPONENTS];
    health_facts_init(&f);
    set(&f, rule, value);
    size_t n = health_rules_judge(&f, components);
    return n == 1 && strcmp(components[0].name, rule->component) == 0 && components[0].state == state &&
           health_judge(components, n) == status;
}

static void test_rules(void) {
    ok(N_HEALTH_RULES == sizeof rows / sizeof *rows, "%zu rules", N_HEALTH_RULES);
    for (size_t i = 0; i < N_HEALTH_RULES; i++) {
        const health_rule *rule = &HEALTH_RULES[i];
        bool is_named = strcmp(rule->component, rows[i].component) == 0 && rule->is_vital == rows[i].is_vital;
        ok(is_named && gives(rule, rows[i].well, HEALTH_OK, STATUS_HEALTHY), "%s: %s %g %s is well", rule->component,
           rule->what, rows[i].well, rule->unit);
        if (!isnan(rows[i].degraded))
            ok(gives(rule, rows[i].degraded, HEALTH_DEGRADED, STATUS_DEGRADED), "%s: %g is degraded", rule->component,
               rows[i].degraded);
        if (!isnan(rows[i].failed))
            ok(gives(rule, rows[i].failed, HEALTH_FAILED, STATUS_UNHEALTHY), "%s: %g has failed", rule->component,
               rows[i].failed);
        else
            ok(gives(rule, 1e12, HEALTH_DEGRADED, STATUS_DEGRADED), "%s: a restart would not cure it", rule->component);
    }
}

static void test_all(void) {
    health_facts f;
    health_component components[HEALTH_MAX_COMPONENTS];
    json_writer w;
    health_facts_init(&f);
    ok(health_rules_judge(&f, components) == 0, "what is not measured is no component");
    f.storage_failing = 0;
    f.storage_wait_s = 20;
    f.disk_short_mb = -100;
    f.stream_down = 1;
    f.stream_age_s = 0;
    size_t n = health_rules_judge(&f, components);
    ok(n == 2 && components[0].state == HEALTH_DEGRADED && components[1].state == HEALTH_DEGRADED,
       "a component is as well as the worst of its rules");
    json_writer_init(&w);
    health_rules_write(&f, &w);
    json_t *list = json_loads(json_writer_text(&w), 0, NULL);
    const json_t *first = json_array_get(list, 0);
    ok(json_array_size(list) == 2 && strcmp(json_string_value(json_object_get(first, "component")), "storage") == 0 &&
           json_number_value(json_object_get(first, "value")) == 20 &&
           json_number_value(json_object_get(first, "limit")) == 10,
       "what is broken is told with its value and its limit");
    json_decref(list);
    json_writer_deinit(&w);
}

static void test_minute(void) {
    static orchestrator_measure m;
    orchestrator_measure_init(&m);
    ok(orchestrator_measure_lag_s(&m) == 0 && orchestrator_measure_errors(&m) == 0, "nothing at first");
    orchestrator_measure_second(&m, 0.5, 3);
    orchestrator_measure_second(&m, 0.1, 10);
    ok(orchestrator_measure_lag_s(&m) == 0.5 && orchestrator_measure_errors(&m) == 7,
       "the longest delay, and the errors since the first second");
    for (int i = 0; i < 58; i++) orchestrator_measure_second(&m, 0, 10);
    ok(orchestrator_measure_lag_s(&m) == 0.5 && orchestrator_measure_errors(&m) == 7, "a minute is remembered");
    orchestrator_measure_second(&m, 0, 12);
    ok(orchestrator_measure_lag_s(&m) == 0.1 && orchestrator_measure_errors(&m) == 2, "and not more");
    ok(m.loop_s.n == 61 && m.loop_s.counts[0] == 59 && fabs(m.loop_s.sum - 0.6) < 1e-12, "the histogram has them all");
}

static void test_signs(void) {
    static orchestrator_measure m;
    worker_sign sign = {0};
    worker_stats stats = {0};
    orchestrator_measure_worker(&sign, &stats, 5, 1000);
    ok(sign.event_ms == 1000 && sign.bar_ms == 1000, "first seen");
    orchestrator_measure_worker(&sign, &stats, 5, 2000);
    ok(sign.event_ms == 1000, "work, and no sign of life");
    atomic_store(&stats.n_events, 1);
    orchestrator_measure_worker(&sign, &stats, 5, 3000);
    ok(sign.event_ms == 3000, "an event is one");
    orchestrator_measure_worker(&sign, &stats, 0, 9000);
    ok(sign.event_ms == 9000 && sign.bar_ms == 1000, "without work none is expected");
    orchestrator_measure_storage(&m, 1, 5, 1000);
    orchestrator_measure_storage(&m, 1, 5, 2000);
    ok(m.commit_ms == 1000, "something waits, and nothing is committed");
    orchestrator_measure_storage(&m, 2, 5, 3000);
    ok(m.commit_ms == 3000, "a commit");
    orchestrator_measure_storage(&m, 2, 0, 60000);
    ok(m.commit_ms == 60000, "an idle storage is not late");
    orchestrator_measure_system(&m, "/");
    ok(m.disk_free_mb >= 0 && m.memory_bytes > 1e5 && m.memory_percent > 0 && m.memory_percent < 100 && m.cpu_s >= 0,
       "disk, memory and CPU are measured");
    orchestrator_measure_system(&m, "/no such folder");
    ok(m.disk_free_mb >= 0, "a folder that is gone changes nothing");
}

int main(void) {
    test_rules();
    test_all();
    test_minute();
    test_signs();
    return done();
}
