/* A look at the inside of a script while it runs: what it keeps, what it decides, and why it matches where nothing is known.
 * Threads: those of the trial. */
#pragma once
#include "check/trial_body.h"

/* What its variables hold before and after some calls: t->kept. */
void inspect_kept(trial *t, const sample *s, uint32_t id);
/* The rewritten script over all samples: how often each comparison was decided: t->sites. */
void inspect_sites(trial *t, const trader_source *watched, const sample *samples, int n);
/* Comparisons of which one side is the same with fewer bars of history, and the other is not: t->history_fact, unless
 * there is one. The answers need not differ: the sum since the first bar may be far from what it is compared with. */
void inspect_history(trial *t, const trader_source *watched, const sample *s, uint32_t id);
/* Bars of which every number is NaN: t->nan_fact when the trader matches, with the site that is to blame when the script
 * could be rewritten (`watched` may be NULL). */
void inspect_undefined(trial *t, const trader_source *watched, const sample *s, uint32_t id);
