#include "serve/http_market.h"
#include "serve/http_query.h"

/* What is asked of the daemon with a list of bars in mind. */
static void ask(http_api *api, http_request_state *r, const char *problem, const serve_bars *bars,
                void (*provider)(void *context, const serve_bars *bars, serve_reply reply)) {
    if (problem)
        http_answer_problem(&r->answer, 400, "%s", problem);
    else if (!provider)
        http_request_refuse(r);
    else
        provider(api->providers.context, bars, http_request_reply(r));
}

void http_market_klines(http_api *api, http_request_state *r) {
    serve_bars bars;
    const char *problem = http_query_klines(r->wsi, &bars);
    ask(api, r, problem, &bars, api->providers.klines);
}

void http_market_plots(http_api *api, http_request_state *r) {
    serve_bars bars;
    const char *problem = http_query_plots(r->wsi, &bars);
    ask(api, r, problem, &bars, api->providers.plots);
}

void http_market_symbols(http_api *api, http_request_state *r) {
    if (api->providers.symbols)
        api->providers.symbols(api->providers.context, http_request_reply(r));
    else
        http_request_refuse(r);
}
