/* Recorded bars are held in memory, sorted; the market model is asked bar by bar. */
#include "sim/source.h"
#include "market/interval.h"
#include "market/kline_file.h"
#include "market/random_market.h"
#include <assert.h>
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MINUTE_MS = 60000, MAX_DECIMALS = 8 };

/* Open times of bars that are not there. */
typedef struct hole {
    int64_t from_ms, to_ms;
} hole;

typedef struct hole_list {
    hole *at;
    size_t count;
} hole_list;

struct source {
    source_symbol *symbols;
    hole_list *holes; /* per symbol */
    uint32_t count;
    kline_list *bars;      /* per symbol; NULL for the model */
    random_market *market; /* NULL for files */
    symbol_table *names, *streams;
};

typedef struct name_list {
    char **names;
    size_t count;
} name_list;

static err split_names(const char *text, name_list *out, diag *why);
static err make_names(size_t count, name_list *out);
static err source_new(size_t count, source **out);
static err load_symbol(source *s, const char *folder, const char *name, diag *why);
static err add_symbol(source *s, const source_symbol *symbol);

err source_open_files(const char *folder, const char *symbols, source **out, diag *why) {
    name_list list = {0};
    source *s = NULL;
    err e = symbols ? split_names(symbols, &list, why) : kline_file_symbols(folder, &list.names, &list.count, why);
    if (e != OK) goto out;
    if (list.count == 0) {
        e = diag_set(why, ERR_NOT_FOUND, "%s: no klines; expected files such as BTCUSDT-1m.csv.gz", folder);
        goto out;
    }
    e = source_new(list.count, &s);
    if (e == OK && !(s->bars = calloc(list.count, sizeof *s->bars))) e = ERR_NO_MEMORY;
    if (e != OK) {
        diag_set(why, e, "%s: %s", folder, error_text(e));
        goto out;
    }
    for (size_t i = 0; e == OK && i < list.count; i++) e = load_symbol(s, folder, list.names[i], why);
out:
    kline_file_free_symbols(list.names, list.count);
    if (e != OK) {
        source_free(s);
        s = NULL;
    }
    *out = s;
    return e;
}

err source_open_market(const char *symbols, uint64_t seed, source **out, diag *why) {
    name_list list = {0};
    source *s = NULL;
    char *end;
    unsigned long count = strtoul(symbols, &end, 10);
    bool is_count = *symbols && !*end;
    err e = OK;
    if (is_count && (count == 0 || count > SYMBOL_MAX)) {
        e = diag_set(why, ERR_INVALID, "--symbols is %s; expected 1..%d symbols", symbols, SYMBOL_MAX);
        goto out;
    }
    e = is_count ? make_names(count, &list) : split_names(symbols, &list, why);
    if (e != OK) goto out;
    e = source_new(list.count, &s);
    if (e == OK) e = random_market_new(seed, (const char *const *)list.names, list.count, &s->market);
    for (size_t i = 0; e == OK && i < list.count; i++) {
        source_symbol symbol = {.info = *random_market_symbol(s->market, i),
                                .base = INTERVAL_1M,
                                .first_ms = RANDOM_MARKET_FIRST_MS,
                                .end_ms = RANDOM_MARKET_END_MS};
        e = add_symbol(s, &symbol);
    }
    if (e != OK) diag_set(why, e, "market model for --symbols %s: %s", symbols, error_text(e));
out:
    kline_file_free_symbols(list.names, list.count);
    if (e != OK) {
        source_free(s);
        s = NULL;
    }
    *out = s;
    return e;
}

void source_free(source *s) {
    if (!s) return;
    for (uint32_t i = 0; s->bars && i < s->count; i++) kline_list_free(&s->bars[i]);
    for (uint32_t i = 0; s->holes && i < s->count; i++) free(s->holes[i].at);
    free(s->holes);
    free(s->bars);
    random_market_free(s->market);
    symbol_table_free(s->names);
    symbol_table_free(s->streams);
    free(s->symbols);
    free(s);
}

uint32_t source_count(const source *s) { return s->count; }

const source_symbol *source_at(const source *s, uint32_t symbol) {
    assert(symbol < s->count);
    return &s->symbols[symbol];
}

err source_find(const source *s, const char *name, size_t bytes, uint32_t *symbol) {
    return symbol_table_find(s->names, name, bytes, symbol);
}

err source_find_stream(const source *s, const char *name, size_t bytes, uint32_t *symbol) {
    return symbol_table_find(s->streams, name, bytes, symbol);
}

