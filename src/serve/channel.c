/* A pushed message is written once. What must arrive lies in the history, which all clients share, each with a place in it: a
 * client that does not read is behind, and is closed when what it has not got is gone. What may be lost waits in its queue.
 *
 *   push --+--> history --- seen_seq of a client --+--> socket, by seq
 *          +--> queue of each that wants it -------+
 *                                                          resume: first what it has missed, out of the history, too
 *
 * To a client that reads, a push is written at once, not at the next turn of the loop: one call of the system each, where
 * asking to be called when the socket is writable costs three more. What the socket has not taken of it libwebsockets keeps
 * (lws_partial_buffered) and sends first. */
#include "serve/channel.h"
#include "base/clock.h"
#include "base/hex.h"
#include "base/log.h"
#include "serve/answer.h"
#include "serve/auth.h"
#include "serve/channel_asked.h"
#include "serve/channel_hello.h"
#include "serve/channel_token.h"
#include "serve/channel_wait.h"
#include "serve/http_answer.h"
#include "serve/notice.h"
#include "serve/offer.h"
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum {
    MAX_CLIENTS = 32,
    MAX_STRANGERS = 8, /* of them without a token yet, so that strangers cannot lock the owner out */
    MAX_MESSAGE_BYTES = 64 * 1024,
    PIECES_PER_MINUTE = 3000, /* of messages that come in; a message has one for each frame and each 4 KiB */
    MESSAGES_AT_ONCE = 64,
    HEADER_BYTES = 1024,
    CLOSE_TEXT_BYTES = 64,
    SESSION_RANDOM_BYTES = 16,
    CLOSE_WAIT_US = 100000,
    CLOSE_WAITS = 30,
};

_Static_assert(2 * SESSION_RANDOM_BYTES < SESSION_BYTES, "a session's name fits");

err channel_new(const channel_options *options, channel **out) {
    unsigned char random[SESSION_RANDOM_BYTES];
    channel *c = calloc(1, sizeof *c);
    if (!c) return ERR_NO_MEMORY;
    if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random) {
        free(c);
        return ERR_IO;
    }
    hex_write(random, sizeof random, c->session);
    c->options = *options;
    if (c->options.max_clients == 0) c->options.max_clients = MAX_CLIENTS;
    push_history_init(&c->history);
    *out = c;
    return OK;
}

void channel_free(channel *c) {
    if (!c) return;
    assert(!c->clients);
    channel_wait_leave(c);
    push_history_deinit(&c->history);
    free(c);
}

void channel_read_stats(const channel *c, channel_stats *out) {
    *out = c->stats;
    for (const channel_client *client = c->clients; client; client = client->next)
        out->n_dropped += client->queue.n_dropped;
}

/* ---- messages out ---- */

/* libwebsockets sends the close frame when a callback of the connection fails, but not when that is the writable one;
 * so a timer that is due at once does it (`hang_up`). Then it waits for the peer's close frame, some seconds at most. */
void channel_close_client(channel_client *client, int code, const char *text) {
    if (client->close_code) return;
    client->close_code = code;
    client->close_text = text;
    client->owner->stats.n_dropped += client->queue.n_dropped;
    client_queue_deinit(&client->queue);
    client->replay.is_under_way = false;
    lws_set_timer_usecs(client->wsi, 1);
}

/* False: the connection is lost. */
static bool write_out(channel_client *client, message *m) {
    return lws_write(client->wsi, message_text(m), m->bytes, LWS_WRITE_TEXT) >= (int)m->bytes;
}

static void close_slow(channel_client *client) {
    channel *c = client->owner;
    c->stats.n_slow++;
    log_repeat(&c->slow, LOG_WARN, "channel", "closed a client that reads too slowly");
    channel_close_client(client, CLOSE_TRY_LATER, "too slow");
}

/* Borrows. */
static void enqueue(channel_client *client, message *m) {
    if (client->close_code) return;
    if (!m || client_queue_push(&client->queue, m) != OK)
        close_slow(client);
    else
        lws_callback_on_writable(client->wsi);
}

