/* At a pace a timer waits for the next instant. Whatever must go on at once is an idle handle, because libuv 1.44 runs a
 * timer that starts itself again with 0 for ever before it looks at any socket. At top speed, when a queue is full or
 * nobody listens, neither is active, and the server wakes it. */
#include "sim/play.h"
#include "base/clock.h"
#include "base/log.h"

enum {
    BUDGET_NS = 5000000,    /* of one go, so that requests are answered in between */
    STAND_MS = 2,           /* at a pace: between two looks whether somebody listens again */
    BACKLOG_BYTES = 262144, /* at top speed the market waits for the fullest queue to get below this */
    QUIET_MS = 1000,        /* after the end: without a request for this long */
    POLL_MS = 50
};

static void on_timer(uv_timer_t *timer);
static void on_busy(uv_idle_t *handle);
static void go_on(play *p);
static void run_at_pace(play *p);
static void run_at_top_speed(play *p);
static int64_t next_ms(const play *p);
static void end(play *p);
static void on_end_timer(uv_timer_t *timer);

void play_init(play *p, uv_loop_t *loop, tape *t, double speed, bool stands, void (*on_done)(void *context),
               void *context) {
    *p = (play){.tape = t, .is_top_speed = speed == 0, .stands = stands, .on_done = on_done, .context = context};
    pace_init(&p->pace, speed == 0 ? 1 : speed, tape_at_ms(t));
    uv_timer_init(loop, &p->timer);
    uv_idle_init(loop, &p->busy);
    p->timer.data = p->busy.data = p;
}

void play_attach(play *p, server *s, director *d, int64_t stay_ms) {
    p->server = s;
    p->director = d;
    p->stay_ms = stay_ms;
    p->sink = server_sink(s);
}

void play_start(play *p, bool needs_listener) {
    if (p->is_started) return;
    p->is_started = true;
    p->needs_listener = needs_listener;
    pace_start(&p->pace, monotonic_ns());
    log_info("play", "the market starts at %lld", (long long)tape_at_ms(p->tape));
    uv_idle_start(&p->busy, on_busy);
}

void play_wake(play *p) {
    if (p->is_started && !p->is_ended && p->is_top_speed && !uv_is_closing((uv_handle_t *)&p->busy))
        uv_idle_start(&p->busy, on_busy);
}

int64_t play_now_ms(const play *p) {
    int64_t event_ms = tape_event_ms(p->tape), next_ms = tape_next_ms(p->tape);
    if (p->is_top_speed || p->is_ended) return event_ms;
    /* Never past what has been played: an answer must not know of bars that nobody was sent. */
    int64_t now_ms = pace_now_ms(&p->pace, monotonic_ns());
    if (now_ms >= next_ms) now_ms = next_ms - 1;
    return now_ms > event_ms ? now_ms : event_ms;
}

void play_close(play *p) {
    uv_close((uv_handle_t *)&p->timer, NULL);
    uv_close((uv_handle_t *)&p->busy, NULL);
}

static void on_timer(uv_timer_t *timer) { go_on(timer->data); }
static void on_busy(uv_idle_t *handle) { go_on(handle->data); }

static void go_on(play *p) {
    uv_idle_stop(&p->busy);
    if (p->is_top_speed)
        run_at_top_speed(p);
    else
        run_at_pace(p);
    if (p->error != OK) {
        p->on_done(p->context);
        return;
    }
    if (next_ms(p) == INT64_MAX && !p->is_ended) end(p);
}

/* Of the market or of what disturbs it. What would only come after the market's end does not. */
static int64_t next_ms(const play *p) {
    int64_t market_ms = tape_next_ms(p->tape), change_ms = director_next_ms(p->director);
    if (market_ms == INT64_MAX && !director_expects_bars(p->director, tape_to_ms(p->tape))) return INT64_MAX;
    return change_ms < market_ms ? change_ms : market_ms;
}

