#include "screener/trader_status.h"

const char *trader_state_name(trader_state state) {
    static const char *const names[] = {"running", "warming", "quarantined", "paused", "failed"};
    return names[state];
}

static void put_known(json_writer *w, const char *key, int64_t value) {
    json_write_key(w, key);
    if (value)
        json_write_integer(w, value);
    else
        json_write_null(w);
}

static void write_last(json_writer *w, const trader_error_row *last) {
    json_write_key(w, "lastError");
    if (!last) {
        json_write_null(w);
        return;
    }
    json_write_object(w);
    json_put_text(w, "symbol", *last->symbol ? last->symbol : NULL);
    put_known(w, "time", last->open_ms);
    json_put_text(w, "message", last->message);
    put_known(w, "line", last->line);
    json_put_text(w, "trace", *last->trace ? last->trace : NULL);
    json_put_text(w, "codeHash", *last->revision ? last->revision : NULL);
    json_write_object_end(w);
}

void trader_status_write_json(json_writer *w, const trader_status *s) {
    json_write_object(w);
    json_put_text(w, "trader", s->trader);
    json_put_text(w, "id", s->id);
    json_put_text(w, "name", s->name);
    json_put_text(w, "interval", interval_name(s->interval));
    json_put_bool(w, "enabled", s->is_enabled);
    json_put_raw(w, "inputs", s->inputs ? s->inputs : "null");
    json_put_text(w, "state", trader_state_name(s->state));
    put_known(w, "until", s->until_ms);
    json_put_integer(w, "symbols", s->n_symbols);
    json_put_integer(w, "skippedSymbols", s->n_skipped);
    json_put_text(w, "warning", s->warning && *s->warning ? s->warning : NULL);
    json_put_integer(w, "errors", (int64_t)s->n_errors);
    json_put_integer(w, "kills", (int64_t)s->n_kills);
    put_known(w, "firstError", s->first_ms);
    put_known(w, "lastErrorAt", s->last_ms);
    write_last(w, s->last);
    json_write_object_end(w);
}
