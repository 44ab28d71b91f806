/* Which host is asked after which outcome. */
#include "binance/rest_hosts.h"
#include "spec/c/tap.h"
#include <string.h>

enum { MINUTE = 60000 };

static rest_hosts h;

static bool note(size_t host, host_outcome outcome, int64_t now_ms) {
    return rest_hosts_note(&h, host, outcome, now_ms);
}

static bool is_at(size_t host, int64_t now_ms) { return rest_hosts_choose(&h, now_ms) == host; }

static void open_hosts(const char *const *urls, size_t n) {
    diag why;
    rest_hosts_deinit(&h);
    if (rest_hosts_init(&h, venue_get(MARKET_SPOT), urls, n, &why)) abort();
}

static void test_failures(void) {
    const char *urls[] = {"http://a", "http://b/", "http://c"};
    open_hosts(urls, 3);
    ok(strcmp(h.hosts[1].url, "http://b") == 0, "a slash at the end is dropped");
    ok(!note(0, HOST_FAILED, 0) && is_at(0, 0), "one failure changes nothing");
    ok(!note(0, HOST_SERVED, 0) && !note(0, HOST_FAILED, 0) && is_at(0, 0), "nor one after an answer");
    ok(note(0, HOST_FAILED, 0) && is_at(1, 0), "two in a row: the next host");
    ok(!note(0, HOST_FAILED, 0) && !note(0, HOST_FAILED, 0) && !note(0, HOST_RESTRICTED, 0) && is_at(1, 0),
       "what was still out to the old one is not counted against the new one");
    ok(!note(1, HOST_FAILED, 0) && note(1, HOST_FAILED, 1) && is_at(2, 1), "and the next");
    ok(!note(2, HOST_FAILED, 2) && note(2, HOST_FAILED, 2) && is_at(0, 2), "and round again");
    note(0, HOST_FAILED, 3);
    ok(note(0, HOST_FORBIDDEN, 3) && is_at(1, 3), "403: the next host at once");
    ok(is_at(1, 3 + 10 * MINUTE - 1) && is_at(0, 3 + 10 * MINUTE), "after ten minutes the first is tried again");
    ok(note(0, HOST_FAILED, 11 * MINUTE) && is_at(1, 11 * MINUTE), "one failure of the trial: back to who served");
    ok(is_at(1, 31 * MINUTE - 1) && is_at(0, 31 * MINUTE), "the next trial after twice the time");
    note(0, HOST_SERVED, 31 * MINUTE);
    ok(!note(0, HOST_FAILED, 32 * MINUTE) && is_at(0, 32 * MINUTE), "it serves: as if nothing had been");
}

static void test_restricted(void) {
    const char *mine[] = {"http://a", "http://b"};
    open_hosts(NULL, 0);
    size_t data = h.n - 1;
    ok(h.n == venue_get(MARKET_SPOT)->n_rest_hosts && h.hosts[data].is_market_data_only, "the venue's own hosts");
    ok(note(0, HOST_RESTRICTED, 0) && is_at(data, 0), "451: straight to the market-data host");
    ok(is_at(data, 100 * MINUTE), "for good: a location does not change");
    note(data, HOST_FAILED, 0);
    ok(note(data, HOST_FAILED, 0) && is_at(1, 0), "a market-data host that fails: the next that is not refused");
    open_hosts(mine, 2);
    ok(note(0, HOST_RESTRICTED, 0) && is_at(1, 0), "451 without a market-data host: the next one");
    ok(!note(1, HOST_RESTRICTED, 0) && is_at(0, 0), "all refused: no further move, the first is next");
    open_hosts(mine, 1);
    ok(!note(0, HOST_FAILED, 0) && !note(0, HOST_FAILED, 0) && !note(0, HOST_FORBIDDEN, 0) &&
           !note(0, HOST_RESTRICTED, 0) && is_at(0, 0),
       "a single host stays");
}

static void test_refused(void) {
    const char *bad[] = {"http://a", "ftp://b"}, *many[VENUE_MAX_HOSTS + 1];
    rest_hosts refused;
    diag why;
    ok(rest_hosts_init(&refused, venue_get(MARKET_SPOT), bad, 2, &why) == ERR_INVALID && strstr(why.text, "ftp://b"),
       "%s", why.text);
    for (int i = 0; i <= VENUE_MAX_HOSTS; i++) many[i] = "http://a";
    ok(rest_hosts_init(&refused, venue_get(MARKET_SPOT), many, VENUE_MAX_HOSTS + 1, &why) == ERR_TOO_BIG, "%s",
       why.text);
}

int main(void) {
    test_failures();
    test_restricted();
    test_refused();
    rest_hosts_deinit(&h);
    return done();
}
