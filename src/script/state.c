/* One LuaJIT state: see state.h. What its traders see is in slots.c, how they are compiled in loader.c.
 *
 * Lua's functions that may allocate are called in protected mode only: an error outside of it would end the process. */
#include "script/state.h"
#include "base/clock.h"
#include "base/log.h"
#include "script/embedded.h"
#include "script/own.h"
#include "script/slots.h"
#include "script/state_body.h"
#include "script/text.h"
#include <assert.h>
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    TRADER_SHARE = 4, /* a trader may hold one in four of the state's bytes, and all of them two */
    /* For what runs below a check: at the most an 8 KB buffer of string.gsub, and the unwinder. */
    STACK_RESERVE = 1 << 19
};

int luaopen_cjson(lua_State *L);

/* ---- called from Lua ---- */

CALLED_BY_LUA static int on_error(lua_State *L) {
    script_state *s = lua_touserdata(L, lua_upvalueindex(1));
    s->trace[0] = 0;
    if (lua_type(L, 1) != LUA_TSTRING) { /* no metamethod of a script runs here */
        lua_pushfstring(L, "error was called with a %s; expected a text", luaL_typename(L, 1));
        lua_replace(L, 1);
    }
    luaL_traceback(L, L, NULL, 1);
    snprintf(s->trace, sizeof s->trace, "%s", lua_tostring(L, -1));
    lua_settop(L, 1);
    return 1;
}

CALLED_BY_LUA static int emit_log(lua_State *L) {
    script_state *s = lua_touserdata(L, lua_upvalueindex(1));
    log_level level = (log_level)luaL_checkinteger(L, 1);
    const char *text = luaL_checkstring(L, 2);
    if (!s->is_quiet) printout_hold(&s->printed, level, text);
    return 0;
}

void state_write_printed(script_state *s) {
    const script_context *c = &s->context;
    if (s->printed.n_held == 0) return; /* the usual case: nobody reads the clock */
    printout_write(&s->printed, monotonic_ms(), s->programs[c->trader].source->key, c->symbol ? c->symbol : "");
}

/* A function of C that may call Lua back, entered only while there is stack for it: see script_has_stack(). */
CALLED_BY_LUA static int call_with_stack(lua_State *L) {
    const script_state *s = lua_touserdata(L, lua_upvalueindex(1));
    if (!script_has_stack(&s->context)) return luaL_error(L, "stack overflow");
    return lua_tocfunction(L, lua_upvalueindex(2))(L);
}

/* with_stack(f): the same function behind call_with_stack(). Errors keep the place and name of the call. */
CALLED_BY_LUA static int with_stack(lua_State *L) {
    if (!lua_tocfunction(L, 1)) return luaL_error(L, "expected a function of C");
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_pushvalue(L, 1);
    lua_pushcclosure(L, call_with_stack, 2);
    return 1;
}

/* LuaJIT bounds the stack of Lua, not that of C: string.gsub with a callback takes 8 KB of it for each level, and
 * coroutines inside coroutines start a fresh Lua stack each time. Without this check they end the process. */
bool script_has_stack(const script_context *c) {
    return (const char *)__builtin_frame_address(0) > ((const script_state *)c)->stack_floor;
}

bool script_is_full(const script_context *c) { return region_refused(((const script_state *)c)->memory) > 0; }

/* ---- making a state ---- */

CALLED_BY_LUA static int load_module(lua_State *L, const char *name) {
    for (size_t i = 0; i < n_embedded_files; i++)
        if (strcmp(embedded_files[i].name, name) == 0) {
            lua_pushfstring(L, "=stdlib/%s", name);
            if (luaL_loadbuffer(L, embedded_files[i].text, embedded_files[i].bytes, lua_tostring(L, -1)) != 0)
                return lua_error(L);
            lua_remove(L, -2);
            return 1;
        }
    return luaL_error(L, "no stdlib file %s", name);
}

