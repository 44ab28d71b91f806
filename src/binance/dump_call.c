/*   CHECKSUM ── 200 ──► ARCHIVE ── 200, compared and read ──► answered
 *     ▲  │ failure         │ failure      │ other checksum
 *     │  └─ wait ─┐        └─ wait ─┐     └─ once: CHECKSUM again
 *     └───────────┘                 └─► ARCHIVE again
 *
 * The call is freed in the close callback of its timer; the HTTP request is gone by then, or cancelled. */
#include "binance/dump_call.h"
#include "base/backoff.h"
#include "base/log.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    TIMEOUT_MS = 600000, /* of a whole archive on a slow line */
    CHECKSUM_TIMEOUT_MS = 30000,
    CHECKSUM_MOST_BYTES = 4096,
    RETRY_BASE_MS = 500,
    RETRY_CAP_MS = 30000,
    MOST_TRIES = 8,
    MOST_PAUSE_S = 3600
};
static const size_t ARCHIVE_MOST_BYTES = (size_t)256 << 20;

struct dump_call {
    dump_options options;
    dump_name name;
    char *url;
    uv_timer_t timer;
    uint64_t http_id; /* 0: nothing is out */
    bool wants_archive, has_mismatched, is_over;
    int n_failures;
    backoff retry;
    unsigned char wanted[SHA256_BYTES];
};

static void on_response(void *context, const http_response *response);

static void on_closed(uv_handle_t *handle) {
    dump_call *c = handle->data;
    free(c->url);
    free(c);
}

static void end(dump_call *c) {
    c->is_over = true;
    uv_close((uv_handle_t *)&c->timer, on_closed);
}

static void answer(dump_call *c, const dump_answer *a) {
    end(c);
    c->options.on_done(c->options.context, a);
}

static void fail(dump_call *c, err error, const char *why) { answer(c, &(dump_answer){.error = error, .why = why}); }

static void on_due(uv_timer_t *timer) {
    dump_call *c = timer->data;
    char url[DUMP_PATH_BYTES + 512];
    int bytes = snprintf(url, sizeof url, "%s%s%s", c->url, c->name.path, c->wants_archive ? "" : ".CHECKSUM");
    http_request request = {.url = url,
                            .timeout_ms = c->wants_archive ? TIMEOUT_MS : CHECKSUM_TIMEOUT_MS,
                            .max_body_bytes = c->wants_archive ? ARCHIVE_MOST_BYTES : CHECKSUM_MOST_BYTES,
                            .on_done = on_response,
                            .context = c};
    err e = bytes > 0 && (size_t)bytes < sizeof url ? http_client_send(c->options.http, &request, &c->http_id)
                                                    : ERR_TOO_BIG;
    if (e != OK) fail(c, e, error_text(e));
}

static void ask_in(dump_call *c, int64_t wait_ms) {
    uv_update_time(c->options.loop);
    uv_timer_start(&c->timer, on_due, (uint64_t)wait_ms, 0);
}

err dump_call_start(const dump_options *options, const dump_name *name, dump_call **out) {
    dump_call *c = calloc(1, sizeof *c);
    if (c) c->url = strdup(options->url);
    if (!c || !c->url) {
        free(c);
        return ERR_NO_MEMORY;
    }
    c->options = *options;
    c->name = *name;
    backoff_init(&c->retry, options->retry_base_ms ? options->retry_base_ms : RETRY_BASE_MS, RETRY_CAP_MS,
                 options->seed);
    uv_timer_init(options->loop, &c->timer);
    c->timer.data = c;
    ask_in(c, 0);
    *out = c;
    return OK;
}

void dump_call_cancel(dump_call *c) {
    uint64_t id = c->http_id;
    if (c->is_over) return;
    if (id) { /* its callback still comes, and must find the call: it is what ends it */
        c->is_over = true;
        http_client_cancel(c->options.http, id);
    } else {
        end(c);
    }
}

