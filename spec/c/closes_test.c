/* The screener against an exchange that leaves bars out, without a clock of its own: market time is what events say.
 *
 *   quiet symbol, lost final, gap, hole  ──►  a range is asked for  ──►  answered  ──►  evaluated, late, once, in order
 *   bar corrected later                  ──►  found by the audit    ──►  its signals are marked, nothing fires again */
#include "base/clock.h"
#include "base/log.h"
#include "screener/audit.h"
#include "screener/screener.h"
#include "spec/c/tap.h"
#include <pthread.h>
#include <string.h>

enum { BARS = 400, FIRST = 150, N_SYMBOLS = 3, MINUTE = 60000, PERIOD_MS = 30 * MINUTE, ROWS = 4096 };
static const int64_t BEGIN_MS = 1700006400000;

typedef struct range {
    uint32_t symbol;
    int64_t from_ms, to_ms;
} range;

typedef struct fake {
    symbol_table *symbols;
    screener *screener;
    wakeup *wake;
    kline bars[N_SYMBOLS][BARS];
    bool is_absent[N_SYMBOLS][BARS]; /* REST lacks it */
    range ranges[ROWS];
    int n_ranges, n_answered;
    bool is_loaded, has_passed;
    pthread_mutex_t lock; /* protects what the worker submits: */
    struct {
        uint32_t symbol;
        int64_t open_ms;
        bool late;
    } signals[ROWS];
    revise_row revises[64];
    int n_signals, n_revises;
} fake;

static fake f;
static const char *const names[N_SYMBOLS] = {"AAAUSDT", "BBBUSDT", "CCCUSDT"};

static void demand(err e, const char *what) {
    if (e == OK) return;
    printf("Bail out! %s: %s\n", what, error_text(e));
    exit(1);
}

static int64_t open_of(int n) { return BEGIN_MS + (int64_t)n * MINUTE; }

static void submit(void *context, int32_t index, pass *p) {
    (void)context, (void)index;
    pthread_mutex_lock(&f.lock);
    for (uint32_t i = 0; i < p->n_signals && f.n_signals < ROWS; i++) {
        uint32_t symbol = 0;
        while (strcmp(names[symbol], p->symbol) != 0) symbol++;
        f.signals[f.n_signals].symbol = symbol;
        f.signals[f.n_signals].open_ms = p->signals[i].open_ms;
        f.signals[f.n_signals++].late = p->signals[i].late;
    }
    for (uint32_t i = 0; i < p->n_revises && f.n_revises < 64; i++) f.revises[f.n_revises++] = p->revises[i];
    pthread_mutex_unlock(&f.lock);
    pass_release(p);
}

static void on_range(void *context, uint32_t symbol, int32_t interval, int64_t from_ms, int64_t to_ms) {
    (void)context, (void)interval;
    if (f.n_ranges < ROWS) f.ranges[f.n_ranges++] = (range){symbol, from_ms, to_ms};
}

static void on_loaded(void *context, const trader_set *set) {
    (void)context, (void)set;
    f.is_loaded = true;
}
static void on_barrier(void *context) { (void)context, f.has_passed = true; }
static void on_killed(void *context) { (void)context; }
static void on_failed(void *context) { (void)context, demand(ERR_NO_MEMORY, "the screener gave up"); }
static void wake(void *context) { (void)context, wakeup_notify(f.wake); }

static void wait_for(const bool *flag) {
    while (!*flag) {
        screener_poll(f.screener);
        if (!*flag) (void)wakeup_wait(f.wake, 5);
    }
}

static void push(const market_event *event) { demand(screener_push(f.screener, event), "push"); }

static void answer(const range *r) {
    for (int i = 0; i < BARS; i++)
        if (open_of(i) >= r->from_ms && open_of(i) < r->to_ms && !f.is_absent[r->symbol][i])
            push(&(market_event){.kind = EVENT_HISTORY,
                                 .symbol = r->symbol,
                                 .interval = INTERVAL_1M,
                                 .bar = f.bars[r->symbol][i],
                                 .from_ms = r->from_ms});
    push(&(market_event){.kind = EVENT_RANGE_DONE,
                         .symbol = r->symbol,
                         .interval = INTERVAL_1M,
                         .bar.open_ms = r->from_ms,
                         .to_ms = r->to_ms});
}

