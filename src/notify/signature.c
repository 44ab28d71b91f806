#include "notify/signature.h"
#include <inttypes.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char PREFIX[] = "whsec_";
enum { PREFIX_BYTES = sizeof PREFIX - 1, DIGEST_BYTES = 32, HEAD_BYTES = 128 };

/* Bytes of the key; 0: it is none. */
static size_t decode(const char *secret, unsigned char key[SIGNATURE_KEY_MAX + 3]) {
    const char *base64 = secret + PREFIX_BYTES;
    size_t digits, n_padding = 0;
    int bytes;
    if (strncmp(secret, PREFIX, PREFIX_BYTES) != 0) return 0;
    digits = strlen(base64);
    if (digits % 4 || digits > (SIGNATURE_KEY_MAX + 2) / 3 * 4) return 0;
    while (n_padding < 2 && n_padding < digits && base64[digits - 1 - n_padding] == '=') n_padding++;
    bytes = EVP_DecodeBlock(key, (const unsigned char *)base64, (int)digits);
    return bytes >= SIGNATURE_KEY_MIN + (int)n_padding ? (size_t)bytes - n_padding : 0;
}

bool signature_is_secret(const char *secret) {
    unsigned char key[SIGNATURE_KEY_MAX + 3];
    return decode(secret, key) > 0;
}

err signature_make(const char *secret, const char *id, int64_t seconds, const char *body, size_t body_bytes,
                   char out[SIGNATURE_BYTES]) {
    unsigned char key[SIGNATURE_KEY_MAX + 3], digest[EVP_MAX_MD_SIZE];
    unsigned digest_bytes = 0;
    char head[HEAD_BYTES], *signed_text;
    size_t key_bytes = decode(secret, key), head_bytes;
    if (!key_bytes) return ERR_INVALID;
    head_bytes = (size_t)snprintf(head, sizeof head, "%s.%" PRId64 ".", id, seconds);
    if (head_bytes >= sizeof head) return ERR_INVALID;
    signed_text = malloc(head_bytes + body_bytes);
    if (!signed_text) return ERR_NO_MEMORY;
    memcpy(signed_text, head, head_bytes);
    memcpy(signed_text + head_bytes, body, body_bytes);
    const unsigned char *made = HMAC(EVP_sha256(), key, (int)key_bytes, (const unsigned char *)signed_text,
                                     head_bytes + body_bytes, digest, &digest_bytes);
    free(signed_text);
    if (!made || digest_bytes != DIGEST_BYTES) return ERR_NO_MEMORY;
    memcpy(out, "v1,", 3);
    EVP_EncodeBlock((unsigned char *)out + 3, digest, DIGEST_BYTES);
    return OK;
}
