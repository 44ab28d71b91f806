/* Requests as libcurl easy handles in one multi handle, whose sockets and one timer live on the caller's loop.
 *
 *   send ──► active ──(curl reports the end)──────────────► on_done, freed
 *              │ cancel, close
 *              └──► cancelled ──(next turn of the loop)───► on_done(ERR_CANCELLED), freed
 *
 * libcurl calls back for headers and body only from within its own calls; those callbacks never run the user's code,
 * so the user may send, cancel and close from any on_done. Closing waits for every libuv handle: each close callback
 * counts down, the last one delivers what was cancelled and frees the client. */
#include "base/http.h"
#include <assert.h>
#include <curl/curl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { MAX_HEADER_BYTES = 64 * 1024 };

typedef struct buffer {
    char *text; /* terminated with 0 once anything was put */
    size_t bytes, capacity;
} buffer;

typedef struct transfer transfer;
struct transfer {
    http_client *client;
    CURL *easy;
    struct curl_slist *request_headers;
    uint64_t id;
    buffer headers; /* "name\0value\0" for each */
    buffer body;
    size_t max_body_bytes;
    err failure; /* why one of our own callbacks stopped it; OK otherwise */
    char failure_text[64];
    char curl_text[CURL_ERROR_SIZE];
    http_done_fn on_done;
    void *context;
    transfer *previous, *next;
};

typedef struct transfer_list {
    transfer *first, *last;
} transfer_list;

typedef struct watched_socket watched_socket;
struct watched_socket {
    uv_poll_t poll;
    http_client *client;
    curl_socket_t fd;
    watched_socket *previous, *next;
};

struct http_client {
    uv_loop_t *loop;
    CURLM *multi;
    char *user_agent;
    uv_timer_t timer;    /* libcurl's */
    uv_timer_t delivery; /* runs when something was cancelled */
    size_t n_handles;    /* libuv handles not yet closed */
    uint64_t last_id;
    transfer_list active, cancelled;
    watched_socket *sockets;
    bool is_closing;
    void (*on_closed)(void *context);
    void *context;
};

static void on_socket_ready(uv_poll_t *poll, int status, int events);
static void on_timer(uv_timer_t *timer);
static void on_delivery(uv_timer_t *timer);
static void on_handle_closed(uv_handle_t *handle);
static int watch_socket(CURL *easy, curl_socket_t fd, int what, void *context, void *socket);
static int set_timer(CURLM *multi, long timeout_ms, void *context);
static size_t take_header(char *text, size_t size, size_t n, void *context);
static size_t take_body(char *text, size_t size, size_t n, void *context);
static err set_up(transfer *t, const http_request *request);
static void transfer_free(transfer *t);
static void append(transfer_list *list, transfer *t);
static transfer *remove_from(transfer_list *list, transfer *t);
static void cancel(http_client *client, transfer *t);
static void unwatch(watched_socket *s);
static void init_curl(void);

/* ---- the story ---- */

err http_client_new(uv_loop_t *loop, const char *user_agent, http_client **out) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, init_curl);
    http_client *client = calloc(1, sizeof *client);
    if (!client) return ERR_NO_MEMORY;
    client->loop = loop;
    client->user_agent = strdup(user_agent);
    client->multi = curl_multi_init();
    if (!client->user_agent || !client->multi) goto no_memory;
    curl_multi_setopt(client->multi, CURLMOPT_SOCKETFUNCTION, watch_socket);
    curl_multi_setopt(client->multi, CURLMOPT_SOCKETDATA, client);
    curl_multi_setopt(client->multi, CURLMOPT_TIMERFUNCTION, set_timer);
    curl_multi_setopt(client->multi, CURLMOPT_TIMERDATA, client);
    uv_timer_init(loop, &client->timer); /* cannot fail */
    uv_timer_init(loop, &client->delivery);
    client->timer.data = client->delivery.data = client;
    client->n_handles = 2;
    *out = client;
    return OK;