/* All that was pushed, and (answers) all that was asked for on the way, has been seen. */
static void settle(bool answers) {
    do {
        while (answers && f.n_answered < f.n_ranges) answer(&f.ranges[f.n_answered++]);
        f.has_passed = false;
        demand(screener_barrier(f.screener), "barrier");
        wait_for(&f.has_passed);
    } while (answers && f.n_answered < f.n_ranges);
}

/* The same without answers, until `n` ranges have been asked for: a worker looks for what is missing after what it has been
 * told. Without them what follows says what is missing. */
static void settle_asking(int n) {
    for (int64_t end_ms = monotonic_ms() + 20000; monotonic_ms() < end_ms;) {
        settle(false);
        if (f.n_ranges >= n) break;
    }
}

/* Bar `n` of the symbol closes, as the stream says it `after_ms` later. */
static void closes(uint32_t symbol, int n, int64_t after_ms) {
    push(&(market_event){.kind = EVENT_BAR_CLOSED,
                         .symbol = symbol,
                         .interval = INTERVAL_1M,
                         .bar = f.bars[symbol][n],
                         .event_ms = open_of(n + 1) + after_ms});
}

/* Something of the first symbol's forming bar says what time it is. */
static void time_is(int64_t ms) {
    market_event event = {.kind = EVENT_BAR_FORMING, .interval = INTERVAL_1M, .event_ms = ms};
    event.bar = f.bars[0][(ms - BEGIN_MS) / MINUTE];
    push(&event);
}

static int count(uint32_t symbol, int n, bool late) {
    int found = 0;
    for (int i = 0; i < f.n_signals; i++)
        found += f.signals[i].symbol == symbol && f.signals[i].open_ms == open_of(n) && f.signals[i].late == late;
    return found;
}

static bool asked(int from, uint32_t symbol, int first, int end) {
    for (int i = from; i < f.n_ranges; i++)
        if (f.ranges[i].symbol == symbol && f.ranges[i].from_ms == open_of(first) && f.ranges[i].to_ms == open_of(end))
            return true;
    return false;
}

static uint64_t stat(int which) {
    const worker_stats *s = screener_stats(f.screener, 0);
    const _Atomic uint64_t *all[] = {&s->n_gaps, &s->n_by_rest, &s->n_corrected, &s->n_audits, &s->n_refused};
    return atomic_load(all[which]);
}
enum { GAPS, BY_REST, CORRECTED, AUDITS, REFUSED };

static void begin(void) {
    static const char code[] = "return trader {interval = \"1m\", fire = \"every\", filter = function(m) return "
                               "ta.sma(m.close, 5)[0] > 0 end}";
    screener_config c = {
        .n_workers = 1,
        .limits = {.cpu_ms = 2000, .load_cpu_ms = 20000, .memory_bytes = 64 << 20, .default_interval = INTERVAL_1M},
        .max_errors_in_row = 5,
        .kline_history = 300,
        .watches_closes = true,
        .audit_period_ms = PERIOD_MS,
        .user = "local",
        .market = "spot",
        .submit = submit,
        .notify = wake};
    screener_handlers h = {.on_range = on_range,
                           .on_loaded = on_loaded,
                           .on_killed = on_killed,
                           .on_failed = on_failed,
                           .on_barrier = on_barrier};
    trader_source **sources = calloc(1, sizeof(trader_source *));
    diag why;
    pthread_mutex_init(&f.lock, NULL);
    demand(symbol_table_new(&f.symbols), "symbols");
    demand(wakeup_new(&f.wake), "wakeup");
    for (uint32_t s = 0; s < N_SYMBOLS; s++) {
        symbol_info info = {.is_trading = true};
        uint32_t id;
        snprintf(info.name, sizeof info.name, "%s", names[s]);
        demand(symbol_table_add(f.symbols, &info, &id), "symbol");
        for (int i = 0; i < BARS; i++)
            f.bars[s][i] = (kline){open_of(i), 100, 101 + i % 7, 99, 100 + (i + (int)s) % 2, 5, 500, 9, 2, 200};
    }
    c.symbols = f.symbols;
    demand(screener_new(&c, &h, &f.screener), "screener");
    demand(screener_start(f.screener), "start");
    screener_set_start(f.screener, open_of(FIRST));
    if (!sources) abort();
    demand(trader_source_new("every", "every.lua", code, sizeof code - 1, NULL, &sources[0], &why), "source");
    demand(screener_load(f.screener, sources, 1), "load");
    wait_for(&f.is_loaded);
    for (uint32_t s = 0; s < N_SYMBOLS; s++) demand(screener_track(f.screener, s), "track");
    settle(true);
}

