#include "serve/request_head.h"
#include <stdbool.h>
#include <string.h>
#include <strings.h>

enum { PORT_DIGITS_MAX = 5, PORT_MAX = 65535, KEY_BYTES = 24 };

typedef struct tally {
    int n_headers, n_hosts, n_lengths, n_encodings, n_subprotocols, n_addresses;
    int n_keys, n_good_keys, n_versions, n_good_versions; /* of a WebSocket handshake */
    bool is_handshake;
} tally;

static bool is_digit(char c) { return c >= '0' && c <= '9'; }
static bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
static bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }
static bool is_name_char(char c) { return is_letter(c) || is_digit(c) || (c && strchr("!#$%&'*+-.^_`|~", c)); }

static bool is_name(request_part name) {
    for (size_t i = 0; i < name.bytes; i++)
        if (!is_name_char(name.at[i])) return false;
    return name.bytes > 0;
}

static bool equals(request_part part, const char *text) {
    return part.bytes == strlen(text) && strncasecmp(part.at, text, part.bytes) == 0;
}

static int refuse(request_head *out, int status, const char *fault) {
    out->fault = fault;
    return status;
}

/* ---- the first line ---- */

static bool is_target(request_part target) {
    if (target.bytes == 0 || target.at[0] != '/') return false;
    for (size_t i = 0; i < target.bytes; i++) {
        const char *c = target.at + i;
        if (*c <= ' ' || *c > '~') return false;
        if (*c != '%') continue;
        if (i + 2 >= target.bytes || !is_hex(c[1]) || !is_hex(c[2])) return false;
        if (c[1] < '2' || (c[1] == '7' && (c[2] == 'f' || c[2] == 'F'))) return false; /* a control character */
    }
    return true;
}

