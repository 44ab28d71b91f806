/* See snapshot_list.h. Left out is what two of the same may differ in: where the window of the bars begins, life numbers,
 * the order of the indicators, the bits of a NaN. Nor are the bytes of a state compared: how a window lies in it may
 * depend on whether the bars came one by one. What a state is good for is what it gives, so it is shown bars that never
 * were, the same for everybody. */
#include "screener/snapshot_list.h"
#include "indicator/indicator_set_save.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { HASH_BYTES = 17, KEEP_MOST = 1 << 20, LISTED = 64, MADE_UP = 32 };

typedef struct row {
    char *key, hash[HASH_BYTES];
    int64_t epoch_ms, life;
    bool is_deferred;
} row;

typedef struct listing {
    registry *registry;
    kline_series *bars;
    indicator_set *set;
    row *rows;
    int32_t n_rows, room;
    err failure;
} listing;

/* Every NaN as the same one: which it is depends on the instructions that made it. */
static err hash_words(byte_writer *w, char out[HASH_BYTES]) {
    char hex[65];
    for (size_t at = 0; at + sizeof(double) <= w->used; at += sizeof(double)) {
        double word;
        memcpy(&word, w->data + at, sizeof word);
        if (isnan(word)) word = (double)NAN;
        memcpy(w->data + at, &word, sizeof word);
    }
    sha256_hex(w->used ? (const void *)w->data : "", w->used, hex);
    memcpy(out, hex, HASH_BYTES - 1);
    out[HASH_BYTES - 1] = 0;
    return byte_writer_result(w) == OK && *hex ? OK : ERR_NO_MEMORY;
}

/* Open times and fields of the newest bars. */
static err hash_bars(const kline_series *s, int32_t n, char out[HASH_BYTES]) {
    byte_writer w;
    int32_t from = kline_series_count(s) - n;
    err e;
    byte_writer_init(&w);
    byte_put_bytes(&w, kline_series_open_ms(s) + from, (size_t)n * sizeof(int64_t));
    for (int32_t f = 0; f < N_FIELDS; f++)
        byte_put_bytes(&w, kline_series_field(s, f) + from, (size_t)n * sizeof(double));
    e = hash_words(&w, out);
    byte_writer_deinit(&w);
    return e;
}

/* The newest values of bars before `end`, of each output. */
static err hash_values(const listing *of, const row *one, int32_t end, char out[HASH_BYTES]) {
    int32_t id, i = -1, first;
    byte_writer w;
    err e = registry_parse(of->registry, one->key, &id);
    if (e == OK) i = indicator_set_find(of->set, id, 0);
    if (i < 0) return ERR_INVALID;
    first = end > LISTED ? end - LISTED : 0;
    if (indicator_set_first(of->set, i) > first) first = indicator_set_first(of->set, i);
    byte_writer_init(&w);
    for (int32_t o = 0; o < kernel_get(registry_get(of->registry, id)->kind)->n_outputs && first < end; o++)
        byte_put_bytes(&w, indicator_set_values(of->set, i, o) + first, (size_t)(end - first) * sizeof(double));
    e = hash_words(&w, out);
    byte_writer_deinit(&w);
    return e;
}

static int64_t time_of(const kline_series *s, int64_t life) {
    int64_t at = life - kline_series_dropped(s);
    if (at >= kline_series_count(s)) return kline_series_known_to(s);
    return at >= 0 ? kline_series_open_ms(s)[at] : 0;
}

static void take(void *context, const saved_indicator *item) {
    listing *to = context;
    row *one;
    if (to->failure == OK && to->n_rows == to->room) {
        row *larger = realloc(to->rows, ((size_t)to->room + 64) * sizeof *larger);
        if (!larger) to->failure = ERR_NO_MEMORY;
        if (larger) to->rows = larger, to->room += 64;
    }
    if (to->failure != OK) return;
    one = &to->rows[to->n_rows];
    *one = (row){
        .key = strdup(item->key), .epoch_ms = item->epoch_ms, .life = item->life, .is_deferred = item->is_deferred};
    if (!one->key)
        to->failure = ERR_NO_MEMORY;
    else
        to->n_rows++;
}

static int by_key(const void *a, const void *b) { return strcmp(((const row *)a)->key, ((const row *)b)->key); }

