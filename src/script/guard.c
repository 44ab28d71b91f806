/* The watchdog: see guard.h.
 *
 *   watched thread   counter: even = outside, odd = in call number counter / 2
 *   watchdog         polls; the same odd number twice: watches its CPU clock; past the budget: target = number, signal
 *   signal handler   target == counter and the program counter may be jumped from: siglongjmp to guard_call
 *
 * The budget runs from the first poll that saw the call, so a call is never stopped early and at most one poll late.
 * Of the wall clock at most two polls count between two looks: a machine that stood still, the watchdog with it, is not
 * held against a script. */
#include "script/guard.h"
#include "base/clock.h"
#include <dlfcn.h>
#include <link.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

enum { STOP_SIGNAL = SIGUSR1, POLL_NS = 5000000, AGAIN_NS = 50000, SLACK_NS = 1000, NICE = -10, MAX_MODULES = 256 };

struct guard {
    _Atomic uint64_t counter; /* written by the watched thread */
    _Atomic uint64_t target;  /* written by the watchdog: the call to be stopped */
    _Atomic int64_t budget_ns;
    _Atomic int is_attached;
    pthread_t thread;
    clockid_t cpu_clock;
    sigjmp_buf escape;
    volatile sig_atomic_t is_armed;
    watchdog *owner;
    uint64_t seen; /* the rest is the watchdog's */
    int64_t cpu_base_ns, wall_used_ns, looked_ns;
};

struct watchdog {
    guard guards[GUARDS_MAX];
    pthread_t thread;
    pthread_mutex_t lock; /* protects is_stopping, attaching */
    pthread_cond_t wake;
    bool is_stopping;
};

typedef struct module {
    uintptr_t start, end;
    bool is_luajit, is_libc;
} module;

extern const char __start_jumpable[] __attribute__((visibility("hidden")));
extern const char __stop_jumpable[] __attribute__((visibility("hidden")));

static const char *const COPIERS[] = {"memcpy", "memmove", "memset", "memchr", "memcmp"};
enum { N_COPIERS = sizeof COPIERS / sizeof *COPIERS };

static module modules[MAX_MODULES]; /* constant after install(), as are the next two */
static int n_modules;
static uintptr_t copiers[N_COPIERS]; /* the variants for this processor */
static err install_result;
static pthread_once_t install_once = PTHREAD_ONCE_INIT;
static __thread guard *current __attribute__((tls_model("initial-exec")));

static int note_module(struct dl_phdr_info *info, size_t size, void *unused) {
    (void)size, (void)unused;
    for (int i = 0; i < info->dlpi_phnum && n_modules < MAX_MODULES; i++) {
        const ElfW(Phdr) *p = &info->dlpi_phdr[i];
        if (p->p_type != PT_LOAD || !(p->p_flags & PF_X)) continue;
        uintptr_t start = info->dlpi_addr + p->p_vaddr;
        modules[n_modules++] = (module){start, start + p->p_memsz, strstr(info->dlpi_name, "libluajit") != NULL,
                                        strstr(info->dlpi_name, "libc.so") != NULL};
    }
    return 0;
}

#define IN_HANDLER __attribute__((no_sanitize("thread", "address")))

IN_HANDLER static const module *module_of(uintptr_t pc) {
    for (int i = 0; i < n_modules; i++)
        if (pc >= modules[i].start && pc < modules[i].end) return &modules[i];
    return NULL;
}

IN_HANDLER static bool is_jumpable(uintptr_t pc, const module *m) {
    if (!m || m->is_luajit) return true; /* in no loaded module: JIT code */
    return pc >= (uintptr_t)__start_jumpable && pc < (uintptr_t)__stop_jumpable;
}

IN_HANDLER static uintptr_t read_word(uintptr_t at) {
    uintptr_t word;
    __builtin_memcpy(&word, (const void *)at, sizeof word);
    return word;
}

IN_HANDLER static uintptr_t after_displacement(uintptr_t at) { return at + 4 + (uintptr_t)(int32_t)read_word(at); }

/* The function of another module that the call before `back` went to; 0 when that is no such call. Either
 * `call *slot` or `call stub`, with a stub of `endbr64` and `bnd`, which may be missing, and `jmp *slot`. */
