/* See order.h. The leaves stand in the order of their values in a directory of `width` places, a power of two; place p
 * is node width + p of the trees of sums, whose root is node 1. */
#include "indicator/order.h"
#include "indicator/pair.h"
#include <math.h>
#include <string.h>

/* Neighbours with at most MERGE values become one leaf, which leaves room: else the next value would split it. So two
 * neighbours hold at least NEIGHBOURS, that is half a leaf and a value, which bounds the number of leaves. */
enum { MERGE = 48, NEIGHBOURS = ORDER_LEAF / 2 + 1 };

typedef struct parts {
    double *value; /* [width][ORDER_LEAF] */
    double *least; /* [width], by place */
    double *high, *low;
    int32_t *count; /* trees: [2 x width] */
    int32_t *leaf;  /* [width]: which values belong to a place */
    int32_t *unused;
} parts;

static int64_t width_of(int32_t length) {
    int64_t width = 1;
    while (width < 2 * length / NEIGHBOURS + 2) width *= 2;
    return width;
}

size_t order_bytes(int32_t length) {
    size_t width = (size_t)width_of(length);
    return sizeof(order) + width * (ORDER_LEAF + 5) * sizeof(double) + width * 4 * sizeof(int32_t);
}

static parts parts_of(const order *o) {
    parts p;
    p.value = (double *)(o + 1);
    p.least = p.value + o->width * ORDER_LEAF;
    p.high = p.least + o->width;
    p.low = p.high + 2 * o->width;
    p.count = (int32_t *)(p.low + 2 * o->width);
    p.leaf = p.count + 2 * o->width;
    p.unused = p.leaf + o->width;
    return p;
}

void order_split(const order *o, double x, double *high, double *low) {
    *high = cut_high(&o->cut, x);
    *low = x - *high;
}

void order_reset(order *o, int32_t length) {
    parts p;
    *o = (order){.length = length, .width = width_of(length), .n_leaves = 1};
    p = parts_of(o);
    memset(p.high, 0, (size_t)o->width * 4 * sizeof(double));
    memset(p.count, 0, (size_t)o->width * 2 * sizeof(int32_t));
    for (int32_t k = 1; k < o->width; k++) p.unused[o->n_free++] = k;
    p.leaf[0] = 0;
    p.least[0] = -INFINITY;
}

/* ---- one leaf ---- */

/* How many of n sorted values are at or below x; counted, since a bisection is a chain of wrong guesses. */
static int32_t rank_in(const double *v, int32_t n, double x) { return (int32_t)pair_count(v, n, x); }

static void sum_of(const order *o, const double *v, int32_t n, double *high, double *low) {
    *high = *low = 0;
    for (int32_t k = 0; k < n; k++) {
        double h, l;
        order_split(o, v[k], &h, &l);
        *high += h;
        *low += l;
    }
}

/* ---- the trees ---- */

static void change(const parts *p, int64_t node, int32_t n, double high, double low) {
    for (; node; node /= 2) {
        p->count[node] += n;
        p->high[node] += high;
        p->low[node] += low;
    }
}

/* After leaves have moved. Their sums stand in the lowest row already. */
static void sum_up(const order *o, const parts *p) {
    for (int64_t node = o->width - 1; node; node--) {
        p->count[node] = p->count[2 * node] + p->count[2 * node + 1];
        p->high[node] = p->high[2 * node] + p->high[2 * node + 1];
        p->low[node] = p->low[2 * node] + p->low[2 * node + 1];
    }
}

static void set_leaf(const order *o, const parts *p, int64_t place, int32_t n) {
    int64_t node = o->width + place;
    p->count[node] = n;
    sum_of(o, p->value + p->leaf[place] * ORDER_LEAF, n, &p->high[node], &p->low[node]);
}

/* The last place whose least value is at or below x; the first one's counts as -infinity. */
static int64_t place_of(const order *o, const parts *p, double x) {
    int64_t place = 0, step = o->width / 2;
    for (; step; step /= 2)
        if (place + step < o->n_leaves && p->least[place + step] <= x) place += step;
    return place;
}

/* Moves the directory behind `place` by one place up (1) or down (-1). */
static void shift(order *o, const parts *p, int64_t place, int step) {
    int64_t from = place + 1 + (step < 0), n = o->n_leaves - from, node = o->width + from;
    memmove(p->least + from + step, p->least + from, (size_t)n * sizeof *p->least);
    memmove(p->leaf + from + step, p->leaf + from, (size_t)n * sizeof *p->leaf);
    memmove(p->count + node + step, p->count + node, (size_t)n * sizeof *p->count);
    memmove(p->high + node + step, p->high + node, (size_t)n * sizeof *p->high);
    memmove(p->low + node + step, p->low + node, (size_t)n * sizeof *p->low);
    o->n_leaves += step;
}

