#include "notify/lane.h"
#include "base/backoff.h"
#include "base/log.h"
#include "base/token_bucket.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    TIMEOUT_MS = 15000,
    ANSWER_BYTES = 64 * 1024,
    RETRY_FIRST_MS = 1000,
    RETRY_MOST_MS = 600000,
    TRIES_IN_A_ROW = 3
};

struct lane {
    lane_config config;
    const service *service;
    uv_timer_t timer;
    delivery *items;
    size_t count, at;
    token_bucket rate;
    backoff retry;
    int64_t not_before_ms; /* monotonic */
    uint64_t request;      /* under way; 0: none */
    bool is_closed, is_timer_closed;
    char chat[CHAT_BYTES]; /* Telegram: where the chat has moved; empty: nowhere */
    lane_stats stats;
    log_repeater failures;
};

static void step(lane *l);

static void on_timer(uv_timer_t *timer) { step(timer->data); }

static void wake(lane *l, int64_t wait_ms) {
    if (!l->is_closed) uv_timer_start(&l->timer, on_timer, (uint64_t)(wait_ms > 0 ? wait_ms : 0), 0);
}

err lane_new(const lane_config *config, lane **out) {
    lane *l = calloc(1, sizeof *l);
    if (!l) return ERR_NO_MEMORY;
    l->config = *config;
    l->service = service_get(config->service);
    token_bucket_init(&l->rate, config->per_minute, monotonic_ms());
    backoff_init(&l->retry, RETRY_FIRST_MS, RETRY_MOST_MS, config->seed);
    uv_timer_init(config->loop, &l->timer);
    l->timer.data = l;
    *out = l;
    return OK;
}

void lane_get_stats(const lane *l, lane_stats *out) { *out = l->stats; }

static void free_items(lane *l) {
    for (size_t i = 0; i < l->count; i++) delivery_deinit(&l->items[i]);
    free(l->items);
    l->items = NULL;
    l->count = l->at = 0;
}

void lane_give(lane *l, delivery *items, size_t count) {
    free_items(l);
    l->items = items;
    l->count = count;
    wake(l, 0);
}

/* ---- one delivery ---- */

static void end(lane *l, delivery_state state, int64_t next_ms, const char *why) {
    delivery *d = &l->items[l->at++];
    d->state = state;
    d->next_ms = next_ms;
    l->config.on_done(l->config.context, d, why);
}

static void note_failure(lane *l, const service_verdict *v) {
    l->stats.is_failing = true;
    snprintf(l->stats.why, sizeof l->stats.why, "%s", v->why);
    log_repeat(&l->failures, LOG_WARN, "notify", "%s: a notification is %s: %s", notice_service_name(l->config.service),
               v->outcome == SERVICE_REFUSED ? "refused" : "not sent yet", v->why);
}

static void note_sent(lane *l) {
    if (l->stats.is_failing) log_info("notify", "%s works again", notice_service_name(l->config.service));
    l->stats.is_failing = false;
    *l->stats.why = 0;
    l->stats.n_sent++;
    l->stats.last_sent_ms = wall_ms();
    backoff_reset(&l->retry);
}

/* Where nothing gets through, or the service says how long to wait, the first in line stays the first. What it alone may be the
 * reason of is tried a few times, and then again behind the others. */
static bool stays_first(const lane *l, const service_verdict *v, int status) {
    return status == 0 || v->wait_ms >= 0 || l->items[l->at].n_tries % TRIES_IN_A_ROW != 0;
}

static void apply(lane *l, const service_verdict *v, int status) {
    int64_t wait_ms = v->wait_ms;
    if (*v->chat) {
        snprintf(l->chat, sizeof l->chat, "%s", v->chat);
        log_warn("notify", "telegram: the chat is a supergroup now; set NOTIFY_TELEGRAM_CHAT to %s", l->chat);
    }
    if (v->outcome != SERVICE_SENT) note_failure(l, v);
    if (wait_ms < 0) wait_ms = backoff_next_ms(&l->retry);
    l->not_before_ms = monotonic_ms() + wait_ms;
    if (v->outcome == SERVICE_SENT) {
        note_sent(l);
        end(l, DELIVERY_SENT, 0, NULL);
    } else if (v->outcome == SERVICE_REFUSED) {
        l->stats.n_refused++;
        end(l, DELIVERY_REFUSED, 0, v->why);
    } else {
        l->stats.n_failed++;
        if (!stays_first(l, v, status)) end(l, DELIVERY_WAITING, wall_ms() + 2 * wait_ms, v->why);
    }
}

