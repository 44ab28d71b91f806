/* The way of the market's events: feed, screener, passes, storage, and from there to the terminal, the browsers and the cloud. It
 * begins to count once the feed, the traders and the snapshot are all there.
 * Threads: the loop's; workers call what the screener was given. */
#pragma once
#include "orchestrator_body.h"

/* Workers are started and traders are asked for. After storage and traders. */
MUST_CHECK err orchestrator_flow_open_screener(orchestrator *o, diag *why);
/* The last part that is opened: events may come from now on. */
MUST_CHECK err orchestrator_flow_open_feed(orchestrator *o, diag *why);
/* A worker has notes or room, or time has passed. */
void orchestrator_flow_move_on(orchestrator *o);

/* Handlers; the context is the orchestrator. */
void orchestrator_flow_snapshot_read(void *context);
void orchestrator_flow_committed(void *context, pass *p, uint32_t n_new); /* takes the pass */
/* Not where the project itself has it done: nobody is to pay twice. */
bool orchestrator_flow_may_analyse(const orchestrator *o);
void orchestrator_flow_analysed(void *context, const analysis_row *row);
