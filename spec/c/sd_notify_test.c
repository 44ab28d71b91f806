/* What systemd is told: to which socket, in which words, and that a daemon which a restart would help gives no sign of life. */
#include "base/sd_notify.h"
#include "orchestrator_service.h"
#include "spec/c/tap.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char path[108];
static int receiver;

/* As systemd's: bound to `name`, which may be abstract. */
static int listen_on(const char *name) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t bytes = strlen(name);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    memcpy(address.sun_path, name, bytes);
    if (*name == '@') address.sun_path[0] = 0;
    socklen_t all = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + bytes + (*name == '/'));
    if (bind(fd, (struct sockaddr *)&address, all) != 0) abort();
    return fd;
}

static bool hears(int fd, const char *expected) {
    char text[256];
    ssize_t bytes = recv(fd, text, sizeof text - 1, 0);
    text[bytes < 0 ? 0 : bytes] = 0;
    return strcmp(text, expected) == 0;
}

static void test_send(void) {
    sd_notify s;
    char abstract[64], pid[32];
    snprintf(abstract, sizeof abstract, "@trademind-spec-%d", (int)getpid());
    snprintf(pid, sizeof pid, "%d", (int)getpid());
    int other = listen_on(abstract);
    ok(sd_notify_init(&s, path, NULL, NULL) == OK && s.watchdog_ms == 0, "a path");
    ok(sd_notify_send(&s, "READY=1\nSTATUS=x") == OK && hears(receiver, "READY=1\nSTATUS=x"),
       "is told, as one datagram");
    sd_notify_deinit(&s);
    ok(sd_notify_init(&s, abstract, "30000000", pid) == OK && s.watchdog_ms == 30000,
       "an abstract name, and a watchdog");
    ok(sd_notify_send(&s, "WATCHDOG=1") == OK && hears(other, "WATCHDOG=1"), "is told, too");
    sd_notify_deinit(&s);
    close(other);
    ok(sd_notify_init(&s, abstract, NULL, NULL) == OK && sd_notify_send(&s, "READY=1") == ERR_IO,
       "nobody who listens any more: it is said, and that is all");
    sd_notify_deinit(&s);
    ok(sd_notify_init(&s, NULL, "30000000", NULL) == OK && sd_notify_send(&s, "READY=1") == OK && s.watchdog_ms == 0,
       "without a socket nothing happens");
    ok(sd_notify_init(&s, "", NULL, NULL) == OK && s.fd == -1, "an empty name is none");
    ok(sd_notify_init(&s, "relative", NULL, NULL) == ERR_INVALID && sd_notify_init(&s, "@", NULL, NULL) == ERR_INVALID,
       "a relative path, or no name, is no socket");
    char longer[200];
    memset(longer, 'x', sizeof longer - 1);
    longer[0] = '/';
    longer[sizeof longer - 1] = 0;
    ok(sd_notify_init(&s, longer, NULL, NULL) == ERR_INVALID, "nor is one that is too long");
    ok(sd_notify_init(&s, path, "1000000", "1") == OK && s.watchdog_ms == 0, "the watchdog of another process");
    sd_notify_deinit(&s);
    ok(sd_notify_init(&s, path, "often", NULL) == OK && s.watchdog_ms == 0, "a time that is none");
    sd_notify_deinit(&s);
}

/* The loop runs until it has been asked `n` times. */
typedef struct patient {
    uv_loop_t loop;
    orchestrator_service service;
    bool is_alive;
    int n_asked, n_left;
} patient;

static bool answer(void *context) {
    patient *p = context;
    p->n_asked++;
    if (--p->n_left == 0) uv_stop(&p->loop);
    return p->is_alive;
}

static int count_signs(void) {
    int n = 0;
    char text[256];
    for (ssize_t bytes; (bytes = recv(receiver, text, sizeof text, 0)) > 0;)
        n += bytes == 10 && memcmp(text, "WATCHDOG=1", 10) == 0;
    return n;
}

static void ask(patient *p, int n, bool is_alive) {
    p->is_alive = is_alive;
    p->n_left = n;
    uv_run(&p->loop, UV_RUN_DEFAULT);
}

static void test_watchdog(void) {
    static patient p;
    setenv("NOTIFY_SOCKET", path, 1);
    setenv("WATCHDOG_USEC", "20000", 1);
    uv_loop_init(&p.loop);
    orchestrator_service_open(&p.service, &p.loop, answer, &p);
    ask(&p, 3, true);
    ok(count_signs() == 3, "a sign of life each time that it is well");
    ask(&p, 3, false);
    ok(count_signs() == 0, "none while a restart would help, so that systemd does it");
    ask(&p, 2, true);
    ok(count_signs() == 2, "and again once it is well");
    orchestrator_service_ready(&p.service);
    ok(hears(receiver, "READY=1"), "ready");
    orchestrator_service_status(&p.service, "running");
    ok(hears(receiver, "STATUS=running"), "its status");
    orchestrator_service_stopping(&p.service);
    ok(hears(receiver, "STOPPING=1"), "and its end");
    orchestrator_service_close(&p.service);
    orchestrator_service_close(&p.service);
    uv_run(&p.loop, UV_RUN_DEFAULT);
    ok(uv_loop_close(&p.loop) == 0, "nothing is left open");
}

int main(void) {
    char folder[] = "/tmp/trademind-systemd-XXXXXX";
    if (!mkdtemp(folder)) return 1;
    snprintf(path, sizeof path, "%s/notify", folder);
    receiver = listen_on(path);
    test_send();
    test_watchdog();
    close(receiver);
    unlink(path);
    rmdir(folder);
    return done();
}
