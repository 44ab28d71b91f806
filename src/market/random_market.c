/* The market model: three layers, each found from the one above without walking through time.
 *
 *   day levels   one log price per midnight, a mean-reverting walk; kept, 8 bytes a day
 *   day path     1,441 prices in ticks from one level to the next: regimes make the steps, and the difference to the
 *                next level is spread over the day so that the path arrives there; two paths kept per symbol
 *   minute       wicks, volume, trades and taker share: a hash of (symbol, minute), so nothing is kept at all
 *
 * One long walk would be simpler, but history weeks back would cost a walk through all of it, or keeping all of it. */
#include "market/random_market.h"
#include "market/interval.h"
#include "market/kline_file.h"
#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MINUTE_MS = 60000, DAY_MS = 86400000, DAY_MINUTES = 1440, N_PATHS = 2 };

typedef struct listing {
    const char *base;
    double price;
} listing;

/* In the order of their turnover; prices are a beginning, the walk goes on from there. */
static const listing listings[] = {
    {"BTC", 96500},      {"ETH", 3350},    {"SOL", 188},    {"XRP", 2.31},   {"BNB", 655},     {"DOGE", 0.318},
    {"ADA", 0.894},      {"AVAX", 36.8},   {"LINK", 20.4},  {"TRX", 0.254},  {"SUI", 4.12},    {"LTC", 103.5},
    {"DOT", 6.71},       {"NEAR", 4.95},   {"UNI", 13.2},   {"APT", 8.74},   {"BCH", 438},     {"PEPE", 0.00001745},
    {"SHIB", 0.0000212}, {"ARB", 0.721},   {"OP", 1.76},    {"FIL", 4.93},   {"ATOM", 6.34},   {"INJ", 19.9},
    {"ETC", 25.6},       {"AAVE", 309},    {"ICP", 9.95},   {"HBAR", 0.268}, {"XLM", 0.331},   {"RENDER", 6.92},
    {"FET", 1.27},       {"ALGO", 0.334},  {"SEI", 0.402},  {"TIA", 4.71},   {"WIF", 1.88},    {"BONK", 0.0000291},
    {"GALA", 0.0351},    {"SAND", 0.548},  {"MANA", 0.462}, {"CRV", 0.897},  {"LDO", 1.82},    {"FTM", 0.703},
    {"GRT", 0.198},      {"RUNE", 4.87},   {"IMX", 1.31},   {"STX", 1.46},   {"EGLD", 33.1},   {"THETA", 2.19},
    {"AXS", 6.13},       {"FLOW", 0.701},  {"CHZ", 0.0832}, {"EOS", 0.781},  {"XTZ", 1.27},    {"NEO", 13.9},
    {"KAVA", 0.461},     {"ZEC", 54.7},    {"DASH", 36.9},  {"IOTA", 0.288}, {"COMP", 76.4},   {"SNX", 1.94},
    {"ENJ", 0.212},      {"1INCH", 0.381}, {"ZIL", 0.0214}, {"BAT", 0.236},  {"QTUM", 3.02},   {"JUP", 0.812},
    {"PYTH", 0.361},     {"ENA", 0.934},   {"WLD", 2.12},   {"ORDI", 22.7},  {"JTO", 3.11},    {"STRK", 0.446},
    {"DYDX", 1.49},      {"GMX", 27.4},    {"MASK", 2.86},  {"KSM", 33.8},   {"ROSE", 0.0801}, {"CELO", 0.641},
    {"ANKR", 0.0341},    {"HOT", 0.00218},
};
enum { N_LISTINGS = sizeof listings / sizeof listings[0] };

typedef struct path {
    int64_t day; /* -1: empty */
    int64_t ticks[DAY_MINUTES + 1];
    float activity[DAY_MINUTES]; /* of the minute's turnover; 1 is usual */
} path;

typedef struct coin {
    symbol_info info;
    uint64_t seed;
    double first_log, minute_sigma, minute_turnover;
    int price_decimals, step_decimals;
    double *levels; /* log price at the midnights since the first day */
    size_t n_levels, levels_capacity;
    path *paths; /* by the day's parity */
} coin;

struct random_market {
    size_t count;
    coin *coins;
};

