/* The kline series: see kline_store.h.
 *
 *      open_ms  [ t0 t1 t2 ........ tn-1 | tn ]      count = n, the forming bar stands at [n]
 *      open     [ .. .. .. ........ ..   | .. ]
 *      ...                                            capacity = keep + slack, + 1 for the forming bar
 *
 * When [capacity] is reached the newest `keep` bars are moved to the front: one memmove per array every `slack` bars,
 * amortised some sixteen copied elements a bar and array. A ring buffer would avoid the move, but then neither a kernel
 * nor an FFI view would be a pointer and a length. */
#include "market/kline_store.h"
#include "base/prefetch.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SLACK_LEAST = 64, SLACK_SHARE = 16, PREFETCHED_BARS = 24 };

struct kline_series {
    int32_t interval, keep, capacity, count;
    bool has_forming;
    int64_t known_to_ms, forming_ms, n_dropped, n_holes, n_updates;
    int64_t *open_ms;
    double *field[N_FIELDS];
};

static void blank(double *array, int32_t from, int32_t to) {
    for (int32_t i = from; i < to; i++) array[i] = NAN;
}

/* Element [-1] is NaN for ever. */
static double *new_array(const kline_series *s) {
    double *array = malloc(((size_t)s->capacity + 2) * sizeof *array);
    if (!array) return NULL;
    blank(array, 0, s->capacity + 2);
    return array + 1;
}

static void free_array(double *array) {
    if (array) free(array - 1);
}

kline_series *kline_series_new(int32_t interval, int32_t keep, int64_t known_to_ms) {
    kline_series *s = calloc(1, sizeof *s);
    bool complete = s != NULL;
    if (!s) return NULL;
    s->interval = interval;
    s->keep = keep < 1 ? 1 : keep;
    s->capacity = s->keep + (s->keep / SLACK_SHARE > SLACK_LEAST ? s->keep / SLACK_SHARE : SLACK_LEAST);
    s->known_to_ms = interval_floor(interval, known_to_ms);
    s->open_ms = calloc((size_t)s->capacity + 1, sizeof *s->open_ms);
    complete = s->open_ms != NULL;
    for (int f = 0; f < N_FIELDS; f++) {
        s->field[f] = new_array(s);
        complete = complete && s->field[f];
    }
    if (complete) return s;
    kline_series_free(s);
    return NULL;
}

void kline_series_free(kline_series *s) {
    if (!s) return;
    for (int f = 0; f < N_FIELDS; f++) free_array(s->field[f]);
    free(s->open_ms);
    free(s);
}

void kline_series_prefetch(const kline_series *s, bool is_near) {
    if (!is_near) {
        prefetch(s, sizeof *s);
        return;
    }
    prefetch(s->open_ms + s->count - 1, sizeof *s->open_ms);
    for (int f = 0; f < N_FIELDS; f++)
        prefetch(s->field[f] + s->count - PREFETCHED_BARS, (PREFETCHED_BARS + 1) * sizeof(double));
}

static void put(kline_series *s, int32_t i, const kline *bar) {
    s->open_ms[i] = bar->open_ms;
    s->field[FIELD_OPEN][i] = bar->open;
    s->field[FIELD_HIGH][i] = bar->high;
    s->field[FIELD_LOW][i] = bar->low;
    s->field[FIELD_CLOSE][i] = bar->close;
    s->field[FIELD_VOLUME][i] = bar->volume;
    s->field[FIELD_QUOTE_VOLUME][i] = bar->quote_volume;
    s->field[FIELD_TRADES][i] = bar->trades;
    s->field[FIELD_TAKER_BASE][i] = bar->taker_base;
    s->field[FIELD_TAKER_QUOTE][i] = bar->taker_quote;
}

void kline_series_get(const kline_series *s, int32_t i, kline *out) {
    *out = (kline){s->open_ms[i],
                   s->field[FIELD_OPEN][i],
                   s->field[FIELD_HIGH][i],
                   s->field[FIELD_LOW][i],
                   s->field[FIELD_CLOSE][i],
                   s->field[FIELD_VOLUME][i],
                   s->field[FIELD_QUOTE_VOLUME][i],
                   s->field[FIELD_TRADES][i],
                   s->field[FIELD_TAKER_BASE][i],
                   s->field[FIELD_TAKER_QUOTE][i]};
}

