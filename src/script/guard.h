/* Stopping runaway scripts: a watchdog thread and one guard per thread that runs scripts.
 *
 * A count hook is not checked inside JIT-compiled loops and no hook is checked inside C functions, so the watchdog
 * signals a thread whose call is over its budget of CPU time (or over 25 times that of wall time), and the signal
 * handler jumps out of the call. It jumps only while the program counter is in libluajit, in JIT code, in a JUMPABLE
 * function, or in a memcpy that one of these has called (copying 30 MB takes longer than a budget). Anywhere else (the
 * unwinder, the rest of libc, our other functions) a lock may be held, so it returns and is signalled again at once.
 * After a jump the Lua state may be half-way through anything: its region is thrown away whole.
 *
 * Threads: guard_attach, guard_call and guard_detach on the watched thread; watchdog_start and _stop on its owner.
 * The hot path pays two stores to a counter and one sigsetjmp without a system call. */
#pragma once
#include "base/errors.h"

typedef struct watchdog watchdog;
typedef struct guard guard;

enum { GUARDS_MAX = 32, WALL_TIMES = 25 };

/* A function that may be left by a jump: it holds no lock and writes to nothing but the Lua state. */
#define JUMPABLE __attribute__((section("jumpable")))

MUST_CHECK err watchdog_start(watchdog **out);
/* Every guard must be detached. */
void watchdog_stop(watchdog *w);

MUST_CHECK err guard_attach(watchdog *w, guard **out);
void guard_detach(guard *g);

/* Runs body(context) with a budget of CPU time; OK, or ERR_RUNAWAY when it had to be jumped out of. `body` must touch
 * nothing that a jump could leave broken except the Lua state, which the caller then throws away. */
MUST_CHECK err guard_call(guard *g, int64_t budget_ms, void (*body)(void *context), void *context);
