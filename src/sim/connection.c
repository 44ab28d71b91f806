/*   queue: [bytes | LWS_PRE | payload] [bytes | LWS_PRE | payload] ...     one buffer; head moves, the rest slides down
 *
 * libwebsockets writes a frame's header into the LWS_PRE bytes before the payload, so queued frames are sent in place.
 * The highest bit of `bytes` says that the frame is binary. */
#include "sim/connection.h"
#include "base/clock.h"
#include "base/log.h"
#include <stdlib.h>
#include <string.h>

#define BINARY_BIT 0x80000000u

void connection_open(connection *c, connection_list *list, int64_t market_ms) {
    c->pinged_ms = monotonic_ms();
    c->opened_ms = market_ms;
    c->silent_until_ms = c->dead_until_ms = INT64_MIN;
    c->close_at_ms = INT64_MAX;
    c->list = list;
    c->next = list->first;
    c->link = &list->first;
    if (c->next) c->next->link = &c->next;
    list->first = c;
    list->n_opened++;
}

void connection_deinit(connection *c) {
    if (c->link) {
        *c->link = c->next;
        if (c->next) c->next->link = c->link;
    }
    c->link = NULL;
    session_deinit(&c->session);
    writer_free(&c->incoming);
    free(c->queue);
    c->queue = NULL;
    c->head = c->tail = c->capacity = 0;
}

size_t connection_backlog(const connection *c) { return c->tail - c->head; }
bool connection_is_silent(const connection *c) {
    return c->silent_until_ms > INT64_MIN || c->dead_until_ms > INT64_MIN;
}

void connection_cut(connection *c) {
    c->tail = c->head = 0;
    c->is_closing = true;
    session_deinit(&c->session);
    lws_set_timeout(c->wsi, PENDING_TIMEOUT_KILLED_BY_PARENT, LWS_TO_KILL_ASYNC);
    lws_cancel_service(lws_get_context(c->wsi)); /* else it is killed at the next event of any connection */
}

static void close_slow(connection *c) {
    static log_repeater repeater;
    c->list->n_slow_closed++;
    log_repeat(&repeater, LOG_WARN, "server", "a connection was closed: it let %zu bytes queue up",
               connection_backlog(c));
    connection_cut(c);
}

static bool make_room(connection *c, size_t bytes) {
    if (c->tail + bytes <= c->capacity) return true;
    if (c->head > 0) {
        memmove(c->queue, c->queue + c->head, c->tail - c->head);
        c->tail -= c->head;
        c->head = 0;
        if (c->tail + bytes <= c->capacity / 2) return true;
    }
    size_t capacity = 2 * c->capacity + bytes + 4096;
    uint8_t *queue = realloc(c->queue, capacity);
    if (!queue) return false;
    c->queue = queue;
    c->capacity = capacity;
    return true;
}

void connection_send(connection *c, const writer *payload, bool is_binary) {
    uint32_t bytes = (uint32_t)payload->bytes, mark = bytes | (is_binary ? BINARY_BIT : 0);
    if (c->is_closing || connection_is_silent(c)) return;
    if (payload->failed || !make_room(c, sizeof bytes + LWS_PRE + bytes)) {
        close_slow(c);
        return;
    }
    bool was_empty = c->head == c->tail;
    memcpy(c->queue + c->tail, &mark, sizeof mark);
    if (bytes > 0) memcpy(c->queue + c->tail + sizeof mark + LWS_PRE, payload->at, bytes);
    c->tail += sizeof mark + LWS_PRE + bytes;
    if (was_empty) lws_callback_on_writable(c->wsi);
    if (c->list->max_queue_bytes && connection_backlog(c) > c->list->max_queue_bytes) close_slow(c);
}

int connection_drain(connection *c) {
    while (c->head < c->tail && !lws_send_pipe_choked(c->wsi)) {
        uint32_t mark;
        memcpy(&mark, c->queue + c->head, sizeof mark);
        uint32_t bytes = mark & ~BINARY_BIT;
        uint8_t *payload = c->queue + c->head + sizeof mark + LWS_PRE;
        if (lws_write(c->wsi, payload, bytes, mark & BINARY_BIT ? LWS_WRITE_BINARY : LWS_WRITE_TEXT) < (int)bytes)
            return -1;
        c->head += sizeof mark + LWS_PRE + bytes;
        c->list->n_frames++;
    }
    if (c->head == c->tail) c->head = c->tail = 0;
    return 0;
}
