/* Base64 in its alphabet for URLs (RFC 4648, 5), as tokens are made of: no padding, no blanks, one spelling for each value.
 * Pure. */
#pragma once
#include "base/errors.h"

/* The bytes of `n` digits. ERR_SYNTAX: a digit that is none, a length that no bytes have, or bits at the end that say
 * nothing and are not 0, so that two texts never mean the same; ERR_TOO_BIG: more than `room` bytes. */
MUST_CHECK err base64url_decode(const char *text, size_t n, unsigned char *out, size_t room, size_t *bytes);
