/* The head of an HTTP/1 request, read before libwebsockets gets it: whether it is one, and what is to be known of it early.
 *
 * Stricter than RFC 9112 asks of a server, as clients are by themselves: lines end with CR LF, no folded lines, no blank
 * before a colon, one Host that is one, one Content-Length, none beside Transfer-Encoding; a target is a path, its escapes
 * are whole and no control characters; a WebSocket handshake has its key and version 13.
 * Pure. What is found points into the text. */
#pragma once
#include <stddef.h>
#include <stdint.h>

enum { REQUEST_HEAD_MAX_BYTES = 8192, REQUEST_TARGET_MAX_BYTES = 2048, REQUEST_HEADERS_MAX = 64 };

typedef struct request_part {
    const char *at; /* NULL: it is not there */
    size_t bytes;
} request_part;

typedef struct request_head {
    size_t bytes; /* of the whole head, its empty line included */
    request_part target, host;
    request_part subprotocols_name, subprotocols; /* of Sec-WebSocket-Protocol, when there is one of it */
    request_part client_address;                  /* the value of Fly-Client-IP, when there is one of it */
    const char *fault;                            /* in words, when it is refused */
} request_head;

/* 200: it is whole and well-formed; 0: it goes on; else the status to refuse it with (400, 414, 426, 431, 501, 505). */
int request_head_parse(const char *text, size_t bytes, request_head *out);
