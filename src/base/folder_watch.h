/* Says when something in a folder has changed, once it is quiet again: editors write in parts, and by renaming.
 *
 * The folder may go and come back, or be replaced by another one of that name (also by a link that points elsewhere):
 * both are changes, noticed within about a second. Where the kernel cannot watch it, it says so every second instead.
 * Threads: the loop's. Ownership: `path` is copied; freed when its last handle is closed. */
#pragma once
#include "base/errors.h"
#include <uv.h>

typedef struct folder_watch folder_watch;

/* The folder need not be there. */
MUST_CHECK err folder_watch_open(uv_loop_t *loop, const char *path, void (*on_change)(void *context), void *context,
                                 folder_watch **out);
/* Says so once more after that time, whatever happens. */
void folder_watch_again(folder_watch *w, uint64_t after_ms);
/* on_change is not called any more. `w` may be NULL. */
void folder_watch_close(folder_watch *w);
