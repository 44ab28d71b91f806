#include "serve/http_answer.h"
#include "serve/pages.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HEADER_BYTES = 2048, SENTENCE_BYTES = 512 };

static const char *title_of(int status) {
    switch (status) {
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 409: return "Conflict";
    case 411: return "Length Required";
    case 413: return "Content Too Large";
    case 422: return "Unprocessable Content";
    case 426: return "Upgrade Required";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 501: return "Not Implemented";
    case 503: return "Service Unavailable";
    default: return "Error";
    }
}

static void take_body(http_answer *a, int status, const char *type, json_writer *w) {
    *a = (http_answer){.status = status, .type = type};
    if (json_writer_take(w, &a->body, &a->body_bytes) != OK) a->status = 503;
}

void http_answer_json(http_answer *a, int status, json_writer *w) { take_body(a, status, "application/json", w); }

void http_answer_text(http_answer *a, int status, const char *text) {
    *a = (http_answer){.status = status, .type = "text/plain; charset=utf-8", .body = strdup(text)};
    if (a->body)
        a->body_bytes = strlen(text);
    else
        a->status = 503;
}

void http_answer_empty(http_answer *a, int status) { *a = (http_answer){.status = status}; }

void http_answer_problem(http_answer *a, int status, const char *format, ...) {
    char sentence[SENTENCE_BYTES];
    va_list args;
    va_start(args, format);
    vsnprintf(sentence, sizeof sentence, format, args);
    va_end(args);
    http_answer_problem_with(a, status, sentence, NULL, NULL);
}

void http_answer_too_many(http_answer *a, int64_t wait_ms) {
    http_answer_problem(a, 429, "too many requests of your address");
    a->retry_after_s = (wait_ms + 999) / 1000;
}

void http_answer_problem_with(http_answer *a, int status, const char *sentence, const char *member, const char *json) {
    json_writer w;
    json_writer_init(&w);
    json_write_object(&w);
    json_put_text(&w, "type", "about:blank");
    json_put_text(&w, "title", title_of(status));
    json_put_integer(&w, "status", status);
    json_put_text(&w, "detail", sentence);
    if (member) json_put_raw(&w, member, json);
    json_write_object_end(&w);
    take_body(a, status, "application/problem+json", &w);
}

void http_answer_deinit(http_answer *a) {
    free(a->body);
    *a = (http_answer){0};
}

typedef struct cursor {
    struct lws *wsi;
    unsigned char *at, *end;
    bool is_full;
} cursor;

static void add(cursor *c, const char *name, const char *value) {
    c->is_full |= lws_add_http_header_by_name(c->wsi, (const unsigned char *)name, (const unsigned char *)value,
                                              (int)strlen(value), &c->at, c->end) != 0;
}

/* What belongs to the status, as RFC 9110 asks. */
static void add_for_status(cursor *c, int status, const char *allow, int64_t retry_after_s) {
    char seconds[24];
    if (status == 401) add(c, "www-authenticate:", "Bearer realm=\"trademind\"");
    if (status == 405) add(c, "allow:", allow);
    if (status == 426) add(c, "upgrade:", "websocket");
    if (status == 503) add(c, "retry-after:", "5");
    if (status != 429) return;
    snprintf(seconds, sizeof seconds, "%lld", (long long)(retry_after_s ? retry_after_s : 1));
    add(c, "retry-after:", seconds);
}

static void add_for_page(cursor *c, const http_answer *a) {
    add(c, "etag:", a->page->etag);
    add(c, "vary:", "accept-encoding");
    if (a->is_gzip) add(c, "content-encoding:", "gzip");
}

static int send_headers(struct lws *wsi, const http_answer *a) {
    unsigned char buffer[LWS_PRE + HEADER_BYTES], *start = buffer + LWS_PRE;
    cursor c = {wsi, start, buffer + sizeof buffer - 1, false};
    c.is_full |= lws_add_http_header_status(wsi, (unsigned)a->status, &c.at, c.end) != 0;
    /* Before an upgrade libwebsockets has not noted the request's version yet and writes 1.0. Ours is 1.1 (RFC 9110,
     * 6.2: the answer names the server's version, not the request's). */
    if (!c.is_full) memcpy(start, "HTTP/1.1", 8);
    if (a->type) { /* else there is no content, and RFC 9110 (8.6) wants no length of it */
        add(&c, "content-type:", a->type);
        if (a->status != 304) c.is_full |= lws_add_http_header_content_length(wsi, a->body_bytes, &c.at, c.end) != 0;
    }
    add(&c, "cache-control:", a->cache ? a->cache : "no-store");
    if (a->page) add_for_page(&c, a);
    add_for_status(&c, a->status, a->allow ? a->allow : "GET, HEAD", a->retry_after_s);
    if (a->must_close || a->is_last) add(&c, "connection:", "close");
    return c.is_full || lws_finalize_write_http_header(wsi, start, &c.at, c.end) ? -1 : 0;
}

/* libwebsockets writes into the LWS_PRE bytes before the body, so the body is copied behind such a gap. What the
 * socket does not take at once it keeps and sends later. */
static int send_body(struct lws *wsi, const http_answer *a) {
    unsigned char *buffer = malloc(LWS_PRE + a->body_bytes + 1);
    if (!buffer) return -1;
    memcpy(buffer + LWS_PRE, a->body ? a->body : "", a->body_bytes);
    int sent = lws_write(wsi, buffer + LWS_PRE, a->body_bytes, LWS_WRITE_HTTP_FINAL);
    free(buffer);
    return sent < 0 ? -1 : 0;
}

int http_answer_send(struct lws *wsi, const http_answer *a, bool is_head) {
    if (send_headers(wsi, a) != 0) return -1;
    if (!is_head && a->body_bytes && send_body(wsi, a) != 0) return -1;
    return a->must_close ? -1 : 0;
}
