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
