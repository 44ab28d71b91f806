/* What a worker tells of its symbols to those who look at the market from outside.
 * Threads: the worker's. */
#pragma once
#include "screener/worker_body.h"

/* Answers CONTROL_EXCERPT; takes its excerpt. */
void looks_copy(worker *w, control *c);
/* Answers CONTROL_QUOTE. */
void looks_quote(worker *w);
