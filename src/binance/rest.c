/* A call lives in one list from the request to its callback: held while the pause lasts or the budget is used up, sent
 * afterwards, to the host that is then in use; callers hold back what would be held, so the list is short. A forgotten
 * call stays in the list without its callback until the HTTP client has let go of it, so that the last one can tell
 * a closing rest that nothing refers to it any more. */
#include "binance/rest.h"
#include "base/log.h"
#include "binance/parse.h"
#include "binance/rest_hosts.h"
#include "market/interval.h"
#include "market/symbol.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    PATH_BYTES = 1024,
    DEFAULT_TIMEOUT_MS = 15000,
    MAX_SMALL_BODY_BYTES = 1 << 20,
    MAX_LARGE_BODY_BYTES = 64 << 20, /* exchangeInfo of all symbols was 16 MB in 2026 */
    LIMITED_PAUSE_MS = 5000,         /* 429 without Retry-After */
    BANNED_PAUSE_MS = 120000,        /* 418 without: the shortest ban */
    START_PERCENT = 90,
    LATER_PERCENT = 50
};
static const int64_t MAX_PAUSE_S = 3 * 24 * 3600; /* the longest ban */

typedef struct call {
    struct call *next;
    rest *owner;
    uint64_t id, http_id;
    rest_done_fn on_done; /* NULL: forgotten */
    void *context;
    size_t max_body_bytes;
    int weight;
    weight_class class;
    bool is_sent;
    weight_mark mark;
    size_t host; /* it was sent to */
    char path[];
} call;

typedef struct call_kind {
    size_t max_body_bytes;
    int weight;
    weight_class class;
} call_kind;

struct rest {
    uv_loop_t *loop;
    http_client *http;
    const venue *venue;
    const market_clock *clock;
    rest_hosts hosts;
    weight_budget budget;
    int64_t timeout_ms, paused_until_ms;
    call *calls; /* oldest first */
    uint64_t last_id;
    rest_stats stats;
    uv_timer_t timer; /* end of the pause, or when the budget is worth another look */
    bool is_closing, is_timer_closed;
    void (*on_closed)(void *context);
    void *closed_context;
};

static err make_call(rest *r, call_kind kind, rest_done_fn on_done, void *context, uint64_t *id, const char *format,
                     ...) __attribute__((format(printf, 6, 7)));
static void on_answer(void *context, const http_response *response);
static void on_due(uv_timer_t *timer);
static void on_timer_closed(uv_handle_t *handle);
static void send_held(rest *r);
static void settle_close(rest *r);

/* ---- life ---- */

static void note_allowed(rest *r) {
    r->stats.limit = r->budget.limit;
    r->stats.allowed = r->budget.limit * r->budget.percent / 100;
}

err rest_new(const rest_options *options, rest **out, diag *why) {
    rest *r = calloc(1, sizeof *r);
    if (!r) return diag_set(why, ERR_NO_MEMORY, "out of memory");
    err e = rest_hosts_init(&r->hosts, options->venue, options->urls, options->n_urls, why);
    if (e != OK) {
        free(r);
        return e;
    }
    r->loop = options->loop;
    r->http = options->http;
    r->venue = options->venue;
    r->clock = options->clock;
    r->timeout_ms = options->timeout_ms > 0 ? options->timeout_ms : DEFAULT_TIMEOUT_MS;
    r->stats.used_weight = -1;
    weight_budget_init(&r->budget, r->venue->weight_per_minute, START_PERCENT);
    note_allowed(r);
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
    rest_hosts_deinit(&r->hosts);
    free(r);
    if (on_closed) on_closed(context);
}

int64_t rest_paused_until(const rest *r) { return r->paused_until_ms > monotonic_ms() ? r->paused_until_ms : 0; }

const char *rest_host(const rest *r) { return r->hosts.hosts[r->hosts.current].url; }

const venue *rest_venue(const rest *r) { return r->venue; }

void rest_set_limit(rest *r, int64_t weight_per_minute) {
    weight_budget_set_limit(&r->budget, weight_per_minute);
    note_allowed(r);
}

void rest_end_first_start(rest *r) {
    weight_budget_set_percent(&r->budget, LATER_PERCENT);
    note_allowed(r);
}

