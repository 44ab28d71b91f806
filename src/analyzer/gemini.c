/* See gemini.h. */
#include "analyzer/gemini.h"
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- what is sent ---- */

static bool is_model(const char *model) {
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_";
    return *model && strspn(model, allowed) == strlen(model);
}

err gemini_url(const char *base, const char *model, char *out, size_t bytes) {
    int n;
    if (!is_model(model)) return ERR_INVALID;
    n = snprintf(out, bytes, "%s/v1beta/models/%s:generateContent", base, model);
    return n >= 0 && (size_t)n < bytes ? OK : ERR_TOO_BIG;
}

/* 3.8 of "gemini-3.8-flash"; 0 of an alias. */
static double generation_of(const char *model) {
    static const char family[] = "gemini-";
    return strncmp(model, family, strlen(family)) == 0 ? strtod(model + strlen(family), NULL) : 0;
}

/* "off" is not to be had from all: MINIMAL is an error at 3.7 and 3.8 Flash, and 2.5 Pro cannot stop thinking (its least is
 * 128 tokens). */
static void write_thinking(json_writer *w, const question *q) {
    static const struct {
        const char *name, *level;
        int budget;
    } settings[] = {{"off", "LOW", 0}, {"low", "LOW", 1024}, {"medium", "MEDIUM", 4096}, {"high", "HIGH", 16384}};
    double generation = generation_of(q->model);
    if (!q->thinking || generation < 2.5) return;
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
        int budget = settings[i].budget;
        if (strcmp(q->thinking, settings[i].name) != 0) continue;
        if (budget == 0 && strstr(q->model, "pro")) budget = 128;
        json_write_key(w, "thinkingConfig");
        json_write_object(w);
        if (generation >= 3)
            json_put_text(w, "thinkingLevel", settings[i].level);
        else
            json_put_integer(w, "thinkingBudget", budget);
        json_write_object_end(w);
    }
}

static void write_parts(json_writer *w, const char *text) {
    json_write_key(w, "parts");
    json_write_array(w);
    json_write_object(w);
    json_put_text(w, "text", text);
    json_write_object_end(w);
    json_write_array_end(w);
}

static void write_turn(json_writer *w, const char *role, const char *text) {
    json_write_object(w);
    json_put_text(w, "role", role);
    write_parts(w, text);
    json_write_object_end(w);
}

void gemini_write(json_writer *w, const question *q) {
    json_write_object(w);
    if (q->system && *q->system) {
        json_write_key(w, "systemInstruction");
        json_write_object(w);
        write_parts(w, q->system);
        json_write_object_end(w);
    }
    json_write_key(w, "contents");
    json_write_array(w);
    write_turn(w, "user", q->text);
    if (q->previous) {
        write_turn(w, "model", q->previous);
        write_turn(w, "user", q->complaint);
    }
    json_write_array_end(w);
    json_write_key(w, "generationConfig");
    json_write_object(w);
    if (!isnan(q->temperature)) json_put_number(w, "temperature", q->temperature);
    json_put_integer(w, "maxOutputTokens", q->max_output_tokens);
    json_put_text(w, "responseMimeType", "application/json");
    json_put_raw(w, "responseJsonSchema", q->schema);
    write_thinking(w, q);
    json_write_object_end(w);
    json_write_object_end(w);
}

/* ---- what comes back ---- */

static void read_usage(const json_t *body, reply *r) {
    const json_t *usage = json_object_get(body, "usageMetadata");
    r->tokens_in = reply_count(usage, "promptTokenCount");
    r->tokens_cached = reply_count(usage, "cachedContentTokenCount");
    r->tokens_out = reply_count(usage, "candidatesTokenCount") + reply_count(usage, "thoughtsTokenCount");
}

/* "47s", "1.5s". */
static int64_t duration_ms(const char *text) {
    char *end;
    double seconds;
    if (!text || *text < '0' || *text > '9') return -1;
    seconds = strtod(text, &end);
    return seconds < 86400 && strcmp(end, "s") == 0 ? (int64_t)ceil(seconds * 1000) : -1;
}

static bool names_day(const json_t *quota) {
    size_t i;
    json_t *violation;
    json_array_foreach(json_object_get(quota, "violations"), i, violation) {
        const char *id = json_string_value(json_object_get(violation, "quotaId"));
        if (id && strstr(id, "PerDay")) return true;
    }
    return false;
}

