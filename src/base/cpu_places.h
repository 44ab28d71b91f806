/* Which processors the threads of this program keep to.
 *
 * A kernel that spreads load over seconds, or packs small loads to save power, puts a worker and whoever waits for it on the
 * same processor for the few milliseconds of a burst, while another one is idle. On a machine that runs nothing else it is
 * better to say where they go:
 *
 *     processors   0 .. n-2      n-1        worker i keeps to n-1-i (from the end, round and round)
 *     threads      all others    worker 0
 *
 * Where there is only one processor nothing is said. Threads: each function speaks of the calling thread, and of those
 * that it starts later. */
#pragma once
#include "base/errors.h"

enum { CPU_PLACES_MAX = 64 };

typedef struct cpu_places {
    int32_t n; /* processors that this process may use; below 2: nobody is told anything */
    uint16_t cpu[CPU_PLACES_MAX];
} cpu_places;

/* Those that the calling thread may use now. None when the system does not say. */
void cpu_places_find(cpu_places *out);
/* ERR_IO: the system refuses. */
MUST_CHECK err cpu_places_keep_worker(const cpu_places *places, int32_t worker);
MUST_CHECK err cpu_places_keep_others(const cpu_places *places);
/* Back on all of them. */
MUST_CHECK err cpu_places_leave(const cpu_places *places);
