/* script/guard: who is stopped, who is not, and what is left behind. */
#include "base/clock.h"
#include "script/guard.h"
#include "script/region.h"
#include "spec/c/tap.h"
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <pthread.h>
#include <time.h>

enum { BUDGET_MS = 10, MEMORY_BYTES = 16 << 20 };

static void demand(bool holds, const char *what) {
    if (holds) return;
    printf("Bail out! %s\n", what);
    exit(1);
}

static int64_t cpu_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

typedef struct script {
    region *memory;
    lua_State *L;
    int status;
} script;

static script open_script(const char *code) {
    script s = {0};
    demand(region_new(MEMORY_BYTES, &s.memory) == OK, "region");
    s.L = lua_newstate(region_alloc, s.memory);
    demand(s.L != NULL, "state");
    luaL_openlibs(s.L);
    demand(luaL_loadstring(s.L, code) == 0, code);
    return s;
}

static void call(void *context) {
    script *s = context;
    s->status = lua_pcall(s->L, 0, 0, 0);
}

/* ERR_RUNAWAY, or what the script gave: OK or ERR_SCRIPT. */
static err run(guard *g, const char *code) {
    script s = open_script(code);
    err e = guard_call(g, BUDGET_MS, call, &s);
    if (e == OK && s.status != 0) e = ERR_SCRIPT;
    if (e != ERR_RUNAWAY) lua_close(s.L);
    region_free(s.memory);
    return e;
}

static void test_stops(guard *g) {
    int n_stopped = 0, n_fine = 0;
    ok(run(g, "return 1") == OK, "a script that ends is not touched");
    ok(run(g, "error 'x'") == ERR_SCRIPT, "nor one that fails");
    ok(run(g, "while true do end") == ERR_RUNAWAY, "an endless loop is stopped");
    ok(run(g, "return 1") == OK, "and the next script runs");
    for (int i = 0; i < 10; i++) n_stopped += run(g, "while true do pcall(error, 'x') end") == ERR_RUNAWAY;
    for (int i = 0; i < 2000; i++)
        n_fine += run(g, i % 100 ? "return 1" : "for i = 1, 1e5 do end assert(not pcall(error, 'x'))") == OK;
    ok(n_stopped == 10 && n_fine == 2000,
       "a stop reaches the call that it was meant for: %d stopped, %d of 2000 fine afterwards", n_stopped, n_fine);
}

/* Many short calls in a row are never one long one. */
static void test_short_calls(guard *g) {
    script s = open_script("return 1");
    int64_t began_ms = cpu_ms();
    int n_stopped = 0;
    while (cpu_ms() - began_ms < 20 * BUDGET_MS) {
        luaL_loadstring(s.L, "local x = 0 for i = 1, 1000 do x = x + i end");
        n_stopped += guard_call(g, BUDGET_MS, call, &s) != OK;
    }
    ok(n_stopped == 0, "200 ms of short calls are no runaway");
    lua_close(s.L);
    region_free(s.memory);
}

/* ---- code that must not be left ---- */

typedef struct critical {
    pthread_mutex_t lock;
    bool is_done;
} critical;

static void hold_a_lock(void *context) {
    critical *c = context;
    int64_t began_ms = cpu_ms();
    pthread_mutex_lock(&c->lock);
    while (cpu_ms() - began_ms < 3 * BUDGET_MS) continue;
    pthread_mutex_unlock(&c->lock);
    c->is_done = true;
}

static int busy_function(lua_State *L) {
    hold_a_lock(lua_touserdata(L, lua_upvalueindex(1)));
    return 0;
}

