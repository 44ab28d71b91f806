/* Loops over bars that do not depend on each other, made twice: for the registers that every machine has, and for those of
 * four doubles. Which of the two runs is asked once a call. The operations are the same, one by one, hence the bits are.
 *
 * The loop is a function NAME_loop, KERNEL_INLINE, whose first parameter is the number of bars, `n`. LANES makes NAME of
 * it, with the same parameters: a single bar is no loop. The wide one begins on a line of the cache: in a loop of six instructions it shows.
 *
 * LANES_KERNEL makes the kernel NAME of NAME_kernel likewise. It need not have loops for four doubles: where an operation
 * does not overwrite one of its operands, many copies are saved.
 * Threads: pure. */
#pragma once
#include "indicator/kernel.h"
#include "indicator/window.h"

#ifdef __x86_64__
enum { LANES_LEAST = 8 }; /* bars; below, the question costs more than it saves */

#define LANES_WIDE __attribute__((target("avx2")))
static inline bool lanes_are_four(void) { return !window_two_lanes_only && __builtin_cpu_supports("avx2"); }

#define LANES(name, parameters, arguments) \
    LANES_WIDE __attribute__((noinline, aligned(64))) static void name##_wide parameters { name##_loop arguments; } \
    static inline void name parameters { \
        if (n == 1) \
            name##_loop arguments; \
        else if (n >= LANES_LEAST && lanes_are_four()) \
            name##_wide arguments; \
        else \
            name##_loop arguments; \
    }

#define LANES_KERNEL(name) \
    LANES_WIDE static void name##_wide(void *state, const kernel_input *in, int32_t from, int32_t to, \
                                       double *const out[INDICATOR_OUTPUTS]) { \
        name##_kernel(state, in, from, to, out); \
    } \
    __attribute__((noinline)) static void name##_any(void *state, const kernel_input *in, int32_t from, int32_t to, \
                                                     double *const out[INDICATOR_OUTPUTS]) { \
        name##_kernel(state, in, from, to, out); \
    } \
    static void name(void *state, const kernel_input *in, int32_t from, int32_t to, \
                     double *const out[INDICATOR_OUTPUTS]) { \
        if (lanes_are_four()) \
            name##_wide(state, in, from, to, out); \
        else \
            name##_any(state, in, from, to, out); \
    }
#else
#define LANES(name, parameters, arguments) \
    static inline void name parameters { name##_loop arguments; }
#define LANES_KERNEL(name) \
    static void name(void *state, const kernel_input *in, int32_t from, int32_t to, \
                     double *const out[INDICATOR_OUTPUTS]) { \
        name##_kernel(state, in, from, to, out); \
    }
#endif
