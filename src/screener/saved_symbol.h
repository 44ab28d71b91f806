/* A symbol written down (snapshot.h), on its way between a worker and a file: as it is, or packed.
 * Threads: pure. Ownership: moves with the pointer. */
#pragma once
#include "screener/snapshot.h"

/* More than any symbol is: 16 intervals of 20,000 bars, and as much again for its states. */
enum { SAVED_SYMBOL_MOST = 256 << 20 };

typedef struct saved_symbol {
    size_t bytes;
    unsigned char *data;
    char name[SYMBOL_BYTES];
} saved_symbol;

/* ERR_NO_MEMORY. */
MUST_CHECK err saved_symbol_write(const char *name, timeframe *const frames[N_INTERVALS], saved_symbol **out);
/* A copy of bytes that are somewhere else. ERR_NO_MEMORY. */
MUST_CHECK err saved_symbol_copy(const char *name, const void *data, size_t bytes, saved_symbol **out);
/* ERR_NO_MEMORY; of unpack also ERR_INVALID and ERR_TOO_BIG. */
MUST_CHECK err saved_symbol_pack(const saved_symbol *s, saved_symbol **out);
MUST_CHECK err saved_symbol_unpack(const saved_symbol *s, saved_symbol **out);
void saved_symbol_free(saved_symbol *s); /* NULL is ignored */
