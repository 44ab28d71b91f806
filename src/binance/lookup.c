/* An answer that is kept covers a stretch of time of one series, [from_ms, to_ms); a wish that lies in it is answered by it. A wish of
 * up to now ends at the bar in progress, which stands beside the closed ones. */
#include "binance/lookup.h"
#include "binance/parse.h"
#include "market/interval.h"
#include "market/symbol.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct kept {
    struct kept *next; /* used last comes first */
    char symbol[SYMBOL_BYTES];
    int32_t interval;
    int64_t from_ms, to_ms; /* all closed bars that open in it */
    int64_t fetched_ms;     /* monotonic */
    kline_list bars;
    kline forming;                   /* opens at to_ms */
    bool has_forming, knows_forming; /* knows: it was asked for, too, be there one or not */
} kept;

typedef struct seeking {
    struct seeking *next;
    lookup *owner;
    char symbol[SYMBOL_BYTES];
    int32_t interval, n_bars;
    int64_t before_ms, market_ms; /* market_ms: when the page was asked for */
    bool closed_only;
    lookup_done_fn on_done;
    void *context;
    kept *found; /* under way: as far as it is there */
    uint64_t call_id;
} seeking;

struct lookup {
    rest *rest;
    const market_clock *clock;
    kept *first;
    size_t n_bars;
    seeking *waiting; /* oldest first; those under way among them */
    size_t n_waiting, n_calls;
    bool is_closing, is_starting;
};

static void start_some(lookup *l);
static void on_page(void *context, const rest_answer *answer);

err lookup_new(rest *r, const market_clock *clock, lookup **out) {
    lookup *l = calloc(1, sizeof *l);
    if (!l) return ERR_NO_MEMORY;
    l->rest = r;
    l->clock = clock;
    *out = l;
    return OK;
}

size_t lookup_kept_bars(const lookup *l) { return l->n_bars; }

static int64_t market_now(const lookup *l) { return market_clock_now(l->clock, monotonic_ms()); }

/* ---- what is kept ---- */

static void free_kept(kept *k) {
    if (!k) return;
    kline_list_free(&k->bars);
    free(k);
}

static void drop(lookup *l, kept **at) {
    kept *gone = *at;
    *at = gone->next;
    l->n_bars -= gone->bars.count;
    free_kept(gone);
}

static void drop_old(lookup *l) {
    int64_t now_ms = monotonic_ms();
    for (kept **at = &l->first; *at;)
        if (now_ms - (*at)->fetched_ms > LOOKUP_PAST_MS)
            drop(l, at);
        else
            at = &(*at)->next;
}

/* The last one is the one used least lately. One that was found as well in another's stead goes with it. */
static void keep(lookup *l, kept *k) {
    for (kept **at = &l->first; *at;)
        if ((*at)->interval == k->interval && strcmp((*at)->symbol, k->symbol) == 0 && (*at)->from_ms >= k->from_ms &&
            (*at)->to_ms <= k->to_ms)
            drop(l, at);
        else
            at = &(*at)->next;
    k->next = l->first;
    l->first = k;
    l->n_bars += k->bars.count;
    while (l->n_bars > LOOKUP_BARS_MAX && l->first->next) {
        kept **last = &l->first;
        while ((*last)->next) last = &(*last)->next;
        drop(l, last);
    }
}

/* The stretch of closed bars that a wish is of, as of now. */
static void stretch(const seeking *s, int64_t now_ms, int64_t *from_ms, int64_t *to_ms) {
    int64_t closed_ms = interval_floor(s->interval, now_ms), most_ms = closed_ms;
    if (s->before_ms && s->before_ms < closed_ms) {
        most_ms = interval_floor(s->interval, s->before_ms);
        if (most_ms < s->before_ms) most_ms = interval_next(s->interval, most_ms);
    }
    *to_ms = most_ms;
    *from_ms = interval_add(s->interval, most_ms, -(int64_t)s->n_bars);
    if (*from_ms < 1) *from_ms = interval_next(s->interval, 0);
}

static bool wants_forming(const seeking *s, int64_t now_ms) {
    return !s->closed_only && (!s->before_ms || s->before_ms > interval_floor(s->interval, now_ms));
}

static bool holds(const lookup *l, const kept *k, const seeking *s) {
    int64_t from_ms, to_ms, now_ms = market_now(l);
    if (k->interval != s->interval || strcmp(k->symbol, s->symbol) != 0) return false;
    stretch(s, now_ms, &from_ms, &to_ms);
    if (k->from_ms > from_ms || k->to_ms < to_ms) return false;
    return !wants_forming(s, now_ms) ||
           (k->knows_forming && k->to_ms == to_ms && monotonic_ms() - k->fetched_ms <= LOOKUP_FORMING_MS);
}

