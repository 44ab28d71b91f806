/* Test Anything Protocol for the C tests: `ok` once per promise, `done` at the end of main. */
#pragma once
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static int tap_count, tap_failed;

__attribute__((format(printf, 2, 3))) static inline bool tap_ok(bool passed, const char *format, ...) {
    va_list args;
    va_start(args, format);
    printf("%s %d - ", passed ? "ok" : "not ok", ++tap_count);
    vprintf(format, args);
    putchar('\n');
    va_end(args);
    fflush(stdout);
    if (!passed) tap_failed++;
    return passed;
}

#define ok(condition, ...) \
    do { \
        if (!tap_ok((condition), __VA_ARGS__)) printf("# %s:%d: %s\n", __FILE__, __LINE__, #condition); \
    } while (0)

/* The seed of a random test: TRADEMIND_SEED, else drawn from the clock; printed. */
static inline uint64_t tap_seed(uint64_t drawn) {
    const char *given = getenv("TRADEMIND_SEED");
    uint64_t seed = given ? strtoull(given, NULL, 10) : drawn;
    printf("# seed %llu\n", (unsigned long long)seed);
    return seed;
}

static inline int done(void) {
    printf("1..%d\n", tap_count);
    return tap_failed != 0;
}
