/* The control door: lines on stdin, each the WHAT of a scene's line, done at once. At the end of stdin the door closes and
 * the exchange goes on.
 * Threads: the loop's. Ownership: in place; its handle is closed by control_close. */
#pragma once
#include "base/errors.h"
#include <uv.h>

enum { CONTROL_LINE_BYTES = 512 };

typedef struct control {
    uv_pipe_t pipe;
    char line[CONTROL_LINE_BYTES];
    size_t bytes;
    bool is_too_long, is_open;
    char buffer[4096];
    void (*on_line)(void *context, const char *line);
    void *context;
} control;

MUST_CHECK err control_open(control *c, uv_loop_t *loop, void (*on_line)(void *context, const char *line),
                            void *context);
/* Once, also when it was never opened. */
void control_close(control *c);
