/* See ranking.h. */
#include "screener/ranking.h"
#include "base/log.h"
#include "base/time_text.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LOADING_MOST = 40, NAMED_MOST = 10 }; /* graces that a loading member is waited for; names in one line */

typedef struct reduction { /* one close */
    struct reduction *next;
    int64_t close_ms, opened_ns;
    rank_word *words; /* those with a score */
    int32_t n_words, capacity;
} reduction;

struct ranking {
    const symbol_table *symbols;
    char trader[TRADER_KEY_MAX];
    uint32_t *members;
    int32_t n_members, capacity;
    int64_t *spoken_ms; /* by symbol: newest close that it has said something of */
    reduction *open;    /* oldest first */
    int64_t closed_ms;  /* newest close that is done */
};

err ranking_new(const symbol_table *symbols, const char *trader, ranking **out) {
    ranking *r = calloc(1, sizeof *r);
    if (!r) return ERR_NO_MEMORY;
    r->symbols = symbols;
    memcpy(r->trader, trader, strnlen(trader, sizeof r->trader - 1));
    r->spoken_ms = calloc(SYMBOL_MAX, sizeof *r->spoken_ms);
    if (!r->spoken_ms) {
        ranking_free(r);
        return ERR_NO_MEMORY;
    }
    *out = r;
    return OK;
}

static void drop(reduction *x) {
    free(x->words);
    free(x);
}

void ranking_free(ranking *r) {
    if (!r) return;
    while (r->open) {
        reduction *next = r->open->next;
        drop(r->open);
        r->open = next;
    }
    free(r->members);
    free(r->spoken_ms);
    free(r);
}

err ranking_set_member(ranking *r, uint32_t symbol, bool is_member) {
    int32_t at = 0;
    while (at < r->n_members && r->members[at] != symbol) at++;
    if ((at < r->n_members) == is_member) return OK;
    if (!is_member) {
        r->members[at] = r->members[--r->n_members];
        return OK;
    }
    if (r->n_members == r->capacity) {
        int32_t capacity = r->capacity ? r->capacity * 2 : 64;
        uint32_t *members = realloc(r->members, (size_t)capacity * sizeof *members);
        if (!members) return ERR_NO_MEMORY;
        r->members = members;
        r->capacity = capacity;
    }
    r->members[r->n_members++] = symbol;
    r->spoken_ms[symbol] = 0;
    return OK;
}

bool ranking_is_open(const ranking *r) { return r->open != NULL; }

/* ---- words ---- */

static reduction *reduction_at(ranking *r, int64_t close_ms, int64_t now_ns) {
    reduction **at = &r->open, *x;
    while (*at && (*at)->close_ms < close_ms) at = &(*at)->next;
    if (*at && (*at)->close_ms == close_ms) return *at;
    x = calloc(1, sizeof *x);
    if (!x) return NULL;
    *x = (reduction){.next = *at, .close_ms = close_ms, .opened_ns = now_ns};
    *at = x;
    return x;
}

static err add_word(reduction *x, const rank_word *word) {
    if (x->n_words == x->capacity) {
        int32_t capacity = x->capacity ? x->capacity * 2 : 32;
        rank_word *words = realloc(x->words, (size_t)capacity * sizeof *words);
        if (!words) return ERR_NO_MEMORY;
        x->words = words;
        x->capacity = capacity;
    }
    x->words[x->n_words++] = *word;
    return OK;
}

static int32_t n_silent(const ranking *r, const reduction *x) {
    int32_t n = 0;
    for (int32_t i = 0; i < r->n_members; i++) n += r->spoken_ms[r->members[i]] < x->close_ms;
    return n;
}

/* ---- the places ---- */

/* Best first; NaN last. qsort has no context: the names are looked up through this thread's table. */
static _Thread_local const symbol_table *names;

