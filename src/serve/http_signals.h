/* Of HTTP: signals and analyses, as storage has them. Handlers: http_request.h. */
#pragma once
#include "serve/http_request.h"

void http_signals_list(http_api *api, http_request_state *r);
void http_signals_one(http_api *api, http_request_state *r);
void http_signals_analyze(http_api *api, http_request_state *r);
void http_signals_analyses(http_api *api, http_request_state *r);
