/* Recorded klines: a strict CSV reader (plain or gzip; zlib reads both) and the fold of small bars into larger ones.
 *
 * Strict, because a replay is evidence: a shifted column or a bar twice would give signals that nobody can repeat, so
 * the first doubtful line ends the load and is named. */
#include "market/kline_file.h"
#include "market/history_file.h"
#include "market/history_folder.h"
#include "market/interval.h"
#include "market/kline_csv.h"
#include "market/symbol.h"
#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <zlib.h>

/* Nothing: the folder of a series of the history store. */
static const char *const endings[] = {".csv", ".csv.gz", ""};
enum { N_ENDINGS = 3, LINE_BYTES = 1024 };

static err read_lines(gzFile file, kline_csv_place *at, enum interval interval, kline_list *out);
static bool split_name(const char *file_name, size_t *symbol_bytes);
static bool edge_is_whole(const kline_list *bars, enum interval from, enum interval to, int64_t open_ms);

static bool is_folder(const char *path) {
    struct stat status;
    return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

static bool is_part(const char *path) {
    size_t bytes = strlen(path), ending = strlen(history_file_ending);
    return bytes > ending && strcmp(path + bytes - ending, history_file_ending) == 0;
}

/* One file of the history store. */
static err read_part(const char *path, enum interval interval, kline_list *out, diag *why) {
    history_part part;
    err e = history_file_read(path, &part, why);
    if (e != OK) return e;
    if (part.interval != (int32_t)interval)
        e = diag_set(why, ERR_INVALID, "%s: found bars of %s; expected %s", path, interval_name(part.interval),
                     interval_name((int32_t)interval));
    if (e == OK) {
        *out = part.bars;
        part.bars = (kline_list){0};
    }
    history_part_deinit(&part);
    return e;
}

err kline_file_read(const char *path, enum interval interval, kline_list *out, diag *why) {
    kline_csv_place at = {path, 0, why};
    err e = OK;
    *out = (kline_list){0};
    if (is_folder(path)) return history_folder_read(path, (int32_t)interval, out, why);
    if (is_part(path)) return read_part(path, interval, out, why);
    errno = 0;
    gzFile file = gzopen(path, "rb");
    if (!file) return diag_set(why, ERR_IO, "%s: cannot be opened: %s", path, strerror(errno ? errno : ENOMEM));
    e = read_lines(file, &at, interval, out);
    int zlib_code;
    const char *zlib_text = gzerror(file, &zlib_code);
    /* Z_BUF_ERROR is how zlib says that a .gz ends in the middle. */
    if (e == OK && zlib_code != Z_OK && zlib_code != Z_STREAM_END)
        e = diag_set(why, ERR_IO, "%s: %s", path, zlib_code == Z_ERRNO ? strerror(errno) : zlib_text);
    gzclose_r(file);
    if (e != OK) kline_list_free(out);
    return e;
}

static err bad_line(const kline_csv_place *at, const char *found, const char *expected) {
    return kline_csv_refuse(at, found, strlen(found), expected);
}

static bool parse_time(const char *text, size_t bytes, int64_t *ms) {
    if (bytes == 0 || bytes > 18 || strspn(text, "0123456789") != bytes) return false;
    *ms = strtoll(text, NULL, 10);
    return true;
}

/* By open time and close time of the first bar. */
static err interval_of_first_bar(const kline_csv_place *at, char *line, enum interval *interval) {
    int64_t open_ms = 0, close_ms = 0;
    const char *field = line, *comma = strchr(line, ',');
    bool is_known = comma && parse_time(field, (size_t)(comma - field), &open_ms);
    for (int i = 0; i < 6 && comma; i++) {
        field = comma + 1;
        comma = strchr(field, ',');
    }
    if (!is_known || !comma || !parse_time(field, (size_t)(comma - field), &close_ms))
        return bad_line(at, line, "a bar with open_time and close_time");
    for (int i = 0; i < N_INTERVALS; i++)
        if (interval_floor(i, open_ms) == open_ms && interval_next(i, open_ms) == close_ms + 1) {
            *interval = (enum interval)i;
            return OK;
        }
    return bad_line(at, line, "the times of a bar of 1s, 1m, 3m, ... 1M");
}

err kline_file_interval(const char *path, enum interval *interval, diag *why) {
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    kline_csv_place at = {path, 2, why};
    char first[LINE_BYTES] = "", line[LINE_BYTES] = "";
    size_t symbol_bytes;
    if (split_name(name, &symbol_bytes)) {
        name += symbol_bytes + 1;
        *interval = (enum interval)interval_parse(name, strcspn(name, "."));
        return OK;
    }
    if (is_part(path)) {
        int32_t found = 0;
        err e = history_file_interval(path, &found, why);
        *interval = (enum interval)found;
        return e;
    }
    errno = 0;
    gzFile file = gzopen(path, "rb");
    if (!file) return diag_set(why, ERR_IO, "%s: cannot be opened: %s", path, strerror(errno ? errno : ENOMEM));
    bool has_bar = gzgets(file, first, sizeof first) && gzgets(file, line, sizeof line);
    gzclose_r(file);
    if (!has_bar) return diag_set(why, ERR_SYNTAX, "%s: found no bar; expected a line of column names and bars", path);
    line[strcspn(line, "\r\n")] = '\0';
    return interval_of_first_bar(&at, line, interval);
}

/* A file with that ending, or the folder of a series. */
static bool is_there(const char *path, int ending) {
    struct stat status;
    return stat(path, &status) == 0 && S_ISDIR(status.st_mode) == (endings[ending][0] == 0);
}

err kline_file_smallest(const char *folder, const char *symbol, enum interval *interval, char *path,
                        size_t path_bytes) {
    for (int i = 0; i < N_INTERVALS; i++)
        for (int k = 0; k < N_ENDINGS; k++) {
            int bytes = snprintf(path, path_bytes, "%s/%s-%s%s", folder, symbol, interval_name(i), endings[k]);
            if (bytes < 0 || (size_t)bytes >= path_bytes) return ERR_TOO_BIG;
            if (!is_there(path, k)) continue;
            *interval = (enum interval)i;
            return OK;
        }
    return ERR_NOT_FOUND;
}

static int compare_names(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

static size_t drop_repeats(char **names, size_t count) {
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (kept > 0 && strcmp(names[kept - 1], names[i]) == 0)
            free(names[i]);
        else
            names[kept++] = names[i];
    }
    return kept;
}

/* A name without an ending counts when it is that of a folder. */
static bool is_file_or_series(const char *folder, const char *name) {
    char path[HISTORY_PATH_BYTES];
    if (strchr(strrchr(name, '-'), '.')) return true;
    return snprintf(path, sizeof path, "%s/%s", folder, name) < (int)sizeof path && is_folder(path);
}

err kline_file_symbols(const char *folder, char ***names, size_t *count, diag *why) {
    err e = OK;
    char **found = NULL;
    size_t n = 0, capacity = 0, symbol_bytes;
    struct dirent *entry;
    DIR *dir = opendir(folder);
    if (!dir) {
        e = diag_set(why, ERR_IO, "%s: cannot be opened: %s", folder, strerror(errno));
        goto out;
    }
    while ((entry = readdir(dir))) {
        if (!split_name(entry->d_name, &symbol_bytes) || !is_file_or_series(folder, entry->d_name)) continue;
        if (n == capacity) {
            capacity = capacity ? 2 * capacity : 64;
            char **larger = realloc(found, capacity * sizeof *larger);
            if (!larger) goto no_memory;
            found = larger;
        }
        found[n] = strndup(entry->d_name, symbol_bytes);
        if (!found[n]) goto no_memory;
        n++;
    }
    if (n > 0) qsort(found, n, sizeof *found, compare_names);
    *count = drop_repeats(found, n);
    *names = found;
    goto out;
no_memory:
    e = diag_set(why, ERR_NO_MEMORY, "%s: %s", folder, error_text(ERR_NO_MEMORY));
    kline_file_free_symbols(found, n);
out:
    if (dir) closedir(dir);
    return e;
}

void kline_file_free_symbols(char **names, size_t count) {
    if (!names) return;
    for (size_t i = 0; i < count; i++) free(names[i]);
    free(names);
}

/* Below 2^26 doubles lie closer together than the exchange's 8 decimals, and a sum of decimals is put back onto the
 * decimal that it stands for (both numbers are exact integers, so the division rounds once); above, a double survives
 * being printed with 8 decimals as it is. */
static double add_decimal(double a, double b) {
    double sum = a + b;
    return fabs(sum) < 67108864.0 ? nearbyint(sum * 1e8) / 1e8 : sum;
}

void kline_merge(kline *into, const kline *next) {
    if (next->high > into->high) into->high = next->high;
    if (next->low < into->low) into->low = next->low;
    into->close = next->close;
    into->volume = add_decimal(into->volume, next->volume);
    into->quote_volume = add_decimal(into->quote_volume, next->quote_volume);
    into->trades += next->trades;
    into->taker_base = add_decimal(into->taker_base, next->taker_base);
    into->taker_quote = add_decimal(into->taker_quote, next->taker_quote);
}

err kline_resample(const kline_list *from_bars, enum interval from, enum interval to, kline_list *out) {
    *out = (kline_list){0};
    if (!interval_divides(from, to)) return ERR_INVALID;
    for (size_t i = 0; i < from_bars->count;) {
        int64_t open_ms = interval_floor(to, from_bars->bars[i].open_ms), end_ms = interval_next(to, open_ms);
        kline bar = from_bars->bars[i];
        bar.open_ms = open_ms;
        for (i++; i < from_bars->count && from_bars->bars[i].open_ms < end_ms; i++)
            kline_merge(&bar, &from_bars->bars[i]);
        if (!edge_is_whole(from_bars, from, to, open_ms)) continue;
        err e = kline_list_push(out, &bar);
        if (e != OK) {
            kline_list_free(out);
            return e;
        }
    }
    return OK;
}

/* Only the first and the last span can be cut off by the ends of the recording; holes inside are the market's. */
static bool edge_is_whole(const kline_list *bars, enum interval from, enum interval to, int64_t open_ms) {
    int64_t first_ms = bars->bars[0].open_ms, end_ms = interval_next(from, bars->bars[bars->count - 1].open_ms);
    return first_ms <= open_ms && end_ms >= interval_next(to, open_ms);
}

static err read_lines(gzFile file, kline_csv_place *at, enum interval interval, kline_list *out) {
    char line[LINE_BYTES];
    kline bar = {0};
    for (at->line = 1; gzgets(file, line, sizeof line); at->line++) {
        size_t bytes = strlen(line);
        bool has_end = bytes > 0 && line[bytes - 1] == '\n';
        if (!has_end && !gzeof(file)) return bad_line(at, "a line of over 1023 bytes or a zero byte", kline_csv_names);
        if (has_end) line[--bytes] = '\0';
        if (bytes > 0 && line[bytes - 1] == '\r') line[--bytes] = '\0';
        if (at->line == 1) {
            if (strcmp(line, kline_csv_names) != 0) return bad_line(at, line, kline_csv_names);
            continue;
        }
        int64_t previous_ms = bar.open_ms;
        err e = kline_csv_read(at, interval, line, bytes, &bar);
        if (e != OK) return e;
        if (at->line > 2 && bar.open_ms <= previous_ms)
            return bad_line(at, line, "a later open_time than the line before");
        e = kline_list_push(out, &bar);
        if (e != OK) return diag_set(at->why, e, "%s:%zu: %s", at->path, at->line, error_text(e));
    }
    if (at->line == 1) return bad_line(at, "nothing", kline_csv_names);
    return OK;
}

/* "BTCUSDT-1m.csv.gz" -> 7. The interval is after the last '-', so a symbol may contain one. */
static bool split_name(const char *file_name, size_t *symbol_bytes) {
    const char *dash = strrchr(file_name, '-');
    if (!dash || dash == file_name || dash - file_name >= SYMBOL_BYTES) return false;
    size_t interval_bytes = strcspn(dash + 1, ".");
    const char *ending = dash + 1 + interval_bytes;
    *symbol_bytes = (size_t)(dash - file_name);
    if (interval_parse(dash + 1, interval_bytes) < 0) return false;
    for (int i = 0; i < N_ENDINGS; i++)
        if (strcmp(ending, endings[i]) == 0) return true;
    return false;
}