/* Its own answers wait for the next turn, behind the control frames that libwebsockets owes it. */
void channel_send(channel_client *client, message *m) {
    client->owner->stats.n_pushed++;
    enqueue(client, m);
    message_release(m);
}

/* It has been sent everything up to now, and its socket has taken all of that. */
static bool is_reading(const channel_client *client) {
    return client->seen_seq >= client->owner->kept_seq && client->queue.count == 0 && !client->replay.is_under_way &&
           !lws_partial_buffered(client->wsi);
}

static void write_now(channel_client *client, message *m) {
    if (write_out(client, m))
        client->seen_seq = m->seq;
    else
        channel_close_client(client, CLOSE_TRY_LATER, "lost");
}

/* Whoever does not read finds it in the history, for as long as it is there. */
static void offer_kept(channel_client *client, message *m) {
    if (m && is_reading(client))
        write_now(client, m);
    else if (!push_history_reaches(&client->owner->history, client->seen_seq))
        close_slow(client);
    else
        lws_callback_on_writable(client->wsi);
}

static void offer_lossy(channel_client *client, message *m) {
    if (is_reading(client))
        write_now(client, m);
    else
        enqueue(client, m);
}

/* To all of one that must arrive; takes the message. */
static void push(channel *c, message *m) {
    c->stats.n_pushed++;
    if (m)
        push_history_add(&c->history, m);
    else
        push_history_lose(&c->history, c->seq);
    for (channel_client *client = c->clients; client; client = client->next)
        if (client->is_live && !client->close_code) offer_kept(client, m);
    c->kept_seq = c->seq;
    message_release(m);
}

/* To those who want it; takes the message. One that cannot be written is lost. */
static void push_lossy(channel *c, message *m) {
    c->stats.n_pushed++;
    for (channel_client *client = c->clients; client && m; client = client->next) {
        bool wants = client->is_live && (m->kind != MESSAGE_KLINE || topic_list_has(&client->topics, m->topic));
        if (wants && !client->close_code) offer_lossy(client, m);
    }
    message_release(m);
}

void channel_publish_signal(channel *c, const signal_row *s) { push(c, notice_of_signal(++c->seq, s)); }
void channel_publish_analysis(channel *c, const analysis_row *row) { push(c, notice_of_analysis(++c->seq, row)); }
void channel_publish_update(channel *c, const update_row *u) { push(c, notice_of_update(++c->seq, u)); }
void channel_publish_problem(channel *c, const char *trader_id, const char *why) {
    push(c, notice_of_problem(++c->seq, trader_id, why));
}

void channel_publish_metrics(channel *c, const serve_metrics *metrics) {
    if (channel_has_listeners(c)) push_lossy(c, notice_of_metrics(++c->seq, metrics));
}

serve_status channel_status(const channel *c) {
    serve_status status = {0};
    c->options.providers.status(c->options.providers.context, &status);
    return status;
}

void channel_publish_status(channel *c) {
    serve_status status = channel_status(c);
    push(c, notice_of_status(++c->seq, &status));
}

bool channel_has_listeners(const channel *c) { return c->n_known > 0; }

bool channel_wants_klines(const channel *c, uint32_t id, int32_t interval) {
    if (id >= SYMBOL_MAX || c->n_listeners[id] == 0) return false;
    for (const channel_client *client = c->clients; client; client = client->next)
        if (topic_list_has(&client->topics, notice_topic(id, interval))) return true;
    return false;
}

void channel_publish_kline(channel *c, uint32_t id, const char *symbol, int32_t interval, const kline *bar,
                           bool is_closed) {
    if (!channel_wants_klines(c, id, interval)) return;
    push_lossy(c, notice_of_kline(++c->seq, id, symbol, interval, bar, is_closed));
}

void channel_close_clients(channel *c) {
    for (channel_client *client = c->clients; client; client = client->next)
        channel_close_client(client, LWS_CLOSE_STATUS_GOINGAWAY, "the daemon stops");
}

void channel_end_questions(channel *c) { c->is_over = true; }

/* ---- who comes ---- */

