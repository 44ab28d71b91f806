/* A sorted array of entries; one that is neither wanted nor carried is removed at the next chance.
 *
 *   wanted, ABSENT  --SUBSCRIBE-->   JOINING --answer--> CARRIED
 *   unwanted, CARRIED --UNSUBSCRIBE--> LEAVING --answer--> ABSENT (removed) */
#include "binance/topics.h"
#include "market/interval.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum entry_state { ABSENT, JOINING, CARRIED, LEAVING };

typedef struct entry {
    topic topic;
    uint8_t state;
    bool is_wanted;
} entry;

struct topics {
    const symbol_table *symbols;
    entry *entries;
    size_t n;
    uint32_t *wanted; /* by symbol, a bit per kind: every message asks */
    size_t n_wanted;
};

_Static_assert(N_TOPIC_KINDS <= 32, "a bit per kind");

err topics_new(const symbol_table *symbols, topics **out) {
    topics *t = calloc(1, sizeof *t);
    if (!t) return ERR_NO_MEMORY;
    t->symbols = symbols;
    *out = t;
    return OK;
}

void topics_free(topics *t) {
    if (!t) return;
    free(t->entries);
    free(t->wanted);
    free(t);
}

static int compare_topics(topic a, topic b) {
    if (a.symbol != b.symbol) return a.symbol < b.symbol ? -1 : 1;
    return (a.what > b.what) - (a.what < b.what);
}

static int compare_entries(const void *a, const void *b) {
    return compare_topics(((const entry *)a)->topic, ((const entry *)b)->topic);
}

static bool is_settled(const entry *e) { return !e->is_wanted && e->state == ABSENT; }

static void remove_settled(topics *t) {
    size_t kept = 0;
    for (size_t i = 0; i < t->n; i++)
        if (!is_settled(&t->entries[i])) t->entries[kept++] = t->entries[i];
    t->n = kept;
}

static err check(const topics *t, const topic *wanted, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (wanted[i].symbol >= symbol_table_count(t->symbols) || wanted[i].what >= N_TOPIC_KINDS) return ERR_INVALID;
    return OK;
}

/* The old entries, unwanted unless named again, and the new ones; sorted, each topic once. */
static size_t merge(const topics *t, const topic *wanted, size_t n, entry *out) {
    size_t n_out = 0;
    for (size_t i = 0; i < t->n; i++) {
        out[i] = t->entries[i];
        out[i].is_wanted = false;
    }
    for (size_t i = 0; i < n; i++) out[t->n + i] = (entry){.topic = wanted[i], .state = ABSENT, .is_wanted = true};
    qsort(out, t->n + n, sizeof *out, compare_entries);
    for (size_t i = 0; i < t->n + n; i++) {
        if (n_out == 0 || compare_entries(&out[n_out - 1], &out[i]) != 0) {
            out[n_out++] = out[i];
            continue;
        }
        /* Of equal entries at most one is old and so has a state. */
        out[n_out - 1].is_wanted |= out[i].is_wanted;
        if (out[i].state != ABSENT) out[n_out - 1].state = out[i].state;
    }
    return n_out;
}

/* The entries are sorted by symbol: the last one has the highest id. */
static err note_wanted(topics *t) {
    t->n_wanted = t->n ? t->entries[t->n - 1].topic.symbol + 1u : 0;
    t->wanted = calloc(t->n_wanted + 1, sizeof *t->wanted);
    if (!t->wanted) return ERR_NO_MEMORY;
    for (size_t i = 0; i < t->n; i++)
        if (t->entries[i].is_wanted) t->wanted[t->entries[i].topic.symbol] |= 1u << t->entries[i].topic.what;
    return OK;
}

err topics_want(topics *t, const topic *wanted, size_t n) {
    if (n > SYMBOL_MAX * (size_t)N_TOPIC_KINDS) return ERR_TOO_BIG;
    err error = check(t, wanted, n);
    if (error) return error;
    topics next = {.symbols = t->symbols, .entries = malloc((t->n + n + 1) * sizeof(entry))};
    if (!next.entries) return ERR_NO_MEMORY;
    next.n = merge(t, wanted, n, next.entries);
    remove_settled(&next);
    error = topics_count(&next).n_wanted > TOPICS_MAX ? ERR_TOO_BIG : note_wanted(&next);
    if (error) {
        free(next.entries);
        return error;
    }
    free(t->entries);
    free(t->wanted);
    *t = next;
    return OK;
}

