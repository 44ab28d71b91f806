/* First looks: what a trader that has just come or changed hits in the bars before it, one line of the log for each:
 * "first look: NAME: 31 hits on 14 of 100 symbols in the last 100 bars".
 *
 *     _start ── hits are counted, of whatever trader ──► _expect: these traders are new ──► _note ... ──► _finish
 *
 * Hits may come before it is known which traders are new, since workers are done with some symbols while others wait.
 * Threads: the loop's. Ownership: texts are copied. */
#pragma once
#include "screener/pass.h"
#include "script/trader.h"

typedef struct orchestrator_look orchestrator_look;

MUST_CHECK err orchestrator_look_new(const symbol_table *symbols, orchestrator_look **out);
void orchestrator_look_free(orchestrator_look *l);
/* From now on hits count. */
void orchestrator_look_start(orchestrator_look *l);
/* This trader is to be told of. */
void orchestrator_look_expect(orchestrator_look *l, const trader_spec *spec);
/* A committed pass; true when it had hits. */
bool orchestrator_look_note(orchestrator_look *l, const pass *p);
/* Whether a trader is still to be told of. */
bool orchestrator_look_is_open(const orchestrator_look *l);
/* Tells of them, and counts no more. */
void orchestrator_look_finish(orchestrator_look *l);