IN_HANDLER static uintptr_t called_before(uintptr_t back) {
    uintptr_t at;
    if ((read_word(back - 6) & 0xffff) == 0x15ff) return read_word(after_displacement(back - 4));
    if ((read_word(back - 5) & 0xff) != 0xe8) return 0;
    at = after_displacement(back - 4);
    if (!module_of(at)) return 0;
    if ((read_word(at) & 0xffffffff) == 0xfa1e0ff3) at += 4;
    if ((read_word(at) & 0xff) == 0xf2) at++;
    return (read_word(at) & 0xffff) == 0x25ff ? read_word(after_displacement(at + 2)) : 0;
}

/* memcpy and its like hold no lock and keep nothing on the stack: its top is where they return to. That alone would
 * also be so in a function that something with a lock has jumped to as its last act, hence the look at the call. */
IN_HANDLER static bool is_copying(const uintptr_t *stack) {
    const module *caller = module_of(*stack);
    uintptr_t called;
    if (!caller || !is_jumpable(*stack, caller)) return false;
    called = called_before(*stack);
    for (int i = 0; i < N_COPIERS; i++)
        if (called && called == copiers[i]) return true;
    return false;
}

IN_HANDLER static bool may_jump_from(uintptr_t pc, const uintptr_t *stack) {
    const module *m = module_of(pc);
    return is_jumpable(pc, m) || (m->is_libc && is_copying(stack));
}

IN_HANDLER static void on_stop_signal(int signal, siginfo_t *info, void *context) {
    guard *g = current;
    const greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
    (void)signal, (void)info;
    if (!g || !g->is_armed) return;
    if (__atomic_load_n((uint64_t *)&g->target, __ATOMIC_RELAXED) !=
        __atomic_load_n((uint64_t *)&g->counter, __ATOMIC_RELAXED))
        return;
    if (!may_jump_from((uintptr_t)registers[REG_RIP], (const uintptr_t *)registers[REG_RSP])) return;
    g->is_armed = 0;
    siglongjmp(g->escape, 1);
}

#if defined(__SANITIZE_THREAD__)
#define UNDER_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define UNDER_TSAN 1
#endif
#endif

#ifdef UNDER_TSAN
/* ThreadSanitizer delays handlers to its own calls, of which a JIT loop makes none: install past it, with the
 * return trampoline that libc gave to the kernel. */
typedef struct kernel_sigaction {
    void (*handler)(int, siginfo_t *, void *);
    unsigned long flags;
    void (*restorer)(void);
    uint64_t mask;
} kernel_sigaction;

static err install_raw(void) {
    kernel_sigaction k;
    if (syscall(SYS_rt_sigaction, STOP_SIGNAL, NULL, &k, sizeof k.mask) != 0) return ERR_IO;
    k.handler = on_stop_signal;
    k.mask = 0;
    return syscall(SYS_rt_sigaction, STOP_SIGNAL, &k, NULL, sizeof k.mask) == 0 ? OK : ERR_IO;
}
#endif

/* The handler does not block its own signal: after the jump nothing has to be unblocked. */
static void install(void) {
    struct sigaction action = {.sa_sigaction = on_stop_signal, .sa_flags = SA_SIGINFO | SA_RESTART | SA_NODEFER};
    dl_iterate_phdr(note_module, NULL);
    for (int i = 0; i < N_COPIERS; i++) copiers[i] = (uintptr_t)dlsym(RTLD_DEFAULT, COPIERS[i]);
    install_result = sigaction(STOP_SIGNAL, &action, NULL) == 0 ? OK : ERR_IO;
#ifdef UNDER_TSAN
    if (install_result == OK) install_result = install_raw();
#endif
}

