/* Streams report, `pump` acts: a handler only notes what happened and makes the timer due, because a stream is not closed
 * from inside its own handler. `pump` looks at every slot, does what is due, and sets the timer to the next thing.
 *
 *   slot:  current --old, or leaving--> current + next --next has delivered, or current is lost--> next is current
 *
 * Marks are one array, (symbol, kind) -> slot and order, so a message costs one look-up here. */
#include "binance/stream_pool.h"
#include "base/backoff.h"
#include "base/log.h"
#include "binance/stream_library.h"
#include "binance/topic_order.h"
#include <assert.h>
#include <math.h>
#include <stdlib.h>

enum { CONNECTS = 300, CONNECTS_MS = 300000, LIFE_MS = 23 * 3600000, STABLE_MS = 30000 };
enum { OVERLAP_MS = 2000, QUIET_MS = 10000 };
enum { REPLACE_BASE_MS = 500, REPLACE_CAP_MS = 30000, NO_SLOT = 255 };

typedef struct connection {
    stream_pool *pool;
    struct slot *slot; /* NULL: it is closing */
    stream *stream;
    bool is_connected, is_leaving, has_delivered;
    int64_t connected_ms, carried_ms; /* 0: not */
} connection;

typedef struct slot {
    size_t index;
    connection *current, *next; /* next: the replacement that is being made */
    backoff wait;               /* between replacements of connections that did not stand */
    int64_t replace_ms;         /* 0: current is not connected */
    size_t n;
    topic topics[TOPICS_MAX];
} slot;

typedef struct mark {
    topic_order order;
    uint8_t slot; /* NO_SLOT: not wanted */
    bool is_wanted;
} mark;

struct stream_pool {
    stream_pool_options options;
    stream_options each;
    stream_library *library;
    stream_hosts *hosts;
    connect_limit limit;
    bool is_held;
    uint64_t n_holds;
    slot *slots[STREAM_POOL_MAX]; /* with holes */
    mark *marks;
    size_t n_symbols; /* of marks */
    size_t n_wanted;
    stream_stats gone; /* of connections that are closed */
    uint64_t n_replacements, n_outdated, random;
    uv_timer_t timer;
    size_t n_open; /* streams that have not told their end, and the timer */
    bool is_closing;
    void (*on_closed)(void *context);
    void *closed_context;
};

static void pump(uv_timer_t *timer);

static void wake(stream_pool *p, int64_t wait_ms) {
    if (p->is_closing) return;
    uv_update_time(p->options.loop);
    uv_timer_start(&p->timer, pump, wait_ms > 0 ? (uint64_t)wait_ms : 0, 0);
}

static uint64_t random_below(stream_pool *p, uint64_t n) {
    p->random = p->random * 6364136223846793005U + 1442695040888963407U;
    return (p->random >> 33) % n;
}

/* ---- what a stream reports ---- */

static mark *mark_of(const stream_pool *p, uint32_t symbol, uint8_t what) {
    return &p->marks[(size_t)symbol * N_TOPIC_KINDS + what];
}

static void note_delivery(connection *c) {
    if (c->has_delivered) return;
    c->has_delivered = true;
    wake(c->pool, 0);
}

static void on_event(void *context, const market_event *event) {
    connection *c = context;
    stream_pool *p = c->pool;
    note_delivery(c);
    if (topic_order_admit(&mark_of(p, event->symbol, event->interval)->order, event))
        p->options.handlers.on_event(p->options.handlers.context, event);
    else
        p->n_outdated++;
}

static void on_ticker(void *context, uint32_t symbol, const parse_ticker *ticker) {
    connection *c = context;
    stream_pool *p = c->pool;
    uint8_t what = isnan(ticker->bid) ? TOPIC_MINI_TICKER : TOPIC_TICKER; /* a mini ticker has none */
    note_delivery(c);
    if (!topic_order_admit_time(&mark_of(p, symbol, what)->order, ticker->event_ms))
        p->n_outdated++;
    else if (p->options.handlers.on_ticker)
        p->options.handlers.on_ticker(p->options.handlers.context, symbol, ticker);
}

