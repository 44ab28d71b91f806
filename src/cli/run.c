/* `trademind run`: the daemon. Signals go to stdout, one line each; everything else is a line of the log on stderr. */
#include "cli/settings.h"
#include "cli/verbs.h"
#include "orchestrator.h"

#include <string.h>

static const option OPTIONS[] = {
    SETTINGS_OPTION,
    {"json", NULL, "signals and log as JSON, one object a line (LOG_FORMAT=json)"},
    {0},
};

static err take(void *context, const option *o, const char *value, diag *why) {
    if (!o) return options_refuse_word(value, why);
    if (strcmp(o->name, "json") == 0) return settings_add(context, "LOG_FORMAT=json", why);
    return settings_add(context, value, why);
}

static int run(int argc, char *const *argv) {
    settings given = {0};
    config cfg = {0};
    diag why = {0};
    err e = options_parse(OPTIONS, argc, argv, take, &given, &why);
    if (e != OK) return verb_fail(&RUN_VERB, EXIT_USAGE, &why);
    e = settings_load(&given, &cfg, &why);
    if (e != OK) return verb_fail(&RUN_VERB, settings_exit_code(e), &why);
    config_log(&cfg);
    int code = orchestrator_run(&cfg, &why);
    if (code != EXIT_OK && *why.text) log_error("run", "%s", why.text);
    config_deinit(&cfg);
    return code;
}

const verb RUN_VERB = {
    .name = "run",
    .summary = "watch the market: the daemon, until it is told to stop",
    .usage = "[options]",
    .details = "Streams candles, evaluates all traders at every close, keeps signals in SQLite under DATA_DIR, and "
               "serves the HTTP interface and the browser channel on HOST and PORT.\n"
               "Signals go to stdout, one line each, once they are committed: time (open of the bar, UTC), symbol, "
               "interval, price, trader, conditions; with --json or LOG_FORMAT=json one JSON object each. The log "
               "goes to stderr and starts with every setting and where it came from.\n"
               "SIGINT and SIGTERM stop it in order, with everything committed. Exit code 0 after such a stop.",
    .options = OPTIONS,
    .run = run,
};
