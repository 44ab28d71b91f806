/* The traders of a folder: every FILE.lua in it, by name. */
#pragma once
#include "script/trader.h"

/* Reads all of them. A file that cannot be read is one sentence in `why` and fails the call; a folder without traders
 * is ERR_NOT_FOUND. `sources` is heap memory of the caller, as are the sources. */
MUST_CHECK err trader_folder_read(const char *folder, trader_source ***sources, int32_t *count, diag *why);
