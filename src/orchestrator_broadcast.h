/* New signals on the user's channel of Supabase Realtime (REALTIME=on): for whoever listens now. What is lost is not sent
 * again, since the table has it.
 * Threads: the loop's. Ownership: the client is the caller's; it is let go before it is closed, and closed before the free. */
#pragma once
#include "screener/signal.h"
#include "sync/postgrest.h"

typedef struct orchestrator_broadcast orchestrator_broadcast;

MUST_CHECK err orchestrator_broadcast_new(postgrest *client, const char *user_id, orchestrator_broadcast **out);
/* Event signal_created on the private topic user:USER_ID. */
void orchestrator_broadcast_signal(orchestrator_broadcast *b, const signal_row *s);
/* From now on signals go nowhere and the client is not touched. */
void orchestrator_broadcast_let_go(orchestrator_broadcast *b); /* NULL is ignored */
void orchestrator_broadcast_free(orchestrator_broadcast *b);   /* NULL is ignored */
