/* Symbols that change their worker, one by one, with all that they have (PHASE_MOVING): because some workers have more to do
 * than others, or because there are to be more workers, or fewer.
 * Threads: the feed's. Errors: ERR_NO_MEMORY, or what starting a thread gives. */
#pragma once
#include "screener/screener_body.h"

/* Some symbols move when the costs since the last look say so. */
MUST_CHECK err moving_balance(screener *s);
/* An owner has let go of a symbol, or keeps it. */
MUST_CHECK err moving_released(screener *s, const note *n);
/* From n_workers to n_wanted. A screener that shrinks moves all symbols off the last workers first. */
MUST_CHECK err moving_begin_resize(screener *s);
/* All have moved: workers that are not wanted any more end. */
void moving_end_resize(screener *s);
