/* The symbol table: entries by id in a fixed array of pointers, ids by name in an open-addressing hash.
 * Both have their final size at birth (SYMBOL_MAX), so nothing ever moves under a reader on another thread: the array
 * slot of an id is written before the id can reach a queue, and never again. */
#include "market/symbol.h"
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { N_SLOTS = 2 * SYMBOL_MAX }; /* a power of two; never more than half full, so probes are short and end */

struct symbol_table {
    symbol_info *entries[SYMBOL_MAX];
    uint32_t count;
    uint16_t slots[N_SLOTS]; /* id + 1; 0 is free */
};

static uint32_t slot_of(const symbol_table *table, const char *name, size_t name_bytes);

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
    uint32_t slot = slot_of(table, info->name, name_bytes);
    if (table->slots[slot] == 0) {
        if (table->count == SYMBOL_MAX) return ERR_FULL;
        symbol_info *entry = malloc(sizeof *entry);
        if (!entry) return ERR_NO_MEMORY;
        *entry = *info;
        table->entries[table->count++] = entry;
        table->slots[slot] = (uint16_t)table->count;
    }
    *id = table->slots[slot] - 1u;
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

err symbol_table_find(const symbol_table *table, const char *name, size_t name_bytes, uint32_t *id) {
    if (name_bytes == 0 || name_bytes >= SYMBOL_BYTES) return ERR_NOT_FOUND;
    uint32_t slot = slot_of(table, name, name_bytes);
    if (table->slots[slot] == 0) return ERR_NOT_FOUND;
    *id = table->slots[slot] - 1u;
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

/* The slot that holds the name, or the free one where it would go. */
static uint32_t slot_of(const symbol_table *table, const char *name, size_t name_bytes) {
    uint32_t hash = 2166136261u; /* FNV-1a */
    for (size_t i = 0; i < name_bytes; i++) hash = (hash ^ (uint8_t)name[i]) * 16777619u;
    for (uint32_t slot = hash % N_SLOTS;; slot = (slot + 1) % N_SLOTS) {
        if (table->slots[slot] == 0) return slot;
        const char *there = table->entries[table->slots[slot] - 1]->name;
        if (strncmp(there, name, name_bytes) == 0 && there[name_bytes] == '\0') return slot;
    }
}