static void tell(const slot *s, bool is_connected, const char *why) {
    const stream_pool_handlers *h = &s->current->pool->options.handlers;
    if (h->on_state) h->on_state(h->context, s->index, is_connected, why);
}

static void on_state(void *context, bool is_connected, const char *why) {
    connection *c = context;
    stream_pool *p = c->pool;
    bool is_current = c->slot && c == c->slot->current;
    c->is_connected = is_connected;
    c->is_leaving = c->has_delivered = false;
    c->carried_ms = 0;
    c->connected_ms = is_connected ? monotonic_ms() : 0;
    if (is_current) c->slot->replace_ms = 0;
    wake(p, 0);
    if (is_current) tell(c->slot, is_connected, why);
}

static void on_carried(void *context) {
    connection *c = context;
    c->carried_ms = monotonic_ms();
    wake(c->pool, 0);
}

static void on_leaving(void *context) {
    connection *c = context;
    c->is_leaving = true;
    if (c->slot) c->slot->replace_ms = 0;
    wake(c->pool, 0);
}

/* ---- connections ---- */

static void add_stats(stream_stats *sum, const stream_stats *s) {
    sum->n_connects += s->n_connects;
    sum->n_losses += s->n_losses;
    sum->n_failed_tries += s->n_failed_tries;
    sum->n_frames += s->n_frames;
    sum->frame_bytes += s->frame_bytes;
    sum->n_klines += s->n_klines;
    sum->n_tickers += s->n_tickers;
    sum->n_replies += s->n_replies;
    sum->n_others += s->n_others;
    sum->n_malformed += s->n_malformed;
    sum->n_oversized += s->n_oversized;
    sum->n_unknown_symbols += s->n_unknown_symbols;
    sum->n_unwanted += s->n_unwanted;
    sum->n_commands += s->n_commands;
    sum->n_refused += s->n_refused;
    sum->n_repeated += s->n_repeated;
}

static void free_pool(stream_pool *p) {
    if (!p) return;
    for (size_t i = 0; i < STREAM_POOL_MAX; i++) free(p->slots[i]);
    stream_hosts_free(p->hosts);
    free(p->marks);
    free(p);
}

static void on_library_closed(void *context) {
    stream_pool *p = context;
    void (*on_closed)(void *context) = p->on_closed;
    void *closed_context = p->closed_context;
    free_pool(p);
    if (on_closed) on_closed(closed_context);
}

static void end_part(stream_pool *p) {
    if (--p->n_open == 0) stream_library_close(p->library, on_library_closed, p);
}

static void on_stream_closed(void *context) {
    connection *c = context;
    stream_pool *p = c->pool;
    free(c);
    end_part(p);
}

static err open_connection(stream_pool *p, slot *s, connection **out) {
    diag why;
    stream_options o = p->each;
    connection *c = calloc(1, sizeof *c);
    if (!c) return ERR_NO_MEMORY;
    *c = (connection){.pool = p, .slot = s};
    o.hosts = p->hosts;
    o.limit = &p->limit;
    o.library = p->library;
    o.seed = p->options.seed + random_below(p, 1U << 30);
    o.handlers = (stream_handlers){on_event, on_ticker, on_state, on_carried, on_leaving, c};
    err error = stream_open(&o, &c->stream, &why);
    if (error) {
        free(c);
        return error;
    }
    p->n_open++;
    *out = c;
    stream_hold(c->stream, p->is_held);
    error = stream_want(c->stream, s->topics, s->n);
    return error;
}

static void close_connection(connection *c) {
    if (!c) return;
    stream_stats stats = stream_get_stats(c->stream);
    add_stats(&c->pool->gone, &stats);
    c->slot = NULL;
    stream_close(c->stream, on_stream_closed, c);
}

static void close_slot(stream_pool *p, slot *s) {
    close_connection(s->current);
    close_connection(s->next);
    p->slots[s->index] = NULL;
    free(s);
}

/* ---- replacement ---- */