static void on_answer(void *context, const http_response *r) {
    lane *l = context;
    service_verdict verdict;
    l->request = 0;
    if (l->is_closed) {
        if (l->is_timer_closed) free(l);
        return;
    }
    bool has_come = !r->error || r->error == ERR_TOO_BIG; /* of a long answer the status is enough */
    service_answer answer = {.status = has_come ? r->status : 0, .why = r->why, .body = r->body ? r->body : ""};
    if (has_come) {
        answer.retry_after = http_response_header(r, "Retry-After");
        answer.remaining = http_response_header(r, "X-RateLimit-Remaining");
        answer.reset_after = http_response_header(r, "X-RateLimit-Reset-After");
    }
    l->service->judge(&answer, &verdict);
    apply(l, &verdict, answer.status);
    step(l);
}

static err send_request(lane *l, const service_request *made) {
    const char *headers[SERVICE_HEADERS_MAX + 1] = {NULL};
    for (size_t i = 0; i < made->n_headers; i++) headers[i] = made->headers[i];
    http_request request = {.method = "POST",
                            .url = made->url,
                            .headers = headers,
                            .body = made->body,
                            .body_bytes = strlen(made->body),
                            .timeout_ms = TIMEOUT_MS,
                            .max_body_bytes = ANSWER_BYTES,
                            .on_done = on_answer,
                            .context = l};
    return http_client_send(l->config.client, &request, &l->request);
}

static void send_first(lane *l) {
    service_request made = {0};
    service_options options = l->config.options;
    if (*l->chat) options.chat = l->chat;
    token_bucket_take(&l->rate, 1, monotonic_ms());
    l->items[l->at].n_tries++;
    err e = l->service->request(&options, &l->items[l->at], wall_ms() / 1000, &made);
    if (e == OK) e = send_request(l, &made);
    service_request_deinit(&made);
    if (e == OK) return;
    service_verdict failed = {.outcome = SERVICE_RETRY, .wait_ms = -1};
    snprintf(failed.why, sizeof failed.why, "%s", error_text(e));
    apply(l, &failed, 0);
    wake(l, 0);
}

static bool is_too_old(const lane *l) {
    int64_t now_ms = market_clock_now(l->config.clock, monotonic_ms());
    return l->config.max_age_ms && now_ms && now_ms - l->items[l->at].close_ms > l->config.max_age_ms;
}

static void step(lane *l) {
    if (l->is_closed || l->request) return;
    while (l->at < l->count && is_too_old(l)) {
        l->stats.n_expired++;
        end(l, DELIVERY_EXPIRED, 0, "it was too old (NOTIFY_MAX_AGE_MIN)");
    }
    if (l->at == l->count) {
        if (l->items) {
            free_items(l);
            l->config.on_empty(l->config.context, l->config.service);
        }
        return;
    }
    int64_t now_ms = monotonic_ms(), wait_ms = token_bucket_wait_ms(&l->rate, 1, now_ms);
    if (l->not_before_ms - now_ms > wait_ms) wait_ms = l->not_before_ms - now_ms;
    if (wait_ms > 0)
        wake(l, wait_ms);
    else
        send_first(l);
}

/* ---- the end ---- */

static void on_timer_closed(uv_handle_t *handle) {
    lane *l = handle->data;
    l->is_timer_closed = true;
    if (!l->request) free(l);
}

void lane_close(lane *l) {
    if (!l || l->is_closed) return;
    l->is_closed = true;
    free_items(l);
    if (l->request) http_client_cancel(l->config.client, l->request);
    uv_close((uv_handle_t *)&l->timer, on_timer_closed);
}
