/* See trader_poll.h. One call is under way at a time; each answer decides the next one. */
#include "sync/trader_poll.h"
#include "base/backoff.h"
#include "base/log.h"
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    PERIOD_MS = 15000, /* a change acts within 30 s */
    PAGE_ROWS = 1000,
    ROWS_AT_ONCE = 50, /* their scripts may be big */
    BACKOFF_MS = 1000,
    QUERY_BYTES = 4096
};

typedef enum step { STEP_IDLE, STEP_FACTS, STEP_STAMPS, STEP_ROWS } step;

struct trader_poll {
    trader_poll_config config;
    char *user_id;
    uv_timer_t timer;
    backoff backoff;
    step step;
    bool is_calling, is_wanted_again, is_closing, is_timer_closed;
    size_t at_once; /* rows asked for in one call */
    trader_poll_round round;
    trader_row_list known;  /* of the last whole round, sorted */
    trader_row_list stamps; /* of this one, in their order: by id */
    trader_row_list rows;   /* of this one, sorted */
    trader_poll_stats stats;
};

static void on_answer(void *context, const postgrest_answer *answer);

/* ---- rounds ---- */

static void free_if_over(trader_poll *p) {
    if (!p->is_closing || p->is_calling || !p->is_timer_closed) return;
    trader_row_list_deinit(&p->known);
    trader_row_list_deinit(&p->stamps);
    trader_row_list_deinit(&p->rows);
    free(p->user_id);
    free(p);
}

static void on_timer(uv_timer_t *timer);

static void end_round(trader_poll *p, int64_t wait_ms) {
    trader_row_list_deinit(&p->stamps);
    trader_row_list_deinit(&p->rows);
    p->step = STEP_IDLE;
    uv_timer_start(&p->timer, on_timer, (uint64_t)(p->is_wanted_again ? 0 : wait_ms), 0);
    p->is_wanted_again = false;
}

/* Nothing has been read. `least_ms`: what the server asks for. */
static void fail_round(trader_poll *p, const char *why, int64_t least_ms) {
    int64_t wait_ms = backoff_next_ms(&p->backoff);
    bool is_news = !p->stats.is_failing || strcmp(p->stats.why, why) != 0;
    p->stats.n_failures++;
    p->stats.is_failing = true;
    if (is_news) log_warn("traders", "they cannot be read from Supabase: %s; what was read last stays", why);
    snprintf(p->stats.why, sizeof p->stats.why, "%s", why);
    p->is_wanted_again = false; /* the wait is the server's */
    end_round(p, wait_ms > least_ms ? wait_ms : least_ms);
    if (p->config.on_failed) p->config.on_failed(p->config.context);
}

static void call_was_made(trader_poll *p, err e) {
    p->is_calling = e == OK;
    if (e != OK) fail_round(p, error_text(e), 0);
}

static void ask_facts(trader_poll *p) {
    char body[QUERY_BYTES];
    snprintf(body, sizeof body, "{\"user_id\":\"%s\"}", p->user_id);
    p->step = STEP_FACTS;
    call_was_made(p, postgrest_post(p->config.client, "/rest/v1/rpc/trademind_facts", body, on_answer, p));
}

static void ask_stamps(trader_poll *p) {
    char query[QUERY_BYTES];
    const char *last = p->stamps.count ? p->stamps.items[p->stamps.count - 1].id : NULL;
    snprintf(query, sizeof query, "select=" TRADER_STAMP_COLUMNS "&or=(user_id.eq.%s,user_id.is.null)&order=id.asc%s%s",
             p->user_id, last ? "&id=gt." : "", last ? last : "");
    p->step = STEP_STAMPS;
    call_was_made(p, postgrest_select(p->config.client, "traders", query, p->config.page_rows, on_answer, p));
}

/* ---- rows ---- */

static bool is_same_stamp(const trader_row *a, const trader_row *b) {
    return a->version == b->version && strcmp(a->updated_at, b->updated_at) == 0;
}

static bool is_known(const trader_poll *p, const trader_row *stamp) {
    const trader_row *row = trader_row_list_find(&p->known, stamp->id);
    return row && is_same_stamp(row, stamp);
}

static void finish_round(trader_poll *p);

static void ask_rows(trader_poll *p) {
    char query[QUERY_BYTES];
    int used = snprintf(query, sizeof query, "select=" TRADER_ROW_COLUMNS "&order=id.asc&id=in.(");
    size_t n = 0;
    for (size_t i = 0; i < p->stamps.count && n < p->at_once; i++) {
        const char *id = p->stamps.items[i].id;
        if (is_known(p, &p->stamps.items[i]) || trader_row_list_find(&p->rows, id)) continue;
        used += snprintf(query + used, sizeof query - (size_t)used, "%s%s", n ? "," : "", id);
        n++;
    }
    if (n == 0) {
        finish_round(p);
        return;
    }
    snprintf(query + used, sizeof query - (size_t)used, ")");
    p->step = STEP_ROWS;
    call_was_made(p, postgrest_select(p->config.client, "traders", query, (uint32_t)n, on_answer, p));
}

/* The rows that were known and are still the same join those that were read. */
static err keep_known(trader_poll *p) {
    for (size_t i = 0; i < p->stamps.count; i++) {
        trader_row copy;
        if (!is_known(p, &p->stamps.items[i])) continue;
        err e = trader_row_copy(trader_row_list_find(&p->known, p->stamps.items[i].id), &copy);
        if (e == OK) e = trader_row_list_add(&p->rows, &copy);
        if (e != OK) return e;
    }
    return OK;
}

