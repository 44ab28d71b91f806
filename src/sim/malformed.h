/* Frames that no exchange should send. Pure. */
#pragma once
#include "sim/writer.h"

/* `kind`: index into scene_malformed_names. `symbol` in upper case, `stream` as streams name it. The frame of a one-minute
 * bar that opens at `open_ms`, with one thing wrong; wrapped for a combined connection where JSON is left to wrap. */
void malformed_frame(writer *out, int kind, const char *symbol, const char *stream, int64_t open_ms, bool is_combined,
                     bool *is_binary);
