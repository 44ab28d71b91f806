/* The protocol is that of sd_notify(3), which is stable and small enough to need no library. */
#include "base/sd_notify.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int64_t parse_positive(const char *text) {
    char *end = NULL;
    long long number;
    if (!text || *text < '0' || *text > '9') return 0;
    errno = 0;
    number = strtoll(text, &end, 10);
    return errno || *end || number < 0 ? 0 : number;
}

err sd_notify_init(sd_notify *s, const char *socket_name, const char *watchdog_usec, const char *watchdog_pid) {
    size_t bytes = socket_name ? strlen(socket_name) : 0;
    *s = (sd_notify){.fd = -1, .address = {.sun_family = AF_UNIX}};
    if (bytes == 0) return OK;
    if ((*socket_name != '/' && *socket_name != '@') || bytes < 2 || bytes >= sizeof s->address.sun_path)
        return ERR_INVALID;
    memcpy(s->address.sun_path, socket_name, bytes);
    if (*socket_name == '@') s->address.sun_path[0] = 0;
    s->address_bytes = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + bytes + (*socket_name == '/'));
    s->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (s->fd < 0) return ERR_IO;
    bool is_ours = !watchdog_pid || !*watchdog_pid || parse_positive(watchdog_pid) == getpid();
    if (is_ours) s->watchdog_ms = parse_positive(watchdog_usec) / 1000;
    return OK;
}

void sd_notify_deinit(sd_notify *s) {
    if (s->fd >= 0) close(s->fd);
    s->fd = -1;
}

err sd_notify_send(const sd_notify *s, const char *text) {
    size_t bytes = strlen(text);
    if (s->fd < 0) return OK;
    ssize_t sent = sendto(s->fd, text, bytes, MSG_NOSIGNAL, (const struct sockaddr *)&s->address, s->address_bytes);
    return sent == (ssize_t)bytes ? OK : ERR_IO;
}
