/* Loading a trader: see loader.h. */
#include "script/loader.h"
#include "base/uuid.h"
#include "script/calls.h"
#include "script/dry_market.h"
#include "script/slots.h"
#include <lauxlib.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What fails at each of the last so many bars is refused: it always fails, or does so from some bar on. */
enum { DRY_EVALUATIONS = 64, DRY_FAILURES = 32 };

typedef struct load_call {
    script_state *s;
    int32_t index;
    const trader_source *source;
    trader_spec *spec;
    int status;
} load_call;

static const char *text_field(lua_State *L, int table, const char *name) {
    const char *text;
    lua_getfield(L, table, name);
    text = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : NULL; /* the table keeps it alive */
    lua_pop(L, 1);
    return text;
}

static double number_field(lua_State *L, int table, const char *name, double otherwise) {
    double number;
    lua_getfield(L, table, name);
    number = lua_type(L, -1) == LUA_TNUMBER ? lua_tonumber(L, -1) : otherwise;
    lua_pop(L, 1);
    return number;
}

CALLED_BY_LUA static bool flag_field(lua_State *L, int table, const char *name) {
    bool flag;
    lua_getfield(L, table, name);
    flag = lua_toboolean(L, -1);
    lua_pop(L, 1);
    return flag;
}

static char **list_field(lua_State *L, int table, const char *name) {
    size_t n;
    char **list;
    lua_getfield(L, table, name);
    n = lua_objlen(L, -1);
    list = calloc(n + 1, sizeof *list);
    for (size_t i = 0; list && i < n; i++) {
        lua_rawgeti(L, -1, (int)i + 1);
        list[i] = strdup(lua_tostring(L, -1));
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
    return list;
}

static char *copy_field(lua_State *L, int table, const char *name, const char *otherwise) {
    const char *text = text_field(L, table, name);
    return text || otherwise ? strdup(text ? text : otherwise) : NULL;
}

/* Of a variant its own, whatever the script says: the script is another trader's too. */
static const char *id_of(lua_State *L, int table, const trader_source *source) {
    const char *id = source->is_variant ? NULL : text_field(L, table, "id");
    return id ? id : source->key;
}

static void read_spec(lua_State *L, int table, const trader_source *source, trader_spec *spec) {
    const char *key = id_of(L, table, source), *name = text_field(L, table, "name"),
               *fire = text_field(L, table, "fire"), *on = text_field(L, table, "on");
    snprintf(spec->key, sizeof spec->key, "%s", key);
    snprintf(spec->name, sizeof spec->name, "%s", *source->name ? source->name : name ? name : spec->key);
    snprintf(spec->revision, sizeof spec->revision, "%s", source->revision);
    trader_id_of(spec->key, spec->id);
    spec->interval = (int32_t)number_field(L, table, "interval_number", 0);
    spec->interval_mask = (uint32_t)number_field(L, table, "interval_mask", 0);
    spec->on = on && strcmp(on, "tick") == 0 ? ON_TICK : ON_CLOSE;
    spec->fire = fire && strcmp(fire, "every") == 0 ? FIRE_EVERY : FIRE_EDGE;
    spec->fire_every = (int32_t)number_field(L, table, "fire_every", 1);
    spec->cooldown = (int32_t)number_field(L, table, "cooldown", 0);
    spec->warmup = (int32_t)number_field(L, table, "warmup", -1);
    spec->is_enabled = source->enabled < 0 ? flag_field(L, table, "enabled") : source->enabled != 0;
    spec->include = list_field(L, table, "include");
    spec->exclude = list_field(L, table, "exclude");
    spec->quote = copy_field(L, table, "quote", NULL);
    spec->symbols_top = (int32_t)number_field(L, table, "symbols_top", 0);
    spec->min_quote_volume = number_field(L, table, "min_quote_volume", 0);
    spec->references = list_field(L, table, "references");
    while (spec->references && spec->references[spec->n_references]) spec->n_references++;
    spec->reference_mask = spec->n_references ? spec->interval_mask : 0;
    spec->rank_top = (int32_t)number_field(L, table, "rank_top", 0);
    spec->conditions = copy_field(L, table, "conditions", "[]");
    spec->inputs = copy_field(L, table, "inputs", "[]");
    spec->tags = copy_field(L, table, "tags", "[]");
    spec->notify = copy_field(L, table, "notify", NULL);
    spec->description = copy_field(L, table, "description", "");
}

/* Whose series it is decides: another trader, another revision or another name is another series. */
static err claim_own(script_state *s, const program *p, const char *key, own_series *own) {
    indicator_spec spec = {
        .kind = INDICATOR_OWN, .interval = p->interval, .source = {SERIES_NONE, SERIES_NONE, SERIES_NONE}};
    char text[TRADER_KEY_MAX + TRADER_REVISION_MAX + OWN_NAME_MAX + 3], hash[65], part[13] = "";
    int bytes = snprintf(text, sizeof text, "%s|%s|%s", key, p->source->revision, own->name);
    sha256_hex(text, (size_t)bytes, hash);
    for (int i = 0; i < INDICATOR_PARAMS; i++) {
        memcpy(part, hash + 12 * i, 12);
        spec.param[i] = (double)strtoull(part, NULL, 16);
    }
    own->id = registry_claim(s->registry, &spec);
    return own->id < 0 ? ERR_FULL : OK;
}

CALLED_BY_LUA static void read_own(lua_State *L, int table, load_call *c) {
    program *p = &c->s->programs[c->index];
    const char *key = id_of(L, table, c->source);
    lua_getfield(L, table, "own");
    p->n_own = (int32_t)lua_objlen(L, -1);
    for (int32_t k = 0; k < p->n_own; k++) { /* {name, function, line} */
        own_series *own = &p->own[k];
        lua_rawgeti(L, -1, k + 1);
        lua_rawgeti(L, -1, 1);
        snprintf(own->name, sizeof own->name, "%s", lua_tostring(L, -1));
        lua_pop(L, 1);
        lua_rawgeti(L, -1, 2);
        own->function = luaL_ref(L, LUA_REGISTRYINDEX);
        lua_rawgeti(L, -1, 3);
        own->line = (int32_t)lua_tointeger(L, -1);
        lua_pop(L, 2);
        if (claim_own(c->s, p, key, own) != OK)
            luaL_error(L, "series \"%s\": too many indicators in this process (%d)", own->name, REGISTRY_MAX);
    }
    lua_pop(L, 1);
}

/* Slots are found at once by their place: the intervals of the trader are waited for from the start. */
static void read_places(lua_State *L, int table, program *p) {
    uint32_t mask = (uint32_t)number_field(L, table, "interval_mask", 0);
    for (; mask; mask &= mask - 1) slots_add_place(p, place_own(__builtin_ctz(mask)));
}

CALLED_BY_LUA static void read_references(lua_State *L, int table, load_call *c) {
    program *p = &c->s->programs[c->index];
    lua_getfield(L, table, "references");
    p->n_references = (int32_t)lua_objlen(L, -1);
    for (int32_t k = 0; k < p->n_references; k++) {
        size_t bytes;
        const char *name;
        lua_rawgeti(L, -1, k + 1);
        name = lua_tolstring(L, -1, &bytes);
        p->reference[k] = registry_symbol(c->s->registry, name, bytes);
        if (p->reference[k] < 0)
            luaL_error(L, "reference \"%s\": too many symbols are referred to in this process (%d)", name,
                       REGISTRY_SYMBOLS_MAX);
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
}

CALLED_BY_LUA static int load_protected(lua_State *L) {
    load_call *c = lua_touserdata(L, 1);
    program *p = &c->s->programs[c->index];
    int table;
    lua_rawgeti(L, LUA_REGISTRYINDEX, c->s->load_function);
    lua_pushinteger(L, c->index);
    lua_pushlstring(L, c->source->code, c->source->code_bytes);
    lua_pushstring(L, c->source->chunk);
    lua_pushstring(L, c->source->inputs);
    lua_pushstring(L, interval_name(c->s->limits.default_interval));
    lua_pushboolean(L, c->s->limits.forces_interval);
    lua_call(L, 6, 4);
    table = lua_gettop(L);
    p->warmup = (int32_t)number_field(L, table, "warmup", -1);
    p->interval = (int32_t)number_field(L, table, "interval_number", 0);
    read_places(L, table, p);
    p->line = (int32_t)number_field(L, table, "line", 0);
    p->has_conditions = flag_field(L, table, "has_conditions");
    p->is_filtered_by_conditions = !flag_field(L, table, "has_filter");
    p->has_plots = flag_field(L, table, "has_plots");
    p->has_prompt = flag_field(L, table, "has_prompt");
    p->wants_analysis = flag_field(L, table, "wants_analysis");
    p->is_manual = flag_field(L, table, "is_manual");
    p->least_score = number_field(L, table, "least_score", NAN);
    read_own(L, table, c);
    read_references(L, table, c);
    if (c->spec) read_spec(L, table, c->source, c->spec);
    lua_settop(L, table - 1);
    p->rank = luaL_ref(L, LUA_REGISTRYINDEX); /* LUA_REFNIL when there is none */
    p->market = luaL_ref(L, LUA_REGISTRYINDEX);
    p->filter = luaL_ref(L, LUA_REGISTRYINDEX);
    return 0;
}

static void call_load(void *context) {
    load_call *c = context;
    lua_State *L = c->s->L;
    lua_settop(L, HANDLER);
    c->status = lua_cpcall(L, load_protected, c);
}

static err add_program(script_state *s, int32_t index, const trader_source *source) {
    if (index >= s->n_programs) {
        program *programs = realloc(s->programs, ((size_t)index + 1) * sizeof *programs);
        if (!programs) return ERR_NO_MEMORY;
        memset(programs + s->n_programs, 0, ((size_t)(index + 1 - s->n_programs)) * sizeof *programs);
        s->programs = programs;
        s->n_programs = index + 1;
    }
    s->programs[index] = (program){.source = source, .first_slot = -1, .warmup = -1};
    return OK;
}

/* What is asked of a trader at each bar of the dry evaluation. */
enum { ASK_SCORE, ASK_FILTER, ASK_CONDITIONS, ASK_PLOTS, ASK_PROMPT, N_QUESTIONS };

static err ask(script_state *s, int32_t index, const script_view *view, int what, diag *why) {
    script_result result;
    char *json = NULL;
    err e;
    if (what == ASK_SCORE) {
        double score;
        script_outcome outcome;
        return s->programs[index].rank > 0 ? script_state_score(s, index, view, &score, &outcome, why) : OK;
    }
    if (what == ASK_PROMPT) return s->programs[index].has_prompt ? script_state_try_prompt(s, index, view, why) : OK;
    if (what == ASK_FILTER) {
        e = script_state_evaluate(s, index, view, &result, why);
        script_result_deinit(&result);
        return e;
    }
    e = what == ASK_CONDITIONS ? script_state_conditions(s, index, view, &json, why)
                               : script_state_plots(s, index, view, &json, why);
    free(json);
    return e;
}

/* What has been asked, and what came of it. */
typedef struct dry_run {
    script_state *s;
    int32_t index;
    const trader_spec *spec;
    diag first[2 * N_QUESTIONS], latest; /* at a close, at a tick */
    int n_failed[2 * N_QUESTIONS];       /* in a row, up to now */
} dry_run;

/* All questions at one bar, or tick. ERR_SCRIPT is noted and no error. */
static err ask_all(dry_run *run, script_view *view, int32_t n) {
    script_rank rank;
    err e = OK;
    if (run->spec->rank_top) rank = dry_market_rank(run->spec->rank_top, n);
    for (int what = 0; what < N_QUESTIONS && e == OK; what++) {
        int place = what + (view->is_tick ? N_QUESTIONS : 0);
        view->rank = run->spec->rank_top && what != ASK_SCORE ? &rank : NULL;
        e = ask(run->s, run->index, view, what, &run->latest);
        if (e == OK) run->n_failed[place] = 0;
        view->rank = NULL; /* it ends here */
        if (e != ERR_SCRIPT) continue;
        if (run->n_failed[place]++ == 0) run->first[place] = run->latest;
        e = OK;
    }
    return e;
}

static err ask_over_bars(dry_run *run, dry_market *market) {
    script_view view;
    err e = OK;
    for (int32_t k = DRY_EVALUATIONS - 1; k >= 0 && e == OK; k--) {
        dry_market_view(market, k, &view);
        e = ask_all(run, &view, k);
    }
    for (int32_t k = 0; run->spec->on == ON_TICK && k < DRY_EVALUATIONS && e == OK; k++) {
        dry_market_tick(market, k, &view);
        e = ask_all(run, &view, k);
    }
    return e;
}

static void finish_spec(trader_spec *spec) {
    if (spec->warmup > spec->depth[spec->interval]) spec->depth[spec->interval] = spec->warmup;
    if (spec->warmup > spec->history[spec->interval]) spec->history[spec->interval] = spec->warmup;
}

/* Runs rank.by, filter, conditions and plots over generated bars: what they use is registered, and what keeps failing is
 * found out now. */
static err run_dry(script_state *s, int32_t index, trader_spec *spec, diag *why) {
    dry_run run = {.s = s, .index = index, .spec = spec};
    dry_market *market = NULL;
    err e = dry_market_new(s->registry, spec->interval, spec->interval_mask, &market);
    for (int32_t k = 0; k < spec->n_references && e == OK; k++) e = dry_market_refer(market, k, spec->references[k]);
    if (e != OK) {
        dry_market_free(market);
        return diag_set(why, e, "%s: out of memory", s->programs[index].source->chunk);
    }
    e = ask_over_bars(&run, market);
    if (e != OK) *why = run.latest;
    for (int what = 0; what < 2 * N_QUESTIONS && e == OK; what++) {
        if (run.n_failed[what] < DRY_FAILURES) continue;
        *why = run.first[what];
        e = ERR_SCRIPT;
    }
    if (e == OK) e = slots_note_needs(s, &s->programs[index], spec);
    finish_spec(spec);
    dry_market_free(market);
    return e;
}

err script_state_load(script_state *s, int32_t index, const trader_source *source, trader_spec **out, diag *why) {
    load_call c = {.s = s, .index = index, .source = source};
    err e = add_program(s, index, source);
    if (e == OK && out && !(c.spec = calloc(1, sizeof *c.spec))) e = ERR_NO_MEMORY;
    if (e != OK) return diag_set(why, e, "%s: out of memory", source->chunk);
    s->context.trader = index;
    s->context.missing[0] = 0;
    s->context.symbol = NULL;
    s->is_quiet = !out; /* of the same script in every state only the one with the dry evaluation prints */
    region_set_owner(s->memory, state_owner(index));
    if (guard_call(s->guard, s->limits.load_cpu_ms, call_load, &c) != OK)
        e = state_kill_for_cpu(s, index, s->limits.load_cpu_ms, true, why);
    else if (c.status != 0)
        e = state_error(s, index, c.status, why);
    region_set_owner(s->memory, 0);
    state_write_printed(s);
    if (e == ERR_NO_MEMORY)
        e = state_kill_for_memory(s, why);
    else if (e == OK)
        e = state_check_memory(s, index, why);
    if (e == OK && out) e = run_dry(s, index, c.spec, why);
    if (e == OK && out)
        *out = c.spec;
    else
        trader_spec_free(c.spec);
    return e;
}