static void test_quiet(void) {
    int n_before;
    for (uint32_t s = 0; s < N_SYMBOLS; s++) closes(s, FIRST, 10);
    settle(true);
    n_before = f.n_ranges;
    closes(0, FIRST + 1, 10);
    time_is(open_of(FIRST + 2) + CLOSE_GRACE_MS - 1);
    settle(false);
    ok(f.n_ranges == n_before, "a bar that has not come is waited for");
    time_is(open_of(FIRST + 2) + CLOSE_GRACE_MS + 1);
    settle_asking(n_before + 2);
    ok(asked(n_before, 1, FIRST + 1, FIRST + 2) && asked(n_before, 2, FIRST + 1, FIRST + 2) &&
           f.n_ranges == n_before + 2,
       "3 s after its end it is asked for, though nothing came of the symbol; not of the one that has it");
    settle(true);
    ok(count(0, FIRST + 1, false) == 1 && count(1, FIRST + 1, true) == 1 && count(2, FIRST + 1, true) == 1 &&
           stat(BY_REST) == 2,
       "and evaluated, late");
    closes(1, FIRST + 1, 4000);
    settle(true);
    ok(count(1, FIRST + 1, true) == 1 && stat(CORRECTED) == 0, "its final frame, coming later, changes nothing");
}

/* Bars 2..7 after the first: nothing comes of anybody, then the time is known again. */
static void test_outage(void) {
    int n_before = f.n_ranges, last = FIRST + 7;
    f.is_absent[2][FIRST + 4] = f.is_absent[2][last] = true;
    closes(0, last, 10);
    time_is(open_of(last + 1) + CLOSE_GRACE_MS + 1);
    settle_asking(n_before + 3);
    ok(asked(n_before, 0, FIRST + 2, last) && asked(n_before, 1, FIRST + 2, last + 1) &&
           asked(n_before, 2, FIRST + 2, last + 1) && stat(GAPS) == 1,
       "after an outage each series is asked for up to now, whether it has an update or not");
    ok(count(0, last, true) + count(0, last, false) == 0, "no trader is evaluated past the gap");
    settle(true);
    bool all = true;
    for (uint32_t s = 0; s < N_SYMBOLS; s++)
        for (int n = FIRST + 2; n <= last; n++) all = all && count(s, n, true) == !f.is_absent[s][n];
    ok(all, "then each bar there is, once");
    f.is_absent[2][FIRST + 4] = f.is_absent[2][last] = false;
    time_is(open_of(last + 1) + 4 * CLOSE_GRACE_MS);
    settle(true);
    ok(count(2, last, true) == 1 && count(2, FIRST + 4, true) == 0,
       "what REST lacked at the end is taken when it has it; between bars it is too late");
}

static void test_correction(void) {
    int at = FIRST + 6, n_signals = f.n_signals, now = FIRST + 8;
    f.bars[1][at].close += 0.25;
    for (; now < FIRST + 8 + 2 * PERIOD_MS / MINUTE; now++) {
        for (uint32_t s = 0; s < N_SYMBOLS; s++) closes(s, now, 10);
        settle(true);
    }
    n_signals += N_SYMBOLS * 2 * PERIOD_MS / MINUTE;
    ok(stat(AUDITS) >= N_SYMBOLS && stat(CORRECTED) == 1, "within a period all is read again (%d audits)",
       (int)stat(AUDITS));
    ok(stat(AUDITS) <= 5 * N_SYMBOLS, "and not all the time: three times in 70 minutes, and after what REST filled");
    ok(f.n_revises == 1 && f.revises[0].from_ms == open_of(at) && f.revises[0].to_ms == open_of(at + 1) &&
           f.revises[0].interval == INTERVAL_1M,
       "the signals of the corrected bar are marked");
    ok(f.n_signals == n_signals, "nothing fires again");
}

int main(void) {
    log_init(LOG_OFF, LOG_HUMAN);
    begin();
    test_quiet();
    test_outage();
    test_correction();
    (void)screener_stop(f.screener, 0);
    screener_free(f.screener);
    symbol_table_free(f.symbols);
    wakeup_free(f.wake);
    return done();
}
