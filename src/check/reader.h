/* What reads a script for `check` and `explain`: the Lua of lua/check/ in a plain LuaJIT state of its own, with luacheck when
 * that is installed. It is no sandbox and never runs the script.
 * Threads: the one that made it. */
#pragma once
#include "base/errors.h"
#include <stddef.h>

typedef struct reader reader;

MUST_CHECK err reader_new(reader **out, diag *why);
void reader_free(reader *r);

/* Reads a script. `names`: the answer of the tools to "names" (script/ask.h). `watched`: the script rewritten so that it
 * tells what it decides, NULL when there is none (see lua/check/watch.lua). `warning`: why luacheck is of no use, or NULL.
 * Both are texts of the caller. */
MUST_CHECK err reader_open(reader *r, const char *code, size_t bytes, const char *chunk, const char *names,
                           char **watched, char **warning, diag *why);
/* The findings about it: a JSON list of {line, column, end_column, code, severity, message, hint, source}. `facts`: JSON of
 * what has been seen of it (check/trial.h). */
MUST_CHECK err reader_close(reader *r, const char *facts, char **findings, diag *why);
/* Its sites: a JSON list of {site, line, column, kind, text}, for the numbers that a watched script tells. */
MUST_CHECK err reader_sites(reader *r, char **sites, diag *why);
