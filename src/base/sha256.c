/* See sha256.h. */
#include "base/sha256.h"
#include "base/hex.h"
#include <openssl/evp.h>

err sha256_of(const void *head, size_t head_bytes, const void *data, size_t bytes, unsigned char out[SHA256_BYTES]) {
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool is_done = context && EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1 &&
                   EVP_DigestUpdate(context, head, head_bytes) == 1 && EVP_DigestUpdate(context, data, bytes) == 1 &&
                   EVP_DigestFinal_ex(context, out, NULL) == 1;
    EVP_MD_CTX_free(context);
    return is_done ? OK : ERR_NO_MEMORY;
}

void sha256_text(const unsigned char digest[SHA256_BYTES], char out[SHA256_TEXT_BYTES]) {
    hex_write(digest, SHA256_BYTES, out);
}

void sha256_hex(const void *data, size_t bytes, char *out) {
    unsigned char digest[SHA256_BYTES];
    out[0] = 0;
    if (EVP_Digest(data, bytes, digest, NULL, EVP_sha256(), NULL)) sha256_text(digest, out);
}

err sha256_parse(const char *text, size_t bytes, unsigned char out[SHA256_BYTES]) {
    if (bytes < 2 * SHA256_BYTES) return ERR_SYNTAX;
    for (int i = 0; i < SHA256_BYTES; i++) {
        int high = hex_value(text[2 * i]), low = hex_value(text[2 * i + 1]);
        if (high < 0 || low < 0) return ERR_SYNTAX;
        out[i] = (unsigned char)(high << 4 | low);
    }
    return OK;
}
