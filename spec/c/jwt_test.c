/* Tokens: which are taken and which are refused, with keys made here. Everything that is taken is signed by a key of the set
 * with that key's own algorithm, is in time, and is the user's. */
#include "base/base64url.h"
#include "serve/jwt.h"
#include "serve/jwt_keys.h"
#include "spec/c/random.h"
#include "spec/c/tap.h"
#include "spec/c/tokens.h"

#define USER "0f8fad5b-d9cb-469f-a165-70867728950e"
#define ISSUER "https://project.supabase.co/auth/v1"
#define SECRET "a secret of at least thirty-two characters"
#define NOW 1790000000
#define CLAIMS "\"iss\":\"" ISSUER "\",\"aud\":\"authenticated\",\"sub\":\"" USER "\",\"role\":\"authenticated\""
#define GOOD "{" CLAIMS ",\"exp\":1790003600,\"iat\":1789999999}"
#define ES "{\"alg\":\"ES256\",\"kid\":\"ec-1\",\"typ\":\"JWT\"}"
#define RS "{\"alg\":\"RS256\",\"kid\":\"rsa-1\",\"typ\":\"JWT\"}"
#define HS "{\"alg\":\"HS256\",\"typ\":\"JWT\"}"

/* A point that is not on P-256. */
#define OFF_CURVE "{\"kty\":\"EC\",\"kid\":\"a\",\"crv\":\"P-256\",\"x\":\"" ONE "\",\"y\":\"" ONE "\"}"
#define ONE "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE"

static EVP_PKEY *ec, *other_ec, *rsa, *small_rsa;
static jwt_keys *set;
static char set_text[4 * JWK_BYTES], ec_jwk[JWK_BYTES], rsa_jwk[JWK_BYTES];
static const jwt_expectation expected = {ISSUER, "authenticated", USER};

/* What a server does with a token, in one word. */
static const char *judge(const char *token) {
    jwt t;
    err failed = jwt_parse(token, strlen(token), &t);
    if (failed) return error_text(failed);
    const char *fault = jwt_find_fault(&t, &expected, NOW);
    if (fault) return fault;
    if (t.alg == JWT_HS256) return jwt_is_signed_with(&t, SECRET) ? "taken" : "not signed";
    jwt_proof proof = jwt_keys_prove(set, &t);
    return proof == JWT_PROVEN ? "taken" : proof == JWT_KEY_UNKNOWN ? "unknown key" : "not signed";
}

static void becomes(const char *what, const char *token, const char *verdict) {
    const char *found = judge(token);
    ok(strcmp(found, verdict) == 0, "%s: %s", what, found);
}

static void signed_tokens(void) {
    char token[TOKEN_BYTES];
    make_token(token, ES, GOOD, ec);
    becomes("ES256 with its key", token, "taken");
    make_token(token, RS, GOOD, rsa);
    becomes("RS256 with its key", token, "taken");
    make_secret_token(token, HS, GOOD, SECRET, strlen(SECRET));
    becomes("HS256 with the secret", token, "taken");
    make_secret_token(token, HS, GOOD, "another secret of the same length, almost", 41);
    becomes("HS256 with another secret", token, "not signed");
    make_token(token, ES, GOOD, other_ec);
    becomes("ES256 with another key under its kid", token, "not signed");
    make_token(token, "{\"alg\":\"ES256\",\"kid\":\"ec-9\"}", GOOD, other_ec);
    becomes("a key that is not in the set", token, "unknown key");
    make_token(token, "{\"alg\":\"ES256\"}", GOOD, ec);
    becomes("no kid", token, "unknown key");
    make_token(token, "{\"alg\":\"ES256\",\"kid\":\"small\"}", GOOD, ec);
    becomes("the kid of a key that was left out", token, "unknown key");
}

