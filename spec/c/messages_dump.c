/* What binance/parse.h makes of each line of stdin, one JSON object a line; `messages_dump WHAT` with WHAT being frame,
 * klines (of 1m), exchangeInfo or error. For spec/system/messages.test.mjs, which reads the same lines itself. */
#include "base/json_writer.h"
#include "binance/parse.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static json_writer w;

static void put_slice(const char *key, json_slice slice) {
    char text[256];
    if (slice.at && parse_text(slice, text, sizeof text) == OK) json_put_text(&w, key, text);
}

static void put_bar(const kline *bar) {
    json_put_integer(&w, "open_ms", bar->open_ms);
    json_put_number(&w, "open", bar->open);
    json_put_number(&w, "high", bar->high);
    json_put_number(&w, "low", bar->low);
    json_put_number(&w, "close", bar->close);
    json_put_number(&w, "volume", bar->volume);
    json_put_number(&w, "quote_volume", bar->quote_volume);
    json_put_number(&w, "trades", bar->trades);
    json_put_number(&w, "taker_base", bar->taker_base);
    json_put_number(&w, "taker_quote", bar->taker_quote);
}

static void put_ticker(const parse_ticker *t) {
    put_slice("symbol", t->symbol);
    json_put_integer(&w, "event_ms", t->event_ms);
    struct {
        const char *name;
        double value;
    } fields[] = {{"last", t->last},
                  {"open", t->open},
                  {"high", t->high},
                  {"low", t->low},
                  {"volume", t->volume},
                  {"quote_volume", t->quote_volume},
                  {"change", t->change},
                  {"change_percent", t->change_percent},
                  {"weighted_average", t->weighted_average},
                  {"bid", t->bid},
                  {"ask", t->ask},
                  {"trades", t->trades}};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) json_put_number(&w, fields[i].name, fields[i].value);
}

static void on_ticker(void *context, const parse_ticker *ticker) {
    (void)context;
    json_write_object(&w);
    put_ticker(ticker);
    json_write_object_end(&w);
}

static void on_symbol(void *context, const symbol_info *s) {
    (void)context;
    json_write_object(&w);
    json_put_text(&w, "name", s->name);
    json_put_text(&w, "base", s->base);
    json_put_text(&w, "quote", s->quote);
    json_put_number(&w, "tick", s->tick_size);
    json_put_number(&w, "step", s->step_size);
    json_put_bool(&w, "trading", s->is_trading);
    json_put_bool(&w, "byNameOnly", s->is_by_name_only);
    json_write_object_end(&w);
}

static void dump_frame(const char *line, size_t bytes) {
    static const char *const kinds[] = {"malformed", "kline", "ticker",   "miniTicker", "tickers",
                                        "reply",     "error", "shutdown", "other"};
    parse_message m;
    json_write_key(&w, "items");
    json_write_array(&w);
    parse_frame(line, bytes, on_ticker, NULL, &m);
    json_write_array_end(&w);
    json_put_text(&w, "kind", kinds[m.kind]);
    put_slice("stream", m.stream);
    if (m.kind == MESSAGE_MALFORMED) json_put_text(&w, "what", m.what);
    if (m.kind == MESSAGE_KLINE) {
        json_put_integer(&w, "event_ms", m.event_ms);
        put_slice("symbol", m.kline.symbol);
        json_put_integer(&w, "interval", m.kline.interval);
        json_put_bool(&w, "closed", m.kline.is_closed);
        put_bar(&m.kline.bar);
    }
    if (m.kind == MESSAGE_TICKER || m.kind == MESSAGE_MINI_TICKER) put_ticker(&m.ticker);
    if (m.kind == MESSAGE_REPLY || m.kind == MESSAGE_ERROR) {
        if (m.reply.has_id) json_put_integer(&w, "id", m.reply.id);
        json_put_integer(&w, "code", m.reply.code);
        put_slice("text", m.reply.text);
    }
}

static void dump_klines(const char *line, size_t bytes, diag *why) {
    static kline bars[2000];
    parse_page page = {0};
    if (parse_klines(line, bytes, INTERVAL_1M, INT64_MAX, bars, 2000, &page, why) == OK) why->text[0] = 0;
    json_put_integer(&w, "refused", (int64_t)page.n_refused);
    json_write_key(&w, "bars");
    json_write_array(&w);
    for (size_t i = 0; i < page.n_bars; i++) {
        json_write_object(&w);
        put_bar(&bars[i]);
        json_write_object_end(&w);
    }
    json_write_array_end(&w);
}

static void dump_exchange(const char *line, size_t bytes, diag *why) {
    parse_exchange exchange;
    json_write_key(&w, "symbols");
    json_write_array(&w);
    if (parse_exchange_info(line, bytes, on_symbol, NULL, &exchange, why) == OK) why->text[0] = 0;
    json_write_array_end(&w);
    json_put_integer(&w, "server_ms", exchange.server_ms);
    json_put_integer(&w, "refused", (int64_t)exchange.n_refused);
    json_write_key(&w, "limits");
    json_write_array(&w);
    for (size_t i = 0; i < exchange.n_limits; i++) {
        json_write_object(&w);
        json_put_text(&w, "kind", exchange.limits[i].kind);
        json_put_integer(&w, "period_ms", exchange.limits[i].period_ms);
        json_put_integer(&w, "limit", exchange.limits[i].limit);
        json_write_object_end(&w);
    }
    json_write_array_end(&w);
}

static void dump_error(const char *line, size_t bytes) {
    int64_t code;
    char message[PARSE_ERROR_BYTES];
    if (!parse_error_body(line, bytes, &code, message)) return;
    json_put_integer(&w, "code", code);
    json_put_text(&w, "message", message);
}

int main(int argc, char **argv) {
    const char *what = argc == 2 ? argv[1] : "";
    char *line = NULL;
    size_t room = 0;
    ssize_t n;
    while ((n = getline(&line, &room, stdin)) > 0) {
        diag why = {.text = ""};
        size_t bytes = (size_t)n - (line[n - 1] == '\n');
        json_writer_init(&w);
        json_write_object(&w);
        if (strcmp(what, "frame") == 0) {
            dump_frame(line, bytes);
        } else if (strcmp(what, "klines") == 0) {
            dump_klines(line, bytes, &why);
        } else if (strcmp(what, "exchangeInfo") == 0) {
            dump_exchange(line, bytes, &why);
        } else if (strcmp(what, "error") == 0) {
            dump_error(line, bytes);
        } else {
            fprintf(stderr, "usage: messages_dump frame|klines|exchangeInfo|error < LINES\n");
            return 2;
        }
        if (why.text[0]) json_put_text(&w, "why", why.text);
        json_write_object_end(&w);
        puts(json_writer_text(&w));
        json_writer_deinit(&w);
    }
    free(line);
    return 0;
}
