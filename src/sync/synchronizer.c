/* A lane goes round: idle, reading (storage), sending (client), settling (storage), and again while there is a batch's rest
 * or more to read. What can go at all is decided in pump(), which is called whenever something has changed.
 *
 * A batch that is refused because of a row is halved, and the halves sent one after the other, until the row stands alone:
 * with one bad row of 500 that takes 18 requests, and the other 499 are there. */
#include "sync/synchronizer.h"
#include "base/clock.h"
#include "base/fault.h"
#include "base/log.h"
#include "sync/outage.h"
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    ROWS_FIRST = 100,
    ROWS_MOST = 500,
    ROWS_AT_ONCE = 100, /* as many waiting rows are not left to wait for the timer */
    AMENDS_MOST = 100,  /* their ids go into a URL */
    BATCH_BYTES = 1 << 20,
    RANGES_MOST = 32, /* halving ROWS_MOST needs 10 */
    DRAIN_ROWS_PER_S = 1000,
    RETRY_FIRST_MS = 500,
    RETRY_MOST_MS = 60000,
    SCHEMA_PAUSE_MS = 60000,
    FULL_PAUSE_MS = 100,
    COUNT_MS = 5000,
    COUNT_MUCH_MS = 60000, /* counting takes time when much waits */
    MUCH = 20000,
    MACHINE_BYTES = 64,
    COLUMNS_BYTES = 512
};

typedef struct range {
    size_t from, to;
} range;

typedef enum lane_step { LANE_IDLE, LANE_READING, LANE_SENDING, LANE_SETTLING } lane_step;

typedef struct lane {
    synchronizer *owner;
    struct lane *other; /* of the same rows; NULL: none */
    cloud_table_id table;
    outbox_op op;
    lane_step step;
    bool has_more; /* something may wait in the outbox */
    uint32_t limit;
    int64_t paused_until_ms;
    outbox_batch batch;
    int64_t from_n, to_n; /* of the batch; 0: there is none */
    range ranges[RANGES_MOST], current;
    size_t n_ranges;
    char why[POSTGREST_WHY_BYTES]; /* of a pause because of the schema; "" */
    /* Of the job that storage works on. */
    char machine_row[MACHINE_BYTES];
    int64_t skip_from, skip_to;
    int64_t *settled;
    char code[POSTGREST_CODE_BYTES], reason[POSTGREST_WHY_BYTES];
    bool buries;
} lane;

enum { N_LANES = 9 };

/* What comes in numbers has a second lane, so that a batch is on its way while the one before is being written there. It takes
 * part when the first one has left something behind, and neither reads what the other has. */
static const struct {
    cloud_table_id table;
    outbox_op op;
    int second; /* place of the other lane; 0: none */
} LANES[N_LANES] = {
    {CLOUD_SIGNALS, OUTBOX_INSERT, 7}, {CLOUD_SIGNALS, OUTBOX_AMEND, 0},  {CLOUD_ANALYSES, OUTBOX_INSERT, 0},
    {CLOUD_EVENTS, OUTBOX_INSERT, 8},  {CLOUD_ERRORS, OUTBOX_INSERT, 0},  {CLOUD_METRICS, OUTBOX_INSERT, 0},
    {CLOUD_COSTS, OUTBOX_INSERT, 0},   {CLOUD_SIGNALS, OUTBOX_INSERT, 0}, {CLOUD_EVENTS, OUTBOX_INSERT, 0}};
enum { N_FIRST_LANES = 7 };

struct synchronizer {
    uv_timer_t timer;
    storage *storage;
    postgrest *client;
    synchronizer_handlers handlers;
    int64_t interval_ms, next_sync_ms, next_count_ms, finish_by_ms;
    char machine_row[MACHINE_BYTES];
    outage outage;
    lane lanes[N_LANES];
    uint32_t n_noted;
    bool is_key_refused, is_finishing, has_finished, is_closing, is_counting;
    char why[POSTGREST_WHY_BYTES];
    log_repeater failures, schema, buried;
    outbox_counts counts, fresh_counts;
    uint64_t n_rows, n_requests, n_failures, n_buried;
    int64_t last_ms;
    void (*on_done)(void *context);
    void *done_context;
    void (*on_closed)(void *context);
    void *closed_context;
};

