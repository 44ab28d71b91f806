#include "serve/topic_list.h"

bool topic_list_has(const topic_list *l, uint32_t topic) {
    for (uint32_t i = 0; i < l->count; i++)
        if (l->items[i] == topic) return true;
    return false;
}

err topic_list_add(topic_list *l, uint32_t topic) {
    if (topic_list_has(l, topic)) return ERR_EXISTS;
    if (l->count == TOPIC_LIST_MOST) return ERR_FULL;
    l->items[l->count++] = topic;
    return OK;
}

bool topic_list_remove(topic_list *l, uint32_t topic) {
    for (uint32_t i = 0; i < l->count; i++) {
        if (l->items[i] != topic) continue;
        l->items[i] = l->items[--l->count];
        return true;
    }
    return false;
}
