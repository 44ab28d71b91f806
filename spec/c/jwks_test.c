/* The issuer's keys over time, and the gate that asks for them: an issuer on the same loop counts what it is asked. Time is an
 * argument of jwks, so ten minutes pass at once. */
#include "base/log.h"
#include "serve/gate.h"
#include "serve/jwks.h"
#include "spec/c/cloud_server.h"
#include "spec/c/tap.h"
#include "spec/c/tokens.h"
#include <jansson.h>
#include <signal.h>

#define USER "0f8fad5b-d9cb-469f-a165-70867728950e"
#define SECRET "a-secret-of-at-least-thirty-two-characters"
#define TOKEN "tm_0123456789012345678901234567890123456789012"

enum { WAIT_MS = 10000, T0 = 1000000 };

static uv_loop_t loop;
static cloud_server issuer;
static EVP_PKEY *first, *second;
static char answer_text[4 * JWK_BYTES], user_answer[512], url[256];
static bool is_dead;

static const char *answer(cloud_server *s, int n, const char *request, const char *body) {
    (void)s, (void)n, (void)body;
    if (is_dead) return NULL;
    return strstr(request, "GET /auth/v1/user") == request ? user_answer : answer_text;
}

static void set_answer(const char *status, const char *body) {
    snprintf(answer_text, sizeof answer_text, "HTTP/1.1 %s\r\nContent-Length: %zu\r\n\r\n%s", status, strlen(body),
             body);
}

/* The issuer's set from now on. */
static void publish(bool has_second) {
    char a[JWK_BYTES], b[JWK_BYTES], set[3 * JWK_BYTES];
    put_jwk(a, first, "one", "");
    put_jwk(b, second, "two", "");
    snprintf(set, sizeof set, "{\"keys\":[%s%s%s]}", a, has_second ? "," : "", has_second ? b : "");
    set_answer("200 OK", set);
}

static int n_news;

static void on_news(void *context) {
    (void)context;
    n_news++;
}

static int n_news_expected;
static bool is_told(void) { return n_news >= n_news_expected; }

static void await_news(void) {
    n_news_expected = n_news + 1;
    if (!cloud_wait_until(&loop, is_told, WAIT_MS)) ok(false, "a fetch ends");
}

/* ---- jwks ---- */

static jwt token_of(const char *kid, EVP_PKEY *key) {
    static char text[TOKEN_BYTES];
    char header[128];
    jwt t;
    snprintf(header, sizeof header, "{\"alg\":\"ES256\",\"kid\":\"%s\"}", kid);
    make_token(text, header, "{\"sub\":\"x\"}", key);
    if (jwt_parse(text, strlen(text), &t) != OK) ok(false, "a token is parsed");
    return t;
}

static jwks_verdict prove(jwks *j, const char *kid, EVP_PKEY *key, int64_t now_ms) {
    jwt t = token_of(kid, key);
    return jwks_prove(j, &t, now_ms);
}

