/* ingest.parse: kline frames parsed on one core, messages/s. A seeded set of frames as Binance sends them (all
 * intervals' field order, 8 decimals, some 350 bytes), larger than the first cache level, walked round and round. */
#include "base/clock.h"
#include "binance/parse.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { N_FRAMES = 1024, FRAME_BYTES = 512, N_RUNS = 41, N_MESSAGES = 200000 };

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

/* Prices have 2 decimals that count, volumes 5 and quote volumes 7, and all are written with 8, as for the large pairs. */
static size_t write_payload(char *out, size_t capacity, uint64_t *seed) {
    static const char *const SYMBOLS[] = {"BTCUSDT", "ETHUSDT", "PAXGUSDT", "LINKUSDT", "AVAXUSDT", "1000SATSUSDT"};
    const char *symbol = SYMBOLS[next_random(seed) % 6];
    double open = 10000 + 90000 * uniform(seed), low = open * 0.999, high = open * 1.001;
    double volume = 1000 + 9000 * uniform(seed), taker = volume * uniform(seed);
    int64_t open_ms = INT64_C(1700000100000) + (int64_t)(next_random(seed) % 100000) * 300000;
    int64_t first = INT64_C(2024926121) + (int64_t)(next_random(seed) % 3000000000u);
    int64_t trades = (int64_t)(next_random(seed) % 9000) + 1;
    int n = snprintf(
        out, capacity,
        "{\"e\":\"kline\",\"E\":%" PRId64 ",\"s\":\"%s\",\"k\":{\"t\":%" PRId64 ",\"T\":%" PRId64
        ",\"s\":\"%s\",\"i\":\"5m\",\"f\":%" PRId64 ",\"L\":%" PRId64
        ",\"o\":\"%.2f000000\",\"c\":\"%.2f000000\",\"h\":\"%.2f000000\",\"l\":\"%.2f000000\",\"v\":\"%.5f000\""
        ",\"n\":%" PRId64 ",\"x\":%s,\"q\":\"%.7f0\",\"V\":\"%.5f000\",\"Q\":\"%.7f0\",\"B\":\"0\"}}",
        open_ms + 123456, symbol, open_ms, open_ms + 299999, symbol, first, first + trades - 1, open,
        low + (high - low) * uniform(seed), high, low, volume, trades, trades % 8 ? "false" : "true", volume * open,
        taker, taker * open);
    return (size_t)n;
}

static frame_set *make_frames(bool is_combined) {
    frame_set *set = calloc(1, sizeof *set);
    uint64_t seed = 20260101;
    for (size_t i = 0; set && i < N_FRAMES; i++) {
        char *out = set->text[i];
        size_t n = 0;
        if (is_combined) n = (size_t)snprintf(out, FRAME_BYTES, "{\"stream\":\"btcusdt@kline_5m\",\"data\":");
        n += write_payload(out + n, FRAME_BYTES - n, &seed);
        if (is_combined) n += (size_t)snprintf(out + n, FRAME_BYTES - n, "}");
        set->bytes[i] = n;
        set->total += n;
    }
    return set;
}

/* One run's rate; every message must be a kline, and the sum keeps the compiler from leaving the work out. */
static double run(const frame_set *set, double *sum) {
    parse_message message;
    int64_t start = thread_cpu_ns();
    for (size_t i = 0; i < N_MESSAGES; i++) {
        size_t at = i % N_FRAMES;
        if (parse_frame(set->text[at], set->bytes[at], NULL, NULL, &message) != MESSAGE_KLINE) {
            fprintf(stderr, "ingest: frame %zu: %s at %zu\n", at, message.what, message.where);
            exit(1);
        }
        *sum += message.kline.bar.close;
    }
    return N_MESSAGES * 1e9 / (double)(thread_cpu_ns() - start);
}

static int compare(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static bool measure(const char *name, bool is_combined) {
    double rates[N_RUNS], sum = 0;
    frame_set *set = make_frames(is_combined);
    if (!set) return false;
    (void)run(set, &sum);
    for (int i = 0; i < N_RUNS; i++) rates[i] = run(set, &sum);
    qsort(rates, N_RUNS, sizeof *rates, compare);
    /* The p99 of a rate is its bad end: 99 % of the runs were at least as fast. */
    printf("{\"name\":\"%s\",\"workload\":\"%s kline frames of %zu bytes on one thread\",\"unit\":\"messages/s\","
           "\"median\":%.0f,\"p99\":%.0f,\"runs\":%d}\n",
           name, is_combined ? "combined" : "raw", set->total / N_FRAMES, rates[N_RUNS / 2], rates[0], N_RUNS);
    free(set);
    return sum > 0;
}

int main(void) {
    bool raw = measure("ingest.parse", false), combined = measure("ingest.parse.combined", true);
    return raw && combined ? 0 : 1;
}
