/* The exchange's limits: request weight per address and minute, connection attempts, and messages per connection and
 * second. Real time, not
 * market time: limits protect the exchange, and a client that is replayed fast must still behave. Pure: the time is an
 * argument. Threads: one. Ownership: plain data. */
#pragma once
#include "base/errors.h"

enum {
    LIMIT_MOST_PER_SECOND = 10,     /* messages, of any venue */
    LIMIT_STREAMS = 1024,           /* on one connection */
    LIMIT_CONTROL_BYTES = 4088,     /* payload; a longer frame gets no answer */
    LIMIT_IGNORED_BEFORE_BAN = 10,  /* answers of 429 that a client may ignore */
    LIMIT_CONNECTS = 300,           /* attempts of one address in five minutes */
    LIMIT_CONNECTS_BEFORE_BAN = 10, /* refused attempts that a client may go on with */
    LIMIT_ADDRESSES = 256
};

typedef struct address_use {
    char address[48];
    int64_t minute, banned_until_ms, used_ms;
    uint32_t weight, n_ignored, n_bans;
    int64_t connects_from_ms; /* start of the five minutes */
    uint32_t n_connects;
} address_use;

typedef struct weight_limits {
    address_use addresses[LIMIT_ADDRESSES];
} weight_limits;

typedef struct weight_verdict {
    int status;            /* 200, 429 or 418 */
    uint32_t used;         /* weight of this minute, this request included */
    int64_t retry_after_s; /* when refused */
    int64_t until_ms;      /* end of a ban, by the clock that was passed */
} weight_verdict;

/* Count one request; `limit`: weight per minute. When the table is full, the address that was silent longest is forgotten. */
weight_verdict weight_limits_charge(weight_limits *limits, const char *address, uint32_t weight, uint32_t limit,
                                    int64_t now_ms);

/* Count one connection attempt: 0, or the status with which it is refused. `limit`: attempts in five minutes. */
int weight_limits_connect(weight_limits *limits, const char *address, uint32_t limit, int64_t now_ms);

typedef struct message_limit {
    int64_t at_ms[LIMIT_MOST_PER_SECOND]; /* of the last messages, as a ring */
    uint32_t next, count;
} message_limit;

/* One message came: false when it is one too many within a second. */
bool message_limit_allows(message_limit *limit, uint32_t per_second, int64_t now_ms);
