#include "sim/venue.h"
#include <string.h>

/* Spot: Binance's documentation. USD-M: https://fapi.binance.com; its weight limit and its pings are those of older pages
 * of the documentation, the newer ones name none. */
static const venue venues[] = {
    {"spot", "/api/v3/", false, 6000, 5, 1000, 20000, 60000},
    {"usdm", "/fapi/v1/", true, 2400, 10, 1500, 180000, 600000},
};

const venue *venue_find(const char *name) {
    for (size_t i = 0; i < sizeof venues / sizeof venues[0]; i++)
        if (strcmp(venues[i].name, name) == 0) return &venues[i];
    return NULL;
}

const char *venue_path(const venue *v, const char *path, bool is_legacy_allowed, venue_part *part) {
    static const struct {
        const char *front;
        venue_part part;
    } parts[] = {{"/market", PART_MARKET}, {"/public", PART_PUBLIC}, {"/private", PART_PRIVATE}};
    *part = PART_WHOLE;
    if (!v->is_futures) return path;
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        size_t bytes = strlen(parts[i].front);
        if (strncmp(path, parts[i].front, bytes) != 0 || path[bytes] != '/') continue;
        *part = parts[i].part;
        return path + bytes;
    }
    return is_legacy_allowed ? path : NULL;
}
