/* Indicators of one series: see indicator_set.h.
 *
 *   instances  [ rsi14 | sma9(rsi14) | macd | ... ]      sources stand before what is made of them
 *   states     [ 56 B  |    32 B     | 48 B | ... ]      one piece of memory, so a checkpoint is one copy
 *   checkpoint [ states after the bar with life number L ] x 2
 *   anchors    [ states of all that may be short ] x one for every 128 bars kept
 *
 * Life numbers count the bars of a series from its first one and never change, unlike indices, which move when the
 * window slides.
 *
 * Columns. A column is whole (values of all bars kept) or short (of the newest ones). What is being added starts whole,
 * reads whole sources, and then all are cut. To lengthen a column, its kernel runs from an anchor up to where the column
 * begins, over sources that have been lengthened before:
 *
 *      bars    [ . . . . . . . . . . . . . . . . . . . . . . ]
 *      source  [ NaN NaN v v v v v v v v v v v v v v v v v v ]      floor: the oldest value that can be computed anew
 *                         | reach  |
 *      column  [ NaN NaN NaN NaN NaN a v v v v v v v . . . . ]      a: its oldest anchor whose window is there
 *
 * Before its floor a whole column is blank too. An epoch that is still there is an anchor with an empty state, so nothing
 * is lost before the window has slid over it. Deferred values cannot be computed anew, nor are those worth it whose
 * states are large: they are whole all the time, and have no floor. One that becomes a source of deferred ones stays whole
 * from then on and keeps its floor until the window has passed it. */
#include "base/prefetch.h"
#include "indicator/indicator_set_body.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static void point_at_bars(kernel_input *in, const kline_series *bars) {
    in->open = kline_series_field(bars, FIELD_OPEN);
    in->high = kline_series_field(bars, FIELD_HIGH);
    in->low = kline_series_field(bars, FIELD_LOW);
    in->close = kline_series_field(bars, FIELD_CLOSE);
    in->volume = kline_series_field(bars, FIELD_VOLUME);
    in->quote_volume = kline_series_field(bars, FIELD_QUOTE_VOLUME);
    in->trades = kline_series_field(bars, FIELD_TRADES);
    in->taker_base = kline_series_field(bars, FIELD_TAKER_BASE);
    in->taker_quote = kline_series_field(bars, FIELD_TAKER_QUOTE);
    in->open_ms = kline_series_open_ms(bars);
    in->interval = kline_series_interval(bars);
}

err indicator_set_new(kline_series *bars, const registry *r, indicator_set **out) {
    indicator_set *set = calloc(1, sizeof *set);
    if (!set) return ERR_NO_MEMORY;
    set->bars = bars;
    set->registry = r;
    for (int c = 0; c < N_CHECKPOINTS; c++) set->checkpoints[c].life = -1;
    set->dropped = kline_series_dropped(bars);
    set->life = set->dropped + kline_series_count(bars);
    set->slide_life = INT64_MAX;
    set->number_life = -1;
    point_at_bars(&set->in, bars);
    if (anchors_init(&set->anchors, kline_series_room(bars), set->life) != OK) {
        indicator_set_free(set);
        return ERR_NO_MEMORY;
    }
    *out = set;
    return OK;
}

void indicator_set_free(indicator_set *set) {
    if (!set) return;
    for (int c = 0; c < N_CHECKPOINTS; c++) free(set->checkpoints[c].states);
    for (int32_t i = 0; i < set->count; i++) column_deinit(&set->items[i].values);
    anchors_deinit(&set->anchors);
    spare_blocks_deinit(&set->spare);
    free(set->references);
    free(set->scratch);
    free(set->states);
    free(set->items);
    free(set);
}

void indicator_set_prefetch(const indicator_set *set, int32_t step) {
    if (step == 0) {
        prefetch(set, sizeof *set);
    } else if (step == 1) {
        prefetch(set->items, (size_t)set->count * sizeof *set->items);
        prefetch(set->states, set->used);
    } else {
        for (int32_t i = 0; i < set->count; i++) {
            const column *c = &set->items[i].values;
            for (int32_t o = 0; o < c->n_outputs; o++)
                prefetch(column_values(c, o, set->dropped) + (set->life - set->dropped) - 1, 2 * sizeof(double));
        }
    }
}

