/* What scaling asks of the rest of the daemon: its load, a quiet moment, and that all is made safe before a restart.
 * Threads: the loop's. */
#pragma once
#include "orchestrator_body.h"

/* The last part that is opened. ERR_NO_MEMORY. */
MUST_CHECK err orchestrator_scaling_open(orchestrator *o, diag *why);
