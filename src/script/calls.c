/* See calls.h. A call is made again as long as it asks for series that were not there before (run_until_bound). */
#include "script/calls.h"
#include "script/own.h"
#include "script/slots.h"
#include "script/state_body.h"
#include "script/text.h"
#include <assert.h>
#include <lua.h>
#include <math.h>
#include <string.h>
#include <time.h>

typedef enum call_kind { CALL_FILTER, CALL_SCORE, CALL_CONDITIONS, CALL_PLOTS, CALL_PROMPT } call_kind;

/* One call of a function of a trader. */
typedef struct trader_call {
    script_state *s;
    program *p;
    call_kind kind;
    int32_t index;
    const script_view *view;
    int status;
    bool is_match;
    double score;                /* of rank.by */
    bool is_repeated;            /* what it prints has been printed already */
    bool gave_table;             /* CALL_PROMPT: the filter's answer */
    char *json, *texts, *values; /* of conditions and plots; texts and values: of conditions */
    script_result *result;
    diag *why;
} trader_call;

static double number_or_nan(lua_State *L, int i) { return lua_type(L, i) == LUA_TNUMBER ? lua_tonumber(L, i) : NAN; }

/* What M.result of the sandbox answered: match, side, score, stop, targets, conditions, tags. Reads only; a jump out
 * of here may leak a copied text, nothing else. */
static void read_table(trader_call *c) {
    lua_State *L = c->s->L;
    script_result *r = c->result;
    int base = lua_gettop(L) - 6;
    r->gave_table = true;
    c->is_match = lua_toboolean(L, base);
    r->side = (int32_t)lua_tonumber(L, base + 1);
    r->score = number_or_nan(L, base + 2);
    r->stop = number_or_nan(L, base + 3);
    for (r->n_targets = 0; lua_istable(L, base + 4) && r->n_targets < SCRIPT_TARGETS; r->n_targets++) {
        lua_rawgeti(L, base + 4, r->n_targets + 1);
        if (lua_type(L, -1) != LUA_TNUMBER) {
            lua_pop(L, 1);
            break;
        }
        r->target[r->n_targets] = lua_tonumber(L, -1);
        lua_pop(L, 1);
    }
    if (lua_type(L, base + 5) == LUA_TSTRING) r->conditions = text_copy(lua_tostring(L, base + 5));
    if (lua_type(L, base + 6) == LUA_TSTRING) r->tags = text_copy(lua_tostring(L, base + 6));
}

static void call_filter(trader_call *c) {
    lua_State *L = c->s->L;
    lua_rawgeti(L, LUA_REGISTRYINDEX, c->p->filter);
    lua_rawgeti(L, LUA_REGISTRYINDEX, c->p->market);
    c->status = lua_pcall(L, 1, 1, HANDLER);
    if (c->status != 0) return;
    if (lua_type(L, -1) == LUA_TBOOLEAN) {
        c->is_match = lua_toboolean(L, -1);
        return;
    }
    lua_rawgeti(L, LUA_REGISTRYINDEX, c->s->result_function);
    lua_insert(L, -2);
    lua_pushinteger(L, c->index);
    lua_insert(L, -2);
    c->status = lua_pcall(L, 2, 7, HANDLER);
    if (c->status == 0) read_table(c);
}

static void call_score(trader_call *c) {
    lua_State *L = c->s->L;
    lua_rawgeti(L, LUA_REGISTRYINDEX, c->p->rank);
    lua_rawgeti(L, LUA_REGISTRYINDEX, c->p->market);
    c->status = lua_pcall(L, 1, 1, HANDLER);
    if (c->status == 0) c->score = lua_tonumber(L, -1);
}