void indicator_set_link(indicator_set *set, indicator_set *const sets[N_INTERVALS]) { set->linked = sets; }

static reference *find_reference(const indicator_set *set, int32_t symbol) {
    for (int32_t k = 0; k < set->n_references; k++)
        if (set->references[k].symbol == symbol) return &set->references[k];
    return NULL;
}

indicator_set *indicator_set_slow(const indicator_set *set, const indicator_spec *spec) {
    int32_t symbol = (int32_t)spec->param[1];
    const reference *from = symbol ? find_reference(set, symbol) : NULL;
    indicator_set *const *sets = symbol ? (from ? from->sets : NULL) : set->linked;
    return sets ? sets[(int32_t)spec->param[0]] : NULL;
}

const double *indicator_set_values(const indicator_set *set, int32_t i, int32_t output) {
    return column_values(&set->items[i].values, output, set->dropped);
}

static const double *series_values(const indicator_set *set, series_ref ref, int32_t at) {
    if (series_is_output(ref)) return indicator_set_values(set, at, series_output(ref));
    return ref < 0 ? NULL : kline_series_field(set->bars, ref);
}

/* Columns move: where the values are is asked for before every run. */
static void aim_at_slow(indicator_set *set, const instance *item) {
    const indicator_set *slow = indicator_set_slow(set, item->spec);
    set->in.slow = (kernel_slow){.interval = (int32_t)item->spec->param[0]};
    if (!slow) return;
    set->in.slow.values = series_values(slow, item->spec->source[0], item->slow_at);
    set->in.slow.open_ms = kline_series_open_ms(slow->bars);
    set->in.slow.count = kline_series_count(slow->bars);
}

/* An array of which the element at `i` is the first one that is there. */
static const int64_t *as_from(const int64_t *first, int64_t i) {
    return (const int64_t *)((uintptr_t)first - (uintptr_t)i * sizeof *first);
}

/* Months differ in length: of them it is not known. */
static bool is_without_holes(const indicator_set *set, int32_t at, int32_t n) {
    const int64_t *open_ms = set->in.open_ms + at;
    return set->in.interval != INTERVAL_1MO && open_ms[n - 1] - open_ms[0] == (n - 1) * interval_ms(set->in.interval);
}

/* The numbers of bars [from, to), as if there were some for all bars. All instances run over one and the same bar. */
static const int64_t *numbers_of(indicator_set *set, int64_t from, int64_t to, int64_t numbers[RUN_BARS]) {
    int32_t first;
    if (to - from == 1) {
        if (set->number_life != from) set->number = kline_series_number(set->bars, (int32_t)(from - set->dropped));
        set->number_life = from;
        return as_from(&set->number, from - set->dropped);
    }
    first = (int32_t)(from - set->dropped);
    numbers[0] = kline_series_number(set->bars, first);
    if (is_without_holes(set, first, (int32_t)(to - from))) {
        for (int64_t k = 1; k < to - from; k++) numbers[k] = numbers[0] + k;
    } else {
        for (int64_t k = 1; k < to - from; k++) numbers[k] = kline_series_number(set->bars, first + (int32_t)k);
    }
    return as_from(numbers, from - set->dropped);
}

/* Runs one instance over the bars with life numbers [from, to), which it has not seen or sees again. */
static void run_bars(indicator_set *set, const instance *item, char *state, int64_t from, int64_t to) {
    double *out[INDICATOR_OUTPUTS];
    for (int32_t o = 0; o < item->kernel->n_outputs; o++) out[o] = column_values(&item->values, o, set->dropped);
    if (item->spec->kind == INDICATOR_ALIGN) aim_at_slow(set, item);
    for (int32_t k = 0; k < INDICATOR_SOURCES; k++) { /* those of the run before may be gone */
        bool is_source = item->spec->kind != INDICATOR_ALIGN && k < item->kernel->n_sources;
        set->in.source[k] = is_source ? series_values(set, item->spec->source[k], item->source_at[k]) : NULL;
    }
    set->in.param = item->spec->param;
    for (int64_t end; from < to; from = end) {
        int64_t numbers[RUN_BARS];
        end = from + RUN_BARS < to ? from + RUN_BARS : to;
        set->in.number = numbers_of(set, from, end, numbers);
        item->kernel->run(state, &set->in, (int32_t)(from - set->dropped), (int32_t)(end - set->dropped), out);
    }
    set->in.number = NULL;
}

