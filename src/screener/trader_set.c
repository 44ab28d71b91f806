/* See trader_set.h. */
#include "screener/trader_set.h"
#include "base/clock.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MINUTE_MS = 60000, HOUR_MS = 3600000, N_LEVELS = 5 };
static const int64_t PAUSE_MS[N_LEVELS] = {MINUTE_MS, 5 * MINUTE_MS, 30 * MINUTE_MS, 120 * MINUTE_MS, 720 * MINUTE_MS};

/* ---- one trader ---- */

err trader_new(trader_source *source, trader_spec *spec, trader **out) {
    trader *t = calloc(1, sizeof *t);
    if (!t) {
        trader_source_free(source);
        trader_spec_free(spec);
        return ERR_NO_MEMORY;
    }
    t->source = source;
    t->spec = spec;
    pthread_mutex_init(&t->lock, NULL);
    *out = t;
    return OK;
}

void trader_free(trader *t) {
    if (!t) return;
    trader_source_free(t->source);
    trader_spec_free(t->spec);
    pthread_mutex_destroy(&t->lock);
    free(t->fault.rows);
    free(t);
}

/* Until when. A trader that has run well for longer than its last pause, and than an hour, begins anew with the shortest:
 * one that fills the memory again in ten minutes has not mended. */
static int64_t pause_end(trader *t, int64_t close_ms) {
    trader_fault *f = &t->fault;
    int64_t last_end = atomic_load_explicit(&t->stopped_until_ms, memory_order_relaxed);
    int64_t good_ms = f->level > 0 && PAUSE_MS[f->level - 1] > HOUR_MS ? PAUSE_MS[f->level - 1] : HOUR_MS;
    if (f->level > 0 && close_ms > last_end + good_ms) f->level = 0;
    if (f->level < N_LEVELS) f->level++;
    return close_ms + PAUSE_MS[f->level - 1];
}

/* The row of things alike: there already, or a new one. NULL without memory. */
static trader_error_row *row_for(trader *t, const trader_trouble *trouble) {
    trader_fault *f = &t->fault;
    int32_t line = trader_error_line(trouble->message), oldest = 0;
    if (!f->rows && !(f->rows = calloc(FAULT_ROWS_MAX, sizeof *f->rows))) return NULL;
    for (int32_t i = 0; i < f->n_rows; i++) {
        trader_error_row *row = &f->rows[i];
        if (row->kind == trouble->kind && row->line == line && strcmp(row->message, trouble->message) == 0) {
            f->last = i;
            return row;
        }
        if (row->last_ms < f->rows[oldest].last_ms) oldest = i;
    }
    f->last = f->n_rows < FAULT_ROWS_MAX ? f->n_rows++ : oldest;
    f->rows[f->last] = (trader_error_row){.kind = trouble->kind, .line = line, .first_ms = wall_ms()};
    snprintf(f->rows[f->last].trader_id, ID_BYTES, "%s", t->spec->id);
    snprintf(f->rows[f->last].trader, TRADER_KEY_BYTES, "%s", t->spec->key);
    snprintf(f->rows[f->last].revision, REVISION_BYTES, "%s", t->spec->revision);
    snprintf(f->rows[f->last].message, TRADER_ERROR_MESSAGE_BYTES, "%s", trouble->message);
    return &f->rows[f->last];
}

static void note(trader *t, const trader_trouble *trouble) {
    trader_fault *f = &t->fault;
    trader_error_row *row = row_for(t, trouble);
    f->n_errors++;
    f->n_kills += trouble->kind == TRADER_ERROR_KILL;
    f->n_floods += trouble->kind == TRADER_ERROR_FLOOD;
    f->last_ms = wall_ms();
    if (!f->first_ms) f->first_ms = f->last_ms;
    if (!row) return;
    f->is_new[f->last] = true;
    row->count++;
    row->last_ms = f->last_ms;
    row->open_ms = trouble->open_ms;
    snprintf(row->symbol, sizeof row->symbol, "%s", trouble->symbol);
    snprintf(row->trace, sizeof row->trace, "%s", trouble->trace);
}

int32_t trader_take_errors(trader *t, trader_error_row rows[FAULT_ROWS_MAX]) {
    trader_fault *f = &t->fault;
    int32_t n = 0;
    pthread_mutex_lock(&t->lock);
    for (int32_t i = 0; i < f->n_rows; i++) {
        if (!f->is_new[i]) continue;
        f->is_new[i] = false;
        rows[n++] = f->rows[i];
    }
    pthread_mutex_unlock(&t->lock);
    return n;
}