static bool is_origin_allowed(const channel *c, struct lws *wsi) {
    char origin[HEADER_BYTES] = "", host[HEADER_BYTES] = "";
    /* A header that does not fit gives -1: refused, not taken for absent. */
    if (lws_hdr_copy(wsi, origin, sizeof origin, WSI_TOKEN_ORIGIN) < 0) return false;
    if (lws_hdr_copy(wsi, host, sizeof host, WSI_TOKEN_HOST) < 0) return false;
    return auth_allows_origin(origin, host, c->options.origins, c->options.n_origins);
}

static int refuse(channel *c, struct lws *wsi, int status, const char *text) {
    http_answer a;
    c->stats.n_refused++;
    log_repeat(&c->refusals, LOG_WARN, "channel", "refused a connection: %s", text);
    http_answer_problem(&a, status, "%s", text);
    int failed = http_answer_send(wsi, &a, false);
    http_answer_deinit(&a);
    return failed ? -1 : 1;
}

/* As far as it is known before the upgrade. A token in the list of subprotocols is not refused here: a browser would not be
 * told why. */
static gate_verdict look_at_headers(const channel *c, struct lws *wsi) {
    offer o;
    offer_read(wsi, &o);
    gate_verdict verdict = o.place == OFFER_NONE ? GATE_WAIT : gate_look(c->options.gate, o.token, o.bytes);
    if (o.place == OFFER_SUBPROTOCOL && verdict != GATE_OPEN) verdict = GATE_WAIT;
    offer_wipe(&o);
    return verdict;
}

/* Anything that asks for an upgrade, before it is granted. */
static int judge_upgrade(channel *c, struct lws *wsi, const char *protocol) {
    char path[8] = "";
    if (!protocol || strcmp(protocol, "websocket") != 0) return refuse(c, wsi, 400, "the only upgrade is websocket");
    bool is_path = lws_hdr_copy(wsi, path, sizeof path, WSI_TOKEN_GET_URI) > 0;
    if (!is_path || (strcmp(path, "/") != 0 && strcmp(path, "/ws") != 0))
        return refuse(c, wsi, 404, "the channel is at / and /ws");
    if (!is_origin_allowed(c, wsi)) return refuse(c, wsi, 403, "this origin is not allowed; add it to AUTH_ORIGINS");
    if (lws_hdr_total_length(wsi, WSI_TOKEN_PROTOCOL) > OFFER_LIST_MAX_BYTES)
        return refuse(c, wsi, 431,
                      "more than 127 bytes of subprotocols are taken in one header, of a connection's first request");
    gate_verdict verdict = look_at_headers(c, wsi);
    if (verdict == GATE_SHUT) return refuse(c, wsi, 401, "the token is not this machine's");
    if (verdict == GATE_UNAVAILABLE) return refuse(c, wsi, 503, "the token cannot be checked now");
    if (c->stats.n_clients >= c->options.max_clients) return refuse(c, wsi, 503, "too many clients");
    if (verdict != GATE_OPEN && c->n_strangers >= MAX_STRANGERS)
        return refuse(c, wsi, 503, "too many clients without a token");
    return 0;
}

static void make_known(channel_client *client, int64_t expires_s) {
    client->is_known = true;
    client->owner->n_known++;
    client->owner->n_strangers--;
    lws_set_timer_usecs(client->wsi, LWS_SET_TIMER_USEC_CANCEL);
    channel_hello_begin(client);
    channel_token_begin(client, expires_s);
}

static void take_verdict(channel_client *client, gate_answer answer) {
    channel *c = client->owner;
    lws_rx_flow_control(client->wsi, answer.verdict != GATE_WAIT);
    if (answer.verdict != GATE_WAIT && c->is_over) {
        channel_close_client(client, LWS_CLOSE_STATUS_GOINGAWAY, "the daemon stops");
    } else if (answer.verdict == GATE_OPEN) {
        make_known(client, answer.expires_s);
    } else if (answer.verdict == GATE_UNAVAILABLE) {
        channel_close_client(client, CLOSE_TRY_LATER, "the token cannot be checked now");
    } else if (answer.verdict == GATE_SHUT) {
        c->stats.n_refused++;
        log_repeat(&c->refusals, LOG_WARN, "channel", "refused a connection: wrong token");
        channel_close_client(client, CLOSE_UNAUTHORIZED, "wrong token");
    }
}

