#include "sync/signal_table.h"
#include "base/json_writer.h"
#include "base/uuid.h"
#include "screener/signal_json.h"
#include "sync/analysis_table.h"
#include "sync/candle_table.h"
#include "sync/local_db_body.h"
#include "sync/notice_table.h"
#include "sync/outbox.h"
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SQL_BYTES = 1024, EVENT_MESSAGE_BYTES = 256 };

static err read_signal(signal_row *s, sqlite3_stmt *row);

/* ---- written ---- */

static err metadata_of(const signal_row *s, char **out) {
    json_writer w;
    json_writer_init(&w);
    json_write_object(&w);
    json_put_text(&w, "trader", s->trader);
    json_put_text(&w, "trader_name", s->trader_name);
    json_put_text(&w, "revision", s->revision);
    json_put_text(&w, "side", signal_side_name(s->side));
    json_put_number(&w, "score", s->score);
    json_put_number(&w, "stop", s->stop);
    json_write_key(&w, "target");
    json_write_array(&w);
    for (int32_t i = 0; i < s->n_targets; i++) json_write_number(&w, s->target[i]);
    json_write_array_end(&w);
    json_put_raw(&w, "tags", s->tags);
    json_put_raw(&w, "values", s->values ? s->values : "{}");
    json_put_bool(&w, "late", s->late);
    json_put_text(&w, "state", signal_state_name(s->state));
    json_write_object_end(&w);
    return json_writer_take(&w, out, NULL);
}

static err insert(local_db *db, const signal_row *s, bool *is_new, diag *why) {
    assert(s->conditions && s->tags);
    sqlite3_stmt *put = db->statements[PUT_SIGNAL];
    char *metadata = NULL, *indicator_data = NULL;
    err failed = metadata_of(s, &metadata);
    if (!failed && s->plots && asprintf(&indicator_data, "{\"plots\":%s}", s->plots) < 0) failed = ERR_NO_MEMORY;
    if (failed) {
        free(metadata);
        return diag_set(why, failed, "signal %s: %s", s->id, error_text(failed));
    }
    bind_text(put, 1, s->id);
    bind_text(put, 2, db->user_id);
    bind_text(put, 3, s->trader_id);
    bind_text(put, 4, s->symbol);
    bind_text(put, 5, interval_name(s->interval));
    sqlite3_bind_int64(put, 6, s->open_ms);
    sqlite3_bind_double(put, 7, s->price);
    sqlite3_bind_double(put, 8, s->change_pct);
    sqlite3_bind_double(put, 9, s->volume);
    bind_text(put, 10, s->conditions);
    bind_text(put, 11, db->machine_id);
    bind_text(put, 12, metadata);
    sqlite3_bind_int64(put, 13, s->created_ms);
    if (s->plots) bind_text(put, 14, indicator_data);
    bind_text(put, 15, signal_first_status(s->state));
    failed = local_db_run(db, put, why);
    *is_new = !failed && sqlite3_changes(db->handle) == 1;
    free(indicator_data);
    free(metadata);
    return failed;
}

/* ---- its event, and its way to the cloud ---- */

static err event_details(const signal_row *s, char **out) {
    json_writer w;
    json_writer_init(&w);
    json_write_object(&w);
    json_put_text(&w, "signalId", s->id);
    json_put_text(&w, "traderId", s->trader_id);
    json_put_text(&w, "trader", s->trader);
    json_put_text(&w, "symbol", s->symbol);
    json_put_text(&w, "interval", interval_name(s->interval));
    json_put_integer(&w, "time", s->open_ms);
    json_put_number(&w, "price", s->price);
    json_write_object_end(&w);
    return json_writer_take(&w, out, NULL);
}

/* Named after its signal, so that there is never another. */
static err put_event(local_db *db, const signal_row *s, diag *why) {
    sqlite3_stmt *put = db->statements[PUT_EVENT];
    char name[ID_BYTES + 32], id[ID_BYTES], message[EVENT_MESSAGE_BYTES], *details = NULL;
    snprintf(name, sizeof name, "event|signal_created|%s", s->id);
    snprintf(message, sizeof message, "%s on %s %s", s->trader_name, s->symbol, interval_name(s->interval));
    err failed = uuid5(SIGNAL_NAMESPACE, name, strlen(name), id) == 0 ? event_details(s, &details) : ERR_INVALID;
    if (failed) return diag_set(why, failed, "event of signal %s: %s", s->id, error_text(failed));
    bind_text(put, 1, id);
    bind_text(put, 2, db->user_id);
    bind_text(put, 3, "signal_created");
    bind_text(put, 4, message);
    bind_text(put, 5, details);
    sqlite3_bind_int64(put, 6, s->created_ms);
    failed = local_db_run(db, put, why);
    free(details);
    return failed ? failed : outbox_put(db, CLOUD_EVENTS, id, OUTBOX_INSERT, why);
}

