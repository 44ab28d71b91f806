/* Bars and indicators of every kernel, of a slower series and of an author, written down and taken up again and again:
 * what is taken up goes on like what was never interrupted, to the last bit, through slides and corrections; and both
 * write the same bytes. Bytes that are not as they were written are refused or do no harm. */
#include "indicator/indicator_set_save.h"
#include "spec/c/random.h"
#include "spec/c/tap.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { KEEP = 450, KEYS_MAX = 256, BARS = 2400, PER_HOUR = 12, DAMAGES = 3000, CORRECTED_FROM = 300 };

static const char OWN[] = "5m own(1,2,3,4)";
static const char *keys[KEYS_MAX] = {"5m sma(rsi(close,14),9)",
                                     "5m ema(sma(volume,5),7)",
                                     "1h ema(close,5)",
                                     "1h sma(rsi(close,14),9)",
                                     "5m align(1h:close)",
                                     "5m sma(align(1h:ema(close,5)),10)",
                                     "5m sub(ema(close,9),align(1h:close))",
                                     "5m ema(own(1,2,3,4),9)",
                                     OWN};
enum { N_FIXED = 9 };
static int n_keys = N_FIXED;
static const int64_t START_MS = 1700006400000; /* 2023-11-15T00:00Z */
static const int32_t intervals[] = {INTERVAL_5M, INTERVAL_1H};

typedef struct market {
    registry *registry;
    kline_series *bars[N_INTERVALS];
    indicator_set *sets[N_INTERVALS];
} market;

static market *market_new(void) {
    market *m = calloc(1, sizeof *m);
    if (!m || registry_new(&m->registry) != OK) abort();
    for (int i = 0; i < 2; i++) {
        int32_t k = intervals[i];
        m->bars[k] = kline_series_new(k, KEEP, START_MS);
        if (!m->bars[k] || indicator_set_new(m->bars[k], m->registry, &m->sets[k]) != OK) abort();
        indicator_set_link(m->sets[k], m->sets);
    }
    return m;
}

static void drop(market *m) {
    for (int32_t i = 0; i < N_INTERVALS; i++) {
        indicator_set_free(m->sets[i]);
        kline_series_free(m->bars[i]);
        m->sets[i] = NULL;
        m->bars[i] = NULL;
    }
}

static void market_free(market *m) {
    drop(m);
    registry_free(m->registry);
    free(m);
}

static void save(const market *m, byte_writer *w) {
    byte_writer_init(w);
    for (int i = 0; i < 2; i++) {
        kline_series_save(m->bars[intervals[i]], w);
        indicator_set_save(m->sets[intervals[i]], w);
    }
    if (byte_writer_result(w) != OK) abort();
}

/* Into a market without series. A registry of its own names all in another order. */
static err load(market *m, const void *data, size_t bytes, indicator_load how, bool finishes) {
    byte_reader r = byte_reader_of(data, bytes);
    err e = OK;
    how.registry = m->registry;
    for (int i = 0; i < 2 && e == OK; i++) {
        int32_t k = intervals[i];
        e = kline_series_load(&r, k, KEEP, &m->bars[k]);
        if (e != OK) break;
        if (indicator_set_new(m->bars[k], m->registry, &m->sets[k]) != OK) abort();
        indicator_set_link(m->sets[k], m->sets);
        e = indicator_set_load(m->sets[k], &r, &how);
    }
    for (int i = 0; i < 2 && e == OK; i++)
        if (!indicator_set_load_link(m->sets[intervals[i]])) e = ERR_INVALID;
    for (int i = 0; i < 2 && e == OK && finishes; i++) e = indicator_set_load_finish(m->sets[intervals[i]]);
    return e;
}

static market *reborn(market *m) {
    market *other = calloc(1, sizeof *other);
    byte_writer w;
    if (!other || registry_new(&other->registry) != OK) abort();
    for (int k = n_keys - 1; k >= 0; k--) {
        int32_t id;
        if (registry_parse(other->registry, keys[k], &id) != OK) abort();
    }
    save(m, &w);
    if (load(other, w.data, w.used, (indicator_load){0}, true) != OK) abort();
    byte_writer_deinit(&w);
    market_free(m);
    return other;
}

static void add(market *m, const char *key) {
    int32_t id;
    if (registry_parse(m->registry, key, &id) != OK) abort();
    if (indicator_set_add(m->sets[registry_get(m->registry, id)->interval], id, 0) != OK) abort();
}

static int32_t find(const market *m, const char *key, int32_t *interval) {
    int32_t id;
    if (registry_parse(m->registry, key, &id) != OK) abort();
    *interval = registry_get(m->registry, id)->interval;
    return indicator_set_find(m->sets[*interval], id, 0);
}

