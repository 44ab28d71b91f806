/* Scripts that do not want to end, stopped by their limits; after each kill a fresh state must raise, catch and compile
 * as if nothing had been.
 * time limit: 1800
 *
 * The figures (CPU time of the thread around one evaluation, at SCRIPT_CPU_MS = 20) are printed, not judged: a test of
 * time would fail on a busy machine. TRADEMIND_SOAK=1 runs each kind 200 times and kills 1,000 states on two threads.
 *
 * Each kind has a process of its own: what LuaJIT has told the unwinder about a killed state's code stays there, and
 * each raised error looks through it (1.6 us at the start, 2.6 after 200 kills, 25 after 1,000, 350 after 6,000). The
 * daemon starts anew after SCRIPT_MAX_KILLS = 200. */
#include "spec/c/scripts.h"
#include "spec/c/tap.h"
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

/* A script that is stopped inside of json.decode takes cjson's copy of the text with it, 256 KB at the most. */
const char *__lsan_default_suppressions(void);
__attribute__((used, visibility("default"))) const char *__lsan_default_suppressions(void) { return "leak:cjson.so"; }

enum { N_THREADS = 2, RUNS_MAX = 200, CPU_MS = 20 };

typedef enum fate { MUST_DIE, MAY_END } fate;

typedef struct kind {
    const char *name, *body; /* of the filter */
    fate fate;
} kind;

