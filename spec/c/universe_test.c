/* The choice of symbols. */
#include "binance/universe.h"
#include "spec/c/random.h"
#include "spec/c/tap.h"
#include <string.h>
#include <time.h>

enum { N = 7 };

static symbol_info make(const char *name, const char *quote, double volume, bool is_trading) {
    symbol_info info = {.quote_volume_24h = volume, .is_trading = is_trading};
    snprintf(info.name, sizeof info.name, "%s", name);
    snprintf(info.quote, sizeof info.quote, "%s", quote);
    return info;
}

static symbol_info all[N];

static void fill(void) {
    all[0] = make("XRPUSDT", "USDT", 50, true);
    all[1] = make("BTCUSDT", "USDT", 900, true);
    all[2] = make("ETHBTC", "BTC", 5000, true);
    all[3] = make("OLDUSDT", "USDT", 9999, false);
    all[4] = make("ETHUSDT", "USDT", 700, true);
    all[5] = make("ADAUSDT", "USDT", 50, true);
    all[6] = make("BTCUSDT_261225", "USDT", 8000, true);
    all[6].is_by_name_only = true;
    universe_sort(all, N);
}

/* The names chosen, with commas. */
static const char *choose(const universe_policy *policy, err *error, diag *why) {
    static char text[256];
    uint32_t chosen[16];
    size_t n = 0;
    text[0] = 0;
    *error = universe_choose(all, N, policy, NULL, chosen, &n, why);
    for (size_t i = 0; i < n; i++) {
        if (i) strcat(text, ",");
        strcat(text, all[chosen[i]].name);
    }
    return text;
}

/* ---- kinds ---- */

static symbol_info pair(const char *base, double volume) {
    char name[SYMBOL_BYTES];
    symbol_info info;
    snprintf(name, sizeof name, "%sUSDT", base);
    info = make(name, "USDT", volume, true);
    snprintf(info.base, sizeof info.base, "%s", base);
    return info;
}

static void test_kinds(void) {
    static const char *const BASES[] = {"BTC", "BTCUP",   "BTCDOWN", "ETH",   "ETHDOWN", "XRP", "XRPBULL",
                                        "ADA", "ADABEAR", "JUP",     "SUPER", "SYRUP",   "S",   "SUP",
                                        "W",   "WUP",     "WDOWN",   "UP",    "BULL"};
    static const char *const LEVERS[] = {"BTCUP", "BTCDOWN", "ETHDOWN", "XRPBULL", "ADABEAR", "WUP", "WDOWN"};
    static const char *const STABLES[] = {"AEUR",  "AUD",  "BFUSD", "BRL",   "BUSD",  "DAI",  "EUR",  "EURI",
                                          "FDUSD", "GBP",  "PAX",   "PYUSD", "RLUSD", "TRY",  "TUSD", "USD1",
                                          "USDC",  "USDE", "USDP",  "USDS",  "USDT",  "XUSD", "ZAR"};
    static const char *const OTHERS[] = {"BTC", "PAXG", "XAUT", "USTC", "USUAL", "DAIX", "", "EURX", "A", "ZZZ"};
    enum { N_BASES = sizeof BASES / sizeof *BASES };
    symbol_info listed[N_BASES];
    int n_wrong = 0;
    for (size_t i = 0; i < N_BASES; i++) listed[i] = pair(BASES[i], 1);
    universe_sort(listed, N_BASES);
    for (size_t i = 0; i < N_BASES; i++) {
        bool expected = false;
        for (size_t k = 0; k < sizeof LEVERS / sizeof *LEVERS; k++) expected |= strcmp(LEVERS[k], BASES[i]) == 0;
        if (universe_is_leveraged(listed, N_BASES, BASES[i]) == expected) continue;
        n_wrong++;
        printf("# %s\n", BASES[i]);
    }
    ok(n_wrong == 0, "a lever on another listed base; JUP, SUPER, SYRUP, S and SUP stand for themselves");
    for (size_t i = 0; i < sizeof STABLES / sizeof *STABLES; i++) n_wrong += !universe_is_stable(STABLES[i]);
    for (size_t i = 0; i < sizeof OTHERS / sizeof *OTHERS; i++) n_wrong += universe_is_stable(OTHERS[i]);
    ok(n_wrong == 0, "currencies and their coins; gold and what fell from its peg are none");
}

