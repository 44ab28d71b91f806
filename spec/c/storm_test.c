/* A storm over the screener: bars that are lost, repeated and out of order, answers of REST that come late, workers that
 * come and go, traders that are edited, fail or run away, and kills that throw away what was not committed. Whatever
 * happens, at every quiet point the signals are exactly those that a slow model (storm_model.h) expects. By the clock for
 * 20 seconds; TRADEMIND_SOAK=1: 1,000 storms. TRADEMIND_SEED=N: that one alone. time limit: 3000
 *
 *   market (storm_market.h) ── stream, REST ──► screener ── passes ──► store (storm_store.h) ─┐
 *            └──────────────────────────► model ── expected signals ──► judge ◄───────────────┘
 *
 * Threads are not repeatable, so a seed repeats what happens and not when; a fault may need several runs of its seed. */
#include "base/clock.h"
#include "base/log.h"
#include "screener/screener.h"
#include "spec/c/storm_model.h"
#include "spec/c/storm_store.h"
#include "spec/c/tap.h"

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
enum { SCRIPT_CPU_MS = 400 };
#else
enum { SCRIPT_CPU_MS = 40 };
#endif
enum {
    KEYS = 10,
    TICK_MS = 20000,
    WAIT_MS = 5,
    HISTORY_BARS = 500,
    CORRECTED_BARS = 60,
    COMPLAINTS = 6,
    BOX_MS = 20000,
    STORMS = 1000
};

typedef struct late_event {
    int64_t due_ms;
    market_event event;
} late_event;

typedef struct answer { /* REST has been asked */
    int64_t due_ms, from_ms, to_ms;
    uint32_t symbol;
    int32_t k;
} answer;

typedef struct storm {
    uint64_t seed;
    storm_market market;
    storm_model model;
    storm_store store;
    symbol_table *symbols;
    screener *screener;
    memory *memory;
    wakeup *wake;
    table late, answers;
    int32_t list[KEYS]; /* the traders that are to run: a version for each key; -1: none */
    int32_t n_tracked;
    int64_t now_ms, market_ms, quiet_ms, end_ms; /* market_ms: newest event that the screener has seen */
    int lose, delay, repeat;                     /* one in so many bars */
    uint64_t n_ranges;
    uint32_t copies[STORM_SYMBOLS]; /* ids of the copies of references; 0: none */
    size_t n_provisional;
    bool is_loaded, has_passed, has_failed, has_spinning;
    int n_complaints, n_lives, n_quiet, n_kills, n_edits, n_resizes, n_corrected;
} storm;

static void complaint(storm *s, const char *what, const version *v, int32_t symbol, int64_t open_ms) {
    if (++s->n_complaints > COMPLAINTS) return;
    printf("# %s: %s on %s, bar %lld (minute %lld of %lld)\n", what, v ? v->key : "", s->market.symbols[symbol].name,
           (long long)open_ms, (long long)(open_ms - s->market.first_ms) / MINUTE,
           (long long)(s->now_ms - s->market.first_ms) / MINUTE);
}

/* For whoever looks for the fault. */
static void describe(const storm *s, const version *v, int32_t symbol) {
    const place *p = &s->model.places[v - s->model.versions][symbol];
    if (s->n_complaints > COMPLAINTS) return;
    printf("#   %s, asked for at %lld, begun at %lld, certain to %lld: %s", v->is_live ? "live" : "ended",
           (long long)(v->asked_ms - s->market.first_ms) / MINUTE,
           (long long)(p->start_ms - s->market.first_ms) / MINUTE,
           (long long)(p->certain_ms - s->market.first_ms) / MINUTE, strchr(v->code, '\n') + 1);
}

/* ---- the feed ---- */

static void push(storm *s, market_event event) {
    if (event.event_ms > s->market_ms) s->market_ms = event.event_ms;
    demand(screener_push(s->screener, &event), "push");
}

static market_event event_of(const storm *s, int32_t kind, uint32_t symbol, int32_t k, const kline *bar) {
    market_event e = {.kind = (uint8_t)kind, .symbol = symbol, .interval = (uint8_t)storm_interval[k]};
    if (bar) e.bar = *bar;
    if (kind == EVENT_BAR_CLOSED || kind == EVENT_BAR_FORMING) e.event_ms = s->now_ms + below(900);
    return e;
}

