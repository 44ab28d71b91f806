/* The choice of symbols. */
#include "binance/universe.h"
#include "spec/c/tap.h"
#include <string.h>

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
    *error = universe_choose(all, N, policy, chosen, &n, why);
    for (size_t i = 0; i < n; i++) {
        if (i) strcat(text, ",");
        strcat(text, all[chosen[i]].name);
    }
    return text;
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
    return done();
}
