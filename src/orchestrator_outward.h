/* What tells others of the daemon by itself: notifications, the heartbeat, the port of the metrics. Opened here, closed by the
 * orchestrator with its other parts.
 * Threads: the loop's. */
#pragma once
#include "orchestrator_body.h"

/* Storage is started. */
MUST_CHECK err orchestrator_outward_open_notify(orchestrator *o, diag *why);
MUST_CHECK err orchestrator_outward_open_heartbeat(orchestrator *o, diag *why);
/* A port that is not to be had is said; nobody is to miss a signal because of that. */
void orchestrator_outward_open_metrics(orchestrator *o);
