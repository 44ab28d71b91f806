/* A host is left after two failures in a row: one may be a restart of a single machine behind it. The way back to the
 * first is a trial with a wait that doubles, so that a host which is down for a day costs one call an hour.
 * Where one host answers 451 all of its kind do; hosts that serve market data alone are open everywhere. */
#include "binance/rest_hosts.h"
#include <stdlib.h>
#include <string.h>

enum { FAILURES_TO_LEAVE = 2 };
static const int64_t RETURN_BASE_MS = 600000, RETURN_CAP_MS = 3600000;

static bool is_data_only(const venue *v, const char *url) {
    for (size_t i = 0; i < v->n_rest_hosts; i++)
        if (strcmp(v->rest_hosts[i].url, url) == 0) return v->rest_hosts[i].is_market_data_only;
    return false;
}

static err add(rest_hosts *h, const venue *v, const char *url, diag *why) {
    size_t bytes = strlen(url);
    if (strncmp(url, "http://", 7) != 0 && strncmp(url, "https://", 8) != 0)
        return diag_set(why, ERR_INVALID, "\"%s\" is no http or https address", url);
    if (h->n == VENUE_MAX_HOSTS) return diag_set(why, ERR_TOO_BIG, "more than %d REST hosts", VENUE_MAX_HOSTS);
    while (bytes > 0 && url[bytes - 1] == '/') bytes--;
    char *copy = strndup(url, bytes);
    if (!copy) return diag_set(why, ERR_NO_MEMORY, "out of memory");
    h->hosts[h->n++] = (host_entry){.url = copy, .is_market_data_only = is_data_only(v, copy)};
    return OK;
}

err rest_hosts_init(rest_hosts *h, const venue *v, const char *const *urls, size_t n, diag *why) {
    err e = OK;
    *h = (rest_hosts){.return_wait_ms = RETURN_BASE_MS};
    for (size_t i = 0; i < n && e == OK; i++) e = add(h, v, urls[i], why);
    for (size_t i = 0; n == 0 && i < v->n_rest_hosts && e == OK; i++) e = add(h, v, v->rest_hosts[i].url, why);
    if (e != OK) rest_hosts_deinit(h);
    return e;
}

void rest_hosts_deinit(rest_hosts *h) {
    for (size_t i = 0; i < h->n; i++) free(h->hosts[i].url);
    h->n = 0;
}

size_t rest_hosts_choose(rest_hosts *h, int64_t now_ms) {
    if (h->current != 0 && !h->hosts[0].is_refused && now_ms >= h->return_ms) {
        h->before = h->current;
        h->current = 0;
        h->n_failures = 0;
        h->is_trial = true;
    }
    return h->current;
}

/* The next in turn; after 451 one that serves market data alone comes before all others. */
static size_t next_host(const rest_hosts *h, bool wants_data_only) {
    for (size_t i = 1; i < h->n; i++) {
        size_t at = (h->current + i) % h->n;
        if (!h->hosts[at].is_refused && h->hosts[at].is_market_data_only >= wants_data_only) return at;
    }
    return wants_data_only ? next_host(h, false) : h->current;
}

static bool leave(rest_hosts *h, host_outcome outcome, int64_t now_ms) {
    size_t left = h->current;
    if (h->is_trial && outcome != HOST_RESTRICTED)
        h->current = h->before;
    else
        h->current = next_host(h, outcome == HOST_RESTRICTED);
    if (h->is_trial && h->return_wait_ms < RETURN_CAP_MS) h->return_wait_ms *= 2;
    if (h->return_wait_ms > RETURN_CAP_MS) h->return_wait_ms = RETURN_CAP_MS;
    h->is_trial = false;
    h->n_failures = 0;
    if (left == 0 || h->return_ms <= now_ms) h->return_ms = now_ms + h->return_wait_ms;
    return h->current != left;
}

/* When all have refused there is nothing better than to go through them again, slowly, which is the caller's part. */
static bool restrict_current(rest_hosts *h, int64_t now_ms) {
    size_t n_open = 0;
    h->hosts[h->current].is_refused = true;
    for (size_t i = 0; i < h->n; i++) n_open += !h->hosts[i].is_refused;
    if (n_open > 0) return leave(h, HOST_RESTRICTED, now_ms);
    for (size_t i = 0; i < h->n; i++) h->hosts[i].is_refused = false;
    h->current = 0;
    return false;
}

bool rest_hosts_note(rest_hosts *h, size_t host, host_outcome outcome, int64_t now_ms) {
    if (host != h->current) return false;
    switch (outcome) {
    case HOST_SERVED:
        if (host == 0) h->return_wait_ms = RETURN_BASE_MS;
        h->is_trial = false;
        h->n_failures = 0;
        return false;
    case HOST_FAILED: return (++h->n_failures >= FAILURES_TO_LEAVE || h->is_trial) && leave(h, outcome, now_ms);
    case HOST_FORBIDDEN: return leave(h, outcome, now_ms);
    default: return restrict_current(h, now_ms);
    }
}
