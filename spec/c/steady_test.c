/* From an event to its evaluations, in the steady state: no allocation and no system call.
 * builds: release (sanitizers have an allocator of their own)
 *
 * A real worker with the built-in traders on a random market, and two counters on its thread alone:
 *
 *   allocations    malloc and its like are this program's, in front of those of libc
 *   system calls   a filter of the kernel sends every one to on_system_call, which counts it and makes it itself
 *
 * The worker stands at a gate while a round's events go into its inbox, so that it never sleeps before the last of them.
 * What happens between the gate and the barrier behind the round counts, but for what `submit` and `notify` do. */
#include "base/log.h"
#include "bench/lib/traces.h"
#include "market/random_market.h"
#include "screener/screener.h"
#include "script/trader_folder.h"
#include "spec/c/tap.h"
#include <dlfcn.h>
#include <link.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <lualib.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

enum {
    N_SYMBOLS = 40,
    N_BARS = 500,
    ROUND_MINUTES = 30,
    WARM_ROUNDS = 320,
    EVENTS = 10000,
    CALLS_MAX = 512,
    CALLERS_MAX = 16,
    PASSES_UNDER_WAY = 16
};
static const int32_t INTERVALS[] = {INTERVAL_1H, INTERVAL_15M, INTERVAL_5M, INTERVAL_1M}; /* slowest first */
enum { N_SERIES = sizeof INTERVALS / sizeof *INTERVALS };

void luaL_openlibs(lua_State *L) { traces_open_libraries(L); } /* see traces.h */

/* ---- what is counted ---- */

typedef struct counters {
    uint64_t n_allocations, n_frees, n_calls, n_clock_reads;
    /* Not in the others: what LuaJIT's compiler does for machine code. Calls that make memory writable and executable, and
     * what libgcc allocates when more of it is mapped, since LuaJIT tells it of that. */
    uint64_t n_code_calls, n_code_allocations;
    uint64_t calls[CALLS_MAX]; /* by number, all of them */
    const void *callers[CALLERS_MAX];
} counters;

static counters counted;                   /* the worker's, while it does not stand at the gate */
static __thread volatile bool is_counting; /* volatile: a system call is said not to come back to this file */

typedef struct module {
    uintptr_t start, end;
} module;

static module libgcc; /* constant once threads run */

static int note_libgcc(struct dl_phdr_info *info, size_t size, void *unused) {
    (void)size, (void)unused;
    for (int i = 0; i < info->dlpi_phnum && strstr(info->dlpi_name, "libgcc_s"); i++) {
        const ElfW(Phdr) *p = &info->dlpi_phdr[i];
        if (p->p_type == PT_LOAD && p->p_flags & PF_X)
            libgcc = (module){info->dlpi_addr + p->p_vaddr, info->dlpi_addr + p->p_vaddr + p->p_memsz};
    }
    return 0;
}

static bool is_of_libgcc(const void *caller) {
    return (uintptr_t)caller >= libgcc.start && (uintptr_t)caller < libgcc.end;
}

static void count_allocation(const void *caller) {
    if (!is_counting) return;
    if (is_of_libgcc(caller)) {
        counted.n_code_allocations++;
        return;
    }
    if (counted.n_allocations < CALLERS_MAX) counted.callers[counted.n_allocations] = caller;
    counted.n_allocations++;
}

/* ---- in front of libc's ---- */

#define IN_FRONT __attribute__((visibility("default")))
extern void *__libc_malloc(size_t bytes), *__libc_calloc(size_t n, size_t bytes),
    *__libc_realloc(void *p, size_t bytes);
extern void *__libc_memalign(size_t alignment, size_t bytes);
extern void __libc_free(void *p);

IN_FRONT void *malloc(size_t bytes) {
    count_allocation(__builtin_return_address(0));
    return __libc_malloc(bytes);
}

IN_FRONT void *calloc(size_t n, size_t bytes) {
    count_allocation(__builtin_return_address(0));
    return __libc_calloc(n, bytes);
}

