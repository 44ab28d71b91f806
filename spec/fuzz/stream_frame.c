/* Any bytes as a WebSocket frame: the parser reads nothing outside them, what it calls a kline keeps the rules, and the
 * short cut for klines says what the general reader says. */
#include "binance/parse.h"
#include "binance/parse_kline.h"
#include "market/interval.h"
#include "spec/c/same_bar.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static void require(bool condition) {
    if (!condition) abort();
}

static void check_slice(json_slice slice, const uint8_t *data, size_t bytes) {
    char text[64];
    if (!slice.at) return;
    require(slice.at >= (const char *)data && slice.at + slice.bytes <= (const char *)data + bytes);
    if (parse_text(slice, text, sizeof text) == OK) require(memchr(text, 0, sizeof text) != NULL);
}

typedef struct input {
    const uint8_t *data;
    size_t bytes;
} input;

static void on_ticker(void *context, const parse_ticker *ticker) {
    const input *in = context;
    check_slice(ticker->symbol, in->data, in->bytes);
    require(ticker->symbol.bytes > 0 && ticker->last >= 0 && ticker->high >= ticker->low);
}

static void check_kline(const parse_kline *k) {
    const kline *b = &k->bar;
    require(k->symbol.bytes > 0 && interval_name(k->interval));
    require(interval_floor(k->interval, b->open_ms) == b->open_ms && b->open_ms > 0);
    require(b->low > 0 && b->low <= b->open && b->open <= b->high && b->low <= b->close && b->close <= b->high);
    require(b->volume >= 0 && b->quote_volume >= 0 && b->trades >= 0 && b->taker_base >= 0 && b->taker_quote >= 0);
}

static void check_short_cut(const uint8_t *data, size_t bytes) {
    parse_message quick, any;
    if (!parse_kline_quickly((const char *)data, bytes, &quick)) return;
    require(parse_frame_any((const char *)data, bytes, NULL, NULL, &any) == MESSAGE_KLINE);
    require(quick.kind == MESSAGE_KLINE && quick.event_ms == any.event_ms && !quick.what);
    require(quick.stream.at == any.stream.at && quick.stream.bytes == any.stream.bytes);
    require(quick.kline.symbol.at == any.kline.symbol.at && quick.kline.symbol.bytes == any.kline.symbol.bytes);
    require(is_same_bar(&quick.kline.bar, &any.kline.bar));
    require(quick.kline.interval == any.kline.interval && quick.kline.is_closed == any.kline.is_closed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes) {
    parse_message m;
    check_short_cut(data, bytes);
    input in = {data, bytes};
    message_kind kind = parse_frame((const char *)data, bytes, on_ticker, &in, &m);
    require(kind == m.kind);
    check_slice(m.stream, data, bytes);
    switch (kind) {
    case MESSAGE_MALFORMED: require(m.what != NULL && m.where <= bytes); break;
    case MESSAGE_KLINE:
        check_slice(m.kline.symbol, data, bytes);
        check_kline(&m.kline);
        require(m.event_ms > 0);
        break;
    case MESSAGE_TICKER:
    case MESSAGE_MINI_TICKER: on_ticker(&in, &m.ticker); break;
    case MESSAGE_REPLY:
    case MESSAGE_ERROR: check_slice(m.reply.text, data, bytes); break;
    default: break;
    }
    return 0;
}
