/* See traces.h. */
#include "bench/lib/traces.h"
#include <dlfcn.h>
#include <lauxlib.h>
#include <lualib.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static _Atomic uint64_t n_flushes, n_compiled;

uint64_t traces_flushes(void) { return atomic_load(&n_flushes); }
uint64_t traces_compiled(void) { return atomic_load(&n_compiled); }

/* As jit.attach calls it: what has happened, and to which trace. */
static int on_trace(lua_State *L) {
    const char *what = lua_type(L, 1) == LUA_TSTRING ? lua_tostring(L, 1) : "";
    if (strcmp(what, "flush") == 0) atomic_fetch_add(&n_flushes, 1);
    if (strcmp(what, "stop") == 0) atomic_fetch_add(&n_compiled, 1);
    return 0;
}

/* The function of the library, which the program hides. */
static void open_hidden(lua_State *L) {
    void (*open)(lua_State *);
    *(void **)&open = dlsym(RTLD_NEXT, "luaL_openlibs");
    if (!open) {
        fprintf(stderr, "traces: %s\n", dlerror());
        exit(1);
    }
    open(L);
}

void traces_open_libraries(lua_State *L) {
    open_hidden(L);
    lua_getglobal(L, "jit");
    lua_getfield(L, -1, "attach");
    lua_pushcfunction(L, on_trace);
    lua_pushliteral(L, "trace");
    lua_call(L, 2, 0);
    lua_pop(L, 1);
}
