/* See anchors.h. A ring: the oldest, whose bars have left the window, gives its place to the newest. */
#include "indicator/anchors.h"
#include <stdlib.h>
#include <string.h>

enum { ROOM_STEP = 128 };

static int32_t slot_of(const anchors *a, int64_t life) { return (int32_t)(life / ANCHOR_BARS % a->n); }

err anchors_init(anchors *a, int32_t bars, int64_t life) {
    *a = (anchors){.n = bars / ANCHOR_BARS + 1};
    a->life = malloc((size_t)a->n * sizeof *a->life);
    if (!a->life) return ERR_NO_MEMORY;
    for (int32_t k = 0; k < a->n; k++) a->life[k] = -1;
    for (int64_t at = life / ANCHOR_BARS, k = 0; k < a->n && at >= k; k++)
        a->life[slot_of(a, (at - k) * ANCHOR_BARS)] = (at - k) * ANCHOR_BARS;
    return OK;
}

void anchors_deinit(anchors *a) {
    free(a->life);
    free(a->states);
    *a = (anchors){0};
}

err anchors_add(anchors *a, size_t bytes, size_t *at) {
    size_t used = a->used + bytes;
    if (used > a->room) {
        size_t room = (used + ROOM_STEP - 1) / ROOM_STEP * ROOM_STEP;
        char *states = realloc(a->states, (size_t)a->n * room);
        if (!states) return ERR_NO_MEMORY;
        for (int32_t k = a->n - 1; k > 0; k--)
            memmove(states + (size_t)k * room, states + (size_t)k * a->room, a->used);
        a->states = states;
        a->room = room;
    }
    for (int32_t k = 0; k < a->n && bytes; k++) memset(a->states + (size_t)k * a->room + a->used, 0, bytes);
    *at = a->used;
    a->used = used;
    return OK;
}

char *anchors_get(const anchors *a, int64_t life) {
    int32_t k = slot_of(a, life);
    return a->life[k] == life && a->states ? a->states + (size_t)k * a->room : NULL;
}

char *anchors_put(anchors *a, int64_t life) {
    a->life[slot_of(a, life)] = life;
    return anchors_get(a, life);
}

int64_t anchors_from(const anchors *a, int64_t life) {
    int64_t oldest = INT64_MAX;
    for (int32_t k = 0; k < a->n; k++)
        if (a->life[k] >= life && a->life[k] < oldest) oldest = a->life[k];
    return oldest;
}

void anchors_void(anchors *a, int64_t life) {
    for (int32_t k = 0; k < a->n; k++)
        if (a->life[k] > life) a->life[k] = -1;
}

size_t anchors_bytes(const anchors *a) { return (size_t)a->n * (a->room + sizeof *a->life); }
