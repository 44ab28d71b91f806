/* Any bytes as a dump: as an archive, as its rows alone, and as its checksum. The first byte chooses the interval.
 * What is accepted must keep the promises of dump_file.h. */
#include "base/zip.h"
#include "binance/dump_file.h"
#include "market/interval.h"
#include <stdlib.h>
#include <string.h>

enum { UNPACKED_MOST = 1 << 22 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static void require(bool condition) {
    if (!condition) abort();
}

static void check_bars(const kline_list *list, const dump_period *period) {
    for (size_t i = 0; i < list->count; i++) {
        const kline *b = &list->bars[i];
        require(b->open_ms >= period->from_ms && b->open_ms < period->to_ms);
        require(interval_floor(period->interval, b->open_ms) == b->open_ms);
        require(i == 0 || b->open_ms > list->bars[i - 1].open_ms);
        require(b->low > 0 && b->low <= b->open && b->open <= b->high && b->low <= b->close && b->close <= b->high);
        require(b->volume >= 0 && b->quote_volume >= 0 && b->trades >= 0);
    }
}

static void check_rows(const char *text, size_t bytes, const dump_period *period) {
    kline_list list;
    dump_notes notes;
    diag why;
    err e = dump_rows_read(text, bytes, period, &list, &notes, &why);
    require(e == OK || (e == ERR_SYNTAX && !list.bars));
    check_bars(&list, period);
    kline_list_free(&list);
}

static void check_archive(const uint8_t *data, size_t bytes, const dump_period *period) {
    zip_file file;
    kline_list list;
    dump_notes notes;
    diag why;
    char *text = NULL;
    if (zip_find(data, bytes, &file, &why) != OK) return;
    require(file.name[0] && memchr(file.name, 0, sizeof file.name));
    require(file.packed >= data && file.packed_bytes <= (size_t)(data + bytes - file.packed));
    if (zip_unpack(&file, UNPACKED_MOST, &text, &why) != OK) return;
    check_rows(text, file.bytes, period);
    free(text);
    if (dump_file_read(data, bytes, "A-1m-2025-01.zip", period, &list, &notes, &why) == OK) check_bars(&list, period);
    kline_list_free(&list);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes) {
    unsigned char digest[SHA256_BYTES];
    diag why;
    if (bytes == 0) return 0;
    dump_period period = {data[0] % N_INTERVALS, INT64_C(1704067200000), INT64_C(1767225600000)}; /* 2024 and 2025 */
    check_archive(data + 1, bytes - 1, &period);
    check_rows((const char *)data + 1, bytes - 1, &period);
    (void)!dump_checksum_read((const char *)data + 1, bytes - 1, "A-1m-2025-01.zip", digest, &why);
    return 0;
}
