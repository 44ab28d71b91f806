/* See cpu_places.h. */
#include "base/cpu_places.h"
#include <sched.h>

void cpu_places_find(cpu_places *out) {
    cpu_set_t allowed;
    *out = (cpu_places){0};
    if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) return;
    for (int cpu = 0; cpu < CPU_SETSIZE && out->n < CPU_PLACES_MAX; cpu++)
        if (CPU_ISSET(cpu, &allowed)) out->cpu[out->n++] = (uint16_t)cpu;
}

static err keep_to(const cpu_places *places, int32_t from, int32_t to) {
    cpu_set_t set;
    CPU_ZERO(&set);
    for (int32_t i = from; i < to; i++) CPU_SET(places->cpu[i], &set);
    return sched_setaffinity(0, sizeof set, &set) == 0 ? OK : ERR_IO;
}

err cpu_places_keep_worker(const cpu_places *places, int32_t worker) {
    int32_t at = places->n - 1 - worker % (places->n ? places->n : 1);
    return places->n < 2 ? OK : keep_to(places, at, at + 1);
}

err cpu_places_keep_others(const cpu_places *places) { return places->n < 2 ? OK : keep_to(places, 0, places->n - 1); }

err cpu_places_leave(const cpu_places *places) { return places->n < 2 ? OK : keep_to(places, 0, places->n); }
