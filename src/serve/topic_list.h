/* The klines that one client wants to see live: a few topics (notice_topic).
 * Pure. */
#pragma once
#include "base/errors.h"
#include <stdbool.h>
#include <stdint.h>

enum { TOPIC_LIST_MOST = 16 };

typedef struct topic_list {
    uint32_t items[TOPIC_LIST_MOST];
    uint32_t count;
} topic_list;

bool topic_list_has(const topic_list *l, uint32_t topic);
/* ERR_EXISTS, ERR_FULL. */
MUST_CHECK err topic_list_add(topic_list *l, uint32_t topic);
/* False: it was not there. */
bool topic_list_remove(topic_list *l, uint32_t topic);
