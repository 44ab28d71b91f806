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
 * Here: its life, runs of kernels, the next bar, corrections, the forming bar. indicator_set_add.c has newcomers,
 * indicator_set_columns.c where values are kept, indicator_set_deferred.c what rests on other series. */
#include "base/prefetch.h"
#include "indicator/indicator_set_columns.h"
#include "indicator/indicator_set_deferred.h"
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
void indicator_set_run_bars(indicator_set *set, const instance *item, char *state, int64_t from, int64_t to) {
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
void indicator_set_run(indicator_set *set, int32_t i, char *state, int64_t from, int64_t to) {
    instance *item = &set->items[i];
    const int64_t *open_ms = set->in.open_ms;
    while (from < to && open_ms[from - set->dropped] < item->asked_ms) from++;
    if (from >= to) return;
    if (item->epoch_ms == 0) {
        item->epoch_ms = open_ms[from - set->dropped];
        item->first_life = from;
        set->n_begun++;
    }
    indicator_set_run_bars(set, item, state, from, to);
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
    indicator_set_follow_bars(set);
    spare_blocks_deinit(&set->spare); /* what was to be added has been */
    while (set->life < end) {
        if (set->life >= set->slide_life) indicator_set_slide_short(set);
        set->number_life = -1; /* what has been forming may not be what has closed */
        for (int32_t i = 0; i < set->count; i++)
            if (!set->items[i].is_deferred)
                indicator_set_run(set, i, set->states + set->items[i].state, set->life, set->life + 1);
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
    indicator_set_find_slide(set);
    set->n_moves++;
    set->n_new_epochs++;
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
    indicator_set_rewind_deferred(set, dropped + index);
    indicator_set_rewind_linked(set, kline_series_open_ms(set->bars)[index]);
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
    indicator_set_run_bars(set, item, set->scratch + item->state, set->life, set->life + 1);
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
