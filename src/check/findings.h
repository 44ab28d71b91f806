/* What is wrong with a script: read (lua/check) and run in the sandbox in all the ways in which a mistake shows (check/trial.h).
 * For the verb `check`, and for whoever edits a script in a browser.
 * Threads: the one that calls. */
#pragma once
#include "base/json_writer.h"
#include "check/reader.h"
#include "check/trial.h"

struct json_t;

/* What there is in the sandbox, for findings_make: a JSON text of the caller. */
MUST_CHECK err findings_names(const script_limits *limits, char **names, diag *why);
/* `r` and `names` may serve many scripts one after the other. `findings`: a JSON list, see reader_close; `warning`: why luacheck is of no
 * use, or NULL. Both are texts of the caller. ERR_NO_MEMORY, or ERR_NOT_FOUND and the like with a sentence when
 * `options.data` cannot be read. */
MUST_CHECK err findings_make(reader *r, const char *names, const trial_options *options, const trader_source *source,
                             char **findings, char **warning, diag *why);

/* One finding as members of an object that is open: line, column, end_column, severity, code, message, hint, source; the
 * last two may be null. */
void findings_write_members(json_writer *w, const struct json_t *finding);
/* A list of such objects, from a list as findings_make gives it; true when one of them is an error. */
bool findings_write(json_writer *w, const char *findings);