/* The classics: the token chooses how it is verified. */
static void confused_tokens(void) {
    char token[TOKEN_BYTES];
    make_token(token, "{\"alg\":\"none\"}", GOOD, NULL);
    becomes("alg none without a signature", token, "unknown key");
    make_token(token, "{\"alg\":\"none\",\"kid\":\"ec-1\"}", GOOD, NULL);
    becomes("alg none with a kid of the set", token, "not signed");
    make_token(token, "{\"alg\":\"nOnE\",\"kid\":\"ec-1\"}", GOOD, ec);
    becomes("alg nOnE with a good signature", token, "not signed");
    make_token(token, ES, GOOD, NULL);
    becomes("ES256 with an empty signature", token, "not signed");
    make_token(token, "{\"alg\":\"RS256\",\"kid\":\"ec-1\"}", GOOD, ec);
    becomes("RS256 for the EC key", token, "not signed");
    make_token(token, "{\"alg\":\"ES256\",\"kid\":\"rsa-1\"}", GOOD, rsa);
    becomes("ES256 for the RSA key", token, "not signed");
    make_token(token, "{\"alg\":\"ES384\",\"kid\":\"ec-1\"}", GOOD, ec);
    becomes("an algorithm that nobody verifies", token, "not signed");
    const char *const publics[] = {ec_jwk, rsa_jwk, set_text};
    for (size_t i = 0; i < sizeof publics / sizeof publics[0]; i++) {
        make_secret_token(token, "{\"alg\":\"HS256\",\"kid\":\"rsa-1\"}", GOOD, publics[i], strlen(publics[i]));
        becomes("HS256 signed with what is public", token, "not signed");
    }
    unsigned char *der = NULL;
    int bytes = i2d_PUBKEY(rsa, &der);
    make_secret_token(token, "{\"alg\":\"HS256\",\"kid\":\"rsa-1\"}", GOOD, der, (size_t)bytes);
    becomes("HS256 signed with the public key itself", token, "not signed");
    jwt t;
    if (jwt_parse(token, strlen(token), &t) != OK) ok(false, "it is a token");
    ok(jwt_keys_prove(set, &t) == JWT_NOT_PROVEN, "and the set does not prove it");
    make_secret_token(token, HS, GOOD, "", 0);
    if (jwt_parse(token, strlen(token), &t) != OK) ok(false, "it is a token");
    ok(!jwt_is_signed_with(&t, ""), "without a secret nothing is signed");
    make_secret_token(token, ES, GOOD, SECRET, strlen(SECRET));
    if (jwt_parse(token, strlen(token), &t) != OK) ok(false, "it is a token");
    ok(!jwt_is_signed_with(&t, SECRET), "ES256 signed with the secret is not HS256");
    OPENSSL_free(der);
    make_token(token, "{\"alg\":\"ES256\",\"kid\":\"ec-1\",\"crit\":[\"exp\"]}", GOOD, ec);
    becomes("an extension that must be understood", token, error_text(ERR_UNSUPPORTED));
    make_token(token, "{\"alg\":\"none\",\"alg\":\"ES256\",\"kid\":\"ec-1\"}", GOOD, ec);
    becomes("two algorithms", token, error_text(ERR_SYNTAX));
}

static void claims_of(const char *what, const char *claims, const char *verdict) {
    char token[TOKEN_BYTES];
    make_token(token, ES, claims, ec);
    becomes(what, token, verdict);
}

static void claims(void) {
    claims_of("expired", "{" CLAIMS ",\"exp\":1789999000}", "it has expired");
    claims_of("expired within the leeway", "{" CLAIMS ",\"exp\":1789999971}", "taken");
    claims_of("expired at the end of the leeway", "{" CLAIMS ",\"exp\":1789999970}", "it has expired");
    claims_of("with a fraction of a second", "{" CLAIMS ",\"exp\":1790000100.5}", "taken");
    claims_of("without an expiry", "{" CLAIMS "}", "it never expires");
    claims_of("an expiry that is no number", "{" CLAIMS ",\"exp\":\"1790003600\"}", error_text(ERR_SYNTAX));
    claims_of("an expiry beyond all time", "{" CLAIMS ",\"exp\":1e300}", error_text(ERR_SYNTAX));
    claims_of("not valid yet", "{" CLAIMS ",\"exp\":1790003600,\"nbf\":1790000031}", "it is not valid yet");
    claims_of("valid from just now", "{" CLAIMS ",\"exp\":1790003600,\"nbf\":1790000030}", "taken");
    claims_of("another user",
              "{\"iss\":\"" ISSUER "\",\"aud\":\"authenticated\",\"sub\":\"someone\",\"exp\":1790003600}",
              "it is another user's");
    claims_of("nobody", "{\"iss\":\"" ISSUER "\",\"aud\":\"authenticated\",\"exp\":1790003600}",
              "it is another user's");
    claims_of("a sub that only begins so",
              "{\"iss\":\"" ISSUER "\",\"aud\":\"authenticated\",\"sub\":\"" USER "0\",\"exp\":1790003600}",
              "it is another user's");
    claims_of("another project",
              "{\"iss\":\"https://evil.supabase.co/auth/v1\",\"aud\":\"authenticated\",\"sub\":\"" USER
              "\",\"exp\":1790003600}",
              "it is of another issuer");
    claims_of("no issuer", "{\"aud\":\"authenticated\",\"sub\":\"" USER "\",\"exp\":1790003600}",
              "it is of another issuer");
    claims_of("another audience", "{\"iss\":\"" ISSUER "\",\"aud\":\"anon\",\"sub\":\"" USER "\",\"exp\":1790003600}",
              "it is for another audience");
    claims_of("no audience", "{\"iss\":\"" ISSUER "\",\"sub\":\"" USER "\",\"exp\":1790003600}",
              "it is for another audience");
    claims_of("several audiences",
              "{\"iss\":\"" ISSUER "\",\"aud\":[\"x\",\"authenticated\"],\"sub\":\"" USER "\",\"exp\":1790003600}",
              "taken");
    claims_of("a list without ours",
              "{\"iss\":\"" ISSUER "\",\"aud\":[\"x\",\"y\"],\"sub\":\"" USER "\",\"exp\":1790003600}",
              "it is for another audience");
    claims_of("too many audiences",
              "{\"iss\":\"" ISSUER "\",\"aud\":[\"a\",\"b\",\"c\",\"d\",\"authenticated\"],\"sub\":\"" USER
              "\",\"exp\":1790003600}",
              error_text(ERR_TOO_BIG));
    claims_of("a sub that is a list", "{\"iss\":\"" ISSUER "\",\"sub\":[\"" USER "\"],\"exp\":1790003600}",
              error_text(ERR_SYNTAX));
    claims_of("the same claim twice", "{" CLAIMS ",\"sub\":\"" USER "\",\"exp\":1790003600}", error_text(ERR_SYNTAX));
    claims_of("claims that are a list", "[1]", error_text(ERR_SYNTAX));
}