static void pump(synchronizer *s);
static void send_next(lane *l);

/* ---- life ---- */

static void on_timer(uv_timer_t *timer) {
    synchronizer *s = timer->data;
    if (monotonic_ms() >= s->next_sync_ms) synchronizer_force(s);
    pump(s);
}

err synchronizer_new(const synchronizer_config *config, synchronizer **out) {
    synchronizer *s = calloc(1, sizeof *s);
    if (!s) return ERR_NO_MEMORY;
    s->storage = config->storage;
    s->client = config->client;
    s->handlers = config->handlers;
    s->interval_ms = config->interval_ms;
    outage_init(&s->outage, RETRY_FIRST_MS, RETRY_MOST_MS, config->rows_per_s ? config->rows_per_s : DRAIN_ROWS_PER_S,
                config->seed);
    for (int i = 0; i < N_LANES; i++)
        s->lanes[i] = (lane){
            .owner = s, .table = LANES[i].table, .op = LANES[i].op, .limit = ROWS_FIRST, .has_more = i < N_FIRST_LANES};
    for (int i = 0; i < N_FIRST_LANES; i++) {
        if (!LANES[i].second) continue;
        s->lanes[i].other = &s->lanes[LANES[i].second];
        s->lanes[i].other->other = &s->lanes[i];
    }
    uv_timer_init(config->loop, &s->timer);
    s->timer.data = s;
    s->next_sync_ms = monotonic_ms() + s->interval_ms;
    uv_timer_start(&s->timer, on_timer, 0, 0);
    *out = s;
    return OK;
}

static void on_timer_closed(uv_handle_t *handle) {
    synchronizer *s = handle->data;
    void (*on_closed)(void *) = s->on_closed;
    void *context = s->closed_context;
    for (int i = 0; i < N_LANES; i++) {
        outbox_batch_deinit(&s->lanes[i].batch);
        free(s->lanes[i].settled);
    }
    free(s);
    if (on_closed) on_closed(context);
}

void synchronizer_close(synchronizer *s, void (*on_closed)(void *context), void *context) {
    s->is_closing = true;
    s->on_closed = on_closed;
    s->closed_context = context;
    for (int i = 0; i < N_LANES; i++) assert(s->lanes[i].step == LANE_IDLE);
    uv_close((uv_handle_t *)&s->timer, on_timer_closed);
}

void synchronizer_set_machine(synchronizer *s, const char *machine_row) {
    snprintf(s->machine_row, sizeof s->machine_row, "%s", machine_row ? machine_row : "");
    pump(s);
}

void synchronizer_force(synchronizer *s) {
    s->next_sync_ms = monotonic_ms() + s->interval_ms;
    s->n_noted = 0;
    for (int i = 0; i < N_FIRST_LANES; i++) s->lanes[i].has_more = true;
    pump(s);
}

void synchronizer_note(synchronizer *s, uint32_t n) {
    s->n_noted += n;
    if (s->n_noted >= ROWS_AT_ONCE) synchronizer_force(s);
}

void synchronizer_finish(synchronizer *s, int64_t timeout_ms, void (*on_done)(void *context), void *context) {
    s->is_finishing = true;
    s->finish_by_ms = monotonic_ms() + timeout_ms;
    s->on_done = on_done;
    s->done_context = context;
    for (int i = 0; i < N_FIRST_LANES; i++) s->lanes[i].has_more = true;
    uv_timer_start(&s->timer, on_timer, 0, 0);
}

/* ---- what can go ---- */

static bool is_any_busy(const synchronizer *s) {
    for (int i = 0; i < N_LANES; i++)
        if (s->lanes[i].step != LANE_IDLE) return true;
    return s->is_counting;
}

static bool is_any_left(const synchronizer *s) {
    for (int i = 0; i < N_LANES; i++)
        if (s->lanes[i].has_more && !*s->lanes[i].why) return true;
    return false;
}

bool synchronizer_is_sending(const synchronizer *s) {
    bool can_send = *s->machine_row && s->outage.state == OUTAGE_NONE;
    return !s->has_finished && (is_any_busy(s) || (can_send && is_any_left(s)));
}

