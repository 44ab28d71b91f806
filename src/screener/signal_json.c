#include "screener/signal_json.h"
#include <string.h>

const char *signal_side_name(signal_side side) {
    return side == SIDE_LONG ? "long" : side == SIDE_SHORT ? "short" : NULL;
}

signal_side signal_side_parse(const char *name) {
    if (!name) return SIDE_NONE;
    if (strcmp(name, "long") == 0) return SIDE_LONG;
    return strcmp(name, "short") == 0 ? SIDE_SHORT : SIDE_NONE;
}

void signal_write_json(json_writer *w, const signal_row *s) {
    json_write_object(w);
    signal_write_members(w, s);
    json_write_object_end(w);
}

void signal_write_members(json_writer *w, const signal_row *s) {
    json_put_text(w, "id", s->id);
    json_put_text(w, "trader", s->trader);
    json_put_text(w, "traderId", s->trader_id);
    json_put_text(w, "traderName", s->trader_name);
    json_put_text(w, "revision", s->revision);
    json_put_text(w, "symbol", s->symbol);
    json_put_text(w, "interval", interval_name(s->interval));
    json_put_integer(w, "time", s->open_ms);
    json_put_integer(w, "closeTime", s->close_ms);
    json_put_integer(w, "created", s->created_ms);
    json_put_number(w, "price", s->price);
    json_put_number(w, "changePercent", s->change_pct);
    json_put_number(w, "volume", s->volume);
    json_put_text(w, "side", signal_side_name(s->side));
    json_put_number(w, "score", s->score);
    json_put_number(w, "stop", s->stop);
    json_write_key(w, "targets");
    json_write_array(w);
    for (int32_t i = 0; i < s->n_targets; i++) json_write_number(w, s->target[i]);
    json_write_array_end(w);
    json_put_raw(w, "conditions", s->conditions);
    json_put_raw(w, "values", s->values ? s->values : "{}");
    json_put_raw(w, "plots", s->plots ? s->plots : "[]");
    json_put_raw(w, "tags", s->tags);
    json_put_text(w, "state", signal_state_name(s->state));
    json_put_text(w, "status", s->status[0] ? s->status : signal_first_status(s->state));
    json_put_bool(w, "provisional", s->state == SIGNAL_PROVISIONAL);
    json_put_bool(w, "late", s->late);
    json_put_bool(w, "revised", s->is_revised);
}
