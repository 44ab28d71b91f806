/* See orchestrator_owed.h. */
#include "orchestrator_owed.h"
#include "base/log.h"
#include "orchestrator_body.h"
#include "orchestrator_flow.h"
#include "orchestrator_try.h"
#include <stdlib.h>
#include <string.h>

enum { PATIENCE_MS = 600000, FIRST_PAUSE_MS = 1000, LONGEST_PAUSE_MS = 60000, MINUTE_MS = 60000 };

typedef struct owed_look {
    struct owed_look *next;
    orchestrator *o;
    int64_t since_ms, next_ms; /* monotonic: first tried, tried again; 0: not yet */
    int64_t pause_ms;
    analysis_row row;
} owed_look;

static void free_look(owed_look *l) {
    analysis_row_deinit(&l->row);
    free(l);
}

static void append(orchestrator *o, owed_look *l) {
    owed_look **at = &o->owed_looks;
    while (*at) at = &(*at)->next;
    l->next = NULL;
    *at = l;
}

void orchestrator_owed_add(void *context, const analysis_row *row) {
    orchestrator *o = context;
    owed_look *l = calloc(1, sizeof *l);
    if (l && analysis_row_copy(row, &l->row) == OK) {
        l->o = o;
        l->pause_ms = FIRST_PAUSE_MS;
        append(o, l);
        return;
    }
    free(l);
    log_error("analysis", "out of memory: %s on %s is analysed after the next start", row->trader_id, row->symbol);
}

/* Takes a prompt, or says why there is none. */
static void settle(owed_look *l, analysis_status status, char *prompt, const char *why) {
    l->row.status = status;
    l->row.prompt = prompt;
    if (status != ANALYSIS_QUEUED) {
        l->row.error = strdup(why);
        l->row.finished_ms = wall_ms();
    }
    orchestrator_analysis_owed(l->o->analysis, &l->row);
    free_look(l);
}

/* Its bars may still be on their way (404, 409), or the lab or the exchange are busy. */
static void wait_for_more(owed_look *l) {
    l->next_ms = monotonic_ms() + l->pause_ms;
    l->pause_ms = l->pause_ms * 2 < LONGEST_PAUSE_MS ? l->pause_ms * 2 : LONGEST_PAUSE_MS;
    append(l->o, l);
}

static void on_prompt(void *context, int status, const char *why, try_prompt *made) {
    owed_look *l = context;
    orchestrator *o = l->o;
    bool is_over = status == 422 || monotonic_ms() - l->since_ms > PATIENCE_MS;
    o->is_owed_asked = false;
    if (o->is_stopping) {
        free_look(l); /* the next start finds it as this one did */
    } else if (status == 200) {
        settle(l, ANALYSIS_QUEUED, made->prompt, NULL);
        made->prompt = NULL;
    } else if (is_over) {
        settle(l, ANALYSIS_FAILED, NULL, why);
    } else {
        wait_for_more(l);
    }
}

/* Why it is not to be asked any more, and as what it ends; NULL: it is. */
static const char *objection(orchestrator *o, const owed_look *l, const trader **who, analysis_status *as) {
    int64_t now_ms = market_clock_now(&o->clock, monotonic_ms());
    *who = orchestrator_try_find(o, l->row.trader_id);
    *as = ANALYSIS_EXPIRED;
    if (!orchestrator_flow_may_analyse(o)) return "it is analysed in the Supabase project";
    if (now_ms - l->row.close_ms > o->cfg->ai_max_age_min * MINUTE_MS)
        return "its bar was too old when its prompt could be made (AI_MAX_AGE_MIN)";
    *as = ANALYSIS_FAILED;
    if (!*who) return "its trader, which makes the prompt, does not run any more";
    if ((*who)->spec->rank_top > 0)
        return "the run ended before its prompt was made, and its trader ranks all symbols: that moment is gone";
    return NULL;
}

static owed_look *take_due(orchestrator *o) {
    owed_look **at = &o->owed_looks, *l;
    while (*at && (*at)->next_ms > monotonic_ms()) at = &(*at)->next;
    l = *at;
    if (l) *at = l->next;
    return l;
}

void orchestrator_owed_go_on(orchestrator *o) {
    owed_look *l = o->is_owed_asked || !o->has_begun ? NULL : take_due(o);
    const trader *who;
    analysis_status as;
    if (!l) return;
    const char *why = objection(o, l, &who, &as);
    if (why) {
        settle(l, as, NULL, why);
        return;
    }
    if (!l->since_ms) l->since_ms = monotonic_ms();
    o->is_owed_asked = true;
    if (orchestrator_try_prompt(o, who->source, l->row.symbol, l->row.open_ms, on_prompt, l) == OK) return;
    o->is_owed_asked = false;
    wait_for_more(l);
}

void orchestrator_owed_free(orchestrator *o) {
    for (owed_look *l = o->owed_looks, *next; l; l = next) {
        next = l->next;
        free_look(l);
    }
    o->owed_looks = NULL;
}
