/* One lane per symbol: the base bar under way, the part of it that has been shown, and for each tracked interval the
 * fold of the closed base bars in its span.
 *
 *   base bar   |--u1----u2----u3----X|--u1----u2----u3----X|            u: forming update, X: close
 *   1h fold    [ closed bars ........................ + what u shows ]  closes when its span is over, which in a hole of
 *                                                                       the recording is at no base bar's end
 *
 * An instant is the least next_ms of all lanes. Scanning them all is as much work as the frames of one instant, since
 * lanes of one base interval share their instants; a heap would save nothing. */
#include "sim/tape.h"
#include "market/interval.h"
#include "market/kline_file.h"
#include <assert.h>
#include <math.h>
#include <stdlib.h>

enum {
    DAY_MS = 86400000,
    CLOSE_LAG_MS = 4, /* a closing frame leaves this much after the bar's end */
    N_SHAPES = 4
};

typedef struct fold {
    kline bar;                         /* closed base bars of the span that is under way */
    bool is_tracked, has_bars, is_cut; /* cut: the span began before the source did, so its bar does not exist */
} fold;

typedef struct rolling {
    kline sum; /* of the closed bars in the window; open_ms is the oldest one's */
    size_t n_bars;
    bool is_stale; /* high and low must be found again */
    double before; /* close of the bar before the window; the window's own open when there was none */
    double last;   /* newest close ever; 0: none yet */
} rolling;

typedef struct lane {
    kline bar; /* final values of the bar under way, or of the next one */
    int64_t end_ms;
    kline shown; /* the forming part */
    bool has_bar, has_shown;
    uint32_t n_shown;
    int64_t next_ms;
    fold folds[N_INTERVALS];
    rolling day;
} lane;

struct tape {
    source *from;
    lane *lanes;
    uint32_t n_lanes, n_updates;
    int64_t to_ms, at_ms, event_ms, next_ms;
    uint64_t n_closed;
};

static err begin_lane(tape *t, uint32_t symbol);
static err next_bar(tape *t, uint32_t symbol, int64_t from_ms);
static void plan(tape *t, uint32_t symbol);
static void plan_all(tape *t);
static int64_t update_ms(const tape *t, const lane *l, uint32_t n);
static void show(const tape *t, uint32_t symbol, lane *l);
static err play_close(tape *t, uint32_t symbol, const tape_sink *sink);
static void play_update(tape *t, uint32_t symbol, const tape_sink *sink);
static void play_growth(tape *t, uint32_t symbol, const tape_sink *sink);
static int64_t stamp(tape *t, int64_t ms);
static void add_to_fold(const tape *t, uint32_t symbol, enum interval interval, const kline *bar);
static int64_t closed_until(const tape *t, const lane *l);
static err day_begin(tape *t, uint32_t symbol);
static err day_add(tape *t, uint32_t symbol, const kline *bar);

err tape_new(source *s, int64_t from_ms, int64_t to_ms, uint32_t n_updates, tape **out) {
    err e = ERR_NO_MEMORY;
    *out = NULL;
    tape *t = calloc(1, sizeof *t);
    if (!t) return e;
    t->from = s;
    t->n_lanes = source_count(s);
    t->n_updates = n_updates;
    t->to_ms = to_ms;
    t->at_ms = t->event_ms = from_ms;
    t->lanes = calloc(t->n_lanes, sizeof *t->lanes);
    e = t->lanes ? OK : ERR_NO_MEMORY;
    for (uint32_t i = 0; e == OK && i < t->n_lanes; i++) e = begin_lane(t, i);
    if (e != OK) {
        tape_free(t);
        return e;
    }
    plan_all(t);
    *out = t;
    return OK;
}

void tape_free(tape *t) {
    if (!t) return;
    free(t->lanes);
    free(t);
}