/* The same, from its epoch on. */
static void run(indicator_set *set, int32_t i, char *state, int64_t from, int64_t to) {
    instance *item = &set->items[i];
    const int64_t *open_ms = set->in.open_ms;
    while (from < to && open_ms[from - set->dropped] < item->asked_ms) from++;
    if (from >= to) return;
    if (item->epoch_ms == 0) {
        item->epoch_ms = open_ms[from - set->dropped];
        item->first_life = from;
        set->n_begun++;
    }
    run_bars(set, item, state, from, to);
}

err indicator_set_grow_items(indicator_set *set) {
    int32_t capacity = set->capacity + 8;
    instance *items = realloc(set->items, (size_t)capacity * sizeof *items);
    if (!items) return ERR_NO_MEMORY;
    set->items = items;
    set->capacity = capacity;
    return OK;
}

err indicator_set_grow_states(indicator_set *set, size_t bytes) {
    size_t room = (set->used + set->used / 8 + bytes + STATES_STEP) / STATES_STEP * STATES_STEP;
    char **all[] = {&set->states, &set->checkpoints[0].states, &set->checkpoints[1].states};
    if (set->states && set->used + bytes <= set->room) return OK; /* never NULL, even for a kind without a state */
    for (size_t k = 0; k < sizeof all / sizeof *all; k++) {
        char *states = realloc(*all[k], room);
        if (!states) return ERR_NO_MEMORY;
        *all[k] = states;
    }
    set->room = room;
    return OK;
}

err indicator_set_grow_scratch(indicator_set *set, size_t bytes) {
    char *scratch;
    if (bytes <= set->scratch_room) return OK;
    scratch = realloc(set->scratch, bytes);
    if (!scratch) return ERR_NO_MEMORY;
    set->scratch = scratch;
    set->scratch_room = bytes;
    return OK;
}

/* ---- columns ---- */

static bool is_whole(const indicator_set *set, const instance *item) {
    return item->values.room == kline_series_room(set->bars);
}

static int32_t short_room(const instance *item) { return item->least + SHORT_SLACK + 1; }

/* The oldest bar that every source can have values of. */
static int64_t sources_floor(const indicator_set *set, const instance *item) {
    int64_t floor = set->dropped;
    for (int32_t s = 0; s < INDICATOR_SOURCES; s++)
        if (item->source_at[s] >= 0 && set->items[item->source_at[s]].floor > floor)
            floor = set->items[item->source_at[s]].floor;
    return floor;
}

/* Bars from here on can have values, whatever has been left out of the columns. */
static int64_t floor_of(const indicator_set *set, const instance *item) {
    int64_t sources = sources_floor(set, item), from;
    /* One that has been short is blank up to where it could be had anew then. */
    if (!item->may_be_short) return item->floor > set->dropped ? item->floor : set->dropped;
    if (item->epoch_ms == 0 || item->first_life >= sources) return set->dropped;
    from = sources + kernel_reach(item->spec->kind, item->spec->param, item->spec->interval);
    if (item->state_bytes > 0) from = anchors_from(&set->anchors, from);
    return from < set->life ? from : set->life;
}

void indicator_set_find_floors(indicator_set *set) {
    for (int32_t i = 0; i < set->count; i++) {
        instance *item = &set->items[i];
        item->floor = floor_of(set, item);
        if (item->floor > set->dropped) column_blank(&item->values, item->floor);
    }
}

static void find_slide(indicator_set *set) {
    set->slide_life = INT64_MAX;
    for (int32_t i = 0; i < set->count; i++) {
        const column *c = &set->items[i].values;
        int64_t full = c->first + c->room - 1; /* the last place is the forming bar's */
        if (!is_whole(set, &set->items[i]) && full < set->slide_life) set->slide_life = full;
    }
}

