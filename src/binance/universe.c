/* Choice of the universe. Names are looked up by bisection, since exchangeInfo has thousands of symbols and every
 * 24 h ticker is matched to one of them. */
#include "binance/universe.h"
#include "base/nearest.h"
#include <stdio.h>
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

/* ---- kinds ---- */

/* In ASCII order. */
static const char *const STABLE[] = {"AEUR",  "AUD",  "BFUSD", "BRL",   "BUSD", "DAI",   "EUR",   "EURI",
                                     "FDUSD", "GBP",  "JPY",   "MXN",   "PAX",  "PYUSD", "RLUSD", "SUSD",
                                     "TRY",   "TUSD", "TUSDB", "U",     "UAH",  "USD1",  "USDC",  "USDD",
                                     "USDE",  "USDP", "USDS",  "USDSB", "USDT", "XUSD",  "ZAR"};
static const struct {
    const char *suffix, *opposite;
} LEVERS[] = {{"UP", "DOWN"}, {"DOWN", "UP"}, {"BULL", "BEAR"}, {"BEAR", "BULL"}};
enum { N_LEVERS = sizeof LEVERS / sizeof *LEVERS, SHORT_BASE = 2 };

static int compare_texts(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

bool universe_is_stable(const char *base) {
    return bsearch(&base, STABLE, sizeof STABLE / sizeof *STABLE, sizeof *STABLE, compare_texts) != NULL;
}

/* The bases that are listed, in order. */
typedef struct bases {
    const char **names;
    size_t n;
} bases;

static err bases_init(bases *b, const symbol_info *symbols, size_t n) {
    *b = (bases){.names = malloc((n + 1) * sizeof *b->names), .n = n};
    if (!b->names) return ERR_NO_MEMORY;
    for (size_t i = 0; i < n; i++) b->names[i] = symbols[i].base;
    if (n > 0) qsort(b->names, n, sizeof *b->names, compare_texts);
    return OK;
}

static bool is_listed(const bases *b, const char *stem, size_t stem_bytes, const char *suffix) {
    char name[2 * ASSET_BYTES];
    const char *key = name;
    snprintf(name, sizeof name, "%.*s%s", (int)stem_bytes, stem, suffix);
    return b->n > 0 && bsearch(&key, b->names, b->n, sizeof key, compare_texts);
}

static bool is_leveraged(const bases *b, const char *base) {
    size_t bytes = strlen(base);
    for (size_t i = 0; i < N_LEVERS; i++) {
        size_t suffix_bytes = strlen(LEVERS[i].suffix), stem_bytes = bytes - suffix_bytes;
        if (bytes <= suffix_bytes || strcmp(base + stem_bytes, LEVERS[i].suffix) != 0) continue;
        if (is_listed(b, base, stem_bytes, "") &&
            (stem_bytes > SHORT_BASE || is_listed(b, base, stem_bytes, LEVERS[i].opposite)))
            return true;
    }
    return false;
}

bool universe_is_leveraged(const symbol_info *symbols, size_t n, const char *base) {
    bases b;
    if (bases_init(&b, symbols, n) != OK) return false;
    bool is = is_leveraged(&b, base);
    free(b.names);
    return is;
}

/* ---- by volume ---- */

static int by_volume(const void *a, const void *b, void *context) {
    const symbol_info *symbols = context, *x = symbols + *(const uint32_t *)a, *y = symbols + *(const uint32_t *)b;
    if (x->quote_volume_24h != y->quote_volume_24h) return x->quote_volume_24h < y->quote_volume_24h ? 1 : -1;
    return strcmp(x->name, y->name);
}

static const double LEAVING_SHARE = 0.8; /* of the least volume */

static bool is_candidate(const symbol_info *info, const universe_policy *policy, const bases *b, bool is_member) {
    double least = policy->min_quote_volume * (is_member ? LEAVING_SHARE : 1);
    return info->is_trading && !info->is_by_name_only && strcmp(info->quote, policy->quote) == 0 &&
           info->quote_volume_24h >= least && (policy->has_stable || !universe_is_stable(info->base)) &&
           (policy->has_leveraged || !is_leveraged(b, info->base));
}

/* `ranked`: all candidates, best first; becomes those who are in. */
static size_t take_best(uint32_t *ranked, size_t n, size_t count, const bool *is_member) {
    size_t slack = (count + 9) / 10, n_in = 0;
    uint8_t *in = calloc(n + 1, 1);
    if (!in || n <= count) { /* without memory the border flaps, no more */
        free(in);
        return n < count ? n : count;
    }
    for (size_t i = 0; i < n; i++) {
        in[i] = i + slack < count || (is_member && is_member[ranked[i]] && i < count + slack);
        n_in += in[i];
    }
    for (size_t i = n; i-- > 0 && n_in > count;) {
        n_in -= in[i];
        in[i] = 0;
    }
    for (size_t i = 0; i < n && n_in < count; i++) {
        n_in += !in[i];
        in[i] = 1;
    }
    n_in = 0;
    for (size_t i = 0; i < n; i++)
        if (in[i]) ranked[n_in++] = ranked[i];
    free(in);
    return n_in;
}

static err choose_by_volume(const symbol_info *symbols, size_t n, const universe_policy *policy, const bool *is_member,
                            uint32_t *chosen, size_t *n_chosen, diag *why) {
    size_t found = 0;
    bases b;
    if (bases_init(&b, symbols, n) != OK) return diag_set(why, ERR_NO_MEMORY, "out of memory");
    for (size_t i = 0; i < n; i++)
        if (is_candidate(&symbols[i], policy, &b, is_member && is_member[i])) chosen[found++] = (uint32_t)i;
    free(b.names);
    if (found == 0)
        return diag_set(why, ERR_NOT_FOUND, "the exchange trades nothing in %s%s (of %zu symbols)", policy->quote,
                        policy->min_quote_volume > 0 ? " with the least volume" : "", n);
    qsort_r(chosen, found, sizeof *chosen, by_volume, (void *)symbols);
    *n_chosen = take_best(chosen, found, policy->count, is_member);
    return OK;
}

err universe_choose(const symbol_info *symbols, size_t n, const universe_policy *policy, const bool *is_member,
                    uint32_t *chosen, size_t *n_chosen, diag *why) {
    *n_chosen = 0;
    err error = policy->n_names > 0 ? choose_by_name(symbols, n, policy, chosen, n_chosen, why)
                                    : choose_by_volume(symbols, n, policy, is_member, chosen, n_chosen, why);
    if (error) *n_chosen = 0;
    return error;
}
