/* The loops of window.c over LANES bars at a time. It is included there once for each number of lanes, with TARGET saying
 * which instructions may be used; names get that number at their end. Not a header for anybody else. */
#define NAMED_(name, lanes) name##_##lanes
#define NAMED(name, lanes) NAMED_(name, lanes)
#define LANE(name) NAMED(name, LANES)
#define values LANE(values)
#define words LANE(words)
#define INLINE static inline __attribute__((always_inline)) TARGET

typedef double values __attribute__((vector_size(8 * LANES)));
typedef uint64_t words __attribute__((vector_size(8 * LANES)));

INLINE values LANE(load)(const double *x) {
    values v;
    memcpy(&v, x, sizeof v);
    return v;
}
INLINE words LANE(all)(double x) { return (words)(x + (values){0}); }
INLINE words LANE(size_of)(values x) { return (words)x & (INT64_MAX + (words){0}); }

/* (a, b, c...) -> (a, a + b, a + b + c...); the last one in all lanes. */
#if LANES == 2
INLINE words LANE(running)(words x) { return x + __builtin_shufflevector(x, (words){0}, 2, 0); }
INLINE words LANE(last_of)(words x) { return __builtin_shufflevector(x, x, 1, 1); }
#else
INLINE words LANE(running)(words x) {
    __m256i sums = (__m256i)(x + (words)_mm256_slli_si256((__m256i)x, 8));
    return (words)sums + (words)_mm256_permute2x128_si256(_mm256_unpackhi_epi64(sums, sums), sums, 0x08);
}
INLINE words LANE(last_of)(words x) { return (words)_mm256_permute4x64_epi64((__m256i)x, 0xff); }
#endif

/* The sums after each of these changes; *sum, the same in all lanes, goes on to the last of them. */
INLINE words LANE(add)(words *sum, words changes) {
    words run = LANE(running)(changes), sums = *sum + run;
    *sum += LANE(last_of)(run);
    return sums;
}

/* The sums of a window while the loop runs: with the bits of the magic number added, so that they are doubles near it. */
typedef struct LANE(sums) {
    words sum, rest, weighted, weighted_rest;
} LANE(sums);

INLINE LANE(sums) LANE(sums_of)(const window_sums *s, double magic, double magic_rest) {
    words zero = LANE(all)(magic), zero_rest = LANE(all)(magic_rest);
    return (LANE(sums)){zero + (uint64_t)s->sum, zero_rest + (uint64_t)s->rest, zero + (uint64_t)s->weighted,
                        zero_rest + (uint64_t)s->weighted_rest};
}
INLINE void LANE(keep_sums)(const LANE(sums) * s, window_sums *to, double magic, double magic_rest) {
    uint64_t zero = bits_at(magic), zero_rest = bits_at(magic_rest);
    *to = (window_sums){(int64_t)(s->sum[0] - zero), (int64_t)(s->rest[0] - zero_rest),
                        (int64_t)(s->weighted[0] - zero), (int64_t)(s->weighted_rest[0] - zero_rest)};
}

/* What the values that come are in units: rounded to whole ones (with the magic number still added), and what is below
 * (with that of the finer units). */
typedef struct LANE(units) {
    values rounded, below;
} LANE(units);

INLINE LANE(units) LANE(to_units)(values x, double magic, double magic_rest, const bool is_decimal) {
    values rounded = x + magic;
    return (LANE(units)){rounded, is_decimal ? x - (rounded - magic) : (x - (rounded - magic)) + magic_rest};
}

/* One window after each of these bars: its sum and its weighted sum as doubles. (total - (magic + magic_rest)) + rests is
 * (total - magic) + (rests - magic_rest) with one operation less: the first difference is exact in either. */
INLINE void LANE(advance)(LANE(sums) * s, const LANE(units) * in, const LANE(units) * old, double length, double magic,
                          double magic_rest, values *sum, values *weighted, const bool is_decimal,
                          const bool is_weighted) {
    words changes = (words)in->rounded - (words)old->rounded, sums = LANE(add)(&s->sum, changes), lines = {0};
    /* Each place goes down by one, that is the sum before; the new value comes in place `length`. */
    if (is_weighted)
        lines = LANE(add)(&s->weighted, (words)((in->rounded - magic) * length + magic) - (sums - changes));
    if (is_decimal) {
        *sum = (values)sums - magic;
        if (is_weighted) *weighted = (values)lines - magic;
    } else {
        words change = (words)in->below - (words)old->below, rests = LANE(add)(&s->rest, change);
        *sum = ((values)sums - (magic + magic_rest)) + (values)rests;
        if (is_weighted) {
            values step = (in->below - magic_rest) * length + magic_rest;
            rests = LANE(add)(&s->weighted_rest, (words)step - (rests - change));
            *weighted = ((values)lines - (magic + magic_rest)) + (values)rests;
        }
    }
}

