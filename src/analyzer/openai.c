/* See openai.h. */
#include "analyzer/openai.h"
#include <jansson.h>
#include <math.h>
#include <string.h>

/* ---- what is sent ---- */

err openai_url(const char *base, char *out, size_t bytes) {
    int n = snprintf(out, bytes, "%s/chat/completions", base);
    return n >= 0 && (size_t)n < bytes ? OK : ERR_TOO_BIG;
}

static void write_message(json_writer *w, const char *role, const char *text) {
    json_write_object(w);
    json_put_text(w, "role", role);
    json_put_text(w, "content", text);
    json_write_object_end(w);
}

void openai_write(json_writer *w, const question *q) {
    json_write_object(w);
    json_put_text(w, "model", q->model);
    json_write_key(w, "messages");
    json_write_array(w);
    if (q->system && *q->system) write_message(w, "system", q->system);
    write_message(w, "user", q->text);
    if (q->previous) {
        write_message(w, "assistant", q->previous);
        write_message(w, "user", q->complaint);
    }
    json_write_array_end(w);
    if (!isnan(q->temperature)) json_put_number(w, "temperature", q->temperature);
    /* The older name of the limit: all compatible servers know it. */
    json_put_integer(w, "max_tokens", q->max_output_tokens);
    if (q->thinking && *q->thinking)
        json_put_text(w, "reasoning_effort", strcmp(q->thinking, "off") == 0 ? "none" : q->thinking);
    json_write_key(w, "response_format");
    json_write_object(w);
    json_put_text(w, "type", "json_schema");
    json_write_key(w, "json_schema");
    json_write_object(w);
    json_put_text(w, "name", "analysis");
    json_put_bool(w, "strict", true);
    json_put_raw(w, "schema", q->schema);
    json_write_object_end(w);
    json_write_object_end(w);
    json_write_object_end(w);
}

/* ---- what comes back ---- */

static void read_usage(const json_t *body, reply *r) {
    const json_t *usage = json_object_get(body, "usage");
    r->tokens_in = reply_count(usage, "prompt_tokens");
    r->tokens_out = reply_count(usage, "completion_tokens");
    r->tokens_cached = reply_count(json_object_get(usage, "prompt_tokens_details"), "cached_tokens");
}

/* Credit that is used up comes back when somebody pays, not after a while. */
static bool is_out_of_credit(const char *code) { return code && strcmp(code, "insufficient_quota") == 0; }

/* OpenRouter's guard says with 403 why it flagged a prompt. */
static bool is_flagged(const json_t *error) {
    return json_is_array(json_object_get(json_object_get(error, "metadata"), "reasons"));
}

static void read_error(const json_t *error, const http_facts *facts, reply *r) {
    const char *message =
        json_is_string(error) ? json_string_value(error) : json_string_value(json_object_get(error, "message"));
    const char *word = json_string_value(json_object_get(error, "code"));
    int code = (int)reply_count(error, "code");
    int status = code >= 400 && code < 600 ? code : facts->status;
    reply_kind kind = reply_kind_of_status(status == 200 ? 500 : status);
    if (is_out_of_credit(word)) kind = REPLY_DENIED;
    if (status == 403 && is_flagged(error)) kind = REPLY_REFUSED;
    r->retry_ms = reply_retry_after_ms(facts);
    reply_say(r, kind, "%d %s: %.300s", status, word ? word : "", message ? message : "");
}

static void read_choice(const json_t *choice, const http_facts *facts, reply *r) {
    const json_t *message = json_object_get(choice, "message");
    const char *reason = json_string_value(json_object_get(choice, "finish_reason"));
    const char *text = json_string_value(json_object_get(message, "content"));
    const char *refusal = json_string_value(json_object_get(message, "refusal"));
    if (json_is_object(json_object_get(choice, "error"))) {
        read_error(json_object_get(choice, "error"), facts, r);
    } else if (refusal && *refusal) {
        reply_say(r, REPLY_REFUSED, "the model refused: %.300s", refusal);
    } else if (!reason || strcmp(reason, "error") == 0) {
        reply_say(r, REPLY_TROUBLE, "an answer without an end");
    } else if (strcmp(reason, "length") == 0) {
        reply_say(r, REPLY_CUT,
                  "the answer ran into the limit of output tokens (AI_MAX_OUTPUT_TOKENS; thinking counts)");
    } else if (strcmp(reason, "stop") != 0) {
        reply_say(r, REPLY_REFUSED, "the model ended with %.60s", reason);
    } else if (!text || !*text) {
        reply_say(r, REPLY_TROUBLE, "an answer without a text");
    } else {
        r->kind = REPLY_ANSWER;
    }
    if (text && (r->kind == REPLY_ANSWER || r->kind == REPLY_CUT) && reply_append(&r->text, text) != OK)
        reply_say(r, REPLY_TROUBLE, "out of memory");
}

void openai_read(const http_facts *facts, reply *r) {
    json_t *body = reply_body(facts), *error = json_object_get(body, "error"), *choice;
    const char *version = json_string_value(json_object_get(body, "model"));
    reply_init(r);
    read_usage(body, r);
    snprintf(r->model, sizeof r->model, "%s", version ? version : "");
    choice = json_array_get(json_object_get(body, "choices"), 0);
    if ((error && !json_is_null(error)) || facts->status != 200)
        read_error(error, facts, r);
    else if (!body)
        reply_say(r, REPLY_TROUBLE, "an answer that is no JSON object (%zu bytes)", facts->body_bytes);
    else if (!json_is_object(choice))
        reply_say(r, REPLY_TROUBLE, "an answer without choices");
    else
        read_choice(choice, facts, r);
    json_decref(body);
}
