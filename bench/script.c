/* script.read: what it costs a trader to read one bar of a series, beside a raw FFI read of the same array in a plain
 * LuaJIT state of the same process: same loop, same sum, taken in turns. The sandbox's share is the difference. */
#include "base/clock.h"
#include "bench/lib/data.h"
#include "bench/lib/figure.h"
#include "market/kline_store.h"
#include "script/calls.h"
#include "script/state.h"
#include <lauxlib.h>
#include <lualib.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { N_BARS = 500, ROUNDS = 100, N_WARM = 20, N_RUNS = 401 };

static const char SANDBOXED[] = "return trader {\n"
                                "  name = 'reader', interval = '1m', warmup = 0,\n"
                                "  filter = function(m)\n"
                                "    local close, sum = m.close, 0\n"
                                "    for _ = 1, 100 do\n"
                                "      for i = 0, 499 do sum = sum + close[i] end\n"
                                "    end\n"
                                "    return {match = sum > 0, stop = sum > 0 and sum or nil}\n"
                                "  end,\n"
                                "}\n";

static const char RAW[] = "local ffi = require 'ffi'\n"
                          "local close, count = ffi.cast('const double *', (...)), 500\n"
                          "return function()\n"
                          "  local sum = 0\n"
                          "  for _ = 1, 100 do\n"
                          "    for i = 0, 499 do sum = sum + close[count - 1 - i] end\n"
                          "  end\n"
                          "  return sum\n"
                          "end\n";

static void die(const char *what) {
    fprintf(stderr, "script: %s\n", what);
    exit(1);
}

/* ---- both sides ---- */

typedef struct sandbox {
    registry *registry;
    watchdog *dog;
    guard *guard;
    trader_source *source;
    script_state *state;
    script_view view;
} sandbox;

static void open_sandbox(sandbox *s, kline_series *bars) {
    static const symbol_info symbol = {.name = "SYM000USDT", .base = "SYM000", .quote = "USDT", .tick_size = 0.01};
    script_limits limits = {
        .cpu_ms = 1000, .load_cpu_ms = 5000, .memory_bytes = 64u << 20, .default_interval = INTERVAL_1M};
    diag why = {.text = "out of memory"};
    int64_t open_ms = kline_series_open_ms(bars)[N_BARS - 1];
    if (registry_new(&s->registry) != OK || watchdog_start(&s->dog) != OK || guard_attach(s->dog, &s->guard) != OK ||
        trader_source_new("reader", "reader.lua", SANDBOXED, strlen(SANDBOXED), NULL, &s->source, &why) != OK ||
        script_state_new(s->registry, s->guard, &limits, &s->state, &why) != OK ||
        script_state_load(s->state, 0, s->source, NULL, &why) != OK)
        die(why.text);
    s->view = (script_view){.symbol = &symbol, .open_ms = open_ms, .close_ms = interval_next(INTERVAL_1M, open_ms)};
    s->view.bars[INTERVAL_1M] = bars;
    if (indicator_set_new(bars, s->registry, &s->view.sets[INTERVAL_1M]) != OK) die("out of memory");
}

static void close_sandbox(sandbox *s) {
    indicator_set_free(s->view.sets[INTERVAL_1M]);
    script_state_free(s->state);
    trader_source_free(s->source);
    guard_detach(s->guard);
    watchdog_stop(s->dog);
    registry_free(s->registry);
}

static double sum_in_sandbox(sandbox *s) {
    script_result result;
    diag why;
    if (script_state_evaluate(s->state, 0, &s->view, &result, &why) != OK) die(why.text);
    script_result_deinit(&result);
    return result.stop;
}

static lua_State *open_raw(const double *data) {
    lua_State *L = luaL_newstate();
    if (!L) die("out of memory");
    luaL_openlibs(L);
    if (luaL_loadstring(L, RAW) != 0) die(lua_tostring(L, -1));
    lua_pushlightuserdata(L, (void *)(uintptr_t)data);
    if (lua_pcall(L, 1, 1, 0) != 0) die(lua_tostring(L, -1));
    return L;
}

static double sum_raw(lua_State *L) {
    double sum;
    lua_pushvalue(L, 1);
    if (lua_pcall(L, 0, 1, 0) != 0) die(lua_tostring(L, -1));
    sum = lua_tonumber(L, -1);
    lua_pop(L, 1);
    return sum;
}

/* ---- the figure ---- */

static kline_series *make_bars(double *sum) {
    data_stream stream;
    kline bar;
    kline_series *bars;
    data_stream_init(&stream, 0, INTERVAL_1M, N_BARS);
    bars = kline_series_new(INTERVAL_1M, N_BARS, stream.next_open_ms);
    if (!bars) die("out of memory");
    for (int i = 0; i < N_BARS; i++) {
        data_stream_next(&stream, &bar);
        if (kline_series_close(bars, &bar, NULL) != KLINE_APPENDED) die("a bar was refused");
        *sum += ROUNDS * bar.close;
    }
    return bars;
}

static void check(const char *who, double found, double expected) {
    if (fabs(found - expected) <= 1e-9 * expected) return;
    fprintf(stderr, "script: %s summed to %.17g, expected %.17g\n", who, found, expected);
    exit(1);
}

int main(void) {
    static sandbox s;
    static double sandboxed[N_RUNS], raw[N_RUNS];
    double expected = 0;
    kline_series *bars = make_bars(&expected);
    lua_State *L = open_raw(kline_series_field(bars, FIELD_CLOSE));
    open_sandbox(&s, bars);
    for (int i = -N_WARM; i < N_RUNS; i++) {
        int64_t start_ns = thread_cpu_ns(), middle_ns;
        check("the sandbox", sum_in_sandbox(&s), expected);
        middle_ns = thread_cpu_ns();
        check("the raw read", sum_raw(L), expected);
        if (i < 0) continue;
        sandboxed[i] = (double)(middle_ns - start_ns) / (N_BARS * ROUNDS);
        raw[i] = (double)(thread_cpu_ns() - middle_ns) / (N_BARS * ROUNDS);
    }
    figure_print("script.read",
                 "m.close[i] summed over 500 bars in the sandbox, an element; a run is 100 such sums in one evaluation",
                 "ns", sandboxed, N_RUNS);
    figure_print("script.read.ffi", "the same loop over a raw FFI pointer in plain LuaJIT, an element", "ns", raw,
                 N_RUNS);
    lua_close(L);
    close_sandbox(&s);
    kline_series_free(bars);
    return 0;
}
