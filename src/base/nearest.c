/* Optimal string alignment distance with three rows. Names longer than NAME_MAX_BYTES are near to nothing: what we
 * suggest from are names of options and settings, and a bound keeps the rows on the stack. */
#include "base/nearest.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_MAX_BYTES = 64, MAX_EDITS = 3 };

static int smaller(int a, int b) { return a < b ? a : b; }

static char lower(char c) { return (char)tolower((unsigned char)c); }

static int edits_between(const char *a, const char *b) {
    size_t n = strlen(a), m = strlen(b);
    if (n > NAME_MAX_BYTES || m > NAME_MAX_BYTES) return NAME_MAX_BYTES;
    int rows[3][NAME_MAX_BYTES + 1];
    for (size_t j = 0; j <= m; j++) rows[0][j] = (int)j;
    for (size_t i = 1; i <= n; i++) {
        int *now = rows[i % 3], *last = rows[(i + 2) % 3], *before_last = rows[(i + 1) % 3];
        now[0] = (int)i;
        for (size_t j = 1; j <= m; j++) {
            int cost = lower(a[i - 1]) != lower(b[j - 1]);
            now[j] = smaller(smaller(last[j] + 1, now[j - 1] + 1), last[j - 1] + cost);
            bool is_swap = i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) && lower(a[i - 2]) == lower(b[j - 1]);
            if (is_swap) now[j] = smaller(now[j], before_last[j - 2] + 1);
        }
    }
    return rows[n % 3][m];
}

const char *nearest_name(const char *word, const char *const *names) {
    int limit = smaller(MAX_EDITS, (int)(strlen(word) / 3));
    const char *best = NULL;
    for (; *names; names++) {
        int edits = edits_between(word, *names);
        if (edits > limit) continue;
        best = *names;
        limit = edits - 1;
    }
    return best;
}