/* A function of the table on top of the stack, as a reference. */
CALLED_BY_LUA static int take_function(lua_State *L, const char *name) {
    lua_getfield(L, -1, name);
    return luaL_ref(L, LUA_REGISTRYINDEX);
}

CALLED_BY_LUA static int boot(lua_State *L) {
    script_state *s = lua_touserdata(L, 1);
    const struct embedded_file *abi = NULL;
    luaL_openlibs(L);
    lua_getglobal(L, "package");
    lua_getfield(L, -1, "preload");
    lua_pushcfunction(L, luaopen_cjson);
    lua_setfield(L, -2, "cjson");
    for (size_t i = 0; i < n_embedded_files; i++) {
        const char *dot = strrchr(embedded_files[i].name, '.');
        if (strcmp(embedded_files[i].name, "abi.h") == 0) abi = &embedded_files[i];
        if (!dot || strcmp(dot, ".lua") != 0 || strchr(embedded_files[i].name, '/')) continue;
        load_module(L, embedded_files[i].name);
        lua_pushlstring(L, embedded_files[i].name, (size_t)(dot - embedded_files[i].name));
        lua_insert(L, -2);
        lua_rawset(L, -3);
    }
    lua_settop(L, 1);
    lua_getglobal(L, "require");
    lua_pushliteral(L, "ffi");
    lua_call(L, 1, 1);
    lua_getfield(L, -1, "cdef");
    assert(abi); /* the build puts it there */
    lua_pushlstring(L, abi->text, abi->bytes);
    lua_call(L, 1, 0);
    load_module(L, "sandbox.lua");
    lua_pushlightuserdata(L, &s->context);
    lua_pushlightuserdata(L, s);
    lua_pushcclosure(L, emit_log, 1);
    lua_pushlightuserdata(L, s);
    lua_pushcclosure(L, with_stack, 1);
    lua_call(L, 3, 1);
    s->load_function = take_function(L, "load");
    s->result_function = take_function(L, "result");
    s->conditions_function = take_function(L, "conditions");
    s->plots_function = take_function(L, "plots");
    s->prompt_function = take_function(L, "prompt");
    return 0;
}

CALLED_BY_LUA static int push_handler(lua_State *L) {
    lua_pushcclosure(L, on_error, 1);
    return 1;
}

static err find_stack(script_state *s) {
    pthread_attr_t attributes;
    void *low;
    size_t bytes;
    if (pthread_getattr_np(pthread_self(), &attributes) != 0) return ERR_IO;
    if (pthread_attr_getstack(&attributes, &low, &bytes) == 0) s->stack_floor = (const char *)low + STACK_RESERVE;
    pthread_attr_destroy(&attributes);
    return s->stack_floor ? OK : ERR_IO;
}

err script_state_new(registry *r, guard *g, const script_limits *limits, script_state **out, diag *why) {
    script_state *s = calloc(1, sizeof *s);
    err e = ERR_NO_MEMORY;
    if (!s) return diag_set(why, ERR_NO_MEMORY, "out of memory");
    if (find_stack(s) != OK) {
        e = diag_set(why, ERR_IO, "the stack of this thread is not known");
        goto failed;
    }
    s->registry = r;
    s->born_ns = monotonic_ns();
    s->guard = g;
    s->limits = *limits;
    s->context.slots = calloc(SLOTS_MAX, sizeof *s->context.slots);
    s->metas = calloc(SLOTS_MAX, sizeof *s->metas);
    if (!s->context.slots || !s->metas || region_new(limits->memory_bytes, &s->memory) != OK) goto failed;
    s->L = lua_newstate(region_alloc, s->memory);
    if (!s->L) goto failed;
    if (lua_cpcall(s->L, boot, s) != 0) {
        e = diag_set(why, ERR_SCRIPT, "stdlib: %s", lua_tostring(s->L, -1));
        goto failed;
    }
    lua_settop(s->L, 0);
    lua_pushcfunction(s->L, push_handler); /* the state is fresh: there is room */
    lua_pushlightuserdata(s->L, s);
    if (lua_pcall(s->L, 1, 1, 0) != 0) goto failed;
    *out = s;
    return OK;
failed:
    if (e == ERR_NO_MEMORY) diag_set(why, e, "no memory for a script state of %zu bytes", limits->memory_bytes);
    script_state_free(s);
    return e;
}

