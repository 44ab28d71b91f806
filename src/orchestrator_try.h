/* Scripts that people try, for whoever asks over HTTP: what is wrong with one, where it would have fired on the bars that are
 * loaded, and the plots of a trader over them. All of it in the lab; nothing is kept.
 * Threads: the loop's. */
#pragma once
#include "serve/providers.h"

/* validate_trader, look and plots. */
void orchestrator_try_provide(serve_providers *out);