static void on_verdict(void *context, gate_answer answer) {
    channel_client *client = context;
    client->ticket = NULL;
    take_verdict(client, answer);
}

static void show_token(channel_client *client, const char *token, size_t bytes) {
    take_verdict(client, gate_ask(client->owner->options.gate, token, bytes, on_verdict, client, &client->ticket));
}

static int begin(channel *c, struct lws *wsi, channel_client **slot) {
    channel_client *client = calloc(1, sizeof *client);
    if (!client) return -1;
    *slot = client;
    client->owner = c;
    client->wsi = wsi;
    client_queue_init(&client->queue);
    client->next = c->clients;
    if (c->clients) c->clients->previous = client;
    c->clients = client;
    c->stats.n_clients++;
    token_bucket_init(&client->rate, PIECES_PER_MINUTE, monotonic_ms());
    c->n_strangers++;
    lws_set_timer_usecs(wsi, c->options.auth_timeout_ms * 1000);
    offer o;
    offer_read(wsi, &o);
    if (o.place != OFFER_NONE) show_token(client, o.token, o.bytes);
    offer_wipe(&o);
    return 0;
}

static void end(channel *c, channel_client **slot) {
    channel_client *client = *slot;
    *slot = NULL;
    if (!client) return;
    if (client->previous)
        client->previous->next = client->next;
    else
        c->clients = client->next;
    if (client->next) client->next->previous = client->previous;
    c->stats.n_clients--;
    c->n_strangers -= !client->is_known;
    gate_forget(c->options.gate, client->ticket);
    c->n_known -= client->is_known;
    c->stats.n_dropped += client->queue.n_dropped;
    channel_wait_forget(client);
    channel_asked_forget(client);
    client_queue_deinit(&client->queue);
    free(client->input);
    free(client);
}

/* ---- messages in ---- */

static void take_token(channel_client *client, const channel_request *request) {
    if (client->is_known)
        channel_token_renew(client, request);
    else if (!client->ticket)
        show_token(client, request->token, strlen(request->token));
}

static void take_malformed(channel_client *client, const char *id, const char *why) {
    channel *c = client->owner;
    c->stats.n_malformed++;
    log_repeat(&c->malformed, LOG_WARN, "channel", "a client sent what is no message");
    channel_send(client, answer_error(id, "bad_message", why));
}

static void take_message(channel_client *client) {
    channel_request request;
    diag why = {""};
    err e = channel_request_parse(client->input, client->input_bytes, &request, &why);
    if (e == OK && request.type == REQUEST_AUTH)
        take_token(client, &request);
    else if (!client->is_known)
        channel_close_client(client, CLOSE_UNAUTHORIZED, "a token is expected first");
    else if (e == ERR_NOT_FOUND)
        channel_send(client, answer_error(request.id, "unknown_type", why.text));
    else if (e == ERR_INVALID)
        channel_send(client, answer_error(request.id, "bad_request", why.text));
    else if (e != OK)
        take_malformed(client, request.id, why.text);
    else
        channel_asked(client, &request);
}

static bool is_too_fast(channel_client *client) {
    int64_t now_ms = monotonic_ms();
    if (token_bucket_wait_ms(&client->rate, 1, now_ms) == 0) {
        token_bucket_take(&client->rate, 1, now_ms);
        return false;
    }
    client->owner->stats.n_fast++;
    log_repeat(&client->owner->fast, LOG_WARN, "channel", "closed a client that sends too much");
    channel_close_client(client, LWS_CLOSE_STATUS_POLICY_VIOLATION, "too many messages");
    return true;
}

