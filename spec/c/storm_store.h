/* Where the passes of a storm go: as storage does it, in memory. Each worker has a queue; the storage side takes from all
 * of them what becomes one transaction, and commits it later, or never when the process is killed. What is committed is
 * what a restart remembers.
 *
 *     worker 0 ── queue ─┐
 *     worker 1 ── queue ─┼─ take ──► batch ─ commit ──► tables ──► memory of the next life
 *     ...                ┘               └─ kill: gone, as the queues are
 *
 * Threads: store_submit and store_is_taken on the workers' threads, the rest on the feed's. */
#pragma once
#include "screener/memory.h"
#include "screener/worker.h"
#include "spec/c/storm_market.h"
#include <pthread.h>

typedef struct pass_list {
    pass *first, *last;
    int32_t count;
} pass_list;

typedef struct stored_signal {
    char id[ID_BYTES], trader[TRADER_KEY_BYTES], trader_id[ID_BYTES], revision[REVISION_BYTES], symbol[SYMBOL_BYTES];
    int32_t interval;
    int64_t open_ms;
    double price;
    signal_state state;
    bool is_expected, was_provisional;
} stored_signal;

typedef struct stored_edge {
    char symbol[SYMBOL_BYTES];
    edge_row row;
} stored_edge;

typedef struct stored_owed {
    char symbol[SYMBOL_BYTES];
    int32_t interval;
    owed_row row;
} stored_owed;

typedef struct stored_mark { /* a watermark; or an epoch, by its key */
    char symbol[SYMBOL_BYTES], *key;
    int32_t interval;
    int64_t ms;
} stored_mark;

/* One array that grows. */
typedef struct table {
    void *rows;
    size_t count, capacity, row_bytes;
} table;

typedef struct storm_store {
    pthread_mutex_t lock; /* protects the queues */
    pass_list queues[WORKERS_MAX];
    pass_list batch;
    table signals, edges, owed, watermarks, epochs;
    uint32_t *by_id; /* open addressing: index + 1 of a signal */
    size_t n_buckets;
    uint64_t n_committed, n_lost, n_again;
    const char *complaint; /* the first promise that a pass has broken; NULL: none */
    /* An edge is committed. */
    void (*on_edge)(void *context, const char *symbol, const edge_row *edge);
    void *context;
} storm_store;

/* ---- tables ---- */

static inline void *table_add(table *t) {
    if (t->count == t->capacity) {
        t->capacity = t->capacity ? t->capacity * 2 : 256;
        t->rows = realloc(t->rows, t->capacity * t->row_bytes);
        if (!t->rows) abort();
    }
    return memset((char *)t->rows + t->count++ * t->row_bytes, 0, t->row_bytes);
}

static inline void storm_store_init(storm_store *s) {
    *s = (storm_store){.signals = {.row_bytes = sizeof(stored_signal)},
                       .edges = {.row_bytes = sizeof(stored_edge)},
                       .owed = {.row_bytes = sizeof(stored_owed)},
                       .watermarks = {.row_bytes = sizeof(stored_mark)},
                       .epochs = {.row_bytes = sizeof(stored_mark)}};
    pthread_mutex_init(&s->lock, NULL);
}

static inline void storm_store_deinit(storm_store *s) {
    stored_mark *epochs = s->epochs.rows;
    for (size_t i = 0; i < s->epochs.count; i++) free(epochs[i].key);
    free(s->signals.rows);
    free(s->edges.rows);
    free(s->owed.rows);
    free(s->watermarks.rows);
    free(s->epochs.rows);
    free(s->by_id);
    pthread_mutex_destroy(&s->lock);
}

/* ---- workers' threads ---- */

static inline void list_add(pass_list *list, pass *p) {
    p->next = NULL;
    if (list->last)
        list->last->next = p;
    else
        list->first = p;
    list->last = p;
    list->count++;
}

static inline pass *list_take(pass_list *list) {
    pass *p = list->first;
    list->first = p->next;
    if (!list->first) list->last = NULL;
    list->count--;
    return p;
}

static inline void store_submit(void *context, int32_t index, pass *p) {
    storm_store *s = context;
    pthread_mutex_lock(&s->lock);
    list_add(&s->queues[index], p);
    pthread_mutex_unlock(&s->lock);
}

