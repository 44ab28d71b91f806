/* Reader for a `.env` file.
 *
 *     # a comment                        export NAME=value       # export is allowed and ignored
 *     NAME=value  # comment after a blank
 *     NAME='as it stands, # and \ too'   NAME="with \n \r \t \" \\ \$ escapes"
 *
 * A shell that sources the file sees the same values, except that an unquoted value may hold blanks and nothing is
 * expanded. Lines may end in CRLF. An empty value is a value. Messages never repeat what stands in a value or on a
 * line that could not be read: it may be a secret.
 * Threads: any. Ownership: name and value are borrowed by the callback. */
#pragma once
#include "base/errors.h"

enum { DOTENV_MAX_BYTES = 1 << 20 };

/* Called once per assignment, in the order of the file; an error ends the reading and is returned. */
typedef err (*dotenv_fn)(void *context, const char *name, const char *value, int32_t line, diag *why);

/* ERR_SYNTAX with `path:line: found ..., expected ...` in `why`; ERR_NO_MEMORY. `path` is for messages. */
MUST_CHECK err dotenv_parse(const char *path, const char *text, size_t bytes, dotenv_fn take, void *context, diag *why);

/* The file at `path`. ERR_NOT_FOUND without a message when there is none, ERR_IO, ERR_TOO_BIG, and as above. */
MUST_CHECK err dotenv_read(const char *path, dotenv_fn take, void *context, diag *why);
