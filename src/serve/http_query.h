/* The parameters of a request's URL as what storage is asked for. What is missing has its default; anything unknown or
 * out of range is refused with a sentence of what is expected. Pure but for reading them from the connection. */
#pragma once
#include "serve/providers.h"
#include "sync/analysis_table.h"
#include "sync/event_table.h"
#include <libwebsockets.h>

/* Each gives NULL when all is fine, else what was expected. */
const char *http_query_signals(struct lws *wsi, signal_filter *out);
const char *http_query_trader_errors(struct lws *wsi, trader_error_filter *out);
const char *http_query_analyses(struct lws *wsi, analysis_filter *out);
const char *http_query_events(struct lws *wsi, event_filter *out);
const char *http_query_klines(struct lws *wsi, serve_bars *out);
const char *http_query_plots(struct lws *wsi, serve_bars *out);