static void keys_over_time(http_client *http) {
    jwks *j = NULL;
    jwks_stats stats;
    publish(false);
    snprintf(url, sizeof url, "http://127.0.0.1:%d/auth/v1/.well-known/jwks.json", issuer.port);
    if (jwks_new(http, url, on_news, NULL, &j) != OK) ok(false, "new");
    ok(prove(j, "one", first, T0) == JWKS_WAIT && prove(j, "one", first, T0) == JWKS_WAIT,
       "the first token waits for the keys");
    await_news();
    ok(issuer.n_asked == 1 && strstr(issuer.asked[0], "GET /auth/v1/.well-known/jwks.json HTTP"),
       "which are fetched once");
    ok(prove(j, "one", first, T0) == JWKS_PROVEN && prove(j, "one", second, T0) == JWKS_NOT_PROVEN,
       "then the keys say");
    ok(prove(j, "one", first, T0 + JWKS_RENEW_MS - 1) == JWKS_PROVEN && issuer.n_asked == 1,
       "for eight minutes they are kept");
    ok(prove(j, "one", first, T0 + JWKS_RENEW_MS) == JWKS_PROVEN, "then they still serve");
    await_news();
    ok(issuer.n_asked == 2, "and are fetched anew beside it");
    int64_t now = T0 + JWKS_RENEW_MS + JWKS_LIFE_MS;
    ok(prove(j, "one", first, now) == JWKS_WAIT, "after ten minutes nothing is believed");
    await_news();
    ok(prove(j, "one", first, now) == JWKS_PROVEN && issuer.n_asked == 3, "before there are new ones");

    /* a key that is not in the set */
    ok(prove(j, "two", second, now + 1) == JWKS_UNKNOWN && issuer.n_asked == 3,
       "right after a fetch an unknown key is unknown");
    now += JWKS_UNKNOWN_MS;
    ok(prove(j, "two", second, now) == JWKS_WAIT && prove(j, "three", second, now) == JWKS_WAIT,
       "half a minute later it may be new");
    await_news();
    ok(prove(j, "two", second, now) == JWKS_UNKNOWN && issuer.n_asked == 4, "it was not: one fetch, whoever asks");
    for (int i = 0; i < 1000; i++) {
        char kid[16];
        snprintf(kid, sizeof kid, "k%d", i);
        if (prove(j, kid, second, now + i) != JWKS_UNKNOWN) ok(false, "a thousand invented keys");
    }
    ok(issuer.n_asked == 4, "a thousand invented keys in a second are no reason to fetch");
    publish(true);
    now += JWKS_UNKNOWN_MS;
    ok(prove(j, "two", second, now) == JWKS_WAIT, "when the issuer has a new key");
    await_news();
    ok(prove(j, "two", second, now) == JWKS_PROVEN && prove(j, "one", first, now) == JWKS_PROVEN, "it is taken");
    ok(prove(j, "", second, now + JWKS_UNKNOWN_MS) == JWKS_UNKNOWN && issuer.n_asked == 5, "no kid is worth no fetch");

    /* the issuer fails */
    is_dead = true;
    ok(prove(j, "one", first, now + JWKS_RENEW_MS) == JWKS_PROVEN, "while the issuer is away");
    await_news();
    jwks_verdict meanwhile = prove(j, "one", first, now + JWKS_LIFE_MS - 1 - JWKS_RETRY_MS);
    jwks_read_stats(j, &stats);
    ok(meanwhile == JWKS_PROVEN && stats.n_fetches == 6, "it is not asked again and again");
    ok(prove(j, "one", first, now + JWKS_LIFE_MS - 1) == JWKS_PROVEN, "the keys serve to the end of their ten minutes");
    await_news();
    now += JWKS_LIFE_MS;
    ok(prove(j, "one", first, now) == JWKS_UNAVAILABLE, "and no longer: nobody waits for the next try");
    now += JWKS_RETRY_MS;
    ok(prove(j, "one", first, now) == JWKS_WAIT, "but whoever comes then");
    await_news();
    ok(prove(j, "one", first, now) == JWKS_UNAVAILABLE, "nobody can tell then");
    jwks_read_stats(j, &stats);
    ok(stats.n_failures == 3 && stats.n_fetches == 8, "failures are counted (%d of %d)", (int)stats.n_failures,
       (int)stats.n_fetches);
    is_dead = false;
    static const char *const useless[] = {"", "{}", "<html>", "{\"keys\":7}"};
    for (size_t i = 0; i < sizeof useless / sizeof useless[0]; i++) {
        set_answer("200 OK", useless[i]);
        now += JWKS_RETRY_MS;
        if (prove(j, "one", first, now) != JWKS_WAIT) ok(false, "it is tried again");
        await_news();
        ok(prove(j, "one", first, now) == JWKS_UNAVAILABLE, "no set: %s", useless[i]);
    }
    publish(true);
    size_t head = strlen("HTTP/1.1 ");
    memcpy(answer_text + head, "503", 3);
    now += JWKS_RETRY_MS;
    if (prove(j, "one", first, now) != JWKS_WAIT) ok(false, "it is tried again");
    await_news();
    ok(prove(j, "one", first, now) == JWKS_UNAVAILABLE, "a set with the status 503 is none");
    publish(true);
    now += JWKS_RETRY_MS;
    if (prove(j, "one", first, now) != JWKS_WAIT) ok(false, "it is tried again");
    await_news();
    ok(prove(j, "one", first, now) == JWKS_PROVEN, "when it is back, so are the keys");
    jwks_free(j);
}

