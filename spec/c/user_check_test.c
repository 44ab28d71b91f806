/* Tokens that the issuer itself has to be asked about, while strangers show invented ones. Time is an argument, so an hour passes
 * at once; the issuer is a server on the same loop. */
#include "base/log.h"
#include "serve/user_check.h"
#include "spec/c/cloud_server.h"
#include "spec/c/tap.h"
#include <signal.h>

#define USER "0f8fad5b-d9cb-469f-a165-70867728950e"

enum { WAIT_MS = 10000, MINUTE_MS = 61000, PER_MINUTE = 60, MINUTES = 5 };

static uv_loop_t loop;
static cloud_server issuer;
static user_check *check;
static int n_answered, n_expected;
static int64_t now_ms;

/* The user's own tokens begin with "good". */
static const char *answer(cloud_server *s, int n, const char *request, const char *body) {
    (void)s, (void)n, (void)body;
    return strstr(request, "Bearer good") ? "HTTP/1.1 200 OK\r\nContent-Length: 45\r\n\r\n{\"id\":\"" USER "\"}\r"
                                          : "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n";
}

static err read_key(void *context, char out[SERVICE_KEY_MAX_BYTES], diag *why) {
    (void)context, (void)why;
    snprintf(out, SERVICE_KEY_MAX_BYTES, "sb_secret_key");
    return OK;
}

static void on_answered(void *context) {
    (void)context;
    n_answered++;
}

static bool is_answered(void) { return n_answered >= n_expected; }

static user_verdict show(const char *token) { return user_check_ask(check, token, strlen(token), now_ms); }

/* Shown, and once more when the issuer has answered. */
static user_verdict verdict_of(const char *token) {
    n_expected = n_answered + 1;
    user_verdict v = show(token);
    if (v != USER_CHECK_WAIT) return v;
    if (!cloud_wait_until(&loop, is_answered, WAIT_MS)) ok(false, "the issuer answers");
    return show(token);
}

/* So many invented tokens, one after the other; how many of them were asked about. */
static int invent(int n) {
    static int serial;
    int asked = issuer.n_asked;
    for (int i = 0; i < n; i++) {
        char token[32];
        snprintf(token, sizeof token, "bad%d", serial++);
        (void)verdict_of(token);
    }
    return issuer.n_asked - asked;
}

static void test_answers(void) {
    ok(verdict_of("good") == USER_KNOWN && verdict_of("bad") == USER_UNKNOWN, "the issuer knows");
    int asked = issuer.n_asked;
    ok(show("good") == USER_KNOWN && show("bad") == USER_UNKNOWN && issuer.n_asked == asked, "and is asked once");
    now_ms += MINUTE_MS;
    ok(show("good") == USER_CHECK_WAIT, "a minute later it is asked again");
    ok(verdict_of("good") == USER_KNOWN, "to the same end");
}

static void test_strangers(void) {
    int n;
    now_ms += MINUTE_MS;
    ok(verdict_of("good") == USER_KNOWN, "the user is there");
    n = invent(PER_MINUTE + 20);
    ok(n <= PER_MINUTE, "strangers are asked about %d times, no more than %d", n, PER_MINUTE);
    ok(verdict_of("good") == USER_KNOWN, "and have not driven out the user");
    for (int minute = 0; minute < MINUTES; minute++) {
        now_ms += MINUTE_MS;
        n = invent(PER_MINUTE + 20);
        if (n > PER_MINUTE) ok(false, "minute %d: %d strangers", minute, n);
        if (verdict_of("good") == USER_KNOWN) continue;
        ok(false, "in minute %d the user is let in", minute);
        return;
    }
    ok(true, "in %d minutes of strangers the user is let in at each", MINUTES);
    ok(verdict_of("good too") == USER_CHECK_UNAVAILABLE, "a new token has to wait like theirs");
    now_ms += 2 * MINUTE_MS;
    ok(verdict_of("good too") == USER_KNOWN, "until they have gone");
}

int main(void) {
    http_client *http = NULL;
    char url[128];
    signal(SIGPIPE, SIG_IGN);
    log_init(LOG_OFF, LOG_HUMAN);
    uv_loop_init(&loop);
    cloud_server_open(&issuer, &loop, answer, NULL);
    snprintf(url, sizeof url, "http://127.0.0.1:%d/auth/v1/user", issuer.port);
    now_ms = monotonic_ms();
    if (http_client_new(&loop, "spec", &http) != OK) return 1;
    user_check_options options = {
        .http = http, .url = url, .user_id = USER, .read_key = read_key, .on_answered = on_answered};
    if (user_check_new(&options, &check) != OK) return 1;
    test_answers();
    test_strangers();
    http_client_close(http, NULL, NULL);
    cloud_server_close(&issuer);
    uv_run(&loop, UV_RUN_DEFAULT);
    user_check_free(check);
    ok(uv_loop_close(&loop) == 0, "the loop is empty");
    cloud_server_forget(&issuer);
    return done();
}