/* What is due first; of the two at the same moment, the disturbance. */
static err step(play *p) {
    int64_t now_ms = next_ms(p);
    if (now_ms < tape_next_ms(p->tape) || director_next_ms(p->director) == now_ms) {
        director_step(p->director, now_ms > tape_at_ms(p->tape) ? now_ms : tape_at_ms(p->tape));
        return p->director->error;
    }
    return tape_step(p->tape, &p->sink);
}

/* Looked at again and again: what takes a listener away, and how long it may stay away, are many. */
static bool stands(play *p) {
    bool must_stand = p->stands && p->needs_listener && next_ms(p) != INT64_MAX && server_holds_market(p->server);
    if (must_stand) {
        pace_stand(&p->pace, play_now_ms(p));
        uv_timer_start(&p->timer, on_timer, STAND_MS, 0);
    } else {
        pace_start(&p->pace, monotonic_ns());
    }
    return must_stand;
}

static void run_at_pace(play *p) {
    int64_t start_ns = monotonic_ns(), now_ns = start_ns;
    if (stands(p)) return;
    while (p->error == OK && next_ms(p) <= pace_now_ms(&p->pace, now_ns) && now_ns - start_ns < BUDGET_NS) {
        p->error = step(p);
        now_ns = monotonic_ns();
    }
    if (p->error != OK || next_ms(p) == INT64_MAX) return;
    if (next_ms(p) > pace_now_ms(&p->pace, now_ns)) {
        int64_t skip_ms = tape_skip_to_ms(p->tape), change_ms = director_next_ms(p->director);
        pace_jump(&p->pace, skip_ms < change_ms ? skip_ms : change_ms, now_ns);
    }
    uint64_t wait_ms = pace_wait_ms(&p->pace, next_ms(p), now_ns);
    if (wait_ms > 0)
        uv_timer_start(&p->timer, on_timer, wait_ms, 0);
    else
        uv_idle_start(&p->busy, on_busy);
}

static void run_at_top_speed(play *p) {
    int64_t start_ns = monotonic_ns();
    while (p->error == OK && next_ms(p) != INT64_MAX) {
        /* What was sent before a disturbance arrives before it. */
        size_t most_bytes = director_next_ms(p->director) <= tape_next_ms(p->tape) ? 0 : BACKLOG_BYTES;
        bool must_wait =
            server_backlog(p->server) > most_bytes || (p->needs_listener && server_holds_market(p->server));
        if (must_wait) return; /* play_wake comes */
        if (monotonic_ns() - start_ns > BUDGET_NS) break;
        p->error = step(p);
    }
    if (p->error == OK && next_ms(p) != INT64_MAX) uv_idle_start(&p->busy, on_busy);
}

static void end(play *p) {
    p->is_ended = true;
    p->ended_ms = monotonic_ms();
    director_end(p->director, tape_at_ms(p->tape));
    log_info("play", "the data has ended at %lld", (long long)tape_at_ms(p->tape));
    uv_timer_start(&p->timer, on_end_timer, POLL_MS, POLL_MS);
}

/* Clients still fetch what they owe for the last bars, so the exchange stays until they are quiet. */
static void on_end_timer(uv_timer_t *timer) {
    play *p = timer->data;
    int64_t now_ms = monotonic_ms(), request_ms = server_count(p->server).request_ms;
    int64_t quiet_since_ms = request_ms > p->ended_ms ? request_ms : p->ended_ms;
    bool is_delivered = server_backlog(p->server) == 0 && now_ms - quiet_since_ms >= QUIET_MS;
    if (!p->is_delivered && server_backlog(p->server) == 0) {
        p->is_delivered = true;
        director_delivered(p->director, tape_at_ms(p->tape));
    }
    if (p->stay_ms == INT64_MAX || (!is_delivered && now_ms - p->ended_ms < p->stay_ms)) return;
    if (!is_delivered)
        log_warn("play", "clients are still busy %lld ms after the end; ending all the same", (long long)p->stay_ms);
    uv_timer_stop(&p->timer);
    p->on_done(p->context);
}
