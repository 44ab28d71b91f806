/* The registry: see registry.h.
 *
 *   buckets [ 0 | 3 | 0 | 1 | ... ]   open addressing; 0 free, else id + 1; claimed by compare-and-swap
 *   entries [ spec spec spec ... ]    by id; written before its bucket is published
 *   symbols                           names of symbols, in the same way
 *
 * Two threads that name the same thing at once may both take an entry; the one that loses the bucket leaves its entry
 * unused. That costs an id now and then and keeps readers free of locks. */
#include "indicator/registry.h"
#include "indicator/kernel.h"
#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { N_BUCKETS = REGISTRY_MAX * 2, N_SYMBOL_BUCKETS = REGISTRY_SYMBOLS_MAX * 2, NESTING_MAX = 256 };

/* What follows from a spec is kept with it: an expression may name the same part over and over, and a walk through all
 * of it would never end. */
typedef struct entry {
    indicator_spec spec;
    int32_t depth, text_bytes; /* text_bytes: at the most */
    bool needs_own;
} entry;

struct registry {
    _Atomic int32_t n_entries;
    _Atomic int32_t bucket[N_BUCKETS];
    entry entry[REGISTRY_MAX];
    _Atomic int32_t n_symbols;
    _Atomic int32_t symbol_bucket[N_SYMBOL_BUCKETS];
    char symbol[REGISTRY_SYMBOLS_MAX][REGISTRY_SYMBOL_BYTES];
};

err registry_new(registry **out) {
    *out = calloc(1, sizeof **out);
    return *out ? OK : ERR_NO_MEMORY;
}

void registry_free(registry *r) { free(r); }

static uint64_t hash_of(const indicator_spec *spec) {
    uint64_t h = 14695981039346656037u;
    const uint64_t words[] = {(uint64_t)(uint32_t)spec->kind << 32 | (uint32_t)spec->interval,
                              (uint64_t)(uint32_t)spec->source[0] << 32 | (uint32_t)spec->source[1],
                              (uint32_t)spec->source[2]};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) h = (h ^ words[i]) * 1099511628211u, h ^= h >> 29;
    for (int p = 0; p < INDICATOR_PARAMS; p++) {
        uint64_t bits;
        memcpy(&bits, &spec->param[p], sizeof bits);
        h = (h ^ bits) * 1099511628211u;
        h ^= h >> 29;
    }
    return h;
}

static bool is_same(const indicator_spec *a, const indicator_spec *b) {
    if (a->kind != b->kind || a->interval != b->interval) return false;
    for (int p = 0; p < INDICATOR_PARAMS; p++)
        if (a->param[p] != b->param[p]) return false; /* never NaN: kernel_check */
    return memcmp(a->source, b->source, sizeof a->source) == 0;
}

enum { NUMBER_BYTES = 26, INTERVAL_BYTES = 4 };

static entry make_entry(const registry *r, const indicator_spec *spec) {
    const kernel *k = kernel_get(spec->kind);
    entry e = {.spec = *spec, .needs_own = spec->kind == INDICATOR_OWN};
    int32_t deepest = 1;
    e.text_bytes = 2 * INTERVAL_BYTES + (int32_t)strlen(k->name) + 4 + k->n_params * NUMBER_BYTES;
    if (spec->kind == INDICATOR_ALIGN) e.text_bytes += REGISTRY_SYMBOL_BYTES;
    for (int32_t s = 0; s < k->n_sources; s++) {
        const entry *source = series_is_output(spec->source[s]) ? &r->entry[series_indicator(spec->source[s])] : NULL;
        e.text_bytes += source ? source->text_bytes + 1 : NUMBER_BYTES;
        if (source && source->depth > deepest) deepest = source->depth;
        e.needs_own = e.needs_own || (source && source->needs_own);
    }
    /* Of an aligned series: its source is waited for where it is at home. */
    e.depth = spec->kind == INDICATOR_ALIGN ? 1 : k->depth(spec->param, spec->interval) + deepest - 1;
    return e;
}

