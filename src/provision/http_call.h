/* One HTTP/1.1 request as text: its parts, or the status to refuse it with. For a small server that takes one request on a connection,
 * in JSON, and nothing else.
 * Pure. Parts point into the text. */
#pragma once
#include "base/errors.h"
#include <stddef.h>

enum { HTTP_CALL_HEAD_MOST = 8192, HTTP_CALL_BODY_MOST = 16384 };

typedef struct http_part {
    const char *at;
    size_t bytes;
} http_part;

typedef struct http_call {
    http_part method, path, query;         /* path begins with / */
    http_part authorization, origin, body; /* bytes 0: not there */
} http_call;

/* 200: it is whole; 0: it goes on; else 400, 411, 413, 431, 501, 505. */
int http_call_parse(const char *text, size_t bytes, http_call *out);
bool http_part_is(http_part part, const char *text);
/* Cut to what there is room for; terminated. */
void http_part_copy(http_part part, char *out, size_t bytes);
