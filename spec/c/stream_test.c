/* One stream against a small WebSocket server in this process, on the same loop. */
#include "binance/stream.h"
#include "spec/c/messages.h"
#include "spec/c/stream_server.h"
#include "spec/c/tap.h"
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { N_SYMBOLS = 400, MAX_EVENTS = 256, FRAME_LIMIT = 8192 };

/* ---- the fixture ---- */

typedef struct fixture {
    uv_loop_t loop;
    guard guard;
    server server;
    stream *stream;
    market_clock clock;
    symbol_table *symbols;
    market_event events[MAX_EVENTS];
    size_t n_events, n_tickers, n_ups, n_downs, n_closed, holds_at;
    double last_ticker;
    char why[256];
} fixture;

static fixture *f;

static void on_event(void *context, const market_event *event) {
    (void)context;
    if (f->n_events < MAX_EVENTS) f->events[f->n_events] = *event;
    f->n_events++;
    if (f->n_events == f->holds_at) stream_hold(f->stream, true);
}

static void on_ticker(void *context, uint32_t symbol, const parse_ticker *ticker) {
    (void)context;
    (void)symbol;
    f->n_tickers++;
    f->last_ticker = ticker->last;
}

static void on_state(void *context, bool is_connected, const char *why) {
    (void)context;
    if (is_connected) {
        f->n_ups++;
        return;
    }
    f->n_downs++;
    snprintf(f->why, sizeof f->why, "%s", why);
}

static stream_options options_for(const char *url) {
    return (stream_options){.loop = &f->loop,
                            .url = url,
                            .clock = &f->clock,
                            .symbols = f->symbols,
                            .handlers = {.on_event = on_event, .on_ticker = on_ticker, .on_state = on_state},
                            .seed = 5,
                            .retry_base_ms = 10,
                            .retry_cap_ms = 40,
                            .connect_ms = 150,
                            .answer_ms = 120,
                            .spacing_ms = 30,
                            .silence_ms = 60000,
                            .stable_ms = 60000,
                            .refused_ms = 20,
                            .max_frame_bytes = FRAME_LIMIT};
}

static void make_fixture(void) {
    f = calloc(1, sizeof *f);
    uv_loop_init(&f->loop);
    guard_start(&f->guard, &f->loop);
    f->server.loop = &f->loop;
    market_clock_init(&f->clock);
    f->symbols = numbered_symbols(N_SYMBOLS);
}

static void open_stream(const stream_options *given) {
    diag why;
    if (stream_open(given, &f->stream, &why)) {
        printf("Bail out! %s\n", why.text);
        exit(1);
    }
}

/* A server, and a stream that wants the 1m klines of the first symbols. */
static void open_fixture(size_t n_topics) {
    char url[64];
    topic wanted[N_SYMBOLS];
    make_fixture();
    start_server(&f->server, 0);
    snprintf(url, sizeof url, "ws://127.0.0.1:%d", f->server.port);
    stream_options options = options_for(url);
    open_stream(&options);
    for (size_t i = 0; i < n_topics; i++) wanted[i] = (topic){(uint32_t)i, INTERVAL_1M};
    if (stream_want(f->stream, wanted, n_topics)) abort();
}

static stream_stats stats(void) { return stream_get_stats(f->stream); }

#define RUN_UNTIL(condition) \
    while (!(condition)) uv_run(&f->loop, UV_RUN_ONCE)

static void on_closed(void *context) { ++*(size_t *)context; }

static void close_fixture(void) {
    stream_close(f->stream, on_closed, &f->n_closed);
    RUN_UNTIL(f->n_closed == 1);
    close_loop(&f->loop, &f->server, NULL);
    symbol_table_free(f->symbols);
    free(f);
}

static bool is_carried(size_t n) {
    topics_counts counts = stats().topics;
    return counts.n_carried == n && counts.n_wanted == n && counts.n_asked == 0;
}

/* ---- tests ---- */

