/* See late_prompt.h. */
#include "screener/late_prompt.h"
#include "screener/evaluation_body.h"
#include "script/calls.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

bool late_prompt_owe(evaluation *e, const tracked *t, int32_t index, const script_view *view, const script_result *r,
                     const signal_row *s) {
    owed_prompt one = {.symbol = t->id,
                       .index = index,
                       .who = e->set->traders[index],
                       .open_ms = view->open_ms,
                       .close_ms = view->close_ms,
                       .created_ms = s->created_ms,
                       .owed_ns = e->received_ns,
                       .has_rank = view->rank != NULL};
    if (s->state != SIGNAL_CONFIRMED || !script_state_wants_prompt(e->state, index, r)) return false;
    snprintf(one.signal_id, sizeof one.signal_id, "%s", s->id);
    if (view->rank) one.rank = *view->rank;
    return owed_prompts_add(e->owed_prompts, &one) == OK;
}

/* As at the match: the filter and its description, then what is asked about them. */
static err ask_prompt(evaluation *e, int32_t index, const script_view *view, script_result *r, diag *why) {
    script_view again = *view;
    again.is_repeat = true;
    err result = script_state_evaluate(e->state, index, &again, r, why);
    if (result == OK) result = script_state_describe(e->state, index, &again, r, why);
    if (result == OK) result = script_state_prompt(e->state, index, view, r, why);
    if (result == OK && !r->prompt)
        result = diag_set(why, ERR_SCRIPT, "%s", r->fault ? r->fault : "the filter does not match that bar any more");
    return result;
}

static err recall_and_ask(evaluation *e, tracked *t, const owed_prompt *one, script_result *r, diag *why) {
    bool is_here = t && e->set && trader_set_at(e->set, one->index) == one->who && t->standings[one->index].is_wanted;
    tracked_round round;
    err result;
    if (!is_here) return diag_set(why, ERR_NOT_FOUND, "the trader has left the symbol before its prompt was made");
    /* One that has only said too much may still say what it has meant. */
    if (trader_is_stopped(one->who, one->close_ms) &&
        !trader_has_flooded(one->who, one->close_ms, e->shared->max_signals_per_hour))
        return diag_set(why, ERR_NOT_FOUND, "the trader was stopped before its prompt was made");
    tracked_round_begin(&round, t, e->symbols, e->market_ms);
    if (!tracked_recall(t, e->set, one->index, one->open_ms, &round))
        return diag_set(why, ERR_NOT_FOUND, "the bar is not kept any more");
    if (one->has_rank) round.view.rank = &one->rank;
    result = evaluation_load(e, t, one->index, &round.view);
    if (result == ERR_SCRIPT) return diag_set(why, ERR_NOT_FOUND, "the trader was stopped before its prompt was made");
    if (result != OK) return diag_set(why, result, "%s", error_text(result));
    result = ask_prompt(e, one->index, &round.view, r, why);
    if (result == ERR_RUNAWAY)
        evaluation_fault(e, script_state_guilty(e->state), t, &round.view, why, TRADER_ERROR_KILL);
    if (result == ERR_SCRIPT) evaluation_fault(e, one->index, t, &round.view, why, TRADER_ERROR_ERROR);
    return result;
}

static err tell_prompt(evaluation *e, const owed_prompt *one, char *prompt, char *error) {
    pass *p = pass_pool_take(e->pool);
    prompt_row row = {.open_ms = one->open_ms,
                      .close_ms = one->close_ms,
                      .created_ms = one->created_ms,
                      .prompt = prompt,
                      .error = error};
    if (!p) return ERR_NO_MEMORY;
    snprintf(row.signal_id, sizeof row.signal_id, "%s", one->signal_id);
    snprintf(row.trader_id, sizeof row.trader_id, "%s", one->who->spec->id);
    snprintf(p->symbol, sizeof p->symbol, "%s", symbol_table_get(e->shared->symbols, one->symbol)->name);
    p->interval = one->who->spec->interval;
    p->is_tick = true; /* no watermark */
    err result = pass_add_prompt(p, &row);
    if (result == OK)
        e->shared->submit(e->shared->submit_context, e->worker, p);
    else
        pass_release(p);
    return result;
}

err late_prompt_make(evaluation *e, tracked *t, const owed_prompt *one, bool *is_made) {
    script_result r = {.score = NAN, .stop = NAN};
    diag why = {0};
    err made = recall_and_ask(e, t, one, &r, &why);
    *is_made = made != ERR_RUNAWAY || script_state_guilty(e->state) == one->index || one->n_tries >= PROMPT_TRIES;
    if (!*is_made) {
        script_result_deinit(&r);
        return made; /* another one had filled the state */
    }
    err result = tell_prompt(e, one, made == OK ? r.prompt : NULL, made == OK ? NULL : why.text);
    script_result_deinit(&r);
    return made == ERR_RUNAWAY ? made : result;
}