bool synchronizer_has_sent_all(const synchronizer *s, const char **why) {
    *why = !*s->machine_row ? "the machine's row is not there yet" : s->outage.state != OUTAGE_NONE ? s->why : NULL;
    for (int i = 0; i < N_LANES && !*why; i++)
        if (*s->lanes[i].why) *why = s->lanes[i].why;
    return !*why;
}

/* At the end nobody waits for what fails. */
static bool has_ended(const synchronizer *s, int64_t now_ms) {
    if (now_ms >= s->finish_by_ms) return true;
    if (is_any_busy(s)) return false;
    return !is_any_left(s) || !*s->machine_row || s->outage.state != OUTAGE_NONE;
}

static void run_count(synchronizer *s);

static void run_read(lane *l);

/* When the next thing is due that no answer will bring about. */
static void arm(synchronizer *s, int64_t now_ms) {
    int64_t due_ms = s->next_sync_ms, wait_ms = outage_wait_ms(&s->outage, now_ms);
    if (wait_ms && now_ms + wait_ms < due_ms) due_ms = now_ms + wait_ms;
    if (s->next_count_ms < due_ms) due_ms = s->next_count_ms;
    if (s->is_finishing && s->finish_by_ms < due_ms) due_ms = s->finish_by_ms;
    for (int i = 0; i < N_LANES; i++)
        if (s->lanes[i].paused_until_ms > now_ms && s->lanes[i].paused_until_ms < due_ms)
            due_ms = s->lanes[i].paused_until_ms;
    uv_timer_start(&s->timer, on_timer, due_ms > now_ms ? (uint64_t)(due_ms - now_ms) : 1, 0);
}

/* A probe goes alone. */
static bool may_go(const synchronizer *s, const lane *l, int64_t now_ms) {
    if (l->step != LANE_IDLE || !l->has_more || l->paused_until_ms > now_ms) return false;
    if (l->other && l->other->step == LANE_READING) return false; /* it is not known yet what that one has */
    return outage_wait_ms(&s->outage, now_ms) == 0 && (s->outage.state == OUTAGE_NONE || !is_any_busy(s));
}

static void pump(synchronizer *s) {
    int64_t now_ms = monotonic_ms();
    if (s->is_closing || s->has_finished) return;
    if (s->is_finishing && has_ended(s, now_ms)) {
        s->has_finished = true;
        uv_timer_stop(&s->timer);
        s->on_done(s->done_context);
        return;
    }
    if (s->is_key_refused && s->outage.state != OUTAGE_NONE && outage_wait_ms(&s->outage, now_ms) == 0 &&
        !is_any_busy(s))
        s->handlers.on_key_refused(s->handlers.context);
    for (int i = 0; i < N_LANES && *s->machine_row; i++)
        if (may_go(s, &s->lanes[i], now_ms)) run_read(&s->lanes[i]);
    if (s->outage.is_draining && !is_any_busy(s) && !is_any_left(s)) outage_emptied(&s->outage);
    if (now_ms >= s->next_count_ms && !s->is_counting && !s->is_finishing) run_count(s);
    arm(s, now_ms);
}

/* ---- counting ---- */

static err do_count(local_db *db, void *job, diag *why) {
    return outbox_count(db, &((synchronizer *)job)->fresh_counts, why);
}

static void on_counted(void *job, err error, const char *why) {
    synchronizer *s = job;
    (void)why;
    s->is_counting = false;
    if (error == OK) s->counts = s->fresh_counts;
    pump(s);
}

static void run_count(synchronizer *s) {
    s->next_count_ms = monotonic_ms() + (s->counts.n_waiting > MUCH ? COUNT_MUCH_MS : COUNT_MS);
    s->is_counting = storage_read(s->storage, do_count, on_counted, s) == OK;
}

/* ---- reading ---- */

static void rest(lane *l, bool has_more) {
    outbox_batch_deinit(&l->batch);
    free(l->settled);
    l->settled = NULL;
    l->n_ranges = 0;
    l->from_n = l->to_n = 0;
    l->step = LANE_IDLE;
    l->has_more = has_more;
}

