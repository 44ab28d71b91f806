/* One chained hash table for everything. The key is (kind, symbol, interval, text); the text is a trader's id or an
 * indicator's canonical text; an edge has its kind (close or tick) in the place of the interval. Epochs must also come back in the order in which they were added, so each symbol with
 * epochs has an entry of its own (KIND_SYMBOL) that heads a list through its epochs:
 *
 *     table[h] -> entry -> entry           KIND_SYMBOL "BTCUSDT" --first--> epoch --next_epoch--> epoch --last
 */
#include "screener/memory.h"
#include <stdlib.h>
#include <string.h>

enum { FIRST_BUCKETS = 256 }; /* a power of two */

typedef enum kind { KIND_WATERMARK, KIND_OWED, KIND_EDGE, KIND_EPOCH, KIND_SYMBOL } kind;

typedef struct key {
    kind kind;
    int32_t interval;
    const char *symbol, *text;
} key;

typedef struct entry entry;
struct entry {
    entry *next; /* in the bucket */
    uint64_t hash;
    key key; /* its texts point behind the entry */
    union {
        int64_t open_ms;
        owed_row owed;
        edge_row edge;
        struct {
            int64_t epoch_ms;
            entry *next_epoch;
        };
        struct {
            entry *first, *last;
        };
    };
};

struct memory {
    entry **buckets;
    size_t n_buckets, n_entries;
};

static err find_or_add(memory *m, key wanted, entry **out, bool *is_new);
static entry *find(const memory *m, key wanted);

err memory_new(memory **out) {
    memory *m = calloc(1, sizeof *m);
    entry **buckets = calloc(FIRST_BUCKETS, sizeof(entry *));
    if (!m || !buckets) {
        free(buckets);
        free(m);
        return ERR_NO_MEMORY;
    }
    m->buckets = buckets;
    m->n_buckets = FIRST_BUCKETS;
    *out = m;
    return OK;
}

void memory_free(memory *m) {
    if (!m) return;
    for (size_t i = 0; i < m->n_buckets; i++)
        for (entry *e = m->buckets[i], *next; e; e = next) {
            next = e->next;
            free(e);
        }
    free(m->buckets);
    free(m);
}

err memory_add_watermark(memory *m, const char *symbol, int32_t interval, int64_t open_ms) {
    entry *e = NULL;
    err failed = find_or_add(m, (key){KIND_WATERMARK, interval, symbol, ""}, &e, NULL);
    if (!failed) e->open_ms = open_ms;
    return failed;
}

err memory_add_owed(memory *m, const char *symbol, int32_t interval, const owed_row *owed) {
    entry *e = NULL;
    err failed = find_or_add(m, (key){KIND_OWED, interval, symbol, owed->trader_id}, &e, NULL);
    if (!failed) e->owed = *owed;
    return failed;
}

err memory_add_edge(memory *m, const char *symbol, const edge_row *edge) {
    entry *e = NULL;
    err failed = find_or_add(m, (key){KIND_EDGE, edge->is_tick, symbol, edge->trader_id}, &e, NULL);
    if (!failed) e->edge = *edge;
    return failed;
}

err memory_add_epoch(memory *m, const char *symbol, const char *text, int64_t epoch_ms) {
    entry *head = NULL, *e = NULL;
    bool is_new = false;
    err failed = find_or_add(m, (key){KIND_SYMBOL, 0, symbol, ""}, &head, NULL);
    if (!failed) failed = find_or_add(m, (key){KIND_EPOCH, 0, symbol, text}, &e, &is_new);
    if (failed) return failed;
    e->epoch_ms = epoch_ms;
    if (!is_new) return OK;
    if (head->last)
        head->last->next_epoch = e;
    else
        head->first = e;
    head->last = e;
    return OK;
}

int64_t memory_watermark(const memory *m, const char *symbol, int32_t interval) {
    const entry *e = find(m, (key){KIND_WATERMARK, interval, symbol, ""});
    return e ? e->open_ms : 0;
}

const owed_row *memory_owed(const memory *m, const char *symbol, int32_t interval, const char *trader_id) {
    const entry *e = find(m, (key){KIND_OWED, interval, symbol, trader_id});
    return e ? &e->owed : NULL;
}

