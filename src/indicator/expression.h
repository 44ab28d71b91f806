/* Arithmetic and comparison of series, element by element.
 *
 * `add` is of two series, `add_k` of a series and the constant k, `k_sub` of the constant and a series. Comparisons give
 * 1 or 0, NaN where either side is NaN. A crossing looks at the last bar where both sides were defined. `mod` is Lua's: the sign of the divisor. `round`: to the nearest whole number,
 * halves up, as in Pine. `otherwise` is the first series, and the constant where only the second is defined. A family of
 * kernels; see kernel.h. */
#pragma once

#define EXPRESSION_KERNELS(X) \
    X(ADD, add) \
    X(SUB, sub) \
    X(MUL, mul) \
    X(DIV, div) \
    X(MOD, mod) \
    X(POW, pow) \
    X(MAX, max) \
    X(MIN, min) \
    X(GT, gt) \
    X(GE, ge) \
    X(EQ, eq) \
    X(ADD_K, add_k) \
    X(SUB_K, sub_k) \
    X(K_SUB, k_sub) \
    X(MUL_K, mul_k) \
    X(DIV_K, div_k) \
    X(K_DIV, k_div) \
    X(MOD_K, mod_k) \
    X(K_MOD, k_mod) \
    X(POW_K, pow_k) \
    X(K_POW, k_pow) \
    X(MAX_K, max_k) \
    X(MIN_K, min_k) \
    X(GT_K, gt_k) \
    X(GE_K, ge_k) \
    X(LT_K, lt_k) \
    X(LE_K, le_k) \
    X(EQ_K, eq_k) \
    X(OTHERWISE, otherwise) \
    X(CROSSOVER, crossover) \
    X(CROSSOVER_K, crossover_k) \
    X(CROSSUNDER, crossunder) \
    X(CROSSUNDER_K, crossunder_k) \
    X(NEG, neg) \
    X(ABS, abs) \
    X(LOG, log) \
    X(EXP, exp) \
    X(SQRT, sqrt) \
    X(SIGN, sign) \
    X(ROUND, round)