static void test_locks(guard *g) {
    critical c = {.lock = PTHREAD_MUTEX_INITIALIZER};
    script s = open_script("busy() while true do end");
    ok(guard_call(g, BUDGET_MS, hold_a_lock, &c) == OK && c.is_done, "our own functions are never left");
    ok(pthread_mutex_trylock(&c.lock) == 0 && pthread_mutex_unlock(&c.lock) == 0, "so their locks are free");
    c.is_done = false;
    lua_pushlightuserdata(s.L, &c);
    lua_pushcclosure(s.L, busy_function, 1);
    lua_setglobal(s.L, "busy");
    ok(guard_call(g, BUDGET_MS, call, &s) == ERR_RUNAWAY && c.is_done,
       "a script that calls one is stopped as soon as it is back in Lua");
    ok(pthread_mutex_trylock(&c.lock) == 0 && pthread_mutex_unlock(&c.lock) == 0, "and not before");
    region_free(s.memory);
}

/* ---- guards come and go ---- */

typedef struct guest {
    watchdog *dog;
    pthread_t thread;
    err attached, result;
} guest;

static void *attach_and_run(void *arg) {
    guest *v = arg;
    guard *g = NULL;
    v->attached = guard_attach(v->dog, &g);
    if (v->attached == OK) v->result = run(g, "while true do end");
    guard_detach(g);
    return NULL;
}

static void start(guest *v, watchdog *dog) {
    *v = (guest){.dog = dog};
    demand(pthread_create(&v->thread, NULL, attach_and_run, v) == 0, "thread");
}

static void test_guests(watchdog *dog) {
    guest guests[4];
    int n_stopped = 0;
    for (int round = 0; round < 10; round++) {
        for (int i = 0; i < 4; i++) start(&guests[i], dog);
        for (int i = 0; i < 4; i++) {
            pthread_join(guests[i].thread, NULL);
            n_stopped += guests[i].attached == OK && guests[i].result == ERR_RUNAWAY;
        }
    }
    ok(n_stopped == 40, "threads that come, are stopped and go: %d of 40", n_stopped);
}

typedef struct meeting {
    watchdog *dog;
    pthread_barrier_t all_there, may_go;
    err attached;
} meeting;

static void *attach_and_stay(void *arg) {
    meeting *m = arg;
    guard *g = NULL;
    if (guard_attach(m->dog, &g) != OK) g = NULL;
    pthread_barrier_wait(&m->all_there);
    pthread_barrier_wait(&m->may_go);
    guard_detach(g);
    return NULL;
}

static void test_full(void) {
    meeting m;
    pthread_t threads[GUARDS_MAX];
    guest late;
    demand(watchdog_start(&m.dog) == OK, "watchdog");
    pthread_barrier_init(&m.all_there, NULL, GUARDS_MAX + 1);
    pthread_barrier_init(&m.may_go, NULL, GUARDS_MAX + 1);
    for (int i = 0; i < GUARDS_MAX; i++) demand(pthread_create(&threads[i], NULL, attach_and_stay, &m) == 0, "thread");
    pthread_barrier_wait(&m.all_there);
    start(&late, m.dog);
    pthread_join(late.thread, NULL);
    ok(late.attached == ERR_FULL, "one thread more than there are guards is refused");
    pthread_barrier_wait(&m.may_go);
    for (int i = 0; i < GUARDS_MAX; i++) pthread_join(threads[i], NULL);
    start(&late, m.dog);
    pthread_join(late.thread, NULL);
    ok(late.attached == OK && late.result == ERR_RUNAWAY, "a guard that was given back is used again");
    watchdog_stop(m.dog);
    pthread_barrier_destroy(&m.all_there);
    pthread_barrier_destroy(&m.may_go);
}

int main(void) {
    watchdog *dog = NULL;
    guard *g = NULL;
    demand(watchdog_start(&dog) == OK, "watchdog");
    demand(guard_attach(dog, &g) == OK, "guard");
    test_stops(g);
    test_short_calls(g);
    test_locks(g);
    test_guests(dog);
    guard_detach(g);
    watchdog_stop(dog);
    watchdog_stop(NULL);
    guard_detach(NULL);
    test_full();
    return done();
}