static const kind KINDS[] = {
    {"while true", "while true do end", MUST_DIE},
    {"for to 1e18, compiled", "local x = 0 for i = 1, 1e18 do x = x + i % 7 end return x > 0", MUST_DIE},
    {"goto", "::again:: goto again", MUST_DIE},
    {"repeat over a table", "local t, i = {1, 2, 3}, 0 repeat i = i + t[i % 3 + 1] until i < 0", MUST_DIE},
    {"a loop of calls", "local function f(x) return x + 1 end local x = 0 while true do x = f(x) end", MUST_DIE},
    {"tail calls", "local function f(x) return f(x + 1) end f(1)", MUST_DIE},
    {"reads of a series", "while true do local x = m.close[0] + m.open[3] end", MUST_DIE},
    {"pairs",
     "local t = {} for i = 1, 1000 do t[i] = i t['k' .. i] = i end while true do for k, v in pairs(t) do t[k] = v end "
     "end",
     MUST_DIE},
    {"loops under pcall", "while true do pcall(function() while true do end end) end", MUST_DIE},
    {"pcall(error)", "while true do pcall(error, 'x') end", MUST_DIE},
    {"pcall(error) with a table", "while true do pcall(error, {}) end", MUST_DIE},
    {"xpcall(error) with a handler", "while true do xpcall(error, function(e) return e .. 'x' end, 'x') end", MUST_DIE},
    {"a handler that never ends", "xpcall(error, function() while true do end end, 'x')", MUST_DIE},
    {"runtime errors", "while true do pcall(function() return nil + 1 end) end", MUST_DIE},
    {"errors of the stdlib", "while true do pcall(function() return m.close[-1] end) end", MUST_DIE},
    {"errors in C functions", "while true do pcall(string.rep) pcall(ta.sma, 1, 2) end", MUST_DIE},
    {"errors over 100 frames",
     "local function f(n) if n == 0 then error('x') end return 1 + f(n - 1) end while true do pcall(f, 100) end",
     MUST_DIE},
    {"string.find", "return ('a'):rep(30000):find(('a*'):rep(20) .. 'b') == 1", MUST_DIE},
    {"string.match", "return ('a'):rep(30000):match(('(a*)'):rep(20) .. 'b') == 1", MUST_DIE},
    {"string.gsub", "return ('a'):rep(30000):gsub(('a*'):rep(20) .. 'b', '') == 1", MUST_DIE},
    {"string.gmatch", "for x in ('a'):rep(30000):gmatch(('a-'):rep(20) .. 'b') do end", MUST_DIE},
    {"plain find", "local s = ('a'):rep(1e6) while true do s:find('b', 1, true) end", MUST_DIE},
    {"gsub whose callback never ends", "('a'):gsub('a', function() while true do end end)", MUST_DIE},
    {"gsub with callbacks", "local s = ('a'):rep(1e4) while true do s:gsub('a', function(c) return c end) end",
     MUST_DIE},
    {"tables, kept", "local t = {} while true do t[#t + 1] = {} end", MUST_DIE},
    {"texts, kept", "local t = {} for i = 1, 1e9 do t[i] = 'text number ' .. i end", MUST_DIE},
    {"closures, kept", "local t = {} for i = 1, 1e9 do t[i] = function() return i end end", MUST_DIE},
    {"coroutines, kept", "local t = {} for i = 1, 1e9 do t[i] = coroutine.create(function() end) end", MUST_DIE},
    {"coroutines, started and kept",
     "local t = {} for i = 1, 1e9 do t[i] = coroutine.wrap(function() coroutine.yield() end) t[i]() end", MUST_DIE},
    {"one big table", "local t = {} for i = 1, 1e9 do t[i] = i end", MUST_DIE},
    {"tables, dropped", "local keep while true do keep = {{}, {}, x = {}} end", MUST_DIE},
    {"texts, dropped", "local keep for i = 1, 1e18 do keep = 'text number ' .. i end", MUST_DIE},
    {"memory under pcall", "while true do pcall(function() local t = {} while true do t[#t + 1] = {} end end) end",
     MUST_DIE},
    {"s .. s", "local s = 'x' while true do s = s .. s end", MUST_DIE},
    {"s .. s under pcall", "while true do pcall(function() local s = 'x' while true do s = s .. s end end) end",
     MUST_DIE},
    {"s .. 'x'", "local s = '' while true do s = s .. 'x' end", MUST_DIE},
    {"recursion", "local function f() return 1 + f() end return f() > 0", MAY_END},
    {"recursion under pcall", "local function f() return 1 + f() end while true do pcall(f) end", MUST_DIE},
    {"recursion through pcall", "local function f() return (pcall(f)) end while true do f() end", MUST_DIE},
    {"recursion through xpcall", "local function f() return (xpcall(f, f)) end while true do f() end", MUST_DIE},
    {"recursion through __index",
     "local t = setmetatable({}, {}) getmetatable(t).__index = function(_, k) return (t[k + 1]) end while true do "
     "pcall(function() return t[1] end) end",
     MUST_DIE},
    {"recursion through __concat",
     "local t = setmetatable({}, {}) getmetatable(t).__concat = function() return t .. t end while true do "
     "pcall(function() return t .. t end) end",
     MUST_DIE},
    {"recursion through tostring",
     "local t = setmetatable({}, {}) getmetatable(t).__tostring = function() return (tostring(t)) end while true do "
     "pcall(tostring, t) end",
     MUST_DIE},
    {"recursion through string.format",
     "local t = setmetatable({}, {}) getmetatable(t).__tostring = function() return string.format('%s', t) end while "
     "true do pcall(tostring, t) end",
     MUST_DIE},
    {"recursion through gsub", "local function f() return (('a'):gsub('a', f)) end while true do pcall(f) end",
     MUST_DIE},
    {"recursion through table.sort", "local function f() table.sort({1, 2, 3}, f) end while true do pcall(f) end",
     MUST_DIE},
    {"recursion through coroutines", "local function f() coroutine.wrap(f)() end while true do pcall(f) end", MUST_DIE},
    {"__index that finds itself",
     "local t = {} setmetatable(t, {__index = t}) while true do pcall(function() return t.x end) end", MUST_DIE},
    {"string.rep at the cap", "while true do local s = ('x'):rep(30e6) end", MUST_DIE},
    {"string.rep over the cap", "while true do pcall(string.rep, 'x', 1e12) end", MUST_DIE},
    {"string.rep with a separator", "while true do pcall(string.rep, ('x'):rep(1000), 1e4, ('y'):rep(1000)) end",
     MUST_DIE},
    {"string.format at the cap", "local s = ('x'):rep(5e6) while true do string.format('%s%s%s', s, s, s) end",
     MUST_DIE},
    {"string.format %q", "local s = ('\\n'):rep(1e6) while true do string.format('%q', s) end", MUST_DIE},
    {"string.format of numbers", "while true do string.format('%99.99f', 1e308) end", MUST_DIE},
    {"table.concat", "local t = {} for i = 1, 1e5 do t[i] = 'abcdefghij' end while true do table.concat(t, ', ') end",
     MUST_DIE},
    {"table.concat over the cap",
     "local t, s = {}, ('x'):rep(1e5) for i = 1, 1e4 do t[i] = s end while true do pcall(table.concat, t) end",
     MUST_DIE},
    {"table.sort, endless comparator", "table.sort({3, 2, 1}, function() while true do end end)", MUST_DIE},
    {"table.sort, invalid comparator",
     "local t = {} for i = 1, 100 do t[i] = i end while true do pcall(table.sort, t, function() return true end) end",
     MUST_DIE},
    {"table.sort of much",
     "local t = {} for i = 1, 1e5 do t[i] = (i * 7919) % 100003 end while true do table.sort(t, function(a, b) return "
     "a > b end) table.sort(t) end",
     MUST_DIE},
    {"table.insert in front", "local t = {} for i = 1, 1e9 do table.insert(t, 1, i) end", MUST_DIE},
    {"__tostring that never ends", "tostring(setmetatable({}, {__tostring = function() while true do end end}))",
     MUST_DIE},
    {"an error object with it",
     "while true do pcall(error, setmetatable({}, {__tostring = function() while true do end end})) end", MUST_DIE},
    {"an error object that leaves", "error(setmetatable({}, {__tostring = function() while true do end end}))",
     MAY_END},
    {"print of it", "print(setmetatable({}, {__tostring = function() while true do end end}))", MUST_DIE},
    {"a coroutine that never ends", "coroutine.wrap(function() while true do end end)()", MUST_DIE},
    {"yields over pcall",
     "local next = coroutine.wrap(function() while true do pcall(coroutine.yield) end end) while true do next() end",
     MUST_DIE},
    {"errors in coroutines", "while true do pcall(coroutine.wrap(function() error('x') end)) end", MUST_DIE},
    {"resumes of a dead one", "local co = coroutine.create(function() end) while true do coroutine.resume(co) end",
     MUST_DIE},
    {"coroutines, dropped", "while true do coroutine.wrap(function() coroutine.yield() end)() end", MUST_DIE},
    {"json.encode of a shared text",
     "local s, t = ('x'):rep(2e5), {} for i = 1, 1000 do t[i] = s end while true do pcall(json.encode, t) end",
     MUST_DIE},
    {"json.encode of much", "local s = ('\\1x'):rep(2e4) while true do json.encode({s}) end", MUST_DIE},
    {"json.encode of tables in tables",
     "local t = {} for i = 1, 25 do t = {t, t} end while true do pcall(json.encode, t) end", MUST_DIE},
    {"json.encode of itself", "local t = {} t[1] = t while true do pcall(json.encode, t) end", MUST_DIE},
    {"json.decode of much", "local s = '[' .. ('[1],'):rep(6e4) .. '1]' while true do json.decode(s) end", MUST_DIE},
    {"json.decode of depth", "local s = ('['):rep(2e5) while true do pcall(json.decode, s) end", MUST_DIE},
    {"json.decode without memory",
     "local t = {} pcall(function() while true do t[#t + 1] = {} end end) local s = '[' .. ('[1],'):rep(6e4) .. '1]' "
     "while true do pcall(json.decode, s) end",
     MUST_DIE},
    {"unpack of much", "local t = {} for i = 1, 7000 do t[i] = i end while true do select('#', unpack(t)) end",
     MUST_DIE},
    {"unpack over the stack", "while true do pcall(unpack, {}, 1, 1e7) pcall(unpack, {}, -2 ^ 31, 2 ^ 31 - 1) end",
     MUST_DIE},
    {"select over many",
     "local t = {} for i = 1, 200 do t[i] = i end local function f(...) local n = 0 for i = 1, select('#', ...) do n = "
     "n + select(i, ...) end return n end while true do f(unpack(t)) end",
     MUST_DIE},
    {"string.byte and char", "local s = ('x'):rep(5000) while true do string.char(s:byte(1, -1)) end", MUST_DIE},
    {"upper, reverse, sub", "local s = ('x'):rep(1e6) while true do local r = s:upper():reverse():sub(2) end",
     MUST_DIE},
    {"log without end", "while true do log.info('x') end", MUST_DIE},
    {"indicators without end", "while true do ta.sma(m.close, 5) ta.bb(m.close, 20, 2) end", MUST_DIE},
    {"crossovers without end", "while true do ta.crossover(m.close, m.open) end", MUST_DIE},
};
enum { N_KINDS = sizeof KINDS / sizeof *KINDS };

