/* A trader: the text it comes from, and what it says of itself once compiled.
 *
 * Threads: both are immutable once made and may be read by all threads.
 * Ownership: heap, freed by their owner after the last state that uses them is gone. */
#pragma once
#include "abi.h"
#include "base/errors.h"

enum {
    TRADER_KEY_MAX = 64,
    TRADER_NAME_MAX = 128,
    TRADER_ID_MAX = 37,
    TRADER_REVISION_MAX = 65,
    TRADER_CHUNK_MAX = 256,
    OWN_NAME_MAX = 64
};

/* Text and inputs. */
typedef struct trader_source {
    char key[TRADER_KEY_MAX];           /* file name without .lua; the id field replaces it when the script names one */
    char name[TRADER_NAME_MAX];         /* instead of the script's own; empty: none */
    bool is_variant;                    /* of {"use": ...}: `key` is its id whatever the script says */
    char chunk[TRADER_CHUNK_MAX];       /* what messages call it: the path */
    char revision[TRADER_REVISION_MAX]; /* SHA-256 of code and inputs */
    char *code;
    size_t code_bytes;
    char *inputs; /* JSON object of overrides; "{}" when there are none */
} trader_source;

/* Reads FILE.lua and the FILE.json beside it (inputs only), if any; or FILE.json that names the script of another one in
 * the same folder: {"use": "rsi_rebound", "id": "rsi_fast", "name": "Fast RSI", "inputs": {...}}. id: default the file's
 * name; name: default the script's. */
MUST_CHECK err trader_source_read(const char *path, trader_source **out, diag *why);
/* Sets one input: `text` is the name, "=", and a JSON value, or else a plain text. A name that the script does not declare
 * is found out when it is loaded. */
MUST_CHECK err trader_source_set_input(trader_source *source, const char *text, diag *why);
/* From memory; `inputs` NULL: none. */
MUST_CHECK err trader_source_new(const char *key, const char *chunk, const char *code, size_t code_bytes,
                                 const char *inputs, trader_source **out, diag *why);
void trader_source_free(trader_source *source);

typedef enum fire_mode { FIRE_EDGE, FIRE_EVERY } fire_mode;

/* A series that the dry evaluation has used: on every symbol the trader waits for its depth. */
typedef struct trader_need {
    int32_t interval;
    int32_t series; /* series_ref */
    int32_t depth;  /* bars */
} trader_need;

/* What a compiled trader says. */
typedef struct trader_spec {
    char key[TRADER_KEY_MAX]; /* id field or file name */
    char id[TRADER_ID_MAX];   /* UUIDv5(namespace, "file:" + key) */
    char name[TRADER_NAME_MAX];
    char revision[TRADER_REVISION_MAX];
    int32_t interval;       /* whose close runs the filter */
    uint32_t interval_mask; /* bit per interval in use, its own included */
    fire_mode fire;
    int32_t fire_every; /* FIRE_EVERY: bars between signals while it matches */
    int32_t cooldown;   /* bars after any signal */
    int32_t warmup;     /* bars; -1: found by the dry evaluation */
    bool is_enabled;
    char **include, **exclude;                      /* NULL-terminated lists of symbols; an empty include: all */
    char *quote;                                    /* NULL: any */
    char *conditions, *inputs, *description, *tags; /* JSON array, JSON array, text, JSON array */
    int32_t depth[N_INTERVALS];                     /* bars that its indicators wait for, by interval; 0: not used */
    int32_t history[N_INTERVALS];                   /* bars that must be kept: depth, and how far back it reads */
    trader_need *needs;
    int32_t n_needs;
} trader_spec;

void trader_spec_free(trader_spec *spec);
/* Whether the trader looks at this symbol at all. */
bool trader_spec_wants(const trader_spec *spec, const char *symbol, const char *quote);
