/* The head of a request: which are taken, which refused and with what; and that it does not matter in which pieces one comes. */
#include "serve/request_head.h"
#include "spec/c/random.h"
#include "spec/c/tap.h"
#include <string.h>

#define GOOD "GET / HTTP/1.1\r\nHost: localhost:8080\r\n"

static void gives(int status, const char *text, const char *name) {
    request_head head;
    char what[64];
    snprintf(what, sizeof what, "%s", name);
    for (char *c = what; *c; c++)
        if (*c < ' ' || *c > '~' || *c == '#') *c = '?'; /* a line of TAP */
    int found = request_head_parse(text, strlen(text), &head);
    ok(found == status && (status == 200 || status == 0 || head.fault), "%d: %s (%d, %s)", status, what, found,
       head.fault ? head.fault : "no fault");
}

/* A request with this line among its headers. */
static void header_gives(int status, const char *line) {
    char text[REQUEST_HEAD_MAX_BYTES];
    snprintf(text, sizeof text, GOOD "%s\r\n\r\n", line);
    gives(status, text, line);
}

static void host_gives(int status, const char *host) {
    char text[1024];
    snprintf(text, sizeof text, "GET / HTTP/1.1\r\nHost: %s\r\n\r\n", host);
    gives(status, text, host);
}

static void target_gives(int status, const char *target) {
    char text[1024];
    snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", target);
    gives(status, text, target);
}

static void first_lines(void) {
    gives(200, GOOD "\r\n", "a plain request");
    gives(200, "POST /api/v1/x?a=b&c=%20 HTTP/1.0\r\nhOST:a\r\n\r\n", "another");
    gives(0, "", "nothing yet");
    gives(0, "GET / HTTP/1.1\r\nHost: a\r\n", "no empty line yet");
    gives(0, "GET / HTTP/1.1\r\nHost: a\r\n\r", "half of the empty line");
    static const char *const bad[] = {"GET /\r\n\r\n",        "GET  / HTTP/1.1\r\n",    "GET / HTTP/1.1 \r\n",
                                      "GET / HTTP/1.1\n",     "GET / http/1.1\r\n",     "G\x01T / HTTP/1.1\r\n",
                                      "GET\t/ HTTP/1.1\r\n",  "GET / HTTP/11\r\n",      "get / HTTP/1.1\r\n",
                                      " GET / HTTP/1.1\r\n",  "\r\nGET / HTTP/1.1\r\n", "\x16\x03\x01\x02",
                                      "GET / HTTP/1.1\r\r\n", "GET / / HTTP/1.1\r\n"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) gives(400, bad[i], "no request");
    gives(505, "PRI * HTTP/2.0\r\n\r\n", "HTTP/2");
    gives(505, "GET / HTTP/1.2\r\nHost: a\r\n\r\n", "HTTP/1.2");
    static const char *const targets[] = {"x",     "*",      "http://a/", "//",    "/a%",    "/a%2",
                                          "/a%zz", "/a%00b", "/a%1f",     "/a%7F", "/a\x80", "/a\"\x7f"};
    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++)
        target_gives(strcmp(targets[i], "//") == 0 ? 200 : 400, targets[i]);
    target_gives(200, "/../../etc/passwd"); /* a path that nobody has */
}

static void handshakes(void) {
#define UPGRADE GOOD "Connection: Upgrade\r\nUpgrade: WebSocket\r\n"
#define KEY "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define VERSION "Sec-WebSocket-Version: 13\r\n"
    gives(200, UPGRADE KEY VERSION "\r\n", "a handshake");
    gives(426, UPGRADE KEY "\r\n", "without a version");
    gives(426, UPGRADE KEY "Sec-WebSocket-Version: 8\r\n\r\n", "of another version");
    gives(426, UPGRADE KEY VERSION "Sec-WebSocket-Version: 8\r\n\r\n", "of two");
    gives(400, UPGRADE VERSION "\r\n", "without a key");
    gives(400, UPGRADE VERSION KEY KEY "\r\n", "with two");
    gives(400, UPGRADE VERSION "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=\r\n\r\n", "with a short one");
    gives(400, UPGRADE VERSION "Sec-WebSocket-Key: dGhlIHNhbXBs*SBub25jZQ==\r\n\r\n", "with one that is no Base64");
    gives(501, "BREW /pot HTTP/1.1\r\nHost: a\r\n\r\n", "a method of another protocol");
    gives(501, "CONNECT / HTTP/1.1\r\nHost: a\r\n\r\n", "CONNECT");
}

