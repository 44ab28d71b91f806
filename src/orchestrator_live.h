/* What the channel is told beside signals: live bars of the klines that somebody listens to, and the daemon's numbers.
 *
 *   feed ── bar ──► nobody listens: nothing happens
 *                   closed: told at once
 *                   forming: the newest one of each, ten times a second
 *
 * Threads: the loop's. Ownership: borrows the orchestrator. */
#pragma once
#include "orchestrator_body.h"

MUST_CHECK err orchestrator_live_open(orchestrator *o, orchestrator_live **out);
/* As serve_providers.find_klines; the context is the orchestrator. */
MUST_CHECK err orchestrator_live_find(void *context, const char *symbol, int32_t interval, uint32_t *id, diag *why);
/* Any event of the feed. */
void orchestrator_live_event(orchestrator_live *l, const market_event *event);
/* Before the server is closed. May be NULL. */
void orchestrator_live_close(orchestrator_live *l);