static void finish_round(trader_poll *p) {
    p->stats.n_rows_read += p->rows.count;
    if (keep_known(p) != OK) {
        fail_round(p, error_text(ERR_NO_MEMORY), 0);
        return;
    }
    trader_row_list_sort(&p->rows);
    trader_row_list_deinit(&p->known);
    p->known = p->rows;
    p->rows = (trader_row_list){0};
    if (p->stats.is_failing) log_info("traders", "they can be read from Supabase again");
    p->stats.is_failing = false;
    p->stats.n_rounds++;
    p->at_once = ROWS_AT_ONCE;
    backoff_reset(&p->backoff);
    p->round.rows = &p->known;
    end_round(p, p->config.period_ms);
    p->config.on_read(p->config.context, &p->round);
}

/* ---- answers ---- */

static void take_facts(trader_poll *p, const postgrest_answer *answer) {
    json_t *facts = json_loadb(answer->body, answer->body_bytes, JSON_REJECT_DUPLICATES, NULL);
    int tier = user_tier_parse(json_string_value(json_object_get(facts, "tier")));
    p->round.is_analysed = json_is_true(json_object_get(facts, "auto_analysis"));
    json_decref(facts);
    if (tier < 0) {
        fail_round(p, "trademind_facts: no tier in the answer", 0);
        return;
    }
    p->round.tier = (user_tier)tier;
    ask_stamps(p);
}

static void take_stamps(trader_poll *p, const postgrest_answer *answer) {
    size_t n_before = p->stamps.count;
    diag why;
    if (trader_row_parse(answer->body, answer->body_bytes, &p->stamps, &why) != OK) {
        fail_round(p, why.text, 0);
        return;
    }
    for (size_t i = n_before; i < p->stamps.count; i++) {
        if (i == 0 || strcmp(p->stamps.items[i - 1].id, p->stamps.items[i].id) < 0) continue;
        fail_round(p, "traders: pages out of order", 0); /* they might never end */
        return;
    }
    if (p->stamps.count > n_before)
        ask_stamps(p);
    else
        ask_rows(p);
}

/* A server that answers with something else than was asked for must not keep us asking. */
static bool are_all_asked_for(const trader_poll *p, size_t n_before) {
    for (size_t i = n_before; i < p->rows.count; i++)
        if (!trader_row_list_find(&p->stamps, p->rows.items[i].id)) return false;
    return p->rows.count <= p->stamps.count;
}

static void take_rows(trader_poll *p, const postgrest_answer *answer) {
    size_t n_before = p->rows.count;
    diag why;
    if (trader_row_parse(answer->body, answer->body_bytes, &p->rows, &why) != OK)
        fail_round(p, why.text, 0);
    else if (!are_all_asked_for(p, n_before))
        fail_round(p, "traders: rows that were not asked for", 0);
    else if (p->rows.count == n_before)
        fail_round(p, "traders: rows have disappeared meanwhile", 0);
    else {
        trader_row_list_sort(&p->rows);
        ask_rows(p);
    }
}

static void take_failure(trader_poll *p, const postgrest_answer *answer) {
    char why[POSTGREST_WHY_BYTES];
    bool is_unknown = p->step == STEP_FACTS && answer->kind == POSTGREST_SCHEMA;
    if (p->step == STEP_ROWS && (answer->kind == POSTGREST_SHRINK || answer->shrinks) && p->at_once > 1)
        p->at_once /= 2;
    snprintf(why, sizeof why, "%s%.300s",
             is_unknown ? "the project lacks trademind's migrations (supabase/migrations): " : "", answer->why);
    fail_round(p, why, answer->retry_after_ms);
}

static void on_answer(void *context, const postgrest_answer *answer) {
    trader_poll *p = context;
    p->is_calling = false;
    if (p->is_closing)
        free_if_over(p);
    else if (answer->kind == POSTGREST_CANCELLED)
        p->step = STEP_IDLE;
    else if (answer->kind != POSTGREST_OK)
        take_failure(p, answer);
    else if (p->step == STEP_FACTS)
        take_facts(p, answer);
    else if (p->step == STEP_STAMPS)
        take_stamps(p, answer);
    else
        take_rows(p, answer);
}

/* ---- life ---- */

static void on_timer(uv_timer_t *timer) { ask_facts(timer->data); }

void trader_poll_now(trader_poll *p) {
    if (p->is_closing) return;
    if (p->step != STEP_IDLE)
        p->is_wanted_again = true;
    else
        uv_timer_start(&p->timer, on_timer, 0, 0);
}

const trader_poll_stats *trader_poll_get_stats(const trader_poll *p) { return &p->stats; }

err trader_poll_start(const trader_poll_config *config, trader_poll **out) {
    trader_poll *p = calloc(1, sizeof *p);
    if (!p) return ERR_NO_MEMORY;
    p->config = *config;
    if (!p->config.period_ms) p->config.period_ms = PERIOD_MS;
    if (!p->config.page_rows) p->config.page_rows = PAGE_ROWS;
    p->user_id = strdup(config->user_id);
    p->at_once = ROWS_AT_ONCE;
    if (!p->user_id) {
        free(p);
        return ERR_NO_MEMORY;
    }
    backoff_init(&p->backoff, BACKOFF_MS, p->config.period_ms, config->seed);
    uv_timer_init(config->loop, &p->timer);
    p->timer.data = p;
    uv_timer_start(&p->timer, on_timer, 0, 0);
    *out = p;
    return OK;
}

static void on_closed(uv_handle_t *handle) {
    trader_poll *p = handle->data;
    p->is_timer_closed = true;
    free_if_over(p);
}

void trader_poll_close(trader_poll *p) {
    if (!p) return;
    p->is_closing = true;
    uv_close((uv_handle_t *)&p->timer, on_closed);
}
