#include "notify/message.h"
#include "base/json_writer.h"
#include "base/time_text.h"
#include "screener/signal_json.h"
#include "script/template.h"
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NUMBER_BYTES = 64, TITLE_BYTES = 80, MESSAGE_MAX_BYTES = 64 * 1024 };

static const char UNKNOWN[] = "n/a";

/* The text as it grows; beyond MESSAGE_MAX_BYTES nothing is added. */
typedef struct words {
    char *text;
    size_t bytes, capacity;
    bool is_json, has_failed;
    const notice *notice;
    const message_context *context;
} words;

static void put_bytes(words *w, const char *text, size_t bytes) {
    if (w->bytes + bytes > MESSAGE_MAX_BYTES || w->has_failed) return;
    if (w->bytes + bytes + 1 > w->capacity) {
        size_t capacity = 2 * (w->bytes + bytes) + 256;
        char *longer = realloc(w->text, capacity);
        w->has_failed = !longer;
        if (!longer) return;
        w->text = longer;
        w->capacity = capacity;
    }
    if (bytes) memcpy(w->text + w->bytes, text, bytes);
    w->bytes += bytes;
    w->text[w->bytes] = 0;
}

static void put_plain(words *w, const char *text) { put_bytes(w, text, strlen(text)); }

/* A value, not a part of the template. */
static void put(words *w, const char *text) {
    json_writer escaped;
    if (!w->is_json) {
        put_plain(w, text);
        return;
    }
    json_writer_init(&escaped);
    json_write_text(&escaped, text);
    if (json_writer_text(&escaped))
        put_bytes(w, escaped.text + 1, escaped.bytes - 2); /* without its quotes */
    else
        w->has_failed = true;
    json_writer_deinit(&escaped);
}

static void put_number(words *w, double value) {
    char text[NUMBER_BYTES];
    double size = fabs(value);
    bool is_plain = size == 0 || (size >= 1e-8 && size < 1e15);
    if (!isfinite(value)) {
        put(w, UNKNOWN);
        return;
    }
    snprintf(text, sizeof text, is_plain ? "%.8f" : "%.10g", value);
    if (is_plain) {
        char *end = text + strlen(text);
        while (end[-1] == '0') *--end = 0;
        if (end[-1] == '.') end[-1] = 0;
    }
    put(w, strcmp(text, "-0") == 0 ? "0" : text);
}

static void put_time(words *w, int64_t ms) {
    char text[TIME_TEXT_BYTES];
    time_text_format(ms, text);
    put(w, text);
}

/* The texts of a JSON list, one after the other. */
static void put_list(words *w, const char *json, const char *between) {
    json_t *list = json_loads(json ? json : "[]", JSON_ALLOW_NUL, NULL);
    size_t i;
    json_t *item;
    json_array_foreach(list, i, item) {
        if (i) put(w, between);
        if (json_is_string(item)) put(w, json_string_value(item));
    }
    json_decref(list);
}

static void put_targets(words *w, const signal_row *s) {
    for (int32_t i = 0; i < s->n_targets; i++) {
        if (i) put(w, ", ");
        put_number(w, s->target[i]);
    }
    if (s->n_targets == 0) put(w, UNKNOWN);
}

static void put_json_value(words *w, const json_t *value) {
    if (json_is_number(value))
        put_number(w, json_number_value(value));
    else if (json_is_string(value))
        put(w, json_string_value(value));
    else if (json_is_boolean(value))
        put(w, json_is_true(value) ? "true" : "false");
    else
        put(w, UNKNOWN);
}

static const json_t *plot_value(const json_t *plot) {
    const json_t *value = json_object_get(plot, "value");
    return value ? value : json_object_get(plot, "level");
}

/* By its title; of a band by "TITLE.upper" and "TITLE.lower". NULL: there is none. */
static const json_t *find_plot(const json_t *plots, const char *wanted) {
    size_t i;
    json_t *plot;
    json_array_foreach((json_t *)plots, i, plot) {
        const char *title = json_string_value(json_object_get(plot, "title"));
        size_t bytes = title ? strlen(title) : 0;
        if (!title || strncmp(wanted, title, bytes) != 0) continue;
        if (!wanted[bytes]) return plot_value(plot);
        if (strcmp(wanted + bytes, ".upper") == 0 || strcmp(wanted + bytes, ".lower") == 0)
            return json_object_get(plot, wanted + bytes + 1);
    }
    return NULL;
}

static void put_plot(words *w, const template_part *part) {
    const char *text = w->notice->signal.plots;
    json_t *plots = json_loads(text ? text : "[]", 0, NULL);
    char title[TITLE_BYTES];
    snprintf(title, sizeof title, "%.*s", (int)part->bytes, part->text ? part->text : "");
    put_json_value(w,
                   part->index >= 0 ? plot_value(json_array_get(plots, (size_t)part->index)) : find_plot(plots, title));
    json_decref(plots);
}

static void put_value(words *w, const template_part *part) {
    const char *text = w->notice->signal.values;
    json_t *values = json_loads(text ? text : "{}", 0, NULL);
    put_json_value(w, json_object_getn(values, part->text, part->bytes));
    json_decref(values);
}

static void put_or_unknown(words *w, const char *text) { put(w, text && *text ? text : UNKNOWN); }

