/* `trademind analyze`: what a model is asked about a bar, and, with a key, what it answers. */
#include "analyzer/analyzer_setup.h"
#include "check/prompting.h"

#include "base/json_writer.h"
#include "base/time_text.h"
#include "cli/settings.h"
#include "cli/trader_option.h"
#include "cli/verbs.h"
#include "script/script_setup.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct analyze_call {
    settings settings;
    trader_option trader;
    const char *symbol, *data;
    int64_t at_ms;
    double tick_size;
    bool as_json, is_prompt_only;
} analyze_call;

static const option OPTIONS[] = {
    TRADER_OPTION,
    {"symbol", "S", "symbol, such as BTCUSDT"},
    {"at", "TIME", "the bar that opens at TIME or holds it (default: the newest)"},
    {"data", "DIR", "folder with kline files, SYMBOL-INTERVAL.csv or .csv.gz"},
    {"tick", "SIZE", "smallest step of the price, which kline files do not say"},
    {"prompt", NULL, "only the prompt: no model is asked"},
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
    if (strcmp(o->name, "prompt") == 0) call->is_prompt_only = true;
    if (strcmp(o->name, "set") == 0) return settings_add(&call->settings, value, why);
    if (strcmp(o->name, "input") == 0) return trader_option_input(&call->trader, value, why);
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

/* ---- asked ---- */

/* One analysis, from its prompt to its end. */
typedef struct asking {
    uv_loop_t loop;
    market_clock clock;
    analyzer_config how;
    analyzer *analyzer;
    analysis_row row; /* how it has ended */
    bool has_ended;
} asking;

static void on_row(void *context, const analysis_row *row) {
    asking *a = context;
    if (row->status == ANALYSIS_QUEUED || a->has_ended) return;
    a->has_ended = analysis_row_copy(row, &a->row) == OK;
    uv_stop(&a->loop);
}

static err make_row(const analyze_call *call, const prompting *p, analysis_row *out) {
    *out = (analysis_row){.interval = p->interval, .open_ms = p->open_ms, .close_ms = p->close_ms};
    snprintf(out->symbol, sizeof out->symbol, "%s", call->symbol);
    snprintf(out->id, sizeof out->id, "analyze");
    snprintf(out->signal_id, sizeof out->signal_id, "analyze");
    out->prompt = strdup(p->result.prompt);
    return out->prompt ? OK : ERR_NO_MEMORY;
}

/* The bar may be old and the budget is the day's of the daemon: here it is the caller who wants it now. */
static err ask(asking *a, const analyze_call *call, const prompting *p, diag *why) {
    analysis_row row = {0};
    err e = uv_loop_init(&a->loop) == 0 ? OK : diag_set(why, ERR_IO, "no event loop");
    if (e != OK) return e;
    market_clock_init(&a->clock);
    market_clock_observe(&a->clock, wall_ms(), monotonic_ms());
    a->how.loop = &a->loop;
    a->how.clock = &a->clock;
    a->how.limits.max_age_ms = INT64_MAX / 2;
    a->how.limits.is_impatient = true;
    a->how.looks_max = 0;
    a->how.seed = (uint64_t)monotonic_ns();
    a->how.on_row = on_row;
    a->how.context = a;
    e = analyzer_new(&a->how, &a->analyzer, why);
    if (e == OK && make_row(call, p, &row) != OK) e = diag_set(why, ERR_NO_MEMORY, "out of memory");
    if (e == OK && analyzer_add(a->analyzer, &row) != OK) e = diag_set(why, ERR_INVALID, "the prompt cannot be sent");
    if (e == OK && !a->has_ended) uv_run(&a->loop, UV_RUN_DEFAULT);
    if (e == OK && !a->has_ended) e = diag_set(why, ERR_NO_MEMORY, "out of memory");
    analysis_row_deinit(&row);
    analyzer_close(a->analyzer, NULL, NULL);
    uv_run(&a->loop, UV_RUN_DEFAULT);
    uv_loop_close(&a->loop);
    return e;
}

/* ---- shown ---- */

typedef struct estimate {
    int32_t tokens;
    double usd; /* at the most; NaN: no price is known */
    const char *model;
} estimate;

static estimate estimate_of(const config *cfg, const analyzer_config *how, const json_t *prompt) {
    const char *system = text_of(prompt, "system"), *text = text_of(prompt, "text"), *own = text_of(prompt, "model");
    estimate e = {.tokens = script_tokens(system, strlen(system)) + script_tokens(text, strlen(text)), .usd = NAN};
    model_price price;
    e.model = *own ? own : how->limits.n_providers ? how->providers[0].model : cfg->gemini_model;
    if (model_price_find(e.model, how->manner.prices, how->manner.n_prices, wall_ms(), &price))
        e.usd = model_price_of(&price, e.tokens, 0, how->manner.max_output_tokens);
    return e;
}

static err write_json(const analyze_call *call, const prompting *p, const estimate *cost, const analysis_row *row) {
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
    json_put_integer(&w, "tokens", cost->tokens);
    json_put_text(&w, "model", cost->model);
    json_put_number(&w, "mostUsd", cost->usd);
    json_put_raw(&w, "prompt", p->result.prompt);
    json_write_key(&w, "analysis");
    if (row)
        analysis_write_json(&w, row);
    else
        json_write_null(&w);
    json_put_text(&w, "raw", row ? row->raw : NULL);
    json_write_object_end(&w);
    if (json_writer_text(&w)) puts(json_writer_text(&w));
    err e = w.failure;
    json_writer_deinit(&w);
    return e;
}

static void show(const analyze_call *call, const prompting *p, const json_t *prompt, const estimate *cost) {
    char open[TIME_TEXT_BYTES];
    time_text_format(p->open_ms, open);
    printf("%s on %s, the %s bar of %s: the filter %s there\n\n", p->trader, call->symbol, interval_name(p->interval),
           open, p->result.outcome == SCRIPT_MATCH ? "matches" : "does not match");
    printf("---- system\n%s\n---- text\n%s----\n", text_of(prompt, "system"), text_of(prompt, "text"));
    printf("about %d tokens for %s", cost->tokens, cost->model);
    if (!isnan(cost->usd)) printf("; at most $%.4f with the answer", cost->usd);
    putchar('\n');
}

static void show_answer(const analysis_row *row) {
    if (row->status != ANALYSIS_DONE) {
        printf("\n%s: %s\n", analysis_status_name(row->status), row->error ? row->error : "");
        return;
    }
    printf("\n%s%s%s, confidence %.0f\n%s\nlevels %s\nplan %s\ncorrected %s\n", row->decision, *row->side ? " " : "",
           row->side, row->confidence, row->reasoning, row->key_levels, row->trade_plan, row->notes);
    printf("%s, %lld tokens in, %lld out, $%.6f, %lld ms\n", row->model, (long long)row->tokens_in,
           (long long)row->tokens_out, row->cost_usd, (long long)row->latency_ms);
}

/* ---- the run ---- */

static err answer(const analyze_call *call, const config *cfg, const prompting *p, const json_t *prompt, bool *is_done,
                  diag *why) {
    asking a = {.how = {.looks_max = 0}};
    bool asks = analyzer_setup_is_on(cfg) && !call->is_prompt_only;
    estimate cost;
    err e = analyzer_setup(cfg, &a.how, why);
    if (e != OK) return e;
    cost = estimate_of(cfg, &a.how, prompt);
    if (!call->as_json) show(call, p, prompt, &cost);
    if (asks) e = ask(&a, call, p, why);
    if (e == OK && call->as_json && write_json(call, p, &cost, asks ? &a.row : NULL) != OK)
        e = diag_set(why, ERR_NO_MEMORY, "out of memory");
    if (e == OK && !call->as_json && asks) show_answer(&a.row);
    *is_done = !asks || a.row.status == ANALYSIS_DONE;
    analysis_row_deinit(&a.row);
    return e;
}

static err analyze(const analyze_call *call, const config *cfg, bool *is_done, diag *why) {
    trader_source *source = NULL;
    prompting p = {0};
    json_t *prompt = NULL;
    err e = trader_option_read(&call->trader, cfg->traders_dir, &source, why);
    prompting_request request = {.limits = script_limits_from(cfg),
                                 .source = source,
                                 .data = call->data,
                                 .symbol = call->symbol,
                                 .at_ms = call->at_ms,
                                 .tick_size = call->tick_size};
    if (e == OK) e = prompting_make(&request, &p, why);
    if (e == OK && !(prompt = json_loads(p.result.prompt, 0, NULL)))
        e = diag_set(why, ERR_INVALID, "%s: its prompt is no valid UTF-8", source->chunk);
    if (e == OK) e = answer(call, cfg, &p, prompt, is_done, why);
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
    bool is_done = false;
    err e = parse(&call, argc, argv, &why);
    if (e != OK) return verb_fail(&ANALYZE_VERB, EXIT_USAGE, &why);
    e = settings_load(&call.settings, &cfg, &why);
    if (e != OK) return verb_fail(&ANALYZE_VERB, settings_exit_code(e), &why);
    log_init(LOG_ERROR, cfg.log_format); /* not what scripts print at the bars before */
    e = analyze(&call, &cfg, &is_done, &why);
    if (e == OK && !is_done) code = EXIT_FAILED;
    if (e != OK) code = verb_fail(&ANALYZE_VERB, EXIT_FAILED, &why);
    config_deinit(&cfg);
    return code;
}

const verb ANALYZE_VERB = {
    .name = "analyze",
    .summary = "what a model is asked about a bar, and answers",
    .usage = "--trader T --symbol S [--at TIME] --data DIR [options]",
    .details =
        "Walks through the recorded bars up to the one that opens at TIME or holds it (default: the newest), and "
        "prints the prompt that the trader makes there, whether its filter matches or not, with an estimate of "
        "its tokens.\n"
        "TIME is a UTC time: 2026-02-03T14:05, 2026-02-03T14:05:00Z or Unix ms.",
    .options = OPTIONS,
    .run = run,
};
