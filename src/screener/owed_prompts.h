/* Prompts of signals, still to be made: a prompt takes many times as long as a filter, and no signal is to wait for one. A worker
 * makes them in their order once no bar has closed for a moment, each as of the bar of its match.
 * Threads: the worker's. */
#pragma once
#include "abi.h"
#include "screener/trader_set.h"

enum { PROMPT_TRIES = 2 };

typedef struct owed_prompt {
    char signal_id[ID_BYTES];
    uint32_t symbol;
    int32_t index;     /* place of the trader in the set */
    const trader *who; /* in that place when it fired */
    int64_t open_ms, close_ms, created_ms;
    script_rank rank; /* of a trader with rank */
    bool has_rank;
    int64_t owed_ns; /* monotonic */
    int32_t n_tries; /* that another trader has spoilt */
} owed_prompt;

typedef struct owed_prompts {
    owed_prompt *items; /* a ring */
    uint32_t first, count, room;
} owed_prompts;

void owed_prompts_deinit(owed_prompts *o);
MUST_CHECK err owed_prompts_add(owed_prompts *o, const owed_prompt *one);
/* Since when the oldest one is owed, monotonic ns; INT64_MAX: none is. */
int64_t owed_prompts_since_ns(const owed_prompts *o);
/* The oldest one. False: there is none. */
bool owed_prompts_take(owed_prompts *o, owed_prompt *out);
