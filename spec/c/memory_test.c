/* screener/memory against a slow obvious model (arrays searched from the end) under random additions. */
#include "base/clock.h"
#include "screener/memory.h"
#include "spec/c/tap.h"
#include <string.h>

enum { N_OPERATIONS = 6000, N_SYMBOLS = 40, N_TEXTS = 60 };

typedef struct row {
    char symbol[SYMBOL_BYTES], text[ID_BYTES];
    int32_t interval;
    int64_t value;
} row;

typedef struct model {
    row rows[N_OPERATIONS];
    int count;
} model;

static uint64_t state;
static uint32_t draw(uint32_t below) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((state >> 33) % below);
}

static row *model_find(model *m, const char *symbol, int32_t interval, const char *text) {
    for (int i = m->count - 1; i >= 0; i--) {
        row *r = &m->rows[i];
        if (strcmp(r->symbol, symbol) == 0 && r->interval == interval && strcmp(r->text, text) == 0) return r;
    }
    return NULL;
}

static void model_put(model *m, const char *symbol, int32_t interval, const char *text, int64_t value) {
    row *r = model_find(m, symbol, interval, text);
    if (!r) {
        r = &m->rows[m->count++];
        snprintf(r->symbol, sizeof r->symbol, "%s", symbol);
        snprintf(r->text, sizeof r->text, "%s", text);
        r->interval = interval;
    }
    r->value = value;
}

static model watermarks, owed, edges, epochs;

static void add(memory *m, int64_t value) {
    char symbol[SYMBOL_BYTES], text[ID_BYTES];
    int32_t interval = (int32_t)draw(N_INTERVALS);
    snprintf(symbol, sizeof symbol, "S%uUSDT", draw(N_SYMBOLS));
    snprintf(text, sizeof text, "text-%u", draw(N_TEXTS));
    owed_row owes = {.cursor_ms = value};
    edge_row edge = {.start_ms = value, .is_matching = value % 2 == 0, .is_tick = value / 2 % 2};
    snprintf(owes.trader_id, sizeof owes.trader_id, "%s", text);
    snprintf(edge.trader_id, sizeof edge.trader_id, "%s", text);
    snprintf(edge.revision, sizeof edge.revision, "r%lld", (long long)(value % 3));
    err failed = OK;
    switch (draw(4)) {
    case 0:
        failed = memory_add_watermark(m, symbol, interval, value);
        model_put(&watermarks, symbol, interval, "", value);
        break;
    case 1:
        failed = memory_add_owed(m, symbol, interval, &owes);
        model_put(&owed, symbol, interval, text, value);
        break;
    case 2:
        failed = memory_add_edge(m, symbol, &edge);
        model_put(&edges, symbol, edge.is_tick, text, value);
        break;
    default: failed = memory_add_epoch(m, symbol, text, value); model_put(&epochs, symbol, 0, text, value);
    }
    if (failed) ok(false, "adding failed: %s", error_text(failed));
}

typedef struct walk {
    const char *symbol;
    int at, n_wrong;
} walk;

/* The model's rows of this symbol in their order are what must come. */
static void on_epoch(void *context, const char *key, int64_t epoch_ms) {
    walk *w = context;
    while (w->at < epochs.count && strcmp(epochs.rows[w->at].symbol, w->symbol) != 0) w->at++;
    if (w->at == epochs.count || strcmp(epochs.rows[w->at].text, key) != 0 || epochs.rows[w->at].value != epoch_ms)
        w->n_wrong++;
    else
        w->at++;
}

static int count_wrong_epochs(const memory *m) {
    int n_wrong = 0;
    for (int i = 0; i < N_SYMBOLS; i++) {
        char symbol[SYMBOL_BYTES];
        snprintf(symbol, sizeof symbol, "S%dUSDT", i);
        walk w = {symbol, 0, 0};
        memory_each_epoch(m, symbol, on_epoch, &w);
        while (w.at < epochs.count && strcmp(epochs.rows[w.at].symbol, symbol) != 0) w.at++;
        n_wrong += w.n_wrong + (w.at < epochs.count); /* one that did not come */
    }
    return n_wrong;
}

/* Every key that could have been added is looked up, so what must not be there is asked for too. */
static int count_wrong(const memory *m) {
    int n_wrong = 0;
    for (int i = 0; i < N_SYMBOLS; i++) {
        char symbol[SYMBOL_BYTES];
        snprintf(symbol, sizeof symbol, "S%dUSDT", i);
        for (int32_t interval = 0; interval < N_INTERVALS; interval++) {
            row *r = model_find(&watermarks, symbol, interval, "");
            n_wrong += memory_watermark(m, symbol, interval) != (r ? r->value : 0);
            for (int t = 0; t < N_TEXTS; t++) {
                char text[ID_BYTES];
                snprintf(text, sizeof text, "text-%d", t);
                const owed_row *o = memory_owed(m, symbol, interval, text);
                r = model_find(&owed, symbol, interval, text);
                n_wrong += r ? !o || o->cursor_ms != r->value : o != NULL;
            }
        }
    }
    return n_wrong;
}

static int count_wrong_edges(const memory *m) {
    int n_wrong = 0;
    for (int i = 0; i < N_SYMBOLS; i++)
        for (int t = 0; t < N_TEXTS; t++)
            for (int kind = 0; kind < 6; kind++) {
                int revision = kind / 2, is_tick = kind % 2;
                char symbol[SYMBOL_BYTES], text[ID_BYTES], name[16];
                snprintf(symbol, sizeof symbol, "S%dUSDT", i);
                snprintf(text, sizeof text, "text-%d", t);
                snprintf(name, sizeof name, "r%d", revision);
                const edge_row *e = memory_edge(m, symbol, text, name, is_tick);
                row *r = model_find(&edges, symbol, is_tick, text);
                bool is_there = r && r->value % 3 == revision;
                n_wrong += is_there ? !e || e->start_ms != r->value || e->is_tick != is_tick ||
                                          e->is_matching != (r->value % 2 == 0)
                                    : e != NULL;
            }
    return n_wrong;
}

int main(void) {
    memory *m = NULL;
    state = tap_seed((uint64_t)monotonic_ns());
    ok(memory_new(&m) == OK, "a memory is made");
    ok(memory_watermark(m, "BTCUSDT", INTERVAL_1M) == 0, "an empty one has no watermark");
    ok(memory_edge(m, "BTCUSDT", "t", "r", false) == NULL, "an empty one has no edge");
    for (int i = 1; i <= N_OPERATIONS; i++) add(m, i);
    ok(count_wrong(m) == 0, "watermarks and owed rows are those of the model, and no others");
    ok(count_wrong_edges(m) == 0, "an edge is found with its revision and its kind only");
    ok(count_wrong_epochs(m) == 0, "epochs come in the order of their first addition, with the last value");
    memory_free(m);
    memory_free(NULL);
    return done();
}
