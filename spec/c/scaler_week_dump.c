/* A line of JSON for each scene and size of spec/c/week.h, and one for each hour of the mixed week: docs/scaling.lua draws
 * them. */
#include "spec/c/week.h"
#include <stdio.h>

static void print_line(const char *scene, const char *size, const week_result *r) {
    printf("{\"scene\": \"%s\", \"size\": \"%s\", \"usd_month\": %.3f, \"lag_ms\": %.3f, \"resizes\": %d}\n", scene,
           size, r->usd_month, r->lag_s * 1000, r->n_resizes);
}

int main(void) {
    static const int32_t sizes[] = {0, 1, 2, 4, 8};
    static const char *const names[] = {"scaled", "1", "2", "4", "8"};
    week_result r;
    for (int i = 0; i < N_WEEK_SCENES; i++)
        for (int k = 0; k < 5; k++) {
            week_simulate(&WEEK_SCENES[i], sizes[k], 12345, &r);
            print_line(WEEK_SCENES[i].name, names[k], &r);
            for (int hour = 0; i == 0 && k == 0 && hour < WEEK_HOURS; hour++)
                printf("{\"hour\": %d, \"cpus\": %.3f, \"load\": %.5f, \"lag_ms\": %.3f}\n", hour, r.hour_cpus[hour],
                       r.hour_load[hour], r.hour_lag_s[hour] * 1000);
        }
    return 0;
}
