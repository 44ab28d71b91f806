/* The signature of a webhook, as standardwebhooks.com has it, so that receivers find a library: HMAC-SHA256 of
 * "ID.SECONDS.BODY" by the secret, in Base64 behind "v1,". The secret is "whsec_" and the key in Base64.
 * Pure. */
#pragma once
#include "base/errors.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SIGNATURE_BYTES = 64, SIGNATURE_KEY_MIN = 16, SIGNATURE_KEY_MAX = 128 };

/* Whether it is a secret: a key of SIGNATURE_KEY_MIN to SIGNATURE_KEY_MAX bytes. */
bool signature_is_secret(const char *secret);
/* ERR_INVALID: no secret; ERR_NO_MEMORY. */
MUST_CHECK err signature_make(const char *secret, const char *id, int64_t seconds, const char *body, size_t body_bytes,
                              char out[SIGNATURE_BYTES]);
