/* See reply.h. */
#include "analyzer/reply.h"
#include <curl/curl.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RETRY_MAX_MS = 86400000 };

void reply_init(reply *r) { *r = (reply){.kind = REPLY_TROUBLE, .retry_ms = -1}; }

void reply_deinit(reply *r) {
    free(r->text);
    r->text = NULL;
}

void reply_say(reply *r, reply_kind kind, const char *format, ...) {
    va_list args;
    va_start(args, format);
    vsnprintf(r->why, sizeof r->why, format, args);
    va_end(args);
    r->kind = kind;
}

json_t *reply_body(const http_facts *facts) {
    json_t *body = json_loadb(facts->body, facts->body_bytes, JSON_DECODE_INT_AS_REAL, NULL);
    if (json_is_array(body)) {
        json_t *first = json_incref(json_array_get(body, 0));
        json_decref(body);
        body = first;
    }
    if (json_is_object(body)) return body;
    json_decref(body);
    return NULL;
}

int64_t reply_count(const json_t *object, const char *key) {
    double n = json_number_value(json_object_get(object, key));
    return n >= 0 && n < 1e12 && n == floor(n) ? (int64_t)n : 0;
}

reply_kind reply_kind_of_status(int status) {
    if (status == 429) return REPLY_LIMITED;
    if (status == 408 || status >= 500) return REPLY_TROUBLE;
    return REPLY_DENIED;
}

int64_t reply_retry_after_ms(const http_facts *facts) {
    char *end;
    double seconds;
    time_t then, now;
    if (!facts->retry_after || !*facts->retry_after) return -1;
    seconds = strtod(facts->retry_after, &end);
    if (*end == 0) return seconds >= 0 && seconds * 1000 <= RETRY_MAX_MS ? (int64_t)ceil(seconds * 1000) : -1;
    then = curl_getdate(facts->retry_after, NULL);
    now = facts->date ? curl_getdate(facts->date, NULL) : -1;
    if (then < 0 || now < 0 || then < now || then - now > RETRY_MAX_MS / 1000) return -1;
    return (int64_t)(then - now) * 1000;
}

err reply_append(char **text, const char *more) {
    size_t old = *text ? strlen(*text) : 0, bytes = strlen(more);
    char *longer = realloc(*text, old + bytes + 1);
    if (!longer) return ERR_NO_MEMORY;
    memcpy(longer + old, more, bytes + 1);
    *text = longer;
    return OK;
}
