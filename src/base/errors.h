/* Error codes for the program and sentences for people.
 *
 * A fallible function returns `err` (OK is 0) and is MUST_CHECK. What a person will read (configuration, loading a
 * trader, the command line) also fills a caller-owned `diag` with where, what was found and what was expected:
 * `lua/traders/rsi.lua:14: input "length" is 0; expected 2..50`.
 * Threads: pure functions on caller-owned memory. */
#pragma once
#include <stdarg.h>

typedef int err;

#define MUST_CHECK __attribute__((warn_unused_result))

/* The one list: it makes the enum and the text. */
#define ERROR_LIST(X) \
    X(OK, "ok") \
    X(ERR_NO_MEMORY, "out of memory") \
    X(ERR_INVALID, "invalid value") \
    X(ERR_SYNTAX, "syntax error") \
    X(ERR_TOO_BIG, "too big") \
    X(ERR_FULL, "full") \
    X(ERR_NOT_FOUND, "not found") \
    X(ERR_EXISTS, "already there") \
    X(ERR_IO, "input/output error") \
    X(ERR_NETWORK, "network error") \
    X(ERR_HTTP, "unexpected HTTP status") \
    X(ERR_TIMEOUT, "timed out") \
    X(ERR_CLOSED, "closed") \
    X(ERR_CANCELLED, "cancelled") \
    X(ERR_DATABASE, "database error") \
    X(ERR_DAMAGED, "damaged") \
    X(ERR_SCRIPT, "script error") \
    X(ERR_RUNAWAY, "script stopped: over its limit") \
    X(ERR_UNSUPPORTED, "not supported")

#define ERROR_ENUM(name, text) name,
enum error_code { ERROR_LIST(ERROR_ENUM) N_ERRORS };
#undef ERROR_ENUM

/* The text of a code; "unknown error" for a number outside the list. */
const char *error_text(err code);

/* One sentence for a person. Always terminated; a longer sentence is cut. */
typedef struct diag {
    char text[1024];
} diag;

/* Write the sentence (NULL `d` is allowed and ignored). Returns `code`, so `return diag_set(d, ERR_INVALID, ...)`. */
err diag_set(diag *d, err code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Put "where: " in front of what stands there. Returns `code`. */
err diag_wrap(diag *d, err code, const char *format, ...) __attribute__((format(printf, 3, 4)));