static int64_t next_of_all(const source *s, uint32_t symbol, int64_t ms) {
    const source_symbol *info = source_at(s, symbol);
    if (s->bars) {
        size_t i = kline_list_find(&s->bars[symbol], ms);
        return i < s->bars[symbol].count ? s->bars[symbol].bars[i].open_ms : INT64_MAX;
    }
    if (ms <= info->first_ms) return info->first_ms;
    if (ms > info->end_ms - MINUTE_MS) return INT64_MAX;
    return (ms + MINUTE_MS - 1) / MINUTE_MS * MINUTE_MS;
}

static int64_t previous_of_all(const source *s, uint32_t symbol, int64_t ms) {
    const source_symbol *info = source_at(s, symbol);
    if (s->bars) {
        size_t i = kline_list_find(&s->bars[symbol], ms);
        return i > 0 ? s->bars[symbol].bars[i - 1].open_ms : INT64_MIN;
    }
    if (ms <= info->first_ms) return INT64_MIN;
    if (ms > info->end_ms) ms = info->end_ms;
    return (ms - 1) / MINUTE_MS * MINUTE_MS;
}

/* The hole that a bar would open in; NULL: it is there. */
static const hole *hole_at(const source *s, uint32_t symbol, int64_t ms) {
    const hole_list *list = &s->holes[symbol];
    for (size_t i = 0; i < list->count; i++)
        if (list->at[i].from_ms <= ms && ms < list->at[i].to_ms) return &list->at[i];
    return NULL;
}

int64_t source_next_open(const source *s, uint32_t symbol, int64_t ms) {
    const hole *missing;
    int64_t open_ms = next_of_all(s, symbol, ms);
    while (open_ms != INT64_MAX && (missing = hole_at(s, symbol, open_ms)) != NULL)
        open_ms = missing->to_ms == INT64_MAX ? INT64_MAX : next_of_all(s, symbol, missing->to_ms);
    return open_ms;
}

int64_t source_previous_open(const source *s, uint32_t symbol, int64_t ms) {
    const hole *missing;
    int64_t open_ms = previous_of_all(s, symbol, ms);
    while (open_ms != INT64_MIN && (missing = hole_at(s, symbol, open_ms)) != NULL)
        open_ms = previous_of_all(s, symbol, missing->from_ms);
    return open_ms;
}

err source_add_hole(source *s, uint32_t symbol, int64_t from_ms, int64_t to_ms) {
    hole_list *list = &s->holes[symbol];
    hole *at = realloc(list->at, (list->count + 1) * sizeof *at);
    if (!at) return ERR_NO_MEMORY;
    list->at = at;
    at[list->count++] = (hole){from_ms, to_ms};
    return OK;
}

err source_set_trading(source *s, uint32_t symbol, bool is_trading, int64_t ms) {
    _Atomic bool *was_trading = &s->symbols[symbol].info.is_trading;
    if (*was_trading == is_trading) return OK;
    *was_trading = is_trading;
    if (!is_trading) return source_add_hole(s, symbol, ms, INT64_MAX);
    hole_list *list = &s->holes[symbol];
    for (size_t i = 0; i < list->count; i++)
        if (list->at[i].to_ms == INT64_MAX) list->at[i].to_ms = ms;
    return OK;
}

void source_set_hidden(source *s, uint32_t symbol, bool is_hidden) { s->symbols[symbol].is_hidden = is_hidden; }

err source_bar(source *s, uint32_t symbol, int64_t open_ms, kline *out) {
    if (s->market) return random_market_minute(s->market, symbol, open_ms, out);
    const kline_list *list = &s->bars[symbol];
    size_t i = kline_list_find(list, open_ms);
    if (i == list->count || list->bars[i].open_ms != open_ms) return ERR_NOT_FOUND;
    *out = list->bars[i];
    return OK;
}

err source_fold(source *s, uint32_t symbol, int64_t from_ms, int64_t to_ms, kline *out, size_t *count) {
    *count = 0;
    for (int64_t at_ms = source_next_open(s, symbol, from_ms); at_ms < to_ms;
         at_ms = source_next_open(s, symbol, at_ms + 1)) {
        kline bar;
        err e = source_bar(s, symbol, at_ms, &bar);
        if (e != OK) return e;
        if (*count == 0)
            *out = bar;
        else
            kline_merge(out, &bar);
        ++*count;
    }
    return OK;
}

/* ---- making ---- */

