/* libwebsockets on a loop, once for all streams of it.
 *
 * Once, because it cannot be had for a while: version 4.1.6 closes the descriptor of its event pipe twice when it goes,
 * the second time a round of the loop later, when the number may be another socket's or a database's. Also, the
 * certificates of the system are read and kept once.
 * Threads: the loop's. Ownership: sockets are plain data of their streams. */
#pragma once
#include "base/errors.h"
#include <libwebsockets.h>
#include <stdbool.h>
#include <uv.h>

typedef struct stream_library stream_library;

/* A stream's place for one connection. What the library reports of a connection that has no place concerns nobody. */
typedef struct stream_socket {
    struct lws *wsi; /* NULL: none */
    int (*on_report)(void *context, enum lws_callback_reasons reason, void *in, size_t bytes);
    void *context;
    struct stream_socket *next; /* the library's */
} stream_socket;

enum { STREAM_LIBRARY_MAX = 256 }; /* connections, those that are being closed included */

/* `ca_file`: certificates to trust instead of the system's; NULL in production. ERR_NO_MEMORY. */
MUST_CHECK err stream_library_open(uv_loop_t *loop, const char *ca_file, stream_library **out);
void stream_library_add(stream_library *l, stream_socket *socket);
/* Closes the connection that there is, later; nothing of it is reported any more. */
void stream_library_remove(stream_library *l, stream_socket *socket);
/* Connects to an address; `info` needs neither context nor protocol. False: it could not be begun; that has been
 * reported already unless the socket has still no connection. */
bool stream_library_connect(stream_library *l, stream_socket *socket, struct lws_client_connect_info info);
/* Closes the connection from the loop, never from inside a report of it; its end is reported. */
void stream_library_drop(stream_library *l, const stream_socket *socket);
/* All sockets have been removed. `on_closed` when the last handle is gone, then it is freed. */
void stream_library_close(stream_library *l, void (*on_closed)(void *context), void *context);
