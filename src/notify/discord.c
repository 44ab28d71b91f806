#include "notify/discord.h"
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MESSAGE_UNITS = 2000 };

/* With wait=true the answer comes once the message is there, and not before. */
static err request(const service_options *o, const delivery *d, int64_t now_s, service_request *out) {
    json_writer w;
    (void)now_s;
    *out = (service_request){0};
    if (asprintf(&out->url, "%s%swait=true", o->url, strchr(o->url, '?') ? "&" : "?") < 0) {
        out->url = NULL;
        return ERR_NO_MEMORY;
    }
    service_add_header(out, "Content-Type", "application/json");
    json_writer_init(&w);
    json_write_object(&w);
    json_put_text(&w, "content", d->body);
    json_write_key(&w, "allowed_mentions");
    json_write_object(&w);
    json_write_key(&w, "parse");
    json_write_array(&w);
    json_write_array_end(&w);
    json_write_object_end(&w);
    json_write_object_end(&w);
    err e = json_writer_take(&w, &out->body, NULL);
    if (e != OK) service_request_deinit(out);
    return e;
}

static void judge(const service_answer *a, service_verdict *out) {
    json_t *answer = json_loads(a->body, 0, NULL);
    const json_t *wait = json_object_get(answer, "retry_after");
    const char *said = json_string_value(json_object_get(answer, "message"));
    service_judge_status(a, out);
    if (out->outcome != SERVICE_SENT && said)
        snprintf(out->why, sizeof out->why, "it answers %d, \"%.180s\"", a->status, said);
    if (a->status == 429 && json_is_number(wait)) {
        char text[32];
        snprintf(text, sizeof text, "%.3f", json_number_value(wait));
        out->wait_ms = service_seconds(text);
    }
    if (out->outcome == SERVICE_SENT && a->remaining && strcmp(a->remaining, "0") == 0) {
        int64_t reset_ms = service_seconds(a->reset_after);
        if (reset_ms > 0) out->wait_ms = reset_ms;
    }
    json_decref(answer);
}

const service discord_service = {.most_units = MESSAGE_UNITS, .request = request, .judge = judge};
