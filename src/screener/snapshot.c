/* See snapshot.h.   name | n | (interval | bars | set) x n */
#include "screener/snapshot.h"
#include "indicator/indicator_set_save.h"

void snapshot_write(const char *name, timeframe *const frames[N_INTERVALS], byte_writer *w) {
    uint32_t n = 0;
    for (int32_t i = 0; i < N_INTERVALS; i++) n += frames[i] && kline_series_count(frames[i]->bars) > 0;
    byte_put_text(w, name);
    byte_put_u32(w, n);
    for (int32_t i = 0; i < N_INTERVALS; i++) {
        size_t part;
        if (!frames[i] || kline_series_count(frames[i]->bars) == 0) continue;
        byte_put_u8(w, (uint8_t)i);
        part = byte_put_part_begin(w);
        kline_series_save(frames[i]->bars, w);
        byte_put_part_end(w, part);
        part = byte_put_part_begin(w);
        indicator_set_save(frames[i]->set, w);
        byte_put_part_end(w, part);
    }
}

err snapshot_open(const void *data, size_t bytes, snapshot *out) {
    byte_reader r = byte_reader_of(data, bytes);
    uint32_t n;
    *out = (snapshot){.intervals = 0};
    byte_get_text(&r, out->name, sizeof out->name);
    n = byte_get_u32(&r);
    for (uint32_t k = 0; k < n && !r.has_failed; k++) {
        uint32_t i = byte_get_u8(&r);
        if (i >= N_INTERVALS || out->intervals >> i & 1) return ERR_INVALID;
        out->intervals |= 1u << i;
        out->bars[i] = byte_get_part(&r);
        out->sets[i] = byte_get_part(&r);
    }
    return r.has_failed || r.left > 0 ? ERR_INVALID : OK;
}