IN_FRONT void *realloc(void *p, size_t bytes) {
    count_allocation(__builtin_return_address(0));
    return __libc_realloc(p, bytes);
}

IN_FRONT void *aligned_alloc(size_t alignment, size_t bytes) {
    count_allocation(__builtin_return_address(0));
    return __libc_memalign(alignment, bytes);
}

IN_FRONT void free(void *p) {
    if (is_counting && p && !is_of_libgcc(__builtin_return_address(0))) counted.n_frees++;
    __libc_free(p);
}

/* ---- in front of the kernel ---- */

/* A system call that the filter lets through, known by its place. */
long gate_call(long number, long a, long b, long c, long d, long e, long f);
extern const char gate_call_back[];
__asm__(".text\n"
        ".type gate_call, @function\n"
        "gate_call:\n"
        "  mov %rdi, %rax\n"
        "  mov %rsi, %rdi\n"
        "  mov %rdx, %rsi\n"
        "  mov %rcx, %rdx\n"
        "  mov %r8, %r10\n"
        "  mov %r9, %r8\n"
        "  mov 8(%rsp), %r9\n"
        "  syscall\n"
        "gate_call_back:\n"
        "  ret\n"
        ".size gate_call, . - gate_call\n");

static void count_call(long number, long first) {
    if (!is_counting) return;
    if (number == SYS_clock_gettime && (first == CLOCK_MONOTONIC || first == CLOCK_REALTIME)) {
        counted.n_clock_reads++; /* where the machine's clock cannot be read without the kernel */
        return;
    }
    if (number == SYS_mprotect || number == SYS_mmap || number == SYS_munmap)
        counted.n_code_calls++;
    else
        counted.n_calls++;
    if (number >= 0 && number < CALLS_MAX) counted.calls[number]++;
}

static void on_system_call(int signal, siginfo_t *info, void *context) {
    greg_t *r = ((ucontext_t *)context)->uc_mcontext.gregs;
    (void)signal;
    count_call(info->si_syscall, (long)r[REG_RDI]);
    r[REG_RAX] = gate_call(info->si_syscall, (long)r[REG_RDI], (long)r[REG_RSI], (long)r[REG_RDX], (long)r[REG_R10],
                           (long)r[REG_R8], (long)r[REG_R9]);
}

/* For this thread alone. */
static bool filter_calls(void) {
    uintptr_t back = (uintptr_t)gate_call_back;
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_rt_sigreturn, 4, 0), /* how on_system_call ends */
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, instruction_pointer)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)back, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, instruction_pointer) + 4),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)(back >> 32), 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
    };
    struct sock_fprog program = {.len = sizeof code / sizeof *code, .filter = code};
    struct sigaction action = {.sa_sigaction = on_system_call, .sa_flags = SA_SIGINFO};
    return sigaction(SIGSYS, &action, NULL) == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) == 0;
}

/* ---- the screener and its feed ---- */

static void die(const char *what) {
    printf("Bail out! %s\n", what);
    exit(1);
}

static void must(err e, const char *what) {
    if (e != OK) die(what);
}

typedef struct feed {
    random_market *market;
    symbol_table *symbols;
    screener *screener;
    wakeup *wake;
    int64_t now_ms;
    bool is_loaded, has_passed;
    /* the gate: the worker's side is in on_notify */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int32_t n_openings;
    bool is_shut, is_standing;
    /* set while the worker stands there */
    bool counts, wants_filter;
    /* the worker's */
    bool is_filtered;
    counters tried;                    /* one allocation, one free and one system call, to see that they are counted */
    pass *under_way[PASSES_UNDER_WAY]; /* as many as storage would hold */
    uint64_t n_passes, n_rows;
} feed;

static __thread bool is_worker;

/* Worker. Sees to it that a counter which counts nothing is noticed. */
static void try_counters(feed *f) {
    void *(*volatile take)(size_t) = malloc; /* or the compiler leaves it out */
    f->wants_filter = false;
    f->is_filtered = filter_calls();
    is_counting = true;
    free(take(1));
    (void)syscall(SYS_getppid);
    (void)clock_gettime(CLOCK_MONOTONIC, &(struct timespec){0});
    is_counting = false;
    __asm__ volatile("" ::: "memory"); /* to the compiler, a system call has not counted */
    f->tried = counted;
    memset(&counted, 0, sizeof counted);
}