int64_t tape_next_ms(const tape *t) { return t->next_ms; }
int64_t tape_at_ms(const tape *t) { return t->at_ms; }
int64_t tape_event_ms(const tape *t) { return t->event_ms; }
int64_t tape_to_ms(const tape *t) { return t->to_ms; }
uint64_t tape_closed_count(const tape *t) { return t->n_closed; }

err tape_step(tape *t, const tape_sink *sink) {
    assert(t->next_ms != INT64_MAX);
    err e = OK;
    int64_t now_ms = t->at_ms = t->next_ms;
    bool any_close = false;
    for (uint32_t i = 0; i < t->n_lanes; i++) {
        lane *l = &t->lanes[i];
        bool is_update = l->has_bar && l->bar.open_ms < now_ms && now_ms < l->end_ms;
        if (l->next_ms != now_ms || is_update) continue;
        any_close = true;
        e = play_close(t, i, sink);
        if (e != OK) return e;
    }
    for (uint32_t i = 0; i < t->n_lanes; i++) {
        lane *l = &t->lanes[i];
        if (l->next_ms != now_ms) continue;
        bool is_update = l->has_bar && l->bar.open_ms < now_ms && now_ms < l->end_ms;
        if (is_update)
            play_update(t, i, sink);
        else
            play_growth(t, i, sink);
    }
    int64_t event_ms = stamp(t, any_close ? now_ms + CLOSE_LAG_MS : now_ms);
    for (uint32_t i = 0; i < t->n_lanes; i++) {
        if (t->lanes[i].next_ms != now_ms) continue;
        sink->on_symbol(sink->context, i, event_ms);
        plan(t, i);
    }
    sink->on_instant(sink->context, event_ms);
    plan_all(t);
    return OK;
}

int64_t tape_skip_to_ms(const tape *t) {
    int64_t to_ms = t->next_ms;
    for (uint32_t i = 0; i < t->n_lanes; i++) {
        const lane *l = &t->lanes[i];
        if (!l->has_bar) continue;
        if (l->bar.open_ms <= t->at_ms) return t->at_ms;
        if (l->bar.open_ms < to_ms) to_ms = l->bar.open_ms;
    }
    return to_ms == INT64_MAX ? t->at_ms : to_ms;
}

err tape_reload(tape *t, uint32_t symbol, int64_t now_ms) {
    const lane *l = &t->lanes[symbol];
    enum interval base = source_at(t->from, symbol)->base;
    if (l->has_bar && l->bar.open_ms < now_ms) return OK; /* it is under way; what follows is asked for at its end */
    int64_t from_ms = interval_floor(base, now_ms);
    err e = next_bar(t, symbol, from_ms < now_ms ? interval_next(base, from_ms) : from_ms);
    plan(t, symbol);
    plan_all(t);
    return e;
}

err tape_track(tape *t, uint32_t symbol, enum interval interval) {
    lane *l = &t->lanes[symbol];
    fold *f = &l->folds[interval];
    enum interval base = source_at(t->from, symbol)->base;
    if (f->is_tracked || interval == base || !interval_divides(base, interval)) return OK;
    int64_t span_ms = interval_floor(interval, t->at_ms);
    size_t count;
    err e = source_fold(t->from, symbol, span_ms, closed_until(t, l), &f->bar, &count);
    if (e != OK) return e;
    f->is_tracked = true;
    f->has_bars = count > 0;
    f->is_cut = source_at(t->from, symbol)->first_ms > span_ms;
    f->bar.open_ms = span_ms;
    plan(t, symbol);
    plan_all(t);
    return OK;
}

/* ---- time ---- */

static err begin_lane(tape *t, uint32_t symbol) {
    lane *l = &t->lanes[symbol];
    err e = next_bar(t, symbol, interval_floor(source_at(t->from, symbol)->base, t->at_ms));
    if (e == OK) e = day_begin(t, symbol);
    if (e != OK) return e;
    /* A start in the middle of a bar: its updates up to then have been. */
    while (l->has_bar && l->n_shown < t->n_updates && update_ms(t, l, l->n_shown + 1) <= t->at_ms) show(t, symbol, l);
    plan(t, symbol);
    return OK;
}

