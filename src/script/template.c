#include "script/template.h"
#include "base/nearest.h"
#include <stdio.h>
#include <string.h>

enum { NAME_BYTES = 32, PLOTS_MAX = 32 /* as in lua/stdlib/plot.lua */ };

#define TEMPLATE_TEXT(id, text) text,
static const char *const NAMES[] = {TEMPLATE_NAMES(TEMPLATE_TEXT) NULL};
#undef TEMPLATE_TEXT

static const struct {
    const char *text;
    template_name name;
} ALIASES[] = {{"ticker", TEMPLATE_SYMBOL},         {"price", TEMPLATE_CLOSE},
               {"trader_name", TEMPLATE_TRADER},    {"signal_id", TEMPLATE_ID},
               {"syminfo.ticker", TEMPLATE_SYMBOL}, {"syminfo.basecurrency", TEMPLATE_BASE},
               {"syminfo.currency", TEMPLATE_QUOTE}};

static template_name find(const char *word) {
    for (int i = 0; i < N_TEMPLATE_NAMES; i++)
        if (strcmp(NAMES[i], word) == 0) return (template_name)i;
    for (size_t i = 0; i < sizeof ALIASES / sizeof *ALIASES; i++)
        if (strcmp(ALIASES[i].text, word) == 0) return ALIASES[i].name;
    return TEMPLATE_PLAIN;
}

static bool is_word(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.';
}

/* N of plot_N; -1: it is none. */
static int32_t plot_index(const char *word) {
    int32_t index = 0;
    if (strncmp(word, "plot_", 5) != 0 || !word[5]) return -1;
    for (const char *at = word + 5; *at; at++) {
        if (*at < '0' || *at > '9' || index >= PLOTS_MAX) return -1;
        index = index * 10 + (*at - '0');
    }
    return index < PLOTS_MAX ? index : -1;
}

static const char *skip_blanks(const char *at, const char *end) {
    while (at < end && (*at == ' ' || *at == '\t')) at++;
    return at;
}

/* ("TITLE"), in either kind of quotes; moves `*at` behind it. */
static bool read_argument(const char **at, const char *end, template_part *part) {
    const char *open = skip_blanks(*at, end), *quote, *close;
    if (open == end || *open != '(') return false;
    quote = skip_blanks(open + 1, end);
    if (quote == end || (*quote != '"' && *quote != '\'')) return false;
    close = memchr(quote + 1, *quote, (size_t)(end - quote - 1));
    if (!close || close == quote + 1) return false;
    part->text = quote + 1;
    part->bytes = (size_t)(close - quote - 1);
    close = skip_blanks(close + 1, end);
    if (close == end || *close != ')') return false;
    *at = close + 1;
    return true;
}

static bool refuse_name(const char *word, diag *why) {
    const char *near = nearest_name(word, NAMES);
    if (near)
        diag_set(why, ERR_NOT_FOUND, "{{%s}} is no name; did you mean {{%s}}?", word, near);
    else
        diag_set(
            why, ERR_NOT_FOUND,
            "{{%s}} is no name; known are symbol, interval, close, time, trader, conditions, plot(\"...\") and the "
            "others of docs/notifications.md",
            word);
    return false;
}

/* What stands between the braces, which are not part of it. */
static bool read_name(const char *at, const char *end, template_part *part, diag *why) {
    char word[NAME_BYTES];
    at = skip_blanks(at, end);
    const char *from = at;
    while (at < end && is_word(*at)) at++;
    snprintf(word, sizeof word, "%.*s", (int)(at - from), from);
    part->index = plot_index(word);
    part->name = part->index >= 0 ? TEMPLATE_PLOT : find(word);
    if (part->name == TEMPLATE_PLAIN && *word) return refuse_name(word, why);
    bool takes = part->index < 0 && (part->name == TEMPLATE_PLOT || part->name == TEMPLATE_VALUE);
    if (takes && !read_argument(&at, end, part)) {
        diag_set(why, ERR_SYNTAX, "{{%s}} needs a title in quotes, such as {{%s(\"RSI\")}}", word, word);
        return false;
    }
    if (*word && skip_blanks(at, end) == end) return true;
    diag_set(why, ERR_SYNTAX, "{{%.*s}} is no name such as {{symbol}} or {{plot(\"RSI\")}}",
             (int)(end - from < 40 ? end - from : 40), from);
    return false;
}

bool template_next(const char **at, const char *end, template_part *part, diag *why) {
    const char *from = *at, *open = memmem(from, (size_t)(end - from), "{{", 2), *close;
    *part = (template_part){.name = TEMPLATE_PLAIN, .text = from, .index = -1};
    diag_set(why, OK, "%s", "");
    if (from == end) return false;
    if (open != from) {
        *at = open ? open : end;
        part->bytes = (size_t)(*at - from);
        return true;
    }
    close = memmem(from + 2, (size_t)(end - from - 2), "}}", 2);
    if (!close) {
        diag_set(why, ERR_SYNTAX, "\"{{\" without \"}}\" behind it");
        return false;
    }
    *part = (template_part){.index = -1};
    *at = close + 2;
    return read_name(from + 2, close, part, why);
}

int32_t template_check(const char *text, size_t bytes, char *why, size_t why_bytes) {
    const char *at = text, *end = text + bytes;
    template_part part;
    diag found = {""};
    if (bytes == 0 || bytes > TEMPLATE_MAX_BYTES)
        diag_set(&found, ERR_TOO_BIG, "it has %zu bytes; expected 1 to %d", bytes, TEMPLATE_MAX_BYTES);
    else if (memchr(text, 0, bytes))
        diag_set(&found, ERR_SYNTAX, "it has a zero byte");
    else
        while (template_next(&at, end, &part, &found)) continue;
    snprintf(why, why_bytes, "%s", found.text);
    return *found.text ? -1 : 0;
}
