/* A call lives in one list from the request to its callback: held while the pause lasts, sent afterwards. A forgotten
 * call stays in the list without its callback until the HTTP client has let go of it, so that the last one can tell
 * a closing rest that nothing refers to it any more. */
#include "binance/rest.h"
#include "base/clock.h"
#include "base/log.h"
#include "binance/parse.h"
#include "market/interval.h"
#include "market/symbol.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    URL_BYTES = 1024,
    DEFAULT_TIMEOUT_MS = 15000,
    MAX_SMALL_BODY_BYTES = 1 << 20,
    MAX_LARGE_BODY_BYTES = 64 << 20, /* exchangeInfo of all symbols was 16 MB in 2026 */
    LIMITED_PAUSE_MS = 5000,         /* 429 without Retry-After */
    BANNED_PAUSE_MS = 120000         /* 418 without: the shortest ban */
};
static const int64_t MAX_PAUSE_S = 3 * 24 * 3600; /* the longest ban */

typedef struct call {
    struct call *next;
    rest *owner;
    uint64_t id, http_id;
    rest_done_fn on_done; /* NULL: forgotten */
    void *context;
    size_t max_body_bytes;
    bool is_sent;
    char url[];
} call;

struct rest {
    uv_loop_t *loop;
    http_client *http;
    char *base_url;
    int64_t timeout_ms, paused_until_ms;
    call *calls; /* oldest first */
    uint64_t last_id;
    rest_stats stats;
    uv_timer_t timer; /* end of the pause */
    bool is_closing, is_timer_closed;
    void (*on_closed)(void *context);
    void *closed_context;
};

static err make_call(rest *r, size_t max_body_bytes, rest_done_fn on_done, void *context, uint64_t *id,
                     const char *format, ...) __attribute__((format(printf, 6, 7)));
static void on_answer(void *context, const http_response *response);
static void on_pause_end(uv_timer_t *timer);
static void on_timer_closed(uv_handle_t *handle);
static void send_held(rest *r);
static void settle_close(rest *r);

/* ---- life ---- */

err rest_new(const rest_options *options, rest **out, diag *why) {
    const char *url = options->base_url;
    if (strncmp(url, "http://", 7) != 0 && strncmp(url, "https://", 8) != 0)
        return diag_set(why, ERR_INVALID, "\"%s\" is no http or https address", url);
    rest *r = calloc(1, sizeof *r);
    if (r) r->base_url = strdup(url);
    if (!r || !r->base_url) {
        free(r);
        return diag_set(why, ERR_NO_MEMORY, "out of memory");
    }
    size_t n = strlen(r->base_url);
    while (n > 0 && r->base_url[n - 1] == '/') r->base_url[--n] = 0;
    r->loop = options->loop;
    r->http = options->http;
    r->timeout_ms = options->timeout_ms > 0 ? options->timeout_ms : DEFAULT_TIMEOUT_MS;
    r->stats.used_weight = -1;
    uv_timer_init(r->loop, &r->timer);
    r->timer.data = r;
    *out = r;
    return OK;
}

void rest_close(rest *r, void (*on_closed)(void *context), void *context) {
    r->is_closing = true;
    r->on_closed = on_closed;
    r->closed_context = context;
    for (call *c = r->calls, *next; c; c = next) {
        next = c->next;
        rest_cancel(r, c->id);
    }
    uv_close((uv_handle_t *)&r->timer, on_timer_closed);
}

static void on_timer_closed(uv_handle_t *handle) {
    rest *r = handle->data;
    r->is_timer_closed = true;
    settle_close(r);
}

static void settle_close(rest *r) {
    if (!r->is_timer_closed || r->calls) return;
    void (*on_closed)(void *context) = r->on_closed;
    void *context = r->closed_context;
    free(r->base_url);
    free(r);
    if (on_closed) on_closed(context);
}

int64_t rest_paused_until(const rest *r) { return r->paused_until_ms > monotonic_ms() ? r->paused_until_ms : 0; }

const rest_stats *rest_get_stats(const rest *r) { return &r->stats; }

/* ---- what can be asked ---- */

