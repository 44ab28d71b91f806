/* /metrics on the big port: the same text as on the port of its own, for whoever has a token.
 * Threads: the loop's. */
#pragma once
#include "serve/http_answer.h"
#include "serve/providers.h"

void http_metrics_answer(const serve_providers *providers, http_answer *a);
