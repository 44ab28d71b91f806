/* Keys and tokens of a test's own, made with OpenSSL: an issuer with an EC and an RSA key, and a key set of them. */
#pragma once
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TOKEN_BYTES = 16384, JWK_BYTES = 8192 };

static inline size_t put_base64url(char *out, const void *data, size_t n) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const unsigned char *in = data;
    size_t at = 0;
    for (size_t i = 0; i < n; i += 3) {
        unsigned bits =
            (unsigned)in[i] << 16 | (i + 1 < n ? (unsigned)in[i + 1] << 8 : 0) | (i + 2 < n ? in[i + 2] : 0u);
        size_t n_digits = i + 2 < n ? 4 : i + 1 < n ? 3 : 2;
        for (size_t d = 0; d < n_digits; d++) out[at++] = digits[bits >> (18 - 6 * d) & 63];
    }
    out[at] = 0;
    return at;
}

static inline void put_number(char *out, const EVP_PKEY *key, const char *name, int bytes) {
    BIGNUM *number = NULL;
    unsigned char raw[1024];
    if (EVP_PKEY_get_bn_param(key, name, &number) != 1) abort();
    int n = bytes ? BN_bn2binpad(number, raw, bytes) : BN_bn2bin(number, raw);
    if (n <= 0) abort();
    put_base64url(out, raw, (size_t)n);
    BN_free(number);
}

/* As the JWK of a public key; `more` are further members, with a comma in front. */
static inline void put_jwk(char out[JWK_BYTES], const EVP_PKEY *key, const char *kid, const char *more) {
    char a[2048], b[2048];
    if (EVP_PKEY_is_a(key, "EC")) {
        put_number(a, key, OSSL_PKEY_PARAM_EC_PUB_X, 32);
        put_number(b, key, OSSL_PKEY_PARAM_EC_PUB_Y, 32);
        snprintf(out, JWK_BYTES, "{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"%s\",\"x\":\"%s\",\"y\":\"%s\"%s}", kid,
                 a, b, more);
    } else {
        put_number(a, key, OSSL_PKEY_PARAM_RSA_N, 0);
        put_number(b, key, OSSL_PKEY_PARAM_RSA_E, 0);
        snprintf(out, JWK_BYTES, "{\"kty\":\"RSA\",\"kid\":\"%s\",\"n\":\"%s\",\"e\":\"%s\"%s}", kid, a, b, more);
    }
}

static inline size_t sign_digest(EVP_PKEY *key, const char *text, unsigned char *out, size_t room) {
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    unsigned char der[1024];
    size_t n = sizeof der;
    if (EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, key) != 1 ||
        EVP_DigestSign(context, der, &n, (const unsigned char *)text, strlen(text)) != 1)
        abort();
    EVP_MD_CTX_free(context);
    if (!EVP_PKEY_is_a(key, "EC")) {
        if (n > room) abort();
        memcpy(out, der, n);
        return n;
    }
    const unsigned char *at = der;
    ECDSA_SIG *both = d2i_ECDSA_SIG(NULL, &at, (long)n);
    BN_bn2binpad(ECDSA_SIG_get0_r(both), out, 32);
    BN_bn2binpad(ECDSA_SIG_get0_s(both), out + 32, 32);
    ECDSA_SIG_free(both);
    return 64;
}

/* Header and claims, a dot between them; returns its length. */
static inline size_t put_parts(char *out, const char *header, const char *claims) {
    size_t at = put_base64url(out, header, strlen(header));
    out[at++] = '.';
    return at + put_base64url(out + at, claims, strlen(claims));
}

/* Signed with an EC or RSA key, whatever the header says; NULL: with nothing at all. */
static inline void make_token(char out[TOKEN_BYTES], const char *header, const char *claims, EVP_PKEY *key) {
    unsigned char signature[1024];
    size_t at = put_parts(out, header, claims), n = key ? sign_digest(key, out, signature, sizeof signature) : 0;
    out[at++] = '.';
    put_base64url(out + at, signature, n);
}

static inline void make_secret_token(char out[TOKEN_BYTES], const char *header, const char *claims, const void *secret,
                                     size_t secret_bytes) {
    unsigned char digest[32];
    unsigned n = 0;
    size_t at = put_parts(out, header, claims);
    HMAC(EVP_sha256(), secret, (int)secret_bytes, (unsigned char *)out, at, digest, &n);
    out[at++] = '.';
    put_base64url(out + at, digest, n);
}