/* All at once, so that they are full at the same time again. */
static void slide_short(indicator_set *set) {
    for (int32_t i = 0; i < set->count; i++)
        if (!is_whole(set, &set->items[i])) column_slide(&set->items[i].values, set->life - set->items[i].least);
    find_slide(set);
    set->n_moves++;
}

/* The window of the bars has moved on. */
static void follow_bars(indicator_set *set) {
    int64_t dropped = kline_series_dropped(set->bars);
    if (dropped == set->dropped) return;
    set->dropped = dropped;
    for (int32_t i = 0; i < set->count; i++)
        if (is_whole(set, &set->items[i])) column_slide(&set->items[i].values, dropped);
    indicator_set_find_floors(set);
    set->n_moves++;
}

static int64_t short_first(const indicator_set *set, const instance *item) {
    int64_t first = set->life - item->least;
    return first > set->dropped ? first : set->dropped;
}

/* False when it stays whole; without memory for another block it does. */
static bool cut(indicator_set *set, instance *item) {
    bool is_used = item->asked_life >= 0 && set->life - item->asked_life <= kline_series_keep(set->bars);
    if (is_used || !item->may_be_short || !is_whole(set, item) || short_room(item) >= item->values.room) return false;
    item->asked_life = -1;
    return column_resize(&item->values, &set->spare, short_room(item), short_first(set, item)) == OK;
}

/* Those whose whole nobody has asked for lately. */
void indicator_set_cut_unused(indicator_set *set) {
    bool is_any = false;
    for (int32_t i = 0; i < set->count; i++) is_any = cut(set, &set->items[i]) || is_any;
    if (is_any) find_slide(set);
    set->n_moves += is_any;
}

/* The values from its floor up to the first that is there. */
void indicator_set_refill(indicator_set *set, const instance *item, int64_t to) {
    int64_t from = item->floor;
    if (item->epoch_ms == 0) return;
    memset(set->scratch, 0, item->state_bytes);
    if (item->first_life >= from)
        from = item->first_life;
    else if (item->state_bytes > 0 && from < to)
        memcpy(set->scratch, anchors_get(&set->anchors, from) + item->anchor, item->state_bytes);
    if (from < to) run_bars(set, item, set->scratch, from, to);
}

static err lengthen(indicator_set *set, int32_t i) {
    instance *item = &set->items[i];
    int64_t first = item->values.first;
    err e = OK;
    if (is_whole(set, item)) return OK;
    for (int32_t s = 0; s < INDICATOR_SOURCES && e == OK; s++)
        if (item->source_at[s] >= 0) e = lengthen(set, item->source_at[s]);
    if (e == OK) e = indicator_set_grow_scratch(set, item->state_bytes + 1); /* never NULL */
    if (e == OK) e = column_resize(&item->values, &set->spare, kline_series_room(set->bars), set->dropped);
    if (e != OK) return e;
    indicator_set_refill(set, item, first);
    find_slide(set);
    set->n_moves++;
    return OK;
}

err indicator_set_lengthen(indicator_set *set, int32_t i) {
    err e = lengthen(set, i);
    if (e == OK) set->items[i].asked_life = set->life;
    indicator_set_cut_unused(set); /* its sources */
    return e;
}

/* ---- adding ---- */

void indicator_set_bind_slow(const indicator_set *set, instance *item) {
    const indicator_set *slow = indicator_set_slow(set, item->spec);
    series_ref ref = item->spec->source[0];
    item->has_slow = slow != NULL;
    item->slow_at = slow && series_is_output(ref) ? indicator_set_find(slow, series_indicator(ref), 0) : -1;
}

void indicator_set_bind(const indicator_set *set, instance *item) {
    for (int32_t s = 0; s < INDICATOR_SOURCES; s++) {
        series_ref ref = item->spec->source[s];
        bool is_here = item->spec->kind != INDICATOR_ALIGN && s < item->kernel->n_sources && series_is_output(ref);
        item->source_at[s] = is_here ? indicator_set_find(set, series_indicator(ref), 0) : -1;
    }
    item->slow_at = -1;
    if (item->spec->kind == INDICATOR_ALIGN) indicator_set_bind_slow(set, item);
}

