/* What the server is told of the daemon: its status, the health of its parts, their numbers as JSON, the traders.
 * Threads: the loop's. */
#pragma once
#include "orchestrator_body.h"

/* `context` is the orchestrator, as of the next one. Warm, paused or not; else `why` (may be NULL) says what is missing. */
bool orchestrator_status_is_ready(void *context, diag *why);
/* Nothing that a restart could cure, warm, and the market is seen. */
bool orchestrator_status_is_well(void *context);
/* Fills those of the providers that tell; their context is the orchestrator. */
void orchestrator_status_provide(serve_providers *out);
