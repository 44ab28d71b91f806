/* See indicator_set_save.h.
 *
 *   set         [ life | lives of checkpoints | lives of anchors | n | indicator, indicator, ... ]
 *   indicator   [ key | what it is | state | state at each checkpoint | state at each anchor, or values ]
 *
 * One whose column may be short has anchors and no values, since they can be computed from those; another one has values
 * and no anchors. */
#include "indicator/indicator_set_save.h"
#include "indicator/indicator_set_add.h"
#include "indicator/indicator_set_columns.h"
#include "indicator/indicator_set_deferred.h"
#include <stdlib.h>
#include <string.h>

enum { FLAG_DEFERRED = 1, FLAG_SHORT = 2, FLAG_SLOW = 4, CHAIN_MOST = 1 << 20 };

/* What stands before the indicators. */
typedef struct heading {
    int64_t life;
    int64_t checkpoints[N_CHECKPOINTS], *anchors;
    uint32_t n_checkpoints, n_anchors, n_indicators;
} heading;

/* One indicator, as it stands in the bytes. */
typedef struct record {
    char key[INDICATOR_KEY_BYTES];
    uint32_t flags, n_outputs, least, chain, rounds, state_bytes, n_values;
    int64_t floor, asked_ms, epoch_ms, first_life, life;
    const unsigned char *state, *checkpoints, *anchors, *values;
} record;

/* ---- save ---- */

static void put_lives(byte_writer *w, const int64_t *lives, uint32_t n) {
    byte_put_u32(w, n);
    for (uint32_t k = 0; k < n; k++) byte_put_i64(w, lives[k]);
}

/* Those that are of use: whose windows are still there; older ones first; where they stand in `at`. */
static uint32_t list_checkpoints(const indicator_set *set, int64_t lives[N_CHECKPOINTS], int32_t at[N_CHECKPOINTS]) {
    uint32_t n = 0;
    for (int32_t c = 0; c < N_CHECKPOINTS; c++)
        if (set->checkpoints[c].life >= set->dropped + set->reach) at[n++] = c;
    if (n == 2 && set->checkpoints[at[0]].life > set->checkpoints[at[1]].life) at[0] = 1, at[1] = 0;
    for (uint32_t k = 0; k < n; k++) lives[k] = set->checkpoints[at[k]].life;
    return n;
}

/* The life number of the k-th oldest anchor that there can be; anchors_get knows whether it is there. */
static int64_t anchor_life(const indicator_set *set, int32_t k) {
    return (set->life / ANCHOR_BARS - (set->anchors.n - 1 - k)) * ANCHOR_BARS;
}

static bool has_anchor(const indicator_set *set, int64_t life) {
    return life >= 0 && set->anchors.life[life / ANCHOR_BARS % set->anchors.n] == life;
}

static void put_anchor_lives(const indicator_set *set, byte_writer *w) {
    uint32_t n = 0;
    for (int32_t k = 0; k < set->anchors.n; k++) n += has_anchor(set, anchor_life(set, k));
    byte_put_u32(w, n);
    for (int32_t k = 0; k < set->anchors.n; k++)
        if (has_anchor(set, anchor_life(set, k))) byte_put_i64(w, anchor_life(set, k));
}

static void put_anchors(const indicator_set *set, const instance *item, byte_writer *w) {
    if (item->state_bytes == 0) return;
    for (int32_t k = 0; k < set->anchors.n; k++) {
        int64_t life = anchor_life(set, k);
        if (has_anchor(set, life))
            byte_put_bytes(w, anchors_get(&set->anchors, life) + item->anchor, item->state_bytes);
    }
}

/* Of all bars kept, as far as it has been computed. */
static void put_values(const indicator_set *set, const instance *item, byte_writer *w) {
    int64_t end = item->is_deferred ? item->life : set->life;
    int64_t n = end > set->dropped ? end - set->dropped : 0;
    byte_put_u32(w, (uint32_t)n);
    for (int32_t o = 0; o < item->kernel->n_outputs; o++)
        byte_put_bytes(w, column_values(&item->values, o, set->dropped), (size_t)n * sizeof(double));
}

