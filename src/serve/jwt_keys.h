/* The public keys of who issues tokens: a JSON Web Key Set (RFC 7517), and whether one of them signed a token.
 *
 * A key has one algorithm, which its own type tells: EC on P-256 is ES256, RSA of 2048 to 4096 bits is RS256. A token that
 * asks for another one with it, or for a key that is not in the set, is not signed. A symmetric key in a public set is no
 * secret and is left out, as are keys of other types or for other uses.
 * Pure; any thread. */
#pragma once
#include "serve/jwt.h"

enum { JWT_KEYS_MAX = 16, JWT_KEYS_MAX_BYTES = 64 * 1024 };

typedef struct jwt_keys jwt_keys;

/* Keys that nobody here can use are left out, so the set may be empty. ERR_SYNTAX: no key set; ERR_TOO_BIG;
 * ERR_NO_MEMORY. */
MUST_CHECK err jwt_keys_parse(const char *json, size_t bytes, jwt_keys **out);
void jwt_keys_free(jwt_keys *k); /* NULL is ignored */
size_t jwt_keys_count(const jwt_keys *k);

typedef enum jwt_proof { JWT_PROVEN, JWT_NOT_PROVEN, JWT_KEY_UNKNOWN } jwt_proof;
/* JWT_KEY_UNKNOWN: no key of that kid, whatever its algorithm; the set may have changed since. */
jwt_proof jwt_keys_prove(const jwt_keys *k, const jwt *t);
