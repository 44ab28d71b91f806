/* `trademind eval`: the value of an expression at every bar of a file.
 *
 * The expression becomes the filter of a trader that is evaluated as any other, so it sees what a filter would see.
 * Nothing waits for a warm-up: values are those of the indicators, from the first bar that has one. */
#include "base/json_writer.h"
#include "base/time_text.h"
#include "cli/settings.h"
#include "cli/verbs.h"
#include "script/ask.h"
#include "script/calls.h"
#include "script/probe.h"
#include "script/script_setup.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct eval_call {
    settings settings;
    const char *data, *expression;
    char folder[512]; /* `data` without the slash that a shell puts behind a folder */
    int32_t interval; /* of m; -1: the file's */
    uint32_t timeframes;
    char references[REFERENCES_MAX][SYMBOL_BYTES];
    int32_t n_references;
    int64_t from_ms, to_ms; /* 0: not given */
    bool as_json;
    bool has_header;
} eval_call;

static const option OPTIONS[] = {
    {"data", "FILE",
     "kline file, .csv or .csv.gz, or a folder of the history store; all its bars are history of the ones shown"},
    {"interval", "I", "interval of m, the file's own or a larger one (default: the file's)"},
    {"timeframes", "1h,4h", "larger intervals, made of the file's bars, for m[\"1h\"] and m[\"4h\"]"},
    {"references", "A,B", "other symbols, for m.ref.A and m.ref.B; their files lie beside FILE"},
    {"from", "T", "first bar shown, by open time (default: the oldest)"},
    {"to", "T", "leave out bars that open at or after T (default: up to the newest)"},
    {"json", NULL, "one object a line: time (open of the bar, ms), value"},
    SETTINGS_OPTION,
    {0},
};

/* ---- the command line ---- */

/* Names stand in the code of the trader, so nothing may end them. */
static err take_references(eval_call *call, const char *value, diag *why) {
    for (const char *at = value;; at++) {
        size_t bytes = strcspn(at, ",");
        if (bytes == 0 || bytes >= SYMBOL_BYTES || strcspn(at, "\"\\\n") < bytes)
            return diag_set(why, ERR_INVALID, "--references is \"%s\"; expected symbols such as BTCUSDT,ETHUSDT",
                            value);
        if (call->n_references == REFERENCES_MAX)
            return diag_set(why, ERR_TOO_BIG, "--references has more than %d symbols", REFERENCES_MAX);
        snprintf(call->references[call->n_references++], SYMBOL_BYTES, "%.*s", (int)bytes, at);
        at += bytes;
        if (!*at) return OK;
    }
}

static void take_data(eval_call *call, const char *value) {
    size_t bytes = strlen(value);
    call->data = value;
    if (bytes < 2 || bytes >= sizeof call->folder || value[bytes - 1] != '/') return;
    while (bytes > 1 && value[bytes - 1] == '/') bytes--;
    snprintf(call->folder, sizeof call->folder, "%.*s", (int)bytes, value);
    call->data = call->folder;
}

static err take(void *context, const option *o, const char *value, diag *why) {
    eval_call *call = context;
    if (!o && call->expression)
        return diag_set(why, ERR_INVALID, "found a second expression, \"%s\"; expected one: quote it", value);
    if (!o) call->expression = value;
    if (!o) return OK;
    if (strcmp(o->name, "data") == 0) take_data(call, value);
    if (strcmp(o->name, "json") == 0) call->as_json = true;
    if (strcmp(o->name, "from") == 0) return options_take_time(o, value, &call->from_ms, why);
    if (strcmp(o->name, "to") == 0) return options_take_time(o, value, &call->to_ms, why);
    if (strcmp(o->name, "interval") == 0) return options_take_interval(o, value, strlen(value), &call->interval, why);
    if (strcmp(o->name, "timeframes") == 0) return options_take_intervals(o, value, &call->timeframes, why);
    if (strcmp(o->name, "references") == 0) return take_references(call, value, why);
    if (strcmp(o->name, "set") == 0) return settings_add(&call->settings, value, why);
    return OK;
}

static err parse(eval_call *call, int argc, char *const *argv, diag *why) {
    err e = options_parse(OPTIONS, argc, argv, take, call, why);
    if (e == OK && !call->data) e = diag_set(why, ERR_INVALID, "--data FILE is missing: where the bars are");
    if (e == OK && !call->expression)
        e = diag_set(why, ERR_INVALID, "the expression is missing, such as 'ta.rsi(m.close, 14)'");
    if (e == OK && call->to_ms && call->to_ms <= call->from_ms)
        e = diag_set(why, ERR_INVALID, "--to is not after --from; expected a later time");
    return e;
}