static err next_bar(tape *t, uint32_t symbol, int64_t from_ms) {
    lane *l = &t->lanes[symbol];
    int64_t open_ms = source_next_open(t->from, symbol, from_ms);
    l->has_shown = false;
    l->n_shown = 0;
    l->has_bar = open_ms != INT64_MAX;
    if (!l->has_bar) return OK;
    l->end_ms = interval_next(source_at(t->from, symbol)->base, open_ms);
    return source_bar(t->from, symbol, open_ms, &l->bar);
}

static int64_t update_ms(const tape *t, const lane *l, uint32_t n) {
    return l->bar.open_ms + (l->end_ms - l->bar.open_ms) * n / (t->n_updates + 1);
}

/* When the lane is next heard of: an update or the close of its bar, or the end of a span that ends in a hole. */
static void plan(tape *t, uint32_t symbol) {
    lane *l = &t->lanes[symbol];
    const source_symbol *info = source_at(t->from, symbol);
    l->next_ms = INT64_MAX;
    if (l->has_bar) l->next_ms = l->n_shown < t->n_updates ? update_ms(t, l, l->n_shown + 1) : l->end_ms;
    if (!l->has_bar || l->bar.open_ms > t->at_ms)
        for (int i = 0; i < N_INTERVALS; i++) {
            const fold *f = &l->folds[i];
            if (!f->has_bars) continue;
            int64_t end_ms = interval_next(i, f->bar.open_ms);
            /* A recording that stops inside a span says nothing about how the span ended. */
            if (end_ms <= info->end_ms && end_ms < l->next_ms) l->next_ms = end_ms;
        }
    if (l->next_ms > t->to_ms) l->next_ms = INT64_MAX;
}

static void plan_all(tape *t) {
    t->next_ms = INT64_MAX;
    for (uint32_t i = 0; i < t->n_lanes; i++)
        if (t->lanes[i].next_ms < t->next_ms) t->next_ms = t->lanes[i].next_ms;
}

static int64_t stamp(tape *t, int64_t ms) {
    if (ms > t->event_ms) t->event_ms = ms;
    return t->event_ms;
}

/* ---- playing ---- */

static void close_folds(tape *t, uint32_t symbol, int64_t now_ms, int64_t event_ms, const tape_sink *sink) {
    lane *l = &t->lanes[symbol];
    for (int i = 0; i < N_INTERVALS; i++) {
        fold *f = &l->folds[i];
        if (!f->has_bars || interval_next(i, f->bar.open_ms) > now_ms) continue;
        if (!f->is_cut) sink->on_kline(sink->context, symbol, (enum interval)i, &f->bar, true, event_ms);
        f->has_bars = false;
    }
}

static err play_close(tape *t, uint32_t symbol, const tape_sink *sink) {
    lane *l = &t->lanes[symbol];
    int64_t now_ms = t->at_ms, event_ms = stamp(t, now_ms + CLOSE_LAG_MS);
    bool is_bar = l->has_bar && l->end_ms == now_ms;
    err e = OK;
    if (is_bar) {
        sink->on_kline(sink->context, symbol, source_at(t->from, symbol)->base, &l->bar, true, event_ms);
        t->n_closed++;
        e = day_add(t, symbol, &l->bar);
        for (int i = 0; i < N_INTERVALS; i++)
            if (l->folds[i].is_tracked) add_to_fold(t, symbol, (enum interval)i, &l->bar);
    }
    close_folds(t, symbol, now_ms, event_ms, sink);
    if (e == OK && is_bar) e = next_bar(t, symbol, now_ms);
    l->next_ms = now_ms; /* next_bar has not planned: the lane still belongs to this instant */
    return e;
}

