/* First looks: what a trader that has just come or changed hits in the bars before it, one line of the log for each:
 * "first look: NAME: 31 hits on 14 of 100 symbols in the last 100 bars".
 *
 *     _start ── hits are counted, of whatever trader ──► _expect: these traders are new ──► _go_on ... the line
 *
 * Hits may come before it is known which traders are new, since workers are done with some symbols while others wait. The
 * line comes when no history is on its way, all workers have passed a barrier since, and all is committed.
 * Threads: the loop's. Ownership: everything in the config is borrowed; texts are copied. */
#pragma once
#include "screener/screener.h"
#include "sync/storage.h"

typedef struct orchestrator_look orchestrator_look;

typedef struct orchestrator_look_config {
    uv_loop_t *loop;
    const symbol_table *symbols;
    screener *screener;
    const storage *storage;
    size_t (*work_left)(void *context); /* ranges, events: what history may still be part of */
    void *context;
} orchestrator_look_config;

MUST_CHECK err orchestrator_look_open(const orchestrator_look_config *config, orchestrator_look **out);
/* From now on hits count. */
void orchestrator_look_start(orchestrator_look *l);
/* This trader is to be told of. */
void orchestrator_look_expect(orchestrator_look *l, const trader_spec *spec);
/* Waits for those that are expected; stops counting when there are none. */
void orchestrator_look_go_on(orchestrator_look *l);
void orchestrator_look_note(orchestrator_look *l, const pass *p);
void orchestrator_look_passed_barrier(orchestrator_look *l);
/* Freed with its last handle. May be NULL. */
void orchestrator_look_close(orchestrator_look *l);