static void put_instance(const indicator_set *set, const instance *item, const int32_t *checkpoints, uint32_t n,
                         byte_writer *w) {
    char key[INDICATOR_KEY_BYTES];
    registry_key(set->registry, item->id, key);
    byte_put_text(w, key);
    byte_put_u8(w, (uint8_t)((item->is_deferred ? FLAG_DEFERRED : 0) | (item->may_be_short ? FLAG_SHORT : 0) |
                             (item->has_slow ? FLAG_SLOW : 0)));
    byte_put_u8(w, (uint8_t)item->kernel->n_outputs);
    byte_put_u32(w, (uint32_t)item->least);
    byte_put_u32(w, (uint32_t)item->chain);
    byte_put_u32(w, (uint32_t)item->rounds);
    byte_put_i64(w, item->may_be_short ? 0 : item->floor); /* else it follows from the anchors */
    byte_put_i64(w, item->asked_ms);
    byte_put_i64(w, item->epoch_ms);
    byte_put_i64(w, item->first_life);
    byte_put_i64(w, item->is_deferred ? item->life : set->life);
    byte_put_u32(w, (uint32_t)item->state_bytes);
    byte_put_bytes(w, set->states + item->state, item->state_bytes);
    for (uint32_t k = 0; k < n && !item->is_deferred; k++) /* those of deferred ones are not gone back to */
        byte_put_bytes(w, set->checkpoints[checkpoints[k]].states + item->state, item->state_bytes);
    if (item->may_be_short)
        put_anchors(set, item, w);
    else
        put_values(set, item, w);
}

void indicator_set_save(const indicator_set *set, byte_writer *w) {
    int64_t lives[N_CHECKPOINTS] = {0};
    int32_t at[N_CHECKPOINTS] = {0};
    uint32_t n = list_checkpoints(set, lives, at);
    byte_put_i64(w, set->life);
    put_lives(w, lives, n);
    put_anchor_lives(set, w);
    byte_put_u32(w, (uint32_t)set->count);
    for (int32_t i = 0; i < set->count; i++) {
        size_t part = byte_put_part_begin(w);
        put_instance(set, &set->items[i], at, n, w);
        byte_put_part_end(w, part);
    }
}

/* ---- reading ---- */

static err get_heading(byte_reader *r, heading *h) {
    h->life = byte_get_i64(r);
    h->n_checkpoints = byte_get_u32(r);
    if (h->n_checkpoints > N_CHECKPOINTS) return byte_reader_refuse(r);
    for (uint32_t k = 0; k < h->n_checkpoints; k++) h->checkpoints[k] = byte_get_i64(r);
    h->n_anchors = byte_get_u32(r);
    if (r->has_failed || h->n_anchors > r->left / sizeof(int64_t)) return byte_reader_refuse(r);
    h->anchors = malloc(((size_t)h->n_anchors + 1) * sizeof *h->anchors);
    if (!h->anchors) return ERR_NO_MEMORY;
    for (uint32_t k = 0; k < h->n_anchors; k++) h->anchors[k] = byte_get_i64(r);
    h->n_indicators = byte_get_u32(r);
    if (r->has_failed || h->n_indicators > REGISTRY_MAX) return byte_reader_refuse(r);
    return OK;
}

static err get_record(byte_reader *r, const heading *h, record *out) {
    byte_reader in = byte_get_part(r);
    *out = (record){.flags = 0};
    if (!byte_get_text(&in, out->key, sizeof out->key)) return byte_reader_refuse(r);
    out->flags = byte_get_u8(&in);
    out->n_outputs = byte_get_u8(&in);
    out->least = byte_get_u32(&in);
    out->chain = byte_get_u32(&in);
    out->rounds = byte_get_u32(&in);
    out->floor = byte_get_i64(&in);
    out->asked_ms = byte_get_i64(&in);
    out->epoch_ms = byte_get_i64(&in);
    out->first_life = byte_get_i64(&in);
    out->life = byte_get_i64(&in);
    out->state_bytes = byte_get_u32(&in);
    out->state = byte_get_bytes(&in, out->state_bytes);
    if (!(out->flags & FLAG_DEFERRED))
        out->checkpoints = byte_get_bytes(&in, (size_t)out->state_bytes * h->n_checkpoints);
    if (out->flags & FLAG_SHORT) {
        out->anchors = byte_get_bytes(&in, (size_t)out->state_bytes * h->n_anchors);
    } else {
        out->n_values = byte_get_u32(&in);
        out->values = byte_get_bytes(&in, (size_t)out->n_values * out->n_outputs * sizeof(double));
    }
    if (in.has_failed || in.left > 0 || out->n_outputs > INDICATOR_OUTPUTS) return byte_reader_refuse(r);
    return OK;
}

err indicator_set_saved_each(byte_reader *r, void (*each)(void *context, const saved_indicator *item), void *context) {
    heading h = {0};
    record in;
    err e = get_heading(r, &h);
    for (uint32_t k = 0; k < h.n_indicators && e == OK; k++) {
        saved_indicator item;
        e = get_record(r, &h, &in);
        if (e != OK) break;
        item = (saved_indicator){.epoch_ms = in.epoch_ms, .life = in.life, .is_deferred = in.flags & FLAG_DEFERRED};
        memcpy(item.key, in.key, sizeof item.key);
        each(context, &item);
    }
    free(h.anchors);
    return e;
}

/* ---- load ---- */

