/* Drives the tape on the loop: by the pace, or as fast as the listeners read. Says what market time it is, and when the
 * data has ended and everything has been sent.
 * Threads: the loop's. Ownership: tape, server and director are borrowed; embedded in its owner. */
#pragma once
#include "sim/director.h"
#include "sim/pace.h"
#include "sim/server.h"
#include "sim/tape.h"
#include <uv.h>

typedef struct play {
    tape *tape;
    server *server;
    director *director;
    tape_sink sink;
    pace pace;
    uv_timer_t timer; /* the next instant at a pace; after the end, whether all is quiet */
    uv_idle_t busy;   /* more to play at once */
    bool is_top_speed, stands, is_started, needs_listener, is_ended;
    bool is_delivered; /* after the end: told */
    int64_t ended_ms;  /* monotonic */
    int64_t stay_ms;   /* see play_attach */
    err error;
    void (*on_done)(void *context); /* the end has been reached and delivered, or `error` is set */
    void *context;
} play;

/* `speed` 0: top speed. The market stands until play_start. `stands`: at any other speed, too, while nobody is subscribed. */
void play_init(play *p, uv_loop_t *loop, tape *t, double speed, bool stands, void (*on_done)(void *context),
               void *context);
/* The server whose listeners are served, and who disturbs them; before play_start. After the end the exchange stays until
 * it has been quiet for a second, `stay_ms` at most (INT64_MAX: until it is stopped). */
void play_attach(play *p, server *s, director *d, int64_t stay_ms);
/* Again: nothing. `needs_listener`: where it stands while nobody is subscribed, it begins with that. */
void play_start(play *p, bool needs_listener);
/* Something has changed for whoever waits: a queue has drained, a subscriber has come or gone. */
void play_wake(play *p);
/* Market time. */
int64_t play_now_ms(const play *p);
/* Closes its handles. */
void play_close(play *p);
