/* See inquiries.h. Of each symbol a short list of its series; of each series those who wait, in the order of asking. */
#include "screener/inquiries.h"
#include "market/symbol.h"
#include <stdlib.h>
#include <string.h>

typedef struct waiting {
    inquiry what;
    bool is_under_way; /* the range under way is theirs, too */
} waiting;

typedef struct series {
    struct series *next;
    int32_t interval;
    int64_t from_ms, to_ms; /* under way; to 0: nothing */
    bool has_begun;         /* some of the answer has come */
    waiting *rows;
    uint32_t n_rows, room;
} series;

struct inquiries {
    inquiries_handlers handlers;
    series *of[SYMBOL_MAX];
};

err inquiries_new(const inquiries_handlers *handlers, inquiries **out) {
    inquiries *q = calloc(1, sizeof *q);
    if (!q) return ERR_NO_MEMORY;
    q->handlers = *handlers;
    *out = q;
    return OK;
}

void inquiries_free(inquiries *q) {
    if (!q) return;
    for (uint32_t i = 0; i < SYMBOL_MAX; i++) inquiries_forget(q, i);
    free(q);
}

void inquiries_forget(inquiries *q, uint32_t symbol) {
    for (series *s = q->of[symbol], *next; s; s = next) {
        next = s->next;
        free(s->rows);
        free(s);
    }
    q->of[symbol] = NULL;
}

bool inquiries_has(const inquiries *q, uint32_t symbol) {
    for (const series *s = q->of[symbol]; s; s = s->next)
        for (uint32_t i = 0; i < s->n_rows; i++)
            if (!s->rows[i].what.is_audit) return true;
    return false;
}

static series *find(const inquiries *q, uint32_t symbol, int32_t interval) {
    series *s = q->of[symbol];
    while (s && s->interval != interval) s = s->next;
    return s;
}

static series *find_or_add(inquiries *q, uint32_t symbol, int32_t interval) {
    series *s = find(q, symbol, interval);
    if (s || !(s = calloc(1, sizeof *s))) return s;
    s->interval = interval;
    s->next = q->of[symbol];
    q->of[symbol] = s;
    return s;
}

/* True: the range under way has grown. */
static bool take_in(series *s, waiting *row) {
    bool touches = row->what.from_ms <= s->to_ms && row->what.to_ms >= s->from_ms;
    if (row->is_under_way || !touches) return false;
    row->is_under_way = true;
    if (row->what.from_ms < s->from_ms) s->from_ms = row->what.from_ms;
    if (row->what.to_ms > s->to_ms) s->to_ms = row->what.to_ms;
    return true;
}

/* The oldest inquiry, and whoever asks for bars next to it. The answer may come before this returns. */
static void ask_next(inquiries *q, uint32_t symbol, series *s) {
    bool has_grown = true;
    if (s->n_rows == 0) return;
    s->from_ms = s->rows[0].what.from_ms;
    s->to_ms = s->rows[0].what.to_ms;
    s->has_begun = false;
    while (has_grown) {
        has_grown = false;
        for (uint32_t i = 0; i < s->n_rows; i++) has_grown = take_in(s, &s->rows[i]) || has_grown;
    }
    q->handlers.on_range(q->handlers.context, symbol, s->interval, s->from_ms, s->to_ms);
}

err inquiries_add(inquiries *q, const inquiry *what) {
    series *s = find_or_add(q, what->symbol, what->interval);
    bool joins;
    if (!s) return ERR_NO_MEMORY;
    if (s->n_rows == s->room) {
        uint32_t room = s->room ? s->room * 2 : 4;
        waiting *rows = realloc(s->rows, room * sizeof *rows);
        if (!rows) return ERR_NO_MEMORY;
        s->rows = rows;
        s->room = room;
    }
    joins = s->to_ms && !s->has_begun && what->from_ms >= s->from_ms && what->to_ms <= s->to_ms;
    s->rows[s->n_rows++] = (waiting){*what, joins};
    if (!s->to_ms) ask_next(q, what->symbol, s);
    return OK;
}

static err tell(const inquiries *q, const inquiry *whose, const market_event *event) {
    market_event answer = *event;
    answer.inquiry = whose->number;
    if (event->kind == EVENT_RANGE_DONE) {
        answer.bar.open_ms = whose->from_ms;
        if (answer.to_ms > whose->to_ms) answer.to_ms = whose->to_ms;
        if (answer.to_ms < whose->from_ms) answer.to_ms = whose->from_ms; /* the exchange had nothing of it yet */
    } else if (event->bar.open_ms < whose->from_ms || event->bar.open_ms >= whose->to_ms) {
        return OK;
    }
    return q->handlers.on_answer(q->handlers.context, whose, &answer);
}

static void drop_answered(series *s) {
    uint32_t n = 0;
    for (uint32_t i = 0; i < s->n_rows; i++)
        if (!s->rows[i].is_under_way) s->rows[n++] = s->rows[i];
    s->n_rows = n;
    s->to_ms = 0;
}

err inquiries_answer(inquiries *q, const market_event *event, bool *is_awaited) {
    series *s = find(q, event->symbol, event->interval);
    int64_t from_ms = event->kind == EVENT_RANGE_DONE ? event->bar.open_ms : event->from_ms;
    err e = OK;
    *is_awaited = s && s->to_ms && from_ms == s->from_ms;
    if (!*is_awaited) return OK;
    s->has_begun = true;
    for (uint32_t i = 0; i < s->n_rows && e == OK; i++)
        if (s->rows[i].is_under_way) e = tell(q, &s->rows[i].what, event);
    if (event->kind != EVENT_RANGE_DONE) return e;
    drop_answered(s);
    ask_next(q, event->symbol, s);
    return e;
}
