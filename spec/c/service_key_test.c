/* Service keys: which are taken, how each is presented, and that none is told. */
#include "base/service_key.h"
#include "spec/c/tap.h"
#include <string.h>

/* {"alg":"HS256"} . payload . signature */
#define JWT(payload) "eyJhbGciOiJIUzI1NiJ9." payload ".c2lnbmF0dXJl"
#define OF_SERVICE JWT("eyJpc3MiOiJzdXBhYmFzZSIsInJvbGUiOiJzZXJ2aWNlX3JvbGUiLCJleHAiOjJ9") /* role service_role */
#define OF_ANON JWT("eyJpc3MiOiJzdXBhYmFzZSIsInJvbGUiOiJhbm9uIn0")                         /* role anon */
#define OF_NOBODY JWT("eyJpc3MiOiJzdXBhYmFzZSJ9")                                          /* no role */

static void takes(const char *key, service_key_kind expected, const char *authorization) {
    service_key_kind kind = SERVICE_KEY_OPAQUE;
    service_key_headers headers;
    char apikey[SERVICE_KEY_HEADER_BYTES];
    diag why = {""};
    ok(service_key_check(key, &kind, &why) == OK && kind == expected, "%.24s is taken", key);
    service_key_present(key, kind, &headers);
    snprintf(apikey, sizeof apikey, "apikey: %s", key);
    ok(strcmp(headers.apikey, apikey) == 0 && strcmp(headers.authorization, authorization) == 0,
       "%.24s is presented %s", key, *authorization ? "twice" : "as apikey alone");
}

static void refuses(const char *key, const char *fragment) {
    service_key_kind kind;
    diag why = {""};
    ok(service_key_check(key, &kind, &why) == ERR_INVALID && strstr(why.text, fragment), "refused: %s", fragment);
    ok(!*key || !strstr(why.text, key), "and not told");
}

static void decodes(const char *base64, const char *expected) {
    char out[SERVICE_KEY_MAX_BYTES] = "";
    diag why;
    err e = service_key_decode(base64, out, &why);
    ok(expected ? e == OK && strcmp(out, expected) == 0 : e == ERR_INVALID, "Base64 %zu: %s", strlen(base64),
       expected ? expected : "refused");
}

int main(void) {
    static char longest[SERVICE_KEY_MAX_BYTES + 1];
    takes("sb_secret_N7UND0UgjKTVK", SERVICE_KEY_OPAQUE, "");
    takes("test_key", SERVICE_KEY_OPAQUE, "");
    takes(OF_SERVICE, SERVICE_KEY_JWT, "Authorization: Bearer " OF_SERVICE);
    refuses("sb_publishable_x", "publishable");
    refuses(OF_ANON, "another role");
    refuses(OF_NOBODY, "another role");
    refuses(JWT("not base64!"), "visible ASCII");
    refuses(JWT("e30x"), "another role");
    refuses("a b", "visible ASCII");
    refuses("a\nX-Header: b", "visible ASCII");
    refuses("", "0 characters");
    memset(longest, 'k', SERVICE_KEY_MAX_BYTES);
    refuses(longest, "4096 characters");
    longest[SERVICE_KEY_MAX_BYTES - 1] = 0;
    takes(longest, SERVICE_KEY_OPAQUE, "");

    decodes("dGVzdF9rZXk=", "test_key");
    decodes("dGVzdF9rZXk", "test_key");
    decodes(" dGVzdF9rZXkK\n", "test_key"); /* of `echo test_key | base64` */
    decodes("c2Jfc2VjcmV0Xz8_", "sb_secret_??");
    decodes("c2Jfc2VjcmV0Xz8/", "sb_secret_??");
    decodes("", NULL);
    decodes("dGVz dF9r", NULL);
    decodes("dGVz*F9r", NULL);
    decodes("AAAA", NULL);
    return done();
}