static err do_read(local_db *db, void *job, diag *why) {
    lane *l = job;
    outbox_query q = {.table = l->table,
                      .op = l->op,
                      .most = l->limit,
                      .most_bytes = BATCH_BYTES,
                      .machine_row = l->machine_row,
                      .skip_from = l->skip_from,
                      .skip_to = l->skip_to};
    return outbox_read(db, &q, &l->batch, why);
}

static void push_range(lane *l, size_t from, size_t to) {
    if (from == to) return;
    assert(l->n_ranges < RANGES_MOST);
    l->ranges[l->n_ranges++] = (range){from, to};
}

static void take_bounds(lane *l) {
    l->from_n = l->to_n = l->batch.rows[0].n;
    for (size_t i = 1; i < l->batch.count; i++) {
        if (l->batch.rows[i].n < l->from_n) l->from_n = l->batch.rows[i].n;
        if (l->batch.rows[i].n > l->to_n) l->to_n = l->batch.rows[i].n;
    }
}

static void on_read(void *job, err error, const char *why) {
    lane *l = job;
    synchronizer *s = l->owner;
    if (error || l->batch.count == 0 || s->has_finished) {
        if (error && error != ERR_CANCELLED)
            log_repeat(&s->failures, LOG_ERROR, "sync", "the outbox cannot be read: %s", why);
        rest(l, false);
        pump(s);
        return;
    }
    l->settled = malloc(l->batch.count * sizeof *l->settled);
    if (!l->settled) {
        l->paused_until_ms = monotonic_ms() + FULL_PAUSE_MS;
        rest(l, true);
        pump(s);
        return;
    }
    take_bounds(l);
    push_range(l, 0, l->batch.count);
    if (l->other && l->batch.has_more) l->other->has_more = true;
    send_next(l);
    pump(s);
}

static void run_read(lane *l) {
    synchronizer *s = l->owner;
    snprintf(l->machine_row, sizeof l->machine_row, "%s", s->machine_row);
    if (l->op == OUTBOX_AMEND && l->limit > AMENDS_MOST) l->limit = AMENDS_MOST;
    l->skip_from = l->other ? l->other->from_n : 0;
    l->skip_to = l->other ? l->other->to_n : 0;
    l->step = LANE_READING;
    if (storage_read(s->storage, do_read, on_read, l) == OK) return;
    l->step = LANE_IDLE;
    l->paused_until_ms = monotonic_ms() + FULL_PAUSE_MS;
}

/* ---- settling ---- */

static err do_settle(local_db *db, void *job, diag *why) {
    lane *l = job;
    size_t count = l->current.to - l->current.from;
    if (l->buries) return outbox_bury(db, l->batch.rows[l->current.from].n, l->code, l->reason, wall_ms(), why);
    for (size_t i = 0; i < count; i++) l->settled[i] = l->batch.rows[l->current.from + i].n;
    return outbox_settle(db, l->settled, count, why);
}

static void on_settled(void *job, err error, const char *why) {
    lane *l = job;
    synchronizer *s = l->owner;
    if (error) { /* sent again later, which changes nothing there */
        if (error != ERR_CANCELLED)
            log_repeat(&s->failures, LOG_ERROR, "sync", "the outbox cannot be written: %s", why);
        rest(l, true);
        pump(s);
        return;
    }
    if (!l->buries) s->n_rows += l->current.to - l->current.from;
    send_next(l);
}

static void settle(lane *l, bool buries) {
    synchronizer *s = l->owner;
    l->buries = buries;
    l->step = LANE_SETTLING;
    fault("sync.sent");
    if (storage_write(s->storage, do_settle, on_settled, l) == OK) return;
    l->paused_until_ms = monotonic_ms() + FULL_PAUSE_MS;
    rest(l, true);
    pump(s);
}

/* The row stands alone and is refused. */
static void bury(lane *l, const postgrest_answer *a) {
    synchronizer *s = l->owner;
    const char *table = cloud_table_get(l->table)->name;
    snprintf(l->code, sizeof l->code, "%s", *a->code ? a->code : a->status == 413 ? "413" : "");
    snprintf(l->reason, sizeof l->reason, "%s", a->why);
    s->n_buried++;
    log_repeat(&s->buried, LOG_WARN, "sync", "a row of %s is refused and set aside (trademind outbox list): %s", table,
               a->why);
    settle(l, true);
}

