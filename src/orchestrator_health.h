/* The health of the daemon: what is measured every second, put together as the facts that the rules look at (serve/health_rules.h).
 * Threads: the loop's. */
#pragma once
#include "orchestrator_body.h"
#include "serve/health_rules.h"

/* The loop is there; nothing else need be. The timer is closed with the other handles of the orchestrator. */
void orchestrator_health_open(orchestrator *o);
/* `context` is the orchestrator. False: it has failed in a way that a restart cures. */
bool orchestrator_health_is_alive(void *context);
void orchestrator_health_facts(const orchestrator *o, health_facts *out);
