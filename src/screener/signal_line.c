#include "screener/signal_line.h"

#include "base/time_text.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

enum { SYMBOL_COLUMNS = 12, INTERVAL_COLUMNS = 3, PRICE_COLUMNS = 11, NAME_COLUMNS = 26 };

typedef struct line {
    char *out;
    size_t bytes;
    bool is_cut;
} line;

static bool is_continuation(char c) { return ((unsigned char)c & 0xC0) == 0x80; }

/* Control characters, also the C1 ones (C2 80 to C2 9F in UTF-8), would move the cursor or change the terminal. */
static void put(line *l, const char *text) {
    for (; *text; text++) {
        if (l->bytes == SIGNAL_LINE_BYTES - 4) {
            l->is_cut = true;
            return;
        }
        unsigned char c = (unsigned char)*text, next = (unsigned char)text[1];
        bool is_c1 = c == 0xC2 && next >= 0x80 && next < 0xA0;
        l->out[l->bytes++] = c < 0x20 || c == 0x7F || is_c1 ? ' ' : *text;
        text += is_c1;
    }
}

/* Padded by characters, since a name may be in any script. */
static void put_padded(line *l, const char *text, int columns) {
    put(l, text);
    for (; *text; text++) columns -= !is_continuation(*text);
    while (columns-- > 0) put(l, " ");
    put(l, " ");
}

static void put_time(line *l, int64_t ms) {
    char text[TIME_TEXT_BYTES];
    time_text_format(ms, text);
    for (char *at = text; *at; at++) {
        if (*at == 'T' || *at == 'Z') *at = ' ';
    }
    put(l, text);
}

/* As the exchange writes it: up to 8 decimals, no exponent (SHIBUSDT costs 0.000021), no zeros at the end. */
static void put_price(line *l, double price) {
    char text[64];
    bool is_plain = price >= 1e-8 && price < 1e15;
    snprintf(text, sizeof text, is_plain ? "%.8f" : "%.10g", price);
    if (is_plain) {
        char *end = text + strlen(text);
        while (end[-1] == '0') *--end = 0;
        if (end[-1] == '.') end[-1] = 0;
    }
    for (size_t n = strlen(text); n < PRICE_COLUMNS; n++) put(l, " ");
    put(l, text);
    put(l, "  ");
}

/* "a; b" of ["a", "b"]. */
static void put_conditions(line *l, const char *conditions) {
    json_t *list = json_loads(conditions, JSON_ALLOW_NUL, NULL);
    size_t i;
    json_t *item;
    json_array_foreach(list, i, item) {
        if (!json_is_string(item)) continue;
        put(l, i ? "; " : " ");
        put(l, json_string_value(item));
    }
    json_decref(list);
}

static void finish(line *l) {
    while (l->is_cut && l->bytes > 0 && is_continuation(l->out[l->bytes - 1])) l->bytes--; /* half a character */
    if (l->is_cut && l->bytes > 0 && (unsigned char)l->out[l->bytes - 1] >= 0xC0) l->bytes--;
    snprintf(l->out + l->bytes, SIGNAL_LINE_BYTES - l->bytes, "%s", l->is_cut ? "..." : "");
}

void signal_line(const signal_row *s, char out[SIGNAL_LINE_BYTES]) {
    line l = {.out = out};
    const char *interval = interval_name(s->interval);
    put_time(&l, s->open_ms);
    put_padded(&l, s->symbol, SYMBOL_COLUMNS);
    put_padded(&l, interval ? interval : "?", INTERVAL_COLUMNS);
    put_price(&l, s->price);
    put_padded(&l, *s->trader_name ? s->trader_name : s->trader, NAME_COLUMNS);
    put_conditions(&l, s->conditions);
    if (s->state != SIGNAL_CONFIRMED) {
        put(&l, "  [");
        put(&l, signal_state_name(s->state));
        put(&l, "]");
    }
    if (s->late) put(&l, "  [late]");
    finish(&l);
}
