/* One buffer, one line, one write.
 *
 * A line is at most PIPE_BUF bytes, so that lines of several threads (or processes) in one pipe never mix. What comes
 * from outside is made harmless on its way into the line: control characters become escapes, malformed UTF-8 becomes
 * U+FFFD, and a sentence that does not fit is cut and ends in "...". */
#include "base/log.h"
#include "base/clock.h"
#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define ERASE_LINE "\033[K" /* to its end */

enum { REPEAT_PERIOD_MS = 60000, MESSAGE_BYTES = 2048, TAIL_BYTES = 16 };

/* The one piece of state that a process-wide log cannot do without. Set before threads start, read by all. */
static _Atomic int least_level = LOG_INFO;
static _Atomic bool is_human, is_coloured;
static _Atomic bool has_standing_line; /* the cursor is at its beginning */

typedef struct level_style {
    const char *name, *label, *colour;
} level_style;

static const level_style STYLES[] = {
    [LOG_DEBUG] = {"debug", "DEBUG", "\033[2m"},
    [LOG_INFO] = {"info", "INFO ", "\033[32m"},
    [LOG_WARN] = {"warn", "WARN ", "\033[33m"},
    [LOG_ERROR] = {"error", "ERROR", "\033[31m"},
};

typedef struct line {
    char text[PIPE_BUF];
    size_t bytes;
    bool is_cut;
} line;

void log_init(log_level level, log_format format) {
    bool on_terminal = isatty(STDERR_FILENO);
    const char *no_color = getenv("NO_COLOR");
    least_level = level;
    is_human = format == LOG_HUMAN || (format == LOG_AUTO && on_terminal);
    is_coloured = on_terminal && !(no_color && *no_color);
}

bool log_enabled(log_level level) { return (int)level >= least_level && level < LOG_OFF; }

/* All of it or nothing; the tail of the line is kept free for what closes it. */
static bool put(line *l, const char *bytes, size_t n) {
    if (l->is_cut || n > sizeof l->text - TAIL_BYTES - l->bytes) {
        l->is_cut = true;
        return false;
    }
    memcpy(l->text + l->bytes, bytes, n);
    l->bytes += n;
    return true;
}

static void put_text(line *l, const char *text) { put(l, text, strlen(text)); }

static void put_tail(line *l, const char *text) {
    size_t n = strlen(text);
    memcpy(l->text + l->bytes, text, n);
    l->bytes += n;
}

/* Length of the well-formed UTF-8 sequence at `p` (terminated text), its code in `code`; 0 when it is malformed. */
static size_t decode_utf8(const char *p, uint32_t *code) {
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    uint8_t lead = (uint8_t)*p;
    size_t n = lead < 0x80 ? 1 : lead >> 5 == 6 ? 2 : lead >> 4 == 14 ? 3 : lead >> 3 == 30 ? 4 : 0;
    if (n == 0) return 0;
    uint32_t sum = n == 1 ? lead : lead & (0x7fu >> n);
    for (size_t i = 1; i < n; i++) {
        if (((uint8_t)p[i] & 0xc0) != 0x80) return 0;
        sum = sum << 6 | ((uint8_t)p[i] & 0x3f);
    }
    if (sum < least[n] || sum > 0x10ffff || (sum >= 0xd800 && sum <= 0xdfff)) return 0;
    *code = sum;
    return n;
}

/* One character of outside text. C1 controls count as controls: U+009B starts a terminal's escape sequence. */
static size_t put_character(line *l, const char *p, bool as_json) {
    char escape[16];
    uint32_t code;
    size_t n = decode_utf8(p, &code);
    if (n == 0) {
        put_text(l, "\xef\xbf\xbd");
        return 1;
    }
    if (as_json && (code == '"' || code == '\\'))
        snprintf(escape, sizeof escape, "\\%c", (char)code);
    else if (code == '\n')
        snprintf(escape, sizeof escape, "\\n");
    else if (code == '\t')
        snprintf(escape, sizeof escape, "\\t");
    else if (code < 0x20 || (code >= 0x7f && code < 0xa0))
        snprintf(escape, sizeof escape, "\\u%04x", (unsigned)code);
    else {
        put(l, p, n);
        return n;
    }
    put_text(l, escape);
    return n;
}

static void put_outside(line *l, const char *text, bool as_json) {
    while (*text && !l->is_cut) text += put_character(l, text, as_json);
}

