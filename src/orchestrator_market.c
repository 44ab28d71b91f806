/* See orchestrator_market.h. Prices are asked of all workers at once, and whoever asks meanwhile gets the same answer. */
#include "orchestrator_market.h"
#include "orchestrator_bars.h"
#include "orchestrator_body.h"
#include "serve/outcome.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KLINES_AT_ONCE = 32, SYMBOLS_AT_ONCE = 64 };

typedef struct klines_call {
    struct klines_call *next;
    orchestrator_market *market;
    serve_bars bars;
    serve_reply reply;
} klines_call;

struct orchestrator_market {
    orchestrator *o;
    klines_call *calls;
    int n_calls;
    serve_reply waiting[SYMBOLS_AT_ONCE];
    int n_waiting;
    quote_list *quotes[WORKERS_MAX]; /* of the round that is under way */
    int32_t n_quotes, n_asked;
};

err orchestrator_market_new(orchestrator *o, orchestrator_market **out) {
    *out = calloc(1, sizeof **out);
    if (!*out) return ERR_NO_MEMORY;
    (*out)->o = o;
    return OK;
}

/* ---- candles ---- */

static void write_kline(json_writer *w, const kline *k, bool is_closed) {
    json_write_array(w);
    json_write_integer(w, k->open_ms);
    json_write_number(w, k->open);
    json_write_number(w, k->high);
    json_write_number(w, k->low);
    json_write_number(w, k->close);
    json_write_number(w, k->volume);
    json_write_bool(w, is_closed);
    json_write_array_end(w);
}

static void reply_klines(const klines_call *c, const excerpt *e, const char *trouble) {
    const kline_list *list = &e->lists[c->bars.interval];
    bool has_forming = e->has_forming >> c->bars.interval & 1;
    size_t room = c->bars.limit - has_forming, from = list->count > room ? list->count - room : 0;
    json_writer w;
    json_writer_init(&w);
    json_write_object(&w);
    json_put_text(&w, "symbol", c->bars.symbol);
    json_put_text(&w, "interval", interval_name(c->bars.interval));
    json_write_key(&w, "klines");
    json_write_array(&w);
    for (size_t i = from; i < list->count; i++) write_kline(&w, &list->bars[i], true);
    if (has_forming) write_kline(&w, &e->forming[c->bars.interval], false);
    json_write_array_end(&w);
    if (trouble) json_put_text(&w, "trouble", trouble);
    json_write_object_end(&w);
    outcome_json(c->reply, 200, &w);
}

static void drop_call(klines_call *c) {
    klines_call **at = &c->market->calls;
    while (*at != c) at = &(*at)->next;
    *at = c->next;
    c->market->n_calls--;
    free(c);
}

/* Of what the exchange did not give. */
int orchestrator_market_status_of(err code) {
    switch (code) {
    case ERR_NOT_FOUND: return 404;
    case ERR_FULL: return 429;
    case ERR_CLOSED:
    case ERR_NO_MEMORY: return 503;
    default: return 502;
    }
}

static void on_bars(void *context, excerpt *e, err code, const char *trouble) {
    klines_call *c = context;
    int32_t i = c->bars.interval;
    bool is_empty = e->lists[i].count == 0 && !(e->has_forming >> i & 1);
    if (e->failure != OK)
        outcome_busy(c->reply, e->failure);
    else if (is_empty && trouble)
        outcome_problem(c->reply, orchestrator_market_status_of(code), "%s, %s: no candles: %s", c->bars.symbol,
                        interval_name(i), trouble);
    else if (is_empty && c->bars.before_ms == 0)
        outcome_problem(c->reply, 404, "the exchange has no %s candles of %s", interval_name(i), c->bars.symbol);
    else
        reply_klines(c, e, trouble);
    excerpt_free(e);
    drop_call(c);
}

static void klines(void *context, const serve_bars *bars, serve_reply to) {
    orchestrator *o = context;
    orchestrator_market *m = o->market;
    klines_call *c = m->n_calls < KLINES_AT_ONCE ? calloc(1, sizeof *c) : NULL;
    bars_wish wish = {.before_ms = bars->before_ms};
    diag why;
    if (!c) {
        outcome_busy(to, m->n_calls < KLINES_AT_ONCE ? ERR_NO_MEMORY : ERR_FULL);
        return;
    }
    *c = (klines_call){.next = m->calls, .market = m, .bars = *bars, .reply = to};
    m->calls = c;
    m->n_calls++;
    memcpy(wish.symbol, bars->symbol, sizeof wish.symbol);
    wish.most[bars->interval] = wish.least[bars->interval] = (int32_t)bars->limit;
    err failed = orchestrator_bars_get(o, &wish, on_bars, c, &why);
    if (failed == OK) return;
    outcome_problem(to, failed == ERR_NOT_FOUND ? 404 : 503, "%s", why.text);
    drop_call(c);
}

/* ---- all symbols ---- */

