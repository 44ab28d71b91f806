/* Traders whose script does not run, or not in its newest version, and why.
 * Threads: the loop's. Ownership: plain data; `items` is freed with free. */
#pragma once
#include "orchestrator_errors.h"

typedef struct problem {
    char key[TRADER_KEY_MAX], id[TRADER_ID_MAX], revision[TRADER_REVISION_MAX]; /* revision: of the text that fails */
    bool has_last_good;                                                         /* the version before it runs on */
    bool is_held; /* the list under way has the version before it instead */
    diag why;
} problem;

typedef struct problem_list {
    problem *items;
    int32_t count;
} problem_list;

/* The same text failing for the same reason. */
bool orchestrator_problems_has(const problem_list *list, const problem *p);
/* By the key of its source; NULL: none. */
const problem *orchestrator_problems_find(const problem_list *list, const char *key);
/* Takes `next`. What is not there any more is past; what is new is an error of kind load. */
void orchestrator_problems_replace(problem_list *list, problem_list next, orchestrator_errors *errors);
void orchestrator_problems_forget(problem_list *list, const char *key, orchestrator_errors *errors);
/* As a trader's last error. */
void orchestrator_problems_fill(const problem *p, trader_error_row *row);
