/* A symbol waits for a bar that REST does not give, and has to move to another worker, whose copy of the symbol that it
 * refers to has gone on meanwhile, far past its window. Once the bar is there it has missed nothing. */
#include "base/log.h"
#include "screener/screener.h"
#include "spec/c/storm_store.h"
#include "spec/c/tap.h"

enum { SYMBOLS = 3, FIRST = 28400000, HISTORY = 300, BEFORE = 10, APART = 1500, AFTER = 10, INBOX = 200 };

static const char CODE[] =
    "return trader {interval = '1m', fire = 'every', references = {'SYM0USDT'}, filter = function(m)\n"
    "  local r = m.ref.SYM0USDT\n"
    "  return r.close[0] > r.close[1] and r.close[0] - m.close[0] == 50 end}";

typedef struct range {
    uint32_t symbol;
    int64_t from_ms, to_ms;
} range;

typedef struct world {
    symbol_table *symbols;
    screener *screener;
    storm_store store;
    wakeup *wake;
    table ranges;
    uint32_t waiting; /* its ranges are not answered; 0: none */
    int32_t now;      /* minutes */
    bool has_loaded, has_passed, has_failed;
} world;

/* ---- the market ---- */

static double price_of(uint32_t symbol, int32_t minute) {
    uint64_t dice = (uint64_t)minute;
    return (throw_dice(&dice) % 3 == 0 ? 200 : 100) - (symbol ? 50 : 0);
}

static kline bar_of(uint32_t symbol, int32_t minute) {
    double price = price_of(symbol < SYMBOLS ? symbol : 0, minute); /* else: the copy of SYM0 */
    return (kline){.open_ms = (int64_t)minute * MINUTE,
                   .open = price,
                   .high = price,
                   .low = price,
                   .close = price,
                   .volume = 1,
                   .quote_volume = price,
                   .trades = 1};
}

static void push(world *w, market_event event) { demand(screener_push(w->screener, &event), "push"); }

static void push_range(world *w, const range *r) {
    market_event event = {.kind = EVENT_HISTORY, .symbol = r->symbol, .interval = INTERVAL_1M, .from_ms = r->from_ms};
    for (int64_t ms = r->from_ms; ms < r->to_ms; ms += MINUTE) {
        event.bar = bar_of(r->symbol, (int32_t)(ms / MINUTE));
        push(w, event);
    }
    event.kind = EVENT_RANGE_DONE;
    event.bar.open_ms = r->from_ms;
    event.to_ms = r->to_ms;
    push(w, event);
}

static void answer_ranges(world *w) {
    for (size_t i = 0; i < w->ranges.count;) {
        range *rows = w->ranges.rows, r = rows[i];
        if (w->waiting && r.symbol == w->waiting) {
            i++;
            continue;
        }
        rows[i] = rows[--w->ranges.count];
        push_range(w, &r);
    }
}

static void commit(world *w) {
    store_take(&w->store, true);
    while (w->store.batch.count) {
        pass *p = list_take(&w->store.batch);
        apply(&w->store, p);
        pass_release(p);
    }
}

/* Everything that has been pushed and that is not behind the missing bar is evaluated. */
static void settle(world *w) {
    size_t n_answerable;
    do {
        answer_ranges(w);
        w->has_passed = false;
        demand(screener_barrier(w->screener), "barrier");
        while (!w->has_passed && !w->has_failed) {
            screener_poll(w->screener);
            commit(w);
            if (!w->has_passed) (void)wakeup_wait(w->wake, 5);
        }
        if (w->has_failed) demand(ERR_INVALID, "the screener");
        n_answerable = 0;
        for (size_t i = 0; i < w->ranges.count; i++)
            n_answerable += !w->waiting || ((range *)w->ranges.rows)[i].symbol != w->waiting;
    } while (n_answerable);
}

static void minutes(world *w, int32_t n, uint32_t skipped) {
    for (int32_t k = 0; k < n; k++) {
        w->now++;
        for (uint32_t i = 0; i < SYMBOLS; i++) {
            market_event event = {.kind = EVENT_BAR_CLOSED,
                                  .symbol = i,
                                  .interval = INTERVAL_1M,
                                  .bar = bar_of(i, w->now - 1),
                                  .event_ms = (int64_t)w->now * MINUTE};
            if (k > 0 || i != skipped || !skipped) push(w, event);
        }
        if (k % INBOX == INBOX - 1) settle(w);
    }
    settle(w);
}

/* ---- the screener's side ---- */

static void on_range(void *context, uint32_t symbol, int32_t interval, int64_t from_ms, int64_t to_ms) {
    (void)interval;
    *(range *)table_add(&((world *)context)->ranges) = (range){symbol, from_ms, to_ms};
}

static err on_reference(void *context, const char *name, uint32_t *symbol, uint32_t *copy) {
    const world *w = context;
    err e = symbol_table_find(w->symbols, name, strlen(name), symbol);
    return e == OK ? symbol_table_alias(w->symbols, *symbol, copy) : e;
}

