/* Scripts that people try, for whoever asks over HTTP: what is wrong with one, where it would have fired on the bars that are
 * loaded, the plots of a trader over them, and what a model would be asked about one of them. All of it in the lab; nothing is kept.
 * Threads: the loop's. */
#pragma once
#include "market/kline_list.h"
#include "screener/trader_set.h"
#include "serve/providers.h"

typedef struct orchestrator orchestrator;

/* validate_trader, look and plots. */
void orchestrator_try_provide(serve_providers *out);

/* The trader that runs, by key or UUID; NULL: none does. */
const trader *orchestrator_try_find(const orchestrator *o, const char *key);

typedef struct try_prompt {
    char *prompt;     /* of the bar, see script_result.prompt */
    kline_list since; /* the closed bars behind it */
} try_prompt;
/* `status` 200: `made` is there, and what is moved out of it is the receiver's; else that of a problem, and `why`. Once, not from
 * inside the call that asked. */
typedef void (*try_prompt_fn)(void *context, int status, const char *why, try_prompt *made);
/* The prompt of a trader's script for a bar that has closed. ERR_FULL: too much is tried; ERR_CLOSED, ERR_NO_MEMORY. Then nobody is
 * told. */
MUST_CHECK err orchestrator_try_prompt(orchestrator *o, const trader_source *of, const char *symbol, int64_t open_ms,
                                       try_prompt_fn on_prompt, void *context);