static kept *find(lookup *l, const seeking *s) {
    for (kept **at = &l->first; *at; at = &(*at)->next) {
        kept *k = *at;
        if (!holds(l, k, s)) continue;
        *at = k->next; /* to the front */
        k->next = l->first;
        l->first = k;
        return k;
    }
    return NULL;
}

/* ---- answers ---- */

/* The newest so many as are wanted. */
static void give(const seeking *s, const kept *k, size_t from, size_t to, bool has_forming) {
    size_t n = to - from, most = (size_t)s->n_bars, gone = n > most ? n - most : 0;
    lookup_answer a = {.n_bars = n - gone, .forming = has_forming ? &k->forming : NULL};
    if (a.n_bars) a.bars = k->bars.bars + from + gone;
    s->on_done(s->context, &a);
}

static void answer(const seeking *s, const kept *k) {
    int64_t from_ms, to_ms, now_ms = market_now(s->owner);
    stretch(s, now_ms, &from_ms, &to_ms);
    size_t from = kline_list_find(&k->bars, from_ms), to = kline_list_find(&k->bars, to_ms);
    give(s, k, from, to, k->has_forming && wants_forming(s, now_ms));
}

static void free_seeking(seeking *s) {
    free_kept(s->found);
    free(s);
}

/* Out of the list. */
static void leave(seeking *s) {
    lookup *l = s->owner;
    seeking **at = &l->waiting;
    while (*at != s) at = &(*at)->next;
    *at = s->next;
    l->n_waiting--;
}

static void fail(seeking *s, err error, const char *why) {
    s->on_done(s->context, &(lookup_answer){.error = error, .why = why});
    free_seeking(s);
}

/* ---- pages ---- */

/* The first bar that has not been asked for, and the end of those that are wanted. */
static void next_stretch(const seeking *s, int64_t *from_ms, int64_t *to_ms) {
    const kept *k = s->found;
    *from_ms = k->bars.count ? interval_next(s->interval, k->bars.bars[k->bars.count - 1].open_ms) : k->from_ms;
    *to_ms = wants_forming(s, s->market_ms) ? interval_next(s->interval, k->to_ms) : k->to_ms;
}

static err ask_page(seeking *s) {
    lookup *l = s->owner;
    const venue *v = rest_venue(l->rest);
    s->market_ms = market_now(l);
    int64_t next_ms, end_ms;
    next_stretch(s, &next_ms, &end_ms);
    int64_t left = interval_count(s->interval, next_ms, end_ms);
    rest_page page = {.symbol = s->symbol,
                      .interval = s->interval,
                      .from_ms = next_ms,
                      .to_ms = end_ms,
                      .limit = (int)(left < v->page_bars ? left : v->page_bars),
                      .class = WEIGHT_BULK};
    return rest_klines(l->rest, &page, on_page, s, &s->call_id);
}

static err begin(seeking *s, diag *why) {
    lookup *l = s->owner;
    int64_t now_ms = market_now(l);
    if (now_ms == 0) return diag_set(why, ERR_CLOSED, "the exchange has not told the time yet");
    long long wait_ms =
        rest_wait(l->rest, venue_klines_weight(rest_venue(l->rest), rest_venue(l->rest)->page_bars), WEIGHT_BULK);
    if (wait_ms > LOOKUP_PATIENCE_MS)
        return diag_set(why, ERR_FULL, "the exchange's limit of requests is used up for now; try again in %lld s",
                        wait_ms / 1000 + 1);
    s->found = calloc(1, sizeof *s->found);
    if (!s->found) return diag_set(why, ERR_NO_MEMORY, "%s", error_text(ERR_NO_MEMORY));
    memcpy(s->found->symbol, s->symbol, sizeof s->symbol);
    s->found->interval = s->interval;
    stretch(s, now_ms, &s->found->from_ms, &s->found->to_ms);
    s->found->knows_forming = wants_forming(s, now_ms);
    err e = ask_page(s);
    return e == OK ? OK : diag_set(why, e, "%s", error_text(e));
}