static void forms(void) {
    char token[TOKEN_BYTES], bad[TOKEN_BYTES + 8];
    static const char *const none[] = {
        "", ".", "..", "...", "a.b", "a.b.c", "e30.e30.", "e30=.e30=.AA", "eyJhbGciOjF9.e30.AA"};
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) becomes(none[i], none[i], error_text(ERR_SYNTAX));
    make_token(token, ES, GOOD, ec);
    snprintf(bad, sizeof bad, "%s.", token);
    becomes("a fourth part", bad, error_text(ERR_SYNTAX));
    snprintf(bad, sizeof bad, "%s=", token);
    becomes("padding", bad, error_text(ERR_SYNTAX));
    snprintf(bad, sizeof bad, " %s", token);
    becomes("a blank before it", bad, error_text(ERR_SYNTAX));
    memset(bad, 'A', JWT_MAX_BYTES + 1);
    bad[10] = bad[20] = '.';
    bad[JWT_MAX_BYTES + 1] = 0;
    becomes("too long", bad, error_text(ERR_TOO_BIG));
    /* Each character changed: nothing is signed any more, whichever it was. */
    size_t n = strlen(token), n_taken = 0;
    for (size_t i = 0; i < n; i++) {
        snprintf(bad, sizeof bad, "%s", token);
        bad[i] = bad[i] == 'A' ? 'B' : 'A';
        n_taken += strcmp(judge(bad), "taken") == 0;
    }
    ok(n_taken == 0, "one character changed anywhere: refused (%zu of %zu taken)", n_taken, n);
    for (size_t i = 0; i < n; i++) {
        snprintf(bad, sizeof bad, "%.*s", (int)i, token);
        n_taken += strcmp(judge(bad), "taken") == 0;
    }
    ok(n_taken == 0, "cut anywhere: refused");
}

