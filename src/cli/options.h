/* Options of a verb: `--name value`, `--name=value`, flags, and `--` before what only looks like an option.
 * One table per verb makes the parsing and the help. Pure, but for what the verb's own function does.
 * Ownership: everything is borrowed from argv and the table. */
#pragma once
#include "base/errors.h"

typedef struct option {
    const char *name;     /* without the dashes */
    const char *argument; /* what its value is called in the help; NULL: a flag */
    const char *help;
} option;

/* Takes one option with its value (NULL for a flag), or a word that is no option (`o` NULL). An error ends the parsing
 * and is returned. */
typedef err (*option_fn)(void *context, const option *o, const char *value, diag *why);

/* `argv` starts behind the verb. The table ends with a NULL name. ERR_INVALID with a sentence for an unknown option
 * (with the nearest known one), a missing or an unwanted value. */
MUST_CHECK err options_parse(const option *table, int argc, char *const *argv, option_fn take, void *context,
                             diag *why);

/* For `take`, the values of options that many verbs have; ERR_INVALID with the sentence. */
MUST_CHECK err options_take_time(const option *o, const char *value, int64_t *ms, diag *why);
/* `value` is `bytes` long. */
MUST_CHECK err options_take_interval(const option *o, const char *value, size_t bytes, int32_t *interval, diag *why);
/* 1m,1h: adds the bit 1 << interval of each to `mask`. */
MUST_CHECK err options_take_intervals(const option *o, const char *value, uint32_t *mask, diag *why);

/* For `take`: the sentence for a word that a verb has no use for. */
MUST_CHECK err options_refuse_word(const char *word, diag *why);
