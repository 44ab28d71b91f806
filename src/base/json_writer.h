/* Writes JSON text into a buffer that grows. Always valid: texts are escaped, bytes that are no UTF-8 become U+FFFD,
 * numbers are the shortest decimals that read back the same (NaN and infinities become null), commas come by themselves.
 * The first failure (no memory, too deep) sticks; the caller asks once, in json_writer_take or json_writer_text.
 * Ownership: the caller's struct; json_writer_take hands the text over, json_writer_deinit frees what was not taken. */
#pragma once
#include "base/errors.h"

enum { JSON_WRITER_MAX_DEPTH = 32 };

typedef struct json_writer {
    char *text; /* terminated with 0 whenever it is not NULL */
    size_t bytes, capacity;
    uint32_t depth;
    bool has_item[JSON_WRITER_MAX_DEPTH]; /* something stands before the next item of that level */
    bool after_key;
    err failure;
} json_writer;

void json_writer_init(json_writer *w);
void json_writer_deinit(json_writer *w);

void json_write_object(json_writer *w); /* { */
void json_write_object_end(json_writer *w);
void json_write_array(json_writer *w); /* [ */
void json_write_array_end(json_writer *w);
void json_write_key(json_writer *w, const char *key);

void json_write_text(json_writer *w, const char *value); /* NULL becomes null */
void json_write_bytes(json_writer *w, const char *value, size_t bytes);
void json_write_number(json_writer *w, double value);
void json_write_integer(json_writer *w, int64_t value);
void json_write_bool(json_writer *w, bool value);
void json_write_null(json_writer *w);
/* Text that is JSON already, as it stands. */
void json_write_raw(json_writer *w, const char *json);

/* A key and its value at once. */
void json_put_text(json_writer *w, const char *key, const char *value);
void json_put_number(json_writer *w, const char *key, double value);
void json_put_integer(json_writer *w, const char *key, int64_t value);
void json_put_bool(json_writer *w, const char *key, bool value);
void json_put_raw(json_writer *w, const char *key, const char *json);

/* The text so far, borrowed; NULL after a failure. */
const char *json_writer_text(const json_writer *w);
/* Moves the text to the caller (free it) and leaves the writer empty. ERR_NO_MEMORY, ERR_TOO_BIG (too deep). */
MUST_CHECK err json_writer_take(json_writer *w, char **text, size_t *bytes);
