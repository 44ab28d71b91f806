/* The market for whoever asks over HTTP: candles of one symbol, and what all of them cost.
 * Threads: the loop's. */
#pragma once
#include "screener/screener.h"
#include "serve/providers.h"

typedef struct orchestrator orchestrator;
typedef struct orchestrator_market orchestrator_market;

MUST_CHECK err orchestrator_market_new(orchestrator *o, orchestrator_market **out);
/* The workers have stopped: whoever waits is told. May be NULL. */
void orchestrator_market_stop(orchestrator_market *m);
void orchestrator_market_free(orchestrator_market *m);

/* As screener_handlers.on_quotes; `context`: the orchestrator. */
void orchestrator_market_quotes(void *context, quote_list *quotes);
/* klines and symbols. */
void orchestrator_market_provide(serve_providers *out);

/* The status of a problem: bars that the exchange did not give (bars_done_fn). */
int orchestrator_market_status_of(err code);
