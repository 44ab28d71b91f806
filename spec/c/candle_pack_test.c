/* Packed candles come back to the last bit, whatever they are, and damaged ones are refused without harm. */
#include "spec/c/random.h"
#include "spec/c/tap.h"
#include "sync/candle_pack.h"
#include <math.h>
#include <string.h>

enum { ROUNDS = 3000, MINUTE_MS = 60000 };

static double decimal(double value, int32_t decimals) {
    char text[64];
    snprintf(text, sizeof text, "%.*f", decimals, value);
    return strtod(text, NULL);
}

/* As the exchange tells them: decimals of one kind; `decimals` < 0: any doubles. */
static void make_bars(candle *bars, uint32_t n, double price, int32_t decimals) {
    int64_t open_ms = 1767571200000 - below(1000) * (int64_t)MINUTE_MS;
    for (uint32_t i = 0; i < n; i++, open_ms += MINUTE_MS * (uniform() < 0.1 ? 1 + below(50) : 1)) {
        double open = price * (1 + 0.01 * (uniform() - 0.5)), close = open * (1 + 0.01 * (uniform() - 0.5));
        double high = fmax(open, close) * (1 + 0.01 * uniform()), low = fmin(open, close) * (1 - 0.01 * uniform());
        bars[i] = (candle){open_ms, open, high, low, close, uniform() * 1e6};
        if (decimals < 0) continue;
        bars[i].open = decimal(open, decimals);
        bars[i].high = decimal(high, decimals);
        bars[i].low = decimal(low, decimals);
        bars[i].close = decimal(close, decimals);
        bars[i].volume = decimal(bars[i].volume, below(6));
    }
}

static bool comes_back(const candle *bars, uint32_t n, size_t *bytes) {
    byte_writer w;
    candle read[CANDLES_MAX];
    uint32_t n_read;
    byte_writer_init(&w);
    candle_pack(&w, bars, n);
    bool same = byte_writer_result(&w) == OK && candle_unpack(w.data, w.used, read, &n_read) == OK && n_read == n &&
                memcmp(read, bars, n * sizeof *bars) == 0;
    *bytes = w.used;
    byte_writer_deinit(&w);
    return same;
}

static void test_decimals(void) {
    int n_wrong = 0;
    double n_bytes = 0, n_bars = 0;
    for (int k = 0; k < ROUNDS; k++) {
        candle bars[CANDLES_MAX];
        uint32_t n = 1 + (uint32_t)below(CANDLES_MAX);
        size_t bytes;
        make_bars(bars, n, pow(10, below(10) - 5), 2 + below(7));
        n_wrong += !comes_back(bars, n, &bytes);
        n_bytes += (double)bytes;
        n_bars += n;
    }
    ok(n_wrong == 0, "decimals come back to the last bit, %d of %d differ", n_wrong, ROUNDS);
    ok(n_bytes / n_bars < sizeof(candle) / 2.0, "in less than half the room: %.1f bytes a bar", n_bytes / n_bars);
}

static void test_any_doubles(void) {
    const double odd[] = {
        0.0, -0.0, NAN, INFINITY, -INFINITY, 5e-324, 1.7976931348623157e308, -1.5, 9007199254740993.0};
    int n_wrong = 0;
    for (int k = 0; k < ROUNDS; k++) {
        candle bars[CANDLES_MAX];
        uint32_t n = 1 + (uint32_t)below(CANDLES_MAX);
        size_t bytes;
        make_bars(bars, n, pow(10, below(40) - 20), below(2) ? -1 : 4);
        if (below(2)) bars[below((int32_t)n)].low = odd[below(9)];
        if (below(2)) bars[below((int32_t)n)].volume = odd[below(9)];
        if (below(4) == 0) bars[below((int32_t)n)].open_ms = below(2) ? INT64_MIN / 2 : INT64_MAX / 2;
        n_wrong += !comes_back(bars, n, &bytes);
    }
    ok(n_wrong == 0, "any doubles come back to the last bit, %d of %d differ", n_wrong, ROUNDS);
}

static void test_damage(void) {
    int n_accepted = 0, n_short = 0;
    for (int k = 0; k < ROUNDS; k++) {
        candle bars[CANDLES_MAX], read[CANDLES_MAX];
        uint32_t n = 1 + (uint32_t)below(CANDLES_MAX), n_read = 77;
        byte_writer w;
        make_bars(bars, n, 100, below(3) ? 4 : -1);
        byte_writer_init(&w);
        candle_pack(&w, bars, n);
        n_short += candle_unpack(w.data, (size_t)below((int32_t)w.used), read, &n_read) == OK;
        n_short += n_read != 0;
        for (int i = 0; i < 4; i++) w.data[below((int32_t)w.used)] = (unsigned char)below(256);
        n_accepted += candle_unpack(w.data, w.used, read, &n_read) == OK && (n_read < 1 || n_read > CANDLES_MAX);
        byte_writer_deinit(&w);
    }
    ok(n_short == 0, "no front of packed bars passes for the whole");
    ok(n_accepted == 0, "damaged bytes never give a number of bars that cannot be");
    candle read[CANDLES_MAX];
    uint32_t n_read;
    ok(candle_unpack("", 0, read, &n_read) == ERR_INVALID, "nothing is refused");
    ok(candle_unpack("\0\0\0", 3, read, &n_read) == ERR_INVALID, "no bars are refused");
    ok(candle_unpack("\x65", 1, read, &n_read) == ERR_INVALID, "too many bars are refused");
}

int main(void) {
    random_state = tap_seed(1) * 2 + 1;
    test_decimals();
    test_any_doubles();
    test_damage();
    return done();
}
