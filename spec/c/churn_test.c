/* Symbols that come and go while workers come and go, other traders are installed, volumes change and REST is late. At
 * the end the signals are exactly those of the closes for which a symbol was under watch; nothing is provisional, no close
 * waits for a member that has left, and (under a sanitizer) nothing is left in memory. By the clock for 10 seconds;
 * TRADEMIND_SEED=N: that one alone.
 *
 * Bars follow from symbol and minute, so the model needs no memory of them. Threads are not repeatable: a seed repeats
 * what happens and not when. */
#include "base/clock.h"
#include "base/log.h"
#include "screener/screener.h"
#include "spec/c/storm_store.h"
#include "spec/c/tap.h"
#include <time.h>

enum { SYMBOLS = 9, MINUTES = 160, FIRST = 28400000, HISTORY = 300, WATCHES = 64, TOP = 3, RANKED = 2, BOX_MS = 10000 };

static const char *const CODE[][2] = {
    {"every", "return trader {interval = '1m', fire = 'every', filter = function(m) return m.close[0] > 0 end}"},
    {"edge", "return trader {interval = '1m', filter = function(m) return m.close[0] > 150 end}"},
    {"tick", "return trader {interval = '1m', on = 'tick', filter = function(m) return m.close[0] > 150 end}"},
    {"rank",
     "return trader {interval = '1m', fire = 'every', rank = {by = function(m) return m.close[0] end, top = 2},\n"
     "  filter = function(m) return true end}"},
    {"top",
     "return trader {interval = '1m', fire = 'every', symbols = {top = 3}, filter = function(m) return true end}"},
    {"follow", "return trader {interval = '1m', references = {'SYM0USDT'},\n"
               "  filter = function(m) return m.close[0] > 150 and m.ref.SYM0USDT.close[0] > 0 end}"},
    {"extra", "return trader {interval = '1m', filter = function(m) return false end}"},
};
enum { N_TRADERS = sizeof CODE / sizeof *CODE };

typedef struct watch { /* closes in (from, to], in minutes */
    int32_t from, to;
    bool is_certain; /* what was asked for had been answered when it ended */
} watch;

typedef struct answer {
    uint32_t symbol;
    int64_t from_ms, to_ms;
    int32_t due;
} answer;

typedef struct churn {
    symbol_table *symbols;
    screener *screener;
    storm_store store;
    wakeup *wake;
    table answers;
    watch watches[SYMBOLS][WATCHES];
    int32_t n_watches[SYMBOLS], now; /* now: minutes */
    bool has_loaded, has_passed, has_failed, has_extra;
    uint64_t n_ranges;
    int32_t n_left, n_resizes, n_installs, n_choices, n_returned_at_once;
} churn;

/* ---- the market ---- */

static bool is_high(uint32_t symbol, int32_t minute) {
    uint64_t dice = (uint64_t)symbol * 1000003u + (uint64_t)minute;
    return throw_dice(&dice) % 3 == 0;
}

static kline bar_of(uint32_t symbol, int32_t minute) {
    double price = is_high(symbol, minute) ? 200 + symbol : 100 + symbol;
    return (kline){.open_ms = (int64_t)minute * MINUTE,
                   .open = price,
                   .high = price,
                   .low = price,
                   .close = price,
                   .volume = 1,
                   .quote_volume = price,
                   .trades = 1};
}

static void push(churn *c, market_event event) { demand(screener_push(c->screener, &event), "push"); }

static void push_range(churn *c, const answer *a) {
    market_event event = {.kind = EVENT_HISTORY, .symbol = a->symbol, .interval = INTERVAL_1M, .from_ms = a->from_ms};
    for (int64_t ms = a->from_ms; ms < a->to_ms; ms += MINUTE) {
        event.bar = bar_of(a->symbol < SYMBOLS ? a->symbol : 0, (int32_t)(ms / MINUTE)); /* else: the copy of SYM0 */
        push(c, event);
    }
    event.kind = EVENT_RANGE_DONE;
    event.bar.open_ms = a->from_ms;
    event.to_ms = a->to_ms;
    push(c, event);
}

static void answer_ranges(churn *c, bool all) {
    for (size_t i = 0; i < c->answers.count;) {
        answer *rows = c->answers.rows, a = rows[i];
        if (!all && a.due > c->now) {
            i++;
            continue;
        }
        rows[i] = rows[--c->answers.count];
        push_range(c, &a);
    }
}

static void forget_ranges(churn *c, uint32_t symbol) {
    answer *rows = c->answers.rows;
    for (size_t i = 0; i < c->answers.count;)
        if (rows[i].symbol == symbol)
            rows[i] = rows[--c->answers.count];
        else
            i++;
}

