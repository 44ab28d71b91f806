/* See sample.h. */
#include "check/sample.h"
#include "market/random_market.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    SEED = 20240101,
    OLDER_LEAST = 401 /* odd, like few periods */,
    OLDER_COARSE = 60,
    UNDEFINED_BARS = 200,
    CHUNK = 4096
};

static const int64_t SECOND_MS = 1000, MINUTE_MS = 60000;

/* Bars of the own interval that are evaluated, with those in which what follows a path comes to agree. */
static int64_t span_ms(const sample_order *o) { return (SAMPLE_BARS + SAMPLE_GRACE) * interval_ms(o->interval); }

/* Bars that only the run with the whole history knows. */
static int32_t older(const sample_order *o, int32_t interval) {
    if (interval >= INTERVAL_1W) return OLDER_COARSE;
    return o->history[interval] > OLDER_LEAST ? o->history[interval] : OLDER_LEAST;
}

/* Where the series begin when all evaluations lie in [end - span, end), and the later beginning. */
static void find_starts(const sample_order *o, int64_t end_ms, int64_t from_ms[N_INTERVALS], probe_cut *later) {
    for (int32_t i = 0; i < N_INTERVALS; i++) {
        if (!(o->mask >> i & 1)) continue;
        int64_t at = interval_floor(i, end_ms - span_ms(o));
        later->from_ms[i] = interval_add(i, at, -o->history[i] - 2);
        from_ms[i] = interval_add(i, later->from_ms[i], -older(o, i));
    }
}

static int32_t first_evaluated(const kline_list *list) {
    return list->count > SAMPLE_BARS ? (int32_t)list->count - SAMPLE_BARS : 0;
}

/* ---- generated ---- */

/* The seconds of a minute go from its open to its close; each has its share of the rest. */
static err push_seconds(const kline *minute, int64_t from_ms, int64_t to_ms, kline_list *out) {
    double step = (minute->close - minute->open) / 60;
    err e = OK;
    for (int64_t k = 0; k < 60 && e == OK; k++) {
        double open = minute->open + step * (double)k, close = open + step;
        double swing = (minute->high - minute->low) / 60 * (double)((minute->open_ms / MINUTE_MS * 60 + k) * 7919 % 13);
        kline bar = {.open_ms = minute->open_ms + k * SECOND_MS,
                     .open = open,
                     .close = close,
                     .high = fmin(minute->high, fmax(open, close) + swing / 2),
                     .low = fmax(minute->low, fmin(open, close) - swing / 3),
                     .volume = minute->volume / 60,
                     .quote_volume = minute->quote_volume / 60,
                     .trades = floor(minute->trades / 60) + 1,
                     .taker_base = minute->taker_base / 60,
                     .taker_quote = minute->taker_quote / 60};
        if (bar.open_ms >= from_ms && bar.open_ms < to_ms) e = kline_list_push(out, &bar);
    }
    return e;
}

static err fill_seconds(random_market *m, int64_t from_ms, int64_t to_ms, kline_list *out) {
    err e = OK;
    for (int64_t at = from_ms / MINUTE_MS * MINUTE_MS; at < to_ms && e == OK; at += MINUTE_MS) {
        kline minute;
        e = random_market_minute(m, 0, at, &minute);
        if (e == OK) e = push_seconds(&minute, from_ms, to_ms, out);
    }
    return e;
}

static err fill_list(random_market *m, int32_t interval, int64_t from_ms, int64_t to_ms, kline_list *out) {
    kline *bars;
    err e = OK;
    if (interval == INTERVAL_1S) return fill_seconds(m, from_ms, to_ms, out);
    bars = malloc(CHUNK * sizeof *bars);
    if (!bars) return ERR_NO_MEMORY;
    while (e == OK && from_ms < to_ms) {
        size_t count;
        e = random_market_klines(m, 0, (enum interval)interval, from_ms, to_ms, bars, CHUNK, &count);
        if (e != OK || count == 0) break;
        for (size_t i = 0; i < count && e == OK; i++)
            if (interval_next(interval, bars[i].open_ms) <= to_ms) e = kline_list_push(out, &bars[i]);
        from_ms = interval_next(interval, bars[count - 1].open_ms);
    }
    free(bars);
    return e;
}

/* An end that leaves room for all of it after the model's first bar: a midnight. */
static int64_t find_end(const sample_order *o) {
    int64_t end_ms = RANDOM_MARKET_FIRST_MS + INT64_C(40) * 86400000, need_ms = 0;
    int64_t from_ms[N_INTERVALS] = {0};
    probe_cut later = {.to_ms = 0};
    find_starts(o, end_ms, from_ms, &later);
    for (int32_t i = 0; i < N_INTERVALS; i++)
        if ((o->mask >> i & 1) && RANDOM_MARKET_FIRST_MS - from_ms[i] > need_ms)
            need_ms = RANDOM_MARKET_FIRST_MS - from_ms[i];
    if (need_ms > 0)
        end_ms += interval_next(INTERVAL_1D, interval_floor(INTERVAL_1D, need_ms)) + INT64_C(62) * 86400000;
    return end_ms < RANDOM_MARKET_END_MS ? end_ms : RANDOM_MARKET_END_MS;
}