static void push_history(storm *s, uint32_t symbol, int32_t k, const kline *bar, int64_t from_ms) {
    market_event e = event_of(s, EVENT_HISTORY, symbol, k, bar);
    e.from_ms = from_ms;
    push(s, e);
}

/* What the screener has asked for may be for the copy of a reference. */
static int32_t market_symbol(const storm *s, uint32_t id) {
    for (int32_t i = 0; i < s->market.n_symbols; i++)
        if (id == (uint32_t)i || (s->copies[i] && s->copies[i] == id)) return i;
    abort();
}

/* All that there is of [from, to), as REST says it. */
static void push_range(storm *s, uint32_t symbol, int32_t k, int64_t from_ms, int64_t to_ms) {
    const bars *b = &s->market.bars[market_symbol(s, symbol)][k];
    market_event end = event_of(s, EVENT_RANGE_DONE, symbol, k, NULL);
    for (int32_t i = bars_from(b, from_ms); i < b->count && b->rows[i].open_ms < to_ms; i++)
        push_history(s, symbol, k, &b->rows[i], from_ms);
    end.bar.open_ms = from_ms;
    end.to_ms = to_ms;
    push(s, end);
}

static err on_reference(void *context, const char *name, uint32_t *symbol, uint32_t *copy) {
    storm *s = context;
    err e = symbol_table_find(s->symbols, name, strlen(name), symbol);
    if (e == OK && !s->copies[*symbol]) e = symbol_table_alias(s->symbols, *symbol, &s->copies[*symbol]);
    if (e == OK) *copy = s->copies[*symbol];
    return e;
}

static void on_range(void *context, uint32_t symbol, int32_t interval, int64_t from_ms, int64_t to_ms) {
    storm *s = context;
    answer *a;
    int32_t k = 0;
    while (k < STORM_INTERVALS - 1 && storm_interval[k] != interval) k++;
    s->n_ranges++;
    if (from_ms < s->market.begin_ms) complain(&s->store, "a range begins before all that could be needed");
    if (to_ms > s->now_ms + MINUTE) complain(&s->store, "a range ends in the future");
    a = table_add(&s->answers);
    *a = (answer){s->now_ms + chance(3) * MINUTE, from_ms, to_ms, symbol, k};
}

static void on_loaded(void *context, const trader_set *set) {
    (void)set;
    ((storm *)context)->is_loaded = true;
}
static void on_barrier(void *context) { ((storm *)context)->has_passed = true; }
static void on_killed(void *context) {
    storm *s = context;
    if (!s->has_spinning) complain(&s->store, "a trader was stopped that does not run away");
}
static void on_failed(void *context) { ((storm *)context)->has_failed = true; }
static void wake(void *context) { wakeup_notify(((storm *)context)->wake); }

static void answer_ranges(storm *s, bool all) {
    for (size_t i = 0; i < s->answers.count;) {
        answer *rows = s->answers.rows, a = rows[i];
        if (!all && a.due_ms > s->now_ms) {
            i++;
            continue;
        }
        rows[i] = rows[--s->answers.count];
        push_range(s, a.symbol, a.k, a.from_ms, a.to_ms);
    }
}

static void push_late(storm *s, bool all) {
    for (size_t i = 0; i < s->late.count;) {
        late_event *rows = s->late.rows, l = rows[i];
        if (!all && l.due_ms > s->now_ms) {
            i++;
            continue;
        }
        rows[i] = rows[--s->late.count];
        push(s, l.event);
    }
}

static void push_later(storm *s, const market_event *event) {
    late_event *l = table_add(&s->late);
    *l = (late_event){s->now_ms + (int64_t)below(4) * MINUTE, *event};
}

static void stream_closed(storm *s, uint32_t symbol, int32_t k, const kline *bar) {
    market_event e = event_of(s, EVENT_BAR_CLOSED, symbol, k, bar);
    if (s->lose && one_in(s->lose)) return;
    if (s->delay && one_in(s->delay)) {
        push_later(s, &e);
        return;
    }
    push(s, e);
    if (s->repeat && one_in(s->repeat)) push_later(s, &e);
}

