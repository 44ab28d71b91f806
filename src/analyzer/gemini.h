/* Google's generateContent, as bytes: what is sent for a question, and what an answer says.
 * POST {base}/v1beta/models/{model}:generateContent with the header x-goog-api-key (never in the URL, which is logged).
 * Threads: pure functions. */
#pragma once
#include "analyzer/reply.h"
#include "base/json_writer.h"

/* ERR_INVALID: the model's name is no name; ERR_TOO_BIG. `base` without a slash at its end. */
MUST_CHECK err gemini_url(const char *base, const char *model, char *out, size_t bytes);
/* The body. Thinking is set as the model's generation takes it: a level from Gemini 3 on, a budget of tokens for 2.5, nothing
 * for what is older or unknown (both at once, or a level that a model lacks, is a 400). */
void gemini_write(json_writer *w, const question *q);
/* Whatever came; `out` is always filled: reply_deinit. */
void gemini_read(const http_facts *facts, reply *out);
