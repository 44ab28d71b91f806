/* One public dump over the loop's HTTP client: its checksum, then its archive, compared and read.
 *
 * An archive that does not have its checksum is fetched once more, with the checksum, since files are published anew
 * now and then. Failures of the network and 5xx are tried again with backoff, 429 and 503 after Retry-After; after
 * several in a row the call is given up.
 * Threads: the loop's. Ownership: the name and the address are copied, the answer is borrowed by the callback, which comes
 * exactly once, never from inside dump_call_start, and never after dump_call_cancel. */
#pragma once
#include "base/http.h"
#include "binance/dump_name.h"

typedef struct dump_call dump_call;

typedef struct dump_answer {
    /* OK; ERR_NOT_FOUND: there is no such dump; ERR_INVALID: twice not what its checksum says; ERR_SYNTAX,
     * ERR_UNSUPPORTED, ERR_TOO_BIG: cannot be read; any other: given up. */
    err error;
    const char *why; /* a sentence when error != OK */
    kline_list *bars;
    const dump_notes *notes;
    size_t body_bytes; /* of the archive */
} dump_answer;

typedef void (*dump_done_fn)(void *context, const dump_answer *answer);

typedef struct dump_options {
    uv_loop_t *loop;
    http_client *http;
    const char *url;       /* of the host, no slash at the end */
    uint64_t seed;         /* of the jitter */
    int64_t retry_base_ms; /* 0: 500 */
    dump_done_fn on_done;
    void *context;
} dump_options;

MUST_CHECK err dump_call_start(const dump_options *options, const dump_name *name, dump_call **out);
void dump_call_cancel(dump_call *c);
