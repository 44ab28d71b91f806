#include "serve/channel_asked.h"
#include "serve/answer.h"
#include "serve/channel_wait.h"
#include "serve/notice.h"
#include <stdlib.h>
#include <string.h>

/* ---- answers ---- */

static const char *code_of(err e) {
    switch (e) {
    case ERR_INVALID: return "bad_request";
    case ERR_NOT_FOUND: return "not_found";
    case ERR_UNSUPPORTED: return "unsupported";
    default: return "not_now";
    }
}

/* serve_answer_fn */
static void on_answer(void *request, err e, const char *text) {
    waiter *w = request;
    char id[REQUEST_ID_BYTES];
    memcpy(id, w->id, sizeof id);
    channel_client *client = channel_wait_end(w);
    if (client) channel_send(client, e == OK ? answer_ack(id, text) : answer_error(id, code_of(e), text));
}

/* ---- resume ---- */

static void end_replay(channel_client *client, bool is_complete) {
    replay *r = &client->replay;
    json_writer w;
    json_writer_init(&w);
    json_write_object(&w);
    json_put_bool(&w, "complete", is_complete);
    json_put_integer(&w, "replayed", (int64_t)r->n_sent);
    json_write_object_end(&w);
    r->is_under_way = false;
    client->owner->stats.n_replayed += r->n_sent;
    channel_send(client, json_writer_text(&w) ? answer_ack(r->id, json_writer_text(&w)) : NULL);
    json_writer_deinit(&w);
}

/* What it has missed up to its hello; later ones it has got. */
static void resume(channel_client *client, const channel_request *request) {
    channel *c = client->owner;
    if (client->replay.is_under_way) {
        channel_send(client, answer_error(request->id, "not_now", "a resume is under way"));
        return;
    }
    client->replay = (replay){.after_seq = request->seq, .to_seq = client->live_seq};
    memcpy(client->replay.id, request->id, sizeof request->id);
    if (strcmp(request->session, c->session) != 0 || request->seq > c->seq) {
        end_replay(client, false);
        return;
    }
    client->replay.is_under_way = true;
    lws_callback_on_writable(client->wsi);
}

message *channel_asked_replay(channel_client *client) {
    replay *r = &client->replay;
    if (!r->is_under_way) return NULL;
    const push_history *h = &client->owner->history;
    bool is_there = push_history_reaches(h, r->after_seq);
    message *m = is_there ? push_history_after(h, r->after_seq) : NULL;
    if (!m || m->seq > r->to_seq) {
        end_replay(client, is_there);
        return NULL;
    }
    r->after_seq = m->seq;
    r->n_sent++;
    return m;
}

/* ---- klines ---- */

static err find_klines(const channel *c, const channel_request *request, uint32_t *topic, diag *why) {
    const serve_providers *p = &c->options.providers;
    uint32_t id = 0;
    if (!p->find_klines) return diag_set(why, ERR_UNSUPPORTED, "there are no klines here");
    err e = p->find_klines(p->context, request->symbol, request->interval, &id, why);
    if (e != OK) return e;
    *topic = notice_topic(id, request->interval);
    return OK;
}

void channel_asked_forget(channel_client *client) {
    while (client->topics.count)
        client->owner->n_listeners[client->topics.items[--client->topics.count] >> TOPIC_INTERVAL_BITS]--;
}

static void subscribe(channel_client *client, const channel_request *request) {
    channel *c = client->owner;
    uint32_t topic = 0;
    diag why;
    err e = find_klines(c, request, &topic, &why);
    if (e == OK) e = topic_list_add(&client->topics, topic);
    if (e == OK) c->n_listeners[topic >> TOPIC_INTERVAL_BITS]++;
    if (e == ERR_FULL) diag_set(&why, e, "at most %d subscriptions; unsubscribe from another first", TOPIC_LIST_MOST);
    bool is_done = e == OK || e == ERR_EXISTS;
    channel_send(client, is_done ? answer_ack(request->id, NULL) : answer_error(request->id, code_of(e), why.text));
}

/* From what nobody has heard of it is unsubscribed already. */
static void unsubscribe(channel_client *client, const channel_request *request) {
    channel *c = client->owner;
    uint32_t topic = 0;
    if (!*request->symbol)
        channel_asked_forget(client);
    else if (find_klines(c, request, &topic, NULL) == OK && topic_list_remove(&client->topics, topic))
        c->n_listeners[topic >> TOPIC_INTERVAL_BITS]--;
    channel_send(client, answer_ack(request->id, NULL));
}

/* ---- the daemon ---- */

static void take_update(channel_client *client, const channel_request *request) {
    const serve_providers *p = &client->owner->options.providers;
    json_writer w;
    char *traders = request->has_traders ? channel_request_traders(client->input, client->input_bytes) : NULL;
    json_writer_init(&w);
    json_write_object(&w);
    if (*request->version) json_put_raw(&w, "version", request->version);
    if (p->update_traders) p->update_traders(p->context, traders, &w);
    json_write_object_end(&w);
    free(traders);
    channel_send(client, json_writer_text(&w) ? answer_ack(request->id, json_writer_text(&w)) : NULL);
    json_writer_deinit(&w);
}

static void force_sync(channel_client *client, const channel_request *request) {
    const serve_providers *p = &client->owner->options.providers;
    waiter *w = p->force_sync ? channel_wait_add(client, request->id) : NULL;
    if (w)
        p->force_sync(p->context, on_answer, w);
    else
        channel_send(client, answer_error(request->id, "not_now", "nothing can be written now"));
}

static void set_paused(channel_client *client, const channel_request *request) {
    const serve_providers *p = &client->owner->options.providers;
    waiter *w = p->set_paused ? channel_wait_add(client, request->id) : NULL;
    if (w)
        p->set_paused(p->context, request->type == REQUEST_PAUSE, on_answer, w);
    else
        channel_send(client, answer_error(request->id, "not_now", "this cannot be paused now"));
}

void channel_asked(channel_client *client, const channel_request *request) {
    switch (request->type) {
    case REQUEST_AUTH:
    case REQUEST_PONG: break;
    case REQUEST_PING: channel_send(client, answer_pong(request->id)); break;
    case REQUEST_BARE_PING: channel_send(client, message_new_text("pong")); break;
    case REQUEST_RESUME: resume(client, request); break;
    case REQUEST_SUBSCRIBE: subscribe(client, request); break;
    case REQUEST_UNSUBSCRIBE: unsubscribe(client, request); break;
    case REQUEST_PAUSE:
    case REQUEST_GO_ON: set_paused(client, request); break;
    case REQUEST_FORCE_SYNC: force_sync(client, request); break;
    case REQUEST_CONFIG_UPDATE: take_update(client, request); break;
    }
}
