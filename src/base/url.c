#include "base/url.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DIGITS "0123456789"
#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
enum { HOST_MAX_BYTES = 253, PORT_MAX_DIGITS = 5 };

bool url_is_host(const char *text) {
    size_t bytes = strlen(text);
    return bytes > 0 && bytes <= HOST_MAX_BYTES && strspn(text, LETTERS DIGITS ".-_:%") == bytes;
}

/* Moves past "host" or "[v6]". */
static bool skip_host(const char **at) {
    size_t bytes = strspn(*at, LETTERS DIGITS ".-_");
    if (**at == '[') {
        bytes = 1 + strspn(*at + 1, "0123456789abcdefABCDEF:.");
        if (bytes == 1 || (*at)[bytes] != ']') return false;
        bytes++;
    }
    *at += bytes;
    return bytes > 0 && bytes <= HOST_MAX_BYTES;
}

static bool skip_port(const char **at) {
    if (**at != ':') return true;
    size_t bytes = strspn(++*at, DIGITS);
    if (bytes == 0 || bytes > PORT_MAX_DIGITS) return false;
    long port = strtol(*at, NULL, 10);
    *at += bytes;
    return port >= 1 && port <= 65535;
}

/* What stands behind host and port; NULL when the text up to there is not as it should be. */
static const char *path_of(const char *text, const char *scheme) {
    size_t bytes = strlen(scheme);
    if (strncmp(text, scheme, bytes) != 0 || strncmp(text + bytes, "://", 3) != 0) return NULL;
    const char *at = text + bytes + 3;
    return skip_host(&at) && skip_port(&at) ? at : NULL;
}

bool url_is_base(const char *text, const char *scheme, const char *other_scheme) {
    const char *path = path_of(text, scheme);
    if (!path) path = path_of(text, other_scheme);
    if (!path || (*path && *path != '/')) return false;
    return path[strspn(path, LETTERS DIGITS "/.-_~%")] == 0;
}

bool url_is_loopback(const char *base) {
    const char *host = strstr(base, "://");
    size_t bytes;
    if (!host) return false;
    host += 3;
    bytes = strcspn(host, ":/");
    return strncmp(host, "[::1]", 5) == 0 || strncmp(host, "127.", 4) == 0 ||
           (bytes == strlen("localhost") && strncasecmp(host, "localhost", bytes) == 0);
}

bool url_is_origin(const char *text) {
    const char *path = path_of(text, "http");
    if (!path) path = path_of(text, "https");
    return path && *path == 0;
}