static bool is_carrying(const connection *c) {
    topics_counts n = stream_get_stats(c->stream).topics;
    return c->is_connected && n.n_carried == n.n_wanted && n.n_asked == 0;
}

static void take_over(slot *s) {
    connection *old = s->current;
    stream_pool *p = old->pool;
    if (old->is_connected) p->n_replacements++;
    log_info("stream", "connection %zu replaced: %s", s->index,
             old->is_leaving     ? "the server shuts down"
             : old->is_connected ? "it had stood for long"
                                 : "it was lost before its time");
    s->current = s->next;
    s->next = NULL;
    s->replace_ms = 0;
    if (!old->is_connected && s->current->is_connected) tell(s, true, NULL);
    close_connection(old);
}

/* When the current connection is to be replaced: drawn once for each. */
static void plan(stream_pool *p, slot *s, int64_t now_ms) {
    const connection *c = s->current;
    int64_t life_ms = p->options.life_ms, stood_ms = now_ms - c->connected_ms;
    int64_t stable_ms = p->each.stable_ms > 0 ? p->each.stable_ms : STABLE_MS;
    if (stood_ms >= stable_ms) backoff_reset(&s->wait);
    if (!c->is_leaving)
        s->replace_ms = c->connected_ms + life_ms - (int64_t)random_below(p, (uint64_t)life_ms / 8 + 1);
    else /* a server that says farewell at every greeting is not called all the time */
        s->replace_ms = stood_ms >= stable_ms ? now_ms : now_ms + backoff_next_ms(&s->wait);
}

static int64_t earlier(int64_t a, int64_t b) { return a < b ? a : b; }

/* When the replacement takes over, monotonic ms; INT64_MAX: not before it reports something. */
static int64_t takes_over_ms(const stream_pool *p, connection *c, int64_t now_ms) {
    if (!is_carrying(c)) return INT64_MAX;
    if (c->carried_ms == 0) c->carried_ms = now_ms;
    return c->carried_ms + (c->has_delivered ? p->options.overlap_ms : p->options.quiet_ms);
}

/* Returns when the slot is to be looked at again, monotonic ms. */
static int64_t pump_slot(stream_pool *p, slot *s, int64_t now_ms) {
    static log_repeater repeater;
    connection *c = s->current;
    if (p->is_held) return INT64_MAX; /* what waits unread on the one would be lost, or overtaken by the other */
    if (s->next) {
        int64_t due_ms = c->is_connected ? takes_over_ms(p, s->next, now_ms) : now_ms;
        if (now_ms < due_ms) return due_ms;
        take_over(s);
        return now_ms;
    }
    if (!c->is_connected) return INT64_MAX;
    if (s->replace_ms == 0) plan(p, s, now_ms);
    if (now_ms < s->replace_ms) return s->replace_ms;
    err error = open_connection(p, s, &s->next);
    if (!error) return INT64_MAX;
    log_repeat(&repeater, LOG_WARN, "stream", "connection %zu could not be replaced: %s", s->index, error_text(error));
    close_connection(s->next);
    s->next = NULL;
    s->replace_ms = now_ms + backoff_next_ms(&s->wait);
    return s->replace_ms;
}

static void pump(uv_timer_t *timer) {
    stream_pool *p = timer->data;
    int64_t now_ms = monotonic_ms(), due_ms = INT64_MAX;
    for (size_t i = 0; i < STREAM_POOL_MAX; i++)
        if (p->slots[i]) due_ms = earlier(due_ms, pump_slot(p, p->slots[i], now_ms));
    if (due_ms != INT64_MAX) wake(p, due_ms - now_ms);
}

/* ---- what is wanted ---- */

static err grow_marks(stream_pool *p) {
    size_t n = symbol_table_count(p->options.symbols);
    if (n <= p->n_symbols) return OK;
    mark *marks = realloc(p->marks, n * N_TOPIC_KINDS * sizeof *marks);
    if (!marks) return ERR_NO_MEMORY;
    for (size_t i = p->n_symbols * N_TOPIC_KINDS; i < n * N_TOPIC_KINDS; i++) marks[i] = (mark){.slot = NO_SLOT};
    p->marks = marks;
    p->n_symbols = n;
    return OK;
}

