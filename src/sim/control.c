#include "sim/control.h"
#include "base/log.h"
#include <string.h>

static void on_room(uv_handle_t *handle, size_t wanted, uv_buf_t *out);
static void on_bytes(uv_stream_t *stream, ssize_t n, const uv_buf_t *buffer);

err control_open(control *c, uv_loop_t *loop, void (*on_line)(void *context, const char *line), void *context) {
    c->on_line = on_line;
    c->context = context;
    c->pipe.data = c;
    uv_pipe_init(loop, &c->pipe, 0);
    c->is_open = true;
    bool is_good = uv_pipe_open(&c->pipe, 0) == 0 && uv_read_start((uv_stream_t *)&c->pipe, on_room, on_bytes) == 0;
    return is_good ? OK : ERR_IO;
}

void control_close(control *c) {
    if (!c->is_open) return;
    c->is_open = false;
    uv_close((uv_handle_t *)&c->pipe, NULL);
}

static void on_room(uv_handle_t *handle, size_t wanted, uv_buf_t *out) {
    control *c = handle->data;
    (void)wanted;
    *out = uv_buf_init(c->buffer, sizeof c->buffer);
}

static void end_line(control *c) {
    c->line[c->bytes] = '\0';
    if (c->bytes > 0) c->on_line(c->context, c->is_too_long ? "a line that is too long" : c->line);
    c->bytes = 0;
    c->is_too_long = false;
}

static void on_bytes(uv_stream_t *stream, ssize_t n, const uv_buf_t *buffer) {
    control *c = stream->data;
    for (ssize_t i = 0; i < n; i++) {
        if (buffer->base[i] == '\n')
            end_line(c);
        else if (c->bytes + 1 < sizeof c->line)
            c->line[c->bytes++] = buffer->base[i];
        else
            c->is_too_long = true;
    }
    if (n >= 0) return;
    if (n != UV_EOF) log_warn("control", "the door is closed: %s", uv_strerror((int)n));
    control_close(c);
}
