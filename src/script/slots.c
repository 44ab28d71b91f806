/* The slots of a script state: see slots.h.
 *
 * Traders see series through slots:
 *
 *    trader's proxy ── closes over ──► slots[k] {data, count}  ── repointed by slots_bind() before each evaluation ──► column
 *                                                                                                       of the symbol
 * A slot belongs to one trader; the slots of a trader form a list. Once everything is there and warm on a symbol, the
 * places of the columns are kept with the symbol (script_binding), and the next evaluation only copies them.
 * When a script asks for a series that it has not used before, script_series() makes the slot, empty; after the call
 * slots_bind() attaches the indicator to the symbol and the filter runs once more, so that no answer is ever based on a
 * series that was not there yet. It also runs once more when a series was read further back than its column goes
 * (indicator_set.h): slots_bind() lengthens that first.
 * A filter may ask for some series on rare bars only. What the dry evaluation has seen of it is waited for on every
 * symbol; what it has not seen is *late*: such a series begins on a symbol at that symbol's own first use, and only an
 * evaluation that asks for it waits for its depth. So an answer never depends on what other symbols have asked for. */
#include "script/slots.h"
#include "base/prefetch.h"
#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A script that reads further back than LOOK_BACK_MAX finds NaN there: more history than that is not kept for one index. */
enum { INDICATORS_PER_TRADER = 128, LOOK_BACK_MAX = 20000, FETCHED_BYTES = 192 };

/* What a slot shows outside of its trader's calls: no bars, and NaN before them. */
static const double no_bars[] = {NAN, NAN};
static const script_slot no_series = {.data = no_bars + 1, .deepest = -1};

typedef struct bound_slot {
    const double *data; /* NULL: a late series not begun on this symbol */
    int32_t first;      /* index of the bar of data[0] */
    int32_t place;      /* where it is at home */
} bound_slot;

struct script_binding {
    const script_state *state;
    int64_t born_ns;                  /* of the state: another one may get its place in memory */
    int64_t n_moves;                  /* of the trader's sets */
    int32_t n_slots, n_unbound, room; /* room: slots that it is allocated for */
    bound_slot slots[];               /* in the order of the trader's list of slots; behind them its references */
};

static const script_market **references_of(const script_binding *b) { return (void *)(b->slots + b->room); }

/* ---- places ---- */

void slots_add_place(program *p, int32_t place) {
    int32_t at = p->n_places;
    for (int32_t i = 0; i < p->n_places; i++)
        if (p->places[i] == place) return;
    for (; at > 0 && p->places[at - 1] < place; at--) p->places[at] = p->places[at - 1];
    p->places[at] = (uint8_t)place;
    p->n_places++;
}

/* NULL: of a reference that is not there. */
static kline_series *bars_at(const script_view *view, int32_t place) {
    int32_t k = place_reference_of(place), interval = place_interval(place);
    if (k < 0) return view->bars[interval];
    return view->references[k] ? view->references[k]->bars[interval] : NULL;
}

static indicator_set *set_at(const script_view *view, int32_t place) {
    int32_t k = place_reference_of(place), interval = place_interval(place);
    if (k < 0) return view->sets[interval];
    return view->references[k] ? view->references[k]->sets[interval] : NULL;
}

/* Closed bars in sight, by place. */
static void count_closed(const program *p, const script_view *view, int32_t count[N_PLACES]) {
    for (int32_t i = 0; i < p->n_places; i++) {
        const kline_series *bars = bars_at(view, p->places[i]);
        if (view->has_counted && p->places[i] < N_INTERVALS)
            count[p->places[i]] = view->closed[p->places[i]];
        else
            count[p->places[i]] = bars ? kline_series_count_at(bars, view->close_ms) : 0;
    }
}

/* ---- asked for by a script ---- */

static int32_t refuse(script_context *c, int32_t code, const char *text) {
    snprintf(c->message, sizeof c->message, "%.*s", (int)sizeof c->message - 1, text);
    return code;
}

