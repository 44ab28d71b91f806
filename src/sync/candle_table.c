/* See candle_table.h. */
#include "sync/candle_table.h"
#include "base/log.h"
#include "sync/candle_pack.h"
#include "sync/local_db_body.h"

err candle_table_put(local_db *db, const char *symbol, int32_t interval, const candles_row *row, diag *why) {
    sqlite3_stmt *put = db->statements[PUT_CANDLES];
    byte_writer w;
    byte_writer_init(&w);
    candle_pack(&w, row->bars, row->n_bars);
    err failed = byte_writer_result(&w);
    if (failed) {
        byte_writer_deinit(&w);
        return diag_set(why, failed, "candles of %s: %s", symbol, error_text(failed));
    }
    bind_text(put, 1, symbol);
    bind_text(put, 2, interval_name(interval));
    sqlite3_bind_int64(put, 3, row->open_ms);
    sqlite3_bind_blob(put, 4, w.data, (int)w.used, SQLITE_STATIC);
    failed = local_db_run(db, put, why);
    byte_writer_deinit(&w);
    return failed;
}

/* None: `n_bars` 0. Damaged ones are none: what goes with them is not held up. */
static err read_bars(local_db *db, const char *symbol, const char *interval, int64_t open_ms, candle bars[CANDLES_MAX],
                     uint32_t *n_bars, diag *why) {
    static log_repeater damaged;
    sqlite3_stmt *get = db->statements[GET_CANDLES];
    err failed = OK;
    *n_bars = 0;
    bind_text(get, 1, symbol);
    bind_text(get, 2, interval);
    sqlite3_bind_int64(get, 3, open_ms);
    int code = sqlite3_step(get);
    if (code == SQLITE_ROW) {
        if (candle_unpack(sqlite3_column_blob(get, 0), (size_t)sqlite3_column_bytes(get, 0), bars, n_bars) != OK)
            log_repeat(&damaged, LOG_ERROR, "storage", "%s: the candles of %s %s are damaged; their signals go without",
                       db->path, symbol, interval);
    } else if (code != SQLITE_DONE) {
        failed = local_db_fail(db, why, "read it");
    }
    sqlite3_reset(get);
    sqlite3_clear_bindings(get);
    return failed;
}

err candle_table_write(local_db *db, const char *symbol, const char *interval, int64_t open_ms, json_writer *w,
                       diag *why) {
    candle bars[CANDLES_MAX];
    uint32_t n_bars;
    err failed = read_bars(db, symbol, interval, open_ms, bars, &n_bars, why);
    if (failed) return failed;
    json_write_array(w);
    for (uint32_t i = 0; i < n_bars;
         i++) { /* in the order in which jsonb keeps its keys: PostgreSQL need not sort them */
        json_write_object(w);
        json_put_number(w, "c", bars[i].close);
        json_put_number(w, "h", bars[i].high);
        json_put_number(w, "l", bars[i].low);
        json_put_number(w, "o", bars[i].open);
        json_put_number(w, "v", bars[i].volume);
        json_put_integer(w, "x", bars[i].open_ms);
        json_write_object_end(w);
    }
    json_write_array_end(w);
    return OK;
}

err candle_table_write_rows(local_db *db, const char *symbol, const char *interval, int64_t open_ms, json_writer *w,
                            diag *why) {
    candle bars[CANDLES_MAX];
    uint32_t n_bars;
    err failed = read_bars(db, symbol, interval, open_ms, bars, &n_bars, why);
    if (failed) return failed;
    json_write_array(w);
    for (uint32_t i = 0; i < n_bars; i++) {
        const candle *c = &bars[i];
        json_write_array(w);
        json_write_integer(w, c->open_ms);
        const double values[] = {c->open, c->high, c->low, c->close, c->volume};
        for (size_t k = 0; k < sizeof values / sizeof *values; k++) json_write_number(w, values[k]);
        json_write_array_end(w);
    }
    json_write_array_end(w);
    return OK;
}
