#include "serve/jwt_keys.h"
#include "base/base64url.h"
#include <jansson.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <stdlib.h>
#include <string.h>

enum {
    COORDINATE_BYTES = 32,
    POINT_BYTES = 1 + 2 * COORDINATE_BYTES,
    MODULUS_LEAST_BITS = 2048,
    MODULUS_MAX_BYTES = JWT_SIGNATURE_MAX_BYTES,
    EXPONENT_MAX_BYTES = 4,
    DER_BYTES = 80,
};

typedef struct key {
    char kid[JWT_TEXT_BYTES];
    jwt_alg alg;
    EVP_PKEY *public;
} key;

struct jwt_keys {
    size_t count;
    key keys[JWT_KEYS_MAX];
};

/* ---- one key ---- */

static bool take_number(const json_t *jwk, const char *name, unsigned char *out, size_t room, size_t *bytes) {
    const json_t *value = json_object_get(jwk, name);
    return json_is_string(value) &&
           base64url_decode(json_string_value(value), json_string_length(value), out, room, bytes) == OK && *bytes;
}

/* NULL when OpenSSL finds that it is no key: a point that is not on the curve, say. */
static EVP_PKEY *make_key(const char *type, OSSL_PARAM *params) {
    EVP_PKEY *public = NULL;
    EVP_PKEY_CTX *maker = EVP_PKEY_CTX_new_from_name(NULL, type, NULL), *checker = NULL;
    bool is_made = maker && params && EVP_PKEY_fromdata_init(maker) == 1 &&
                   EVP_PKEY_fromdata(maker, &public, EVP_PKEY_PUBLIC_KEY, params) == 1;
    if (is_made) checker = EVP_PKEY_CTX_new_from_pkey(NULL, public, NULL);
    if (!checker || EVP_PKEY_public_check(checker) != 1) {
        EVP_PKEY_free(public);
        public = NULL;
    }
    EVP_PKEY_CTX_free(checker);
    EVP_PKEY_CTX_free(maker);
    ERR_clear_error();
    return public;
}

static EVP_PKEY *read_point(const json_t *jwk) {
    unsigned char point[POINT_BYTES] = {POINT_CONVERSION_UNCOMPRESSED};
    char group[] = "prime256v1";
    size_t x = 0, y = 0;
    if (!take_number(jwk, "x", point + 1, COORDINATE_BYTES, &x) || x != COORDINATE_BYTES ||
        !take_number(jwk, "y", point + 1 + COORDINATE_BYTES, COORDINATE_BYTES, &y) || y != COORDINATE_BYTES)
        return NULL;
    OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0),
                           OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point),
                           OSSL_PARAM_construct_end()};
    return make_key("EC", params);
}

static EVP_PKEY *read_modulus(const json_t *jwk) {
    unsigned char modulus[MODULUS_MAX_BYTES], exponent[EXPONENT_MAX_BYTES];
    size_t n_bytes = 0, e_bytes = 0;
    if (!take_number(jwk, "n", modulus, sizeof modulus, &n_bytes) ||
        !take_number(jwk, "e", exponent, sizeof exponent, &e_bytes))
        return NULL;
    BIGNUM *n = BN_bin2bn(modulus, (int)n_bytes, NULL), *e = BN_bin2bn(exponent, (int)e_bytes, NULL);
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    OSSL_PARAM *params = NULL;
    EVP_PKEY *public = NULL;
    bool is_sound = n && e && builder && BN_num_bits(n) >= MODULUS_LEAST_BITS && BN_is_odd(e) && !BN_is_one(e);
    if (is_sound && OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, n) &&
        OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, e))
        params = OSSL_PARAM_BLD_to_param(builder);
    if (params) public = make_key("RSA", params);
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(builder);
    BN_free(e);
    BN_free(n);
    return public;
}

/* True when the member is not there, too. */
static bool says(const json_t *jwk, const char *name, const char *expected) {
    const json_t *value = json_object_get(jwk, name);
    return !value || (json_is_string(value) && strcmp(json_string_value(value), expected) == 0);
}

static bool has(const json_t *jwk, const char *name, const char *expected) {
    return json_object_get(jwk, name) && says(jwk, name, expected);
}