/* What was found in the past is no event, and nobody is told of it. */
static err note_new(local_db *db, const signal_row *s, diag *why) {
    err failed = outbox_put(db, CLOUD_SIGNALS, s->id, OUTBOX_INSERT, why);
    if (!failed && s->prompt) failed = analysis_table_queue(db, s, why);
    if (!failed && s->owes_prompt) failed = analysis_table_owe(db, s->id, why);
    if (failed || s->state == SIGNAL_HISTORICAL) return failed;
    failed =
        notice_table_put(db, s->state == SIGNAL_PROVISIONAL ? NOTICE_PROVISIONAL : NOTICE_SIGNAL, s->id, NULL, why);
    return failed ? failed : put_event(db, s, why);
}

static err note_update(local_db *db, const update_row *u, diag *why) {
    err failed = outbox_put(db, CLOUD_SIGNALS, u->id, OUTBOX_AMEND, why);
    if (failed || u->is_revised) return failed;
    return notice_table_put(db, u->state == SIGNAL_WITHDRAWN ? NOTICE_WITHDRAWN : NOTICE_CONFIRMED, u->id, NULL, why);
}

/* ---- the same signal again ---- */

/* Values that do not follow from the bar alone agree within 1e-9 when an indicator has begun at another bar. */
static bool is_near(double a, double b) {
    return (isnan(a) && isnan(b)) || fabs(a - b) <= 1e-9 * fmax(fabs(a), fabs(b));
}

static bool is_near_json(const json_t *a, const json_t *b) {
    size_t i;
    const char *key;
    json_t *item;
    if (json_is_number(a) && json_is_number(b)) return is_near(json_number_value(a), json_number_value(b));
    if (json_typeof(a) != json_typeof(b)) return false;
    if (json_is_array(a)) {
        if (json_array_size(a) != json_array_size(b)) return false;
        json_array_foreach(a, i, item) if (!is_near_json(item, json_array_get(b, i))) return false;
        return true;
    }
    if (!json_is_object(a)) return json_equal(a, b);
    if (json_object_size(a) != json_object_size(b)) return false;
    json_object_foreach((json_t *)a, key, item) {
        const json_t *other = json_object_get(b, key);
        if (!other || !is_near_json(item, other)) return false;
    }
    return true;
}

/* NULL: `none`. What is no JSON is like nothing. */
static bool is_near_text(const char *a, const char *b, const char *none) {
    json_t *x = json_loads(a ? a : none, 0, NULL), *y = json_loads(b ? b : none, 0, NULL);
    bool is_near = x && y && is_near_json(x, y);
    json_decref(x);
    json_decref(y);
    return is_near;
}

/* Whether the trader has said the same of the bar. When it did, and whether in time, is not part of that. */
static bool is_same_content(const signal_row *a, const signal_row *b) {
    if (a->side != b->side || a->n_targets != b->n_targets) return false;
    for (int32_t i = 0; i < a->n_targets; i++)
        if (!is_near(a->target[i], b->target[i])) return false;
    return is_near(a->price, b->price) && is_near(a->volume, b->volume) && is_near(a->change_pct, b->change_pct) &&
           is_near(a->score, b->score) && is_near(a->stop, b->stop) &&
           is_near_text(a->conditions, b->conditions, "[]") && is_near_text(a->tags, b->tags, "[]") &&
           is_near_text(a->values, b->values, "{}") && is_near_text(a->plots, b->plots, "[]");
}

err signal_table_get(local_db *db, const char *id, signal_row *out, diag *why) {
    sqlite3_stmt *get = db->statements[GET_SIGNAL];
    err failed = OK;
    bind_text(get, 1, id);
    int code = sqlite3_step(get);
    if (code == SQLITE_DONE)
        failed = diag_set(why, ERR_NOT_FOUND, "%s: no signal %s", db->path, id);
    else if (code != SQLITE_ROW)
        failed = local_db_fail(db, why, "read it");
    if (!failed && (failed = read_signal(out, get)))
        diag_set(why, failed, "%s: cannot read signal %s: %s", db->path, id, error_text(failed));
    sqlite3_reset(get);
    sqlite3_clear_bindings(get);
    return failed;
}

