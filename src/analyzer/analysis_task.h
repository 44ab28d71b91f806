/* An analysis at work: its row, what the model is asked, the market that the answer is checked against, and its place in the
 * queue. Pure. Threads: one. Ownership: analysis_task_free. */
#pragma once
#include "analyzer/analysis_queue.h"
#include "analyzer/provider.h"
#include "analyzer/verdict.h"
#include "screener/analysis.h"

typedef struct analysis_task analysis_task;
struct analysis_task {
    analysis_job job; /* its payload is the task */
    analysis_row row;
    struct json_t *prompt;
    scene scene;
    char *previous, *complaint; /* of the answer before, when it is asked again; NULL: the first time */
    bool is_withdrawn;          /* nobody wants it any more */
    void *owner;                /* for the analyzer, as the next three */
    uint64_t http_id;
    int64_t sent_ms; /* monotonic */
    analysis_task *next;
};

/* How models are asked. */
typedef struct analysis_manner {
    const provider *providers; /* in the order of preference */
    int32_t n_providers;
    double temperature; /* NaN: the model's own */
    const char *thinking;
    int64_t max_output_tokens;
    const char *const *prices; /* texts of AI_PRICES */
    size_t n_prices;
    bool needs_prices; /* there is a budget in dollars: what has no price is not asked */
} analysis_manner;

/* Copies the row. ERR_INVALID: its prompt is not of the form; ERR_NO_MEMORY. */
MUST_CHECK err analysis_task_new(const analysis_row *row, analysis_task **out);
void analysis_task_free(analysis_task *t);

/* The question to a provider; texts are borrowed from the task and `m`. */
void analysis_task_question(const analysis_task *t, const analysis_manner *m, int32_t which, question *out);
/* Fills in what it may take at the most. False: no provider may be asked, since no price is known. */
bool analysis_task_price(analysis_task *t, const analysis_manner *m, int64_t market_ms);
/* What the request to the job's provider has cost; NaN: not known, since nothing came. Adds tokens and cost to the row. */
double analysis_task_charge(analysis_task *t, const analysis_manner *m, const reply *r, bool has_answer,
                            int64_t market_ms);

/* The row as it stands if nothing is heard of the request that has just been sent; its texts are the task's. */
analysis_row analysis_task_asked(const analysis_task *t);
/* Reads and checks the answer into the row: ANALYSIS_DONE. ERR_SYNTAX, ERR_INVALID, ERR_TOO_BIG: it is not of the form, `why` says
 * what is wrong; ERR_NO_MEMORY. */
MUST_CHECK err analysis_task_answer(analysis_task *t, const char *text, diag *why);
/* Makes the next question one for a better answer. ERR_NO_MEMORY. */
MUST_CHECK err analysis_task_complain(analysis_task *t, const char *text, const char *what);
/* The row ends without a verdict. */
void analysis_task_end(analysis_task *t, analysis_status status, const char *why);
