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

static void write_warming(json_writer *w, const trader_status *s) {
    json_write_key(w, "warming");
    if (s->state != TRADER_WARMING || s->need == 0) {
        json_write_null(w);
        return;
    }
    json_write_object(w);
    json_put_integer(w, "have", s->have);
    json_put_integer(w, "need", s->need);
    json_write_object_end(w);
}

void trader_status_write_json(json_writer *w, const trader_status *s) {
    json_write_object(w);
    json_put_text(w, "trader", s->trader);
    json_put_text(w, "id", s->id);
    json_put_text(w, "name", s->name);
    json_put_text(w, "description", s->description);
    json_put_text(w, "interval", interval_name(s->interval));
    json_write_key(w, "timeframes");
    json_write_array(w);
    for (int32_t i = 0; i < N_INTERVALS; i++)
        if (s->timeframes >> i & 1) json_write_text(w, interval_name(i));
    json_write_array_end(w);
    json_put_bool(w, "enabled", s->is_enabled);
    json_put_raw(w, "inputs", s->inputs ? s->inputs : "null");
    json_put_raw(w, "parameters", s->parameters ? s->parameters : "[]");
    json_put_text(w, "origin", s->origin ? s->origin : "file");
    json_put_bool(w, "editable", s->is_editable);
    json_put_text(w, "version", *s->version ? s->version : NULL);
    json_put_number(w, "cost_us", s->cost_us);
    json_put_integer(w, "n_signals", (int64_t)s->n_signals);
    json_put_text(w, "error", s->error);
    json_put_text(w, "state", trader_state_name(s->state));
    put_known(w, "until", s->until_ms);
    write_warming(w, s);
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
