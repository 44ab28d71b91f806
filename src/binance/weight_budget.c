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
        if (now.server_ms / MINUTE_MS > b->minute) by_server_ms = now.ms;
        if (by_server_ms < at_ms) at_ms = by_server_ms;
    }
    return at_ms > b->no_question_before_ms ? at_ms : b->no_question_before_ms;
}

static void begin_minute(weight_budget *b, weight_now now) {
    b->began_ms = now.ms;
    if (now.server_ms > 0) b->minute = now.server_ms / MINUTE_MS;
}

static void expect_turn(weight_budget *b, weight_now now) {
    if (now.ms < turn_ms(b, now)) return;
    begin_minute(b, now);
    b->turn++;
    b->is_asking = false;
    b->is_unsure = b->used + b->in_flight > 0;
}

int64_t weight_budget_wait(weight_budget *b, int weight, weight_class class, weight_now now) {
    int64_t known = b->used + b->in_flight + b->older;
    expect_turn(b, now);
    if (known + weight <= cap(b, class) || known == 0) return 0;
    if (!b->is_unsure) return turn_ms(b, now) - now.ms;
    return b->is_asking ? ASK_AGAIN_MS : 0;
}

weight_mark weight_budget_take(weight_budget *b, int weight, weight_now now) {
    if (b->used + b->in_flight == 0) begin_minute(b, now);
    b->in_flight += weight;
    b->is_asking = b->is_unsure;
    return (weight_mark){b->turn, b->seen};
}

static void be_sure(weight_budget *b, int64_t used) {
    b->is_unsure = b->is_asking = false;
    b->used = used + b->older; /* they may have been counted after the call that tells */
    b->seen = used;
    b->older = 0;
}

/* A count below one that was known when the call was sent. */
static bool shows_turn(const weight_budget *b, weight_mark mark, int64_t used) {
    bool is_of_last_known = mark.turn == b->turn || (b->is_unsure && mark.turn + 1 == b->turn);
    return used >= 0 && used < mark.seen && is_of_last_known;
}

static void note(weight_budget *b, int64_t used) {
    if (used > b->used) b->used = used;
    if (used > b->seen) b->seen = used;
}

/* A call from before the turn. What it says may be of the old minute: only a count that the new one can have is taken. */
static void note_older(weight_budget *b, int weight, int64_t used) {
    if (b->is_unsure)
        b->older += weight;
    else if (used < 0)
        b->used += weight;
    else if (used <= b->used + b->in_flight + weight)
        note(b, used);
}

void weight_budget_answer(weight_budget *b, int weight, weight_mark mark, int64_t used, weight_now now) {
    b->in_flight -= weight;
    if (shows_turn(b, mark, used)) {
        if (!b->is_unsure) {
            begin_minute(b, now);
            b->turn++;
        }
        be_sure(b, used);
    } else if (mark.turn != b->turn) {
        note_older(b, weight, used);
    } else if (used == -2) {
        b->used += weight;
        b->is_asking = false;
    } else if (b->is_unsure) {
        be_sure(b, used < 0 ? weight : used);
        if (used >= 0) b->no_question_before_ms = now.ms + QUESTION_MS;
    } else if (used < 0) {
        b->used += weight;
    } else {
        note(b, used);
    }
}
