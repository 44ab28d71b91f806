/* One pass over the text. Which fields a payload has depends on its "e", which may come last in principle and comes
 * first in practice: a look-ahead on a copy of the reader finds it, at the price of one key in the usual order and of
 * one extra pass over the payload otherwise.
 *
 * Field names are one letter on the wire, so a `switch` on that letter is the dispatch and a bit per letter is the
 * record of what was there. */
#include "binance/parse.h"
#include "market/interval.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

static const int64_t MICROSECONDS_FROM = 100000000000000; /* 1e14: as ms that is the year 5138 */

/* ---- shared pieces ---- */

static inline char letter(json_slice key) { return key.bytes == 1 && !key.has_escape ? key.at[0] : 0; }

/* Bit of a one-letter field: a-z, then A-Z. */
static inline uint64_t bit(char c) { return (uint64_t)1 << (c >= 'a' ? c - 'a' : c - 'A' + 32); }

static bool is_time(int64_t ms) { return ms > 0 && ms < MICROSECONDS_FROM; }

/* A part of a volume may pass its whole by the rounding of a sum only. */
static bool is_part(double part, double whole) { return part >= 0 && part <= whole + whole * 1e-9 + 1e-9; }

/* NULL when the bar keeps the rules, else the rule. Written so that NAN breaks them. */
static const char *broken_rule(const kline *bar, int32_t interval) {
    if (!is_time(bar->open_ms)) return "an open time in ms";
    if (interval_floor(interval, bar->open_ms) != bar->open_ms) return "an open time on the interval's grid";
    if (!(bar->low > 0 && bar->high < INFINITY)) return "prices above 0";
    if (!(bar->low <= bar->open && bar->open <= bar->high)) return "an open between low and high";
    if (!(bar->low <= bar->close && bar->close <= bar->high)) return "a close between low and high";
    if (!(bar->volume >= 0 && bar->quote_volume >= 0 && bar->trades >= 0)) return "volumes of at least 0";
    if (!(bar->volume < INFINITY && bar->quote_volume < INFINITY)) return "finite volumes";
    if (!is_part(bar->taker_base, bar->volume)) return "a taker volume within the volume";
    if (!is_part(bar->taker_quote, bar->quote_volume)) return "a taker quote volume within the quote volume";
    return NULL;
}

static bool json_count(json_reader *r, double *out) {
    int64_t n;
    if (!json_int64(r, &n)) return false;
    *out = (double)n;
    return true;
}

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
        case 'n': done = json_count(r, &bar->trades); break;
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
    const char *rule = broken_rule(bar, out->interval);
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
    if (!(seen & bit('E')) || !is_time(f->out->event_ms)) return refuse(f, at, "an event time in ms");
    if ((seen & bit('s')) &&
        (symbol.bytes != out->symbol.bytes || memcmp(symbol.at, out->symbol.at, symbol.bytes) != 0))
        return refuse(f, at, "the same symbol inside and outside of k");
    f->out->kind = MESSAGE_KLINE;
    return true;
}

static void clear_ticker(parse_ticker *t) {
    *t = (parse_ticker){.last = NAN,
                        .open = NAN,
                        .high = NAN,
                        .low = NAN,
                        .volume = NAN,
                        .quote_volume = NAN,
                        .change = NAN,
                        .change_percent = NAN,
                        .weighted_average = NAN,
                        .bid = NAN,
                        .ask = NAN,
                        .trades = NAN};
}

/* What every ticker has. A symbol without trades in 24 h has prices of 0, hence not `> 0`. */
static const char *broken_ticker_rule(const parse_ticker *t) {
    if (t->symbol.bytes == 0) return "a symbol";
    if (!(t->last >= 0 && t->open >= 0 && t->low >= 0 && t->high >= t->low)) return "prices o h l c";
    if (!(t->volume >= 0 && t->quote_volume >= 0)) return "volumes v and q";
    return NULL;
}

