/* The traders of a folder: every FILE.lua in it, by name, but for FILE_spec.lua: the spec of a trader stands beside it. */
#pragma once
#include "script/trader.h"

/* Reads all of them. A file that cannot be used (unreadable, too big, inputs that are no JSON) is one line of the log
 * and counted in `n_failed`; the others go on. ERR_NOT_FOUND and a sentence: no such folder, or no trader left. `sources`
 * is heap memory of the caller, as are the sources. */
MUST_CHECK err trader_folder_read(const char *folder, trader_source ***sources, int32_t *count, int32_t *n_failed,
                                  diag *why);
