/* An array and an index. Several connections may fail at the same host at once: only the first of them moves on. */
#include "binance/stream_hosts.h"
#include "base/url.h"
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct stream_hosts {
    endpoint all[STREAM_HOSTS_MAX];
    size_t n, current;
};

static err parse_url(const char *url, endpoint *out, diag *why) {
    if (!url_is_base(url, "ws", "wss"))
        return diag_set(why, ERR_INVALID, "\"%s\" is no stream host; expected ws(s)://HOST[:PORT][/PATH]", url);
    out->is_secure = strncmp(url, "wss://", 6) == 0;
    const char *host = url + (out->is_secure ? 6 : 5);
    bool is_bracketed = *host == '[';
    host += is_bracketed;
    size_t n = strcspn(host, is_bracketed ? "]" : ":/");
    char *end = (char *)host + n + is_bracketed;
    long port = out->is_secure ? 443 : 80;
    if (*end == ':') port = strtol(end + 1, &end, 10);
    size_t path_bytes = strlen(end);
    while (path_bytes > 0 && end[path_bytes - 1] == '/') path_bytes--;
    out->port = (int)port;
    out->host = strndup(host, n);
    if (asprintf(&out->path, "%.*s/stream", (int)path_bytes, end) < 0) out->path = NULL;
    return out->host && out->path ? OK : diag_set(why, ERR_NO_MEMORY, "out of memory");
}

err stream_hosts_new(const char *const *urls, stream_hosts **out, diag *why) {
    size_t n = 0;
    while (urls[n]) n++;
    if (n == 0 || n > STREAM_HOSTS_MAX)
        return diag_set(why, ERR_INVALID, "%zu stream hosts; expected 1 to %d", n, STREAM_HOSTS_MAX);
    stream_hosts *h = calloc(1, sizeof *h);
    if (!h) return diag_set(why, ERR_NO_MEMORY, "out of memory");
    err error = OK;
    while (!error && h->n < n) {
        error = parse_url(urls[h->n], &h->all[h->n], why);
        h->n++; /* also then: what was copied of it is freed with the rest */
    }
    if (error) {
        stream_hosts_free(h);
        return error;
    }
    *out = h;
    return OK;
}

void stream_hosts_free(stream_hosts *h) {
    if (!h) return;
    for (size_t i = 0; i < h->n; i++) {
        free(h->all[i].host);
        free(h->all[i].path);
    }
    free(h);
}

const endpoint *stream_hosts_current(const stream_hosts *h) { return &h->all[h->current]; }

static void refuse(stream_hosts *h, const char *host, int64_t now_ms) {
    for (size_t i = 0; i < h->n; i++)
        if (strcmp(h->all[i].host, host) == 0) h->all[i].refused_until_ms = now_ms + STREAM_HOSTS_REFUSED_MS;
}

bool stream_hosts_fail(stream_hosts *h, const endpoint *tried, int http_status, int64_t now_ms) {
    size_t n = h->n, from = h->current;
    assert(n > 0);
    if (http_status == 451 || http_status == 403) refuse(h, tried->host, now_ms);
    if (tried != &h->all[h->current]) return false;
    for (size_t i = 1; i <= n; i++) {
        size_t next = (from + i) % n;
        if (h->all[next].refused_until_ms > now_ms) continue;
        h->current = next;
        return next != from;
    }
    h->current = (from + 1) % n; /* all refuse: in turn, at the pace of the backoff */
    return h->current != from;
}
