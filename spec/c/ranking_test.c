/* Ranking while members come and go: a close waits for its members alone. */
#include "screener/ranking.h"
#include "spec/c/tap.h"
#include <string.h>

static char told[256];

static void on_told(void *context, uint32_t symbol, int64_t close_ms, const script_rank *rank) {
    size_t n = strlen(told);
    (void)context;
    snprintf(told + n, sizeof told - n, "%c%d@%d of %d;", (char)('A' + symbol), rank->rank, (int)close_ms, rank->count);
}

static void say(ranking *r, uint32_t symbol, int64_t close_ms, double score) {
    rank_word word = {.symbol = symbol, .close_ms = close_ms, .score = score, .change_pct = 1, .has_score = true};
    if (ranking_say(r, &word, 0, on_told, NULL) != OK) abort();
}

static void set_member(ranking *r, uint32_t symbol, bool is_member) {
    if (ranking_set_member(r, symbol, is_member) != OK) abort();
}

static bool is_told(const char *expected) {
    bool same = strcmp(told, expected) == 0;
    if (!same) printf("# told: %s\n", told);
    told[0] = 0;
    return same;
}

int main(void) {
    symbol_table *symbols;
    ranking *r;
    if (symbol_table_new(&symbols) != OK || ranking_new(symbols, "ranked", &r) != OK) abort();
    for (uint32_t i = 0, id; i < 3; i++) {
        symbol_info info = {.name = {(char)('A' + i)}};
        if (symbol_table_add(symbols, &info, &id) != OK) abort();
        set_member(r, i, true);
    }
    say(r, 0, 100, 1);
    say(r, 1, 100, 2);
    ok(is_told("") && ranking_is_open(r), "a close waits for the member that has said nothing");
    set_member(r, 2, false);
    ok(is_told(""), "that it leaves tells nobody by itself");
    ok(ranking_complete(r, on_told, NULL) == OK && is_told("B1@100 of 2;A2@100 of 2;") && !ranking_is_open(r),
       "then nobody is waited for: the places are told");
    ok(ranking_complete(r, on_told, NULL) == OK && is_told(""), "once");
    set_member(r, 2, true);
    say(r, 0, 200, 1);
    say(r, 1, 200, 2);
    ok(is_told("") && ranking_is_open(r), "one that is back is waited for again");
    say(r, 2, 200, 3);
    ok(is_told("C1@200 of 3;B2@200 of 3;A3@200 of 3;"), "and ranked");
    say(r, 0, 300, 1);
    say(r, 1, 300, 5);
    say(r, 0, 400, 9);
    say(r, 1, 400, 8);
    set_member(r, 2, false);
    ok(ranking_complete(r, on_told, NULL) == OK && is_told("B1@300 of 2;A2@300 of 2;A1@400 of 2;B2@400 of 2;"),
       "several closes, oldest first");
    ranking_free(r);
    symbol_table_free(symbols);
    return done();
}
