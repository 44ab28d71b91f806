/* Signals whose analysis says to wait: looked at again at the next closes of their interval, with what has happened since.
 * Pure. Threads: one. Ownership: the list's own copies. */
#pragma once
#include "screener/analysis.h"

typedef struct watch_list watch_list;

/* `looks_max`: later looks at one signal. */
MUST_CHECK err watch_list_new(int32_t looks_max, watch_list **out);
void watch_list_free(watch_list *list);
/* A row is done, failed or expired: fills in its follow_up, and begins, continues or ends the watch of its signal. `first_prompt`: of
 * look 0; NULL: the row's own (look 0), or the one that is known. ERR_NO_MEMORY. */
MUST_CHECK err watch_list_settle(watch_list *list, analysis_row *row, const char *first_prompt);
/* A bar has closed: `on_due` is given each look that is due now, borrowed for the call. ERR_NO_MEMORY. */
typedef void (*watch_due_fn)(void *context, const analysis_row *look);
MUST_CHECK err watch_list_bar(watch_list *list, const char *symbol, int32_t interval, const kline *bar,
                              watch_due_fn on_due, void *context);
/* A look at the signal is under way that the list has not begun: one of a run before. */
void watch_list_mark(watch_list *list, const char *signal_id);
/* The signal is not wanted any more. */
void watch_list_forget(watch_list *list, const char *signal_id);
int32_t watch_list_count(const watch_list *list);
/* Whether a bar of this symbol and interval is of interest; cheap. */
bool watch_list_wants(const watch_list *list, const char *symbol, int32_t interval);
