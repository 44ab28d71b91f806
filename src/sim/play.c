/* At a pace a timer waits for the next instant. Whatever must go on at once is an idle handle, because libuv 1.44 runs a
 * timer that starts itself again with 0 for ever before it looks at any socket. At top speed, when a queue is full or
 * nobody listens, neither is active, and the server wakes it. */
#include "sim/play.h"
#include "base/clock.h"
#include "base/log.h"

enum {
    BUDGET_NS = 5000000,    /* of one go, so that requests are answered in between */
    BACKLOG_BYTES = 262144, /* at top speed the market waits for the fullest queue to get below this */
    QUIET_MS = 1000,        /* after the end: without a request for this long */
    MOST_WAIT_MS = 10000,
    POLL_MS = 50
};

static void on_timer(uv_timer_t *timer);
static void on_busy(uv_idle_t *handle);
static void go_on(play *p);
static void run_at_pace(play *p);
static void run_at_top_speed(play *p);
static void end(play *p);
static void on_end_timer(uv_timer_t *timer);

void play_init(play *p, uv_loop_t *loop, tape *t, double speed, void (*on_done)(void *context), void *context) {
    *p = (play){.tape = t, .is_top_speed = speed == 0, .on_done = on_done, .context = context};
    pace_init(&p->pace, speed == 0 ? 1 : speed, tape_at_ms(t));
    uv_timer_init(loop, &p->timer);
    uv_idle_init(loop, &p->busy);
    p->timer.data = p->busy.data = p;
}

void play_attach(play *p, server *s) {
    p->server = s;
    p->sink = server_sink(s);
}

void play_start(play *p, bool needs_listener) {
    if (p->pace.is_running) return;
    p->needs_listener = needs_listener;
    pace_start(&p->pace, monotonic_ns());
    log_info("play", "the market starts at %lld", (long long)tape_at_ms(p->tape));
    uv_idle_start(&p->busy, on_busy);
}

void play_wake(play *p) {
    if (p->pace.is_running && !p->is_ended && p->is_top_speed && !uv_is_closing((uv_handle_t *)&p->busy))
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
    if (tape_next_ms(p->tape) == INT64_MAX && !p->is_ended) end(p);
}

static void run_at_pace(play *p) {
    int64_t start_ns = monotonic_ns(), now_ns = start_ns;
    while (p->error == OK && tape_next_ms(p->tape) <= pace_now_ms(&p->pace, now_ns) && now_ns - start_ns < BUDGET_NS) {
        p->error = tape_step(p->tape, &p->sink);
        now_ns = monotonic_ns();
    }
    if (p->error != OK || tape_next_ms(p->tape) == INT64_MAX) return;
    if (tape_next_ms(p->tape) > pace_now_ms(&p->pace, now_ns)) pace_jump(&p->pace, tape_skip_to_ms(p->tape), now_ns);
    uint64_t wait_ms = pace_wait_ms(&p->pace, tape_next_ms(p->tape), now_ns);
    if (wait_ms > 0)
        uv_timer_start(&p->timer, on_timer, wait_ms, 0);
    else
        uv_idle_start(&p->busy, on_busy);
}

static void run_at_top_speed(play *p) {
    int64_t start_ns = monotonic_ns();
    while (p->error == OK && tape_next_ms(p->tape) != INT64_MAX) {
        bool must_wait =
            server_backlog(p->server) > BACKLOG_BYTES || (p->needs_listener && !server_has_listener(p->server));
        if (must_wait) return; /* play_wake comes */
        if (monotonic_ns() - start_ns > BUDGET_NS) break;
        p->error = tape_step(p->tape, &p->sink);
    }
    if (p->error == OK && tape_next_ms(p->tape) != INT64_MAX) uv_idle_start(&p->busy, on_busy);
}

static void end(play *p) {
    p->is_ended = true;
    p->ended_ms = monotonic_ms();
    log_info("play", "the data has ended at %lld", (long long)tape_at_ms(p->tape));
    uv_timer_start(&p->timer, on_end_timer, POLL_MS, POLL_MS);
}

/* Clients still fetch what they owe for the last bars, so the exchange stays until they are quiet. */
static void on_end_timer(uv_timer_t *timer) {
    play *p = timer->data;
    int64_t now_ms = monotonic_ms(), request_ms = server_count(p->server).request_ms;
    int64_t quiet_since_ms = request_ms > p->ended_ms ? request_ms : p->ended_ms;
    bool is_delivered = server_backlog(p->server) == 0 && now_ms - quiet_since_ms >= QUIET_MS;
    if (!is_delivered && now_ms - p->ended_ms < MOST_WAIT_MS) return;
    if (!is_delivered)
        log_warn("play", "clients are still busy %d ms after the end; ending all the same", MOST_WAIT_MS);
    uv_timer_stop(&p->timer);
    p->on_done(p->context);
}
