/* A growing text, for frames and bodies. Out of memory sticks: later calls do nothing and `failed` says so, hence one
 * check at the end. Ownership: the caller's; reuse it with text_clear. */
#pragma once
#include "base/errors.h"

typedef struct text {
    char *at;
    size_t bytes, capacity;
    bool failed;
} text;

void text_free(text *t);
void text_clear(text *t);
void text_add(text *t, const char *string);
void text_add_bytes(text *t, const char *bytes, size_t n);
void text_add_format(text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
void text_add_int(text *t, int64_t value);
/* With eight decimals, as the exchange writes them: 97000.10000000. */
void text_add_decimal(text *t, double value);
/* A JSON string with its quotes; everything that JSON wants escaped is. */
void text_add_json(text *t, const char *bytes, size_t n);
