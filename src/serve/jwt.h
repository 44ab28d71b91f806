/* A JSON Web Token in its compact form (RFC 7519, RFC 7515): taken apart, and held against what is expected of it.
 *
 *   base64url({"alg":"ES256","kid":"..."}) . base64url({"iss":...,"aud":...,"sub":...,"exp":...}) . base64url(signature)
 *
 * Who signed it is asked apart: jwt_keys.h for public keys, jwt_is_signed_with for a shared secret. What a token says of
 * its own algorithm is never enough: each way of asking takes the one algorithm that it is made for.
 * Pure; any thread. A parsed token points into its text. Neither a token nor a part of one is in any message. */
#pragma once
#include "base/errors.h"
#include <stdint.h>

enum {
    JWT_MAX_BYTES = 4000, /* a user's claims can be many; the rest of a request's head must still fit beside it */
    JWT_TEXT_BYTES = 256,
    JWT_MAX_AUDIENCES = 4,
    JWT_SIGNATURE_MAX_BYTES = 512, /* RSA of 4096 bits */
    JWT_LEEWAY_S = 30,             /* between the clock of who issued it and ours */
};

typedef enum jwt_alg { JWT_OTHER, JWT_ES256, JWT_RS256, JWT_HS256 } jwt_alg;

typedef struct jwt {
    jwt_alg alg; /* as it says; JWT_OTHER: "none", and all that nobody here verifies */
    char kid[JWT_TEXT_BYTES], issuer[JWT_TEXT_BYTES], subject[JWT_TEXT_BYTES]; /* "": it says none */
    char audience[JWT_MAX_AUDIENCES][JWT_TEXT_BYTES];
    int32_t n_audiences;
    bool has_expiry, has_start;
    int64_t expires_s, starts_s; /* since 1970 */
    const char *signed_text;     /* header and claims as they were sent */
    size_t signed_bytes;
    unsigned char signature[JWT_SIGNATURE_MAX_BYTES];
    size_t signature_bytes;
} jwt;

/* Three parts between dots: worth being parsed. */
bool jwt_is_like(const char *text, size_t bytes);
/* ERR_TOO_BIG: the token or a text in it; ERR_SYNTAX: no token; ERR_UNSUPPORTED: it asks for an extension ("crit"). */
MUST_CHECK err jwt_parse(const char *text, size_t bytes, jwt *out);

typedef struct jwt_expectation {
    const char *issuer, *audience, *subject;
} jwt_expectation;

/* NULL when the claims are those expected, at `now_s` and within the leeway; else the fault, in words ("it has expired").
 * A token without an expiry is refused. */
const char *jwt_find_fault(const jwt *t, const jwt_expectation *expected, int64_t now_s);
/* HS256 alone. In constant time. An empty secret signs nothing. */
bool jwt_is_signed_with(const jwt *t, const char *secret);
