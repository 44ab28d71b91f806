/* Reads a user's traders and the built-in ones, again and again: what a machine of the cloud is to run.
 *
 *     facts (tier) ─► pages of stamps, by id ─► rows whose stamp is another one ─► on_read: all of them
 *          any failure: nothing has been read, what was read before stays; again after a while
 *
 * Stamps are read to an empty page, so that a server that gives fewer rows than were asked for hides none, and rows that
 * are gone are noticed. A row that disappears while a round is under way makes the round start anew.
 *
 * Threads: the loop's. Ownership: the client is borrowed and must be closed after this, or with it. */
#pragma once
#include "sync/postgrest.h"
#include "sync/trader_row.h"

typedef struct trader_poll trader_poll;

typedef struct trader_poll_round {
    const trader_row_list *rows; /* sorted by id; the poll's */
    user_tier tier;
    bool is_analysed; /* a trigger of the project has signals analysed */
} trader_poll_round;

typedef struct trader_poll_config {
    uv_loop_t *loop;
    postgrest *client;
    const char *user_id;
    int64_t period_ms;  /* from the end of one round to the next; 0: 15000 */
    uint32_t page_rows; /* 0: 1000 */
    uint64_t seed;
    /* After every whole round, also when nothing has changed. */
    void (*on_read)(void *context, const trader_poll_round *round);
    /* After every one that has failed; may be NULL. */
    void (*on_failed)(void *context);
    void *context;
} trader_poll_config;

typedef struct trader_poll_stats {
    uint64_t n_rounds, n_failures, n_rows_read;
    bool is_failing;               /* the last round */
    char why[POSTGREST_WHY_BYTES]; /* of the last failure */
} trader_poll_stats;

MUST_CHECK err trader_poll_start(const trader_poll_config *config, trader_poll **out);
/* A round begins at once; one under way is followed by another. */
void trader_poll_now(trader_poll *p);
const trader_poll_stats *trader_poll_get_stats(const trader_poll *p);
/* No callback comes any more. Freed from the loop, when its handle is closed and its call has come back. May be NULL. */
void trader_poll_close(trader_poll *p);
