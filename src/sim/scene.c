/* A line is cut into words; the table of kinds says which further words each may have, so that a mistake is named where
 * it stands. */
#include "sim/scene.h"
#include "abi.h"
#include "base/nearest.h"
#include "market/interval.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_WORDS = 24, FILE_MOST_BYTES = 1 << 20, SHUTDOWN_AFTER_MS = 10000, RETRY_429_S = 1, RETRY_418_S = 3 };

#define DURATION_EXPECTED "a duration such as 90s, 5m or 1h30m"

/* What a kind takes. */
enum {
    CONNECTIONS = 1, /* all (default), random, SYMBOL */
    SYMBOLS = 2,     /* the same, but it must be said */
    BARS = 4,        /* N bars, of INTERVAL */
    SPAN = 8,        /* for DURATION */
    REQUESTS = 16,   /* for N requests, to ENDPOINT */
    AFTER = 32,      /* after DURATION */
    NUMBER = 64,     /* N */
    DURATION = 128,  /* a duration of its own */
    FRAME = 256,     /* the name of a malformed frame */
    STATUS = 512,    /* slow, cut or a status */
    ONE_SYMBOL = 1024,
};

static const struct kind {
    const char *name;
    unsigned takes;
} kinds[N_SCENE_KINDS] = {
    [SCENE_DROP] = {"drop", CONNECTIONS | SPAN},
    [SCENE_SILENCE] = {"silence", CONNECTIONS | SPAN},
    [SCENE_HALF_OPEN] = {"half-open", CONNECTIONS | SPAN},
    [SCENE_SHUTDOWN] = {"shutdown", CONNECTIONS | AFTER},
    [SCENE_LIFETIME] = {"lifetime", DURATION | SPAN},
    [SCENE_CONNECT_LIMIT] = {"connect-limit", NUMBER | SPAN},
    [SCENE_GAP] = {"gap", SYMBOLS | BARS},
    [SCENE_HOLE] = {"hole", SYMBOLS | BARS},
    [SCENE_NO_CLOSE] = {"no-close", SYMBOLS | BARS},
    [SCENE_CORRECT] = {"correct", SYMBOLS | BARS | AFTER},
    [SCENE_DUPLICATE] = {"duplicate", SYMBOLS | SPAN},
    [SCENE_REORDER] = {"reorder", SYMBOLS | SPAN},
    [SCENE_MALFORMED] = {"malformed", CONNECTIONS | FRAME},
    [SCENE_REST] = {"rest", STATUS | SPAN | REQUESTS},
    [SCENE_SKEW] = {"skew", DURATION | SPAN},
    [SCENE_DELIST] = {"delist", SYMBOLS | ONE_SYMBOL},
    [SCENE_LIST] = {"list", SYMBOLS | ONE_SYMBOL},
    [SCENE_CLEAR] = {"clear", 0},
};

const char *const scene_malformed_names[N_SCENE_MALFORMED + 1] = {
    "cut", "garbage",  "empty", "not-utf8",  "binary",      "wrong-types", "no-fields",
    "nan", "negative", "deep",  "oversized", "other-event", NULL};

typedef struct line {
    char bytes[SCENE_TEXT_BYTES];
    char *words[MAX_WORDS];
    size_t count, next;
    unsigned takes;
    bool has_count, has_target;
    diag *why;
} line;

static err read_when(line *l, scene_event *out);
static err read_what(line *l, scene_event *out);
static err read_modifier(line *l, scene_event *out);
static err complete(line *l, scene_event *out);

void scene_free(scene *s) {
    free(s->events);
    *s = (scene){0};
}

static err refuse(line *l, const char *found, const char *expected) {
    return diag_set(l->why, ERR_SYNTAX, "found %s; expected %s", found ? found : "the end of the line", expected);
}

/* The next word, NULL at the end. */
static const char *peek(const line *l) { return l->next < l->count ? l->words[l->next] : NULL; }
static const char *take(line *l) { return l->next < l->count ? l->words[l->next++] : NULL; }

