/* "Did you mean": what is near, what is not, and the distance against a slow recursive definition. */
#include "base/nearest.h"
#include "spec/c/tap.h"
#include <string.h>
#include <time.h>

static const char *const NAMES[] = {"run", "replay", "config", "status", "SCRIPT_CPU_MS", "SCRIPT_MAX_KILLS", NULL};

static void finds(const char *word, const char *expected) {
    const char *found = nearest_name(word, NAMES);
    ok(expected ? found && strcmp(found, expected) == 0 : !found, "%s: %s", word, expected ? expected : "nothing");
}

/* Optimal string alignment by its definition, on the first `n` and `m` characters. */
static int slow_edits(const char *a, int n, const char *b, int m) {
    if (n == 0 || m == 0) return n + m;
    int best = slow_edits(a, n - 1, b, m - 1) + (a[n - 1] != b[m - 1]);
    int removed = slow_edits(a, n - 1, b, m) + 1, added = slow_edits(a, n, b, m - 1) + 1;
    if (removed < best) best = removed;
    if (added < best) best = added;
    if (n > 1 && m > 1 && a[n - 1] == b[m - 2] && a[n - 2] == b[m - 1]) {
        int swapped = slow_edits(a, n - 2, b, m - 2) + 1;
        if (swapped < best) best = swapped;
    }
    return best;
}

static void test_against_definition(void) {
    uint64_t state = tap_seed((uint64_t)time(NULL));
    int n_wrong = 0, n_near = 0;
    for (int i = 0; i < 2000; i++) {
        char word[7] = "", name[7] = "";
        for (int j = 0; j < 6; j++) {
            state = state * 6364136223846793005ULL + 1442695040888963407ULL;
            word[j] = (char)('a' + (state >> 40) % 3);
            name[j] = (char)('a' + (state >> 50) % 3);
        }
        name[5] = (state >> 60) % 2 ? name[5] : 0;
        const char *const names[] = {name, NULL};
        bool is_near = slow_edits(word, 6, name, (int)strlen(name)) <= 2; /* a third of six */
        n_near += is_near;
        if ((nearest_name(word, names) != NULL) != is_near) n_wrong++;
    }
    ok(n_wrong == 0 && n_near > 50, "2000 random pairs, %d of them near, as the definition says", n_near);
}

int main(void) {
    finds("rnu", "run");
    finds("rum", "run");
    finds("ru", NULL);
    finds("Status", "status");
    finds("confg", "config");
    finds("SCRPIT_CPU_MS", "SCRIPT_CPU_MS");
    finds("SCRIPT_MAX_KILS", "SCRIPT_MAX_KILLS");
    finds("SCRIPT_TIMEOUT_MS", NULL);
    finds("", NULL);
    char endless[200];
    memset(endless, 'x', sizeof endless - 1);
    endless[sizeof endless - 1] = 0;
    finds(endless, NULL);
    test_against_definition();
    return done();
}