/* Raises, catches, compiles loops, allocates, uses the standard library; every value is known. */
static const char SANE[] =
    "local function sum(n) local s = 0 for i = 1, n do s = s + i end return s end\n"
    "local function raised(n) local caught = 0 for i = 1, n do if not pcall(error, 'x') then caught = caught + 1 end "
    "end return caught end\n"
    "return trader {name = 'sane', filter = function(m)\n"
    "  assert(sum(1e5) == 5000050000)\n"
    "  assert(raised(50) == 50)\n"
    "  local parts = {} for i = 1, 200 do parts[i] = ('%03d'):format(i) end\n"
    "  table.sort(parts, function(a, b) return a > b end)\n"
    "  assert(#table.concat(parts, ',') == 799 and parts[1] == '200')\n"
    "  assert(('a b c'):gsub('%a', string.upper) == 'A B C')\n"
    "  local next = coroutine.wrap(function() for i = 1, 100 do coroutine.yield(i * i) end end)\n"
    "  local squares = 0 for i = 1, 100 do squares = squares + next() end\n"
    "  assert(squares == 338350)\n"
    "  assert(json.decode(json.encode({a = {1, 2, 3}})).a[3] == 3)\n"
    "  local mean = 0 for i = 0, 19 do mean = mean + m.close[i] / 20 end\n"
    "  local sma = ta.sma(m.close, 20)\n"
    "  assert(sma:len() == 0 or math.abs(sma[0] / mean - 1) < 1e-9)\n"
    "  return sma:len() == 400\n"
    "end}\n";

