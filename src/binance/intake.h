/* What becomes of a kline that the stream delivers: its symbol's id by the name in it, whether anybody wants it, and the
 * event that the screener takes.
 * Threads: the stream's. Ownership: nothing is kept. */
#pragma once
#include "binance/parse.h"
#include "binance/topics.h"
#include "market/event.h"

typedef enum intake_result { INTAKE_TAKEN, INTAKE_UNKNOWN_SYMBOL, INTAKE_UNWANTED } intake_result;

/* Who a message is about; `what`: interval or kind of topic. `symbol` is set unless the symbol is unknown. */
intake_result intake_admit(const symbol_table *symbols, const topics *t, json_slice name, uint8_t what,
                           uint32_t *symbol);
/* `message`: MESSAGE_KLINE. `out` only when it is taken: EVENT_BAR_FORMING or EVENT_BAR_CLOSED. */
intake_result intake_kline(const symbol_table *symbols, const topics *t, const parse_message *message,
                           market_event *out);
