#include "serve/channel_request.h"
#include <jansson.h>
#include <stdio.h>
#include <string.h>

/* Reads what the type wants of `data`, an object or NULL. */
typedef err (*read_fn)(const json_t *data, channel_request *out, diag *why);

static err read_token(const json_t *data, channel_request *out, diag *why);
static err read_place(const json_t *data, channel_request *out, diag *why);
static err read_topic(const json_t *data, channel_request *out, diag *why);
static err read_topic_or_all(const json_t *data, channel_request *out, diag *why);
static err read_update(const json_t *data, channel_request *out, diag *why);

static const struct {
    const char *name;
    request_type type;
    read_fn read; /* NULL: it wants nothing */
} TYPES[] = {
    {"auth", REQUEST_AUTH, read_token},
    {"ping", REQUEST_PING, NULL},
    {"pong", REQUEST_PONG, NULL},
    {"resume", REQUEST_RESUME, read_place},
    {"subscribe", REQUEST_SUBSCRIBE, read_topic},
    {"unsubscribe", REQUEST_UNSUBSCRIBE, read_topic_or_all},
    {"pause_execution", REQUEST_PAUSE, NULL},
    {"resume_execution", REQUEST_GO_ON, NULL},
    {"force_sync", REQUEST_FORCE_SYNC, NULL},
    {"config_update", REQUEST_CONFIG_UPDATE, read_update},
};

/* A text that fits whole; false: it is none, or does not. */
static bool copy_text(const json_t *value, char *out, size_t out_bytes) {
    size_t bytes = json_string_length(value);
    if (!json_is_string(value) || bytes == 0 || bytes >= out_bytes) return false;
    memcpy(out, json_string_value(value), bytes + 1);
    return true;
}

/* ---- data ---- */

static err read_token(const json_t *data, channel_request *out, diag *why) {
    (void)why; /* whoever judges it says no more than that it is wrong */
    if (!copy_text(json_object_get(data, "token"), out->token, sizeof out->token)) *out->token = 0;
    return OK;
}

static err read_place(const json_t *data, channel_request *out, diag *why) {
    const json_t *seq = json_object_get(data, "seq");
    if (!copy_text(json_object_get(data, "session"), out->session, sizeof out->session))
        return diag_set(why, ERR_INVALID, "resume: expected the session that hello has named");
    if (!json_is_integer(seq) || json_integer_value(seq) < 0)
        return diag_set(why, ERR_INVALID, "resume: expected seq, the last one that was seen: an integer from 0");
    out->seq = (uint64_t)json_integer_value(seq);
    return OK;
}

static err read_topic(const json_t *data, channel_request *out, diag *why) {
    const json_t *interval = json_object_get(data, "interval");
    if (!copy_text(json_object_get(data, "symbol"), out->symbol, sizeof out->symbol))
        return diag_set(why, ERR_INVALID, "expected a symbol, such as \"BTCUSDT\"");
    out->interval =
        json_is_string(interval) ? interval_parse(json_string_value(interval), json_string_length(interval)) : -1;
    return out->interval >= 0 ? OK : diag_set(why, ERR_INVALID, "expected an interval, such as \"5m\"");
}

static err read_topic_or_all(const json_t *data, channel_request *out, diag *why) {
    bool names_any = json_object_get(data, "symbol") || json_object_get(data, "interval");
    return names_any ? read_topic(data, out, why) : OK;
}

/* The original counts its versions; others name theirs. */
static err read_update(const json_t *data, channel_request *out, diag *why) {
    const json_t *traders = json_object_get(data, "traders"), *version = json_object_get(data, "version");
    if (traders && !json_is_array(traders))
        return diag_set(why, ERR_INVALID, "config_update: expected traders, a list");
    out->has_traders = traders != NULL;
    if (!version || json_is_null(version)) return OK;
    size_t bytes = json_is_string(version) || json_is_number(version)
                       ? json_dumpb(version, out->version, sizeof out->version - 1, JSON_COMPACT | JSON_ENCODE_ANY)
                       : 0;
    if (bytes == 0 || bytes >= sizeof out->version) {
        *out->version = 0;
        return diag_set(why, ERR_INVALID, "config_update: expected version, a number or a short text");
    }
    out->version[bytes] = 0;
    return OK;
}

/* ---- the message ---- */

static err read_id(const json_t *root, channel_request *out, diag *why) {
    const json_t *id = json_object_get(root, "id");
    bool is_one = json_is_integer(id) || (json_is_string(id) && json_string_length(id) <= REQUEST_ID_TEXT);
    if (!id || json_is_null(id)) return OK;
    if (!is_one) return diag_set(why, ERR_INVALID, "expected an id that is an integer or a text of at most 64 bytes");
    size_t bytes = json_dumpb(id, out->id, sizeof out->id - 1, JSON_COMPACT | JSON_ENCODE_ANY | JSON_ENSURE_ASCII);
    if (bytes >= sizeof out->id) bytes = 0;
    out->id[bytes] = 0;
    return bytes ? OK : ERR_NO_MEMORY;
}

static err read_root(const json_t *root, channel_request *out, diag *why) {
    const char *type = json_string_value(json_object_get(root, "type"));
    const json_t *data = json_object_get(root, "data");
    err e;
    if (!type) return diag_set(why, ERR_SYNTAX, "expected JSON: {\"type\":\"...\",\"data\":{...}}");
    e = read_id(root, out, why);
    if (e != OK) return e;
    for (size_t i = 0; i < sizeof TYPES / sizeof TYPES[0]; i++) {
        if (strcmp(type, TYPES[i].name) != 0) continue;
        out->type = TYPES[i].type;
        if (data && !json_is_null(data) && !json_is_object(data))
            return diag_set(why, ERR_INVALID, "%s: expected data, an object", type);
        return TYPES[i].read ? TYPES[i].read(data, out, why) : OK;
    }
    return diag_set(why, ERR_NOT_FOUND, "this type of message is not known here");
}

err channel_request_parse(const char *text, size_t bytes, channel_request *out, diag *why) {
    *out = (channel_request){.type = REQUEST_BARE_PING};
    if (bytes == 4 && memcmp(text, "ping", 4) == 0) return OK;
    json_t *root = json_loadb(text, bytes, JSON_REJECT_DUPLICATES, NULL);
    err e = read_root(root, out, why);
    json_decref(root);
    return e;
}

char *channel_request_traders(const char *text, size_t bytes) {
    json_t *root = json_loadb(text, bytes, JSON_REJECT_DUPLICATES, NULL);
    const json_t *traders = json_object_get(json_object_get(root, "data"), "traders");
    char *list = json_is_array(traders) ? json_dumps(traders, JSON_COMPACT) : NULL;
    json_decref(root);
    return list;
}