/* The state is replaced when it has died, as the worker does it. */
static bool is_sane_afterwards(scripts *s, char *why, size_t bytes) {
    err e;
    if (script_state_is_dead(s->state)) scripts_renew(s);
    e = scripts_compile(s, 1, "sane.lua", SANE);
    if (e == OK) e = scripts_run(s, 1);
    if (e == OK && s->result.outcome == SCRIPT_MATCH) return true;
    snprintf(why, bytes, "%.200s", e == OK ? "no match" : s->why.text);
    if (script_state_is_dead(s->state)) scripts_renew(s);
    return false;
}

/* ---- kind by kind ---- */

static int compare(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

typedef struct tally {
    double ms[RUNS_MAX];
    int n_runs, n_stopped, n_out_of_memory, n_failed, n_ended, n_insane;
    char why[256];
} tally;

static err load_kind(scripts *s, int32_t index, const kind *k) {
    char code[1024], chunk[64];
    snprintf(code, sizeof code, "return trader {name = \"x\", filter = function(m) %s end}", k->body);
    snprintf(chunk, sizeof chunk, "hostile-%d.lua", (int)(k - KINDS));
    return scripts_compile(s, index, chunk, code);
}

static void run_once(scripts *s, const kind *k, tally *t) {
    int64_t began_ns;
    err e = load_kind(s, 0, k);
    if (e != OK) {
        snprintf(t->why, sizeof t->why, "%.200s", s->why.text);
        t->n_insane++;
        return;
    }
    began_ns = scripts_cpu_ns();
    e = scripts_run(s, 0);
    t->ms[t->n_runs++] = (double)(scripts_cpu_ns() - began_ns) / 1e6;
    t->n_ended += e == OK;
    t->n_failed += e == ERR_SCRIPT;
    if (e == ERR_RUNAWAY) {
        bool is_memory = strstr(s->why.text, "SCRIPT_MEMORY_MB") != NULL;
        t->n_out_of_memory += is_memory;
        t->n_stopped += !is_memory;
        if (!strstr(s->why.text, "hostile-") || script_state_guilty(s->state) != 0) t->n_insane++;
    }
    if (!is_sane_afterwards(s, t->why, sizeof t->why)) t->n_insane++;
}

static double percentile(const tally *t, int percent) {
    return t->n_runs ? t->ms[(t->n_runs * percent + 99) / 100 - 1] : 0;
}

static void test_kind(const kind *k, int runs) {
    static tally t;
    scripts s;
    int n_killed;
    scripts_open(&s, NULL);
    for (int n = 0; n < runs; n++) run_once(&s, k, &t);
    scripts_close(&s);
    n_killed = t.n_stopped + t.n_out_of_memory;
    ok(t.n_insane == 0 && (k->fate == MAY_END || n_killed == runs), "%s: %d of %d stopped, sane after each %s", k->name,
       n_killed, runs, t.why);
    qsort(t.ms, (size_t)t.n_runs, sizeof *t.ms, compare);
    printf("# %-34s %5d %5d %5d %5d %8.1f %8.1f %8.1f%s\n", k->name, t.n_stopped, t.n_out_of_memory, t.n_failed,
           t.n_ended, percentile(&t, 50), percentile(&t, 99), percentile(&t, 100),
           percentile(&t, 99) > 2 * CPU_MS ? "  over twice the budget" : "");
}

/* A child counts on from where this process is. */
static void test_kinds(int runs) {
    printf("# CPU time of one evaluation, ms, budget %d\n# %-34s %5s %5s %5s %5s %8s %8s %8s\n", CPU_MS, "kind", "cpu",
           "mem", "error", "end", "p50", "p99", "max");
    for (int i = 0; i < N_KINDS; i++) {
        pid_t child;
        int status = 0;
        fflush(stdout);
        child = fork();
        if (child == 0) {
            test_kind(&KINDS[i], runs);
            fflush(stdout);
            exit(tap_failed != 0);
        }
        scripts_demand(child > 0 && waitpid(child, &status, 0) == child ? OK : ERR_IO, "process");
        if (WIFEXITED(status) && WEXITSTATUS(status) <= 1) {
            tap_count++;
            tap_failed += WEXITSTATUS(status);
        } else {
            ok(false, "%s: the process ended with status %x", KINDS[i].name, (unsigned)status);
        }
    }
}

/* ---- two threads at once ---- */

typedef struct storm {
    watchdog *dog;
    pthread_t thread;
    int number, kills;
    int n_killed, n_insane;
    char why[256];
} storm;

static void *rage(void *arg) {
    storm *r = arg;
    scripts s;
    scripts_open(&s, r->dog);
    for (int i = r->number; r->n_killed < r->kills && r->n_insane == 0; i++) {
        const kind *k = &KINDS[i * 7 % N_KINDS]; /* both threads see all kinds, in another order */
        if (load_kind(&s, 0, k) != OK) r->n_insane++;
        if (scripts_run(&s, 0) == ERR_RUNAWAY) r->n_killed++;
        if (!is_sane_afterwards(&s, r->why, sizeof r->why)) r->n_insane++;
    }
    scripts_close(&s);
    return NULL;
}

static void test_threads(watchdog *dog, int kills) {
    storm storms[N_THREADS] = {0};
    int n_killed = 0, n_insane = 0;
    for (int i = 0; i < N_THREADS; i++) {
        storms[i] = (storm){.dog = dog, .number = i * 3, .kills = kills / N_THREADS};
        scripts_demand(pthread_create(&storms[i].thread, NULL, rage, &storms[i]) == 0 ? OK : ERR_IO, "thread");
    }
    for (int i = 0; i < N_THREADS; i++) {
        pthread_join(storms[i].thread, NULL);
        n_killed += storms[i].n_killed;
        n_insane += storms[i].n_insane;
    }
    ok(n_killed >= kills && n_insane == 0, "%d kills on %d threads at once, sane after each %s%s", n_killed, N_THREADS,
       storms[0].why, storms[1].why);
}

/* ---- at load, and while series are found ---- */

static void test_load(scripts *s, int runs) {
    static const char *const texts[] = {"while true do end", "while true do pcall(error, 'x') end",
                                        "local t = {} while true do t[#t + 1] = {} end"};
    char why[256] = "";
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        int n_killed = 0, n_insane = 0;
        for (int n = 0; n < runs; n++) {
            n_killed += scripts_compile(s, 0, "hostile-load.lua", texts[i]) == ERR_RUNAWAY;
            n_insane += !is_sane_afterwards(s, why, sizeof why);
        }
        ok(n_killed == runs && n_insane == 0, "at load: %s: %d of %d stopped, sane after each %s", texts[i], n_killed,
           runs, why);
    }
}