static void test_subscribing(void) {
    open_fixture(N_SYMBOLS);
    RUN_UNTIL(is_carried(N_SYMBOLS));
    const command *c = f->server.commands;
    size_t n_names = 0, n_sound = 0;
    bool is_spaced = true;
    for (size_t i = 0; i < f->server.n_commands; i++) {
        n_names += c[i].n_names;
        n_sound += c[i].is_join && c[i].n_names <= 200 && c[i].bytes < 4000 && c[i].id > 0;
        /* From the socket's side two commands may be a little nearer than they were sent. */
        is_spaced &= i == 0 || c[i].at_ms - c[i - 1].at_ms >= 30 - 10;
    }
    ok(n_names == N_SYMBOLS && n_sound == f->server.n_commands && f->server.n_commands >= 2,
       "400 names in %zu commands", f->server.n_commands);
    ok(is_spaced, "with pauses between them");
    ok(strstr(c[0].text, "\"sym0usdt@kline_1m\"") && c[1].id > c[0].id, "names are lower case, ids grow");
    ok(strncmp(f->server.request, "GET /stream HTTP/1.1\r\n", 22) == 0 &&
           strcasestr(f->server.request, "\r\nHost: 127.0.0.1") && f->n_ups == 1 && stats().is_connected,
       "at /stream, with the host's name");
    topic fewer[] = {{0, INTERVAL_1M}, {1, INTERVAL_1M}, {1, TOPIC_TICKER}};
    size_t n = f->server.n_commands;
    ok(stream_want(f->stream, fewer, 3) == OK, "another set, live");
    RUN_UNTIL(is_carried(3));
    size_t n_left = 0, n_joined = 0;
    for (size_t i = n; i < f->server.n_commands; i++) *(c[i].is_join ? &n_joined : &n_left) += c[i].n_names;
    ok(n_left == N_SYMBOLS - 2 && n_joined == 1, "only the difference is sent");
    ok(f->server.n_connections == 1, "over the same connection");
    close_fixture();
}

static void test_messages(void) {
    open_fixture(3);
    server *s = &f->server;
    topic wanted[] = {{0, INTERVAL_1M}, {1, INTERVAL_1M}, {2, TOPIC_TICKER}};
    if (stream_want(f->stream, wanted, 3)) abort();
    RUN_UNTIL(is_carried(3));
    say(s, kline_text("SYM1USDT", "1m", 1700000012345, false));
    say(s, kline_text("SYM0USDT", "1m", 1700000040001, true));
    RUN_UNTIL(f->n_events == 2);
    const market_event *e = f->events;
    ok(e[0].symbol == 1 && e[0].interval == INTERVAL_1M && e[0].kind == EVENT_BAR_FORMING &&
           e[0].event_ms == 1700000012345 && e[0].bar.open_ms == 1699999980000 && e[0].bar.close == 101.25,
       "a forming bar");
    ok(e[1].symbol == 0 && e[1].kind == EVENT_BAR_CLOSED && e[1].event_ms == 1700000040001, "a closed bar");
    int64_t market_ms = market_clock_now(&f->clock, monotonic_ms());
    ok(market_ms >= 1700000040001 && market_ms < 1700000040001 + STREAM_TEST_DEADLINE_MS,
       "event times move the market clock");
    say(s, kline_text("OTHERUSDT", "1m", 1700000040002, true));
    say(s, kline_text("SYM9USDT", "1m", 1700000040002, true));
    say(s, kline_text("\\u0053YM1USDT", "1m", 1700000040003, true));
    RUN_UNTIL(f->n_events == 3);
    ok(stats().n_unknown_symbols == 1 && stats().n_unwanted == 1 && e[2].symbol == 1,
       "unknown and unwanted symbols are left out and counted; an escaped name is understood");
    say(s, "{\"stream\":\"x\",\"data\":{\"e\":\"24hrTicker\",\"E\":1700000040004,\"s\":\"SYM2USDT\",\"c\":\"7.5\","
           "\"o\":\"1\","
           "\"h\":\"9\",\"l\":\"1\",\"v\":\"1\",\"q\":\"1\"}}");
    RUN_UNTIL(f->n_tickers == 1);
    ok(f->last_ticker == 7.5, "a ticker");
    close_fixture();
}

