/* The market model: the same bars in any order of asking, higher intervals folded from the minutes, prices and
 * quantities that a real exchange could print, and something in them for filters to find. */
#include "market/interval.h"
#include "market/kline_file.h"
#include "market/random_market.h"
#include "spec/c/tap.h"
#include <math.h>
#include <string.h>
#include <time.h>

enum { MINUTE_MS = 60000, N_MINUTES = 4320 };
static const char *const names[] = {"BTCUSDT", "ETHUSDT", "PEPEUSDT", "MADEUPUSDT"};
enum { N_NAMES = 4 };
static uint64_t random_state;

static uint64_t draw(void) {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    return random_state ^= random_state << 17;
}

static random_market *open_market(uint64_t seed, const char *const *list, size_t n) {
    random_market *market;
    if (random_market_new(seed, list, n, &market) != OK) {
        printf("Bail out! no market\n");
        exit(1);
    }
    return market;
}

static kline minute(random_market *market, size_t symbol, int64_t open_ms) {
    kline bar;
    if (random_market_minute(market, symbol, open_ms, &bar) != OK) {
        printf("Bail out! no minute at %lld\n", (long long)open_ms);
        exit(1);
    }
    return bar;
}

static bool same(const kline *a, const kline *b) { return memcmp(a, b, sizeof *a) == 0; }

static void test_random_access(uint64_t seed, int64_t from_ms) {
    random_market *walked = open_market(seed, names, N_NAMES), *asked = open_market(seed, names, N_NAMES);
    static kline bars[N_NAMES][N_MINUTES];
    for (size_t s = 0; s < N_NAMES; s++)
        for (size_t i = 0; i < N_MINUTES; i++) bars[s][i] = minute(walked, s, from_ms + (int64_t)i * MINUTE_MS);
    size_t wrong = 0;
    for (int n = 0; n < 20000; n++) {
        size_t s = draw() % N_NAMES, i = draw() % N_MINUTES;
        kline bar = minute(asked, s, from_ms + (int64_t)i * MINUTE_MS);
        wrong += !same(&bar, &bars[s][i]);
        if (n % 40 == 0)
            minute(asked, s, RANDOM_MARKET_FIRST_MS + (int64_t)(draw() % 30000000) * MINUTE_MS); /* far away */
    }
    ok(wrong == 0, "asked for in any order as walked through: %zu differ", wrong);
    static const char *const turned[] = {"MADEUPUSDT", "BTCUSDT"};
    random_market *other = open_market(seed, turned, 2);
    kline a = minute(other, 1, from_ms), b = minute(other, 0, from_ms);
    ok(same(&a, &bars[0][0]) && same(&b, &bars[3][0]), "a symbol does not depend on its neighbours");
    random_market *next_seed = open_market(seed + 1, names, N_NAMES);
    kline c = minute(next_seed, 0, from_ms);
    ok(!same(&c, &bars[0][0]), "another seed is another market");
    random_market_free(other);
    random_market_free(next_seed);
    random_market_free(walked);
    random_market_free(asked);
}

static void test_intervals(uint64_t seed, int64_t from_ms) {
    random_market *market = open_market(seed, names, N_NAMES);
    enum { DAYS = 40 };
    static kline bars[DAYS * 1440];
    size_t count;
    int64_t day_ms = interval_floor(INTERVAL_1W, from_ms), end_ms = day_ms + DAYS * INT64_C(86400000);
    err e = random_market_klines(market, 1, INTERVAL_1M, day_ms, end_ms, bars, sizeof bars / sizeof bars[0], &count);
    ok(e == OK && count == DAYS * 1440, "every minute of %d days is there", DAYS);
    kline_list minutes = {bars, count, count};
    for (int i = INTERVAL_1M; i <= INTERVAL_1W; i++) {
        kline_list folded;
        static kline direct[DAYS * 1440];
        size_t n, at = 0;
        if (kline_resample(&minutes, INTERVAL_1M, (enum interval)i, &folded) != OK) exit(1);
        int64_t to_ms = folded.bars[folded.count - 1].open_ms + 1;
        e = random_market_klines(market, 1, (enum interval)i, folded.bars[0].open_ms, to_ms, direct, DAYS * 1440, &n);
        while (e == OK && at < n && at < folded.count && same(&direct[at], &folded.bars[at])) at++;
        ok(e == OK && n == folded.count && at == n, "%s is folded from the minutes: %zu bars", interval_name(i), n);
        kline_list_free(&folded);
    }
    kline few[7];
    e = random_market_klines(market, 0, INTERVAL_5M, from_ms + 1, INT64_MAX, few, 7, &count);
    ok(e == OK && count == 7 && few[0].open_ms == interval_next(INTERVAL_5M, interval_floor(INTERVAL_5M, from_ms)),
       "a range starts at the next whole bar and ends at the room");
    e = random_market_klines(market, 0, INTERVAL_1MO, INT64_MIN / 2, INT64_MAX, few, 2, &count);
    ok(e == OK && count == 2 && few[0].open_ms == RANDOM_MARKET_FIRST_MS && few[1].open_ms == INT64_C(1706745600000),
       "months from the listing on");
    e = random_market_klines(market, 0, INTERVAL_1S, from_ms, INT64_MAX, few, 7, &count);
    ok(e == OK && count == 0, "no seconds");
    kline bar;
    ok(random_market_minute(market, 0, RANDOM_MARKET_FIRST_MS - MINUTE_MS, &bar) == ERR_INVALID &&
           random_market_minute(market, 0, RANDOM_MARKET_END_MS, &bar) == ERR_INVALID &&
           random_market_minute(market, 0, from_ms + 1, &bar) == ERR_INVALID,
       "no minute outside the model's time, none in between");
    random_market_free(market);
}

