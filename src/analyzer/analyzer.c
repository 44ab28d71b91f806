/* See analyzer.h. One timer wakes the queue when time is all that it waits for. */
#include "analyzer/analyzer.h"
#include "analyzer/watch.h"
#include "base/http.h"
#include "base/log.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KNOWN_ANSWERS = 64, CHECK_MS = 15000, DAY_MS = 86400000 };

/* An answer of late: what asks the same of the same bar has it. */
typedef struct known_answer {
    char identity[65];
    char *text;
    char provider[16], model[96];
} known_answer;

typedef struct analyzer_counts {
    uint64_t n_requests, n_answers, n_failed, n_expired, n_repaired, n_shared;
} analyzer_counts;

struct analyzer {
    analyzer_config config;
    analysis_queue *queue;
    watch_list *watches;
    http_client *http;
    uv_timer_t timer;
    analysis_task *ready; /* their answer is known */
    known_answer known[KNOWN_ANSWERS];
    size_t next_known;
    analyzer_counts counts;
    bool is_closing, is_pumping, has_timer, has_http;
    void (*on_closed)(void *context);
    void *closed_context;
};

static void pump(analyzer *a);
static void on_reply(void *context, const http_response *response);
static void on_timer(uv_timer_t *timer);

static int64_t market_now(const analyzer *a) { return market_clock_now(a->config.clock, monotonic_ms()); }

/* ---- made ---- */

static err check_prices(const analyzer_config *c, diag *why) {
    for (int32_t i = 0; c->manner.needs_prices && i < c->limits.n_providers; i++) {
        model_price price;
        if (model_price_find(c->providers[i].model, c->manner.prices, c->manner.n_prices, INT64_MAX, &price)) continue;
        return diag_set(why, ERR_INVALID,
                        "AI_PRICES has no price for the model %s; expected %s=IN/OUT (USD per million tokens, 0/0 for "
                        "one that costs nothing), or AI_DAILY_BUDGET_USD=0",
                        c->providers[i].model, c->providers[i].model);
    }
    return OK;
}

err analyzer_new(const analyzer_config *config, analyzer **out, diag *why) {
    analyzer *a;
    err e = check_prices(config, why);
    if (e != OK) return e;
    a = calloc(1, sizeof *a);
    if (!a) return diag_set(why, ERR_NO_MEMORY, "out of memory");
    a->config = *config;
    a->config.manner.providers = a->config.providers;
    a->config.manner.n_providers = config->limits.n_providers;
    e = analysis_queue_new(&config->limits, config->seed, &a->queue);
    if (e == OK) e = watch_list_new(config->looks_max, &a->watches);
    if (e == OK) e = http_client_new(config->loop, config->user_agent, &a->http);
    if (e != OK) {
        watch_list_free(a->watches);
        analysis_queue_free(a->queue);
        free(a);
        return diag_set(why, e, "out of memory");
    }
    uv_timer_init(config->loop, &a->timer);
    a->timer.data = a;
    *out = a;
    return OK;
}

void analyzer_restore(analyzer *a, const spending_amount *spent, int64_t market_ms) {
    analysis_queue_restore(a->queue, spent, market_ms);
}

void analyzer_restore_trader(analyzer *a, const char *trader_id, int32_t n_started, int64_t market_ms) {
    analysis_queue_restore_trader(a->queue, trader_id, n_started, market_ms);
}

err analyzer_restore_watch(analyzer *a, const analysis_row *row) {
    analysis_row copy = *row; /* only its follow_up is written */
    return watch_list_settle(a->watches, &copy, row->prompt);
}

/* ---- ends ---- */

static void tell(analyzer *a, analysis_task *t, const char *first_prompt) {
    t->row.finished_ms = wall_ms();
    if (watch_list_settle(a->watches, &t->row, first_prompt) != OK)
        log_error("analyzer", "out of memory: %s on %s is not looked at again", t->row.trader_id, t->row.symbol);
    if (t->is_withdrawn) watch_list_forget(a->watches, t->row.signal_id);
    a->config.on_row(a->config.context, &t->row);
    analysis_task_free(t);
}

static void end(analyzer *a, analysis_task *t, analysis_status status, const char *why) {
    analysis_job *f;
    while ((f = analysis_queue_take_follower(&t->job))) end(a, f->payload, status, why);
    analysis_task_end(t, status, why);
    if (status == ANALYSIS_FAILED)
        a->counts.n_failed++;
    else
        a->counts.n_expired++;
    tell(a, t, NULL);
}