bool trader_take_pause(trader *t, trader_error_row *out) {
    const trader_fault *f = &t->fault;
    bool is_new;
    if (!atomic_load_explicit(&t->stopped_until_ms, memory_order_relaxed)) return false; /* nearly all, nearly always */
    pthread_mutex_lock(&t->lock);
    is_new = f->n_pauses > t->n_pauses_told && f->n_rows > 0;
    t->n_pauses_told = f->n_pauses;
    if (is_new) *out = f->rows[f->last];
    pthread_mutex_unlock(&t->lock);
    return is_new;
}

bool trader_fail(trader *t, const trader_trouble *trouble) {
    bool is_new = false;
    pthread_mutex_lock(&t->lock);
    note(t, trouble);
    if (trouble->stops && !trader_is_stopped(t, trouble->close_ms)) {
        t->fault.n_pauses++;
        atomic_store(&t->stopped_until_ms, pause_end(t, trouble->close_ms));
        is_new = true;
    }
    pthread_mutex_unlock(&t->lock);
    return is_new;
}

void trader_refuse(trader *t, const char *why) {
    trader_trouble trouble = {.kind = TRADER_ERROR_LOAD, .symbol = "", .message = why, .trace = ""};
    pthread_mutex_lock(&t->lock);
    note(t, &trouble);
    atomic_store(&t->stopped_until_ms, INT64_MAX);
    pthread_mutex_unlock(&t->lock);
}

bool trader_floods(trader *t, int64_t close_ms, int32_t most) {
    int64_t hour_ms = close_ms - close_ms % HOUR_MS, counted_ms = atomic_load(&t->hour_ms);
    char text[128];
    trader_trouble trouble = {
        .kind = TRADER_ERROR_FLOOD, .symbol = "", .message = text, .trace = "", .close_ms = close_ms};
    if (most <= 0) return false;
    if (hour_ms > counted_ms && atomic_compare_exchange_strong(&t->hour_ms, &counted_ms, hour_ms))
        atomic_store(&t->n_signals, 0);
    if (atomic_fetch_add(&t->n_signals, 1) + 1 != most + 1) return false;
    snprintf(text, sizeof text, "more than %d signals within an hour: paused to its end", most);
    pthread_mutex_lock(&t->lock);
    note(t, &trouble);
    t->fault.n_pauses++;
    if (!trader_is_stopped(t, hour_ms + HOUR_MS)) atomic_store(&t->stopped_until_ms, hour_ms + HOUR_MS + 1);
    pthread_mutex_unlock(&t->lock);
    return true;
}

bool trader_has_flooded(const trader *t, int64_t close_ms, int32_t most) {
    return most > 0 && atomic_load(&t->hour_ms) == close_ms - close_ms % HOUR_MS && atomic_load(&t->n_signals) > most;
}

/* ---- sets ---- */

err trader_set_new(int32_t count, trader_set **out) {
    trader_set *set = calloc(1, sizeof *set);
    if (!set) return ERR_NO_MEMORY;
    set->traders = calloc((size_t)count + 1, sizeof *set->traders);
    if (!set->traders) {
        free(set);
        return ERR_NO_MEMORY;
    }
    set->count = count;
    *out = set;
    return OK;
}

void trader_set_put(trader_set *set, int32_t place, trader *t) {
    set->traders[place] = t;
    t->n_sets++;
}

void trader_set_free(trader_set *set) {
    if (!set) return;
    for (int32_t i = 0; i < set->count; i++)
        if (set->traders[i] && --set->traders[i]->n_sets == 0) trader_free(set->traders[i]);
    free(set->traders);
    free(set);
}

int32_t trader_set_find(const trader_set *set, const char *key) {
    for (int32_t i = 0; set && i < set->count; i++)
        if (set->traders[i] && strcmp(set->traders[i]->spec->key, key) == 0) return i;
    return -1;
}

void trader_note_warming(trader *t, int64_t close_ms, int32_t have, int32_t need) {
    atomic_store_explicit(&t->have, have, memory_order_relaxed);
    atomic_store_explicit(&t->need, need, memory_order_relaxed);
    if (close_ms > atomic_load_explicit(&t->warming_ms, memory_order_relaxed))
        atomic_store_explicit(&t->warming_ms, close_ms, memory_order_relaxed);
}