/* Of a bar that is not finished, whatever becomes of it. */
static void stream_forming(storm *s, uint32_t symbol, int32_t k) {
    int64_t open_ms = s->now_ms - s->now_ms % storm_span[k];
    kline *bar = bars_at(&s->market.bars[symbol][k], open_ms), forming;
    if (!bar) return;
    forming = *bar;
    forming.close = one_in(2) ? forming.low : forming.high;
    forming.volume /= 2;
    push(s, event_of(s, EVENT_BAR_FORMING, symbol, k, &forming));
}

static void minute(storm *s) {
    int32_t n = s->market.n_symbols, first = below(n);
    s->now_ms += MINUTE;
    push_late(s, false);
    for (int32_t i = 0; i < n; i++) {
        uint32_t symbol = (uint32_t)((first + i) % n);
        if ((int32_t)symbol >= s->n_tracked && !s->copies[symbol]) continue;
        for (int32_t j = 0, skew = below(STORM_INTERVALS); j < STORM_INTERVALS; j++) {
            int32_t k = (j + skew) % STORM_INTERVALS;
            kline *bar =
                s->now_ms % storm_span[k] ? NULL : bars_at(&s->market.bars[symbol][k], s->now_ms - storm_span[k]);
            if (bar) stream_closed(s, symbol, k, bar);
            if (one_in(5)) stream_forming(s, symbol, k);
        }
    }
    answer_ranges(s, false);
}

/* ---- waiting ---- */

static void keep_storing(storm *s) {
    if (chance(2)) store_commit(&s->store);
    store_take(&s->store, true);
}

static void wait_for(storm *s, const bool *flag) {
    while (!*flag && !s->has_failed) {
        screener_poll(s->screener);
        keep_storing(s);
        if (!*flag) (void)wakeup_wait(s->wake, WAIT_MS);
    }
    if (s->has_failed) demand(ERR_NO_MEMORY, "the screener gave up");
}

/* Behind it, the newest list of traders is installed. */
static void pass_barrier(storm *s) {
    s->has_passed = false;
    demand(screener_barrier(s->screener), "barrier");
    wait_for(s, &s->has_passed);
}

/* All that was pushed, and all that was asked for on the way, has been evaluated. */
static void settle(storm *s) {
    uint64_t before;
    do {
        before = s->n_ranges;
        answer_ranges(s, true);
        pass_barrier(s);
    } while (s->n_ranges != before || s->answers.count);
}

/* ---- traders ---- */

/* `broken`: of this place a version comes that does not compile; the one before it runs on. -1: none. */
static void load(storm *s, int32_t broken) {
    trader_source **sources = malloc((KEYS + 1) * sizeof(trader_source *));
    int32_t count = 0;
    if (!sources) abort();
    for (int32_t i = 0; i < KEYS; i++)
        if (s->list[i] >= 0) sources[count++] = storm_source(&s->model.versions[s->list[i]], i == broken);
    s->is_loaded = false;
    demand(screener_load(s->screener, sources, count), "load");
}

static void change_trader(storm *s, int32_t at) {
    char key[32];
    bool spins = !s->has_spinning && one_in(12);
    if (s->list[at] >= 0) s->model.versions[s->list[at]].is_live = false;
    snprintf(key, sizeof key, "trader_%d", at);
    s->list[at] = one_in(4) ? -1 : storm_add(&s->model, key, s->market_ms, spins);
    s->has_spinning = s->has_spinning || (s->list[at] >= 0 && spins);
}

static void edit(storm *s) {
    if (s->model.n_versions + KEYS > STORM_VERSIONS) return;
    s->n_edits++;
    for (int n = 1 + below(3); n > 0; n--) change_trader(s, below(KEYS));
    load(s, -1);
}

static void edit_badly(storm *s) {
    pass_barrier(s); /* only what runs can run on */
    load(s, below(KEYS));
}

/* ---- lives ---- */