static void hosts(void) {
    static const char *const good[] = {
        "a", "localhost", "127.0.0.1:8080", "my-app.fly.dev", "[::1]", "[fdaa:0:1::3]:443", "a:0", "a_b.internal"};
    static const char *const bad[] = {"",   "a b",    "a:",  "a:99999", "a:x", "a:-1", "[::1", "[]",  "[]:80",
                                      "[[", "[::1]x", "::1", "a/b",     "a@b", "a\\b", "%00",  "a,b", "\xff"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) host_gives(200, good[i]);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) host_gives(400, bad[i]);
    gives(400, "GET / HTTP/1.1\r\n\r\n", "no Host");
    gives(400, GOOD "Host: b\r\n\r\n", "two of them");
}

static void headers(void) {
    header_gives(200, "X-Any: \t value with \"all\" kinds; of=things \t");
    header_gives(200, "X-Empty:");
    header_gives(200, "X-Text: \xC3\xA9");
    header_gives(400, "no colon");
    header_gives(400, ": no name");
    header_gives(400, "X : a blank before the colon");
    header_gives(400, " folded");
    header_gives(400, "X: a\r\n folded");
    header_gives(400, "X: a\x01");
    header_gives(400, "X: a\x7f");
    header_gives(400, "X: a\rb");
    header_gives(400, "X: a\nY: b");
    header_gives(400, "Content-Length: -1");
    header_gives(400, "Content-Length: 1, 1");
    header_gives(400, "Content-Length:");
    header_gives(400, "Content-Length: 0x10");
    header_gives(200, "Content-Length: 10");
    header_gives(400, "Content-Length: 10\r\nContent-Length: 10");
    header_gives(400, "Content-Length: 10\r\nTransfer-Encoding: chunked");
    header_gives(200, "Transfer-Encoding: chunked");
    char zero[] = GOOD "X: a*b\r\n\r\n";
    *strchr(zero, '*') = 0;
    request_head head;
    ok(request_head_parse(zero, sizeof zero - 1, &head) == 400, "a zero byte in a header");
}

static void sizes(void) {
    static char text[3 * REQUEST_HEAD_MAX_BYTES];
    request_head head;
    memset(text, 'a', sizeof text);
    memcpy(text, "GET /", 5);
    ok(request_head_parse(text, REQUEST_HEAD_MAX_BYTES - 1, &head) == 0, "a path that goes on");
    ok(request_head_parse(text, REQUEST_HEAD_MAX_BYTES, &head) == 414 &&
           request_head_parse(text, sizeof text, &head) == 414,
       "until it is too long");
    memcpy(text + 4 + REQUEST_TARGET_MAX_BYTES + 1, " HTTP/1.1\r\nHost: a\r\n\r\n", 22);
    ok(request_head_parse(text, 4096, &head) == 414, "a path of one byte too many");
    memset(text, 'a', sizeof text);
    memcpy(text + 4 + REQUEST_TARGET_MAX_BYTES, " HTTP/1.1\r\nHost: a\r\n\r\n", 22);
    memcpy(text, "GET /", 5);
    ok(request_head_parse(text, 4096, &head) == 200, "and of as many as there may be");
    memset(text, 'a', sizeof text);
    memcpy(text, GOOD "X: ", strlen(GOOD) + 3);
    ok(request_head_parse(text, REQUEST_HEAD_MAX_BYTES - 1, &head) == 0 &&
           request_head_parse(text, REQUEST_HEAD_MAX_BYTES, &head) == 431,
       "headers that go on");
    memcpy(text + REQUEST_HEAD_MAX_BYTES - 4, "\r\n\r\n", 4);
    ok(request_head_parse(text, REQUEST_HEAD_MAX_BYTES, &head) == 200 && head.bytes == REQUEST_HEAD_MAX_BYTES,
       "a head of 8 KiB is taken");
    size_t at = (size_t)sprintf(text, GOOD);
    for (int i = 1; i < REQUEST_HEADERS_MAX; i++) at += (size_t)sprintf(text + at, "X: y\r\n");
    memcpy(text + at, "\r\n", 3);
    gives(200, text, "as many headers as there may be");
    memcpy(text + at, "X: y\r\n\r\n", 9);
    gives(431, text, "one more");
}

