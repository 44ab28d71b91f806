/* Starts and stops all of the daemon in order.
 * Threads: called on the main thread, before any other thread; returns when all of them are joined. */
#pragma once
#include "base/errors.h"
#include "config.h"

/* Runs until SIGINT or SIGTERM, then drains. Returns the exit code of the process: 0 after an ordered stop; else `why`
 * says in one sentence what failed. */
int orchestrator_run(const config *cfg, diag *why);
