/* REST answers, one pass each. */
#include "binance/parse.h"
#include "binance/parse_rules.h"
#include <stdio.h>
#include <string.h>

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
        case 8: done = parse_count(r, &bar->trades); break;
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
        bool is_good = !parse_broken_rule(&bar, interval) && bar.open_ms > newest_ms;
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
    if (!parse_is_time(ms)) return bad_answer(why, "time", &r, "a serverTime in ms");
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
    bool is_allowed;
    if (json_equals(key, "symbol")) return read_text(r, info->name, sizeof info->name);
    if (json_equals(key, "baseAsset")) return read_text(r, info->base, sizeof info->base);
    if (json_equals(key, "quoteAsset")) return read_text(r, info->quote, sizeof info->quote);
    if (json_equals(key, "filters")) return read_filters(r, info);
    if (json_equals(key, "permissions") || json_equals(key, "permissionSets")) return read_permissions(r, draft);
    if (json_equals(key, "status")) {
        if (!read_text(r, info->status, sizeof info->status)) return false;
        info->is_trading = strcmp(info->status, "TRADING") == 0;
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
    parse_clear_ticker(out);
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
    if (parse_broken_ticker_rule(&ticker))
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
