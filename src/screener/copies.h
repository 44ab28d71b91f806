/* A worker's own copies of reference symbols. A trader waits until the copies have the bars of its close; a copy waits until
 * no trader needs the bars any more that its next ones would push out.
 * Threads: the worker's. Running out of memory makes the worker fail. */
#pragma once
#include "screener/worker_body.h"

void copies_add(worker *w, const control *c); /* CONTROL_COPY */
/* Bars of a copy that open at or after this would push bars out that some symbol's trader must still see beside its own. */
int64_t copies_hold_ms(const worker *w, const tracked *copy, int32_t interval, bool is_past);
/* A bar of a copy has come: whoever waits for it goes on, which may make room for its next bars. */
void copies_settle(worker *w, tracked *copy, int64_t received_ns);
/* Symbols that have moved on may have made room for bars of copies that had to wait, whatever moved them. */
void copies_go_on(worker *w);
/* A symbol comes from another worker, which is perhaps not as far as this one: a copy whose bars have gone past what its
 * traders must still see begins anew, where it began first, and those that look at it wait for it. */
void copies_reach_back(worker *w, const tracked *newcomer);
/* A trader that `before` did not have needs older bars of a reference than there are: its copy begins anew with them and all that it
 * remembers, from `start_ms` back, and those that look at it wait for it. */
void copies_deepen(worker *w, const trader_set *before, int64_t start_ms);
/* Bars of a copy were corrected: signals that have seen them are marked. */
void copies_tell_corrections(worker *w, tracked *copy, int32_t interval);
void copies_send_wants(worker *w);
