/* What to ask next so that a part of the history becomes whole: the dump of its month, the dump of a day, or a page of
 * REST.
 *
 * A dump is one request for up to a month and costs no weight, so it comes first where it saves pages: a month that is
 * over and of which more than three pages are missing, a day of which more than one is. What dumps lack, or where there
 * are none (the month runs, the file is late), REST is asked; its word about holes is the last.
 * Pure: the time is an argument. Threads: any. Ownership: plain data. */
#pragma once
#include "market/history_part.h"

typedef enum history_origin { HISTORY_AUTO, HISTORY_REST, HISTORY_DUMPS } history_origin;

typedef struct history_plan {
    history_origin origin;
    bool is_month_tried, is_month_missing;
    uint32_t days_tried; /* bit n: the day n days after the start of the part */
} history_plan;

typedef enum history_step_kind {
    HISTORY_STEP_DONE,  /* nothing is missing */
    HISTORY_STEP_MONTH, /* the month's dump */
    HISTORY_STEP_DAY,   /* a day's dump */
    HISTORY_STEP_REST,  /* bars that open in [from_ms, to_ms) */
    HISTORY_STEP_LEFT   /* something is missing, and there is nobody left to ask */
} history_step_kind;

typedef struct history_step {
    history_step_kind kind;
    int64_t from_ms, to_ms;
} history_step;

/* `missing`: of the part, as asked for; `now_ms`: the exchange's time; `page_bars`: most bars of a page of REST. */
history_step history_plan_next(const history_plan *plan, const history_part *part, const span_list *missing,
                               int64_t now_ms, int page_bars);
/* The step's dump has been read or given up (`is_there` false: there is none): it will not be asked for again. */
void history_plan_note(history_plan *plan, const history_part *part, const history_step *step, bool is_there);
