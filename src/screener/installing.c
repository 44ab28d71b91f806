#include "screener/installing.h"
#include "base/log.h"
#include "screener/inboxes.h"
#include <stdlib.h>

/* ---- references ---- */

err installing_send_copy(screener *s, int32_t to, const reference *r) {
    control what = {
        .kind = CONTROL_COPY, .symbol = r->copy, .info = r->info, .start_ms = r->start_ms, .memory = s->memory};
    char name[SYMBOL_BYTES];
    tracked_copy_name(&(tracked){.symbol = r->info}, name);
    return inboxes_send_with_saved(s, to, what, name);
}

/* Every worker gets its copy. */
static err add_reference(screener *s, const char *name) {
    reference r = {.start_ms = screener_now_ms(s)};
    err e = s->references.count < REFERENCE_SYMBOLS_MAX && s->handlers.on_reference ? OK : ERR_FULL;
    if (e == OK) e = s->handlers.on_reference(s->handlers.context, name, &r.symbol, &r.copy);
    if (e != OK) return e;
    r.info = symbol_table_get(s->shared.symbols, r.symbol);
    e = references_add(&s->references, &r);
    for (int32_t i = 0; i < s->n_workers && e == OK; i++) e = installing_send_copy(s, i, &r);
    return e;
}

err installing_attach_references(screener *s) {
    for (int32_t i = 0; i < s->set->count; i++) {
        trader *who = s->set->traders[i];
        for (int32_t k = 0; who && k < who->spec->n_references; k++) {
            const char *name = who->spec->references[k];
            err e = references_find(&s->references, name) ? OK : add_reference(s, name);
            if (e == ERR_NO_MEMORY) return e;
            if (e != OK) references_refuse(who, name, e);
        }
    }
    references_attach(&s->references, s->set);
    return OK;
}

/* ---- traders ---- */

err installing_begin(screener *s) {
    err e;
    s->has_wanted = false;
    e = trader_change_begin(s->set, s->wanted, s->n_sources, &s->change);
    s->wanted = NULL;
    s->n_sources = 0;
    if (e != OK) return e;
    s->change.known = s->failures;
    s->change.n_known = s->n_failures;
    s->phase = PHASE_LOADING;
    return s->change.job.count ? trader_loader_submit(s->loader, &s->change.job) : OK;
}

static void keep_failures(screener *s) {
    free(s->failures);
    s->failures = s->change.failures;
    s->n_failures = s->change.n_failures;
    s->change.failures = NULL;
}

static void end_change(screener *s) {
    trader_change_deinit(&s->change);
    s->phase = PHASE_IDLE;
    s->handlers.on_loaded(s->handlers.context, s->set);
}

err installing_install(screener *s) {
    err e = s->change.job.failure;
    if (e == OK) e = trader_change_finish(&s->change, &s->next);
    if (e != OK) return e;
    keep_failures(s);
    if (!s->next) {
        end_change(s);
        return OK;
    }
    if (s->set)
        log_info("screener", "traders: %d added, %d changed, %d removed; %d run", s->change.n_added,
                 s->change.n_changed, s->change.n_removed, trader_set_running(s->next));
    if (s->has_begun && trader_set_choose(s->next, s->shared.symbols, false) != OK) return ERR_NO_MEMORY;
    if (rankings_install(s->rankings, s->next, s->tracked, s->n_tracked) != OK) return ERR_NO_MEMORY;
    references_attach(&s->references, s->next);
    s->phase = PHASE_INSTALLING;
    s->n_installing = s->n_workers;
    return inboxes_send_all(s, (control){.kind = CONTROL_INSTALL, .set = s->next, .start_ms = screener_now_ms(s)});
}

void installing_installed(screener *s, const trader_set *set) {
    if (set != s->next || --s->n_installing > 0) return; /* else: a new worker's first set */
    trader_set_free(s->set);
    s->set = s->next;
    s->next = NULL;
    rankings_drop(s->rankings, s->set);
    if (s->has_begun && installing_attach_references(s) != OK) screener_give_up(s);
    end_change(s);
}
