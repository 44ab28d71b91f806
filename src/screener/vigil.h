/* Bars that do not come, and bars that are read again (audit.h): of all series of a worker, when the next is due.
 * Threads: the worker's. */
#pragma once
#include "screener/worker_body.h"

/* Something has happened to the series: it may be due before all others. */
void vigil_note(worker *w, const timeframe *f);
/* Has bars of the series read again once in a period; soon, when REST has filled some in. */
void vigil_plan_audit(worker *w, const tracked *t, timeframe *f, bool has_filled);
/* All series are looked at when the earliest is due, which is some seconds after the closes of a minute as a rule. */
void vigil_look(worker *w);