/* Worker. What follows behind it counts as what was before. */
static void on_submit(void *context, int32_t producer, pass *p) {
    feed *f = context;
    pass **place = &f->under_way[f->n_passes++ % PASSES_UNDER_WAY];
    bool was_counting = is_counting;
    (void)producer;
    is_counting = false;
    is_worker = true;
    f->n_rows += p->n_signals;
    pass_release(*place);
    *place = p;
    is_counting = was_counting;
}

static void stand_at_gate(feed *f) {
    int32_t opening;
    pthread_mutex_lock(&f->lock);
    opening = f->n_openings;
    f->is_standing = f->is_shut;
    pthread_cond_broadcast(&f->changed);
    while (f->is_shut && f->n_openings == opening) pthread_cond_wait(&f->changed, &f->lock);
    pthread_mutex_unlock(&f->lock);
    if (f->wants_filter) try_counters(f);
}

static void on_notify(void *context) {
    feed *f = context;
    is_counting = false;
    wakeup_notify(f->wake);
    if (!is_worker) return;
    stand_at_gate(f);
    is_counting = f->counts;
}

static void push(feed *f, const market_event *event) { must(screener_push(f->screener, event), "out of memory"); }

static void on_range(void *context, uint32_t symbol, int32_t interval, int64_t from_ms, int64_t to_ms) {
    enum { AT_ONCE = 1000 };
    static kline bars[AT_ONCE];
    feed *f = context;
    market_event event = {.symbol = symbol, .interval = (uint8_t)interval, .from_ms = from_ms};
    size_t n = AT_ONCE;
    for (int64_t next_ms = from_ms; n == AT_ONCE; next_ms = n ? interval_next(interval, bars[n - 1].open_ms) : to_ms) {
        must(random_market_klines(f->market, symbol, (enum interval)interval, next_ms, to_ms, bars, AT_ONCE, &n),
             "no bars");
        event.kind = EVENT_HISTORY;
        for (size_t i = 0; i < n; i++) {
            event.bar = bars[i];
            push(f, &event);
        }
    }
    event.kind = EVENT_RANGE_DONE;
    event.bar.open_ms = from_ms;
    event.to_ms = to_ms;
    push(f, &event);
}

static void on_loaded(void *context, const trader_set *set) {
    (void)set;
    ((feed *)context)->is_loaded = true;
}
static void on_barrier(void *context) { ((feed *)context)->has_passed = true; }
static void on_broken(void *context) {
    (void)context;
    die("a worker has failed or a trader was stopped");
}

static void wait_for(feed *f, const bool *flag) {
    for (;;) {
        screener_poll(f->screener);
        if (*flag) return;
        wakeup_wait(f->wake, 1000);
    }
}

static void send_barrier(feed *f) {
    f->has_passed = false;
    must(screener_barrier(f->screener), "out of memory");
}

static void pass_barrier(feed *f) {
    send_barrier(f);
    wait_for(f, &f->has_passed);
}

static void make_market(feed *f) {
    static char names[N_SYMBOLS][SYMBOL_BYTES];
    const char *list[N_SYMBOLS];
    uint32_t id;
    for (size_t s = 0; s < N_SYMBOLS; s++) {
        random_market_name(s, names[s]);
        list[s] = names[s];
    }
    must(random_market_new(tap_seed(7), list, N_SYMBOLS, &f->market), "no market");
    must(symbol_table_new(&f->symbols), "out of memory");
    for (size_t s = 0; s < N_SYMBOLS; s++)
        must(symbol_table_add(f->symbols, random_market_symbol(f->market, s), &id), "out of memory");
}

