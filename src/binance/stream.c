/* One timer drives everything that is a matter of time: `pump` looks at the state, does what is due and sets the timer
 * to the next thing that will be. libwebsockets' callbacks report what happened to the socket.
 *
 *   WAITING --retry_ms--> RESOLVING --address--> CONNECTING --established--> OPEN
 *      ^                      |                      |                         | silent, unanswered, serverShutdown
 *      |                      | failed, too late     v                         v
 *      +----- lost() <--------+------------------- DROPPING <------------------+
 *
 * libwebsockets tells nobody about a ping that it answers, so silence is not measured by callbacks: the kernel knows
 * when the last byte came (TCP_INFO), which is also right when this loop was late. */
#include "binance/stream.h"
#include "base/backoff.h"
#include "base/json_writer.h"
#include "base/log.h"
#include "base/resolve.h"
#include "binance/stream_library.h"
#include "binance/stream_reader.h"
#include <assert.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    RETRY_BASE_MS = 500,
    RETRY_CAP_MS = 30000,
    QUICK_BASE_MS = 100,
    QUICK_CAP_MS = 250,
    CONNECT_MS = 10000,
    ANSWER_MS = 10000,
    SPACING_MS = 300,
    SILENCE_MS = 75000,
    STABLE_MS = 30000,
    REFUSED_MS = 60000,
    MAX_FRAME_BYTES = 1 << 20,
    MAX_TRIES = 2, /* of a command */
    WHY_BYTES = 192
};

enum stream_state { WAITING, RESOLVING, CONNECTING, OPEN, DROPPING };

struct stream {
    stream_options options;
    stream_hosts *hosts, *own_hosts;
    const endpoint *endpoint; /* the one that is tried or connected */
    stream_library *library, *own_library;
    stream_socket socket; /* of CONNECTING, OPEN and DROPPING */
    enum stream_state state;
    topics *topics;
    stream_stats stats;
    uv_timer_t timer;
    bool is_resolving, is_closing;
    void (*on_closed)(void *context);
    void *closed_context;
    backoff retry, quick;
    int64_t due_ms;            /* WAITING: of the next try; RESOLVING, CONNECTING: the deadline */
    int64_t connected_ms;      /* OPEN */
    int64_t let_go_ms;         /* when it was held for the last time */
    const endpoint *resolving; /* whose address is asked for */
    int http_status;           /* of an answer that was no upgrade; 0: none */
    bool is_held;              /* see stream_hold */
    bool is_leaving;           /* the server said that it shuts down */
    bool was_quick;            /* the last wait was a quick one */
    char why[WHY_BYTES];       /* why it is being dropped, or was closed by the server */

    stream_reader reader;

    json_writer command; /* the text that waits for the socket */
    bool is_command_ready;
    int64_t command_id; /* unanswered; 0: none */
    int64_t last_id, answer_due_ms, next_command_ms;
    int n_tries;
};

static void pump(uv_timer_t *timer);
static int on_report(void *context, enum lws_callback_reasons reason, void *in, size_t bytes);
static void on_resolved(void *context, err error, const char *address);
static void on_timer_closed(uv_handle_t *handle);
static void on_reply(void *context, const parse_message *m);
static void on_shutdown(void *context);

/* ---- life ---- */

static void set_defaults(stream_options *o) {
    struct {
        int64_t *value, fallback;
    } const defaults[] = {{&o->retry_base_ms, RETRY_BASE_MS}, {&o->retry_cap_ms, RETRY_CAP_MS},
                          {&o->connect_ms, CONNECT_MS},       {&o->answer_ms, ANSWER_MS},
                          {&o->spacing_ms, SPACING_MS},       {&o->silence_ms, SILENCE_MS},
                          {&o->stable_ms, STABLE_MS},         {&o->refused_ms, REFUSED_MS}};
    for (size_t i = 0; i < sizeof defaults / sizeof *defaults; i++)
        if (*defaults[i].value <= 0) *defaults[i].value = defaults[i].fallback;
    if (o->max_frame_bytes == 0) o->max_frame_bytes = MAX_FRAME_BYTES;
}

