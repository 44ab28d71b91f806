/* A fault of some kind every few minutes of market time, drawn from a seed: lines of the scene language, so that what is
 * told of one can be put into a scene. Only faults that leave the market itself as it is: no holes, no listings.
 * Pure. Threads: one. */
#pragma once
#include "sim/scene.h"

typedef struct random_faults {
    uint64_t random;
    int64_t every_ms, next_ms, end_ms;
    int n_hosts;
} random_faults;

enum { RANDOM_FAULTS_CALM_MS = 1800000 }; /* before the end, without faults */

/* From `start_ms`, one in `every_ms` on average; the last one RANDOM_FAULTS_CALM_MS before `end_ms` (INT64_MAX: never). */
void random_faults_init(random_faults *r, uint64_t seed, int64_t every_ms, int64_t start_ms, int64_t end_ms,
                        int n_hosts);
int64_t random_faults_next_ms(const random_faults *r);
/* The next one that is due; false: none. */
bool random_faults_take(random_faults *r, int64_t now_ms, scene_event *out);