/* Nobody hears anything meanwhile; rarely for so long that it is more than what is kept of the past. */
static void pass_time(storm *s, int most_minutes) {
    int64_t last_ms = s->market.first_ms + (int64_t)(STORM_MINUTES - 1200) * MINUTE;
    if (one_in(20) && s->now_ms < last_ms) most_minutes = 1000;
    s->now_ms += (int64_t)below(most_minutes) * MINUTE;
}

static void track(storm *s, int32_t symbol) { demand(screener_track(s->screener, (uint32_t)symbol), "track"); }

static void begin_life(storm *s) {
    screener_config c = {.n_workers = 1 + below(WORKERS_MAX),
                         .symbols = s->symbols,
                         .limits = {SCRIPT_CPU_MS, 20000, 64 << 20, INTERVAL_5M, false, false, ANALYSIS_OFF},
                         .max_errors_in_row = 5,
                         .kline_history = HISTORY_BARS,
                         .watches_closes = true,
                         .audit_period_ms = 30 * MINUTE,
                         .shows_first_look = true,
                         .tick_ms = TICK_MS,
                         .waits_for_ranks = true,
                         .user = "local",
                         .market = "spot",
                         .submit = store_submit,
                         .is_taken = store_is_taken,
                         .submit_context = &s->store,
                         .notify = wake,
                         .notify_context = s};
    screener_handlers h = {.on_range = on_range,
                           .on_loaded = on_loaded,
                           .on_reference = on_reference,
                           .on_killed = on_killed,
                           .on_failed = on_failed,
                           .on_barrier = on_barrier,
                           .context = s};
    c.memory = s->memory = store_remember(&s->store);
    s->n_lives++;
    s->market_ms = s->now_ms;
    for (int32_t i = 0; i < s->model.n_versions; i++) s->model.versions[i].rank_from_ms = s->now_ms;
    demand(screener_new(&c, &h, &s->screener), "screener");
    demand(screener_start(s->screener), "start");
    screener_set_start(s->screener, s->now_ms);
    load(s, -1);
    wait_for(s, &s->is_loaded);
    for (int32_t i = 0; i < s->n_tracked; i++) track(s, i);
}

static void end_life(storm *s, bool is_kill) {
    (void)screener_stop(s->screener, 0);
    if (is_kill)
        store_lose(&s->store);
    else
        store_commit_all(&s->store);
    screener_free(s->screener);
    memory_free(s->memory);
    s->answers.count = s->late.count = 0;
}

static void restart(storm *s, bool is_kill) {
    s->n_kills += is_kill;
    end_life(s, is_kill);
    pass_time(s, one_in(2) ? 4 : 60);
    begin_life(s);
}

/* ---- judgement ---- */

static void on_edge(void *context, const char *symbol, const edge_row *edge) {
    storm *s = context;
    int32_t at = 0, index = 0;
    place *p;
    while (strcmp(s->market.symbols[at].name, symbol) != 0) at++;
    while (index < s->model.n_versions && strcmp(s->model.versions[index].revision, edge->revision) != 0) index++;
    if (index == s->model.n_versions) {
        complain(&s->store, "an edge of an unknown version");
        return;
    }
    p = &s->model.places[index][at];
    if (edge->is_tick) return; /* where it began is told by that of its closes */
    if (edge->start_ms < s->model.versions[index].asked_ms || edge->start_ms > s->market_ms)
        complaint(s, "a start at another time", &s->model.versions[index], at, edge->start_ms);
    if (p->start_ms && p->start_ms != edge->start_ms)
        complaint(s, "begun a second time", &s->model.versions[index], at, edge->start_ms);
    p->start_ms = edge->start_ms;
}

/* Whether the signal must be there; otherwise it may. */
static bool is_certain(const version *v, const place *p, const expected *e) {
    if (p->is_close_call || e->is_open || (!v->is_live && e->close_ms > p->certain_ms)) return false;
    if (!v->spin_ms || e->close_ms <= p->calm_ms) return true;
    return e->close_ms >= v->spin_ms + storm_span[v->k] + MINUTE;
}

static void blame(storm *s, const char *what, const expected *e) {
    const version *v = &s->model.versions[e->version];
    complaint(s, what, v, e->symbol, e->open_ms);
    describe(s, v, e->symbol);
}

