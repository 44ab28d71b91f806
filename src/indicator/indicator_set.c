/* Indicators of one series: see indicator_set.h.
 *
 *   instances  [ rsi14 | sma9(rsi14) | macd | ... ]      sources stand before what is made of them
 *   states     [ 56 B  |    32 B     | 48 B | ... ]      one piece of memory, so a checkpoint is one copy
 *   checkpoint [ states after the bar with life number L ] x 2
 *
 * Life numbers count the bars of a series from its first one and never change, unlike indices, which move when the
 * window slides. */
#include "indicator/indicator_set.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { N_CHECKPOINTS = 2 };

typedef struct instance {
    int32_t id, n_outputs;
    const kernel *kernel;
    const indicator_spec *spec;
    kernel_input in;
    double *out[INDICATOR_OUTPUTS];
    size_t state;       /* where its state begins */
    int64_t asked_ms;   /* epoch asked for; 0: the first bar that comes */
    int64_t epoch_ms;   /* first bar seen; 0: none yet */
    int64_t first_life; /* its life number */
    int64_t told_ms;    /* epoch that was told */
    bool is_deferred;
    bool is_stale;                        /* only while a reference is linked: what it rests on is another one now */
    int64_t life;                         /* deferred: bars up to here (exclusive) have values */
    int32_t source_at[INDICATOR_SOURCES]; /* instances in this set; -1: a field, or elsewhere */
    int32_t slow_at;                      /* of `align`: instance in the set of its source; -1: a field */
} instance;

/* Another symbol that series are aligned from. */
typedef struct reference {
    int32_t symbol;
    indicator_set *const *sets;       /* NULL: not there */
    int64_t n_corrected[N_INTERVALS]; /* corrections of its sets that have been taken over */
} reference;

enum { CORRECTIONS = 8 };

typedef struct checkpoint {
    int64_t life; /* bars up to here (exclusive) are in the states; -1: none */
    char *states;
} checkpoint;

struct indicator_set {
    kline_series *bars;
    const registry *registry;
    indicator_set *const *linked; /* by interval; NULL: not linked */
    instance *items;
    char *states, *scratch; /* scratch: of peek; NULL until it is wanted */
    checkpoint checkpoints[N_CHECKPOINTS];
    int32_t count, capacity, n_deferred;
    size_t used, room, scratch_room; /* bytes */
    int32_t reach;                   /* longest window, bars */
    int64_t life;                    /* bars up to here (exclusive) have been seen */
    int64_t n_new_epochs, n_begun;
    reference *references;
    int32_t n_references;
    int64_t n_corrected, corrected_ms[CORRECTIONS]; /* ever; open times of the last of them */
};

err indicator_set_new(kline_series *bars, const registry *r, indicator_set **out) {
    indicator_set *set = calloc(1, sizeof *set);
    if (!set) return ERR_NO_MEMORY;
    set->bars = bars;
    set->registry = r;
    for (int c = 0; c < N_CHECKPOINTS; c++) set->checkpoints[c].life = -1;
    set->life = kline_series_dropped(bars) + kline_series_count(bars);
    *out = set;
    return OK;
}

void indicator_set_free(indicator_set *set) {
    if (!set) return;
    for (int c = 0; c < N_CHECKPOINTS; c++) free(set->checkpoints[c].states);
    free(set->references);
    free(set->scratch);
    free(set->states);
    free(set->items);
    free(set);
}

void indicator_set_link(indicator_set *set, indicator_set *const sets[N_INTERVALS]) { set->linked = sets; }

/* Runs one instance over the bars with life numbers [from, to). */
static void run(indicator_set *set, int32_t i, char *state, int64_t from, int64_t to) {
    instance *item = &set->items[i];
    const int64_t *open_ms = kline_series_open_ms(set->bars);
    int64_t dropped = kline_series_dropped(set->bars);
    int32_t begin = (int32_t)(from - dropped), end = (int32_t)(to - dropped);
    while (begin < end && open_ms[begin] < item->asked_ms) begin++;
    if (begin >= end) return;
    if (item->epoch_ms == 0) {
        item->epoch_ms = open_ms[begin];
        item->first_life = dropped + begin;
        set->n_begun++;
    }
    item->kernel->run(state, &item->in, begin, end, item->out);
}