static void free_stream(stream *s) {
    if (!s) return;
    topics_free(s->topics);
    json_writer_deinit(&s->command);
    stream_reader_deinit(&s->reader);
    stream_hosts_free(s->own_hosts);
    free(s);
}

err stream_open(const stream_options *options, stream **out, diag *why) {
    stream *s = calloc(1, sizeof *s);
    if (!s) return diag_set(why, ERR_NO_MEMORY, "out of memory");
    s->options = *options;
    set_defaults(&s->options);
    json_writer_init(&s->command);
    backoff_init(&s->retry, s->options.retry_base_ms, s->options.retry_cap_ms, s->options.seed);
    backoff_init(&s->quick, QUICK_BASE_MS, QUICK_CAP_MS, s->options.seed + 1);
    err error = OK;
    if (!options->hosts) error = stream_hosts_new((const char *const[]){options->url, NULL}, &s->own_hosts, why);
    if (error) goto out;
    s->hosts = options->hosts ? options->hosts : s->own_hosts;
    s->endpoint = stream_hosts_current(s->hosts);
    error = topics_new(options->symbols, &s->topics);
    s->reader = (stream_reader){.options = &s->options,
                                .topics = s->topics,
                                .stats = &s->stats,
                                .on_reply = on_reply,
                                .on_shutdown = on_shutdown,
                                .context = s};
    if (!error && !options->library) error = stream_library_open(options->loop, options->ca_file, &s->own_library);
    if (error) {
        diag_set(why, error, "%s: %s", s->endpoint->host, error_text(error));
        goto out;
    }
    uv_timer_init(options->loop, &s->timer);
    s->timer.data = s;
    s->library = options->library ? options->library : s->own_library;
    s->socket = (stream_socket){.on_report = on_report, .context = s};
    stream_library_add(s->library, &s->socket);
    uv_timer_start(&s->timer, pump, 0, 0);
    *out = s;
    s = NULL;
out:
    free_stream(s);
    return error;
}

void stream_close(stream *s, void (*on_closed)(void *context), void *context) {
    s->is_closing = true;
    s->on_closed = on_closed;
    s->closed_context = context;
    stream_library_remove(s->library, &s->socket);
    uv_timer_stop(&s->timer);
    if (!s->is_resolving) uv_close((uv_handle_t *)&s->timer, on_timer_closed);
}

static void on_all_closed(void *context) {
    stream *s = context;
    void (*on_closed)(void *context) = s->on_closed;
    void *closed_context = s->closed_context;
    free_stream(s);
    if (on_closed) on_closed(closed_context);
}

static void on_timer_closed(uv_handle_t *handle) {
    stream *s = handle->data;
    if (s->own_library)
        stream_library_close(s->own_library, on_all_closed, s);
    else
        on_all_closed(s);
}

static void schedule(stream *s, int64_t due_ms) {
    int64_t wait_ms = due_ms - monotonic_ms();
    if (s->is_closing) return;
    uv_update_time(s->options.loop);
    uv_timer_start(&s->timer, pump, wait_ms > 0 ? (uint64_t)wait_ms : 0, 0);
}

err stream_want(stream *s, const topic *wanted, size_t n) {
    err error = topics_want(s->topics, wanted, n);
    if (!error && s->state == OPEN) schedule(s, 0);
    return error;
}

/* Ms since the last byte came. */
static int64_t silent_ms(const stream *s) {
    struct tcp_info info;
    socklen_t bytes = sizeof info;
    if (getsockopt(lws_get_socket_fd(s->socket.wsi), IPPROTO_TCP, TCP_INFO, &info, &bytes) != 0) return 0;
    return info.tcpi_last_data_recv;
}

/* Nobody is silent who is not listened to. */
int64_t stream_silent_ms(const stream *s) {
    int64_t ms, listened_ms = monotonic_ms() - s->let_go_ms;
    if (s->state != OPEN) return -1;
    if (s->is_held) return 0;
    ms = silent_ms(s);
    return ms < listened_ms ? ms : listened_ms;
}

