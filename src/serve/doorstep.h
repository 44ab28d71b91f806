/* Connections whose first request has not come whole: they are kept here, away from libwebsockets, until its head is there.
 *
 *   accept --> doorstep --whole, sound head--> on_ready: the taker's, every byte of it still to be read
 *                 |  part of one: waits for more, for `patience_ms` in all
 *                 +--> refused, late, gone, or put out for a new one: on_lost
 *
 * So half a request costs a descriptor and nothing else, for a bounded time; what is no request never reaches a parser that is
 * not ours; and when there is no room, the longest waiting one makes it.
 * Bytes are looked at without being taken (MSG_PEEK), and SO_RCVLOWAT keeps the loop from turning for those that it has seen.
 * Threads: the loop's. Ownership: a descriptor is the doorstep's until on_ready or on_lost; `guest` is the caller's. */
#pragma once
#include "base/errors.h"
#include "serve/request_head.h"
#include <uv.h>

typedef struct doorstep doorstep;

typedef enum doorstep_loss { DOORSTEP_REFUSED, DOORSTEP_LATE, DOORSTEP_GONE, DOORSTEP_PUT_OUT } doorstep_loss;

typedef struct doorstep_options {
    uv_loop_t *loop;
    int64_t patience_ms;
    bool is_public; /* as in security_headers.h */
    void (*on_ready)(void *context, void *guest, int fd, const char *text, const request_head *head);
    void (*on_lost)(void *context, void *guest, doorstep_loss why); /* the descriptor is closed */
    void *context;
} doorstep_options;

MUST_CHECK err doorstep_new(const doorstep_options *options, doorstep **out);
/* ERR_NO_MEMORY, ERR_IO: then the descriptor is still the caller's, and nobody is called. No one is called from inside. */
MUST_CHECK err doorstep_add(doorstep *d, int fd, void *guest);
/* The one that has waited longest goes; false: there is none. */
bool doorstep_put_out(doorstep *d);
/* A last word, problem+json, to a connection of which nothing has been read; closes it. */
void doorstep_refuse(int fd, int status, const char *fault, bool is_public);
/* All are lost; `on_closed` when the last handle is gone; then it is freed. */
void doorstep_close(doorstep *d, void (*on_closed)(void *context), void *context);