void script_state_free(script_state *s) {
    if (!s) return;
    if (s->L && !s->is_dead) lua_close(s->L); /* a dead one may be half-way through anything: only its region goes */
    region_free(s->memory);
    free(s->programs);
    free(s->metas);
    free(s->context.slots);
    free(s);
}

const char *script_state_trace(const script_state *s) { return s->trace; }
int32_t script_state_guilty(const script_state *s) { return s->guilty; }
bool script_state_is_dead(const script_state *s) { return s->is_dead; }
size_t script_state_memory(const script_state *s) { return region_used(s->memory); }

/* ---- errors of a call ---- */

/* LuaJIT shortens a long path to "..." and its end. */
static const char *without_place(const char *text, const char *chunk) {
    size_t n = strlen(chunk), cut = n > 3 ? n - 3 : 0;
    if (strncmp(text, chunk, n) == 0) return text + n;
    if (strncmp(text, "...", 3) != 0) return NULL;
    for (const char *end = chunk; cut > 0; end++, cut--) /* the longest end of the path that follows the dots */
        if (strncmp(text + 3, end, strlen(end)) == 0) return text + 3 + strlen(end);
    return NULL;
}

/* What Lua's own words leave out: to it a series is a userdata, and a nil is a nil, whoever gave it. */
static const char *hint_for(const script_state *s, const char *text) {
    if (strstr(text, "(a function value)")) return "a function is called first: f(...), and f(...)[0] of a series";
    if (strstr(text, "'input' (a table value)")) return "write input.int(\"length\", 14) or input.float(\"level\", 30)";
    if (strstr(text, "compare") && strstr(text, "boolean"))
        return "write not (a > b) for not a > b, and a < b and b < c for a < b < c";
    if (strstr(text, "userdata")) return "a series is read as s[0], its newest bar";
    return strstr(text, "nil") ? s->context.missing : "";
}

/* The message on top of the stack, with a place in front when it has none: at least where the filter begins. */
err state_error(const script_state *s, int32_t index, int status, diag *why) {
    const program *p = &s->programs[index];
    const char *chunk = p->source->chunk, *rest;
    const char *text = lua_type(s->L, -1) == LUA_TSTRING ? lua_tostring(s->L, -1) : "error was called without a text";
    const char *hint = hint_for(s, text), *colon = hint[0] ? "; " : "";
    if (status == LUA_ERRMEM) return ERR_NO_MEMORY;
    rest = without_place(text, chunk);
    if (rest) return diag_set(why, ERR_SCRIPT, "%s%s%s%s", chunk, rest, colon, hint);
    if (p->line > 0)
        return diag_set(why, ERR_SCRIPT, "%s:%d: in the filter: %s%s%s", chunk, p->line, text, colon, hint);
    return diag_set(why, ERR_SCRIPT, "%s: %s%s%s", chunk, text, colon, hint);
}

static err kill_for(script_state *s, int32_t index, diag *why, const char *limit, long long amount, const char *unit) {
    s->is_dead = true;
    s->guilty = index;
    return diag_set(why, ERR_RUNAWAY, "%s: stopped, over its limit %s of %lld %s", s->programs[index].source->chunk,
                    limit, amount, unit);
}

err state_kill_for_cpu(script_state *s, int32_t index, int64_t budget_ms, bool is_load, diag *why) {
    return kill_for(s, index, why, is_load ? "SCRIPT_LOAD_CPU_MS" : "SCRIPT_CPU_MS", budget_ms, "ms of CPU time");
}

