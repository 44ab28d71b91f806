/* Where traders are kept, for those who write and edit them over HTTP:
 *
 *   builtin   files of the folder beside the program, built-in rows of Supabase: read-only
 *   file      NAME.lua, and NAME.json of its inputs, in the TRADERS_DIR that is set
 *   local     rows of DATA_DIR/trademind.db (orchestrator_local.h), where TRADERS_DIR is not set
 *   cloud     the user's rows of Supabase
 *
 * What takes time (a disk, a network) does so elsewhere; whoever asked is told on the loop.
 * Threads: the loop's. */
#pragma once
#include "base/sha256.h"
#include "script/trader.h"

typedef struct orchestrator orchestrator;

typedef enum trader_origin { ORIGIN_BUILT_IN, ORIGIN_FILE, ORIGIN_LOCAL, ORIGIN_CLOUD } trader_origin;

/* A trader as it is kept. */
typedef struct kept_trader {
    trader_origin origin;
    bool is_variant;                 /* a file that uses the script of another */
    char key[TRADER_KEY_MAX];        /* of its source */
    char version[SHA256_TEXT_BYTES]; /* of its script; "": it cannot be read */
    char *code;                      /* NULL: it cannot be read */
    char *inputs;                    /* a JSON object; NULL: none */
} kept_trader;

/* "builtin", "file", "local", "cloud". */
const char *trader_origin_name(trader_origin origin);
/* What becomes of a new one. */
trader_origin orchestrator_keep_place(const orchestrator *o);
/* Where the trader with that source.key is kept; false: nowhere. Does not look at the disk. */
bool orchestrator_keep_origin(const orchestrator *o, const char *key, const trader_source *running,
                              trader_origin *origin);
/* The version of a script. */
void orchestrator_keep_version(const char *code, char out[SHA256_TEXT_BYTES]);
/* The same with the script as it is now. `running` (may be NULL): what runs of it. ERR_NOT_FOUND. */
MUST_CHECK err orchestrator_keep_find(const orchestrator *o, const char *key, const trader_source *running,
                                      kept_trader *out);
void kept_trader_deinit(kept_trader *t);

typedef enum keep_action { KEEP_NEW, KEEP_REPLACE, KEEP_REMOVE, KEEP_ARCHIVE } keep_action;

/* Borrowed until it is told. */
typedef struct keep_order {
    keep_action action;
    trader_origin origin;
    char key[TRADER_KEY_MAX], name[TRADER_NAME_MAX];
    const char *description, *code, *inputs; /* inputs NULL: none */
    bool is_enabled;
    char version[SHA256_TEXT_BYTES]; /* KEEP_REPLACE: the one that is there */
    /* ERR_EXISTS: it is there already, or has changed meanwhile. `key` is filled for what has none of its own. */
    void (*on_done)(void *context, err error, const char *why);
    void *context;
} keep_order;

void orchestrator_keep(orchestrator *o, keep_order *order);
