/* The exchange's payloads, field by field as its documentation has them. Pure: bars in, text out. */
#pragma once
#include "sim/source.h"
#include "sim/tape.h"
#include "sim/writer.h"

/* Payloads of the streams. */
void frame_kline(writer *out, const char *symbol, enum interval interval, const kline *bar, bool is_closed,
                 int64_t event_ms);
void frame_mini_ticker(writer *out, const char *symbol, const tape_ticker *ticker, int64_t event_ms);
void frame_ticker(writer *out, const char *symbol, const tape_ticker *ticker, int64_t event_ms, bool is_futures);

/* Parts of REST bodies. */
void frame_kline_row(writer *out, enum interval interval, const kline *bar);
typedef enum ticker_shape { TICKER_FULL, TICKER_MINI, TICKER_FUTURES } ticker_shape;
void frame_rest_ticker(writer *out, const char *symbol, const tape_ticker *ticker, ticker_shape shape);
void frame_rate_limits(writer *out);
void frame_symbol_info(writer *out, const symbol_info *info, bool show_permission_sets);
/* exchangeInfo of the futures up to its list of symbols, and one of those. */
void frame_futures_head(writer *out, int64_t now_ms, uint32_t weight_per_minute);
void frame_futures_info(writer *out, const symbol_info *info, int64_t onboard_ms);
