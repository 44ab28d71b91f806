/* Traders as rows of Supabase: the machine's own client and reader, on a loop that ends with each answer. */
#include "base/clock.h"
#include "cli/trader_place.h"
#include "sync/trader_poll.h"
#include <stdio.h>
#include <stdlib.h>

enum { TRIES = 3, WAIT_MS = 1000, FILTER_BYTES = 256 };

typedef struct session {
    uv_loop_t loop;
    postgrest *client;
} session;

static err open_session(const config *cfg, session *s, diag *why) {
    if (uv_loop_init(&s->loop) != 0) return diag_set(why, ERR_IO, "no event loop");
    postgrest_config pc = {.loop = &s->loop, .url = cfg->supabase_url, .key = cfg->supabase_key};
    err e = postgrest_new(&pc, &s->client, why);
    if (e != OK) uv_loop_close(&s->loop);
    return e;
}

static void close_session(session *s) {
    postgrest_close(s->client, NULL, NULL);
    uv_run(&s->loop, UV_RUN_DEFAULT);
    uv_loop_close(&s->loop);
}

/* ---- reading ---- */

typedef struct reading {
    trader_row_list *out;
    bool is_done;
    err error;
} reading;

static void on_read(void *context, const trader_poll_round *round) {
    reading *r = context;
    for (size_t i = 0; i < round->rows->count && r->error == OK && !r->is_done; i++) {
        trader_row copy;
        if (round->rows->items[i].is_built_in) continue;
        r->error = trader_row_copy(&round->rows->items[i], &copy);
        if (r->error == OK && (r->error = trader_row_list_add(r->out, &copy)) != OK) trader_row_deinit(&copy);
    }
    r->is_done = true;
}

err trader_cloud_read(const trader_place *p, trader_row_list *out, diag *why) {
    session s;
    reading r = {.out = out};
    trader_poll *poll = NULL;
    err e = open_session(p->cfg, &s, why);
    if (e != OK) return e;
    trader_poll_config pc = {.loop = &s.loop,
                             .client = s.client,
                             .user_id = p->cfg->user_id,
                             .seed = (uint64_t)monotonic_ns(),
                             .on_read = on_read,
                             .context = &r};
    e = trader_poll_start(&pc, &poll);
    while (e == OK && !r.is_done && trader_poll_get_stats(poll)->n_failures < TRIES) uv_run(&s.loop, UV_RUN_ONCE);
    if (e == OK && r.is_done) e = r.error;
    if (e != OK)
        (void)diag_set(why, e, "%s", error_text(e));
    else if (!r.is_done)
        e = diag_set(why, ERR_NETWORK, "supabase: %s", trader_poll_get_stats(poll)->why);
    trader_poll_close(poll);
    close_session(&s);
    return e;
}

/* ---- writing ---- */

typedef struct outcome {
    bool is_done;
    postgrest_answer answer;
} outcome;

static void on_done(void *context, const postgrest_answer *answer) {
    outcome *o = context;
    o->answer = *answer;
    o->answer.body = NULL; /* it was borrowed */
    o->is_done = true;
}

static void on_waited(uv_timer_t *timer) { *(bool *)timer->data = true; }

static void wait_ms(session *s, int64_t ms) {
    bool is_over = false;
    uv_timer_t timer;
    uv_timer_init(&s->loop, &timer);
    timer.data = &is_over;
    uv_timer_start(&timer, on_waited, (uint64_t)ms, 0);
    while (!is_over) uv_run(&s->loop, UV_RUN_ONCE);
    uv_close((uv_handle_t *)&timer, NULL);
    uv_run(&s->loop, UV_RUN_NOWAIT);
}

static err insert(session *s, const trader_row *row, outcome *o) {
    json_writer w;
    json_writer_init(&w);
    json_write_array(&w);
    trader_row_write(row, &w);
    json_write_array_end(&w);
    postgrest_rows rows = {.table = "traders",
                           .columns =
                               "id,user_id,name,description,enabled,filter,strategy,language,cloud_config,inputs",
                           .on_conflict = "id",
                           .resolution = RESOLUTION_IGNORE, /* an insert whose answer was lost */
                           .rows = json_writer_text(&w),
                           .rows_bytes = w.bytes};
    err e = rows.rows ? postgrest_insert(s->client, &rows, on_done, o) : ERR_NO_MEMORY;
    json_writer_deinit(&w);
    return e;
}

/* What the file says; whether it runs, and where, is the owner's to say in the app, as is what else is in the filter. */
static err update(session *s, const trader_row *row, const trader_row *before, outcome *o) {
    char filter[FILTER_BYTES];
    json_writer w;
    snprintf(filter, sizeof filter, "id=eq.%s&user_id=eq.%s", row->id, row->user_id);
    json_writer_init(&w);
    json_write_object(&w);
    json_put_text(&w, "name", row->name);
    json_put_text(&w, "description", row->description);
    trader_row_write_filter(row->code, row->key, before->filter_rest, &w);
    json_put_text(&w, "language", row->language);
    json_put_raw(&w, "inputs", row->inputs ? row->inputs : "null");
    json_write_object_end(&w);
    const char *changes = json_writer_text(&w);
    err e = changes ? postgrest_update(s->client, "traders", filter, changes, NULL, on_done, o) : ERR_NO_MEMORY;
    json_writer_deinit(&w);
    return e;
}

err trader_cloud_put(const trader_place *p, const trader_row *row, const trader_row *before, diag *why) {
    session s;
    outcome o = {0};
    err e = open_session(p->cfg, &s, why);
    if (e != OK) return e;
    for (int i = 0; i < TRIES && e == OK && (i == 0 || o.answer.kind == POSTGREST_RETRY); i++) {
        if (i > 0) wait_ms(&s, o.answer.retry_after_ms > WAIT_MS ? o.answer.retry_after_ms : WAIT_MS);
        o = (outcome){0};
        e = before ? update(&s, row, before, &o) : insert(&s, row, &o);
        while (e == OK && !o.is_done) uv_run(&s.loop, UV_RUN_ONCE);
    }
    if (e != OK)
        (void)diag_set(why, e, "%s", error_text(e));
    else if (o.answer.kind != POSTGREST_OK)
        e = diag_set(why, ERR_HTTP, "supabase: %s", o.answer.why);
    close_session(&s);
    return e;
}