err rest_time(rest *r, rest_done_fn on_done, void *context, uint64_t *id) {
    return make_call(r, MAX_SMALL_BODY_BYTES, on_done, context, id, "%s/api/v3/time", r->base_url);
}

err rest_exchange_info(rest *r, rest_done_fn on_done, void *context, uint64_t *id) {
    return make_call(r, MAX_LARGE_BODY_BYTES, on_done, context, id, "%s/api/v3/exchangeInfo", r->base_url);
}

err rest_tickers_24h(rest *r, rest_done_fn on_done, void *context, uint64_t *id) {
    return make_call(r, MAX_LARGE_BODY_BYTES, on_done, context, id, "%s/api/v3/ticker/24hr?type=MINI", r->base_url);
}

/* Percent-encoding of everything but letters and digits: symbols may be Chinese. */
static void encode_symbol(const char *symbol, char out[3 * SYMBOL_BYTES]) {
    size_t n = 0;
    for (const unsigned char *p = (const unsigned char *)symbol; *p && n + 4 <= 3 * SYMBOL_BYTES; p++) {
        bool is_plain = (*p >= '0' && *p <= '9') || (*p >= 'A' && *p <= 'Z') || (*p >= 'a' && *p <= 'z');
        n += (size_t)snprintf(out + n, 4, is_plain ? "%c" : "%%%02X", *p);
    }
    out[n] = 0;
}

err rest_klines(rest *r, const char *symbol, int32_t interval, int64_t from_ms, int64_t to_ms, int limit,
                rest_done_fn on_done, void *context, uint64_t *id) {
    char name[3 * SYMBOL_BYTES];
    if (!interval_name(interval) || from_ms >= to_ms || limit < 1 || limit > REST_MAX_KLINES) return ERR_INVALID;
    encode_symbol(symbol, name);
    return make_call(r, MAX_SMALL_BODY_BYTES, on_done, context, id,
                     "%s/api/v3/klines?symbol=%s&interval=%s&startTime=%" PRId64 "&endTime=%" PRId64 "&limit=%d",
                     r->base_url, name, interval_name(interval), from_ms, to_ms - 1, limit);
}

/* ---- calls ---- */

static err make_call(rest *r, size_t max_body_bytes, rest_done_fn on_done, void *context, uint64_t *id,
                     const char *format, ...) {
    char url[URL_BYTES];
    va_list args;
    if (r->is_closing) return ERR_CLOSED;
    va_start(args, format);
    int n = vsnprintf(url, sizeof url, format, args);
    va_end(args);
    if (n < 0 || (size_t)n >= sizeof url) return ERR_TOO_BIG;
    call *c = calloc(1, sizeof *c + (size_t)n + 1);
    if (!c) return ERR_NO_MEMORY;
    memcpy(c->url, url, (size_t)n + 1);
    c->owner = r;
    c->id = ++r->last_id;
    c->on_done = on_done;
    c->context = context;
    c->max_body_bytes = max_body_bytes;
    call **link = &r->calls;
    while (*link) link = &(*link)->next;
    *link = c;
    if (id) *id = c->id;
    send_held(r);
    return OK;
}

static void unlink_call(rest *r, call *gone) {
    call **link = &r->calls;
    while (*link != gone) link = &(*link)->next;
    *link = gone->next;
}

/* A call that the HTTP client refuses stays held and is tried again after a short pause: the callback of a call must
 * not come from inside the call that made it. */
static void pause_until(rest *r, int64_t until_ms) {
    if (until_ms > r->paused_until_ms) r->paused_until_ms = until_ms;
    int64_t wait_ms = r->paused_until_ms - monotonic_ms();
    uv_update_time(r->loop);
    if (!r->is_closing) uv_timer_start(&r->timer, on_pause_end, wait_ms > 0 ? (uint64_t)wait_ms : 0, 0);
}