/* What libwebsockets does not know it leaves without an answer. */
static bool is_known(request_part method) {
    static const char *const known[] = {"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (method.bytes == strlen(known[i]) && memcmp(method.at, known[i], method.bytes) == 0) return true;
    return false;
}

/* METHOD SP TARGET SP VERSION */
static int take_first_line(request_part line, request_head *out) {
    const char *first = memchr(line.at, ' ', line.bytes), *end = line.at + line.bytes;
    const char *second = first ? memchr(first + 1, ' ', (size_t)(end - first - 1)) : NULL;
    if (!second || !is_name((request_part){line.at, (size_t)(first - line.at)}))
        return refuse(out, 400, "the first line is no request");
    request_part version = {second + 1, (size_t)(end - second - 1)};
    out->target = (request_part){first + 1, (size_t)(second - first - 1)};
    if (version.bytes != 8 || memcmp(version.at, "HTTP/", 5) != 0)
        return refuse(out, 400, "the first line is no request");
    if (memcmp(version.at, "HTTP/1.1", 8) != 0 && memcmp(version.at, "HTTP/1.0", 8) != 0)
        return refuse(out, 505, "only HTTP/1.1 and 1.0 are spoken here");
    if (!is_known((request_part){line.at, (size_t)(first - line.at)}))
        return refuse(out, 501, "this method is not known here");
    if (out->target.bytes > REQUEST_TARGET_MAX_BYTES) return refuse(out, 414, "the path is too long");
    return is_target(out->target) ? 200 : refuse(out, 400, "the path is malformed");
}

/* ---- headers ---- */

static bool is_port(const char *text, size_t bytes) {
    uint32_t port = 0;
    for (size_t i = 0; i < bytes; i++) {
        if (!is_digit(text[i])) return false;
        port = port * 10 + (uint32_t)(text[i] - '0');
    }
    return bytes > 0 && bytes <= PORT_DIGITS_MAX && port <= PORT_MAX;
}

/* NAME, 1.2.3.4 or [ADDRESS], with :PORT or without. */
static bool is_host(request_part host) {
    const char *at = host.at, *end = host.at + host.bytes;
    if (host.bytes && *at == '[') {
        for (at++; at < end && (is_hex(*at) || *at == ':' || *at == '.');) at++;
        if (at == end || *at != ']' || at < host.at + 3) return false;
        at++;
    } else {
        while (at < end && (is_letter(*at) || is_digit(*at) || *at == '.' || *at == '-' || *at == '_')) at++;
        if (at == host.at) return false;
    }
    return at == end || (*at == ':' && is_port(at + 1, (size_t)(end - at - 1)));
}

static bool is_number(request_part value) {
    for (size_t i = 0; i < value.bytes; i++)
        if (!is_digit(value.at[i])) return false;
    return value.bytes > 0;
}

static bool is_value(request_part value) {
    for (size_t i = 0; i < value.bytes; i++) {
        unsigned char c = (unsigned char)value.at[i];
        if ((c < ' ' && c != '\t') || c == 127) return false;
    }
    return true;
}

static request_part trim(request_part p) {
    while (p.bytes && (p.at[0] == ' ' || p.at[0] == '\t')) p.at++, p.bytes--;
    while (p.bytes && (p.at[p.bytes - 1] == ' ' || p.at[p.bytes - 1] == '\t')) p.bytes--;
    return p;
}

/* 16 bytes in Base64. */
static bool is_key(request_part value) {
    if (value.bytes != KEY_BYTES || memcmp(value.at + KEY_BYTES - 2, "==", 2) != 0) return false;
    for (size_t i = 0; i < KEY_BYTES - 2; i++)
        if (!is_letter(value.at[i]) && !is_digit(value.at[i]) && value.at[i] != '+' && value.at[i] != '/') return false;
    return true;
}

static void take_of_handshake(request_part name, request_part value, tally *t) {
    if (equals(name, "Upgrade")) {
        t->is_handshake |= equals(value, "websocket");
    } else if (equals(name, "Sec-WebSocket-Key")) {
        t->n_keys++;
        t->n_good_keys += is_key(value);
    } else if (equals(name, "Sec-WebSocket-Version")) {
        t->n_versions++;
        t->n_good_versions += equals(value, "13");
    }
}

static int take_header(request_part line, request_head *out, tally *t) {
    const char *colon = memchr(line.at, ':', line.bytes);
    if (!colon) return refuse(out, 400, "a header has no colon");
    request_part name = {line.at, (size_t)(colon - line.at)};
    request_part value = trim((request_part){colon + 1, line.bytes - name.bytes - 1});
    if (!is_name(name) || !is_value(value)) return refuse(out, 400, "a header is malformed");
    if (++t->n_headers > REQUEST_HEADERS_MAX) return refuse(out, 431, "there are too many headers");
    if (equals(name, "Host")) {
        t->n_hosts++;
        out->host = value;
    } else if (equals(name, "Content-Length")) {
        t->n_lengths++;
        if (!is_number(value)) return refuse(out, 400, "Content-Length is no number");
    } else if (equals(name, "Transfer-Encoding")) {
        t->n_encodings++;
    } else if (equals(name, "Sec-WebSocket-Protocol")) {
        t->n_subprotocols++;
        out->subprotocols_name = name;
        out->subprotocols = value;
    } else if (equals(name, "Fly-Client-IP")) {
        t->n_addresses++;
        out->client_address = value;
    } else {
        take_of_handshake(name, value, t);
    }
    return 200;
}

static int judge(request_head *out, const tally *t) {
    if (t->n_hosts != 1 || !is_host(out->host)) return refuse(out, 400, "expected one header Host, with a host");
    if (t->n_lengths > 1 || (t->n_lengths && t->n_encodings))
        return refuse(out, 400, "the length of the body is told more than once");
    if (t->is_handshake && (t->n_versions != 1 || t->n_good_versions != 1))
        return refuse(out, 426, "the only version of WebSocket here is 13");
    if (t->is_handshake && (t->n_keys != 1 || t->n_good_keys != 1))
        return refuse(out, 400, "expected one header Sec-WebSocket-Key, with a key");
    if (t->n_subprotocols > 1) out->subprotocols_name.at = out->subprotocols.at = NULL;
    if (t->n_addresses > 1) out->client_address.at = NULL;
    return 200;
}

/* ---- lines ---- */

typedef enum line_state { LINE_PART, LINE_WHOLE, LINE_BAD } line_state;

/* The line at `from`, without the CR LF that must end it. */
static line_state next_line(const char *text, size_t bytes, size_t from, request_part *line) {
    const char *end = from < bytes ? memchr(text + from, '\n', bytes - from) : NULL;
    if (!end) return LINE_PART;
    size_t n = (size_t)(end - text) - from;
    if (n == 0 || end[-1] != '\r') return LINE_BAD;
    *line = (request_part){text + from, n - 1};
    return LINE_WHOLE;
}

static int refuse_size(request_head *out, bool is_first_line) {
    return is_first_line ? refuse(out, 414, "the first line is too long")
                         : refuse(out, 431, "the headers are too long");
}

/* Nothing that begins so becomes a request: whoever speaks another protocol is told at once. */
static bool may_begin(char c) { return c >= 'A' && c <= 'Z'; }

int request_head_parse(const char *text, size_t bytes, request_head *out) {
    tally t = {0};
    request_part line;
    line_state state;
    size_t at = 0, seen = bytes < REQUEST_HEAD_MAX_BYTES ? bytes : REQUEST_HEAD_MAX_BYTES;
    *out = (request_head){0};
    if (bytes && !may_begin(text[0])) return refuse(out, 400, "the first line is no request");
    while ((state = next_line(text, seen, at, &line)) == LINE_WHOLE) {
        bool is_first = at == 0;
        at += line.bytes + 2;
        if (line.bytes == 0 && !is_first) {
            out->bytes = at;
            return judge(out, &t);
        }
        int status = is_first ? take_first_line(line, out) : take_header(line, out, &t);
        if (status != 200) return status;
    }
    if (state == LINE_BAD) return refuse(out, 400, "a line does not end with CR LF");
    return seen == REQUEST_HEAD_MAX_BYTES ? refuse_size(out, at == 0) : 0;
}
