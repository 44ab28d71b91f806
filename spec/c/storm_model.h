/* What the traders of a storm mean, in plain C: slow, one thread, one bar after the other, written from the promises of
 * the trader guide. It knows nothing of workers, gaps, passes or restarts: it is told where a trader began on a symbol
 * (market time), sees every bar that exists, and says which signals there must be.
 *
 * What it leaves open: a trader that has ended has seen its bars up to somewhere behind the last quiet point; one that
 * runs away misses the bars of its pause; a rank of a close that some symbols have seen in an earlier life than others; when
 * a tick is looked at. */
#pragma once
#include "base/uuid.h"
#include "screener/signal.h"
#include "script/trader.h"
#include "spec/c/storm_market.h"
#include <math.h>

enum { STORM_VERSIONS = 256, STORM_SILENT_BARS = 100, STORM_SETTLES = 300 };

typedef enum rule {
    RULE_ALWAYS,    /* at every bar */
    RULE_CLOCK,     /* by the bar's time */
    RULE_MEAN,      /* above a mean of its closes */
    RULE_SMOOTH,    /* above an exponential mean: recursive */
    RULE_OWN,       /* above a series of its own */
    RULE_PEAK,      /* its high is the highest of some bars */
    RULE_BACK,      /* above the close of some bars ago */
    RULE_SLOW,      /* above the last close of a slower timeframe */
    RULE_SLOW_BACK, /* the slower timeframe closes above the one before */
    RULE_OTHER,     /* another symbol closes above its bar before */
    RULE_RANK,      /* among the best of all symbols by how much they have risen */
    N_RULES
} rule;

typedef struct version { /* one code of one trader */
    char key[TRADER_KEY_MAX], id[ID_BYTES], revision[REVISION_BYTES];
    char code[2048];
    rule rule;
    int32_t k, slow; /* interval and slower one, by place in storm_interval; slow -1: none */
    int32_t length;  /* of the rule */
    double factor;   /* likewise */
    bool is_edge;    /* else every `every` bars */
    int32_t every, cooldown;
    int32_t fails;    /* it raises an error at one of so many bars; 0: never */
    int32_t excluded; /* symbol; -1: none */
    int32_t other;    /* symbol of RULE_OTHER; -1: none */
    bool is_tick; /* on = "tick": its signals on forming bars depend on when it looks; what becomes of them does not */
    int64_t
        rank_from_ms; /* closes up to here may have been ranked without those that had seen them in an earlier life */
    bool is_enabled;
    int64_t spin_ms; /* it runs away at the bar of spin_symbol that opens here; 0: never */
    int32_t spin_symbol;
    bool is_live;     /* in the list of traders */
    bool is_closed;   /* it has ended before the last quiet point: there is nothing more of it */
    int64_t asked_ms; /* market time at which it joined the list */
} version;

typedef struct place {  /* a version on a symbol */
    int64_t start_ms;   /* 0: has not begun as far as storage knows */
    int64_t cursor_ms;  /* close of the last bar seen; 0: none */
    int64_t certain_ms; /* bars that close up to here have been seen for certain */
    int64_t calm_ms;    /* likewise, at the last quiet point before the trader ran away */
    int64_t run_ms, signal_ms;
    bool has_run, was_matching;
    bool is_close_call; /* a comparison too close to say how rounding decides it: not judged */
} place;

typedef struct expected {
    char id[ID_BYTES];
    int32_t version, symbol;
    int64_t open_ms, close_ms;
    bool is_historical;
    bool is_open; /* a rank that nothing is promised of */
} expected;

typedef struct tick_bar { /* a close of a trader with on = "tick" */
    int64_t open_ms;
    bool is_match, is_fired;
} tick_bar;

typedef struct tick_bars {
    tick_bar *rows;
    int32_t count, capacity;
} tick_bars;

typedef struct storm_model {
    storm_market *market;
    tick_bars (*ticks)[STORM_SYMBOLS]; /* by version: in the order of their bars */
    version *versions;
    place (*places)[STORM_SYMBOLS];
    int32_t n_versions;
    expected *signals;
    size_t n_signals, capacity;
    uint64_t n_evaluations;
} storm_model;

static inline void storm_model_init(storm_model *m, storm_market *market) {
    *m = (storm_model){.market = market};
    m->versions = calloc(STORM_VERSIONS, sizeof *m->versions);
    m->places = calloc(STORM_VERSIONS, sizeof *m->places);
    m->ticks = calloc(STORM_VERSIONS, sizeof *m->ticks);
    if (!m->versions || !m->places || !m->ticks) abort();
}

