/* Analyses in the local database: the table `analyses`, which has every look at a signal from the moment that it is wanted, and
 * `signal_analyses`, which has those that came to a verdict, as the cloud has them.
 *
 * A first look is written in the transaction of its signal, an end in one with the verdict, the signal's status and the outbox: so
 * after a kill nothing is lost, and what was answered is not asked again.
 * Threads, errors: as local_db.h. */
#pragma once
#include "screener/analysis.h"
#include "sync/local_db.h"

/* Within a transaction: the first look at a signal with a prompt. One that is there stays as it is. */
MUST_CHECK err analysis_table_queue(local_db *db, const signal_row *s, diag *why);
/* Within a transaction: the prompt of the signal's first look will follow. That is little to write: it is part of the way of a
 * signal to its readers. */
MUST_CHECK err analysis_table_owe(local_db *db, const char *signal_id, diag *why);
/* Within a transaction: the prompt has followed, and the look is queued; or there is none, and it has failed. Nothing when no
 * prompt is owed. */
MUST_CHECK err analysis_table_prompt(local_db *db, const pass *p, prompt_row *made, diag *why);
/* Whether the signal's first look waits for its prompt. */
MUST_CHECK err analysis_table_is_owed(local_db *db, const char *signal_id, bool *is_owed, diag *why);
/* What a queued row has cost, with the request that is on its way. */
MUST_CHECK err analysis_table_asked(local_db *db, const analysis_row *row, diag *why);
/* One transaction: a look that is queued, or the end of one. */
MUST_CHECK err analysis_table_put(local_db *db, const analysis_row *row, diag *why);

/* `out` is zero, or to be deinited, also after a failure. ERR_NOT_FOUND. */
MUST_CHECK err analysis_table_get(local_db *db, const char *id, analysis_row *out, diag *why);

typedef struct analysis_spender {
    char trader_id[ID_BYTES];
    int32_t n_started; /* first looks, and those that somebody has asked for */
} analysis_spender;

/* Where a run before has left off. */
typedef struct analysis_past {
    analysis_row *queued; /* behind them, without a prompt, those whose prompt is owed */
    size_t n_queued;
    /* Of each signal that is being monitored the look that ended last, with the prompt of its first. */
    analysis_row *watched;
    size_t n_watched;
    int64_t day; /* the last one on which models were asked, days since 1970 (market time); 0: never */
    int64_t n_requests, n_tokens;
    double usd; /* on that day, as the next list */
    analysis_spender *spenders;
    size_t n_spenders;
} analysis_past;

MUST_CHECK err analysis_table_past(local_db *db, analysis_past *out, diag *why);
void analysis_past_deinit(analysis_past *past);

/* Which analyses to read, newest first. Order: (created_ms, id), descending. */
typedef struct analysis_filter {
    char signal_id[ID_BYTES], trader_id[ID_BYTES], symbol[SYMBOL_BYTES], decision[16]; /* empty: any */
    int64_t before_ms; /* with before_id: only what comes after that one in this order; 0: all */
    char before_id[ID_BYTES];
    uint32_t limit; /* 1.. */
} analysis_filter;

typedef struct analysis_list {
    analysis_row *rows;
    size_t count;
    bool has_more;
} analysis_list;

MUST_CHECK err analysis_table_read(local_db *db, const analysis_filter *filter, analysis_list *out, diag *why);
void analysis_list_deinit(analysis_list *list);