static err note_revision(local_db *db, const signal_row *s, diag *why) {
    signal_row known = {0};
    err failed = signal_table_get(db, s->id, &known, why);
    if (!failed && !known.is_revised && !is_same_content(&known, s)) {
        bind_text(db->statements[REVISE_SIGNAL], 1, s->id);
        failed = local_db_run(db, db->statements[REVISE_SIGNAL], why);
        if (!failed) failed = outbox_put(db, CLOUD_SIGNALS, s->id, OUTBOX_AMEND, why);
    }
    signal_row_deinit(&known);
    return failed;
}

/* ---- a pass ---- */

/* Moves row `from` down to place `to` and those between one up. */
static void move_row(signal_row *rows, uint32_t from, uint32_t to) {
    if (from == to) return;
    signal_row moved = rows[from];
    memmove(&rows[to + 1], &rows[to], (from - to) * sizeof *rows);
    rows[to] = moved;
}

/* Of the signal whose id is the first column. */
static err add_update(pass *p, sqlite3_stmt *row, const char *trader_id, signal_state state, bool is_revised) {
    update_row update = {.state = state, .is_revised = is_revised};
    copy_text(update.id, sizeof update.id, row, 0);
    snprintf(update.trader_id, sizeof update.trader_id, "%s", trader_id);
    return pass_add_update(p, &update);
}

static err revise(local_db *db, pass *p, const revise_row *row, diag *why) {
    sqlite3_stmt *update = db->statements[REVISE_SIGNALS];
    err failed = OK;
    int code;
    bind_text(update, 1, row->trader_id);
    bind_text(update, 2, p->symbol);
    bind_text(update, 3, interval_name(row->interval));
    sqlite3_bind_int64(update, 4, row->from_ms);
    sqlite3_bind_int64(update, 5, row->to_ms);
    while ((code = sqlite3_step(update)) == SQLITE_ROW && !failed) {
        failed = add_update(p, update, row->trader_id, signal_state_of(text_at(update, 1)), true);
        if (failed) diag_set(why, failed, "marking signals as revised: %s", error_text(failed));
    }
    if (!failed && code != SQLITE_DONE) failed = local_db_fail(db, why, "write to it");
    sqlite3_reset(update);
    sqlite3_clear_bindings(update);
    return failed;
}

static err settle(local_db *db, pass *p, const settle_row *row, diag *why) {
    sqlite3_stmt *update = db->statements[SETTLE_SIGNALS];
    err failed = OK;
    int code;
    bind_text(update, 1, row->trader_id);
    bind_text(update, 2, p->symbol);
    bind_text(update, 3, interval_name(p->interval));
    sqlite3_bind_int64(update, 4, row->open_ms);
    bind_text(update, 5, signal_state_name(row->state));
    while ((code = sqlite3_step(update)) == SQLITE_ROW && !failed) {
        failed = add_update(p, update, row->trader_id, row->state, false);
        if (failed) diag_set(why, failed, "settling signals: %s", error_text(failed));
    }
    if (!failed && code != SQLITE_DONE) failed = local_db_fail(db, why, "write to it");
    sqlite3_reset(update);
    sqlite3_clear_bindings(update);
    return failed;
}

err signal_table_put(local_db *db, pass *p, uint32_t *n_new, diag *why) {
    err failed = OK;
    *n_new = 0;
    p->n_updates = 0; /* of a commit that has failed */
    for (uint32_t i = 0; !failed && i < p->n_revises; i++) failed = revise(db, p, &p->revises[i], why);
    for (uint32_t i = 0; !failed && i < p->n_signals; i++) {
        bool is_new = false;
        failed = insert(db, &p->signals[i], &is_new, why);
        if (!failed && is_new) failed = note_new(db, &p->signals[i], why);
        if (!failed && is_new)
            move_row(p->signals, i, (*n_new)++);
        else if (!failed)
            failed = note_revision(db, &p->signals[i], why);
    }
    for (uint32_t i = 0; !failed && i < p->n_settles; i++) failed = settle(db, p, &p->settles[i], why);
    for (uint32_t i = 0; !failed && i < p->n_updates; i++) failed = note_update(db, &p->updates[i], why);
    for (uint32_t i = 0; !failed && i < p->n_candles; i++)
        failed = candle_table_put(db, p->symbol, p->interval, &p->candles[i], why);
    return failed;
}

/* ---- read ---- */

void signal_list_deinit(signal_list *list) {
    if (!list) return;
    for (size_t i = 0; i < list->count; i++) signal_row_deinit(&list->rows[i]);
    free(list->rows);
    *list = (signal_list){0};
}

