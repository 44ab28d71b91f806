/* Whoever was asked on behalf of a client answers later: its waiter knows the client, if that is still there.
 * Threads: the loop's. */
#pragma once
#include "serve/channel_body.h"

/* `id`: of the request, as JSON. NULL without memory. */
waiter *channel_wait_add(channel_client *client, const char *id);
/* Its client, or NULL when that has gone; the waiter is freed. */
channel_client *channel_wait_end(waiter *w);
/* The client goes: nobody is answered any more. */
void channel_wait_forget(channel_client *client);
/* The channel goes. */
void channel_wait_leave(channel *c);