static err take_lives(indicator_set *set, const heading *h) {
    int64_t before = -1;
    if (h->life != set->life) return ERR_INVALID;
    for (uint32_t k = 0; k < h->n_checkpoints; k++) {
        if (h->checkpoints[k] <= before || h->checkpoints[k] > set->life) return ERR_INVALID;
        before = set->checkpoints[k].life = h->checkpoints[k];
    }
    anchors_void(&set->anchors, -1);
    before = -1;
    for (uint32_t k = 0; h->anchors && k < h->n_anchors; k++) {
        int64_t life = h->anchors[k];
        if (life <= before || life > set->life || life % ANCHOR_BARS != 0 || has_anchor(set, life)) return ERR_INVALID;
        if (set->anchors.life[life / ANCHOR_BARS % set->anchors.n] >= 0) return ERR_INVALID;
        (void)anchors_put(&set->anchors, life);
        before = life;
    }
    return OK;
}

static bool is_there(const instance *item) {
    for (int32_t s = 0; s < item->kernel->n_sources && item->spec->kind != INDICATOR_ALIGN; s++)
        if (series_is_output(item->spec->source[s]) && item->source_at[s] < 0) return false;
    return true;
}

/* The columns of its sources reach as far back as it reads. */
static bool has_sources(const indicator_set *set, const instance *item, int32_t reach) {
    for (int32_t s = 0; s < INDICATOR_SOURCES; s++) {
        const instance *source = item->source_at[s] >= 0 ? &set->items[item->source_at[s]] : NULL;
        if (!source || !source->may_be_short) continue;
        if (item->is_deferred || source->least < N_CHECKPOINTS * CHECKPOINT_BARS + reach) return false;
    }
    return true;
}

static bool has_epoch(const indicator_set *set, const record *in) {
    if (in->epoch_ms == 0) return true;
    if (in->epoch_ms < 0 || in->first_life < 0 || in->first_life >= set->life) return false;
    return in->first_life < set->dropped || set->in.open_ms[in->first_life - set->dropped] == in->epoch_ms;
}

static bool is_possible(const indicator_set *set, const instance *item, const record *in, int32_t reach) {
    int32_t keep = kline_series_keep(set->bars), room = kline_series_room(set->bars);
    int64_t end = in->flags & FLAG_DEFERRED ? in->life : set->life;
    int64_t n = end > set->dropped ? end - set->dropped : 0;
    bool is_short = in->flags & FLAG_SHORT;
    if (in->n_outputs != (uint32_t)item->kernel->n_outputs || in->state_bytes != item->state_bytes) return false;
    if (in->least > (uint32_t)(keep > SHORT_LEAST ? keep : SHORT_LEAST) || in->least < SHORT_LEAST) return false;
    if (in->chain > CHAIN_MOST || in->rounds > REGISTRY_MAX) return false;
    if (in->floor < 0 || in->floor > set->life || in->life < 0 || in->life > set->life) return false;
    if (!is_short && in->n_values != n) return false;
    if (is_short && ((in->flags & FLAG_DEFERRED) || (int32_t)in->least + SHORT_SLACK + 1 >= room)) return false;
    return reach + N_CHECKPOINTS * CHECKPOINT_BARS <= keep && has_epoch(set, in);
}

static void copy_states(indicator_set *set, const instance *item, const record *in, const heading *h) {
    size_t bytes = item->state_bytes;
    if (bytes == 0) return;
    memcpy(set->states + item->state, in->state, bytes);
    for (uint32_t k = 0; k < h->n_checkpoints && !item->is_deferred; k++)
        memcpy(set->checkpoints[k].states + item->state, in->checkpoints + k * bytes, bytes);
    for (uint32_t k = 0; k < h->n_anchors && item->may_be_short; k++)
        memcpy(anchors_get(&set->anchors, h->anchors[k]) + item->anchor, in->anchors + k * bytes, bytes);
}

static void copy_values(indicator_set *set, const instance *item, const record *in) {
    size_t bytes = (size_t)in->n_values * sizeof(double);
    for (int32_t o = 0; o < item->kernel->n_outputs && bytes; o++)
        memcpy(column_values(&item->values, o, set->dropped), in->values + (size_t)o * bytes, bytes);
}

static instance make_instance(const indicator_set *set, int32_t id, const record *in) {
    const indicator_spec *spec = registry_get(set->registry, id);
    return (instance){.id = id,
                      .kernel = kernel_get(spec->kind),
                      .spec = spec,
                      .least = (int32_t)in->least,
                      .chain = (int32_t)in->chain,
                      .rounds = (int32_t)in->rounds,
                      .may_be_short = in->flags & FLAG_SHORT,
                      .floor = in->floor,
                      .asked_life = -1,
                      .state = set->used,
                      .state_bytes = kernel_state_bytes(spec->kind, spec->param, spec->interval),
                      .asked_ms = in->asked_ms,
                      .epoch_ms = in->epoch_ms,
                      .first_life = in->first_life,
                      .is_deferred = in->flags & FLAG_DEFERRED,
                      .life = in->flags & FLAG_DEFERRED ? in->life : 0,
                      .slow_at = -1,
                      .has_slow = in->flags & FLAG_SLOW};
}