static void test_exclusion(void) {
    symbol_info listed[] = {pair("BTC", 900), pair("BTCUP", 800), pair("USDC", 990), pair("EUR", 700), pair("JUP", 5)};
    universe_policy policy = {.quote = "USDT", .count = 10};
    uint32_t chosen[8];
    size_t n = 0;
    diag why;
    universe_sort(listed, 5);
    ok(universe_choose(listed, 5, &policy, NULL, chosen, &n, &why) == OK && n == 2 &&
           strcmp(listed[chosen[0]].name, "BTCUSDT") == 0 && strcmp(listed[chosen[1]].name, "JUPUSDT") == 0,
       "leveraged tokens and currencies are left out");
    policy.has_leveraged = policy.has_stable = true;
    ok(universe_choose(listed, 5, &policy, NULL, chosen, &n, &why) == OK && n == 5 &&
           strcmp(listed[chosen[0]].name, "USDCUSDT") == 0,
       "unless they are asked for");
    policy.min_quote_volume = 800;
    ok(universe_choose(listed, 5, &policy, NULL, chosen, &n, &why) == OK && n == 3, "at least so much volume");
    policy.min_quote_volume = 5000;
    ok(universe_choose(listed, 5, &policy, NULL, chosen, &n, &why) == ERR_NOT_FOUND && strstr(why.text, "least volume"),
       "more than any has: %s", why.text);
}

/* ---- the border ---- */

enum { MANY = 60, COUNT = 20 };

static int count_changes(const bool *before, const bool *now) {
    int n = 0;
    for (int i = 0; i < MANY; i++) n += before[i] != now[i];
    return n;
}

static size_t choose_many(symbol_info *many, double least, const bool *is_member, bool *now) {
    universe_policy policy = {.quote = "USDT", .count = COUNT, .min_quote_volume = least};
    uint32_t chosen[MANY];
    size_t n = 0;
    diag why;
    memset(now, 0, MANY * sizeof *now);
    if (universe_choose(many, MANY, &policy, is_member, chosen, &n, &why) != OK) abort();
    for (size_t i = 0; i < n; i++) now[chosen[i]] = true;
    return n;
}

static void test_border(void) {
    symbol_info many[MANY];
    bool first[MANY], now[MANY];
    for (int i = 0; i < MANY; i++) {
        char base[16];
        snprintf(base, sizeof base, "C%02d", i);
        many[i] = pair(base, 1000 - i * 10);
    }
    universe_sort(many, MANY);
    ok(choose_many(many, 0, NULL, first) == COUNT && first[COUNT - 1] && !first[COUNT], "the first %d of %d", COUNT,
       MANY);
    many[COUNT].quote_volume_24h = 1000 - (COUNT - 2) * 10 + 5; /* place 19: above two members */
    choose_many(many, 0, first, now);
    ok(count_changes(first, now) == 0, "one that climbs over the border by little stays out");
    many[COUNT].quote_volume_24h = 2000;
    ok(choose_many(many, 0, first, now) == COUNT && now[COUNT] && !now[COUNT - 1] && count_changes(first, now) == 2,
       "one that climbs to the top comes in, for the last one");
    many[COUNT].quote_volume_24h = 1000 - COUNT * 10;
    many[5].quote_volume_24h = 1000 - (COUNT + 1) * 10 + 5; /* place 21 */
    choose_many(many, 0, first, now);
    ok(count_changes(first, now) == 0, "a member that falls by little stays");
    many[5].quote_volume_24h = 1;
    ok(choose_many(many, 0, first, now) == COUNT && !now[5] && now[COUNT],
       "one that falls far leaves, for the next one");
    many[5].is_trading = false;
    many[5].quote_volume_24h = 5000;
    ok(choose_many(many, 0, first, now) == COUNT && !now[5], "so does one that does not trade, whatever its volume");
    many[0].quote_volume_24h = 900;
    many[1].quote_volume_24h = 799;
    choose_many(many, 1000, first, now);
    ok(now[0] && !now[1] && !now[COUNT],
       "a member stays down to 80 %% of the least volume, at 900 of 1,000 and not at 799");
    memset(first, 0, sizeof first);
    choose_many(many, 901, first, now);
    ok(!now[0] && !now[1] && now[2], "another one needs all of it");
}

