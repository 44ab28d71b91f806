/* A frame that is to come out of order waits in `held` for the next one of its stream. */
#include "sim/broadcast.h"
#include "market/interval.h"
#include "sim/connection.h"
#include "sim/frame.h"
#include <stdlib.h>
#include <string.h>

typedef struct held_frame {
    stream from;
    char *bytes;
    size_t n_bytes;
} held_frame;

struct broadcast {
    source *source;
    const venue *venue;
    tape *tape;
    channels *channels;
    const faults *faults;
    writer frame, wrapped, minis, tickers; /* the last two: the changed symbols of this instant */
    held_frame *held;
    size_t n_held, held_capacity;
};

static void on_kline(void *context, uint32_t symbol, enum interval interval, const kline *bar, bool is_closed,
                     int64_t event_ms);
static void on_symbol(void *context, uint32_t symbol, int64_t event_ms);
static void on_instant(void *context, int64_t event_ms);

err broadcast_new(source *from, const venue *v, tape *t, channels *c, const faults *f, broadcast **out) {
    broadcast *b = *out = calloc(1, sizeof *b);
    if (!b) return ERR_NO_MEMORY;
    b->source = from;
    b->venue = v;
    b->tape = t;
    b->channels = c;
    b->faults = f;
    return OK;
}

void broadcast_free(broadcast *b) {
    if (!b) return;
    for (size_t i = 0; i < b->n_held; i++) free(b->held[i].bytes);
    free(b->held);
    writer_free(&b->frame);
    writer_free(&b->wrapped);
    writer_free(&b->minis);
    writer_free(&b->tickers);
    free(b);
}

tape_sink broadcast_sink(broadcast *b) { return (tape_sink){b, on_kline, on_symbol, on_instant}; }

/* The name of the stream is in three parts: symbol, kind, interval. */
static void distribute(broadcast *b, const stream *from, const char *symbol, const char *kind, const char *interval) {
    size_t count;
    void *const *subscribers = channels_subscribers(b->channels, from, &count);
    bool is_wrapped = false;
    for (size_t i = count; i-- > 0;) { /* backwards: a slow one that is closed leaves the list */
        connection *c = subscribers[i];
        if (c->session.is_combined && !is_wrapped) {
            writer_clear(&b->wrapped);
            writer_add(&b->wrapped, "{\"stream\":\"");
            writer_add(&b->wrapped, symbol);
            writer_add(&b->wrapped, kind);
            writer_add(&b->wrapped, interval);
            writer_add(&b->wrapped, "\",\"data\":");
            writer_add_bytes(&b->wrapped, b->frame.at, b->frame.bytes);
            writer_add(&b->wrapped, "}");
            is_wrapped = true;
        }
        connection_send(c, c->session.is_combined ? &b->wrapped : &b->frame, false);
    }
}

static bool has_subscribers(const broadcast *b, const stream *from) {
    size_t count;
    channels_subscribers(b->channels, from, &count);
    return count > 0;
}

/* ---- out of order ---- */

static held_frame *find_held(broadcast *b, const stream *from) {
    for (size_t i = 0; i < b->n_held; i++)
        if (b->held[i].from.symbol == from->symbol && b->held[i].from.interval == from->interval) return &b->held[i];
    return NULL;
}

/* False when it cannot be held; it is sent in its turn then. */
static bool hold(broadcast *b, const stream *from) {
    if (b->n_held == b->held_capacity) {
        size_t capacity = b->held_capacity ? 2 * b->held_capacity : 16;
        held_frame *held = realloc(b->held, capacity * sizeof *held);
        if (!held) return false;
        b->held = held;
        b->held_capacity = capacity;
    }
    char *bytes = malloc(b->frame.bytes);
    if (!bytes) return false;
    memcpy(bytes, b->frame.at, b->frame.bytes);
    b->held[b->n_held++] = (held_frame){*from, bytes, b->frame.bytes};
    return true;
}

