/* One line of JSON for one figure: name, workload, unit, median, p99, min, runs. The least is what a busy
 * machine changes least. */
#pragma once

/* `samples` are sorted in place; smaller is better. `workload` is written as it is: no quotes, no backslashes. */
void figure_print(const char *name, const char *workload, const char *unit, double *samples, int count);
/* The same with fields of its own behind the others: `more` is JSON, such as "\"flushes\":0". */
void figure_print_more(const char *name, const char *workload, const char *unit, double *samples, int count,
                       const char *more);
/* The middle one; sorts them, too. */
double figure_median(double *samples, int count);