static err grow_items(indicator_set *set) {
    int32_t capacity = set->capacity ? set->capacity * 2 : 8;
    instance *items = realloc(set->items, (size_t)capacity * sizeof *items);
    if (!items) return ERR_NO_MEMORY;
    set->items = items;
    set->capacity = capacity;
    return OK;
}

static err grow_states(indicator_set *set, size_t bytes) {
    size_t room = set->room ? set->room : 256;
    char **all[] = {&set->states, &set->checkpoints[0].states, &set->checkpoints[1].states};
    if (set->states && set->used + bytes <= set->room) return OK; /* never NULL, even for a kind without a state */
    while (room < set->used + bytes) room *= 2;
    for (size_t k = 0; k < sizeof all / sizeof *all; k++) {
        char *states = realloc(*all[k], room);
        if (!states) return ERR_NO_MEMORY;
        *all[k] = states;
    }
    set->room = room;
    return OK;
}

static const double *series_data(const indicator_set *set, series_ref ref, int32_t *at) {
    *at = -1;
    if (!series_is_output(ref)) return ref < 0 ? NULL : kline_series_field(set->bars, ref);
    *at = indicator_set_find(set, series_indicator(ref), 0);
    return indicator_set_values(set, *at, series_output(ref));
}

static reference *find_reference(const indicator_set *set, int32_t symbol) {
    for (int32_t k = 0; k < set->n_references; k++)
        if (set->references[k].symbol == symbol) return &set->references[k];
    return NULL;
}

/* Where the source of an aligned series is at home; NULL: not there. */
static indicator_set *slow_set(const indicator_set *set, const indicator_spec *spec) {
    int32_t symbol = (int32_t)spec->param[1];
    const reference *from = symbol ? find_reference(set, symbol) : NULL;
    indicator_set *const *sets = symbol ? (from ? from->sets : NULL) : set->linked;
    return sets ? sets[(int32_t)spec->param[0]] : NULL;
}

static void bind_slow(const indicator_set *set, instance *item) {
    const indicator_set *slow = slow_set(set, item->spec);
    item->slow_at = -1;
    item->in.slow = (kernel_slow){.interval = (int32_t)item->spec->param[0]};
    if (!slow) return;
    item->in.slow.values = series_data(slow, item->spec->source[0], &item->slow_at);
    item->in.slow.open_ms = kline_series_open_ms(slow->bars);
}

static err bind(indicator_set *set, instance *item) {
    for (int32_t s = 0; s < INDICATOR_SOURCES; s++) item->source_at[s] = -1;
    if (item->spec->kind == INDICATOR_ALIGN)
        bind_slow(set, item);
    else
        for (int32_t s = 0; s < item->kernel->n_sources; s++)
            item->in.source[s] = series_data(set, item->spec->source[s], &item->source_at[s]);
    item->in.open = kline_series_field(set->bars, FIELD_OPEN);
    item->in.high = kline_series_field(set->bars, FIELD_HIGH);
    item->in.low = kline_series_field(set->bars, FIELD_LOW);
    item->in.close = kline_series_field(set->bars, FIELD_CLOSE);
    item->in.volume = kline_series_field(set->bars, FIELD_VOLUME);
    item->in.quote_volume = kline_series_field(set->bars, FIELD_QUOTE_VOLUME);
    item->in.trades = kline_series_field(set->bars, FIELD_TRADES);
    item->in.taker_base = kline_series_field(set->bars, FIELD_TAKER_BASE);
    item->in.taker_quote = kline_series_field(set->bars, FIELD_TAKER_QUOTE);
    item->in.open_ms = kline_series_open_ms(set->bars);
    item->in.number = kline_series_numbers(set->bars);
    item->in.param = item->spec->param;
    item->in.interval = item->spec->interval;
    for (int32_t o = 0; o < item->n_outputs; o++) {
        err e = kline_series_add_column(set->bars, &item->out[o]);
        if (e != OK) return e;
    }
    return OK;
}

