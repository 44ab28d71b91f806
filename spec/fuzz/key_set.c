/* A key set of any bytes: read or refused; and whatever keys it has, a token with an empty signature is signed by none. */
#include "serve/jwt_keys.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static void require(bool holds) {
    if (!holds) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes) {
    static const jwt_alg algs[] = {JWT_OTHER, JWT_ES256, JWT_RS256, JWT_HS256};
    jwt_keys *keys = NULL;
    err failed = jwt_keys_parse((const char *)data, bytes, &keys);
    require(!failed || failed == ERR_SYNTAX || failed == ERR_TOO_BIG);
    require(!failed == (keys != NULL));
    if (failed) return 0;
    require(jwt_keys_count(keys) <= JWT_KEYS_MAX);
    for (size_t i = 0; i < sizeof algs / sizeof *algs; i++) {
        jwt t = {.alg = algs[i], .kid = "ec-1", .signed_text = "a.b", .signed_bytes = 3};
        require(jwt_keys_prove(keys, &t) != JWT_PROVEN);
        t.signature_bytes = 64; /* zeros */
        require(jwt_keys_prove(keys, &t) != JWT_PROVEN);
    }
    jwt_keys_free(keys);
    return 0;
}
