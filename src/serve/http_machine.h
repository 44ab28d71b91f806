/* Of HTTP: the machine itself. Its state, workers, events, outbox, and the paths that need no token. Handlers: http_request.h. */
#pragma once
#include "serve/http_request.h"

void http_machine_channel(http_api *api, http_request_state *r);
void http_machine_health(http_api *api, http_request_state *r);
void http_machine_ready(http_api *api, http_request_state *r);
void http_machine_metrics(http_api *api, http_request_state *r);
void http_machine_openapi(http_api *api, http_request_state *r);
void http_machine_status(http_api *api, http_request_state *r);
void http_machine_events(http_api *api, http_request_state *r);
void http_machine_outbox(http_api *api, http_request_state *r);
void http_machine_workers(http_api *api, http_request_state *r);
void http_machine_set_workers(http_api *api, http_request_state *r);