static void remember(analyzer *a, const analysis_task *t, const char *text) {
    known_answer *k = &a->known[a->next_known++ % KNOWN_ANSWERS];
    free(k->text);
    *k = (known_answer){.text = strdup(text)};
    memcpy(k->identity, t->job.identity, sizeof k->identity);
    memcpy(k->provider, t->row.provider, sizeof k->provider);
    memcpy(k->model, t->row.model, sizeof k->model);
}

static const known_answer *find_known(const analyzer *a, const char *identity) {
    for (size_t i = 0; i < KNOWN_ANSWERS; i++)
        if (a->known[i].text && strcmp(a->known[i].identity, identity) == 0) return &a->known[i];
    return NULL;
}

/* The task has an answer that another one has paid for. */
static void share(analyzer *a, analysis_task *t, const char *text, const char *by, const char *model) {
    diag why;
    snprintf(t->row.provider, sizeof t->row.provider, "%s", by);
    snprintf(t->row.model, sizeof t->row.model, "%s", model);
    a->counts.n_shared++;
    if (analysis_task_answer(t, text, &why) == OK)
        tell(a, t, NULL);
    else
        end(a, t, ANALYSIS_FAILED, "out of memory");
}

static void succeed(analyzer *a, analysis_task *t, const char *text) {
    analysis_job *f;
    a->counts.n_answers++;
    remember(a, t, text);
    while ((f = analysis_queue_take_follower(&t->job))) share(a, f->payload, text, t->row.provider, t->row.model);
    tell(a, t, NULL);
}

/* The text is no answer of the form: once more, with what is wrong with it; then it has failed. */
static void object(analyzer *a, analysis_task *t, const char *text, const char *what) {
    if (!t->previous && analysis_task_complain(t, text, what) == OK &&
        analysis_task_price(t, &a->config.manner, market_now(a))) {
        a->counts.n_repaired++;
        analysis_queue_again(a->queue, &t->job);
        return;
    }
    char why[256];
    snprintf(why, sizeof why, "the answer is not of the form asked for: %.200s", what);
    end(a, t, ANALYSIS_FAILED, why);
}

/* ---- requests ---- */

static err ask(analyzer *a, analysis_task *t) {
    const provider *p = &a->config.providers[t->job.provider];
    provider_request r;
    question q;
    err e;
    analysis_task_question(t, &a->config.manner, t->job.provider, &q);
    e = provider_ask(p, &q, &r);
    http_request request = {.method = "POST",
                            .url = r.url,
                            .headers = r.headers,
                            .body = r.body,
                            .body_bytes = r.body_bytes,
                            .timeout_ms = a->config.timeout_ms,
                            .max_body_bytes = REPLY_MAX_BYTES,
                            .on_done = on_reply,
                            .context = t};
    t->owner = a;
    t->sent_ms = monotonic_ms();
    if (e == OK) e = http_client_send(a->http, &request, &t->http_id);
    provider_request_deinit(&r);
    if (e == OK) a->counts.n_requests++;
    if (e == OK && a->config.on_asked) {
        analysis_row row = analysis_task_asked(t);
        a->config.on_asked(a->config.context, &row);
    }
    return e;
}

/* What a response means, also when there is none. `has_answer`: what it has cost is known. */
static void read_response(const provider *p, const http_response *response, reply *out, bool *has_answer) {
    http_facts facts = {.status = response->status,
                        .body = response->body,
                        .body_bytes = response->body_bytes,
                        .retry_after = http_response_header(response, "Retry-After"),
                        .date = http_response_header(response, "Date")};
    *has_answer = response->error == OK;
    if (*has_answer) {
        provider_read(p, &facts, out);
        return;
    }
    reply_init(out);
    reply_say(out, REPLY_TROUBLE, "%s", response->why ? response->why : error_text(response->error));
}

static void conclude(analyzer *a, analysis_task *t, const reply *r, job_state state) {
    diag why;
    err e;
    if (state == JOB_WAITING) return;
    if (state == JOB_FAILED) {
        free(t->row.raw);
        t->row.raw = r->text ? strdup(r->text) : NULL;
        end(a, t, ANALYSIS_FAILED, r->why);
        return;
    }
    e = analysis_task_answer(t, r->text, &why);
    if (e == OK)
        succeed(a, t, r->text);
    else if (e == ERR_NO_MEMORY)
        end(a, t, ANALYSIS_FAILED, "out of memory");
    else
        object(a, t, r->text, why.text);
}

