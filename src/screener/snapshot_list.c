/* See snapshot_list.h. Left out is what two of the same may differ in: where the window of the bars begins, life numbers,
 * the order of the indicators, the bits of a NaN. */
#include "screener/snapshot_list.h"
#include "indicator/indicator_set_save.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { HASH_BYTES = 17, KEEP_MOST = 1 << 20, VALUES_LISTED = 64 };

typedef struct row {
    char *key, hash[HASH_BYTES];
    int64_t epoch_ms, to_ms;
} row;

typedef struct listing {
    const kline_series *bars;
    row *rows;
    int32_t n_rows, room;
    err failure;
} listing;

/* Every NaN as the same one: which it is depends on the instructions that made it. */
static err hash_words(const void *data, size_t bytes, char out[HASH_BYTES]) {
    double *words = malloc(bytes + 1);
    char hex[65];
    if (!words) return ERR_NO_MEMORY;
    memcpy(words, data, bytes);
    for (size_t k = 0; k < bytes / sizeof *words; k++)
        if (isnan(words[k])) words[k] = (double)NAN;
    sha256_hex(words, bytes, hex);
    free(words);
    memcpy(out, hex, HASH_BYTES - 1);
    out[HASH_BYTES - 1] = 0;
    return *hex ? OK : ERR_NO_MEMORY;
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
    e = byte_writer_result(&w);
    if (e == OK) e = hash_words(w.data, w.used, out);
    byte_writer_deinit(&w);
    return e;
}

/* The newest values, of each output. */
static err hash_values(const saved_indicator *item, char out[HASH_BYTES]) {
    int32_t n = item->n_values < VALUES_LISTED ? item->n_values : VALUES_LISTED;
    byte_writer w;
    err e;
    byte_writer_init(&w);
    for (int32_t o = 0; o < item->n_outputs; o++)
        byte_put_bytes(&w, (const char *)item->values + (size_t)((o + 1) * item->n_values - n) * sizeof(double),
                       (size_t)n * sizeof(double));
    e = byte_writer_result(&w);
    if (e == OK) e = hash_words(w.data ? w.data : (unsigned char *)"", w.used, out);
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
    *one = (row){.key = strdup(item->key), .epoch_ms = item->epoch_ms, .to_ms = time_of(to->bars, item->life)};
    if (!one->key) {
        to->failure = ERR_NO_MEMORY;
        return;
    }
    to->n_rows++;
    to->failure =
        item->state_bytes > 0 ? hash_words(item->state, item->state_bytes, one->hash) : hash_values(item, one->hash);
}

static int by_key(const void *a, const void *b) { return strcmp(((const row *)a)->key, ((const row *)b)->key); }

static void write(const snapshot *s, int32_t interval, listing *of, int32_t n, const char *hash, json_writer *w) {
    const int64_t *open_ms = kline_series_open_ms(of->bars);
    int32_t count = kline_series_count(of->bars);
    json_write_object(w);
    json_put_text(w, "symbol", s->name);
    json_put_text(w, "interval", interval_name(interval));
    json_put_integer(w, "bars", n);
    json_put_integer(w, "first", n > 0 ? open_ms[count - n] : 0);
    json_put_integer(w, "last", n > 0 ? open_ms[count - 1] : 0);
    json_put_integer(w, "knownTo", kline_series_known_to(of->bars));
    json_put_text(w, "hash", hash);
    json_write_key(w, "indicators");
    json_write_array(w);
    for (int32_t i = 0; i < of->n_rows; i++) {
        json_write_object(w);
        json_put_text(w, "key", of->rows[i].key);
        json_put_integer(w, "epoch", of->rows[i].epoch_ms);
        json_put_integer(w, "to", of->rows[i].to_ms);
        json_put_text(w, "hash", of->rows[i].hash);
        json_write_object_end(w);
    }
    json_write_array_end(w);
    json_write_object_end(w);
}

err snapshot_list_write(const snapshot *s, int32_t interval, json_writer *w) {
    byte_reader bars = s->bars[interval], set = s->sets[interval], first = bars;
    uint32_t keep = byte_get_u32(&first);
    kline_series *series = NULL;
    listing of = {.failure = OK};
    char hash[HASH_BYTES] = "";
    int32_t n = 0;
    err e = keep <= KEEP_MOST ? kline_series_load(&bars, interval, (int32_t)keep, &series) : ERR_INVALID;
    if (e != OK) return e == ERR_UNSUPPORTED ? ERR_INVALID : e;
    n = kline_series_count(series) < (int32_t)keep ? kline_series_count(series) : (int32_t)keep;
    of.bars = series;
    e = hash_bars(series, n, hash);
    if (e == OK) e = indicator_set_saved_each(&set, take, &of);
    if (e == OK) e = of.failure;
    if (e == OK) {
        if (of.n_rows) qsort(of.rows, (size_t)of.n_rows, sizeof *of.rows, by_key);
        write(s, interval, &of, n, hash, w);
    }
    for (int32_t i = 0; i < of.n_rows; i++) free(of.rows[i].key);
    free(of.rows);
    kline_series_free(series);
    return e;
}
