/* Names and addresses that every machine knows; no network is asked. */
#include "base/resolve.h"
#include "spec/c/tap.h"
#include <string.h>

typedef struct answer {
    int n_calls;
    err error;
    char address[64];
    bool has_address;
} answer;

static void on_resolved(void *context, err error, const char *address) {
    answer *a = context;
    a->n_calls++;
    a->error = error;
    a->has_address = address != NULL;
    if (address) snprintf(a->address, sizeof a->address, "%s", address);
}

static answer ask(uv_loop_t *loop, const char *host) {
    answer a = {0};
    a.error = resolve(loop, host, on_resolved, &a);
    if (a.n_calls != 0) abort(); /* from inside the call */
    uv_run(loop, UV_RUN_DEFAULT);
    return a;
}

int main(void) {
    uv_loop_t loop;
    if (uv_loop_init(&loop)) abort();
    answer a = ask(&loop, "127.0.0.1");
    ok(a.n_calls == 1 && a.error == OK && strcmp(a.address, "127.0.0.1") == 0, "an IPv4 address is itself");
    a = ask(&loop, "::1");
    ok(a.n_calls == 1 && a.error == OK && strcmp(a.address, "::1") == 0, "an IPv6 address is itself");
    a = ask(&loop, "localhost");
    ok(a.n_calls == 1 && a.error == OK && (strcmp(a.address, "127.0.0.1") == 0 || strcmp(a.address, "::1") == 0),
       "localhost is this machine: %s", a.address);
    a = ask(&loop, "256.1.1.1.");
    ok(a.n_calls == 1 && a.error != OK && !a.has_address, "no name: %s", error_text(a.error));
    char long_name[400];
    memset(long_name, 'a', sizeof long_name - 1);
    long_name[sizeof long_name - 1] = 0;
    a = ask(&loop, long_name);
    ok(a.error != OK && !a.has_address, "a name of 399 letters: %s", error_text(a.error));
    answer many[8] = {0};
    bool taken = true;
    for (int i = 0; i < 8; i++) taken = taken && resolve(&loop, "127.0.0.1", on_resolved, &many[i]) == OK;
    uv_run(&loop, UV_RUN_DEFAULT);
    for (int i = 0; i < 8; i++) taken = taken && many[i].n_calls == 1 && many[i].error == OK;
    ok(taken, "many at once");
    ok(uv_loop_close(&loop) == 0, "nothing is left on the loop");
    return done();
}