stream_stats stream_get_stats(const stream *s) {
    stream_stats stats = s->stats;
    stats.is_connected = s->state == OPEN;
    stats.topics = topics_count(s->topics);
    return stats;
}

/* ---- connecting, and losing the connection ---- */

static void tell(stream *s, bool is_connected, const char *why) {
    if (s->options.handlers.on_state) s->options.handlers.on_state(s->options.handlers.context, is_connected, why);
}

/* Quick after a connection that served; never twice in a row unless it stood long, so that a server which says farewell
 * at every greeting is not called four times a second (300 attempts in 5 minutes are allowed). */
static int64_t next_delay_ms(stream *s, int64_t now_ms) {
    bool was_open = s->connected_ms > 0;
    bool was_stable = was_open && now_ms - s->connected_ms >= s->options.stable_ms;
    s->was_quick = was_stable || (was_open && s->is_leaving && !s->was_quick);
    if (!s->was_quick) return backoff_next_ms(&s->retry);
    if (was_stable) backoff_reset(&s->retry);
    backoff_reset(&s->quick);
    return backoff_next_ms(&s->quick);
}

/* It was not reached: the next one is tried. How much longer to wait: when all refuse, the answer will be the same for a
 * long time. */
static int64_t leave_host(stream *s, int64_t now_ms) {
    bool is_refused = s->http_status == 451 || s->http_status == 403;
    bool has_moved = stream_hosts_fail(s->hosts, s->endpoint, s->http_status, now_ms);
    const endpoint *next = stream_hosts_current(s->hosts);
    if (has_moved && is_refused)
        log_warn("stream", "%s refuses with HTTP %d: streams come from %s instead", s->endpoint->host, s->http_status,
                 next->host);
    return is_refused && next->refused_until_ms > now_ms ? s->options.refused_ms : 0;
}

/* There is no connection any more, or none was made. */
static void lose(stream *s, const char *why) {
    static log_repeater repeater;
    int64_t now_ms = monotonic_ms(), delay_ms = next_delay_ms(s, now_ms);
    if (s->connected_ms > 0)
        s->stats.n_losses++;
    else
        s->stats.n_failed_tries++;
    if (s->connected_ms == 0) delay_ms += leave_host(s, now_ms);
    log_repeat(&repeater, LOG_WARN, "stream", "%s: %s; next try in %" PRId64 " ms", s->endpoint->host, why, delay_ms);
    s->socket.wsi = NULL;
    s->state = WAITING;
    s->due_ms = now_ms + delay_ms;
    s->connected_ms = 0;
    s->is_leaving = s->is_command_ready = false;
    stream_reader_reset(&s->reader);
    s->command_id = 0;
    s->n_tries = 0;
    topics_reset(s->topics);
    schedule(s, s->due_ms);
    tell(s, false, why);
}

/* Closes the connection that there is; `lose` follows from the loop. */
static void drop(stream *s, const char *why) {
    if (s->state != OPEN && s->state != CONNECTING) return;
    snprintf(s->why, sizeof s->why, "%s", why);
    s->state = DROPPING;
    stream_library_drop(s->library, &s->socket);
}

static void ask_address(stream *s);

static void resolve_host(stream *s) {
    s->state = RESOLVING;
    s->endpoint = stream_hosts_current(s->hosts);
    s->http_status = 0;
    s->due_ms = monotonic_ms() + s->options.connect_ms;
    s->why[0] = 0;
    schedule(s, s->due_ms);
    if (s->is_resolving) return; /* an answer that was too late for the last try may serve this one */
    ask_address(s);
}

static void ask_address(stream *s) {
    s->resolving = s->endpoint;
    err error = resolve(s->options.loop, s->endpoint->host, on_resolved, s);
    if (error)
        lose(s, error_text(error));
    else
        s->is_resolving = true;
}

