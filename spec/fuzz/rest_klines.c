/* Any bytes as a REST answer, read as each kind that is asked for. The first byte chooses interval and server time. */
#include "binance/parse.h"
#include "market/interval.h"
#include <stdlib.h>
#include <string.h>

enum { CAPACITY = 16 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static void require(bool condition) {
    if (!condition) abort();
}

static void check_klines(const char *text, size_t bytes, int32_t interval) {
    kline bars[CAPACITY];
    parse_page page;
    diag why;
    const int64_t server_ms = INT64_C(1700000070000);
    if (parse_klines(text, bytes, interval, server_ms, bars, CAPACITY, &page, &why)) return;
    require(page.n_closed <= page.n_bars && page.n_bars <= CAPACITY);
    for (size_t i = 0; i < page.n_bars; i++) {
        require(interval_floor(interval, bars[i].open_ms) == bars[i].open_ms);
        require(bars[i].low > 0 && bars[i].low <= bars[i].high);
        require(i == 0 || bars[i].open_ms > bars[i - 1].open_ms);
        require((interval_next(interval, bars[i].open_ms) <= server_ms) == (i < page.n_closed));
    }
}

static void on_symbol(void *context, const symbol_info *symbol) {
    (void)context;
    require(symbol->name[0] && memchr(symbol->name, 0, sizeof symbol->name) && symbol->tick_size >= 0);
}

static void on_ticker(void *context, const parse_ticker *ticker) {
    (void)context;
    require(ticker->symbol.bytes > 0 && ticker->quote_volume >= 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes) {
    if (bytes == 0) return 0;
    const char *text = (const char *)data + 1;
    size_t n = bytes - 1;
    parse_exchange exchange;
    parse_tickers tickers;
    diag why;
    int64_t number;
    char message[PARSE_ERROR_BYTES];
    check_klines(text, n, data[0] % N_INTERVALS);
    if (parse_exchange_info(text, n, on_symbol, NULL, &exchange, &why) == OK)
        require(exchange.n_limits <= PARSE_MAX_LIMITS);
    (void)!parse_tickers_24h(text, n, on_ticker, NULL, &tickers, &why);
    if (parse_time(text, n, &number, &why) == OK) require(number > 0);
    if (parse_error_body(text, n, &number, message)) require(memchr(message, 0, sizeof message) != NULL);
    return 0;
}
