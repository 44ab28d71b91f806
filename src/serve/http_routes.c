#include "serve/http_routes.h"
#include "serve/http_machine.h"
#include "serve/http_market.h"
#include "serve/http_signals.h"
#include "serve/http_traders.h"
#include <stdio.h>
#include <string.h>

enum { SMALL = 64 * 1024, SCRIPT = 256 * 1024 /* room for a script with every byte escaped */ };

/* The first that fits counts: what has a name of its own stands before those with any name. */
static const http_route routes[] = {
    {.path = "/health", .get = http_machine_health},
    {.path = "/ready", .get = http_machine_ready},
    {.path = "/ws", .get = http_machine_channel},
    {.path = "/metrics", .get = http_machine_metrics},
    {.path = "/api/v1/openapi.json", .get = http_machine_openapi},
    {.path = "/api/v1/status", .get = http_machine_status},
    {.path = "/api/v1/events", .get = http_machine_events},
    {.path = "/api/v1/outbox", .get = http_machine_outbox},
    {.path = "/api/v1/screener/workers",
     .get = http_machine_workers,
     .post = http_machine_set_workers,
     .body_most = SMALL},
    {.path = "/api/v1/signals", .get = http_signals_list},
    {.path = "/api/v1/signals/", .end = "/analyze", .post = http_signals_analyze},
    {.path = "/api/v1/signals/", .get = http_signals_one},
    {.path = "/api/v1/analyses", .get = http_signals_analyses},
    {.path = "/api/v1/klines", .get = http_market_klines},
    {.path = "/api/v1/plots", .get = http_market_plots},
    {.path = "/api/v1/symbols", .get = http_market_symbols},
    {.path = "/api/v1/traders", .get = http_traders_list, .post = http_traders_create, .body_most = SCRIPT},
    {.path = "/api/v1/traders/errors", .get = http_traders_errors, .post = http_traders_change, .body_most = SMALL},
    {.path = "/api/v1/traders/validate", .post = http_traders_validate, .body_most = SCRIPT},
    {.path = "/api/v1/traders/look", .post = http_traders_look, .body_most = SCRIPT},
    {.path = "/api/v1/traders/",
     .get = http_traders_one,
     .post = http_traders_change,
     .put = http_traders_replace,
     .remove = http_traders_remove,
     .body_most = SCRIPT},
};

static bool takes_name(const http_route *r) { return r->path[1] && r->path[strlen(r->path) - 1] == '/'; }

static bool is_named(const http_route *r, const char *path, char name[HTTP_NAME_BYTES]) {
    size_t before = strlen(r->path), behind = r->end ? strlen(r->end) : 0, bytes = strlen(path);
    if (bytes <= before + behind || bytes - before - behind >= HTTP_NAME_BYTES) return false;
    size_t n = bytes - before - behind;
    if (strncmp(path, r->path, before) != 0 || memchr(path + before, '/', n) ||
        (r->end && strcmp(path + before + n, r->end) != 0))
        return false;
    memcpy(name, path + before, n);
    name[n] = 0;
    return true;
}

const http_route *http_route_find(const char *path, char name[HTTP_NAME_BYTES]) {
    const char *last = strrchr(path, '/');
    for (size_t i = 0; i < sizeof routes / sizeof *routes; i++) {
        const http_route *r = &routes[i];
        if (takes_name(r) ? !is_named(r, path, name) : strcmp(r->path, path) != 0) continue;
        if (!takes_name(r)) snprintf(name, HTTP_NAME_BYTES, "%s", last ? last + 1 : path);
        return r;
    }
    return NULL;
}

handler_fn http_route_handler(const http_route *route, http_method method) {
    const handler_fn by_method[] = {
        [HTTP_GET] = route->get, [HTTP_POST] = route->post, [HTTP_PUT] = route->put, [HTTP_DELETE] = route->remove};
    return method == HTTP_OTHER ? NULL : by_method[method];
}

const char *http_route_allow(const http_route *route) {
    if (route->put) return "GET, HEAD, POST, PUT, DELETE";
    if (!route->post) return "GET, HEAD";
    return route->get ? "GET, HEAD, POST" : "POST";
}