void signal_cursor_format(const signal_row *row, char out[SIGNAL_CURSOR_BYTES]) {
    snprintf(out, SIGNAL_CURSOR_BYTES, "%" PRId64 ":%s", row->created_ms, row->id);
}

err signal_cursor_parse(const char *text, signal_filter *filter) {
    char *end = NULL;
    if (text[0] < '0' || text[0] > '9') return ERR_SYNTAX;
    errno = 0;
    int64_t before_ms = strtoll(text, &end, 10);
    if (errno || before_ms <= 0 || *end != ':' || !uuid_is_valid(end + 1)) return ERR_SYNTAX;
    filter->before_ms = before_ms;
    snprintf(filter->before_id, sizeof filter->before_id, "%s", end + 1);
    return OK;
}

static double number_at(sqlite3_stmt *row, int column) {
    return sqlite3_column_type(row, column) == SQLITE_NULL ? NAN : sqlite3_column_double(row, column);
}

static double number_of(const json_t *value) { return json_is_number(value) ? json_number_value(value) : NAN; }

static void text_of(char *to, size_t to_bytes, const json_t *value) {
    snprintf(to, to_bytes, "%s", json_is_string(value) ? json_string_value(value) : "");
}

static void read_targets(signal_row *s, const json_t *targets) {
    size_t most = sizeof s->target / sizeof s->target[0];
    for (size_t i = 0; i < most; i++) s->target[i] = number_of(json_array_get(targets, i));
    size_t count = json_array_size(targets);
    s->n_targets = (int32_t)(count < most ? count : most);
}

/* NULL for an empty one. */
static char *dump_object(const json_t *object) {
    return json_object_size(object) > 0 ? json_dumps(object, JSON_COMPACT) : NULL;
}

static err read_metadata(signal_row *s, const char *text) {
    json_t *metadata = json_loads(text, 0, NULL);
    if (!json_is_object(metadata)) {
        json_decref(metadata);
        return ERR_SYNTAX;
    }
    text_of(s->trader, sizeof s->trader, json_object_get(metadata, "trader"));
    text_of(s->trader_name, sizeof s->trader_name, json_object_get(metadata, "trader_name"));
    text_of(s->revision, sizeof s->revision, json_object_get(metadata, "revision"));
    s->side = signal_side_parse(json_string_value(json_object_get(metadata, "side")));
    s->score = number_of(json_object_get(metadata, "score"));
    s->stop = number_of(json_object_get(metadata, "stop"));
    read_targets(s, json_object_get(metadata, "target"));
    s->late = json_is_true(json_object_get(metadata, "late"));
    s->is_revised = json_is_true(json_object_get(metadata, "revised"));
    const char *state = json_string_value(json_object_get(metadata, "state"));
    s->state = state ? signal_state_of(state) : SIGNAL_CONFIRMED;
    const json_t *tags = json_object_get(metadata, "tags");
    s->tags = json_is_array(tags) ? json_dumps(tags, JSON_COMPACT) : strdup("[]");
    s->values = dump_object(json_object_get(metadata, "values"));
    json_decref(metadata);
    return s->tags ? OK : ERR_NO_MEMORY;
}

/* {"plots": [...]} */
static void read_indicator_data(signal_row *s, const char *text) {
    json_t *data = *text ? json_loads(text, 0, NULL) : NULL;
    const json_t *plots = json_object_get(data, "plots");
    s->plots = json_is_array(plots) ? json_dumps(plots, JSON_COMPACT) : NULL;
    json_decref(data);
}

static err read_signal(signal_row *s, sqlite3_stmt *row) {
    *s = (signal_row){0};
    copy_text(s->id, sizeof s->id, row, 0);
    copy_text(s->trader_id, sizeof s->trader_id, row, 1);
    copy_text(s->symbol, sizeof s->symbol, row, 2);
    s->interval = interval_parse(text_at(row, 3), strlen(text_at(row, 3)));
    if (s->interval < 0) return ERR_INVALID;
    s->open_ms = sqlite3_column_int64(row, 4);
    s->close_ms = interval_next(s->interval, s->open_ms);
    s->price = number_at(row, 5);
    s->change_pct = number_at(row, 6);
    s->volume = number_at(row, 7);
    s->created_ms = sqlite3_column_int64(row, 10);
    s->conditions = strdup(text_at(row, 8));
    read_indicator_data(s, text_at(row, 11));
    copy_text(s->status, sizeof s->status, row, 12);
    return s->conditions ? read_metadata(s, text_at(row, 9)) : ERR_NO_MEMORY;
}