static void start(feed *f) {
    screener_config config = {
        .n_workers = 1,
        .symbols = f->symbols,
        .limits = {.cpu_ms = 2000, .load_cpu_ms = 5000, .memory_bytes = 64u << 20, .default_interval = INTERVAL_1M},
        .max_errors_in_row = 5,
        .kline_history = N_BARS,
        .user = "local",
        .market = "spot",
        .submit = on_submit,
        .submit_context = f,
        .notify = on_notify,
        .notify_context = f};
    screener_handlers handlers = {.on_range = on_range,
                                  .on_loaded = on_loaded,
                                  .on_killed = on_broken,
                                  .on_failed = on_broken,
                                  .on_barrier = on_barrier,
                                  .context = f};
    int32_t n_traders, n_failed, n_failures;
    trader_source **traders;
    diag why;
    must(trader_folder_read("lua/traders", &traders, &n_traders, &n_failed, &why), "no traders");
    must(screener_new(&config, &handlers, &f->screener), "no screener");
    must(screener_start(f->screener), "no worker");
    screener_set_start(f->screener, f->now_ms);
    must(screener_load(f->screener, traders, n_traders), "out of memory");
    wait_for(f, &f->is_loaded);
    (void)screener_failures(f->screener, &n_failures);
    ok(n_failed == 0 && n_failures == 0, "%d traders run", n_traders);
    for (uint32_t s = 0; s < N_SYMBOLS; s++) must(screener_track(f->screener, s), "out of memory");
    pass_barrier(f); /* all have asked for their history */
    pass_barrier(f); /* and taken it in */
}

/* ---- rounds ---- */

static uint64_t push_series(feed *f, uint32_t symbol, int32_t interval) {
    market_event event = {.event_ms = f->now_ms, .symbol = symbol, .interval = (uint8_t)interval};
    size_t n;
    if (interval_floor(interval, f->now_ms) != f->now_ms) return 0;
    must(random_market_klines(f->market, symbol, (enum interval)interval, interval_add(interval, f->now_ms, -1),
                              f->now_ms, &event.bar, 1, &n),
         "no bar");
    event.kind = EVENT_BAR_FORMING;
    push(f, &event);
    event.kind = EVENT_BAR_CLOSED;
    push(f, &event);
    return 1;
}

static void shut_gate(feed *f) {
    pthread_mutex_lock(&f->lock);
    f->is_shut = true;
    pthread_mutex_unlock(&f->lock);
}

/* Lets the worker go; it stands there again at its next note unless `stays_open`. */
static void open_gate(feed *f, bool stays_open) {
    pthread_mutex_lock(&f->lock);
    f->is_shut = !stays_open;
    f->is_standing = false;
    f->n_openings++;
    pthread_cond_broadcast(&f->changed);
    pthread_mutex_unlock(&f->lock);
}

/* Until it stands there for the note that the barrier is passed; it may have come for an earlier one. */
static void await_worker(feed *f) {
    for (;;) {
        pthread_mutex_lock(&f->lock);
        while (!f->is_standing) pthread_cond_wait(&f->changed, &f->lock);
        pthread_mutex_unlock(&f->lock);
        screener_poll(f->screener);
        if (f->has_passed) return;
        open_gate(f, false);
    }
}

/* The worker stands at the gate before and after it. The number of closed bars, and as many updates. */
static uint64_t run_round(feed *f) {
    uint64_t n_closed = 0;
    for (int m = 0; m < ROUND_MINUTES; m++) {
        f->now_ms += interval_ms(INTERVAL_1M);
        for (uint32_t s = 0; s < N_SYMBOLS; s++)
            for (int u = 0; u < N_SERIES; u++) n_closed += push_series(f, s, INTERVALS[u]);
    }
    send_barrier(f);
    if (screener_backlog(f->screener) > 0) die("the inbox is full");
    open_gate(f, false);
    await_worker(f);
    return n_closed;
}