static inline void storm_model_deinit(storm_model *m) {
    for (int32_t i = 0; i < STORM_VERSIONS; i++)
        for (int32_t s = 0; s < STORM_SYMBOLS; s++) free(m->ticks[i][s].rows);
    free(m->ticks);
    free(m->versions);
    free(m->places);
    free(m->signals);
}

/* ---- a trader: by lot, and its text ---- */

static inline void storm_draw(version *v, const storm_market *market) {
    v->rule = (rule)below(N_RULES);
    v->k = below(STORM_INTERVALS);
    v->slow = -1;
    if (v->rule == RULE_SLOW || v->rule == RULE_SLOW_BACK || one_in(6)) {
        if (v->k == STORM_INTERVALS - 1) v->k = below(STORM_INTERVALS - 1);
        v->slow = v->k + 1 + below(STORM_INTERVALS - 1 - v->k);
    }
    v->length = 2 + below(7);
    v->factor = 1 + (below(2001) - 1000) * 1.00013e-6;
    v->is_edge = one_in(2);
    v->every = one_in(2) ? 1 : 2 + below(6);
    v->cooldown = one_in(3) ? 1 + below(8) : 0;
    v->fails = one_in(5) ? 5 + below(8) : 0;
    v->excluded = one_in(5) ? below(market->n_symbols) : -1;
    v->is_enabled = !one_in(12);
    v->other = v->rule == RULE_OTHER ? below(market->n_symbols) : -1;
    v->is_tick = v->rule != RULE_RANK && one_in(4);
    if (v->is_tick) v->fails = 0; /* the one forming bar of the evaluation at load may be a bad one */
    if (v->rule != RULE_RANK) return;
    v->is_edge = false; /* no memory: what is left open changes nothing else */
    v->every = 1;
    v->cooldown = v->fails = 0;
    v->slow = -1;
}

/* Runs away at one bar of one symbol; has no memory, so that what it misses changes nothing else. */
static inline void storm_draw_spinning(version *v, const storm_market *market, int64_t now_ms) {
    v->is_edge = false;
    v->every = 1;
    v->cooldown = 0;
    v->fails = 0;
    v->excluded = -1;
    v->is_enabled = true;
    v->is_tick = false;
    if (v->rule == RULE_RANK) v->rule = RULE_ALWAYS;
    v->spin_symbol = below(market->n_symbols);
    v->spin_ms = interval_floor(storm_interval[v->k], now_ms + (int64_t)(20 + below(80)) * MINUTE);
}

static inline void write_rule(const version *v, const storm_market *market, const char *slow, char out[256]) {
    const char *other = v->other < 0 ? "" : market->symbols[v->other].name;
    switch (v->rule) {
    case RULE_ALWAYS: snprintf(out, 256, "true"); break;
    case RULE_CLOCK:
        snprintf(out, 256, "math.floor(m.time / %lld) %% %d < %d", (long long)storm_span[v->k], v->length + 2,
                 v->length);
        break;
    case RULE_MEAN: snprintf(out, 256, "m.close[0] > %.17g * ta.sma(m.close, %d)[0]", v->factor, v->length); break;
    case RULE_SMOOTH: snprintf(out, 256, "m.close[0] > %.17g * ta.ema(m.close, %d)[0]", v->factor, v->length); break;
    case RULE_OWN: snprintf(out, 256, "m.close[0] > %.17g * m.my.slope[0]", v->factor); break;
    case RULE_PEAK: snprintf(out, 256, "m.high[0] >= ta.highest(m.high, %d)[0]", v->length); break;
    case RULE_BACK: snprintf(out, 256, "m.close[0] > m.close[%d]", v->length); break;
    case RULE_SLOW: snprintf(out, 256, "m.close[0] > %.17g * m[\"%s\"].close[0]", v->factor, slow); break;
    case RULE_OTHER: snprintf(out, 256, "m.ref.%s.close[0] > m.ref.%s.close[1]", other, other); break;
    case RULE_RANK: snprintf(out, 256, "m.rank >= 1 and m.rank <= %d and m.universe.missing == 0", v->length); break;
    default: snprintf(out, 256, "m[\"%s\"].close[0] > m[\"%s\"].close[1]", slow, slow); break;
    }
}

