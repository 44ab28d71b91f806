/* Who should have which symbol: spread evenly, with few moves, and always the same for the same costs. */
#include "screener/balance.h"
#include "screener/worker.h"
#include "spec/c/random.h"
#include "spec/c/tap.h"
#include <string.h>

enum { N = 100, ROUNDS = 300, MOST = 32 };

static int64_t load_of(const balance_item *items, int32_t count, int32_t who) {
    int64_t sum = 0;
    for (int32_t i = 0; i < count; i++) sum += items[i].worker == who ? items[i].cost : 0;
    return sum;
}

static int64_t busiest(const balance_item *items, int32_t count, int32_t n_workers) {
    int64_t most = 0;
    for (int32_t w = 0; w < n_workers; w++)
        if (load_of(items, count, w) > most) most = load_of(items, count, w);
    return most;
}

static int64_t sum_of(const balance_item *items, int32_t count) {
    int64_t sum = 0;
    for (int32_t i = 0; i < count; i++) sum += items[i].cost;
    return sum;
}

static bool is_plan(const balance_item *items, int32_t count, int32_t n_workers) {
    bool seen[N] = {false};
    for (int32_t i = 0; i < count; i++) {
        if (items[i].worker < 0 || items[i].worker >= n_workers || seen[items[i].symbol]) return false;
        seen[items[i].symbol] = true;
    }
    return true;
}

/* The worst start: all that is dear is with one worker. */
static void test_dear_ones(int32_t n_workers) {
    balance_item items[N];
    int32_t rounds = 0, n_moved, most_moved = 0;
    for (int32_t i = 0; i < N; i++)
        items[i] =
            (balance_item){.symbol = (uint32_t)i, .worker = i < 10 ? 0 : i % n_workers, .cost = i < 10 ? 20000 : 1000};
    do {
        n_moved = balance_plan(items, N, n_workers, MOST);
        if (n_moved > most_moved) most_moved = n_moved;
    } while (n_moved > 0 && ++rounds < 20);
    ok(is_plan(items, N, n_workers), "%d workers: every symbol has one of them", n_workers);
    ok(rounds < 20 && most_moved <= MOST, "%d workers: at rest after %d rounds of at most %d moves", n_workers, rounds,
       most_moved);
    ok(busiest(items, N, n_workers) * n_workers * 4 <= sum_of(items, N) * 5,
       "%d workers: the busiest does %.2f times the mean", n_workers,
       (double)(busiest(items, N, n_workers) * n_workers) / (double)sum_of(items, N));
}

static void test_homeless(void) {
    balance_item items[N];
    int32_t n_moved, n_of_three = 0;
    for (int32_t i = 0; i < N; i++) /* of four workers one is gone, and some symbols never had one */
        items[i] = (balance_item){.symbol = (uint32_t)i, .worker = i % 5 == 4 ? -1 : i % 5, .cost = 1 + i % 7};
    n_moved = balance_plan(items, N, 3, 0);
    for (int32_t i = 0; i < N; i++)
        n_of_three += items[i].symbol % 5 < 3 && items[i].worker == (int32_t)items[i].symbol % 5;
    ok(n_moved == 40 && is_plan(items, N, 3), "symbols without a worker get one, also where nothing else may move");
    ok(n_of_three == 60, "the others stay");
    ok(busiest(items, N, 3) * 3 * 10 <= sum_of(items, N) * 11, "they go where there is least to do");
}

/* The dear one comes last by its number, but is placed first. */
static void test_dearest_first(void) {
    balance_item items[11];
    for (int32_t i = 0; i < 11; i++)
        items[i] = (balance_item){.symbol = (uint32_t)i, .worker = -1, .cost = i == 10 ? 100 : 10};
    ok(balance_plan(items, 11, 2, 0) == 11 && busiest(items, 11, 2) == 100, "the dearest is placed first");
}

static void test_nothing_to_gain(void) {
    balance_item one[1] = {{.symbol = 3, .worker = 1, .cost = 1000000}}, none[1], free_ones[N];
    int32_t n_of[2] = {0};
    ok(balance_plan(one, 1, 4, MOST) == 0 && one[0].worker == 1, "one symbol stays where it is");
    ok(balance_plan(none, 0, 4, MOST) == 0, "no symbols, no moves");
    for (int32_t i = 0; i < N; i++) free_ones[i] = (balance_item){.symbol = (uint32_t)i, .worker = -1};
    ok(balance_plan(free_ones, N, 2, MOST) == N, "symbols that have cost nothing yet are given away");
    for (int32_t i = 0; i < N; i++) n_of[free_ones[i].worker]++;
    ok(n_of[0] == N / 2 && n_of[1] == N / 2, "in equal numbers");
}

static void shuffle(balance_item *items, int32_t count) {
    for (int32_t i = count - 1; i > 0; i--) {
        int32_t k = (int32_t)below((uint32_t)i + 1);
        balance_item item = items[i];
        items[i] = items[k];
        items[k] = item;
    }
}

static void test_random(void) {
    int32_t n_worse = 0, n_wrong = 0, n_other = 0, n_more = 0;
    for (int32_t round = 0; round < ROUNDS; round++) {
        balance_item items[N], other[N];
        int32_t count = (int32_t)below(N + 1), n_workers = 1 + (int32_t)below(WORKERS_MAX), most = (int32_t)below(MOST);
        int32_t owner[N], n_moved = 0, said;
        int64_t before;
        for (int32_t i = 0; i < count; i++) {
            owner[i] = (int32_t)below((uint32_t)n_workers);
            items[i] = (balance_item){(uint32_t)i, owner[i], below(4) ? below(1000) : below(100000)};
        }
        before = busiest(items, count, n_workers);
        memcpy(other, items, sizeof items);
        shuffle(other, count);
        said = balance_plan(items, count, n_workers, most);
        (void)balance_plan(other, count, n_workers, most);
        for (int32_t i = 0; i < count; i++) {
            n_moved += items[i].worker != owner[items[i].symbol];
            n_other += items[i].symbol != other[i].symbol || items[i].worker != other[i].worker;
        }
        n_wrong += !is_plan(items, count, n_workers);
        n_worse += busiest(items, count, n_workers) > before;
        n_more += said > most || n_moved > said;
    }
    ok(n_wrong == 0, "every symbol has a worker and is there once");
    ok(n_worse == 0, "the busiest never gets busier");
    ok(n_more == 0, "no more moves than allowed");
    ok(n_other == 0, "the order in which symbols are listed changes nothing");
}

int main(void) {
    random_state = tap_seed(11) | 1;
    for (int32_t n_workers = 2; n_workers <= WORKERS_MAX; n_workers *= 2) test_dear_ones(n_workers);
    test_homeless();
    test_dearest_first();
    test_nothing_to_gain();
    test_random();
    return done();
}
