/* `trademind data`: what DATA_DIR holds of the market, one verb behind the verb for each thing to be done with it. */
#include "cli/settings.h"
#include "cli/verbs.h"
#include "screener/snapshot_list.h"
#include "sync/snapshot_file.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct data_call {
    settings settings;
    bool as_json, of_snapshot;
    const char *action;
} data_call;

typedef struct data_action {
    const char *name;
    int (*run)(const data_call *call, const config *cfg);
} data_action;

static const option OPTIONS[] = {
    {"snapshot", NULL, "list: the bars and indicator states that the next start will take up"},
    {"json", NULL, "one object a line: symbol, interval, bars, first, last, knownTo, hash, indicators"},
    SETTINGS_OPTION,
    {0},
};

static int list(const data_call *call, const config *cfg);

static const data_action ACTIONS[] = {{"list", list}, {0}};

static err take(void *context, const option *o, const char *value, diag *why) {
    data_call *call = context;
    if (!o && call->action) return options_refuse_word(value, why);
    if (!o) {
        call->action = value;
        return OK;
    }
    if (strcmp(o->name, "set") == 0) return settings_add(&call->settings, value, why);
    if (strcmp(o->name, "json") == 0) call->as_json = true;
    if (strcmp(o->name, "snapshot") == 0) call->of_snapshot = true;
    return OK;
}

/* ---- list ---- */

static err print_series(const snapshot *s, int32_t interval, registry *r) {
    json_writer w;
    err e;
    json_writer_init(&w);
    e = snapshot_list_write(s, interval, r, &w);
    if (e == OK && !json_writer_text(&w)) e = ERR_NO_MEMORY;
    if (e == OK) puts(json_writer_text(&w));
    json_writer_deinit(&w);
    return e;
}

/* For people: how many bars there are. */
static err print_line(const snapshot *s, int32_t interval) {
    byte_reader r = s->bars[interval];
    uint32_t keep = byte_get_u32(&r), count = byte_get_u32(&r);
    (void)keep;
    if (r.has_failed) return ERR_INVALID;
    printf("%-16s %-4s %6u bars\n", s->name, interval_name(interval), count);
    return OK;
}

static err list_symbol(const snapshot_file *f, uint32_t at, bool as_json, registry *r) {
    saved_symbol *packed = snapshot_file_get(f, at), *bytes = NULL;
    snapshot s;
    err e = packed ? saved_symbol_unpack(packed, &bytes) : ERR_NO_MEMORY;
    if (e == OK) e = snapshot_open(bytes->data, bytes->bytes, &s);
    for (int32_t i = 0; i < N_INTERVALS && e == OK; i++)
        if (s.intervals >> i & 1) e = as_json ? print_series(&s, i, r) : print_line(&s, i);
    saved_symbol_free(bytes);
    saved_symbol_free(packed);
    return e;
}

static int list(const data_call *call, const config *cfg) {
    snapshot_file *f = NULL;
    registry *r = NULL;
    diag why = {0};
    err e;
    if (!call->of_snapshot) {
        (void)diag_set(&why, ERR_INVALID, "data list: nothing to list; expected --snapshot");
        return verb_fail(&DATA_VERB, EXIT_USAGE, &why);
    }
    if (snapshot_file_look(cfg->data_dir, &f, &why) != OK) return verb_fail(&DATA_VERB, EXIT_FAILED, &why);
    e = registry_new(&r);
    for (uint32_t i = 0; i < snapshot_file_count(f) && e == OK; i++) e = list_symbol(f, i, call->as_json, r);
    registry_free(r);
    snapshot_file_free(f);
    if (e == OK) return EXIT_OK;
    (void)diag_set(&why, e, "%s/snapshot: %s", cfg->data_dir, error_text(e));
    return verb_fail(&DATA_VERB, EXIT_FAILED, &why);
}

/* ---- the verb ---- */

static const data_action *find(const char *name) {
    for (const data_action *a = ACTIONS; name && a->name; a++)
        if (strcmp(a->name, name) == 0) return a;
    return NULL;
}

static int run(int argc, char *const *argv) {
    data_call call = {0};
    config cfg = {0};
    diag why = {0};
    const data_action *action;
    int code;
    err e = options_parse(OPTIONS, argc, argv, take, &call, &why);
    if (e != OK) return verb_fail(&DATA_VERB, EXIT_USAGE, &why);
    action = find(call.action);
    if (!action) {
        (void)diag_set(&why, ERR_INVALID, "data: \"%s\" is nothing to do; expected list",
                       call.action ? call.action : "");
        return verb_fail(&DATA_VERB, EXIT_USAGE, &why);
    }
    e = settings_load(&call.settings, &cfg, &why);
    if (e != OK) return verb_fail(&DATA_VERB, settings_exit_code(e), &why);
    code = action->run(&call, &cfg);
    config_deinit(&cfg);
    return code;
}

const verb DATA_VERB = {
    .name = "data",
    .summary = "list what is kept of the market",
    .usage = "list --snapshot [options]",
    .details =
        "Lists the snapshot in DATA_DIR: bars and indicator states, written every few minutes and at the end,\n"
        "which the next start takes up. Two daemons that have seen the same bars list the same. It may be asked\n"
        "for while the daemon runs.",
    .options = OPTIONS,
    .run = run,
};
