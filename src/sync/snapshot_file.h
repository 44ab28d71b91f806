/* DATA_DIR/snapshot: bars and indicator states of all symbols, so that a start need not ask for them.
 *
 *     heading | name, packed symbol | name, packed symbol | ...
 *
 * The heading says which program wrote it (format, version of the indicators), of which market of which exchange, and the
 * SHA-256 of itself and of all that follows. A file of which anything is different is not believed: it is set aside under
 * another name, with one sentence, and the history is fetched. It is written aside, flushed and renamed, so that a crash
 * leaves the one before.
 * Threads: any one at a time; all of it reads, writes or computes, so it belongs in libuv's pool. */
#pragma once
#include "screener/saved_symbol.h"

/* Of what the file must be. */
typedef struct snapshot_origin {
    const char *market; /* spot, usdm */
    const char *source; /* where the history comes from: the URL of the first host */
} snapshot_origin;

typedef struct snapshot_file snapshot_file;

/* ERR_NOT_FOUND: there is none. Any other error: it was set aside (or could not be), `why` is the sentence. */
MUST_CHECK err snapshot_file_read(const char *folder, const snapshot_origin *origin, snapshot_file **out, diag *why);
/* The same without setting anything aside, and of any market: for listings. */
MUST_CHECK err snapshot_file_look(const char *folder, snapshot_file **out, diag *why);
/* For fuzzing: of bytes in memory; takes them, also when it fails. */
MUST_CHECK err snapshot_file_parse(unsigned char *data, size_t bytes, const snapshot_origin *origin,
                                   snapshot_file **out, diag *why);
void snapshot_file_free(snapshot_file *f); /* NULL is ignored */
uint32_t snapshot_file_count(const snapshot_file *f);
size_t snapshot_file_bytes(const snapshot_file *f);
/* Symbol number `at`, packed: a copy, the caller's. NULL without memory. */
saved_symbol *snapshot_file_get(const snapshot_file *f, uint32_t at);
/* By name; NULL also when there is none. */
saved_symbol *snapshot_file_find(const snapshot_file *f, const char *name);

typedef struct snapshot_draft snapshot_draft;

/* A file beside the one that there is. ERR_IO. */
MUST_CHECK err snapshot_draft_open(const char *folder, const snapshot_origin *origin, snapshot_draft **out, diag *why);
/* Packs a symbol and writes it. ERR_IO, ERR_NO_MEMORY. */
MUST_CHECK err snapshot_draft_add(snapshot_draft *d, const saved_symbol *s, diag *why);
/* Now it is the file. Frees the draft, also when it fails: then the file before is still there. `bytes`: its size. */
MUST_CHECK err snapshot_draft_finish(snapshot_draft *d, size_t *bytes, diag *why);
/* Nothing is left of it. NULL is ignored. */
void snapshot_draft_drop(snapshot_draft *d);
