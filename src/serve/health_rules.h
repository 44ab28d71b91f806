/* When a part of the daemon is not well: one table of rules over what was measured. Pure.
 *
 * Every fact is a number; what is not measured, or does not apply, is NaN and breaks no rule. A fact that reaches the limit of a
 * rule makes its component degraded, or failed; a component is as well as the worst of its rules. */
#pragma once
#include "serve/health.h"

typedef struct health_facts {
    double storage_failing;               /* 1: the last commit failed and is being repeated */
    double storage_wait_s;                /* since the last commit, while something waits to be committed; else 0 */
    double disk_free_mb, disk_reserve_mb; /* of DATA_DIR; OUTBOX_RESERVE_MB */
    double disk_short_mb;                 /* what is missing to the reserve; 0 and less: nothing */
    double workers_failed;                /* 1: a worker could not go on */
    double worker_stuck_s;    /* the longest that a worker has had work and shown no sign of life; 0: none has */
    double loop_lag_s;        /* the longest delay of the I/O thread's loop in the last minute */
    double memory_percent;    /* resident memory of the limit: cgroup or machine */
    double stream_down;       /* 1: a connection is missing */
    double stream_age_s;      /* the longest that any connection has heard nothing */
    double history_failing;   /* 1: REST is */
    double traders_stopped;   /* quarantined ones */
    double errors_per_minute; /* of traders and of the database, in the last minute */
    double lag_s;             /* from the last bars' close in the inbox to their pass, the slowest worker */
    double analysis_down, notify_down, cloud_down, supabase_down; /* 1: the service does not serve */
} health_facts;

typedef struct health_rule {
    const char *component, *what; /* what: a sentence about the fact, for people */
    const char *unit;             /* "" for yes or no */
    size_t fact;                  /* offset in health_facts */
    double degraded, failed;      /* at or above; INFINITY: never */
    bool is_vital;                /* of the component: the same in all of its rules */
} health_rule;

extern const health_rule HEALTH_RULES[];
extern const size_t N_HEALTH_RULES;

/* Nothing is measured. */
void health_facts_init(health_facts *f);
double health_rule_value(const health_rule *rule, const health_facts *f);
health_state health_rule_judge(const health_rule *rule, const health_facts *f);
/* The components of which anything is measured, in the order of the table; their number, at most HEALTH_MAX_COMPONENTS. */
size_t health_rules_judge(const health_facts *f, health_component *out);
/* The rules that are broken, a list of {component, state, what, value, limit, unit}. */
void health_rules_write(const health_facts *f, json_writer *w);