/* All symbols, under watch or not, as when a stream is still on its way out. */
static void minute(churn *c) {
    c->now++;
    for (uint32_t i = 0; i < SYMBOLS; i++) {
        market_event event = {.kind = EVENT_BAR_CLOSED,
                              .symbol = i,
                              .interval = INTERVAL_1M,
                              .bar = bar_of(i, c->now - 1),
                              .event_ms = (int64_t)c->now * MINUTE};
        push(c, event);
        event.kind = EVENT_BAR_FORMING;
        event.bar = bar_of(i, c->now);
        event.event_ms += 100;
        push(c, event);
    }
    answer_ranges(c, false);
}

/* ---- the screener's side ---- */

static void on_range(void *context, uint32_t symbol, int32_t interval, int64_t from_ms, int64_t to_ms) {
    churn *c = context;
    answer *a = table_add(&c->answers);
    (void)interval;
    c->n_ranges++;
    *a = (answer){symbol, from_ms, to_ms, c->now + chance(3)};
}

static err on_reference(void *context, const char *name, uint32_t *symbol, uint32_t *copy) {
    const churn *c = context;
    err e = symbol_table_find(c->symbols, name, strlen(name), symbol);
    return e == OK ? symbol_table_alias(c->symbols, *symbol, copy) : e;
}

static void on_loaded(void *context, const trader_set *set) {
    (void)set;
    ((churn *)context)->has_loaded = true;
}
static void on_barrier(void *context) { ((churn *)context)->has_passed = true; }
static void on_trouble(void *context) { ((churn *)context)->has_failed = true; }
static void wake(void *context) { wakeup_notify(((churn *)context)->wake); }

static void no_edge(void *context, const char *symbol, const edge_row *edge) {
    (void)context, (void)symbol, (void)edge;
}

/* What storage does at a settle: signals of the bar that are provisional change their state. */
static void settle_signals(storm_store *s, const pass *p) {
    stored_signal *rows = s->signals.rows;
    for (uint32_t k = 0; k < p->n_settles; k++)
        for (size_t i = 0; i < s->signals.count; i++)
            if (rows[i].state == SIGNAL_PROVISIONAL && rows[i].open_ms == p->settles[k].open_ms &&
                strcmp(rows[i].symbol, p->symbol) == 0)
                rows[i].state = p->settles[k].state;
}

static void commit(storm_store *s) {
    while (s->batch.count) {
        pass *p = list_take(&s->batch);
        apply(s, p);
        settle_signals(s, p);
        pass_release(p);
    }
}

static void keep_storing(churn *c) {
    if (chance(2)) commit(&c->store);
    store_take(&c->store, false);
}

static void wait_for(churn *c, const bool *flag) {
    while (!*flag && !c->has_failed) {
        screener_poll(c->screener);
        keep_storing(c);
        if (!*flag) (void)wakeup_wait(c->wake, 5);
    }
    if (c->has_failed) demand(ERR_INVALID, "the screener, or a trader");
}

/* All that was pushed, and all that was asked for on the way, is evaluated. */
static void settle(churn *c) {
    uint64_t before;
    do {
        before = c->n_ranges;
        answer_ranges(c, true);
        c->has_passed = false;
        demand(screener_barrier(c->screener), "barrier");
        wait_for(c, &c->has_passed);
    } while (c->n_ranges != before || c->answers.count);
}

static void load(churn *c) {
    trader_source **sources = calloc(N_TRADERS, sizeof(trader_source *));
    int32_t count = 0;
    diag why;
    for (int32_t i = 0; i < N_TRADERS - !c->has_extra; i++)
        demand(trader_source_new(CODE[i][0], CODE[i][0], CODE[i][1], strlen(CODE[i][1]), NULL, &sources[count++], &why),
               why.text);
    c->has_loaded = false;
    demand(screener_load(c->screener, sources, count), "load");
}

/* ---- what happens ---- */

static watch *newest(churn *c, uint32_t symbol) { return &c->watches[symbol][c->n_watches[symbol] - 1]; }

static void join(churn *c, uint32_t symbol, bool is_late) {
    if (c->n_watches[symbol] == WATCHES) return;
    symbol_table_set_outside(c->symbols, symbol, false);
    demand(is_late ? screener_track_late(c->screener, symbol) : screener_track(c->screener, symbol), "track");
    c->n_watches[symbol]++;
    *newest(c, symbol) = (watch){c->now, INT32_MAX, false};
}

static void leave(churn *c, uint32_t symbol, bool is_certain) {
    if (is_certain) settle(c);
    symbol_table_set_outside(c->symbols, symbol, true);
    forget_ranges(c, symbol);
    demand(screener_untrack(c->screener, symbol), "untrack");
    newest(c, symbol)->to = c->now;
    newest(c, symbol)->is_certain = is_certain;
    c->n_left++;
}

