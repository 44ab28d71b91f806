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
    OWN_NAME_MAX = 64,
    REFERENCES_MAX = 8,
    RANK_TOP_MAX = 100000
};

/* Text and inputs. */
typedef struct trader_source {
    char key[TRADER_KEY_MAX];     /* file name without .lua; the id field replaces it when the script names one */
    char name[TRADER_NAME_MAX];   /* instead of the script's own; empty: none */
    bool is_variant;              /* of {"use": ...}: `key` is its id whatever the script says */
    int32_t enabled;              /* 1, 0: whatever the script says; -1: as it says */
    char chunk[TRADER_CHUNK_MAX]; /* what messages call it: the path */
    char file[TRADER_CHUNK_MAX];  /* path of the file that makes it a trader (of a variant the .json); empty: none */
    char revision[TRADER_REVISION_MAX]; /* SHA-256 of code and inputs */
    char version[TRADER_REVISION_MAX];  /* SHA-256 of the code alone */
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
MUST_CHECK err trader_source_copy(const trader_source *source, trader_source **out);
void trader_source_free(trader_source *source);
/* The id of the trader with that key (trader_spec.key). A key that is a UUID, as those of rows of a database are, is the id
 * itself. */
void trader_id_of(const char *key, char id[TRADER_ID_MAX]);

typedef enum trader_on { ON_CLOSE, ON_TICK } trader_on; /* ON_TICK: on the forming bar, and at each close as well */
typedef enum fire_mode { FIRE_EDGE, FIRE_EVERY } fire_mode;

/* Where a series of a trader is at home: its interval, of its own symbol or of the k-th of its references (from 0). */
static inline int32_t place_own(int32_t interval) { return interval; }
static inline int32_t place_reference(int32_t k, int32_t interval) { return N_INTERVALS * (k + 1) + interval; }
static inline int32_t place_interval(int32_t place) { return (int32_t)((uint32_t)place % N_INTERVALS); }
/* -1: the trader's own symbol. */
static inline int32_t place_reference_of(int32_t place) { return (int32_t)((uint32_t)place / N_INTERVALS) - 1; }
enum { N_PLACES = N_INTERVALS * (REFERENCES_MAX + 1) };

/* A series that the dry evaluation has used: on every symbol the trader waits for its depth. */
typedef struct trader_need {
    int32_t place;
    int32_t series; /* series_ref */
    int32_t depth;  /* bars */
} trader_need;

/* What a compiled trader says. */
typedef struct trader_spec {
    char key[TRADER_KEY_MAX]; /* id field or file name */
    char id[TRADER_ID_MAX];   /* UUIDv5(namespace, "file:" + key), or the key (trader_id_of) */
    char name[TRADER_NAME_MAX];
    char revision[TRADER_REVISION_MAX];
    int32_t interval;       /* whose close runs the filter */
    uint32_t interval_mask; /* bit per interval in use, its own included */
    trader_on on;
    fire_mode fire;
    int32_t fire_every; /* FIRE_EVERY: bars between signals while it matches */
    int32_t cooldown;   /* bars after any signal */
    int32_t warmup;     /* bars; -1: found by the dry evaluation */
    bool is_enabled;
    char **references; /* NULL-terminated: names of other symbols that it reads, in the trader's order */
    int32_t n_references;
    uint32_t reference_mask;   /* bit per interval in use of its references; 0: it has none */
    int32_t rank_top;          /* the filter runs for so many of the symbols that rank.by scores best; 0: no rank */
    char **include, **exclude; /* NULL-terminated lists of symbols; an empty include: all */
    char *quote;               /* NULL: any */
    int32_t symbols_top;       /* only so many of the most traded symbols; 0: all */
    double min_quote_volume;   /* least volume of 24 h, in the quote asset; 0: any */
    char *conditions, *inputs, *description, *tags; /* JSON array, JSON array, text, JSON array */
    char *notify; /* JSON object: rules of notifications, see lua/stdlib/notify.lua; NULL: it has none */
    /* Of its own symbol and of its references, whichever is more: bars that its indicators wait for, by interval (0: not
     * used); bars that must be kept: depth, and how far back it reads. */
    int32_t depth[N_INTERVALS];
    int32_t history[N_INTERVALS];
    trader_need *needs;
    int32_t n_needs;
} trader_spec;

void trader_spec_free(trader_spec *spec);
/* Whether the trader looks at this symbol at all, by its name and quote asset; symbols_top and min_quote_volume are the
 * caller's to decide, who knows the volumes of all symbols. */
bool trader_spec_wants(const trader_spec *spec, const char *symbol, const char *quote);
/* Whether its `symbols.include` has it. */
bool trader_spec_names(const trader_spec *spec, const char *symbol);
/* Place of the symbol among its references; -1: it is none of them. */
int32_t trader_spec_reference(const trader_spec *spec, const char *symbol);