/* What the filter asks for, each with the number of its parameter. */
static void write_conditions(const signal_filter *f, char *sql, size_t bytes) {
    bool is_narrow = f->symbol[0] || f->trader[0]; /* nearly all have the same state: the wrong index */
    snprintf(sql, bytes, "%s%s%s%s%s%s%s%s", f->before_ms > 0 ? " AND (created_at, id) < (?2, ?3)" : "",
             f->symbol[0] ? " AND symbol = ?4" : "",
             !f->trader[0]              ? ""
             : uuid_is_valid(f->trader) ? " AND trader_id = ?5"
                                        : " AND trader = ?5",
             !f->has_state ? ""
             : is_narrow   ? " AND +state = ?6"
                           : " AND state = ?6",
             f->status[0] ? " AND status = ?7" : "", f->has_interval ? " AND interval = ?9" : "",
             f->from_ms > 0 ? " AND timestamp >= ?10" : "", f->to_ms > 0 ? " AND timestamp < ?11" : "");
}

/* One row more than asked for is read, to know whether there are more. */
static err prepare_signals(local_db *db, const signal_filter *filter, sqlite3_stmt **out, diag *why) {
    char sql[SQL_BYTES], conditions[SQL_BYTES / 2];
    write_conditions(filter, conditions, sizeof conditions);
    snprintf(sql, sizeof sql,
             "SELECT " SIGNAL_COLUMNS " FROM signals WHERE true%s ORDER BY created_at DESC, id DESC LIMIT ?1",
             conditions);
    if (sqlite3_prepare_v2(db->handle, sql, -1, out, NULL) != SQLITE_OK) return local_db_fail(db, why, "read it");
    sqlite3_bind_int64(*out, 1, (int64_t)filter->limit + 1);
    if (filter->before_ms > 0) {
        sqlite3_bind_int64(*out, 2, filter->before_ms);
        bind_text(*out, 3, filter->before_id);
    }
    if (filter->symbol[0]) bind_text(*out, 4, filter->symbol);
    if (filter->trader[0]) bind_text(*out, 5, filter->trader);
    if (filter->has_state) bind_text(*out, 6, signal_state_name(filter->state));
    if (filter->status[0]) bind_text(*out, 7, filter->status);
    if (filter->has_interval) bind_text(*out, 9, interval_name(filter->interval));
    if (filter->from_ms > 0) sqlite3_bind_int64(*out, 10, filter->from_ms);
    if (filter->to_ms > 0) sqlite3_bind_int64(*out, 11, filter->to_ms);
    return OK;
}

err signal_table_read(local_db *db, const signal_filter *filter, signal_list *out, diag *why) {
    assert(filter->limit >= 1 && filter->limit <= SIGNAL_PAGE_MAX);
    sqlite3_stmt *statement = NULL;
    signal_list list = {.rows = calloc(filter->limit, sizeof(signal_row))};
    if (!list.rows) return diag_set(why, ERR_NO_MEMORY, "%s", error_text(ERR_NO_MEMORY));
    err failed = prepare_signals(db, filter, &statement, why);
    int code = SQLITE_DONE;
    while (!failed && (code = sqlite3_step(statement)) == SQLITE_ROW && !list.has_more) {
        if (list.count == filter->limit) {
            list.has_more = true;
            continue;
        }
        failed = read_signal(&list.rows[list.count++], statement);
        if (failed)
            diag_set(why, failed, "%s: cannot read signal %s: %s", db->path, text_at(statement, 0), error_text(failed));
    }
    if (!failed && code != SQLITE_DONE && code != SQLITE_ROW) failed = local_db_fail(db, why, "read it");
    sqlite3_finalize(statement);
    if (failed)
        signal_list_deinit(&list);
    else
        *out = list;
    return failed;
}

err signal_table_count_open(local_db *db, const char *trader_id, int64_t *count, diag *why) {
    static const char sql[] =
        "SELECT count(*) FROM signals WHERE trader_id = ?1 AND status NOT IN ('expired', 'archived')";
    sqlite3_stmt *statement = NULL;
    if (sqlite3_prepare_v2(db->handle, sql, -1, &statement, NULL) != SQLITE_OK)
        return local_db_fail(db, why, "read it");
    bind_text(statement, 1, trader_id);
    err failed = sqlite3_step(statement) == SQLITE_ROW ? OK : local_db_fail(db, why, "read it");
    if (!failed) *count = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    return failed;
}