static void on_resolved(void *context, err error, const char *address) {
    stream *s = context;
    s->is_resolving = false;
    if (s->is_closing) uv_close((uv_handle_t *)&s->timer, on_timer_closed);
    if (s->is_closing || s->state != RESOLVING) return;
    if (s->resolving != s->endpoint) { /* the late address of another host */
        ask_address(s);
        return;
    }
    if (error) {
        lose(s, "the host's name could not be resolved");
        return;
    }
    struct lws_client_connect_info info = {
        .address = address,
        .port = s->endpoint->port,
        .ssl_connection = s->endpoint->is_secure ? LCCSCF_USE_SSL : 0,
        .path = s->endpoint->path,
        .host = s->endpoint->host, /* also what the certificate must be for */
        .origin = s->endpoint->host,
    };
    s->state = CONNECTING;
    /* A failure inside the call has usually been told by a callback already. */
    if (!stream_library_connect(s->library, &s->socket, info) && s->state == CONNECTING)
        lose(s, "the connection could not be made");
}

static void on_established(stream *s) {
    s->state = OPEN;
    s->stats.n_connects++;
    s->connected_ms = monotonic_ms();
    s->next_command_ms = 0;
    if (s->is_held) lws_rx_flow_control(s->socket.wsi, 0);
    schedule(s, 0);
    tell(s, true, NULL);
}

/* ---- commands ---- */

static void write_command(stream *s, int64_t now_ms) {
    json_writer_deinit(&s->command);
    json_writer_init(&s->command);
    if (!topics_command(s->topics, s->last_id + 1, &s->command)) return;
    s->command_id = ++s->last_id;
    s->answer_due_ms = now_ms + s->options.answer_ms;
    s->next_command_ms = now_ms + s->options.spacing_ms;
    s->is_command_ready = true;
    s->n_tries++;
    lws_callback_on_writable(s->socket.wsi);
}

static int send_command(stream *s) {
    unsigned char buffer[LWS_PRE + TOPICS_COMMAND_BYTES];
    if (!s->is_command_ready) return 0;
    s->is_command_ready = false;
    s->stats.n_commands++;
    assert(s->command.bytes <= TOPICS_COMMAND_BYTES);
    memcpy(buffer + LWS_PRE, s->command.text, s->command.bytes);
    int n = lws_write(s->socket.wsi, buffer + LWS_PRE, s->command.bytes, LWS_WRITE_TEXT);
    return n < (int)s->command.bytes ? -1 : 0;
}

/* Not accepted: once more, then a new connection. */
static void fail_command(stream *s, const char *why) {
    s->command_id = 0;
    s->is_command_ready = false;
    topics_answer(s->topics, false);
    if (s->n_tries >= MAX_TRIES) drop(s, why);
}

static void on_reply(void *context, const parse_message *m) {
    stream *s = context;
    const parse_reply *reply = &m->reply;
    bool is_refusal = m->kind == MESSAGE_ERROR;
    s->stats.n_replies++;
    if (s->command_id == 0 || (reply->has_id ? reply->id != s->command_id : !is_refusal)) return; /* a late one */
    if (is_refusal) {
        static log_repeater repeater;
        log_repeat(&repeater, LOG_WARN, "stream", "a command was refused: %.*s (code %" PRId64 ")",
                   (int)reply->text.bytes, reply->text.at ? reply->text.at : "", reply->code);
        s->stats.n_refused++;
        fail_command(s, "a command was refused twice");
    } else {
        s->command_id = 0;
        s->n_tries = 0;
        topics_answer(s->topics, true);
    }
    if (s->state != OPEN) return;
    schedule(s, s->next_command_ms);
    if (s->command_id == 0 && !topics_has_work(s->topics) && s->options.handlers.on_carried)
        s->options.handlers.on_carried(s->options.handlers.context);
}

/* Somebody who replaces connections needs this one until the server closes it. */
static void on_shutdown(void *context) {
    stream *s = context;
    s->is_leaving = true;
    if (s->options.handlers.on_leaving)
        s->options.handlers.on_leaving(s->options.handlers.context);
    else
        drop(s, "the server shuts down");
}

/* ---- time ---- */

static int64_t earlier(int64_t a, int64_t b) { return a < b ? a : b; }