/* ---- the gate ---- */

static gate *door;
static gate_answer last;
static int n_verdicts, n_verdicts_expected;

static void on_verdict(void *context, gate_answer answer) {
    last = answer;
    n_verdicts++;
    if (context) gate_forget(door, *(gate_ticket **)context); /* an asker that takes another one with it */
}

static bool is_judged(void) { return n_verdicts >= n_verdicts_expected; }

static err read_key(void *context, char out[SERVICE_KEY_MAX_BYTES], diag *why) {
    (void)context, (void)why;
    snprintf(out, SERVICE_KEY_MAX_BYTES, "sb_secret_x");
    return OK;
}

static void open_gate(const char *user, const char *secret) {
    snprintf(url, sizeof url, "http://127.0.0.1:%d", issuer.port);
    gate_options options = {
        .loop = &loop, .token = TOKEN, .user_id = user, .supabase_url = url, .secret = secret, .read_key = read_key};
    if (gate_new(&options, &door) != OK) ok(false, "a gate");
}

static bool is_closed;
static void on_closed(void *context) {
    (void)context;
    is_closed = true;
}
static bool is_gate_closed(void) { return is_closed; }

static void close_gate(void) {
    is_closed = false;
    gate_close(door, on_closed, NULL);
    ok(cloud_wait_until(&loop, is_gate_closed, WAIT_MS), "a gate closes");
}

/* The verdict, waited for when it must be. */
static gate_verdict ask(const char *token) {
    gate_ticket *ticket = NULL;
    n_verdicts_expected = n_verdicts + 1;
    gate_answer a = gate_ask(door, token, strlen(token), on_verdict, NULL, &ticket);
    if ((a.verdict == GATE_WAIT) != (ticket != NULL)) ok(false, "a ticket is for waiting");
    if (a.verdict != GATE_WAIT) last = a;
    if (a.verdict == GATE_WAIT && !cloud_wait_until(&loop, is_judged, WAIT_MS)) ok(false, "a verdict comes");
    return last.verdict;
}

static void make(char out[TOKEN_BYTES], const char *header, const char *sub, int64_t expires_in_s, EVP_PKEY *key,
                 const char *secret) {
    char claims[1024];
    snprintf(claims, sizeof claims,
             "{\"iss\":\"http://127.0.0.1:%d/auth/v1\",\"aud\":\"authenticated\",\"sub\":\"%s\",\"exp\":%lld}",
             issuer.port, sub, (long long)(wall_ms() / 1000 + expires_in_s));
    if (secret)
        make_secret_token(out, header, claims, secret, strlen(secret));
    else
        make_token(out, header, claims, key);
}

#define ES "{\"alg\":\"ES256\",\"kid\":\"one\"}"
#define HS "{\"alg\":\"HS256\",\"typ\":\"JWT\"}"

static void local_gate(void) {
    char token[TOKEN_BYTES];
    open_gate(NULL, NULL);
    make(token, ES, USER, 3600, first, NULL);
    ok(ask(TOKEN) == GATE_OPEN && ask(token) == GATE_SHUT && ask("") == GATE_SHUT,
       "without users there is the machine's token alone");
    gate_ticket *ticket;
    ok(gate_ask(door, TOKEN, strlen(TOKEN) - 1, NULL, NULL, &ticket).verdict == GATE_SHUT, "and that whole");
    close_gate();
}