static void note(const analyzer *a, const analysis_task *t, const reply *r) {
    if (r->kind == REPLY_ANSWER) return;
    log_warn("analyzer", "%s: %s (%s)", provider_name(&a->config.providers[t->job.provider]), r->why, t->row.symbol);
}

static void on_reply(void *context, const http_response *response) {
    analysis_task *t = context;
    analyzer *a = t->owner;
    reply r;
    bool has_answer;
    double usd;
    t->http_id = 0;
    if (response->error == ERR_CANCELLED) return; /* the end of the run: it stays queued */
    read_response(&a->config.providers[t->job.provider], response, &r, &has_answer);
    t->row.latency_ms = monotonic_ms() - t->sent_ms;
    usd = analysis_task_charge(t, &a->config.manner, &r, has_answer, market_now(a));
    note(a, t, &r);
    conclude(a, t, &r, analysis_queue_done(a->queue, &t->job, &r, usd, market_now(a)));
    reply_deinit(&r);
    pump(a);
}

/* What cannot even be sent: as a request that the server denies. */
static void refuse(analyzer *a, analysis_task *t, err e) {
    reply r;
    reply_init(&r);
    reply_say(&r, REPLY_REFUSED, "the request cannot be made: %s", error_text(e));
    if (analysis_queue_done(a->queue, &t->job, &r, 0, market_now(a)) == JOB_FAILED) end(a, t, ANALYSIS_FAILED, r.why);
}

/* ---- the pump ---- */

static const char *hindrance_text(hindrance h) {
    static const char *const texts[] = {
        [HINDER_NOTHING] = "",
        [HINDER_EMPTY] = "",
        [HINDER_CONCURRENCY] = "all requests at once (AI_CONCURRENCY) were under way",
        [HINDER_BACKOFF] = "it had failed and was to be tried again",
        [HINDER_RATE] = "there were too many requests (AI_REQUESTS_PER_MINUTE, AI_TOKENS_PER_MINUTE)",
        [HINDER_BUDGET] = "the budget of the day was used up",
        [HINDER_PROVIDER] = "no provider served",
    };
    return texts[h];
}

static void expire(analyzer *a, int64_t now_ms) {
    analysis_queue_counts n;
    analysis_job *job;
    while ((job = analysis_queue_take_expired(a->queue, now_ms))) {
        char why[160];
        analysis_queue_count(a->queue, &n);
        snprintf(why, sizeof why, "its bar was too old when it was its turn (AI_MAX_AGE_MIN)%s%s",
                 *hindrance_text(n.hindrance) ? ": " : "", hindrance_text(n.hindrance));
        end(a, job->payload, ANALYSIS_EXPIRED, why);
    }
}

static void answer_ready(analyzer *a) {
    while (a->ready) {
        analysis_task *t = a->ready;
        const known_answer *k = find_known(a, t->job.identity);
        a->ready = t->next;
        if (k)
            share(a, t, k->text, k->provider, k->model);
        else
            end(a, t, ANALYSIS_FAILED, "out of memory"); /* cannot be: the ring holds more than come at once */
    }
}

static void pump(analyzer *a) {
    int64_t now_ms = market_now(a), wait_ms;
    hindrance why;
    analysis_job *job;
    if (a->is_closing || a->is_pumping || now_ms == 0) return;
    a->is_pumping = true;
    answer_ready(a);
    expire(a, now_ms);
    while ((job = analysis_queue_next(a->queue, now_ms, &why, &wait_ms))) {
        err e = ask(a, job->payload);
        if (e != OK) refuse(a, job->payload, e);
    }
    a->is_pumping = false;
    if (why == HINDER_EMPTY)
        uv_timer_stop(&a->timer);
    else
        uv_timer_start(&a->timer, on_timer, (uint64_t)(wait_ms < CHECK_MS ? wait_ms + 1 : CHECK_MS), 0);
}

static void on_timer(uv_timer_t *timer) {
    analyzer *a = timer->data;
    pump(a);
    /* Nothing has told the market's time yet. */
    if (!a->is_closing && market_now(a) == 0) uv_timer_start(&a->timer, on_timer, 1000, 0);
}

