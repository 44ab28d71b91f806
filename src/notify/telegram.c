#include "notify/telegram.h"
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MESSAGE_UNITS = 4096 };

/* The chat goes in when it is sent, since it may have moved by then. */
static err request(const service_options *o, const delivery *d, int64_t now_s, service_request *out) {
    json_writer w;
    (void)now_s;
    *out = (service_request){0};
    if (asprintf(&out->url, "%s/bot%s/sendMessage", o->url, o->secret) < 0) {
        out->url = NULL;
        return ERR_NO_MEMORY;
    }
    service_add_header(out, "Content-Type", "application/json");
    json_writer_init(&w);
    json_write_object(&w);
    json_put_text(&w, "chat_id", o->chat);
    json_put_text(&w, "text", d->body);
    json_write_key(&w, "link_preview_options");
    json_write_object(&w);
    json_put_bool(&w, "is_disabled", true);
    json_write_object_end(&w);
    json_write_object_end(&w);
    err e = json_writer_take(&w, &out->body, NULL);
    if (e != OK) service_request_deinit(out);
    return e;
}

static void read_parameters(const json_t *parameters, service_verdict *out) {
    const json_t *wait = json_object_get(parameters, "retry_after"),
                 *chat = json_object_get(parameters, "migrate_to_chat_id");
    if (json_is_integer(wait) && json_integer_value(wait) >= 0 && json_integer_value(wait) <= 86400)
        out->wait_ms = json_integer_value(wait) * 1000;
    if (!json_is_integer(chat)) return;
    snprintf(out->chat, sizeof out->chat, "%" JSON_INTEGER_FORMAT, json_integer_value(chat));
    out->outcome = SERVICE_RETRY;
    out->wait_ms = 0;
}

static void judge(const service_answer *a, service_verdict *out) {
    json_t *answer = json_loads(a->body, 0, NULL);
    const char *said = json_string_value(json_object_get(answer, "description"));
    service_judge_status(a, out);
    if (out->outcome == SERVICE_SENT && !json_is_true(json_object_get(answer, "ok"))) {
        *out = (service_verdict){.outcome = SERVICE_RETRY, .wait_ms = -1, .why = "the answer is not Telegram's"};
    } else if (out->outcome != SERVICE_SENT) {
        if (said) snprintf(out->why, sizeof out->why, "it answers %d, \"%.180s\"", a->status, said);
        /* Of 400 all but a text that is no good can be put right: "chat not found", say. */
        if (a->status == 400 && !(said && (strstr(said, "message text") || strstr(said, "message is too long")))) {
            out->outcome = SERVICE_RETRY;
            out->wait_ms = -1;
        }
        read_parameters(json_object_get(answer, "parameters"), out);
    }
    json_decref(answer);
}

const service telegram_service = {.most_units = MESSAGE_UNITS, .request = request, .judge = judge};
