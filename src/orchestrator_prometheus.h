/* The metrics of the daemon, for Prometheus. Numbers alone: no name of a user, a trader or a symbol, since one port tells them
 * without a token.
 * Threads: the loop's. */
#pragma once
#include "orchestrator_body.h"

/* `context` is the orchestrator. The text is the caller's. ERR_NO_MEMORY. */
MUST_CHECK err orchestrator_prometheus_write(void *context, char **text, size_t *bytes);