static void send_held(rest *r) {
    int64_t now_ms = monotonic_ms();
    if (now_ms < r->paused_until_ms) return;
    for (call *c = r->calls; c; c = c->next) {
        if (c->is_sent) continue;
        http_request request = {.url = c->url,
                                .timeout_ms = r->timeout_ms,
                                .max_body_bytes = c->max_body_bytes,
                                .on_done = on_answer,
                                .context = c};
        err error = http_client_send(r->http, &request, &c->http_id);
        if (error) {
            static log_repeater repeater;
            log_repeat(&repeater, LOG_WARN, "rest", "a request could not be sent: %s", error_text(error));
            pause_until(r, now_ms + 1000);
            return;
        }
        c->is_sent = true;
        r->stats.n_calls++;
    }
}

static void on_pause_end(uv_timer_t *timer) {
    rest *r = timer->data;
    if (monotonic_ms() < r->paused_until_ms) {
        pause_until(r, r->paused_until_ms); /* the two clocks may differ by a ms */
        return;
    }
    r->paused_until_ms = 0;
    send_held(r);
}

void rest_cancel(rest *r, uint64_t id) {
    call *c = r->calls;
    while (c && c->id != id) c = c->next;
    if (!c || !c->on_done) return;
    c->on_done = NULL;
    if (c->is_sent) {
        http_client_cancel(r->http, c->http_id);
    } else {
        unlink_call(r, c);
        free(c);
    }
}

/* ---- answers ---- */

static int64_t header_number(const http_response *response, const char *name) {
    const char *text = http_response_header(response, name);
    if (!text || *text < '0' || *text > '9') return -1;
    char *end;
    long long n = strtoll(text, &end, 10);
    return *end == 0 || *end == ' ' || *end == '\r' ? n : -1;
}

static void note_limits(rest *r, const http_response *response) {
    if (response->error) return;
    int64_t weight = header_number(response, "X-MBX-USED-WEIGHT-1M");
    if (weight >= 0) r->stats.used_weight = weight;
    if (response->status != 429 && response->status != 418) return;
    int64_t seconds = header_number(response, "Retry-After");
    int64_t wait_ms = response->status == 429 ? LIMITED_PAUSE_MS : BANNED_PAUSE_MS;
    if (seconds >= 0) wait_ms = (seconds < MAX_PAUSE_S ? seconds : MAX_PAUSE_S) * 1000;
    r->stats.n_pauses++;
    log_warn("rest", "HTTP %d: over the exchange's limit; nothing is asked for the next %" PRId64 " s",
             response->status, wait_ms / 1000);
    pause_until(r, monotonic_ms() + wait_ms);
}

static const char *status_hint(int status) {
    switch (status) {
    case 451: return " (the exchange serves no one at this location: data-api.binance.vision or another region may)";
    case 403: return " (refused by the exchange's firewall)";
    case 418: return " (this address is banned for a while)";
    case 429: return " (too many requests)";
    default: return "";
    }
}

static void describe(const http_response *response, rest_answer *out, char *why, size_t why_bytes) {
    char message[PARSE_ERROR_BYTES];
    *out = (rest_answer){.error = response->error,
                         .why = response->why,
                         .status = response->status,
                         .body = response->body,
                         .body_bytes = response->body_bytes};
    if (response->error || response->status == 200) return;
    out->error = ERR_HTTP;
    out->why = why;
    bool is_known = parse_error_body(response->body, response->body_bytes, &out->code, message);
    if (is_known)
        snprintf(why, why_bytes, "HTTP %d%s: %s (code %" PRId64 ")", out->status, status_hint(out->status), message,
                 out->code);
    else
        snprintf(why, why_bytes, "HTTP %d%s", out->status, status_hint(out->status));
}

static void on_answer(void *context, const http_response *response) {
    call *c = context;
    rest *r = c->owner;
    rest_answer answer;
    char why[PARSE_ERROR_BYTES + 192];
    unlink_call(r, c);
    if (c->on_done) {
        describe(response, &answer, why, sizeof why);
        note_limits(r, response);
        r->stats.body_bytes += response->body_bytes;
        if (answer.error) r->stats.n_failures++;
        c->on_done(c->context, &answer); /* may close the rest: the list is told below */
    }
    free(c);
    if (r->is_closing) settle_close(r);
}
