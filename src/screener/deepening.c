/* See deepening.h. */
#include "screener/deepening.h"
#include "base/log.h"

void deepening_note(screener *s, uint32_t symbol) {
    s->n_shallow += !s->is_shallow[symbol];
    s->is_shallow[symbol] = true;
}

void deepening_asked(screener *s, uint32_t symbol) {
    for (int32_t k = 0; k < s->n_deepening; k++)
        if (s->deepening[k].symbol == symbol) s->deepening[k].has_asked = true;
}

static bool is_over(const screener *s, const deepening *one) {
    bool is_on_its_way = s->is_leaving[one->symbol] || s->is_back[one->symbol];
    return !s->is_tracked[one->symbol] ||
           (one->has_asked && !is_on_its_way && !inquiries_has(s->inquiries, one->symbol));
}

static void drop_those_over(screener *s) {
    int32_t n = 0;
    for (int32_t k = 0; k < s->n_deepening; k++)
        if (!is_over(s, &s->deepening[k])) s->deepening[n++] = s->deepening[k];
    s->n_deepening = n;
}

static uint32_t take_next(screener *s) {
    uint32_t symbol = 0;
    while (!s->is_shallow[symbol]) symbol++;
    s->is_shallow[symbol] = false;
    s->n_shallow--;
    return symbol;
}

err deepening_go_on(screener *s) {
    err e = OK;
    if (s->n_deepening == 0 && s->n_shallow > 0)
        log_info("screener", "%d symbols fetch older bars: a new trader needs more than are there", s->n_shallow);
    if (s->n_deepening > 0) drop_those_over(s);
    while (s->n_shallow > 0 && s->n_deepening < DEEPENING_AT_ONCE && e == OK) {
        uint32_t symbol = take_next(s);
        if (!s->is_tracked[symbol] || s->is_leaving[symbol]) continue; /* it begins anew when it comes back */
        s->deepening[s->n_deepening++] = (deepening){.symbol = symbol};
        s->is_deepening[symbol] = true;
        e = screener_untrack(s, symbol);
        if (e == OK) e = screener_track_late(s, symbol);
    }
    return e;
}