static bool accept(line *l, const char *word) {
    const char *next = peek(l);
    if (!next || strcmp(next, word) != 0) return false;
    l->next++;
    return true;
}

const char *scene_kind_name(scene_kind kind) { return kinds[kind].name; }

static err split(line *l, const char *text) {
    size_t bytes = strcspn(text, "#\r\n");
    while (bytes > 0 && (text[bytes - 1] == ' ' || text[bytes - 1] == '\t')) bytes--;
    while (bytes > 0 && (*text == ' ' || *text == '\t')) text++, bytes--;
    if (bytes >= sizeof l->bytes)
        return diag_set(l->why, ERR_SYNTAX, "found a line of %zu bytes; expected 199 at most", bytes);
    memcpy(l->bytes, text, bytes);
    char *rest, *word = strtok_r(l->bytes, " \t", &rest);
    for (; word; word = strtok_r(NULL, " \t", &rest)) {
        if (l->count == MAX_WORDS) return refuse(l, word, "fewer words");
        l->words[l->count++] = word;
    }
    return OK;
}

static void keep_text(const line *l, scene_event *out) {
    size_t bytes = 0;
    for (size_t i = l->next; i < l->count; i++)
        bytes +=
            (size_t)snprintf(out->text + bytes, sizeof out->text - bytes, "%s%s", i > l->next ? " " : "", l->words[i]);
}

static err parse_line(const char *text, bool needs_when, scene_event *out, bool *is_empty, diag *why) {
    line l = {.why = why};
    *out = (scene_event){.interval = -1, .malformed = -1, .after_ms = -1, .until_ms = INT64_MAX};
    err e = split(&l, text);
    *is_empty = e == OK && l.count == 0;
    if (e != OK || *is_empty) return e;
    const char *first = peek(&l);
    if (needs_when || strcmp(first, "at") == 0 || strcmp(first, "every") == 0) {
        e = needs_when ? read_when(&l, out) : refuse(&l, first, "what happens now, such as drop all");
        if (e != OK) return e;
    }
    keep_text(&l, out);
    e = read_what(&l, out);
    while (e == OK && peek(&l)) e = read_modifier(&l, out);
    return e == OK ? complete(&l, out) : e;
}

err scene_parse_command(const char *text, scene_event *out, diag *why) {
    bool is_empty;
    err e = parse_line(text, false, out, &is_empty, why);
    return e == OK && is_empty ? diag_set(why, ERR_SYNTAX, "found an empty line; expected one such as drop all") : e;
}

static err add(scene *s, const scene_event *event) {
    if (s->count == SCENE_MAX_LINES) return ERR_TOO_BIG;
    if (s->count == s->capacity) {
        size_t capacity = s->capacity ? 2 * s->capacity : 16;
        scene_event *events = realloc(s->events, capacity * sizeof *events);
        if (!events) return ERR_NO_MEMORY;
        s->events = events;
        s->capacity = capacity;
    }
    s->events[s->count++] = *event;
    return OK;
}

static err parse_file(const char *path, const char *text, scene *out, diag *why) {
    int32_t number = 1;
    for (const char *at = text; *at; number++) {
        char one[2 * SCENE_TEXT_BYTES];
        scene_event event;
        bool is_empty;
        size_t bytes = strcspn(at, "\n");
        snprintf(one, sizeof one, "%.*s", (int)bytes, at);
        err e = parse_line(one, true, &event, &is_empty, why);
        event.line = number;
        if (e == OK && !is_empty && (e = add(out, &event)) != OK)
            diag_set(why, e, "%s; expected at most %d lines", error_text(e), SCENE_MAX_LINES);
        if (e != OK) return diag_wrap(why, e, "%s:%d", path, (int)number);
        at += bytes + (at[bytes] == '\n');
    }
    return OK;
}

