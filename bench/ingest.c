/* ingest.parse: kline frames parsed on one core, messages/s; ingest.apply: from the frame's bytes to the bar in its
 * series (parsed, market time observed, symbol found, wanted or not, through a worker's inbox, applied). Frames are
 * seeded and as Binance sends them, larger together than the second cache level, walked round and round.
 *
 * With --frames it prints the combined ones, one a line, for the peer: bench/ingest.mjs. */
#include "base/clock.h"
#include "base/queue.h"
#include "bench/lib/figure.h"
#include "binance/intake.h"
#include "market/interval.h"
#include "screener/timeframe.h"
#include "screener/worker.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    N_SYMBOLS = 100,
    N_BARS = 40, /* of each symbol; each is sent UPDATES times, the last time closed */
    UPDATES = 2,
    N_FRAMES = N_SYMBOLS * N_BARS * UPDATES,
    FRAME_BYTES = 512,
    N_RUNS = 41,
    KEEP = 1000,
    BATCH = 64
};
static const int64_t FIRST_MS = 1700000100000, BAR_MS = 300000;

typedef struct frame_set {
    char text[N_FRAMES][FRAME_BYTES];
    size_t bytes[N_FRAMES], total;
} frame_set;

static uint64_t next_random(uint64_t *state) {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static double uniform(uint64_t *state) { return (double)(next_random(state) >> 11) * 0x1p-53; }

static void name_of(uint32_t symbol, char out[SYMBOL_BYTES]) {
    static const char *const BASES[] = {"BTC", "ETH", "PAXG", "LINK", "1000SATS"};
    snprintf(out, SYMBOL_BYTES, symbol < 5 ? "%sUSDT" : "%s%uUSDT", BASES[symbol % 5], symbol);
}

/* Prices have 2 decimals that count, volumes 5 and quote volumes 7, and all are written with 8, as for the large pairs. */
static size_t write_payload(char *out, size_t capacity, const char *symbol, int64_t open_ms, bool is_closed,
                            uint64_t *seed) {
    double open = 10000 + 90000 * uniform(seed), low = open * 0.999, high = open * 1.001;
    double volume = 1000 + 9000 * uniform(seed), taker = volume * uniform(seed);
    int64_t first = INT64_C(2024926121) + (int64_t)(next_random(seed) % 3000000000u);
    int64_t trades = (int64_t)(next_random(seed) % 9000) + 1;
    int n = snprintf(
        out, capacity,
        "{\"e\":\"kline\",\"E\":%" PRId64 ",\"s\":\"%s\",\"k\":{\"t\":%" PRId64 ",\"T\":%" PRId64
        ",\"s\":\"%s\",\"i\":\"5m\",\"f\":%" PRId64 ",\"L\":%" PRId64
        ",\"o\":\"%.2f000000\",\"c\":\"%.2f000000\",\"h\":\"%.2f000000\",\"l\":\"%.2f000000\",\"v\":\"%.5f000\""
        ",\"n\":%" PRId64 ",\"x\":%s,\"q\":\"%.7f0\",\"V\":\"%.5f000\",\"Q\":\"%.7f0\",\"B\":\"0\"}}",
        open_ms + (is_closed ? BAR_MS + 12 : 123456), symbol, open_ms, open_ms + BAR_MS - 1, symbol, first,
        first + trades - 1, open, low + (high - low) * uniform(seed), high, low, volume, trades,
        is_closed ? "true" : "false", volume * open, taker, taker * open);
    return (size_t)n;
}

/* In the order of time: all symbols' updates of a bar, then all its closes. */
static frame_set *make_frames(bool is_combined) {
    frame_set *set = calloc(1, sizeof *set);
    uint64_t seed = 20260101;
    for (size_t i = 0; set && i < N_FRAMES; i++) {
        char *out = set->text[i], symbol[SYMBOL_BYTES];
        size_t n = 0, round = i / N_SYMBOLS;
        name_of((uint32_t)(i % N_SYMBOLS), symbol);
        if (is_combined) n = (size_t)snprintf(out, FRAME_BYTES, "{\"stream\":\"btcusdt@kline_5m\",\"data\":");
        n += write_payload(out + n, FRAME_BYTES - n, symbol, FIRST_MS + (int64_t)(round / UPDATES) * BAR_MS,
                           round % UPDATES == UPDATES - 1, &seed);
        if (is_combined) n += (size_t)snprintf(out + n, FRAME_BYTES - n, "}");
        set->bytes[i] = n;
        set->total += n;
    }
    return set;
}

static void refuse(const char *what) {
    fprintf(stderr, "ingest: %s\n", what);
    exit(1);
}

static void print_rate(const char *name, const char *what, const frame_set *set, double *rates) {
    char workload[160];
    for (int i = 0; i < N_RUNS; i++) rates[i] = 1 / rates[i]; /* figure_print: smaller is better */
    figure_median(rates, N_RUNS);
    snprintf(workload, sizeof workload, "%s of %zu bytes on one thread", what, set->total / N_FRAMES);
    /* The p99 of a rate is its bad end: 99 % of the runs were at least as fast. */
    printf("{\"name\":\"%s\",\"workload\":\"%s\",\"unit\":\"messages/s\",\"median\":%.0f,\"p99\":%.0f,\"runs\":%d}\n",
           name, workload, 1 / rates[N_RUNS / 2], 1 / rates[N_RUNS - 1], N_RUNS);
    fflush(stdout);
}

/* ---- ingest.parse ---- */

/* One run's rate; every message must be a kline, and the sum keeps the compiler from leaving the work out. */
static double parse_all(const frame_set *set, double *sum) {
    parse_message message;
    int64_t start = thread_cpu_ns();
    for (int round = 0; round < 25; round++)
        for (size_t i = 0; i < N_FRAMES; i++) {
            if (parse_frame(set->text[i], set->bytes[i], NULL, NULL, &message) != MESSAGE_KLINE) refuse(message.what);
            *sum += message.kline.bar.close;
        }
    return 25.0 * N_FRAMES * 1e9 / (double)(thread_cpu_ns() - start);
}

static bool measure_parse(const char *name, const frame_set *set, const char *what) {
    double rates[N_RUNS], sum = 0;
    (void)parse_all(set, &sum);
    for (int i = 0; i < N_RUNS; i++) rates[i] = parse_all(set, &sum);
    print_rate(name, what, set, rates);
    return sum > 0;
}

/* ---- ingest.apply ---- */

typedef struct rig {
    symbol_table *symbols;
    topics *topics;
    registry *registry;
    queue *inbox;
    market_clock clock;
    timeframe *frames[N_SYMBOLS];
} rig;

static void rig_open(rig *r) {
    topic wanted[N_SYMBOLS];
    uint32_t id;
    if (symbol_table_new(&r->symbols) != OK || topics_new(r->symbols, &r->topics) != OK ||
        registry_new(&r->registry) != OK || queue_new(INBOX_EVENTS, sizeof(market_event), &r->inbox) != OK)
        refuse("out of memory");
    market_clock_init(&r->clock);
    for (uint32_t i = 0; i < N_SYMBOLS; i++) {
        symbol_info info = {.is_trading = true};
        name_of(i, info.name);
        if (symbol_table_add(r->symbols, &info, &id) != OK || id != i) refuse("two symbols of one name");
        wanted[i] = (topic){i, INTERVAL_5M};
    }
    if (topics_want(r->topics, wanted, N_SYMBOLS) != OK) refuse("topics");
}

/* Fresh series for each run, so that its bars are new every time. */
static void rig_reset(rig *r) {
    for (uint32_t i = 0; i < N_SYMBOLS; i++) {
        timeframe_free(r->frames[i]);
        if (timeframe_new(r->registry, INTERVAL_5M, KEEP, FIRST_MS, &r->frames[i]) != OK) refuse("out of memory");
    }
}

static void rig_close(rig *r) {
    for (uint32_t i = 0; i < N_SYMBOLS; i++) timeframe_free(r->frames[i]);
    queue_free(r->inbox);
    registry_free(r->registry);
    topics_free(r->topics);
    symbol_table_free(r->symbols);
}

/* The stream's side. */
static void take_in(rig *r, const char *text, size_t bytes) {
    parse_message message;
    market_event event;
    if (parse_frame(text, bytes, NULL, NULL, &message) != MESSAGE_KLINE) refuse(message.what);
    market_clock_observe(&r->clock, message.event_ms, monotonic_ms());
    if (intake_kline(r->symbols, r->topics, &message, &event) != INTAKE_TAKEN) refuse("a kline that nobody wants");
    if (!queue_push(r->inbox, &event)) refuse("the inbox is full");
}

/* The worker's. */
static void apply_inbox(rig *r) {
    market_event event;
    while (queue_pop(r->inbox, &event))
        if (timeframe_apply(r->frames[event.symbol], &event, INT64_MAX) != OK) refuse("out of memory");
}

static double apply_all(rig *r, const frame_set *set) {
    rig_reset(r);
    int64_t start = thread_cpu_ns();
    for (size_t i = 0; i < N_FRAMES; i++) {
        take_in(r, set->text[i], set->bytes[i]);
        if (i % BATCH == BATCH - 1) apply_inbox(r);
    }
    apply_inbox(r);
    int64_t spent = thread_cpu_ns() - start;
    for (uint32_t i = 0; i < N_SYMBOLS; i++)
        if (kline_series_count(r->frames[i]->bars) != N_BARS || r->frames[i]->n_waiting) refuse("bars are missing");
    return N_FRAMES * 1e9 / (double)spent;
}

static void measure_apply(const frame_set *set) {
    double rates[N_RUNS];
    rig r = {0};
    rig_open(&r);
    (void)apply_all(&r, set);
    for (int i = 0; i < N_RUNS; i++) rates[i] = apply_all(&r, set);
    rig_close(&r);
    print_rate("ingest.apply", "frame to series, 100 symbols, a closed bar every second frame: combined kline frames",
               set, rates);
}

int main(int argc, char **argv) {
    frame_set *raw = make_frames(false), *combined = make_frames(true);
    bool done = raw && combined;
    if (done && argc > 1 && strcmp(argv[1], "--frames") == 0) {
        for (size_t i = 0; i < N_FRAMES; i++) puts(combined->text[i]);
    } else if (done) {
        done = measure_parse("ingest.parse", combined, "combined kline frames") &&
               measure_parse("ingest.parse.raw", raw, "raw kline frames");
        measure_apply(combined);
    }
    free(raw);
    free(combined);
    return done ? 0 : 1;
}