/* Each run asks for another indicator and takes just less than the budget: only all runs together are too long. */
static void test_discovery(scripts *s) {
    err e = scripts_compile(
        s, 0, "hostile-slow.lua",
        "local n = 1 return trader {name = 'x', filter = function(m) n = n + 1 local x = ta.sma(m.close, n)[0]\n"
        "for i = 1, 3e6 do x = x + i % 7 end return x > 0 end}");
    int64_t began_ns = scripts_cpu_ns();
    if (e == OK) e = scripts_run(s, 0);
    printf("# 128 runs in one evaluation: %.0f ms of CPU time\n", (double)(scripts_cpu_ns() - began_ns) / 1e6);
    ok(e == ERR_RUNAWAY, "runs that only find out what a filter uses have a common limit: %s", s->why.text);
    scripts_renew(s);
}

int main(void) {
    bool is_soak = getenv("TRADEMIND_SOAK") != NULL;
    watchdog *dog = NULL;
    scripts s;
    test_kinds(is_soak ? RUNS_MAX : 5); /* no thread has been started: it forks */
    scripts_demand(watchdog_start(&dog), "watchdog");
    scripts_open(&s, dog);
    test_load(&s, is_soak ? 20 : 1);
    test_discovery(&s);
    scripts_close(&s);
    test_threads(dog, is_soak ? 1000 : 60);
    watchdog_stop(dog);
    return done();
}
