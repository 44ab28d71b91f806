/* `trademind data`: what DATA_DIR holds of the market, one word behind the verb for each thing to be done with it. */
#include "cli/data.h"
#include "base/time_text.h"
#include "cli/verbs.h"
#include "market/interval.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct data_action {
    const char *name;
    int (*run)(const data_call *call, const config *cfg);
} data_action;

static const option OPTIONS[] = {
    {"symbols", "A,B", "only these symbols"},
    {"intervals", "1m,1h", "only these intervals"},
    {"market", "M", "only spot, or only usdm"},
    {"from", "T", "export: leave out bars that open before T"},
    {"to", "T", "export: leave out bars that open at or after T"},
    {"format", "F", "export: csv (default) or jsonl"},
    {"out", "DIR", "export: into files SYMBOL-INTERVAL.csv or .jsonl of that folder, instead of stdout"},
    {"data-dir", "DIR", "where the store is, in DIR/history (default: DATA_DIR)"},
    {"snapshot", NULL, "list: the bars and indicator states that the next start of the daemon will take up"},
    {"json", NULL,
     "one object a line. list: market, symbol, interval, files, bytes, bars, first, last, holes, missing, damaged; "
     "verify: a finding has file, row, found, expected, and a series files, bars, holes, findings; list --snapshot: "
     "symbol, interval, bars, first, last, knownTo, hash, indicators"},
    SETTINGS_OPTION,
    {0},
};

static int list(const data_call *call, const config *cfg) {
    return call->of_snapshot ? data_list_snapshot(call, cfg) : data_list(call, cfg);
}

static const data_action ACTIONS[] = {{"list", list}, {"verify", data_verify}, {"export", data_export}, {0}};

/* ---- the command line ---- */

static err take_format(data_call *call, const char *value, diag *why) {
    call->format = strcmp(value, "jsonl") == 0 ? DATA_JSONL : DATA_CSV;
    if (call->format == DATA_JSONL || strcmp(value, "csv") == 0) return OK;
    return diag_set(why, ERR_INVALID, "--format is \"%s\"; expected csv or jsonl", value);
}

static err take_market(data_call *call, const char *value, diag *why) {
    call->market = value;
    if (strcmp(value, "spot") == 0 || strcmp(value, "usdm") == 0) return OK;
    return diag_set(why, ERR_INVALID, "--market is \"%s\"; expected spot or usdm", value);
}

static err take(void *context, const option *o, const char *value, diag *why) {
    data_call *call = context;
    if (!o && call->action) return options_refuse_word(value, why);
    if (!o) {
        call->action = value;
        return OK;
    }
    if (strcmp(o->name, "set") == 0) return settings_add(&call->settings, value, why);
    if (strcmp(o->name, "data-dir") == 0) return settings_set(&call->settings, "DATA_DIR", value, why);
    if (strcmp(o->name, "from") == 0) return options_take_time(o, value, &call->from_ms, why);
    if (strcmp(o->name, "to") == 0) return options_take_time(o, value, &call->to_ms, why);
    if (strcmp(o->name, "format") == 0) return take_format(call, value, why);
    if (strcmp(o->name, "market") == 0) return take_market(call, value, why);
    if (strcmp(o->name, "symbols") == 0) call->symbols = value;
    if (strcmp(o->name, "intervals") == 0) return options_take_intervals(o, value, &call->intervals, why);
    if (strcmp(o->name, "out") == 0) call->out = value;
    if (strcmp(o->name, "json") == 0) call->as_json = true;
    if (strcmp(o->name, "snapshot") == 0) call->of_snapshot = true;
    return OK;
}

/* ---- which series ---- */

/* Whether the name is one of the list, or there is no list. */
static bool is_among(const char *list, const char *name) {
    size_t bytes = strlen(name);
    for (const char *at = list; at; at = *at ? at + 1 : NULL) {
        size_t n = strcspn(at, ",");
        if (n == bytes && strncasecmp(at, name, bytes) == 0) return true;
        at += n;
    }
    return !list;
}

static err add_market(const data_call *call, const config *cfg, const char *market, data_series **out, size_t *count,
                      diag *why) {
    char folder[HISTORY_PATH_BYTES];
    history_series *list = NULL;
    uint32_t intervals = call->intervals ? call->intervals : UINT32_MAX;
    size_t n = 0;
    err e = history_folder_of_market(cfg->data_dir, market, folder, why);
    if (e == OK) e = history_folder_list(folder, &list, &n, why);
    data_series *all = e == OK ? realloc(*out, (*count + n + 1) * sizeof *all) : NULL;
    if (e == OK && !all) e = diag_set(why, ERR_NO_MEMORY, "out of memory");
    if (all) *out = all;
    for (size_t i = 0; all && i < n && e == OK; i++) {
        data_series *s = &all[*count];
        if (!is_among(call->symbols, list[i].symbol) || !(intervals >> list[i].interval & 1)) continue;
        *s = (data_series){.market = market, .series = list[i]};
        e = history_folder_of_series(folder, &list[i], s->folder, why);
        ++*count;
    }
    free(list);
    return e;
}

err data_choose(const data_call *call, const config *cfg, data_series **out, size_t *count, diag *why) {
    static const char *const markets[DATA_MARKETS] = {"spot", "usdm"};
    *out = NULL;
    *count = 0;
    err e = OK;
    for (int i = 0; i < DATA_MARKETS && e == OK; i++)
        if (!call->market || strcmp(call->market, markets[i]) == 0)
            e = add_market(call, cfg, markets[i], out, count, why);
    if (e == OK && *count == 0)
        e = diag_set(why, ERR_NOT_FOUND, "%s/history has nothing of that; `trademind fetch` brings it", cfg->data_dir);
    return e;
}

/* ---- the verb ---- */

static const data_action *find(const char *name) {
    for (const data_action *a = ACTIONS; name && a->name; a++)
        if (strcmp(a->name, name) == 0) return a;
    return NULL;
}

static int run(int argc, char *const *argv) {
    data_call call = {.from_ms = INT64_MIN, .to_ms = INT64_MAX};
    config cfg = {0};
    diag why = {0};
    int code;
    err e = options_parse(OPTIONS, argc, argv, take, &call, &why);
    const data_action *action = e == OK ? find(call.action) : NULL;
    if (e == OK && !action)
        (void)diag_set(&why, ERR_INVALID, "data: \"%s\" is nothing to do; expected list, verify or export",
                       call.action ? call.action : "");
    if (!action) {
        code = verb_fail(&DATA_VERB, EXIT_USAGE, &why);
        goto out;
    }
    e = settings_load(&call.settings, &cfg, &why);
    if (e != OK) {
        code = verb_fail(&DATA_VERB, settings_exit_code(e), &why);
        goto out;
    }
    code = action->run(&call, &cfg);
    config_deinit(&cfg);
out:
    settings_deinit(&call.settings);
    return code;
}

const verb DATA_VERB = {
    .name = "data",
    .summary = "list, verify and export what is kept of the market",
    .usage = "list|verify|export [options]",
    .details =
        "The history store is DATA_DIR/history, which `trademind fetch` fills. `list` says what there is. `verify` "
        "reads every byte and every row: damage, rows out of order, bars that are missing and not known to be holes, "
        "with file, row, what was found and what was expected; exit code 1 when there is anything. `export` writes "
        "klines in the form that `replay --data` reads.\n"
        "`list --snapshot` lists bars and indicator states that the daemon has written for its next start, which may "
        "be asked for while it runs; two daemons that have seen the same bars list the same.",
    .options = OPTIONS,
    .run = run,
};
