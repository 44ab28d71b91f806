/* Of HTTP: the market as it is now. Candles, plots of traders over them, all symbols. Handlers: http_request.h. */
#pragma once
#include "serve/http_request.h"

void http_market_klines(http_api *api, http_request_state *r);
void http_market_plots(http_api *api, http_request_state *r);
void http_market_symbols(http_api *api, http_request_state *r);
