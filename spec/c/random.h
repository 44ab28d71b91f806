/* Random numbers of a seeded test: xorshift64*. Set random_state (not 0) before the first. */
#pragma once
#include <stdint.h>

static uint64_t random_state;

/* 0 or more, below 1. */
static inline double uniform(void) {
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return (double)((random_state * 2685821657736338717u) >> 11) / 9007199254740992.0;
}

/* A whole number, 0 or more, below n. */
static inline int32_t below(int32_t n) { return (int32_t)(uniform() * n); }
