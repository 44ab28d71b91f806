/* Texts of the codes, and the one-sentence diagnosis. */
#include "base/errors.h"
#include <stdio.h>
#include <string.h>

const char *error_text(err code) {
#define ERROR_TEXT(name, text) [name] = text,
    static const char *const texts[N_ERRORS] = {ERROR_LIST(ERROR_TEXT)};
#undef ERROR_TEXT
    return code >= 0 && code < N_ERRORS ? texts[code] : "unknown error";
}

err diag_set(diag *d, err code, const char *format, ...) {
    if (!d) return code;
    /* By way of a copy, since an argument may be the old text itself. */
    char text[sizeof d->text];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    memcpy(d->text, text, sizeof text);
    return code;
}

err diag_wrap(diag *d, err code, const char *format, ...) {
    if (!d) return code;
    char where[sizeof d->text];
    va_list args;
    va_start(args, format);
    vsnprintf(where, sizeof where, format, args);
    va_end(args);
    char text[2 * sizeof d->text + 2];
    snprintf(text, sizeof text, "%s: %s", where, d->text);
    snprintf(d->text, sizeof d->text, "%.*s", (int)sizeof d->text - 1, text);
    return code;
}