err scene_read(const char *path, scene *out, diag *why) {
    err e = OK;
    char *text = NULL;
    FILE *file = fopen(path, "rb");
    if (!file) return diag_set(why, ERR_NOT_FOUND, "%s: %s; expected a scene", path, strerror(errno));
    text = malloc(FILE_MOST_BYTES + 1);
    size_t bytes = text ? fread(text, 1, FILE_MOST_BYTES, file) : 0;
    if (!text)
        e = diag_set(why, ERR_NO_MEMORY, "%s: %s", path, error_text(ERR_NO_MEMORY));
    else if (ferror(file))
        e = diag_set(why, ERR_IO, "%s: cannot be read; expected a scene", path);
    else if (bytes == FILE_MOST_BYTES)
        e = diag_set(why, ERR_TOO_BIG, "%s: over 1 MB; expected a scene", path);
    else {
        text[bytes] = '\0';
        e = parse_file(path, text, out, why);
    }
    free(text);
    fclose(file);
    return e;
}

/* ---- numbers ---- */

static bool read_count(const char *word, uint32_t most, uint32_t *out) {
    size_t bytes = word ? strlen(word) : 0;
    if (bytes == 0 || bytes > 9 || strspn(word, "0123456789") != bytes) return false;
    *out = (uint32_t)strtoul(word, NULL, 10);
    return *out >= 1 && *out <= most;
}

/* 90s, 1h30m, 250ms, 0. */
static bool read_duration(const char *word, int64_t *out) {
    static const struct unit {
        const char *name;
        int64_t ms;
    } units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}};
    *out = 0;
    if (!word || !*word) return false;
    if (strcmp(word, "0") == 0) return true;
    while (*word) {
        size_t digits = strspn(word, "0123456789");
        if (digits == 0 || digits > 9) return false;
        int64_t n = strtoll(word, NULL, 10), unit_ms = 0;
        word += digits;
        size_t letters = strcspn(word, "0123456789");
        for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
            if (strlen(units[i].name) == letters && strncmp(units[i].name, word, letters) == 0) unit_ms = units[i].ms;
        if (unit_ms == 0) return false;
        *out += n * unit_ms;
        word += letters;
    }
    return true;
}

static err take_duration(line *l, bool may_be_zero, int64_t *out) {
    const char *word = take(l);
    return read_duration(word, out) && (may_be_zero || *out > 0) ? OK : refuse(l, word, DURATION_EXPECTED);
}

/* ---- when ---- */

static err read_at(line *l, scene_event *out) {
    const char *word = take(l);
    char first[SCENE_TEXT_BYTES] = "";
    const char *dots = word ? strstr(word, "..") : NULL;
    if (dots) snprintf(first, sizeof first, "%.*s", (int)(dots - word), word);
    bool is_good = dots ? read_duration(first, &out->at_ms) && read_duration(dots + 2, &out->at_most_ms)
                        : read_duration(word, &out->at_ms);
    if (!dots) out->at_most_ms = out->at_ms;
    if (is_good && out->at_most_ms >= out->at_ms) return OK;
    return refuse(l, word, "a time after the start such as 90s or 1h30m, or 10m..20m");
}

static err read_every(line *l, scene_event *out) {
    err e = take_duration(l, false, &out->every_ms);
    out->at_ms = out->at_most_ms = out->every_ms;
    if (e == OK && accept(l, "from")) {
        e = take_duration(l, true, &out->at_ms);
        out->at_most_ms = out->at_ms;
    }
    if (e == OK && accept(l, "until")) e = take_duration(l, false, &out->until_ms);
    return e;
}

static err read_when(line *l, scene_event *out) {
    if (accept(l, "at")) return read_at(l, out);
    if (accept(l, "every")) return read_every(l, out);
    return refuse(l, peek(l), "at or every, such as at 10m drop all");
}

/* ---- what ---- */

static err read_status(line *l, scene_event *out) {
    const char *word = take(l);
    uint32_t status;
    if (word && strcmp(word, "slow") == 0) return take_duration(l, false, &out->amount_ms);
    out->is_cut = word && strcmp(word, "cut") == 0;
    out->is_corrupt = word && strcmp(word, "corrupt") == 0;
    if (out->is_cut || out->is_corrupt) return OK;
    bool is_good = read_count(word, 599, &status) &&
                   (status >= 500 || status == 404 || status == 429 || status == 418 || status == 403 || status == 451);
    if (!is_good) return refuse(l, word, "404, 429, 418, 403, 451, 500..599, slow, cut or corrupt");
    out->status = (int32_t)status;
    out->retry_after_s = status == 429 ? RETRY_429_S : status == 418 ? RETRY_418_S : 0;
    return OK;
}