/* `number` makes the code of every version its own. */
static inline void storm_write(version *v, const storm_market *market, int32_t number) {
    const char *slow = v->slow < 0 ? "" : interval_name(storm_interval[v->slow]);
    char matches[256], fire[32], more[1024] = "", before[256] = "";
    write_rule(v, market, slow, matches);
    snprintf(fire, sizeof fire, v->is_edge ? "\"edge\"" : v->every == 1 ? "\"every\"" : "{every = %d}", v->every);
    if (v->slow >= 0) snprintf(more, sizeof more, "timeframes = {\"%s\"}, ", slow);
    if (v->excluded >= 0)
        snprintf(more + strlen(more), 256, "symbols = {exclude = {\"%s\"}}, ", market->symbols[v->excluded].name);
    if (v->other >= 0) snprintf(more + strlen(more), 256, "references = {\"%s\"}, ", market->symbols[v->other].name);
    if (v->rule == RULE_RANK)
        snprintf(more + strlen(more), 256, "rank = {by = function(m) return m.close[0] / m.close[%d] end, top = %d}, ",
                 v->length, v->length);
    if (v->is_tick) snprintf(more + strlen(more), 256, "on = \"tick\", ");
    if (v->rule == RULE_OWN)
        snprintf(more + strlen(more), 256,
                 "series = {slope = function(m, prev) return prev == prev and 0.75 * prev + 0.25 * m.close[0] or "
                 "m.close[0] end}, ");
    if (v->fails)
        snprintf(before, sizeof before, "if math.floor(m.time / %lld) %% %d == 3 then error(\"a bad bar\") end ",
                 (long long)storm_span[v->k], v->fails);
    if (v->spin_ms)
        snprintf(before, sizeof before, "if m.time == %lld and m.symbol == \"%s\" then while true do end end ",
                 (long long)v->spin_ms, market->symbols[v->spin_symbol].name);
    snprintf(v->code, sizeof v->code,
             "-- %d\nreturn trader {interval = \"%s\", fire = %s, cooldown = %d, enabled = %s, %s"
             "filter = function(m) %sreturn %s end}\n",
             number, interval_name(storm_interval[v->k]), fire, v->cooldown, v->is_enabled ? "true" : "false", more,
             before, matches);
}

/* `is_broken`: one that does not compile. */
static inline trader_source *storm_source(const version *v, bool is_broken) {
    const char *code = is_broken ? "return trader {" : v->code;
    trader_source *source;
    diag why;
    if (trader_source_new(v->key, v->key, code, strlen(code), NULL, &source, &why) != OK) {
        printf("Bail out! %s\n", why.text);
        exit(1);
    }
    return source;
}

/* A new version of the trader `key`, in the list from market time `now_ms` on; its place among the versions. */
static inline int32_t storm_add(storm_model *m, const char *key, int64_t now_ms, bool spins) {
    int32_t index = m->n_versions++;
    version *v = &m->versions[index];
    trader_source *source;
    char name[128];
    if (index >= STORM_VERSIONS) abort();
    snprintf(v->key, sizeof v->key, "%s", key);
    storm_draw(v, m->market);
    if (spins) storm_draw_spinning(v, m->market, now_ms);
    storm_write(v, m->market, index);
    v->is_live = true;
    v->asked_ms = now_ms;
    source = storm_source(v, false);
    memcpy(v->revision, source->revision, sizeof v->revision);
    trader_source_free(source);
    snprintf(name, sizeof name, "file:%s", key);
    if (uuid5(SIGNAL_NAMESPACE, name, strlen(name), v->id) != 0) abort();
    return index;
}

/* Whether it is to be evaluated on the symbol at all. */
static inline bool storm_wants(const version *v, int32_t symbol) { return v->is_enabled && symbol != v->excluded; }

/* ---- what the rules mean ---- */

/* a > b, unless that is for rounding to say. */
static inline bool above(place *p, double a, double b) {
    if (fabs(a - b) <= 1e-9 * fabs(b)) p->is_close_call = true;
    return a > b;
}

/* From a value that is forgotten by now: what remains of it is below a double's precision. */
static inline double smooth(const bars *b, int32_t at, double share) {
    int32_t from = at > STORM_SETTLES ? at - STORM_SETTLES : 0;
    double value = b->rows[from].close;
    for (int32_t i = from + 1; i <= at; i++) value += share * (b->rows[i].close - value);
    return value;
}

static inline double mean(const bars *b, int32_t at, int32_t length) {
    double sum = 0;
    for (int32_t i = at - length + 1; i <= at; i++) sum += b->rows[i].close;
    return sum / length;
}

static inline bool is_peak(const bars *b, int32_t at, int32_t length) {
    for (int32_t i = at - length + 1; i <= at; i++)
        if (b->rows[i].high > b->rows[at].high) return false;
    return true;
}