int32_t registry_claim(registry *r, const indicator_spec *spec) {
    entry new = make_entry(r, spec);
    int32_t mine = -1;
    uint64_t start = hash_of(spec);
    if (new.text_bytes > INDICATOR_KEY_BYTES) return -2;
    for (uint64_t probe = 0; probe < N_BUCKETS; probe++) {
        _Atomic int32_t *bucket = &r->bucket[(start + probe) % N_BUCKETS];
        int32_t there = atomic_load_explicit(bucket, memory_order_acquire);
        if (there == 0) {
            if (mine < 0) {
                mine = atomic_fetch_add(&r->n_entries, 1);
                if (mine >= REGISTRY_MAX) {
                    atomic_fetch_sub(&r->n_entries, 1);
                    return -1;
                }
                r->entry[mine] = new;
            }
            if (atomic_compare_exchange_strong(bucket, &there, mine + 1)) return mine;
        }
        if (is_same(&r->entry[there - 1].spec, spec)) return there - 1;
    }
    return -1;
}

const indicator_spec *registry_get(const registry *r, int32_t id) {
    return id >= 0 && id < registry_count(r) ? &r->entry[id].spec : NULL;
}

int32_t registry_count(const registry *r) {
    int32_t n = atomic_load((_Atomic int32_t *)&r->n_entries);
    return n < REGISTRY_MAX ? n : REGISTRY_MAX;
}

static const char *const field_names[N_FIELDS] = {"open",         "high",   "low",        "close",      "volume",
                                                  "quote_volume", "trades", "taker_base", "taker_quote"};

int32_t registry_symbol(registry *r, const char *name, size_t bytes) {
    uint64_t start = 14695981039346656037u;
    int32_t mine = -1;
    if (bytes == 0 || bytes >= REGISTRY_SYMBOL_BYTES) return -1;
    for (size_t i = 0; i < bytes; i++) start = (start ^ (unsigned char)name[i]) * 1099511628211u;
    for (uint64_t probe = 0; probe < N_SYMBOL_BUCKETS; probe++) {
        _Atomic int32_t *bucket = &r->symbol_bucket[(start + probe) % N_SYMBOL_BUCKETS];
        int32_t there = atomic_load_explicit(bucket, memory_order_acquire);
        if (there == 0) {
            if (mine < 0) {
                mine = atomic_fetch_add(&r->n_symbols, 1);
                if (mine >= REGISTRY_SYMBOLS_MAX) {
                    atomic_fetch_sub(&r->n_symbols, 1);
                    return -1;
                }
                memcpy(r->symbol[mine], name, bytes); /* the rest is zero */
            }
            if (atomic_compare_exchange_strong(bucket, &there, mine + 1)) return mine + 1;
        }
        if (strlen(r->symbol[there - 1]) == bytes && memcmp(r->symbol[there - 1], name, bytes) == 0) return there;
    }
    return -1;
}

/* ---- canonical text ---- */

typedef struct writer {
    char *at, *end;
} writer;

__attribute__((format(printf, 2, 3))) static void put(writer *w, const char *format, ...) {
    va_list args;
    int n;
    va_start(args, format);
    n = vsnprintf(w->at, (size_t)(w->end - w->at), format, args);
    va_end(args);
    w->at = n < w->end - w->at ? w->at + n : w->end - 1;
}

static void put_series(const registry *r, writer *w, series_ref ref) {
    if (!series_is_output(ref)) {
        put(w, "%s", field_names[ref]);
        return;
    }
    const indicator_spec *spec = registry_get(r, series_indicator(ref));
    const kernel *k = kernel_get(spec->kind);
    put(w, "%s", k->name);
    if (k->n_outputs > 1) put(w, ".%d", series_output(ref));
    put(w, "(");
    if (spec->kind == INDICATOR_ALIGN) { /* the source is at home elsewhere: align(1h:close), align(BTCUSDT/1h:close) */
        if (spec->param[1] > 0) put(w, "%s/", r->symbol[(int32_t)spec->param[1] - 1]);
        put(w, "%s:", interval_name((int32_t)spec->param[0]));
        put_series(r, w, spec->source[0]);
        put(w, ")");
        return;
    }
    for (int32_t s = 0; s < k->n_sources; s++) {
        if (s) put(w, ",");
        put_series(r, w, spec->source[s]);
    }
    for (int32_t p = 0; p < k->n_params; p++) put(w, "%s%.17g", p || k->n_sources ? "," : "", spec->param[p]);
    put(w, ")");
}