/* A newcomer sees the bars kept, and its state goes into the checkpoints on the way. */
static void catch_up(indicator_set *set, int32_t i) {
    int64_t at = kline_series_dropped(set->bars);
    int oldest = set->checkpoints[0].life <= set->checkpoints[1].life ? 0 : 1;
    size_t place = set->items[i].state, bytes = set->used - place;
    if (bytes > 0) memset(set->states + place, 0, bytes); /* a state may need nothing, and be the first */
    if (set->items[i].is_deferred) {
        set->items[i].life = at;
        return;
    }
    for (int c = 0; c < N_CHECKPOINTS; c++) {
        checkpoint *p = &set->checkpoints[(oldest + c) % N_CHECKPOINTS];
        if (p->life < at) {
            p->life = -1; /* bars before it are gone: it could not be completed */
            continue;
        }
        run(set, i, set->states + place, at, p->life);
        memcpy(p->states + place, set->states + place, bytes);
        at = p->life;
    }
    run(set, i, set->states + place, at, set->life);
}

/* What it is made of comes first. */
static err add_sources(indicator_set *set, const indicator_spec *spec, int64_t epoch_ms) {
    err e = OK;
    indicator_set *home = spec->kind == INDICATOR_ALIGN ? slow_set(set, spec) : set;
    if (!home) return spec->param[1] > 0 ? OK : ERR_NOT_FOUND; /* a reference may come later */
    for (int32_t s = 0; s < kernel_get(spec->kind)->n_sources && e == OK; s++)
        if (series_is_output(spec->source[s]))
            e = indicator_set_add(home, series_indicator(spec->source[s]), home == set ? epoch_ms : 0);
    return e;
}

static bool rests_on_deferred(const indicator_set *set, const instance *item) {
    if (item->spec->kind == INDICATOR_ALIGN || item->spec->kind == INDICATOR_OWN) return true;
    for (int32_t s = 0; s < item->kernel->n_sources; s++)
        if (item->source_at[s] >= 0 && set->items[item->source_at[s]].is_deferred) return true;
    return false;
}

err indicator_set_add(indicator_set *set, int32_t id, int64_t epoch_ms) {
    const indicator_spec *spec = registry_get(set->registry, id);
    const kernel *k = kernel_get(spec->kind);
    size_t bytes = kernel_state_bytes(spec->kind, spec->param, spec->interval);
    int32_t reach = kernel_reach(spec->kind, spec->param, spec->interval);
    instance *item;
    err e;
    if (indicator_set_find(set, id, 0) >= 0) return OK;
    if (reach + N_CHECKPOINTS * CHECKPOINT_BARS > kline_series_keep(set->bars)) return ERR_TOO_BIG;
    e = add_sources(set, spec, epoch_ms);
    if (e == OK && set->count == set->capacity) e = grow_items(set);
    if (e == OK) e = grow_states(set, bytes);
    if (e != OK) return e;
    item = &set->items[set->count];
    *item = (instance){
        .id = id, .n_outputs = k->n_outputs, .kernel = k, .spec = spec, .asked_ms = epoch_ms, .state = set->used};
    e = bind(set, item);
    if (e != OK) return e;
    item->is_deferred = rests_on_deferred(set, item);
    set->n_deferred += item->is_deferred;
    set->used += bytes;
    if (reach > set->reach) set->reach = reach;
    catch_up(set, set->count);
    set->count++;
    return OK;
}

static void take_checkpoint(indicator_set *set) {
    checkpoint *older = &set->checkpoints[set->checkpoints[0].life <= set->checkpoints[1].life ? 0 : 1];
    if (!set->count) return;
    memcpy(older->states, set->states, set->used);
    older->life = set->life;
}

void indicator_set_advance(indicator_set *set) {
    int64_t dropped = kline_series_dropped(set->bars);
    int64_t end = dropped + kline_series_count(set->bars);
    const int64_t *number = kline_series_numbers(set->bars);
    while (set->life < end) {
        for (int32_t i = 0; i < set->count; i++)
            if (!set->items[i].is_deferred) run(set, i, set->states + set->items[i].state, set->life, set->life + 1);
        set->life++;
        if (number[set->life - 1 - dropped] % CHECKPOINT_BARS == 0) take_checkpoint(set);
    }
}

/* The newest checkpoint that has not seen the bar `life` and whose windows are still there; NULL when there is none.
 * Those that have seen it are void. */
static checkpoint *checkpoint_before(indicator_set *set, int64_t life) {
    checkpoint *best = NULL;
    for (int c = 0; c < N_CHECKPOINTS; c++) {
        checkpoint *p = &set->checkpoints[c];
        if (p->life > life)
            p->life = -1;
        else if (p->life >= kline_series_dropped(set->bars) + set->reach && (!best || p->life > best->life))
            best = p;
    }
    return best;
}

