/* Which of several hosts is asked: the first while it serves, the next when it fails again and again, and after a while
 * the first once more. Pure: the time is an argument.
 * Threads: one. Ownership: the texts are copied. */
#pragma once
#include "binance/venue.h"

typedef struct host_entry {
    char *url;
    bool is_market_data_only;
    bool is_refused; /* it serves no one at this location */
} host_entry;

typedef struct rest_hosts {
    host_entry hosts[VENUE_MAX_HOSTS];
    size_t n, current;
    size_t before;  /* the one that served when the first was tried again */
    int n_failures; /* in a row, of the current one */
    bool is_trial;  /* the first is being tried again: one failure is enough */
    int64_t return_ms, return_wait_ms;
} rest_hosts;

typedef enum host_outcome {
    HOST_SERVED,    /* an answer that is the host's own, be it a refusal of the call */
    HOST_FAILED,    /* no answer, or 5xx */
    HOST_FORBIDDEN, /* 403: its firewall */
    HOST_RESTRICTED /* 451 */
} host_outcome;

/* `urls`: instead of the venue's own, 1 to VENUE_MAX_HOSTS; n 0: the venue's own. ERR_INVALID, ERR_TOO_BIG,
 * ERR_NO_MEMORY with a sentence. */
MUST_CHECK err rest_hosts_init(rest_hosts *h, const venue *v, const char *const *urls, size_t n, diag *why);
void rest_hosts_deinit(rest_hosts *h); /* a zeroed one is fine */

/* Index of the host that the next call is for; in `hosts`. */
size_t rest_hosts_choose(rest_hosts *h, int64_t now_ms);
/* What became of a call to `host`. True: the next call is for another one. What is told of a host that has been left
 * is ignored. */
bool rest_hosts_note(rest_hosts *h, size_t host, host_outcome outcome, int64_t now_ms);