static void gate_with_keys(void) {
    char token[TOKEN_BYTES], other[TOKEN_BYTES];
    gate_stats stats;
    int n_before = issuer.n_asked;
    publish(false);
    open_gate(USER, SECRET);
    make(token, ES, USER, 3600, first, NULL);
    gate_ticket *tickets[4] = {NULL};
    n_verdicts_expected = n_verdicts + 3;
    for (int i = 0; i < 4; i++) /* the first takes the last with it */
        if (gate_ask(door, token, strlen(token), on_verdict, i == 3 ? &tickets[0] : NULL, &tickets[i]).verdict !=
            GATE_WAIT)
            ok(false, "it waits");
    ok(gate_look(door, token, strlen(token)) == GATE_WAIT, "the keys are not there yet");
    ok(cloud_wait_until(&loop, is_judged, WAIT_MS) && last.verdict == GATE_OPEN,
       "several tokens wait for one fetch, and get in");
    ok(issuer.n_asked == n_before + 1 && n_verdicts == n_verdicts_expected, "but the one that was forgotten");
    ok(ask(token) == GATE_OPEN && issuer.n_asked == n_before + 1, "the next does not wait");
    ok(last.expires_s >= wall_ms() / 1000 + 3500 && last.expires_s <= wall_ms() / 1000 + 3600,
       "the end of a token is told");
    ok(ask(TOKEN) == GATE_OPEN && last.expires_s == GATE_FOREVER, "the machine's token goes on, and for ever");
    make(other, ES, "another", 3600, first, NULL);
    ok(ask(other) == GATE_SHUT, "another user's is refused");
    make(other, ES, USER, -3600, first, NULL);
    ok(ask(other) == GATE_SHUT, "an old one");
    make(other, ES, USER, 3600, second, NULL);
    ok(ask(other) == GATE_SHUT, "one that another key has signed");
    make(other, "{\"alg\":\"ES256\",\"kid\":\"two\"}", USER, 3600, second, NULL);
    ok(ask(other) == GATE_SHUT, "a key that is not in the set");
    make(other, "{\"alg\":\"none\"}", USER, 3600, NULL, NULL);
    ok(ask(other) == GATE_SHUT, "alg none");
    make(other, HS, USER, 3600, NULL, SECRET);
    ok(ask(other) == GATE_OPEN, "HS256 with the secret gets in");
    make(other, HS, USER, 3600, NULL, "another secret, which is not the one");
    ok(ask(other) == GATE_SHUT, "with another it does not");
    ok(ask("no token") == GATE_SHUT && ask("a.b.c") == GATE_SHUT, "nor does what is no token");
    gate_read_stats(door, &stats);
    ok(stats.n_machine == 1 && stats.n_users == 5 && stats.n_claims == 2 && stats.n_unsigned == 3 &&
           stats.n_unknown_key == 1 && stats.n_wrong == 2 && stats.n_refused == 8 && stats.n_fetches == 1,
       "all is counted by its reason (%d %d %d %d %d %d %d)", (int)stats.n_machine, (int)stats.n_users,
       (int)stats.n_claims, (int)stats.n_unsigned, (int)stats.n_unknown_key, (int)stats.n_wrong, (int)stats.n_refused);
    close_gate();
}

static void set_user(const char *status, const char *body) {
    snprintf(user_answer, sizeof user_answer, "HTTP/1.1 %s\r\nContent-Length: %zu\r\n\r\n%s", status, strlen(body),
             body);
}

static int n_questions(void) {
    int n = 0;
    for (int i = 0; i < issuer.n_asked; i++) n += strstr(issuer.asked[i], "GET /auth/v1/user HTTP") == issuer.asked[i];
    return n;
}