static inline bool store_is_taken(void *context, int32_t index) {
    storm_store *s = context;
    bool is_empty;
    pthread_mutex_lock(&s->lock);
    is_empty = s->queues[index].count == 0;
    pthread_mutex_unlock(&s->lock);
    return is_empty;
}

/* ---- signals by id ---- */

static inline uint32_t *bucket_of(storm_store *s, const char *id) {
    uint64_t hash = 14695981039346656037u;
    const stored_signal *rows = s->signals.rows;
    for (const char *c = id; *c; c++) hash = (hash ^ (unsigned char)*c) * 1099511628211u;
    for (size_t at = hash % s->n_buckets;; at = (at + 1) % s->n_buckets)
        if (!s->by_id[at] || strcmp(rows[s->by_id[at] - 1].id, id) == 0) return &s->by_id[at];
}

static inline void grow_buckets(storm_store *s) {
    const stored_signal *rows = s->signals.rows;
    if (s->n_buckets > 2 * s->signals.count + 2) return;
    free(s->by_id);
    s->n_buckets = 4 * s->signals.count + 1024;
    s->by_id = calloc(s->n_buckets, sizeof *s->by_id);
    if (!s->by_id) abort();
    for (size_t i = 0; i < s->signals.count; i++) *bucket_of(s, rows[i].id) = (uint32_t)i + 1;
}

static inline stored_signal *store_find(storm_store *s, const char *id) {
    uint32_t index;
    grow_buckets(s);
    index = *bucket_of(s, id);
    return index ? (stored_signal *)s->signals.rows + index - 1 : NULL;
}

static inline void complain(storm_store *s, const char *what) {
    if (!s->complaint) s->complaint = what;
}

static inline void put_signal(storm_store *s, const signal_row *row) {
    stored_signal *known = store_find(s, row->id);
    if (known) {
        s->n_again++;
        if (known->state != row->state && !known->was_provisional) complain(s, "a signal came again in another state");
        return;
    }
    *bucket_of(s, row->id) = (uint32_t)s->signals.count + 1;
    known = table_add(&s->signals);
    memcpy(known->id, row->id, sizeof known->id);
    snprintf(known->trader, sizeof known->trader, "%s", row->trader);
    memcpy(known->trader_id, row->trader_id, sizeof known->trader_id);
    memcpy(known->revision, row->revision, sizeof known->revision);
    snprintf(known->symbol, sizeof known->symbol, "%s", row->symbol);
    known->interval = row->interval;
    known->open_ms = row->open_ms;
    known->price = row->price;
    known->state = row->state;
    known->was_provisional = row->state == SIGNAL_PROVISIONAL;
}

static inline void put_settle(storm_store *s, const pass *p, const settle_row *settle) {
    stored_signal *rows = s->signals.rows;
    for (size_t i = 0; i < s->signals.count; i++)
        if (rows[i].state == SIGNAL_PROVISIONAL && rows[i].open_ms == settle->open_ms &&
            rows[i].interval == p->interval && strcmp(rows[i].symbol, p->symbol) == 0 &&
            strcmp(rows[i].trader_id, settle->trader_id) == 0)
            rows[i].state = settle->state;
}

/* ---- the other rows of a pass ---- */

static inline void put_edge(storm_store *s, const char *symbol, const edge_row *edge) {
    stored_edge *rows = s->edges.rows, *row = NULL;
    for (size_t i = 0; i < s->edges.count && !row; i++)
        if (strcmp(rows[i].row.trader_id, edge->trader_id) == 0 && strcmp(rows[i].symbol, symbol) == 0 &&
            rows[i].row.is_tick == edge->is_tick)
            row = &rows[i];
    if (!row) row = table_add(&s->edges);
    snprintf(row->symbol, sizeof row->symbol, "%s", symbol);
    row->row = *edge;
    s->on_edge(s->context, symbol, edge);
}

/* The list of (symbol, interval) as a whole. */
static inline void put_owed(storm_store *s, const pass *p) {
    stored_owed *rows = s->owed.rows, *row;
    size_t kept = 0;
    for (size_t i = 0; i < s->owed.count; i++)
        if (rows[i].interval != p->interval || strcmp(rows[i].symbol, p->symbol) != 0) rows[kept++] = rows[i];
    s->owed.count = kept;
    for (uint32_t i = 0; i < p->n_owed; i++) {
        row = table_add(&s->owed);
        snprintf(row->symbol, sizeof row->symbol, "%s", p->symbol);
        row->interval = p->interval;
        row->row = p->owed[i];
    }
}

