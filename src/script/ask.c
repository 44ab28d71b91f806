/* See ask.h. */
#include "script/ask.h"
#include "script/state_body.h"
#include <stdlib.h>
#include <string.h>

typedef struct ask_call {
    script_state *s;
    const char *question, *argument;
    char *answer;
    int status;
} ask_call;

/* The tools are a module like any other, so `require` has put them where C finds them. */
CALLED_BY_LUA static int ask_protected(lua_State *L) {
    ask_call *c = lua_touserdata(L, 1);
    lua_getfield(L, LUA_REGISTRYINDEX, "_LOADED");
    lua_getfield(L, -1, "tools");
    lua_getfield(L, -1, c->question);
    lua_pushstring(L, c->argument);
    lua_call(L, 1, 1);
    if (lua_type(L, -1) == LUA_TSTRING) c->answer = strdup(lua_tostring(L, -1));
    return 0;
}

static void call_ask(void *context) {
    ask_call *c = context;
    lua_settop(c->s->L, HANDLER);
    c->status = lua_cpcall(c->s->L, ask_protected, c);
}

err script_state_ask(script_state *s, const char *question, const char *argument, char **answer, diag *why) {
    ask_call c = {.s = s, .question = question, .argument = argument};
    err e = OK;
    if (guard_call(s->guard, s->limits.load_cpu_ms, call_ask, &c) != OK)
        return state_kill_for_cpu(s, s->context.trader, s->limits.load_cpu_ms, true, why);
    if (c.status != 0)
        e = diag_set(why, ERR_SCRIPT, "%s", lua_type(s->L, -1) == LUA_TSTRING ? lua_tostring(s->L, -1) : "no text");
    lua_settop(s->L, HANDLER);
    if (e == OK)
        *answer = c.answer;
    else
        free(c.answer);
    return e;
}
