/* The table of kernels: see kernel.h. Each kernel runs over a range of bars, so the loop, not the call, is the hot part
 * when a series is computed from nothing, and a single step is a range of one. */
#include "indicator/kernel.h"
#include <math.h>
#include <string.h>

enum { RECURSIVE_LEAST = 250 };

#define KERNEL_ROW(NAME, name) &kernel_##name,
static const kernel *const kernels[] = {KERNEL_LIST(KERNEL_ROW)};
#undef KERNEL_ROW

const kernel *kernel_get(int32_t kind) { return kind >= 0 && kind < N_INDICATOR_KINDS ? kernels[kind] : NULL; }

int32_t kernel_find(const char *name, size_t bytes) {
    for (int32_t k = 0; k < N_INDICATOR_KINDS; k++)
        if (strlen(kernels[k]->name) == bytes && memcmp(kernels[k]->name, name, bytes) == 0) return k;
    return -1;
}

int32_t kernel_reach(int32_t kind, const double *param, int32_t interval) {
    const kernel *k = kernels[kind];
    int32_t bars = k->reach ? k->reach(param) : 0, by_time = k->reach_of_interval ? k->reach_of_interval(interval) : 0;
    return bars > by_time ? bars : by_time;
}

size_t kernel_state_bytes(int32_t kind, const double *param, int32_t interval) {
    const kernel *k = kernels[kind];
    size_t bytes = k->state_bytes + (k->more_state_bytes ? k->more_state_bytes(param, interval) : 0);
    return (bytes + STATE_ALIGNMENT - 1) & ~(size_t)(STATE_ALIGNMENT - 1);
}

static err check_param(const kernel *k, const kernel_param *p, double value, diag *why) {
    if (value >= p->min && value <= p->max && (!p->is_whole || value == floor(value))) return OK;
    return diag_set(why, ERR_INVALID, "%s: %s is %g; expected a %s from %g to %g", k->name, p->name, value,
                    p->is_whole ? "whole number" : "number", p->min, p->max);
}

err kernel_check(int32_t kind, const double *param, diag *why) {
    const kernel *k = kernel_get(kind);
    err e = OK;
    if (!k) return diag_set(why, ERR_INVALID, "no such indicator");
    for (int32_t p = 0; e == OK && p < k->n_params; p++) e = check_param(k, &k->params[p], param[p], why);
    return e == OK && k->check ? k->check(param, why) : e;
}

int32_t kernel_depth_at_least(int32_t bars) { return bars < RECURSIVE_LEAST ? RECURSIVE_LEAST : bars; }
int32_t kernel_depth_one(const double *param, int32_t interval) { return (void)param, (void)interval, 1; }
int32_t kernel_depth_two(const double *param, int32_t interval) { return (void)param, (void)interval, 2; }
int32_t kernel_depth_window(const double *param, int32_t interval) { return (void)interval, (int32_t)param[0]; }
int32_t kernel_depth_recursive(const double *param, int32_t interval) {
    return (void)interval, kernel_depth_at_least(10 * (int32_t)param[0]);
}
int32_t kernel_depth_wilder(const double *param, int32_t interval) {
    return (void)interval, kernel_depth_at_least(25 * (int32_t)param[0]);
}
int32_t kernel_reach_window(const double *param) { return (int32_t)param[0]; }
int32_t kernel_reach_one(const double *param) { return (void)param, 1; }