int32_t script_kind(const char *name) { return kernel_find(name, strlen(name)); }

static bool is_need(const program *p, const slot_meta *meta) {
    for (int32_t i = 0; p->expected && i < p->expected->n_needs; i++)
        if (p->expected->needs[i].place == meta->place && p->expected->needs[i].series == meta->ref) return true;
    return false;
}

/* Whether a slot before this one has the same series. */
static bool is_repeat(const script_state *s, const slot_meta *meta) {
    for (int32_t k = meta->next; k >= 0; k = s->metas[k].next)
        if (s->metas[k].place == meta->place && s->metas[k].ref == meta->ref) return true;
    return false;
}

static bool uses_indicator(const script_state *s, const program *p, int32_t place, int32_t id) {
    for (int32_t k = p->first_slot; k >= 0; k = s->metas[k].next)
        if (s->metas[k].place == place && series_is_output(s->metas[k].ref) && series_indicator(s->metas[k].ref) == id)
            return true;
    return false;
}

/* Where the source of an aligned series is at home. */
static int32_t complete_align(script_state *s, const program *p, int32_t place, int32_t from, indicator_spec *spec) {
    int32_t k = place_reference_of(from);
    if (place_reference_of(place) >= 0) return refuse(&s->context, SCRIPT_BAD_PARAMETER, "align: not of a reference");
    spec->param[0] = place_interval(from);
    spec->param[1] = k < 0 ? 0 : p->reference[k];
    return 0;
}

/* The id of an indicator whose sources are slots; a negative code and a sentence when there is none. */
static int32_t claim(script_state *s, program *p, int32_t place, indicator_spec *spec,
                     const int32_t source[INDICATOR_SOURCES]) {
    script_context *c = &s->context;
    diag why;
    int32_t id;
    for (int32_t k = 0; k < INDICATOR_SOURCES; k++) {
        spec->source[k] = source[k] >= 0 ? s->metas[source[k]].ref : SERIES_NONE;
        if (source[k] >= 0 && s->metas[source[k]].place != place && spec->kind != INDICATOR_ALIGN)
            return refuse(c, SCRIPT_BAD_PARAMETER, "a source of another timeframe or symbol");
    }
    if (spec->kind == INDICATOR_ALIGN && complete_align(s, p, place, s->metas[source[0]].place, spec) < 0)
        return SCRIPT_BAD_PARAMETER;
    if (kernel_check(spec->kind, spec->param, &why) != OK) return refuse(c, SCRIPT_BAD_PARAMETER, why.text);
    id = registry_claim(s->registry, spec);
    if (id == -2)
        return refuse(c, SCRIPT_TOO_MANY, "an expression of too many parts; compute parts of it in the filter");
    if (id < 0) return refuse(c, SCRIPT_FULL, "too many indicators in this process (4096)");
    if (!uses_indicator(s, p, place, id) && ++p->n_indicators > INDICATORS_PER_TRADER) {
        p->n_indicators--;
        return refuse(c, SCRIPT_TOO_MANY, "too many indicators in this trader (128)");
    }
    return id;
}

static int32_t add_slot(script_state *s, program *p, slot_meta meta) {
    meta.next = p->first_slot;
    meta.look_back = -1;
    meta.is_own = series_is_output(meta.ref) && registry_needs_own(s->registry, series_indicator(meta.ref));
    meta.is_late = meta.is_asked = !is_need(p, &meta);
    if (!meta.is_late && !is_repeat(s, &meta)) p->n_met++;
    s->metas[s->n_slots] = meta;
    s->context.slots[s->n_slots] = no_series;
    p->first_slot = s->n_slots;
    p->n_slots++;
    p->n_late += meta.is_late;
    slots_add_place(p, meta.place);
    s->has_new_slots = true;
    return s->n_slots++;
}

