/* The inside of a study, shared by study.c, study_look.c and study_draw.c and by nobody else. */
#pragma once
#include "check/study_look.h"

typedef struct study_match {
    char symbol[SYMBOL_BYTES];
    int64_t open_ms;
    double price;
    char *conditions; /* JSON list */
    bool fires;
} study_match;

typedef struct study_error {
    char symbol[SYMBOL_BYTES];
    int64_t open_ms;
    char message[sizeof(diag)];
} study_error;

struct study {
    probe probe;
    trader_spec *spec;
    uint32_t n_symbols, n_skipped, n_warming;
    study_match *matches; /* in no order; the newest STUDY_MATCHES_MAX of all */
    size_t n_matches, n_kept, room;
    study_error errors[STUDY_ERRORS_MAX];
    int32_t n_errors;
    int64_t *costs_ns;
    size_t n_costs, costs_room;
    int64_t spent_ns; /* CPU time of all evaluations */
};

/* The market of `at`, and the index of the first of the last `n_bars` bars. ERR_NOT_FOUND: there are no bars. */
MUST_CHECK err study_market(study *s, const study_bars *at, int32_t n_bars, probe_market **out, int32_t *from,
                            diag *why);
