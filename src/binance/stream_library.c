/* A connection is closed by a timeout of zero: the close then never happens inside one of its own callbacks. */
#include "binance/stream_library.h"
#include "base/log.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { READ_BYTES = 16384, TLS_RECORD_BYTES = 16384, CLOSING_ROUNDS = 8 };

/* Else a read of libwebsockets 4.1 on a connection that is held would never end: what TLS has left is asked for again and again. */
_Static_assert(READ_BYTES >= TLS_RECORD_BYTES, "a read takes a whole record");

struct stream_library {
    struct lws_context *context; /* set to NULL by libwebsockets when it is gone */
    char *ca_file;
    stream_socket *first;
    uv_idle_t idle; /* runs while the context goes away */
    int n_closing_rounds;
    void (*on_closed)(void *context);
    void *closed_context;
};

static int on_report(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t bytes) {
    struct lws_context *context = lws_get_context(wsi);
    stream_library *l = context ? lws_context_user(context) : NULL;
    stream_socket *socket = l ? l->first : NULL;
    (void)user;
    while (socket && socket->wsi != wsi) socket = socket->next;
    return wsi && socket ? socket->on_report(socket->context, reason, in, bytes) : 0;
}

/* The server speaks first about keeping alive; a policy of our own would only cost control frames. */
static const lws_retry_bo_t NO_OWN_PINGS = {.secs_since_valid_ping = 60000, .secs_since_valid_hangup = 60001};

static const struct lws_protocols PROTOCOLS[] = {
    {.name = "stream", .callback = on_report, .rx_buffer_size = READ_BYTES}, {0}};

static void log_library(int level, const char *line) {
    size_t n = strlen(line);
    while (n > 0 && line[n - 1] == '\n') n--;
    log_write(level == LLL_ERR ? LOG_WARN : LOG_DEBUG, "libwebsockets", "%.*s", (int)n, line);
}

static void free_library(stream_library *l) {
    if (!l) return;
    free(l->ca_file);
    free(l);
}

err stream_library_open(uv_loop_t *loop, const char *ca_file, stream_library **out) {
    stream_library *l = calloc(1, sizeof *l);
    if (!l) return ERR_NO_MEMORY;
    void *loops[] = {loop};
    if (ca_file) {
        l->ca_file = strdup(ca_file);
        if (!l->ca_file) goto failed;
    }
    struct lws_context_creation_info info = {
        .port = CONTEXT_PORT_NO_LISTEN,
        .protocols = PROTOCOLS,
        .options = LWS_SERVER_OPTION_LIBUV | LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT |
                   (ca_file ? LWS_SERVER_OPTION_DISABLE_OS_CA_CERTS : 0),
        .client_ssl_ca_filepath = l->ca_file,
        .foreign_loops = loops,
        .pcontext = &l->context,
        .user = l,
        .gid = (gid_t)-1,
        .uid = (uid_t)-1,
        .fd_limit_per_thread = STREAM_LIBRARY_MAX, /* its tables are sized by this, not by the ulimit */
        .max_http_header_pool = STREAM_LIBRARY_MAX,
        .pt_serv_buf_size = READ_BYTES,
    };
    lws_set_log_level(LLL_ERR | LLL_WARN, log_library);
    l->context = lws_create_context(&info);
    if (!l->context) goto failed;
    uv_idle_init(loop, &l->idle);
    l->idle.data = l;
    *out = l;
    return OK;
failed:
    free_library(l);
    return ERR_NO_MEMORY;
}

void stream_library_add(stream_library *l, stream_socket *socket) {
    socket->next = l->first;
    l->first = socket;
}

void stream_library_remove(stream_library *l, stream_socket *socket) {
    stream_socket **link = &l->first;
    while (*link && *link != socket) link = &(*link)->next;
    if (*link) *link = socket->next;
    if (socket->wsi) stream_library_drop(l, socket);
    socket->wsi = NULL;
}

bool stream_library_connect(stream_library *l, stream_socket *socket, struct lws_client_connect_info info) {
    info.context = l->context;
    info.pwsi = &socket->wsi;
    info.local_protocol_name = PROTOCOLS[0].name;
    info.retry_and_idle_policy = &NO_OWN_PINGS;
    return lws_client_connect_via_info(&info) != NULL;
}

void stream_library_drop(stream_library *l, const stream_socket *socket) {
    lws_set_timeout(socket->wsi, PENDING_TIMEOUT_USER_REASON_BASE, LWS_TO_KILL_ASYNC);
    lws_cancel_service(l->context); /* the library looks at its timeouts after an event only: make one */
}

/* ---- the end ---- */

static void on_idle_closed(uv_handle_t *handle) {
    stream_library *l = handle->data;
    void (*on_closed)(void *context) = l->on_closed;
    void *context = l->closed_context;
    free_library(l);
    if (on_closed) on_closed(context);
}

/* On a foreign loop the library is destroyed in two calls: the first closes its handles, the second frees the memory
 * that they lie in, and must come after their close callbacks. It takes the loop two rounds to run those (a socket's
 * callback closes the timer and the idle handle), and there is no question to ask the library, hence rounds are counted. */
static void on_closing_round(uv_idle_t *idle) {
    stream_library *l = idle->data;
    l->n_closing_rounds++;
    if (l->n_closing_rounds == 1) lws_context_destroy(l->context);
    if (l->n_closing_rounds == CLOSING_ROUNDS && l->context) lws_context_destroy(l->context);
    if (l->n_closing_rounds < CLOSING_ROUNDS) return;
    assert(!l->context);
    uv_close((uv_handle_t *)&l->idle, on_idle_closed);
}

void stream_library_close(stream_library *l, void (*on_closed)(void *context), void *context) {
    assert(!l->first);
    l->on_closed = on_closed;
    l->closed_context = context;
    uv_idle_start(&l->idle, on_closing_round);
}
