/* The exchange's payloads, field by field as its documentation has them. Pure: bars in, text out. */
#pragma once
#include "sim/source.h"
#include "sim/tape.h"
#include "sim/writer.h"

/* Payloads of the streams. */
void frame_kline(writer *out, const char *symbol, enum interval interval, const kline *bar, bool is_closed,
                 int64_t event_ms);
void frame_mini_ticker(writer *out, const char *symbol, const tape_ticker *ticker, int64_t event_ms);
void frame_ticker(writer *out, const char *symbol, const tape_ticker *ticker, int64_t event_ms);

/* Parts of REST bodies. */
void frame_kline_row(writer *out, enum interval interval, const kline *bar);
void frame_rest_ticker(writer *out, const char *symbol, const tape_ticker *ticker, bool is_mini);
void frame_rate_limits(writer *out);
void frame_symbol_info(writer *out, const symbol_info *info, bool show_permission_sets);
