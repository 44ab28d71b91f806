/* See span_list.h. */
#include "market/span_list.h"
#include <stdlib.h>
#include <string.h>

void span_list_free(span_list *list) {
    free(list->items);
    *list = (span_list){0};
}

size_t span_list_find(const span_list *list, int64_t ms) {
    size_t low = 0, high = list->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (list->items[middle].to_ms <= ms)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Items [first, end) become `n` items of `with`. */
static err replace(span_list *list, size_t first, size_t end, const span *with, size_t n) {
    size_t count = list->count - (end - first) + n;
    if (count > list->capacity) {
        size_t capacity = list->capacity ? 2 * list->capacity : 8;
        span *items = realloc(list->items, capacity * sizeof *items);
        if (!items) return ERR_NO_MEMORY;
        list->items = items;
        list->capacity = capacity;
    }
    if (list->count > end)
        memmove(list->items + first + n, list->items + end, (list->count - end) * sizeof *list->items);
    if (n > 0) memcpy(list->items + first, with, n * sizeof *with);
    list->count = count;
    return OK;
}

err span_list_add(span_list *list, int64_t from_ms, int64_t to_ms) {
    if (from_ms >= to_ms) return OK;
    span whole = {from_ms, to_ms};
    size_t first = span_list_find(list, from_ms - 1), end = first; /* one that ends at from_ms is touched */
    for (; end < list->count && list->items[end].from_ms <= to_ms; end++) {
        if (list->items[end].from_ms < whole.from_ms) whole.from_ms = list->items[end].from_ms;
        if (list->items[end].to_ms > whole.to_ms) whole.to_ms = list->items[end].to_ms;
    }
    return replace(list, first, end, &whole, 1);
}

err span_list_remove(span_list *list, int64_t from_ms, int64_t to_ms) {
    span left[2];
    size_t n = 0, first = span_list_find(list, from_ms), end = first;
    if (from_ms >= to_ms) return OK;
    for (; end < list->count && list->items[end].from_ms < to_ms; end++) {
        const span *s = &list->items[end];
        if (s->from_ms < from_ms) left[n++] = (span){s->from_ms, from_ms};
        if (s->to_ms > to_ms) left[n++] = (span){to_ms, s->to_ms};
    }
    return end > first ? replace(list, first, end, left, n) : OK;
}
