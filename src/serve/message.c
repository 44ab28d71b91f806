#include "serve/message.h"
#include <libwebsockets.h>
#include <stdlib.h>
#include <string.h>

void message_begin(json_writer *w, const char *type, uint64_t seq) {
    json_writer_init(w);
    json_write_object(w);
    json_put_text(w, "type", type);
    if (seq) json_put_integer(w, "seq", (int64_t)seq);
    json_write_key(w, "data");
    json_write_object(w);
}

void message_end(json_writer *w) {
    json_write_object_end(w);
    json_write_object_end(w);
}

static message *copy(const char *text, size_t bytes) {
    message *m = malloc(sizeof *m + LWS_PRE + bytes);
    if (!m) return NULL;
    *m = (message){.n_references = 1, .bytes = bytes};
    memcpy(m->room + LWS_PRE, text, bytes);
    return m;
}

message *message_new(json_writer *w, message_kind kind, uint64_t seq) {
    const char *text = json_writer_text(w);
    message *m = text ? copy(text, w->bytes) : NULL;
    json_writer_deinit(w);
    if (!m) return NULL;
    m->kind = kind;
    m->seq = seq;
    return m;
}

message *message_new_text(const char *text) { return copy(text, strlen(text)); }

message *message_acquire(message *m) {
    m->n_references++;
    return m;
}

void message_release(message *m) {
    if (m && --m->n_references == 0) free(m);
}

unsigned char *message_text(message *m) { return m->room + LWS_PRE; }
