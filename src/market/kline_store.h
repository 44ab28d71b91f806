/* The kline series of one (symbol, interval): a structure of arrays, oldest bar first, forming bar at [count].
 *
 * A bar is named by its open time: the same open time replaces, an older one is refused, one that skips bars is
 * refused as a gap until the range before it has been asked for. `known_to` is the open time up to which everything is
 * known: a bar stored, or a hole that the exchange lacks too. Nothing is ever invented. A hole behind the newest bar stored
 * is filled when the exchange has its bar later after all; one between bars stays.
 * The window slides down when its end is reached, so a kernel or a view is pointer + length.
 * Threads: the owner of the symbol only. The functions of the series itself are declared in abi.h. */
#pragma once
#include "abi.h"
#include "base/byte_reader.h"
#include "base/byte_writer.h"

/* Absolute number of a bar or the forming one (counted from 1970), the same in every process: for re-summing at fixed
 * places. */
int64_t kline_series_number(const kline_series *s, int32_t index);
/* Index of the bar that opens at `open_ms`; -1 when it is not stored. */
int32_t kline_series_find(const kline_series *s, int64_t open_ms);
void kline_series_get(const kline_series *s, int32_t index, kline *out);
/* How often the forming bar was set, ever. */
int64_t kline_series_updates(const kline_series *s);
int32_t kline_series_keep(const kline_series *s); /* least bars kept */
int32_t kline_series_room(const kline_series *s); /* most that are there at a time, with the forming one */
int32_t kline_series_interval(const kline_series *s);
size_t kline_series_bytes(const kline_series *s);
/* Asks for the memory of the newest bars (base/prefetch.h): first for the series itself, then, once that is near, for them. */
void kline_series_prefetch(const kline_series *s, bool is_near);

/* The closed bars as bytes: the same for the same bars, numbered alike for life. The forming bar is not among them. */
void kline_series_save(const kline_series *s, byte_writer *w);
/* A series as it was saved, which must keep as many bars as are asked for now (else ERR_UNSUPPORTED). ERR_INVALID: no such
 * bytes, and nothing that could be a series; ERR_NO_MEMORY. */
MUST_CHECK err kline_series_load(byte_reader *r, int32_t interval, int32_t keep, kline_series **out);