static int by_size(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void write_breadth(json_writer *w, double *changes, size_t n) {
    int64_t up = 0, down = 0;
    qsort(changes, n, sizeof *changes, by_size);
    for (size_t i = 0; i < n; i++) {
        up += changes[i] > 0;
        down += changes[i] < 0;
    }
    json_write_key(w, "breadth");
    json_write_object(w);
    json_put_integer(w, "advancing", up);
    json_put_integer(w, "declining", down);
    json_put_integer(w, "unchanged", (int64_t)n - up - down);
    json_put_number(w, "median_change",
                    n == 0  ? NAN
                    : n % 2 ? changes[n / 2]
                            : (changes[n / 2 - 1] + changes[n / 2]) / 2);
    json_write_object_end(w);
}

static void write_symbol(json_writer *w, const symbol_info *info, const quote *q) {
    double volume = atomic_load(&((symbol_info *)info)->quote_volume_24h);
    bool is_trading = atomic_load(&((symbol_info *)info)->is_trading);
    json_write_object(w);
    json_put_text(w, "symbol", info->name);
    json_put_number(w, "price", q->price);
    json_put_number(w, "change_24h", q->change_pct);
    json_put_number(w, "volume_24h", volume > 0 ? volume : NAN);
    json_put_text(w, "state", info->is_alias ? "fed" : is_trading ? "screened" : "halted");
    json_write_object_end(w);
}

/* A reference that is screened as well is there twice: as itself, and as a copy. */
static bool is_shown(const orchestrator *o, const symbol_info *info) {
    uint32_t id;
    if (!info->is_alias) return true;
    return symbol_table_find(o->symbols, info->name, strlen(info->name), &id) != OK ||
           !screener_is_tracked(o->screener, id);
}

static void write_symbols(const orchestrator_market *m, json_writer *w, double *changes) {
    size_t n = 0;
    json_write_key(w, "symbols");
    json_write_array(w);
    for (int32_t i = 0; i < m->n_quotes; i++)
        for (uint32_t k = 0; m->quotes[i] && k < m->quotes[i]->count; k++) {
            const quote *q = &m->quotes[i]->items[k];
            const symbol_info *info = symbol_table_get(m->o->symbols, q->symbol);
            if (!is_shown(m->o, info)) continue;
            write_symbol(w, info, q);
            if (!info->is_alias && !isnan(q->change_pct)) changes[n++] = q->change_pct;
        }
    json_write_array_end(w);
    write_breadth(w, changes, n);
}

static void end_round(orchestrator_market *m) {
    size_t most = 1;
    json_writer w;
    for (int32_t i = 0; i < m->n_quotes; i++) most += m->quotes[i] ? m->quotes[i]->count : 0;
    double *changes = malloc(most * sizeof *changes);
    json_writer_init(&w);
    json_write_object(&w);
    if (changes) write_symbols(m, &w, changes);
    json_write_object_end(&w);
    const char *text = changes ? json_writer_text(&w) : NULL;
    for (int i = 0; i < m->n_waiting; i++) {
        json_writer copy;
        json_writer_init(&copy);
        if (text) json_write_raw(&copy, text);
        if (text)
            outcome_json(m->waiting[i], 200, &copy);
        else
            outcome_busy(m->waiting[i], ERR_NO_MEMORY);
    }
    m->n_waiting = 0;
    json_writer_deinit(&w);
    free(changes);
}

void orchestrator_market_quotes(void *context, quote_list *quotes) {
    orchestrator_market *m = ((orchestrator *)context)->market;
    if (!m || m->n_quotes == m->n_asked) {
        free(quotes);
        return;
    }
    m->quotes[m->n_quotes++] = quotes;
    if (m->n_quotes < m->n_asked) return;
    end_round(m);
    for (int32_t i = 0; i < m->n_quotes; i++) free(m->quotes[i]);
    m->n_quotes = m->n_asked = 0;
}

static err ask_prices(orchestrator_market *m) {
    int32_t n = 0;
    err failed = screener_quote(m->o->screener, &n);
    if (failed == OK) m->n_asked = n;
    return failed;
}

static void symbols(void *context, serve_reply to) {
    orchestrator *o = context;
    orchestrator_market *m = o->market;
    err failed = OK;
    if (o->is_stopping || !o->screener) failed = ERR_CLOSED;
    if (failed == OK && m->n_waiting == SYMBOLS_AT_ONCE) failed = ERR_FULL;
    if (failed == OK && m->n_asked == 0) failed = ask_prices(m);
    if (failed != OK)
        outcome_busy(to, failed);
    else
        m->waiting[m->n_waiting++] = to;
}

/* ---- its life ---- */

void orchestrator_market_stop(orchestrator_market *m) {
    if (!m) return;
    for (klines_call *c = m->calls, *next; c; c = next) {
        next = c->next;
        outcome_busy(c->reply, ERR_CLOSED);
        free(c);
    }
    m->calls = NULL;
    m->n_calls = 0;
    for (int i = 0; i < m->n_waiting; i++) outcome_busy(m->waiting[i], ERR_CLOSED);
    m->n_waiting = 0;
}

void orchestrator_market_free(orchestrator_market *m) {
    if (!m) return;
    for (int32_t i = 0; i < m->n_quotes; i++) free(m->quotes[i]);
    free(m);
}

void orchestrator_market_provide(serve_providers *out) {
    out->klines = klines;
    out->symbols = symbols;
}
