#include "serve/jwt.h"
#include "base/base64url.h"
#include <jansson.h>
#include <math.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

enum { DIGEST_BYTES = 32 };

bool jwt_is_like(const char *text, size_t bytes) {
    int n_dots = 0;
    for (size_t i = 0; i < bytes; i++) n_dots += text[i] == '.';
    return n_dots == 2;
}

/* An object; NULL when the part is none. */
static json_t *read_part(const char *text, size_t n) {
    unsigned char json[JWT_MAX_BYTES];
    size_t bytes;
    if (base64url_decode(text, n, json, sizeof json, &bytes) != OK) return NULL;
    json_t *root = json_loadb((const char *)json, bytes, JSON_REJECT_DUPLICATES, NULL);
    if (json_is_object(root)) return root;
    json_decref(root);
    return NULL;
}

/* A text that is not there leaves "". */
static err take_text(const json_t *value, char out[JWT_TEXT_BYTES]) {
    if (!value) return OK;
    if (!json_is_string(value)) return ERR_SYNTAX;
    if (json_string_length(value) >= JWT_TEXT_BYTES) return ERR_TOO_BIG;
    memcpy(out, json_string_value(value), json_string_length(value) + 1);
    return OK;
}

/* NumericDate: seconds, which may have a fraction. */
static err take_time(const json_t *value, bool *is_there, int64_t *out) {
    if (!value) return OK;
    double seconds = json_number_value(value);
    if (!json_is_number(value) || !(fabs(seconds) < 1e15)) return ERR_SYNTAX;
    *is_there = true;
    *out = (int64_t)floor(seconds);
    return OK;
}

/* One text, or a list of them. */
static err take_audience(const json_t *value, jwt *t) {
    if (!value) return OK;
    if (!json_is_array(value)) {
        t->n_audiences = 1;
        return take_text(value, t->audience[0]);
    }
    if (json_array_size(value) > JWT_MAX_AUDIENCES) return ERR_TOO_BIG;
    err failed = OK;
    for (size_t i = 0; i < json_array_size(value) && !failed; i++)
        failed = take_text(json_array_get(value, i), t->audience[t->n_audiences++]);
    return failed;
}

static jwt_alg alg_of(const char *name) {
    if (strcmp(name, "ES256") == 0) return JWT_ES256;
    if (strcmp(name, "RS256") == 0) return JWT_RS256;
    return strcmp(name, "HS256") == 0 ? JWT_HS256 : JWT_OTHER;
}

static err take_header(const char *text, size_t n, jwt *t) {
    char alg[JWT_TEXT_BYTES] = "";
    json_t *header = read_part(text, n);
    err failed = json_is_string(json_object_get(header, "alg")) ? OK : ERR_SYNTAX;
    if (!failed && json_object_get(header, "crit")) failed = ERR_UNSUPPORTED;
    if (!failed) failed = take_text(json_object_get(header, "alg"), alg);
    if (!failed) failed = take_text(json_object_get(header, "kid"), t->kid);
    t->alg = alg_of(alg);
    json_decref(header);
    return failed;
}

static err take_claims(const char *text, size_t n, jwt *t) {
    json_t *claims = read_part(text, n);
    err failed = claims ? OK : ERR_SYNTAX;
    if (!failed) failed = take_text(json_object_get(claims, "iss"), t->issuer);
    if (!failed) failed = take_text(json_object_get(claims, "sub"), t->subject);
    if (!failed) failed = take_audience(json_object_get(claims, "aud"), t);
    if (!failed) failed = take_time(json_object_get(claims, "exp"), &t->has_expiry, &t->expires_s);
    if (!failed) failed = take_time(json_object_get(claims, "nbf"), &t->has_start, &t->starts_s);
    json_decref(claims);
    return failed;
}

err jwt_parse(const char *text, size_t bytes, jwt *out) {
    *out = (jwt){0};
    if (bytes > JWT_MAX_BYTES) return ERR_TOO_BIG;
    if (!jwt_is_like(text, bytes)) return ERR_SYNTAX;
    const char *claims = (const char *)memchr(text, '.', bytes) + 1;
    const char *signature = (const char *)memchr(claims, '.', bytes - (size_t)(claims - text)) + 1;
    out->signed_text = text;
    out->signed_bytes = (size_t)(signature - 1 - text);
    err failed = take_header(text, (size_t)(claims - 1 - text), out);
    if (!failed) failed = take_claims(claims, (size_t)(signature - 1 - claims), out);
    if (failed) return failed;
    return base64url_decode(signature, bytes - (size_t)(signature - text), out->signature, sizeof out->signature,
                            &out->signature_bytes);
}

static bool is_for(const jwt *t, const char *audience) {
    for (int32_t i = 0; i < t->n_audiences; i++)
        if (strcmp(t->audience[i], audience) == 0) return true;
    return false;
}

const char *jwt_find_fault(const jwt *t, const jwt_expectation *expected, int64_t now_s) {
    if (!t->has_expiry) return "it never expires";
    if (t->expires_s + JWT_LEEWAY_S <= now_s) return "it has expired";
    if (t->has_start && t->starts_s - JWT_LEEWAY_S > now_s) return "it is not valid yet";
    if (strcmp(t->issuer, expected->issuer) != 0) return "it is of another issuer";
    if (!is_for(t, expected->audience)) return "it is for another audience";
    if (!*expected->subject || strcmp(t->subject, expected->subject) != 0) return "it is another user's";
    return NULL;
}

bool jwt_is_signed_with(const jwt *t, const char *secret) {
    unsigned char digest[DIGEST_BYTES];
    unsigned n = 0;
    size_t secret_bytes = strlen(secret);
    if (t->alg != JWT_HS256 || secret_bytes == 0 || t->signature_bytes != DIGEST_BYTES) return false;
    if (!HMAC(EVP_sha256(), secret, (int)secret_bytes, (const unsigned char *)t->signed_text, t->signed_bytes, digest,
              &n))
        return false;
    return n == DIGEST_BYTES && CRYPTO_memcmp(digest, t->signature, DIGEST_BYTES) == 0;
}