static bool has_ticked(const storm *s, const expected *e) {
    const stored_signal *rows = s->store.signals.rows;
    const version *v = &s->model.versions[e->version];
    for (size_t i = 0; i < s->store.signals.count; i++)
        if (rows[i].was_provisional && rows[i].open_ms == e->open_ms && strcmp(rows[i].revision, v->revision) == 0 &&
            strcmp(rows[i].symbol, s->market.symbols[e->symbol].name) == 0)
            return true;
    return false;
}

/* A version that has ended has seen its bars up to somewhere: behind the first missing signal there is none. */
static void judge_expected(storm *s) {
    int64_t(*missing)[STORM_SYMBOLS] = calloc(STORM_VERSIONS, sizeof *missing);
    if (!missing) abort();
    for (size_t i = 0; i < s->model.n_signals; i++) {
        expected *e = &s->model.signals[i];
        const version *v = &s->model.versions[e->version];
        const place *p = &s->model.places[e->version][e->symbol];
        stored_signal *found = store_find(&s->store, e->id);
        if (found) {
            found->is_expected = true;
            if (found->state != (e->is_historical ? SIGNAL_HISTORICAL : SIGNAL_CONFIRMED))
                blame(s, "a signal in another state", e);
            if (missing[e->version][e->symbol] && !v->spin_ms && !p->is_close_call && v->rule != RULE_RANK)
                blame(s, "a signal behind one that is missing", e);
        } else if (v->is_tick && has_ticked(s, e)) {
            continue; /* they stand for it */
        } else if (is_certain(v, p, e)) {
            blame(s, "a signal is missing", e);
        } else {
            missing[e->version][e->symbol] = e->open_ms;
        }
    }
    free(missing);
}

static bool has_close_call(const storm *s, const stored_signal *row) {
    for (int32_t i = 0; i < s->model.n_versions; i++)
        for (int32_t k = 0; k < s->market.n_symbols; k++)
            if (s->model.places[i][k].is_close_call && strcmp(s->model.versions[i].key, row->trader) == 0) return true;
    return false;
}

static int32_t version_of(const storm *s, const stored_signal *row) {
    for (int32_t i = 0; i < s->model.n_versions; i++)
        if (strcmp(s->model.versions[i].revision, row->revision) == 0) return i;
    return -1;
}

static bool is_numbered(const version *v, const stored_signal *row) {
    enum { TICKS_MOST = 1000 };
    char name[512], id[ID_BYTES];
    for (int n = 1; n < TICKS_MOST; n++) {
        snprintf(name, sizeof name, "local|spot|%s|%s|%s|%s|%lld|tick|%d", v->id, v->revision, row->symbol,
                 interval_name(row->interval), (long long)row->open_ms, n);
        if (uuid5(SIGNAL_NAMESPACE, name, strlen(name), id) != 0) abort();
        if (strcmp(id, row->id) == 0) return true;
    }
    return false;
}

/* When it was said is chance; that it is confirmed if the bar matches when it closes, and else withdrawn, is not. */
static void judge_tick(storm *s, int32_t index, int32_t symbol, const stored_signal *row) {
    const version *v = &s->model.versions[index];
    const place *p = &s->model.places[index][symbol];
    const tick_bar *bar = find_tick_bar(&s->model, index, symbol, row->open_ms);
    int64_t close_ms = row->open_ms + storm_span[v->k];
    bool is_over = bar && close_ms <= p->certain_ms;
    s->n_provisional++;
    if (!v->is_tick || !is_numbered(v, row))
        complaint(s, "a signal of a tick that nobody expects", v, symbol, row->open_ms);
    if (p->is_close_call || !is_over) return;
    if (row->state != (bar->is_match ? SIGNAL_CONFIRMED : SIGNAL_WITHDRAWN)) {
        complaint(s, bar->is_match ? "a tick that was to be confirmed" : "a tick that was to be withdrawn", v, symbol,
                  row->open_ms);
        describe(s, v, symbol);
        printf("#   it is %s\n", signal_state_name(row->state));
    }
}

