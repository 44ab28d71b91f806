/* The services that notices go to, each behind the same three functions: what a delivery holds, the request that carries it, and
 * what an answer means. webhook.c, telegram.c and discord.c know their own service and nothing else.
 * Pure: time is an argument. Addresses and tokens are secrets: no sentence that is made here has one.
 * Ownership: service_request_deinit frees the texts of a request. */
#pragma once
#include "screener/notice.h"

enum { SERVICE_HEADERS_MAX = 6, SERVICE_HEADER_BYTES = 192, SERVICE_WHY_BYTES = 256, CHAT_BYTES = 64 };

typedef struct service_options {
    const char *url;    /* of a webhook, Discord's included; of Telegram the server's */
    const char *secret; /* webhook: signature.h, empty: unsigned. Telegram: the bot's token */
    const char *chat;   /* Telegram */
    bool is_text_only;  /* webhook: the body is the message alone */
} service_options;

typedef struct service_request {
    char *url, *body;
    char headers[SERVICE_HEADERS_MAX][SERVICE_HEADER_BYTES]; /* "Name: value" */
    size_t n_headers;
} service_request;

typedef struct service_answer {
    int status;       /* 0: none came */
    const char *why;  /* why none came */
    const char *body; /* "" when there is none */
    /* Headers; NULL: absent. The last two are Discord's. */
    const char *retry_after, *remaining, *reset_after;
} service_answer;

typedef enum service_outcome {
    SERVICE_SENT,
    SERVICE_RETRY,  /* not now */
    SERVICE_REFUSED /* this one never */
} service_outcome;

typedef struct service_verdict {
    service_outcome outcome;
    int64_t
        wait_ms; /* before the next request, whatever it carries; -1: after a failure as long as the sender finds right */
    char why[SERVICE_WHY_BYTES]; /* a sentence, unless SENT */
    char chat[CHAT_BYTES];       /* Telegram: the chat has this id now; empty: as before */
} service_verdict;

typedef struct service {
    size_t most_units; /* of a message, in UTF-16; 0: any number */
    /* As service_word; NULL: the message itself. */
    err (*word)(const service_options *o, const notice *n, const char *id, const char *message, char **body);
    err (*request)(const service_options *o, const delivery *d, int64_t now_s, service_request *out);
    void (*judge)(const service_answer *a, service_verdict *out);
} service;

const service *service_get(notice_service which);
/* What is kept of a delivery until it is sent, which is the caller's; `message` is the notice in words. ERR_NO_MEMORY. */
MUST_CHECK err service_word(notice_service which, const service_options *o, const notice *n, const char *id,
                            const char *message, char **body);
void service_request_deinit(service_request *r);

/* ---- for the services ---- */

void service_add_header(service_request *r, const char *name, const char *value);
/* What every HTTP status means when the service has nothing more to say. */
void service_judge_status(const service_answer *a, service_verdict *out);
/* Seconds, also with a fraction, as ms; -1: it is none. At most a day. */
int64_t service_seconds(const char *text);