int32_t script_series(script_context *c, int32_t place, int32_t kind, int32_t source0, int32_t source1, int32_t source2,
                      double p0, double p1, double p2, double p3, int32_t output) {
    script_state *s = (script_state *)c;
    program *p = &s->programs[c->trader];
    slot_meta meta = {.ref = source0, .place = place, .depth = 1};
    if (s->n_slots == SLOTS_MAX) return refuse(c, SCRIPT_FULL, "too many series in this worker");
    if (kind >= 0) {
        indicator_spec spec = {.kind = kind, .interval = place_interval(place), .param = {p0, p1, p2, p3}};
        int32_t id = claim(s, p, place, &spec, (const int32_t[]){source0, source1, source2});
        if (id < 0) return id;
        meta.ref = series_of_output(id, output);
        meta.depth = registry_depth(s->registry, id);
    }
    return add_slot(s, p, meta);
}

int32_t script_own(script_context *c, int32_t number) {
    script_state *s = (script_state *)c;
    program *p = &s->programs[c->trader];
    slot_meta meta = {.place = p->interval};
    if (number < 0 || number >= p->n_own) return refuse(c, SCRIPT_BAD_PARAMETER, "no such series");
    if (s->n_slots == SLOTS_MAX) return refuse(c, SCRIPT_FULL, "too many series in this worker");
    meta.ref = series_of_output(p->own[number].id, 0);
    meta.depth = registry_depth(s->registry, p->own[number].id);
    if (p->warmup > meta.depth) meta.depth = p->warmup;
    return add_slot(s, p, meta);
}

/* ---- pointed at a symbol ---- */

static void note_lack(script_result *result, int64_t seen, int32_t depth, int32_t *lack) {
    if (depth - seen <= *lack) return;
    *lack = depth - (int32_t)seen;
    result->have = (int32_t)seen;
    result->need = depth;
}

/* The place of an indicator on the symbol, where it begins if it is not there yet. */
static err find_or_begin(indicator_set *set, int32_t id, int32_t *hint) {
    int32_t found = indicator_set_find(set, id, *hint);
    if (found < 0) {
        err e = indicator_set_add(set, id, 0);
        if (e != OK) return e;
        found = indicator_set_find(set, id, *hint);
    }
    *hint = found;
    return OK;
}

static bool has_unmet_needs(const program *p) { return p->expected && p->n_met < p->expected->n_needs; }

static err begin_needs(const program *p, const script_view *view) {
    err e = OK;
    for (int32_t i = 0; has_unmet_needs(p) && i < p->expected->n_needs && e == OK; i++) {
        const trader_need *need = &p->expected->needs[i];
        indicator_set *set = set_at(view, need->place);
        int32_t at = 0;
        if (set && series_is_output(need->series)) e = find_or_begin(set, series_indicator(need->series), &at);
    }
    return e;
}

/* Needs that have no slot in this state yet. */
static void wait_for_needs(const program *p, const script_view *view, const int32_t count[N_PLACES],
                           script_result *result, int32_t *lack) {
    for (int32_t i = 0; has_unmet_needs(p) && p->warmup < 0 && i < p->expected->n_needs; i++) {
        const trader_need *need = &p->expected->needs[i];
        const indicator_set *set = set_at(view, need->place);
        int64_t seen = count[need->place];
        if (!set) continue; /* of a reference that is not there */
        if (series_is_output(need->series))
            seen = indicator_set_seen_at(set, indicator_set_find(set, series_indicator(need->series), 0),
                                         count[need->place]);
        note_lack(result, seen, need->depth, lack);
    }
}

/* A series that nothing waits for any more on this symbol. */
static void show_warm(script_state *s, int32_t k, const bound_slot *b, int32_t count) {
    s->metas[k].is_bound = true;
    s->metas[k].seen = INT32_MAX;
    s->context.slots[k] =
        (script_slot){.data = b->data, .available = count - b->first, .deepest = -1, .hidden = b->first};
}

