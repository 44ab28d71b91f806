/* When a match becomes a signal: each mode against a slow model on random matches. */
#include "screener/firing.h"
#include "spec/c/random.h"
#include "spec/c/tap.h"
#include <time.h>

enum { STEPS = 400, ROUNDS = 300 };

/* The model looks at the whole history each time. */
static bool expected(const trader_spec *spec, const bool *match, const bool *fired, int at) {
    int run = at, last = -1;
    if (!match[at]) return false;
    while (run > 0 && match[run - 1]) run--;
    for (int i = 0; i < at; i++)
        if (fired[i]) last = i;
    if (spec->cooldown > 0 && last >= 0 && at - last <= spec->cooldown) return false;
    if (spec->fire == FIRE_EDGE) return run == at && at > 0; /* without memory the state counts as matching */
    if (spec->fire_every <= 1) return true;
    return (at - run) % spec->fire_every == 0 && (at > run || run > 0);
}

int main(void) {
    int n_wrong = 0, n_fired = 0;
    random_state = tap_seed((uint64_t)time(NULL)) * 2654435769u + 1;
    for (int round = 0; round < ROUNDS; round++) {
        trader_spec spec = {.interval = INTERVAL_5M,
                            .fire = (fire_mode)below(2),
                            .fire_every = 1 + (int32_t)below(6),
                            .cooldown = below(2) ? (int32_t)below(12) : 0};
        edge_row memory = {.start_ms = 1};
        bool match[STEPS], fired[STEPS];
        uint32_t stickiness = 1 + below(12);
        for (int i = 0; i < STEPS; i++) {
            match[i] = below(stickiness) ? (i ? match[i - 1] : below(2)) : below(2);
            fired[i] = firing_step(&memory, &spec, interval_add(INTERVAL_5M, 1700006400000, i), match[i]);
            n_wrong += fired[i] != expected(&spec, match, fired, i);
            n_fired += fired[i];
        }
    }
    ok(n_fired > 1000, "%d signals in %d rounds", n_fired, ROUNDS);
    ok(n_wrong == 0, "all modes and cooldowns agree with the model");
    return done();
}
