/* Name-based UUIDs (RFC 9562 version 5, SHA-1). Pure. */
#pragma once
#include "abi.h"

enum { UUID_TEXT_BYTES = 37 };
/* The namespace of trademind: 6d8f2f0c-3f0e-5b7a-9c55-7a1c1f0e9b42. uuid5 is declared in abi.h. */

/* Lower-case hex in groups of 8, 4, 4, 4 and 12. */
bool uuid_is_valid(const char *text);