/* One symbol of the model in all intervals. */
static err generate_symbol(const sample_order *o, size_t which, int64_t end_ms, const int64_t from_ms[N_INTERVALS],
                           symbol_info *symbol, probe_bars *bars) {
    char name[SYMBOL_BYTES];
    const char *names[] = {name};
    random_market *m = NULL;
    err e;
    random_market_name(which, name);
    e = random_market_new(SEED, names, 1, &m);
    if (e != OK) return e;
    *symbol = *random_market_symbol(m, 0);
    bars->mask = o->mask;
    for (int32_t i = 0; i < N_INTERVALS && e == OK; i++)
        if (o->mask >> i & 1) e = fill_list(m, i, from_ms[i], end_ms, &bars->lists[i]);
    random_market_free(m);
    return e;
}

static void name_reference(symbol_info *symbol, const char *name) {
    snprintf(symbol->name, sizeof symbol->name, "%s", name);
    symbol->base[0] = symbol->quote[0] = 0;
    symbol_guess_assets(symbol);
}

err sample_generate(const sample_order *o, int which, sample *out) {
    int64_t end_ms = find_end(o), from_ms[N_INTERVALS] = {0};
    err e;
    *out = (sample){.bars.mask = o->mask};
    find_starts(o, end_ms, from_ms, &out->later);
    e = generate_symbol(o, (size_t)which, end_ms, from_ms, &out->symbol, &out->bars);
    for (int32_t k = 0; k < o->n_references && e == OK; k++) {
        out->references.count = k + 1;
        e = generate_symbol(o, (size_t)which + 1 + (size_t)k, end_ms, from_ms, &out->references.symbols[k],
                            &out->references.bars[k]);
        name_reference(&out->references.symbols[k], o->references[k]);
    }
    out->from = first_evaluated(&out->bars.lists[o->interval]);
    if (e != OK) sample_free(out);
    return e;
}

/* ---- without a number ---- */

static err fill_undefined(const sample_order *o, probe_bars *bars) {
    err e = OK;
    bars->mask = o->mask;
    for (int32_t i = 0; i < N_INTERVALS; i++) {
        if (!(o->mask >> i & 1)) continue;
        for (int32_t k = UNDEFINED_BARS; k > 0 && e == OK; k--) {
            int64_t open_ms = interval_add(i, interval_floor(i, RANDOM_MARKET_FIRST_MS), -k);
            kline bar = {open_ms, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN};
            e = kline_list_push(&bars->lists[i], &bar);
        }
    }
    return e;
}

err sample_undefined(const sample_order *o, int which, sample *out) {
    err e;
    *out = (sample){.bars.mask = o->mask};
    random_market_name((size_t)which, out->symbol.name);
    symbol_guess_assets(&out->symbol);
    out->symbol.tick_size = out->symbol.step_size = 0.01;
    e = fill_undefined(o, &out->bars);
    for (int32_t k = 0; k < o->n_references && e == OK; k++) {
        out->references.count = k + 1;
        name_reference(&out->references.symbols[k], o->references[k]);
        e = fill_undefined(o, &out->references.bars[k]);
    }
    out->from = UNDEFINED_BARS / 2;
    if (e != OK) sample_free(out);
    return e;
}

/* ---- recorded ---- */

err sample_read(const sample_order *o, const char *folder, const char *symbol, sample *out, diag *why) {
    enum interval smallest;
    char path[512];
    const kline_list *own;
    int64_t from_ms[N_INTERVALS] = {0};
    err e = kline_file_smallest(folder, symbol, &smallest, path, sizeof path);
    *out = (sample){.bars.mask = 0};
    if (e != OK) return diag_set(why, e, "%s: no file of %s", folder, symbol);
    e = probe_bars_read(&out->bars, path, (int32_t)smallest, o->mask, why);
    if (e == OK) e = probe_references_read(&out->references, folder, o->references, o->n_references, o->mask, why);
    if (e != OK) {
        sample_free(out);
        return e;
    }
    snprintf(out->symbol.name, sizeof out->symbol.name, "%s", symbol);
    symbol_guess_assets(&out->symbol);
    own = &out->bars.lists[o->interval];
    out->from = first_evaluated(own);
    if (own->count > 0)
        find_starts(o, interval_next(o->interval, own->bars[own->count - 1].open_ms), from_ms, &out->later);
    /* Of what lacks the older part, every run knows the same. */
    for (int32_t i = 0; i < N_INTERVALS; i++)
        if ((o->mask >> i & 1) && out->bars.lists[i].count > 0 &&
            out->later.from_ms[i] < out->bars.lists[i].bars[0].open_ms)
            out->later.from_ms[i] = out->bars.lists[i].bars[0].open_ms;
    return OK;
}

void sample_free(sample *s) {
    probe_bars_free(&s->bars);
    probe_references_free(&s->references);
}
