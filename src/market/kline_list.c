/* See kline_list.h. */
#include "market/kline_list.h"
#include <stdlib.h>

void kline_list_free(kline_list *list) {
    free(list->bars);
    *list = (kline_list){0};
}

err kline_list_push(kline_list *list, const kline *bar) {
    if (list->count == list->capacity) {
        size_t capacity = list->capacity ? 2 * list->capacity : 256;
        kline *bars = realloc(list->bars, capacity * sizeof *bars);
        if (!bars) return ERR_NO_MEMORY;
        list->bars = bars;
        list->capacity = capacity;
    }
    list->bars[list->count++] = *bar;
    return OK;
}

size_t kline_list_find(const kline_list *list, int64_t ms) {
    size_t low = 0, high = list->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (list->bars[middle].open_ms < ms)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

bool kline_has_same_values(const kline *a, const kline *b) {
    return a->open == b->open && a->high == b->high && a->low == b->low && a->close == b->close &&
           a->volume == b->volume && a->quote_volume == b->quote_volume && a->trades == b->trades &&
           a->taker_base == b->taker_base && a->taker_quote == b->taker_quote;
}