bool topics_is_wanted(const topics *t, uint32_t symbol, uint8_t what) {
    return symbol < t->n_wanted && what < N_TOPIC_KINDS && (t->wanted[symbol] >> what & 1);
}

void topics_reset(topics *t) {
    for (size_t i = 0; i < t->n; i++) t->entries[i].state = ABSENT;
    remove_settled(t);
}

topics_counts topics_count(const topics *t) {
    topics_counts counts = {0};
    for (size_t i = 0; i < t->n; i++) {
        const entry *e = &t->entries[i];
        counts.n_wanted += e->is_wanted;
        counts.n_carried += e->state == CARRIED;
        counts.n_asked += e->state == JOINING || e->state == LEAVING;
    }
    return counts;
}

/* ---- commands ---- */

/* Leaving comes first: it makes room under the limit of a connection. */
static bool next_step(const topics *t, uint8_t *from) {
    bool joins = false, leaves = false;
    for (size_t i = 0; i < t->n; i++) {
        const entry *e = &t->entries[i];
        if (e->state == JOINING || e->state == LEAVING) return false;
        joins |= e->is_wanted && e->state == ABSENT;
        leaves |= !e->is_wanted && e->state == CARRIED;
    }
    *from = leaves ? CARRIED : ABSENT;
    return joins || leaves;
}

bool topics_has_work(const topics *t) {
    uint8_t from;
    return next_step(t, &from);
}

bool topics_command(topics *t, int64_t id, json_writer *out) {
    uint8_t from;
    if (!next_step(t, &from)) return false;
    bool is_join = from == ABSENT;
    size_t n = 0;
    json_write_object(out);
    json_put_text(out, "method", is_join ? "SUBSCRIBE" : "UNSUBSCRIBE");
    json_write_key(out, "params");
    json_write_array(out);
    for (size_t i = 0; i < t->n && n < TOPICS_COMMAND_NAMES; i++) {
        entry *e = &t->entries[i];
        if (e->is_wanted != is_join || e->state != from) continue;
        /* Room for a name of which every byte needs an escape, and for the end. */
        if (out->bytes + TOPIC_NAME_BYTES * 6 + 64 > TOPICS_COMMAND_BYTES) break;
        char name[TOPIC_NAME_BYTES];
        topic_name(t->symbols, e->topic, name);
        json_write_text(out, name);
        e->state = is_join ? JOINING : LEAVING;
        n++;
    }
    json_write_array_end(out);
    json_put_integer(out, "id", id);
    json_write_object_end(out);
    if (json_writer_text(out)) return true;
    topics_answer(t, false);
    return false;
}

void topics_answer(topics *t, bool is_accepted) {
    for (size_t i = 0; i < t->n; i++) {
        entry *e = &t->entries[i];
        if (e->state == JOINING)
            e->state = is_accepted ? CARRIED : ABSENT;
        else if (e->state == LEAVING)
            e->state = is_accepted ? ABSENT : CARRIED;
    }
    remove_settled(t);
}

void topic_name(const symbol_table *symbols, topic which, char out[TOPIC_NAME_BYTES]) {
    const char *symbol = symbol_table_get(symbols, which.symbol)->name;
    size_t n = 0;
    for (; symbol[n] && n < SYMBOL_BYTES; n++)
        out[n] = symbol[n] >= 'A' && symbol[n] <= 'Z' ? (char)(symbol[n] + 32) : symbol[n];
    if (which.what < N_INTERVALS)
        snprintf(out + n, TOPIC_NAME_BYTES - n, "@kline_%s", interval_name(which.what));
    else
        snprintf(out + n, TOPIC_NAME_BYTES - n, which.what == TOPIC_TICKER ? "@ticker" : "@miniTicker");
}