/* Marks what is wanted; how many different ones. */
static size_t mark_wanted(stream_pool *p, const topic *wanted, size_t n) {
    size_t n_different = 0;
    for (size_t i = 0; i < p->n_symbols * N_TOPIC_KINDS; i++) p->marks[i].is_wanted = false;
    for (size_t i = 0; i < n; i++) {
        mark *m = mark_of(p, wanted[i].symbol, wanted[i].what);
        n_different += !m->is_wanted;
        m->is_wanted = true;
    }
    return n_different;
}

static size_t count_slots(const stream_pool *p) {
    size_t n = 0;
    for (size_t i = 0; i < STREAM_POOL_MAX; i++) n += p->slots[i] != NULL;
    return n;
}

static void remove_unwanted(stream_pool *p) {
    for (size_t i = 0; i < STREAM_POOL_MAX; i++) {
        slot *s = p->slots[i];
        size_t kept = 0;
        for (size_t j = 0; s && j < s->n; j++) {
            mark *m = mark_of(p, s->topics[j].symbol, s->topics[j].what);
            if (m->is_wanted)
                s->topics[kept++] = s->topics[j];
            else
                *m = (mark){.slot = NO_SLOT};
        }
        if (s) s->n = kept;
    }
}

static err add_slot(stream_pool *p) {
    size_t i = 0;
    while (p->slots[i]) i++;
    slot *s = calloc(1, sizeof *s);
    if (!s) return ERR_NO_MEMORY;
    s->index = i;
    backoff_init(&s->wait, REPLACE_BASE_MS, REPLACE_CAP_MS, p->options.seed + i);
    err error = open_connection(p, s, &s->current);
    if (error) {
        close_connection(s->current);
        free(s);
        return error;
    }
    p->slots[i] = s;
    return OK;
}

static slot *emptiest(const stream_pool *p) {
    slot *best = NULL;
    for (size_t i = 0; i < STREAM_POOL_MAX; i++)
        if (p->slots[i] && (!best || p->slots[i]->n < best->n)) best = p->slots[i];
    return best;
}

static void place_new(stream_pool *p, const topic *wanted, size_t n) {
    for (size_t i = 0; i < n; i++) {
        mark *m = mark_of(p, wanted[i].symbol, wanted[i].what);
        if (m->slot != NO_SLOT) continue;
        slot *s = emptiest(p);
        assert(s && s->n < p->options.topics_per_connection);
        s->topics[s->n++] = wanted[i];
        m->slot = (uint8_t)s->index;
    }
}

static err tell_slot(stream_pool *p, slot *s) {
    if (s->n == 0) {
        close_slot(p, s);
        return OK;
    }
    err error = stream_want(s->current->stream, s->topics, s->n);
    if (!error && s->next) error = stream_want(s->next->stream, s->topics, s->n);
    return error;
}

err stream_pool_want(stream_pool *p, const topic *wanted, size_t n) {
    size_t each = p->options.topics_per_connection;
    for (size_t i = 0; i < n; i++)
        if (wanted[i].symbol >= symbol_table_count(p->options.symbols) || wanted[i].what >= N_TOPIC_KINDS)
            return ERR_INVALID;
    err error = grow_marks(p);
    if (error) return error;
    size_t n_different = mark_wanted(p, wanted, n);
    if (n_different > STREAM_POOL_MAX * each) return ERR_TOO_BIG;
    while (!error && count_slots(p) * each < n_different) error = add_slot(p);
    if (error) return error;
    remove_unwanted(p);
    place_new(p, wanted, n);
    p->n_wanted = n_different;
    for (size_t i = 0; i < STREAM_POOL_MAX && !error; i++)
        if (p->slots[i]) error = tell_slot(p, p->slots[i]);
    wake(p, 0);
    return error;
}

