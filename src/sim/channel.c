/* One list per symbol and kind in one flat array: a frame looks its listeners up by index, and only subscribed channels
 * own memory. */
#include "sim/channel.h"
#include "market/interval.h"
#include <stdlib.h>
#include <string.h>

enum { SLOT_MINI = N_INTERVALS, SLOT_TICKER, SLOTS_PER_SYMBOL };

typedef struct listeners {
    void **at;
    uint32_t count, capacity;
} listeners;

struct channels {
    size_t n_used;
    uint32_t n_slots; /* the last two are for all mini tickers and all tickers */
    listeners slots[];
};

static listeners *slot_of(channels *c, const stream *s);

/* ---- names ---- */

static bool equals(const char *at, size_t bytes, const char *name) {
    return strlen(name) == bytes && memcmp(at, name, bytes) == 0;
}

static bool starts(const char *at, size_t bytes, const char *prefix) {
    return bytes >= strlen(prefix) && memcmp(at, prefix, strlen(prefix)) == 0;
}

static bool is_one_of(const char *at, size_t bytes, const char *const *names) {
    for (; *names; names++)
        if (equals(at, bytes, *names)) return true;
    return false;
}

static bool is_silent_kind(const venue *v, const char *kind, size_t bytes) {
    static const char *const spot[] = {"trade",      "aggTrade",  "bookTicker", "avgPrice",  "referencePrice",
                                       "blockTrade", "ticker_1h", "ticker_4h",  "ticker_1d", NULL};
    static const char *const futures[] = {"aggTrade", "bookTicker", "markPrice", "markPrice@1s", "forceOrder", NULL};
    return is_one_of(kind, bytes, v->is_futures ? futures : spot) || starts(kind, bytes, "depth");
}

static err parse_all(const venue *v, const char *name, size_t bytes, stream *out) {
    static const char *const spot[] = {"!ticker_1h@arr", "!ticker_4h@arr", "!ticker_1d@arr", NULL};
    static const char *const futures[] = {"!bookTicker", "!markPrice@arr", "!markPrice@arr@1s", "!forceOrder@arr",
                                          NULL};
    out->kind = STREAM_SILENT;
    if (equals(name, bytes, "!miniTicker@arr"))
        out->kind = STREAM_ALL_MINI;
    else if (v->is_futures && equals(name, bytes, "!ticker@arr"))
        out->kind = STREAM_ALL_TICKER;
    else if (!is_one_of(name, bytes, v->is_futures ? futures : spot))
        return ERR_SYNTAX;
    return OK;
}

/* "kline_5m", and "kline_5m@+08:00", whose bars open at another zone's midnight and are not simulated. */
static err parse_kline(const char *kind, size_t bytes, stream *out) {
    const char *at = kind + strlen("kline_"), *zone = memchr(at, '@', bytes - strlen("kline_"));
    size_t name_bytes = zone ? (size_t)(zone - at) : bytes - strlen("kline_");
    int32_t interval = interval_parse(at, name_bytes);
    if (interval < 0) return ERR_SYNTAX;
    if (zone && !equals(zone, bytes - (size_t)(zone - kind), "@+08:00")) return ERR_SYNTAX;
    out->interval = (enum interval)interval;
    out->kind = zone ? STREAM_SILENT : STREAM_KLINE;
    return OK;
}

static err parse_one(const source *s, const venue *v, const char *name, size_t bytes, stream *out) {
    const char *sign = memchr(name, '@', bytes);
    if (!sign || sign == name) return ERR_SYNTAX;
    size_t symbol_bytes = (size_t)(sign - name), kind_bytes = bytes - symbol_bytes - 1;
    const char *kind = sign + 1;
    err e = OK;
    if (starts(kind, kind_bytes, "kline_"))
        e = parse_kline(kind, kind_bytes, out);
    else if (equals(kind, kind_bytes, "miniTicker"))
        out->kind = STREAM_MINI_TICKER;
    else if (equals(kind, kind_bytes, "ticker"))
        out->kind = STREAM_TICKER;
    else if (is_silent_kind(v, kind, kind_bytes))
        out->kind = STREAM_SILENT;
    else
        e = ERR_SYNTAX;
    if (e == OK && source_find_stream(s, name, symbol_bytes, &out->symbol) != OK) out->kind = STREAM_SILENT;
    return e;
}

