/* One pass over the text. Which fields a payload has depends on its "e", which may come last in principle and comes
 * first in practice: a look-ahead on a copy of the reader finds it, at the price of one key in the usual order and of
 * one extra pass over the payload otherwise.
 *
 * Field names are one letter on the wire, so a `switch` on that letter is the dispatch and a bit per letter is the
 * record of what was there. A kline in the exchange's own order of keys never comes here: see parse_kline.h. */
#include "binance/parse_frame.h"
#include "binance/parse_kline.h"
#include "binance/parse_rules.h"
#include <string.h>

static inline char letter(json_slice key) { return key.bytes == 1 && !key.has_escape ? key.at[0] : 0; }

/* Bit of a one-letter field: a-z, then A-Z. */
static inline uint64_t bit(char c) { return (uint64_t)1 << (c >= 'a' ? c - 'a' : c - 'A' + 32); }

/* ---- frames: payloads ---- */

typedef struct frame {
    json_reader r;
    parse_message *out;
    parse_ticker_fn on_ticker;
    void *context;
} frame;

/* The first complaint wins; the reader's own is taken at the end of parse_frame. */
static bool refuse(frame *f, const char *at, const char *what) {
    if (!f->out->what && !f->r.error) {
        f->out->what = what;
        f->out->where = (size_t)(at - f->r.start);
    }
    return false;
}

#define KLINE_FIELDS \
    (bit('t') | bit('T') | bit('s') | bit('i') | bit('o') | bit('c') | bit('h') | bit('l') | bit('v') | bit('n') | \
     bit('x') | bit('q') | bit('V') | bit('Q'))

static bool read_interval(json_reader *r, int32_t *out) {
    json_slice name;
    if (!json_string(r, &name)) return false;
    *out = name.has_escape ? -1 : interval_parse(name.at, name.bytes);
    return true;
}

/* The object "k". */
static bool read_bar(frame *f, parse_kline *out) {
    json_reader *r = &f->r;
    kline *bar = &out->bar;
    uint64_t seen = 0;
    int64_t close_ms = 0;
    json_slice key;
    if (!json_enter_object(r)) return false;
    const char *at = r->at;
    while (json_next_key(r, &key)) {
        char c = letter(key);
        bool done = false;
        switch (c) {
        case 't': done = json_int64(r, &bar->open_ms); break;
        case 'T': done = json_int64(r, &close_ms); break;
        case 's': done = json_string(r, &out->symbol); break;
        case 'i': done = read_interval(r, &out->interval); break;
        case 'o': done = json_decimal(r, &bar->open); break;
        case 'c': done = json_decimal(r, &bar->close); break;
        case 'h': done = json_decimal(r, &bar->high); break;
        case 'l': done = json_decimal(r, &bar->low); break;
        case 'v': done = json_decimal(r, &bar->volume); break;
        case 'n': done = parse_count(r, &bar->trades); break;
        case 'x': done = json_bool(r, &out->is_closed); break;
        case 'q': done = json_decimal(r, &bar->quote_volume); break;
        case 'V': done = json_decimal(r, &bar->taker_base); break;
        case 'Q': done = json_decimal(r, &bar->taker_quote); break;
        default:
            if (!json_skip(r)) return false;
            continue;
        }
        if (!done) return false;
        seen |= bit(c);
    }
    if (r->error) return false;
    if ((seen & KLINE_FIELDS) != KLINE_FIELDS) return refuse(f, at, "all of t T s i o c h l v n x q V Q in k");
    if (out->symbol.bytes == 0) return refuse(f, at, "a symbol in k");
    if (out->interval < 0) return refuse(f, at, "a known interval in k");
    const char *rule = parse_broken_rule(bar, out->interval);
    if (rule) return refuse(f, at, rule);
    if (close_ms != interval_next(out->interval, bar->open_ms) - 1)
        return refuse(f, at, "a close time that ends the bar");
    return true;
}

static bool read_kline(frame *f) {
    json_reader *r = &f->r;
    parse_kline *out = &f->out->kline;
    json_slice key, symbol = {0};
    uint64_t seen = 0;
    if (!json_enter_object(r)) return false;
    const char *at = r->at;
    while (json_next_key(r, &key)) {
        char c = letter(key);
        bool done = false;
        switch (c) {
        case 'E': done = json_int64(r, &f->out->event_ms); break;
        case 's': done = json_string(r, &symbol); break;
        case 'k': done = read_bar(f, out); break;
        default:
            if (!json_skip(r)) return false;
            continue;
        }
        if (!done) return false;
        seen |= bit(c);
    }
    if (r->error) return false;
    if (!(seen & bit('k'))) return refuse(f, at, "a k");
    if (!(seen & bit('E')) || !parse_is_time(f->out->event_ms)) return refuse(f, at, "an event time in ms");
    if ((seen & bit('s')) &&
        (symbol.bytes != out->symbol.bytes || !symbol.at || memcmp(symbol.at, out->symbol.at, symbol.bytes) != 0))
        return refuse(f, at, "the same symbol inside and outside of k");
    f->out->kind = MESSAGE_KLINE;
    return true;
}