/* A late series that has not begun on this symbol: count -1 until it is asked for. */
static void show_unbound(script_state *s, int32_t k) {
    s->metas[k].is_bound = false;
    s->context.slots[k] = (script_slot){.data = no_series.data, .count = -1, .deepest = -1};
}

/* Values up to the first `count` bars. All that there can be when they are wanted, or when those of that bar are not
 * there. */
static err show_values(slot_meta *meta, script_slot *slot, indicator_set *set, int32_t count) {
    err e = OK;
    if (meta->wants_whole || indicator_set_first(set, meta->hint) >= count) e = indicator_set_lengthen(set, meta->hint);
    if (e != OK) return e;
    meta->wants_whole = false;
    slot->hidden = indicator_set_first(set, meta->hint);
    slot->data = indicator_set_values(set, meta->hint, series_output(meta->ref)) + slot->hidden;
    slot->available = count - slot->hidden;
    return OK;
}

static err point_slot(script_state *s, int32_t k, const script_view *view, int32_t count) {
    slot_meta *meta = &s->metas[k];
    script_slot *slot = &s->context.slots[k];
    indicator_set *set = set_at(view, meta->place);
    /* Asking for it sets `count` to `available`. */
    *slot = (script_slot){.available = count, .count = meta->is_late ? -1 : 0, .deepest = -1};
    meta->seen = count;
    meta->is_bound = true;
    if (!set) { /* of a reference that is not there: empty, and nothing waits for it */
        meta->seen = INT32_MAX;
        slot->data = no_series.data;
        return OK;
    }
    if (series_is_output(meta->ref)) {
        int32_t id = series_indicator(meta->ref);
        if (meta->is_late && !meta->is_asked && indicator_set_find(set, id, meta->hint) < 0) {
            show_unbound(s, k);
            return OK;
        }
        err e = find_or_begin(set, id, &meta->hint);
        if (e != OK) return e;
        return show_values(meta, slot, set, count);
    }
    slot->data = kline_series_field(bars_at(view, meta->place), meta->ref);
    return OK;
}

static int64_t count_moves(const program *p, const script_view *view) {
    int64_t n = 0;
    for (int32_t i = 0; i < p->n_places; i++) {
        const indicator_set *set = set_at(view, p->places[i]);
        if (set) n += indicator_set_moves(set);
    }
    return n;
}

/* What begins or is lengthened for one slot may move what another one shows: until nothing moves any more. */
static err point_slots(script_state *s, const program *p, const script_view *view, const int32_t count[N_PLACES]) {
    err e = OK;
    int64_t n_moves;
    do {
        n_moves = count_moves(p, view);
        for (int32_t k = p->first_slot; k >= 0 && e == OK; k = s->metas[k].next)
            e = point_slot(s, k, view, count[s->metas[k].place]);
    } while (e == OK && n_moves != count_moves(p, view));
    return e;
}

/* What rests on slower series, other symbols or own series is computed now: whoever evaluates at this bar knows them to be
 * complete. A tick adds the forming bar to `count`. */
static err settle(const program *p, const script_view *view, int32_t count[N_PLACES]) {
    for (int32_t i = 0; i < p->n_places; i++) {
        indicator_set *set = set_at(view, p->places[i]);
        if (set && indicator_set_has_deferred(set)) indicator_set_settle(set, count[p->places[i]]);
    }
    if (!view->is_tick) return OK;
    assert(kline_series_has_forming(view->bars[p->interval]));
    count[p->interval]++;
    return indicator_set_peek(view->sets[p->interval]);
}

/* The forming bar comes into sight. */
static void count_forming(script_state *s, const program *p, int32_t count) {
    for (int32_t k = p->first_slot; k >= 0; k = s->metas[k].next)
        if (s->metas[k].place == p->interval && s->metas[k].is_bound) {
            s->context.slots[k].available = count - s->context.slots[k].hidden;
            if (!series_is_output(s->metas[k].ref)) s->metas[k].seen = count;
        }
}