static void add_to_fold(const tape *t, uint32_t symbol, enum interval interval, const kline *bar) {
    fold *f = &t->lanes[symbol].folds[interval];
    if (f->has_bars) {
        kline_merge(&f->bar, bar);
        return;
    }
    f->bar = *bar;
    f->bar.open_ms = interval_floor(interval, bar->open_ms);
    f->has_bars = true;
    f->is_cut = source_at(t->from, symbol)->first_ms > f->bar.open_ms;
}

/* The forming bar of any interval that the base divides; false when there is nothing to see yet, or it is cut. */
static bool forming_of(const tape *t, uint32_t symbol, enum interval interval, const fold *f, kline *out) {
    const lane *l = &t->lanes[symbol];
    int64_t span_ms = interval_floor(interval, l->bar.open_ms);
    bool has_bars = f && f->has_bars && f->bar.open_ms == span_ms;
    if (!l->has_shown || source_at(t->from, symbol)->first_ms > span_ms) return false;
    *out = has_bars ? f->bar : l->shown;
    out->open_ms = span_ms;
    if (has_bars) kline_merge(out, &l->shown);
    return true;
}

/* A base bar has closed: the larger bars that go on have grown by what it added since its last update. */
static void play_growth(tape *t, uint32_t symbol, const tape_sink *sink) {
    lane *l = &t->lanes[symbol];
    for (int i = 0; t->n_updates > 0 && i < N_INTERVALS; i++) {
        const fold *f = &l->folds[i];
        if (f->has_bars && !f->is_cut)
            sink->on_kline(sink->context, symbol, (enum interval)i, &f->bar, false, t->event_ms);
    }
}

static void play_update(tape *t, uint32_t symbol, const tape_sink *sink) {
    lane *l = &t->lanes[symbol];
    int64_t event_ms = stamp(t, t->at_ms);
    show(t, symbol, l);
    sink->on_kline(sink->context, symbol, source_at(t->from, symbol)->base, &l->shown, false, event_ms);
    for (int i = 0; i < N_INTERVALS; i++) {
        kline bar;
        if (l->folds[i].is_tracked && forming_of(t, symbol, (enum interval)i, &l->folds[i], &bar))
            sink->on_kline(sink->context, symbol, (enum interval)i, &bar, false, event_ms);
    }
}

/* Down to the symbol's own decimals, so that no forming bar shows a quantity that could not have traded. */
static double part_of(double whole, double share, double step) {
    double part = step > 0 ? floor(whole * share / step) * step : whole * share;
    part = nearbyint(part * 1e8) / 1e8;
    return part < whole ? part : whole;
}

/* The n-th look at a bar: it starts at the open, visits low and high in an order given by its time, and its sums grow in
 * proportion. Nothing in it exceeds what the final bar will say. */
static void show(const tape *t, uint32_t symbol, lane *l) {
    const symbol_info *info = &source_at(t->from, symbol)->info;
    const kline *final = &l->bar;
    uint32_t n = ++l->n_shown;
    double share = (double)n / (t->n_updates + 1);
    double middle = nearbyint((final->low + final->high) / 2 / info->tick_size) * info->tick_size;
    middle = nearbyint(middle * 1e8) / 1e8;
    middle = middle < final->low ? final->low : middle > final->high ? final->high : middle;
    bool up_first = (final->open_ms / 1000 / 60 + (int64_t)symbol) % 2 == 0;
    double low_or_high = up_first ? final->high : final->low, other = up_first ? final->low : final->high;
    const double shape[N_SHAPES] = {final->open, low_or_high, other, middle};
    double price = n == 1 ? final->open : shape[(n - 1) % N_SHAPES];
    if (n == 1) l->shown = (kline){.open_ms = final->open_ms, .open = price, .high = price, .low = price};
    l->has_shown = true;
    l->shown.close = price;
    if (price > l->shown.high) l->shown.high = price;
    if (price < l->shown.low) l->shown.low = price;
    l->shown.volume = part_of(final->volume, share, info->step_size);
    l->shown.quote_volume = part_of(final->quote_volume, share, 0);
    l->shown.trades = floor(final->trades * share);
    l->shown.taker_base = part_of(final->taker_base, share, info->step_size);
    l->shown.taker_quote = part_of(final->taker_quote, share, 0);
}

