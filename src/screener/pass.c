/* A pass that comes back from the I/O thread is used again as it is: its arrays keep their room and its texts are written
 * over, so that in the steady state a worker makes its passes without the allocator.
 *
 *   kept: [ pass | room of each array | blocks ] ──► block ──► block ──► ...
 *                                                    full      texts go here
 *
 * Texts lie in blocks, not in one array that grows, since rows point to them. */
#include "screener/pass.h"
#include "screener/pass_pool.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The first block takes the candles of a signal (4,800 bytes) with the texts of several: a second one is rare, and what is rare
 * would be allocated long after the start. */
enum { FIRST_ROWS = 4, FIRST_BLOCK_BYTES = 8192, ALIGNMENT = _Alignof(double) };

typedef struct block {
    struct block *next;
    size_t capacity, used;
    _Alignas(ALIGNMENT) char bytes[];
} block;

typedef struct kept {
    pass pass; /* first: what everybody else sees */
    uint32_t room_signals, room_edges, room_owed, room_epochs, room_settles, room_revises, room_updates, room_candles,
        room_prompts;
    block *blocks, *filling; /* the first one; the one that takes texts now */
    size_t bytes;            /* allocated in all */
} kept;

static kept *kept_of(pass *p) { return (kept *)p; }

pass *pass_new(void) {
    kept *k = calloc(1, sizeof *k);
    if (!k) return NULL;
    k->bytes = sizeof *k;
    return &k->pass;
}

void pass_release(pass *p) {
    if (p && p->pool)
        pass_pool_put(p->pool, p);
    else
        pass_free(p);
}

void pass_free(pass *p) {
    pass_pool *pool;
    if (!p) return;
    pool = p->pool;
    for (block *b = kept_of(p)->blocks, *next; b; b = next) {
        next = b->next;
        free(b);
    }
    free(p->signals);
    free(p->edges);
    free(p->owed);
    free(p->epochs);
    free(p->settles);
    free(p->revises);
    free(p->updates);
    free(p->candles);
    free(p->prompts);
    free(p);
    if (pool) pass_pool_forget(pool);
}

void pass_reset(pass *p) {
    kept *k = kept_of(p);
    k->pass = (pass){.pool = p->pool,
                     .signals = p->signals,
                     .edges = p->edges,
                     .owed = p->owed,
                     .epochs = p->epochs,
                     .settles = p->settles,
                     .revises = p->revises,
                     .updates = p->updates,
                     .candles = p->candles,
                     .prompts = p->prompts};
    for (block *b = k->blocks; b; b = b->next) b->used = 0;
    k->filling = k->blocks;
}

size_t pass_bytes(const pass *p) { return ((const kept *)p)->bytes; }

/* ---- rows and texts ---- */

/* The rows, with room for one more behind `n`; NULL without memory (then they are as they were). */
static void *grown(kept *k, void *rows, uint32_t n, uint32_t *room, size_t row_bytes) {
    uint32_t wanted = *room ? *room * 2 : FIRST_ROWS;
    void *larger;
    if (n < *room) return rows;
    larger = realloc(rows, wanted * row_bytes);
    if (!larger) return NULL;
    k->bytes += (wanted - *room) * row_bytes;
    *room = wanted;
    return larger;
}

#define GROWN(p, rows) grown(kept_of(p), (p)->rows, (p)->n_##rows, &kept_of(p)->room_##rows, sizeof *(p)->rows)

static block *add_block(kept *k, size_t least) {
    size_t capacity = k->filling ? k->filling->capacity * 2 : FIRST_BLOCK_BYTES;
    block *b;
    if (capacity < least) capacity = least;
    b = malloc(sizeof *b + capacity);
    if (!b) return NULL;
    *b = (block){.capacity = capacity};
    k->bytes += sizeof *b + capacity;
    if (k->filling) {
        b->next = k->filling->next;
        k->filling->next = b;
    } else {
        k->blocks = b;
    }
    return b;
}

/* The next block that has `bytes` free. What is left of those before it stays unused until the reset. */
static block *block_for(kept *k, size_t bytes) {
    for (block *b = k->filling; b; b = b->next) {
        if (b->capacity - b->used >= bytes) return b;
        k->filling = b;
    }
    return add_block(k, bytes);
}

