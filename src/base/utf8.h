/* Texts that may not be UTF-8: sentences that were cut by their bytes, whatever a script or a server says. */
#pragma once
#include <stddef.h>

/* Bytes of the well-formed character at `at` (no overlong form, no surrogate, nothing past U+10FFFF); 0: there is none.
 * `left` is not 0. */
size_t utf8_bytes(const char *at, size_t left);

/* Makes the text well-formed where it stands: a character that lacks its end goes, any other byte that belongs to none becomes
 * '?'. */
void utf8_clean(char *text);
