/* Runs a spec file with busted, in a child process, from any folder and with `require "trademind.spec"` at hand.
 * Threads: none may run besides (it forks). */
#pragma once
#include "base/errors.h"
#include <stdbool.h>

/* The folder that holds trademind/spec.lua, beside this executable: in a build, or as installed. False: not found. */
bool specs_library(char *out, size_t bytes);

/* What came of a spec, as JSON: {"passed", "pending", "failures": [{"name", "line", "message"}] or null}, or {"missing":
 * "busted"}; a text of the caller. What the spec prints goes to stderr. ERR_IO and a sentence when it ended without a
 * word. */
MUST_CHECK err specs_run(const char *file, char **results, diag *why);
