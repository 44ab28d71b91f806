/* What one connection should carry, what it carries, and the next command that brings the two together. Pure.
 *
 * At most one command is unanswered at a time: topics_command marks what it names, topics_answer settles it. Wishes may
 * change at any moment, also meanwhile; the next command sees to it.
 * Threads: one. Ownership: the symbol table is borrowed and must outlive it. */
#pragma once
#include "abi.h"
#include "base/errors.h"
#include "base/json_writer.h"
#include "market/symbol.h"

/* Of one symbol: the klines of an interval (enum interval), or one of these. */
enum { TOPIC_TICKER = N_INTERVALS, TOPIC_MINI_TICKER, N_TOPIC_KINDS };

typedef struct topic {
    uint32_t symbol; /* id in the symbol table */
    uint8_t what;
} topic;

typedef struct topics topics;

/* 1024: what Binance allows per connection. A command of more than 4088 bytes gets no answer, ever. */
enum { TOPICS_MAX = 1024, TOPICS_COMMAND_NAMES = 200, TOPICS_COMMAND_BYTES = 4000, TOPIC_NAME_BYTES = 96 };

MUST_CHECK err topics_new(const symbol_table *symbols, topics **out);
void topics_free(topics *t);
/* The whole set that is wanted from now on, in any order, duplicates allowed. On failure nothing has changed:
 * ERR_TOO_BIG past TOPICS_MAX, ERR_INVALID for an unknown symbol or kind, ERR_NO_MEMORY. */
MUST_CHECK err topics_want(topics *t, const topic *wanted, size_t n);
bool topics_is_wanted(const topics *t, uint32_t symbol, uint8_t what);
/* A new connection: nothing is carried, nothing is asked. */
void topics_reset(topics *t);

/* A command would be due (and none is unanswered). */
bool topics_has_work(const topics *t);
/* Writes the next command and marks its topics; false when there is none or it could not be written. */
bool topics_command(topics *t, int64_t id, json_writer *out);
/* The unanswered command was accepted; or it was not, and its topics stand where they stood before it. */
void topics_answer(topics *t, bool is_accepted);

typedef struct topics_counts {
    size_t n_wanted, n_carried, n_asked;
} topics_counts;

topics_counts topics_count(const topics *t);

/* Name of the stream, such as "btcusdt@kline_5m". Binance wants a-z small; other letters stay. */
void topic_name(const symbol_table *symbols, topic which, char out[TOPIC_NAME_BYTES]);
