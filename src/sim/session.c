/* Control messages are JSON objects in any key order, so a frame is read once for its keys, remembering where `params`
 * stands, and a second time there once the method is known. */
#include "sim/session.h"
#include "base/json_reader.h"
#include "sim/limits.h"
#include <stdlib.h>
#include <string.h>

enum { MAX_ID_BYTES = 36 };

typedef enum method { METHOD_NONE, SUBSCRIBE, UNSUBSCRIBE, LIST_SUBSCRIPTIONS, SET_PROPERTY, GET_PROPERTY } method;
static const char *const method_names[] = {
    "", "SUBSCRIBE", "UNSUBSCRIBE", "LIST_SUBSCRIPTIONS", "SET_PROPERTY", "GET_PROPERTY"};
enum { N_METHODS = sizeof method_names / sizeof method_names[0] };

enum { UNKNOWN_PROPERTY, WRONG_TYPE, INVALID_REQUEST, INVALID_JSON }; /* the exchange's codes */

typedef struct control {
    method method;
    const char *params; /* NULL when absent */
    size_t params_bytes;
    const char *id; /* as it stood in the message */
    size_t id_bytes;
    writer *reply;
} control;

static bool read_control(control *c, const char *frame, size_t bytes);
static void answer_streams(session *s, control *c);
static void answer_list(const session *s, control *c);
static void answer_property(session *s, control *c);
static void reply_result(control *c, const char *result);
static void reply_error(control *c, int code, const char *message);
static size_t find_entry(const session *s, const char *name, size_t bytes);

void session_init(session *s, source *from, const venue *v, venue_part part, tape *t, channels *c, void *subscriber,
                  bool is_combined) {
    *s = (session){.source = from,
                   .venue = v,
                   .part = part,
                   .tape = t,
                   .channels = c,
                   .subscriber = subscriber,
                   .is_combined = is_combined};
}

void session_deinit(session *s) {
    for (size_t i = 0; i < s->count; i++) {
        channels_remove(s->channels, &s->entries[i].stream, s->subscriber);
        free(s->entries[i].name);
    }
    free(s->entries);
    *s = (session){0};
}

err session_subscribe(session *s, const char *name, size_t bytes) {
    session_entry entry;
    err e = stream_parse(s->source, s->venue, s->part, name, bytes, &entry.stream);
    if (e != OK || find_entry(s, name, bytes) < s->count) return e;
    if (s->count == LIMIT_STREAMS) return ERR_FULL;
    if (s->count == s->capacity) {
        size_t capacity = s->capacity ? 2 * s->capacity : 16;
        session_entry *entries = realloc(s->entries, capacity * sizeof *entries);
        if (!entries) return ERR_NO_MEMORY;
        s->entries = entries;
        s->capacity = capacity;
    }
    entry.name = strndup(name, bytes);
    if (!entry.name) return ERR_NO_MEMORY;
    e = channels_add(s->channels, &entry.stream, s->subscriber);
    if (e == OK && entry.stream.kind == STREAM_KLINE)
        e = tape_track(s->tape, entry.stream.symbol, entry.stream.interval);
    if (e != OK) {
        channels_remove(s->channels, &entry.stream, s->subscriber);
        free(entry.name);
        return e;
    }
    s->entries[s->count++] = entry;
    return OK;
}

err session_subscribe_all(session *s, const char *names) {
    for (const char *at = names; *at;) {
        size_t bytes = strcspn(at, "/");
        err e = bytes > 0 ? session_subscribe(s, at, bytes) : OK;
        if (e != OK) return e;
        at += bytes + (at[bytes] == '/');
    }
    return OK;
}

void session_unsubscribe(session *s, const char *name, size_t bytes) {
    size_t i = find_entry(s, name, bytes);
    if (i == s->count) return;
    channels_remove(s->channels, &s->entries[i].stream, s->subscriber);
    free(s->entries[i].name);
    memmove(&s->entries[i], &s->entries[i + 1], (--s->count - i) * sizeof *s->entries);
}

