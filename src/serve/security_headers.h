/* The headers that every answer carries, libwebsockets' own error pages included.
 *
 * One policy for all: what a page of ours may do is its own scripts, styles, pictures and connections, none of them
 * written into its text; nothing of another host, nothing in a frame. For JSON it means nothing. */
#pragma once
#include <libwebsockets.h>

/* A list as libwebsockets wants it. `is_public`: the daemon is reached by HTTPS alone, which browsers are to remember. */
const struct lws_protocol_vhost_options *security_headers(bool is_public);
/* As lines, "name: value\r\n", terminated with 0; returns their length, at most `room` - 1. */
size_t security_headers_write(char *out, size_t room, bool is_public);
