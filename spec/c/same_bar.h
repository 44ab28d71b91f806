/* Whether two bars are the same, bit for bit. */
#pragma once
#include "abi.h"
#include <string.h>

static inline bool is_same_bar(const kline *a, const kline *b) {
    uint64_t x[sizeof *a / sizeof(uint64_t)], y[sizeof x / sizeof *x];
    memcpy(x, a, sizeof x);
    memcpy(y, b, sizeof y);
    for (size_t i = 0; i < sizeof x / sizeof *x; i++)
        if (x[i] != y[i]) return false;
    return true;
}
