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

static size_t block_values(const column *c) { return (size_t)c->n_outputs * ((size_t)c->room + 1); }

static double *take_block(spare_blocks *spare, const column *for_column) {
    int32_t k = for_column->n_outputs - 1;
    size_t n = block_values(for_column);
    double *block = spare->block[k];
    if (spare->n[k] != n) return malloc(n * sizeof *block);
    spare->block[k] = NULL;
    spare->n[k] = 0;
    return block;
}

/* The larger one is kept. */
static void give_block(spare_blocks *spare, const column *of) {
    int32_t k = of->n_outputs - 1;
    if (block_values(of) <= spare->n[k]) {
        free(of->block);
        return;
    }
    free(spare->block[k]);
    spare->block[k] = of->block;
    spare->n[k] = block_values(of);
}

void spare_blocks_deinit(spare_blocks *spare) {
    for (int32_t k = 0; k < INDICATOR_OUTPUTS; k++) free(spare->block[k]);
    *spare = (spare_blocks){0};
}

size_t spare_blocks_bytes(const spare_blocks *spare) {
    size_t n = 0;
    for (int32_t k = 0; k < INDICATOR_OUTPUTS; k++) n += spare->n[k];
    return n * sizeof(double);
}

static void blank_outside(const column *c, int64_t from, int64_t to) {
    for (int32_t o = 0; o < c->n_outputs; o++) {
        blank(place(c, o), -1, from - c->first);
        blank(place(c, o), to - c->first, c->room);
    }
}

err column_init(column *c, spare_blocks *spare, int32_t n_outputs, int32_t room, int64_t first, int64_t from,
                int64_t to) {
    column made = {.n_outputs = n_outputs, .room = room, .first = first};
    made.block = take_block(spare, &made);
    if (!made.block) return ERR_NO_MEMORY;
    *c = made;
    if (from < to)
        blank_outside(c, from, to);
    else
        blank(c->block, 0, (int64_t)block_values(c));
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

err column_resize(column *c, spare_blocks *spare, int32_t room, int64_t first) {
    int64_t from = first > c->first ? first : c->first, to = first + room;
    column other;
    err e;
    if (c->first + c->room < to) to = c->first + c->room;
    e = column_init(&other, spare, c->n_outputs, room, first, from, to);
    if (e != OK) return e;
    for (int32_t o = 0; o < c->n_outputs && from < to; o++)
        memcpy(place(&other, o) + (from - first), place(c, o) + (from - c->first),
               (size_t)(to - from) * sizeof(double));
    give_block(spare, c);
    *c = other;
    return OK;
}

size_t column_bytes(const column *c) { return block_values(c) * sizeof(double); }
