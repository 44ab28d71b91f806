/* The traders of a folder, by name: every FILE.lua but specs (NAME_spec.lua), and every FILE.json without a script of its
 * name, which uses another one's (trader.h). */
#pragma once
#include "script/trader.h"

/* A file that cannot be used: unreadable, too big, inputs that are no JSON. */
typedef struct trader_file_failure {
    char file[TRADER_CHUNK_MAX]; /* as in trader_source.file */
    char key[TRADER_KEY_MAX];    /* the file's name without its end */
    diag why;
} trader_file_failure;

typedef struct trader_folder {
    trader_source **sources; /* set to NULL when you take them */
    int32_t count;
    trader_file_failure *failures;
    int32_t n_failures;
} trader_folder;

/* Reads all of them, and says nothing. ERR_NOT_FOUND, ERR_IO and a sentence: there is no such folder, or it cannot be
 * read. An empty folder is a folder. */
MUST_CHECK err trader_folder_scan(const char *path, trader_folder *out, diag *why);
void trader_folder_deinit(trader_folder *folder);

/* Writes KEY and `ending` (".lua", ".json"): complete under another name first, so that a daemon that watches the folder never
 * sees half of it. `is_new`: ERR_EXISTS when it is there. ERR_IO, ERR_TOO_BIG and a sentence. */
MUST_CHECK err trader_folder_write(const char *folder, const char *key, const char *ending, const char *text,
                                   bool is_new, diag *why);

/* The same for those who read it once. A file that cannot be used is one line of the log and counted in `n_failed`; the
 * others go on. ERR_NOT_FOUND and a sentence: no such folder, or no trader left. `sources` is heap memory of the caller,
 * as are the sources. */
MUST_CHECK err trader_folder_read(const char *folder, trader_source ***sources, int32_t *count, int32_t *n_failed,
                                  diag *why);
/* Sets an input of one of them: "TRADER.NAME=VALUE", TRADER as in trader_source.key; without TRADER when there is one
 * trader only. ERR_INVALID: there is no such trader. */
MUST_CHECK err trader_folder_set_input(trader_source *const *sources, int32_t count, const char *text, diag *why);