static void on_loaded(void *context, const trader_set *set) {
    (void)set;
    ((world *)context)->has_loaded = true;
}
static void on_barrier(void *context) { ((world *)context)->has_passed = true; }
static void on_trouble(void *context) { ((world *)context)->has_failed = true; }
static void wake(void *context) { wakeup_notify(((world *)context)->wake); }
static void no_edge(void *context, const char *symbol, const edge_row *edge) {
    (void)context, (void)symbol, (void)edge;
}

static void begin(world *w) {
    screener_config config = {
        .n_workers = 2,
        .symbols = w->symbols,
        .limits = {.cpu_ms = 2000, .load_cpu_ms = 20000, .memory_bytes = 64 << 20, .default_interval = INTERVAL_1M},
        .max_errors_in_row = 5,
        .kline_history = HISTORY,
        .user = "local",
        .market = "spot",
        .submit = store_submit,
        .is_taken = store_is_taken,
        .submit_context = &w->store,
        .notify = wake,
        .notify_context = w};
    screener_handlers handlers = {.on_range = on_range,
                                  .on_loaded = on_loaded,
                                  .on_reference = on_reference,
                                  .on_killed = on_trouble,
                                  .on_failed = on_trouble,
                                  .on_barrier = on_barrier,
                                  .context = w};
    trader_source **sources = calloc(1, sizeof(trader_source *));
    diag why;
    *w = (world){.now = FIRST, .ranges.row_bytes = sizeof(range)};
    storm_store_init(&w->store);
    w->store.on_edge = no_edge;
    demand(symbol_table_new(&w->symbols), "symbols");
    demand(wakeup_new(&w->wake), "wakeup");
    for (uint32_t i = 0, id; i < SYMBOLS; i++) {
        symbol_info info = {.quote = "USDT", .quote_volume_24h = 100, .is_trading = true};
        snprintf(info.name, sizeof info.name, "SYM%uUSDT", i);
        demand(symbol_table_add(w->symbols, &info, &id), "symbol");
    }
    config.symbols = w->symbols;
    demand(screener_new(&config, &handlers, &w->screener), "screener");
    demand(screener_start(w->screener), "start");
    demand(trader_source_new("follow", "follow", CODE, strlen(CODE), NULL, sources, &why), why.text);
    demand(screener_load(w->screener, sources, 1), "load");
    while (!w->has_loaded && !w->has_failed) {
        screener_poll(w->screener);
        (void)wakeup_wait(w->wake, 5);
    }
    screener_set_start(w->screener, (int64_t)w->now * MINUTE + 100);
    for (uint32_t i = 0; i < SYMBOLS; i++) demand(screener_track(w->screener, i), "track");
    settle(w);
}

static void end(world *w) {
    (void)screener_stop(w->screener, 0);
    commit(w);
    screener_free(w->screener);
    storm_store_deinit(&w->store);
    free(w->ranges.rows);
    wakeup_free(w->wake);
    symbol_table_free(w->symbols);
}

static int32_t n_signals(const world *w, uint32_t symbol) {
    const stored_signal *rows = w->store.signals.rows;
    int32_t n = 0;
    for (size_t i = 0; i < w->store.signals.count; i++)
        n += rows[i].symbol[3] == (char)('0' + symbol) && rows[i].open_ms >= (int64_t)FIRST * MINUTE;
    return n;
}

static int32_t n_expected(const world *w) {
    int32_t n = 0;
    for (int32_t minute = FIRST; minute < w->now; minute++) n += price_of(0, minute) > price_of(0, minute - 1);
    return n;
}

/* Of the first worker's symbols nothing moves, so there nothing begins anew. */
static int32_t move_waiting(uint32_t symbol) {
    world w;
    int32_t n_anew, missed;
    begin(&w);
    minutes(&w, BEFORE, 0);
    w.waiting = symbol;
    minutes(&w, APART, symbol);
    missed = n_expected(&w) - n_signals(&w, symbol);
    demand(screener_resize(w.screener, 1), "resize");
    settle(&w);
    n_anew = atomic_load(&screener_stats(w.screener, 0)->n_copies_anew);
    w.waiting = 0;
    settle(&w);
    minutes(&w, AFTER, 0);
    printf("# SYM%u: %d copies began anew\n", symbol, n_anew);
    ok(missed > APART / 6 && n_signals(&w, 3 - symbol) == n_expected(&w), "SYM%u waited, the other one did not",
       symbol);
    ok(n_signals(&w, symbol) == n_expected(&w) && !w.store.complaint, "SYM%u has %d signals of %d", symbol,
       n_signals(&w, symbol), n_expected(&w));
    end(&w);
    return n_anew;
}

int main(void) {
    log_init(LOG_ERROR, LOG_HUMAN);
    ok(move_waiting(1) + move_waiting(2) > 0, "a copy had gone past one that moved");
    return done();
}
