/* The limits of scripts as the configuration has them.
 * Threads: any. */
#pragma once
#include "config.h"
#include "script/state.h"

/* Without analysis, which is off. */
script_limits script_limits_from(const config *cfg);