typedef struct regime {
    double sigma, drift, volume; /* times the usual; drift in sigmas a minute */
    int least_minutes, most_minutes;
} regime;

static const regime regimes[] = {
    {0.5, 0, 0.7, 30, 150}, {0.5, 0, 0.6, 30, 150},    {1.0, 0, 1.0, 20, 120},
    {1.0, 0, 1.1, 20, 120}, {0.8, 0.25, 1.3, 25, 100}, {0.8, -0.25, 1.3, 25, 100},
    {2.2, 0, 2.4, 10, 45},  {1.5, 0.9, 3.2, 6, 22},    {1.5, -0.9, 3.4, 6, 22},
};
enum { N_REGIMES = sizeof regimes / sizeof regimes[0] };

static const double powers[] = {1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8};

static uint64_t mix(uint64_t x);
static uint64_t draw(uint64_t *state);
static double uniform(uint64_t *state);
static double normal(uint64_t *state);
static err coin_init(coin *c, uint64_t seed, const char *name);
static const listing *find_listing(const symbol_info *info);
static err find_path(coin *c, int64_t day, const path **out);
static void walk_day(const coin *c, int64_t day, double from_log, double to_log, path *p);
static kline make_minute(const coin *c, const path *p, int64_t minute, int64_t open_ms);

void random_market_name(size_t n, char out[SYMBOL_BYTES]) {
    if (n < N_LISTINGS)
        snprintf(out, SYMBOL_BYTES, "%sUSDT", listings[n].base);
    else
        snprintf(out, SYMBOL_BYTES, "SIM%zuUSDT", n + 1);
}

err random_market_new(uint64_t seed, const char *const *names, size_t n_names, random_market **out) {
    err e = ERR_NO_MEMORY;
    *out = NULL;
    random_market *market = calloc(1, sizeof *market);
    if (!market) return e;
    market->coins = calloc(n_names ? n_names : 1, sizeof *market->coins);
    if (!market->coins) goto out;
    for (size_t i = 0; i < n_names; i++) {
        for (size_t k = 0; k < i; k++)
            if (strcmp(names[k], names[i]) == 0) {
                e = ERR_INVALID;
                goto out;
            }
        market->count = i + 1;
        e = coin_init(&market->coins[i], seed, names[i]);
        if (e != OK) goto out;
    }
    e = OK;
    *out = market;
out:
    if (e != OK) random_market_free(market);
    return e;
}

void random_market_free(random_market *market) {
    if (!market) return;
    for (size_t i = 0; i < market->count; i++) {
        free(market->coins[i].levels);
        free(market->coins[i].paths);
    }
    free(market->coins);
    free(market);
}

size_t random_market_count(const random_market *market) { return market->count; }

const symbol_info *random_market_symbol(const random_market *market, size_t symbol) {
    assert(symbol < market->count);
    return &market->coins[symbol].info;
}

err random_market_minute(random_market *market, size_t symbol, int64_t open_ms, kline *out) {
    assert(symbol < market->count);
    if (open_ms < RANDOM_MARKET_FIRST_MS || open_ms >= RANDOM_MARKET_END_MS || open_ms % MINUTE_MS != 0)
        return ERR_INVALID;
    const path *p;
    err e = find_path(&market->coins[symbol], (open_ms - RANDOM_MARKET_FIRST_MS) / DAY_MS, &p);
    if (e == OK) *out = make_minute(&market->coins[symbol], p, open_ms % DAY_MS / MINUTE_MS, open_ms);
    return e;
}

static err fold_span(random_market *market, size_t symbol, int64_t open_ms, int64_t end_ms, kline *out) {
    err e = random_market_minute(market, symbol, open_ms, out);
    for (int64_t at_ms = open_ms + MINUTE_MS; e == OK && at_ms < end_ms; at_ms += MINUTE_MS) {
        kline minute;
        e = random_market_minute(market, symbol, at_ms, &minute);
        if (e == OK) kline_merge(out, &minute);
    }
    return e;
}