/* Other symbols, in the sets of the trader's own one. */
static err link_references(const program *p, const script_view *view) {
    for (int32_t i = 0; i < p->n_places; i++) {
        if (place_reference_of(p->places[i]) >= 0) continue;
        for (int32_t k = 0; k < p->n_references; k++) {
            const script_market *from = view->references[k];
            err e = indicator_set_link_reference(view->sets[p->places[i]], p->reference[k], from ? from->sets : NULL);
            if (e != OK) return e;
        }
    }
    return OK;
}

static bool has_same_references(const script_binding *b, const program *p, const script_view *view) {
    for (int32_t k = 0; k < p->n_references; k++)
        if (references_of(b)[k] != view->references[k]) return false;
    return true;
}

/* Points the slots where they pointed the last time on this symbol. False when that is not known, or was not the end of
 * it: series have come since, columns have moved, a correction may have taken bars away. What was warm then is warm at a
 * later bar. */
bool slots_bind_again(script_state *s, const program *p, const script_view *view) {
    const script_binding *b = view->binding ? *view->binding : NULL;
    const bound_slot *bound;
    int32_t count[N_PLACES];
    if (!b || b->state != s || b->born_ns != s->born_ns || b->n_slots != p->n_slots ||
        !has_same_references(b, p, view) || b->n_moves != count_moves(p, view))
        return false;
    count_closed(p, view, count);
    if (settle(p, view, count) != OK) return false;
    bound = b->slots;
    for (int32_t k = p->first_slot; k >= 0; k = s->metas[k].next, bound++) {
        if (!bound->data)
            show_unbound(s, k);
        else if (bound->first < count[s->metas[k].place] || bound->first == 0)
            show_warm(s, k, bound, count[s->metas[k].place]);
        else
            return false;
    }
    s->has_new_slots = false;
    s->watches_late = b->n_unbound > 0;
    s->context.count = count[p->interval];
    return true;
}

/* After a bind that lacked nothing; not while a late series is warming up. Without memory for it, the next bind is a
 * long one again. */
static void keep_binding(const script_state *s, const program *p, const script_view *view) {
    script_binding *b;
    int32_t n = 0, room;
    if (!view->binding) return;
    for (int32_t k = p->first_slot; k >= 0; k = s->metas[k].next) {
        const slot_meta *meta = &s->metas[k];
        if (meta->is_late && meta->is_bound && meta->seen < meta->depth && p->warmup < 0) return;
    }
    b = *view->binding;
    room = b ? b->room : 0;
    if (!b || room < p->n_slots) {
        room = p->n_slots;
        b = realloc(b, sizeof *b + (size_t)room * sizeof *b->slots +
                           (size_t)p->n_references * sizeof(const script_market *));
        if (!b) return;
        *view->binding = b;
    }
    *b = (script_binding){
        .state = s, .born_ns = s->born_ns, .n_moves = count_moves(p, view), .n_slots = p->n_slots, .room = room};
    for (int32_t k = 0; k < p->n_references; k++) references_of(b)[k] = view->references[k];
    for (int32_t k = p->first_slot; k >= 0; k = s->metas[k].next) {
        const script_slot *slot = &s->context.slots[k];
        bool is_bound = s->metas[k].is_bound;
        b->slots[n++] = (bound_slot){is_bound ? slot->data : NULL, slot->hidden, s->metas[k].place};
        b->n_unbound += !is_bound;
    }
}

void script_binding_free(script_binding *b) { free(b); }

void script_binding_fetch(const script_binding *b) {
    if (b) prefetch(b, FETCHED_BYTES);
}

void script_binding_fetch_values(const script_binding *b, kline_series *const bars[N_INTERVALS]) {
    for (int32_t i = 0; b && i < b->n_slots; i++) {
        const bound_slot *bound = &b->slots[i];
        const kline_series *of = bound->place < N_INTERVALS ? bars[bound->place] : NULL;
        if (of && bound->data) __builtin_prefetch(bound->data + kline_series_count(of) - bound->first - 1);
    }
}

