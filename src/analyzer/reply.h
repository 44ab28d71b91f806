/* One exchange with a model, apart from whose it is: what is asked, and what came of it.
 *
 * Every answer of a server falls into one of six kinds, by what is to be done about it. Tokens are counted whatever the
 * kind: a refusal is paid for, too.
 * Threads: pure functions on the caller's memory. Ownership: reply_deinit frees the text. */
#pragma once
#include "base/errors.h"
#include <stddef.h>
#include <stdint.h>

struct json_t; /* of jansson, whose header no header includes: its names are those of json_reader.h */

enum { MODEL_BYTES = 96, REPLY_MAX_BYTES = 4 << 20 };

typedef struct question {
    const char *model;
    const char *system, *text;
    const char *schema;        /* JSON Schema of the answer */
    double temperature;        /* 0..2; NaN: the model's own */
    int64_t max_output_tokens; /* thinking included */
    const char *thinking;      /* "off", "low", "medium", "high"; NULL or "": the model's own */
    /* To ask again after an answer that was not of the form: that answer, and what was wrong with it. NULL: the first. */
    const char *previous, *complaint;
} question;

typedef enum reply_kind {
    REPLY_ANSWER,  /* a whole text */
    REPLY_CUT,     /* it ran into max_output_tokens: asking again gives the same */
    REPLY_REFUSED, /* the model or its guard will not, of this question */
    REPLY_LIMITED, /* too many requests: wait for retry_ms, or until the day is over */
    REPLY_TROUBLE, /* the server's own: try again later */
    REPLY_DENIED   /* key, model, credit or request are wrong: no question will do better */
} reply_kind;

typedef struct reply {
    reply_kind kind;
    char *text;                                   /* REPLY_ANSWER; the part that came of REPLY_CUT; else NULL */
    char model[MODEL_BYTES];                      /* the version that answered, by its own word; "" unknown */
    int64_t tokens_in, tokens_cached, tokens_out; /* cached: of those in; out: thinking included */
    int64_t retry_ms;                             /* -1: not said */
    bool is_daily;                                /* REPLY_LIMITED: a quota of the day */
    char why[400];                                /* a sentence; "" for REPLY_ANSWER */
} reply;

/* What arrived, borrowed for the call. */
typedef struct http_facts {
    int status;
    const char *body;
    size_t body_bytes;
    const char *retry_after, *date; /* header values or NULL */
} http_facts;

void reply_deinit(reply *r);

/* ---- for gemini.c and openai.c ---- */

void reply_init(reply *r);
__attribute__((format(printf, 3, 4))) void reply_say(reply *r, reply_kind kind, const char *format, ...);
/* The body as a JSON object; of a list its first one (some proxies wrap it). NULL: it is none. */
struct json_t *reply_body(const http_facts *facts);
/* A count out of `object`: 0 when it is missing, negative or no whole number. */
int64_t reply_count(const struct json_t *object, const char *key);
/* By HTTP status alone. */
reply_kind reply_kind_of_status(int status);
/* ms from now on of a Retry-After: seconds, or a date (against the answer's own Date); -1: none or senseless. */
int64_t reply_retry_after_ms(const http_facts *facts);
/* Appends to `text`, which is NULL or on the heap. ERR_NO_MEMORY. */
MUST_CHECK err reply_append(char **text, const char *more);
