#include "notify/webhook.h"
#include "notify/signature.h"
#include "screener/signal_json.h"
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static err word(const service_options *o, const notice *n, const char *id, const char *message, char **body) {
    json_writer w;
    if (o->is_text_only) {
        *body = strdup(message);
        return *body ? OK : ERR_NO_MEMORY;
    }
    json_writer_init(&w);
    json_write_object(&w);
    json_put_text(&w, "id", id);
    json_put_text(&w, "event", notice_event_name(n->event));
    json_put_text(&w, "text", message);
    json_write_key(&w, "signal");
    signal_write_json(&w, &n->signal);
    if (n->event == NOTICE_ANALYSIS) {
        json_write_key(&w, "analysis");
        analysis_write_json(&w, &n->analysis);
    }
    json_write_object_end(&w);
    return json_writer_take(&w, body, NULL);
}

static bool is_json(const char *text) {
    json_t *value = json_loads(text, 0, NULL); /* an object or a list */
    bool is_one = value != NULL;
    json_decref(value);
    return is_one;
}

static err request(const service_options *o, const delivery *d, int64_t now_s, service_request *out) {
    char seconds[32], signature[SIGNATURE_BYTES];
    *out = (service_request){.url = strdup(o->url), .body = strdup(d->body)};
    if (!out->url || !out->body) {
        service_request_deinit(out);
        return ERR_NO_MEMORY;
    }
    snprintf(seconds, sizeof seconds, "%" PRId64, now_s);
    service_add_header(out, "Content-Type", is_json(d->body) ? "application/json" : "text/plain; charset=utf-8");
    service_add_header(out, "webhook-id", d->id);
    service_add_header(out, "webhook-timestamp", seconds);
    if (!*o->secret) return OK;
    err e = signature_make(o->secret, d->id, now_s, d->body, strlen(d->body), signature);
    if (e == OK)
        service_add_header(out, "webhook-signature", signature);
    else
        service_request_deinit(out);
    return e;
}

const service webhook_service = {.word = word, .request = request, .judge = service_judge_status};
