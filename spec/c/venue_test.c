/* The tables of the markets keep the rules that their readers rely on. */
#include "binance/venue.h"
#include "spec/c/tap.h"
#include <string.h>

static bool are_addresses(const venue_host *hosts, size_t n, const char *scheme) {
    bool is_good = n > 0 && n <= VENUE_MAX_HOSTS;
    for (size_t i = 0; i < n && is_good; i++) {
        const char *url = hosts[i].url;
        is_good = url && strlen(url) > strlen(scheme) && strncmp(url, scheme, strlen(scheme)) == 0;
        if (!is_good) break;
        is_good = url[strlen(url) - 1] != '/';
        for (size_t other = 0; other < i; other++) is_good &= strcmp(url, hosts[other].url) != 0;
    }
    return is_good;
}

static void test_rules(market_kind market, const char *name) {
    const venue *v = venue_get(market);
    const venue_weight *w = v->klines_weights;
    ok(strcmp(v->name, name) == 0 && v->market == market, "%s", name);
    ok(are_addresses(v->ws_hosts, v->n_ws_hosts, "wss://") && are_addresses(v->rest_hosts, v->n_rest_hosts, "https://"),
       "%s: every host once, with its scheme and no slash at the end", name);
    ok(!v->ws_hosts[0].is_market_data_only && !v->rest_hosts[0].is_market_data_only,
       "%s: market-data hosts are no first choice", name);
    while (w->max_bars < v->page_bars && w[1].max_bars > w->max_bars && w[1].weight > w->weight) w++;
    ok(w->max_bars == v->page_bars, "%s: weights rise up to the page size", name);
    ok(v->silence_ms > v->ping_ms && v->silence_ms < v->life_ms, "%s: a ping is missed before silence", name);
    ok(v->weight_per_minute >=
           v->exchange_info_weight + v->tickers_weight + v->time_weight + venue_klines_weight(v, v->page_bars),
       "%s: a start fits into a minute", name);
}

int main(void) {
    const venue *spot = venue_get(MARKET_SPOT), *usdm = venue_get(MARKET_USDM);
    test_rules(MARKET_SPOT, "spot");
    test_rules(MARKET_USDM, "usdm");
    ok(venue_klines_weight(spot, 1) == 2 && venue_klines_weight(spot, 1000) == 2, "spot: 2, whatever the limit");
    ok(venue_klines_weight(usdm, 1) == 1 && venue_klines_weight(usdm, 99) == 1 && venue_klines_weight(usdm, 100) == 2 &&
           venue_klines_weight(usdm, 499) == 2 && venue_klines_weight(usdm, 500) == 5 &&
           venue_klines_weight(usdm, 1000) == 5 && venue_klines_weight(usdm, 1001) == 10 &&
           venue_klines_weight(usdm, 1500) == 10,
       "usdm: 1 below 100 bars, 2 below 500, 5 up to 1000, else 10");
    ok(spot->rest_hosts[spot->n_rest_hosts - 1].is_market_data_only &&
           spot->ws_hosts[spot->n_ws_hosts - 1].is_market_data_only,
       "spot: the market-data hosts come last");
    return done();
}
