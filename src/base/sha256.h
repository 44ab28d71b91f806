/* SHA-256 of bytes in memory, and its 64 hexadecimal digits. sha256_hex, which does both, is declared in abi.h.
 * Threads: pure. Ownership: all of it is the caller's. */
#pragma once
#include "base/errors.h"

enum { SHA256_BYTES = 32, SHA256_TEXT_BYTES = 2 * SHA256_BYTES + 1 };

/* Of `head` with `bytes` behind it; either may be empty. ERR_NO_MEMORY. */
MUST_CHECK err sha256_of(const void *head, size_t head_bytes, const void *data, size_t bytes,
                         unsigned char out[SHA256_BYTES]);
void sha256_text(const unsigned char digest[SHA256_BYTES], char out[SHA256_TEXT_BYTES]);
/* 64 digits, upper or lower case; what follows them is the caller's business. ERR_SYNTAX. */
MUST_CHECK err sha256_parse(const char *text, size_t bytes, unsigned char out[SHA256_BYTES]);