/* ---- the rolling day ---- */

static err day_fold(tape *t, uint32_t symbol, int64_t from_ms, int64_t to_ms) {
    rolling *day = &t->lanes[symbol].day;
    err e = source_fold(t->from, symbol, from_ms, to_ms, &day->sum, &day->n_bars);
    day->is_stale = false;
    return e;
}

static err day_begin(tape *t, uint32_t symbol) {
    lane *l = &t->lanes[symbol];
    int64_t end_ms = closed_until(t, l), start_ms = end_ms - DAY_MS;
    kline before;
    err e = day_fold(t, symbol, start_ms, end_ms);
    int64_t before_ms = source_previous_open(t->from, symbol, start_ms);
    if (e == OK && before_ms != INT64_MIN) {
        e = source_bar(t->from, symbol, before_ms, &before);
        l->day.before = l->day.last = before.close;
    }
    if (l->day.n_bars > 0) l->day.last = l->day.sum.close;
    return e;
}

/* One more closed bar; those that are 24 h old leave. Sums are kept by taking away, extremes by looking again when the
 * extreme itself has left. */
static err day_add(tape *t, uint32_t symbol, const kline *bar) {
    rolling *day = &t->lanes[symbol].day;
    int64_t start_ms = t->lanes[symbol].end_ms - DAY_MS;
    if (day->n_bars == 0) {
        day->before = day->last;
        day->sum = *bar;
    } else
        kline_merge(&day->sum, bar);
    day->n_bars++;
    day->last = bar->close;
    while (day->sum.open_ms < start_ms) {
        kline old, first;
        err e = source_bar(t->from, symbol, day->sum.open_ms, &old);
        if (e == OK) e = source_bar(t->from, symbol, source_next_open(t->from, symbol, old.open_ms + 1), &first);
        if (e != OK) return e;
        if (old.high >= day->sum.high || old.low <= day->sum.low) day->is_stale = true;
        kline minus = {.high = -INFINITY,
                       .low = INFINITY,
                       .close = day->sum.close,
                       .volume = -old.volume,
                       .quote_volume = -old.quote_volume,
                       .trades = -old.trades,
                       .taker_base = -old.taker_base,
                       .taker_quote = -old.taker_quote};
        kline_merge(&day->sum, &minus);
        day->sum.open_ms = first.open_ms;
        day->sum.open = first.open;
        day->before = old.close;
        day->n_bars--;
    }
    if (!day->is_stale) return OK;
    size_t count;
    kline again;
    err e = source_fold(t->from, symbol, start_ms, t->lanes[symbol].end_ms, &again, &count);
    if (e != OK) return e;
    day->sum.high = again.high;
    day->sum.low = again.low;
    day->is_stale = false;
    return OK;
}

bool tape_ticker_of(const tape *t, uint32_t symbol, tape_ticker *out) {
    const lane *l = &t->lanes[symbol];
    const rolling *day = &l->day;
    int64_t start_ms = t->event_ms - DAY_MS;
    bool has_day = day->n_bars > 0 && day->sum.open_ms >= start_ms - interval_ms(source_at(t->from, symbol)->base);
    if (!has_day && !l->has_shown) {
        *out = (tape_ticker){.open_ms = start_ms, .close_ms = t->event_ms, .first_id = -1, .last_id = -1};
        out->open = out->high = out->low = out->last = out->previous_close = day->last;
        return day->last > 0;
    }
    kline sum = has_day ? day->sum : l->shown;
    if (has_day && l->has_shown) kline_merge(&sum, &l->shown);
    const kline *newest = l->has_shown ? &l->shown : &day->sum;
    *out = (tape_ticker){.open_ms = sum.open_ms,
                         .close_ms = t->event_ms,
                         .open = sum.open,
                         .high = sum.high,
                         .low = sum.low,
                         .last = sum.close,
                         .previous_close = day->before > 0 ? day->before : sum.open,
                         .volume = sum.volume,
                         .quote_volume = sum.quote_volume,
                         .trades = sum.trades,
                         .last_quantity = newest->trades > 0 ? newest->volume / newest->trades : 0,
                         .first_id = sum.open_ms,
                         .last_id = sum.open_ms + (int64_t)sum.trades - 1};
    return true;
}