/* A copy that lies as numbers must; NULL without memory. */
static void *keep_bytes(pass *p, const void *bytes, size_t count) {
    kept *k = kept_of(p);
    size_t padded = (count + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    block *b = block_for(k, padded);
    if (!b) return NULL;
    k->filling = b;
    void *copy = memcpy(b->bytes + b->used, bytes, count);
    b->used += padded;
    return copy;
}

/* Makes `*text` a copy of its own; NULL stays NULL. */
static err keep_text(pass *p, char **text) {
    if (!*text) return OK;
    *text = keep_bytes(p, *text, strlen(*text) + 1);
    return *text ? OK : ERR_NO_MEMORY;
}

err pass_add_signal(pass *p, const signal_row *row) {
    signal_row *rows = GROWN(p, signals), *s;
    err e;
    if (!rows) return ERR_NO_MEMORY;
    p->signals = rows;
    s = &rows[p->n_signals];
    *s = *row;
    e = keep_text(p, &s->conditions);
    if (e == OK) e = keep_text(p, &s->tags);
    if (e == OK) e = keep_text(p, &s->values);
    if (e == OK) e = keep_text(p, &s->plots);
    if (e == OK) e = keep_text(p, &s->prompt);
    if (e == OK) p->n_signals++;
    return e;
}

err pass_add_edge(pass *p, const edge_row *row) {
    edge_row *rows = GROWN(p, edges);
    if (!rows) return ERR_NO_MEMORY;
    p->edges = rows;
    rows[p->n_edges++] = *row;
    return OK;
}

err pass_add_owed(pass *p, const char *trader_id, int64_t cursor_ms) {
    owed_row row = {.cursor_ms = cursor_ms}, *rows = GROWN(p, owed);
    if (!rows) return ERR_NO_MEMORY;
    p->owed = rows;
    snprintf(row.trader_id, sizeof row.trader_id, "%s", trader_id);
    rows[p->n_owed++] = row;
    return OK;
}

err pass_add_epoch(pass *p, const char *key, int64_t epoch_ms) {
    epoch_row row = {(char *)key, epoch_ms}, *rows = GROWN(p, epochs); /* the key is borrowed until it is copied */
    if (!rows) return ERR_NO_MEMORY;
    p->epochs = rows;
    if (keep_text(p, &row.key) != OK) return ERR_NO_MEMORY;
    rows[p->n_epochs++] = row;
    return OK;
}

err pass_add_settle(pass *p, const char *trader_id, int64_t open_ms, signal_state state) {
    settle_row row = {.open_ms = open_ms, .state = state}, *rows = GROWN(p, settles);
    if (!rows) return ERR_NO_MEMORY;
    p->settles = rows;
    snprintf(row.trader_id, sizeof row.trader_id, "%s", trader_id);
    rows[p->n_settles++] = row;
    return OK;
}

err pass_add_revise(pass *p, const char *trader_id, int32_t interval, int64_t from_ms, int64_t to_ms) {
    revise_row row = {.interval = interval, .from_ms = from_ms, .to_ms = to_ms}, *rows = GROWN(p, revises);
    if (!rows) return ERR_NO_MEMORY;
    p->revises = rows;
    snprintf(row.trader_id, sizeof row.trader_id, "%s", trader_id);
    rows[p->n_revises++] = row;
    return OK;
}

err pass_add_prompt(pass *p, const prompt_row *row) {
    prompt_row *rows = GROWN(p, prompts), *r;
    err e;
    if (!rows) return ERR_NO_MEMORY;
    p->prompts = rows;
    r = &rows[p->n_prompts];
    *r = *row;
    e = keep_text(p, &r->prompt);
    if (e == OK) e = keep_text(p, &r->error);
    if (e == OK) p->n_prompts++;
    return e;
}

err pass_add_update(pass *p, const update_row *row) {
    update_row *rows = GROWN(p, updates);
    if (!rows) return ERR_NO_MEMORY;
    p->updates = rows;
    rows[p->n_updates++] = *row;
    return OK;
}

err pass_add_candles(pass *p, const candle *bars, uint32_t n_bars) {
    candles_row row = {.open_ms = bars[n_bars - 1].open_ms, .n_bars = n_bars}, *rows;
    if (p->n_candles && p->candles[p->n_candles - 1].open_ms == row.open_ms) return OK;
    rows = GROWN(p, candles);
    if (!rows) return ERR_NO_MEMORY;
    p->candles = rows;
    row.bars = keep_bytes(p, bars, n_bars * sizeof *bars);
    if (!row.bars) return ERR_NO_MEMORY;
    rows[p->n_candles++] = row;
    return OK;
}
