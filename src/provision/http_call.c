/* Strict where leniency is how requests are smuggled: CR LF alone, no folded lines, one Content-Length, no Transfer-Encoding. */
#include "provision/http_call.h"
#include <string.h>
#include <strings.h>

bool http_part_is(http_part part, const char *text) {
    return part.bytes == strlen(text) && memcmp(part.at, text, part.bytes) == 0;
}

void http_part_copy(http_part part, char *out, size_t bytes) {
    size_t n = part.bytes < bytes ? part.bytes : bytes - 1;
    if (n) memcpy(out, part.at, n);
    out[n] = 0;
}

static bool is_token(const char *at, const char *end) {
    static const char more[] = "!#$%&'*+-.^_`|~";
    for (const char *c = at; c < end; c++) {
        bool is_word = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9');
        if (!is_word && (!*c || !strchr(more, *c))) return false;
    }
    return at < end;
}

/* No control characters; `least` is the first that may be, tabs apart. */
static bool is_clean(const char *at, const char *end, char least, bool has_tabs) {
    for (const char *c = at; c < end; c++)
        if (!(has_tabs && *c == '\t') && ((unsigned char)*c < (unsigned char)least || *c == 0x7f)) return false;
    return true;
}

/* METHOD SP /path[?query] SP HTTP/1.1 */
static int parse_line(const char *at, const char *end, http_call *out) {
    const char *first = memchr(at, ' ', (size_t)(end - at));
    const char *second = first ? memchr(first + 1, ' ', (size_t)(end - first - 1)) : NULL;
    if (!second || !is_token(at, first)) return 400;
    const char *path = first + 1, *mark = memchr(path, '?', (size_t)(second - path));
    if (*path != '/' || !is_clean(path, second, '!', false)) return 400;
    http_part version = {second + 1, (size_t)(end - second - 1)};
    if (!http_part_is(version, "HTTP/1.1") && !http_part_is(version, "HTTP/1.0")) return 505;
    out->method = (http_part){at, (size_t)(first - at)};
    out->path = (http_part){path, (size_t)((mark ? mark : second) - path)};
    if (mark) out->query = (http_part){mark + 1, (size_t)(second - mark - 1)};
    return 200;
}

static int parse_length(http_part value, size_t *out) {
    size_t n = 0;
    if (value.bytes == 0 || value.bytes > 9) return 400;
    for (size_t i = 0; i < value.bytes; i++) {
        if (value.at[i] < '0' || value.at[i] > '9') return 400;
        n = n * 10 + (size_t)(value.at[i] - '0');
    }
    *out = n;
    return n <= HTTP_CALL_BODY_MOST ? 200 : 413;
}

static bool is_name(http_part name, const char *text) {
    return name.bytes == strlen(text) && strncasecmp(name.at, text, name.bytes) == 0;
}

static int take_header(const char *at, const char *end, http_call *out, size_t *length, int *n_lengths) {
    const char *colon = memchr(at, ':', (size_t)(end - at));
    if (!colon || !is_token(at, colon)) return 400;
    http_part name = {at, (size_t)(colon - at)}, value = {colon + 1, (size_t)(end - colon - 1)};
    while (value.bytes && (*value.at == ' ' || *value.at == '\t')) value.at++, value.bytes--;
    while (value.bytes && (value.at[value.bytes - 1] == ' ' || value.at[value.bytes - 1] == '\t')) value.bytes--;
    if (!is_clean(value.at, value.at + value.bytes, ' ', true)) return 400;
    if (is_name(name, "transfer-encoding")) return 501;
    if (is_name(name, "content-length")) return ++*n_lengths > 1 ? 400 : parse_length(value, length);
    if (is_name(name, "authorization") && out->authorization.bytes) return 400;
    if (is_name(name, "authorization")) out->authorization = value;
    if (is_name(name, "origin")) out->origin = value;
    return 200;
}

static const char *find_end(const char *text, size_t bytes) { return memmem(text, bytes, "\r\n\r\n", 4); }

int http_call_parse(const char *text, size_t bytes, http_call *out) {
    const char *end = find_end(text, bytes < HTTP_CALL_HEAD_MOST ? bytes : HTTP_CALL_HEAD_MOST);
    size_t length = 0;
    int n_lengths = 0;
    *out = (http_call){0};
    if (!end) return bytes < HTTP_CALL_HEAD_MOST ? 0 : 431;
    const char *line_end = memmem(text, (size_t)(end + 2 - text), "\r\n", 2);
    int status = parse_line(text, line_end, out);
    for (const char *at = line_end + 2; status == 200 && at < end + 2; at = line_end + 2) {
        line_end = memmem(at, (size_t)(end + 2 - at), "\r\n", 2);
        status = take_header(at, line_end, out, &length, &n_lengths);
    }
    if (status != 200) return status;
    bool has_body = http_part_is(out->method, "POST");
    if (has_body && n_lengths == 0) return 411;
    size_t head = (size_t)(end + 4 - text);
    if (bytes - head < length) return 0;
    out->body = (http_part){text + head, length};
    return 200;
}
