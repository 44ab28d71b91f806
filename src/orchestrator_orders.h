/* What browsers order and what takes a while: a pause or its end, and a flush. Each is answered once it is true.
 *
 *   pause   workers know ──► what they said before is committed and told ──► it is kept for the next start ──► answer
 *   flush   what is evaluated is committed ──► what waits for the cloud is sent, or cannot be for now ───────► answer
 *
 * Threads: the loop's. Ownership: borrows the orchestrator. */
#pragma once
#include "orchestrator_body.h"

/* Whether the daemon was paused when it ended. Storage is opened, not started. */
MUST_CHECK err orchestrator_orders_restore(orchestrator *o, diag *why);

MUST_CHECK err orchestrator_orders_new(orchestrator *o, orchestrator_orders **out);
/* As the members of serve_providers; the context is the orchestrator. */
void orchestrator_orders_set_paused(void *context, bool is_paused, serve_answer_fn answer, void *request);
void orchestrator_orders_force_sync(void *context, serve_answer_fn answer, void *request);
/* From the screener. */
void orchestrator_orders_paused(void *context);
/* Time has passed, or something has been committed. */
void orchestrator_orders_go_on(orchestrator_orders *all);
/* Storage has stopped: whoever still waits is told so. May be NULL. */
void orchestrator_orders_close(orchestrator_orders *all);