const edge_row *memory_edge(const memory *m, const char *symbol, const char *trader_id, const char *revision,
                            bool is_tick) {
    const entry *e = find(m, (key){KIND_EDGE, is_tick, symbol, trader_id});
    return e && strcmp(e->edge.revision, revision) == 0 ? &e->edge : NULL;
}

int64_t memory_epoch(const memory *m, const char *symbol, const char *text) {
    const entry *e = find(m, (key){KIND_EPOCH, 0, symbol, text});
    return e ? e->epoch_ms : 0;
}

void memory_each_edge(const memory *m, void (*each)(void *context, const char *symbol, const edge_row *edge),
                      void *context) {
    for (size_t i = 0; i < m->n_buckets; i++)
        for (const entry *e = m->buckets[i]; e; e = e->next)
            if (e->key.kind == KIND_EDGE && !e->edge.is_tick) each(context, e->key.symbol, &e->edge);
}

void memory_each_epoch(const memory *m, const char *symbol,
                       void (*each)(void *context, const char *key, int64_t epoch_ms), void *context) {
    const entry *head = find(m, (key){KIND_SYMBOL, 0, symbol, ""});
    for (const entry *e = head ? head->first : NULL; e; e = e->next_epoch) each(context, e->key.text, e->epoch_ms);
}

/* FNV-1a, the terminating zeros included so that ("ab", "c") and ("a", "bc") differ. */
static uint64_t hash_text(uint64_t hash, const char *text) {
    do hash = (hash ^ (unsigned char)*text) * 1099511628211u;
    while (*text++);
    return hash;
}

static uint64_t hash_key(key k) {
    uint64_t hash = 14695981039346656037u ^ (uint64_t)k.kind ^ (uint64_t)(uint32_t)k.interval << 8;
    return hash_text(hash_text(hash, k.symbol), k.text);
}

static bool is_same(key a, key b) {
    return a.kind == b.kind && a.interval == b.interval && strcmp(a.symbol, b.symbol) == 0 &&
           strcmp(a.text, b.text) == 0;
}

static entry *find_hashed(const memory *m, key wanted, uint64_t hash) {
    entry *e = m->buckets[hash & (m->n_buckets - 1)];
    while (e && !(e->hash == hash && is_same(e->key, wanted))) e = e->next;
    return e;
}

static entry *find(const memory *m, key wanted) { return find_hashed(m, wanted, hash_key(wanted)); }

static void link_entry(entry **buckets, size_t n_buckets, entry *e) {
    entry **bucket = &buckets[e->hash & (n_buckets - 1)];
    e->next = *bucket;
    *bucket = e;
}

static err grow(memory *m) {
    size_t n_buckets = m->n_buckets * 2;
    entry **buckets = calloc(n_buckets, sizeof(entry *));
    if (!buckets) return ERR_NO_MEMORY;
    for (size_t i = 0; i < m->n_buckets; i++)
        for (entry *e = m->buckets[i], *next; e; e = next) {
            next = e->next;
            link_entry(buckets, n_buckets, e);
        }
    free(m->buckets);
    m->buckets = buckets;
    m->n_buckets = n_buckets;
    return OK;
}

/* The entry and copies of its two texts in one block. */
static entry *new_entry(key k, uint64_t hash) {
    size_t symbol_bytes = strlen(k.symbol) + 1, text_bytes = strlen(k.text) + 1;
    entry *e = calloc(1, sizeof *e + symbol_bytes + text_bytes);
    if (!e) return NULL;
    char *texts = (char *)(e + 1);
    memcpy(texts, k.symbol, symbol_bytes);
    memcpy(texts + symbol_bytes, k.text, text_bytes);
    e->hash = hash;
    e->key = (key){k.kind, k.interval, texts, texts + symbol_bytes};
    return e;
}

static err find_or_add(memory *m, key wanted, entry **out, bool *is_new) {
    uint64_t hash = hash_key(wanted);
    entry *e = find_hashed(m, wanted, hash);
    if (is_new) *is_new = !e;
    if (!e) {
        if (m->n_entries == m->n_buckets && grow(m) != OK) return ERR_NO_MEMORY;
        e = new_entry(wanted, hash);
        if (!e) return ERR_NO_MEMORY;
        link_entry(m->buckets, m->n_buckets, e);
        m->n_entries++;
    }
    *out = e;
    return OK;
}