/* Refreshed whenever an aligned series is computed. */
static const indicator_set *count_slow(const indicator_set *set, instance *item) {
    const indicator_set *slow = slow_set(set, item->spec);
    item->in.slow.count = slow ? kline_series_count(slow->bars) : 0;
    return slow;
}

/* Everything anew from the oldest bar kept. */
static void restart(indicator_set *set) {
    if (set->used) memset(set->states, 0, set->used);
    for (int32_t i = 0; i < set->count; i++)
        if (set->items[i].epoch_ms < kline_series_open_ms(set->bars)[0]) set->items[i].epoch_ms = 0;
    set->life = kline_series_dropped(set->bars);
    set->n_new_epochs++;
}

/* A deferred instance forgets what it knows from bar `life` on. An own series has no state but its values; anything else
 * begins anew, in a new epoch when its first bar is gone. */
static void rewind_one(indicator_set *set, instance *item, int64_t life) {
    int64_t oldest = kline_series_dropped(set->bars);
    if (item->life <= life) return;
    if (item->spec->kind == INDICATOR_OWN || item->spec->kind == INDICATOR_ALIGN) {
        item->life = life;
        return;
    }
    memset(set->states + item->state, 0, kernel_state_bytes(item->spec->kind, item->spec->param, item->spec->interval));
    item->life = oldest;
    if (item->epoch_ms && item->first_life < oldest) {
        item->epoch_ms = 0;
        set->n_new_epochs++;
    }
}

static void rewind_deferred(indicator_set *set, int64_t life) {
    if (!set->n_deferred) return;
    for (int32_t i = 0; i < set->count; i++)
        if (set->items[i].is_deferred) rewind_one(set, &set->items[i], life);
}

/* In the other sets: what is aligned from this one, or may have been read by an own series. */
static void rewind_linked(const indicator_set *set, int64_t from_ms) {
    for (int32_t i = 0; set->linked && i < N_INTERVALS; i++) {
        indicator_set *other = set->linked[i];
        if (!other || other == set || !other->n_deferred) continue;
        rewind_deferred(other, kline_series_dropped(other->bars) + kline_series_count_at(other->bars, from_ms));
    }
}

bool indicator_set_correct(indicator_set *set, int32_t index) {
    set->corrected_ms[set->n_corrected++ % CORRECTIONS] = kline_series_open_ms(set->bars)[index];
    int64_t dropped = kline_series_dropped(set->bars);
    const checkpoint *from = checkpoint_before(set, dropped + index);
    if (from) {
        if (set->used) memcpy(set->states, from->states, set->used);
        set->life = from->life;
    } else {
        restart(set);
    }
    indicator_set_advance(set); /* takes the void checkpoints again on the way */
    rewind_deferred(set, dropped + index);
    rewind_linked(set, kline_series_open_ms(set->bars)[index]);
    return from == NULL;
}

static void peek_one(indicator_set *set, instance *item, int32_t count) {
    if (item->is_deferred && item->life != kline_series_dropped(set->bars) + count) {
        for (int32_t o = 0; o < item->n_outputs; o++) item->out[o][count] = NAN;
        return;
    }
    if (item->spec->kind == INDICATOR_ALIGN) count_slow(set, item);
    item->kernel->run(set->scratch + item->state, &item->in, count, count + 1, item->out);
}

err indicator_set_peek(indicator_set *set) {
    int32_t count = kline_series_count(set->bars);
    if (!kline_series_has_forming(set->bars)) return OK;
    if (set->scratch_room < set->used) {
        char *scratch = realloc(set->scratch, set->used);
        if (!scratch) return ERR_NO_MEMORY;
        set->scratch = scratch;
        set->scratch_room = set->used;
    }
    if (set->used) memcpy(set->scratch, set->states, set->used);
    for (int32_t i = 0; i < set->count; i++) peek_one(set, &set->items[i], count);
    return OK;
}

/* ---- what is deferred ---- */

bool indicator_set_has_deferred(const indicator_set *set) { return set->n_deferred > 0; }

/* The open time from which on a set has been corrected since it had been `n_seen` times; INT64_MAX: not at all. */
static int64_t corrected_since(const indicator_set *set, int64_t n_seen) {
    int64_t from_ms = INT64_MAX;
    if (set->n_corrected - n_seen > CORRECTIONS) return 0;
    for (int64_t k = n_seen; k < set->n_corrected; k++)
        if (set->corrected_ms[k % CORRECTIONS] < from_ms) from_ms = set->corrected_ms[k % CORRECTIONS];
    return from_ms;
}

