/* The traders that run: sources, what they say of themselves, and what became of them.
 *
 * Threads: made by the I/O thread and immutable afterwards but for `faults`, whose flag is atomic and whose texts are
 * protected by `lock` (touched only when something fails or somebody asks). Shared by all workers. */
#pragma once
#include "script/trader.h"
#include <pthread.h>
#include <stdatomic.h>

typedef struct trader_fault {
    _Atomic int is_quarantined;
    uint64_t n_errors, n_kills;
    int64_t first_ms, last_ms; /* wall clock */
    char symbol[64];           /* of the last one */
    int64_t open_ms;
    char message[1024];
    char trace[4096];
} trader_fault;

typedef struct trader_set {
    int32_t count;
    trader_source **sources; /* owned */
    trader_spec **specs;     /* owned */
    trader_fault *faults;
    pthread_mutex_t lock;
} trader_set;

/* Takes sources and specs over (both arrays and what is in them). */
MUST_CHECK err trader_set_new(int32_t count, trader_source **sources, trader_spec **specs, trader_set **out);
void trader_set_free(trader_set *set);

bool trader_set_is_quarantined(const trader_set *set, int32_t index);
/* Records an error or a kill; with `quarantine` the trader runs nowhere any more. True when that is new. */
bool trader_set_fault(trader_set *set, int32_t index, const char *symbol, int64_t open_ms, const char *message,
                      const char *trace, bool is_kill, bool quarantine);
/* Union of the intervals in use, and the longest history that is needed of each, bars. */
uint32_t trader_set_intervals(const trader_set *set, int32_t depth[N_INTERVALS]);