static void key_sets(void) {
    jwt_keys *k = NULL;
    char text[2 * JWK_BYTES];
    ok(jwt_keys_count(set) == 2, "of the set, the two usable keys are kept");
    ok(jwt_keys_parse("{\"keys\":[]}", 11, &k) == OK && jwt_keys_count(k) == 0, "an empty set is one");
    jwt_keys_free(k);
    static const char *const none[] = {"", "{}", "[]", "{\"keys\":{}}", "{\"keys\":[]", "null"};
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++)
        ok(jwt_keys_parse(none[i], strlen(none[i]), &k) == ERR_SYNTAX, "no set: %s", none[i]);
    static const char *const useless[] = {
        "1",
        "null",
        "{}",
        "{\"kty\":\"EC\"}",
        "{\"kty\":\"EC\",\"kid\":\"a\",\"crv\":\"P-256\"}",
        "{\"kty\":\"EC\",\"kid\":\"a\",\"crv\":\"P-256\",\"x\":\"AA\",\"y\":\"AA\"}",
        OFF_CURVE,
        "{\"kty\":\"oct\",\"kid\":\"a\",\"alg\":\"HS256\",\"k\":\"c2VjcmV0\"}",
        "{\"kty\":\"OKP\",\"kid\":\"a\",\"crv\":\"Ed25519\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}",
        "{\"kty\":\"RSA\",\"kid\":\"a\",\"n\":\"AQAB\",\"e\":\"AQAB\"}"};
    for (size_t i = 0; i < sizeof useless / sizeof useless[0]; i++) {
        snprintf(text, sizeof text, "{\"keys\":[%s]}", useless[i]);
        ok(jwt_keys_parse(text, strlen(text), &k) == OK && jwt_keys_count(k) == 0, "left out: %.40s", useless[i]);
        jwt_keys_free(k);
    }
    static const char *const others[] = {",\"use\":\"enc\"", ",\"alg\":\"RS256\"", ",\"alg\":\"HS256\"", ",\"use\":1"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        char jwk[JWK_BYTES];
        put_jwk(jwk, ec, "ec-1", others[i]);
        snprintf(text, sizeof text, "{\"keys\":[%s]}", jwk);
        ok(jwt_keys_parse(text, strlen(text), &k) == OK && jwt_keys_count(k) == 0, "left out: a key with %s",
           others[i] + 1);
        jwt_keys_free(k);
    }
    char *many = malloc(32768);
    size_t at = (size_t)sprintf(many, "{\"keys\":[1");
    for (int i = 0; i < JWT_KEYS_MAX; i++) at += (size_t)sprintf(many + at, ",1");
    sprintf(many + at, "]}");
    ok(jwt_keys_parse(many, strlen(many), &k) == ERR_TOO_BIG, "too many keys");
    free(many);
    many = calloc(1, JWT_KEYS_MAX_BYTES + 1);
    ok(jwt_keys_parse(many, JWT_KEYS_MAX_BYTES + 1, &k) == ERR_TOO_BIG, "too many bytes");
    free(many);
}

static void digits(uint64_t seed) {
    random_state = seed ? seed : 1;
    unsigned char in[64], back[64];
    char text[128];
    int n_bad = 0;
    for (int i = 0; i < 10000; i++) {
        size_t n = (size_t)below((int32_t)sizeof in + 1), bytes = 0;
        for (size_t at = 0; at < n; at++) in[at] = (unsigned char)below(256);
        size_t length = put_base64url(text, in, n);
        n_bad += base64url_decode(text, length, back, n, &bytes) != OK || bytes != n || memcmp(in, back, n) != 0;
        if (n) n_bad += base64url_decode(text, length, back, n - 1, &bytes) != ERR_TOO_BIG;
    }
    ok(n_bad == 0, "10,000 random texts come back from base64url (%d did not)", n_bad);
    size_t bytes;
    static const char *const none[] = {
        "A", "AAAAA", "AB", "AAB", "A=", "AA==", "A+==", "++++", "////", "AA A", "A\nAA"};
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++)
        ok(base64url_decode(none[i], strlen(none[i]), back, sizeof back, &bytes) == ERR_SYNTAX,
           "no base64url: case %zu", i);
}

int main(void) {
    char small_jwk[JWK_BYTES];
    ec = EVP_EC_gen("P-256");
    other_ec = EVP_EC_gen("P-256");
    rsa = EVP_RSA_gen(2048);
    small_rsa = EVP_RSA_gen(1024);
    put_jwk(ec_jwk, ec, "ec-1", ",\"alg\":\"ES256\",\"use\":\"sig\",\"key_ops\":[\"verify\"]");
    put_jwk(rsa_jwk, rsa, "rsa-1", "");
    put_jwk(small_jwk, small_rsa, "small", "");
    snprintf(set_text, sizeof set_text, "{\"keys\":[%s,%s,%s]}", ec_jwk, rsa_jwk, small_jwk);
    if (jwt_keys_parse(set_text, strlen(set_text), &set) != OK) ok(false, "the key set is read");
    signed_tokens();
    confused_tokens();
    claims();
    forms();
    key_sets();
    digits(tap_seed(1));
    jwt_keys_free(set);
    EVP_PKEY_free(ec);
    EVP_PKEY_free(other_ec);
    EVP_PKEY_free(rsa);
    EVP_PKEY_free(small_rsa);
    return done();
}