bool trader_is_warming(const trader *t, int32_t *have, int32_t *need) {
    trader *who = (trader *)t; /* C11 loads no atomic of a const */
    *have = atomic_load_explicit(&who->have, memory_order_relaxed);
    *need = atomic_load_explicit(&who->need, memory_order_relaxed);
    return atomic_load_explicit(&who->warming_ms, memory_order_relaxed) >
           atomic_load_explicit(&who->warm_ms, memory_order_relaxed);
}

int32_t trader_set_running(const trader_set *set) {
    int32_t n = 0;
    for (int32_t i = 0; set && i < set->count; i++) n += set->traders[i] != NULL;
    return n;
}

uint32_t trader_set_intervals(const trader_set *set, int32_t depth[N_INTERVALS]) {
    uint32_t mask = 0;
    for (int32_t i = 0; i < N_INTERVALS; i++) depth[i] = 0;
    for (int32_t t = 0; set && t < set->count; t++) {
        const trader_spec *spec = set->traders[t] ? set->traders[t]->spec : NULL;
        if (!spec || !spec->is_enabled) continue;
        mask |= spec->interval_mask;
        for (int32_t i = 0; i < N_INTERVALS; i++)
            if (spec->history[i] > depth[i]) depth[i] = spec->history[i];
    }
    return mask;
}

bool trader_set_reads_ticker(const trader_set *set) {
    for (int32_t i = 0; set && i < set->count; i++) {
        const trader *one = set->traders[i];
        if (one && one->spec->is_enabled && one->spec->on == ON_TICK && strstr(one->source->code, "ticker"))
            return true;
    }
    return false;
}

uint32_t trader_set_feeds(const trader_set *set) {
    int32_t depth[N_INTERVALS];
    uint32_t mask = trader_set_intervals(set, depth);
    for (int32_t t = 0; set && t < set->count; t++)
        if (set->traders[t] && set->traders[t]->spec->is_enabled) mask |= set->traders[t]->spec->reference_mask;
    return mask;
}

uint32_t trader_set_ranked(const trader_set *set) {
    uint32_t mask = 0;
    for (int32_t t = 0; set && t < set->count; t++)
        if (set->traders[t] && set->traders[t]->spec->rank_top > 0) mask |= 1u << set->traders[t]->spec->interval;
    return mask;
}

/* ---- by volume ---- */

static bool is_above(const trader *t, const symbol_info *symbol, double least_volume) {
    double volume = symbol->quote_volume_24h;
    if (symbol->is_outside && !trader_spec_names(t->spec, symbol->name)) return false;
    return t->spec->is_enabled && trader_spec_wants(t->spec, symbol->name, symbol->quote) &&
           (volume <= 0 || volume >= least_volume);
}

bool trader_wants(const trader *t, const symbol_info *symbol) { return is_above(t, symbol, t->least_volume); }

/* But for the place among the most traded. */
static bool is_in_question(const trader *t, const symbol_info *symbol) {
    return is_above(t, symbol, t->spec->min_quote_volume);
}

static int largest_first(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return x > y ? -1 : x < y;
}

/* `volumes`: room for one of each symbol. */
static void choose(trader *t, const symbol_table *symbols, double *volumes) {
    int32_t n = 0, top = t->spec->symbols_top;
    if (top <= 0) {
        t->least_volume = t->spec->min_quote_volume;
        return;
    }
    for (uint32_t id = 0; id < symbol_table_count(symbols); id++) {
        const symbol_info *info = symbol_table_get(symbols, id);
        if (!info->is_alias && is_in_question(t, info)) volumes[n++] = info->quote_volume_24h;
    }
    qsort(volumes, (size_t)n, sizeof *volumes, largest_first);
    t->least_volume =
        n >= top && volumes[top - 1] > t->spec->min_quote_volume ? volumes[top - 1] : t->spec->min_quote_volume;
}

err trader_set_choose(trader_set *set, const symbol_table *symbols, bool again) {
    double *volumes = malloc(((size_t)symbol_table_count(symbols) + 1) * sizeof *volumes);
    if (!volumes) return ERR_NO_MEMORY;
    for (int32_t i = 0; i < set->count; i++)
        if (set->traders[i] && (again || set->traders[i]->n_sets == 1)) choose(set->traders[i], symbols, volumes);
    free(volumes);
    return OK;
}