/* Volumes that jitter: places are kept, nobody comes in for a worse one by far. */
static void test_jitter(void) {
    symbol_info many[MANY];
    bool member[MANY], now[MANY];
    int n_changes = 0, n_bad = 0, n_sizes = 0;
    random_state = tap_seed((uint64_t)time(NULL)) | 1;
    for (int i = 0; i < MANY; i++) {
        char base[16];
        snprintf(base, sizeof base, "C%02d", i);
        many[i] = pair(base, 0);
    }
    universe_sort(many, MANY);
    for (int round = 0; round < 2000; round++) {
        int place[MANY];
        for (int i = 0; i < MANY; i++) many[i].quote_volume_24h = 1000 - i * 10 + 12 * uniform();
        n_sizes += choose_many(many, 0, round ? member : NULL, now) != COUNT;
        if (round) n_changes += count_changes(member, now);
        memcpy(member, now, sizeof member);
        for (int i = 0; i < MANY; i++) {
            place[i] = 0;
            for (int k = 0; k < MANY; k++) place[i] += many[k].quote_volume_24h > many[i].quote_volume_24h;
            n_bad += (place[i] < COUNT - 2 && !now[i]) || (place[i] >= COUNT + 2 && now[i]);
        }
    }
    ok(n_changes == 0, "neighbours that swap their places from hour to hour: %d changes in 2,000 hours", n_changes);
    for (int round = 0; round < 2000; round++) {
        for (int i = 0; i < MANY; i++) many[i].quote_volume_24h = 1000 * uniform();
        n_sizes += choose_many(many, 0, member, now) != COUNT;
        memcpy(member, now, sizeof member);
        for (int i = 0; i < MANY; i++) {
            int place = 0;
            for (int k = 0; k < MANY; k++) place += many[k].quote_volume_24h > many[i].quote_volume_24h;
            n_bad += (place < COUNT - 2 && !now[i]) || (place >= COUNT + 2 && now[i]);
        }
    }
    ok(n_sizes == 0 && n_bad == 0, "always %d, all of the first %d and none behind the first %d", COUNT, COUNT - 2,
       COUNT + 2);
}

int main(void) {
    err error;
    diag why = {{0}};
    fill();
    ok(universe_find(all, N, "ETHBTC", 6) && universe_find(all, N, "ETHBTCX", 6) && !universe_find(all, N, "ETHBT", 5),
       "found by name and length");
    ok(!universe_find(all, 0, "A", 1), "nothing in nothing");

    universe_policy by_volume = {.quote = "USDT", .count = 3};
    ok(strcmp(choose(&by_volume, &error, &why), "BTCUSDT,ETHUSDT,ADAUSDT") == 0 && !error,
       "the largest by volume, trading ones only, ties by name");
    by_volume.count = 100;
    ok(strcmp(choose(&by_volume, &error, &why), "BTCUSDT,ETHUSDT,ADAUSDT,XRPUSDT") == 0, "fewer than asked for");
    by_volume.quote = "BTC";
    ok(strcmp(choose(&by_volume, &error, &why), "ETHBTC") == 0, "another quote asset");
    by_volume.quote = "EUR";
    ok(strcmp(choose(&by_volume, &error, &why), "") == 0 && error == ERR_NOT_FOUND && strstr(why.text, "EUR"),
       "no symbol of a quote asset: %s", why.text);

    const char *names[] = {"xrpusdt", "OLDUSDT", "BTCUSDT", "XRPUSDT"};
    universe_policy by_name = {.names = names, .n_names = 4, .quote = "EUR", .count = 1};
    ok(strcmp(choose(&by_name, &error, &why), "XRPUSDT,OLDUSDT,BTCUSDT") == 0 && !error,
       "exactly those named, in that order, each once");
    names[1] = "BTCUSDT_261225";
    ok(strcmp(choose(&by_name, &error, &why), "XRPUSDT,BTCUSDT_261225,BTCUSDT") == 0 && !error,
       "a contract that expires only when it is named");
    names[1] = "BTCUSTD";
    ok(strcmp(choose(&by_name, &error, &why), "") == 0 && error == ERR_NOT_FOUND && strstr(why.text, "\"BTCUSTD\"") &&
           strstr(why.text, "did you mean BTCUSDT?"),
       "an unknown name: %s", why.text);
    names[1] = "QQQQQQQQQQQQQQQQQ";
    choose(&by_name, &error, &why);
    ok(error == ERR_NOT_FOUND && !strstr(why.text, "mean"), "nothing near: %s", why.text);
    char endless[200];
    memset(endless, 'A', sizeof endless - 1);
    endless[sizeof endless - 1] = 0;
    names[1] = endless;
    choose(&by_name, &error, &why);
    ok(error == ERR_NOT_FOUND, "a name longer than any symbol's");
    test_kinds();
    test_exclusion();
    test_border();
    test_jitter();
    return done();
}
