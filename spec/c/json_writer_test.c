/* Numbers that the writer prints by its short cut against the C library's, in random and in awkward values. */
#include "base/clock.h"
#include "base/json_writer.h"
#include "spec/c/tap.h"
#include <math.h>
#include <string.h>

enum { N_RANDOM = 200000 };

/* The least of 15 to 17 digits that reads back the same. */
static void print_slowly(double value, char text[40]) {
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, 40, "%.*g", digits, value);
        if (strtod(text, NULL) == value) return;
    }
}

static bool is_same(double value) {
    char expected[40];
    json_writer w;
    json_writer_init(&w);
    json_write_number(&w, value);
    print_slowly(value, expected);
    bool same = strcmp(json_writer_text(&w), expected) == 0;
    if (!same) printf("# %s, expected %s\n", json_writer_text(&w), expected);
    json_writer_deinit(&w);
    return same;
}

static uint64_t draw(uint64_t *state) {
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return *state >> 11;
}

int main(void) {
    static const double awkward[] = {0.0,        -0.0,       1,           -1,           10,
                                     0.1,        0.2,        0.3,         1e-4,         0.00012345,
                                     9.9e-5,     1e7,        9999999,     9999999.9999, 123456.78901234,
                                     1e-8,       0.12345678, 0.123456789, 1e15,         1e16,
                                     1e300,      5e-324,     100.5,       -100.25,      97123.45,
                                     0.00000001, 1.0 / 3,    2.0 / 3,     1e6 + 1e-8,   4503599.62737049};
    uint64_t state = tap_seed((uint64_t)monotonic_ns());
    int n_wrong = 0;
    for (size_t i = 0; i < sizeof awkward / sizeof *awkward; i++) ok(is_same(awkward[i]), "%.17g", awkward[i]);
    for (int i = 0; i < N_RANDOM; i++) {
        double places = pow(10, (double)(draw(&state) % 12)), value = (double)(draw(&state) % 100000000000000) / places;
        if (i % 3 == 0) value = (double)draw(&state) / (double)(draw(&state) | 1);
        n_wrong += !is_same(i % 2 ? value : -value);
    }
    ok(n_wrong == 0, "%d random numbers", N_RANDOM);
    return done();
}