static void pump_open(stream *s, int64_t now_ms) {
    if (s->is_held) return; /* it neither hears an answer nor knows of a silence */
    int64_t left_ms = s->options.silence_ms - stream_silent_ms(s);
    if (left_ms <= 0) {
        drop(s, "nothing came for too long");
        return;
    }
    if (s->command_id != 0 && now_ms >= s->answer_due_ms) {
        s->stats.n_repeated++;
        fail_command(s, "a command was not answered");
        if (s->state != OPEN) return;
    }
    int64_t due_ms = now_ms + left_ms;
    if (s->command_id == 0 && topics_has_work(s->topics)) {
        if (now_ms >= s->next_command_ms) write_command(s, now_ms);
        /* Still none: no memory for its text; the spacing is as good a pause as any. */
        if (s->command_id == 0)
            due_ms = earlier(due_ms, s->next_command_ms > now_ms ? s->next_command_ms : now_ms + s->options.spacing_ms);
    }
    if (s->command_id != 0) due_ms = earlier(due_ms, s->answer_due_ms);
    schedule(s, due_ms);
}

static void pump(uv_timer_t *timer) {
    stream *s = timer->data;
    int64_t now_ms = monotonic_ms();
    switch (s->state) {
    case WAITING:
        if (now_ms >= s->due_ms && s->options.limit) s->due_ms = now_ms + connect_limit_take(s->options.limit, now_ms);
        if (now_ms >= s->due_ms)
            resolve_host(s);
        else
            schedule(s, s->due_ms);
        break;
    case RESOLVING:
    case CONNECTING:
        if (now_ms < s->due_ms)
            schedule(s, s->due_ms);
        else if (s->state == RESOLVING)
            lose(s, "the host's name was not resolved in time");
        else
            drop(s, "no connection in time");
        break;
    case OPEN: pump_open(s, now_ms); break;
    case DROPPING: break;
    }
}

void stream_hold(stream *s, bool is_held) {
    if (s->is_held == is_held) return;
    s->is_held = is_held;
    if (s->state != OPEN || !s->socket.wsi) return;
    lws_rx_flow_control(s->socket.wsi, !is_held);
    if (is_held) return;
    s->answer_due_ms = monotonic_ms() + s->options.answer_ms;
    s->let_go_ms = monotonic_ms();
    schedule(s, s->let_go_ms);
}

/* ---- the socket ---- */

/* The text of a close frame, or of a failed connection. */
static void keep_reason(stream *s, const char *prefix, const char *text, size_t bytes) {
    if (bytes > WHY_BYTES / 2) bytes = WHY_BYTES / 2;
    snprintf(s->why, sizeof s->why, "%s%.*s", prefix, (int)bytes, text);
}

static void on_peer_close(stream *s, const unsigned char *payload, size_t bytes) {
    char prefix[48] = "closed by the server";
    if (bytes >= 2) snprintf(prefix, sizeof prefix, "closed by the server: %d ", payload[0] << 8 | payload[1]);
    if (s->state == OPEN) keep_reason(s, prefix, (const char *)payload + 2, bytes > 2 ? bytes - 2 : 0);
}

static int on_report(void *context, enum lws_callback_reasons reason, void *in, size_t bytes) {
    stream *s = context;
    struct lws *wsi = s->socket.wsi;
    switch (reason) {
    case LWS_CALLBACK_CLIENT_ESTABLISHED: on_established(s); break;
    case LWS_CALLBACK_CLIENT_RECEIVE:
        if (s->state == OPEN)
            stream_reader_take(&s->reader, in, bytes,
                               lws_is_final_fragment(wsi) && lws_remaining_packet_payload(wsi) == 0);
        break;
    case LWS_CALLBACK_CLIENT_WRITEABLE: return s->state == OPEN ? send_command(s) : 0;
    case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE: on_peer_close(s, in, bytes); break;
    case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
        s->http_status = (int)lws_http_client_http_response(wsi);
        if (!s->why[0]) keep_reason(s, "no connection: ", in ? in : "", in ? bytes : 0);
        lose(s, s->why);
        break;
    case LWS_CALLBACK_CLIENT_CLOSED:
    case LWS_CALLBACK_WSI_DESTROY: lose(s, s->why[0] ? s->why : "the connection was cut"); break;
    default: break;
    }
    return 0;
}
