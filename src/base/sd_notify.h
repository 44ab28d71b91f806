/* What systemd is told of a service of Type=notify: datagrams of "NAME=value" lines to the socket that NOTIFY_SOCKET names. Without
 * one nothing happens.
 * Threads: the loop's; a send never blocks. Ownership: the caller's struct. */
#pragma once
#include "base/errors.h"
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

typedef struct sd_notify {
    int fd; /* -1: nobody is to be told */
    struct sockaddr_un address;
    socklen_t address_bytes;
    int64_t watchdog_ms; /* a sign of life is expected at least so often; 0: none is */
} sd_notify;

/* As the environment says: NOTIFY_SOCKET ('@' in front: an abstract name), WATCHDOG_USEC, WATCHDOG_PID (of another process: no
 * watchdog of ours). Each may be NULL. ERR_INVALID for a socket that is neither a path nor an abstract name; ERR_IO. */
MUST_CHECK err sd_notify_init(sd_notify *s, const char *socket_name, const char *watchdog_usec,
                              const char *watchdog_pid);
void sd_notify_deinit(sd_notify *s);
/* "READY=1", "STATUS=...\nWATCHDOG=1", ... ERR_IO when it is not taken. */
MUST_CHECK err sd_notify_send(const sd_notify *s, const char *text);
