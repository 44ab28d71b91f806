/* See volume_mean.h. */
#include "indicator/volume_mean.h"
#include "indicator/kernel.h"
#include "indicator/lanes.h"

/* See volume_mean_step. sum[2 k + 1] is the volume. */
static void hold_still(volume_mean *s, const double *price, const double *sum, int32_t n, int32_t length,
                       double *mean) {
    int32_t n_equal = s->n_equal < length ? (int32_t)s->n_equal : length;
    bool is_held = window_level(&n_equal, price, n, length, mean);
    s->n_equal = n_equal;
    s->newest = price[n - 1];
    for (int32_t k = 0; is_held && k < n; k++) mean[k] = sum[2 * k + 1] > 0 ? mean[k] : NAN;
}

KERNEL_INLINE void trades_loop(int32_t n, const double *price, const double *volume, double *restrict flow,
                               uint64_t *restrict undefined) {
    uint64_t bad = 0;
    for (int32_t k = 0; k < n; k++) {
        double money = price[k] * volume[k];
        flow[2 * k] = money;
        flow[2 * k + 1] = volume[k];
        bad |= stretch_undefined(money);
    }
    *undefined = bad;
}
LANES(trades,
      (int32_t n, const double *price, const double *volume, double *restrict flow, uint64_t *restrict undefined),
      (n, price, volume, flow, undefined))

KERNEL_INLINE void quotient_loop(int32_t n, const double *sum, double *restrict out) {
    for (int32_t k = 0; k < n; k++) out[k] = kernel_defined(sum[2 * k] / sum[2 * k + 1]);
}
LANES(quotient, (int32_t n, const double *sum, double *restrict out), (n, sum, out))

/* False, and nothing is changed, when one of the bars is undefined, or they are few. */
static bool take_many(volume_mean *s, const double *price, const double *volume, int32_t n, int32_t length,
                      double *mean) {
    _Alignas(64) double flow[2 * STRETCH], sum[2 * STRETCH];
    uint64_t undefined;
    if (n < STRETCH_LEAST) return false;
    trades(n, price, volume, flow, &undefined);
    if (undefined) return false;
    ladder_run(&s->sums, flow, n, length, &length, 1, (double *[]){sum});
    quotient(n, sum, mean);
    hold_still(s, price, sum, n, length, mean);
    stretch_void(mean, length - 1 - (s->sums.n - n), n);
    return true;
}

void volume_mean_run(volume_mean *s, const double *price, const double *volume, int32_t n, int32_t length,
                     double *mean) {
    if (take_many(s, price, volume, n, length, mean)) return;
    for (int32_t k = 0; k < n; k++) mean[k] = volume_mean_step(s, price[k], volume[k], length);
}
