/* A pushed message is written once and shared by the queues of all clients; a queue holds references.
 *
 *   client --[ring of references]--> message (n_references)   two bounds: messages and bytes
 */
#include "serve/channel.h"
#include "base/log.h"
#include "screener/signal_json.h"
#include "serve/auth.h"
#include "serve/http_answer.h"
#include "serve/offer.h"
#include <assert.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    MAX_CLIENTS = 32,
    MAX_STRANGERS = 8, /* of them without a token yet, so that strangers cannot lock the owner out */
    MAX_MESSAGE_BYTES = 64 * 1024,
    QUEUE_MESSAGES = 2048, /* a burst may be committed at once */
    MESSAGES_AT_ONCE = 64,
    QUEUE_BYTES = 1024 * 1024,
    HEADER_BYTES = 1024,
    CLOSE_TEXT_BYTES = 64,
    CLOSE_UNAUTHORIZED = 4401,
    CLOSE_TRY_LATER = 1013, /* not in libwebsockets' list */
};

typedef struct message {
    uint32_t n_references;
    size_t bytes;
    unsigned char room[]; /* LWS_PRE bytes for the frame header, then the text */
} message;

struct channel_client {
    channel *owner;
    struct lws *wsi;
    channel_client *next, *previous;
    bool is_known;       /* has shown a token that opens the gate */
    gate_ticket *ticket; /* while the gate finds out; nothing is read meanwhile */
    char *input;         /* the message that is arriving */
    size_t input_bytes;
    message *queue[QUEUE_MESSAGES];
    uint32_t head, count;
    size_t queue_bytes;
    int close_code; /* not 0: to be closed with it; nothing it sends is looked at any more */
    const char *close_text;
};

struct channel {
    channel_options options;
    channel_client *clients;
    uint32_t n_strangers;
    uint64_t seq;
    channel_stats stats;
    log_repeater refusals, malformed, slow;
};

static void push_status(channel *c, channel_client *only);

err channel_new(const channel_options *options, channel **out) {
    channel *c = calloc(1, sizeof *c);
    if (!c) return ERR_NO_MEMORY;
    c->options = *options;
    *out = c;
    return OK;
}

void channel_free(channel *c) {
    if (!c) return;
    assert(!c->clients);
    free(c);
}

void channel_read_stats(const channel *c, channel_stats *out) { *out = c->stats; }

/* ---- messages out ---- */

static void release(message *m) {
    if (m && --m->n_references == 0) free(m);
}

/* With one reference, the caller's. Takes the text of `w`; NULL without memory. */
static message *new_message(json_writer *w) {
    message *m = NULL;
    const char *text = json_writer_text(w);
    if (text) m = malloc(sizeof *m + LWS_PRE + w->bytes + 1);
    if (m) {
        m->n_references = 1;
        m->bytes = w->bytes;
        memcpy(m->room + LWS_PRE, text, w->bytes + 1);
    }
    json_writer_deinit(w);
    return m;
}

static void drop_queue(channel_client *client) {
    for (; client->count; client->count--) {
        release(client->queue[client->head]);
        client->head = (client->head + 1) % QUEUE_MESSAGES;
    }
    client->queue_bytes = 0;
}

/* libwebsockets sends the close frame when a callback of the connection fails, but not when that is the writable one;
 * so a timer that is due at once does it (`hang_up`). Then it waits for the peer's close frame, some seconds at most. */
static void close_client(channel_client *client, int code, const char *text) {
    if (client->close_code) return;
    client->close_code = code;
    client->close_text = text;
    drop_queue(client);
    lws_set_timer_usecs(client->wsi, 1);
}

static void enqueue(channel_client *client, message *m) {
    channel *c = client->owner;
    if (client->close_code) return;
    if (!m || client->count == QUEUE_MESSAGES || client->queue_bytes + m->bytes > QUEUE_BYTES) {
        c->stats.n_slow++;
        log_repeat(&c->slow, LOG_WARN, "channel", "closed a client that reads too slowly");
        close_client(client, CLOSE_TRY_LATER, "too slow");
        return;
    }
    m->n_references++;
    client->queue[(client->head + client->count++) % QUEUE_MESSAGES] = m;
    client->queue_bytes += m->bytes;
    lws_callback_on_writable(client->wsi);
}

/* To one client, or to all that are known. */
static void push(channel *c, json_writer *w, channel_client *only) {
    message *m = new_message(w);
    c->stats.n_pushed++;
    if (only) enqueue(only, m);
    for (channel_client *client = only ? NULL : c->clients; client; client = client->next)
        if (client->is_known) enqueue(client, m);
    release(m);
}

