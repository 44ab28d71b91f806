/* A token of any bytes: taken apart or refused; and no fuzzer's token is ever signed with the secret, or by a key of the set. */
#include "serve/jwt.h"
#include "serve/jwt_keys.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static void require(bool holds) {
    if (!holds) abort();
}

/* A P-256 key whose private half nobody has kept. */
static const char SET[] = "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"ec-1\",\"alg\":\"ES256\","
                          "\"x\":\"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4\","
                          "\"y\":\"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM\"}]}";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes) {
    static jwt_keys *keys;
    jwt t;
    if (!keys) require(jwt_keys_parse(SET, sizeof SET - 1, &keys) == OK && jwt_keys_count(keys) == 1);
    err failed = jwt_parse((const char *)data, bytes, &t);
    require(!failed || failed == ERR_SYNTAX || failed == ERR_TOO_BIG || failed == ERR_UNSUPPORTED);
    if (failed) return 0;
    require(jwt_is_like((const char *)data, bytes) && bytes <= JWT_MAX_BYTES);
    require(t.signed_text == (const char *)data && t.signed_bytes < bytes && data[t.signed_bytes] == '.');
    require(t.signature_bytes <= sizeof t.signature && t.n_audiences >= 0 && t.n_audiences <= JWT_MAX_AUDIENCES);
    require(memchr(t.kid, 0, sizeof t.kid) && memchr(t.issuer, 0, sizeof t.issuer) &&
            memchr(t.subject, 0, sizeof t.subject));
    (void)jwt_find_fault(&t, &(jwt_expectation){"https://a.example/auth/v1", "authenticated", "user"}, 1790000000);
    require(!jwt_is_signed_with(&t, "a secret that the fuzzer does not have"));
    require(jwt_keys_prove(keys, &t) != JWT_PROVEN);
    return 0;
}
