/* See history_plan.h. */
#include "binance/history_plan.h"
#include "binance/dump_name.h"
#include "market/interval.h"

enum { MONTH_PAGES = 3, DAY_PAGES = 1 };
static const int64_t DAY_MS = 86400000;
static const int64_t LATE_MS = 14 * INT64_C(86400000); /* a month's dump comes on the first Monday after it */

static int64_t min_of(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t max_of(int64_t a, int64_t b) { return a > b ? a : b; }

/* Pages of REST for what is missing of [from_ms, to_ms). */
static int64_t count_pages(const history_part *part, const span_list *missing, int64_t from_ms, int64_t to_ms,
                           int page_bars) {
    int64_t pages = 0;
    for (size_t i = span_list_find(missing, from_ms); i < missing->count && missing->items[i].from_ms < to_ms; i++) {
        int64_t bars = interval_count(part->interval, max_of(missing->items[i].from_ms, from_ms),
                                      min_of(missing->items[i].to_ms, to_ms));
        pages += (bars + page_bars - 1) / page_bars;
    }
    return pages;
}

static int day_of(const history_part *part, int64_t ms) { return (int)((ms - part->from_ms) / DAY_MS); }

static bool is_day_tried(const history_plan *plan, const history_part *part, int64_t ms) {
    return plan->days_tried >> day_of(part, ms) & 1;
}

/* Days are for a month that has no dump yet. REST is not kept waiting for those of a month that has had none for two
 * weeks: there will be none. */
static bool may_ask_days(const history_plan *plan, const history_part *part, int64_t now_ms) {
    if (!dump_name_has_days(part->interval)) return false;
    if (part->interval == INTERVAL_1S || now_ms < part->to_ms) return true;
    if (!plan->is_month_tried) return plan->origin == HISTORY_AUTO;
    return plan->is_month_missing && (plan->origin == HISTORY_DUMPS || now_ms < part->to_ms + LATE_MS);
}

/* The first day that is worth its dump. */
static bool find_day(const history_plan *plan, const history_part *part, const span_list *missing, int64_t now_ms,
                     int page_bars, history_step *out) {
    for (size_t i = 0; i < missing->count; i++) {
        int64_t day_ms = interval_floor(INTERVAL_1D, missing->items[i].from_ms);
        for (; day_ms < missing->items[i].to_ms; day_ms += DAY_MS) {
            int64_t end_ms = day_ms + DAY_MS;
            if (end_ms > now_ms || is_day_tried(plan, part, day_ms)) continue;
            if (plan->origin == HISTORY_AUTO && count_pages(part, missing, day_ms, end_ms, page_bars) <= DAY_PAGES)
                continue;
            *out = (history_step){HISTORY_STEP_DAY, day_ms, end_ms};
            return true;
        }
    }
    return false;
}

history_step history_plan_next(const history_plan *plan, const history_part *part, const span_list *missing,
                               int64_t now_ms, int page_bars) {
    history_step step = {.kind = HISTORY_STEP_DONE};
    if (missing->count == 0) return step;
    if (plan->origin != HISTORY_REST) {
        bool is_over = part->to_ms <= now_ms && part->interval != INTERVAL_1S;
        int64_t pages = count_pages(part, missing, part->from_ms, part->to_ms, page_bars);
        if (is_over && !plan->is_month_tried && (plan->origin == HISTORY_DUMPS || pages > MONTH_PAGES))
            return (history_step){HISTORY_STEP_MONTH, part->from_ms, part->to_ms};
        if (may_ask_days(plan, part, now_ms) && find_day(plan, part, missing, now_ms, page_bars, &step)) return step;
    }
    if (plan->origin == HISTORY_DUMPS) return (history_step){.kind = HISTORY_STEP_LEFT};
    return (history_step){HISTORY_STEP_REST, missing->items[0].from_ms, missing->items[0].to_ms};
}

void history_plan_note(history_plan *plan, const history_part *part, const history_step *step, bool is_there) {
    if (step->kind == HISTORY_STEP_MONTH) {
        plan->is_month_tried = true;
        plan->is_month_missing = !is_there;
        if (is_there) plan->days_tried = UINT32_MAX;
    }
    if (step->kind == HISTORY_STEP_DAY) plan->days_tried |= UINT32_C(1) << day_of(part, step->from_ms);
}