/* The newest bar of `b` that has closed by `ms`. */
static inline int32_t last_closed(const bars *b, int64_t span_ms, int64_t ms) {
    return bars_from(b, ms - span_ms + 1) - 1;
}

/* How much the symbol has risen at the bar that closes at `close_ms`; false: it has no such bar. */
static inline bool storm_score(const storm_model *m, const version *v, int32_t symbol, int64_t close_ms, double *out) {
    const bars *b = &m->market->bars[symbol][v->k];
    int32_t at = bars_from(b, close_ms - storm_span[v->k]);
    if (at == b->count || b->rows[at].open_ms + storm_span[v->k] != close_ms || at < v->length) return false;
    *out = b->rows[at].close / b->rows[at - v->length].close;
    return true;
}

static inline int32_t storm_rank(const storm_model *m, const version *v, place *p, int32_t symbol, int64_t close_ms) {
    const place *places = m->places[v - m->versions];
    double mine = 0, other;
    int32_t rank = 1;
    if (!storm_score(m, v, symbol, close_ms, &mine)) abort();
    for (int32_t i = 0; i < m->market->n_symbols; i++) {
        if (i == symbol || !places[i].start_ms || !storm_wants(v, i) || !storm_score(m, v, i, close_ms, &other))
            continue;
        rank +=
            other > mine || (other == mine && strcmp(m->market->symbols[i].name, m->market->symbols[symbol].name) < 0);
        if (other != mine && fabs(other - mine) < 1e-12) p->is_close_call = true;
    }
    return rank;
}

static inline bool storm_matches(storm_model *m, const version *v, place *p, int32_t symbol, int32_t at) {
    const bars *elsewhere = v->other < 0 ? NULL : &m->market->bars[v->other][v->k];
    const bars *own = &m->market->bars[symbol][v->k], *slow = v->slow < 0 ? NULL : &m->market->bars[symbol][v->slow];
    const kline *bar = &own->rows[at];
    int64_t close_ms = bar->open_ms + storm_span[v->k];
    int32_t s = slow ? last_closed(slow, storm_span[v->slow], close_ms) : 0;
    int32_t e = elsewhere ? last_closed(elsewhere, storm_span[v->k], close_ms) : 0;
    switch (v->rule) {
    case RULE_ALWAYS: return true;
    case RULE_CLOCK: return bar->open_ms / storm_span[v->k] % (v->length + 2) < v->length;
    case RULE_MEAN: return above(p, bar->close, v->factor * mean(own, at, v->length));
    case RULE_SMOOTH: return above(p, bar->close, v->factor * smooth(own, at, 2.0 / (v->length + 1)));
    case RULE_OWN: return above(p, bar->close, v->factor * smooth(own, at, 0.25));
    case RULE_PEAK: return is_peak(own, at, v->length);
    case RULE_BACK: return bar->close > own->rows[at - v->length].close;
    case RULE_SLOW: return above(p, bar->close, v->factor * slow->rows[s].close);
    case RULE_OTHER: return elsewhere->rows[e].close > elsewhere->rows[e - 1].close;
    case RULE_RANK: return storm_rank(m, v, p, symbol, close_ms) <= v->length;
    default: return slow->rows[s].close > slow->rows[s - 1].close;
    }
}

/* ---- firing ---- */

static inline bool is_fired(const version *v, place *p, int64_t open_ms, bool matches) {
    int64_t span = storm_span[v->k];
    bool before = p->has_run ? p->was_matching : true; /* without memory the state counts as matching */
    bool is_first = matches && !before, fires = false;
    if (is_first || (matches && !p->run_ms)) p->run_ms = open_ms;
    if (v->is_edge)
        fires = is_first;
    else if (matches)
        fires = v->every == 1 || is_first || (open_ms > p->run_ms && (open_ms - p->run_ms) / span % v->every == 0);
    if (fires && v->cooldown && p->signal_ms && (open_ms - p->signal_ms) / span <= v->cooldown) fires = false;
    if (fires) p->signal_ms = open_ms;
    p->has_run = true;
    p->was_matching = matches;
    return fires;
}

static inline void expect(storm_model *m, int32_t index, int32_t symbol, const kline *bar) {
    const version *v = &m->versions[index];
    int64_t close_ms = bar->open_ms + storm_span[v->k];
    expected *e;
    char name[512];
    if (m->n_signals == m->capacity) {
        m->capacity = m->capacity ? m->capacity * 2 : 4096;
        m->signals = realloc(m->signals, m->capacity * sizeof *m->signals);
        if (!m->signals) abort();
    }
    e = &m->signals[m->n_signals++];
    *e = (expected){.version = index, .symbol = symbol, .open_ms = bar->open_ms, .close_ms = close_ms};
    e->is_historical = close_ms <= m->places[index][symbol].start_ms;
    snprintf(name, sizeof name, "local|spot|%s|%s|%s|%s|%lld|close", v->id, v->revision,
             m->market->symbols[symbol].name, interval_name(storm_interval[v->k]), (long long)bar->open_ms);
    if (uuid5(SIGNAL_NAMESPACE, name, strlen(name), e->id) != 0) abort();
}

