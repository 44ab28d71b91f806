/* One line at a time, cut into name and value inside a copy of the text, so that unescaping needs no further memory. */
#include "base/dotenv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct line_reader {
    const char *path;
    int32_t line;
    diag *why;
} line_reader;

#define NAME_START "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_"
#define NAME_REST NAME_START "0123456789"

static err refuse(const line_reader *r, const char *found, const char *expected) {
    return diag_set(r->why, ERR_SYNTAX, "%s:%d: found %s; expected %s", r->path, (int)r->line, found, expected);
}

static bool is_blank(char c) { return c == ' ' || c == '\t'; }

static char *skip_blanks(char *at) {
    while (is_blank(*at)) at++;
    return at;
}

static bool is_line_end(const char *at) { return *at == 0 || *at == '#'; }

/* `at` stands behind an opening quote; the value is unescaped in place. */
static err take_quoted(const line_reader *r, char *at, char quote, char **value) {
    char *to = *value = at;
    for (; *at != quote; at++) {
        if (*at == 0) return refuse(r, "a quote that is not closed", "its end on the same line");
        if (*at == '\\' && quote == '"') {
            static const char names[] = "nrt\"\\$", meant[] = "\n\r\t\"\\$";
            const char *found = *++at ? strchr(names, *at) : NULL;
            if (!found) return refuse(r, "an unknown escape", "\\n, \\r, \\t, \\\", \\\\ or \\$ between double quotes");
            *to++ = meant[found - names];
        } else {
            *to++ = *at;
        }
    }
    char *rest = skip_blanks(at + 1);
    if (!is_line_end(rest)) return refuse(r, "text behind the closing quote", "the end of the line or a # comment");
    *to = 0;
    return OK;
}

/* Up to the end of the line or a # behind a blank, without the blanks at the end. */
static void take_plain(char *at, char **value) {
    *value = at;
    char *end = at;
    for (; *at; at++) {
        if (*at == '#' && is_blank(at[-1])) break; /* at[-1]: at least the "=" */
        if (!is_blank(*at)) end = at + 1;
    }
    *end = 0;
}

/* `name` NULL: nothing on this line. */
static err parse_line(const line_reader *r, char *at, char **name, char **value) {
    static const char expected[] = "NAME=value";
    *name = NULL;
    at = skip_blanks(at);
    if (is_line_end(at)) return OK;
    if (strncmp(at, "export", 6) == 0 && is_blank(at[6])) at = skip_blanks(at + 6);
    size_t name_bytes = strspn(at, NAME_START) ? strspn(at, NAME_REST) : 0;
    char *equals = skip_blanks(at + name_bytes);
    if (!strchr(at, '=')) return refuse(r, "no \"=\" on the line", expected);
    if (name_bytes == 0 || *equals != '=')
        return refuse(r, "no name before the \"=\"", "NAME=value, the name of letters, digits and _");
    char *start = skip_blanks(equals + 1);
    *name = at;
    at[name_bytes] = 0;
    if (*start == '"' || *start == '\'') return take_quoted(r, start + 1, *start, value);
    take_plain(start, value);
    return OK;
}

/* Cuts `text`, which it may change, into lines. */
static err parse_lines(line_reader *r, char *text, size_t bytes, dotenv_fn take, void *context) {
    static const char byte_order_mark[] = "\xEF\xBB\xBF";
    char *at = text, *end = text + bytes;
    if (bytes >= 3 && memcmp(at, byte_order_mark, 3) == 0) at += 3;
    while (at < end) {
        r->line++;
        char *newline = memchr(at, '\n', (size_t)(end - at));
        char *line_end = newline ? newline : end;
        char *next = newline ? newline + 1 : end;
        if (memchr(at, 0, (size_t)(line_end - at))) return refuse(r, "a zero byte", "text");
        if (line_end > at && line_end[-1] == '\r') line_end--;
        *line_end = 0;
        char *name, *value = NULL;
        err e = parse_line(r, at, &name, &value);
        if (e == OK && name) e = take(context, name, value, r->line, r->why);
        if (e != OK) return e;
        at = next;
    }
    return OK;
}

err dotenv_parse(const char *path, const char *text, size_t bytes, dotenv_fn take, void *context, diag *why) {
    char *copy = malloc(bytes + 1);
    if (!copy) return diag_set(why, ERR_NO_MEMORY, "%s: out of memory", path);
    if (bytes) memcpy(copy, text, bytes);
    line_reader r = {.path = path, .why = why};
    err e = parse_lines(&r, copy, bytes, take, context);
    free(copy);
    return e;
}

err dotenv_read(const char *path, dotenv_fn take, void *context, diag *why) {
    err e = OK;
    char *text = NULL;
    FILE *file = fopen(path, "re");
    if (!file && (errno == ENOENT || errno == ENOTDIR)) return ERR_NOT_FOUND;
    if (!file) return diag_set(why, ERR_IO, "%s: %s", path, strerror(errno));
    text = malloc(DOTENV_MAX_BYTES + 1);
    if (!text) {
        e = diag_set(why, ERR_NO_MEMORY, "%s: out of memory", path);
        goto out;
    }
    errno = 0;
    size_t bytes = fread(text, 1, DOTENV_MAX_BYTES + 1, file);
    if (ferror(file)) {
        e = diag_set(why, ERR_IO, "%s: %s", path, strerror(errno));
    } else if (bytes > DOTENV_MAX_BYTES) {
        e = diag_set(why, ERR_TOO_BIG, "%s: is larger than 1 MiB; expected a few lines of NAME=value", path);
    } else {
        e = dotenv_parse(path, text, bytes, take, context, why);
    }
out:
    free(text);
    fclose(file);
    return e;
}