/* The fields of 24hrTicker and 24hrMiniTicker; those that they share mean the same. */
static bool read_ticker_fields(json_reader *r, parse_ticker *out) {
    json_slice key;
    parse_clear_ticker(out);
    if (!json_enter_object(r)) return false;
    while (json_next_key(r, &key)) {
        bool done = false;
        switch (letter(key)) {
        case 's': done = json_string(r, &out->symbol); break;
        case 'E': done = json_int64(r, &out->event_ms); break;
        case 'c': done = json_decimal(r, &out->last); break;
        case 'o': done = json_decimal(r, &out->open); break;
        case 'h': done = json_decimal(r, &out->high); break;
        case 'l': done = json_decimal(r, &out->low); break;
        case 'v': done = json_decimal(r, &out->volume); break;
        case 'q': done = json_decimal(r, &out->quote_volume); break;
        case 'p': done = json_decimal(r, &out->change); break;
        case 'P': done = json_decimal(r, &out->change_percent); break;
        case 'w': done = json_decimal(r, &out->weighted_average); break;
        case 'b': done = json_decimal(r, &out->bid); break;
        case 'a': done = json_decimal(r, &out->ask); break;
        case 'n': done = parse_count(r, &out->trades); break;
        default: done = json_skip(r);
        }
        if (!done) return false;
    }
    return !r->error;
}

static const char *broken_frame_ticker_rule(const parse_ticker *t) {
    return parse_is_time(t->event_ms) ? parse_broken_ticker_rule(t) : "an event time in ms";
}

static bool read_ticker(frame *f, message_kind kind) {
    const char *at = f->r.at;
    if (!read_ticker_fields(&f->r, &f->out->ticker)) return false;
    const char *rule = broken_frame_ticker_rule(&f->out->ticker);
    if (rule) return refuse(f, at, rule);
    f->out->event_ms = f->out->ticker.event_ms;
    f->out->kind = kind;
    return true;
}

static bool read_event_time(frame *f, message_kind kind) {
    json_slice key;
    if (!json_enter_object(&f->r)) return false;
    while (json_next_key(&f->r, &key))
        if (letter(key) == 'E' && json_peek(&f->r) == '0' ? !json_int64(&f->r, &f->out->event_ms) : !json_skip(&f->r))
            return false;
    f->out->kind = kind;
    return !f->r.error;
}

/* By the value of "e", at the reader. */
static message_kind read_kind(json_reader *r) {
    json_slice name;
    if (json_peek(r) != '"' || !json_string(r, &name)) return MESSAGE_OTHER;
    if (json_equals(name, "kline")) return MESSAGE_KLINE;
    if (json_equals(name, "24hrTicker")) return MESSAGE_TICKER;
    if (json_equals(name, "24hrMiniTicker")) return MESSAGE_MINI_TICKER;
    return json_equals(name, "serverShutdown") ? MESSAGE_SHUTDOWN : MESSAGE_OTHER;
}

/* What the payload at the reader is; MESSAGE_OTHER for one without "e". Consumes nothing. */
static message_kind payload_kind(json_reader probe) {
    json_slice key;
    if (!json_enter_object(&probe)) return MESSAGE_OTHER;
    while (json_next_key(&probe, &key)) {
        if (letter(key) == 'e') return read_kind(&probe);
        if (!json_skip(&probe)) break;
    }
    return MESSAGE_OTHER;
}

/* An array of tickers, or of something else. Nothing is handed out before all of it is known to be well-formed. */
static bool read_array(frame *f) {
    json_reader check = f->r;
    if (!json_skip(&check)) {
        f->r = check;
        return false;
    }
    parse_tickers count = {0};
    size_t n_others = 0;
    if (!json_enter_array(&f->r)) return false;
    while (json_next_item(&f->r)) {
        parse_ticker ticker;
        message_kind kind = payload_kind(f->r);
        if (kind != MESSAGE_TICKER && kind != MESSAGE_MINI_TICKER) {
            n_others++;
            if (!json_skip(&f->r)) return false;
            continue;
        }
        count.n_items++;
        json_reader item = f->r;
        if (!json_skip(&f->r)) return false;
        if (!read_ticker_fields(&item, &ticker) || broken_frame_ticker_rule(&ticker)) {
            count.n_refused++;
            continue;
        }
        if (ticker.event_ms > f->out->event_ms) f->out->event_ms = ticker.event_ms;
        if (f->on_ticker) f->on_ticker(f->context, &ticker);
    }
    f->out->tickers = count;
    f->out->kind = count.n_items == 0 && n_others > 0 ? MESSAGE_OTHER : MESSAGE_TICKERS;
    return !f->r.error;
}

