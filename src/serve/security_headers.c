#include "serve/security_headers.h"
#include <stdio.h>

#define POLICY \
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; " \
    "connect-src 'self'; manifest-src 'self'; media-src 'self'; worker-src 'self'; base-uri 'none'; " \
    "form-action 'none'; frame-ancestors 'none'"

static const struct lws_protocol_vhost_options list[] = {
    {&list[1], NULL, "strict-transport-security:", "max-age=31536000"},
    {&list[2], NULL, "x-content-type-options:", "nosniff"},
    {&list[3], NULL, "x-frame-options:", "DENY"},
    {&list[4], NULL, "referrer-policy:", "no-referrer"},
    {&list[5], NULL, "cross-origin-opener-policy:", "same-origin"},
    {&list[6], NULL, "cross-origin-resource-policy:", "same-origin"},
    {&list[7], NULL, "permissions-policy:", "camera=(), geolocation=(), microphone=(), payment=(), usb=()"},
    {NULL, NULL, "content-security-policy:", POLICY},
};

const struct lws_protocol_vhost_options *security_headers(bool is_public) { return is_public ? list : list + 1; }

size_t security_headers_write(char *out, size_t room, bool is_public) {
    size_t at = 0;
    out[0] = 0;
    for (const struct lws_protocol_vhost_options *h = security_headers(is_public); h && at < room; h = h->next)
        at += (size_t)snprintf(out + at, room - at, "%s %s\r\n", h->name, h->value);
    return at < room ? at : room - 1;
}