static err read_frame(line *l, scene_event *out) {
    const char *word = take(l);
    for (int32_t i = 0; word && scene_malformed_names[i]; i++)
        if (strcmp(word, scene_malformed_names[i]) == 0) out->malformed = i;
    if (out->malformed >= 0 || (word && strcmp(word, "random") == 0)) return OK;
    return refuse(l, word,
                  "cut, garbage, empty, not-utf8, binary, wrong-types, no-fields, nan, negative, deep, oversized, "
                  "other-event or random");
}

static err read_own_duration(line *l, scene_event *out) {
    char *word = l->next < l->count ? l->words[l->next] : NULL;
    bool is_negative = out->kind == SCENE_SKEW && word && *word == '-';
    if (is_negative) l->words[l->next]++;
    err e = take_duration(l, false, &out->amount_ms);
    if (is_negative) out->amount_ms = -out->amount_ms;
    return e;
}

static err read_what(line *l, scene_event *out) {
    const char *word = take(l);
    int found = -1;
    for (int i = 0; word && i < N_SCENE_KINDS; i++)
        if (strcmp(word, kinds[i].name) == 0) found = i;
    if (found < 0) {
        const char *names[N_SCENE_KINDS + 1] = {NULL};
        for (int i = 0; i < N_SCENE_KINDS; i++) names[i] = kinds[i].name;
        const char *near = word ? nearest_name(word, names) : NULL;
        char expected[128];
        snprintf(expected, sizeof expected, "%s", near ? near : "what happens, such as drop, gap or rest");
        return refuse(l, word, expected);
    }
    out->kind = (scene_kind)found;
    l->takes = kinds[found].takes;
    if (l->takes & STATUS) return read_status(l, out);
    if (l->takes & FRAME) return read_frame(l, out);
    if (l->takes & DURATION) return read_own_duration(l, out);
    if (l->takes & NUMBER)
        return read_count(peek(l), 100000, &out->count) ? (l->next++, OK) : refuse(l, peek(l), "a number 1..100000");
    return OK;
}

/* ---- how, to whom ---- */

static err read_for(line *l, scene_event *out) {
    const char *word = take(l);
    uint32_t count;
    if ((l->takes & REQUESTS) && out->for_requests == 0 && read_count(word, 1000000, &count) &&
        (accept(l, "requests") || accept(l, "request"))) {
        out->for_requests = count;
        return OK;
    }
    return read_duration(word, &out->for_ms) && out->for_ms > 0 ? OK : refuse(l, word, DURATION_EXPECTED);
}

static err read_endpoint(line *l, scene_event *out) {
    static const char *const names[] = {"klines", "exchangeInfo", "ticker", "time", "ping", "dumps", "archives"};
    const char *word = take(l);
    for (size_t i = 0; word && i < sizeof names / sizeof names[0]; i++)
        if (strcmp(word, names[i]) == 0) out->endpoint = names[i];
    return out->endpoint ? OK : refuse(l, word, "klines, exchangeInfo, ticker, time, ping, dumps or archives");
}

static err read_interval(line *l, scene_event *out) {
    const char *word = take(l);
    out->interval = word ? interval_parse(word, strlen(word)) : -1;
    return out->interval >= 0 ? OK : refuse(l, word, "an interval such as 5m");
}

static err read_host(line *l, scene_event *out) {
    uint32_t host;
    const char *word = take(l);
    if (!read_count(word, 16, &host)) return refuse(l, word, "the number of a host, 1..16");
    out->host = (int32_t)host;
    return OK;
}

static err read_retry_after(line *l, scene_event *out) {
    int64_t ms;
    err e = take_duration(l, true, &ms);
    out->retry_after_s = (ms + 999) / 1000;
    return e;
}

