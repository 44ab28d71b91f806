/* See trader_choice.h. */
#include "sync/trader_choice.h"
#include <stdlib.h>
#include <string.h>

int32_t user_tier_quota(user_tier tier) { return tier == TIER_ELITE ? -1 : tier == TIER_PRO ? 10 : 0; }

/* What is decided by the row alone; VERDICT_RUNS for own ones that ask for room. */
static trader_verdict judge(const trader_row *row, user_tier tier) {
    if (!row->is_enabled || (!row->is_built_in && !row->is_in_cloud)) return VERDICT_DISABLED;
    if (row->is_built_in && row->tier > tier) return VERDICT_TIER;
    return trader_row_is_lua(row) ? VERDICT_RUNS : VERDICT_UNSUPPORTED;
}

/* The database writes a time always in the same way, so texts order as times do. */
static int compare_age(const void *a, const void *b) {
    const trader_row *left = *(const trader_row *const *)a, *right = *(const trader_row *const *)b;
    int order = strcmp(left->created_at, right->created_at);
    return order ? order : strcmp(left->id, right->id);
}

err trader_choice_make(const trader_row_list *rows, user_tier tier, trader_verdict *verdicts) {
    int32_t quota = user_tier_quota(tier);
    const trader_row **own = malloc((rows->count + 1) * sizeof *own);
    size_t n_own = 0;
    if (!own) return ERR_NO_MEMORY;
    for (size_t i = 0; i < rows->count; i++) {
        verdicts[i] = judge(&rows->items[i], tier);
        if (verdicts[i] == VERDICT_RUNS && !rows->items[i].is_built_in) own[n_own++] = &rows->items[i];
    }
    qsort(own, n_own, sizeof *own, compare_age);
    for (size_t i = 0; quota >= 0 && i < n_own; i++)
        if (i >= (size_t)quota) verdicts[own[i] - rows->items] = VERDICT_QUOTA;
    free(own);
    return OK;
}