static void test_bad_frames(void) {
    open_fixture(1);
    server *s = &f->server;
    static char large[3 * FRAME_LIMIT];
    RUN_UNTIL(is_carried(1));
    const char *bad[] = {
        "", "{", "not json", "{\"e\":\"kline\"}", "\xff\xfe", "[1,", "{\"e\":\"kline\",\"E\":1,\"k\":{}}"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) say(s, bad[i]);
    say(s, kline_text("SYM0USDT", "1m", 1700000040001, true));
    RUN_UNTIL(f->n_events == 1);
    ok(stats().n_malformed == 7 && f->n_downs == 0,
       "malformed messages are counted and the stream goes on (%" PRIu64 ")", stats().n_malformed);
    memset(large, ' ', sizeof large);
    put_frame(s, FIN | TEXT, large, sizeof large);
    say(s, kline_text("SYM0USDT", "1m", 1700000040002, true));
    RUN_UNTIL(f->n_events == 2);
    ok(stats().n_oversized == 1 && f->n_downs == 0, "an oversized message is left out");
    const char *text = kline_text("SYM0USDT", "1m", 1700000040003, true);
    memcpy(large + FRAME_LIMIT - strlen(text), text, strlen(text));
    put_frame(s, FIN | TEXT, large, FRAME_LIMIT);
    RUN_UNTIL(f->n_events == 3);
    ok(stats().n_oversized == 1, "one of exactly the greatest size is not");
    put_frame(s, TEXT, large, FRAME_LIMIT / 2);
    put_frame(s, CONTINUE, large, FRAME_LIMIT / 2);
    put_frame(s, FIN | CONTINUE, large, FRAME_LIMIT / 2);
    text = kline_text("SYM0USDT", "1m", 1700000040004, true);
    put_frame(s, TEXT, text, 10);
    put_frame(s, FIN | PING, "between", 7);
    put_frame(s, CONTINUE, text + 10, 0);
    put_frame(s, CONTINUE, text + 10, 30);
    put_frame(s, FIN | CONTINUE, text + 40, strlen(text) - 40);
    RUN_UNTIL(f->n_events == 4);
    ok(stats().n_oversized == 2 && f->events[3].event_ms == 1700000040004,
       "fragments are put together, an oversized sequence of them is left out");
    RUN_UNTIL(s->n_pongs == 1);
    ok(strcmp(s->pong, "between") == 0, "a ping between fragments is answered");
    close_fixture();
}

static void test_pings(void) {
    open_fixture(1);
    server *s = &f->server;
    RUN_UNTIL(is_carried(1));
    put_frame(s, FIN | PING, "1700000000001", 13);
    RUN_UNTIL(s->n_pongs == 1);
    ok(strcmp(s->pong, "1700000000001") == 0, "the pong has the ping's payload: %s", s->pong);
    put_frame(s, FIN | PING, "", 0);
    RUN_UNTIL(s->n_pongs == 2);
    ok(s->pong[0] == 0 && s->n_commands == 1, "an empty one too");
    close_fixture();
}

static void test_unanswered(void) {
    open_fixture(0);
    server *s = &f->server;
    topic one = {0, INTERVAL_1M};
    s->n_mute = 1;
    if (stream_want(f->stream, &one, 1)) abort();
    RUN_UNTIL(is_carried(1));
    ok(s->n_commands == 2 && s->n_connections == 1 && stats().n_repeated == 1 &&
           s->commands[1].id > s->commands[0].id && strstr(s->commands[1].text, "sym0usdt"),
       "a command without an answer is repeated under a new id");
    topic two[] = {{0, INTERVAL_1M}, {1, INTERVAL_1M}};
    s->n_mute = 2;
    if (stream_want(f->stream, two, 2)) abort();
    RUN_UNTIL(is_carried(2));
    ok(s->n_connections == 2 && f->n_downs == 1 && strstr(f->why, "not answered") && s->commands[4].n_names == 2,
       "unanswered again: a new connection, which carries everything");
    close_fixture();
}

static void test_refused(enum answering how, const char *name) {
    open_fixture(0);
    server *s = &f->server;
    topic one = {0, INTERVAL_1M};
    s->answering = how;
    if (stream_want(f->stream, &one, 1)) abort();
    RUN_UNTIL(f->n_downs == 1);
    ok(s->n_commands == 2 && stats().n_refused == 2 && strstr(f->why, "refused"), "%s: refused twice, then dropped",
       name);
    s->answering = ANSWER;
    RUN_UNTIL(is_carried(1));
    ok(f->n_ups >= 2, "%s: and well again afterwards", name);
    close_fixture();
}