/* "BTCUSDT 5m long at 43210.5: RSI rebound (provisional, late)", or what has become of it. */
static void put_headline(words *w) {
    const notice *n = w->notice;
    const signal_row *s = &n->signal;
    const char *side = signal_side_name(s->side);
    put(w, s->symbol);
    put(w, " ");
    put(w, interval_name(s->interval));
    if (n->event == NOTICE_ANALYSIS) {
        put(w, ": ");
        put_or_unknown(w, n->analysis.decision);
        put(w, ", ");
        put_number(w, n->analysis.confidence);
        put(w, " %");
    } else {
        if (side) put(w, " ");
        if (side) put(w, side);
        put(w, " at ");
        put_number(w, s->price);
    }
    put(w, n->event == NOTICE_ANALYSIS ? " (" : ": ");
    put(w, *s->trader_name ? s->trader_name : s->trader);
    if (n->event == NOTICE_ANALYSIS) put(w, ")");
    if (n->event == NOTICE_PROVISIONAL || n->event == NOTICE_CONFIRMED || n->event == NOTICE_WITHDRAWN) {
        put(w, " (");
        put(w, notice_event_name(n->event));
        put(w, s->late ? ", late)" : ")");
    } else if (s->late && n->event == NOTICE_SIGNAL) {
        put(w, " (late)");
    }
}

static void put_of_symbol(words *w, template_name name) {
    const signal_row *s = &w->notice->signal;
    const message_context *c = w->context;
    switch (name) {
    case TEMPLATE_SYMBOL: put(w, s->symbol); break;
    case TEMPLATE_BASE: put_or_unknown(w, c->base); break;
    case TEMPLATE_QUOTE: put_or_unknown(w, c->quote); break;
    case TEMPLATE_EXCHANGE: put(w, "BINANCE"); break;
    case TEMPLATE_MARKET: put(w, c->market); break;
    case TEMPLATE_INTERVAL: put(w, interval_name(s->interval)); break;
    case TEMPLATE_TIME: put_time(w, s->open_ms); break;
    case TEMPLATE_CLOSE_TIME: put_time(w, s->close_ms); break;
    case TEMPLATE_TIMENOW: put_time(w, c->now_ms); break;
    case TEMPLATE_OPEN: put_number(w, w->notice->bar.open); break;
    case TEMPLATE_HIGH: put_number(w, w->notice->bar.high); break;
    case TEMPLATE_LOW: put_number(w, w->notice->bar.low); break;
    case TEMPLATE_CLOSE: put_number(w, s->price); break;
    case TEMPLATE_VOLUME: put_number(w, s->volume); break;
    default: put_number(w, s->change_pct); break; /* TEMPLATE_CHANGE */
    }
}

static void put_of_signal(words *w, const template_part *part) {
    const signal_row *s = &w->notice->signal;
    const analysis_row *a = &w->notice->analysis;
    switch (part->name) {
    case TEMPLATE_TRADER: put(w, *s->trader_name ? s->trader_name : s->trader); break;
    case TEMPLATE_TRADER_ID: put(w, s->trader); break;
    case TEMPLATE_CONDITIONS: put_list(w, s->conditions, "; "); break;
    case TEMPLATE_SIDE: put_or_unknown(w, signal_side_name(s->side)); break;
    case TEMPLATE_SCORE: put_number(w, s->score); break;
    case TEMPLATE_STOP: put_number(w, s->stop); break;
    case TEMPLATE_TARGET: put_targets(w, s); break;
    case TEMPLATE_TAGS: put_list(w, s->tags, ", "); break;
    case TEMPLATE_STATE: put(w, signal_state_name(s->state)); break;
    case TEMPLATE_LATE: put(w, s->late ? "late" : ""); break;
    case TEMPLATE_ID: put(w, s->id); break;
    case TEMPLATE_EVENT: put(w, notice_event_name(w->notice->event)); break;
    case TEMPLATE_HEADLINE: put_headline(w); break;
    case TEMPLATE_DECISION: put_or_unknown(w, a->decision); break;
    case TEMPLATE_CONFIDENCE: put_number(w, w->notice->event == NOTICE_ANALYSIS ? a->confidence : NAN); break;
    case TEMPLATE_REASONING: put_or_unknown(w, a->reasoning); break;
    case TEMPLATE_PLOT: put_plot(w, part); break;
    case TEMPLATE_VALUE: put_value(w, part); break;
    default: put_of_symbol(w, part->name); break;
    }
}

const char *message_default(notice_event event) {
    return event == NOTICE_ANALYSIS    ? "{{headline}}\n{{reasoning}}"
           : event == NOTICE_WITHDRAWN ? "{{headline}}"
                                       : "{{headline}}\n{{conditions}}";
}

err message_write(const char *template, const notice *n, const message_context *context, char **text) {
    words w = {.notice = n, .context = context};
    const char *at = template, *end = template + strlen(template), *first = template + strspn(template, " \t\r\n");
    template_part part;
    diag why = {""};
    *text = NULL;
    w.is_json = *first == '{' ? strncmp(first, "{{", 2) != 0 : *first == '[';
    put_bytes(&w, "", 0);
    while (template_next(&at, end, &part, &why)) {
        if (part.name == TEMPLATE_PLAIN)
            put_bytes(&w, part.text, part.bytes);
        else
            put_of_signal(&w, &part);
    }
    if (*why.text || w.has_failed) {
        free(w.text);
        return *why.text ? ERR_INVALID : ERR_NO_MEMORY;
    }
    while (w.bytes && strchr(" \t\r\n", w.text[w.bytes - 1])) w.text[--w.bytes] = 0;
    *text = w.text;
    return OK;
}
