#include "screener/trader_error.h"
#include <stdlib.h>
#include <string.h>

static const char *const names[] = {"error", "kill", "load", "flood"};

const char *trader_error_kind_name(trader_error_kind kind) { return names[kind]; }

trader_error_kind trader_error_kind_of(const char *name) {
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(names[i], name) == 0) return (trader_error_kind)i;
    return TRADER_ERROR_ERROR;
}

int32_t trader_error_line(const char *message) {
    for (const char *at = strchr(message, ':'); at; at = strchr(at + 1, ':')) {
        char *end;
        long line = at[1] >= '1' && at[1] <= '9' ? strtol(at + 1, &end, 10) : 0;
        if (line > 0 && *end == ':') return line <= INT32_MAX ? (int32_t)line : 0;
    }
    return 0;
}

static void put_known(json_writer *w, const char *key, int64_t value) {
    json_write_key(w, key);
    if (value)
        json_write_integer(w, value);
    else
        json_write_null(w);
}

void trader_error_write_json(json_writer *w, const trader_error_row *row) {
    json_write_object(w);
    json_put_text(w, "trader", row->trader);
    json_put_text(w, "traderId", row->trader_id);
    json_put_text(w, "kind", trader_error_kind_name(row->kind));
    json_put_text(w, "symbol", *row->symbol ? row->symbol : NULL);
    put_known(w, "time", row->open_ms);
    json_put_text(w, "message", row->message);
    put_known(w, "line", row->line);
    json_put_text(w, "trace", *row->trace ? row->trace : NULL);
    json_put_text(w, "codeHash", *row->revision ? row->revision : NULL);
    json_put_integer(w, "count", (int64_t)row->count);
    put_known(w, "firstSeen", row->first_ms);
    put_known(w, "lastSeen", row->last_ms);
    put_known(w, "resolvedAt", row->resolved_ms);
    json_write_object_end(w);
}
