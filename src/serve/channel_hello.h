/* What a client is told once it has shown its token: the status at once, then hello with the last signals, and from there on
 * everything that is pushed.
 *
 *   status_update (no seq) ── signals are read ──► hello {seq} ──► what was pushed after that seq meanwhile ──► live
 *
 * The number of hello is drawn before the signals are read: what came earlier is among them, what comes later is pushed.
 * Threads: the loop's. */
#pragma once
#include "serve/channel_body.h"

void channel_hello_begin(channel_client *client);