/* `has_more`: there may be more. */
static err take_page(seeking *s, const rest_answer *a, bool *has_more, diag *why) {
    const venue *v = rest_venue(s->owner->rest);
    kept *k = s->found;
    parse_page page;
    kline *bars = malloc((size_t)v->page_bars * sizeof *bars);
    if (!bars) return diag_set(why, ERR_NO_MEMORY, "%s", error_text(ERR_NO_MEMORY));
    err e = parse_klines(a->body, a->body_bytes, s->interval, s->market_ms, bars, (size_t)v->page_bars, &page, why);
    size_t before = k->bars.count;
    for (size_t i = 0; e == OK && i < page.n_bars; i++) {
        bool is_next = !k->bars.count || bars[i].open_ms > k->bars.bars[k->bars.count - 1].open_ms;
        if (i < page.n_closed && bars[i].open_ms < k->to_ms && bars[i].open_ms >= k->from_ms && is_next)
            e = kline_list_push(&k->bars, &bars[i]);
        else if (bars[i].open_ms == k->to_ms)
            k->forming = bars[i], k->has_forming = true;
    }
    int64_t next_ms, end_ms;
    next_stretch(s, &next_ms, &end_ms);
    *has_more = page.n_bars + page.n_refused >= (size_t)v->page_bars && k->bars.count > before && next_ms < end_ms &&
                !k->has_forming;
    free(bars);
    return e;
}

/* What the exchange does not know stays unknown; all else may be another time. */
static err code_of(const rest_answer *a) { return a->status == 400 || a->status == 404 ? ERR_NOT_FOUND : a->error; }

static void on_page(void *context, const rest_answer *a) {
    seeking *s = context;
    lookup *l = s->owner;
    bool has_more = false;
    diag why = {""};
    err e = a->error == OK ? take_page(s, a, &has_more, &why) : code_of(a);
    if (a->error != OK) diag_set(&why, e, "%s", a->why ? a->why : error_text(a->error));
    if (e == OK && has_more && (e = ask_page(s)) == OK) return;
    l->n_calls--;
    leave(s);
    if (e != OK) {
        fail(s, e, why.text[0] ? why.text : error_text(e));
    } else {
        kept *k = s->found;
        s->found = NULL;
        k->fetched_ms = monotonic_ms();
        give(s, k, 0, k->bars.count, k->has_forming);
        keep(l, k);
        free_seeking(s);
    }
    start_some(l);
}

/* ---- asked ---- */

static seeking *first_idle(const lookup *l) {
    for (seeking *s = l->waiting; s; s = s->next)
        /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): who has left is not in it */
        if (!s->found) return s;
    return NULL;
}

static void start_some(lookup *l) {
    seeking *s;
    if (l->is_starting) return; /* whoever is told may ask again */
    l->is_starting = true;
    while (!l->is_closing && (s = first_idle(l))) {
        const kept *k = find(l, s);
        diag why;
        if (!k && l->n_calls == LOOKUP_CALLS_MAX) break;
        err e = k ? OK : begin(s, &why);
        if (e == OK && !k) {
            l->n_calls++;
            continue;
        }
        leave(s);
        if (k) {
            answer(s, k);
            free_seeking(s);
        } else {
            fail(s, e, why.text);
        }
    }
    l->is_starting = false;
}

err lookup_ask(lookup *l, const lookup_wish *wish, lookup_done_fn on_done, void *context) {
    seeking **end = &l->waiting;
    if (l->is_closing) return ERR_CLOSED;
    if (!interval_name(wish->interval) || wish->n_bars < 1 || wish->n_bars > LOOKUP_WISH_MAX ||
        strlen(wish->symbol) >= SYMBOL_BYTES)
        return ERR_INVALID;
    if (l->n_waiting == LOOKUP_WAITING_MAX) return ERR_FULL;
    seeking *s = calloc(1, sizeof *s);
    if (!s) return ERR_NO_MEMORY;
    *s = (seeking){.owner = l,
                   .interval = wish->interval,
                   .n_bars = wish->n_bars,
                   .before_ms = wish->before_ms,
                   .closed_only = wish->closed_only,
                   .on_done = on_done,
                   .context = context};
    snprintf(s->symbol, sizeof s->symbol, "%s", wish->symbol);
    while (*end) end = &(*end)->next;
    *end = s;
    l->n_waiting++;
    drop_old(l);
    start_some(l);
    return OK;
}

void lookup_close(lookup *l) {
    if (!l) return;
    l->is_closing = true;
    while (l->waiting) {
        seeking *s = l->waiting; /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): as above */
        if (s->found) rest_cancel(l->rest, s->call_id);
        leave(s);
        fail(s, ERR_CLOSED, "the daemon stops");
    }
    while (l->first) drop(l, &l->first);
    free(l);
}
