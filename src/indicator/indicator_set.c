/* Indicators of one series: see indicator_set.h.
 *
 *   instances  [ rsi14 | sma9(rsi14) | macd | ... ]      sources stand before what is made of them
 *   states     [ 96 B  |    96 B     | 96 B | ... ]      one array, so a checkpoint is one copy
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
    int64_t asked_ms;   /* epoch asked for; 0: the first bar that comes */
    int64_t epoch_ms;   /* first bar seen; 0: none yet */
    int64_t first_life; /* its life number */
} instance;

typedef struct checkpoint {
    int64_t life; /* bars up to here (exclusive) are in the states; -1: none */
    kernel_state *states;
} checkpoint;

struct indicator_set {
    kline_series *bars;
    const registry *registry;
    instance *items;
    kernel_state *states;
    checkpoint checkpoints[N_CHECKPOINTS];
    int32_t count, capacity;
    int32_t reach; /* longest window, bars */
    int64_t life;  /* bars up to here (exclusive) have been seen */
    int64_t n_new_epochs;
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
    free(set->states);
    free(set->items);
    free(set);
}

/* Runs one instance over the bars with life numbers [from, to). */
static void run(indicator_set *set, int32_t i, kernel_state *state, int64_t from, int64_t to) {
    instance *item = &set->items[i];
    const int64_t *open_ms = kline_series_open_ms(set->bars);
    int64_t dropped = kline_series_dropped(set->bars);
    int32_t begin = (int32_t)(from - dropped), end = (int32_t)(to - dropped);
    while (begin < end && open_ms[begin] < item->asked_ms) begin++;
    if (begin >= end) return;
    if (item->epoch_ms == 0) {
        item->epoch_ms = open_ms[begin];
        item->first_life = dropped + begin;
    }
    item->kernel->run(state, &item->in, begin, end, item->out);
}

static err grow(indicator_set *set) {
    int32_t capacity = set->capacity ? set->capacity * 2 : 8;
    size_t bytes = (size_t)capacity * sizeof(kernel_state);
    instance *items = realloc(set->items, (size_t)capacity * sizeof *items);
    kernel_state *states;
    if (!items) return ERR_NO_MEMORY;
    set->items = items;
    states = realloc(set->states, bytes);
    if (!states) return ERR_NO_MEMORY;
    set->states = states;
    for (int c = 0; c < N_CHECKPOINTS; c++) {
        states = realloc(set->checkpoints[c].states, bytes);
        if (!states) return ERR_NO_MEMORY;
        set->checkpoints[c].states = states;
    }
    set->capacity = capacity;
    return OK;
}

static const double *series_data(const indicator_set *set, series_ref ref) {
    if (!series_is_output(ref)) return ref < 0 ? NULL : kline_series_field(set->bars, ref);
    return indicator_set_values(set, indicator_set_find(set, series_indicator(ref), 0), series_output(ref));
}

static err bind(indicator_set *set, instance *item) {
    for (int32_t s = 0; s < item->kernel->n_sources; s++) item->in.source[s] = series_data(set, item->spec->source[s]);
    item->in.open = kline_series_field(set->bars, FIELD_OPEN);
    item->in.high = kline_series_field(set->bars, FIELD_HIGH);
    item->in.low = kline_series_field(set->bars, FIELD_LOW);
    item->in.close = kline_series_field(set->bars, FIELD_CLOSE);
    item->in.volume = kline_series_field(set->bars, FIELD_VOLUME);
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
    memset(&set->states[i], 0, sizeof set->states[i]);
    for (int c = 0; c < N_CHECKPOINTS; c++) {
        checkpoint *p = &set->checkpoints[(oldest + c) % N_CHECKPOINTS];
        if (p->life < at) {
            p->life = -1; /* bars before it are gone: it could not be completed */
            continue;
        }
        run(set, i, &set->states[i], at, p->life);
        p->states[i] = set->states[i];
        at = p->life;
    }
    run(set, i, &set->states[i], at, set->life);
}

err indicator_set_add(indicator_set *set, int32_t id, int64_t epoch_ms) {
    const indicator_spec *spec = registry_get(set->registry, id);
    const kernel *k = kernel_get(spec->kind);
    instance *item;
    int32_t reach;
    err e;
    if (indicator_set_find(set, id, 0) >= 0) return OK;
    reach = kernel_reach(spec->kind, spec->param);
    if (reach + N_CHECKPOINTS * CHECKPOINT_BARS > kline_series_keep(set->bars)) return ERR_TOO_BIG;
    for (int32_t s = 0; s < k->n_sources; s++)
        if (series_is_output(spec->source[s])) {
            e = indicator_set_add(set, series_indicator(spec->source[s]), epoch_ms);
            if (e != OK) return e;
        }
    if (set->count == set->capacity) {
        e = grow(set);
        if (e != OK) return e;
    }
    item = &set->items[set->count];
    *item = (instance){.id = id, .n_outputs = k->n_outputs, .kernel = k, .spec = spec, .asked_ms = epoch_ms};
    e = bind(set, item);
    if (e != OK) return e;
    if (reach > set->reach) set->reach = reach;
    catch_up(set, set->count);
    set->count++;
    return OK;
}

static void take_checkpoint(indicator_set *set) {
    checkpoint *older = &set->checkpoints[set->checkpoints[0].life <= set->checkpoints[1].life ? 0 : 1];
    if (!set->count) return;
    memcpy(older->states, set->states, (size_t)set->count * sizeof *set->states);
    older->life = set->life;
}

void indicator_set_advance(indicator_set *set) {
    int64_t dropped = kline_series_dropped(set->bars);
    int64_t end = dropped + kline_series_count(set->bars);
    const int64_t *number = kline_series_numbers(set->bars);
    while (set->life < end) {
        for (int32_t i = 0; i < set->count; i++) run(set, i, &set->states[i], set->life, set->life + 1);
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

/* Everything anew from the oldest bar kept. */
static void restart(indicator_set *set) {
    memset(set->states, 0, (size_t)set->count * sizeof *set->states);
    for (int32_t i = 0; i < set->count; i++)
        if (set->items[i].epoch_ms < kline_series_open_ms(set->bars)[0]) set->items[i].epoch_ms = 0;
    set->life = kline_series_dropped(set->bars);
    set->n_new_epochs++;
}

bool indicator_set_correct(indicator_set *set, int32_t index) {
    const checkpoint *from = checkpoint_before(set, kline_series_dropped(set->bars) + index);
    if (from) {
        memcpy(set->states, from->states, (size_t)set->count * sizeof *set->states);
        set->life = from->life;
    } else {
        restart(set);
    }
    indicator_set_advance(set); /* takes the void checkpoints again on the way */
    return from == NULL;
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

int64_t indicator_set_seen_at(const indicator_set *set, int32_t i, int32_t count) {
    int64_t at = kline_series_dropped(set->bars) + count;
    if (set->items[i].epoch_ms == 0 || at < set->items[i].first_life) return 0;
    return at - set->items[i].first_life;
}
