/* See orchestrator_owed.h. */
#include "orchestrator_owed.h"
#include "base/log.h"
#include "orchestrator_body.h"
#include "orchestrator_flow.h"
#include "orchestrator_try.h"
#include <stdlib.h>
#include <string.h>

enum { PATIENCE_MS = 600000 }; /* for the bars of a symbol to come */

typedef struct owed_look {
    struct owed_look *next;
    orchestrator *o;
    int64_t since_ms; /* monotonic */
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
        l->since_ms = monotonic_ms();
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

static void on_prompt(void *context, int status, const char *why, try_prompt *made) {
    owed_look *l = context;
    orchestrator *o = l->o;
    bool is_over = status == 422 || monotonic_ms() - l->since_ms > PATIENCE_MS;
    o->is_owed_asked = false;
    if (status == 200) {
        settle(l, ANALYSIS_QUEUED, made->prompt, NULL);
        made->prompt = NULL;
    } else if (is_over && !o->is_stopping) {
        settle(l, ANALYSIS_FAILED, NULL, why);
    } else {
        append(o, l);
    }
}

void orchestrator_owed_go_on(orchestrator *o) {
    owed_look *l = o->owed_looks;
    if (!l || o->is_owed_asked || !o->has_begun) return;
    o->owed_looks = l->next;
    const trader *one = orchestrator_try_find(o, l->row.trader_id);
    if (!orchestrator_flow_may_analyse(o)) {
        settle(l, ANALYSIS_EXPIRED, NULL, "it is analysed in the Supabase project");
        return;
    }
    if (!one) {
        settle(l, ANALYSIS_FAILED, NULL, "its trader, which makes the prompt, does not run any more");
        return;
    }
    o->is_owed_asked = true;
    err e = orchestrator_try_prompt(o, one->source, l->row.symbol, l->row.open_ms, on_prompt, l);
    if (e == OK) return;
    o->is_owed_asked = false;
    append(o, l); /* the lab is full */
}

void orchestrator_owed_free(orchestrator *o) {
    for (owed_look *l = o->owed_looks, *next; l; l = next) {
        next = l->next;
        free_look(l);
    }
    o->owed_looks = NULL;
}
