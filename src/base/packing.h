/* Packed bytes: one zstd frame with its own checksum.
 * Threads: pure. Ownership: what comes out is malloc'ed, and the caller's. */
#pragma once
#include "base/errors.h"

/* ERR_NO_MEMORY. */
MUST_CHECK err packing_pack(const void *data, size_t bytes, unsigned char **out, size_t *out_bytes);
/* ERR_INVALID: it is no whole frame, or damaged; ERR_TOO_BIG: it holds more than `most` bytes; ERR_NO_MEMORY. */
MUST_CHECK err packing_unpack(const void *frame, size_t frame_bytes, size_t most, unsigned char **out,
                              size_t *out_bytes);
/* Of a damaged frame what comes before the damage, as far as can be told; nothing of it is sure. `*out` may be NULL. */
void packing_unpack_front(const void *frame, size_t frame_bytes, size_t most, unsigned char **out, size_t *out_bytes);