static void read_details(const json_t *details, reply *r) {
    size_t i;
    json_t *detail;
    json_array_foreach(details, i, detail) {
        const char *type = json_string_value(json_object_get(detail, "@type"));
        if (!type) continue;
        if (strstr(type, "google.rpc.RetryInfo"))
            r->retry_ms = duration_ms(json_string_value(json_object_get(detail, "retryDelay")));
        if (strstr(type, "google.rpc.QuotaFailure")) r->is_daily = r->is_daily || names_day(detail);
    }
}

static void read_error(const json_t *error, const http_facts *facts, reply *r) {
    const char *message = json_string_value(json_object_get(error, "message"));
    const char *status = json_string_value(json_object_get(error, "status"));
    int code = (int)reply_count(error, "code");
    reply_kind kind = reply_kind_of_status(code >= 400 ? code : facts->status == 200 ? 500 : facts->status);
    if (status && strcmp(status, "RESOURCE_EXHAUSTED") == 0) kind = REPLY_LIMITED;
    read_details(json_object_get(error, "details"), r);
    if (r->retry_ms < 0) r->retry_ms = reply_retry_after_ms(facts);
    reply_say(r, kind, "%d %s: %.300s", code ? code : facts->status, status ? status : "", message ? message : "");
}

/* Of this question the model will give nothing else; what is not on either list is a failure, too. */
static bool is_worth_retrying(const char *reason) {
    static const char *const list[] = {"OTHER", "MALFORMED_RESPONSE", "MALFORMED_FUNCTION_CALL",
                                       "FINISH_REASON_UNSPECIFIED"};
    for (size_t i = 0; i < sizeof list / sizeof *list; i++)
        if (strcmp(reason, list[i]) == 0) return true;
    return false;
}

static err join_parts(const json_t *candidate, char **text) {
    size_t i;
    json_t *part;
    json_array_foreach(json_object_get(json_object_get(candidate, "content"), "parts"), i, part) {
        const char *more = json_string_value(json_object_get(part, "text"));
        err e = !more || json_is_true(json_object_get(part, "thought")) ? OK : reply_append(text, more);
        if (e != OK) return e;
    }
    return OK;
}

static void read_candidate(const json_t *candidate, reply *r) {
    const char *reason = json_string_value(json_object_get(candidate, "finishReason"));
    if (join_parts(candidate, &r->text) != OK) {
        reply_say(r, REPLY_TROUBLE, "out of memory");
    } else if (!reason) {
        reply_say(r, REPLY_TROUBLE, "an answer without a finishReason");
    } else if (strcmp(reason, "MAX_TOKENS") == 0) {
        reply_say(r, REPLY_CUT,
                  "the answer ran into the limit of output tokens (AI_MAX_OUTPUT_TOKENS; thinking counts)");
    } else if (strcmp(reason, "STOP") != 0) {
        reply_say(r, is_worth_retrying(reason) ? REPLY_TROUBLE : REPLY_REFUSED, "the model ended with %.60s", reason);
    } else if (!r->text) {
        reply_say(r, REPLY_TROUBLE, "an answer without a text");
    } else {
        r->kind = REPLY_ANSWER;
    }
    if (r->kind != REPLY_ANSWER && r->kind != REPLY_CUT) reply_deinit(r);
}

void gemini_read(const http_facts *facts, reply *r) {
    json_t *body = reply_body(facts), *error = json_object_get(body, "error"), *candidate;
    const char *version = json_string_value(json_object_get(body, "modelVersion"));
    const char *blocked = json_string_value(json_object_get(json_object_get(body, "promptFeedback"), "blockReason"));
    reply_init(r);
    read_usage(body, r);
    snprintf(r->model, sizeof r->model, "%s", version ? version : "");
    candidate = json_array_get(json_object_get(body, "candidates"), 0);
    if (error || facts->status != 200)
        read_error(error, facts, r);
    else if (!body)
        reply_say(r, REPLY_TROUBLE, "an answer that is no JSON object (%zu bytes)", facts->body_bytes);
    else if (blocked)
        reply_say(r, REPLY_REFUSED, "the prompt was blocked: %.60s", blocked);
    else if (!json_is_object(candidate))
        reply_say(r, REPLY_TROUBLE, "an answer without candidates");
    else
        read_candidate(candidate, r);
    json_decref(body);
}
