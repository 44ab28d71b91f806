/* One LuaJIT state: see state.h. What its traders see is in slots.c, how they are compiled in loader.c, how
 * they are called in calls.c.
 *
 * Lua's functions that may allocate are called in protected mode only: an error outside of it would end the process. */
#include "script/state.h"
#include "base/clock.h"
#include "base/log.h"
#include "script/embedded.h"
#include "script/state_body.h"
#include "script/text.h"
#include <assert.h>
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
    if (!s->is_quiet && !s->limits.is_quiet) printout_hold(&s->printed, level, text);
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

/* ---- results ---- */

void script_result_deinit(script_result *r) {
    text_free(r->conditions);
    text_free(r->tags);
    text_free(r->values);
    text_free(r->plots);
    text_free(r->fault);
    text_free(r->prompt);
    r->conditions = r->tags = r->values = r->plots = r->fault = r->prompt = NULL;
}