static bool is_same(const kline *a, const kline *b) {
    return a->open_ms == b->open_ms && a->open == b->open && a->high == b->high && a->low == b->low &&
           a->close == b->close && a->volume == b->volume && a->quote_volume == b->quote_volume &&
           a->trades == b->trades && a->taker_base == b->taker_base && a->taker_quote == b->taker_quote;
}

static void slide(kline_series *s) {
    int32_t gone = s->count - s->keep;
    size_t bytes = (size_t)s->keep * sizeof(double);
    memmove(s->open_ms, s->open_ms + gone, (size_t)s->keep * sizeof *s->open_ms);
    for (int f = 0; f < N_FIELDS; f++) {
        memmove(s->field[f], s->field[f] + gone, bytes);
        blank(s->field[f], s->keep, s->capacity + 1);
    }
    s->count = s->keep;
    s->n_dropped += gone;
}

static void drop_forming(kline_series *s) {
    if (!s->has_forming) return;
    s->has_forming = false;
    for (int f = 0; f < N_FIELDS; f++) s->field[f][s->count] = NAN;
}

int32_t kline_series_find(const kline_series *s, int64_t open_ms) {
    int32_t low = 0, high = s->count;
    while (low < high) {
        int32_t middle = low + (high - low) / 2;
        if (s->open_ms[middle] < open_ms)
            low = middle + 1;
        else
            high = middle;
    }
    return low < s->count && s->open_ms[low] == open_ms ? low : -1;
}

static void append(kline_series *s, const kline *bar, int32_t *index) {
    drop_forming(s);
    if (s->count == s->capacity) slide(s);
    put(s, s->count, bar);
    if (index) *index = s->count;
    s->count++;
}

/* A closed bar for a place that is behind known_to: the same, a correction, or one that was thought not to exist. Behind
 * the newest bar stored it is appended; between bars it comes too late, since states have gone over that place. */
static int32_t amend(kline_series *s, const kline *bar, int32_t *index) {
    kline there;
    int32_t i = kline_series_find(s, bar->open_ms);
    if (i < 0 && s->count > 0 && bar->open_ms > s->open_ms[s->count - 1]) {
        append(s, bar, index);
        s->n_holes--;
        return KLINE_APPENDED;
    }
    if (i < 0) return KLINE_OLDER;
    kline_series_get(s, i, &there);
    if (is_same(&there, bar)) return KLINE_SAME;
    put(s, i, bar);
    if (index) *index = i;
    return KLINE_REPLACED;
}

int32_t kline_series_close(kline_series *s, const kline *bar, int32_t *index) {
    if (interval_floor(s->interval, bar->open_ms) != bar->open_ms) return KLINE_BAD;
    if (bar->open_ms < s->known_to_ms) return amend(s, bar, index);
    if (bar->open_ms > s->known_to_ms) return KLINE_GAP;
    append(s, bar, index);
    s->known_to_ms = interval_next(s->interval, bar->open_ms);
    return KLINE_APPENDED;
}

int32_t kline_series_update(kline_series *s, const kline *bar) {
    if (interval_floor(s->interval, bar->open_ms) != bar->open_ms) return KLINE_BAD;
    if (bar->open_ms < s->known_to_ms) return KLINE_SAME;
    if (bar->open_ms > s->known_to_ms) return KLINE_GAP;
    put(s, s->count, bar);
    s->has_forming = true;
    s->n_updates++;
    return KLINE_FORMING;
}

void kline_series_known(kline_series *s, int64_t to_ms) {
    int64_t to = interval_floor(s->interval, to_ms);
    if (to <= s->known_to_ms) return;
    if (s->count > 0) s->n_holes += interval_count(s->interval, s->known_to_ms, to);
    drop_forming(s);
    s->known_to_ms = to;
}

int32_t kline_series_count(const kline_series *s) { return s->count; }
bool kline_series_has_forming(const kline_series *s) { return s->has_forming; }
int64_t kline_series_known_to(const kline_series *s) { return s->known_to_ms; }
int64_t kline_series_updates(const kline_series *s) { return s->n_updates; }
int64_t kline_series_dropped(const kline_series *s) { return s->n_dropped; }
int64_t kline_series_holes(const kline_series *s) { return s->n_holes; }
const int64_t *kline_series_open_ms(const kline_series *s) { return s->open_ms; }
const double *kline_series_field(const kline_series *s, int32_t field) {
    return field >= 0 && field < N_FIELDS ? s->field[field] : NULL;
}
int32_t kline_series_keep(const kline_series *s) { return s->keep; }
int32_t kline_series_room(const kline_series *s) { return s->capacity + 1; }
int32_t kline_series_interval(const kline_series *s) { return s->interval; }