/* Texts of JSON that a function of the sandbox gives. A jump out of here may leak one, nothing else. */
static void call_for_json(trader_call *c, int function) {
    lua_State *L = c->s->L;
    char **out[] = {&c->json, &c->texts, &c->values};
    lua_rawgeti(L, LUA_REGISTRYINDEX, function);
    lua_pushinteger(L, c->index);
    lua_pushboolean(L, c->gave_table);
    c->status = lua_pcall(L, 2, 3, HANDLER);
    for (int i = 0; i < 3 && c->status == 0; i++) {
        text_free(*out[i]);
        *out[i] = lua_type(L, i - 3) == LUA_TSTRING ? text_copy(lua_tostring(L, i - 3)) : NULL;
    }
}

static void call_body(void *context) {
    trader_call *c = context;
    lua_settop(c->s->L, HANDLER);
    c->s->context.missing[0] = 0;
    switch (c->kind) {
    case CALL_FILTER: call_filter(c); break;
    case CALL_SCORE: call_score(c); break;
    case CALL_CONDITIONS: call_for_json(c, c->s->conditions_function); break;
    case CALL_PLOTS: call_for_json(c, c->s->plots_function); break;
    case CALL_PROMPT: call_for_json(c, c->s->prompt_function); break;
    }
}

static void free_json(trader_call *c) {
    text_free(c->json);
    text_free(c->texts);
    text_free(c->values);
    c->json = c->texts = c->values = NULL;
}

void state_show_moment(script_state *s, const script_view *view) {
    s->context.open_ms = view->open_ms;
    s->context.close_ms = view->close_ms;
    s->context.is_tick = view->is_tick;
    s->context.ticker = view->ticker;
    s->context.rank = view->rank;
}

static void show(script_state *s, int32_t index, const script_view *view) {
    state_show_moment(s, view);
    s->context.symbol = view->symbol->name;
    s->context.base = view->symbol->base;
    s->context.quote = view->symbol->quote;
    s->context.tick_size = view->symbol->tick_size;
    s->context.symbol_id = view->symbol_id;
    s->context.trader = index;
    s->is_quiet = view->ignores_warmup || view->is_repeat;
    s->context.is_dry = view->ignores_warmup;
    region_set_owner(s->memory, state_owner(index));
}

static void hide(script_state *s, const program *p) {
    slots_hide(s, p);
    s->context.ticker = NULL;
    s->context.rank = NULL;
    region_set_owner(s->memory, 0);
}

