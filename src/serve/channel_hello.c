#include "serve/channel_hello.h"
#include "screener/signal_json.h"
#include "serve/channel_wait.h"
#include "serve/notice.h"

enum { HELLO_SIGNALS = 50 };

static message *write_hello(const channel *c, uint64_t seq, const signal_list *signals) {
    const serve_providers *p = &c->options.providers;
    serve_status status = channel_status(c);
    json_writer w;
    message_begin(&w, "hello", seq);
    json_put_text(&w, "session", c->session);
    json_put_integer(&w, "seq", (int64_t)seq);
    json_put_text(&w, "version", c->options.version);
    json_put_bool(&w, "simulated", status.is_simulated);
    json_write_key(&w, "status");
    json_write_object(&w);
    json_put_text(&w, "status", status.status);
    json_put_integer(&w, "cpus", status.cpus);
    json_put_integer(&w, "uptime", status.uptime_ms);
    json_write_object_end(&w);
    json_write_key(&w, "traders");
    json_write_array(&w);
    if (p->traders) p->traders(p->context, &w);
    json_write_array_end(&w);
    json_write_key(&w, "signals");
    if (signals) {
        json_write_array(&w);
        for (size_t i = 0; i < signals->count; i++) signal_write_json(&w, &signals->rows[i]);
        json_write_array_end(&w);
    } else {
        json_write_null(&w);
    }
    message_end(&w);
    return message_new(&w, MESSAGE_KEPT, seq);
}

/* From here on it is told of everything, also of what was pushed while the signals were read. */
static void go_live(channel_client *client, const signal_list *signals) {
    if (!push_history_reaches(&client->owner->history, client->seen_seq)) { /* more has come than is kept: once more */
        channel_close_client(client, CLOSE_TRY_LATER, "too much has come meanwhile");
        return;
    }
    channel_send(client, write_hello(client->owner, client->live_seq, signals));
    client->is_live = true;
}

static void on_signals(void *context, err error, const char *why, const signal_list *signals) {
    channel_client *client = channel_wait_end(context);
    if (error && error != ERR_CANCELLED) log_warn("channel", "hello goes out without signals: %s", why);
    if (client) go_live(client, error ? NULL : signals);
}

void channel_hello_begin(channel_client *client) {
    channel *c = client->owner;
    const serve_providers *p = &c->options.providers;
    const signal_filter filter = {.limit = HELLO_SIGNALS};
    serve_status status = channel_status(c);
    channel_send(client, notice_of_status(0, &status)); /* no push: a client that comes back has not missed it */
    client->live_seq = client->seen_seq = ++c->seq;
    waiter *w = channel_wait_add(client, "");
    if (w && p->query_signals && p->query_signals(p->context, &filter, on_signals, w) == OK) return;
    if (w) channel_wait_end(w);
    go_live(client, NULL);
}
