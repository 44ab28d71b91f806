/* Each call is a URL, a few headers and a body for base/http; an answer is judged before anybody sees it. */
#include "sync/postgrest.h"
#include "base/http.h"
#include "base/service_key.h"
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    URL_BYTES = 16384, /* longer ones are cut off on the way */
    DEFAULT_TIMEOUT_MS = 20000,
    MAX_BODY_BYTES = 32 << 20,
    MAX_RETRY_AFTER_MS = 600000,
    PREFER_BYTES = 128
};

struct postgrest {
    http_client *http;
    char *url;
    int64_t timeout_ms;
    service_key_headers key;
};

typedef struct call {
    postgrest_fn on_done;
    void *context;
} call;

err postgrest_set_key(postgrest *p, const char *key, diag *why) {
    service_key_kind kind;
    err e = service_key_check(key, &kind, why);
    if (e == OK) service_key_present(key, kind, &p->key);
    return e;
}

err postgrest_new(const postgrest_config *config, postgrest **out, diag *why) {
    postgrest *p = calloc(1, sizeof *p);
    if (!p) return diag_set(why, ERR_NO_MEMORY, "%s", error_text(ERR_NO_MEMORY));
    p->timeout_ms = config->timeout_ms ? config->timeout_ms : DEFAULT_TIMEOUT_MS;
    err e = postgrest_set_key(p, config->key, why);
    if (e == OK && !(p->url = strdup(config->url))) e = ERR_NO_MEMORY;
    if (e == OK) e = http_client_new(config->loop, "trademind/" TRADEMIND_VERSION, &p->http);
    if (e == OK) {
        *out = p;
        return OK;
    }
    if (e == ERR_NO_MEMORY) (void)diag_set(why, e, "%s", error_text(e));
    free(p->url);
    free(p);
    return e;
}

void postgrest_close(postgrest *p, void (*on_closed)(void *context), void *context) {
    http_client_close(p->http, on_closed, context);
    free(p->url);
    free(p);
}

/* ---- answers ---- */

/* Seconds, or a date; 0 when it is neither. */
static int64_t retry_after(const char *text, int64_t server_ms) {
    char *end;
    long seconds = text ? strtol(text, &end, 10) : 0;
    int64_t ms = (int64_t)seconds * 1000;
    if (text && *end) {
        time_t then = curl_getdate(text, NULL);
        ms = then > 0 && server_ms ? (int64_t)then * 1000 - server_ms : 0;
    }
    return ms < 0 ? 0 : ms > MAX_RETRY_AFTER_MS ? MAX_RETRY_AFTER_MS : ms;
}

static void on_response(void *context, const http_response *r) {
    call c = *(call *)context;
    postgrest_answer answer;
    free(context);
    postgrest_answer_judge(r->error, r->why, r->status, r->body, r->body_bytes, &answer);
    const char *date = http_response_header(r, "date");
    time_t now = date ? curl_getdate(date, NULL) : -1;
    answer.server_ms = now > 0 ? (int64_t)now * 1000 : 0;
    answer.retry_after_ms = retry_after(http_response_header(r, "retry-after"), answer.server_ms);
    c.on_done(c.context, &answer);
}

/* ---- calls ---- */

static err send_call(postgrest *p, const char *method, const char *url, const char *prefer, const char *body,
                     size_t body_bytes, const call *what) {
    const char *headers[6];
    size_t n = 0;
    call *c = malloc(sizeof *c);
    if (!c) return ERR_NO_MEMORY;
    *c = *what;
    headers[n++] = p->key.apikey;
    if (*p->key.authorization) headers[n++] = p->key.authorization;
    if (body) headers[n++] = "Content-Type: application/json";
    if (prefer) headers[n++] = prefer;
    headers[n] = NULL;
    http_request request = {.method = method,
                            .url = url,
                            .headers = headers,
                            .body = body,
                            .body_bytes = body_bytes,
                            .timeout_ms = p->timeout_ms,
                            .max_body_bytes = MAX_BODY_BYTES,
                            .on_done = on_response,
                            .context = c};
    err e = http_client_send(p->http, &request, NULL);
    if (e != OK) free(c);
    return e;
}

__attribute__((format(printf, 3, 4))) static err make_url(const postgrest *p, char out[URL_BYTES], const char *format,
                                                          ...) {
    va_list args;
    size_t used = (size_t)snprintf(out, URL_BYTES, "%s", p->url);
    if (used >= URL_BYTES) return ERR_INVALID;
    va_start(args, format);
    int written = vsnprintf(out + used, URL_BYTES - used, format, args);
    va_end(args);
    return written >= 0 && (size_t)written < URL_BYTES - used ? OK : ERR_INVALID;
}

err postgrest_insert(postgrest *p, const postgrest_rows *rows, postgrest_fn on_done, void *context) {
    static const char *const resolutions[] = {"", ",resolution=ignore-duplicates", ",resolution=merge-duplicates"};
    char url[URL_BYTES], prefer[PREFER_BYTES];
    err e = make_url(p, url, "/rest/v1/%s?columns=%s%s%s", rows->table, rows->columns,
                     rows->on_conflict ? "&on_conflict=" : "", rows->on_conflict ? rows->on_conflict : "");
    if (e != OK) return e;
    snprintf(prefer, sizeof prefer, "Prefer: return=minimal,missing=default%s", resolutions[rows->resolution]);
    return send_call(p, "POST", url, prefer, rows->rows, rows->rows_bytes, &(call){on_done, context});
}

err postgrest_delete(postgrest *p, const char *table, const char *filter, postgrest_fn on_done, void *context) {
    char url[URL_BYTES];
    err e = make_url(p, url, "/rest/v1/%s?%s", table, filter);
    if (e != OK) return e;
    return send_call(p, "DELETE", url, "Prefer: return=minimal", NULL, 0, &(call){on_done, context});
}

err postgrest_update(postgrest *p, const char *table, const char *filter, const char *changes, const char *select,
                     postgrest_fn on_done, void *context) {
    char url[URL_BYTES];
    err e = make_url(p, url, "/rest/v1/%s?%s%s%s", table, filter, select ? "&select=" : "", select ? select : "");
    if (e != OK) return e;
    return send_call(p, "PATCH", url, select ? "Prefer: return=representation" : "Prefer: return=minimal", changes,
                     strlen(changes), &(call){on_done, context});
}

err postgrest_select(postgrest *p, const char *table, const char *query, uint32_t limit, postgrest_fn on_done,
                     void *context) {
    char url[URL_BYTES];
    err e = make_url(p, url, "/rest/v1/%s?%s&limit=%u", table, query, limit);
    if (e != OK) return e;
    return send_call(p, "GET", url, NULL, NULL, 0, &(call){on_done, context});
}

err postgrest_post(postgrest *p, const char *path, const char *json, postgrest_fn on_done, void *context) {
    char url[URL_BYTES];
    err e = make_url(p, url, "%s", path);
    if (e != OK) return e;
    return send_call(p, "POST", url, NULL, json, strlen(json), &(call){on_done, context});
}

bool postgrest_escape(const char *text, char *out, size_t out_bytes, size_t *used) {
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    for (; *text; text++) {
        bool is_plain = strchr(plain, *text) != NULL;
        if (*used + (is_plain ? 1 : 3) >= out_bytes) return false;
        *used += (size_t)snprintf(out + *used, out_bytes - *used, is_plain ? "%c" : "%%%02X", (unsigned char)*text);
    }
    return true;
}