/* What may still follow. */
static const char *expected_modifier(const line *l, char out[256]) {
    const struct {
        bool is_open;
        const char *words;
    } parts[] = {{(l->takes & (CONNECTIONS | SYMBOLS)) && !l->has_target, "a symbol or random"},
                 {(l->takes & (CONNECTIONS | SYMBOLS)) && !l->has_target && !(l->takes & ONE_SYMBOL), "all"},
                 {(l->takes & BARS) && !l->has_count, "a number of bars such as 3 bars"},
                 {(l->takes & BARS) != 0, "of"},
                 {(l->takes & SPAN) != 0, "for"},
                 {(l->takes & AFTER) != 0, "after"},
                 {(l->takes & REQUESTS) != 0, "to"},
                 {(l->takes & STATUS) != 0, "retry-after"},
                 {(l->takes & (CONNECTIONS | STATUS)) != 0, "host"},
                 {true, "the end of the line"}};
    size_t bytes = 0;
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        if (parts[i].is_open)
            bytes += (size_t)snprintf(out + bytes, 256 - bytes, "%s%s", bytes > 0 ? ", " : "", parts[i].words);
    return out;
}

static err read_target(line *l, scene_event *out) {
    const char *word = take(l);
    size_t bytes = strlen(word);
    bool is_name = bytes < SYMBOL_BYTES &&
                   ((*word >= 'A' && *word <= 'Z') || (unsigned char)*word >= 0x80 || (*word >= '0' && *word <= '9'));
    char expected[256];
    bool is_number = strspn(word, "0123456789") == bytes;
    bool is_all = strcmp(word, "all") == 0, is_random = strcmp(word, "random") == 0;
    bool takes_it = (l->takes & (CONNECTIONS | SYMBOLS)) && !l->has_target && !(is_all && (l->takes & ONE_SYMBOL));
    if (!takes_it || !(is_name || is_all || is_random) || is_number)
        return refuse(l, word, expected_modifier(l, expected));
    l->has_target = true;
    out->target = is_all ? TARGET_ALL : is_random ? TARGET_RANDOM : TARGET_SYMBOL;
    if (out->target == TARGET_SYMBOL) memcpy(out->symbol, word, bytes + 1);
    return OK;
}

static err read_modifier(line *l, scene_event *out) {
    const char *following = l->next + 1 < l->count ? l->words[l->next + 1] : "";
    bool is_bars = strcmp(following, "bars") == 0 || strcmp(following, "bar") == 0;
    if ((l->takes & BARS) && is_bars && !l->has_count) {
        if (!read_count(peek(l), 100000, &out->count)) return refuse(l, peek(l), "a number of bars 1..100000");
        l->has_count = true;
        l->next += 2;
        return OK;
    }
    if ((l->takes & SPAN) && out->for_ms == 0 && accept(l, "for")) return read_for(l, out);
    if ((l->takes & BARS) && out->interval < 0 && accept(l, "of")) return read_interval(l, out);
    if ((l->takes & AFTER) && out->after_ms < 0 && accept(l, "after")) return take_duration(l, true, &out->after_ms);
    if ((l->takes & REQUESTS) && !out->endpoint && accept(l, "to")) return read_endpoint(l, out);
    if ((l->takes & STATUS) && out->status > 0 && accept(l, "retry-after")) return read_retry_after(l, out);
    if ((l->takes & (CONNECTIONS | STATUS)) && out->host == 0 && accept(l, "host")) return read_host(l, out);
    return read_target(l, out);
}

static err complete(line *l, scene_event *out) {
    if ((l->takes & SYMBOLS) && !l->has_target)
        return refuse(l, NULL, l->takes & ONE_SYMBOL ? "a symbol or random" : "a symbol, random or all");
    if ((l->takes & BARS) && !l->has_count) return refuse(l, NULL, "a number of bars such as 3 bars");
    if (out->kind == SCENE_SHUTDOWN && out->after_ms < 0) out->after_ms = SHUTDOWN_AFTER_MS;
    if (out->after_ms < 0) out->after_ms = 0;
    return OK;
}
