/* See signal_making.h. */
#include "screener/signal_making.h"
#include "base/clock.h"
#include "base/uuid.h"
#include "screener/evaluation_body.h"
#include "screener/late_prompt.h"
#include "screener/quote.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

/* What the id is made of: "close", or "tick|n" for the n-th of a bar. */
static err name_signal(const evaluation *e, const tracked *t, const trader_spec *spec, const script_view *view,
                       int32_t tick, char id[ID_BYTES]) {
    char name[512], kind[24] = "close";
    if (tick > 0) snprintf(kind, sizeof kind, "tick|%d", tick);
    snprintf(name, sizeof name, "%s|%s|%s|%s|%s|%s|%lld|%s", e->shared->user, e->shared->market, spec->id,
             spec->revision, t->symbol->name, interval_name(spec->interval), (long long)view->open_ms, kind);
    return uuid5(SIGNAL_NAMESPACE, name, strlen(name), id) == 0 ? OK : ERR_INVALID;
}

static bool is_late(const evaluation *e, const script_view *view) {
    if (view->is_tick) return false;
    return e->market_ms > view->close_ms + GRACE_MS || (view->rank && view->rank->missing > 0);
}

/* Those up to place `at`. */
static err add_candles(pass *p, const kline_series *bars, int32_t at) {
    candle candles[CANDLES_MAX];
    int32_t n = at + 1 < CANDLES_MAX ? at + 1 : CANDLES_MAX;
    for (int32_t i = 0; i < n; i++) {
        kline k;
        kline_series_get(bars, at + 1 - n + i, &k);
        candles[i] = (candle){k.open_ms, k.open, k.high, k.low, k.close, k.volume};
    }
    return pass_add_candles(p, candles, (uint32_t)n);
}

err signal_making_add(evaluation *e, pass *p, const tracked *t, int32_t index, const script_view *view,
                      const script_result *r, signal_state state, int32_t tick, bool may_owe) {
    const trader_spec *spec = e->set->traders[index]->spec;
    const kline_series *bars = view->bars[spec->interval];
    int32_t at = view->is_tick ? kline_series_count(bars) : kline_series_find(bars, view->open_ms);
    signal_row row = {.state = state}, *s = &row;
    if (name_signal(e, t, spec, view, tick, s->id) != OK) return ERR_INVALID;
    snprintf(s->trader_id, sizeof s->trader_id, "%s", spec->id);
    snprintf(s->trader, sizeof s->trader, "%s", spec->key);
    snprintf(s->trader_name, sizeof s->trader_name, "%s", spec->name);
    snprintf(s->revision, sizeof s->revision, "%s", spec->revision);
    snprintf(s->symbol, sizeof s->symbol, "%s", t->symbol->name);
    s->interval = spec->interval;
    s->open_ms = view->open_ms;
    s->close_ms = view->close_ms;
    s->created_ms = wall_ms();
    s->price = kline_series_field(bars, FIELD_CLOSE)[at];
    s->volume = kline_series_field(bars, FIELD_VOLUME)[at];
    s->change_pct = quote_change_of_day(bars, view->close_ms, s->price);
    s->score = r->score;
    s->stop = r->stop;
    s->n_targets = r->n_targets;
    for (int32_t i = 0; i < SCRIPT_TARGETS; i++) s->target[i] = i < r->n_targets ? r->target[i] : NAN;
    s->side = (signal_side)r->side;
    s->late = state != SIGNAL_HISTORICAL && is_late(e, view);
    s->conditions = r->conditions ? r->conditions : spec->conditions;
    s->tags = r->tags ? r->tags : spec->tags;
    s->values = r->values;
    s->plots = r->plots;
    s->prompt = r->prompt;
    s->owes_prompt = may_owe && late_prompt_owe(e, t, index, view, r, s);
    if (state != SIGNAL_HISTORICAL) EVALUATION_COUNT(e, n_signals, 1);
    if (s->late) EVALUATION_COUNT(e, n_late, 1);
    err result = pass_add_signal(p, s);
    return result == OK && state != SIGNAL_HISTORICAL ? add_candles(p, bars, at) : result;
}
