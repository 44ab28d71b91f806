/* Another image for a machine, behind a health gate: it is well afterwards, or has the old image again. */
#pragma once
#include "provision/work.h"

/* The work has the claim. */
MUST_CHECK err upgrade_machine(work *w, const char *image);
