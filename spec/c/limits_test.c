/* Addresses as limits count them, and the counts against a plain model under random operations. */
#include "serve/limits.h"
#include "spec/c/random.h"
#include "spec/c/tap.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

enum { IN_ALL = 40, PER_ADDRESS = 5, N_ADDRESSES = 250, N_FREQUENT = 4, STEPS = 200000 };

static client_address address(const char *text) {
    client_address a = {{0}};
    if (!client_address_parse(text, strlen(text), &a)) ok(false, "%s is an address", text);
    return a;
}

static void same(const char *one, const char *other, bool expected) {
    client_address a = address(one), b = address(other);
    ok(client_address_equal(&a, &b) == expected, "%s and %s are %s", one, other, expected ? "one" : "two");
}

static void addresses(void) {
    same("1.2.3.4", "1.2.3.4", true);
    same("1.2.3.4", "1.2.3.5", false);
    same("1.2.3.4", "::ffff:1.2.3.4", true);
    same("::ffff:1.2.3.4", "::ffff:1.2.3.5", false);
    same("2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff", true);
    same("2001:db8:1:2::1", "2001:db8:1:3::1", false);
    same("::1", "::2", false);
    static const char *const none[] = {"",
                                       "1",
                                       "1.2.3",
                                       "1.2.3.256",
                                       "1.2.3.4 ",
                                       "a",
                                       "::g",
                                       "1.2.3.4, 5.6.7.8",
                                       "[::1]",
                                       "1:2:3:4:5:6:7:8:9",
                                       "11111111111111111111111111111111111111111111111111"};
    client_address a;
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++)
        ok(!client_address_parse(none[i], strlen(none[i]), &a), "no address: %s", none[i]);
    ok(!client_address_parse("1.2.3.4\0x", 9, &a), "nor one with a zero byte");
    static const char *const here[] = {"127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"};
    static const char *const there[] = {"128.0.0.1", "10.0.0.1", "::2", "fdaa::1"};
    for (size_t i = 0; i < sizeof here / sizeof here[0]; i++) {
        a = address(here[i]);
        ok(client_address_is_loopback(&a), "%s is this machine", here[i]);
        a = address(there[i]);
        ok(!client_address_is_loopback(&a), "%s is not", there[i]);
    }
    struct sockaddr_in four = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x01020304)};
    struct sockaddr_in6 six = {.sin6_family = AF_INET6};
    inet_pton(AF_INET6, "::ffff:1.2.3.4", &six.sin6_addr);
    client_address of_four = client_address_of((struct sockaddr *)&four),
                   of_six = client_address_of((struct sockaddr *)&six);
    a = address("1.2.3.4");
    ok(client_address_equal(&of_four, &a) && client_address_equal(&of_six, &a),
       "a socket's address is the same, on either kind");
}

/* Mostly one of a few, so that both limits are met; and more of them in all than there may be connections. */
static int some_address(void) { return below(2) ? below(N_FREQUENT) : below(N_ADDRESSES); }

/* From time to time, so that it is not always full. */
static uint32_t leave_all(limits *l, const client_address *list, uint32_t *model) {
    for (int i = 0; i < N_ADDRESSES; i++)
        for (; model[i]; model[i]--) limits_leave(l, &list[i]);
    return 0;
}

static void counts(uint64_t seed) {
    limits *l = NULL;
    client_address list[N_ADDRESSES];
    uint32_t model[N_ADDRESSES] = {0}, total = 0;
    int n_wrong = 0, n_full = 0, n_many = 0;
    random_state = seed ? seed : 1;
    if (limits_new(IN_ALL, PER_ADDRESS, &l) != OK) ok(false, "new");
    for (int i = 0; i < N_ADDRESSES; i++) {
        char text[32];
        snprintf(text, sizeof text, i == 0 ? "127.0.0.1" : "10.0.0.%d", i);
        list[i] = address(text);
    }
    for (int step = 0; step < STEPS; step++) {
        int from = some_address(), to = some_address(), what = below(3);
        if (step % 500 == 0) total = leave_all(l, list, model);
        bool has_room = to == 0 || model[to] < PER_ADDRESS;
        if (what == 0) {
            err expected = total == IN_ALL ? ERR_FULL : has_room ? OK : ERR_EXISTS, found = limits_enter(l, &list[to]);
            n_wrong += found != expected;
            n_full += found == ERR_FULL;
            n_many += found == ERR_EXISTS;
            model[to] += found == OK;
            total += found == OK;
        } else if (what == 1 && model[from]) {
            limits_leave(l, &list[from]);
            model[from]--;
            total--;
        } else if (what == 2 && model[from]) {
            err expected = from == to || has_room ? OK : ERR_EXISTS, found = limits_move(l, &list[from], &list[to]);
            n_wrong += found != expected;
            model[from] -= found == OK;
            model[to] += found == OK;
        }
        n_wrong += limits_count(l) != total;
    }
    ok(n_wrong == 0, "%d random steps as in the model (%d full, %d of an address)", STEPS, n_full, n_many);
    ok(n_full > 100 && n_many > 100, "both limits were met");
    limits_free(l);
}

int main(void) {
    addresses();
    counts(tap_seed(1));
    return done();
}