/* `seq`: of a pushed message; 0 for an answer. Leaves the writer inside "data". */
static void begin_message(json_writer *w, const char *type, uint64_t seq) {
    json_writer_init(w);
    json_write_object(w);
    json_put_text(w, "type", type);
    if (seq) json_put_integer(w, "seq", (int64_t)seq);
    json_write_key(w, "data");
    json_write_object(w);
}

static void end_message(json_writer *w) {
    json_write_object_end(w);
    json_write_object_end(w);
}

void channel_publish_signal(channel *c, const signal_row *s) {
    json_writer w;
    begin_message(&w, "signal_created", ++c->seq);
    json_put_text(&w, "signalId", s->id);
    json_put_text(&w, "traderId", s->trader_id);
    json_put_text(&w, "trader", s->trader);
    json_put_text(&w, "symbol", s->symbol);
    json_put_number(&w, "price", s->price);
    json_put_text(&w, "interval", interval_name(s->interval));
    json_put_integer(&w, "time", s->open_ms);
    json_put_raw(&w, "conditions", s->conditions);
    json_put_text(&w, "state", signal_state_name(s->state));
    json_put_bool(&w, "provisional", s->state == SIGNAL_PROVISIONAL);
    json_put_bool(&w, "late", s->late);
    json_put_text(&w, "side", signal_side_name(s->side));
    end_message(&w);
    push(c, &w, NULL);
}

void channel_publish_analysis(channel *c, const analysis_row *row) {
    json_writer w;
    begin_message(&w, row->status == ANALYSIS_DONE ? "analysis_completed" : "analysis_failed", ++c->seq);
    analysis_write_fields(&w, row);
    end_message(&w);
    push(c, &w, NULL);
}

void channel_publish_update(channel *c, const update_row *u) {
    json_writer w;
    begin_message(&w, "signal_updated", ++c->seq);
    json_put_text(&w, "signalId", u->id);
    json_put_text(&w, "traderId", u->trader_id);
    json_put_text(&w, "state", signal_state_name(u->state));
    json_put_bool(&w, "revised", u->is_revised);
    end_message(&w);
    push(c, &w, NULL);
}

static void push_status(channel *c, channel_client *only) {
    serve_status status = {0};
    c->options.providers.status(c->options.providers.context, &status);
    json_writer w;
    begin_message(&w, "status_update", ++c->seq);
    json_put_text(&w, "status", status.status);
    json_put_integer(&w, "cpus", status.cpus);
    json_put_integer(&w, "uptime", status.uptime_ms);
    end_message(&w);
    push(c, &w, only);
}

void channel_publish_problem(channel *c, const char *trader_id, const char *why) {
    json_writer w;
    begin_message(&w, "error", ++c->seq);
    json_put_text(&w, "message", why);
    json_put_text(&w, "code", "trader_failed");
    json_put_text(&w, "traderId", trader_id);
    end_message(&w);
    push(c, &w, NULL);
}

void channel_publish_status(channel *c) { push_status(c, NULL); }

void channel_close_clients(channel *c) {
    for (channel_client *client = c->clients; client; client = client->next)
        close_client(client, LWS_CLOSE_STATUS_GOINGAWAY, "the daemon stops");
}

static void answer(channel_client *client, const char *type) {
    json_writer w;
    begin_message(&w, type, 0);
    end_message(&w);
    push(client->owner, &w, client);
}

static void answer_error(channel_client *client, const char *code, const char *text) {
    json_writer w;
    begin_message(&w, "error", 0);
    json_put_text(&w, "message", text);
    json_put_text(&w, "code", code);
    end_message(&w);
    push(client->owner, &w, client);
}

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
    gate_verdict verdict = look_at_headers(c, wsi);
    if (verdict == GATE_SHUT) return refuse(c, wsi, 401, "the token is not this machine's");
    if (verdict == GATE_UNAVAILABLE) return refuse(c, wsi, 503, "the token cannot be checked now");
    if (c->stats.n_clients >= MAX_CLIENTS) return refuse(c, wsi, 503, "too many clients");
    if (verdict != GATE_OPEN && c->n_strangers >= MAX_STRANGERS)
        return refuse(c, wsi, 503, "too many clients without a token");
    return 0;
}

static void make_known(channel_client *client) {
    client->is_known = true;
    client->owner->n_strangers--;
    lws_set_timer_usecs(client->wsi, LWS_SET_TIMER_USEC_CANCEL);
    push_status(client->owner, client);
}

static void take_verdict(channel_client *client, gate_verdict verdict) {
    channel *c = client->owner;
    lws_rx_flow_control(client->wsi, verdict != GATE_WAIT);
    if (verdict == GATE_OPEN) {
        make_known(client);
    } else if (verdict == GATE_UNAVAILABLE) {
        close_client(client, CLOSE_TRY_LATER, "the token cannot be checked now");
    } else if (verdict == GATE_SHUT) {
        c->stats.n_refused++;
        log_repeat(&c->refusals, LOG_WARN, "channel", "refused a connection: wrong token");
        close_client(client, CLOSE_UNAUTHORIZED, "wrong token");
    }
}