no_memory:
    curl_multi_cleanup(client->multi);
    free(client->user_agent);
    free(client);
    return ERR_NO_MEMORY;
}

err http_client_send(http_client *client, const http_request *request, uint64_t *id) {
    if (client->is_closing) return ERR_CLOSED;
    transfer *t = calloc(1, sizeof *t);
    if (!t) return ERR_NO_MEMORY;
    t->client = client;
    err code = set_up(t, request);
    if (!code && curl_multi_add_handle(client->multi, t->easy)) code = ERR_NO_MEMORY;
    if (code) {
        transfer_free(t);
        return code;
    }
    t->id = ++client->last_id;
    append(&client->active, t);
    if (id) *id = t->id;
    return OK;
}

void http_client_cancel(http_client *client, uint64_t id) {
    transfer *t = client->active.first;
    while (t && t->id != id) t = t->next;
    if (!t) return;
    cancel(client, t);
    uv_timer_start(&client->delivery, on_delivery, 0, 0);
}

void http_client_close(http_client *client, void (*on_closed)(void *context), void *context) {
    assert(!client->is_closing);
    client->is_closing = true;
    client->on_closed = on_closed;
    client->context = context;
    while (client->active.first) cancel(client, client->active.first);
    /* The polls go before the descriptors that they watch, which curl_multi_cleanup closes. */
    curl_multi_setopt(client->multi, CURLMOPT_SOCKETFUNCTION, NULL);
    curl_multi_setopt(client->multi, CURLMOPT_TIMERFUNCTION, NULL);
    while (client->sockets) unwatch(client->sockets);
    curl_multi_cleanup(client->multi);
    uv_close((uv_handle_t *)&client->timer, on_handle_closed);
    uv_close((uv_handle_t *)&client->delivery, on_handle_closed);
}

const char *http_response_header(const http_response *response, const char *name) {
    const buffer *headers = response->headers;
    if (!headers) return NULL;
    const char *end = headers->text + headers->bytes;
    for (const char *at = headers->text; at < end;) {
        const char *value = at + strlen(at) + 1;
        if (strcasecmp(at, name) == 0) return value;
        at = value + strlen(value) + 1;
    }
    return NULL;
}

/* ---- lists ---- */

static void append(transfer_list *list, transfer *t) {
    t->previous = list->last;
    t->next = NULL;
    if (list->last)
        list->last->next = t;
    else
        list->first = t;
    list->last = t;
}

static transfer *remove_from(transfer_list *list, transfer *t) {
    if (t->previous)
        t->previous->next = t->next;
    else
        list->first = t->next;
    if (t->next)
        t->next->previous = t->previous;
    else
        list->last = t->previous;
    return t;
}

/* ---- the end of a transfer ---- */

static void transfer_free(transfer *t) {
    curl_easy_cleanup(t->easy);
    curl_slist_free_all(t->request_headers);
    free(t->headers.text);
    free(t->body.text);
    free(t);
}

/* `t` is in no list and in no multi handle any more. */
static void deliver(transfer *t, err error, const char *why) {
    long status = 0;
    curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
    http_response response = {.error = error, .why = error ? why : NULL, .status = (int)status, .body = ""};
    if (t->headers.text) response.headers = &t->headers;
    if (!error && t->body.text) {
        response.body = t->body.text;
        response.body_bytes = t->body.bytes;
    }
    t->on_done(t->context, &response);
    transfer_free(t);
}

static void deliver_cancelled(http_client *client) {
    /* clang-tidy does not see that removing takes the transfer off the list before it is freed. */
    while (client->cancelled.first) /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
        deliver(remove_from(&client->cancelled, client->cancelled.first), ERR_CANCELLED, "cancelled");
}

static err error_of(const transfer *t, CURLcode code) {
    if (t->failure) return t->failure;
    switch (code) {
    case CURLE_OK: return OK;
    case CURLE_OPERATION_TIMEDOUT: return ERR_TIMEOUT;
    case CURLE_OUT_OF_MEMORY: return ERR_NO_MEMORY;
    case CURLE_URL_MALFORMAT: return ERR_INVALID;
    default: return ERR_NETWORK;
    }
}

