/* One LuaJIT state: see state.h.
 *
 * Traders see series through slots:
 *
 *    trader's proxy ── closes over ──► slots[k] {data, count}  ── repointed by bind() before each evaluation ──► column
 *                                                                                                       of the symbol
 * A slot belongs to one trader; the slots of a trader form a list. Once everything is there and warm on a symbol, the
 * places of the columns are kept with the symbol (script_binding), and the next bind() only copies them. When a script asks for a series that it has not used
 * before, script_series() makes the slot, empty; after the call bind() attaches the indicator to the symbol and the
 * filter runs once more, so that no answer is ever based on a series that was not there yet.
 * A filter may ask for some series on rare bars only. What the dry evaluation has seen of it is waited for on every
 * symbol; what it has not seen is *late*: such a series begins on a symbol at that symbol's own first use, and only an
 * evaluation that asks for it waits for its depth. So an answer never depends on what other symbols have asked for.
 *
 * Lua's functions that may allocate are called in protected mode only: an error outside of it would end the process. */
#include "script/state.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/uuid.h"
#include "script/dry_market.h"
#include "script/embedded.h"
#include "script/region.h"
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

#define TRADER_NAMESPACE "6d8f2f0c-3f0e-5b7a-9c55-7a1c1f0e9b42"

enum {
    SLOTS_MAX = 16384,
    INDICATORS_PER_TRADER = 128,
    DRY_EVALUATIONS = 64,
    TRACE_BYTES = 4096,
    LOG_LINES_PER_SECOND = 10,
    STACK_RESERVE =
        1 << 19 /* for what runs below a check: at the most an 8 KB buffer of string.gsub and the unwinder */
};

int luaopen_cjson(lua_State *L);

typedef struct slot_meta {
    series_ref ref;
    int32_t interval;
    int32_t hint;  /* where the indicator was found last time */
    int32_t depth; /* bars that it needs before it counts */
    int32_t next;  /* next slot of the same trader; -1: none */
    int64_t seen;  /* late: bars that it has seen of the present symbol */
    bool is_late;  /* the dry evaluation has not seen it */
    bool is_bound; /* late: there is a series of the present symbol */
    bool is_asked; /* late: in the present evaluation */
} slot_meta;

typedef struct program {
    const trader_source *source;
    int filter, market; /* references in Lua's registry; 0: not loaded */
    int32_t first_slot, n_slots, n_late, n_indicators, warmup;
    int32_t interval, line;      /* line: where the filter begins */
    uint32_t intervals;          /* bit per interval that has a slot */
    const trader_spec *expected; /* its needs; NULL: not known */
    int32_t n_met;               /* of them, those that have a slot */
} program;

struct script_state {
    script_context context; /* first: script_series finds the state by it */
    lua_State *L;
    region *memory;
    guard *guard;
    registry *registry;
    script_limits limits;
    slot_meta *metas;
    int32_t n_slots, n_programs;
    program *programs;
    int load_function, result_function;
    int64_t born_ns;
    bool is_dead, is_quiet;
    bool watches_late; /* the present call may ask for a late series that is not warm, or has not begun */
    int32_t guilty;
    bool has_new_slots;      /* since the last bind */
    const char *stack_floor; /* of the thread, with the reserve above its end */
    int64_t log_second;
    int32_t log_lines;
    char trace[TRACE_BYTES];
};

/* What a slot shows outside of its trader's calls: no bars, and NaN before them. */
static const double no_bars[] = {NAN, NAN};
static const script_slot no_series = {.data = no_bars + 1};

struct script_binding {
    const script_state *state;
    int64_t born_ns;  /* of the state: another one may get its place in memory */
    int64_t n_epochs; /* new epochs, forced by old corrections, of the trader's sets */
    int32_t n_slots, n_unbound;
    const double *data[]; /* in the order of the trader's list of slots; NULL: a late series not begun on this symbol */
};

