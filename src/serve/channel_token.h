/* How long a client stays known: as long as its token would be taken. The machine's has no end. Before a user's ends the client
 * is told (`token_expiring`), and may show a later one on the same channel; without one it is closed with 4401.
 * Threads: the loop's. */
#pragma once
#include "serve/channel_body.h"

/* It has become known by a token that ends then (gate_answer). */
void channel_token_begin(channel_client *client, int64_t expires_s);
/* It shows another token. A wrong one changes nothing: the first is good for as long as it was. */
void channel_token_renew(channel_client *client, const channel_request *request);
/* Its timer, while it is known: tells it, or closes it, when it is time. */
void channel_token_look(channel_client *client);
