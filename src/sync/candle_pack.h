/* The bars of candle_table in few bytes, fast: a signal waits for it.
 *
 *     count | times | prices | volumes
 *
 * Prices and volumes are decimals in truth: they are kept as whole multiples of a power of ten, as differences to what
 * stands beside them, in variable-length integers. A column with a value that is not such a multiple is kept as doubles.
 * What comes out is what went in, to the last bit.
 * Threads: pure. */
#pragma once
#include "base/byte_writer.h"
#include "screener/pass.h"

/* Appends 1 to CANDLES_MAX bars. */
void candle_pack(byte_writer *w, const candle *bars, uint32_t n_bars);
/* ERR_INVALID: these are not packed bars, or damaged ones. */
MUST_CHECK err candle_unpack(const void *data, size_t bytes, candle bars[CANDLES_MAX], uint32_t *n_bars);
