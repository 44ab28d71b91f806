#include "serve/auth.h"
#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

enum { RANDOM_BYTES = 32, PATH_BYTES = 4096 };

static err new_token(char out[AUTH_TOKEN_BYTES], diag *why) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    unsigned char random[RANDOM_BYTES + 1] = {0}; /* one more, so that the last group of three is whole */
    if (getrandom(random, RANDOM_BYTES, 0) != RANDOM_BYTES)
        return diag_set(why, ERR_IO, "cannot draw a token: %s", strerror(errno));
    size_t at = (size_t)snprintf(out, AUTH_TOKEN_BYTES, "tm_");
    for (size_t i = 0; i < RANDOM_BYTES; i += 3) {
        uint32_t bits = (uint32_t)random[i] << 16 | (uint32_t)random[i + 1] << 8 | random[i + 2];
        for (int shift = 18; shift >= 0; shift -= 6) out[at++] = digits[bits >> shift & 63];
    }
    out[at - 1] = 0; /* 32 bytes are 43 digits; the 44th would be padding */
    return OK;
}

/* Under another name first, so that a crash cannot leave half a token. */
static err write_token(const char *path, const char *token, diag *why) {
    char draft[PATH_BYTES + 8], line[AUTH_TOKEN_BYTES + 1];
    snprintf(draft, sizeof draft, "%s.new", path);
    size_t bytes = (size_t)snprintf(line, sizeof line, "%s\n", token);
    unlink(draft);
    int fd = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) return diag_set(why, ERR_IO, "cannot write %s: %s", draft, strerror(errno));
    bool is_written = write(fd, line, bytes) == (ssize_t)bytes && fsync(fd) == 0;
    int code = errno;
    close(fd);
    if (is_written && rename(draft, path) == 0) return OK;
    if (is_written) code = errno;
    unlink(draft);
    return diag_set(why, ERR_IO, "cannot write %s: %s", path, strerror(code));
}

static bool is_well_formed(const char *token) {
    size_t bytes = strlen(token);
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~";
    return bytes >= AUTH_TOKEN_LEAST && strspn(token, allowed) == bytes;
}

static err read_token(const char *path, int fd, char out[AUTH_TOKEN_BYTES], diag *why) {
    ssize_t count = read(fd, out, AUTH_TOKEN_BYTES - 1);
    if (count < 0) return diag_set(why, ERR_IO, "cannot read %s: %s", path, strerror(errno));
    out[count] = 0;
    out[strcspn(out, "\r\n")] = 0;
    if (!is_well_formed(out))
        return diag_set(why, ERR_INVALID,
                        "%s holds no token; expected at least %d letters, digits or -_.~; delete it to get a new one",
                        path, AUTH_TOKEN_LEAST);
    if (fchmod(fd, 0600) != 0) return diag_set(why, ERR_IO, "cannot make %s private: %s", path, strerror(errno));
    return OK;
}

err auth_token_load(const char *folder, char out[AUTH_TOKEN_BYTES], diag *why) {
    char path[PATH_BYTES];
    snprintf(path, sizeof path, "%s/token", folder);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        err failed = read_token(path, fd, out, why);
        close(fd);
        return failed;
    }
    if (errno != ENOENT) return diag_set(why, ERR_IO, "cannot read %s: %s", path, strerror(errno));
    err failed = new_token(out, why);
    return failed ? failed : write_token(path, out, why);
}

/* Both sides are laid out in full before they are compared, so neither length nor content shows in the time. */
bool auth_is_token(const char *given, size_t bytes, const char *token) {
    char left[AUTH_TOKEN_BYTES] = {0}, right[AUTH_TOKEN_BYTES] = {0};
    size_t token_bytes = strlen(token);
    if (bytes >= sizeof left || token_bytes >= sizeof right || token_bytes == 0) return false;
    memcpy(left, given, bytes);
    memcpy(right, token, token_bytes);
    return (CRYPTO_memcmp(left, right, sizeof left) == 0) & (bytes == token_bytes);
}

const char *auth_find_bearer(const char *value, size_t *bytes) {
    if (strncasecmp(value, "Bearer ", 7) != 0) return NULL;
    value += 7;
    while (*value == ' ') value++;
    *bytes = strlen(value);
    return value;
}

static const char *trim(const char *at, size_t *bytes) {
    while (*bytes && (*at == ' ' || *at == '\t')) at++, (*bytes)--;
    while (*bytes && (at[*bytes - 1] == ' ' || at[*bytes - 1] == '\t')) (*bytes)--;
    return at;
}

const char *auth_find_subprotocol(const char *list, size_t *bytes) {
    bool is_ours = false;
    const char *token = NULL;
    for (const char *at = list; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL) {
        size_t n = strcspn(at, ",");
        const char *entry = trim(at, &n);
        if (n == strlen(AUTH_SUBPROTOCOL) && memcmp(entry, AUTH_SUBPROTOCOL, n) == 0) {
            is_ours = true;
        } else if (n && !token) {
            token = entry;
            *bytes = n;
        }
    }
    return is_ours ? token : NULL;
}

bool auth_allows_origin(const char *origin, const char *host, const char *const *allowed, size_t n_allowed) {
    if (!origin || !origin[0]) return true;
    for (size_t i = 0; i < n_allowed; i++)
        if (strcasecmp(origin, allowed[i]) == 0) return true;
    const char *authority = strstr(origin, "://"); /* "null", what a sandboxed page sends, has none */
    return authority && host && host[0] && strcasecmp(authority + 3, host) == 0;
}