static err append(indicator_set *set, instance *item, const record *in, const heading *h, int32_t reach) {
    err e = OK;
    if (set->count == set->capacity) e = indicator_set_grow_items(set);
    if (e == OK) e = indicator_set_grow_states(set, item->state_bytes);
    if (e == OK && item->may_be_short) e = anchors_add(&set->anchors, item->state_bytes, &item->anchor);
    if (e == OK)
        e = column_init(&item->values, &set->spare, item->kernel->n_outputs, kline_series_room(set->bars), set->dropped,
                        0, 0);
    if (e != OK) return e;
    copy_states(set, item, in, h);
    copy_values(set, item, in);
    set->items[set->count++] = *item;
    set->used += item->state_bytes;
    set->n_deferred += item->is_deferred;
    set->n_begun += item->epoch_ms != 0;
    if (reach > set->reach) set->reach = reach;
    return OK;
}

static err load_one(indicator_set *set, const record *in, const heading *h, indicator_load *how) {
    saved_epoch epoch = SAVED_EPOCH_NEW;
    bool has_slow = in->flags & FLAG_SLOW;
    instance item;
    int32_t id, reach;
    if (how->look_up) epoch = how->look_up(how->context, in->key, in->epoch_ms);
    if (registry_parse(how->registry, in->key, &id) != OK) epoch = SAVED_EPOCH_ANOTHER;
    if (epoch == SAVED_EPOCH_ANOTHER || (how->leaves_out_deferred && (in->flags & FLAG_DEFERRED))) {
        how->n_left_out++;
        return OK;
    }
    if (registry_get(how->registry, id)->interval != kline_series_interval(set->bars)) return ERR_INVALID;
    if (indicator_set_find(set, id, 0) >= 0) return ERR_INVALID;
    item = make_instance(set, id, in);
    reach = kernel_reach(item.spec->kind, item.spec->param, item.spec->interval);
    indicator_set_bind(set, &item);
    item.has_slow = has_slow;
    if (!is_there(&item)) {
        how->n_left_out++;
        return OK;
    }
    if (item.is_deferred != indicator_set_rests_on_deferred(set, &item) || !is_possible(set, &item, in, reach) ||
        !has_sources(set, &item, reach))
        return ERR_INVALID;
    if (epoch == SAVED_EPOCH_KNOWN) item.told_ms = item.epoch_ms;
    return append(set, &item, in, h, reach);
}

err indicator_set_load(indicator_set *set, byte_reader *r, indicator_load *how) {
    heading h = {0};
    err e = get_heading(r, &h);
    if (e == OK) e = take_lives(set, &h);
    for (uint32_t k = 0; k < h.n_indicators && e == OK; k++) {
        record in;
        e = get_record(r, &h, &in);
        if (e == OK) e = load_one(set, &in, &h, how);
    }
    if (set->count == 0) /* no states to go back to */
        for (int c = 0; c < N_CHECKPOINTS; c++) set->checkpoints[c].life = -1;
    free(h.anchors);
    return e == ERR_INVALID ? byte_reader_refuse(r) : e;
}

bool indicator_set_load_link(indicator_set *set) {
    for (int32_t i = 0; i < set->count; i++) {
        instance *item = &set->items[i];
        const indicator_set *slow;
        if (item->spec->kind != INDICATOR_ALIGN || item->spec->param[1] > 0) continue;
        slow = indicator_set_slow(set, item->spec);
        indicator_set_bind_slow(set, item);
        if (!slow || (series_is_output(item->spec->source[0]) && item->slow_at < 0)) return false;
        if (item->slow_at >= 0 && slow->items[item->slow_at].may_be_short) return false;
    }
    return true;
}

err indicator_set_load_finish(indicator_set *set) {
    err e = OK;
    indicator_set_find_floors(set);
    for (int32_t i = 0; i < set->count && e == OK; i++) {
        const instance *item = &set->items[i];
        if (!item->may_be_short) continue;
        e = indicator_set_grow_scratch(set, item->state_bytes + 1);
        if (e == OK) indicator_set_refill(set, item, set->life);
    }
    indicator_set_cut_unused(set);
    set->n_moves++;
    return e;
}

void indicator_set_load_end(indicator_set *set) {
    for (int32_t i = 0; i < set->count; i++)
        if (set->items[i].spec->kind == INDICATOR_ALIGN && !indicator_set_slow(set, set->items[i].spec))
            set->items[i].has_slow = false;
}