/* After the newest bar: prices that go up and down by the thousandth. */
static void show_made_up_bars(const listing *of) {
    const kline_series *s = of->bars;
    double close = kline_series_count(s) ? kline_series_field(s, FIELD_CLOSE)[kline_series_count(s) - 1] : 1;
    for (int32_t k = 1; k <= MADE_UP; k++) {
        double next = close * (1 + (k * 7919 % 13 - 6) / 1000.0), high = close > next ? close : next;
        kline bar = {kline_series_known_to(s),
                     close,
                     high * 1.001,
                     (close + next - high) * 0.999,
                     next,
                     1000 + k * 31 % 17,
                     next * 1000,
                     k,
                     500 + k * 13 % 7,
                     next * 500};
        if (kline_series_close(of->bars, &bar, NULL) != KLINE_APPENDED) break;
        indicator_set_advance(of->set);
        close = next;
    }
}

/* What is deferred gets no new bars here: it would wait for other series. */
static err hash_indicators(listing *of) {
    int64_t dropped = kline_series_dropped(of->bars);
    err e = OK;
    for (int32_t i = 0; i < of->n_rows && e == OK; i++) {
        row *one = &of->rows[i];
        int64_t end = one->life > dropped ? one->life - dropped : 0;
        if (one->is_deferred) e = hash_values(of, one, (int32_t)end, one->hash);
    }
    show_made_up_bars(of);
    for (int32_t i = 0; i < of->n_rows && e == OK; i++)
        if (!of->rows[i].is_deferred) e = hash_values(of, &of->rows[i], kline_series_count(of->bars), of->rows[i].hash);
    return e;
}

static err load(listing *of, const snapshot *s, int32_t interval) {
    byte_reader bars = s->bars[interval], set = s->sets[interval], first = bars;
    uint32_t keep = byte_get_u32(&first);
    indicator_load how = {.registry = of->registry};
    err e = keep <= KEEP_MOST ? kline_series_load(&bars, interval, (int32_t)keep, &of->bars) : ERR_INVALID;
    if (e == OK) e = indicator_set_new(of->bars, of->registry, &of->set);
    if (e == OK) e = indicator_set_load(of->set, &set, &how);
    if (e == OK) e = indicator_set_load_finish(of->set);
    set = s->sets[interval];
    if (e == OK) e = indicator_set_saved_each(&set, take, of);
    return e == OK ? of->failure : e;
}

static void write_indicators(const listing *of, const int64_t *to_ms, json_writer *w) {
    json_write_key(w, "indicators");
    json_write_array(w);
    for (int32_t i = 0; i < of->n_rows; i++) {
        json_write_object(w);
        json_put_text(w, "key", of->rows[i].key);
        json_put_integer(w, "epoch", of->rows[i].epoch_ms);
        json_put_integer(w, "to", to_ms[i]);
        json_put_text(w, "hash", of->rows[i].hash);
        json_write_object_end(w);
    }
    json_write_array_end(w);
}

static err write(const snapshot *s, int32_t interval, listing *of, json_writer *w) {
    const int64_t *open_ms = kline_series_open_ms(of->bars);
    int32_t count = kline_series_count(of->bars), keep = kline_series_keep(of->bars), n = count < keep ? count : keep;
    int64_t *to_ms = calloc((size_t)of->n_rows + 1, sizeof *to_ms);
    char hash[HASH_BYTES] = "";
    err e = to_ms ? hash_bars(of->bars, n, hash) : ERR_NO_MEMORY;
    if (e == OK) {
        json_write_object(w);
        json_put_text(w, "symbol", s->name);
        json_put_text(w, "interval", interval_name(interval));
        json_put_integer(w, "bars", n);
        json_put_integer(w, "first", n > 0 ? open_ms[count - n] : 0);
        json_put_integer(w, "last", n > 0 ? open_ms[count - 1] : 0);
        json_put_integer(w, "knownTo", kline_series_known_to(of->bars));
        json_put_text(w, "hash", hash);
        if (of->n_rows) qsort(of->rows, (size_t)of->n_rows, sizeof *of->rows, by_key);
        for (int32_t i = 0; i < of->n_rows; i++) to_ms[i] = time_of(of->bars, of->rows[i].life);
        e = hash_indicators(of); /* from here on there are bars that never were */
        write_indicators(of, to_ms, w);
        json_write_object_end(w);
    }
    free(to_ms);
    return e;
}

err snapshot_list_write(const snapshot *s, int32_t interval, registry *r, json_writer *w) {
    listing of = {.registry = r, .failure = OK};
    err e = load(&of, s, interval);
    if (e == OK) e = write(s, interval, &of, w);
    for (int32_t i = 0; i < of.n_rows; i++) free(of.rows[i].key);
    free(of.rows);
    indicator_set_free(of.set);
    kline_series_free(of.bars);
    return e;
}