int32_t kline_series_count_at(const kline_series *s, int64_t ms) {
    int32_t low = 0, high = s->count;
    int64_t floor_ms; /* a bar has closed by `ms` if it opens before this */
    if (high > 0 && interval_next(s->interval, s->open_ms[high - 1]) <= ms) return high;
    floor_ms = interval_floor(s->interval, ms);
    while (low < high) {
        int32_t middle = low + (high - low) / 2;
        if (s->open_ms[middle] < floor_ms)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

int64_t kline_series_number(const kline_series *s, int32_t i) {
    return interval_count(s->interval, interval_floor(s->interval, 0), s->open_ms[i]);
}

size_t kline_series_bytes(const kline_series *s) {
    return ((size_t)s->capacity + 2) * sizeof(double) * (N_FIELDS + 1) + sizeof *s;
}

/* ---- saved ---- */

/* Open times as distances: alike ones are next to nothing once they are packed. */
void kline_series_save(const kline_series *s, byte_writer *w) {
    byte_put_u32(w, (uint32_t)s->keep);
    byte_put_u32(w, (uint32_t)s->count);
    byte_put_i64(w, s->known_to_ms);
    byte_put_i64(w, s->n_dropped);
    byte_put_i64(w, s->n_holes);
    for (int32_t i = 0; i < s->count; i++) byte_put_i64(w, s->open_ms[i] - (i ? s->open_ms[i - 1] : 0));
    for (int f = 0; f < N_FIELDS; f++) byte_put_bytes(w, s->field[f], (size_t)s->count * sizeof(double));
}

enum { LIFE_MOST_BITS = 48 };                        /* more bars than any series has ever had */
static const int64_t TIME_MOST_MS = 253402300800000; /* the year 10000 */

static err load_times(kline_series *s, byte_reader *r) {
    int64_t open_ms = 0;
    for (int32_t i = 0; i < s->count; i++) {
        int64_t distance = byte_get_i64(r);
        if (distance < (i > 0) || distance > TIME_MOST_MS - open_ms) return byte_reader_refuse(r);
        open_ms += distance;
        if (interval_floor(s->interval, open_ms) != open_ms || open_ms >= s->known_to_ms) return byte_reader_refuse(r);
        s->open_ms[i] = open_ms;
    }
    return r->has_failed ? ERR_INVALID : OK;
}

static err load_fields(kline_series *s, byte_reader *r) {
    for (int f = 0; f < N_FIELDS; f++) {
        const void *values = byte_get_bytes(r, (size_t)s->count * sizeof(double));
        if (!values) return ERR_INVALID;
        memcpy(s->field[f], values, (size_t)s->count * sizeof(double));
        for (int32_t i = 0; i < s->count; i++)
            if (!isfinite(s->field[f][i])) return byte_reader_refuse(r);
    }
    return OK;
}

err kline_series_load(byte_reader *r, int32_t interval, int32_t keep, kline_series **out) {
    uint32_t saved_keep = byte_get_u32(r), count = byte_get_u32(r);
    int64_t known_to_ms = byte_get_i64(r), n_dropped = byte_get_i64(r), n_holes = byte_get_i64(r);
    kline_series *s;
    err e = ERR_INVALID;
    if (r->has_failed || known_to_ms <= 0 || known_to_ms > TIME_MOST_MS || n_dropped < 0 || n_holes < 0 ||
        n_dropped >> LIFE_MOST_BITS || interval_floor(interval, known_to_ms) != known_to_ms)
        return byte_reader_refuse(r);
    if (saved_keep != (uint32_t)keep) return ERR_UNSUPPORTED;
    s = kline_series_new(interval, keep, known_to_ms);
    if (!s) return ERR_NO_MEMORY;
    s->n_dropped = n_dropped;
    s->n_holes = n_holes;
    if (count <= (uint32_t)s->capacity) {
        s->count = (int32_t)count;
        e = load_times(s, r);
        if (e == OK) e = load_fields(s, r);
    }
    if (e != OK) {
        kline_series_free(s);
        return byte_reader_refuse(r);
    }
    *out = s;
    return OK;
}
