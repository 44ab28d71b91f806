/* `trademind explain`: why a trader fired at a bar, or did not. */
#include "check/explanation.h"

#include "base/time_text.h"
#include "cli/settings.h"
#include "cli/trader_option.h"
#include "cli/verbs.h"
#include "script/script_setup.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_COLUMN = 44 };

typedef struct explain_call {
    settings settings;
    trader_option trader;
    const char *symbol, *data;
    int64_t at_ms;
    bool has_at, as_json;
} explain_call;

static const option OPTIONS[] = {
    TRADER_OPTION,
    {"symbol", "S", "symbol, such as BTCUSDT"},
    {"at", "TIME", "the bar that opens at TIME or holds it"},
    {"data", "DIR", "folder with kline files, SYMBOL-INTERVAL.csv or .csv.gz"},
    {"json", NULL, "one object"},
    SETTINGS_OPTION,
    {0},
};

/* ---- the command line ---- */

static err take(void *context, const option *o, const char *value, diag *why) {
    explain_call *call = context;
    if (!o) return options_refuse_word(value, why);
    if (strcmp(o->name, "trader") == 0) call->trader.name = value;
    if (strcmp(o->name, "symbol") == 0) call->symbol = value;
    if (strcmp(o->name, "data") == 0) call->data = value;
    if (strcmp(o->name, "json") == 0) call->as_json = true;
    if (strcmp(o->name, "set") == 0) return settings_add(&call->settings, value, why);
    if (strcmp(o->name, "input") == 0) return trader_option_input(&call->trader, value, why);
    if (strcmp(o->name, "at") == 0) {
        call->has_at = true;
        if (time_text_parse(value, &call->at_ms) != OK)
            return diag_set(why, ERR_INVALID, "--at is \"%s\"; expected " TIME_TEXT_EXPECTED, value);
    }
    return OK;
}

static err parse(explain_call *call, int argc, char *const *argv, diag *why) {
    err e = options_parse(OPTIONS, argc, argv, take, call, why);
    if (e != OK) return e;
    if (!call->trader.name)
        return diag_set(why, ERR_INVALID, "--trader T is missing: a file, or a name in TRADERS_DIR");
    if (!call->symbol) return diag_set(why, ERR_INVALID, "--symbol S is missing, such as BTCUSDT");
    if (!call->has_at) return diag_set(why, ERR_INVALID, "--at TIME is missing: the bar to explain");
    if (!call->data)
        return diag_set(
            why, ERR_INVALID,
            "--data DIR is missing: this version explains bars of recorded klines, the daemon's own are not "
            "kept");
    return OK;
}

/* ---- for people ---- */

static const char *text_of(const json_t *object, const char *name) {
    const char *text = json_string_value(json_object_get(object, name));
    return text ? text : "";
}

static void number_text(const json_t *value, char out[32]) {
    if (json_is_number(value))
        snprintf(out, 32, "%.10g", json_number_value(value));
    else
        snprintf(out, 32, "NaN");
}

static void show_conditions(const json_t *conditions) {
    if (json_array_size(conditions) > 0) puts("\nconditions");
    for (size_t i = 0; i < json_array_size(conditions); i++) {
        json_t *c = json_array_get(conditions, i), *held = json_object_get(c, "held"), *value;
        const char *name;
        char number[32];
        printf("  %-5s %s\n", json_is_true(held) ? "held" : json_is_false(held) ? "no" : "-", text_of(c, "text"));
        json_object_foreach(json_object_get(c, "values"), name, value) {
            number_text(value, number);
            printf("          %-*s %14s\n", NAME_COLUMN - 8, name, number);
        }
    }
}

/* "28.4 < 30" */
static void comparison_text(const json_t *c, char *out, size_t bytes) {
    static const char *const signs[][2] = {{"lt", "<"},  {"le", "<="}, {"gt", ">"},
                                           {"ge", ">="}, {"eq", "=="}, {"ne", "~="}};
    char left[32], right[32];
    *out = 0;
    number_text(json_object_get(c, "left"), left);
    number_text(json_object_get(c, "right"), right);
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++)
        if (strcmp(text_of(c, "kind"), signs[i][0]) == 0) snprintf(out, bytes, "%s %s %s", left, signs[i][1], right);
}

