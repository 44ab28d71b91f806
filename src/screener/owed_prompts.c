/* See owed_prompts.h. */
#include "screener/owed_prompts.h"
#include <stdlib.h>
#include <string.h>

enum { FIRST_ROOM = 64 };

void owed_prompts_deinit(owed_prompts *o) {
    free(o->items);
    *o = (owed_prompts){0};
}

/* Twice the room: what is at the end of the ring goes to the end of the new one. */
static err grow(owed_prompts *o) {
    uint32_t room = o->room ? 2 * o->room : FIRST_ROOM, n_at_end = o->room - o->first;
    owed_prompt *items = realloc(o->items, room * sizeof *items);
    if (!items) return ERR_NO_MEMORY;
    if (o->first) {
        memmove(items + room - n_at_end, items + o->first, n_at_end * sizeof *items);
        o->first = room - n_at_end;
    }
    o->items = items;
    o->room = room;
    return OK;
}

err owed_prompts_add(owed_prompts *o, const owed_prompt *one) {
    if (o->count == o->room && grow(o) != OK) return ERR_NO_MEMORY;
    o->items[(o->first + o->count++) % o->room] = *one;
    return OK;
}

int64_t owed_prompts_since_ns(const owed_prompts *o) { return o->count ? o->items[o->first].owed_ns : INT64_MAX; }

bool owed_prompts_take(owed_prompts *o, owed_prompt *out) {
    if (!o->count) return false;
    *out = o->items[o->first];
    o->first = (o->first + 1) % o->room;
    o->count--;
    return true;
}