/* ---- sending ---- */

static void halve(lane *l) {
    size_t middle = l->current.from + (l->current.to - l->current.from) / 2;
    push_range(l, middle, l->current.to); /* taken last */
    push_range(l, l->current.from, middle);
    send_next(l);
}

static void note_failure(synchronizer *s, const postgrest_answer *a) {
    bool was_lasting = s->outage.state == OUTAGE_LASTING;
    s->n_failures++;
    snprintf(s->why, sizeof s->why, "%s", a->why);
    outage_failed(&s->outage, monotonic_ms(), a->retry_after_ms);
    if (s->outage.state == OUTAGE_LASTING && !was_lasting)
        log_warn("sync", "the cloud cannot be written to; rows are kept and sent later: %s", a->why);
}

static void note_success(synchronizer *s, lane *l, uint32_t n) {
    if (s->outage.state == OUTAGE_LASTING) log_info("sync", "the cloud is back; what has waited is sent");
    s->is_key_refused = false;
    outage_worked(&s->outage);
    outage_sent(&s->outage, monotonic_ms(), n);
    s->last_ms = wall_ms();
    *s->why = *l->why = 0;
}

static void give_back(lane *l) {
    synchronizer *s = l->owner;
    rest(l, true);
    pump(s);
}

/* A row that is missing there, and to which all of ours refer, is not the fault of these. */
static bool is_machine_lost(const postgrest_answer *a) {
    return strcmp(a->code, "23503") == 0 && strstr(a->why, "cloud_machines") != NULL;
}

static void on_refused(lane *l, const postgrest_answer *a) {
    synchronizer *s = l->owner;
    size_t count = l->current.to - l->current.from;
    switch (a->kind) {
    case POSTGREST_KEY:
        if (!s->is_key_refused)
            log_error("sync", "the service key is refused; nothing is written until it is changed: %s", a->why);
        s->is_key_refused = true;
        note_failure(s, a);
        give_back(l);
        return;
    case POSTGREST_RETRY:
        if (a->shrinks && l->limit > 1) l->limit /= 2;
        note_failure(s, a);
        give_back(l);
        return;
    case POSTGREST_SCHEMA:
        snprintf(l->why, sizeof l->why, "%s", a->why);
        log_repeat(&s->schema, LOG_ERROR, "sync",
                   "%s is not as it must be; run the migrations of supabase/migrations: %s",
                   cloud_table_get(l->table)->name, a->why);
        outage_worked(&s->outage);
        l->paused_until_ms = monotonic_ms() + SCHEMA_PAUSE_MS;
        give_back(l);
        return;
    case POSTGREST_ROW:
        if (is_machine_lost(a)) {
            if (*s->machine_row) s->handlers.on_machine_lost(s->handlers.context);
            *s->machine_row = 0;
            give_back(l);
            return;
        }
        break;
    case POSTGREST_SHRINK: l->limit = count > 1 ? (uint32_t)(count / 2) : 1; break;
    default: give_back(l); return; /* cancelled */
    }
    outage_worked(&s->outage);
    if (count == 1)
        bury(l, a);
    else
        halve(l);
}

static void on_expired(void *context, const postgrest_answer *a) {
    lane *l = context;
    if (a->kind == POSTGREST_OK)
        settle(l, false);
    else
        on_refused(l, a);
}

/* Signals that nobody is to act upon any more, unless somebody has moved them on there. False: there are none. */
static bool send_expired(lane *l) {
    char filter[AMENDS_MOST * (ID_BYTES + 1) + 64] = "id=in.(";
    size_t used = strlen(filter), n = 0;
    for (size_t i = l->current.from; i < l->current.to; i++) {
        const char *id = strstr(l->batch.text + l->batch.rows[i].at, "\"id\":\"");
        if (!l->batch.rows[i].is_expired || !id) continue;
        used += (size_t)snprintf(filter + used, sizeof filter - used, "%s%.36s", n++ ? "," : "", id + 6);
    }
    if (n == 0) return false;
    snprintf(filter + used, sizeof filter - used, ")&status=eq.new");
    if (postgrest_update(l->owner->client, "signals", filter, "{\"status\":\"expired\"}", NULL, on_expired, l) != OK) {
        l->paused_until_ms = monotonic_ms() + FULL_PAUSE_MS;
        give_back(l);
    }
    return true;
}

