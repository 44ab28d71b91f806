/* By the older of the two endpoints, which every version of Realtime has. */
#include "orchestrator_broadcast.h"
#include "base/log.h"
#include "screener/signal_json.h"
#include <stdio.h>
#include <stdlib.h>

enum { UNDER_WAY_MOST = 16, TOPIC_BYTES = 128 };

struct orchestrator_broadcast {
    postgrest *client; /* NULL: let go */
    char topic[TOPIC_BYTES];
    int n_under_way;
    log_repeater lost;
};

err orchestrator_broadcast_new(postgrest *client, const char *user_id, orchestrator_broadcast **out) {
    orchestrator_broadcast *b = calloc(1, sizeof *b);
    if (!b) return ERR_NO_MEMORY;
    b->client = client;
    snprintf(b->topic, sizeof b->topic, "user:%s", user_id);
    *out = b;
    return OK;
}

static void on_sent(void *context, const postgrest_answer *a) {
    orchestrator_broadcast *b = context;
    b->n_under_way--;
    if (a->kind != POSTGREST_OK && a->kind != POSTGREST_CANCELLED)
        log_repeat(&b->lost, LOG_WARN, "cloud", "a signal was not broadcast: %s", a->why);
}

void orchestrator_broadcast_signal(orchestrator_broadcast *b, const signal_row *s) {
    json_writer w;
    if (!b->client) return;
    if (b->n_under_way == UNDER_WAY_MOST) {
        log_repeat(&b->lost, LOG_WARN, "cloud", "a signal was not broadcast: too many are under way");
        return;
    }
    json_writer_init(&w);
    json_write_object(&w);
    json_write_key(&w, "messages");
    json_write_array(&w);
    json_write_object(&w);
    json_put_text(&w, "topic", b->topic);
    json_put_text(&w, "event", "signal_created");
    json_put_bool(&w, "private", true);
    json_write_key(&w, "payload");
    signal_write_json(&w, s);
    json_write_object_end(&w);
    json_write_array_end(&w);
    json_write_object_end(&w);
    const char *text = json_writer_text(&w);
    if (text && postgrest_post(b->client, "/realtime/v1/api/broadcast", text, on_sent, b) == OK) b->n_under_way++;
    json_writer_deinit(&w);
}

void orchestrator_broadcast_let_go(orchestrator_broadcast *b) {
    if (b) b->client = NULL;
}

void orchestrator_broadcast_free(orchestrator_broadcast *b) { free(b); }