err random_market_klines(random_market *market, size_t symbol, enum interval interval, int64_t from_ms, int64_t to_ms,
                         kline *out, size_t max, size_t *count) {
    *count = 0;
    if (interval == INTERVAL_1S) return OK;
    if (from_ms < RANDOM_MARKET_FIRST_MS) from_ms = RANDOM_MARKET_FIRST_MS;
    if (to_ms > RANDOM_MARKET_END_MS) to_ms = RANDOM_MARKET_END_MS;
    int64_t open_ms = interval_floor(interval, from_ms);
    if (open_ms < from_ms) open_ms = interval_next(interval, open_ms);
    for (; open_ms < to_ms && *count < max; open_ms = interval_next(interval, open_ms)) {
        int64_t end_ms = interval_next(interval, open_ms);
        if (end_ms > RANDOM_MARKET_END_MS) break;
        err e = fold_span(market, symbol, open_ms, end_ms, &out[*count]);
        if (e != OK) return e;
        ++*count;
    }
    return OK;
}

/* ---- coins ---- */

static int clamp(int value, int least, int most) { return value < least ? least : value > most ? most : value; }

static err coin_init(coin *c, uint64_t seed, const char *name) {
    size_t bytes = strlen(name);
    if (bytes == 0 || bytes >= SYMBOL_BYTES) return ERR_INVALID;
    memcpy(c->info.name, name, bytes + 1);
    symbol_guess_assets(&c->info);
    c->seed = mix(seed);
    for (size_t i = 0; i < bytes; i++) c->seed = mix(c->seed ^ (uint8_t)name[i]);
    uint64_t random = c->seed;
    const listing *known = find_listing(&c->info);
    double drawn_price = pow(10, -3 + 5 * uniform(&random));
    double drawn_turnover = 2e6 * pow(10, uniform(&random));
    double price = known ? known->price : drawn_price;
    double day_turnover = known ? 2.4e9 / (1 + (double)(known - listings)) : drawn_turnover;
    c->first_log = log(price);
    c->minute_sigma = 0.0003 + 0.0005 * uniform(&random);
    c->minute_turnover = day_turnover / DAY_MINUTES;
    int magnitude = (int)floor(log10(price));
    c->price_decimals = clamp(4 - magnitude, magnitude >= 2 ? 2 : 0, 8);
    c->step_decimals = clamp(magnitude, 0, 5);
    c->info.tick_size = 1 / powers[c->price_decimals];
    c->info.step_size = 1 / powers[c->step_decimals];
    c->info.quote_volume_24h = day_turnover;
    c->info.is_trading = true;
    c->paths = malloc(N_PATHS * sizeof *c->paths);
    if (!c->paths) return ERR_NO_MEMORY;
    for (int i = 0; i < N_PATHS; i++) c->paths[i].day = -1;
    return OK;
}

static const listing *find_listing(const symbol_info *info) {
    for (size_t i = 0; i < N_LISTINGS; i++)
        if (strcmp(info->quote, "USDT") == 0 && strcmp(info->base, listings[i].base) == 0) return &listings[i];
    return NULL;
}

/* ---- levels and paths ---- */

static err reach_level(coin *c, size_t n) {
    if (n >= c->levels_capacity) {
        size_t capacity = n + 512;
        double *levels = realloc(c->levels, capacity * sizeof *levels);
        if (!levels) return ERR_NO_MEMORY;
        c->levels = levels;
        c->levels_capacity = capacity;
    }
    if (c->n_levels == 0) c->levels[c->n_levels++] = c->first_log;
    double day_sigma = c->minute_sigma * sqrt(DAY_MINUTES);
    for (; c->n_levels <= n; c->n_levels++) {
        uint64_t random = mix(c->seed ^ (0x5eedULL << 32) ^ c->n_levels);
        double before = c->levels[c->n_levels - 1];
        /* The pull back to the first price keeps it in reach of its tick for ever. */
        c->levels[c->n_levels] = before + day_sigma * normal(&random) - 0.02 * (before - c->first_log);
    }
    return OK;
}

static err find_path(coin *c, int64_t day, const path **out) {
    path *p = &c->paths[day % N_PATHS];
    if (p->day != day) {
        err e = reach_level(c, (size_t)day + 1);
        if (e != OK) return e;
        walk_day(c, day, c->levels[day], c->levels[day + 1], p);
    }
    *out = p;
    return OK;
}

