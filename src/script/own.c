/* See own.h.
 *
 *   bars     [ . . . . . . . . . . ]
 *   values   [ v v v v v ? ? ? ]          '?': bars closed since; usually one
 *                        ^ each is called with the slots cut here, own series one bar before
 *
 * At a tick each is called once more for the forming bar, whose value stands behind the others and is forgotten. */
#include "script/own.h"
#include "script/slots.h"
#include <lauxlib.h>
#include <math.h>
#include <string.h>

typedef struct own_pass {
    script_state *s;
    program *p;
    const script_view *view;
    indicator_set *set;
    int32_t index, end; /* end: closed bars to be seen */
    bool must_bind;     /* a series was asked for that is not attached yet, or is too short */
    int status;         /* of the first call that failed; 0: none */
    diag *why;
} own_pass;

static err find_instances(own_pass *pass) {
    for (int32_t k = 0; k < pass->p->n_own; k++) {
        own_series *own = &pass->p->own[k];
        own->instance = indicator_set_find(pass->set, own->id, own->instance);
        if (own->instance >= 0) continue;
        err e = indicator_set_add(pass->set, own->id, 0);
        if (e != OK) return e;
        own->instance = indicator_set_find(pass->set, own->id, 0);
    }
    return OK;
}

/* The first bar that lacks a value of one of the series. */
static int32_t first_bar(const own_pass *pass) {
    int32_t first = pass->end;
    for (int32_t k = 0; k < pass->p->n_own; k++) {
        int32_t next = indicator_set_own_next(pass->set, pass->p->own[k].instance);
        if (next < first) first = next;
    }
    return first;
}

static void note_failure(own_pass *pass, int status) {
    if (pass->status != 0) return;
    pass->status = status;
    if (state_error(pass->s, pass->index, status, pass->why) == ERR_NO_MEMORY) pass->status = LUA_ERRMEM;
}

/* The value on top of the stack; NaN and a failure when it is no number. */
static double take_value(own_pass *pass, const own_series *own) {
    lua_State *L = pass->s->L;
    if (lua_type(L, -1) == LUA_TNUMBER) return lua_tonumber(L, -1);
    if (pass->status == 0) {
        bool is_nil = lua_isnil(L, -1);
        pass->status = LUA_ERRRUN;
        (void)diag_set(pass->why, ERR_SCRIPT,
                       "%s:%d: series \"%s\" returned %s%s; expected a number (0/0 where there is none)",
                       pass->p->source->chunk, own->line, own->name, is_nil ? "" : "a ", luaL_typename(L, -1));
    }
    return NAN;
}

/* One series at one bar. False when it has to be called again with what it asked for attached. */
static bool call_one(own_pass *pass, const own_series *own, int32_t at) {
    script_state *s = pass->s;
    lua_State *L = s->L;
    double value = NAN;
    int status;
    lua_settop(L, HANDLER);
    s->context.missing[0] = 0;
    lua_rawgeti(L, LUA_REGISTRYINDEX, own->function);
    lua_rawgeti(L, LUA_REGISTRYINDEX, pass->p->market);
    lua_pushnumber(L, indicator_set_values(pass->set, own->instance, 0)[at - 1]);
    status = lua_pcall(L, 2, 1, HANDLER);
    bool has_missed = slots_note_missed(s, pass->p);
    if (s->has_new_slots || slots_note_asked(s, pass->p) || has_missed) {
        pass->must_bind = status != LUA_ERRMEM;
        if (pass->must_bind) printout_drop(&s->printed);
        if (pass->must_bind) return false;
    }
    state_write_printed(s);
    if (status != 0)
        note_failure(pass, status);
    else
        value = take_value(pass, own);
    if (pass->status == LUA_ERRMEM) return false;
    if (at < pass->end)
        indicator_set_own_put(pass->set, own->instance, value);
    else
        indicator_set_own_peek(pass->set, own->instance, value);
    return true;
}

/* False when the pass ends here. */
static bool cut_and_call(own_pass *pass, int32_t k, int32_t at) {
    const int64_t *open_ms = kline_series_open_ms(pass->view->bars[pass->p->interval]);
    err e = slots_cut(pass->s, pass->p, pass->view, open_ms[at], at + 1);
    if (e == OK) return call_one(pass, &pass->p->own[k], at);
    pass->must_bind = e == ERR_NOT_FOUND;
    if (!pass->must_bind) pass->status = LUA_ERRMEM;
    return false;
}

static void run_bars(void *context) {
    own_pass *pass = context;
    pass->must_bind = false;
    for (int32_t at = first_bar(pass); at < pass->end; at++)
        for (int32_t k = 0; k < pass->p->n_own; k++) {
            if (indicator_set_own_next(pass->set, pass->p->own[k].instance) != at) continue;
            if (!cut_and_call(pass, k, at)) return;
        }
    for (int32_t k = 0; pass->view->is_tick && k < pass->p->n_own; k++)
        if (!cut_and_call(pass, k, pass->end)) return;
}

err own_advance(script_state *s, int32_t index, const script_view *view, diag *why) {
    program *p = &s->programs[index];
    own_pass pass = {.s = s, .p = p, .view = view, .index = index, .why = why};
    err e;
    if (p->n_own == 0) return OK;
    pass.set = view->sets[p->interval];
    pass.end = kline_series_count_at(view->bars[p->interval], view->close_ms);
    e = find_instances(&pass);
    if (e != OK)
        return diag_set(why, ERR_SCRIPT, "%s: series \"%s\": %s", p->source->chunk, p->own[0].name, error_text(e));
    if (first_bar(&pass) >= pass.end && !view->is_tick) return OK;
    slots_forget_asked(s, p);
    s->context.ticker = NULL; /* what passes with the moment has no place in a series of bars */
    s->context.rank = NULL;
    do { /* once more for every batch of series that it had not asked for before, or not so far back */
        script_result unused;
        e = slots_bind(s, p, view, &unused, why);
        if (e != OK && e != ERR_NOT_FOUND) return e;
        if (guard_call(s->guard, s->limits.load_cpu_ms, run_bars, &pass) != OK) {
            state_write_printed(s);
            return state_kill_for_cpu(s, index, s->limits.load_cpu_ms, true, why);
        }
    } while (pass.must_bind);
    state_show_moment(s, view);
    if (pass.status == LUA_ERRMEM) return ERR_NO_MEMORY;
    return pass.status == 0 ? OK : ERR_SCRIPT;
}