/* Bars of every place but those of references that are not there. */
static err check_bars(const program *p, const script_view *view, diag *why) {
    for (int32_t i = 0; i < p->n_places; i++) {
        int32_t place = p->places[i], k = place_reference_of(place);
        if (bars_at(view, place) || (k >= 0 && !view->references[k])) continue;
        return diag_set(why, ERR_SCRIPT, "%s: no %s bars of %s", p->source->chunk, interval_name(place_interval(place)),
                        k < 0 ? view->symbol->name : view->references[k]->symbol->name);
    }
    return OK;
}

/* Bars that each slot has seen, and the one that lacks most. */
static void note_seen(script_state *s, const program *p, const script_view *view, const int32_t count[N_PLACES],
                      script_result *result, int32_t *lack) {
    for (int32_t k = p->first_slot; k >= 0; k = s->metas[k].next) {
        slot_meta *meta = &s->metas[k];
        const indicator_set *set = set_at(view, meta->place);
        if (meta->is_bound && set && series_is_output(meta->ref))
            meta->seen = indicator_set_seen_at(set, meta->hint, count[meta->place]);
        if (!meta->is_late && p->warmup < 0) note_lack(result, meta->seen, meta->depth, lack);
    }
}

/* Points the slots of a trader at a symbol. OK, or ERR_NOT_FOUND while something is warming up (result says what). */
err slots_bind(script_state *s, program *p, const script_view *view, script_result *result, diag *why) {
    int32_t count[N_PLACES], lack = 0;
    err e = check_bars(p, view, why);
    if (e != OK) return e;
    count_closed(p, view, count);
    if (p->n_references) e = link_references(p, view);
    if (e == OK) e = begin_needs(p, view); /* which may move columns */
    if (e == OK) e = point_slots(s, p, view, count);
    if (e == OK) e = settle(p, view, count);
    if (e == OK && view->is_tick) count_forming(s, p, count[p->interval]);
    if (e == OK) note_seen(s, p, view, count, result, &lack);
    if (e == OK) wait_for_needs(p, view, count, result, &lack);
    if (e != OK)
        return diag_set(why, ERR_SCRIPT, "%s: an indicator needs more bars than are kept; raise KLINE_HISTORY",
                        p->source->chunk);
    if (p->warmup >= 0) {
        int64_t have = kline_series_dropped(view->bars[p->interval]) + count[p->interval];
        if (have < p->warmup) {
            lack = 1;
            result->have = (int32_t)have;
            result->need = p->warmup;
        }
    }
    s->has_new_slots = false;
    s->watches_late = p->n_late > 0;
    s->context.count = count[p->interval];
    if (lack == 0) keep_binding(s, p, view);
    return lack > 0 && !view->ignores_warmup ? ERR_NOT_FOUND : OK;
}

/* How far back a call has looked; -1: not at all. */
static int32_t look_back_of(const script_slot *slot) {
    return slot->deepest >= slot->wanted ? slot->deepest : slot->wanted - 1;
}

static void note_look_back(slot_meta *meta, const script_slot *slot) {
    if (look_back_of(slot) > meta->look_back) meta->look_back = look_back_of(slot);
}

bool slots_note_missed(script_state *s, const program *p) {
    bool is_any = false;
    for (int32_t k = p->first_slot; k >= 0; k = s->metas[k].next) {
        const script_slot *slot = &s->context.slots[k];
        if (slot->hidden == 0 || look_back_of(slot) < slot->available) continue;
        s->metas[k].wants_whole = is_any = true;
    }
    return is_any;
}

