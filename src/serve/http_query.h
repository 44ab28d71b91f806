/* The parameters of a request's URL as what storage is asked for. What is missing has its default; anything unknown or
 * out of range is refused with a sentence of what is expected. Pure but for reading them from the connection. */
#pragma once
#include "sync/error_table.h"
#include "sync/signal_table.h"
#include <libwebsockets.h>

/* limit, before, symbol, trader, state. NULL: fine; else what was expected. */
const char *http_query_signals(struct lws *wsi, signal_filter *out);
/* limit, trader. */
const char *http_query_trader_errors(struct lws *wsi, trader_error_filter *out);
