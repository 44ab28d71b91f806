/* Who is in the universe, look after look: ids that last, volumes and states that follow, and looks that fail. */
#include "base/log.h"
#include "binance/roster.h"
#include "spec/c/tap.h"
#include <string.h>

static symbol_table *symbols;

static void add(roster *r, const char *base, double volume, const char *status) {
    symbol_info info = {.quote = "USDT", .is_trading = strcmp(status, "TRADING") == 0};
    snprintf(info.name, sizeof info.name, "%sUSDT", base);
    snprintf(info.base, sizeof info.base, "%s", base);
    snprintf(info.status, sizeof info.status, "%s", status);
    if (roster_add(r, &info) != OK) abort();
    roster_sort(r);
    roster_set_volume(r, info.name, strlen(info.name), volume);
}

/* "A,B": the members in their order. */
static const char *members(const roster *r) {
    static char text[256];
    size_t n, at = 0;
    const uint32_t *ids = roster_members(r, &n);
    text[0] = 0;
    for (size_t i = 0; i < n; i++)
        at += (size_t)snprintf(text + at, sizeof text - at, "%s%s", i ? "," : "",
                               symbol_table_get(symbols, ids[i])->base);
    return text;
}

static uint32_t id_of(const char *name) {
    uint32_t id = SYMBOL_MAX;
    return symbol_table_find(symbols, name, strlen(name), &id) == OK ? id : SYMBOL_MAX;
}

static const symbol_info *info_of(const char *name) { return symbol_table_get(symbols, id_of(name)); }

static void test_by_volume(void) {
    universe_policy policy = {.quote = "USDT", .count = 2};
    roster *r;
    diag why;
    uint32_t id, first_id;
    if (symbol_table_new(&symbols) != OK || roster_new(&policy, symbols, &r) != OK) abort();
    ok(roster_find(r, "BTCUSDT", &id) == ERR_NOT_FOUND && roster_get_stats(r).n_members == 0,
       "nothing before the first look");
    roster_begin(r);
    add(r, "BTC", 900, "TRADING");
    add(r, "ETH", 800, "TRADING");
    add(r, "XRP", 100, "TRADING");
    add(r, "OLD", 999, "BREAK");
    ok(roster_choose(r, 1000, &why) == OK && strcmp(members(r), "BTC,ETH") == 0, "the most traded: %s", members(r));
    first_id = id_of("ETHUSDT");
    ok(roster_find(r, "XRPUSDT", &id) == OK && info_of("XRPUSDT")->is_outside && !roster_is_member(r, id) &&
           !info_of("BTCUSDT")->is_outside,
       "another one can be had: it is outside");
    ok(roster_find(r, "NONEUSDT", &id) == ERR_NOT_FOUND, "one that is not listed cannot");

    roster_begin(r);
    add(r, "XRP", 5000, "TRADING");
    add(r, "BTC", 901, "TRADING");
    add(r, "ETH", 802, "HALT");
    ok(roster_choose(r, 2000, &why) == OK && strcmp(members(r), "XRP,BTC") == 0, "one in, one out: %s", members(r));
    roster_stats stats = roster_get_stats(r);
    ok(stats.n_added == 1 && stats.n_removed == 1 && stats.chosen_ms == 2000 && stats.n_members == 2, "counted");
    ok(info_of("ETHUSDT")->is_outside && !info_of("ETHUSDT")->is_trading && !info_of("XRPUSDT")->is_outside &&
           info_of("BTCUSDT")->quote_volume_24h == 901,
       "the table follows");

    roster_begin(r);
    add(r, "BTC", 1, "TRADING");
    roster_begin(r); /* that answer broke off */
    add(r, "BTC", 903, "BREAK");
    ok(roster_choose(r, 3000, &why) == ERR_NOT_FOUND && strcmp(members(r), "XRP,BTC") == 0,
       "a look at nothing leaves the members: %s", why.text);
    ok(!info_of("BTCUSDT")->is_trading && !info_of("XRPUSDT")->is_trading && roster_get_stats(r).n_refused == 1,
       "but it is known that they do not trade");
    roster_begin(r);
    add(r, "ETH", 700, "TRADING");
    add(r, "BTC", 600, "TRADING");
    ok(roster_choose(r, 4000, &why) == OK && strcmp(members(r), "ETH,BTC") == 0 && id_of("ETHUSDT") == first_id,
       "one that comes back has its old id");
    roster_free(r);
    symbol_table_free(symbols);
}

static void test_by_name(void) {
    const char *names[] = {"ETHUSDT", "BTCUSDT"};
    universe_policy policy = {.names = names, .n_names = 2, .quote = "USDT", .count = 1};
    roster *r;
    diag why;
    if (symbol_table_new(&symbols) != OK || roster_new(&policy, symbols, &r) != OK) abort();
    roster_begin(r);
    add(r, "BTC", 0, "TRADING");
    add(r, "ETH", 0, "TRADING");
    ok(roster_choose(r, 1, &why) == OK && strcmp(members(r), "ETH,BTC") == 0, "those named, in their order");
    roster_begin(r);
    add(r, "BTC", 0, "BREAK");
    add(r, "ETH", 0, "TRADING");
    ok(roster_choose(r, 2, &why) == OK && strcmp(members(r), "ETH,BTC") == 0 && !info_of("BTCUSDT")->is_trading,
       "one that stops trading is kept");
    roster_begin(r);
    add(r, "ETH", 0, "TRADING");
    ok(roster_choose(r, 3, &why) == ERR_NOT_FOUND && strcmp(members(r), "ETH,BTC") == 0 && strstr(why.text, "BTCUSDT"),
       "and one that is not listed any more: %s", why.text);
    roster_free(r);
    symbol_table_free(symbols);
}

int main(void) {
    log_init(LOG_OFF, LOG_HUMAN);
    test_by_volume();
    test_by_name();
    return done();
}
