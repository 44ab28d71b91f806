#include "serve/doorstep.h"
#include "base/clock.h"
#include "serve/security_headers.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ANSWER_BYTES = 2048, HEADERS_BYTES = 1024, BODY_BYTES = 256, DRAIN_BYTES = 65536 };

typedef struct visitor {
    doorstep *owner;
    struct visitor *next, *previous; /* in the order of arrival */
    uv_poll_t poll;
    int fd;
    size_t n_seen;
    int64_t until_ms;
    void *guest;
} visitor;

struct doorstep {
    doorstep_options options;
    visitor *oldest, *newest;
    uv_timer_t timer; /* the end of the oldest one's patience */
    size_t n_handles;
    void (*on_closed)(void *context);
    void *closed_context;
    char text[REQUEST_HEAD_MAX_BYTES]; /* of the one that is looked at */
};

static void on_readable(uv_poll_t *poll, int status, int events);
static void set_timer(doorstep *d);

err doorstep_new(const doorstep_options *options, doorstep **out) {
    doorstep *d = calloc(1, sizeof *d);
    if (!d) return ERR_NO_MEMORY;
    d->options = *options;
    uv_timer_init(options->loop, &d->timer); /* never fails */
    d->timer.data = d;
    d->n_handles = 1;
    *out = d;
    return OK;
}

err doorstep_add(doorstep *d, int fd, void *guest) {
    visitor *v = calloc(1, sizeof *v);
    if (!v) return ERR_NO_MEMORY;
    if (uv_poll_init(d->options.loop, &v->poll, fd) != 0) {
        free(v);
        return ERR_IO;
    }
    v->poll.data = v;
    v->owner = d;
    v->fd = fd;
    v->until_ms = monotonic_ms() + d->options.patience_ms;
    v->guest = guest;
    v->previous = d->newest;
    if (d->newest)
        d->newest->next = v;
    else
        d->oldest = v;
    d->newest = v;
    d->n_handles++;
    uv_poll_start(&v->poll, UV_READABLE | UV_DISCONNECT, on_readable);
    set_timer(d);
    return OK;
}

/* ---- leaving ---- */

static void on_handle_closed(doorstep *d) {
    if (--d->n_handles) return;
    void (*on_closed)(void *) = d->on_closed;
    void *context = d->closed_context;
    free(d);
    if (on_closed) on_closed(context);
}

static void on_poll_closed(uv_handle_t *handle) {
    visitor *v = handle->data;
    doorstep *d = v->owner;
    free(v);
    on_handle_closed(d);
}

/* From here on the descriptor is nobody's: the poll no longer watches it. */
static void leave(visitor *v) {
    doorstep *d = v->owner;
    if (v->previous)
        v->previous->next = v->next;
    else
        d->oldest = v->next;
    if (v->next)
        v->next->previous = v->previous;
    else
        d->newest = v->previous;
    uv_close((uv_handle_t *)&v->poll, on_poll_closed);
    set_timer(d);
}

static const char *title_of(int status) {
    switch (status) {
    case 408: return "Request Timeout";
    case 414: return "URI Too Long";
    case 426: return "Upgrade Required";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 501: return "Not Implemented";
    case 503: return "Service Unavailable";
    case 505: return "HTTP Version Not Supported";
    default: return "Bad Request";
    }
}

/* What belongs to the status, as RFC 9110 and RFC 6455 ask. */
static const char *header_for(int status) {
    switch (status) {
    case 426: return "upgrade: websocket\r\nsec-websocket-version: 13\r\n";
    case 429: return "retry-after: 1\r\n";
    case 503: return "retry-after: 5\r\n";
    default: return "";
    }
}