void session_control(session *s, const char *frame, size_t bytes, writer *reply) {
    control c = {.reply = reply};
    writer_clear(reply);
    if (bytes > LIMIT_CONTROL_BYTES || !read_control(&c, frame, bytes)) return;
    switch (c.method) {
    case SUBSCRIBE:
    case UNSUBSCRIBE: answer_streams(s, &c); break;
    case LIST_SUBSCRIPTIONS: answer_list(s, &c); break;
    case SET_PROPERTY:
    case GET_PROPERTY: answer_property(s, &c); break;
    case METHOD_NONE: break;
    }
}

/* ---- reading ---- */

static bool is_alphanumeric(json_slice s) {
    for (uint32_t i = 0; i < s.bytes; i++) {
        char c = s.at[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_'))
            return false;
    }
    return s.bytes <= MAX_ID_BYTES;
}

/* int64, a short word, or null; anything else is refused. The bytes are kept, to be echoed as they came. */
static bool read_id(json_reader *r, control *c) {
    json_slice word;
    int64_t number;
    char kind = json_peek(r);
    const char *start = r->at;
    bool is_good;
    if (kind == '"')
        is_good = json_string(r, &word) && is_alphanumeric(word);
    else if (kind == '0')
        is_good = json_int64(r, &number);
    else
        is_good = json_skip(r) && kind == 'n';
    if (!is_good) return false;
    c->id = start;
    c->id_bytes = (size_t)(r->at - start);
    return true;
}

static bool read_method(json_reader *r, control *c) {
    json_slice word;
    if (json_peek(r) != '"') {
        json_skip(r);
        return false;
    }
    if (!json_string(r, &word)) return false;
    for (int i = 1; i < N_METHODS; i++)
        if (json_equals(word, method_names[i])) c->method = (method)i;
    return c->method != METHOD_NONE;
}

static void read_params(json_reader *r, control *c) {
    json_peek(r);
    c->params = r->at;
    json_skip(r);
    c->params_bytes = (size_t)(r->at - c->params);
}

/* All keys of the object. The first fault of meaning, or NULL; it is read to its end all the same, for the id. */
static const char *read_keys(json_reader *r, control *c) {
    const char *wrong = NULL;
    json_slice key;
    bool has_method = false;
    while (json_next_key(r, &key)) {
        const char *fault = NULL;
        if (json_equals(key, "id")) {
            if (!read_id(r, c)) fault = "Invalid request: request ID must be an integer, a short string or null";
        } else if (json_equals(key, "method")) {
            has_method = true;
            if (!read_method(r, c))
                fault = "Invalid request: unknown variant, expected one of `SUBSCRIBE`, `UNSUBSCRIBE`, "
                        "`LIST_SUBSCRIPTIONS`, `SET_PROPERTY`, `GET_PROPERTY`";
        } else if (json_equals(key, "params")) {
            read_params(r, c);
        } else {
            json_skip(r);
            fault = "Invalid request: unknown field";
        }
        if (!wrong) wrong = fault;
    }
    return wrong || has_method ? wrong : "Invalid request: missing field `method`";
}

static bool read_control(control *c, const char *frame, size_t bytes) {
    json_reader r;
    const char *wrong = "Invalid request: expected an object";
    json_reader_init(&r, frame, bytes);
    bool is_object = json_peek(&r) == '{';
    if (is_object && json_enter_object(&r))
        wrong = read_keys(&r, c);
    else if (!is_object)
        json_skip(&r);
    if (!json_finish(&r)) { /* a fault of form outranks any fault of meaning */
        c->id = NULL;
        reply_error(c, INVALID_JSON, "Invalid JSON: expected value");
        return false;
    }
    if (wrong) reply_error(c, INVALID_REQUEST, wrong);
    return !wrong;
}

/* ---- answering ---- */

static bool is_valid_list(const session *s, const control *c) {
    json_reader r;
    json_slice name;
    stream parsed;
    json_reader_init(&r, c->params, c->params_bytes);
    if (json_peek(&r) != '[' || !json_enter_array(&r)) return false;
    while (json_next_item(&r))
        if (json_peek(&r) != '"' || !json_string(&r, &name) ||
            stream_parse(s->source, s->venue, s->part, name.at, name.bytes, &parsed) != OK)
            return false;
    return json_finish(&r);
}

/* All or nothing: one bad name and none is changed. */
static void answer_streams(session *s, control *c) {
    json_reader r;
    json_slice name;
    err e = OK;
    if (!c->params) {
        reply_error(c, INVALID_REQUEST, "Invalid request: missing field `params`");
        return;
    }
    if (!is_valid_list(s, c)) {
        reply_error(c, INVALID_REQUEST, "Invalid request: invalid stream");
        return;
    }
    json_reader_init(&r, c->params, c->params_bytes);
    json_enter_array(&r);
    while (e == OK && json_next_item(&r) && json_string(&r, &name)) {
        if (c->method == SUBSCRIBE)
            e = session_subscribe(s, name.at, name.bytes);
        else
            session_unsubscribe(s, name.at, name.bytes);
    }
    if (e == OK)
        reply_result(c, "null");
    else
        reply_error(c, INVALID_REQUEST,
                    e == ERR_FULL ? "Invalid request: too many streams" : "Invalid request: out of memory");
}

static void answer_list(const session *s, control *c) {
    writer list = {0};
    writer_add(&list, "[");
    for (size_t i = 0; i < s->count; i++) {
        if (i > 0) writer_add(&list, ",");
        writer_add_json(&list, s->entries[i].name, strlen(s->entries[i].name));
    }
    writer_add_bytes(&list, "]", 2); /* with its end */
    if (list.failed)
        c->reply->failed = true;
    else
        reply_result(c, list.at);
    writer_free(&list);
}

/* ["combined", true] to set, ["combined"] to get. */
static void answer_property(session *s, control *c) {
    json_reader r;
    json_slice name;
    bool value;
    json_reader_init(&r, c->params ? c->params : "", c->params_bytes);
    if (json_peek(&r) != '[' || !json_enter_array(&r) || !json_next_item(&r) || json_peek(&r) != '"') {
        reply_error(c, INVALID_REQUEST, "Invalid request: property name must be a string");
        return;
    }
    if (!json_string(&r, &name) || !json_equals(name, "combined")) {
        reply_error(c, UNKNOWN_PROPERTY, "Unknown property");
        return;
    }
    if (c->method == GET_PROPERTY) {
        if (json_next_item(&r))
            reply_error(c, INVALID_REQUEST, "Invalid request: too many parameters");
        else
            reply_result(c, s->is_combined ? "true" : "false");
        return;
    }
    char kind = json_next_item(&r) ? json_peek(&r) : 0;
    if ((kind != 't' && kind != 'f') || !json_bool(&r, &value)) {
        reply_error(c, WRONG_TYPE, "Invalid value type: expected Boolean");
        return;
    }
    if (json_next_item(&r)) {
        reply_error(c, INVALID_REQUEST, "Invalid request: too many parameters");
        return;
    }
    s->is_combined = value;
    reply_result(c, "null");
}

static void add_id(control *c) {
    writer_add(c->reply, ",\"id\":");
    if (c->id)
        writer_add_bytes(c->reply, c->id, c->id_bytes);
    else
        writer_add(c->reply, "null");
    writer_add(c->reply, "}");
}

static void reply_result(control *c, const char *result) {
    writer_add(c->reply, "{\"result\":");
    writer_add(c->reply, result);
    add_id(c);
}

static void reply_error(control *c, int code, const char *message) {
    writer_add_format(c->reply, "{\"code\":%d,\"msg\":", code);
    writer_add_json(c->reply, message, strlen(message));
    add_id(c);
}

static size_t find_entry(const session *s, const char *name, size_t bytes) {
    size_t i = 0;
    while (i < s->count && !(strncmp(s->entries[i].name, name, bytes) == 0 && s->entries[i].name[bytes] == '\0')) i++;
    return i;
}
