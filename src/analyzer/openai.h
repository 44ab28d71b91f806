/* Chat completions, as OpenAI made them and OpenRouter, llama.cpp and many others serve them, as bytes.
 * POST {base}/chat/completions with Authorization: Bearer; `base` holds the version: https://openrouter.ai/api/v1.
 * Threads: pure functions. */
#pragma once
#include "analyzer/reply.h"
#include "base/json_writer.h"

MUST_CHECK err openai_url(const char *base, char *out, size_t bytes); /* ERR_TOO_BIG */
void openai_write(json_writer *w, const question *q);
/* Whatever came; `out` is always filled: reply_deinit. */
void openai_read(const http_facts *facts, reply *out);