static void describe(const counters *c, uint64_t n_closed, uint64_t n_signals) {
    printf("# %llu closed bars, %llu signals: %llu allocations, %llu frees, %llu system calls, %llu clock reads\n",
           (unsigned long long)n_closed, (unsigned long long)n_signals, (unsigned long long)c->n_allocations,
           (unsigned long long)c->n_frees, (unsigned long long)c->n_calls, (unsigned long long)c->n_clock_reads);
    for (int i = 0; i < CALLS_MAX; i++)
        if (c->calls[i]) printf("#   system call %d: %llu times\n", i, (unsigned long long)c->calls[i]);
    for (uint64_t i = 0; i < c->n_allocations && i < CALLERS_MAX; i++) {
        Dl_info from = {0};
        (void)dladdr(c->callers[i], &from);
        printf("#   allocation from %s+0x%zx %s\n", from.dli_fname ? from.dli_fname : "?",
               (size_t)((const char *)c->callers[i] - (const char *)from.dli_fbase),
               from.dli_sname ? from.dli_sname : "");
    }
    fflush(stdout);
}

static uint64_t count_signals(const feed *f) { return atomic_load(&screener_stats(f->screener, 0)->n_signals); }

/* A path through a script that was rare so far may yet be compiled. Only as often as that happens may LuaJIT ask for
 * memory (it tries up to 32 places for it) and make it executable; one attempt more may have come to nothing. */
static void check_calls(const feed *f, uint64_t n_compiled) {
    enum { CALLS_OF_A_TRACE = 72, ALLOCATIONS_OF_A_MAPPING = 8 };
    if (!f->is_filtered) {
        ok(true, "no system call # SKIP this kernel lets no thread filter its own");
        return;
    }
    ok(f->tried.n_calls == 1 && f->tried.calls[SYS_getppid] == 1, "a system call of the worker's thread is counted");
    ok(counted.n_calls == 0, "no system call");
    ok(counted.n_code_calls <= (n_compiled + 1) * CALLS_OF_A_TRACE, "%llu system calls of LuaJIT for %llu traces",
       (unsigned long long)counted.n_code_calls, (unsigned long long)n_compiled);
    ok(counted.n_code_allocations <= counted.calls[SYS_mmap] * ALLOCATIONS_OF_A_MAPPING,
       "%llu allocations of libgcc for %llu mappings", (unsigned long long)counted.n_code_allocations,
       (unsigned long long)counted.calls[SYS_mmap]);
    ok(counted.n_clock_reads == 0 || f->tried.n_clock_reads > 0,
       "clocks are read without the kernel, where the machine has such clocks");
}

int main(void) {
    static feed f = {.now_ms = RANDOM_MARKET_FIRST_MS + INT64_C(60) * 86400000,
                     .lock = PTHREAD_MUTEX_INITIALIZER,
                     .changed = PTHREAD_COND_INITIALIZER};
    uint64_t n_closed = 0, n_rounds = 0, n_signals, n_before, n_compiled;
    log_init(LOG_WARN, LOG_AUTO);
    dl_iterate_phdr(note_libgcc, NULL);
    must(wakeup_new(&f.wake), "out of memory");
    make_market(&f);
    start(&f);
    shut_gate(&f);
    send_barrier(&f);
    await_worker(&f);
    for (int i = 0; i < WARM_ROUNDS; i++) (void)run_round(&f);
    f.wants_filter = true;
    f.counts = true;
    n_signals = count_signals(&f);
    n_before = traces_compiled();
    for (; n_closed < EVENTS; n_rounds++) n_closed += run_round(&f);
    n_signals = count_signals(&f) - n_signals;
    n_compiled = traces_compiled() - n_before;
    describe(&counted, n_closed, n_signals);
    ok(f.tried.n_allocations == 1 && f.tried.n_frees == 1, "what is allocated on the worker's thread is counted");
    ok(n_signals > EVENTS / 100, "%llu closed bars and as many updates, %llu signals", (unsigned long long)n_closed,
       (unsigned long long)n_signals);
    ok(counted.n_allocations == 0, "no allocation");
    ok(counted.n_frees == n_rounds, "nothing is freed but the barrier that began each round");
    check_calls(&f, n_compiled);
    ok(n_before > 0, "LuaJIT has compiled %llu traces before", (unsigned long long)n_before);
    f.counts = false;
    open_gate(&f, true);
    (void)screener_stop(f.screener, 0);
    return done();
}
