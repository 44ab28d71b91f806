/* See orchestrator_problems.h. */
#include "orchestrator_problems.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool orchestrator_problems_has(const problem_list *list, const problem *p) {
    for (int32_t i = 0; i < list->count; i++) {
        const problem *q = &list->items[i];
        if (strcmp(q->key, p->key) == 0 && strcmp(q->revision, p->revision) == 0 &&
            strcmp(q->why.text, p->why.text) == 0)
            return true;
    }
    return false;
}

const problem *orchestrator_problems_find(const problem_list *list, const char *key) {
    for (int32_t i = 0; i < list->count; i++)
        if (strcmp(list->items[i].key, key) == 0) return &list->items[i];
    return NULL;
}

void orchestrator_problems_replace(problem_list *list, problem_list next, orchestrator_errors *errors) {
    for (int32_t i = 0; i < list->count; i++)
        if (!orchestrator_problems_has(&next, &list->items[i])) orchestrator_errors_resolve(errors, list->items[i].id);
    for (int32_t i = 0; i < next.count; i++) {
        const problem *p = &next.items[i];
        if (!orchestrator_problems_has(list, p))
            orchestrator_errors_load(errors, p->id, p->key, p->revision, p->why.text);
    }
    free(list->items);
    *list = next;
}

void orchestrator_problems_forget(problem_list *list, const char *key, orchestrator_errors *errors) {
    for (int32_t i = list->count - 1; i >= 0; i--) {
        if (strcmp(list->items[i].key, key) != 0) continue;
        orchestrator_errors_resolve(errors, list->items[i].id);
        list->items[i] = list->items[--list->count];
    }
}

void orchestrator_problems_fill(const problem *p, trader_error_row *row) {
    *row = (trader_error_row){.kind = TRADER_ERROR_LOAD, .line = trader_error_line(p->why.text)};
    snprintf(row->message, sizeof row->message, "%s", p->why.text);
    snprintf(row->revision, sizeof row->revision, "%s", p->revision);
}