static void gate_that_asks(void) {
    char token[TOKEN_BYTES], other[TOKEN_BYTES], line[TOKEN_BYTES + 64];
    gate_stats stats;
    cloud_server_forget(&issuer);
    open_gate(USER, "");
    make(token, HS, USER, 3600, NULL, "a secret that is not here");
    set_user("200 OK", "{\"id\":\"" USER "\",\"aud\":\"authenticated\"}");
    ok(ask(token) == GATE_OPEN && n_questions() == 1, "without a secret the issuer is asked");
    snprintf(line, sizeof line, "\r\nAuthorization: Bearer %s\r\n", token);
    const char *asked = issuer.asked[issuer.n_asked - 1];
    ok(strstr(asked, line) && strstr(asked, "\r\napikey: sb_secret_x\r\n"), "with the token and the project's key");
    ok(ask(token) == GATE_OPEN && n_questions() == 1, "once, for the same token");
    make(other, HS, "another", 3600, NULL, "x");
    ok(ask(other) == GATE_SHUT && n_questions() == 1, "and not for a token that cannot be the user's");
    make(other, HS, USER, 3601, NULL, "x");
    set_user("200 OK", "{\"id\":\"another\"}");
    ok(ask(other) == GATE_SHUT, "an answer for another user is none");
    make(other, HS, USER, 3602, NULL, "x");
    set_user("403 Forbidden", "{\"error_code\":\"bad_jwt\"}");
    ok(ask(other) == GATE_SHUT && ask(other) == GATE_SHUT && n_questions() == 3,
       "what it refuses is refused, and remembered");
    make(other, HS, USER, 3603, NULL, "x");
    set_user("200 OK", "{\"id\":");
    ok(ask(other) == GATE_SHUT, "what is no JSON says nothing");
    make(other, HS, USER, 3604, NULL, "x");
    set_user("500 Oops", "");
    ok(ask(other) == GATE_UNAVAILABLE, "while it fails nobody can tell");
    ok(ask(token) == GATE_OPEN, "but for what is known");
    is_dead = true;
    make(other, HS, USER, 3605, NULL, "x");
    ok(ask(other) == GATE_UNAVAILABLE, "nor when it does not answer at all");
    is_dead = false;
    set_user("403 Forbidden", "");
    int n_before = n_questions(), n_held = 0;
    for (int i = 0; i < 200; i++) {
        make(other, HS, USER, 4000 + i, NULL, "x");
        n_held += ask(other) == GATE_UNAVAILABLE;
    }
    ok(n_questions() - n_before < 62 && n_held > 138, "200 invented tokens are %d questions", n_questions() - n_before);
    ok(ask(token) == GATE_OPEN, "and the user's own is still known");
    gate_read_stats(door, &stats);
    /* libcurl repeats a request by itself when a connection that it used again is cut */
    ok(n_questions() - (int)stats.n_questions <= 3 && (int)stats.n_questions >= 60 &&
           stats.n_held_back == (uint64_t)n_held && stats.n_question_failures == 2,
       "questions are counted (%d of %d, %d of %d held back, %d failed)", (int)stats.n_questions, n_questions(),
       (int)stats.n_held_back, n_held, (int)stats.n_question_failures);
    close_gate();
}

/* Closed while a token waits: its asker has gone, and the answer that comes is nobody's. */
static void gate_closes_early(void) {
    char token[TOKEN_BYTES];
    gate_ticket *ticket = NULL;
    open_gate(USER, "");
    make(token, ES, USER, 3600, first, NULL);
    int n_before = n_verdicts;
    ok(gate_ask(door, token, strlen(token), on_verdict, NULL, &ticket).verdict == GATE_WAIT, "a token waits");
    gate_forget(door, ticket);
    close_gate();
    ok(n_verdicts == n_before, "and nobody is told");
}

int main(void) {
    http_client *http = NULL;
    signal(SIGPIPE, SIG_IGN);
    log_init(LOG_OFF, LOG_HUMAN);
    uv_loop_init(&loop);
    first = EVP_EC_gen("P-256");
    second = EVP_EC_gen("P-256");
    cloud_server_open(&issuer, &loop, answer, NULL);
    if (http_client_new(&loop, "spec", &http) != OK) return 1;
    keys_over_time(http);
    http_client_close(http, NULL, NULL);
    local_gate();
    gate_with_keys();
    gate_that_asks();
    gate_closes_early();
    cloud_server_close(&issuer);
    uv_run(&loop, UV_RUN_DEFAULT);
    ok(uv_loop_close(&loop) == 0, "the loop is empty");
    cloud_server_forget(&issuer);
    EVP_PKEY_free(first);
    EVP_PKEY_free(second);
    return done();
}