static bool is(request_part part, const char *text) {
    return part.at && part.bytes == strlen(text) && memcmp(part.at, text, part.bytes) == 0;
}

static void parts(void) {
    static const char text[] = "GET /ws HTTP/1.1\r\nHost:  a.b:1 \r\nsec-websocket-protocol: trademind, "
                               "T\r\nFLY-Client-IP: 1.2.3.4\r\n\r\nrest";
    request_head head;
    ok(request_head_parse(text, sizeof text - 1, &head) == 200 && head.bytes == sizeof text - 1 - 4,
       "the head ends where it ends");
    ok(is(head.target, "/ws") && is(head.host, "a.b:1") && is(head.subprotocols_name, "sec-websocket-protocol") &&
           is(head.subprotocols, "trademind, T") && is(head.client_address, "1.2.3.4"),
       "and its parts are found");
    gives(200, GOOD "Fly-Client-IP: 1.1.1.1\r\nFly-Client-IP: 2.2.2.2\r\n\r\n", "two addresses of a client");
    static const char two[] = GOOD "Fly-Client-IP: 1.1.1.1\r\nFly-Client-IP: 2.2.2.2\r\nSec-WebSocket-Protocol: "
                                   "a\r\nSec-WebSocket-Protocol: b\r\n\r\n";
    ok(request_head_parse(two, sizeof two - 1, &head) == 200 && !head.client_address.at && !head.subprotocols.at,
       "of two none is believed");
}

/* In any pieces: no piece is refused before the end of what is taken, and the last one is taken. */
static void pieces(void) {
    static const char text[] =
        GOOD "User-Agent: something\r\nAccept: */*\r\nSec-WebSocket-Protocol: trademind, token\r\n\r\nbehind it";
    request_head head, whole;
    int n_bad = 0;
    if (request_head_parse(text, sizeof text - 1, &whole) != 200) ok(false, "it is taken whole");
    for (size_t n = 0; n < sizeof text; n++) {
        char copy[sizeof text];
        memcpy(copy, text, n);
        n_bad += request_head_parse(copy, n, &head) != (n < whole.bytes ? 0 : 200);
    }
    ok(n_bad == 0, "a head is the same in any pieces");
}

/* Changed at random: it is refused or taken, and what is taken has one Host and no bare line ends. */
static void changes(uint64_t seed) {
    static const char text[] = GOOD "Accept: */*\r\nContent-Length: 3\r\n\r\n";
    random_state = seed ? seed : 1;
    int n_taken = 0, n_wrong = 0;
    for (int i = 0; i < 200000; i++) {
        char copy[sizeof text];
        memcpy(copy, text, sizeof text);
        for (int changed = 1 + below(2); changed; changed--) copy[below((int32_t)sizeof text - 1)] = (char)below(256);
        request_head head;
        int status = request_head_parse(copy, sizeof text - 1, &head);
        n_taken += status == 200;
        if (status != 200) continue;
        for (size_t at = 0; at < head.bytes; at++) n_wrong += copy[at] == '\n' && copy[at - 1] != '\r';
        n_wrong += !head.host.at || head.host.bytes == 0 || copy[4] != '/';
    }
    ok(n_wrong == 0 && n_taken > 1000, "200,000 changed heads, %d of them taken", n_taken);
}

int main(void) {
    first_lines();
    hosts();
    handshakes();
    headers();
    sizes();
    parts();
    pieces();
    changes(tap_seed(1));
    return done();
}
