/* An analysis of a signal, from the moment that it is wanted: plain data, for whoever makes, keeps and shows it.
 *
 * Each look at a signal is a row of its own: look 0 at the signal's bar, then, while the answer is to wait, one at later closes.
 * Ids: UUIDv5(SIGNAL_NAMESPACE, "analysis|signal id|look"), so that whatever is repeated lands in the same row.
 * Ownership: analysis_row_deinit frees the texts. */
#pragma once
#include "base/errors.h"
#include "base/json_writer.h"
#include "screener/pass.h"

/* FAILED: no verdict was to be had. EXPIRED: it was too old, or not wanted any more, before it was its turn. Neither is a
 * verdict. */
typedef enum analysis_status { ANALYSIS_QUEUED, ANALYSIS_DONE, ANALYSIS_FAILED, ANALYSIS_EXPIRED } analysis_status;

/* What becomes of the signal. NEW: nothing yet. */
typedef enum follow_up { FOLLOW_NEW, FOLLOW_MONITORING, FOLLOW_READY, FOLLOW_EXPIRED } follow_up;

typedef struct analysis_row {
    char id[ID_BYTES], signal_id[ID_BYTES], trader_id[ID_BYTES];
    char symbol[SYMBOL_BYTES];
    int32_t interval;
    int64_t open_ms, close_ms; /* of the bar that is looked at */
    int32_t look;
    bool
        is_asked; /* a person has asked for it: it counts against the trader's share of the day, as the first look does */
    char *prompt; /* JSON, see script_result.prompt; of a later look the text says what has happened since */

    analysis_status status;
    follow_up follow_up;
    int64_t created_ms, finished_ms; /* wall clock, for people */
    int64_t day;                     /* days since 1970 of market time on which it was asked; 0: it was not */
    int64_t latency_ms;              /* of the last request */
    int32_t n_requests;
    int64_t tokens_in, tokens_cached, tokens_out; /* of all requests */
    double cost_usd;                              /* of all requests, by the prices of the configuration */
    char provider[16], model[96];                 /* model: the version that answered, by its own word */
    /* ANALYSIS_DONE */
    char decision[16], side[8]; /* side "": none */
    double confidence;          /* 0..100 */
    char *reasoning;
    char *key_levels, *trade_plan, *context; /* JSON objects, checked */
    char *notes;                             /* JSON list of texts: what the checks have corrected */
    /* What came, as it came; of ANALYSIS_FAILED too, when anything did. */
    char *raw;
    char *error; /* a sentence; NULL of ANALYSIS_DONE */
} analysis_row;

/* The id of a look at a signal. */
void analysis_id(const char *signal_id, int32_t look, char id[ID_BYTES]);
/* The first look at a signal that wants one: queued, with its prompt, if that has been made. ERR_NO_MEMORY. */
MUST_CHECK err analysis_row_of_signal(const signal_row *s, analysis_row *out);
/* The same when the prompt has followed; failed, when there is none. ERR_NO_MEMORY. */
MUST_CHECK err analysis_row_of_prompt(const pass *p, const prompt_row *made, analysis_row *out);
MUST_CHECK err analysis_row_copy(const analysis_row *row, analysis_row *out);
void analysis_row_deinit(analysis_row *row);

/* "queued", "done", "failed", "expired". */
const char *analysis_status_name(analysis_status status);
/* "new", "monitoring", "ready", "expired": the column of the signal. */
const char *follow_up_name(follow_up f);

/* One object: signalId, analysisId, traderId, symbol, interval, time, look, state (analysis_status), signalStatus; decision, side,
 * confidence, reasoning, keyLevels, tradePlan, technicalContext, notes; provider, model, tokens {in, cached, out}, costUsd,
 * latencyMs, requests, error, created, finished. What is not there is null. */
void analysis_write_json(json_writer *w, const analysis_row *row);
/* Its members, into an object that is open. */
void analysis_write_fields(json_writer *w, const analysis_row *row);