/* A function that a Lua error may leave: ThreadSanitizer does not see that, and would count it as entered for ever. */
#define CALLED_BY_LUA __attribute__((no_sanitize("thread")))

enum { HANDLER = 1 }; /* stack index of the traceback handler, always there */

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
    int64_t second = monotonic_ms() / 1000;
    log_level level = (log_level)luaL_checkinteger(L, 1);
    const char *text = luaL_checkstring(L, 2);
    if (s->is_quiet) return 0;
    if (second != s->log_second) {
        if (s->log_lines > LOG_LINES_PER_SECOND)
            log_warn("script", "%d more lines of scripts in one second were left out",
                     s->log_lines - LOG_LINES_PER_SECOND);
        s->log_second = second;
        s->log_lines = 0;
    }
    if (++s->log_lines > LOG_LINES_PER_SECOND || s->context.trader >= s->n_programs) return 0;
    log_write(level, "script", "%s %s: %s", s->programs[s->context.trader].source->key,
              s->context.symbol ? s->context.symbol : "", text);
    return 0;
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

static int32_t refuse(script_context *c, int32_t code, const char *text) {
    snprintf(c->message, sizeof c->message, "%.*s", (int)sizeof c->message - 1, text);
    return code;
}

int32_t script_kind(const char *name) { return kernel_find(name, strlen(name)); }

/* LuaJIT bounds the stack of Lua, not that of C: string.gsub with a callback takes 8 KB of it for each level, and
 * coroutines inside coroutines start a fresh Lua stack each time. Without this check they end the process. */
bool script_has_stack(const script_context *c) {
    return (const char *)__builtin_frame_address(0) > ((const script_state *)c)->stack_floor;
}

bool script_is_full(const script_context *c) { return region_refused(((const script_state *)c)->memory) > 0; }

static bool is_need(const program *p, const slot_meta *meta) {
    for (int32_t i = 0; p->expected && i < p->expected->n_needs; i++)
        if (p->expected->needs[i].interval == meta->interval && p->expected->needs[i].series == meta->ref) return true;
    return false;
}

/* Whether a slot before this one has the same series. */
static bool is_repeat(const script_state *s, const slot_meta *meta) {
    for (int32_t k = meta->next; k >= 0; k = s->metas[k].next)
        if (s->metas[k].interval == meta->interval && s->metas[k].ref == meta->ref) return true;
    return false;
}

static bool uses_indicator(const script_state *s, const program *p, int32_t id) {
    for (int32_t k = p->first_slot; k >= 0; k = s->metas[k].next)
        if (series_is_output(s->metas[k].ref) && series_indicator(s->metas[k].ref) == id) return true;
    return false;
}

int32_t script_series(script_context *c, int32_t interval, int32_t kind, int32_t source0, int32_t source1, double p0,
                      double p1, double p2, double p3, int32_t output) {
    script_state *s = (script_state *)c;
    program *p = &s->programs[c->trader];
    slot_meta meta = {.ref = source0, .interval = interval, .depth = 1, .next = p->first_slot};
    diag why;
    if (s->n_slots == SLOTS_MAX) return refuse(c, SCRIPT_FULL, "too many series in this worker");
    if (kind >= 0) {
        indicator_spec spec = {
            .kind = kind, .interval = interval, .source = {SERIES_NONE, SERIES_NONE}, .param = {p0, p1, p2, p3}};
        int32_t id;
        if (source0 >= 0) spec.source[0] = s->metas[source0].ref;
        if (source1 >= 0) spec.source[1] = s->metas[source1].ref;
        if (kernel_check(kind, spec.param, &why) != OK) return refuse(c, SCRIPT_BAD_PARAMETER, why.text);
        id = registry_claim(s->registry, &spec);
        if (id < 0) return refuse(c, SCRIPT_FULL, "too many indicators in this process (4096)");
        if (!uses_indicator(s, p, id) && ++p->n_indicators > INDICATORS_PER_TRADER) {
            p->n_indicators--;
            return refuse(c, SCRIPT_TOO_MANY, "too many indicators in this trader (128)");
        }
        meta.ref = series_of_output(id, output);
        meta.depth = registry_depth(s->registry, id);
    }
    meta.is_late = meta.is_asked = !is_need(p, &meta);
    if (!meta.is_late && !is_repeat(s, &meta)) p->n_met++;
    s->metas[s->n_slots] = meta;
    c->slots[s->n_slots] = no_series;
    p->first_slot = s->n_slots;
    p->n_slots++;
    p->n_late += meta.is_late;
    p->intervals |= 1u << interval;
    s->has_new_slots = true;
    return s->n_slots++;
}

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
        if (!dot || strcmp(dot, ".lua") != 0) continue;
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
    lua_call(L, 3, 2);
    s->result_function = luaL_ref(L, LUA_REGISTRYINDEX);
    s->load_function = luaL_ref(L, LUA_REGISTRYINDEX);
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