void registry_key(const registry *r, int32_t id, char out[INDICATOR_KEY_BYTES]) {
    writer w = {out, out + INDICATOR_KEY_BYTES};
    put(&w, "%s ", interval_name(registry_get(r, id)->interval));
    put_series(r, &w, series_of_output(id, 0));
}

/* text = name ["." output] ["(" argument {"," argument} ")"]; an argument is a text or a number. */
static err parse_series(registry *r, int32_t interval, const char **at, int depth, series_ref *out);

/* "1h:close" or "BTCUSDT/1h:close" */
static err parse_slow(registry *r, const char **at, int depth, indicator_spec *spec) {
    size_t bytes = strcspn(*at, "/:");
    int32_t interval;
    if ((*at)[bytes] == '/') {
        spec->param[1] = registry_symbol(r, *at, bytes);
        if (spec->param[1] < 0) return ERR_INVALID;
        *at += bytes + 1;
        bytes = strcspn(*at, ":");
    }
    interval = interval_parse(*at, bytes);
    if (interval < 0 || (*at)[bytes] != ':') return ERR_SYNTAX;
    *at += bytes + 1;
    spec->param[0] = interval;
    return parse_series(r, interval, at, depth + 1, &spec->source[0]);
}

static err parse_arguments(registry *r, int32_t interval, const char **at, int depth, const kernel *k,
                           indicator_spec *spec) {
    if (spec->kind == INDICATOR_ALIGN) return parse_slow(r, at, depth, spec);
    for (int32_t i = 0; i < k->n_sources + k->n_params; i++) {
        err e = OK;
        if (i && *(*at)++ != ',') return ERR_SYNTAX;
        if (i < k->n_sources)
            e = parse_series(r, interval, at, depth + 1, &spec->source[i]);
        else
            spec->param[i - k->n_sources] = strtod(*at, (char **)at);
        if (e != OK) return e;
    }
    return OK;
}

static err parse_series(registry *r, int32_t interval, const char **at, int depth, series_ref *out) {
    indicator_spec spec = {.interval = interval, .source = {SERIES_NONE, SERIES_NONE, SERIES_NONE}};
    size_t bytes = strcspn(*at, ".(,)");
    int32_t output = 0, id;
    const kernel *k;
    err e;
    if (depth > NESTING_MAX) return ERR_TOO_BIG;
    for (int32_t f = 0; f < N_FIELDS; f++)
        if (strlen(field_names[f]) == bytes && memcmp(field_names[f], *at, bytes) == 0) {
            *at += bytes;
            *out = f;
            return OK;
        }
    spec.kind = kernel_find(*at, bytes);
    k = kernel_get(spec.kind);
    if (!k) return ERR_INVALID;
    *at += bytes;
    if (**at == '.') {
        output = (int32_t)strtol(*at + 1, (char **)at, 10);
        if (output < 0 || output >= k->n_outputs) return ERR_INVALID;
    }
    if (*(*at)++ != '(') return ERR_SYNTAX;
    e = parse_arguments(r, interval, at, depth, k, &spec);
    if (e != OK) return e;
    if (*(*at)++ != ')') return ERR_SYNTAX;
    if (kernel_check(spec.kind, spec.param, NULL) != OK) return ERR_INVALID;
    id = registry_claim(r, &spec);
    if (id < 0) return ERR_FULL;
    *out = series_of_output(id, output);
    return OK;
}

err registry_parse(registry *r, const char *key, int32_t *id) {
    const char *space = strchr(key, ' ');
    const char *at = space ? space + 1 : key;
    int32_t interval = space ? interval_parse(key, (size_t)(space - key)) : -1;
    series_ref ref;
    err e;
    if (interval < 0) return ERR_INVALID;
    e = parse_series(r, interval, &at, 0, &ref);
    if (e != OK) return e;
    if (*at || !series_is_output(ref)) return ERR_INVALID;
    *id = series_indicator(ref);
    return OK;
}

int32_t registry_depth(const registry *r, int32_t id) { return r->entry[id].depth; }

bool registry_needs_own(const registry *r, int32_t id) { return r->entry[id].needs_own; }
