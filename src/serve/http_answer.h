/* One HTTP answer: status, type, body; errors as RFC 9457 problem details. The security headers are the listener's
 * (security_headers.h).
 * Threads: the loop's. Ownership: http_answer_send borrows, http_answer_deinit frees the body. */
#pragma once
#include "base/json_writer.h"
#include <libwebsockets.h>

typedef struct http_answer {
    int status;
    const char *type; /* static; NULL: there is no content */
    char *body;       /* heap */
    size_t body_bytes;
    bool must_close;         /* the request has a body that nobody reads */
    bool is_last;            /* the connection is not to be used for another request */
    const char *allow;       /* static; 405: the methods that there are */
    const struct page *page; /* it is one of the page's files (pages.h); NULL: an answer of the interface */
    bool is_gzip;            /* the body is compressed */
    const char *cache;       /* static: cache-control; NULL: no-store */
    int64_t retry_after_s;   /* of 429; 0: 1 */
} http_answer;

/* Takes the text of `w`. Without memory the answer is a 503 without a body. */
void http_answer_json(http_answer *a, int status, json_writer *w);
void http_answer_text(http_answer *a, int status, const char *text);
void http_answer_problem(http_answer *a, int status, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* 429: whoever asks is to wait so long. */
void http_answer_too_many(http_answer *a, int64_t wait_ms);
/* With one more member, whose value is JSON; `member` NULL: none. */
void http_answer_problem_with(http_answer *a, int status, const char *sentence, const char *member, const char *json);
/* Without content. */
void http_answer_empty(http_answer *a, int status);
void http_answer_deinit(http_answer *a);

/* Inside a callback of `wsi`: headers and body (no body for HEAD). -1: the connection is to be closed. */
int http_answer_send(struct lws *wsi, const http_answer *a, bool is_head);
