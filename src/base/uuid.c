/* Names made of hashes, by OpenSSL's SHA-1: by the functions that are older than its EVP, since EVP allocates for each hash,
 * and a screener that names its signals should not. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "base/uuid.h"
#include "base/hex.h"
#include <openssl/sha.h>
#include <string.h>

static bool is_dash(size_t position) { return position == 8 || position == 13 || position == 18 || position == 23; }

static bool parse_uuid(const char *text, uint8_t out[16]) {
    size_t n_digits = 0;
    for (size_t i = 0; i < UUID_TEXT_BYTES - 1; i++) {
        if (is_dash(i)) {
            if (text[i] != '-') return false;
            continue;
        }
        int value = hex_value(text[i]); /* a NUL is no digit, so a short text ends here */
        if (value < 0) return false;
        if (n_digits % 2 == 0)
            out[n_digits / 2] = (uint8_t)(value << 4);
        else
            out[n_digits / 2] |= (uint8_t)value;
        n_digits++;
    }
    return text[UUID_TEXT_BYTES - 1] == 0;
}

bool uuid_is_valid(const char *text) {
    for (size_t i = 0; i < UUID_TEXT_BYTES - 1; i++) {
        bool is_lower = hex_value(text[i]) >= 0 && !(text[i] >= 'A' && text[i] <= 'F');
        if (is_dash(i) ? text[i] != '-' : !is_lower) return false;
    }
    return text[UUID_TEXT_BYTES - 1] == 0;
}

static void write_uuid(const uint8_t bytes[16], char *out) {
    char hex[33];
    hex_write(bytes, 16, hex);
    const char *from = hex;
    for (size_t i = 0; i < UUID_TEXT_BYTES - 1; i++) out[i] = is_dash(i) ? '-' : *from++;
    out[UUID_TEXT_BYTES - 1] = 0;
}

/* SHA-1 of namespace + name. The streaming form, since a name may be of any length. */
static bool hash_name(const uint8_t ns[16], const void *name, size_t bytes, uint8_t out[SHA_DIGEST_LENGTH]) {
    SHA_CTX context;
    return SHA1_Init(&context) && SHA1_Update(&context, ns, 16) && SHA1_Update(&context, name, bytes) &&
           SHA1_Final(out, &context);
}

int32_t uuid5(const char *ns, const void *name, size_t bytes, char *out) {
    uint8_t space[16], hash[SHA_DIGEST_LENGTH];
    out[0] = 0;
    if (!parse_uuid(ns, space) || !hash_name(space, name, bytes, hash)) return -1;
    hash[6] = (uint8_t)((hash[6] & 0x0f) | 0x50); /* version 5 */
    hash[8] = (uint8_t)((hash[8] & 0x3f) | 0x80); /* variant of RFC 9562 */
    write_uuid(hash, out);
    return 0;
}