/* Its state after the bars up to `life`, into what has been kept of that moment. */
static void keep_state(indicator_set *set, const instance *item, int64_t life) {
    const char *state = set->states + item->state;
    if (item->state_bytes == 0) return;
    for (int c = 0; c < N_CHECKPOINTS; c++)
        if (set->checkpoints[c].life == life)
            memcpy(set->checkpoints[c].states + item->state, state, item->state_bytes);
    if (item->may_be_short && life % ANCHOR_BARS == 0 && anchors_get(&set->anchors, life))
        memcpy(anchors_get(&set->anchors, life) + item->anchor, state, item->state_bytes);
}

/* A newcomer sees the bars kept, and its state goes into checkpoints and anchors on the way. */
static void catch_up(indicator_set *set, int32_t i) {
    instance *item = &set->items[i];
    int64_t at = sources_floor(set, item), end;
    memset(set->states + item->state, 0, item->state_bytes); /* which may be nothing, at the end of the states */
    if (item->is_deferred) {
        item->life = set->dropped;
        return;
    }
    for (int c = 0; c < N_CHECKPOINTS; c++)
        if (set->checkpoints[c].life < at) set->checkpoints[c].life = -1; /* it cannot be completed */
    for (keep_state(set, item, at); at < set->life; at = end) {
        end = (at / CHECKPOINT_BARS + 1) * CHECKPOINT_BARS;
        if (end > set->life) end = set->life;
        run(set, i, set->states + item->state, at, end);
        keep_state(set, item, end);
    }
}

static err add(indicator_set *set, int32_t id, int64_t epoch_ms);

/* What it is made of comes first. */
static err add_sources(indicator_set *set, const indicator_spec *spec, int64_t epoch_ms) {
    err e = OK;
    indicator_set *home = spec->kind == INDICATOR_ALIGN ? indicator_set_slow(set, spec) : set;
    if (!home) return spec->param[1] > 0 ? OK : ERR_NOT_FOUND; /* a reference may come later */
    for (int32_t s = 0; s < kernel_get(spec->kind)->n_sources && e == OK; s++)
        if (series_is_output(spec->source[s]))
            e = home == set ? add(set, series_indicator(spec->source[s]), epoch_ms)
                            : indicator_set_add(home, series_indicator(spec->source[s]), 0);
    return e;
}

bool indicator_set_rests_on_deferred(const indicator_set *set, const instance *item) {
    if (item->spec->kind == INDICATOR_ALIGN || item->spec->kind == INDICATOR_OWN) return true;
    for (int32_t s = 0; s < item->kernel->n_sources; s++)
        if (item->source_at[s] >= 0 && set->items[item->source_at[s]].is_deferred) return true;
    return false;
}

/* Whoever reads it back to `reach` bars does so also when all is done anew from a checkpoint. */
static err prepare_source(indicator_set *set, int32_t at, bool is_deferred, int32_t reach) {
    instance *source = &set->items[at];
    int32_t least = N_CHECKPOINTS * CHECKPOINT_BARS + reach;
    err e = lengthen(set, at);
    if (e != OK) return e;
    if (least > source->least) source->least = least;
    if (is_deferred || source->chain + REBUILD_BARS + least > kline_series_keep(set->bars))
        source->may_be_short = false; /* what is deferred may be far behind */
    return OK;
}

/* What is aligned may be far behind, and there is no telling it when the column moves on. */
static err prepare_slow(const indicator_set *set, const instance *item) {
    return item->slow_at >= 0 ? prepare_source(indicator_set_slow(set, item->spec), item->slow_at, true, 0) : OK;
}

static err prepare_sources(indicator_set *set, const instance *item, int32_t reach) {
    err e = OK;
    for (int32_t s = 0; s < INDICATOR_SOURCES && e == OK; s++)
        if (item->source_at[s] >= 0) e = prepare_source(set, item->source_at[s], item->is_deferred, reach);
    return e == OK ? prepare_slow(set, item) : e;
}