static void test_losses(void) {
    open_fixture(2);
    server *s = &f->server;
    RUN_UNTIL(is_carried(2));
    cut(s->peer);
    RUN_UNTIL(f->n_ups == 2 && is_carried(2));
    ok(f->n_downs == 1 && s->commands[s->n_commands - 1].n_names == 2, "a cut connection is made and filled again");
    put_frame(s, TEXT, "{\"half", 6);
    put_frame(s, FIN | CLOSE, "\x03\xf0Too many requests", 19);
    RUN_UNTIL(f->n_downs == 2);
    ok(strstr(f->why, "1008") && strstr(f->why, "Too many requests"), "the server's reason is told: %s", f->why);
    cut(s->peer);
    RUN_UNTIL(f->n_ups == 3 && is_carried(2));
    say(s, kline_text("SYM0USDT", "1m", 1700000040001, true));
    RUN_UNTIL(f->n_events == 1);
    ok(stats().n_malformed == 0, "half a message of the old connection does not spoil the new one");
    int64_t start_ms = monotonic_ms();
    say(s, "{\"stream\":\"!serverShutdown\",\"data\":{\"e\":\"serverShutdown\",\"E\":1700000041000}}");
    RUN_UNTIL(f->n_ups == 4 && is_carried(2));
    ok(f->n_downs == 3 && strstr(f->why, "shuts down"), "serverShutdown: connected again after %d ms",
       (int)(monotonic_ms() - start_ms));
    ok(stats().n_losses == 3 && stats().n_connects == 4, "losses and connections are counted");
    close_fixture();
}

static void on_ping_due(uv_timer_t *timer) {
    if (f->server.peer) put_frame(&f->server, FIN | PING, "x", 1);
    (void)timer;
}

/* A stream that takes 400 ms of silence for a loss. */
static void open_impatient(void) {
    char url[64];
    make_fixture();
    start_server(&f->server, 0);
    snprintf(url, sizeof url, "ws://127.0.0.1:%d", f->server.port);
    stream_options options = options_for(url);
    options.silence_ms = 400;
    open_stream(&options);
}

static void test_silence(void) {
    uv_timer_t pinger;
    open_impatient();
    uv_timer_init(&f->loop, &pinger);
    uv_timer_start(&pinger, on_ping_due, 20, 20);
    RUN_UNTIL(f->server.n_pongs == 60); /* 1200 ms at least, three times the limit */
    ok(f->n_downs == 0 && f->n_ups == 1, "pings alone keep a connection");
    uv_close((uv_handle_t *)&pinger, NULL);
    RUN_UNTIL(f->n_downs == 1);
    ok(strstr(f->why, "nothing came"), "a silent one is replaced: %s", f->why);
    RUN_UNTIL(f->n_ups == 2);
    close_fixture();
}

static void on_waited(uv_timer_t *timer) { *(bool *)timer->data = true; }

static void wait_ms(uint64_t ms) {
    static bool has_waited;
    uv_timer_t timer;
    has_waited = false;
    uv_timer_init(&f->loop, &timer);
    timer.data = &has_waited;
    uv_timer_start(&timer, on_waited, ms, 0);
    RUN_UNTIL(has_waited);
    uv_close((uv_handle_t *)&timer, NULL);
    uv_run(&f->loop, UV_RUN_NOWAIT);
}

/* Longer than a silence may last and than an answer is waited for. */
static void test_hold(void) {
    topic wanted[] = {{0, INTERVAL_1M}, {1, INTERVAL_1M}};
    open_impatient();
    if (stream_want(f->stream, wanted, 1)) abort();
    RUN_UNTIL(is_carried(1));
    stream_hold(f->stream, true);
    if (stream_want(f->stream, wanted, 2)) abort();
    for (int i = 1; i <= 3; i++) say(&f->server, kline_text("SYM0USDT", "1m", 1700000040000 + 60000 * i, true));
    wait_ms(900);
    ok(f->n_events == 0 && f->n_downs == 0 && stats().is_connected, "held, it reads nothing and stays connected");
    stream_hold(f->stream, false);
    RUN_UNTIL(f->n_events == 3 && is_carried(2));
    ok(f->events[0].event_ms == 1700000100000 && f->events[2].event_ms == 1700000220000 && f->n_downs == 0 &&
           f->server.n_connections == 1,
       "let go, all of it comes in its order, and what is wanted meanwhile is asked for");
    close_fixture();
}

