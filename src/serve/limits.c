/* A plain list, looked through from end to end: a few hundred entries are looked through in less time than it takes to
 * accept a connection. */
#include "serve/limits.h"
#include <assert.h>
#include <stdlib.h>

typedef struct place {
    client_address address;
    uint32_t count;
} place;

struct limits {
    uint32_t in_all, per_address;
    uint32_t count, n_places;
    place places[];
};

err limits_new(uint32_t in_all, uint32_t per_address, limits **out) {
    limits *l = calloc(1, sizeof *l + in_all * sizeof l->places[0]);
    if (!l) return ERR_NO_MEMORY;
    l->in_all = in_all;
    l->per_address = per_address;
    *out = l;
    return OK;
}

void limits_free(limits *l) { free(l); }

uint32_t limits_count(const limits *l) { return l->count; }

static place *find(limits *l, const client_address *a) {
    for (uint32_t i = 0; i < l->n_places; i++)
        if (client_address_equal(&l->places[i].address, a)) return &l->places[i];
    return NULL;
}

static bool is_full_for(const limits *l, const place *p, const client_address *a) {
    return l->per_address && p && p->count >= l->per_address && !client_address_is_loopback(a);
}

err limits_enter(limits *l, const client_address *from) {
    place *p = find(l, from);
    if (l->count == l->in_all) return ERR_FULL;
    if (is_full_for(l, p, from)) return ERR_EXISTS;
    if (!p) {
        p = &l->places[l->n_places++]; /* each has one connection at least, so there is room */
        *p = (place){.address = *from};
    }
    p->count++;
    l->count++;
    return OK;
}

void limits_leave(limits *l, const client_address *from) {
    place *p = find(l, from);
    assert(p);
    l->count--;
    if (--p->count == 0) *p = l->places[--l->n_places];
}

err limits_move(limits *l, const client_address *from, const client_address *to) {
    if (client_address_equal(from, to)) return OK;
    if (is_full_for(l, find(l, to), to)) return ERR_EXISTS;
    limits_leave(l, from);
    return limits_enter(l, to);
}
