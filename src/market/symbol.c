/* The symbol table: entries by id in a fixed array of pointers, ids by name in an open-addressing hash, which keeps half
 * of each name's hash beside its id: every market message is looked up here, and so finds its entry at once.
 * Both have their final size at birth (SYMBOL_MAX), so nothing ever moves under a reader on another thread: the array
 * slot of an id is written before the id can reach a queue, and never again. */
#include "market/symbol.h"
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { N_SLOTS = 2 * SYMBOL_MAX }; /* a power of two; never more than half full, so probes are short and end */

typedef struct slot {
    uint16_t id; /* + 1; 0: free */
    uint16_t tag;
} slot;

struct symbol_table {
    symbol_info *entries[SYMBOL_MAX];
    uint32_t count;
    slot slots[N_SLOTS];
};

static uint64_t hash_of(const char *name, size_t bytes);
static uint16_t tag_of(uint64_t hash);
static slot *slot_of(symbol_table *table, const char *name, size_t name_bytes);

err symbol_table_new(symbol_table **out) {
    *out = calloc(1, sizeof **out);
    return *out ? OK : ERR_NO_MEMORY;
}

void symbol_table_free(symbol_table *table) {
    if (!table) return;
    for (uint32_t id = 0; id < table->count; id++) free(table->entries[id]);
    free(table);
}

err symbol_table_add(symbol_table *table, const symbol_info *info, uint32_t *id) {
    size_t name_bytes = strnlen(info->name, SYMBOL_BYTES);
    if (name_bytes == 0 || name_bytes == SYMBOL_BYTES) return ERR_INVALID;
    slot *there = slot_of(table, info->name, name_bytes);
    if (there->id == 0) {
        if (table->count == SYMBOL_MAX) return ERR_FULL;
        symbol_info *entry = malloc(sizeof *entry);
        if (!entry) return ERR_NO_MEMORY;
        *entry = *info;
        table->entries[table->count++] = entry;
        *there = (slot){(uint16_t)table->count, tag_of(hash_of(info->name, name_bytes))};
    }
    *id = there->id - 1u;
    return OK;
}

err symbol_table_alias(symbol_table *table, uint32_t id, uint32_t *alias) {
    symbol_info *entry;
    if (id >= table->count) return ERR_NOT_FOUND;
    if (table->count == SYMBOL_MAX) return ERR_FULL;
    entry = malloc(sizeof *entry);
    if (!entry) return ERR_NO_MEMORY;
    *entry = *table->entries[id];
    entry->is_alias = true;
    *alias = table->count;
    table->entries[table->count++] = entry;
    return OK;
}

void symbol_table_refresh(symbol_table *table, uint32_t id, double quote_volume_24h, bool is_trading) {
    assert(id < table->count);
    table->entries[id]->quote_volume_24h = quote_volume_24h;
    table->entries[id]->is_trading = is_trading;
}

void symbol_table_set_outside(symbol_table *table, uint32_t id, bool is_outside) {
    assert(id < table->count);
    table->entries[id]->is_outside = is_outside;
}

err symbol_table_find(const symbol_table *table, const char *name, size_t name_bytes, uint32_t *id) {
    if (name_bytes == 0 || name_bytes >= SYMBOL_BYTES) return ERR_NOT_FOUND;
    const slot *there = slot_of((symbol_table *)table, name, name_bytes);
    if (there->id == 0) return ERR_NOT_FOUND;
    *id = there->id - 1u;
    return OK;
}

const symbol_info *symbol_table_get(const symbol_table *table, uint32_t id) {
    assert(id < SYMBOL_MAX && table->entries[id]);
    return table->entries[id];
}

uint32_t symbol_table_count(const symbol_table *table) { return table->count; }

void symbol_guess_assets(symbol_info *info) {
    static const char *const quotes[] = {"USDT", "USDC", "FDUSD", "TUSD", "BTC", "ETH", "BNB", "EUR", "TRY"};
    size_t bytes = strlen(info->name);
    for (size_t i = 0; i < sizeof quotes / sizeof quotes[0]; i++) {
        size_t quote_bytes = strlen(quotes[i]);
        if (bytes <= quote_bytes || bytes - quote_bytes >= ASSET_BYTES) continue;
        if (strcmp(info->name + bytes - quote_bytes, quotes[i]) != 0) continue;
        memcpy(info->base, info->name, bytes - quote_bytes);
        info->base[bytes - quote_bytes] = '\0';
        snprintf(info->quote, sizeof info->quote, "%s", quotes[i]);
        return;
    }
}

static uint64_t mix(uint64_t hash, uint64_t word) {
    hash = (hash ^ word) * 0x9e3779b97f4a7c15u;
    return hash ^ hash >> 32;
}

/* Eight bytes at a time. Its order of bytes is the machine's: it never leaves the process. */
static uint64_t hash_of(const char *name, size_t bytes) {
    uint64_t hash = bytes, word;
    for (; bytes >= 8; bytes -= 8, name += 8) {
        memcpy(&word, name, 8);
        hash = mix(hash, word);
    }
    word = 0;
    memcpy(&word, name, bytes);
    return mix(hash, word);
}

static uint16_t tag_of(uint64_t hash) { return (uint16_t)(hash >> 48); }

/* The slot that holds the name, or the free one where it would go. */
static slot *slot_of(symbol_table *table, const char *name, size_t name_bytes) {
    uint64_t hash = hash_of(name, name_bytes);
    for (uint32_t at = (uint32_t)hash % N_SLOTS;; at = (at + 1) % N_SLOTS) {
        slot *s = &table->slots[at];
        if (s->id == 0) return s;
        if (s->tag != tag_of(hash)) continue;
        const char *there = table->entries[s->id - 1]->name;
        if (strncmp(there, name, name_bytes) == 0 && there[name_bytes] == '\0') return s;
    }
}