CALLED_BY_LUA static int collect(lua_State *L) {
    lua_gc(L, LUA_GCCOLLECT, 0);
    return 0;
}

/* In protected mode: a collection resizes tables of its own, which may fail. */
static void collect_garbage(script_state *s) {
    lua_settop(s->L, HANDLER);
    (void)!lua_cpcall(s->L, collect, NULL);
    lua_settop(s->L, HANDLER);
}

uint32_t state_owner(int32_t index) { return (uint32_t)index + 1; } /* 0: the stdlib */

/* The trader that runs when all weigh the same. */
static int32_t heaviest(const script_state *s, size_t (*weight)(const region *, uint32_t)) {
    int32_t worst = s->context.trader;
    for (int32_t i = 0; i < s->n_programs; i++)
        if (weight(s->memory, state_owner(i)) > weight(s->memory, state_owner(worst))) worst = i;
    return worst;
}

/* What it holds, and what it asked for in vain when that was more than a trader may have. */
static size_t demand(const region *r, uint32_t owner) {
    size_t wanted = region_wanted(r, owner);
    return region_owned(r, owner) + (wanted >= region_cap(r) / TRADER_SHARE ? wanted : 0);
}

/* Most of a full state is demanded by somebody: that one is to blame, whoever ran. If nobody demands much, what has
 * filled it was dropped again, and the one that needed most of it at once is to blame. */
err state_kill_for_memory(script_state *s, diag *why) {
    int32_t guilty = heaviest(s, demand);
    if (demand(s->memory, state_owner(guilty)) < s->limits.memory_bytes / 4 * 3) {
        collect_garbage(s);
        guilty = heaviest(s, demand);
    }
    if (demand(s->memory, state_owner(guilty)) < s->limits.memory_bytes / 8) guilty = heaviest(s, region_grown);
    return kill_for(s, guilty, why, "SCRIPT_MEMORY_MB", (long long)(s->limits.memory_bytes >> 20), "MB");
}

/* ---- evaluation ---- */

void script_result_deinit(script_result *r) {
    text_free(r->conditions);
    text_free(r->tags);
    text_free(r->values);
    text_free(r->plots);
    text_free(r->fault);
    text_free(r->prompt);
    r->conditions = r->tags = r->values = r->plots = r->fault = r->prompt = NULL;
}

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

/* A trader may keep what it likes while it stays small; one that fills the state would starve its neighbours. And no
 * answer counts that was given without the memory it asked for, even if the script has caught the error. */
err state_check_memory(script_state *s, int32_t index, diag *why) {
    size_t share = s->limits.memory_bytes / TRADER_SHARE;
    if (region_refused(s->memory)) return state_kill_for_memory(s, why);
    if (region_owned(s->memory, state_owner(index)) < share && region_used(s->memory) < 2 * share) return OK;
    collect_garbage(s);
    if (region_owned(s->memory, state_owner(index)) < share && region_used(s->memory) < 2 * share) return OK;
    return state_kill_for_memory(s, why);
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
    s->is_quiet = view->ignores_warmup;
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
    bool is_quiet = shown.ignores_warmup || c->is_repeated;
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

static bool wants_prompt(const script_state *s, const program *p) {
    switch (s->limits.analysis) {
    case ANALYSIS_OFF: return false;
    case ANALYSIS_ASKED: return p->wants_analysis && !p->is_manual;
    case ANALYSIS_ALL: return !p->is_manual;
    case ANALYSIS_MANUAL: return true;
    }
    return false;
}

err script_state_prompt(script_state *s, int32_t index, const script_view *view, script_result *r, diag *why) {
    trader_call c = {
        .s = s, .p = &s->programs[index], .index = index, .view = view, .gave_table = r->gave_table, .why = why};
    err e;
    if (!wants_prompt(s, c.p)) return OK;
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