static int64_t clock_ns(clockid_t clock) {
    struct timespec t;
    if (clock_gettime(clock, &t) != 0) return 0;
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Looks after one guard; the time until it wants to be looked at again. */
static int64_t look(guard *g) {
    uint64_t number = atomic_load(&g->counter);
    int64_t budget_ns = atomic_load(&g->budget_ns), now_ns = monotonic_ns(), since_ns = now_ns - g->looked_ns, used_ns;
    g->looked_ns = now_ns;
    if (!(number & 1)) return POLL_NS;
    if (number != g->seen) {
        g->seen = number;
        g->cpu_base_ns = clock_ns(g->cpu_clock);
        g->wall_used_ns = 0;
        return budget_ns < POLL_NS ? budget_ns : POLL_NS;
    }
    used_ns = clock_ns(g->cpu_clock) - g->cpu_base_ns;
    g->wall_used_ns += since_ns < 2 * POLL_NS ? since_ns : 2 * POLL_NS;
    if (used_ns < budget_ns && g->wall_used_ns < WALL_TIMES * budget_ns)
        return budget_ns - used_ns < POLL_NS ? budget_ns - used_ns : POLL_NS;
    atomic_store(&g->target, number);
    pthread_kill(g->thread, STOP_SIGNAL);
    return AGAIN_NS;
}

static void *watch(void *arg) {
    watchdog *w = arg;
    pthread_setname_np(pthread_self(), "watchdog");
    (void)prctl(PR_SET_TIMERSLACK, SLACK_NS, 0, 0, 0);
    (void)setpriority(PRIO_PROCESS, (id_t)gettid(), NICE); /* where it is allowed: it is late when others are busy */
    pthread_mutex_lock(&w->lock);
    while (!w->is_stopping) {
        int64_t next_ns = POLL_NS, until_ns;
        struct timespec until;
        for (int i = 0; i < GUARDS_MAX; i++)
            if (atomic_load(&w->guards[i].is_attached)) {
                int64_t wish_ns = look(&w->guards[i]);
                if (wish_ns < next_ns) next_ns = wish_ns;
            }
        if (next_ns < AGAIN_NS) next_ns = AGAIN_NS;
        until_ns = monotonic_ns() + next_ns;
        until = (struct timespec){until_ns / 1000000000, until_ns % 1000000000};
        pthread_cond_timedwait(&w->wake, &w->lock, &until);
    }
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

err watchdog_start(watchdog **out) {
    watchdog *w = calloc(1, sizeof *w);
    pthread_condattr_t monotonic;
    if (!w) return ERR_NO_MEMORY;
    pthread_once(&install_once, install);
    if (install_result != OK) goto failed;
    pthread_mutex_init(&w->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&w->wake, &monotonic);
    pthread_condattr_destroy(&monotonic);
    if (pthread_create(&w->thread, NULL, watch, w) != 0) goto failed;
    *out = w;
    return OK;
failed:
    free(w);
    return ERR_IO;
}

void watchdog_stop(watchdog *w) {
    if (!w) return;
    pthread_mutex_lock(&w->lock);
    w->is_stopping = true;
    pthread_cond_signal(&w->wake);
    pthread_mutex_unlock(&w->lock);
    pthread_join(w->thread, NULL);
    pthread_cond_destroy(&w->wake);
    pthread_mutex_destroy(&w->lock);
    free(w);
}

err guard_attach(watchdog *w, guard **out) {
    sigset_t set;
    guard *g = NULL;
    pthread_mutex_lock(&w->lock);
    for (int i = 0; i < GUARDS_MAX && !g; i++)
        if (!atomic_load(&w->guards[i].is_attached)) g = &w->guards[i];
    if (g) {
        g->thread = pthread_self();
        g->owner = w;
        if (pthread_getcpuclockid(g->thread, &g->cpu_clock) != 0)
            g = NULL;
        else
            atomic_store(&g->is_attached, 1);
    }
    pthread_mutex_unlock(&w->lock);
    if (!g) return ERR_FULL;
    current = g;
    sigemptyset(&set);
    sigaddset(&set, STOP_SIGNAL);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
    *out = g;
    return OK;
}

void guard_detach(guard *g) {
    if (!g) return;
    pthread_mutex_lock(&g->owner->lock); /* the watchdog signals under this lock: none is under way to a dead thread */
    atomic_store(&g->is_attached, 0);
    pthread_mutex_unlock(&g->owner->lock);
    current = NULL;
}

err guard_call(guard *g, int64_t budget_ms, void (*body)(void *context), void *context) {
    uint64_t number = atomic_load_explicit(&g->counter, memory_order_relaxed) + 1;
    atomic_store_explicit(&g->budget_ns, budget_ms * 1000000, memory_order_relaxed);
    if (sigsetjmp(g->escape, 0) != 0) {
        atomic_store_explicit(&g->counter, atomic_load_explicit(&g->counter, memory_order_relaxed) + 1,
                              memory_order_release);
        return ERR_RUNAWAY;
    }
    atomic_store_explicit(&g->counter, number, memory_order_release);
    g->is_armed = 1;
    body(context);
    g->is_armed = 0;
    atomic_store_explicit(&g->counter, number + 1, memory_order_release);
    return OK;
}
