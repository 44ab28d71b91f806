/* One that comes whole is read where it lies; one in pieces is put together first, up to the largest size allowed. */
#include "binance/stream_reader.h"
#include "base/log.h"
#include "binance/intake.h"
#include <stdlib.h>
#include <string.h>

static void on_frame(stream_reader *r, const char *text, size_t bytes);

void stream_reader_reset(stream_reader *r) {
    r->frame_bytes = 0;
    r->is_skipping = false;
}

void stream_reader_deinit(stream_reader *r) { free(r->frame); }

static bool grow_frame(stream_reader *r, size_t bytes) {
    if (bytes <= r->frame_capacity) return true;
    size_t capacity = r->frame_capacity ? r->frame_capacity : 4096;
    while (capacity < bytes) capacity *= 2;
    char *larger = realloc(r->frame, capacity);
    if (!larger) return false;
    r->frame = larger;
    r->frame_capacity = capacity;
    return true;
}

static void skip_frame(stream_reader *r, size_t bytes) {
    static log_repeater repeater;
    log_repeat(&repeater, LOG_WARN, "stream", "a message of more than %zu bytes was left out", bytes);
    r->stats->n_oversized++;
    r->is_skipping = true;
    r->frame_bytes = 0;
}

void stream_reader_take(stream_reader *r, const char *piece, size_t bytes, bool is_last) {
    if (r->is_skipping) {
        r->is_skipping = !is_last;
        return;
    }
    if (is_last && r->frame_bytes == 0 && bytes <= r->options->max_frame_bytes) {
        on_frame(r, piece, bytes);
        return;
    }
    if (r->frame_bytes + bytes > r->options->max_frame_bytes || !grow_frame(r, r->frame_bytes + bytes)) {
        skip_frame(r, r->options->max_frame_bytes);
        r->is_skipping = !is_last;
        return;
    }
    memcpy(r->frame + r->frame_bytes, piece, bytes);
    r->frame_bytes += bytes;
    if (!is_last) return;
    size_t whole = r->frame_bytes;
    r->frame_bytes = 0;
    on_frame(r, r->frame, whole);
}

/* ---- messages ---- */

/* False, and counted, when nobody wants it. */
static bool is_taken(stream_reader *r, intake_result result) {
    r->stats->n_unknown_symbols += result == INTAKE_UNKNOWN_SYMBOL;
    r->stats->n_unwanted += result == INTAKE_UNWANTED;
    return result == INTAKE_TAKEN;
}

static void on_kline(stream_reader *r, const parse_message *m) {
    market_event event;
    r->stats->n_klines++;
    if (is_taken(r, intake_kline(r->options->symbols, r->topics, m, &event)))
        r->options->handlers.on_event(r->options->handlers.context, &event);
}

static void on_ticker(stream_reader *r, const parse_ticker *ticker, uint8_t what) {
    uint32_t symbol;
    r->stats->n_tickers++;
    if (is_taken(r, intake_admit(r->options->symbols, r->topics, ticker->symbol, what, &symbol)) &&
        r->options->handlers.on_ticker)
        r->options->handlers.on_ticker(r->options->handlers.context, symbol, ticker);
}

/* Arrays come from streams of all symbols, which nobody subscribes here; counted by their elements. */
static void on_array_element(void *context, const parse_ticker *ticker) {
    on_ticker(context, ticker, TOPIC_MINI_TICKER);
}

static void on_malformed(stream_reader *r, const parse_message *m, const char *text, size_t bytes) {
    static log_repeater repeater;
    char start[81]; /* what is printable of it: the log is for people */
    size_t n = bytes < sizeof start - 1 ? bytes : sizeof start - 1;
    for (size_t i = 0; i < n; i++) start[i] = text[i] >= ' ' && text[i] <= '~' ? text[i] : '?';
    start[n] = 0;
    r->stats->n_malformed++;
    log_repeat(&repeater, LOG_WARN, "stream", "malformed message left out: expected %s at byte %zu of %zu: %s",
               m->what ? m->what : "a message", m->where, bytes, start);
}

static void on_frame(stream_reader *r, const char *text, size_t bytes) {
    parse_message m;
    r->stats->n_frames++;
    r->stats->frame_bytes += bytes;
    parse_frame(text, bytes, on_array_element, r, &m);
    if (m.kind != MESSAGE_MALFORMED && m.event_ms > 0)
        market_clock_observe(r->options->clock, m.event_ms, monotonic_ms());
    switch (m.kind) {
    case MESSAGE_KLINE: on_kline(r, &m); break;
    case MESSAGE_TICKER: on_ticker(r, &m.ticker, TOPIC_TICKER); break;
    case MESSAGE_MINI_TICKER: on_ticker(r, &m.ticker, TOPIC_MINI_TICKER); break;
    case MESSAGE_REPLY:
    case MESSAGE_ERROR: r->on_reply(r->context, &m); break;
    case MESSAGE_SHUTDOWN: r->on_shutdown(r->context); break;
    case MESSAGE_MALFORMED: on_malformed(r, &m, text, bytes); break;
    case MESSAGE_TICKERS: break;
    case MESSAGE_OTHER: r->stats->n_others++; break;
    }
}
