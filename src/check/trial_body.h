/* The inside of a trial, shared by trial.c, repeat.c and inspect.c and by nobody else. */
#pragma once
#include "check/sample.h"
#include "check/trial.h"

enum { ERRORS_MOST = 16 };

/* What a trader says at a bar. */
typedef struct answer {
    int outcome; /* script_outcome; -1: an error */
    int32_t side, n_targets;
    double score, stop, target[SCRIPT_TARGETS], rank_score; /* rank_score: of rank.by; NaN without */
    char *conditions, *plots;                               /* JSON, when they were asked for */
} answer;

typedef struct trial {
    const trial_options *options;
    const trader_source *source;
    const char *watched;
    trader_spec *spec;
    sample_order order;
    probe probe;
    diag *why;
    char *errors[ERRORS_MOST];
    int n_errors;
    int64_t *costs_ns;
    int32_t n_costs, n_matches;
    bool is_over;                                /* the script was stopped: nothing more can be run */
    char *sites, *kept;                          /* JSON lists; NULL: none */
    char *nan_fact, *future_fact, *history_fact; /* JSON objects; NULL: nothing to say */
    bool is_recorded;                            /* some of the bars were */
    bool is_slow;                                /* so that what takes thousands of evaluations is left out */
} trial;

/* An error of the script is a fact; one that has killed the state ends the trial. False: go no further. */
bool trial_go_on(trial *t, err e);
/* The trader, from `source`, in a fresh state. `question` (may be NULL) is put to the tools before. False: it cannot be
 * had. */
bool trial_load(trial *t, const trader_source *source, const char *question);
/* NULL when there is no memory. `id`: of the symbol. */
probe_market *trial_market(trial *t, const sample *s, uint32_t id, const probe_cut *cut);
/* The view of a bar; false where the daemon would not evaluate. */
bool trial_look(const trial *t, probe_market *m, int32_t index, script_view *view);
/* `whole`: conditions and plots, too. False when nothing more can be run. */
bool trial_evaluate(trial *t, const script_view *view, bool whole, answer *out);
void answer_deinit(answer *a);
