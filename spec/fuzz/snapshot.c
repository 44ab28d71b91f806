/* The snapshot reader: any bytes are refused or read without harm, as a whole file (where nearly all end at a checksum) and
 * as what stands behind the checksums: a symbol's record, of which bars and states are taken up. No kernel runs here: a
 * state that passed the checksums is believed. */
#include "indicator/indicator_set_save.h"
#include "sync/snapshot_file.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

enum { KEEP = 300 };

static void read_file(const uint8_t *data, size_t bytes) {
    unsigned char *copy = malloc(bytes + 1);
    snapshot_file *f = NULL;
    diag why = {0};
    err e;
    if (!copy) abort();
    memcpy(copy, data, bytes);
    e = snapshot_file_parse(copy, bytes, NULL, &f, &why);
    if ((e == OK) != (f != NULL) || (e == OK) != (why.text[0] == 0)) abort();
    for (uint32_t i = 0; f && i < snapshot_file_count(f); i++) {
        saved_symbol *packed = snapshot_file_get(f, i), *whole = NULL;
        if (packed && saved_symbol_unpack(packed, &whole) == OK) saved_symbol_free(whole);
        saved_symbol_free(packed);
    }
    snapshot_file_free(f);
}

static void check_bars(const kline_series *s) {
    const int64_t *open_ms = kline_series_open_ms(s);
    if (kline_series_count(s) >= kline_series_room(s)) abort();
    for (int32_t i = 1; i < kline_series_count(s); i++)
        if (open_ms[i] <= open_ms[i - 1]) abort();
    if (kline_series_count(s) && open_ms[kline_series_count(s) - 1] >= kline_series_known_to(s)) abort();
}

static void read_symbol(const uint8_t *data, size_t bytes) {
    kline_series *bars[N_INTERVALS] = {0};
    indicator_set *sets[N_INTERVALS] = {0};
    registry *r = NULL;
    snapshot s;
    if (snapshot_open(data, bytes, &s) != OK) return;
    if (registry_new(&r) != OK) abort();
    for (int32_t i = 0; i < N_INTERVALS; i++) {
        byte_reader in = s.bars[i], states = s.sets[i];
        indicator_load how = {.registry = r};
        if (!(s.intervals >> i & 1) || kline_series_load(&in, i, KEEP, &bars[i]) != OK) continue;
        check_bars(bars[i]);
        if (indicator_set_new(bars[i], r, &sets[i]) != OK) abort();
        indicator_set_link(sets[i], sets);
        (void)!indicator_set_load(sets[i], &states, &how);
    }
    for (int32_t i = 0; i < N_INTERVALS; i++)
        if (sets[i]) (void)indicator_set_load_link(sets[i]);
    for (int32_t i = 0; i < N_INTERVALS; i++) indicator_set_free(sets[i]);
    for (int32_t i = 0; i < N_INTERVALS; i++) kline_series_free(bars[i]);
    registry_free(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes) {
    read_file(data, bytes);
    read_symbol(data, bytes);
    return 0;
}