/* ---- bars ---- */

/* The interval of the file, unless its name and its bars leave it open; then that of m. */
static err find_interval(const eval_call *call, int32_t *file_interval, diag *why) {
    enum interval found;
    err e = kline_file_interval(call->data, &found, why);
    if (e == ERR_SYNTAX && call->interval >= 0) {
        *file_interval = call->interval;
        return OK;
    }
    if (e == OK) *file_interval = (int32_t)found;
    return e;
}

static err read_bars(eval_call *call, probe_bars *bars, diag *why) {
    int32_t file_interval;
    err e = find_interval(call, &file_interval, why);
    if (e != OK) return e;
    if (call->interval < 0) call->interval = file_interval;
    return probe_bars_read(bars, call->data, file_interval, call->timeframes | 1u << call->interval, why);
}

/* Their files lie in the folder of the one file. */
static err read_references(eval_call *call, probe_references *references, diag *why) {
    const char *slash = strrchr(call->data, '/');
    char folder[512], *names[REFERENCES_MAX];
    snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - call->data) : 1, slash ? call->data : ".");
    for (int32_t k = 0; k < call->n_references; k++) names[k] = call->references[k];
    return probe_references_read(references, *folder ? folder : "/", names, call->n_references,
                                 call->timeframes | 1u << call->interval, why);
}

/* BTCUSDT of data/BTCUSDT-1m.csv.gz and of BTCUSDT-1m-2025-01.csv.zst, walk of walk.csv. */
static void name_symbol(const char *path, symbol_info *symbol) {
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    size_t bytes = strcspn(name, ".");
    for (const char *dash = strchr(name, '-'); dash; dash = strchr(dash + 1, '-'))
        if (interval_parse(dash + 1, strcspn(dash + 1, "-.")) >= 0) bytes = (size_t)(dash - name);
    snprintf(symbol->name, sizeof symbol->name, "%.*s", (int)bytes, name);
    symbol->is_trading = true;
    symbol_guess_assets(symbol);
}

/* ---- the trader ---- */

/* return trader {interval = "5m", timeframes = {"1h"}, filter = ...} */
static err make_code(const eval_call *call, const char *filter, char **code, size_t *bytes) {
    FILE *text = open_memstream(code, bytes);
    if (!text) return ERR_NO_MEMORY;
    fprintf(text, "return trader {interval = \"%s\", timeframes = {", interval_name(call->interval));
    for (int32_t i = 0; i < N_INTERVALS; i++)
        if (call->timeframes >> i & 1) fprintf(text, "\"%s\",", interval_name(i));
    fputs("}, references = {", text);
    for (int32_t k = 0; k < call->n_references; k++) fprintf(text, "\"%s\",", call->references[k]);
    fprintf(text, "}, filter = %s}", filter);
    return fclose(text) == 0 ? OK : ERR_NO_MEMORY;
}

static err load(probe *p, const eval_call *call, trader_source **source, diag *why) {
    char *filter = NULL, *code = NULL;
    size_t bytes = 0;
    err e = script_state_ask(p->state, "expression", call->expression, &filter, why);
    if (e == OK && make_code(call, filter, &code, &bytes) != OK) e = diag_set(why, ERR_NO_MEMORY, "out of memory");
    if (e == OK) e = trader_source_new("expression", "expression", code, bytes, NULL, source, why);
    if (e == OK) e = script_state_load(p->state, 0, *source, NULL, why);
    free(filter);
    free(code);
    return e;
}

/* ---- output ---- */

static void show_value(const json_t *value) {
    if (json_is_real(value) || json_is_integer(value)) {
        printf("  %14.10g", json_number_value(value));
    } else if (!value || json_is_null(value)) {
        printf("  %14s", "-");
    } else {
        char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
        printf("  %14s", text ? text : "?");
        free(text);
    }
}

/* A table has a column for each of its fields, in their order. */
static void show_row(eval_call *call, int64_t open_ms, const json_t *value) {
    char time[TIME_TEXT_BYTES];
    const char *key;
    json_t *field;
    if (!call->has_header) {
        call->has_header = true;
        printf("%-20s", "time");
        if (!json_is_object(value)) printf("  %14s", "value");
        json_object_foreach((json_t *)value, key, field) printf("  %14s", key);
        putchar('\n');
    }
    time_text_format(open_ms, time);
    fputs(time, stdout);
    if (json_is_object(value)) {
        json_object_foreach((json_t *)value, key, field) show_value(field);
    } else {
        show_value(value);
    }
    putchar('\n');
}

