/* See references.h. */
#include "screener/references.h"
#include "base/log.h"
#include <stdio.h>
#include <string.h>

const reference *references_find(const references *r, const char *name) {
    for (int32_t i = 0; i < r->count; i++)
        if (strcmp(r->items[i].info->name, name) == 0) return &r->items[i];
    return NULL;
}

const reference *references_of(const references *r, uint32_t symbol) {
    return r->at[symbol] ? &r->items[r->at[symbol] - 1] : NULL;
}

bool references_is_copy(const references *r, uint32_t id) { return r->copy_at[id] != 0; }

err references_add(references *r, const reference *what) {
    if (r->count == REFERENCE_SYMBOLS_MAX) return ERR_FULL;
    r->items[r->count++] = *what;
    r->at[what->symbol] = r->copy_at[what->copy] = (uint8_t)r->count;
    return OK;
}

void references_attach(const references *r, const trader_set *set) {
    for (int32_t i = 0; i < set->count; i++) {
        trader *who = set->traders[i];
        for (int32_t k = 0; who && k < who->spec->n_references; k++) {
            const reference *known = references_find(r, who->spec->references[k]);
            if (known) atomic_store(&who->reference_ids[k], known->copy);
        }
    }
}

void references_refuse(trader *who, const char *name, err why) {
    char text[TRADER_ERROR_MESSAGE_BYTES];
    snprintf(text, sizeof text, "%s: reference \"%s\": %s", who->source->chunk, name,
             why == ERR_NOT_FOUND ? "there is no such symbol" : error_text(why));
    trader_refuse(who, text);
    log_error("screener", "%s", text);
}
