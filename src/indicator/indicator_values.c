/* See indicator_values.h. */
#include "indicator/indicator_values.h"
#include "indicator/indicator_set.h"
#include <stdio.h>
#include <stdlib.h>

enum { KEEP = 5200, TEXT_MAX = INDICATOR_KEY_BYTES };

/* The output that the text names at its outermost level: "macd.2(...": 2. */
static int32_t output_of(const char *text) {
    int32_t output = 0;
    for (; *text && *text != '('; text++)
        if (*text == '.') output = (int32_t)strtol(text + 1, NULL, 10);
    return output;
}

static int32_t run(kline_series *series, indicator_set *set, int32_t id, int32_t output, const kline *bars, size_t n,
                   double *out) {
    int32_t index;
    for (size_t i = 0; i < n; i++) {
        kline_series_known(series, bars[i].open_ms);
        if (kline_series_close(series, &bars[i], &index) != KLINE_APPENDED) return -2;
        indicator_set_advance(set);
        out[i] = indicator_set_values(set, indicator_set_find(set, id, 0), output)[index];
    }
    return 0;
}

int32_t indicator_values(const char *text, int32_t interval, const kline *bars, size_t n, double *out) {
    char key[TEXT_MAX];
    registry *r = NULL;
    kline_series *series = NULL;
    indicator_set *set = NULL;
    int32_t id, result = -3;
    if (n == 0) return 0;
    if (!interval_name(interval) ||
        snprintf(key, sizeof key, "%s %s", interval_name(interval), text) >= (int)sizeof key)
        return -1;
    if (registry_new(&r) != OK) return -3;
    if (registry_parse(r, key, &id) != OK) {
        result = -1;
        goto out;
    }
    series = kline_series_new(interval, KEEP, bars[0].open_ms);
    if (!series || indicator_set_new(series, r, &set) != OK || indicator_set_add(set, id, 0) != OK) goto out;
    result = run(series, set, id, output_of(text), bars, n, out);
out:
    indicator_set_free(set);
    kline_series_free(series);
    registry_free(r);
    return result;
}