/* Whether its past can be had anew from the bars kept, and the anchors for that take less than what is left out. */
static bool may_be_short(const indicator_set *set, const instance *item) {
    int32_t keep = kline_series_keep(set->bars), room = kline_series_room(set->bars);
    size_t saved = (size_t)(room - short_room(item)) * sizeof(double) * (size_t)item->kernel->n_outputs;
    return !item->is_deferred && item->rounds <= ROUNDS_MAX && short_room(item) < room &&
           item->chain + REBUILD_BARS + item->least <= keep && item->state_bytes * (size_t)set->anchors.n < saved;
}

static void measure_chain(const indicator_set *set, instance *item, int32_t reach) {
    for (int32_t s = 0; s < INDICATOR_SOURCES; s++) {
        const instance *source = item->source_at[s] >= 0 ? &set->items[item->source_at[s]] : NULL;
        if (!source || !source->may_be_short) continue;
        if (source->chain > item->chain) item->chain = source->chain;
        if (source->rounds > item->rounds) item->rounds = source->rounds;
    }
    item->chain += reach;
    item->rounds += item->state_bytes > 0;
}

/* What catch_up runs over is not blanked before. A remembered epoch leaves bars out. */
static err new_column(indicator_set *set, instance *item) {
    int64_t from = item->is_deferred || item->asked_ms > 0 ? set->life : sources_floor(set, item);
    return column_init(&item->values, &set->spare, item->kernel->n_outputs, kline_series_room(set->bars), set->dropped,
                       from, set->life);
}

static err complete(indicator_set *set, instance *item, int32_t reach) {
    err e;
    indicator_set_bind(set, item);
    item->is_deferred = indicator_set_rests_on_deferred(set, item);
    e = prepare_sources(set, item, reach);
    if (e != OK) return e;
    measure_chain(set, item, reach);
    item->may_be_short = may_be_short(set, item);
    if (item->may_be_short) e = anchors_add(&set->anchors, item->state_bytes, &item->anchor);
    if (e != OK) return e;
    return new_column(set, item);
}

static err add(indicator_set *set, int32_t id, int64_t epoch_ms) {
    const indicator_spec *spec = registry_get(set->registry, id);
    size_t bytes = kernel_state_bytes(spec->kind, spec->param, spec->interval);
    int32_t reach = kernel_reach(spec->kind, spec->param, spec->interval);
    instance *item;
    err e;
    if (indicator_set_find(set, id, 0) >= 0) return OK;
    if (reach + N_CHECKPOINTS * CHECKPOINT_BARS > kline_series_keep(set->bars)) return ERR_TOO_BIG;
    e = add_sources(set, spec, epoch_ms);
    if (e == OK && set->count == set->capacity) e = indicator_set_grow_items(set);
    if (e == OK) e = indicator_set_grow_states(set, bytes);
    if (e != OK) return e;
    item = &set->items[set->count];
    *item = (instance){.id = id,
                       .kernel = kernel_get(spec->kind),
                       .spec = spec,
                       .least = SHORT_LEAST,
                       .asked_ms = epoch_ms,
                       .asked_life = -1,
                       .state = set->used,
                       .state_bytes = bytes};
    e = complete(set, item, reach);
    if (e != OK) return e;
    set->n_deferred += item->is_deferred;
    set->used += bytes;
    if (reach > set->reach) set->reach = reach;
    catch_up(set, set->count);
    item->floor = floor_of(set, item);
    set->count++;
    return OK;
}

err indicator_set_add(indicator_set *set, int32_t id, int64_t epoch_ms) {
    err e;
    if (indicator_set_find(set, id, 0) >= 0) return OK;
    follow_bars(set);
    e = add(set, id, epoch_ms);
    indicator_set_cut_unused(set);
    return e;
}

static void take_checkpoint(indicator_set *set) {
    checkpoint *older = &set->checkpoints[set->checkpoints[0].life <= set->checkpoints[1].life ? 0 : 1];
    if (!set->count) return;
    memcpy(older->states, set->states, set->used);
    older->life = set->life;
}

