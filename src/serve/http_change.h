/* The bodies of requests that change something: JSON, read strictly. What is not as expected is refused with one sentence
 * that says what is. Pure. */
#pragma once
#include "serve/providers.h"
#include <stddef.h>

/* {"workers": N}, 1..WORKERS_MAX. ERR_INVALID. */
MUST_CHECK err http_change_workers(const char *body, size_t bytes, int32_t *out, diag *why);
/* {"enabled": true or false, "inputs": {NAME: number, text, true or false}}, one of the two or both; null
 * instead of a value takes the change away. `json` is the same
 * in compact form, to be freed. ERR_INVALID, ERR_NO_MEMORY. */
MUST_CHECK err http_change_trader(const char *body, size_t bytes, char **json, diag *why);

/* A script in a body: {"source", and}  NEW: "id", "enabled", "inputs", each may be missing;  EDITED: "version";  ALONE: nothing
 * else;  LOOK: "inputs", "symbols", "bars", each may be missing. */
typedef enum http_draft_kind { HTTP_DRAFT_NEW, HTTP_DRAFT_EDITED, HTTP_DRAFT_ALONE, HTTP_DRAFT_LOOK } http_draft_kind;

typedef struct http_draft {
    serve_look look;
    struct json_t *root; /* holds the texts */
    char *inputs;
} http_draft;

enum { SOURCE_BYTES_MAX = 128 * 1024 };

/* ERR_INVALID, ERR_TOO_BIG, ERR_NO_MEMORY; then there is nothing to be freed. */
MUST_CHECK err http_change_draft(const char *body, size_t bytes, http_draft_kind kind, http_draft *out, diag *why);
void http_draft_deinit(http_draft *draft);