static int better_first(const void *a, const void *b) {
    const rank_word *x = a, *y = b;
    bool has_x = !isnan(x->score), has_y = !isnan(y->score);
    if (has_x != has_y) return has_x ? -1 : 1;
    if (has_x && x->score != y->score) return x->score > y->score ? -1 : 1;
    return strcmp(symbol_table_get(names, x->symbol)->name, symbol_table_get(names, y->symbol)->name);
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static err median_change(const reduction *x, double *out) {
    double *changes = malloc(((size_t)x->n_words + 1) * sizeof *changes);
    int32_t n = 0;
    if (!changes) return ERR_NO_MEMORY;
    for (int32_t i = 0; i < x->n_words; i++)
        if (!isnan(x->words[i].change_pct)) changes[n++] = x->words[i].change_pct;
    qsort(changes, (size_t)n, sizeof *changes, ascending);
    *out = n == 0 ? NAN : n % 2 ? changes[n / 2] : (changes[n / 2 - 1] + changes[n / 2]) / 2;
    free(changes);
    return OK;
}

static void name_missing(const ranking *r, const reduction *x, int32_t missing) {
    char text[NAMED_MOST * (SYMBOL_BYTES + 2) + 1] = "", time[TIME_TEXT_BYTES];
    size_t n = 0;
    for (int32_t i = 0, named = 0; i < r->n_members && named < NAMED_MOST; i++) {
        if (r->spoken_ms[r->members[i]] >= x->close_ms) continue;
        n += (size_t)snprintf(text + n, sizeof text - n, "%s%s", named++ ? ", " : "",
                              symbol_table_get(r->symbols, r->members[i])->name);
    }
    time_text_format(x->close_ms, time);
    log_warn("screener", "rank of %s at %s: %d of %d symbols are missing and left out: %s%s", r->trader, time, missing,
             r->n_members, text, missing > NAMED_MOST ? ", ..." : "");
}

/* Ranks the oldest open close and tells everybody who has spoken. */
static err close_oldest(ranking *r, int32_t missing, rank_told_fn told, void *context) {
    reduction *x = r->open;
    script_rank rank = {.count = r->n_members, .missing = missing};
    err e = median_change(x, &rank.median_change);
    if (e != OK) return e;
    if (missing) name_missing(r, x, missing);
    names = r->symbols;
    qsort(x->words, (size_t)x->n_words, sizeof *x->words, better_first);
    for (int32_t i = 0; i < x->n_words; i++) {
        rank.advancing += x->words[i].change_pct > 0;
        rank.declining += x->words[i].change_pct < 0;
    }
    r->open = x->next;
    r->closed_ms = x->close_ms;
    for (int32_t i = 0; i < x->n_words; i++) {
        rank.rank = isnan(x->words[i].score) ? 0 : i + 1;
        told(context, x->words[i].symbol, x->close_ms, &rank);
    }
    drop(x);
    return OK;
}

static err close_complete(ranking *r, rank_told_fn told, void *context) {
    err e = OK;
    while (r->open && e == OK && n_silent(r, r->open) == 0) e = close_oldest(r, 0, told, context);
    return e;
}

err ranking_complete(ranking *r, rank_told_fn told, void *context) { return close_complete(r, told, context); }

err ranking_say(ranking *r, const rank_word *word, int64_t now_ns, rank_told_fn told, void *context) {
    script_rank left_out = {.rank = RANK_LEFT_OUT};
    reduction *x;
    err e = OK;
    if (word->close_ms > r->spoken_ms[word->symbol]) r->spoken_ms[word->symbol] = word->close_ms;
    if (word->has_score && word->close_ms <= r->closed_ms) {
        told(context, word->symbol, word->close_ms, &left_out);
    } else if (word->has_score) {
        x = reduction_at(r, word->close_ms, now_ns);
        e = x ? add_word(x, word) : ERR_NO_MEMORY;
    }
    return e == OK ? close_complete(r, told, context) : e;
}

/* ---- overdue ---- */

static bool waits_for_history(const ranking *r, const reduction *x, bool (*is_loading)(void *, uint32_t),
                              void *context) {
    for (int32_t i = 0; i < r->n_members; i++)
        if (r->spoken_ms[r->members[i]] < x->close_ms && is_loading(context, r->members[i])) return true;
    return false;
}

err ranking_expire(ranking *r, int64_t market_ms, int64_t now_ns, int64_t grace_ms,
                   bool (*is_loading)(void *context, uint32_t symbol), rank_told_fn told, void *context) {
    err e = OK;
    while (r->open && e == OK) {
        int64_t open_ms = (now_ns - r->open->opened_ns) / 1000000;
        if (market_ms <= r->open->close_ms + grace_ms || open_ms <= grace_ms) break;
        if (open_ms <= grace_ms * LOADING_MOST && waits_for_history(r, r->open, is_loading, context)) break;
        e = close_oldest(r, n_silent(r, r->open), told, context);
        if (e == OK) e = close_complete(r, told, context);
    }
    return e;
}
