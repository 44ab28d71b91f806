/* See saved_symbol.h. */
#include "screener/saved_symbol.h"
#include "base/packing.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Takes the data, also when it fails. */
static err wrap(const char *name, unsigned char *data, size_t bytes, saved_symbol **out) {
    saved_symbol *s = malloc(sizeof *s);
    if (!s) {
        free(data);
        return ERR_NO_MEMORY;
    }
    *s = (saved_symbol){.bytes = bytes, .data = data};
    snprintf(s->name, sizeof s->name, "%s", name);
    *out = s;
    return OK;
}

err saved_symbol_write(const char *name, timeframe *const frames[N_INTERVALS], saved_symbol **out) {
    byte_writer w;
    byte_writer_init(&w);
    snapshot_write(name, frames, &w);
    if (byte_writer_result(&w) == OK) return wrap(name, w.data, w.used, out);
    byte_writer_deinit(&w);
    return ERR_NO_MEMORY;
}

err saved_symbol_copy(const char *name, const void *data, size_t bytes, saved_symbol **out) {
    unsigned char *copy = malloc(bytes + 1);
    if (!copy) return ERR_NO_MEMORY;
    memcpy(copy, data, bytes);
    return wrap(name, copy, bytes, out);
}

err saved_symbol_pack(const saved_symbol *s, saved_symbol **out) {
    unsigned char *frame;
    size_t bytes;
    err e = packing_pack(s->data, s->bytes, &frame, &bytes);
    return e == OK ? wrap(s->name, frame, bytes, out) : e;
}

err saved_symbol_unpack(const saved_symbol *s, saved_symbol **out) {
    unsigned char *data;
    size_t bytes;
    err e = packing_unpack(s->data, s->bytes, SAVED_SYMBOL_MOST, &data, &bytes);
    return e == OK ? wrap(s->name, data, bytes, out) : e;
}

void saved_symbol_free(saved_symbol *s) {
    if (!s) return;
    free(s->data);
    free(s);
}