/* From within a report, in the middle of what one read has brought, and again while the rest of that is being worked off. */
static void test_hold_in_the_middle(void) {
    enum { N = 60 };
    bool is_in_order = true;
    open_fixture(1);
    RUN_UNTIL(is_carried(1));
    f->holds_at = 3;
    for (int i = 0; i < N; i++) say(&f->server, kline_text("SYM0USDT", "1m", 1700000040000 + 60000 * i, true));
    RUN_UNTIL(f->n_events >= 3);
    wait_ms(100);
    ok(f->n_events == 3, "what has been read already waits, too (%zu)", f->n_events);
    f->holds_at = 10;
    stream_hold(f->stream, false);
    RUN_UNTIL(f->n_events >= 10);
    wait_ms(100);
    ok(f->n_events == 10, "and waits again (%zu)", f->n_events);
    stream_hold(f->stream, false);
    RUN_UNTIL(f->n_events == N);
    for (int i = 0; i < N; i++) is_in_order = is_in_order && f->events[i].event_ms == 1700000040000 + 60000 * i;
    ok(is_in_order && f->n_downs == 0, "nothing is lost, and nothing overtaken");
    close_fixture();
}

static void test_unreachable(void) {
    char url[64];
    make_fixture();
    start_server(&f->server, 0);
    int port = f->server.port;
    uv_close((uv_handle_t *)&f->server.listener, NULL);
    RUN_UNTIL(!uv_is_active((uv_handle_t *)&f->server.listener));
    uv_run(&f->loop, UV_RUN_NOWAIT);
    snprintf(url, sizeof url, "ws://localhost:%d/prefix/", port);
    stream_options options = options_for(url);
    open_stream(&options);
    RUN_UNTIL(f->n_downs == 4);
    ok(f->n_ups == 0 && stats().n_failed_tries == 4, "nobody there: tried again and again (%s)", f->why);
    f->server.greeting = REJECT;
    f->server.status = 403;
    start_server(&f->server, port);
    RUN_UNTIL(f->server.n_connections >= 2);
    size_t n = f->n_downs;
    RUN_UNTIL(f->n_downs > n);
    ok(f->n_ups == 0, "HTTP 403: %s", f->why);
    f->server.greeting = HANG;
    n = f->server.n_connections;
    RUN_UNTIL(f->server.n_connections >= n + 2);
    ok(f->n_ups == 0 && strstr(f->why, "in time"), "no answer to the handshake: %s", f->why);
    f->server.greeting = UPGRADE;
    RUN_UNTIL(f->n_ups == 1);
    ok(strncmp(f->server.request, "GET /prefix/stream HTTP/1.1\r\n", 29) == 0, "and connected as soon as it can be");
    close_fixture();
}

static void test_closing(void) {
    diag why;
    const char *bad[] = {"http://x", "wss://", "ws://host:0", "ws://host:99999", "ws://host:1x", "ws://[::1"};
    make_fixture();
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        stream_options options = options_for(bad[i]);
        stream *none = NULL;
        ok(stream_open(&options, &none, &why) == ERR_INVALID && !none, "%s", why.text);
    }
    stream_options options = options_for("ws://no-such-host.invalid");
    open_stream(&options);
    RUN_UNTIL(f->n_downs == 1);
    ok(strstr(f->why, "resolved"), "a name that nobody knows: %s", f->why);
    close_fixture(); /* while waiting or resolving */

    make_fixture();
    options = options_for("ws://localhost:1");
    open_stream(&options);
    close_fixture(); /* at once */

    open_fixture(1);
    f->server.greeting = HANG;
    RUN_UNTIL(f->server.request[0]);
    close_fixture(); /* in the middle of the handshake */
}

/* ---- TLS ---- */

typedef struct secure_server {
    int listener, port;
    SSL_CTX *context;
    uv_thread_t thread;
    atomic_size_t n_upgrades;
} secure_server;

/* One connection, blocking: handshake, upgrade, then whatever comes until the end. */
static void serve_securely(secure_server *s, int socket) {
    char text[4096], reply[512];
    SSL *ssl = SSL_new(s->context);
    SSL_set_fd(ssl, socket);
    if (SSL_accept(ssl) == 1) {
        int n = SSL_read(ssl, text, sizeof text - 1);
        if (n > 0) {
            text[n] = 0;
            SSL_write(ssl, reply, write_upgrade(text, reply, sizeof reply));
            s->n_upgrades++;
            while (SSL_read(ssl, text, sizeof text) > 0) {}
        }
    }
    SSL_free(ssl);
    close(socket);
}

static void run_securely(void *context) {
    secure_server *s = context;
    int socket;
    while ((socket = accept(s->listener, NULL, NULL)) >= 0) serve_securely(s, socket);
}

