/* What a client that is known asks for, and its answer. Requests of others are the door's (channel.c).
 * Threads: the loop's. */
#pragma once
#include "serve/channel_body.h"

void channel_asked(channel_client *client, const channel_request *request);
/* The next message of a replay, borrowed; NULL: there is none under way, or it has just ended and is answered. */
message *channel_asked_replay(channel_client *client);
/* The client goes: its klines are nobody's. */
void channel_asked_forget(channel_client *client);