static bool read_known(frame *f, message_kind kind) {
    switch (kind) {
    case MESSAGE_KLINE: return read_kline(f);
    case MESSAGE_TICKER:
    case MESSAGE_MINI_TICKER: return read_ticker(f, kind);
    default: return read_event_time(f, kind);
    }
}

static bool read_payload(frame *f) {
    char next = json_peek(&f->r);
    if (next == '[') return read_array(f);
    if (next != '{') return refuse(f, f->r.at, "an object or an array");
    return read_known(f, payload_kind(f->r));
}

/* ---- frames: envelopes ---- */

/* {"stream":name,"data":payload} */
static bool read_combined(frame *f) {
    json_slice key;
    bool has_data = false;
    if (!json_enter_object(&f->r)) return false;
    const char *at = f->r.at;
    while (json_next_key(&f->r, &key)) {
        bool done = false;
        if (json_equals(key, "data") && !has_data) {
            has_data = true;
            done = read_payload(f);
        } else if (json_equals(key, "stream")) {
            done = json_string(&f->r, &f->out->stream);
        } else {
            done = json_skip(&f->r);
        }
        if (!done) return false;
    }
    if (!has_data) return refuse(f, at, "a data beside stream");
    return !f->r.error;
}

/* Code and text of a refusal: at the top, or inside "error". */
static bool read_reply_field(frame *f, json_slice key, bool is_inner) {
    json_reader *r = &f->r;
    parse_reply *reply = &f->out->reply;
    char next = json_peek(r);
    if (json_equals(key, "code") && next == '0') {
        f->out->kind = MESSAGE_ERROR;
        return json_int64(r, &reply->code);
    }
    if (json_equals(key, "msg") && next == '"') return json_string(r, &reply->text);
    if (!is_inner && json_equals(key, "id") && next == '0') {
        reply->has_id = true;
        return json_int64(r, &reply->id);
    }
    if (is_inner || !json_equals(key, "error") || next != '{') return json_skip(r);
    json_slice inner;
    f->out->kind = MESSAGE_ERROR;
    if (!json_enter_object(r)) return false;
    while (json_next_key(r, &inner))
        if (!read_reply_field(f, inner, true)) return false;
    return !r->error;
}

/* {"result":..,"id":..}, {"code":..,"msg":..,"id"?} or {"error":{"code":..,"msg":..},"id":..} */
static bool read_reply(frame *f) {
    json_slice key;
    f->out->kind = MESSAGE_REPLY;
    f->out->reply = (parse_reply){0};
    if (!json_enter_object(&f->r)) return false;
    while (json_next_key(&f->r, &key))
        if (!read_reply_field(f, key, false)) return false;
    return !f->r.error;
}

/* One pass over the keys of the outermost object says which envelope it is. */
static bool read_object(frame *f) {
    json_reader probe = f->r;
    json_slice key;
    uint32_t n_book = 0;
    if (!json_enter_object(&probe)) {
        f->r = probe;
        return false;
    }
    while (json_next_key(&probe, &key)) {
        if (letter(key) == 'e') return read_known(f, read_kind(&probe));
        if (json_equals(key, "stream") || json_equals(key, "data")) return read_combined(f);
        if (json_equals(key, "result") || json_equals(key, "error") || json_equals(key, "code")) return read_reply(f);
        /* Raw bookTicker {u,s,b,B,a,A} and partial depth {lastUpdateId,..} carry no event name. */
        if (json_equals(key, "lastUpdateId")) n_book = 2;
        if (letter(key) == 'u' || letter(key) == 's') n_book++;
        if (!json_skip(&probe)) break;
    }
    if (probe.error) {
        f->r = probe;
        return false;
    }
    if (n_book < 2) return refuse(f, f->r.at, "a known kind of message");
    return read_event_time(f, MESSAGE_OTHER);
}

message_kind parse_frame(const char *text, size_t bytes, parse_ticker_fn on_ticker, void *context, parse_message *out) {
    if (parse_kline_quickly(text, bytes, out)) return MESSAGE_KLINE;
    return parse_frame_any(text, bytes, on_ticker, context, out);
}

message_kind parse_frame_any(const char *text, size_t bytes, parse_ticker_fn on_ticker, void *context,
                             parse_message *out) {
    frame f = {.out = out, .on_ticker = on_ticker, .context = context};
    out->kind = MESSAGE_MALFORMED;
    out->event_ms = 0;
    out->stream = (json_slice){0};
    out->what = NULL;
    out->where = 0;
    json_reader_init(&f.r, text, bytes);
    bool done = json_peek(&f.r) == '[' ? read_array(&f) : read_object(&f);
    if (done && json_finish(&f.r)) return out->kind;
    if (f.r.error) {
        out->what = f.r.error;
        out->where = (size_t)(f.r.at - f.r.start);
    }
    return out->kind = MESSAGE_MALFORMED;
}
