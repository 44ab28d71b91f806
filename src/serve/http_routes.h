/* Which paths there are, what each answers to which method, and how big a body may be. Pure. */
#pragma once
#include "serve/http_request.h"

typedef enum http_method { HTTP_GET, HTTP_POST, HTTP_PUT, HTTP_DELETE, HTTP_OTHER } http_method;

/* A path that ends in "/" stands for all that have a name behind it, and behind that `end`. */
typedef struct http_route {
    const char *path, *end; /* end NULL: nothing */
    handler_fn get, post, put, remove;
    size_t body_most; /* bytes; of a POST 0: it has no body */
} http_route;

/* NULL: there is nothing at this path. `name`: what stands for the name in it, else its last part. */
const http_route *http_route_find(const char *path, char name[HTTP_NAME_BYTES]);
/* NULL: not with this method. */
handler_fn http_route_handler(const http_route *route, http_method method);
/* The value of the header Allow; static. */
const char *http_route_allow(const http_route *route);