/* From the loop: a burst of signals is taken first, and the best of it is asked for. */
static void wake(analyzer *a) { uv_timer_start(&a->timer, on_timer, 0, 0); }

/* ---- what comes in ---- */

err analyzer_add(analyzer *a, const analysis_row *row) {
    analysis_task *t = NULL;
    analysis_job *dropped = NULL;
    err e = analysis_task_new(row, &t);
    if (e != OK) return e;
    t->owner = a;
    if (row->look > 0) watch_list_mark(a->watches, row->signal_id);
    if (find_known(a, t->job.identity)) {
        t->next = a->ready;
        a->ready = t;
    } else if (!analysis_task_price(t, &a->config.manner, market_now(a))) {
        end(a, t, ANALYSIS_FAILED, "its model has no price in AI_PRICES, and there is a budget in dollars");
    } else {
        e = analysis_queue_add(a->queue, &t->job, market_now(a), &dropped);
        if (e == ERR_FULL)
            end(a, t, ANALYSIS_EXPIRED, "its trader has had its analyses of the day (analysis.max_per_day)");
        if (e == ERR_NO_MEMORY) analysis_task_free(t);
        if (dropped) end(a, dropped->payload, ANALYSIS_EXPIRED, "too many analyses were waiting (AI_QUEUE_MAX)");
        if (e == ERR_FULL) e = OK;
    }
    wake(a);
    return e;
}

static bool is_at_work(const analyzer *a, const char *signal_id) {
    for (const analysis_task *t = a->ready; t; t = t->next)
        if (strcmp(t->row.signal_id, signal_id) == 0) return true;
    return analysis_queue_find(a->queue, signal_id) != NULL;
}

static err may_ask(analyzer *a, const analysis_row *row, diag *why) {
    analysis_task *t = NULL;
    int64_t now_ms = market_now(a);
    err e = analysis_task_new(row, &t);
    if (e != OK) return diag_set(why, e, "its prompt cannot be sent: %s", error_text(e));
    if (find_known(a, t->job.identity))
        e = OK; /* costs nothing */
    else if (!analysis_task_price(t, &a->config.manner, now_ms))
        e = diag_set(why, ERR_UNSUPPORTED, "its model has no price in AI_PRICES, and there is a budget in dollars");
    else if (!analysis_queue_has_turn(a->queue, &t->job, now_ms))
        e = diag_set(why, ERR_FULL, "its trader has had its analyses of the day (analysis.max_per_day)");
    else if (!analysis_queue_has_budget(a->queue, &t->job, now_ms))
        e = diag_set(why, ERR_FULL,
                     "the budget of the day is used up (AI_DAILY_BUDGET_USD, AI_DAILY_REQUESTS, AI_DAILY_TOKENS); it "
                     "begins anew at midnight UTC");
    analysis_task_free(t);
    return e;
}

err analyzer_ask(analyzer *a, const analysis_row *row, diag *why) {
    if (a->is_closing || market_now(a) == 0) return diag_set(why, ERR_CLOSED, "the exchange has not told the time yet");
    if (is_at_work(a, row->signal_id)) return diag_set(why, ERR_EXISTS, "an analysis of it is at work");
    err e = may_ask(a, row, why);
    if (e != OK) return e;
    a->config.on_row(a->config.context, row);
    e = analyzer_add(a, row);
    return e == OK ? OK : diag_set(why, e, "%s", error_text(e));
}

void analyzer_withdraw(analyzer *a, const char *signal_id) {
    analysis_job *job = analysis_queue_find(a->queue, signal_id);
    watch_list_forget(a->watches, signal_id);
    if (!job) return;
    ((analysis_task *)job->payload)->is_withdrawn = true;
    if (analysis_queue_withdraw(a->queue, job)) end(a, job->payload, ANALYSIS_EXPIRED, "its signal was withdrawn");
}

static void on_due(void *context, const analysis_row *look) {
    analyzer *a = context;
    a->config.on_row(a->config.context, look);
    err e = analyzer_add(a, look);
    if (e != OK) log_error("analyzer", "%s is not looked at again: %s", look->symbol, error_text(e));
}

void analyzer_bar(analyzer *a, const char *symbol, int32_t interval, const kline *bar) {
    if (a->is_closing) return;
    if (watch_list_bar(a->watches, symbol, interval, bar, on_due, a) != OK)
        log_error("analyzer", "out of memory: %s is not looked at again at this bar", symbol);
}

