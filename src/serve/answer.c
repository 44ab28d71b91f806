#include "serve/answer.h"

static message *write(const char *type, const char *id, const char *data) {
    json_writer w;
    json_writer_init(&w);
    json_write_object(&w);
    json_put_text(&w, "type", type);
    if (*id) json_put_raw(&w, "id", id);
    json_put_raw(&w, "data", data ? data : "{}");
    json_write_object_end(&w);
    return message_new(&w, MESSAGE_KEPT, 0);
}

message *answer_ack(const char *id, const char *data) { return write("ack", id, data); }
message *answer_pong(const char *id) { return write("pong", id, NULL); }

message *answer_error(const char *id, const char *code, const char *text) {
    json_writer w;
    json_writer_init(&w);
    json_write_object(&w);
    json_put_text(&w, "message", text);
    json_put_text(&w, "code", code);
    json_write_object_end(&w);
    message *m = json_writer_text(&w) ? write("error", id, json_writer_text(&w)) : NULL;
    json_writer_deinit(&w);
    return m;
}