/* What has come is read first: closing over unread bytes would reset the connection and take the answer with it. */
void doorstep_refuse(int fd, int status, const char *fault, bool is_public) {
    char headers[HEADERS_BYTES], body[BODY_BYTES], answer[ANSWER_BYTES], waste[4096];
    security_headers_write(headers, sizeof headers, is_public);
    int body_bytes =
        snprintf(body, sizeof body, "{\"type\":\"about:blank\",\"title\":\"%s\",\"status\":%d,\"detail\":\"%s\"}",
                 title_of(status), status, fault);
    int bytes = snprintf(answer, sizeof answer,
                         "HTTP/1.1 %d %s\r\ncontent-type: application/problem+json\r\ncontent-length: %d\r\n"
                         "connection: close\r\ncache-control: no-store\r\n%s%s\r\n%s",
                         status, title_of(status), body_bytes, header_for(status), headers, body);
    for (int n = 0; n < DRAIN_BYTES / (int)sizeof waste && recv(fd, waste, sizeof waste, MSG_DONTWAIT) > 0; n++) {}
    if (send(fd, answer, (size_t)bytes, MSG_DONTWAIT | MSG_NOSIGNAL) == bytes) shutdown(fd, SHUT_WR);
    close(fd);
}

/* `status` 0: without a word. */
static void lose(visitor *v, doorstep_loss why, int status, const char *fault) {
    doorstep *d = v->owner;
    void *guest = v->guest;
    int fd = v->fd;
    leave(v);
    if (status)
        doorstep_refuse(fd, status, fault, d->options.is_public);
    else
        close(fd);
    d->options.on_lost(d->options.context, guest, why);
}

bool doorstep_put_out(doorstep *d) {
    if (!d->oldest) return false;
    lose(d->oldest, DOORSTEP_PUT_OUT, 0, NULL);
    return true;
}

static void on_patience_ended(uv_timer_t *timer) {
    doorstep *d = timer->data;
    while (d->oldest && d->oldest->until_ms <= monotonic_ms())
        lose(d->oldest, DOORSTEP_LATE, d->oldest->n_seen ? 408 : 0, "the request did not come in time");
    set_timer(d);
}

static void set_timer(doorstep *d) {
    if (uv_is_closing((uv_handle_t *)&d->timer)) return;
    if (!d->oldest) {
        uv_timer_stop(&d->timer);
        return;
    }
    int64_t wait_ms = d->oldest->until_ms - monotonic_ms();
    uv_update_time(d->options.loop);
    uv_timer_start(&d->timer, on_patience_ended, wait_ms > 0 ? (uint64_t)wait_ms : 0, 0);
}

/* ---- a head ---- */

/* Readable again when there is more than `n`. */
static void set_low_water(int fd, size_t n) {
    int wanted = (int)n + 1;
    setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &wanted, sizeof wanted);
}

static void hand_over(visitor *v, const request_head *head) {
    doorstep *d = v->owner;
    void *guest = v->guest;
    int fd = v->fd;
    set_low_water(fd, 0);
    leave(v);
    d->options.on_ready(d->options.context, guest, fd, d->text, head);
}

static void on_readable(uv_poll_t *poll, int status, int events) {
    visitor *v = poll->data;
    request_head head;
    ssize_t n = recv(v->fd, v->owner->text, sizeof v->owner->text, MSG_PEEK | MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR) && status == 0) return;
    if (n <= 0) {
        lose(v, DOORSTEP_GONE, 0, NULL);
        return;
    }
    v->n_seen = (size_t)n;
    int verdict = request_head_parse(v->owner->text, (size_t)n, &head);
    if (verdict == 200)
        hand_over(v, &head);
    else if (verdict)
        lose(v, DOORSTEP_REFUSED, verdict, head.fault);
    else if (status || events & UV_DISCONNECT) /* nothing more will come */
        lose(v, DOORSTEP_GONE, 0, NULL);
    else
        set_low_water(v->fd, (size_t)n);
}

/* ---- closing ---- */

static void on_timer_closed(uv_handle_t *handle) { on_handle_closed(handle->data); }

void doorstep_close(doorstep *d, void (*on_closed)(void *context), void *context) {
    d->on_closed = on_closed;
    d->closed_context = context;
    uv_close((uv_handle_t *)&d->timer, on_timer_closed);
    while (d->oldest) lose(d->oldest, DOORSTEP_GONE, 0, NULL);
}