static const char *sentence_of(const transfer *t, CURLcode code) {
    if (t->failure) return t->failure_text;
    return *t->curl_text ? t->curl_text : curl_easy_strerror(code);
}

static void finish(http_client *client, transfer *t, CURLcode code) {
    curl_multi_remove_handle(client->multi, t->easy);
    remove_from(&client->active, t);
    deliver(t, error_of(t, code), sentence_of(t, code));
}

/* After every call that let libcurl work. An on_done may close the client, and the multi handle with it. */
static void finish_completed(http_client *client) {
    CURLMsg *message;
    int n_left;
    while (!client->is_closing && (message = curl_multi_info_read(client->multi, &n_left))) {
        if (message->msg != CURLMSG_DONE) continue;
        CURLcode code = message->data.result; /* the message dies with the handle */
        transfer *t = NULL;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&t);
        finish(client, t, code);
    }
}

static void cancel(http_client *client, transfer *t) {
    curl_multi_remove_handle(client->multi, t->easy);
    append(&client->cancelled, remove_from(&client->active, t));
}

/* ---- the loop ---- */

static void work(http_client *client, curl_socket_t fd, int flags) {
    int n_running;
    curl_multi_socket_action(client->multi, fd, flags, &n_running);
    finish_completed(client);
}

static void on_socket_ready(uv_poll_t *poll, int status, int events) {
    watched_socket *s = poll->data;
    int flags = status < 0 ? CURL_CSELECT_ERR : 0;
    if (events & UV_READABLE) flags |= CURL_CSELECT_IN;
    if (events & UV_WRITABLE) flags |= CURL_CSELECT_OUT;
    work(s->client, s->fd, flags); /* `s` may be gone after this */
}

static void on_timer(uv_timer_t *timer) { work(timer->data, CURL_SOCKET_TIMEOUT, 0); }

static void on_delivery(uv_timer_t *timer) { deliver_cancelled(timer->data); }

static int set_timer(CURLM *multi, long timeout_ms, void *context) {
    (void)multi;
    http_client *client = context;
    if (timeout_ms < 0)
        uv_timer_stop(&client->timer);
    else
        uv_timer_start(&client->timer, on_timer, (uint64_t)timeout_ms, 0);
    return 0;
}

static watched_socket *watch(http_client *client, curl_socket_t fd) {
    watched_socket *s = calloc(1, sizeof *s);
    if (!s) return NULL;
    if (uv_poll_init_socket(client->loop, &s->poll, fd)) {
        free(s);
        return NULL;
    }
    s->poll.data = s;
    s->client = client;
    s->fd = fd;
    s->next = client->sockets;
    if (s->next) s->next->previous = s;
    client->sockets = s;
    client->n_handles++;
    curl_multi_assign(client->multi, fd, s);
    return s;
}

static void on_socket_closed(uv_handle_t *handle) {
    watched_socket *s = handle->data;
    handle->data = s->client;
    on_handle_closed(handle);
    free(s);
}

static void unwatch(watched_socket *s) {
    if (s->previous)
        s->previous->next = s->next;
    else
        s->client->sockets = s->next;
    if (s->next) s->next->previous = s->previous;
    uv_close((uv_handle_t *)&s->poll, on_socket_closed);
}

/* A socket that cannot be watched is no reason to tell libcurl so: it would refuse all work from then on. The transfer
 * ends at its deadline instead. */
static int watch_socket(CURL *easy, curl_socket_t fd, int what, void *context, void *socket) {
    (void)easy;
    watched_socket *s = socket;
    if (what == CURL_POLL_REMOVE) {
        if (s) unwatch(s);
        return 0;
    }
    if (!s) s = watch(context, fd);
    if (!s) return 0;
    int events = (what & CURL_POLL_IN ? UV_READABLE : 0) | (what & CURL_POLL_OUT ? UV_WRITABLE : 0);
    uv_poll_start(&s->poll, events, on_socket_ready);
    return 0;
}

