/* Averages that never forget: each value counts less than the one after it, by a fixed factor or (KAMA) by one that
 * follows the market; and what is made of them alone. Seeded with the mean of the first `length` values.
 * A family of kernels; see kernel.h. */
#pragma once

#define EXPONENTIAL_KERNELS(X) \
    X(EMA, ema) \
    X(RMA, rma) \
    X(DEMA, dema) \
    X(TEMA, tema) \
    X(KAMA, kama) \
    X(MACD, macd) \
    X(PPO, ppo) \
    X(TRIX, trix)
