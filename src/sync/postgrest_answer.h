/* What an answer of PostgREST, or none, means for whoever asked: by its kind, not by its number. Pure.
 *
 *   network, 408, 429, 5xx, 57014 ...   RETRY   later, the same again; a timeout also asks for less at once
 *   413                                 SHRINK  now, with less
 *   401, 403                            KEY     nothing is written until there is another key
 *   400, 409, by a row                  ROW     never the same again: one of the rows is refused
 *   400, 404, 406, by the tables        SCHEMA  the database lacks what is asked of it: no row is to blame
 *
 * The SQLSTATE decides before the status, which gateways and PostgREST's versions do not agree on. */
#pragma once
#include "base/errors.h"

typedef enum postgrest_kind {
    POSTGREST_OK,
    POSTGREST_RETRY,
    POSTGREST_SHRINK,
    POSTGREST_KEY,
    POSTGREST_ROW,
    POSTGREST_SCHEMA,
    POSTGREST_CANCELLED /* by us: the client was closed */
} postgrest_kind;

enum { POSTGREST_CODE_BYTES = 16, POSTGREST_WHY_BYTES = 512 };

typedef struct postgrest_answer {
    postgrest_kind kind;
    bool shrinks; /* RETRY: and with less, since it took too long */
    int status;   /* 0: no answer */
    char code[POSTGREST_CODE_BYTES];
    char why[POSTGREST_WHY_BYTES]; /* one sentence unless OK */
    int64_t retry_after_ms;        /* as the server asks; 0: it does not */
    int64_t server_ms;             /* its clock, by its header Date; 0: unknown */
    const char *body;              /* terminated; borrowed for the callback */
    size_t body_bytes;
} postgrest_answer;

/* `error` and `error_text` are of the transfer; `body` is what came. Fills kind, shrinks, status, code, why and the body. */
void postgrest_answer_judge(err error, const char *error_text, int status, const char *body, size_t body_bytes,
                            postgrest_answer *out);
/* "ok", "retry", ... */
const char *postgrest_kind_name(postgrest_kind kind);
