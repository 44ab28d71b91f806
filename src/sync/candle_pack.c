/* See candle_pack.h. */
#include "sync/candle_pack.h"
#include "base/byte_reader.h"
#include <math.h>
#include <string.h>

enum { DECIMALS_MAX = 12, AS_DOUBLES = 255, N_PRICES = 4, N_NUMBERS = 5 };

/* Beyond, a double does not hold every whole number. */
static const double WHOLE_MAX = 9007199254740992.0;
static const double POWER[DECIMALS_MAX + 1] = {1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12};

static void put_signed(byte_writer *w, int64_t value) {
    byte_put_varint(w, ((uint64_t)value << 1) ^ (value < 0 ? UINT64_MAX : 0));
}

static int64_t get_signed(byte_reader *r) {
    uint64_t coded = byte_get_varint(r);
    return (int64_t)(coded >> 1) ^ -(int64_t)(coded & 1);
}

static bool is_same(double a, double b) {
    uint64_t bits_a, bits_b;
    memcpy(&bits_a, &a, sizeof a);
    memcpy(&bits_b, &b, sizeof b);
    return bits_a == bits_b;
}

/* A whole number through which a division by the power gives back `value`, if there is one. */
static bool to_whole(double value, int32_t decimals, int64_t *out) {
    double whole = nearbyint(value * POWER[decimals]);
    if (!(fabs(whole) < WHOLE_MAX)) return false;
    *out = (int64_t)whole;
    return is_same((double)*out / POWER[decimals], value); /* -0 is none */
}

static void fields_of(const candle *bar, double out[N_NUMBERS]) {
    memcpy(out, (double[N_NUMBERS]){bar->open, bar->high, bar->low, bar->close, bar->volume}, N_NUMBERS * sizeof *out);
}

/* How many decimals all values of the fields from..to need; AS_DOUBLES when no number of them will do. */
static int32_t decimals_of(const candle *bars, uint32_t n, int32_t from, int32_t to) {
    int32_t decimals = 0;
    int64_t whole;
    double value[N_NUMBERS];
    for (uint32_t i = 0; i < n; i++) {
        fields_of(&bars[i], value);
        for (int32_t f = from; f < to; f++)
            while (!to_whole(value[f], decimals, &whole))
                if (++decimals > DECIMALS_MAX) return AS_DOUBLES;
    }
    for (uint32_t i = 0; i < n; i++) { /* an early value may be too large for the decimals of a later one */
        fields_of(&bars[i], value);
        for (int32_t f = from; f < to; f++)
            if (!to_whole(value[f], decimals, &whole)) return AS_DOUBLES;
    }
    return decimals;
}

static int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }
static int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }

/* Sums wrap instead of overflowing: any times, and damaged bytes, are taken. */
static int64_t plus(int64_t a, int64_t b) { return (int64_t)((uint64_t)a + (uint64_t)b); }
static int64_t minus(int64_t a, int64_t b) { return (int64_t)((uint64_t)a - (uint64_t)b); }

static void put_times(byte_writer *w, const candle *bars, uint32_t n) {
    int64_t step = 0;
    put_signed(w, bars[0].open_ms);
    for (uint32_t i = 1; i < n; i++) {
        int64_t before = step;
        step = minus(bars[i].open_ms, bars[i - 1].open_ms);
        put_signed(w, minus(step, before));
    }
}

static void put_doubles(byte_writer *w, const candle *bars, uint32_t n, int32_t from, int32_t to) {
    double value[N_NUMBERS];
    byte_put_u8(w, AS_DOUBLES);
    for (uint32_t i = 0; i < n; i++) {
        fields_of(&bars[i], value);
        byte_put_bytes(w, value + from, (size_t)(to - from) * sizeof *value);
    }
}