/* The message on top of the stack, with a place in front when it has none: at least where the filter begins. */
static err script_error(const script_state *s, int32_t index, int status, diag *why) {
    const program *p = &s->programs[index];
    const char *chunk = p->source->chunk, *rest;
    const char *text = lua_type(s->L, -1) == LUA_TSTRING ? lua_tostring(s->L, -1) : "error was called without a text";
    /* To Lua a series is a userdata, a word that no author of a trader knows. */
    const char *hint = strstr(text, "userdata") ? "; a series is read as s[0], its newest bar" : "";
    if (status == LUA_ERRMEM) return ERR_NO_MEMORY;
    rest = without_place(text, chunk);
    if (rest) return diag_set(why, ERR_SCRIPT, "%s%s%s", chunk, rest, hint);
    if (p->line > 0) return diag_set(why, ERR_SCRIPT, "%s:%d: in the filter: %s%s", chunk, p->line, text, hint);
    return diag_set(why, ERR_SCRIPT, "%s: %s%s", chunk, text, hint);
}

static err kill_for(script_state *s, int32_t index, diag *why, const char *limit, long long amount, const char *unit) {
    s->is_dead = true;
    s->guilty = index;
    return diag_set(why, ERR_RUNAWAY, "%s: stopped, over its limit %s of %lld %s", s->programs[index].source->chunk,
                    limit, amount, unit);
}