static void on_sent(void *context, const postgrest_answer *a) {
    lane *l = context;
    synchronizer *s = l->owner;
    uint32_t count = (uint32_t)(l->current.to - l->current.from);
    if (a->kind != POSTGREST_OK) {
        on_refused(l, a);
        return;
    }
    note_success(s, l, count);
    if (l->n_ranges == 0 && count == l->limit && l->limit < ROWS_MOST)
        l->limit = l->limit * 2 < ROWS_MOST ? l->limit * 2 : ROWS_MOST;
    if (l->op != OUTBOX_AMEND || !send_expired(l)) settle(l, false);
}

static err send_range(lane *l) {
    const cloud_table *t = cloud_table_get(l->table);
    const outbox_row *first = &l->batch.rows[l->current.from], *last = &l->batch.rows[l->current.to - 1];
    size_t bytes = last->at + last->bytes - first->at;
    char columns[COLUMNS_BYTES], *body = malloc(bytes + 3);
    if (!body) return ERR_NO_MEMORY;
    *body = '[';
    memcpy(body + 1, l->batch.text + first->at, bytes);
    memcpy(body + 1 + bytes, "]", 2);
    cloud_table_columns(t, l->op == OUTBOX_AMEND, columns, sizeof columns);
    postgrest_rows rows = {.table = t->name,
                           .columns = columns,
                           .on_conflict = "id",
                           .resolution = t->is_merged || l->op == OUTBOX_AMEND ? RESOLUTION_MERGE : RESOLUTION_IGNORE,
                           .rows = body,
                           .rows_bytes = bytes + 2};
    err e = postgrest_insert(l->owner->client, &rows, on_sent, l);
    free(body);
    return e;
}

static void send_next(lane *l) {
    synchronizer *s = l->owner;
    if (l->n_ranges == 0 || s->has_finished || (s->is_finishing && monotonic_ms() >= s->finish_by_ms)) {
        rest(l, l->n_ranges > 0 || l->batch.has_more);
        pump(s);
        return;
    }
    l->current = l->ranges[--l->n_ranges];
    l->step = LANE_SENDING;
    s->n_requests++;
    fault("sync.send");
    if (send_range(l) == OK) return;
    l->paused_until_ms = monotonic_ms() + FULL_PAUSE_MS;
    give_back(l);
}

/* ---- told ---- */

const char *synchronizer_state_name(synchronizer_state state) {
    static const char *const names[] = {"waiting", "ok", "retrying", "outage", "draining", "key", "schema"};
    return names[state];
}

static const lane *paused_lane(const synchronizer *s) {
    for (int i = 0; i < N_LANES; i++)
        if (*s->lanes[i].why) return &s->lanes[i];
    return NULL;
}

static synchronizer_state state_of(const synchronizer *s) {
    if (s->is_key_refused) return SYNCHRONIZER_KEY;
    if (s->outage.state == OUTAGE_LASTING) return SYNCHRONIZER_OUTAGE;
    if (s->outage.state == OUTAGE_RETRYING) return SYNCHRONIZER_RETRYING;
    if (!*s->machine_row) return SYNCHRONIZER_WAITING;
    if (paused_lane(s)) return SYNCHRONIZER_SCHEMA;
    return s->outage.is_draining ? SYNCHRONIZER_DRAINING : SYNCHRONIZER_OK;
}

void synchronizer_get_stats(const synchronizer *s, synchronizer_stats *out) {
    const lane *paused = paused_lane(s);
    *out = (synchronizer_stats){.state = state_of(s),
                                .why = *s->why  ? s->why
                                       : paused ? paused->why
                                                : "",
                                .n_rows = s->n_rows,
                                .n_requests = s->n_requests,
                                .n_failures = s->n_failures,
                                .n_buried = s->n_buried,
                                .last_ms = s->last_ms,
                                .counts = s->counts};
}
