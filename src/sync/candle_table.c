/* As JSON, then packed: prices are short decimals, which pack better than their doubles, and it is JSON that is asked for. */
#include "sync/candle_table.h"
#include "base/packing.h"
#include "sync/local_db_body.h"
#include <jansson.h>
#include <stdlib.h>

enum { JSON_MAX_BYTES = CANDLES_MAX * 256 };

static err write_bars(const candles_row *row, char **text, size_t *bytes) {
    json_writer w;
    json_writer_init(&w);
    json_write_array(&w);
    for (uint32_t i = 0; i < row->n_bars; i++) {
        const candle *c = &row->bars[i];
        json_write_object(&w);
        json_put_integer(&w, "x", c->open_ms);
        json_put_number(&w, "o", c->open);
        json_put_number(&w, "h", c->high);
        json_put_number(&w, "l", c->low);
        json_put_number(&w, "c", c->close);
        json_put_number(&w, "v", c->volume);
        json_write_object_end(&w);
    }
    json_write_array_end(&w);
    return json_writer_take(&w, text, bytes);
}

err candle_table_put(local_db *db, const char *symbol, int32_t interval, const candles_row *row, diag *why) {
    sqlite3_stmt *put = db->statements[PUT_CANDLES];
    char *text = NULL;
    unsigned char *packed = NULL;
    size_t bytes = 0, packed_bytes = 0;
    err failed = write_bars(row, &text, &bytes);
    if (!failed) failed = packing_pack(text, bytes, &packed, &packed_bytes);
    free(text);
    if (failed) return diag_set(why, failed, "candles of %s: %s", symbol, error_text(failed));
    bind_text(put, 1, symbol);
    bind_text(put, 2, interval_name(interval));
    sqlite3_bind_int64(put, 3, row->open_ms);
    sqlite3_bind_blob(put, 4, packed, (int)packed_bytes, SQLITE_STATIC);
    failed = local_db_run(db, put, why);
    free(packed);
    return failed;
}

static err unpack(sqlite3_stmt *row, json_writer *w) {
    unsigned char *text = NULL;
    size_t bytes = 0;
    err failed = packing_unpack(sqlite3_column_blob(row, 0), (size_t)sqlite3_column_bytes(row, 0), JSON_MAX_BYTES,
                                &text, &bytes);
    if (failed) return failed;
    text[bytes] = 0; /* there is room for it */
    json_write_raw(w, (const char *)text);
    free(text);
    return OK;
}

err candle_table_write(local_db *db, const char *symbol, const char *interval, int64_t open_ms, json_writer *w,
                       diag *why) {
    sqlite3_stmt *get = db->statements[GET_CANDLES];
    err failed = OK;
    bind_text(get, 1, symbol);
    bind_text(get, 2, interval);
    sqlite3_bind_int64(get, 3, open_ms);
    int code = sqlite3_step(get);
    if (code == SQLITE_ROW)
        failed = unpack(get, w);
    else if (code == SQLITE_DONE)
        json_write_raw(w, "[]");
    else
        failed = local_db_fail(db, why, "read it");
    if (failed && code == SQLITE_ROW)
        (void)diag_set(why, failed, "%s: cannot read the candles of %s: %s", db->path, symbol, error_text(failed));
    sqlite3_reset(get);
    sqlite3_clear_bindings(get);
    return failed;
}

static void write_row(const json_t *bar, json_writer *w) {
    static const char *const names[] = {"o", "h", "l", "c", "v"};
    json_write_array(w);
    json_write_integer(w, json_integer_value(json_object_get(bar, "x")));
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        json_write_number(w, json_number_value(json_object_get(bar, names[i])));
    json_write_array_end(w);
}

err candle_table_write_rows(local_db *db, const char *symbol, const char *interval, int64_t open_ms, json_writer *w,
                            diag *why) {
    json_writer objects;
    json_t *list = NULL;
    json_writer_init(&objects);
    err failed = candle_table_write(db, symbol, interval, open_ms, &objects, why);
    if (!failed && json_writer_text(&objects)) list = json_loads(json_writer_text(&objects), 0, NULL);
    if (!failed && !list) failed = diag_set(why, ERR_NO_MEMORY, "candles of %s cannot be read", symbol);
    json_write_array(w);
    for (size_t i = 0; i < json_array_size(list); i++) write_row(json_array_get(list, i), w);
    json_write_array_end(w);
    json_decref(list);
    json_writer_deinit(&objects);
    return failed;
}
