/* The machine's name, by which the database tells it from others. */
#pragma once
#include "config.h"

/* MACHINE_ID, else what `folder`/machine_id holds, else a new random one, which is kept there before it is returned. ERR_IO,
 * or ERR_INVALID when the file holds something else. `folder` must exist. */
MUST_CHECK err orchestrator_machine_id(const config *cfg, const char *folder, char out[MACHINE_ID_BYTES], diag *why);