static void take_anchor(indicator_set *set) {
    char *states = anchors_put(&set->anchors, set->life);
    for (int32_t i = 0; states && i < set->count; i++) {
        const instance *item = &set->items[i];
        if (item->may_be_short) memcpy(states + item->anchor, set->states + item->state, item->state_bytes);
    }
}

void indicator_set_advance(indicator_set *set) {
    int64_t end = kline_series_dropped(set->bars) + kline_series_count(set->bars);
    follow_bars(set);
    spare_blocks_deinit(&set->spare); /* what was to be added has been */
    while (set->life < end) {
        if (set->life >= set->slide_life) slide_short(set);
        set->number_life = -1; /* what has been forming may not be what has closed */
        for (int32_t i = 0; i < set->count; i++)
            if (!set->items[i].is_deferred) run(set, i, set->states + set->items[i].state, set->life, set->life + 1);
        set->life++;
        if (set->life % CHECKPOINT_BARS == 0) take_checkpoint(set);
        if (set->life % ANCHOR_BARS == 0) {
            take_anchor(set);
            indicator_set_cut_unused(set);
        }
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
        else if (p->life >= set->dropped + set->reach && (!best || p->life > best->life))
            best = p;
    }
    return best;
}

/* What is deferred has a life of its own: rewind_one goes back in it. */
static void go_back(indicator_set *set, const checkpoint *to) {
    for (int32_t i = 0; i < set->count; i++) {
        const instance *item = &set->items[i];
        if (item->is_deferred || item->state_bytes == 0) continue;
        if (to)
            memcpy(set->states + item->state, to->states + item->state, item->state_bytes);
        else
            memset(set->states + item->state, 0, item->state_bytes);
    }
}

/* Everything anew from the oldest bar kept, but for what is deferred (rewind_one): its values before the correction are
 * still there, and so is its epoch. */