static void split(order *o, const parts *p, int64_t place) {
    double *v = p->value + p->leaf[place] * ORDER_LEAF, *w;
    shift(o, p, place, 1);
    p->leaf[place + 1] = p->unused[--o->n_free];
    w = p->value + p->leaf[place + 1] * ORDER_LEAF;
    memcpy(w, v + ORDER_LEAF / 2, ORDER_LEAF / 2 * sizeof *v);
    p->least[place + 1] = w[0];
    set_leaf(o, p, place, ORDER_LEAF / 2);
    set_leaf(o, p, place + 1, ORDER_LEAF / 2);
    sum_up(o, p);
}

/* `place` with the next one. */
static void merge(order *o, const parts *p, int64_t place) {
    int32_t n = p->count[o->width + place], more = p->count[o->width + place + 1];
    double *v = p->value + p->leaf[place] * ORDER_LEAF;
    memcpy(v + n, p->value + p->leaf[place + 1] * ORDER_LEAF, (size_t)more * sizeof *v);
    if (place) p->least[place] = v[0]; /* it may have been empty */
    p->unused[o->n_free++] = p->leaf[place + 1];
    shift(o, p, place, -1);
    p->count[o->width + o->n_leaves] = 0;
    p->high[o->width + o->n_leaves] = p->low[o->width + o->n_leaves] = 0;
    set_leaf(o, p, place, n + more);
    sum_up(o, p);
}

/* ---- what is offered ---- */

void order_add(order *o, double x) {
    parts p = parts_of(o);
    int64_t place;
    int32_t n, rank;
    double *v, high, low;
    if (!(fabs(x) < o->cut.limit)) {
        o->cut = cut_for(x);
        for (place = 0; place < o->n_leaves; place++) set_leaf(o, &p, place, p.count[o->width + place]);
        sum_up(o, &p);
    }
    place = place_of(o, &p, x);
    if (p.count[o->width + place] == ORDER_LEAF) {
        split(o, &p, place);
        place += p.least[place + 1] <= x;
    }
    v = p.value + p.leaf[place] * ORDER_LEAF;
    n = p.count[o->width + place];
    rank = rank_in(v, n, x);
    memmove(v + rank + 1, v + rank, (size_t)(n - rank) * sizeof *v);
    v[rank] = x;
    if (place) p.least[place] = v[0];
    order_split(o, x, &high, &low);
    change(&p, o->width + place, 1, high, low);
    o->n++;
}

void order_remove(order *o, double x) {
    parts p = parts_of(o);
    int64_t place = place_of(o, &p, x);
    int32_t *count = p.count + o->width, n = count[place], rank;
    double *v = p.value + p.leaf[place] * ORDER_LEAF, high, low;
    rank = rank_in(v, n, x);
    memmove(v + rank - 1, v + rank, (size_t)(n - rank) * sizeof *v);
    if (place) p.least[place] = v[0];
    order_split(o, x, &high, &low);
    change(&p, o->width + place, -1, -high, -low);
    o->n--;
    if (place + 1 < o->n_leaves && (n == 1 || n - 1 + count[place + 1] <= MERGE))
        merge(o, &p, place);
    else if (place && (n == 1 || n - 1 + count[place - 1] <= MERGE))
        merge(o, &p, place - 1);
}

bool order_keep(order *o, const double *x, int32_t length) {
    bool is_number = *x - *x == 0;
    if (o->length == 0 || !is_number) order_reset(o, length);
    if (!is_number) return false;
    if (o->n == length) order_remove(o, x[-length]);
    order_add(o, *x);
    return true;
}

double order_select(const order *o, int64_t k) {
    parts p = parts_of(o);
    int64_t node = 1;
    while (node < o->width) {
        node *= 2;
        if (k >= p.count[node]) k -= p.count[node++];
    }
    return p.value[p.leaf[node - o->width] * ORDER_LEAF + k];
}

int64_t order_count(const order *o, double x) {
    parts p = parts_of(o);
    int64_t place = place_of(o, &p, x), node = o->width + place;
    int64_t n = rank_in(p.value + p.leaf[place] * ORDER_LEAF, p.count[node], x);
    for (; node > 1; node /= 2)
        if (node % 2) n += p.count[node - 1];
    return n;
}

order_part order_below(const order *o, double x) {
    parts p = parts_of(o);
    int64_t place = place_of(o, &p, x), node = o->width + place;
    const double *v = p.value + p.leaf[place] * ORDER_LEAF;
    order_part sum = {.n = rank_in(v, p.count[node], x)};
    sum_of(o, v, (int32_t)sum.n, &sum.high, &sum.low);
    for (; node > 1; node /= 2)
        if (node % 2) {
            sum.n += p.count[node - 1];
            sum.high += p.high[node - 1];
            sum.low += p.low[node - 1];
        }
    return sum;
}

order_part order_all(const order *o) {
    parts p = parts_of(o);
    return (order_part){p.count[1], p.high[1], p.low[1]};
}