static void receive(channel_client *client, const void *in, size_t bytes) {
    if (client->close_code || client->owner->is_over || is_too_fast(client)) return;
    if (lws_frame_is_binary(client->wsi)) {
        channel_close_client(client, LWS_CLOSE_STATUS_UNACCEPTABLE_OPCODE, "text only");
        return;
    }
    size_t total = client->input_bytes + bytes + lws_remaining_packet_payload(client->wsi);
    if (total > MAX_MESSAGE_BYTES) {
        channel_close_client(client, LWS_CLOSE_STATUS_MESSAGE_TOO_LARGE, "at most 65536 bytes");
        return;
    }
    char *grown = realloc(client->input, total + 1);
    if (!grown) {
        channel_close_client(client, CLOSE_TRY_LATER, "out of memory");
        return;
    }
    client->input = grown;
    if (bytes) memcpy(client->input + client->input_bytes, in, bytes);
    client->input_bytes += bytes;
    if (lws_remaining_packet_payload(client->wsi) || !lws_is_final_fragment(client->wsi)) return;
    take_message(client);
    free(client->input);
    client->input = NULL;
    client->input_bytes = 0;
}

/* What is next, with a reference; NULL: nothing. Answers have no number and go first. */
static message *take_next(channel_client *client) {
    const push_history *h = &client->owner->history;
    message *m = channel_asked_replay(client);
    if (m) return message_acquire(m);
    const message *waiting = client_queue_first(&client->queue);
    m = client->is_live ? push_history_after(h, client->seen_seq) : NULL;
    if (!m || (waiting && waiting->seq < m->seq)) return client_queue_take(&client->queue);
    client->seen_seq = m->seq;
    return message_acquire(m);
}

/* As many as the socket takes at once, within reason for the others: a burst goes out without a turn of the loop each. */
static int send_next(channel_client *client) {
    for (int n = 0; n < MESSAGES_AT_ONCE && (n == 0 || !lws_send_pipe_choked(client->wsi)); n++) {
        message *m = client->close_code ? NULL : take_next(client);
        bool is_out = m && write_out(client, m);
        message_release(m);
        if (!m) return 0;
        if (!is_out) return -1;
    }
    lws_callback_on_writable(client->wsi);
    return 0;
}

/* The timer: a close that was asked for, the end of the time for a token, or of a token's. */
static int hang_up(channel_client *client) {
    unsigned char text[CLOSE_TEXT_BYTES];
    if (!client->close_code && client->is_known) {
        channel_token_look(client);
        return 0;
    }
    if (client->close_code && lws_partial_buffered(client->wsi) && client->n_close_waits++ < CLOSE_WAITS) {
        lws_set_timer_usecs(client->wsi, CLOSE_WAIT_US); /* a frame goes out whole before the close frame */
        return 0;
    }
    if (!client->close_code) {
        client->close_code = client->ticket ? CLOSE_TRY_LATER : CLOSE_UNAUTHORIZED;
        client->close_text = client->ticket ? "the token cannot be checked now" : "no token in time";
    }
    if (client->ticket) lws_rx_flow_control(client->wsi, 1); /* the peer's close frame is to be read */
    int bytes = snprintf((char *)text, sizeof text, "%s", client->close_text);
    lws_close_reason(client->wsi, (enum lws_close_status)client->close_code, text, (size_t)bytes);
    return -1;
}

int channel_on_event(channel *c, struct lws *wsi, enum lws_callback_reasons reason, channel_client **slot,
                     const void *in, size_t bytes) {
    switch ((int)reason) {
    case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE: return judge_upgrade(c, wsi, in);
    case LWS_CALLBACK_ESTABLISHED: return begin(c, wsi, slot);
    case LWS_CALLBACK_RECEIVE:
        if (*slot) receive(*slot, in, bytes);
        return 0;
    case LWS_CALLBACK_SERVER_WRITEABLE: return *slot ? send_next(*slot) : 0;
    case LWS_CALLBACK_TIMER: return *slot ? hang_up(*slot) : 0;
    case LWS_CALLBACK_CLOSED:
    case LWS_CALLBACK_WSI_DESTROY: end(c, slot); return 0;
    default: return 0;
    }
}