static void put_prices(byte_writer *w, const candle *bars, uint32_t n) {
    int32_t decimals = decimals_of(bars, n, 0, N_PRICES);
    int64_t before = 0, open = 0, high = 0, low = 0, close = 0;
    if (decimals == AS_DOUBLES) {
        put_doubles(w, bars, n, 0, N_PRICES);
        return;
    }
    byte_put_u8(w, (uint8_t)decimals);
    for (uint32_t i = 0; i < n; i++, before = close) {
        (void)(to_whole(bars[i].open, decimals, &open) && to_whole(bars[i].high, decimals, &high) &&
               to_whole(bars[i].low, decimals, &low) && to_whole(bars[i].close, decimals, &close));
        put_signed(w, open - before);
        put_signed(w, close - open);
        put_signed(w, high - larger(open, close));
        put_signed(w, smaller(open, close) - low);
    }
}

static void put_volumes(byte_writer *w, const candle *bars, uint32_t n) {
    int32_t decimals = decimals_of(bars, n, N_PRICES, N_NUMBERS);
    int64_t volume = 0;
    if (decimals == AS_DOUBLES) {
        put_doubles(w, bars, n, N_PRICES, N_NUMBERS);
        return;
    }
    byte_put_u8(w, (uint8_t)decimals);
    for (uint32_t i = 0; i < n; i++) {
        (void)to_whole(bars[i].volume, decimals, &volume);
        put_signed(w, volume);
    }
}

void candle_pack(byte_writer *w, const candle *bars, uint32_t n_bars) {
    byte_put_varint(w, n_bars);
    put_times(w, bars, n_bars);
    put_prices(w, bars, n_bars);
    put_volumes(w, bars, n_bars);
}

/* ---- and back ---- */

static void get_times(byte_reader *r, candle *bars, uint32_t n) {
    int64_t step = 0;
    bars[0].open_ms = get_signed(r);
    for (uint32_t i = 1; i < n; i++) {
        step = plus(step, get_signed(r));
        bars[i].open_ms = plus(bars[i - 1].open_ms, step);
    }
}

static double get_double(byte_reader *r) {
    double value = NAN;
    const void *at = byte_get_bytes(r, sizeof value);
    if (at) memcpy(&value, at, sizeof value);
    return value;
}

static void get_price_doubles(byte_reader *r, candle *bars, uint32_t n) {
    for (uint32_t i = 0; i < n; i++) {
        bars[i].open = get_double(r);
        bars[i].high = get_double(r);
        bars[i].low = get_double(r);
        bars[i].close = get_double(r);
    }
}

static void get_prices(byte_reader *r, candle *bars, uint32_t n) {
    uint8_t decimals = byte_get_u8(r);
    int64_t before = 0;
    if (decimals == AS_DOUBLES) {
        get_price_doubles(r, bars, n);
        return;
    }
    if (decimals > DECIMALS_MAX) {
        (void)byte_reader_refuse(r);
        return;
    }
    for (uint32_t i = 0; i < n; i++) {
        int64_t open = plus(before, get_signed(r)), close = plus(open, get_signed(r));
        int64_t high = plus(larger(open, close), get_signed(r)), low = minus(smaller(open, close), get_signed(r));
        bars[i].open = (double)open / POWER[decimals];
        bars[i].high = (double)high / POWER[decimals];
        bars[i].low = (double)low / POWER[decimals];
        bars[i].close = (double)close / POWER[decimals];
        before = close;
    }
}

static void get_volumes(byte_reader *r, candle *bars, uint32_t n) {
    uint8_t decimals = byte_get_u8(r);
    if (decimals != AS_DOUBLES && decimals > DECIMALS_MAX) {
        (void)byte_reader_refuse(r);
        return;
    }
    for (uint32_t i = 0; i < n; i++)
        bars[i].volume = decimals == AS_DOUBLES ? get_double(r) : (double)get_signed(r) / POWER[decimals];
}

err candle_unpack(const void *data, size_t bytes, candle bars[CANDLES_MAX], uint32_t *n_bars) {
    byte_reader r = byte_reader_of(data, bytes);
    uint64_t n = byte_get_varint(&r);
    *n_bars = 0;
    if (r.has_failed || n < 1 || n > CANDLES_MAX) return ERR_INVALID;
    get_times(&r, bars, (uint32_t)n);
    get_prices(&r, bars, (uint32_t)n);
    get_volumes(&r, bars, (uint32_t)n);
    if (r.has_failed || r.left > 0) return ERR_INVALID;
    *n_bars = (uint32_t)n;
    return OK;
}
