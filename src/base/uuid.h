/* Name-based UUIDs (RFC 9562 version 5, SHA-1) and SHA-256 in hex. Pure. */
#pragma once
#include "abi.h"

enum { UUID_TEXT_BYTES = 37, SHA256_TEXT_BYTES = 65 };
/* The namespace of trademind: 6d8f2f0c-3f0e-5b7a-9c55-7a1c1f0e9b42. Functions are declared in abi.h. */