/* The fields of 24hrTicker and 24hrMiniTicker; those that they share mean the same. */
static bool read_ticker_fields(json_reader *r, parse_ticker *out) {
    json_slice key;
    clear_ticker(out);
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
        case 'n': done = json_count(r, &out->trades); break;
        default: done = json_skip(r);
        }
        if (!done) return false;
    }
    return !r->error;
}

static const char *broken_frame_ticker_rule(const parse_ticker *t) {
    return is_time(t->event_ms) ? broken_ticker_rule(t) : "an event time in ms";
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

/* ---- REST ---- */

static err bad_answer(diag *why, const char *what, const json_reader *r, const char *expected) {
    return diag_set(why, ERR_SYNTAX, "%s: expected %s at byte %zu", what, r->error ? r->error : expected,
                    (size_t)(r->at - r->start));
}

/* [open time, "o", "h", "l", "c", "volume", close time, "quote volume", trades, "taker base", "taker quote", "0"] */
static bool read_row(json_reader *r, kline *bar, int64_t *close_ms) {
    size_t n = 0;
    if (!json_enter_array(r)) return false;
    for (; json_next_item(r); n++) {
        bool done = false;
        switch (n) {
        case 0: done = json_int64(r, &bar->open_ms); break;
        case 1: done = json_decimal(r, &bar->open); break;
        case 2: done = json_decimal(r, &bar->high); break;
        case 3: done = json_decimal(r, &bar->low); break;
        case 4: done = json_decimal(r, &bar->close); break;
        case 5: done = json_decimal(r, &bar->volume); break;
        case 6: done = json_int64(r, close_ms); break;
        case 7: done = json_decimal(r, &bar->quote_volume); break;
        case 8: done = json_count(r, &bar->trades); break;
        case 9: done = json_decimal(r, &bar->taker_base); break;
        case 10: done = json_decimal(r, &bar->taker_quote); break;
        default: done = json_skip(r);
        }
        if (!done) return false;
    }
    return !r->error && n >= 11;
}

err parse_klines(const char *text, size_t bytes, int32_t interval, int64_t server_ms, kline *bars, size_t capacity,
                 parse_page *out, diag *why) {
    json_reader r;
    kline bar = {0};
    int64_t close_ms = 0, newest_ms = 0;
    *out = (parse_page){0};
    json_reader_init(&r, text, bytes);
    if (!json_enter_array(&r)) return bad_answer(why, "klines", &r, "an array");
    while (json_next_item(&r)) {
        if (!read_row(&r, &bar, &close_ms)) return bad_answer(why, "klines", &r, "a row of 11 values or more");
        int64_t end_ms = 0;
        bool is_good = !broken_rule(&bar, interval) && bar.open_ms > newest_ms;
        if (is_good) end_ms = interval_next(interval, bar.open_ms);
        /* A few bars of the exchange's early outages end early; none ends late. */
        if (!is_good || close_ms < bar.open_ms || close_ms >= end_ms) {
            out->n_refused++;
            continue;
        }
        if (out->n_bars == capacity) return diag_set(why, ERR_TOO_BIG, "klines: more than %zu rows", capacity);
        newest_ms = bar.open_ms;
        bars[out->n_bars++] = bar;
        if (end_ms <= server_ms) out->n_closed = out->n_bars;
    }
    return json_finish(&r) ? OK : bad_answer(why, "klines", &r, "");
}

err parse_time(const char *text, size_t bytes, int64_t *server_ms, diag *why) {
    json_reader r;
    json_slice key;
    int64_t ms = 0;
    json_reader_init(&r, text, bytes);
    if (json_enter_object(&r))
        while (json_next_key(&r, &key))
            if (json_equals(key, "serverTime") ? !json_int64(&r, &ms) : !json_skip(&r)) break;
    if (!json_finish(&r)) return bad_answer(why, "time", &r, "");
    if (!is_time(ms)) return bad_answer(why, "time", &r, "a serverTime in ms");
    *server_ms = ms;
    return OK;
}

/* ---- REST: exchangeInfo ---- */

/* A text that does not fit leaves `out` empty; the symbol's name decides whether that matters. */
static bool read_text(json_reader *r, char *out, size_t capacity) {
    json_slice slice;
    out[0] = 0;
    if (json_peek(r) != '"') return json_skip(r);
    if (!json_string(r, &slice)) return false;
    if (parse_text(slice, out, capacity)) out[0] = 0;
    return true;
}

static int64_t period_ms(const char *interval, int64_t n) {
    static const struct {
        const char *name;
        int64_t ms;
    } PERIODS[] = {{"SECOND", 1000}, {"MINUTE", 60000}, {"HOUR", 3600000}, {"DAY", 86400000}};
    for (size_t i = 0; i < sizeof PERIODS / sizeof *PERIODS; i++)
        if (strcmp(interval, PERIODS[i].name) == 0 && n > 0 && n <= 1000) return PERIODS[i].ms * n;
    return 0;
}

static bool read_limit(json_reader *r, parse_exchange *out) {
    parse_limit limit = {0};
    char interval[16] = "";
    int64_t n = 0;
    json_slice key;
    if (!json_enter_object(r)) return false;
    while (json_next_key(r, &key)) {
        bool done = false;
        if (json_equals(key, "rateLimitType"))
            done = read_text(r, limit.kind, sizeof limit.kind);
        else if (json_equals(key, "interval"))
            done = read_text(r, interval, sizeof interval);
        else if (json_equals(key, "intervalNum"))
            done = json_int64(r, &n);
        else if (json_equals(key, "limit"))
            done = json_int64(r, &limit.limit);
        else
            done = json_skip(r);
        if (!done) return false;
    }
    limit.period_ms = period_ms(interval, n);
    if (limit.period_ms > 0 && limit.kind[0] && out->n_limits < PARSE_MAX_LIMITS) out->limits[out->n_limits++] = limit;
    return !r->error;
}

static bool read_limits(json_reader *r, parse_exchange *out) {
    if (!json_enter_array(r)) return false;
    while (json_next_item(r))
        if (!read_limit(r, out)) return false;
    return !r->error;
}

typedef struct symbol_draft {
    symbol_info info;
    bool is_spot_denied;
    bool has_permissions, has_spot;
} symbol_draft;

/* ["SPOT",..] or [["SPOT",..],..]. Depth is bounded by the reader. */
static bool read_permissions(json_reader *r, symbol_draft *draft) {
    json_slice name;
    if (json_peek(r) != '[') return json_skip(r);
    if (!json_enter_array(r)) return false;
    while (json_next_item(r)) {
        if (json_peek(r) != '"') {
            if (!read_permissions(r, draft)) return false;
            continue;
        }
        if (!json_string(r, &name)) return false;
        draft->has_permissions = true;
        draft->has_spot |= json_equals(name, "SPOT");
    }
    return !r->error;
}

static bool read_filter(json_reader *r, symbol_info *info) {
    json_slice key, type = {.at = ""};
    double tick = 0, step = 0;
    if (!json_enter_object(r)) return false;
    while (json_next_key(r, &key)) {
        bool done = false;
        if (json_equals(key, "filterType"))
            done = json_string(r, &type);
        else if (json_equals(key, "tickSize"))
            done = json_decimal(r, &tick);
        else if (json_equals(key, "stepSize"))
            done = json_decimal(r, &step);
        else
            done = json_skip(r);
        if (!done) return false;
    }
    if (json_equals(type, "PRICE_FILTER") && tick > 0) info->tick_size = tick;
    if (json_equals(type, "LOT_SIZE") && step > 0) info->step_size = step;
    return !r->error;
}

static bool read_filters(json_reader *r, symbol_info *info) {
    if (!json_enter_array(r)) return false;
    while (json_next_item(r))
        if (!read_filter(r, info)) return false;
    return !r->error;
}

static bool read_symbol_field(json_reader *r, json_slice key, symbol_draft *draft) {
    symbol_info *info = &draft->info;
    char status[32];
    bool is_allowed;
    if (json_equals(key, "symbol")) return read_text(r, info->name, sizeof info->name);
    if (json_equals(key, "baseAsset")) return read_text(r, info->base, sizeof info->base);
    if (json_equals(key, "quoteAsset")) return read_text(r, info->quote, sizeof info->quote);
    if (json_equals(key, "filters")) return read_filters(r, info);
    if (json_equals(key, "permissions") || json_equals(key, "permissionSets")) return read_permissions(r, draft);
    if (json_equals(key, "status")) {
        if (!read_text(r, status, sizeof status)) return false;
        info->is_trading = strcmp(status, "TRADING") == 0;
        return true;
    }
    if (json_equals(key, "contractType")) { /* futures alone have it */
        json_slice type;
        if (!json_string(r, &type)) return false;
        info->is_by_name_only = !json_equals(type, "PERPETUAL");
        return true;
    }
    if (json_equals(key, "isSpotTradingAllowed")) {
        if (!json_bool(r, &is_allowed)) return false;
        draft->is_spot_denied = !is_allowed;
        return true;
    }
    return json_skip(r);
}

static bool read_symbol(json_reader *r, symbol_info *out) {
    symbol_draft draft = {0};
    json_slice key;
    if (!json_enter_object(r)) return false;
    while (json_next_key(r, &key))
        if (!read_symbol_field(r, key, &draft)) return false;
    if (draft.is_spot_denied || (draft.has_permissions && !draft.has_spot)) draft.info.is_trading = false;
    *out = draft.info;
    return !r->error;
}

static bool read_symbols(json_reader *r, parse_symbol_fn on_symbol, void *context, parse_exchange *out) {
    symbol_info info;
    if (!json_enter_array(r)) return false;
    while (json_next_item(r)) {
        if (!read_symbol(r, &info)) return false;
        if (!info.name[0]) {
            out->n_refused++;
            continue;
        }
        out->n_symbols++;
        on_symbol(context, &info);
    }
    return !r->error;
}

err parse_exchange_info(const char *text, size_t bytes, parse_symbol_fn on_symbol, void *context, parse_exchange *out,
                        diag *why) {
    json_reader r;
    json_slice key;
    bool has_symbols = false;
    *out = (parse_exchange){0};
    json_reader_init(&r, text, bytes);
    if (!json_enter_object(&r)) return bad_answer(why, "exchangeInfo", &r, "");
    while (json_next_key(&r, &key)) {
        bool done = false;
        if (json_equals(key, "symbols"))
            done = has_symbols = read_symbols(&r, on_symbol, context, out);
        else if (json_equals(key, "rateLimits"))
            done = read_limits(&r, out);
        else if (json_equals(key, "serverTime"))
            done = json_int64(&r, &out->server_ms);
        else
            done = json_skip(&r);
        if (!done) break;
    }
    if (!json_finish(&r)) return bad_answer(why, "exchangeInfo", &r, "");
    return has_symbols ? OK : bad_answer(why, "exchangeInfo", &r, "symbols");
}

/* ---- REST: ticker/24hr ---- */

static bool read_rest_ticker(json_reader *r, parse_ticker *out) {
    json_slice key;
    clear_ticker(out);
    struct {
        const char *name;
        double *value;
    } fields[] = {{"lastPrice", &out->last},
                  {"openPrice", &out->open},
                  {"highPrice", &out->high},
                  {"lowPrice", &out->low},
                  {"volume", &out->volume},
                  {"quoteVolume", &out->quote_volume},
                  {"priceChange", &out->change},
                  {"priceChangePercent", &out->change_percent},
                  {"weightedAvgPrice", &out->weighted_average},
                  {"bidPrice", &out->bid},
                  {"askPrice", &out->ask},
                  {"count", &out->trades}};
    const size_t n_fields = sizeof fields / sizeof *fields;
    if (!json_enter_object(r)) return false;
    while (json_next_key(r, &key)) {
        size_t i = 0;
        while (i < n_fields && !json_equals(key, fields[i].name)) i++;
        bool done = false;
        if (i < n_fields)
            done = json_decimal(r, fields[i].value);
        else
            done = json_equals(key, "symbol") ? json_string(r, &out->symbol) : json_skip(r);
        if (!done) return false;
    }
    return !r->error;
}

static bool take_rest_ticker(json_reader *r, parse_ticker_fn on_ticker, void *context, parse_tickers *out) {
    parse_ticker ticker;
    if (!read_rest_ticker(r, &ticker)) return false;
    out->n_items++;
    if (broken_ticker_rule(&ticker))
        out->n_refused++;
    else
        on_ticker(context, &ticker);
    return true;
}

err parse_tickers_24h(const char *text, size_t bytes, parse_ticker_fn on_ticker, void *context, parse_tickers *out,
                      diag *why) {
    json_reader r;
    *out = (parse_tickers){0};
    json_reader_init(&r, text, bytes);
    if (json_peek(&r) == '{')
        (void)take_rest_ticker(&r, on_ticker, context, out); /* an error sticks to the reader */
    else if (json_enter_array(&r))
        while (json_next_item(&r))
            if (!take_rest_ticker(&r, on_ticker, context, out)) break;
    return json_finish(&r) ? OK : bad_answer(why, "ticker/24hr", &r, "");
}

/* ---- REST: errors ---- */

bool parse_error_body(const char *text, size_t bytes, int64_t *code, char message[PARSE_ERROR_BYTES]) {
    json_reader r;
    json_slice key, msg = {.at = ""};
    bool has_code = false;
    json_reader_init(&r, text, bytes);
    if (!json_enter_object(&r)) return false;
    while (json_next_key(&r, &key)) {
        bool done = false;
        if (json_equals(key, "code"))
            done = has_code = json_int64(&r, code);
        else if (json_equals(key, "msg"))
            done = json_string(&r, &msg);
        else
            done = json_skip(&r);
        if (!done) break;
    }
    if (!json_finish(&r) || !has_code) return false;
    if (parse_text(msg, message, PARSE_ERROR_BYTES)) snprintf(message, PARSE_ERROR_BYTES, "(text left out)");
    return true;
}

/* ---- strings ---- */

static uint32_t hex_value(const char *p) {
    uint32_t code = 0;
    for (int i = 0; i < 4; i++) code = code * 16 + (uint32_t)(p[i] <= '9' ? p[i] - '0' : (p[i] | 32) - 'a' + 10);
    return code;
}

static size_t put_utf8(uint32_t code, char out[4]) {
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    size_t n = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    for (size_t i = n; i-- > 1; code >>= 6) out[i] = (char)(0x80 | (code & 0x3f));
    out[0] = (char)((0xf0 << (4 - n)) | code);
    return n;
}

/* One escape at `p`, of which the reader has checked the form; bytes used. */
static size_t decode_escape(const char *p, uint32_t *code) {
    static const char NAMES[] = "\"\\/bfnrt", VALUES[] = "\"\\/\b\f\n\r\t";
    if (p[1] != 'u') {
        *code = (uint32_t)VALUES[strchr(NAMES, p[1]) - NAMES];
        return 2;
    }
    *code = hex_value(p + 2);
    if (*code < 0xd800 || *code > 0xdfff) return 6;
    *code = 0x10000 + ((*code - 0xd800) << 10) + (hex_value(p + 8) - 0xdc00);
    return 12;
}

err parse_text(json_slice slice, char *out, size_t capacity) {
    const char *p = slice.at, *end = p + slice.bytes;
    size_t n = 0;
    while (p < end) {
        char piece[4] = {*p};
        size_t piece_bytes = 1;
        if (slice.has_escape && *p == '\\') {
            uint32_t code;
            p += decode_escape(p, &code);
            if (code == 0) return ERR_SYNTAX;
            piece_bytes = put_utf8(code, piece);
        } else {
            p++;
        }
        if (n + piece_bytes >= capacity) return ERR_TOO_BIG;
        memcpy(out + n, piece, piece_bytes);
        n += piece_bytes;
    }
    out[n] = 0;
    return OK;
}