/* ---- the bars, one after the other ---- */

static inline bool lacks(const storm_model *m, int32_t symbol, int32_t k, int64_t close_ms) {
    return k >= 0 && close_ms % storm_span[k] == 0 && !bars_at(&m->market->bars[symbol][k], close_ms - storm_span[k]);
}

/* A slower bar, or one of the other symbol, that closes at the same instant exists nowhere: the trader skips this bar. */
static inline bool is_blind(const storm_model *m, const version *v, int32_t symbol, int64_t close_ms) {
    return lacks(m, symbol, v->slow, close_ms) ||
           (v->other >= 0 && (lacks(m, v->other, v->k, close_ms) || lacks(m, v->other, v->slow, close_ms)));
}

/* What provisional signals of the bar become: those of one that nobody has seen, or that fails, are no match. */
static inline void note_tick_bar(storm_model *m, int32_t index, int32_t symbol, tick_bar bar) {
    tick_bars *t = &m->ticks[index][symbol];
    if (t->count == t->capacity) {
        t->capacity = t->capacity ? t->capacity * 2 : 64;
        t->rows = realloc(t->rows, (size_t)t->capacity * sizeof *t->rows);
        if (!t->rows) abort();
    }
    t->rows[t->count++] = bar;
}

static inline const tick_bar *find_tick_bar(const storm_model *m, int32_t index, int32_t symbol, int64_t open_ms) {
    const tick_bars *t = &m->ticks[index][symbol];
    for (int32_t i = t->count - 1; i >= 0; i--)
        if (t->rows[i].open_ms == open_ms) return &t->rows[i];
    return NULL;
}

/* No rank is promised before all symbols have begun, nor of closes of an earlier life. */
static inline bool is_rank_open(const storm_model *m, int32_t index, int64_t close_ms) {
    const version *v = &m->versions[index];
    int64_t from_ms = v->rank_from_ms;
    for (int32_t s = 0; s < m->market->n_symbols; s++)
        if (m->places[index][s].start_ms > from_ms) from_ms = m->places[index][s].start_ms;
    return v->rule == RULE_RANK && close_ms <= from_ms;
}

static inline void see(storm_model *m, int32_t index, int32_t symbol, int32_t at) {
    const version *v = &m->versions[index];
    place *p = &m->places[index][symbol];
    const kline *bar = &m->market->bars[symbol][v->k].rows[at];
    bool fails = v->fails && bar->open_ms / storm_span[v->k] % v->fails == 3, matches = false, fires = false;
    p->cursor_ms = bar->open_ms + storm_span[v->k];
    if (!fails && !is_blind(m, v, symbol, p->cursor_ms)) {
        m->n_evaluations++;
        matches = storm_matches(m, v, p, symbol, at);
        fires = is_fired(v, p, bar->open_ms, matches);
    }
    if (fires) expect(m, index, symbol, bar);
    if (fires) m->signals[m->n_signals - 1].is_open = is_rank_open(m, index, p->cursor_ms);
    if (v->is_tick) note_tick_bar(m, index, symbol, (tick_bar){bar->open_ms, matches, fires});
}

static inline void advance_place(storm_model *m, int32_t index, int32_t symbol, int64_t to_ms) {
    const version *v = &m->versions[index];
    place *p = &m->places[index][symbol];
    const bars *b = &m->market->bars[symbol][v->k];
    int64_t span = storm_span[v->k];
    int32_t at = bars_from(b, p->cursor_ms);
    if (!p->start_ms || !storm_wants(v, symbol)) return;
    if (!p->cursor_ms) at = last_closed(b, span, p->start_ms) + 1 - STORM_SILENT_BARS;
    for (; at < b->count && b->rows[at].open_ms + span <= to_ms; at++) see(m, index, symbol, at);
}

/* Sees all bars that close up to `to_ms`, as they are now. */
static inline void storm_model_advance(storm_model *m, int64_t to_ms) {
    for (int32_t i = 0; i < m->n_versions; i++)
        for (int32_t s = 0; s < m->market->n_symbols && !m->versions[i].is_closed; s++) advance_place(m, i, s, to_ms);
}
