/* A growing text, for frames and bodies. Out of memory sticks: later calls do nothing and `failed` says so, hence one
 * check at the end. Ownership: the caller's; reuse it with writer_clear. */
#pragma once
#include "base/errors.h"

typedef struct writer {
    char *at;
    size_t bytes, capacity;
    bool failed;
} writer;

void writer_free(writer *t);
void writer_clear(writer *t);
void writer_add(writer *t, const char *string);
void writer_add_bytes(writer *t, const char *bytes, size_t n);
void writer_add_format(writer *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
void writer_add_int(writer *t, int64_t value);
/* With eight decimals, as the exchange writes them: 97000.10000000. */
void writer_add_decimal(writer *t, double value);
/* A JSON string with its quotes; everything that JSON wants escaped is. */
void writer_add_json(writer *t, const char *bytes, size_t n);
