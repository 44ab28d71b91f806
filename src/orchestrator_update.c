/* See orchestrator_update.h. In the cloud what is said goes through two places:
 *
 *   said ──► heard ── the rows cannot be read ──► told: lies over the list
 *              └───── the rows are read ◄───────────┘   both are forgotten
 *
 * Refused: to keep it over the rows as changes over HTTP are kept. The app writes the row, too, and a change that stays on top
 * would hide what the row says later. */
#include "orchestrator_update.h"
#include "base/log.h"
#include "orchestrator_body.h"
#include "orchestrator_traders_tell.h"
#include "script/trader_overrides.h"
#include "script/trader_said.h"
#include <stdlib.h>

struct orchestrator_update {
    orchestrator *o;
    trader_overrides *none, *heard, *told;
};

err orchestrator_update_new(orchestrator *o, orchestrator_update **out) {
    orchestrator_update *u = calloc(1, sizeof *u);
    err e = u ? OK : ERR_NO_MEMORY;
    if (e == OK) u->o = o;
    if (e == OK) e = trader_overrides_new(NULL, &u->none, NULL);
    if (e == OK) e = trader_overrides_new(NULL, &u->heard, NULL);
    if (e == OK) e = trader_overrides_new(NULL, &u->told, NULL);
    if (e == OK)
        *out = u;
    else
        orchestrator_update_free(u);
    return e;
}

void orchestrator_update_free(orchestrator_update *u) {
    if (!u) return;
    trader_overrides_free(u->none);
    trader_overrides_free(u->heard);
    trader_overrides_free(u->told);
    free(u);
}

/* ---- what becomes of it ---- */

/* Before Supabase is read again there is nothing to do with it but to remember it. */
static err hear(orchestrator_update *u, const found_trader *one, const char *change, diag *why) {
    err e = one->running ? trader_overrides_check(one->running->spec, change, why) : OK;
    return e == OK ? trader_overrides_merge(u->heard, one->key, change, why) : e;
}

static void write_result(json_writer *w, const char *id, const char *result, const char *why) {
    json_write_object(w);
    json_put_text(w, "id", id);
    json_put_text(w, "result", result);
    if (why) json_put_text(w, "why", why);
    json_write_object_end(w);
}

static void take_one(orchestrator *o, const trader_said *said, size_t i, json_writer *w) {
    const char *id = trader_said_id(said, i), *fault = trader_said_fault(said, i);
    bool is_cloud = o->cloud_traders != NULL;
    found_trader one;
    diag why = {""};
    if (fault) {
        write_result(w, id, "ignored", fault);
        return;
    }
    if (!orchestrator_traders_find(o->traders, id, &one)) { /* in the cloud its row may just have been written */
        write_result(w, id, is_cloud ? "row" : "ignored", is_cloud ? NULL : "there is no such trader");
        return;
    }
    const trader_spec *spec = one.running ? one.running->spec : NULL;
    char *change = trader_said_change(said, i, spec);
    const char *result = is_cloud ? "row" : change && *change ? "changed" : "same";
    err e = OK;
    if (!change)
        e = diag_set(&why, ERR_NO_MEMORY, "out of memory");
    else if (*change)
        e = is_cloud ? hear(o->update, &one, change, &why)
                     : orchestrator_traders_change(o->traders, spec ? spec->key : one.key, change, &why);
    write_result(w, id, e == OK ? result : "ignored", e == OK ? NULL : why.text);
    free(change);
}

void orchestrator_update_take(void *context, const char *traders, json_writer *w) {
    orchestrator *o = context;
    trader_said *said = NULL;
    if (o->is_stopping || !o->traders || !o->screener) return;
    if (o->cloud_traders)
        orchestrator_cloud_traders_now(o->cloud_traders);
    else
        orchestrator_traders_reload(o->traders);
    if (!traders || trader_said_new(traders, &said) != OK || trader_said_count(said) == 0) {
        trader_said_free(said);
        return;
    }
    json_write_key(w, "traders");
    json_write_array(w);
    for (size_t i = 0; i < trader_said_count(said); i++) take_one(o, said, i, w);
    json_write_array_end(w);
    trader_said_free(said);
}

/* ---- in the cloud ---- */

static bool is_empty(const orchestrator_update *u, const trader_overrides *set) {
    return trader_overrides_equal(set, u->none, NULL);
}

static void forget(const orchestrator_update *u, trader_overrides *set) {
    err e = trader_overrides_copy(set, u->none, NULL);
    if (e != OK) log_error("traders", "what was said of them is not forgotten: %s", error_text(e));
}

void orchestrator_update_read(orchestrator_update *u) {
    if (!u) return;
    bool had_any = !is_empty(u, u->told);
    forget(u, u->heard);
    forget(u, u->told);
    if (had_any && !u->o->is_stopping) orchestrator_traders_list_again(u->o->traders);
}

void orchestrator_update_failed(orchestrator_update *u) {
    diag why;
    if (!u || is_empty(u, u->heard) || u->o->is_stopping) return;
    if (trader_overrides_lay(u->told, u->heard, &why) != OK)
        log_error("traders", "what was said of them is lost: %s", why.text);
    forget(u, u->heard);
    log_warn("traders", "until Supabase can be read what was said in config_update counts");
    orchestrator_traders_list_again(u->o->traders);
}

void orchestrator_update_apply(const orchestrator_update *u, trader_folder *f) {
    for (int32_t i = 0; i < f->count; i++) {
        diag why;
        if (trader_overrides_apply(u->told, f->sources[i], &why) != OK) log_error("traders", "%s", why.text);
    }
}