static err tell(eval_call *call, int64_t open_ms, const char *value) {
    if (call->as_json) {
        printf("{\"time\":%lld,\"value\":%s}\n", (long long)open_ms, value);
    } else {
        json_t *parsed = json_loads(value, JSON_DECODE_ANY, NULL);
        show_row(call, open_ms, parsed);
        json_decref(parsed);
    }
    return ferror(stdout) ? ERR_IO : OK;
}

/* ---- the run ---- */

static err evaluate(probe *p, eval_call *call, probe_market *market, int32_t index, diag *why) {
    script_view view;
    script_result result;
    char *value = NULL, time[TIME_TEXT_BYTES];
    err e;
    probe_market_view(market, call->interval, index, &view);
    view.ignores_warmup = true;
    e = script_state_evaluate(p->state, 0, &view, &result, why);
    script_result_deinit(&result);
    if (e == OK) e = script_state_ask(p->state, "value", NULL, &value, why);
    if (e == OK && value) {
        e = tell(call, view.open_ms, value);
    } else if (e == ERR_SCRIPT && index > 0) {
        diag at_bar = *why;
        time_text_format(view.open_ms, time);
        e = diag_set(why, e, "%s (at the bar of %s)", at_bar.text, time);
    }
    free(value);
    return e;
}

static err run_bars(probe *p, eval_call *call, const probe_bars *bars, const probe_references *references, diag *why) {
    symbol_info symbol = {0};
    probe_market *market = NULL;
    int32_t count;
    err e;
    name_symbol(call->data, &symbol);
    e = probe_market_new(p->registry, &symbol, 0, bars, NULL, &market);
    if (e == OK) e = probe_market_refer(market, p->registry, references, NULL);
    if (e != OK) {
        probe_market_free(market);
        return diag_set(why, e, "%s: %s", call->data, error_text(e));
    }
    count = probe_market_count(market, call->interval);
    if (count == 0)
        e = diag_set(why, ERR_NOT_FOUND, "%s: holds no whole %s bar", call->data, interval_name(call->interval));
    for (int32_t i = 0; i < count && e == OK; i++) {
        int64_t open_ms = probe_market_open_ms(market, call->interval, i);
        if (open_ms < call->from_ms || (call->to_ms && open_ms >= call->to_ms)) continue;
        e = evaluate(p, call, market, i, why);
    }
    probe_market_free(market);
    return e;
}

static int run(int argc, char *const *argv) {
    eval_call call = {.interval = -1};
    config cfg = {0};
    probe p = {0};
    probe_bars bars = {0};
    probe_references references = {.count = 0};
    trader_source *source = NULL;
    diag why = {0};
    err e = parse(&call, argc, argv, &why);
    if (e != OK) return verb_fail(&EVAL_VERB, EXIT_USAGE, &why);
    e = settings_load(&call.settings, &cfg, &why);
    if (e != OK) return verb_fail(&EVAL_VERB, settings_exit_code(e), &why);
    script_limits limits = script_limits_from(&cfg);
    limits.default_interval = 0;
    config_deinit(&cfg);
    e = read_bars(&call, &bars, &why);
    if (e == OK) e = read_references(&call, &references, &why);
    if (e == OK) e = probe_open(&p, &limits, &why);
    if (e == OK) e = load(&p, &call, &source, &why);
    if (e == OK) e = run_bars(&p, &call, &bars, &references, &why);
    probe_close(&p);
    trader_source_free(source);
    probe_bars_free(&bars);
    probe_references_free(&references);
    if (e == OK || ferror(stdout)) return e == OK ? EXIT_OK : EXIT_FAILED;
    return verb_fail(&EVAL_VERB, EXIT_FAILED, &why);
}

const verb EVAL_VERB = {
    .name = "eval",
    .summary = "the value of an expression at every bar of a file",
    .usage = "--data FILE [options] 'EXPR'",
    .details =
        "EXPR is what a filter may write: ta.rsi(m.close, 14), m.close[0] > m.open[0], ta.macd(m.close). A series "
        "shows its newest value, an indicator with several outputs all of them. In JSON a value is a number, true "
        "or false, a text, a list or a table; it is null before the first bar that has one.\n"
        "The file's interval comes from its name, SYMBOL-INTERVAL.csv, else from its first bar. T is a UTC time: "
        "2026-02-03, 2026-02-03T14:05:00Z or Unix ms. Exit code 1 when the expression fails.",
    .options = OPTIONS,
    .run = run,
};
