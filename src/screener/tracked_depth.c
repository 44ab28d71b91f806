/* See tracked_depth.h. */
#include "screener/tracked_depth.h"

static int64_t more(int64_t a, int64_t b) { return a > b ? a : b; }

/* Bars of the series so far. While they are still coming, as many as will be. */
static int64_t bars_of(const kline_series *bars) {
    return more(kline_series_dropped(bars) + kline_series_count(bars), kline_series_keep(bars));
}

/* Bars that the values have behind them, or will have. */
static int64_t bars_behind(const timeframe *f, series_ref series) {
    int32_t count = kline_series_count(f->bars), at;
    if (!series_is_output(series)) return bars_of(f->bars);
    at = indicator_set_find(f->set, series_indicator(series),
                            0); /* one that is not there yet begins at the oldest bar kept */
    return more(at < 0 ? count : indicator_set_seen_at(f->set, at, count), kline_series_keep(f->bars));
}

/* As what the trader looks at the series of `t`: -1: its own symbol; from 0: a reference. False: not at all. */
static bool looks_at(const tracked *t, const trader *who, int32_t *as) {
    *as = t->is_copy ? trader_spec_reference(who->spec, t->symbol->name) : -1;
    return t->is_copy ? *as >= 0 && who->spec->is_enabled : trader_wants(who, t->symbol);
}

static bool lacks(const tracked *t, const trader_spec *spec, int32_t as) {
    const timeframe *own = t->frames[spec->interval];
    if (spec->warmup >= 0) return as < 0 && own && spec->warmup > bars_of(own->bars);
    for (int32_t i = 0; i < spec->n_needs; i++) {
        const trader_need *need = &spec->needs[i];
        const timeframe *f = t->frames[place_interval(need->place)];
        if (place_reference_of(need->place) == as && f && need->depth > bars_behind(f, need->series)) return true;
    }
    return false;
}

bool tracked_lacks_depth(const tracked *t, const trader_set *before, const trader_set *set) {
    for (int32_t i = 0; i < set->count; i++) {
        const trader *now = set->traders[i];
        int32_t as;
        if (now && now != trader_set_at(before, i) && looks_at(t, now, &as) && lacks(t, now->spec, as)) return true;
    }
    return false;
}

int32_t tracked_depth(const tracked *t, const trader_set *set, int32_t interval, int32_t id) {
    int32_t depth = 0;
    for (int32_t i = 0; i < set->count; i++) {
        const trader *who = set->traders[i];
        int32_t as;
        if (!who || who->spec->warmup >= 0 || !looks_at(t, who, &as)) continue;
        for (int32_t k = 0; k < who->spec->n_needs; k++) {
            const trader_need *need = &who->spec->needs[k];
            bool is_it = place_reference_of(need->place) == as && place_interval(need->place) == interval &&
                         series_is_output(need->series) && series_indicator(need->series) == id;
            if (is_it && need->depth > depth) depth = need->depth;
        }
    }
    return depth;
}
