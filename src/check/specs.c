/* See specs.h. A spec is a program of its author with all rights, so it gets a process of its own, like a run of busted
 * itself; a plain LuaJIT state is all that busted needs. */
#include "check/specs.h"
#include "script/embedded.h"
#include <errno.h>
#include <lauxlib.h>
#include <limits.h>
#include <lua.h>
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { RESULTS_MAX = 1 << 20 };

int luaopen_cjson(lua_State *L);

/* ---- places ---- */

static bool executable(char out[PATH_MAX]) {
    ssize_t n = readlink("/proc/self/exe", out, PATH_MAX - 1);
    if (n <= 0) return false;
    out[n] = 0;
    return true;
}

bool specs_library(char *out, size_t bytes) {
    static const char *const beside[] = {"/../../lua", "/../share/trademind/lua"};
    char program[PATH_MAX], file[PATH_MAX + 64];
    if (!executable(program)) return false;
    *strrchr(program, '/') = 0;
    for (size_t i = 0; i < sizeof beside / sizeof *beside; i++) {
        snprintf(file, sizeof file, "%s%s/trademind/spec.lua", program, beside[i]);
        if (access(file, R_OK) == 0) return (size_t)snprintf(out, bytes, "%s%s", program, beside[i]) < bytes;
    }
    return false;
}

/* ---- the child ---- */

static int load_cjson(lua_State *L) {
    lua_getglobal(L, "package");
    lua_getfield(L, -1, "preload");
    lua_pushcfunction(L, luaopen_cjson);
    lua_setfield(L, -2, "cjson");
    lua_pop(L, 2);
    return 0;
}

static const struct embedded_file *runner(void) {
    for (size_t i = 0; i < n_embedded_files; i++)
        if (strcmp(embedded_files[i].name, "check/specs.lua") == 0) return &embedded_files[i];
    return NULL;
}

/* Never comes back. busted itself ends the process when a test fails. */
static void be_busted(const char *file, int results) {
    char library[PATH_MAX] = "", program[PATH_MAX], path[32];
    const struct embedded_file *code = runner();
    lua_State *L = luaL_newstate();
    if (!L || !code) _exit(1);
    (void)specs_library(library, sizeof library);
    if (executable(program)) setenv("TRADEMIND", program, 0); /* which trademind.spec runs */
    dup2(STDERR_FILENO, STDOUT_FILENO);
    snprintf(path, sizeof path, "/dev/fd/%d", results);
    luaL_openlibs(L);
    load_cjson(L);
    if (luaL_loadbuffer(L, code->text, code->bytes, "=check/specs.lua") != 0 || lua_pcall(L, 0, 1, 0) != 0) _exit(1);
    lua_pushstring(L, file);
    lua_pushstring(L, library);
    lua_pushstring(L, path);
    if (lua_pcall(L, 3, 0, 0) != 0 && lua_isstring(L, -1)) fprintf(stderr, "%s: %s\n", file, lua_tostring(L, -1));
    fflush(NULL);
    _exit(0);
}

/* ---- the parent ---- */

static char *read_all(int from) {
    char *text = malloc(RESULTS_MAX);
    size_t n = 0;
    while (text && n < RESULTS_MAX - 1) {
        ssize_t got = read(from, text + n, RESULTS_MAX - 1 - n);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) break;
        n += (size_t)got;
    }
    if (text) text[n] = 0;
    return text;
}

err specs_run(const char *file, char **results, diag *why) {
    int ends[2], status = 0;
    char *text;
    pid_t child;
    if (pipe(ends) != 0) return diag_set(why, ERR_IO, "%s: %s", file, strerror(errno));
    fflush(NULL);
    child = fork();
    if (child == 0) {
        close(ends[0]);
        be_busted(file, ends[1]);
    }
    close(ends[1]);
    text = child > 0 ? read_all(ends[0]) : NULL;
    close(ends[0]);
    if (child > 0)
        while (waitpid(child, &status, 0) < 0 && errno == EINTR) {}
    if (text && *text) {
        *results = text;
        return OK;
    }
    free(text);
    if (WIFSIGNALED(status)) return diag_set(why, ERR_IO, "%s: busted was ended by signal %d", file, WTERMSIG(status));
    return diag_set(why, ERR_IO, "%s: busted ended without a result", file);
}