/* False: none of ours. */
static bool read_key(const json_t *jwk, key *out) {
    const json_t *kid = json_object_get(jwk, "kid");
    *out = (key){0};
    if (!json_is_string(kid) || !json_string_length(kid) || json_string_length(kid) >= JWT_TEXT_BYTES) return false;
    if (!says(jwk, "use", "sig")) return false;
    memcpy(out->kid, json_string_value(kid), json_string_length(kid) + 1);
    if (has(jwk, "kty", "EC") && has(jwk, "crv", "P-256") && says(jwk, "alg", "ES256")) {
        out->alg = JWT_ES256;
        out->public = read_point(jwk);
    } else if (has(jwk, "kty", "RSA") && says(jwk, "alg", "RS256")) {
        out->alg = JWT_RS256;
        out->public = read_modulus(jwk);
    }
    return out->public != NULL;
}

/* ---- the set ---- */

err jwt_keys_parse(const char *json, size_t bytes, jwt_keys **out) {
    if (bytes > JWT_KEYS_MAX_BYTES) return ERR_TOO_BIG;
    json_t *root = json_loadb(json, bytes, JSON_REJECT_DUPLICATES, NULL);
    const json_t *list = json_object_get(root, "keys");
    jwt_keys *k = NULL;
    err failed = json_is_array(list) ? OK : ERR_SYNTAX;
    if (!failed && json_array_size(list) > JWT_KEYS_MAX) failed = ERR_TOO_BIG;
    if (!failed && !(k = calloc(1, sizeof *k))) failed = ERR_NO_MEMORY;
    for (size_t i = 0; !failed && i < json_array_size(list); i++)
        k->count += read_key(json_array_get(list, i), &k->keys[k->count]);
    json_decref(root);
    if (!failed) *out = k;
    return failed;
}

void jwt_keys_free(jwt_keys *k) {
    if (!k) return;
    for (size_t i = 0; i < k->count; i++) EVP_PKEY_free(k->keys[i].public);
    free(k);
}

size_t jwt_keys_count(const jwt_keys *k) { return k->count; }

/* ---- a signature ---- */

/* ES256 has the two numbers behind each other (RFC 7518, 3.4); OpenSSL wants them in DER. 0: they are none. */
static int to_der(const jwt *t, unsigned char der[DER_BYTES]) {
    if (t->signature_bytes != (size_t)2 * COORDINATE_BYTES) return 0;
    ECDSA_SIG *both = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(t->signature, COORDINATE_BYTES, NULL);
    BIGNUM *s = BN_bin2bn(t->signature + COORDINATE_BYTES, COORDINATE_BYTES, NULL);
    int bytes = 0;
    if (both && r && s && ECDSA_SIG_set0(both, r, s) == 1) {
        r = s = NULL; /* it owns them now */
        if (i2d_ECDSA_SIG(both, NULL) <= DER_BYTES) bytes = i2d_ECDSA_SIG(both, &der);
    }
    BN_free(s);
    BN_free(r);
    ECDSA_SIG_free(both);
    return bytes > 0 ? bytes : 0;
}

static bool is_signed(const key *k, const jwt *t) {
    unsigned char der[DER_BYTES];
    const unsigned char *signature = t->signature;
    size_t bytes = t->signature_bytes;
    if (k->alg == JWT_ES256) {
        signature = der;
        bytes = (size_t)to_der(t, der);
    }
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool is_it =
        context && bytes && EVP_DigestVerifyInit(context, NULL, EVP_sha256(), NULL, k->public) == 1 &&
        EVP_DigestVerify(context, signature, bytes, (const unsigned char *)t->signed_text, t->signed_bytes) == 1;
    EVP_MD_CTX_free(context);
    ERR_clear_error();
    return is_it;
}

jwt_proof jwt_keys_prove(const jwt_keys *k, const jwt *t) {
    jwt_proof proof = JWT_KEY_UNKNOWN;
    for (size_t i = 0; i < k->count && *t->kid; i++) {
        const key *one = &k->keys[i];
        if (strcmp(one->kid, t->kid) != 0) continue;
        if (one->alg == t->alg && is_signed(one, t)) return JWT_PROVEN;
        proof = JWT_NOT_PROVEN;
    }
    return proof;
}