/* Order books are public, all else is the market's; private streams are named by keys that nobody has here. */
static bool belongs_to(venue_part part, const char *name, size_t bytes) {
    const char *sign = memchr(name, '@', bytes);
    size_t kind_bytes = sign ? bytes - (size_t)(sign - name) - 1 : 0;
    bool is_book = equals(name, bytes, "!bookTicker") ||
                   (sign && (starts(sign + 1, kind_bytes, "bookTicker") || starts(sign + 1, kind_bytes, "depth")));
    if (part == PART_WHOLE) return true;
    return part == (is_book ? PART_PUBLIC : PART_MARKET);
}

err stream_parse(const source *s, const venue *v, venue_part part, const char *name, size_t bytes, stream *out) {
    *out = (stream){0};
    if (!belongs_to(part, name, bytes)) return ERR_SYNTAX;
    return starts(name, bytes, "!") ? parse_all(v, name, bytes, out) : parse_one(s, v, name, bytes, out);
}

/* ---- listeners ---- */

err channels_new(uint32_t n_symbols, channels **out) {
    uint32_t n_slots = n_symbols * SLOTS_PER_SYMBOL + 2;
    channels *c = *out = calloc(1, sizeof *c + n_slots * sizeof c->slots[0]);
    if (!c) return ERR_NO_MEMORY;
    c->n_slots = n_slots;
    return OK;
}

void channels_free(channels *c) {
    if (!c) return;
    for (uint32_t i = 0; i < c->n_slots; i++) free(c->slots[i].at);
    free(c);
}

err channels_add(channels *c, const stream *s, void *subscriber) {
    listeners *l = slot_of(c, s);
    if (!l) return OK;
    for (uint32_t i = 0; i < l->count; i++)
        if (l->at[i] == subscriber) return OK;
    if (l->count == l->capacity) {
        uint32_t capacity = l->capacity ? 2 * l->capacity : 4;
        void **at = realloc(l->at, capacity * sizeof *at);
        if (!at) return ERR_NO_MEMORY;
        l->at = at;
        l->capacity = capacity;
    }
    c->n_used += l->count == 0;
    l->at[l->count++] = subscriber;
    return OK;
}

void channels_remove(channels *c, const stream *s, const void *subscriber) {
    listeners *l = slot_of(c, s);
    for (uint32_t i = 0; l && i < l->count; i++)
        if (l->at[i] == subscriber) {
            l->at[i] = l->at[--l->count];
            c->n_used -= l->count == 0;
            return;
        }
}

size_t channels_count(const channels *c) { return c->n_used; }

void *const *channels_subscribers(const channels *c, const stream *s, size_t *count) {
    const listeners *l = slot_of((channels *)c, s);
    *count = l ? l->count : 0;
    return l ? l->at : NULL;
}

static listeners *slot_of(channels *c, const stream *s) {
    uint32_t first = s->symbol * SLOTS_PER_SYMBOL;
    switch (s->kind) {
    case STREAM_KLINE: return &c->slots[first + s->interval];
    case STREAM_MINI_TICKER: return &c->slots[first + SLOT_MINI];
    case STREAM_TICKER: return &c->slots[first + SLOT_TICKER];
    case STREAM_ALL_MINI: return &c->slots[c->n_slots - 2];
    case STREAM_ALL_TICKER: return &c->slots[c->n_slots - 1];
    case STREAM_SILENT: break;
    }
    return NULL;
}
