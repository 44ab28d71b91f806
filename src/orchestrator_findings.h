/* What is wrong with a script, found in the lab (check/findings.h), for those that try one and those that keep one.
 * Threads: findings_step_run in the lab, the rest on the loop. */
#pragma once
#include "check/findings.h"

typedef struct findings_step {
    script_limits limits;
    const trader_source *source; /* borrowed */
    err failure;                 /* it could not be looked at: `why` */
    diag why;
    char *findings; /* a JSON list; NULL with a failure */
} findings_step;

void findings_step_run(findings_step *f);
/* A JSON list of objects as findings_write makes them, a text of the caller; NULL without memory. When nothing in it is an error
 * although the script does not compile, `message` (NULL: it does) becomes one. `has_error` may be NULL. */
char *findings_step_text(const findings_step *f, const char *message, bool *has_error);
void findings_step_deinit(findings_step *f);
