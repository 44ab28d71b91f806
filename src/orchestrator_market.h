/* The market as the workers have it, for whoever asks over HTTP: candles of one symbol, and what all of them cost.
 * Threads: the loop's. */
#pragma once
#include "screener/excerpt.h"
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

/* Bars of a symbol, by its name. ERR_NOT_FOUND and a sentence: nobody watches it; ERR_NO_MEMORY, ERR_CLOSED. `on_done` as in
 * excerpt. */
MUST_CHECK err orchestrator_market_excerpt(orchestrator *o, const char *symbol, const int32_t most[N_INTERVALS],
                                           int64_t before_ms, excerpt_done_fn on_done, void *context, diag *why);
/* Names of intervals: "1m, 5m"; "none". */
void orchestrator_market_loaded(const excerpt *e, char *out, size_t bytes);