static inline stored_mark *mark_for(table *t, const char *symbol, int32_t interval, const char *key) {
    stored_mark *rows = t->rows, *row;
    for (size_t i = 0; i < t->count; i++)
        if (rows[i].interval == interval && strcmp(rows[i].symbol, symbol) == 0 &&
            (!key || strcmp(rows[i].key, key) == 0))
            return &rows[i];
    row = table_add(t);
    snprintf(row->symbol, sizeof row->symbol, "%s", symbol);
    row->interval = interval;
    row->key = key ? strdup(key) : NULL;
    return row;
}

static inline void put_watermark(storm_store *s, const pass *p) {
    stored_mark *mark = mark_for(&s->watermarks, p->symbol, p->interval, NULL);
    if (p->open_ms < mark->ms) complain(s, "a watermark went back");
    if (p->open_ms > mark->ms) mark->ms = p->open_ms;
    put_owed(s, p);
}

/* Neither ticks nor the copies of references move a watermark. */
static inline void apply(storm_store *s, const pass *p) {
    if (!p->is_tick) put_watermark(s, p);
    for (uint32_t i = 0; i < p->n_edges; i++) put_edge(s, p->symbol, &p->edges[i]);
    for (uint32_t i = 0; i < p->n_epochs; i++)
        mark_for(&s->epochs, p->symbol, 0, p->epochs[i].key)->ms = p->epochs[i].epoch_ms;
    for (uint32_t i = 0; i < p->n_signals; i++) put_signal(s, &p->signals[i]);
    for (uint32_t i = 0; i < p->n_settles; i++) put_settle(s, p, &p->settles[i]);
}

/* ---- take, commit, kill ---- */

/* Some of what the workers have submitted, or all of it, becomes the batch, unless there is one. */
static inline void store_take(storm_store *s, bool all) {
    int first = chance(WORKERS_MAX);
    if (s->batch.count) return;
    pthread_mutex_lock(&s->lock);
    for (int i = 0; i < WORKERS_MAX; i++) {
        pass_list *waiting = &s->queues[(first + i) % WORKERS_MAX];
        int n = all || chance(3) == 0 ? waiting->count : chance(waiting->count + 1);
        while (n-- > 0) list_add(&s->batch, list_take(waiting));
    }
    pthread_mutex_unlock(&s->lock);
}

static inline void store_commit(storm_store *s) {
    while (s->batch.count) {
        pass *p = list_take(&s->batch);
        apply(s, p);
        s->n_committed++;
        pass_release(p);
    }
}

static inline void store_commit_all(storm_store *s) {
    store_commit(s);
    store_take(s, true);
    store_commit(s);
}

/* The process is gone, and with it all that was not committed. */
static inline void store_lose(storm_store *s) {
    for (int i = -1; i < WORKERS_MAX; i++) {
        pass_list *list = i < 0 ? &s->batch : &s->queues[i];
        for (; list->count; s->n_lost++) pass_release(list_take(list));
    }
}

/* What the next life is told. */
static inline memory *store_remember(const storm_store *s) {
    const stored_edge *edges = s->edges.rows;
    const stored_owed *owed = s->owed.rows;
    const stored_mark *marks = s->watermarks.rows, *epochs = s->epochs.rows;
    memory *m;
    err e = memory_new(&m);
    for (size_t i = 0; e == OK && i < s->watermarks.count; i++)
        e = memory_add_watermark(m, marks[i].symbol, marks[i].interval, marks[i].ms);
    for (size_t i = 0; e == OK && i < s->owed.count; i++)
        e = memory_add_owed(m, owed[i].symbol, owed[i].interval, &owed[i].row);
    for (size_t i = 0; e == OK && i < s->edges.count; i++) e = memory_add_edge(m, edges[i].symbol, &edges[i].row);
    for (size_t i = 0; e == OK && i < s->epochs.count; i++)
        e = memory_add_epoch(m, epochs[i].symbol, epochs[i].key, epochs[i].ms);
    demand(e, "memory");
    return m;
}