static void start_securely(secure_server *s, const char *cert, const char *key) {
    struct sockaddr_in address;
    socklen_t bytes = sizeof address;
    uv_ip4_addr("127.0.0.1", 0, &address);
    s->listener = socket(AF_INET, SOCK_STREAM, 0);
    s->context = SSL_CTX_new(TLS_server_method());
    if (bind(s->listener, (struct sockaddr *)&address, sizeof address) || listen(s->listener, 8) ||
        getsockname(s->listener, (struct sockaddr *)&address, &bytes) ||
        SSL_CTX_use_certificate_file(s->context, cert, SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_use_PrivateKey_file(s->context, key, SSL_FILETYPE_PEM) != 1)
        abort();
    s->port = ntohs(address.sin_port);
    if (uv_thread_create(&s->thread, run_securely, s)) abort();
}

static void stop_securely(secure_server *s) {
    shutdown(s->listener, SHUT_RDWR);
    uv_thread_join(&s->thread);
    close(s->listener);
    SSL_CTX_free(s->context);
}

/* A certificate for "localhost", signed by itself. */
static void write_certificate(const char *cert_path, const char *key_path) {
    EVP_PKEY *key = EVP_RSA_gen(2048);
    X509 *cert = X509_new();
    X509V3_CTX context;
    X509_set_version(cert, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
    X509_gmtime_adj(X509_getm_notBefore(cert), -3600);
    X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
    X509_set_pubkey(cert, key);
    X509_NAME *name = X509_get_subject_name(cert);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"localhost", -1, -1, 0);
    X509_set_issuer_name(cert, name);
    X509V3_set_ctx(&context, cert, cert, NULL, NULL, 0);
    const char *extensions[][2] = {{"subjectAltName", "DNS:localhost"}, {"basicConstraints", "critical,CA:TRUE"}};
    for (size_t i = 0; i < 2; i++) {
        X509_EXTENSION *extension = X509V3_EXT_conf(NULL, &context, extensions[i][0], extensions[i][1]);
        X509_add_ext(cert, extension, -1);
        X509_EXTENSION_free(extension);
    }
    X509_sign(cert, key, EVP_sha256());
    FILE *cert_file = fopen(cert_path, "w"), *key_file = fopen(key_path, "w");
    if (!cert_file || !key_file || !PEM_write_X509(cert_file, cert) ||
        !PEM_write_PrivateKey(key_file, key, NULL, NULL, 0, NULL, NULL))
        abort();
    fclose(cert_file);
    fclose(key_file);
    X509_free(cert);
    EVP_PKEY_free(key);
}

static void test_tls(void) {
    char folder[] = "/tmp/stream-test-XXXXXX", cert[64], key[64], url[64];
    secure_server secure = {0};
    if (!mkdtemp(folder)) abort();
    snprintf(cert, sizeof cert, "%s/cert.pem", folder);
    snprintf(key, sizeof key, "%s/key.pem", folder);
    write_certificate(cert, key);
    make_fixture();
    start_securely(&secure, cert, key);
    int port = secure.port;
    snprintf(url, sizeof url, "wss://localhost:%d", port);
    stream_options options = options_for(url);
    options.connect_ms = 5000;
    open_stream(&options);
    RUN_UNTIL(f->n_downs == 1);
    ok(secure.n_upgrades == 0, "a certificate that the system does not trust is refused: %s", f->why);
    stream_close(f->stream, on_closed, &f->n_closed);
    RUN_UNTIL(f->n_closed == 1);
    snprintf(url, sizeof url, "wss://127.0.0.1:%d", port);
    options.ca_file = cert;
    open_stream(&options);
    RUN_UNTIL(f->n_downs == 2);
    ok(secure.n_upgrades == 0, "a trusted one for another name too: %s", f->why);
    stream_close(f->stream, on_closed, &f->n_closed);
    RUN_UNTIL(f->n_closed == 2);
    snprintf(url, sizeof url, "wss://localhost:%d", port);
    open_stream(&options);
    RUN_UNTIL(f->n_ups == 1);
    ok(secure.n_upgrades == 1, "a trusted one for the right name is taken");
    f->n_closed = 0;
    close_fixture();
    stop_securely(&secure);
    unlink(cert);
    unlink(key);
    rmdir(folder);
}

int main(void) {
    signal(SIGPIPE, SIG_IGN);
    test_subscribing();
    test_messages();
    test_bad_frames();
    test_pings();
    test_unanswered();
    test_refused(REFUSE, "with its id");
    test_refused(REFUSE_WITHOUT_ID, "without an id");
    test_losses();
    test_silence();
    test_hold();
    test_hold_in_the_middle();
    test_unreachable();
    test_closing();
    test_tls();
    return done();
}