static void put_time(line *l, char separator, const char *zone) {
    int64_t now_ms = wall_ms();
    time_t seconds = (time_t)(now_ms / 1000);
    struct tm utc;
    char text[64];
    gmtime_r(&seconds, &utc);
    snprintf(text, sizeof text, "%04d-%02d-%02d%c%02d:%02d:%02d.%03d%s", utc.tm_year + 1900, utc.tm_mon + 1,
             utc.tm_mday, separator, utc.tm_hour, utc.tm_min, utc.tm_sec, (int)(now_ms % 1000), zone);
    put_text(l, text);
}

static void format_human(line *l, log_level level, const char *component, const char *message) {
    put_time(l, ' ', " ");
    if (is_coloured) put_text(l, STYLES[level].colour);
    put_text(l, STYLES[level].label);
    if (is_coloured) put_text(l, "\033[0m");
    put_text(l, " ");
    put_outside(l, component, false);
    put_text(l, ": ");
    put_outside(l, message, false);
    put_tail(l, l->is_cut ? "...\n" : "\n");
}

static void format_json(line *l, log_level level, const char *component, const char *message) {
    put_text(l, "{\"time\":\"");
    put_time(l, 'T', "Z");
    put_text(l, "\",\"level\":\"");
    put_text(l, STYLES[level].name);
    put_text(l, "\",\"component\":\"");
    put_outside(l, component, true);
    put_text(l, "\",\"message\":\"");
    put_outside(l, message, true);
    put_tail(l, l->is_cut ? "...\"}\n" : "\"}\n");
}

static void write_line(log_level level, const char *component, const char *message) {
    line l = {.bytes = 0};
    if (atomic_exchange(&has_standing_line, false)) put_text(&l, ERASE_LINE);
    if (is_human)
        format_human(&l, level, component, message);
    else
        format_json(&l, level, component, message);
    /* A log that cannot be written has nobody left to tell; only an interrupted call is made again. */
    while (write(STDERR_FILENO, l.text, l.bytes) < 0 && errno == EINTR) {}
}

void log_standing_line(const char *text) {
    line l = {.bytes = 0};
    put_text(&l, text);
    put_text(&l, ERASE_LINE "\r");
    atomic_store(&has_standing_line, *text != 0);
    while (write(STDERR_FILENO, l.text, l.bytes) < 0 && errno == EINTR) {}
}

/* `suffix` follows the sentence even when that is cut. */
__attribute__((format(printf, 3, 0))) static void write_message(log_level level, const char *component,
                                                                const char *format, va_list args, const char *suffix) {
    char message[MESSAGE_BYTES + 64];
    int kept_errno = errno;
    int n = vsnprintf(message, MESSAGE_BYTES, format, args);
    if (n < 0) n = snprintf(message, MESSAGE_BYTES, "(a sentence that cannot be formatted)");
    size_t bytes = (size_t)n;
    if (bytes >= MESSAGE_BYTES) {
        bytes = MESSAGE_BYTES - 4;
        memcpy(message + bytes, "...", 3);
        bytes += 3;
    }
    snprintf(message + bytes, sizeof message - bytes, "%s", suffix);
    write_line(level, component, message);
    errno = kept_errno;
}

void log_write(log_level level, const char *component, const char *format, ...) {
    if (!log_enabled(level)) return;
    va_list args;
    va_start(args, format);
    write_message(level, component, format, args, "");
    va_end(args);
}

/* True for the one caller that opens a new period. */
static bool is_due(log_repeater *repeater, int64_t now_ms) {
    int64_t next_ms = __atomic_load_n(&repeater->next_ms, __ATOMIC_RELAXED);
    return now_ms >= next_ms && __atomic_compare_exchange_n(&repeater->next_ms, &next_ms, now_ms + REPEAT_PERIOD_MS,
                                                            false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
}

void log_repeat(log_repeater *repeater, log_level level, const char *component, const char *format, ...) {
    __atomic_add_fetch(&repeater->n_total, 1, __ATOMIC_RELAXED);
    __atomic_add_fetch(&repeater->n_silent, 1, __ATOMIC_RELAXED);
    if (!log_enabled(level) || !is_due(repeater, monotonic_ms())) return;
    uint64_t n = __atomic_exchange_n(&repeater->n_silent, 0, __ATOMIC_RELAXED);
    char suffix[48] = "";
    if (n > 1) snprintf(suffix, sizeof suffix, " (%llu times since)", (unsigned long long)n);
    va_list args;
    va_start(args, format);
    write_message(level, component, format, args, suffix);
    va_end(args);
}