/* `n` bars (a multiple of LANES) of a full window. False, with the state as it was, when the unit cannot hold all values:
 * the highest bit of a difference of two positive doubles, taken as integers, says which is larger, and a NaN is larger
 * than any of them. `is_decimal` and `kind` are known where this is put in. */
INLINE bool LANE(run_lanes)(window *state, const job *j, int32_t i, int32_t n, const bool is_decimal, const int kind) {
    const window w = *state;
    const bool is_weighted = kind >= WEIGHTED;
    const double *in = j->x + i, *old = in - j->length, *old_half = in - j->half_length;
    const double *factor = kind == RATIO ? j->factor + i : in, *old_factor = factor - j->length;
    const double *below = kind == RATIO ? j->below + i : in;
    const double magic = w.magic, magic_rest = w.magic_rest, units = w.units;
    const double length = j->length, half_length = j->half_length, divisor = j->divisor * units;
    const double by_first = j->by_first, by_second = j->by_second;
    const words limit = LANE(all)(w.limit);
    LANE(sums) sums = LANE(sums_of)(&w.sums, magic, magic_rest), half = sums;
    words bad = {0};
    if (kind == BOTH) half = LANE(sums_of)(j->half, magic, magic_rest);
    for (int32_t k = 0; k < n; k += LANES) {
        values x = LANE(load)(in + k), y = LANE(load)(old + k), z = LANE(load)(old_half + k), sum, weighted, first;
        LANE(units) x_units, y_units, z_units;
        words size;
        if (kind == RATIO) x *= LANE(load)(factor + k), y *= LANE(load)(old_factor + k);
        if (is_decimal) x *= units, y *= units, z *= units;
        x_units = LANE(to_units)(x, magic, magic_rest, is_decimal);
        y_units = LANE(to_units)(y, magic, magic_rest, is_decimal);
        size = LANE(size_of)(x);
        bad |= limit - size;
        if (is_decimal) bad |= (words)((values)size * DECIMAL_ERROR) - LANE(size_of)(x_units.below);
        LANE(advance)(&sums, &x_units, &y_units, length, magic, magic_rest, &sum, &weighted, is_decimal, is_weighted);
        if (kind == BOTH) {
            z_units = LANE(to_units)(z, magic, magic_rest, is_decimal);
            LANE(advance)(&half, &x_units, &z_units, half_length, magic, magic_rest, &first, &sum, is_decimal, true);
        }
        if (kind == MEAN) sum = sum / divisor;
        if (kind == SUM) sum = sum / units;
        if (kind == RATIO) sum = sum / units / LANE(load)(below + k);
        if (kind == WEIGHTED) sum = weighted / divisor;
        if (kind == LINE || kind == BOTH) sum = sum / units * by_first + weighted / units * by_second;
        memcpy(j->out + i + k, &sum, sizeof sum);
    }
    for (int32_t k = 0; k < LANES; k++)
        if ((int64_t)bad[k] < 0) return false;
    LANE(keep_sums)(&sums, &state->sums, magic, magic_rest);
    if (kind == BOTH) LANE(keep_sums)(&half, j->half, magic, magic_rest);
    return true;
}

#define CASE(kind) \
    case kind: \
        return w->magic_rest == 0 ? LANE(run_lanes)(w, j, i, n, true, kind) : LANE(run_lanes)(w, j, i, n, false, kind)
TARGET static bool LANE(run_kind)(window *w, const job *j, int32_t i, int32_t n) {
    switch (j->kind) {
        CASE(MEAN);
        CASE(SUM);
        CASE(RATIO);
        CASE(WEIGHTED);
        CASE(LINE);
        CASE(BOTH);
    }
    return false;
}
#undef CASE

/* n bars (a multiple of LANES): see window_dots. Each in the order of `dot`. */
TARGET static void LANE(run_dots)(const double *weight, const double *x, int32_t n_before, int32_t n, double *out) {
    for (int32_t i = 0; i < n; i += LANES) {
        values a = {0}, b = a, c = a, d = a;
        int32_t k = 0;
        for (; k + 3 < n_before; k += 4) {
            a += weight[k] * LANE(load)(x + i + k);
            b += weight[k + 1] * LANE(load)(x + i + k + 1);
            c += weight[k + 2] * LANE(load)(x + i + k + 2);
            d += weight[k + 3] * LANE(load)(x + i + k + 3);
        }
        if (k < n_before) a += weight[k] * LANE(load)(x + i + k);
        if (k + 1 < n_before) b += weight[k + 1] * LANE(load)(x + i + k + 1);
        if (k + 2 < n_before) c += weight[k + 2] * LANE(load)(x + i + k + 2);
        a = ((a + b) + (c + d)) + weight[n_before] * LANE(load)(x + i + n_before);
        a += 0 * a;
        memcpy(out + i, &a, sizeof a);
    }
}

#undef NAMED_
#undef NAMED
#undef LANE
#undef values
#undef words
#undef INLINE
#undef LANES
#undef TARGET
