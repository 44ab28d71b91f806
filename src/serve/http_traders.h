/* Of HTTP: the traders. Which there are, their sources, and what becomes of them; scripts that are only tried. Handlers:
 * http_request.h. */
#pragma once
#include "serve/http_request.h"

void http_traders_list(http_api *api, http_request_state *r);
void http_traders_one(http_api *api, http_request_state *r);
void http_traders_errors(http_api *api, http_request_state *r);
void http_traders_create(http_api *api, http_request_state *r);
void http_traders_replace(http_api *api, http_request_state *r);
void http_traders_change(http_api *api, http_request_state *r);
void http_traders_remove(http_api *api, http_request_state *r);
void http_traders_validate(http_api *api, http_request_state *r);
void http_traders_look(http_api *api, http_request_state *r);
