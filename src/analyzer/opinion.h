/* What a model answers about a signal: the form that is asked of it, and the strict reader of what comes back.
 *
 * A model is an outside party: a text of its making is read as data and nothing else, against one schema, and either is
 * of that form or refused with a sentence, which goes back to the model once. Numbers are not believed here, only well
 * formed; verdict.h looks at what they say.
 * Threads: pure functions on the caller's memory. Ownership: opinion_deinit frees the texts. */
#pragma once
#include "base/errors.h"
#include "base/json_writer.h"
#include "screener/signal.h"

enum { OPINION_LEVELS = 8, OPINION_OBSERVATIONS = 8, OPINION_MAX_BYTES = 256 * 1024, OPINION_TEXT_BYTES = 8192 };

typedef enum decision { DECISION_ENTER, DECISION_REJECT, DECISION_WAIT } decision;

/* Prices, 0 or more of them. */
typedef struct level_list {
    int32_t count;
    double at[OPINION_LEVELS];
} level_list;

typedef struct opinion {
    decision decision;
    signal_side side;
    double confidence;  /* 0..100 */
    double entry, stop; /* > 0; NaN: none given */
    level_list targets, support, resistance;
    double risk_reward; /* >= 0; NaN: none given. Of the model, not to be believed */
    char *reasoning;
    char *setup, *execution, *invalidation;
    char *trend, *momentum, *volatility;
    int32_t n_observations;
    char *observations[OPINION_OBSERVATIONS];
} opinion;

/* JSON Schema (draft 2020-12; every property required, none besides: what strict modes ask for). */
extern const char OPINION_SCHEMA[];

/* "enter_trade", "bad_setup", "wait". */
const char *decision_name(decision d);

/* Reads one JSON object of that schema, white space around it and at most one Markdown fence. All or nothing: on failure
 * `why` says what was found and expected and `out` needs no deinit. ERR_SYNTAX: no JSON, or more than JSON; ERR_INVALID:
 * JSON of another form; ERR_TOO_BIG: over OPINION_MAX_BYTES; ERR_NO_MEMORY. */
MUST_CHECK err opinion_parse(const char *text, size_t bytes, opinion *out, diag *why);
void opinion_deinit(opinion *a);

/* The answer in its own form: what opinion_parse reads back as the same. */
void opinion_write(json_writer *w, const opinion *a);
/* Parts of it, each an object: keyLevels, tradePlan, technicalContext. */
void opinion_write_levels(json_writer *w, const opinion *a);
void opinion_write_plan(json_writer *w, const opinion *a);
void opinion_write_context(json_writer *w, const opinion *a);
