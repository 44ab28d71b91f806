/* What a model is asked at a later look at a signal: the prompt of the signal's bar, and behind it the bars since. Pure. */
#pragma once
#include "abi.h"
#include "base/errors.h"
#include <stddef.h>

/* `first`: JSON, see script_result.prompt. `heading`: one line that says why it is looked at again. `n_bars` closed bars since,
 * oldest first, at least one. `out` is to be freed. ERR_INVALID: `first` is not of the form; ERR_NO_MEMORY. */
MUST_CHECK err later_look_prompt(const char *first, const char *heading, const kline *bars, size_t n_bars, char **out);
