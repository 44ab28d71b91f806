/* Scaling against each fixed size, over weeks in which the load is light, heavy, growing and mixed (spec/c/week.h): what
 * counts is cost times lag.
 * time limit: 300 */
#include "spec/c/tap.h"
#include "spec/c/week.h"

static const int32_t SIZES[] = {1, 2, 4, 8};
enum { N_SIZES = sizeof SIZES / sizeof *SIZES };

static double product(const week_result *r) { return r->usd_month * r->lag_s * 1000; }

static void test_scene(const week_scene *scene, uint64_t seed) {
    week_result scaled, fixed;
    bool is_mixed = strcmp(scene->name, "mixed") == 0;
    double best = INFINITY;
    week_simulate(scene, 0, seed, &scaled);
    for (int i = 0; i < N_SIZES; i++) {
        week_simulate(scene, SIZES[i], seed, &fixed);
        best = fmin(best, product(&fixed));
        if (is_mixed)
            ok(product(&scaled) <= product(&fixed), "%s: %.0f, not more than the %.0f of %d CPUs", scene->name,
               product(&scaled), product(&fixed), SIZES[i]);
    }
    ok(product(&scaled) <= 1.1 * best,
       "%s: $%.2f a month x %.1f ms = %.0f, at most 1.1 times the best fixed size (%.0f)", scene->name,
       scaled.usd_month, scaled.lag_s * 1000, product(&scaled), best);
    if (strcmp(scene->name, "light") == 0 || strcmp(scene->name, "carried") == 0 || strcmp(scene->name, "bursts") == 0)
        ok(scaled.n_resizes == 0, "%s: one vCPU carries it, so nothing is changed all week", scene->name);
}

int main(void) {
    uint64_t seed = tap_seed(12345);
    for (int i = 0; i < N_WEEK_SCENES; i++) test_scene(&WEEK_SCENES[i], seed);
    return done();
}
