#include "serve/notice.h"
#include "screener/signal_json.h"

static message *finish(json_writer *w, message_kind kind, uint64_t seq) {
    message_end(w);
    return message_new(w, kind, seq);
}

message *notice_of_signal(uint64_t seq, const signal_row *s) {
    json_writer w;
    message_begin(&w, "signal_created", seq);
    json_put_text(&w, "signalId", s->id);
    json_put_text(&w, "traderId", s->trader_id);
    json_put_text(&w, "trader", s->trader);
    json_put_text(&w, "symbol", s->symbol);
    json_put_number(&w, "price", s->price);
    json_put_text(&w, "interval", interval_name(s->interval));
    json_put_integer(&w, "time", s->open_ms);
    json_put_integer(&w, "created", s->created_ms);
    json_put_raw(&w, "conditions", s->conditions);
    json_put_text(&w, "state", signal_state_name(s->state));
    json_put_bool(&w, "provisional", s->state == SIGNAL_PROVISIONAL);
    json_put_bool(&w, "late", s->late);
    json_put_text(&w, "side", signal_side_name(s->side));
    return finish(&w, MESSAGE_KEPT, seq);
}

message *notice_of_update(uint64_t seq, const update_row *u) {
    json_writer w;
    message_begin(&w, "signal_updated", seq);
    json_put_text(&w, "signalId", u->id);
    json_put_text(&w, "traderId", u->trader_id);
    json_put_text(&w, "state", signal_state_name(u->state));
    json_put_bool(&w, "revised", u->is_revised);
    return finish(&w, MESSAGE_KEPT, seq);
}

message *notice_of_analysis(uint64_t seq, const analysis_row *row) {
    json_writer w;
    message_begin(&w, row->status == ANALYSIS_DONE ? "analysis_completed" : "analysis_failed", seq);
    analysis_write_fields(&w, row);
    return finish(&w, MESSAGE_KEPT, seq);
}

message *notice_of_status(uint64_t seq, const serve_status *status) {
    json_writer w;
    message_begin(&w, "status_update", seq);
    json_put_text(&w, "status", status->status);
    json_put_integer(&w, "cpus", status->cpus);
    json_put_integer(&w, "uptime", status->uptime_ms);
    return finish(&w, MESSAGE_KEPT, seq);
}

message *notice_of_problem(uint64_t seq, const char *trader_id, const char *why) {
    json_writer w;
    message_begin(&w, "error", seq);
    json_put_text(&w, "message", why);
    json_put_text(&w, "code", "trader_failed");
    json_put_text(&w, "traderId", trader_id);
    return finish(&w, MESSAGE_KEPT, seq);
}

message *notice_of_expiry(int64_t expires_ms, int64_t closes_ms) {
    json_writer w;
    message_begin(&w, "token_expiring", 0);
    json_put_integer(&w, "expires", expires_ms);
    json_put_integer(&w, "closes", closes_ms);
    return finish(&w, MESSAGE_KEPT, 0);
}

message *notice_of_metrics(uint64_t seq, const serve_metrics *metrics) {
    json_writer w;
    message_begin(&w, "metrics_update", seq);
    json_put_integer(&w, "activeSignals", metrics->n_active_signals);
    json_put_integer(&w, "queueDepth", metrics->queue_depth);
    json_put_number(&w, "cpuUsage", metrics->cpu_pct);
    json_put_number(&w, "memoryUsage", metrics->memory_pct);
    return finish(&w, MESSAGE_METRICS, seq);
}

uint32_t notice_topic(uint32_t id, int32_t interval) { return id << TOPIC_INTERVAL_BITS | (uint32_t)interval; }
_Static_assert(N_INTERVALS <= 1 << TOPIC_INTERVAL_BITS, "a topic has room for its interval");

message *notice_of_kline(uint64_t seq, uint32_t id, const char *symbol, int32_t interval, const kline *bar,
                         bool is_closed) {
    const double values[] = {bar->open, bar->high, bar->low, bar->close, bar->volume};
    json_writer w;
    message_begin(&w, "kline_update", seq);
    json_put_text(&w, "symbol", symbol);
    json_put_text(&w, "interval", interval_name(interval));
    json_write_key(&w, "kline");
    json_write_array(&w);
    json_write_integer(&w, bar->open_ms);
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) json_write_number(&w, values[i]);
    json_write_bool(&w, is_closed);
    json_write_array_end(&w);
    message *m = finish(&w, MESSAGE_KLINE, seq);
    if (!m) return NULL;
    m->topic = notice_topic(id, interval);
    m->is_closed = is_closed;
    return m;
}
