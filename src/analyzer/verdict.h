/* What a user is shown of a model's opinion: its levels, checked against the market.
 *
 * A price that fails a check is corrected where the right one is known (rounded to a tick, sorted, filled in from the
 * signal's or the trader's own), dropped where it is one of several, and else the decision is lowered to `wait`. Each such
 * step is a note, in words. No number of the model's own arithmetic is kept: risk/reward is computed from the levels.
 * Threads: pure functions on the caller's memory. */
#pragma once
#include "analyzer/opinion.h"

/* In average true ranges of the trader's interval. */
#define ENTRY_MAX_ATR 3.0 /* of the entry, from the price of the signal */
#define STOP_MIN_ATR 0.2  /* of the stop, from the entry */
#define STOP_MAX_ATR 8.0
#define TARGET_MAX_ATR 25.0 /* of a target, from the entry */
#define LEVEL_MAX_ATR 50.0  /* of support and resistance, from the price */
enum { VERDICT_NOTES = 24, NOTE_BYTES = 160 };

/* The market at the signal. */
typedef struct scene {
    double price;                /* > 0 */
    double tick_size;            /* 0: unknown, nothing is rounded */
    double atr;                  /* NaN or 0: unknown, then 1 % of the price stands for it */
    signal_side side;            /* of the signal */
    double stop;                 /* the filter's own; NaN */
    level_list targets;          /* the filter's own */
    double stop_pct, target_pct; /* the trader's `risk`, % of the entry; NaN: not given */
} scene;

typedef struct verdict {
    decision decision;
    signal_side side;
    double confidence;
    double entry, stop; /* NaN: none */
    level_list targets, support, resistance;
    double risk_reward; /* of the nearest target; NaN: none */
    bool is_lowered;    /* enter_trade that became wait; the last note says why */
    int32_t n_notes;
    char notes[VERDICT_NOTES][NOTE_BYTES];
} verdict;

/* Never fails: what cannot be used is not in it. Of another decision than enter_trade what is left of entry, stop and targets
 * is what would hold for an entry. */
void verdict_make(const opinion *o, const scene *s, verdict *out);

/* {entry, stopLoss, takeProfit[], support[], resistance[]}. */
void verdict_write_levels(json_writer *w, const verdict *v);
/* A list of texts. */
void verdict_write_notes(json_writer *w, const verdict *v);