/* The author's function: half of the last value, and the close. What is deferred is computed now and then only. */
static void settle(market *m) {
    indicator_set *set = m->sets[INTERVAL_5M];
    int32_t interval, own = find(m, OWN, &interval), count = kline_series_count(m->bars[INTERVAL_5M]);
    if (own < 0) return;
    for (int32_t at; (at = indicator_set_own_next(set, own)) < count;) {
        double before = at > 0 ? indicator_set_values(set, own, 0)[at - 1] : NAN;
        double close = kline_series_field(m->bars[INTERVAL_5M], FIELD_CLOSE)[at];
        indicator_set_own_put(set, own, isnan(before) ? close : before / 2 + close);
    }
    indicator_set_settle(set, count);
}

static void feed(market *m, int32_t interval, const kline *bar) {
    if (kline_series_close(m->bars[interval], bar, NULL) != KLINE_APPENDED) abort();
    indicator_set_advance(m->sets[interval]);
}

static void correct(market *m, const kline *bar) {
    int32_t index;
    if (kline_series_close(m->bars[INTERVAL_5M], bar, &index) != KLINE_REPLACED) return;
    indicator_set_correct(m->sets[INTERVAL_5M], index);
}

static uint64_t bits_of(double x) {
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static int count_different(const double *x, const double *y, int32_t from, int32_t n) {
    int found = 0;
    for (int32_t i = from; i < n; i++) found += bits_of(x[i]) != bits_of(y[i]) && !(isnan(x[i]) && isnan(y[i]));
    return found;
}

/* Values of all bars that are kept, or (short) those that a look back as usual finds. */
static int compare(market *a, market *b, bool is_whole) {
    int n_wrong = 0;
    for (int k = 0; k < n_keys; k++) {
        int32_t interval, i = find(a, keys[k], &interval), j = find(b, keys[k], &interval);
        int32_t n = kline_series_count(a->bars[interval]), n_before = n_wrong, first;
        if ((i < 0) != (j < 0)) n_wrong++;
        if (i < 0 || j < 0) continue;
        if (is_whole && (indicator_set_lengthen(a->sets[interval], i) || indicator_set_lengthen(b->sets[interval], j)))
            abort();
        first = indicator_set_first(a->sets[interval], i);
        if (indicator_set_first(b->sets[interval], j) > first) first = indicator_set_first(b->sets[interval], j);
        n_wrong += n != kline_series_count(b->bars[interval]);
        n_wrong += !is_whole && n > 136 && first > n - 136;
        n_wrong += indicator_set_epoch(a->sets[interval], i) != indicator_set_epoch(b->sets[interval], j);
        for (int32_t o = 0;
             o < kernel_get(registry_get(a->registry, indicator_set_id(a->sets[interval], i))->kind)->n_outputs; o++)
            n_wrong += count_different(indicator_set_values(a->sets[interval], i, o),
                                       indicator_set_values(b->sets[interval], j, o), first > 0 ? first : 0, n);
        if (n_wrong != n_before) printf("# %s\n", keys[k]);
    }
    return n_wrong;
}

static bool has_same_bytes(const market *a, const market *b) {
    byte_writer x, y;
    bool is_same;
    save(a, &x);
    save(b, &y);
    is_same = x.used == y.used && memcmp(x.data, y.data, x.used) == 0;
    byte_writer_deinit(&x);
    byte_writer_deinit(&y);
    return is_same;
}

static kline fast[BARS];

static void make_bars(void) {
    double price = 100;
    for (int32_t i = 0; i < BARS; i++) {
        kline *bar = &fast[i];
        *bar = (kline){.open_ms = START_MS + (int64_t)i * 300000, .open = price};
        price *= 1 + (uniform() - 0.5) * 0.02;
        bar->close = price;
        bar->high = fmax(bar->open, bar->close) * (1 + 0.005 * uniform());
        bar->low = fmin(bar->open, bar->close) * (1 - 0.005 * uniform());
        bar->volume = 1000 * uniform();
        bar->quote_volume = bar->volume * price;
        bar->taker_base = bar->volume * uniform();
    }
}

static void both_feed(market *a, market *b, int32_t i) {
    feed(a, INTERVAL_5M, &fast[i]);
    feed(b, INTERVAL_5M, &fast[i]);
    if (i % PER_HOUR == PER_HOUR - 1) {
        kline hour = fast[i - PER_HOUR + 1];
        hour.close = fast[i].close + 1; /* not derivable: no check by accident */
        feed(a, INTERVAL_1H, &hour);
        feed(b, INTERVAL_1H, &hour);
    }
}

static void test_life(void) {
    market *a = market_new(), *b = market_new();
    int n_wrong = 0, n_bytes = 0, n_births = 0, n_corrections = 0;
    make_bars();
    for (int32_t i = 0; i < BARS; i++) {
        for (int k = 0; k < n_keys; k++)
            if (i == (k % 3 == 2 ? 600 + k : 100)) add(a, keys[k]), add(b, keys[k]);
        both_feed(a, b, i);
        if (uniform() < 0.3) settle(a), settle(b);
        if (i >= CORRECTED_FROM && uniform() < 0.02) { /* within the checkpoints, and now and then beyond */
            int32_t back = below(uniform() < 0.1 ? CORRECTED_FROM : 64);
            fast[i - back].close = fast[i - back].low + (fast[i - back].high - fast[i - back].low) * uniform();
            correct(a, &fast[i - back]);
            correct(b, &fast[i - back]);
            n_corrections++;
        }
        if (uniform() < 0.03) {
            b = reborn(b);
            n_births++;
            n_bytes += !has_same_bytes(a, b);
            settle(a), settle(b);
            n_wrong += compare(a, b, false);
        }
        if (uniform() < 0.004) settle(a), settle(b), n_wrong += compare(a, b, true);
    }
    settle(a);
    settle(b);
    n_wrong += compare(a, b, true);
    ok(n_births > 30 && n_corrections > 20, "taken up %d times, with %d corrections on the way", n_births,
       n_corrections);
    ok(n_wrong == 0, "every value of %d indicators is the one of a life without interruption", n_keys);
    ok(n_bytes == 0, "and so are the bytes, each time");
    market_free(a);
    market_free(b);
}

typedef struct epochs {
    const char *another, *known;
    int n_asked;
} epochs;

static saved_epoch look_up(void *context, const char *key, int64_t epoch_ms) {
    epochs *e = context;
    e->n_asked++;
    if (strcmp(key, e->another) == 0) return SAVED_EPOCH_ANOTHER;
    return strcmp(key, e->known) == 0 && epoch_ms > 0 ? SAVED_EPOCH_KNOWN : SAVED_EPOCH_NEW;
}

static int count_untold(market *m) {
    int n = 0;
    for (int i = 0; i < 2; i++)
        while (indicator_set_take_untold(m->sets[intervals[i]]) >= 0) n++;
    return n;
}

static void test_epochs(void) {
    market *a = market_new(), *b = market_new(), *c;
    epochs e = {.another = "5m ema(sma(volume,5),7)", .known = "1h ema(close,5)"};
    int32_t interval, n, n_left;
    byte_writer w;
    make_bars();
    for (int k = 0; k < N_FIXED; k++) add(a, keys[k]), add(b, keys[k]);
    for (int32_t i = 0; i < 400; i++) both_feed(a, b, i);
    settle(a);
    n = count_untold(a);
    save(a, &w);
    c = calloc(1, sizeof *c);
    if (!c || registry_new(&c->registry) != OK) abort();
    ok(load(c, w.data, w.used, (indicator_load){.look_up = look_up, .context = &e}, true) == OK,
       "taken up beside a database");
    ok(find(c, e.another, &interval) < 0, "a state of another epoch is left out");
    ok(find(c, "5m sma(volume,5)", &interval) >= 0, "not what it is made of");
    ok(count_untold(c) == n - 2, "what storage knows is not told again, all else is");
    drop(c);
    e.another = "5m sma(volume,5)";
    ok(load(c, w.data, w.used, (indicator_load){.look_up = look_up, .context = &e}, true) == OK &&
           find(c, "5m ema(sma(volume,5),7)", &interval) < 0,
       "what is made of a state that is left out is left out too");
    drop(c);
    ok(load(c, w.data, w.used, (indicator_load){.leaves_out_deferred = true}, true) == OK &&
           find(c, OWN, &interval) < 0 && find(c, "5m align(1h:close)", &interval) < 0 &&
           find(c, "5m ema(close,9)", &interval) >= 0,
       "without what rests on other series");
    drop(c);
    n_left = 0;
    for (int32_t k = 0; k < 40; k++) { /* the end, and before it */
        n_left += load(c, w.data, w.used - 1 - (size_t)k * 97, (indicator_load){0}, false) == OK;
        drop(c);
    }
    ok(n_left == 0, "bytes that are cut off are refused");
    byte_writer_deinit(&w);
    market_free(a);
    market_free(b);
    market_free(c);
}

/* Without running kernels on it: a state is believed, which is what checksums are for. */
static void test_damage(void) {
    market *a = market_new(), *c = calloc(1, sizeof *c);
    int n_refused = 0;
    byte_writer w;
    if (!c || registry_new(&c->registry) != OK) abort();
    make_bars();
    for (int k = 0; k < N_FIXED; k++) add(a, keys[k]);
    for (int32_t i = 0; i < 500; i++) feed(a, INTERVAL_5M, &fast[i]);
    for (int32_t i = 0; i < 500 / PER_HOUR; i++) feed(a, INTERVAL_1H, &fast[i * PER_HOUR]);
    settle(a);
    save(a, &w);
    for (int n = 0; n < DAMAGES; n++) {
        size_t at = (size_t)(uniform() * (double)w.used);
        unsigned char was = w.data[at];
        w.data[at] = (unsigned char)below(256);
        n_refused += load(c, w.data, w.used, (indicator_load){0}, false) != OK;
        drop(c);
        w.data[at] = was;
    }
    ok(n_refused > 0, "of %d damaged ones %d were refused, and none did harm", DAMAGES, n_refused);
    byte_writer_deinit(&w);
    market_free(a);
    market_free(c);
}

static void test_bars(void) {
    kline_series *s = kline_series_new(INTERVAL_5M, KEEP, START_MS), *other = NULL;
    byte_writer w;
    byte_reader r;
    byte_writer_init(&w);
    kline_series_close(s, &fast[0], NULL);
    kline_series_known(s, fast[9].open_ms);
    kline_series_close(s, &fast[9], NULL);
    kline_series_update(s, &fast[10]);
    kline_series_save(s, &w);
    r = byte_reader_of(w.data, w.used);
    ok(kline_series_load(&r, INTERVAL_5M, KEEP, &other) == OK && kline_series_count(other) == 2 &&
           kline_series_holes(other) == 8 && kline_series_known_to(other) == fast[10].open_ms &&
           !kline_series_has_forming(other),
       "bars and holes, without the one that forms");
    kline_series_free(other);
    r = byte_reader_of(w.data, w.used);
    ok(kline_series_load(&r, INTERVAL_5M, KEEP + 1, &other) == ERR_UNSUPPORTED, "of another length they are of no use");
    r = byte_reader_of(w.data, w.used);
    ok(kline_series_load(&r, INTERVAL_1H, KEEP, &other) == ERR_INVALID, "nor of another interval");
    byte_writer_deinit(&w);
    kline_series_free(s);
}

/* States change when kernels do: a change of this number needs a new INDICATOR_VERSION, and then this line. */
static void test_version(void) {
    static const int VERSION = 1;
    static const uint64_t SIZES = 0xe86ce8e31f50b628;
    uint64_t h = 14695981039346656037u;
    for (int32_t kind = 0; kind < N_INDICATOR_KINDS; kind++) {
        const kernel *k = kernel_get(kind);
        double param[INDICATOR_PARAMS] = {0};
        for (int p = 0; p < INDICATOR_PARAMS; p++)
            param[p] = p < k->n_params ? fmin(fmax(14, k->params[p].min), k->params[p].max) : 0;
        for (const char *at = k->name; *at; at++) h = (h ^ (unsigned char)*at) * 1099511628211u;
        h = (h ^ kernel_state_bytes(kind, param, INTERVAL_5M)) * 1099511628211u;
    }
    printf("# sizes of states: 0x%llx\n", (unsigned long long)h);
    ok(INDICATOR_VERSION == VERSION && h == SIZES,
       "the version of the indicators belongs to the sizes of their states");
}

/* A canonical text of a kernel with parameters that its ranges allow. */
static char *text_of(const kernel *k) {
    static const char *const sources[] = {"close", "high", "low"};
    static const double whole[] = {14, 5, 9, 3}, real[] = {2, 0.5, 6, 1};
    char text[256];
    int n = snprintf(text, sizeof text, "5m %s(", k->name);
    for (int32_t s = 0; s < k->n_sources; s++)
        n += snprintf(text + n, sizeof text - n, "%s%s", s ? "," : "", sources[s % 3]);
    for (int32_t p = 0; p < k->n_params; p++) {
        const kernel_param *range = &k->params[p];
        double value = fmin(fmax(range->is_whole ? whole[p % 4] : real[p % 4], range->min), range->max);
        n += snprintf(text + n, sizeof text - n, "%s%.17g", p || k->n_sources ? "," : "", value);
    }
    snprintf(text + n, sizeof text - n, ")");
    return strdup(text);
}

int main(void) {
    random_state = tap_seed((uint64_t)time(NULL)) * 2 + 1;
    for (int32_t kind = 0; kind < N_INDICATOR_KINDS && n_keys < KEYS_MAX; kind++)
        if (kind != INDICATOR_ALIGN && kind != INDICATOR_OWN) keys[n_keys++] = text_of(kernel_get(kind));
    test_life();
    test_epochs();
    test_damage();
    test_bars();
    test_version();
    for (int k = N_FIXED; k < n_keys; k++) free((char *)keys[k]);
    return done();
}
