/* What browsers are told of without having asked, as messages with that `seq`. Each NULL without memory.
 * Threads: the loop's. */
#pragma once
#include "screener/analysis.h"
#include "screener/pass.h"
#include "serve/message.h"
#include "serve/providers.h"

message *notice_of_signal(uint64_t seq, const signal_row *s);
message *notice_of_update(uint64_t seq, const update_row *u);
message *notice_of_analysis(uint64_t seq, const analysis_row *row);
message *notice_of_status(uint64_t seq, const serve_status *status);
message *notice_of_problem(uint64_t seq, const char *trader_id, const char *why);
/* A client's token ends; nobody's but its own, so without a seq. Both are ms since 1970. */
message *notice_of_expiry(int64_t expires_ms, int64_t closes_ms);
message *notice_of_metrics(uint64_t seq, const serve_metrics *metrics);
/* `id`: of the symbol, at most SYMBOL_MAX. */
message *notice_of_kline(uint64_t seq, uint32_t id, const char *symbol, int32_t interval, const kline *bar,
                         bool is_closed);
/* message.topic of these: the symbol's id, then the interval. */
uint32_t notice_topic(uint32_t id, int32_t interval);
enum { TOPIC_INTERVAL_BITS = 5 };
