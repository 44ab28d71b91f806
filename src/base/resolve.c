/* One uv_getaddrinfo request per call, on libuv's thread pool. */
#include "base/resolve.h"
#include <netdb.h>
#include <stdlib.h>

typedef struct resolution {
    uv_getaddrinfo_t request;
    resolve_done_fn on_done;
    void *context;
} resolution;

static err error_of(int status) {
    switch (status) {
    case 0: return OK;
    case UV_ENOMEM:
    case UV_EAI_MEMORY: return ERR_NO_MEMORY;
    case UV_EAI_NONAME:
    case UV_EAI_NODATA: return ERR_NOT_FOUND;
    case UV_ECANCELED:
    case UV_EAI_CANCELED: return ERR_CANCELLED;
    default: return ERR_NETWORK;
    }
}

static err first_address(const struct addrinfo *list, char *text, size_t bytes) {
    for (; list; list = list->ai_next) {
        int rc = list->ai_family == AF_INET    ? uv_ip4_name((const struct sockaddr_in *)list->ai_addr, text, bytes)
                 : list->ai_family == AF_INET6 ? uv_ip6_name((const struct sockaddr_in6 *)list->ai_addr, text, bytes)
                                               : UV_EAFNOSUPPORT;
        if (rc == 0) return OK;
    }
    return ERR_NOT_FOUND;
}

static void on_resolved(uv_getaddrinfo_t *request, int status, struct addrinfo *list) {
    resolution *r = request->data;
    char text[INET6_ADDRSTRLEN];
    err code = error_of(status);
    if (!code) code = first_address(list, text, sizeof text);
    uv_freeaddrinfo(list);
    r->on_done(r->context, code, code ? NULL : text);
    free(r);
}

err resolve(uv_loop_t *loop, const char *host, resolve_done_fn on_done, void *context) {
    resolution *r = malloc(sizeof *r);
    if (!r) return ERR_NO_MEMORY;
    *r = (resolution){.on_done = on_done, .context = context, .request.data = r};
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    int rc = uv_getaddrinfo(loop, &r->request, on_resolved, host, NULL, &hints);
    if (rc == 0) return OK;
    free(r);
    return rc == UV_ENOMEM ? ERR_NO_MEMORY : ERR_INVALID;
}