static void judge_row(storm *s, stored_signal *row) {
    int32_t symbol = 0, index = version_of(s, row);
    while (strcmp(s->market.symbols[symbol].name, row->symbol) != 0) symbol++;
    if (index < 0) {
        complaint(s, "a signal of an unknown version", NULL, symbol, row->open_ms);
        return;
    }
    if (row->was_provisional) {
        judge_tick(s, index, symbol, row);
        return;
    }
    if (row->is_expected || has_close_call(s, row)) return;
    if (is_rank_open(&s->model, index, row->open_ms + storm_span[s->model.versions[index].k])) {
        row->is_expected = true; /* for ever: what is open moves on */
        return;
    }
    complaint(s, "a signal that nobody expects", &s->model.versions[index], symbol, row->open_ms);
    describe(s, &s->model.versions[index], symbol);
}

static void judge_stored(storm *s) {
    stored_signal *rows = s->store.signals.rows;
    s->n_provisional = 0;
    for (size_t i = 0; i < s->store.signals.count; i++) judge_row(s, &rows[i]);
}

static void judge_begun(storm *s) {
    for (int32_t i = 0; i < KEYS; i++)
        for (int32_t k = 0; s->list[i] >= 0 && k < s->n_tracked; k++) {
            const version *v = &s->model.versions[s->list[i]];
            if (storm_wants(v, k) && !s->model.places[s->list[i]][k].start_ms)
                complaint(s, "a trader that has not begun", v, k, 0);
        }
}

static void make_certain(storm *s) {
    for (int32_t i = 0; i < s->model.n_versions; i++) {
        version *v = &s->model.versions[i];
        v->is_closed = !v->is_live;
        for (int32_t k = 0; v->is_live && k < s->n_tracked; k++) {
            place *p = &s->model.places[i][k];
            if (!p->start_ms) continue;
            p->certain_ms = s->quiet_ms;
            if (s->quiet_ms <= v->spin_ms) p->calm_ms = s->quiet_ms;
        }
    }
}

/* So long after the last closes that bars which have not come are asked for: everybody hears what time it is. */
static void let_time_pass(storm *s) {
    for (int32_t i = 0; i < s->n_tracked; i++) {
        int64_t open_ms = interval_floor(storm_interval[0], s->now_ms) - storm_span[0];
        market_event e = event_of(s, EVENT_BAR_FORMING, (uint32_t)i, 0, &(kline){.open_ms = open_ms});
        e.event_ms = s->now_ms + CLOSE_GRACE_MS + 1;
        push(s, e);
    }
    settle(s);
}

/* Everything that exists by now has been seen and is stored. */
static void be_quiet(storm *s) {
    s->n_quiet++;
    push_late(s, true);
    settle(s);
    let_time_pass(s);
    store_commit_all(&s->store);
    storm_model_advance(&s->model, s->now_ms);
    s->quiet_ms = s->now_ms;
    judge_begun(s);
    make_certain(s);
    judge_expected(s);
    judge_stored(s);
}

/* ---- what happens ---- */

/* The exchange says another close of a bar that all have seen. */
static void correct(storm *s) {
    int32_t symbol = below(s->n_tracked), k = below(STORM_INTERVALS);
    bars *b = &s->market.bars[symbol][k];
    int32_t at = last_closed(b, storm_span[k], s->now_ms) - below(CORRECTED_BARS);
    kline *bar = &b->rows[at];
    s->n_corrected++;
    bar->close = bar->close == bar->high ? bar->low : bar->high;
    push(s, event_of(s, s->copies[symbol] || one_in(2) ? EVENT_BAR_CLOSED : EVENT_HISTORY, (uint32_t)symbol, k, bar));
}

static void quiet_moment(storm *s) {
    be_quiet(s);
    while (one_in(2)) correct(s);
}

/* It catches up, hears of other traders, and is gone before the next bar. */
static void live_briefly(storm *s) {
    restart(s, true);
    settle(s);
    edit(s);
    pass_barrier(s);
    store_commit(&s->store);
    restart(s, true);
}

