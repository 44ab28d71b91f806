/* Addresses of stream hosts, and which one is next. */
#include "binance/stream_hosts.h"
#include "spec/c/tap.h"
#include <string.h>

static stream_hosts *hosts;

static void open_hosts(const char *const *urls) {
    diag why;
    stream_hosts_free(hosts);
    if (stream_hosts_new(urls, &hosts, &why)) abort();
}

static bool is_at(const char *host, int port) {
    const endpoint *e = stream_hosts_current(hosts);
    return strcmp(e->host, host) == 0 && e->port == port;
}

/* The current one was not reached. */
static bool fail(int status, int64_t now_ms) {
    return stream_hosts_fail(hosts, stream_hosts_current(hosts), status, now_ms);
}

static void test_addresses(void) {
    static const struct {
        const char *url, *host, *path;
        int port;
        bool is_secure;
    } good[] = {
        {"wss://stream.binance.com:9443", "stream.binance.com", "/stream", 9443, true},
        {"wss://data-stream.binance.vision", "data-stream.binance.vision", "/stream", 443, true},
        {"ws://localhost", "localhost", "/stream", 80, false},
        {"wss://fstream.binance.com/market", "fstream.binance.com", "/market/stream", 443, true},
        {"ws://[::1]:8080/a/b//", "::1", "/a/b/stream", 8080, false},
        {"ws://[::1]", "::1", "/stream", 80, false},
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        open_hosts((const char *const[]){good[i].url, NULL});
        const endpoint *e = stream_hosts_current(hosts);
        ok(is_at(good[i].host, good[i].port) && strcmp(e->path, good[i].path) == 0 && e->is_secure == good[i].is_secure,
           "%s", good[i].url);
    }
}

static void test_refusals(void) {
    static const char *const bad[] = {"http://x",       "wss://",     "ws://host:0", "ws://host:99999",
                                      "ws://host:1x",   "ws://[::1",  "ws://a b",    "ws://u:p@host",
                                      "ws://host/?q=1", "ws://host:", "host",        ""};
    diag why;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        stream_hosts *none = NULL;
        const char *const urls[] = {"ws://first", bad[i], NULL};
        err e = stream_hosts_new(urls, &none, &why);
        ok(e == ERR_INVALID && !none && strstr(why.text, "expected ws(s)://HOST[:PORT][/PATH]"), "%s", why.text);
        stream_hosts_free(none);
    }
    stream_hosts *none = NULL;
    const char *many[STREAM_HOSTS_MAX + 2] = {0};
    for (size_t i = 0; i <= STREAM_HOSTS_MAX; i++) many[i] = "ws://x";
    ok(stream_hosts_new(many, &none, &why) == ERR_INVALID && !none, "%s", why.text);
    ok(stream_hosts_new(many + STREAM_HOSTS_MAX + 1, &none, &why) == ERR_INVALID && !none, "%s", why.text);
    ok(stream_hosts_new(many + 1, &none, &why) == OK, "so many may be");
    stream_hosts_free(none);
}

static void test_turns(void) {
    open_hosts((const char *const[]){"wss://a:9443", "wss://a:443", "wss://b", NULL});
    ok(is_at("a", 9443), "the first to begin with");
    const endpoint *first = stream_hosts_current(hosts);
    ok(fail(0, 0) && is_at("a", 443), "not reached: the next");
    ok(!stream_hosts_fail(hosts, first, 0, 0) && is_at("a", 443), "another connection that failed there moves nothing");
    ok(fail(502, 0) && is_at("b", 443) && fail(0, 0) && is_at("a", 9443), "and round again");
}

static void test_451(void) {
    enum { HOUR = STREAM_HOSTS_REFUSED_MS };
    open_hosts((const char *const[]){"wss://a:9443", "wss://a:443", "wss://b", NULL});
    ok(fail(451, 0) && is_at("b", 443), "451: the host is left under all its ports");
    ok(!fail(0, HOUR - 1) && is_at("b", 443), "and not tried for an hour, whatever becomes of the other");
    ok(fail(0, HOUR) && is_at("a", 9443), "then it is");
    ok(fail(403, HOUR) && is_at("b", 443), "403 as well");
    ok(fail(451, HOUR) && is_at("a", 9443) && stream_hosts_current(hosts)->refused_until_ms > HOUR,
       "when all refuse they are tried in turn");
    ok(fail(451, HOUR) && is_at("a", 443) && fail(451, HOUR) && is_at("b", 443), "all of them");
    open_hosts((const char *const[]){"wss://a", NULL});
    ok(!fail(451, 0) && is_at("a", 443) && stream_hosts_current(hosts)->refused_until_ms == HOUR,
       "a single one stays, and is known to refuse");
}

int main(void) {
    test_addresses();
    test_refusals();
    test_turns();
    test_451();
    stream_hosts_free(hosts);
    return done();
}