void stream_pool_hold(stream_pool *p, bool is_held) {
    if (p->is_held == is_held) return;
    p->is_held = is_held;
    p->n_holds += is_held;
    for (size_t i = 0; i < STREAM_POOL_MAX; i++) {
        if (!p->slots[i]) continue;
        stream_hold(p->slots[i]->current->stream, is_held);
        if (p->slots[i]->next) stream_hold(p->slots[i]->next->stream, is_held);
        if (p->slots[i]->next) p->slots[i]->next->carried_ms = 0; /* the overlap begins anew */
    }
    wake(p, 0);
}

stream_pool_stats stream_pool_get_stats(const stream_pool *p) {
    stream_pool_stats out = {.n_wanted = p->n_wanted,
                             .n_replacements = p->n_replacements,
                             .n_holds = p->n_holds,
                             .n_outdated = p->n_outdated,
                             .host = stream_hosts_current(p->hosts)->host,
                             .sum = p->gone};
    size_t n_carrying = 0;
    for (size_t i = 0; i < STREAM_POOL_MAX; i++) {
        const slot *s = p->slots[i];
        if (!s) continue;
        stream_stats stats = stream_get_stats(s->current->stream);
        out.n_connections++;
        out.n_live += s->current->is_connected;
        out.n_carried += stats.topics.n_carried;
        n_carrying += is_carrying(s->current);
        add_stats(&out.sum, &stats);
        if (!s->next) continue;
        stats = stream_get_stats(s->next->stream);
        add_stats(&out.sum, &stats);
    }
    out.is_live = out.n_live == out.n_connections;
    out.is_complete = n_carrying == out.n_connections;
    return out;
}

size_t stream_pool_silence(const stream_pool *p, int64_t silent_ms[STREAM_POOL_MAX]) {
    size_t n = 0;
    for (size_t i = 0; i < STREAM_POOL_MAX; i++)
        if (p->slots[i]) silent_ms[n++] = stream_silent_ms(p->slots[i]->current->stream);
    return n;
}

/* ---- life ---- */

static void set_defaults(stream_pool_options *o) {
    if (o->topics_per_connection == 0) o->topics_per_connection = TOPICS_MAX;
    if (o->connects == 0) o->connects = CONNECTS;
    if (o->connects_ms == 0) o->connects_ms = CONNECTS_MS;
    if (o->life_ms == 0) o->life_ms = LIFE_MS;
    if (o->overlap_ms == 0) o->overlap_ms = OVERLAP_MS;
    if (o->quiet_ms == 0) o->quiet_ms = QUIET_MS;
}

err stream_pool_open(const stream_pool_options *options, stream_pool **out, diag *why) {
    stream_pool *p = calloc(1, sizeof *p);
    if (!p) return diag_set(why, ERR_NO_MEMORY, "out of memory");
    p->options = *options;
    set_defaults(&p->options);
    assert(p->options.topics_per_connection <= TOPICS_MAX);
    if (options->each) p->each = *options->each;
    p->each.loop = options->loop;
    p->each.clock = options->clock;
    p->each.symbols = options->symbols;
    p->random = options->seed;
    connect_limit_init(&p->limit, p->options.connects, p->options.connects_ms);
    err error = stream_hosts_new(options->urls, &p->hosts, why);
    if (!error) {
        error = stream_library_open(options->loop, p->each.ca_file, &p->library);
        if (error) diag_set(why, error, "libwebsockets: %s", error_text(error));
    }
    if (error) {
        free_pool(p);
        return error;
    }
    uv_timer_init(options->loop, &p->timer);
    p->timer.data = p;
    p->n_open = 1;
    *out = p;
    return OK;
}

static void on_timer_closed(uv_handle_t *handle) { end_part(handle->data); }

void stream_pool_close(stream_pool *p, void (*on_closed)(void *context), void *context) {
    p->is_closing = true;
    p->on_closed = on_closed;
    p->closed_context = context;
    for (size_t i = 0; i < STREAM_POOL_MAX; i++)
        if (p->slots[i]) close_slot(p, p->slots[i]);
    uv_close((uv_handle_t *)&p->timer, on_timer_closed);
}