bool analyzer_wants_bar(const analyzer *a, const char *symbol, int32_t interval) {
    return watch_list_count(a->watches) > 0 && watch_list_wants(a->watches, symbol, interval);
}

/* ---- reports ---- */

bool analyzer_is_serving(const analyzer *a, char *why, size_t bytes) {
    analysis_queue_counts n;
    analysis_queue_count(a->queue, &n);
    snprintf(why, bytes, "%s", n.n_waiting ? hindrance_text(n.hindrance) : "");
    return n.n_waiting == 0 || (n.hindrance != HINDER_BUDGET && n.hindrance != HINDER_PROVIDER);
}

int32_t analyzer_depth(const analyzer *a) {
    analysis_queue_counts n;
    analysis_queue_count(a->queue, &n);
    return n.n_waiting + n.n_running;
}

static void write_providers(const analyzer *a, json_writer *w) {
    json_write_key(w, "providers");
    json_write_array(w);
    for (int32_t i = 0; i < a->config.limits.n_providers; i++) {
        const circuit *b = analysis_queue_circuit(a->queue, i);
        int64_t wait_ms = circuit_wait_ms(b, market_now(a));
        json_write_object(w);
        json_put_text(w, "name", provider_name(&a->config.providers[i]));
        json_put_text(w, "model", a->config.providers[i].model);
        json_put_text(w, "state", b->is_open ? "open" : wait_ms ? "limited" : "ok");
        json_put_number(w, "waitMs", wait_ms == INT64_MAX ? NAN : (double)wait_ms);
        json_put_text(w, "lastProblem", b->why[0] ? b->why : NULL);
        json_write_object_end(w);
    }
    json_write_array_end(w);
}

void analyzer_write(const analyzer *a, json_writer *w) {
    analysis_queue_counts n;
    analysis_queue_count(a->queue, &n);
    json_write_object(w);
    json_put_integer(w, "waiting", n.n_waiting);
    json_put_integer(w, "running", n.n_running);
    json_put_integer(w, "watched", watch_list_count(a->watches));
    json_put_integer(w, "requests", (int64_t)a->counts.n_requests);
    json_put_integer(w, "answers", (int64_t)a->counts.n_answers);
    json_put_integer(w, "shared", (int64_t)a->counts.n_shared);
    json_put_integer(w, "repaired", (int64_t)a->counts.n_repaired);
    json_put_integer(w, "failed", (int64_t)a->counts.n_failed);
    json_put_integer(w, "expired", (int64_t)a->counts.n_expired);
    json_write_key(w, "spentToday");
    json_write_object(w);
    json_put_integer(w, "requests", n.spent.requests);
    json_put_integer(w, "tokens", n.spent.tokens);
    json_put_number(w, "usd", n.spent.usd);
    json_write_object_end(w);
    json_put_text(w, "hindrance", hindrance_text(n.hindrance));
    write_providers(a, w);
    json_write_object_end(w);
}

/* ---- the end ---- */

static void release(analyzer *a) {
    analysis_job *job;
    void (*on_closed)(void *) = a->on_closed;
    void *context = a->closed_context;
    while ((job = analysis_queue_take_any(a->queue))) {
        analysis_job *f;
        while ((f = analysis_queue_take_follower(job))) analysis_task_free(f->payload);
        analysis_task_free(job->payload);
    }
    while (a->ready) {
        analysis_task *t = a->ready;
        a->ready = t->next;
        analysis_task_free(t);
    }
    for (size_t i = 0; i < KNOWN_ANSWERS; i++) free(a->known[i].text);
    analysis_queue_free(a->queue);
    watch_list_free(a->watches);
    free(a);
    if (on_closed) on_closed(context);
}

static void on_timer_closed(uv_handle_t *handle) {
    analyzer *a = handle->data;
    a->has_timer = false;
    if (!a->has_http) release(a);
}

static void on_http_closed(void *context) {
    analyzer *a = context;
    a->has_http = false;
    if (!a->has_timer) release(a);
}

void analyzer_close(analyzer *a, void (*on_closed)(void *context), void *context) {
    if (!a) {
        if (on_closed) on_closed(context);
        return;
    }
    a->is_closing = a->has_timer = a->has_http = true;
    a->on_closed = on_closed;
    a->closed_context = context;
    uv_close((uv_handle_t *)&a->timer, on_timer_closed);
    http_client_close(a->http, on_http_closed, a);
}