static void on_verdict(void *context, gate_verdict verdict) {
    channel_client *client = context;
    client->ticket = NULL;
    take_verdict(client, verdict);
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
    client->next = c->clients;
    if (c->clients) c->clients->previous = client;
    c->clients = client;
    c->stats.n_clients++;
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
    drop_queue(client);
    free(client->input);
    free(client);
}

/* ---- messages in ---- */

static void take_token(channel_client *client, const json_t *data) {
    const char *token = json_string_value(json_object_get(data, "token"));
    if (client->is_known || client->ticket) return;
    show_token(client, token ? token : "", token ? strlen(token) : 0);
}

static void take_malformed(channel_client *client) {
    channel *c = client->owner;
    c->stats.n_malformed++;
    log_repeat(&c->malformed, LOG_WARN, "channel", "a client sent what is no message");
    if (client->is_known)
        answer_error(client, "bad_message", "expected JSON: {\"type\":\"...\",\"data\":{...}}");
    else
        close_client(client, CLOSE_UNAUTHORIZED, "a token is expected first");
}

/* `ack` with the request's own id, if it has one. */
static void acknowledge(channel_client *client, const json_t *request) {
    json_t *id = json_object_get(request, "id");
    char *text = id ? json_dumps(id, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
    json_writer w;
    begin_message(&w, "ack", 0);
    if (text) json_put_raw(&w, "id", text);
    end_message(&w);
    push(client->owner, &w, client);
    free(text);
}

/* What it says of the traders is not taken from it: they are read again where they come from. */
static void take_update(channel_client *client, const json_t *request) {
    const serve_providers *providers = &client->owner->options.providers;
    if (providers->reload_traders) providers->reload_traders(providers->context);
    acknowledge(client, request);
}

static void force_sync(channel_client *client, const json_t *request) {
    const serve_providers *providers = &client->owner->options.providers;
    if (providers->force_sync) providers->force_sync(providers->context);
    acknowledge(client, request);
}

static void take_message(channel_client *client) {
    json_t *root = json_loadb(client->input, client->input_bytes, JSON_REJECT_DUPLICATES, NULL);
    const char *type = json_string_value(json_object_get(root, "type"));
    if (!type)
        take_malformed(client);
    else if (strcmp(type, "auth") == 0)
        take_token(client, json_object_get(root, "data"));
    else if (!client->is_known)
        close_client(client, CLOSE_UNAUTHORIZED, "a token is expected first");
    else if (strcmp(type, "ping") == 0)
        answer(client, "pong");
    else if (strcmp(type, "force_sync") == 0)
        force_sync(client, root);
    else if (strcmp(type, "config_update") == 0)
        take_update(client, root);
    else if (strcmp(type, "pong") != 0)
        answer_error(client, "unknown_type", "this type of message is not known here");
    json_decref(root);
}

static void receive(channel_client *client, const void *in, size_t bytes) {
    if (client->close_code) return;
    if (lws_frame_is_binary(client->wsi)) {
        close_client(client, LWS_CLOSE_STATUS_UNACCEPTABLE_OPCODE, "text only");
        return;
    }
    size_t total = client->input_bytes + bytes + lws_remaining_packet_payload(client->wsi);
    if (total > MAX_MESSAGE_BYTES) {
        close_client(client, LWS_CLOSE_STATUS_MESSAGE_TOO_LARGE, "at most 65536 bytes");
        return;
    }
    char *grown = realloc(client->input, total + 1);
    if (!grown) {
        close_client(client, CLOSE_TRY_LATER, "out of memory");
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

/* False: the connection is lost. */
static bool send_first(channel_client *client) {
    message *m = client->queue[client->head];
    client->head = (client->head + 1) % QUEUE_MESSAGES;
    client->count--;
    client->queue_bytes -= m->bytes;
    int sent = lws_write(client->wsi, m->room + LWS_PRE, m->bytes, LWS_WRITE_TEXT);
    bool is_sent = sent >= (int)m->bytes;
    release(m);
    return is_sent;
}

/* As many as the socket takes at once, within reason for the others: a burst goes out without a turn of the loop each. */
static int send_next(channel_client *client) {
    for (int n = 0; client->count && n < MESSAGES_AT_ONCE && (n == 0 || !lws_send_pipe_choked(client->wsi)); n++)
        if (!send_first(client)) return -1;
    if (client->count) lws_callback_on_writable(client->wsi);
    return 0;
}

/* The timer: a close that was asked for, or the end of the time for a token. */
static int hang_up(channel_client *client) {
    unsigned char text[CLOSE_TEXT_BYTES];
    if (!client->close_code && client->is_known) return 0;
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