static void something(storm *s) {
    switch (below(40)) {
    case 0:
    case 1:
        s->n_resizes++;
        demand(screener_resize(s->screener, 1 + below(WORKERS_MAX)), "resize");
        break;
    case 2: edit(s); break;
    case 3: restart(s, !one_in(4)); break;
    case 4: quiet_moment(s); break;
    case 5:
        if (s->n_tracked < s->market.n_symbols) track(s, s->n_tracked++);
        break;
    case 8: edit_badly(s); break;
    case 9:
        if (one_in(3)) live_briefly(s);
        break;
    case 6: pass_time(s, 20); break;
    case 7:
    case 10:
    case 11:
    case 12:
    case 13: pass_barrier(s); break; /* forming bars are looked at when nothing else is to be done */
    default: break;
    }
}

static void rage(storm *s) {
    while (s->now_ms < s->end_ms && !s->n_complaints && !s->store.complaint) {
        minute(s);
        if (!one_in(3)) screener_poll(s->screener);
        if (one_in(4)) store_take(&s->store, false);
        if (one_in(4)) store_commit(&s->store);
        something(s);
    }
    if (!s->n_complaints) be_quiet(s);
}

static void init(storm *s, uint64_t seed) {
    static const int odds[] = {0, 8, 40, 200};
    plan_dice = seed;
    chance_dice = ~seed;
    *s = (storm){.seed = seed, .late = {.row_bytes = sizeof(late_event)}, .answers = {.row_bytes = sizeof(answer)}};
    storm_market_init(&s->market);
    storm_model_init(&s->model, &s->market);
    storm_store_init(&s->store);
    s->store.on_edge = on_edge;
    s->store.context = s;
    demand(symbol_table_new(&s->symbols), "symbols");
    demand(wakeup_new(&s->wake), "wakeup");
    for (int32_t i = 0; i < s->market.n_symbols; i++) {
        uint32_t id;
        demand(symbol_table_add(s->symbols, &s->market.symbols[i], &id), "symbol");
    }
    s->now_ms = s->market_ms = s->market.first_ms;
    s->end_ms = s->now_ms + (int64_t)(200 + below(800)) * MINUTE;
    s->lose = odds[below(4)];
    s->delay = odds[below(4)];
    s->repeat = odds[below(4)];
    s->n_tracked = s->market.n_symbols - below(3);
    for (int32_t i = 0; i < KEYS; i++) s->list[i] = -1;
    for (int32_t i = 0; i < KEYS; i++)
        if (!one_in(3)) change_trader(s, i);
}

static void deinit(storm *s) {
    end_life(s, true);
    wakeup_free(s->wake);
    symbol_table_free(s->symbols);
    storm_store_deinit(&s->store);
    storm_model_deinit(&s->model);
    storm_market_deinit(&s->market);
    free(s->late.rows);
    free(s->answers.rows);
}

static void run(uint64_t seed) {
    storm *s = malloc(sizeof *s);
    if (!s) abort();
    init(s, seed);
    begin_life(s);
    rage(s);
    if (s->store.complaint) printf("# %s\n", s->store.complaint);
    ok(!s->n_complaints && !s->store.complaint,
       "storm %llu: %zu signals, %zu of ticks, of %llu evaluations; %d lives, %d kills, %d edits, %d resizes, %d quiet "
       "points, %d "
       "corrections, %llu ranges, %llu passes lost",
       (unsigned long long)seed, s->store.signals.count, s->n_provisional, (unsigned long long)s->model.n_evaluations,
       s->n_lives, s->n_kills, s->n_edits, s->n_resizes, s->n_quiet, s->n_corrected, (unsigned long long)s->n_ranges,
       (unsigned long long)s->store.n_lost);
    if (s->n_complaints || s->store.complaint)
        printf("# again: TRADEMIND_SEED=%llu storm_test\n", (unsigned long long)seed);
    deinit(s);
    free(s);
}

int main(void) {
    bool is_soak = getenv("TRADEMIND_SOAK") != NULL, is_alone = getenv("TRADEMIND_SEED") != NULL;
    uint64_t seed = tap_seed((uint64_t)wall_ms());
    int64_t end_ms = monotonic_ms() + BOX_MS;
    log_init(LOG_OFF, LOG_HUMAN);
    for (int n = 0; is_soak ? n < STORMS : n == 0 || monotonic_ms() < end_ms; n++) {
        run(seed + (uint64_t)n);
        if (is_alone) break;
    }
    return done();
}
