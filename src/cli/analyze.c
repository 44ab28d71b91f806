/* `trademind analyze`: what a model is asked about a bar. */
#include "check/prompting.h"

#include "base/json_writer.h"
#include "base/time_text.h"
#include "cli/settings.h"
#include "cli/trader_choice.h"
#include "cli/verbs.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct analyze_call {
    settings settings;
    trader_choice trader;
    const char *symbol, *data;
    int64_t at_ms;
    double tick_size;
    bool as_json;
} analyze_call;

static const option OPTIONS[] = {
    TRADER_OPTIONS,
    {"symbol", "S", "symbol, such as BTCUSDT"},
    {"at", "TIME", "the bar that opens at TIME or holds it (default: the newest)"},
    {"data", "DIR", "folder with kline files, SYMBOL-INTERVAL.csv or .csv.gz"},
    {"tick", "SIZE", "smallest step of the price, which kline files do not say"},
    {"json", NULL, "one object"},
    SETTINGS_OPTION,
    {0},
};

static err take(void *context, const option *o, const char *value, diag *why) {
    analyze_call *call = context;
    char *end;
    if (!o) return options_refuse_word(value, why);
    if (strcmp(o->name, "trader") == 0) call->trader.name = value;
    if (strcmp(o->name, "symbol") == 0) call->symbol = value;
    if (strcmp(o->name, "data") == 0) call->data = value;
    if (strcmp(o->name, "json") == 0) call->as_json = true;
    if (strcmp(o->name, "set") == 0) return settings_add(&call->settings, value, why);
    if (strcmp(o->name, "input") == 0) return trader_choice_input(&call->trader, value, why);
    if (strcmp(o->name, "at") == 0 && time_text_parse(value, &call->at_ms) != OK)
        return diag_set(why, ERR_INVALID, "--at is \"%s\"; expected " TIME_TEXT_EXPECTED, value);
    if (strcmp(o->name, "tick") == 0) {
        call->tick_size = strtod(value, &end);
        if (*end || !(call->tick_size > 0) || !isfinite(call->tick_size))
            return diag_set(why, ERR_INVALID, "--tick is \"%s\"; expected a number above 0", value);
    }
    return OK;
}

static err parse(analyze_call *call, int argc, char *const *argv, diag *why) {
    err e = options_parse(OPTIONS, argc, argv, take, call, why);
    if (e != OK) return e;
    if (!call->trader.name)
        return diag_set(why, ERR_INVALID, "--trader T is missing: a file, or a name in TRADERS_DIR");
    if (!call->symbol) return diag_set(why, ERR_INVALID, "--symbol S is missing, such as BTCUSDT");
    if (!call->data)
        return diag_set(why, ERR_INVALID,
                        "--data DIR is missing: this version analyses bars of recorded klines, the daemon's own are "
                        "not kept");
    return OK;
}

static const char *text_of(const json_t *object, const char *name) {
    const char *text = json_string_value(json_object_get(object, name));
    return text ? text : "";
}

static int32_t tokens_of(const json_t *prompt) {
    const char *system = text_of(prompt, "system"), *text = text_of(prompt, "text");
    return script_tokens(system, strlen(system)) + script_tokens(text, strlen(text));
}

static err write_json(const analyze_call *call, const prompting *p, const json_t *prompt) {
    static const char *const sides[] = {NULL, "long", "short"};
    json_writer w;
    json_writer_init(&w);
    json_write_object(&w);
    json_put_text(&w, "trader", p->trader);
    json_put_text(&w, "symbol", call->symbol);
    json_put_text(&w, "interval", interval_name(p->interval));
    json_put_integer(&w, "time", p->open_ms);
    json_put_integer(&w, "closeTime", p->close_ms);
    json_put_number(&w, "price", p->price);
    json_put_bool(&w, "matches", p->result.outcome == SCRIPT_MATCH);
    json_put_text(&w, "side", sides[p->result.side]);
    json_put_integer(&w, "tokens", tokens_of(prompt));
    json_put_raw(&w, "prompt", p->result.prompt);
    json_write_object_end(&w);
    if (json_writer_text(&w)) puts(json_writer_text(&w));
    err e = w.failure;
    json_writer_deinit(&w);
    return e;
}

static void show(const analyze_call *call, const prompting *p, const json_t *prompt) {
    char open[TIME_TEXT_BYTES];
    time_text_format(p->open_ms, open);
    printf("%s on %s, the %s bar of %s: the filter %s there\n\n", p->trader, call->symbol, interval_name(p->interval),
           open, p->result.outcome == SCRIPT_MATCH ? "matches" : "does not match");
    printf("---- system\n%s\n---- text\n%s----\n", text_of(prompt, "system"), text_of(prompt, "text"));
    printf("about %d tokens\n", tokens_of(prompt));
}

static err analyze(const analyze_call *call, const config *cfg, diag *why) {
    trader_source *source = NULL;
    prompting p = {0};
    json_t *prompt = NULL;
    err e = trader_choice_read(&call->trader, cfg->traders_dir, &source, why);
    prompting_request request = {.limits = settings_limits(cfg),
                                 .source = source,
                                 .data = call->data,
                                 .symbol = call->symbol,
                                 .at_ms = call->at_ms,
                                 .tick_size = call->tick_size};
    if (e == OK) e = prompting_make(&request, &p, why);
    if (e == OK && !(prompt = json_loads(p.result.prompt, 0, NULL)))
        e = diag_set(why, ERR_INVALID, "%s: its prompt is no valid UTF-8", source->chunk);
    if (e == OK && call->as_json && write_json(call, &p, prompt) != OK)
        e = diag_set(why, ERR_NO_MEMORY, "out of memory");
    if (e == OK && !call->as_json) show(call, &p, prompt);
    json_decref(prompt);
    prompting_deinit(&p);
    trader_source_free(source);
    return e;
}

static int run(int argc, char *const *argv) {
    analyze_call call = {0};
    config cfg = {0};
    diag why = {0};
    int code = EXIT_OK;
    err e = parse(&call, argc, argv, &why);
    if (e != OK) return verb_fail(&ANALYZE_VERB, EXIT_USAGE, &why);
    e = settings_load(&call.settings, &cfg, &why);
    if (e != OK) return verb_fail(&ANALYZE_VERB, settings_exit_code(e), &why);
    log_init(LOG_ERROR, cfg.log_format); /* not what scripts print at the bars before */
    e = analyze(&call, &cfg, &why);
    if (e != OK) code = verb_fail(&ANALYZE_VERB, EXIT_FAILED, &why);
    config_deinit(&cfg);
    return code;
}

const verb ANALYZE_VERB = {
    .name = "analyze",
    .summary = "what a model is asked about a bar",
    .usage = "--trader T --symbol S [--at TIME] --data DIR [options]",
    .details =
        "Walks through the recorded bars up to the one that opens at TIME or holds it (default: the newest), and "
        "prints the prompt that the trader makes there, whether its filter matches or not, with an estimate of "
        "its tokens.\n"
        "TIME is a UTC time: 2026-02-03T14:05, 2026-02-03T14:05:00Z or Unix ms.",
    .options = OPTIONS,
    .run = run,
};
