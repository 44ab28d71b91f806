/* Texts with names in double braces, as messages to people are written: "{{symbol}} at {{close}}, RSI {{plot("RSI")}}".
 *
 * Names are those of TEMPLATE_NAMES, with what they are called in Pine Script beside them. plot("TITLE") is a plot of the trader,
 * of a band with .upper or .lower behind its title; plot_0 is the first one; value("KEY") is a value that a condition has read.
 * "{{" always begins a name; blanks inside the braces count for nothing.
 * Pure; nothing is copied, so a part lives as long as its text. template_check is declared in abi.h. */
#pragma once
#include "abi.h"
#include "base/errors.h"

#define TEMPLATE_NAMES(X) \
    X(SYMBOL, "symbol") \
    X(BASE, "base") \
    X(QUOTE, "quote") \
    X(EXCHANGE, "exchange") \
    X(MARKET, "market") \
    X(INTERVAL, "interval") \
    X(TIME, "time") \
    X(CLOSE_TIME, "close_time") \
    X(TIMENOW, "timenow") \
    X(OPEN, "open") \
    X(HIGH, "high") \
    X(LOW, "low") \
    X(CLOSE, "close") \
    X(VOLUME, "volume") \
    X(CHANGE, "change") \
    X(TRADER, "trader") \
    X(TRADER_ID, "trader_id") \
    X(CONDITIONS, "conditions") \
    X(SIDE, "side") \
    X(SCORE, "score") \
    X(STOP, "stop") \
    X(TARGET, "target") \
    X(TAGS, "tags") \
    X(STATE, "state") \
    X(LATE, "late") \
    X(ID, "id") \
    X(EVENT, "event") \
    X(HEADLINE, "headline") \
    X(DECISION, "decision") \
    X(CONFIDENCE, "confidence") \
    X(REASONING, "reasoning") \
    X(PLOT, "plot") \
    X(VALUE, "value")

#define TEMPLATE_ENUM(id, text) TEMPLATE_##id,
typedef enum template_name { TEMPLATE_NAMES(TEMPLATE_ENUM) N_TEMPLATE_NAMES, TEMPLATE_PLAIN } template_name;
#undef TEMPLATE_ENUM

enum { TEMPLATE_MAX_BYTES = 4096 };

typedef struct template_part {
    template_name name;
    const char *text; /* TEMPLATE_PLAIN: as it stands; PLOT, VALUE: the title, NULL of plot_N */
    size_t bytes;
    int32_t index; /* of plot_N */
} template_part;

/* The part that begins at `*at`, and moves `*at` behind it. False at the end, and at what is no name: then `why` says what is
 * wrong, and is empty at the end. */
bool template_next(const char **at, const char *end, template_part *part, diag *why);
