/* The symbols of this process: name, assets, filters; each with a small id that events carry.
 * Entries are only added, never moved or removed, so an id and its info stay valid until the table is freed. A symbol
 * that leaves and comes back has its old id; an id is never given to another name, since SYMBOL_MAX is more than twice
 * what the exchange has ever listed.
 * Threads: one thread (I/O, or a replay's) adds; others may read any id that reached them through a queue. */
#pragma once
#include "base/errors.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SYMBOL_BYTES = 64, ASSET_BYTES = 32, SYMBOL_MAX = 8192 };

typedef struct symbol_info {
    char name[SYMBOL_BYTES];                    /* upper case, UTF-8 (Binance allows non-ASCII) */
    char base[ASSET_BYTES], quote[ASSET_BYTES]; /* empty when unknown */
    double tick_size, step_size;                /* 0 when unknown */
    char status[16];                            /* the exchange's word, such as TRADING or BREAK; empty when unknown */
    /* What changes while the process runs: see symbol_table_refresh. */
    _Atomic double quote_volume_24h; /* 0 when unknown */
    _Atomic bool is_trading;
    _Atomic bool is_outside; /* of the universe: only traders that name it look at it */
    bool is_alias;           /* another id of the same symbol; see symbol_table_alias */
    bool is_by_name_only;    /* no plain perpetual: watched when it is named, never chosen by volume */
} symbol_info;

typedef struct symbol_table symbol_table;

MUST_CHECK err symbol_table_new(symbol_table **out);
void symbol_table_free(symbol_table *table);
/* Adds or finds by name; `id` out. ERR_FULL past SYMBOL_MAX, ERR_INVALID for an empty or over-long name. */
MUST_CHECK err symbol_table_add(symbol_table *table, const symbol_info *info, uint32_t *id);
/* A further id for a symbol, which is not found by its name: for whoever keeps a second account of it. */
MUST_CHECK err symbol_table_alias(symbol_table *table, uint32_t id, uint32_t *alias);
/* What the exchange says of it now: volume and whether it trades; and whether it is outside of the universe. Others may
 * read these at any time. */
void symbol_table_refresh(symbol_table *table, uint32_t id, double quote_volume_24h, bool is_trading);
void symbol_table_set_outside(symbol_table *table, uint32_t id, bool is_outside);
/* ERR_NOT_FOUND when unknown. `name` need not be terminated. */
MUST_CHECK err symbol_table_find(const symbol_table *table, const char *name, size_t name_bytes, uint32_t *id);
const symbol_info *symbol_table_get(const symbol_table *table, uint32_t id);
uint32_t symbol_table_count(const symbol_table *table);

/* Fill base and quote from a name that ends in a well-known quote asset; both stay empty otherwise. For sources that
 * have no word from the exchange. */
void symbol_guess_assets(symbol_info *info);