static bool survives_wire(double value) {
    char printed[64];
    snprintf(printed, sizeof printed, "%.8f", value);
    return strtod(printed, NULL) == value;
}

static bool on_step(double value, double step) {
    return fabs(value / step - nearbyint(value / step)) < 1e-6 * fmax(1, value / step * 1e-9);
}

static void test_plausible(uint64_t seed, int64_t from_ms) {
    random_market *market = open_market(seed, names, N_NAMES);
    for (size_t s = 0; s < N_NAMES; s++) {
        const symbol_info *info = random_market_symbol(market, s);
        size_t bad_price = 0, bad_volume = 0, bad_wire = 0, jumps = 0;
        double close = 0;
        for (int i = 0; i < N_MINUTES; i++) {
            kline b = minute(market, s, from_ms + (int64_t)i * MINUTE_MS);
            bad_price += !(b.low > 0 && b.low <= fmin(b.open, b.close) && b.high >= fmax(b.open, b.close)) ||
                         !on_step(b.open, info->tick_size) || !on_step(b.close, info->tick_size);
            bad_volume +=
                !(b.volume > 0 && b.quote_volume >= b.volume * b.low * (1 - 1e-9) &&
                  b.quote_volume <= b.volume * b.high * (1 + 1e-9) && b.trades >= 1 && b.trades == floor(b.trades) &&
                  b.taker_base >= 0 && b.taker_base <= b.volume && b.taker_quote <= b.quote_volume);
            const double all[] = {b.open,   b.high,         b.low,        b.close,
                                  b.volume, b.quote_volume, b.taker_base, b.taker_quote};
            for (int k = 0; k < 8; k++) bad_wire += !survives_wire(all[k]);
            jumps += i > 0 && b.open != close;
            close = b.close;
        }
        ok(bad_price == 0, "%s: prices in order, on the tick", info->name);
        ok(bad_volume == 0, "%s: volume, turnover, trades and taker share fit each other", info->name);
        ok(bad_wire == 0, "%s: all decimals survive the wire", info->name);
        ok(jumps == 0, "%s: each minute opens where the last one closed, over midnight too", info->name);
    }
    random_market_free(market);
}

/* Wilder's RSI and a simple mean of volume, written down plainly. */
static void test_finds(uint64_t seed, int64_t from_ms) {
    random_market *market = open_market(seed, names, N_NAMES);
    for (size_t s = 0; s < N_NAMES; s++) {
        double up = 0, down = 0, close = 0, volumes[20] = {0};
        int oversold = 0, overbought = 0, spikes = 0;
        for (int i = 0; i < N_MINUTES; i++) {
            kline b = minute(market, s, from_ms + (int64_t)i * MINUTE_MS);
            double change = i > 0 ? b.close - close : 0, mean = 0;
            up += (fmax(change, 0) - up) / 14;
            down += (fmax(-change, 0) - down) / 14;
            close = b.close;
            for (int k = 0; k < 20; k++) mean += volumes[k] / 20;
            spikes += i > 20 && b.volume > 3 * mean;
            volumes[i % 20] = b.volume;
            double rsi = up + down > 0 ? 100 * up / (up + down) : 50;
            oversold += i > 100 && rsi < 30;
            overbought += i > 100 && rsi > 70;
        }
        ok(oversold > 5 && oversold < N_MINUTES / 4 && overbought > 5 && overbought < N_MINUTES / 4,
           "%s: RSI reaches both ends at times (%d, %d of %d)", names[s], oversold, overbought, N_MINUTES);
        ok(spikes > 5 && spikes < N_MINUTES / 10, "%s: bursts of volume (%d)", names[s], spikes);
    }
    random_market_free(market);
}

static void test_names(void) {
    enum { MANY = 500 };
    static char made[MANY][SYMBOL_BYTES];
    static const char *list[MANY];
    for (size_t i = 0; i < MANY; i++) {
        random_market_name(i, made[i]);
        list[i] = made[i];
    }
    random_market *market = open_market(1, list, MANY);
    size_t bad = 0;
    for (size_t i = 0; i < MANY; i++) {
        const symbol_info *info = random_market_symbol(market, i);
        bad += strcmp(info->quote, "USDT") != 0 || !info->base[0] || !info->is_trading || !(info->tick_size > 0);
    }
    ok(random_market_count(market) == MANY && bad == 0 && strcmp(made[0], "BTCUSDT") == 0,
       "500 names, no two alike, with assets and a tick");
    random_market_free(market);
    static const char *const twice[] = {"BTCUSDT", "ETHUSDT", "BTCUSDT"}, *const empty[] = {""};
    ok(random_market_new(1, twice, 3, &market) == ERR_INVALID, "the same name twice is refused");
    ok(random_market_new(1, empty, 1, &market) == ERR_INVALID, "an empty name is refused");
}

int main(void) {
    uint64_t seed = tap_seed((uint64_t)time(NULL));
    random_state = seed | 1;
    /* Any day of two years; the middle of it, so that midnights are crossed. */
    int64_t from_ms = RANDOM_MARKET_FIRST_MS + (int64_t)(draw() % 1052640) * MINUTE_MS;
    test_random_access(seed, from_ms);
    test_intervals(seed, from_ms);
    test_plausible(seed, from_ms);
    test_finds(seed, from_ms);
    test_names();
    return done();
}