static int64_t thread_cpu_ms(void) {
    struct timespec t = {0};
    (void)!clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* The function, once more for every batch of series that it had not asked for before, or not so far back. Each run has its budget; those
 * that only find out what it uses have that of a load besides, all together. */
static err run_until_bound(trader_call *c) {
    script_state *s = c->s;
    bool is_long = c->kind == CALL_PLOTS || c->kind == CALL_PROMPT;
    int64_t limit_ms = is_long ? s->limits.load_cpu_ms : s->limits.cpu_ms, budget_ms = limit_ms;
    int64_t began_ms = 0;
    bool has_unbound, has_missed, is_known = slots_bind_again(s, c->p, c->view);
    slots_forget_asked(s, c->p);
    do {
        err e = is_known ? OK : slots_bind(s, c->p, c->view, c->result, c->why);
        if (e != OK) return e;
        is_known = false;
        if (c->kind == CALL_FILTER) script_result_deinit(c->result);
        printout_drop(&s->printed);
        if (guard_call(s->guard, budget_ms, call_body, c) != OK)
            return state_kill_for_cpu(s, c->index, limit_ms, is_long, c->why);
        has_unbound = slots_note_asked(s, c->p);
        has_missed = slots_note_missed(s, c->p);
        /* Also after an error: it may come of a series that was still empty. */
        if (!(s->has_new_slots || has_unbound || has_missed) || c->status == LUA_ERRMEM) break;
        if (!began_ms) began_ms = thread_cpu_ms();
        if (thread_cpu_ms() - began_ms + budget_ms > s->limits.load_cpu_ms)
            budget_ms = s->limits.load_cpu_ms - (thread_cpu_ms() - began_ms);
    } while (budget_ms > 0);
    if (budget_ms <= 0) return state_kill_for_cpu(s, c->index, s->limits.load_cpu_ms, true, c->why);
    return c->status == 0 ? OK : state_error(s, c->index, c->status, c->why);
}

static err run_call(trader_call *c) {
    err e = run_until_bound(c);
    state_write_printed(c->s); /* also of a call that failed or was stopped */
    return e;
}

/* After all calls at a bar: nothing of the symbol stays behind. */
static err end_calls(script_state *s, int32_t index, err e, diag *why) {
    if (s->is_dead) return e;
    hide(s, &s->programs[index]);
    lua_settop(s->L, HANDLER);
    return e == ERR_NO_MEMORY ? state_kill_for_memory(s, why) : e;
}

/* One call of filter or rank.by at the bar of the view. `is_warming`: it waits for bars (c->result says how many). */
static err call_at_bar(trader_call *c, bool *is_warming) {
    script_state *s = c->s;
    err e;
    show(s, c->index, c->view);
    e = own_advance(s, c->index, c->view, c->why);
    if (e == OK) e = run_call(c);
    *is_warming =
        e == ERR_NOT_FOUND || (e == OK && !c->view->ignores_warmup && slots_wait_for_late(s, c->p, c->result));
    e = end_calls(s, c->index, e, c->why);
    if (s->is_dead) return e;
    if (e == ERR_NOT_FOUND) return OK;
    return state_check_memory(s, c->index, c->why) == OK ? e : ERR_RUNAWAY;
}

err script_state_evaluate(script_state *s, int32_t index, const script_view *view, script_result *result, diag *why) {
    trader_call c = {.s = s,
                     .p = &s->programs[index],
                     .kind = CALL_FILTER,
                     .index = index,
                     .view = view,
                     .result = result,
                     .why = why};
    bool is_warming;
    err e;
    *result = (script_result){.score = NAN, .stop = NAN, .outcome = SCRIPT_NO_MATCH};
    e = call_at_bar(&c, &is_warming);
    if (is_warming)
        result->outcome = SCRIPT_WARMING;
    else if (e == OK && c.is_match)
        result->outcome = SCRIPT_MATCH;
    return e;
}

err script_state_score(script_state *s, int32_t index, const script_view *view, double *score, script_outcome *outcome,
                       diag *why) {
    script_result unused = {.score = NAN, .stop = NAN};
    trader_call c = {.s = s,
                     .p = &s->programs[index],
                     .kind = CALL_SCORE,
                     .index = index,
                     .view = view,
                     .score = NAN,
                     .result = &unused,
                     .why = why};
    bool is_warming;
    err e;
    assert(c.p->rank > 0); /* asked only of a trader with a rank */
    e = call_at_bar(&c, &is_warming);
    *outcome = is_warming || e != OK ? SCRIPT_WARMING : SCRIPT_MATCH;
    *score = *outcome == SCRIPT_MATCH ? c.score : NAN;
    return e;
}

/* One call for JSON, at any bar, warm or not. `c` has it on success; free_json. */
static err ask_for_json(trader_call *c) {
    script_state *s = c->s;
    script_view shown = *c->view;
    script_result unused = {.score = NAN, .stop = NAN};
    err e;
    bool is_quiet = shown.ignores_warmup || shown.is_repeat || c->is_repeated;
    c->view = &shown;
    c->result = &unused;
    shown.ignores_warmup = true;
    show(s, c->index, &shown);
    s->is_quiet = is_quiet;
    e = own_advance(s, c->index, &shown, c->why);
    if (e == OK) e = run_call(c);
    e = end_calls(s, c->index, e, c->why);
    if (!s->is_dead && e == OK) e = state_check_memory(s, c->index, c->why);
    c->view = NULL; /* both were of this call */
    c->result = NULL;
    return e;
}

err script_state_describe(script_state *s, int32_t index, const script_view *view, script_result *r, diag *why) {
    bool has[] = {[CALL_CONDITIONS] = s->programs[index].has_conditions, [CALL_PLOTS] = s->programs[index].has_plots};
    for (call_kind kind = CALL_CONDITIONS; kind <= CALL_PLOTS; kind++) {
        trader_call c = {.s = s, .p = &s->programs[index], .kind = kind, .index = index, .view = view, .why = why};
        err e;
        if (!has[kind]) continue;
        c.is_repeated = kind == CALL_CONDITIONS && c.p->is_filtered_by_conditions;
        e = ask_for_json(&c);
        if (e == ERR_SCRIPT) {
            if (!r->fault) r->fault = text_copy(why->text);
        } else if (e == OK && kind == CALL_CONDITIONS) {
            if (!r->conditions) r->conditions = c.texts, c.texts = NULL;
            r->values = c.values, c.values = NULL;
        } else if (e == OK) {
            r->plots = c.json, c.json = NULL;
        }
        free_json(&c);
        if (e != OK && e != ERR_SCRIPT) return e;
    }
    return OK;
}

/* The open times of the bars that end at the one of the view. */
static const int64_t *times_of(const program *p, const script_view *view) {
    const kline_series *bars = view->bars[p->interval];
    int32_t at = view->is_tick ? kline_series_count(bars) : kline_series_count_at(bars, view->close_ms) - 1;
    return kline_series_open_ms(bars) + at;
}

static err call_prompt(trader_call *c) {
    err e;
    c->kind = CALL_PROMPT;
    c->s->context.bar_times = times_of(c->p, c->view);
    e = ask_for_json(c);
    c->s->context.bar_times = NULL;
    return e;
}

bool script_state_wants_prompt(const script_state *s, int32_t index, const script_result *result) {
    const program *p = &s->programs[index];
    bool is_good = isnan(p->least_score) || result->score > p->least_score; /* not when there is none */
    switch (s->limits.analysis) {
    case ANALYSIS_OFF: return false;
    case ANALYSIS_ASKED: return p->wants_analysis && !p->is_manual && is_good;
    case ANALYSIS_ALL: return !p->is_manual && is_good;
    case ANALYSIS_MANUAL: return is_good;
    }
    return false;
}

err script_state_prompt(script_state *s, int32_t index, const script_view *view, script_result *r, diag *why) {
    trader_call c = {
        .s = s, .p = &s->programs[index], .index = index, .view = view, .gave_table = r->gave_table, .why = why};
    err e;
    if (!script_state_wants_prompt(s, index, r)) return OK;
    e = call_prompt(&c);
    if (e == ERR_SCRIPT && !r->fault) r->fault = text_copy(why->text);
    if (e == OK) r->prompt = c.json, c.json = NULL;
    free_json(&c);
    return e == ERR_SCRIPT ? OK : e;
}

err script_state_try_prompt(script_state *s, int32_t index, const script_view *view, diag *why) {
    trader_call c = {.s = s, .p = &s->programs[index], .index = index, .view = view, .why = why};
    err e = call_prompt(&c);
    free_json(&c);
    return e;
}

/* "[]" when the trader has none. */
static err give_json(script_state *s, int32_t index, const script_view *view, call_kind kind, bool has, char **json,
                     diag *why) {
    trader_call c = {.s = s, .p = &s->programs[index], .kind = kind, .index = index, .view = view, .why = why};
    err e = has ? ask_for_json(&c) : OK;
    *json = NULL;
    if (e == OK) *json = strdup(c.json ? c.json : "[]");
    free_json(&c);
    return e == OK && !*json ? ERR_NO_MEMORY : e;
}

err script_state_conditions(script_state *s, int32_t index, const script_view *view, char **json, diag *why) {
    bool has = s->programs[index].has_conditions;
    return give_json(s, index, view, CALL_CONDITIONS, has, json, why);
}

err script_state_plots(script_state *s, int32_t index, const script_view *view, char **json, diag *why) {
    return give_json(s, index, view, CALL_PLOTS, s->programs[index].has_plots, json, why);
}