static weight_now now_of(const rest *r) {
    int64_t now_ms = monotonic_ms();
    return (weight_now){now_ms, r->clock ? market_clock_now(r->clock, now_ms) : 0};
}

int64_t rest_wait(rest *r, int weight, weight_class class) {
    weight_now now = now_of(r);
    int64_t pause_ms = r->paused_until_ms - now.ms, wait_ms = weight_budget_wait(&r->budget, weight, class, now);
    return pause_ms > wait_ms ? pause_ms : wait_ms;
}

const rest_stats *rest_get_stats(const rest *r) { return &r->stats; }

/* ---- what can be asked ---- */

err rest_time(rest *r, rest_done_fn on_done, void *context, uint64_t *id) {
    call_kind kind = {MAX_SMALL_BODY_BYTES, r->venue->time_weight, WEIGHT_URGENT};
    return make_call(r, kind, on_done, context, id, "%s", r->venue->time_path);
}

err rest_exchange_info(rest *r, rest_done_fn on_done, void *context, uint64_t *id) {
    call_kind kind = {MAX_LARGE_BODY_BYTES, r->venue->exchange_info_weight, WEIGHT_URGENT};
    return make_call(r, kind, on_done, context, id, "%s", r->venue->exchange_info_path);
}

err rest_tickers_24h(rest *r, rest_done_fn on_done, void *context, uint64_t *id) {
    call_kind kind = {MAX_LARGE_BODY_BYTES, r->venue->tickers_weight, WEIGHT_URGENT};
    return make_call(r, kind, on_done, context, id, "%s", r->venue->tickers_path);
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

err rest_klines(rest *r, const rest_page *p, rest_done_fn on_done, void *context, uint64_t *id) {
    char name[3 * SYMBOL_BYTES];
    const char *interval = interval_name(p->interval);
    if (!interval || p->from_ms >= p->to_ms || p->limit < 1 || p->limit > r->venue->page_bars) return ERR_INVALID;
    call_kind kind = {MAX_SMALL_BODY_BYTES, venue_klines_weight(r->venue, p->limit), p->class};
    encode_symbol(p->symbol, name);
    return make_call(r, kind, on_done, context, id,
                     "%s?symbol=%s&interval=%s&startTime=%" PRId64 "&endTime=%" PRId64 "&limit=%d",
                     r->venue->klines_path, name, interval, p->from_ms, p->to_ms - 1, p->limit);
}

/* ---- calls ---- */

static err make_call(rest *r, call_kind kind, rest_done_fn on_done, void *context, uint64_t *id, const char *format,
                     ...) {
    char path[PATH_BYTES];
    va_list args;
    if (r->is_closing) return ERR_CLOSED;
    va_start(args, format);
    int n = vsnprintf(path, sizeof path, format, args);
    va_end(args);
    if (n < 0 || (size_t)n >= sizeof path) return ERR_TOO_BIG;
    call *c = calloc(1, sizeof *c + (size_t)n + 1);
    if (!c) return ERR_NO_MEMORY;
    memcpy(c->path, path, (size_t)n + 1);
    c->owner = r;
    c->id = ++r->last_id;
    c->on_done = on_done;
    c->context = context;
    c->max_body_bytes = kind.max_body_bytes;
    c->weight = kind.weight;
    c->class = kind.class;
    call **link = &r->calls;
    while (*link) link = &(*link)->next;
    *link = c;
    r->stats.n_held++;
    if (id) *id = c->id;
    send_held(r);
    return OK;
}

static void unlink_call(rest *r, call *gone) {
    call **link = &r->calls;
    while (*link != gone) link = &(*link)->next;
    *link = gone->next;
}

static void wake_in(rest *r, int64_t wait_ms) {
    uv_update_time(r->loop);
    if (!r->is_closing) uv_timer_start(&r->timer, on_due, wait_ms > 0 ? (uint64_t)wait_ms : 0, 0);
}

/* A call that the HTTP client refuses stays held and is tried again after a short pause: the callback of a call must
 * not come from inside the call that made it. */
static void pause_until(rest *r, int64_t until_ms) {
    if (until_ms > r->paused_until_ms) r->paused_until_ms = until_ms;
    wake_in(r, r->paused_until_ms - monotonic_ms());
}

static err send_call(rest *r, call *c, weight_now now) {
    size_t host = rest_hosts_choose(&r->hosts, now.ms);
    char *url;
    if (asprintf(&url, "%s%s", r->hosts.hosts[host].url, c->path) < 0) return ERR_NO_MEMORY;
    http_request request = {.url = url,
                            .timeout_ms = r->timeout_ms,
                            .max_body_bytes = c->max_body_bytes,
                            .on_done = on_answer,
                            .context = c};
    err error = http_client_send(r->http, &request, &c->http_id);
    free(url);
    if (error) return error;
    c->host = host;
    c->mark = weight_budget_take(&r->budget, c->weight, now);
    c->is_sent = true;
    r->stats.n_calls++;
    r->stats.n_held--;
    return OK;
}

static void send_held(rest *r) {
    weight_now now = now_of(r);
    int64_t least_ms = 0;
    if (now.ms < r->paused_until_ms) return;
    for (call *c = r->calls; c && r->stats.n_held > 0; c = c->next) {
        if (c->is_sent) continue;
        int64_t wait_ms = weight_budget_wait(&r->budget, c->weight, c->class, now);
        if (wait_ms > 0) {
            if (least_ms == 0 || wait_ms < least_ms) least_ms = wait_ms;
            continue;
        }
        err error = send_call(r, c, now);
        if (error) {
            static log_repeater repeater;
            log_repeat(&repeater, LOG_WARN, "rest", "a request could not be sent: %s", error_text(error));
            pause_until(r, now.ms + 1000);
            return;
        }
    }
    if (least_ms > 0) wake_in(r, least_ms);
}

static void on_due(uv_timer_t *timer) {
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
        r->stats.n_held--;
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

static void note_weight(rest *r, const call *c, const http_response *response) {
    int64_t used = response->error ? -2 : header_number(response, "X-MBX-USED-WEIGHT-1M");
    if (used >= 0) r->stats.used_weight = used;
    weight_budget_answer(&r->budget, c->weight, c->mark, used, now_of(r));
}

static void note_limits(rest *r, const http_response *response) {
    if (response->error || (response->status != 429 && response->status != 418)) return;
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
    case 451: return " (the exchange serves no one at this location)";
    case 403: return " (refused by the exchange's firewall)";
    case 418: return " (this address is banned for a while)";
    case 429: return " (too many requests)";
    default: return "";
    }
}

static host_outcome outcome_of(const http_response *response) {
    if (response->error || response->status >= 500) return HOST_FAILED;
    if (response->status == 451) return HOST_RESTRICTED;
    return response->status == 403 ? HOST_FORBIDDEN : HOST_SERVED;
}

/* True: the next call goes elsewhere. */
static bool note_host(rest *r, const call *c, const http_response *response) {
    const host_entry *from = &r->hosts.hosts[c->host];
    if (response->error == ERR_CANCELLED || response->error == ERR_TOO_BIG) return false; /* our own doing */
    if (rest_hosts_note(&r->hosts, c->host, outcome_of(response), monotonic_ms())) {
        const host_entry *to = &r->hosts.hosts[r->hosts.current];
        r->stats.n_moves++;
        if (response->error)
            log_warn("rest", "%s: %s; going on with %s", from->url, response->why, to->url);
        else
            log_warn("rest", "%s: HTTP %d%s; going on with %s%s", from->url, response->status,
                     status_hint(response->status), to->is_market_data_only ? "the market-data host " : "", to->url);
    }
    return c->host != r->hosts.current;
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
    note_weight(r, c, response);
    bool has_moved = note_host(r, c, response);
    if (c->on_done) {
        describe(response, &answer, why, sizeof why);
        answer.has_moved = has_moved;
        note_limits(r, response);
        r->stats.body_bytes += response->body_bytes;
        if (answer.error) r->stats.n_failures++;
        c->on_done(c->context, &answer); /* may close the rest: the list is told below */
    }
    free(c);
    if (r->is_closing)
        settle_close(r);
    else
        send_held(r);
}