static void on_handle_closed(uv_handle_t *handle) {
    http_client *client = handle->data;
    if (--client->n_handles > 0) return;
    assert(client->is_closing);
    deliver_cancelled(client);
    void (*on_closed)(void *) = client->on_closed;
    void *context = client->context;
    free(client->user_agent);
    free(client);
    if (on_closed) on_closed(context);
}

/* ---- what arrives ---- */

/* `n` bytes and a 0 behind them; at most `max_bytes` in all. */
static err put(buffer *b, const char *bytes, size_t n, size_t max_bytes) {
    if (n > max_bytes - b->bytes) return ERR_TOO_BIG;
    size_t needed = b->bytes + n + 1;
    if (needed > b->capacity) {
        size_t capacity = b->capacity > needed / 2 ? b->capacity * 2 : needed;
        char *text = realloc(b->text, capacity);
        if (!text) return ERR_NO_MEMORY;
        b->text = text;
        b->capacity = capacity;
    }
    memcpy(b->text + b->bytes, bytes, n);
    b->bytes += n;
    b->text[b->bytes] = 0;
    return OK;
}

/* What libcurl's callbacks return: anything but `n` makes it stop. */
static size_t taken_or_stop(transfer *t, err code, size_t n, const char *what) {
    if (!code) return n;
    t->failure = code;
    snprintf(t->failure_text, sizeof t->failure_text, "%s of the answer: %s", what, error_text(code));
    return n + 1;
}

static bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

static err put_header(buffer *headers, const char *line, size_t n) {
    const char *colon = memchr(line, ':', n);
    if (!colon || memchr(line, 0, n)) return OK; /* the empty line, or nothing that could be looked up */
    const char *value = colon + 1, *end = line + n;
    while (value < end && is_blank(*value)) value++;
    while (end > value && is_blank(end[-1])) end--;
    err code = put(headers, line, (size_t)(colon - line), MAX_HEADER_BYTES);
    if (!code) code = put(headers, "", 1, MAX_HEADER_BYTES);
    if (!code) code = put(headers, value, (size_t)(end - value), MAX_HEADER_BYTES);
    if (!code) code = put(headers, "", 1, MAX_HEADER_BYTES);
    return code;
}

static size_t take_header(char *text, size_t size, size_t n, void *context) {
    (void)size; /* always 1 */
    transfer *t = context;
    if (n >= 5 && memcmp(text, "HTTP/", 5) == 0) { /* what came before was an interim answer (1xx) */
        t->headers.bytes = 0;
        return n;
    }
    return taken_or_stop(t, put_header(&t->headers, text, n), n, "headers");
}

static size_t take_body(char *text, size_t size, size_t n, void *context) {
    (void)size; /* always 1 */
    transfer *t = context;
    return taken_or_stop(t, put(&t->body, text, n, t->max_body_bytes), n, "body");
}

/* ---- what is asked ---- */

static void init_curl(void) {
    CURLcode code = curl_global_init(CURL_GLOBAL_DEFAULT);
    assert(code == CURLE_OK);
    (void)code;
}

/* A line break in what goes into the head of the request would smuggle in another line. */
static bool is_one_line(const char *text) {
    for (; *text; text++)
        if ((unsigned char)*text < ' ' || *text == 0x7f) return false;
    return true;
}