static err split_names(const char *text, name_list *out, diag *why) {
    size_t capacity = 1;
    for (const char *c = text; *c; c++) capacity += *c == ',';
    out->names = calloc(capacity, sizeof *out->names);
    if (!out->names) return diag_set(why, ERR_NO_MEMORY, "%s", error_text(ERR_NO_MEMORY));
    for (const char *at = text;; at++) {
        size_t bytes = strcspn(at, ",");
        if (bytes == 0 || bytes >= SYMBOL_BYTES || memchr(at, '/', bytes))
            return diag_set(why, ERR_INVALID, "--symbols is %.200s; expected names such as BTCUSDT,ETHUSDT", text);
        char *name = strndup(at, bytes);
        if (!name) return diag_set(why, ERR_NO_MEMORY, "%s", error_text(ERR_NO_MEMORY));
        for (size_t i = 0; i < out->count; i++)
            if (strcmp(out->names[i], name) == 0) {
                free(name);
                return diag_set(why, ERR_INVALID, "--symbols names %.*s twice; expected each once", (int)bytes, at);
            }
        out->names[out->count++] = name;
        at += bytes;
        if (!*at) return OK;
    }
}

static err make_names(size_t count, name_list *out) {
    char name[SYMBOL_BYTES];
    out->names = calloc(count, sizeof *out->names);
    if (!out->names) return ERR_NO_MEMORY;
    for (size_t i = 0; i < count; i++) {
        random_market_name(i, name);
        out->names[i] = strdup(name);
        if (!out->names[i]) return ERR_NO_MEMORY;
        out->count++;
    }
    return OK;
}

static err source_new(size_t count, source **out) {
    err e = ERR_NO_MEMORY;
    source *s = *out = calloc(1, sizeof *s);
    if (!s) return e;
    s->symbols = calloc(count + 1, sizeof *s->symbols);
    s->holes = calloc(count + 1, sizeof *s->holes);
    if (!s->symbols || !s->holes) return e;
    e = symbol_table_new(&s->names);
    return e == OK ? symbol_table_new(&s->streams) : e;
}

/* The smallest power of ten of which every number is a multiple. */
static int decimals_of(double value, int at_least) {
    double power = pow(10, at_least);
    for (int decimals = at_least; decimals < MAX_DECIMALS; decimals++, power *= 10)
        if (nearbyint(value * power) / power == value) return decimals;
    return MAX_DECIMALS;
}

static void infer_steps(const kline_list *list, symbol_info *info) {
    int price = 0, volume = 0;
    for (size_t i = 0; i < list->count; i++) {
        const kline *bar = &list->bars[i];
        price = decimals_of(bar->open, decimals_of(bar->high, decimals_of(bar->low, decimals_of(bar->close, price))));
        volume = decimals_of(bar->volume, volume);
    }
    info->tick_size = 1 / pow(10, price);
    info->step_size = 1 / pow(10, volume);
}

static err load_symbol(source *s, const char *folder, const char *name, diag *why) {
    char path[4096];
    source_symbol symbol = {.info.is_trading = true};
    err e = kline_file_smallest(folder, name, &symbol.base, path, sizeof path);
    if (e != OK)
        return diag_set(why, e, "%s: no klines of %s; expected a file such as %s-1m.csv.gz", folder, name, name);
    kline_list *list = &s->bars[s->count];
    e = kline_file_read(path, symbol.base, list, why);
    if (e != OK) return e;
    if (list->count == 0) {
        kline_list_free(list);
        return diag_set(why, ERR_NOT_FOUND, "%s: found no bars; expected at least one", path);
    }
    snprintf(symbol.info.name, sizeof symbol.info.name, "%s", name);
    symbol_guess_assets(&symbol.info);
    infer_steps(list, &symbol.info);
    symbol.first_ms = list->bars[0].open_ms;
    symbol.end_ms = interval_next(symbol.base, list->bars[list->count - 1].open_ms);
    e = add_symbol(s, &symbol);
    if (e != OK) {
        kline_list_free(list);
        diag_set(why, e, "%s: %s", path, error_text(e));
    }
    return e;
}

static err add_symbol(source *s, const source_symbol *symbol) {
    uint32_t id;
    symbol_info lower = symbol->info;
    for (char *c = lower.name; *c; c++) *c = (char)tolower((unsigned char)*c);
    err e = symbol_table_add(s->names, &symbol->info, &id);
    if (e == OK) e = symbol_table_add(s->streams, &lower, &id);
    if (e != OK) return e;
    if (id != s->count) return ERR_EXISTS; /* two names that differ in case only */
    s->symbols[s->count] = *symbol;
    memcpy(s->symbols[s->count].stream, lower.name, sizeof lower.name);
    s->count++;
    return OK;
}
