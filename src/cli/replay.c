/* `trademind replay`: recorded klines through the same evaluation, signals to stdout, the count to the log. */
#include "backtest/replay.h"

#include "base/json_writer.h"
#include "binance/venue.h"
#include "cli/settings.h"
#include "cli/verbs.h"
#include "market/history_folder.h"
#include "screener/signal_json.h"
#include "screener/signal_line.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { INPUTS_MAX = 64 };

typedef struct replay_call {
    settings settings;
    replay_options options;
    const char *inputs[INPUTS_MAX];
    char store[HISTORY_PATH_BYTES];
    bool as_json;
} replay_call;

static const option OPTIONS[] = {
    {"data", "DIR",
     "folder with kline files, SYMBOL-INTERVAL.csv or .csv.gz (default: what `fetch` has brought, "
     "DATA_DIR/history/MARKET)"},
    {"from", "T", "first bar to evaluate, by open time; earlier ones are history only (default: the oldest)"},
    {"to", "T", "leave out bars that open at or after T (default: up to the newest)"},
    {"symbols", "A,B", "only these symbols (default: SYMBOLS, else all that have a file)"},
    {"traders", "DIR", "folder of the trader files (default: TRADERS_DIR)"},
    {"workers", "N", "screener workers, 1 to 8 (default: MACHINE_CPUS)"},
    {"input", "T.NAME=VALUE",
     "an input of trader T; may be given several times (T. is left out when there is one trader)"},
    {"json", NULL, "signals as JSON, one object a line"},
    SETTINGS_OPTION,
    {0},
};

static err take_input(replay_call *call, const char *value, diag *why) {
    if (call->options.n_inputs == INPUTS_MAX)
        return diag_set(why, ERR_TOO_BIG, "more than %d times --input", INPUTS_MAX);
    call->inputs[call->options.n_inputs++] = value;
    call->options.inputs = call->inputs;
    return OK;
}

static err take_workers(const char *value, int64_t *out, diag *why) {
    if (strlen(value) == 1 && *value >= '1' && *value <= '0' + MAX_WORKERS) {
        *out = *value - '0';
        return OK;
    }
    return diag_set(why, ERR_INVALID, "--workers is \"%s\"; expected a whole number from 1 to %d", value, MAX_WORKERS);
}

static err take(void *context, const option *o, const char *value, diag *why) {
    replay_call *call = context;
    if (!o) return options_refuse_word(value, why);
    if (strcmp(o->name, "data") == 0) call->options.data = value;
    if (strcmp(o->name, "json") == 0) call->as_json = true;
    if (strcmp(o->name, "input") == 0) return take_input(call, value, why);
    if (strcmp(o->name, "from") == 0) return options_take_time(o, value, &call->options.from_ms, why);
    if (strcmp(o->name, "to") == 0) return options_take_time(o, value, &call->options.to_ms, why);
    if (strcmp(o->name, "workers") == 0) return take_workers(value, &call->options.workers, why);
    if (strcmp(o->name, "symbols") == 0) return settings_set(&call->settings, "SYMBOLS", value, why);
    if (strcmp(o->name, "traders") == 0) return settings_set(&call->settings, "TRADERS_DIR", value, why);
    if (strcmp(o->name, "set") == 0) return settings_add(&call->settings, value, why);
    return OK;
}

static err parse(replay_call *call, int argc, char *const *argv, diag *why) {
    err e = options_parse(OPTIONS, argc, argv, take, call, why);
    const replay_options *o = &call->options;
    if (e == OK && o->to_ms && o->to_ms <= o->from_ms)
        e = diag_set(why, ERR_INVALID, "--to is not after --from; expected a later time");
    return e;
}

/* Every signal is flushed: who reads the pipe sees it at once, and a closed pipe stops the replay. */
static err on_signal(void *context, const signal_row *s) {
    const replay_call *call = context;
    if (!call->as_json) {
        char line[SIGNAL_LINE_BYTES];
        signal_line(s, line);
        return puts(line) < 0 || fflush(stdout) != 0 ? ERR_IO : OK;
    }
    json_writer w;
    json_writer_init(&w);
    signal_write_json(&w, s);
    char *text = NULL;
    size_t bytes;
    err e = json_writer_take(&w, &text, &bytes);
    if (e == OK && (puts(text) < 0 || fflush(stdout) != 0)) e = ERR_IO;
    free(text);
    json_writer_deinit(&w);
    return e;
}

static int replay(replay_call *call, const config *cfg, diag *why) {
    replay_options *o = &call->options;
    o->symbols = (const char *const *)cfg->symbols.items;
    o->n_symbols = cfg->symbols.count;
    o->traders = cfg->traders_dir;
    if (o->workers == 0) o->workers = cfg->machine_cpus;
    o->on_signal = on_signal;
    o->context = call;
    replay_report report = {0};
    err e = replay_run(cfg, o, &report, why);
    log_info("replay",
             "%" PRIu64 " bars, %" PRIu64 " evaluations (%" PRIu64 " warming up), %" PRIu64 " signals, %" PRIu64
             " errors in %.2f s",
             report.n_bars, report.n_evaluations, report.n_warming, report.n_signals, report.n_errors, report.seconds);
    if (e != OK && ferror(stdout)) return EXIT_FAILED; /* said at the end of the program, unless the reader left */
    if (e != OK) {
        log_error("replay", "%s", *why->text ? why->text : error_text(e));
        return EXIT_FAILED;
    }
    return report.n_errors ? EXIT_FAILED : EXIT_OK;
}

/* Without --data: the history store, when there is one. */
static err choose_data(replay_call *call, const config *cfg, diag *why) {
    if (call->options.data) return OK;
    err e = history_folder_of_market(cfg->data_dir, venue_get(cfg->market)->name, call->store, why);
    if (e != OK) return e;
    call->options.data = call->store;
    if (access(call->store, F_OK) == 0) return OK;
    return diag_set(why, ERR_INVALID,
                    "--data DIR is missing: where the klines are (%s is not there; `trademind fetch` would make it)",
                    call->store);
}

static int run(int argc, char *const *argv) {
    replay_call call = {0};
    config cfg = {0};
    diag why = {0};
    int code;
    err e = parse(&call, argc, argv, &why);
    if (e != OK) {
        code = verb_fail(&REPLAY_VERB, EXIT_USAGE, &why);
        goto out;
    }
    e = settings_load(&call.settings, &cfg, &why);
    if (e != OK) {
        code = verb_fail(&REPLAY_VERB, settings_exit_code(e), &why);
        goto out;
    }
    e = choose_data(&call, &cfg, &why);
    if (e != OK) {
        code = verb_fail(&REPLAY_VERB, EXIT_USAGE, &why);
        goto out;
    }
    for (size_t i = 0; i < config_warning_count(&cfg); i++) log_warn("config", "%s", config_warning(&cfg, i));
    code = replay(&call, &cfg, &why);
out:
    config_deinit(&cfg);
    settings_deinit(&call.settings);
    return code;
}

const verb REPLAY_VERB = {
    .name = "replay",
    .summary = "evaluate recorded klines at top speed, then exit",
    .usage = "[--data DIR] [options]",
    .details = "Feeds the files' candles to the same evaluation as `run` and prints every signal. Same bars and same "
               "traders give the same signal ids, with any number of workers. No network, and nothing is stored.\n"
               "T is a UTC time: 2026-02-03, 2026-02-03T14:05:00Z or Unix ms. Exit code 1 when a trader failed.",
    .options = OPTIONS,
    .run = run,
};