/* Corrections of other symbols: what is aligned from them, or may have been read by an own series, is made again. */
static void follow_references(indicator_set *set) {
    for (int32_t k = 0; k < set->n_references; k++) {
        reference *from = &set->references[k];
        for (int32_t i = 0; from->sets && i < N_INTERVALS; i++) {
            if (!from->sets[i] || from->sets[i]->n_corrected == from->n_corrected[i]) continue;
            int64_t from_ms = corrected_since(from->sets[i], from->n_corrected[i]);
            from->n_corrected[i] = from->sets[i]->n_corrected;
            rewind_deferred(set, kline_series_dropped(set->bars) + kline_series_count_at(set->bars, from_ms));
        }
    }
}

/* One that has fallen behind the window begins anew. */
static void follow_window(indicator_set *set, instance *item) {
    int64_t oldest = kline_series_dropped(set->bars);
    if (item->life >= oldest) return;
    memset(set->states + item->state, 0, kernel_state_bytes(item->spec->kind, item->spec->param, item->spec->interval));
    set->n_new_epochs += item->epoch_ms != 0;
    item->epoch_ms = 0;
    item->life = oldest;
}

/* The open time up to which the source of an aligned series is known: it may be deferred itself. */
static int64_t slow_known_to(const indicator_set *slow, const instance *item) {
    const instance *source = item->slow_at >= 0 ? &slow->items[item->slow_at] : NULL;
    int64_t at = source && source->is_deferred ? source->life - kline_series_dropped(slow->bars) : INT64_MAX;
    if (at >= kline_series_count(slow->bars)) return kline_series_known_to(slow->bars);
    return at > 0 ? kline_series_open_ms(slow->bars)[at] : 0;
}

/* The bars (as a life number) up to which the source of an aligned series is known. */
static int64_t known_life(const indicator_set *set, instance *item, int64_t life) {
    const indicator_set *slow = count_slow(set, item);
    const int64_t *open_ms = kline_series_open_ms(set->bars);
    int64_t dropped = kline_series_dropped(set->bars), at = item->life, known_to_ms;
    if (!slow) return life; /* known to be NaN */
    known_to_ms = slow_known_to(slow, item);
    while (at < life) {
        int64_t close_ms = interval_next(item->in.interval, open_ms[at - dropped]);
        if (known_to_ms < interval_floor(item->in.slow.interval, close_ms)) break;
        at++;
    }
    return at;
}

static void settle_one(indicator_set *set, int32_t i, int64_t life) {
    instance *item = &set->items[i];
    follow_window(set, item);
    if (item->spec->kind == INDICATOR_OWN) return;
    if (item->spec->kind == INDICATOR_ALIGN) life = known_life(set, item, life);
    for (int32_t s = 0; s < INDICATOR_SOURCES; s++) {
        const instance *source = item->source_at[s] >= 0 ? &set->items[item->source_at[s]] : NULL;
        if (source && source->is_deferred && source->life < life) life = source->life;
    }
    if (life <= item->life) return;
    run(set, i, set->states + item->state, item->life, life);
    item->life = life;
}

void indicator_set_settle(indicator_set *set, int32_t count) {
    int64_t life = kline_series_dropped(set->bars) + count;
    if (!set->n_deferred) return;
    follow_references(set);
    for (int32_t i = 0; i < set->count; i++)
        if (set->items[i].is_deferred) settle_one(set, i, life);
}

int32_t indicator_set_own_next(indicator_set *set, int32_t i) {
    instance *item = &set->items[i];
    const int64_t *open_ms = kline_series_open_ms(set->bars);
    int64_t dropped = kline_series_dropped(set->bars), end = dropped + kline_series_count(set->bars);
    follow_references(set);
    follow_window(set, item);
    while (item->life < end && open_ms[item->life - dropped] < item->asked_ms) item->life++;
    return (int32_t)(item->life - dropped);
}

void indicator_set_own_put(indicator_set *set, int32_t i, double value) {
    instance *item = &set->items[i];
    int32_t at = (int32_t)(item->life - kline_series_dropped(set->bars));
    if (item->epoch_ms == 0) {
        item->epoch_ms = kline_series_open_ms(set->bars)[at];
        item->first_life = item->life;
        set->n_begun++;
    }
    item->out[0][at] = kernel_defined(value);
    item->life++;
}

