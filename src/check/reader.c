/* See reader.h. */
#include "check/reader.h"
#include "script/embedded.h"
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <stdlib.h>
#include <string.h>

int luaopen_cjson(lua_State *L);

struct reader {
    lua_State *L;
    int main; /* reference to the table of lua/check/main.lua */
};

/* The files of lua/check, and what they share with the sandbox, become modules. */
static int preload(lua_State *L) {
    lua_getglobal(L, "package");
    lua_getfield(L, -1, "preload");
    lua_pushcfunction(L, luaopen_cjson);
    lua_setfield(L, -2, "cjson");
    for (size_t i = 0; i < n_embedded_files; i++) {
        const struct embedded_file *file = &embedded_files[i];
        bool is_shared = strcmp(file->name, "suggest.lua") == 0 || strcmp(file->name, "dialect.lua") == 0;
        if (strncmp(file->name, "check/", 6) != 0 && !is_shared) continue;
        lua_pushfstring(L, "=%s", file->name);
        if (luaL_loadbuffer(L, file->text, file->bytes, lua_tostring(L, -1)) != 0) return lua_error(L);
        lua_remove(L, -2);
        lua_pushlstring(L, file->name, strlen(file->name) - 4);
        lua_insert(L, -2);
        lua_rawset(L, -3);
    }
    return 0;
}

static int boot(lua_State *L) {
    reader *r = lua_touserdata(L, 1);
    luaL_openlibs(L);
    preload(L);
    lua_getglobal(L, "require");
    lua_pushliteral(L, "check/main");
    lua_call(L, 1, 1);
    r->main = luaL_ref(L, LUA_REGISTRYINDEX);
    return 0;
}

static err failed(reader *r, diag *why) {
    const char *text = lua_tostring(r->L, -1);
    err e = diag_set(why, ERR_SCRIPT, "check: %s", text ? text : "an error without a text");
    lua_settop(r->L, 0);
    return e;
}

err reader_new(reader **out, diag *why) {
    reader *r = calloc(1, sizeof *r);
    if (r) r->L = luaL_newstate();
    if (!r || !r->L) {
        free(r);
        return diag_set(why, ERR_NO_MEMORY, "out of memory");
    }
    if (lua_cpcall(r->L, boot, r) != 0) {
        err e = failed(r, why);
        reader_free(r);
        return e;
    }
    *out = r;
    return OK;
}

void reader_free(reader *r) {
    if (!r) return;
    lua_close(r->L);
    free(r);
}

typedef struct text {
    const char *bytes;
    size_t n;
} text;

typedef struct call {
    reader *r;
    const char *function;
    const text *arguments;
    int n_arguments, n_results;
    char **results[2];
} call;

static int call_protected(lua_State *L) {
    call *c = lua_touserdata(L, 1);
    lua_rawgeti(L, LUA_REGISTRYINDEX, c->r->main);
    lua_getfield(L, -1, c->function);
    for (int i = 0; i < c->n_arguments; i++) lua_pushlstring(L, c->arguments[i].bytes, c->arguments[i].n);
    lua_call(L, c->n_arguments, c->n_results);
    for (int i = 0; i < c->n_results; i++) {
        int at = i - c->n_results;
        *c->results[i] = lua_type(L, at) == LUA_TSTRING ? strdup(lua_tostring(L, at)) : NULL;
    }
    return 0;
}

static err run(reader *r, call *c, diag *why) {
    c->r = r;
    for (int i = 0; i < c->n_results; i++) *c->results[i] = NULL;
    return lua_cpcall(r->L, call_protected, c) == 0 ? OK : failed(r, why);
}

err reader_open(reader *r, const char *code, size_t bytes, const char *chunk, const char *names, char **watched,
                char **warning, diag *why) {
    const text arguments[] = {{code, bytes}, {chunk, strlen(chunk)}, {names, strlen(names)}};
    return run(r,
               &(call){.function = "open",
                       .arguments = arguments,
                       .n_arguments = 3,
                       .n_results = 2,
                       .results = {watched, warning}},
               why);
}

err reader_close(reader *r, const char *facts, char **findings, diag *why) {
    const text argument = {facts, strlen(facts)};
    return run(
        r,
        &(call){.function = "close", .arguments = &argument, .n_arguments = 1, .n_results = 1, .results = {findings}},
        why);
}

err reader_sites(reader *r, char **sites, diag *why) {
    return run(r, &(call){.function = "sites", .n_results = 1, .results = {sites}}, why);
}
