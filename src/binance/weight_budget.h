/* How much may be asked: the exchange counts the weight of all calls of an address by whole minutes of its own clock and
 * refuses (429, then a ban) what is above its limit. The budget says before a call whether it fits into this minute.
 *
 * Pure: monotonic time and server time are arguments. The server time may be unknown, or wrong (a market that is played
 * faster than it was): the turn of a minute is expected by it, and believed once an answer has shown it. Until then a
 * single call above the old count is let through as a question.
 * Threads: one. Ownership: plain data. */
#pragma once
#include "base/errors.h"
#include <stdbool.h>
#include <stdint.h>

typedef enum weight_class {
    WEIGHT_URGENT, /* up to the share */
    WEIGHT_BULK    /* leaves a twentieth of the limit to urgent calls */
} weight_class;

typedef struct weight_now {
    int64_t ms;        /* monotonic */
    int64_t server_ms; /* Unix ms by the exchange's clock; 0: unknown */
} weight_now;

typedef struct weight_budget {
    int64_t limit; /* per minute */
    int percent;   /* of the limit that may be used */
    int64_t used;  /* of this minute, as far as is known: what answers say, and what is known beside it */
    int64_t seen;  /* the highest count of this minute that an answer has told */
    int64_t in_flight;
    uint32_t minute;       /* counts the minutes that answers have shown */
    int64_t server_minute; /* in which the last turn was expected; 0: unknown */
    int64_t began_ms;      /* monotonic; of it: a minute later the next turn is due, whatever the clock says */
    int64_t not_before_ms; /* no turn is expected earlier */
    bool is_unsure;        /* a turn was expected and no answer has shown it */
    bool is_asking;        /* the call that will is out */
} weight_budget;

/* What was known when a call was sent. */
typedef struct weight_mark {
    uint32_t minute;
    int64_t seen;
    bool is_question;
} weight_mark;

/* `limit` > 0; 1 to 100 percent. */
void weight_budget_init(weight_budget *b, int64_t limit, int percent);
void weight_budget_set_limit(weight_budget *b, int64_t limit);
void weight_budget_set_percent(weight_budget *b, int percent);

/* 0: a call of that weight may be sent now. Else ms after which it is worth asking again; an answer may come first. */
int64_t weight_budget_wait(weight_budget *b, int weight, weight_class class, weight_now now);
/* It is sent; what it returns is to be given back with the answer. Each is answered exactly once. */
weight_mark weight_budget_take(weight_budget *b, int weight, weight_now now);
/* `used`: what the exchange says has been used in its minute; -1: there was an answer that says nothing; -2: there was
 * no answer, it may or may not have been counted. */
void weight_budget_answer(weight_budget *b, int weight, weight_mark mark, int64_t used, weight_now now);
