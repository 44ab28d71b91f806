/* Where the public dump of a day or a month is. Pure. */
#pragma once
#include "binance/dump_file.h"
#include "binance/venue.h"
#include "market/symbol.h"

enum { DUMP_FILE_BYTES = 128, DUMP_PATH_BYTES = 640 };

typedef struct dump_name {
    char file[DUMP_FILE_BYTES]; /* BTCUSDT-1m-2025-01.zip */
    char path[DUMP_PATH_BYTES]; /* behind the host, percent-encoded; ".CHECKSUM" behind it is the checksum's */
    dump_period period;
} dump_name;

/* Of the month, or the day, that holds `ms`. */
void dump_name_make(const venue *v, const char *symbol, int32_t interval, bool is_monthly, int64_t ms, dump_name *out);
/* Days have files of intervals up to 1d. */
bool dump_name_has_days(int32_t interval);