static void restart(indicator_set *set) {
    go_back(set, NULL);
    set->life = set->dropped;
    anchors_void(&set->anchors, -1);
    for (int32_t i = 0; i < set->count; i++) {
        instance *item = &set->items[i];
        item->floor = set->dropped;
        if (item->is_deferred) continue;
        if (item->epoch_ms < set->in.open_ms[0]) item->epoch_ms = 0;
        column_reset(&item->values, set->dropped);
    }
    find_slide(set);
    set->n_moves++;
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
    memset(set->states + item->state, 0, item->state_bytes);
    item->life = oldest;
    if (item->epoch_ms && item->first_life < oldest) {
        item->epoch_ms = 0;
        set->n_new_epochs++;
        set->n_moves++;
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
    int64_t dropped = set->dropped;
    const checkpoint *from = checkpoint_before(set, dropped + index);
    set->corrected_ms[set->n_corrected++ % CORRECTIONS] = set->in.open_ms[index];
    if (from) {
        go_back(set, from);
        set->life = from->life;
        anchors_void(&set->anchors, set->life);
    } else {
        restart(set);
    }
    indicator_set_advance(set); /* takes the void checkpoints and anchors again on the way */
    if (!from) indicator_set_find_floors(set);
    rewind_deferred(set, dropped + index);
    rewind_linked(set, kline_series_open_ms(set->bars)[index]);
    return from == NULL;
}

/* There is room behind the closed bars: see find_slide. */
static void peek_one(indicator_set *set, const instance *item) {
    int32_t count = (int32_t)(set->life - set->dropped);
    bool is_behind = item->is_deferred && item->life != set->life;
    if (is_behind || set->in.open_ms[count] < item->asked_ms) {
        for (int32_t o = 0; o < item->kernel->n_outputs; o++)
            column_values(&item->values, o, set->dropped)[count] = NAN;
        return;
    }
    run_bars(set, item, set->scratch + item->state, set->life, set->life + 1);
}

/* Twenty traders that look at one tick ask for the same values. What is deferred may have been settled, or set by an author's
 * series, since: then they are made again. */
static bool has_peeked(indicator_set *set) {
    peeked now = {.updates = kline_series_updates(set->bars),
                  .life = set->life,
                  .n_moves = set->n_moves,
                  .n_corrected = set->n_corrected,
                  .count = set->count};
    bool is_same = set->n_deferred == 0 && memcmp(&now, &set->peeked, sizeof now) == 0;
    set->peeked = now;
    return is_same;
}

err indicator_set_peek(indicator_set *set) {
    err e;
    if (!kline_series_has_forming(set->bars) || has_peeked(set)) return OK;
    e = indicator_set_grow_scratch(set, set->used + 1);
    if (e != OK) {
        set->peeked = (peeked){0};
        return e;
    }
    if (set->used) memcpy(set->scratch, set->states, set->used);
    set->number_life = -1;
    for (int32_t i = 0; i < set->count; i++) peek_one(set, &set->items[i]);
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
    memset(set->states + item->state, 0, item->state_bytes);
    set->n_new_epochs += item->epoch_ms != 0;
    set->n_moves += item->epoch_ms != 0;
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
static int64_t known_life(const indicator_set *set, const instance *item, int64_t life) {
    const indicator_set *slow = indicator_set_slow(set, item->spec);
    const int64_t *open_ms = kline_series_open_ms(set->bars);
    int64_t dropped = kline_series_dropped(set->bars), at = item->life, known_to_ms;
    if (!slow) return life; /* known to be NaN */
    known_to_ms = slow_known_to(slow, item);
    while (at < life) {
        int64_t close_ms = interval_next(item->spec->interval, open_ms[at - dropped]);
        if (known_to_ms < interval_floor((int32_t)item->spec->param[0], close_ms)) break;
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
    column_values(&item->values, 0, set->dropped)[at] = kernel_defined(value);
    item->life++;
}

void indicator_set_own_peek(indicator_set *set, int32_t i, double value) {
    column_values(&set->items[i].values, 0, set->dropped)[kline_series_count(set->bars)] = kernel_defined(value);
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

/* The source of an aligned series, in the set that is its home now. */
static err follow_home(indicator_set *set, int32_t i) {
    bool was_there = set->items[i].has_slow;
    err e = add_sources(set, set->items[i].spec, 0); /* they may be added here: `items` may move */
    instance *item = &set->items[i];
    if (e != OK) return e;
    indicator_set_bind_slow(set, item);
    item->is_stale = !was_there && item->has_slow;
    return prepare_slow(set, item);
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
        const indicator_spec *spec = set->items[i].spec;
        if (spec->kind != INDICATOR_ALIGN || (int32_t)spec->param[1] != symbol) continue;
        e = follow_home(set, i);
        has_come = has_come || set->items[i].is_stale;
    }
    if (has_come) restart_stale(set);
    return e;
}

err indicator_set_unlink_references(indicator_set *set) {
    err e = OK;
    for (int32_t k = 0; k < set->n_references && e == OK; k++)
        e = indicator_set_link_reference(set, set->references[k].symbol, NULL);
    return e;
}

/* ---- asking ---- */

size_t indicator_set_bytes(const indicator_set *set) {
    size_t bytes = sizeof *set + (size_t)set->capacity * sizeof *set->items + set->room * (1 + N_CHECKPOINTS) +
                   set->scratch_room + spare_blocks_bytes(&set->spare) + anchors_bytes(&set->anchors) +
                   (size_t)set->n_references * sizeof *set->references;
    for (int32_t i = 0; i < set->count; i++) bytes += column_bytes(&set->items[i].values);
    return bytes;
}

int32_t indicator_set_find(const indicator_set *set, int32_t id, int32_t hint) {
    if (hint >= 0 && hint < set->count && set->items[hint].id == id) return hint;
    for (int32_t i = 0; i < set->count; i++)
        if (set->items[i].id == id) return i;
    return -1;
}

int32_t indicator_set_count(const indicator_set *set) { return set->count; }
int32_t indicator_set_id(const indicator_set *set, int32_t i) { return set->items[i].id; }
int32_t indicator_set_first(const indicator_set *set, int32_t i) {
    return (int32_t)(set->items[i].values.first - set->dropped);
}
int64_t indicator_set_moves(const indicator_set *set) { return set->n_moves; }
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