static void release(broadcast *b, held_frame *held) {
    const stream from = held->from;
    writer_clear(&b->frame);
    writer_add_bytes(&b->frame, held->bytes, held->n_bytes);
    free(held->bytes);
    *held = b->held[--b->n_held];
    distribute(b, &from, source_at(b->source, from.symbol)->stream, "@kline_", interval_name((int32_t)from.interval));
}

void broadcast_flush(broadcast *b) {
    while (b->n_held > 0) release(b, &b->held[0]);
}

/* ---- the sink ---- */

static void on_kline(void *context, uint32_t symbol, enum interval interval, const kline *bar, bool is_closed,
                     int64_t event_ms) {
    broadcast *b = context;
    stream from = {STREAM_KLINE, symbol, interval};
    const source_symbol *info = source_at(b->source, symbol);
    if (info->is_hidden || !has_subscribers(b, &from)) return;
    frame_fate fate = faults_frame(b->faults, symbol, interval, bar, is_closed, tape_at_ms(b->tape));
    if (fate.is_lost) return;
    kline shown = *bar;
    if (fate.is_distorted) faults_distort(&info->info, &shown);
    writer_clear(&b->frame);
    frame_kline(&b->frame, info->info.name, interval, &shown, is_closed, event_ms + faults_skew_ms(b->faults));
    held_frame *held = find_held(b, &from);
    if (fate.is_swapped && !held && hold(b, &from)) return;
    for (int i = 0; i < (fate.is_doubled ? 2 : 1); i++)
        distribute(b, &from, info->stream, "@kline_", interval_name((int32_t)interval));
    if (held) release(b, held);
}

/* The frame joins the list of its instant. */
static void add_to_list(writer *list, const writer *frame) {
    writer_add(list, list->bytes > 0 ? "," : "[");
    writer_add_bytes(list, frame->at, frame->bytes);
}

static void on_symbol(void *context, uint32_t symbol, int64_t event_ms) {
    broadcast *b = context;
    const source_symbol *info = source_at(b->source, symbol);
    stream mini = {STREAM_MINI_TICKER, symbol, INTERVAL_1S}, full = {STREAM_TICKER, symbol, INTERVAL_1S};
    stream all_mini = {STREAM_ALL_MINI, 0, INTERVAL_1S}, all_full = {STREAM_ALL_TICKER, 0, INTERVAL_1S};
    bool wants_mini = has_subscribers(b, &mini), wants_full = has_subscribers(b, &full),
         wants_minis = has_subscribers(b, &all_mini), wants_tickers = has_subscribers(b, &all_full);
    tape_ticker ticker;
    if (info->is_hidden || !(wants_mini || wants_full || wants_minis || wants_tickers)) return;
    if (!tape_ticker_of(b->tape, symbol, &ticker)) return;
    event_ms += faults_skew_ms(b->faults);
    if (wants_mini || wants_minis) {
        writer_clear(&b->frame);
        frame_mini_ticker(&b->frame, info->info.name, &ticker, event_ms);
        if (wants_minis) add_to_list(&b->minis, &b->frame);
        if (wants_mini) distribute(b, &mini, info->stream, "@miniTicker", "");
    }
    if (wants_full || wants_tickers) {
        writer_clear(&b->frame);
        frame_ticker(&b->frame, info->info.name, &ticker, event_ms, b->venue->is_futures);
        if (wants_tickers) add_to_list(&b->tickers, &b->frame);
        if (wants_full) distribute(b, &full, info->stream, "@ticker", "");
    }
}

static void send_list(broadcast *b, writer *list, stream_kind kind, const char *name) {
    stream all = {kind, 0, INTERVAL_1S};
    if (list->bytes == 0) return;
    writer_clear(&b->frame);
    writer_add_bytes(&b->frame, list->at, list->bytes);
    writer_add(&b->frame, "]");
    writer_clear(list);
    distribute(b, &all, "", name, "");
}

static void on_instant(void *context, int64_t event_ms) {
    broadcast *b = context;
    (void)event_ms;
    send_list(b, &b->minis, STREAM_ALL_MINI, "!miniTicker@arr");
    send_list(b, &b->tickers, STREAM_ALL_TICKER, "!ticker@arr");
}