void indicator_set_own_peek(indicator_set *set, int32_t i, double value) {
    set->items[i].out[0][kline_series_count(set->bars)] = kernel_defined(value);
}

/* ---- other symbols ---- */

static err note_reference(indicator_set *set, int32_t symbol, reference **out) {
    reference *larger;
    *out = find_reference(set, symbol);
    if (*out) return OK;
    larger = realloc(set->references, ((size_t)set->n_references + 1) * sizeof *larger);
    if (!larger) return ERR_NO_MEMORY;
    set->references = larger;
    *out = &larger[set->n_references++];
    **out = (reference){.symbol = symbol};
    return OK;
}

/* What was aligned while the reference was not there, and all that is made of it, begins anew. */
static void restart_stale(indicator_set *set) {
    int64_t oldest = kline_series_dropped(set->bars);
    for (int32_t i = 0; i < set->count; i++) {
        instance *item = &set->items[i];
        for (int32_t s = 0; s < INDICATOR_SOURCES; s++)
            item->is_stale = item->is_stale || (item->source_at[s] >= 0 && set->items[item->source_at[s]].is_stale);
        if (item->is_stale) rewind_one(set, item, oldest);
    }
    for (int32_t i = 0; i < set->count; i++) set->items[i].is_stale = false;
}

err indicator_set_link_reference(indicator_set *set, int32_t symbol, indicator_set *const sets[N_INTERVALS]) {
    reference *from;
    bool has_come = false;
    err e = note_reference(set, symbol, &from);
    if (e != OK) return e;
    for (int32_t i = 0; i < N_INTERVALS; i++) {
        int64_t now = sets && sets[i] ? sets[i]->n_corrected : 0;
        /* Sets that take the place of others have the same bars: their past is taken over. */
        if (sets != from->sets || now < from->n_corrected[i]) from->n_corrected[i] = now;
    }
    from->sets = sets;
    for (int32_t i = 0; i < set->count && e == OK; i++) {
        instance *item = &set->items[i];
        bool was_there = item->in.slow.values != NULL;
        if (item->spec->kind != INDICATOR_ALIGN || (int32_t)item->spec->param[1] != symbol) continue;
        e = add_sources(set, item->spec, 0);
        if (e != OK) break;
        bind_slow(set, &set->items[i]); /* its sources may have been added here */
        set->items[i].is_stale = !was_there && set->items[i].in.slow.values;
        has_come = has_come || set->items[i].is_stale;
    }
    if (has_come) restart_stale(set);
    return e;
}

/* ---- asking ---- */

size_t indicator_set_bytes(const indicator_set *set) {
    return sizeof *set + (size_t)set->capacity * sizeof *set->items + set->room * (1 + N_CHECKPOINTS) +
           set->scratch_room;
}

int32_t indicator_set_find(const indicator_set *set, int32_t id, int32_t hint) {
    if (hint >= 0 && hint < set->count && set->items[hint].id == id) return hint;
    for (int32_t i = 0; i < set->count; i++)
        if (set->items[i].id == id) return i;
    return -1;
}

int32_t indicator_set_count(const indicator_set *set) { return set->count; }
int32_t indicator_set_id(const indicator_set *set, int32_t i) { return set->items[i].id; }
const double *indicator_set_values(const indicator_set *set, int32_t i, int32_t output) {
    return set->items[i].out[output];
}
int64_t indicator_set_epoch(const indicator_set *set, int32_t i) { return set->items[i].epoch_ms; }
int64_t indicator_set_new_epochs(const indicator_set *set) { return set->n_new_epochs; }
int64_t indicator_set_begun(const indicator_set *set) { return set->n_begun; }

int32_t indicator_set_take_untold(indicator_set *set) {
    for (int32_t i = 0; i < set->count; i++) {
        if (set->items[i].epoch_ms == set->items[i].told_ms) continue;
        set->items[i].told_ms = set->items[i].epoch_ms;
        if (set->items[i].epoch_ms) return i;
    }
    return -1;
}

int64_t indicator_set_seen_at(const indicator_set *set, int32_t i, int32_t count) {
    int64_t at = kline_series_dropped(set->bars) + count;
    if (set->items[i].epoch_ms == 0 || at < set->items[i].first_life) return 0;
    return at - set->items[i].first_life;
}