static err kill_for_cpu(script_state *s, int32_t index, int64_t budget_ms, bool is_load, diag *why) {
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

static uint32_t owner_number(int32_t index) { return (uint32_t)index + 1; } /* 0: the stdlib */

static int32_t heaviest(const script_state *s, size_t (*weight)(const region *, uint32_t)) {
    int32_t worst = 0;
    for (int32_t i = 1; i < s->n_programs; i++)
        if (weight(s->memory, owner_number(i)) > weight(s->memory, owner_number(worst))) worst = i;
    return worst;
}

/* Most of a full state is held by somebody: that one is to blame, whoever ran. If nobody holds much, what has filled it
 * was dropped again, and the one that needed most of it at once is to blame. */
static err kill_for_memory(script_state *s, diag *why) {
    int32_t guilty = heaviest(s, region_owned);
    if (region_owned(s->memory, owner_number(guilty)) < s->limits.memory_bytes / 4 * 3) {
        collect_garbage(s);
        guilty = heaviest(s, region_owned);
    }
    if (region_owned(s->memory, owner_number(guilty)) < s->limits.memory_bytes / 8) guilty = heaviest(s, region_grown);
    return kill_for(s, guilty, why, "SCRIPT_MEMORY_MB", (long long)(s->limits.memory_bytes >> 20), "MB");
}

/* ---- evaluation ---- */

void script_result_deinit(script_result *r) {
    free(r->conditions);
    free(r->tags);
    r->conditions = r->tags = NULL;
}

static void note_lack(script_result *result, int64_t seen, int32_t depth, int32_t *lack) {
    if (depth - seen <= *lack) return;
    *lack = depth - (int32_t)seen;
    result->have = (int32_t)seen;
    result->need = depth;
}

/* The place of an indicator on the symbol, where it begins if it is not there yet. */
static err find_or_begin(indicator_set *set, int32_t id, int32_t *hint) {
    int32_t found = indicator_set_find(set, id, *hint);
    if (found < 0) {
        err e = indicator_set_add(set, id, 0);
        if (e != OK) return e;
        found = indicator_set_find(set, id, *hint);
    }
    *hint = found;
    return OK;
}

/* Needs that have no slot in this state yet. */
static err wait_for_needs(const program *p, const script_view *view, const int32_t count[N_INTERVALS],
                          script_result *result, int32_t *lack) {
    for (int32_t i = 0; i < p->expected->n_needs; i++) {
        const trader_need *need = &p->expected->needs[i];
        int64_t seen = count[need->interval];
        int32_t place = 0;
        if (series_is_output(need->series)) {
            err e = find_or_begin(view->sets[need->interval], series_indicator(need->series), &place);
            if (e != OK) return e;
            seen = indicator_set_seen_at(view->sets[need->interval], place, count[need->interval]);
        }
        if (p->warmup < 0) note_lack(result, seen, need->depth, lack);
    }
    return OK;
}

/* A series that nothing waits for any more on this symbol. */
static void show_warm(script_state *s, int32_t k, const double *data, int32_t count) {
    s->metas[k].is_bound = true;
    s->metas[k].seen = INT32_MAX;
    s->context.slots[k] = (script_slot){.data = data, .available = count};
}

/* A late series that has not begun on this symbol: count -1 until it is asked for. */
static void show_unbound(script_state *s, int32_t k) {
    s->metas[k].is_bound = false;
    s->context.slots[k] = (script_slot){.data = no_series.data, .count = -1};
}

static err point_slot(script_state *s, int32_t k, const script_view *view, int32_t count) {
    slot_meta *meta = &s->metas[k];
    script_slot *slot = &s->context.slots[k];
    meta->seen = slot->available = count;
    meta->is_bound = true;
    slot->count = meta->is_late ? -1 : 0; /* asking for it sets it to `available` */
    if (series_is_output(meta->ref)) {
        indicator_set *set = view->sets[meta->interval];
        int32_t id = series_indicator(meta->ref);
        if (meta->is_late && !meta->is_asked && indicator_set_find(set, id, meta->hint) < 0) {
            show_unbound(s, k);
            return OK;
        }
        err e = find_or_begin(set, id, &meta->hint);
        if (e != OK) return e;
        slot->data = indicator_set_values(set, meta->hint, series_output(meta->ref));
        meta->seen = indicator_set_seen_at(set, meta->hint, count);
    } else {
        slot->data = kline_series_field(view->bars[meta->interval], meta->ref);
    }
    return OK;
}

static int64_t count_epochs(const program *p, const script_view *view) {
    int64_t n = 0;
    for (uint32_t rest = p->intervals; rest; rest &= rest - 1)
        n += indicator_set_new_epochs(view->sets[__builtin_ctz(rest)]);
    return n;
}

/* Points the slots where they pointed the last time on this symbol. False when that is not known, or was not the end of
 * it: series have come since, a correction may have taken bars away. What was warm then is warm at a later bar. */
static bool bind_again(script_state *s, const program *p, const script_view *view) {
    const script_binding *b = view->binding ? *view->binding : NULL;
    const double *const *data;
    int32_t count[N_INTERVALS];
    if (!b || b->state != s || b->born_ns != s->born_ns || b->n_slots != p->n_slots ||
        b->n_epochs != count_epochs(p, view))
        return false;
    for (uint32_t rest = p->intervals; rest; rest &= rest - 1) {
        int32_t i = __builtin_ctz(rest);
        count[i] = kline_series_count_at(view->bars[i], view->close_ms);
    }
    data = b->data;
    for (int32_t k = p->first_slot; k >= 0; k = s->metas[k].next, data++) {
        if (*data)
            show_warm(s, k, *data, count[s->metas[k].interval]);
        else
            show_unbound(s, k);
    }
    s->has_new_slots = false;
    s->watches_late = b->n_unbound > 0;
    s->context.count = count[p->interval];
    return true;
}

/* After a bind that lacked nothing; not while a late series is warming up. Without memory for it, the next bind is a
 * long one again. */
static void keep_binding(const script_state *s, const program *p, const script_view *view) {
    script_binding *b;
    int32_t n = 0;
    if (!view->binding) return;
    for (int32_t k = p->first_slot; k >= 0; k = s->metas[k].next) {
        const slot_meta *meta = &s->metas[k];
        if (meta->is_late && meta->is_bound && meta->seen < meta->depth && p->warmup < 0) return;
    }
    b = realloc(*view->binding, sizeof *b + (size_t)p->n_slots * sizeof *b->data);
    if (!b) return;
    *view->binding = b;
    *b = (script_binding){.state = s, .born_ns = s->born_ns, .n_epochs = count_epochs(p, view), .n_slots = p->n_slots};
    for (int32_t k = p->first_slot; k >= 0; k = s->metas[k].next) {
        bool is_bound = s->metas[k].is_bound;
        b->data[n++] = is_bound ? s->context.slots[k].data : NULL;
        b->n_unbound += !is_bound;
    }
}

void script_binding_free(script_binding *b) { free(b); }

/* Points the slots of a trader at a symbol. OK, or ERR_NOT_FOUND while something is warming up (result says what). */
static err bind(script_state *s, program *p, const script_view *view, script_result *result, diag *why) {
    int32_t count[N_INTERVALS], lack = 0;
    err e = OK;
    for (int32_t i = 0; i < N_INTERVALS; i++)
        if (p->intervals >> i & 1) {
            if (!view->bars[i])
                return diag_set(why, ERR_SCRIPT, "%s: no %s bars of %s", p->source->chunk, interval_name(i),
                                view->symbol->name);
            count[i] = kline_series_count_at(view->bars[i], view->close_ms);
        }
    for (int32_t k = p->first_slot; k >= 0 && e == OK; k = s->metas[k].next) {
        const slot_meta *meta = &s->metas[k];
        e = point_slot(s, k, view, count[meta->interval]);
        if (!meta->is_late && p->warmup < 0) note_lack(result, meta->seen, meta->depth, &lack);
    }
    if (e == OK && p->expected && p->n_met < p->expected->n_needs) e = wait_for_needs(p, view, count, result, &lack);
    if (e != OK)
        return diag_set(why, ERR_SCRIPT, "%s: an indicator needs more bars than are kept; raise KLINE_HISTORY",
                        p->source->chunk);
    if (p->warmup >= 0) {
        int64_t have = kline_series_dropped(view->bars[p->interval]) + count[p->interval];
        if (have < p->warmup) {
            lack = 1;
            result->have = (int32_t)have;
            result->need = p->warmup;
        }
    }
    s->has_new_slots = false;
    s->watches_late = p->n_late > 0;
    s->context.count = count[p->interval];
    if (lack == 0) keep_binding(s, p, view);
    return lack > 0 && !view->ignores_warmup ? ERR_NOT_FOUND : OK;
}

typedef struct filter_call {
    script_state *s;
    program *p;
    int32_t index;
    const script_view *view;
    int status;
    bool is_match;
    script_result *result;
    diag *why;
} filter_call;

static double number_or_nan(lua_State *L, int i) { return lua_type(L, i) == LUA_TNUMBER ? lua_tonumber(L, i) : NAN; }

/* What M.result of the sandbox answered: match, side, score, stop, targets, conditions, tags. Reads only; a jump out
 * of here may leak a copied text, nothing else. */
static void read_table(filter_call *c) {
    lua_State *L = c->s->L;
    script_result *r = c->result;
    int base = lua_gettop(L) - 6;
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
    if (lua_type(L, base + 5) == LUA_TSTRING) r->conditions = strdup(lua_tostring(L, base + 5));
    if (lua_type(L, base + 6) == LUA_TSTRING) r->tags = strdup(lua_tostring(L, base + 6));
}

static void call_filter(void *context) {
    filter_call *c = context;
    lua_State *L = c->s->L;
    lua_settop(L, HANDLER);
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

/* A trader may keep what it likes while it stays small; one that fills the state would starve its neighbours. And no
 * answer counts that was given without the memory it asked for, even if the script has caught the error. */
static err check_memory(script_state *s, int32_t index, diag *why) {
    size_t share = s->limits.memory_bytes / 4;
    if (region_refused(s->memory)) return kill_for_memory(s, why);
    if (region_owned(s->memory, owner_number(index)) < share && region_used(s->memory) < 2 * share) return OK;
    collect_garbage(s);
    if (region_owned(s->memory, owner_number(index)) < share && region_used(s->memory) < 2 * share) return OK;
    return kill_for_memory(s, why);
}

static void show(script_state *s, int32_t index, const script_view *view) {
    s->context.open_ms = view->open_ms;
    s->context.close_ms = view->close_ms;
    s->context.symbol = view->symbol->name;
    s->context.base = view->symbol->base;
    s->context.quote = view->symbol->quote;
    s->context.tick_size = view->symbol->tick_size;
    s->context.symbol_id = view->symbol_id;
    s->context.trader = index;
    s->is_quiet = view->ignores_warmup;
    region_set_owner(s->memory, owner_number(index));
}

static void hide(script_state *s, const program *p) {
    for (int32_t k = p->first_slot; k >= 0; k = s->metas[k].next) s->context.slots[k] = no_series;
    region_set_owner(s->memory, 0);
}

static int64_t thread_cpu_ms(void) {
    struct timespec t = {0};
    (void)!clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void forget_asked(script_state *s, const program *p) {
    if (p->n_late == 0) return;
    for (int32_t k = p->first_slot; k >= 0; k = s->metas[k].next) s->metas[k].is_asked = false;
}

/* Which late series the call has asked for; true when one of them has no values of this symbol yet. */
static bool note_asked(script_state *s, const program *p) {
    bool has_unbound = false;
    if (!s->watches_late) return false;
    for (int32_t k = p->first_slot; k >= 0; k = s->metas[k].next) {
        slot_meta *meta = &s->metas[k];
        if (!meta->is_late || s->context.slots[k].count < 0) continue;
        meta->is_asked = true;
        has_unbound = has_unbound || !meta->is_bound;
    }
    return has_unbound;
}

/* True, with the outcome set, when a late series that was asked for lacks bars. */
static bool wait_for_late(const script_state *s, const program *p, script_result *result) {
    int32_t lack = 0;
    if (!s->watches_late) return false;
    for (int32_t k = p->first_slot; k >= 0; k = s->metas[k].next)
        if (s->metas[k].is_late && s->metas[k].is_asked) note_lack(result, s->metas[k].seen, s->metas[k].depth, &lack);
    return lack > 0 && p->warmup < 0;
}

/* The filter, once more for every batch of series that it had not asked for before. Each run has the budget of an
 * evaluation; those that only find out what it uses have that of a load besides, all together. */
static err run_filter(filter_call *c) {
    script_state *s = c->s;
    int64_t budget_ms = s->limits.cpu_ms, began_ms = 0;
    bool has_unbound, is_known = bind_again(s, c->p, c->view);
    forget_asked(s, c->p);
    do {
        err e = is_known ? OK : bind(s, c->p, c->view, c->result, c->why);
        if (e != OK) return e;
        is_known = false;
        script_result_deinit(c->result);
        if (guard_call(s->guard, budget_ms, call_filter, c) != OK)
            return kill_for_cpu(s, c->index, s->limits.cpu_ms, false, c->why);
        has_unbound = note_asked(s, c->p);
        /* Also after an error: it may come of a series that was still empty. */
        if (!(s->has_new_slots || has_unbound) || c->status == LUA_ERRMEM) break;
        if (!began_ms) began_ms = thread_cpu_ms();
        if (thread_cpu_ms() - began_ms + budget_ms > s->limits.load_cpu_ms)
            budget_ms = s->limits.load_cpu_ms - (thread_cpu_ms() - began_ms);
    } while (budget_ms > 0);
    if (budget_ms <= 0) return kill_for_cpu(s, c->index, s->limits.load_cpu_ms, true, c->why);
    return c->status == 0 ? OK : script_error(s, c->index, c->status, c->why);
}

err script_state_evaluate(script_state *s, int32_t index, const script_view *view, script_result *result, diag *why) {
    program *p = &s->programs[index];
    filter_call c = {.s = s, .p = p, .index = index, .view = view, .result = result, .why = why};
    err e;
    *result = (script_result){.score = NAN, .stop = NAN, .outcome = SCRIPT_NO_MATCH};
    show(s, index, view);
    e = run_filter(&c);
    if (s->is_dead) return e;
    hide(s, p);
    lua_settop(s->L, HANDLER);
    if (e == ERR_NOT_FOUND) {
        result->outcome = SCRIPT_WARMING;
        return OK;
    }
    if (e == ERR_NO_MEMORY) return kill_for_memory(s, why);
    if (e == OK) result->outcome = c.is_match ? SCRIPT_MATCH : SCRIPT_NO_MATCH;
    if (e == OK && !view->ignores_warmup && wait_for_late(s, p, result)) result->outcome = SCRIPT_WARMING;
    return check_memory(s, index, why) == OK ? e : ERR_RUNAWAY;
}

/* ---- loading ---- */

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

static void read_spec(lua_State *L, int table, const trader_source *source, trader_spec *spec) {
    const char *key = text_field(L, table, "id"), *name = text_field(L, table, "name"),
               *fire = text_field(L, table, "fire");
    char named[sizeof "file:" + TRADER_KEY_MAX];
    snprintf(spec->key, sizeof spec->key, "%s", key ? key : source->key);
    snprintf(spec->name, sizeof spec->name, "%s", name ? name : spec->key);
    snprintf(spec->revision, sizeof spec->revision, "%s", source->revision);
    snprintf(named, sizeof named, "file:%s", spec->key);
    (void)uuid5(TRADER_NAMESPACE, named, strlen(named), spec->id);
    spec->interval = (int32_t)number_field(L, table, "interval_number", 0);
    spec->interval_mask = (uint32_t)number_field(L, table, "interval_mask", 0);
    spec->fire = fire && strcmp(fire, "every") == 0 ? FIRE_EVERY : FIRE_EDGE;
    spec->fire_every = (int32_t)number_field(L, table, "fire_every", 1);
    spec->cooldown = (int32_t)number_field(L, table, "cooldown", 0);
    spec->warmup = (int32_t)number_field(L, table, "warmup", -1);
    lua_getfield(L, table, "enabled");
    spec->is_enabled = lua_toboolean(L, -1);
    lua_pop(L, 1);
    spec->include = list_field(L, table, "include");
    spec->exclude = list_field(L, table, "exclude");
    spec->quote = copy_field(L, table, "quote", NULL);
    spec->conditions = copy_field(L, table, "conditions", "[]");
    spec->inputs = copy_field(L, table, "inputs", "[]");
    spec->tags = copy_field(L, table, "tags", "[]");
    spec->description = copy_field(L, table, "description", "");
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
    lua_call(L, 5, 3);
    table = lua_gettop(L);
    p->warmup = (int32_t)number_field(L, table, "warmup", -1);
    p->interval = (int32_t)number_field(L, table, "interval_number", 0);
    p->intervals = (uint32_t)number_field(L, table, "interval_mask", 0);
    p->line = (int32_t)number_field(L, table, "line", 0);
    if (c->spec) read_spec(L, table, c->source, c->spec);
    lua_settop(L, table - 1);
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

/* What has been asked for so far becomes what the trader needs. */
static err note_needs(script_state *s, program *p, trader_spec *spec) {
    int32_t n = 0;
    for (int32_t k = p->first_slot; k >= 0; k = s->metas[k].next) n++;
    spec->needs = calloc((size_t)n + 1, sizeof *spec->needs);
    if (!spec->needs) return ERR_NO_MEMORY;
    p->n_late = 0;
    for (int32_t k = p->first_slot; k >= 0; k = s->metas[k].next) {
        slot_meta *meta = &s->metas[k];
        meta->is_late = false;
        if (meta->depth > spec->depth[meta->interval]) spec->depth[meta->interval] = meta->depth;
        if (!is_repeat(s, meta)) spec->needs[spec->n_needs++] = (trader_need){meta->interval, meta->ref, meta->depth};
    }
    return OK;
}

void script_state_expect(script_state *s, int32_t index, const trader_spec *spec) {
    program *p = &s->programs[index];
    p->expected = spec;
    for (int32_t i = 0; i < spec->n_needs; i++) p->intervals |= 1u << spec->needs[i].interval;
}

/* Runs the filter over generated bars: what it uses is registered, and a filter that always fails is found out now. */
static err run_dry(script_state *s, int32_t index, trader_spec *spec, diag *why) {
    dry_market *market = NULL;
    script_view view;
    script_result result;
    diag first = {.text = ""}, ignored;
    int n_failed = 0;
    err e = dry_market_new(s->registry, spec->interval, spec->interval_mask, &market);
    if (e != OK) return diag_set(why, e, "%s: out of memory", s->programs[index].source->chunk);
    for (int32_t k = DRY_EVALUATIONS - 1; k >= 0 && e == OK; k--) {
        dry_market_view(market, k, &view);
        e = script_state_evaluate(s, index, &view, &result, n_failed ? &ignored : &first);
        script_result_deinit(&result);
        if (e == ERR_SCRIPT) {
            n_failed++;
            e = OK;
        }
    }
    if (e == ERR_RUNAWAY)
        *why = n_failed ? ignored : first;
    else if (n_failed == DRY_EVALUATIONS) {
        *why = first;
        e = ERR_SCRIPT;
    }
    if (e == OK) e = note_needs(s, &s->programs[index], spec);
    if (spec->warmup > spec->depth[spec->interval]) spec->depth[spec->interval] = spec->warmup;
    dry_market_free(market);
    return e;
}

err script_state_load(script_state *s, int32_t index, const trader_source *source, trader_spec **out, diag *why) {
    load_call c = {.s = s, .index = index, .source = source};
    err e = add_program(s, index, source);
    if (e == OK && out && !(c.spec = calloc(1, sizeof *c.spec))) e = ERR_NO_MEMORY;
    if (e != OK) return diag_set(why, e, "%s: out of memory", source->chunk);
    s->context.trader = index;
    region_set_owner(s->memory, owner_number(index));
    if (guard_call(s->guard, s->limits.load_cpu_ms, call_load, &c) != OK)
        e = kill_for_cpu(s, index, s->limits.load_cpu_ms, true, why);
    else if (c.status != 0)
        e = script_error(s, index, c.status, why);
    region_set_owner(s->memory, 0);
    if (e == ERR_NO_MEMORY)
        e = kill_for_memory(s, why);
    else if (e == OK)
        e = check_memory(s, index, why);
    if (e == OK && out) e = run_dry(s, index, c.spec, why);
    if (e == OK && out)
        *out = c.spec;
    else
        trader_spec_free(c.spec);
    return e;
}
