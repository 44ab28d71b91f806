/* What is wrong at a moment: the events of a scene come due, last for their time, and are over. Those who serve ask here
 * what that means for a frame, a request or a connection. Pure: market time is an argument.
 * Threads: one. Ownership: the source is borrowed; scene events are copied. */
#pragma once
#include "sim/scene.h"
#include "sim/source.h"

typedef struct faults faults;

/* One event that has come due, with whom it meets. */
typedef struct fault {
    scene_event what;
    int64_t at_ms;
    int64_t start_ms, until_ms; /* of bars: frames of instants in (start_ms, until_ms]; else [at_ms, until_ms) */
    int64_t over_ms;            /* INT64_MAX: when it is cleared */
    uint32_t symbol;            /* when has_symbol */
    bool has_symbol;
    uint32_t draw; /* for what the event leaves to chance */
    uint32_t requests_left;
} fault;

/* ERR_NOT_FOUND with a sentence when the scene names a symbol that the source has not. */
MUST_CHECK err faults_new(const scene *s, const char *path, uint64_t seed, int64_t start_ms, const source *from,
                          faults **out, diag *why);
void faults_free(faults *f);

/* When the next event is due or the next fault over; INT64_MAX: never. */
int64_t faults_next_ms(const faults *f);
/* The next that is due or over at `now_ms`; false when there is none (any more). */
bool faults_take(faults *f, int64_t now_ms, fault *out, bool *is_over);
/* An event that happens now. ERR_NOT_FOUND and a sentence when nobody is there whom it could meet, ERR_FULL. */
MUST_CHECK err faults_begin(faults *f, const scene_event *event, int64_t now_ms, fault *out, diag *why);
/* Ends the next of those that go on; false when none does. */
bool faults_clear(faults *f, fault *out);
/* Whether a symbol is to be listed by `to_ms`. */
bool faults_expects_listing(const faults *f, int64_t to_ms);
/* Nothing of the scene comes any more. */
void faults_stop(faults *f);

/* ---- what it means ---- */

typedef struct frame_fate {
    bool is_lost, is_doubled, is_swapped, is_distorted;
} frame_fate;

/* Of a kline frame that is played at the instant `at_ms`. */
frame_fate faults_frame(const faults *f, uint32_t symbol, enum interval interval, const kline *bar, bool is_closed,
                        int64_t at_ms);
/* Whether REST still shows the values that the stream had. */
bool faults_shows_distorted(const faults *f, uint32_t symbol, enum interval interval, const kline *bar, int64_t now_ms);
/* A bar as it was before its correction. */
void faults_distort(const symbol_info *info, kline *bar);

typedef struct rest_fate {
    int status; /* 0: as usual */
    int64_t retry_after_s, delay_ms;
    bool is_cut, is_corrupt;
} rest_fate;

/* Of one request, which counts. `host` from 1. */
rest_fate faults_request(faults *f, int host, const char *path);
/* Status with which a WebSocket connection is refused; 0: it is not; -1: it is cut off without a word. */
int faults_connection(const faults *f, int host);
/* Connection attempts of an address in 5 minutes; `usual` when nothing says otherwise. */
uint32_t faults_connect_limit(const faults *f, uint32_t usual);
/* Age at which connections are closed; 0: never. */
int64_t faults_lifetime_ms(const faults *f);
int64_t faults_skew_ms(const faults *f);
/* Whether connections are refused for a while: nobody can be waited for. */
bool faults_is_outage(const faults *f);