static bool is_method(const char *method) {
    return *method && strspn(method, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == strlen(method);
}

static bool is_valid(const http_request *request) {
    if (!request->url || !request->on_done || request->timeout_ms <= 0 || request->max_body_bytes == 0) return false;
    if (request->method && !is_method(request->method)) return false;
    if (strncasecmp(request->url, "http://", 7) != 0 && strncasecmp(request->url, "https://", 8) != 0) return false;
    for (const char *const *line = request->headers; line && *line; line++)
        if (!is_one_line(*line)) return false;
    return is_one_line(request->url);
}

static err add_line(struct curl_slist **list, const char *line) {
    struct curl_slist *longer = curl_slist_append(*list, line);
    if (!longer) return ERR_NO_MEMORY;
    *list = longer;
    return OK;
}

static err add_headers(transfer *t, const http_request *request) {
    /* No "Expect: 100-continue": servers that do not know it cost a second of waiting. */
    err code = add_line(&t->request_headers, "Expect:");
    for (const char *const *line = request->headers; !code && line && *line; line++)
        code = add_line(&t->request_headers, *line);
    curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, t->request_headers);
    return code;
}

static err set_method(transfer *t, const http_request *request) {
    const char *method = request->method ? request->method : "GET";
    if (strcmp(method, "HEAD") == 0) {
        curl_easy_setopt(t->easy, CURLOPT_NOBODY, 1L);
        return OK;
    }
    bool has_body = request->body_bytes > 0 || strcmp(method, "POST") == 0 || strcmp(method, "PUT") == 0 ||
                    strcmp(method, "PATCH") == 0;
    if (has_body) {
        curl_easy_setopt(t->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_bytes);
        if (curl_easy_setopt(t->easy, CURLOPT_COPYPOSTFIELDS, request->body_bytes ? request->body : ""))
            return ERR_NO_MEMORY;
    }
    return curl_easy_setopt(t->easy, CURLOPT_CUSTOMREQUEST, method) ? ERR_NO_MEMORY : OK;
}

static void set_limits(transfer *t, const http_request *request) {
    long timeout_ms = request->timeout_ms < INT32_MAX ? (long)request->timeout_ms : INT32_MAX;
    curl_easy_setopt(t->easy, CURLOPT_TIMEOUT_MS, timeout_ms);
    curl_easy_setopt(t->easy, CURLOPT_CONNECTTIMEOUT_MS, timeout_ms);
    curl_easy_setopt(t->easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(t->easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(t->easy, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(t->easy, CURLOPT_SSL_VERIFYHOST, 2L);
    curl_easy_setopt(t->easy, CURLOPT_NOSIGNAL, 1L);
    /* Else the end of a transfer whose name is still being resolved would block the loop until that is done. */
    curl_easy_setopt(t->easy, CURLOPT_QUICK_EXIT, 1L);
}

static void set_callbacks(transfer *t) {
    curl_easy_setopt(t->easy, CURLOPT_PRIVATE, t);
    curl_easy_setopt(t->easy, CURLOPT_ERRORBUFFER, t->curl_text);
    curl_easy_setopt(t->easy, CURLOPT_HEADERFUNCTION, take_header);
    curl_easy_setopt(t->easy, CURLOPT_HEADERDATA, t);
    curl_easy_setopt(t->easy, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(t->easy, CURLOPT_WRITEDATA, t);
}

static err set_up(transfer *t, const http_request *request) {
    if (!is_valid(request)) return ERR_INVALID;
    t->easy = curl_easy_init();
    if (!t->easy) return ERR_NO_MEMORY;
    t->max_body_bytes = request->max_body_bytes;
    t->on_done = request->on_done;
    t->context = request->context;
    set_limits(t, request);
    set_callbacks(t);
    if (curl_easy_setopt(t->easy, CURLOPT_URL, request->url)) return ERR_NO_MEMORY;
    if (request->is_once) curl_easy_setopt(t->easy, CURLOPT_FRESH_CONNECT, 1L);
    if (request->socket && curl_easy_setopt(t->easy, CURLOPT_UNIX_SOCKET_PATH, request->socket)) return ERR_NO_MEMORY;
    if (curl_easy_setopt(t->easy, CURLOPT_USERAGENT, t->client->user_agent)) return ERR_NO_MEMORY;
    if (curl_easy_setopt(t->easy, CURLOPT_ACCEPT_ENCODING, "gzip")) return ERR_NO_MEMORY;
    err code = add_headers(t, request);
    return code ? code : set_method(t, request);
}