static void change_volumes(churn *c) {
    for (uint32_t i = 0; i < SYMBOLS; i++) symbol_table_refresh(c->symbols, i, 1 + below(1000000) + i * 0.01, true);
    screener_choose(c->screener);
    c->n_choices++;
}

static void something(churn *c) {
    uint32_t symbol = (uint32_t)below(SYMBOLS);
    switch (below(12)) {
    case 0:
        demand(screener_resize(c->screener, 1 + below(WORKERS_MAX)), "resize");
        c->n_resizes++;
        break;
    case 1:
        c->has_extra = !c->has_extra;
        load(c);
        c->n_installs++;
        break;
    case 2: change_volumes(c); break;
    case 3: settle(c); break;
    case 4: /* and back before its worker has heard of it */
        if (!screener_is_tracked(c->screener, symbol)) break;
        leave(c, symbol, one_in(2));
        join(c, symbol, true);
        c->n_returned_at_once++;
        if (one_in(2)) leave(c, symbol, false);
        break;
    default:
        if (screener_is_tracked(c->screener, symbol))
            leave(c, symbol, !one_in(3));
        else
            join(c, symbol, true);
    }
}

/* ---- judgement ---- */

static uint32_t index_of(const char *symbol) { return (uint32_t)(symbol[3] - '0'); }

/* 1: a watch that must have seen the close; 0: one that may have; -1: none. */
static int seen(const churn *c, uint32_t symbol, int32_t close) {
    for (int32_t i = 0; i < c->n_watches[symbol]; i++) {
        const watch *w = &c->watches[symbol][i];
        if (close > w->from && close <= w->to) return w->is_certain;
    }
    return -1;
}

static bool is_expected(const char *key, uint32_t symbol, int32_t bar) {
    if (strcmp(key, "edge") == 0 || strcmp(key, "follow") == 0)
        return is_high(symbol, bar) && !is_high(symbol, bar - 1);
    return true;
}

typedef struct verdict {
    int32_t n_wrong, n_missing, n_provisional, n_expected;
} verdict;

static void judge_stored(churn *c, verdict *v, uint8_t (*found)[SYMBOLS][MINUTES + 8]) {
    const stored_signal *rows = c->store.signals.rows;
    for (size_t i = 0; i < c->store.signals.count; i++) {
        uint32_t symbol = index_of(rows[i].symbol);
        int32_t bar = (int32_t)(rows[i].open_ms / MINUTE), t = 0;
        while (strcmp(CODE[t][0], rows[i].trader) != 0) t++;
        v->n_provisional += rows[i].state == SIGNAL_PROVISIONAL;
        if (strcmp(rows[i].trader, "tick") == 0) continue;
        bool is_right = seen(c, symbol, bar + 1) >= 0 && is_expected(rows[i].trader, symbol, bar);
        if (!is_right && v->n_wrong++ < 5)
            printf("# %s on %s at %d: unexpected\n", rows[i].trader, rows[i].symbol, bar - FIRST);
        if (is_right) found[t][symbol][bar - FIRST]++;
    }
}

static void judge(churn *c, verdict *v) {
    static uint8_t found[N_TRADERS][SYMBOLS][MINUTES + 8];
    memset(found, 0, sizeof found);
    judge_stored(c, v, found);
    for (uint32_t symbol = 0; symbol < SYMBOLS; symbol++)
        for (int32_t bar = FIRST; bar < c->now; bar++)
            for (int32_t t = 0; t < 6; t++) {
                bool is_judged = t < 2 || t == 5; /* every, edge, follow; the others' conditions are not this model's */
                if (!is_judged || seen(c, symbol, bar + 1) != 1 || !is_expected(CODE[t][0], symbol, bar)) continue;
                v->n_expected++;
                if (found[t][symbol][bar - FIRST] != 1 && v->n_missing++ < 5)
                    printf("# %s on SYM%u at %d: %d times\n", CODE[t][0], symbol, bar - FIRST,
                           found[t][symbol][bar - FIRST]);
            }
}

static int32_t count_at(const churn *c, const char *key, int32_t bar) {
    const stored_signal *rows = c->store.signals.rows;
    int32_t n = 0;
    for (size_t i = 0; i < c->store.signals.count; i++)
        n += strcmp(rows[i].trader, key) == 0 && rows[i].open_ms == (int64_t)bar * MINUTE;
    return n;
}

static void store_all(churn *c) {
    commit(&c->store);
    store_take(&c->store, true);
    commit(&c->store);
}