err slots_cut(script_state *s, const program *p, const script_view *view, int64_t open_ms, int32_t count) {
    script_view cut = *view;
    int32_t counts[N_PLACES];
    err e;
    cut.close_ms = interval_next(p->interval, open_ms);
    cut.has_counted = false;
    cut.is_tick = count > kline_series_count(view->bars[p->interval]);
    count_closed(p, &cut, counts);
    e = settle(p, &cut, counts);
    if (e != OK) return e;
    for (int32_t k = p->first_slot; k >= 0; k = s->metas[k].next) {
        slot_meta *meta = &s->metas[k];
        script_slot *slot = &s->context.slots[k];
        note_look_back(meta, slot);
        slot->available = meta->is_bound ? counts[meta->place] - meta->is_own - slot->hidden : 0;
        slot->count = meta->is_late ? -1 : 0;
        slot->deepest = -1;
        slot->wanted = 0;
        if (slot->hidden == 0 || slot->available > 0) continue;
        meta->wants_whole = true;
        e = ERR_NOT_FOUND;
    }
    s->context.open_ms = open_ms;
    s->context.close_ms = cut.close_ms;
    s->context.is_tick = cut.is_tick;
    s->context.count = count;
    return e;
}

void slots_hide(script_state *s, const program *p) {
    for (int32_t k = p->first_slot; k >= 0; k = s->metas[k].next) {
        note_look_back(&s->metas[k], &s->context.slots[k]);
        s->context.slots[k] = no_series;
    }
}

/* ---- late series ---- */

void slots_forget_asked(script_state *s, const program *p) {
    if (p->n_late == 0) return;
    for (int32_t k = p->first_slot; k >= 0; k = s->metas[k].next) s->metas[k].is_asked = false;
}

/* Which late series the call has asked for; true when one of them has no values of this symbol yet. */
bool slots_note_asked(script_state *s, const program *p) {
    bool has_unbound = false;
    if (!s->watches_late) return false;
    for (int32_t k = p->first_slot; k >= 0; k = s->metas[k].next) {
        slot_meta *meta = &s->metas[k];
        if (!meta->is_late || s->context.slots[k].count < 0) continue;
        meta->is_asked = true;
        has_unbound = has_unbound || !meta->is_bound;
    }
    return has_unbound;
}

/* True, with the outcome set, when a late series that was asked for lacks bars. */
bool slots_wait_for_late(const script_state *s, const program *p, script_result *result) {
    int32_t lack = 0;
    if (!s->watches_late) return false;
    for (int32_t k = p->first_slot; k >= 0; k = s->metas[k].next)
        if (s->metas[k].is_late && s->metas[k].is_asked) note_lack(result, s->metas[k].seen, s->metas[k].depth, &lack);
    return lack > 0 && p->warmup < 0;
}

/* ---- needs ---- */

/* What has been asked for so far becomes what the trader needs. */
err slots_note_needs(script_state *s, program *p, trader_spec *spec) {
    int32_t n = 0;
    for (int32_t k = p->first_slot; k >= 0; k = s->metas[k].next) n++;
    spec->needs = calloc((size_t)n + 1, sizeof *spec->needs);
    if (!spec->needs) return ERR_NO_MEMORY;
    p->n_late = 0;
    for (int32_t k = p->first_slot; k >= 0; k = s->metas[k].next) {
        slot_meta *meta = &s->metas[k];
        meta->is_late = false;
        int32_t look_back = meta->look_back < 0 ? 0 : meta->look_back < LOOK_BACK_MAX ? meta->look_back : LOOK_BACK_MAX;
        int32_t interval = place_interval(meta->place);
        if (meta->depth > spec->depth[interval]) spec->depth[interval] = meta->depth;
        if (meta->depth + look_back > spec->history[interval]) spec->history[interval] = meta->depth + look_back;
        if (!is_repeat(s, meta)) spec->needs[spec->n_needs++] = (trader_need){meta->place, meta->ref, meta->depth};
    }
    return OK;
}

void script_state_expect(script_state *s, int32_t index, const trader_spec *spec) {
    program *p = &s->programs[index];
    p->expected = spec;
    for (int32_t i = 0; i < spec->n_needs; i++) slots_add_place(p, spec->needs[i].place);
}