static void show_comparisons(const json_t *comparisons) {
    if (json_array_size(comparisons) > 0) puts("\ncomparisons, in the order in which the script came to them");
    for (size_t i = 0; i < json_array_size(comparisons); i++) {
        const json_t *c = json_array_get(comparisons, i);
        char numbers[80];
        comparison_text(c, numbers, sizeof numbers);
        printf("  line %-4lld %-*s %-5s %s\n", (long long)json_integer_value(json_object_get(c, "line")), NAME_COLUMN,
               text_of(c, "text"), json_is_true(json_object_get(c, "held")) ? "true" : "false", numbers);
    }
}

static void show_values(const json_t *values) {
    if (json_array_size(values) > 0)
        printf("\n%-*s %14s %14s\n", NAME_COLUMN + 2, "series that the filter read", "value", "before");
    for (size_t i = 0; i < json_array_size(values); i++) {
        const json_t *v = json_array_get(values, i);
        char value[32], before[32];
        number_text(json_object_get(v, "value"), value);
        number_text(json_object_get(v, "before"), before);
        printf("  %-*s %14s %14s\n", NAME_COLUMN, text_of(v, "name"), value, before);
    }
}

static void show(const json_t *answer) {
    char open[TIME_TEXT_BYTES], close[TIME_TEXT_BYTES];
    time_text_format(json_integer_value(json_object_get(answer, "time")), open);
    time_text_format(json_integer_value(json_object_get(answer, "closeTime")), close);
    printf("%s on %s: the %s bar that opened at %s and closed at %s, price %.10g\n", text_of(answer, "trader"),
           text_of(answer, "symbol"), text_of(answer, "interval"), open, close,
           json_number_value(json_object_get(answer, "price")));
    show_conditions(json_object_get(answer, "conditions"));
    show_comparisons(json_object_get(answer, "comparisons"));
    show_values(json_object_get(answer, "values"));
    if (strcmp(text_of(answer, "outcome"), "match") == 0 || strcmp(text_of(answer, "outcome"), "no match") == 0)
        printf("\nfilter: %s", text_of(answer, "outcome"));
    printf("\n%s\n", text_of(answer, "reason"));
}

/* ---- the run ---- */

static err explain(const explain_call *call, const config *cfg, diag *why) {
    trader_source *source = NULL;
    char *json = NULL, *warning = NULL;
    err e = trader_option_read(&call->trader, cfg->traders_dir, &source, why);
    explanation_request request = {.limits = script_limits_from(cfg),
                                   .source = source,
                                   .data = call->data,
                                   .symbol = call->symbol,
                                   .at_ms = call->at_ms};
    if (e == OK) e = explanation_make(&request, &json, &warning, why);
    if (e == OK && warning) fprintf(stderr, "trademind: warning: %s; comparisons are not shown\n", warning);
    if (e == OK && call->as_json) puts(json);
    if (e == OK && !call->as_json) {
        json_t *answer = json_loads(json, 0, NULL);
        show(answer);
        json_decref(answer);
    }
    free(json);
    free(warning);
    trader_source_free(source);
    return e;
}

static int run(int argc, char *const *argv) {
    explain_call call = {0};
    config cfg = {0};
    diag why = {0};
    int code = EXIT_OK;
    err e = parse(&call, argc, argv, &why);
    if (e != OK) return verb_fail(&EXPLAIN_VERB, EXIT_USAGE, &why);
    e = settings_load(&call.settings, &cfg, &why);
    if (e != OK) return verb_fail(&EXPLAIN_VERB, settings_exit_code(e), &why);
    log_init(LOG_ERROR, cfg.log_format); /* not what scripts print at the bars before */
    e = explain(&call, &cfg, &why);
    if (e != OK) code = verb_fail(&EXPLAIN_VERB, EXIT_FAILED, &why);
    config_deinit(&cfg);
    return code;
}

const verb EXPLAIN_VERB = {
    .name = "explain",
    .summary = "why a trader fired at a bar, or did not",
    .usage = "--trader T --symbol S --at TIME --data DIR [options]",
    .details =
        "Walks through the recorded bars as `replay` does, up to the one that opens at TIME or holds it, and "
        "prints each condition with its numbers, the comparisons of the filter, the series that it read, what it "
        "said, and in one sentence why a signal came or did not.\n"
        "TIME is a UTC time: 2026-02-03T14:05, 2026-02-03T14:05:00Z or Unix ms.",
    .options = OPTIONS,
    .run = run,
};