static int32_t n_held(const churn *c) {
    int32_t n = 0;
    for (int32_t i = 0; i < screener_workers(c->screener); i++)
        n += atomic_load(&screener_stats(c->screener, i)->n_symbols);
    return n;
}

/* ---- one run ---- */

static void begin(churn *c) {
    screener_config config = {
        .n_workers = 1 + below(4),
        .symbols = c->symbols,
        .limits = {.cpu_ms = 2000, .load_cpu_ms = 20000, .memory_bytes = 64 << 20, .default_interval = INTERVAL_1M},
        .max_errors_in_row = 5,
        .kline_history = HISTORY,
        .tick_ms = 1000,
        .waits_for_ranks = true,
        .user = "local",
        .market = "spot",
        .submit = store_submit,
        .is_taken = store_is_taken,
        .submit_context = &c->store,
        .notify = wake,
        .notify_context = c};
    screener_handlers handlers = {.on_range = on_range,
                                  .on_loaded = on_loaded,
                                  .on_reference = on_reference,
                                  .on_killed = on_trouble,
                                  .on_failed = on_trouble,
                                  .on_barrier = on_barrier,
                                  .context = c};
    demand(screener_new(&config, &handlers, &c->screener), "screener");
    demand(screener_start(c->screener), "start");
    load(c);
    wait_for(c, &c->has_loaded);
    screener_set_start(c->screener, (int64_t)c->now * MINUTE + 100);
    for (uint32_t i = 0; i < SYMBOLS; i++) join(c, i, false);
}

/* All are under watch and nothing is under way: the ranked ones and the most traded ones are known. */
static bool last_minute(churn *c) {
    for (uint32_t i = 0; i < SYMBOLS; i++)
        if (!screener_is_tracked(c->screener, i)) join(c, i, true);
    change_volumes(c);
    settle(c);
    minute(c);
    settle(c);
    minute(c);
    settle(c);
    store_all(c);
    printf("# the last close: %d ranked, %d of the most traded\n", count_at(c, "rank", c->now - 1),
           count_at(c, "top", c->now - 1));
    return count_at(c, "rank", c->now - 1) == RANKED && count_at(c, "top", c->now - 1) == TOP;
}

static void test(uint64_t seed) {
    churn *c = calloc(1, sizeof *c);
    verdict v = {0};
    plan_dice = chance_dice = seed;
    c->now = FIRST;
    c->answers.row_bytes = sizeof(answer);
    storm_store_init(&c->store);
    c->store.on_edge = no_edge;
    demand(symbol_table_new(&c->symbols), "symbols");
    demand(wakeup_new(&c->wake), "wakeup");
    for (uint32_t i = 0, id; i < SYMBOLS; i++) {
        symbol_info info = {.quote = "USDT", .quote_volume_24h = 100 + i, .is_trading = true};
        snprintf(info.name, sizeof info.name, "SYM%uUSDT", i);
        demand(symbol_table_add(c->symbols, &info, &id), "symbol");
    }
    begin(c);
    for (int32_t i = 0; i < MINUTES; i++) {
        minute(c);
        for (int n = below(3); n > 0; n--) something(c);
        screener_poll(c->screener);
        keep_storing(c);
    }
    bool is_last_right = last_minute(c);
    for (uint32_t i = 0; i < SYMBOLS; i++) leave(c, i, true);
    while (n_held(c) > 0) {
        screener_poll(c->screener);
        keep_storing(c);
        (void)wakeup_wait(c->wake, 1);
    }
    settle(c);
    store_all(c);
    judge(c, &v);
    ok(v.n_wrong == 0 && v.n_missing == 0 && v.n_expected > 200 && !c->store.complaint && is_last_right &&
           v.n_provisional == 0,
       "seed %llu: %d signals as expected, %d unexpected, %d missing, %d provisional (%s); %d left, %d back at once, "
       "%d resizes, "
       "%d installs, %d choices",
       (unsigned long long)seed, v.n_expected, v.n_wrong, v.n_missing, v.n_provisional,
       c->store.complaint ? c->store.complaint : "no complaint", c->n_left, c->n_returned_at_once, c->n_resizes,
       c->n_installs, c->n_choices);
    (void)screener_stop(c->screener, 0);
    store_all(c);
    screener_free(c->screener);
    storm_store_deinit(&c->store);
    free(c->answers.rows);
    wakeup_free(c->wake);
    symbol_table_free(c->symbols);
    free(c);
}

int main(void) {
    uint64_t seed = tap_seed((uint64_t)time(NULL));
    int64_t end_ms = monotonic_ms() + BOX_MS;
    log_init(LOG_ERROR, LOG_HUMAN);
    do test(seed++);
    while (!getenv("TRADEMIND_SEED") && monotonic_ms() < end_ms);
    return done();
}