static int64_t to_ticks(const coin *c, double log_price) {
    int64_t ticks = llround(exp(log_price) * powers[c->price_decimals]);
    return ticks > 0 ? ticks : 1;
}

/* A sum of twelve uniforms less six is a normal variable cut at six sigmas; four of them, scaled, are near enough, and
 * unlike log and cos they give the same bits under every C library. */
static double normal(uint64_t *state) {
    double sum = 0;
    for (int i = 0; i < 4; i++) sum += uniform(state);
    return (sum - 2) * 1.7320508075688772;
}

static void walk_day(const coin *c, int64_t day, double from_log, double to_log, path *p) {
    double steps[DAY_MINUTES], sum = 0;
    uint64_t random = mix(c->seed ^ (0xdaULL << 40) ^ (uint64_t)day);
    const regime *now = regimes;
    int left = 0;
    for (int i = 0; i < DAY_MINUTES; i++) {
        if (left-- == 0) {
            now = &regimes[draw(&random) % N_REGIMES];
            left = now->least_minutes + (int)(draw(&random) % (uint64_t)(now->most_minutes - now->least_minutes));
        }
        steps[i] = c->minute_sigma * (now->sigma * normal(&random) + now->drift);
        sum += steps[i];
        double burst = draw(&random) % 90 == 0 ? 3 + 7 * uniform(&random) : 1;
        p->activity[i] = (float)(now->volume * burst);
    }
    double correction = (to_log - from_log - sum) / DAY_MINUTES, at = from_log;
    for (int i = 0; i < DAY_MINUTES; i++) {
        p->ticks[i] = to_ticks(c, at);
        at += steps[i] + correction;
    }
    p->ticks[DAY_MINUTES] = to_ticks(c, to_log); /* the very number with which the next day begins */
    p->day = day;
}

/* ---- one minute ---- */

static double on_grid(double value, int decimals) { return floor(value * powers[decimals]) / powers[decimals]; }

static double on_wire(double value) { return value < 67108864.0 ? nearbyint(value * 1e8) / 1e8 : value; }

static kline make_minute(const coin *c, const path *p, int64_t minute, int64_t open_ms) {
    uint64_t random = mix(c->seed ^ mix((uint64_t)open_ms));
    double scale = powers[c->price_decimals], activity = (double)p->activity[minute];
    int64_t open = p->ticks[minute], close = p->ticks[minute + 1];
    double wick = c->minute_sigma * (double)open * sqrt(activity), up = uniform(&random), down = uniform(&random);
    int64_t high = (open > close ? open : close) + (int64_t)(wick * up * up);
    int64_t low = (open < close ? open : close) - (int64_t)(wick * down * down);
    if (low < 1) low = 1;
    double move = fabs((double)(close - open)) / (c->minute_sigma * (double)open);
    double noise = uniform(&random), more_noise = uniform(&random);
    double turnover = c->minute_turnover * activity * (0.35 + noise * (0.5 + more_noise)) * (0.7 + 0.5 * move);
    double price = (double)(open + high + low + close) / 4 / scale;
    kline bar = {.open_ms = open_ms,
                 .open = (double)open / scale,
                 .high = (double)high / scale,
                 .low = (double)low / scale,
                 .close = (double)close / scale};
    bar.volume = on_grid(turnover / price, c->step_decimals) + c->info.step_size;
    bar.volume = on_wire(bar.volume);
    bar.quote_volume = on_wire(bar.volume * price);
    bar.trades = 1 + floor(turnover / (300 + 900 * uniform(&random)));
    double lean = close > open ? 0.06 : close < open ? -0.06 : 0;
    bar.taker_base = on_grid(bar.volume * (0.4 + 0.2 * uniform(&random) + lean), c->step_decimals);
    bar.taker_quote = on_wire(bar.taker_base * price);
    return bar;
}

/* ---- randomness: splitmix64 ---- */

static uint64_t mix(uint64_t x) {
    x += 0x9e3779b97f4a7c15ULL;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
    return x ^ (x >> 31);
}

static uint64_t draw(uint64_t *state) { return mix((*state)++); }

static double uniform(uint64_t *state) { return (double)(draw(state) >> 11) * 0x1p-53; }
