/* A ZIP archive that holds one file, out of bytes that nobody vouches for.
 *
 * Strict: the end record, the central directory and the file's own header must be where they say they are and agree in
 * everything; sizes may stand in zip64 fields; stored and deflated data is read, and its length and CRC-32 are checked.
 * Several files, encryption and parts of a split archive are ERR_UNSUPPORTED. Every sentence says what was found.
 * Threads: pure. Ownership: the archive is borrowed; what is unpacked is malloc'ed, and the caller's. */
#pragma once
#include "base/errors.h"

enum { ZIP_NAME_BYTES = 256 };

typedef struct zip_file {
    char name[ZIP_NAME_BYTES];
    const unsigned char *packed; /* in the archive */
    size_t packed_bytes, bytes;
    uint32_t crc;
    bool is_deflated; /* else stored as it is */
} zip_file;

/* ERR_SYNTAX (damaged, cut off), ERR_UNSUPPORTED. */
MUST_CHECK err zip_find(const void *archive, size_t bytes, zip_file *out, diag *why);
/* Its `bytes` bytes, with a zero behind them. ERR_TOO_BIG beyond `most`, ERR_SYNTAX, ERR_NO_MEMORY. */
MUST_CHECK err zip_unpack(const zip_file *file, size_t most, char **out, diag *why);
