/* The count of a minute is what the answers say plus the weight of calls that are still out, so it is never too low;
 * calls that the exchange has already counted and not yet answered count twice, which costs a few units.
 *
 *   minute n                          | minute n + 1
 *   used ....... cap: wait            | expected turn: one call    answer: used = what it says, go on
 *                                     |  (unsure)                  ... or it says that the minute is still n: wait 5 s
 *
 * Answers may overtake each other, so a new minute shows in one thing only: a count below what had been told before the
 * call was sent. An answer to a call from before the turn says little about the minute after it. */
#include "binance/weight_budget.h"

enum { MINUTE_MS = 60000, QUESTION_MS = 5000, ASK_AGAIN_MS = 250 };

void weight_budget_init(weight_budget *b, int64_t limit, int percent) {
    *b = (weight_budget){.limit = limit, .percent = percent};
}

void weight_budget_set_limit(weight_budget *b, int64_t limit) { b->limit = limit; }
void weight_budget_set_percent(weight_budget *b, int percent) { b->percent = percent; }

static int64_t cap(const weight_budget *b, weight_class class) {
    int64_t share = b->limit * b->percent / 100;
    return class == WEIGHT_BULK ? share - b->limit / 20 : share;
}

/* Monotonic time at which the next turn is expected. */
static int64_t turn_ms(const weight_budget *b, weight_now now) {
    int64_t at_ms = b->began_ms + MINUTE_MS;
    if (now.server_ms > 0) {
        int64_t by_server_ms = now.ms + MINUTE_MS - now.server_ms % MINUTE_MS;
        if (now.server_ms / MINUTE_MS > b->server_minute) by_server_ms = now.ms;
        if (by_server_ms < at_ms) at_ms = by_server_ms;
    }
    return at_ms > b->not_before_ms ? at_ms : b->not_before_ms;
}

static void begin_minute(weight_budget *b, weight_now now) {
    b->began_ms = now.ms;
    if (now.server_ms > 0) b->server_minute = now.server_ms / MINUTE_MS;
}

static void expect_turn(weight_budget *b, weight_now now) {
    if (now.ms < turn_ms(b, now)) return;
    begin_minute(b, now);
    b->is_unsure = b->used + b->in_flight > 0;
    if (b->is_asking) b->not_before_ms = now.ms + QUESTION_MS; /* its answer is about the turn before */
}

int64_t weight_budget_wait(weight_budget *b, int weight, weight_class class, weight_now now) {
    int64_t known = b->used + b->in_flight;
    expect_turn(b, now);
    if (known + weight <= cap(b, class) || known == 0) return 0;
    if (!b->is_unsure) return turn_ms(b, now) - now.ms;
    return b->is_asking ? ASK_AGAIN_MS : 0;
}

weight_mark weight_budget_take(weight_budget *b, int weight, weight_now now) {
    bool is_question = b->is_unsure && !b->is_asking;
    if (b->used + b->in_flight == 0) begin_minute(b, now);
    b->in_flight += weight;
    b->is_asking |= is_question;
    return (weight_mark){b->minute, b->seen, is_question};
}

static void new_minute(weight_budget *b, int64_t used) {
    b->minute++;
    b->used = b->seen = used;
    b->is_unsure = false;
}

static void note(weight_budget *b, int weight, int64_t used) {
    if (used < 0) b->used += weight;
    if (used > b->used) b->used = used;
    if (used > b->seen) b->seen = used;
}

/* The question has come back without having shown a new minute. */
static void note_no_turn(weight_budget *b, int weight, int64_t used, weight_now now) {
    if (used == -1) {
        new_minute(b, weight); /* nothing will ever show it: believed */
    } else {
        b->is_unsure = used == -2;
        b->not_before_ms = now.ms + QUESTION_MS;
    }
}

void weight_budget_answer(weight_budget *b, int weight, weight_mark mark, int64_t used, weight_now now) {
    bool is_of_this = mark.minute == b->minute;
    b->in_flight -= weight;
    if (mark.is_question) b->is_asking = false;
    if (is_of_this && used >= 0 && used < mark.seen) {
        if (!b->is_unsure) begin_minute(b, now);
        new_minute(b, used);
        return;
    }
    /* A call from before the turn may tell of the old minute: only a count that this one can have is taken. */
    if (is_of_this || used <= b->used + b->in_flight + weight) note(b, weight, used);
    if (is_of_this && b->is_unsure && mark.is_question) note_no_turn(b, weight, used, now);
}
