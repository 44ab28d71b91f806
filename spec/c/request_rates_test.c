/* The rate of requests of an address: one by one, and many addresses at random against a plain model. */
#include "base/clock.h"
#include "serve/request_rates.h"
#include "spec/c/random.h"
#include "spec/c/tap.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { PER_MINUTE = 30, N_ADDRESSES = 40, STEPS = 200000, MINUTE_MS = 60000 };

static request_rates *open_rates(int64_t per_minute) {
    request_rates *r = NULL;
    if (request_rates_new(per_minute, &r) != OK) ok(false, "a list");
    return r;
}

static client_address address(uint32_t n) {
    client_address a = {{0}};
    memcpy(a.bytes, &n, sizeof n);
    return a;
}

static void one(void) {
    request_rates *r = open_rates(PER_MINUTE);
    client_address here = address(1), there = address(2);
    int n_taken = 0;
    while (n_taken < 1000 && request_rates_take(r, &here, 500) == 0) n_taken++;
    ok(n_taken == PER_MINUTE, "a minute's worth at once, and no more (%d)", n_taken);
    ok(request_rates_take(r, &here, 500) == 2000, "the next in 2 s");
    ok(request_rates_take(r, &here, 2499) == 1, "asking earlier puts it off no further");
    ok(request_rates_take(r, &there, 2499) == 0, "another address is none of its business");
    ok(request_rates_take(r, &here, 2500) == 0 && request_rates_take(r, &here, 2500) > 0,
       "then there is one, and one alone");
    request_rates_free(r);
    r = open_rates(0);
    n_taken = 0;
    for (int i = 0; i < 100000; i++) n_taken += request_rates_take(r, &here, 1) == 0;
    ok(n_taken == 100000, "0: no limit");
    request_rates_free(r);
}

/* The one that has not asked for longest is forgotten, and nobody else. */
static void many(void) {
    request_rates *r = open_rates(1);
    for (uint32_t n = 0; n < REQUEST_RATES_MOST; n++) {
        client_address a = address(n);
        if (request_rates_take(r, &a, 1000 + n) != 0) ok(false, "the first of address %u", n);
    }
    client_address first = address(0), second = address(1), another = address(REQUEST_RATES_MOST);
    ok(request_rates_take(r, &first, 2000) > 0, "all are remembered");
    ok(request_rates_take(r, &another, 2001) == 0 && request_rates_take(r, &first, 2001) > 0,
       "one more takes another place than that of who has just asked");
    ok(request_rates_take(r, &second, 2002) == 0, "it is that of who has not for longest");
    request_rates_free(r);
}

static void against_model(void) {
    request_rates *r = open_rates(PER_MINUTE);
    double level[N_ADDRESSES];
    int64_t at_ms[N_ADDRESSES] = {0}, now_ms = 0;
    int n_wrong = 0, n_refused = 0;
    for (int i = 0; i < N_ADDRESSES; i++) level[i] = PER_MINUTE;
    for (int step = 0; step < STEPS; step++) {
        uint32_t i = (uint32_t)below(N_ADDRESSES);
        client_address a = address(i);
        now_ms += below(60);
        level[i] = fmin(PER_MINUTE, level[i] + (double)((now_ms - at_ms[i]) * PER_MINUTE) / MINUTE_MS);
        at_ms[i] = now_ms;
        bool may = level[i] >= 1 - 1e-9, is_close = fabs(level[i] - 1) < 1e-6;
        bool is_taken = request_rates_take(r, &a, now_ms) == 0;
        if (!is_close && may != is_taken) n_wrong++;
        if (is_taken) level[i] -= 1;
        n_refused += !is_taken;
    }
    ok(n_wrong == 0 && n_refused > STEPS / 20 && n_refused < STEPS, "%d steps as the model (%d refused)", STEPS,
       n_refused);
    request_rates_free(r);
}

int main(void) {
    uint64_t seed = tap_seed((uint64_t)monotonic_ns());
    random_state = seed ? seed : 1;
    one();
    many();
    against_model();
    return done();
}
