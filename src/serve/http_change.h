/* The bodies of requests that change something: JSON, read strictly. What is not as expected is refused with one sentence
 * that says what is. Pure. */
#pragma once
#include "base/errors.h"
#include <stddef.h>

/* {"workers": N}, 1..WORKERS_MAX. ERR_INVALID. */
MUST_CHECK err http_change_workers(const char *body, size_t bytes, int32_t *out, diag *why);
/* {"enabled": true or false, "inputs": {NAME: number, text, true or false}}, one of the two or both; null
 * instead of a value takes the change away. `json` is the same
 * in compact form, to be freed. ERR_INVALID, ERR_NO_MEMORY. */
MUST_CHECK err http_change_trader(const char *body, size_t bytes, char **json, diag *why);
