/* The end of a token is a time of the wall clock, which is set now and then, and a machine that was suspended has not counted
 * meanwhile. So the clock is looked at again every half minute, not trusted for hours. */
#include "serve/channel_token.h"
#include "base/clock.h"
#include "serve/answer.h"
#include "serve/jwt.h"
#include "serve/notice.h"
#include <string.h>

enum { TOLD_BEFORE_MS = 60000, LOOK_AGAIN_MS = 30000 };

/* ---- the end of a token ---- */

static int64_t ends_ms(const channel_client *client) { return client->expires_s * 1000; }
static int64_t closes_ms(const channel_client *client) { return ends_ms(client) + (int64_t)JWT_LEEWAY_S * 1000; }

static void tell(channel_client *client) {
    client->is_told = true;
    channel_send(client, notice_of_expiry(ends_ms(client), closes_ms(client)));
}

static void close_expired(channel_client *client) {
    if (client->ticket) { /* it has shown another one, and nobody can tell yet */
        channel_close_client(client, CLOSE_TRY_LATER, "the token cannot be checked now");
        return;
    }
    client->owner->stats.n_expired++;
    channel_close_client(client, CLOSE_UNAUTHORIZED, "the token has expired");
}

static void look_in(channel_client *client, int64_t wait_ms) {
    lws_set_timer_usecs(client->wsi, (wait_ms < LOOK_AGAIN_MS ? wait_ms : LOOK_AGAIN_MS) * 1000);
}

void channel_token_look(channel_client *client) {
    if (client->expires_s == GATE_FOREVER || client->close_code) return;
    int64_t now_ms = wall_ms(), tells_ms = ends_ms(client) - TOLD_BEFORE_MS;
    if (now_ms >= closes_ms(client)) {
        close_expired(client);
        return;
    }
    if (now_ms >= tells_ms && !client->is_told) tell(client);
    if (client->close_code) return; /* too slow to be told */
    look_in(client, (client->is_told ? closes_ms(client) : tells_ms) - now_ms);
}

void channel_token_begin(channel_client *client, int64_t expires_s) {
    client->expires_s = expires_s;
    channel_token_look(client);
}

/* ---- another one ---- */

static void acknowledge(channel_client *client) {
    json_writer w;
    json_writer_init(&w);
    json_write_object(&w);
    json_write_key(&w, "expires");
    if (client->expires_s == GATE_FOREVER)
        json_write_null(&w);
    else
        json_write_integer(&w, ends_ms(client));
    json_write_object_end(&w);
    channel_send(client, json_writer_text(&w) ? answer_ack(client->renewal_id, json_writer_text(&w)) : NULL);
    json_writer_deinit(&w);
}

/* Of two tokens the one that lasts longer counts. */
static void take_later(channel_client *client, int64_t expires_s) {
    client->owner->stats.n_renewed++;
    if (expires_s > client->expires_s) {
        client->expires_s = expires_s;
        client->is_told = false;
    }
    acknowledge(client);
    channel_token_look(client);
}

static void take_answer(channel_client *client, gate_answer answer) {
    lws_rx_flow_control(client->wsi, answer.verdict != GATE_WAIT);
    if (client->close_code) return;
    if (answer.verdict == GATE_OPEN)
        take_later(client, answer.expires_s);
    else if (answer.verdict == GATE_SHUT)
        channel_send(client,
                     answer_error(client->renewal_id, "wrong_token", "the token is not this user's, or is over"));
    else if (answer.verdict == GATE_UNAVAILABLE)
        channel_send(client, answer_error(client->renewal_id, "not_now", "the token cannot be checked now"));
}

static void on_verdict(void *context, gate_answer answer) {
    channel_client *client = context;
    client->ticket = NULL;
    take_answer(client, answer);
}

void channel_token_renew(channel_client *client, const channel_request *request) {
    if (client->ticket) {
        channel_send(client, answer_error(request->id, "not_now", "another token is being checked"));
        return;
    }
    memcpy(client->renewal_id, request->id, sizeof client->renewal_id);
    take_answer(client, gate_ask(client->owner->options.gate, request->token, strlen(request->token), on_verdict,
                                 client, &client->ticket));
}