/* ---- what REST shows ---- */

/* Base bars that open before this have closed. */
static int64_t closed_until(const tape *t, const lane *l) {
    return l->has_bar && l->bar.open_ms < t->at_ms ? l->bar.open_ms : t->at_ms;
}

/* The bar of `interval` over `span_ms` as of now; false when it has nothing yet. */
static err bar_at(tape *t, uint32_t symbol, enum interval interval, int64_t span_ms, kline *out, bool *exists) {
    const lane *l = &t->lanes[symbol];
    fold f = {.is_tracked = true};
    int64_t end_ms = interval_next(interval, span_ms), until_ms = closed_until(t, l);
    size_t count;
    err e = source_fold(t->from, symbol, span_ms, end_ms < until_ms ? end_ms : until_ms, &f.bar, &count);
    if (e != OK) return e;
    f.bar.open_ms = span_ms;
    f.has_bars = count > 0;
    bool is_forming = l->has_bar && interval_floor(interval, l->bar.open_ms) == span_ms;
    *exists = is_forming && forming_of(t, symbol, interval, &f, out);
    if (*exists || !f.has_bars || source_at(t->from, symbol)->first_ms > span_ms) return OK;
    *out = f.bar;
    *exists = true;
    return OK;
}

static void reverse(kline *bars, size_t count) {
    for (size_t i = 0; i < count / 2; i++) {
        kline held = bars[i];
        bars[i] = bars[count - 1 - i];
        bars[count - 1 - i] = held;
    }
}

err tape_klines(tape *t, uint32_t symbol, enum interval interval, int64_t start_ms, int64_t end_ms, bool newest,
                kline *out, size_t max, size_t *count) {
    *count = 0;
    const lane *l = &t->lanes[symbol];
    if (!interval_divides(source_at(t->from, symbol)->base, interval)) return OK;
    /* Nothing that opens after the base bar under way is known to anybody yet. */
    int64_t horizon_ms = l->has_shown ? l->end_ms : closed_until(t, l);
    if (start_ms < source_at(t->from, symbol)->first_ms) start_ms = source_at(t->from, symbol)->first_ms;
    if (end_ms >= horizon_ms) end_ms = horizon_ms - 1;
    if (start_ms > end_ms) return OK;
    int64_t first_span_ms = interval_floor(interval, start_ms), last_span_ms = interval_floor(interval, end_ms);
    if (first_span_ms < start_ms) first_span_ms = interval_next(interval, first_span_ms);
    for (int64_t span_ms = newest ? last_span_ms : first_span_ms; *count < max;) {
        if (span_ms < first_span_ms || span_ms > last_span_ms) break;
        bool exists;
        err e = bar_at(t, symbol, interval, span_ms, &out[*count], &exists);
        if (e != OK) return e;
        *count += exists;
        /* To the next span that holds any base bar: a hole may be a year wide. */
        int64_t base_ms = newest ? source_previous_open(t->from, symbol, span_ms)
                                 : source_next_open(t->from, symbol, interval_next(interval, span_ms));
        if (base_ms == INT64_MAX || base_ms == INT64_MIN) break;
        span_ms = interval_floor(interval, base_ms);
    }
    if (newest) reverse(out, *count);
    return OK;
}
