/* See column.h.
 *
 *   bars     [ . . . . . . . . . . . . . . . ]
 *   column             NaN [ v v v v v v v _ ]     first: life number of the leftmost v; `room` places
 *
 * The outputs stand one after the other in one block, each with a NaN of its own in front, which is what a view reads
 * that looks further back than its oldest value. */
#include "indicator/column.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static double *place(const column *c, int32_t output) { return c->block + (int64_t)output * (c->room + 1) + 1; }

static void blank(double *values, int64_t from, int64_t to) {
    for (int64_t i = from; i < to; i++) values[i] = NAN;
}

err column_init(column *c, int32_t n_outputs, int32_t room, int64_t first) {
    double *block = malloc((size_t)n_outputs * ((size_t)room + 1) * sizeof *block);
    if (!block) return ERR_NO_MEMORY;
    *c = (column){.block = block, .n_outputs = n_outputs, .room = room, .first = first};
    blank(block, 0, (int64_t)n_outputs * (room + 1));
    return OK;
}

void column_deinit(column *c) {
    free(c->block);
    c->block = NULL;
}

void column_slide(column *c, int64_t first) {
    int64_t gone = first - c->first < c->room ? first - c->first : c->room, left = c->room - gone;
    if (gone <= 0) return;
    for (int32_t o = 0; o < c->n_outputs; o++) {
        memmove(place(c, o), place(c, o) + gone, (size_t)left * sizeof(double));
        blank(place(c, o), left, c->room);
    }
    c->first = first;
}

void column_reset(column *c, int64_t first) {
    for (int32_t o = 0; o < c->n_outputs; o++) blank(place(c, o), 0, c->room);
    c->first = first;
}

void column_blank(column *c, int64_t life) {
    int64_t n = life - c->first < c->room ? life - c->first : c->room;
    for (int32_t o = 0; o < c->n_outputs; o++) blank(place(c, o), 0, n);
}

err column_resize(column *c, int32_t room, int64_t first) {
    int64_t from = first > c->first ? first : c->first, to = first + room;
    column other;
    err e = column_init(&other, c->n_outputs, room, first);
    if (e != OK) return e;
    if (c->first + c->room < to) to = c->first + c->room;
    for (int32_t o = 0; o < c->n_outputs && from < to; o++)
        memcpy(place(&other, o) + (from - first), place(c, o) + (from - c->first),
               (size_t)(to - from) * sizeof(double));
    column_deinit(c);
    *c = other;
    return OK;
}

size_t column_bytes(const column *c) { return (size_t)c->n_outputs * ((size_t)c->room + 1) * sizeof(double); }
