#include "screener/analysis.h"
#include "base/clock.h"
#include "base/uuid.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const STATUSES[] = {"queued", "done", "failed", "expired"};
static const char *const FOLLOW_UPS[] = {"new", "monitoring", "ready", "expired"};

const char *analysis_status_name(analysis_status status) { return STATUSES[status]; }
const char *follow_up_name(follow_up f) { return FOLLOW_UPS[f]; }

void analysis_id(const char *signal_id, int32_t look, char id[ID_BYTES]) {
    char name[64];
    snprintf(name, sizeof name, "analysis|%s|%d", signal_id, look);
    if (uuid5(SIGNAL_NAMESPACE, name, strlen(name), id) != 0) id[0] = 0;
}

err analysis_row_of_signal(const signal_row *s, analysis_row *out) {
    *out = (analysis_row){.interval = s->interval,
                          .open_ms = s->open_ms,
                          .close_ms = s->close_ms,
                          .created_ms = s->created_ms,
                          .confidence = NAN};
    analysis_id(s->id, 0, out->id);
    snprintf(out->signal_id, sizeof out->signal_id, "%s", s->id);
    snprintf(out->trader_id, sizeof out->trader_id, "%s", s->trader_id);
    snprintf(out->symbol, sizeof out->symbol, "%s", s->symbol);
    if (s->prompt) out->prompt = strdup(s->prompt);
    return out->prompt || !s->prompt ? OK : ERR_NO_MEMORY;
}

err analysis_row_of_prompt(const pass *p, const prompt_row *made, analysis_row *out) {
    const char *text = made->prompt ? made->prompt : made->error;
    char *copy = strdup(text);
    *out = (analysis_row){.interval = p->interval,
                          .open_ms = made->open_ms,
                          .close_ms = made->close_ms,
                          .created_ms = made->created_ms,
                          .status = made->prompt ? ANALYSIS_QUEUED : ANALYSIS_FAILED,
                          .confidence = NAN};
    if (!copy) return ERR_NO_MEMORY;
    *(made->prompt ? &out->prompt : &out->error) = copy;
    if (!made->prompt) out->finished_ms = wall_ms();
    analysis_id(made->signal_id, 0, out->id);
    snprintf(out->signal_id, sizeof out->signal_id, "%s", made->signal_id);
    snprintf(out->trader_id, sizeof out->trader_id, "%s", made->trader_id);
    snprintf(out->symbol, sizeof out->symbol, "%s", p->symbol);
    return OK;
}

/* Each text of a row. */
#define TEXTS(X) X(prompt) X(reasoning) X(key_levels) X(trade_plan) X(context) X(notes) X(raw) X(error)

err analysis_row_copy(const analysis_row *row, analysis_row *out) {
    bool has_all = true;
    *out = *row;
#define COPY(name) \
    out->name = row->name ? strdup(row->name) : NULL; \
    has_all = has_all && (out->name || !row->name);
    TEXTS(COPY)
#undef COPY
    if (has_all) return OK;
    analysis_row_deinit(out);
    return ERR_NO_MEMORY;
}

void analysis_row_deinit(analysis_row *row) {
#define FREE(name) free(row->name);
    TEXTS(FREE)
#undef FREE
    *row = (analysis_row){0};
}

static void put_json(json_writer *w, const char *key, const char *json) {
    json_write_key(w, key);
    if (json)
        json_write_raw(w, json);
    else
        json_write_null(w);
}

void analysis_write_json(json_writer *w, const analysis_row *row) {
    json_write_object(w);
    analysis_write_fields(w, row);
    json_write_object_end(w);
}

void analysis_write_fields(json_writer *w, const analysis_row *row) {
    bool is_done = row->status == ANALYSIS_DONE;
    json_put_text(w, "signalId", row->signal_id);
    json_put_text(w, "analysisId", row->id);
    json_put_text(w, "traderId", row->trader_id);
    json_put_text(w, "symbol", row->symbol);
    json_put_text(w, "interval", interval_name(row->interval));
    json_put_integer(w, "time", row->open_ms);
    json_put_integer(w, "look", row->look);
    json_put_text(w, "state", STATUSES[row->status]);
    json_put_text(w, "signalStatus", FOLLOW_UPS[row->follow_up]);
    json_put_text(w, "decision", is_done ? row->decision : NULL);
    json_put_text(w, "side", is_done && row->side[0] ? row->side : NULL);
    json_put_number(w, "confidence", is_done ? row->confidence : NAN);
    json_put_text(w, "reasoning", row->reasoning);
    put_json(w, "keyLevels", row->key_levels);
    put_json(w, "tradePlan", row->trade_plan);
    put_json(w, "technicalContext", row->context);
    put_json(w, "notes", row->notes);
    json_put_text(w, "provider", row->provider[0] ? row->provider : NULL);
    json_put_text(w, "model", row->model[0] ? row->model : NULL);
    json_write_key(w, "tokens");
    json_write_object(w);
    json_put_integer(w, "in", row->tokens_in);
    json_put_integer(w, "cached", row->tokens_cached);
    json_put_integer(w, "out", row->tokens_out);
    json_write_object_end(w);
    json_put_number(w, "costUsd", row->cost_usd);
    json_put_integer(w, "latencyMs", row->latency_ms);
    json_put_integer(w, "requests", row->n_requests);
    json_put_text(w, "error", row->error);
    json_put_integer(w, "created", row->created_ms);
    json_write_key(w, "finished");
    if (row->finished_ms)
        json_write_integer(w, row->finished_ms);
    else
        json_write_null(w);
}