/* ---- answers ---- */

static int64_t retry_after_ms(const http_response *response) {
    const char *text = http_response_header(response, "Retry-After");
    if (!text || *text < '0' || *text > '9') return 0;
    long seconds = strtol(text, NULL, 10);
    return (seconds < MOST_PAUSE_S ? seconds : MOST_PAUSE_S) * 1000;
}

/* Failures that may be gone in a moment are tried again; for others `why` is the end. */
static void try_again(dump_call *c, const http_response *response, const char *why) {
    int status = response->status;
    bool is_worth_it = response->error != OK ? response->error != ERR_TOO_BIG && response->error != ERR_NO_MEMORY
                                             : status >= 500 || status == 429 || status == 408 || status == 403;
    err error = response->error ? response->error : ERR_HTTP;
    if (!is_worth_it) {
        fail(c, error, why);
        return;
    }
    if (++c->n_failures >= MOST_TRIES) {
        char text[1100];
        snprintf(text, sizeof text, "%.1000s; given up after %d tries", why, MOST_TRIES);
        fail(c, error, text);
        return;
    }
    int64_t wait_ms = backoff_next_ms(&c->retry), asked_ms = response->error ? 0 : retry_after_ms(response);
    if (asked_ms > wait_ms) wait_ms = asked_ms;
    log_warn("dumps", "%s; trying again in %.1f s", why, (double)wait_ms / 1000);
    ask_in(c, wait_ms);
}

static void take_archive(dump_call *c, const http_response *response) {
    diag why = {{0}};
    kline_list bars = {0};
    dump_notes notes = {0};
    err e = dump_checksum_compare(response->body, response->body_bytes, c->wanted, &why);
    if (e == ERR_INVALID && !c->has_mismatched) {
        log_warn("dumps", "%s: %s; fetching it once more", c->name.file, why.text);
        c->has_mismatched = true;
        c->wants_archive = false;
        ask_in(c, 0);
        return;
    }
    if (e != OK)
        (void)diag_wrap(&why, e, "%s", c->name.file);
    else
        e = dump_file_read(response->body, response->body_bytes, c->name.file, &c->name.period, &bars, &notes, &why);
    answer(c, &(dump_answer){.error = e,
                             .why = e ? why.text : NULL,
                             .bars = &bars,
                             .notes = &notes,
                             .body_bytes = response->body_bytes});
    kline_list_free(&bars);
}

static void take_checksum(dump_call *c, const http_response *response) {
    diag why;
    err e = dump_checksum_read(response->body, response->body_bytes, c->name.file, c->wanted, &why);
    if (e != OK && c->has_mismatched) {
        fail(c, ERR_INVALID, why.text);
    } else if (e != OK) { /* as one that does not match */
        log_warn("dumps", "%s; fetching it once more", why.text);
        c->has_mismatched = true;
        ask_in(c, 0);
    } else {
        c->wants_archive = true;
        ask_in(c, 0);
    }
}

static void on_response(void *context, const http_response *response) {
    dump_call *c = context;
    char why[1024];
    c->http_id = 0;
    if (c->is_over) {
        uv_close((uv_handle_t *)&c->timer, on_closed);
        return;
    }
    const char *ending = c->wants_archive ? "" : ".CHECKSUM";
    if (response->error)
        snprintf(why, sizeof why, "%s%s: %s", c->name.file, ending, response->why);
    else
        snprintf(why, sizeof why, "%s%s: HTTP %d from %.200s", c->name.file, ending, response->status, c->url);
    if (!response->error && response->status == 404) {
        fail(c, ERR_NOT_FOUND, why);
    } else if (response->error || response->status != 200) {
        try_again(c, response, why);
    } else {
        backoff_reset(&c->retry);
        c->n_failures = 0;
        if (c->wants_archive)
            take_archive(c, response);
        else
            take_checksum(c, response);
    }
}
