/* Choice of the universe. Names are looked up by bisection, since exchangeInfo has thousands of symbols and every
 * 24 h ticker is matched to one of them. */
#include "binance/universe.h"
#include "base/nearest.h"
#include <stdlib.h>
#include <string.h>

static int by_name(const void *a, const void *b) {
    return strcmp(((const symbol_info *)a)->name, ((const symbol_info *)b)->name);
}

void universe_sort(symbol_info *symbols, size_t n) {
    if (n > 0) qsort(symbols, n, sizeof *symbols, by_name);
}

/* Upper case of a-z only: other letters of a symbol are what they are. ERR_INVALID when too long for any symbol. */
static err fold(const char *name, size_t bytes, char out[SYMBOL_BYTES]) {
    if (bytes >= SYMBOL_BYTES) return ERR_INVALID;
    for (size_t i = 0; i < bytes; i++) out[i] = name[i] >= 'a' && name[i] <= 'z' ? (char)(name[i] - 32) : name[i];
    out[bytes] = 0;
    return OK;
}

static const symbol_info *find(const symbol_info *symbols, size_t n, const char *name, size_t name_bytes) {
    symbol_info key;
    if (n == 0 || fold(name, name_bytes, key.name)) return NULL;
    return bsearch(&key, symbols, n, sizeof *symbols, by_name);
}

symbol_info *universe_find(symbol_info *symbols, size_t n, const char *name, size_t name_bytes) {
    const symbol_info *found = find(symbols, n, name, name_bytes);
    return found ? symbols + (found - symbols) : NULL;
}

static err unknown_name(const symbol_info *symbols, size_t n, const char *name, diag *why) {
    const char **names = malloc((n + 1) * sizeof *names);
    const char *nearest = NULL;
    if (names) {
        for (size_t i = 0; i < n; i++) names[i] = symbols[i].name;
        names[n] = NULL;
        nearest = nearest_name(name, names);
    }
    err error = nearest
                    ? diag_set(why, ERR_NOT_FOUND, "the exchange has no symbol \"%s\"; did you mean %s?", name, nearest)
                    : diag_set(why, ERR_NOT_FOUND, "the exchange has no symbol \"%s\"", name);
    free(names);
    return error;
}

static err choose_by_name(const symbol_info *symbols, size_t n, const universe_policy *policy, uint32_t *chosen,
                          size_t *n_chosen, diag *why) {
    for (size_t i = 0; i < policy->n_names; i++) {
        const symbol_info *found = find(symbols, n, policy->names[i], strlen(policy->names[i]));
        if (!found) return unknown_name(symbols, n, policy->names[i], why);
        uint32_t index = (uint32_t)(found - symbols);
        size_t at = 0;
        while (at < *n_chosen && chosen[at] != index) at++;
        if (at == *n_chosen) chosen[(*n_chosen)++] = index;
    }
    return OK;
}

static int by_volume(const void *a, const void *b, void *context) {
    const symbol_info *symbols = context, *x = symbols + *(const uint32_t *)a, *y = symbols + *(const uint32_t *)b;
    if (x->quote_volume_24h != y->quote_volume_24h) return x->quote_volume_24h < y->quote_volume_24h ? 1 : -1;
    return strcmp(x->name, y->name);
}

static err choose_by_volume(const symbol_info *symbols, size_t n, const universe_policy *policy, uint32_t *chosen,
                            size_t *n_chosen, diag *why) {
    size_t found = 0;
    for (size_t i = 0; i < n; i++)
        if (symbols[i].is_trading && !symbols[i].is_by_name_only && strcmp(symbols[i].quote, policy->quote) == 0)
            chosen[found++] = (uint32_t)i;
    if (found == 0)
        return diag_set(why, ERR_NOT_FOUND, "the exchange trades nothing in %s (of %zu symbols)", policy->quote, n);
    qsort_r(chosen, found, sizeof *chosen, by_volume, (void *)symbols);
    *n_chosen = found < policy->count ? found : policy->count;
    return OK;
}

err universe_choose(const symbol_info *symbols, size_t n, const universe_policy *policy, uint32_t *chosen,
                    size_t *n_chosen, diag *why) {
    *n_chosen = 0;
    err error = policy->n_names > 0 ? choose_by_name(symbols, n, policy, chosen, n_chosen, why)
                                    : choose_by_volume(symbols, n, policy, chosen, n_chosen, why);
    if (error) *n_chosen = 0;
    return error;
}
