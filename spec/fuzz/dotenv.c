/* The reader of .env: any bytes are either read or refused with a sentence; names are names, lines count up, and what
 * was refused is not repeated. */
#include "base/dotenv.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

typedef struct seen {
    int32_t line;
    size_t value_bytes;
} seen;

static err take(void *context, const char *name, const char *value, int32_t line, diag *why) {
    (void)why;
    seen *s = context;
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789";
    if (!*name || strspn(name, allowed) != strlen(name) || (*name >= '0' && *name <= '9')) abort();
    if (line <= s->line) abort();
    s->line = line;
    s->value_bytes += strlen(value);
    return OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes) {
    seen s = {0};
    diag why = {0};
    err e = dotenv_parse(".env", (const char *)data, bytes, take, &s, &why);
    if (e != OK && e != ERR_SYNTAX) abort();
    if ((e == OK) != (why.text[0] == 0)) abort();
    if (s.value_bytes > bytes) abort();
    return 0;
}
