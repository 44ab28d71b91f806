/* `trademind check`: what is wrong with a trader, before the market says so.
 *
 * Each script is read (lua/check) and run in the sandbox in all the ways in which a mistake shows (check/trial.h). */
#include "base/json_writer.h"
#include "check/findings.h"
#include "check/specs.h"
#include "cli/settings.h"
#include "cli/verbs.h"
#include "script/script_setup.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FILES_MAX = 1024, COST_US = 1000, SOURCE_COLUMNS = 160 };

typedef struct check_call {
    settings settings;
    trial_options options;
    const char *files[FILES_MAX];
    int n_files;
    bool as_json, runs_specs;
    reader *reader;
    char *names; /* of the sandbox */
    int n_read, n_unread, n_errors, n_warnings, n_specs;
    bool has_warned; /* of luacheck */
} check_call;

static const option OPTIONS[] = {
    {"data", "DIR", "run on recorded klines as well, SYMBOL-INTERVAL.csv or .csv.gz"},
    {"specs", NULL, "run NAME_spec.lua beside each file, with busted"},
    {"cost-us", "N", "bound of the CPU time of an evaluation, median, in microseconds (default: 1000)"},
    {"json", NULL, "findings as JSON, one object a line"},
    SETTINGS_OPTION,
    {0},
};

/* ---- the command line ---- */

static bool ends_in(const char *name, const char *end) {
    size_t n = strlen(name), m = strlen(end);
    return n >= m && strcmp(name + n - m, end) == 0;
}

static err take_cost(const char *value, double *out, diag *why) {
    char *end;
    *out = strtod(value, &end);
    if (*value && !*end && *out >= 1 && *out <= 1e9) return OK;
    return diag_set(why, ERR_INVALID, "--cost-us is \"%s\"; expected a number from 1 to 1000000000", value);
}

static err take(void *context, const option *o, const char *value, diag *why) {
    check_call *call = context;
    if (!o && call->n_files == FILES_MAX) return diag_set(why, ERR_TOO_BIG, "more than %d files", FILES_MAX);
    if (!o) call->files[call->n_files++] = value;
    if (!o) return OK;
    if (strcmp(o->name, "data") == 0) call->options.data = value;
    if (strcmp(o->name, "specs") == 0) call->runs_specs = true;
    if (strcmp(o->name, "json") == 0) call->as_json = true;
    if (strcmp(o->name, "cost-us") == 0) return take_cost(value, &call->options.cost_limit_us, why);
    if (strcmp(o->name, "set") == 0) return settings_add(&call->settings, value, why);
    return OK;
}

/* ---- findings ---- */

static const char *text_of(const json_t *finding, const char *name) {
    return json_string_value(json_object_get(finding, name));
}

static int number_of(const json_t *finding, const char *name) {
    return (int)json_integer_value(json_object_get(finding, name));
}

static void show_json(const char *file, const json_t *finding) {
    json_writer w;
    json_writer_init(&w);
    json_write_object(&w);
    json_put_text(&w, "file", file);
    findings_write_members(&w, finding);
    json_write_object_end(&w);
    if (json_writer_text(&w)) puts(json_writer_text(&w));
    json_writer_deinit(&w);
}

/* The byte at which a character begins, counted from 0; the end when there are fewer. */
static const char *character(const char *text, int n) {
    for (; *text && n > 0; n--) do
            text++;
        while (((unsigned char)*text & 0xc0) == 0x80);
    return text;
}

/* The line and, below it, what is meant. A tab takes one column; indentation is left out, and of a long line what is far. */
static void show_source(const char *source, int column, int end_column) {
    int from = (int)strspn(source, " \t");
    const char *end;
    if (!source[from]) return;
    if (from > column - 1) from = column - 1;
    if (column - 1 - from > SOURCE_COLUMNS - 20) from = column - 1 - SOURCE_COLUMNS / 2;
    if (end_column > from + SOURCE_COLUMNS) end_column = from + SOURCE_COLUMNS;
    end = character(source, from + SOURCE_COLUMNS);
    fputs("    ", stdout);
    for (const char *at = character(source, from); at < end; at++) putchar(*at == '\t' ? ' ' : *at);
    printf("\n    %*s", column - 1 - from, "");
    for (int i = column; i <= end_column; i++) putchar('^');
    putchar('\n');
}

static void show_human(const char *file, const json_t *finding) {
    const char *hint = text_of(finding, "hint"), *severity = text_of(finding, "severity");
    printf("%s:%d:%d: %s[%s]: %s%s%s\n", file, number_of(finding, "line"), number_of(finding, "column"), severity,
           text_of(finding, "code"), text_of(finding, "message"), hint ? "; " : "", hint ? hint : "");
    if (strcmp(severity, "note") != 0 && text_of(finding, "source"))
        show_source(text_of(finding, "source"), number_of(finding, "column"), number_of(finding, "end_column"));
}

static void show(check_call *call, const char *file, const json_t *finding) {
    const char *severity = text_of(finding, "severity");
    if (strcmp(severity, "error") == 0) call->n_errors++;
    if (strcmp(severity, "warning") == 0) call->n_warnings++;
    if (call->as_json)
        show_json(file, finding);
    else
        show_human(file, finding);
}

/* ---- one trader ---- */

static void warn_once(check_call *call, const char *warning) {
    if (!warning || call->has_warned) return;
    call->has_warned = true;
    fprintf(stderr, "trademind: warning: %s; only what a run shows is found\n", warning);
}

static err find(check_call *call, const trader_source *source, char **findings, diag *why) {
    char *warning = NULL;
    err e = findings_make(call->reader, call->names, &call->options, source, findings, &warning, why);
    if (e == OK) warn_once(call, warning);
    free(warning);
    return e;
}

static err check_file(check_call *call, const char *file, diag *why) {
    trader_source *source = NULL;
    char *findings = NULL;
    err e = trader_source_read(file, &source, why);
    if (e == OK) e = find(call, source, &findings, why);
    if (e == OK) {
        json_t *list = json_loads(findings, 0, NULL);
        if (!list) e = diag_set(why, ERR_INVALID, "%s: its findings cannot be shown", file);
        for (size_t i = 0; i < json_array_size(list); i++) show(call, source->chunk, json_array_get(list, i));
        json_decref(list);
        call->n_read += e == OK;
    }
    free(findings);
    trader_source_free(source);
    return e;
}

/* ---- its spec ---- */

static void show_failure(check_call *call, const char *spec, const json_t *failure) {
    const char *message = text_of(failure, "message");
    char *text = NULL;
    json_t *finding;
    if (asprintf(&text, "%s: %s", text_of(failure, "name"), message) < 0) return;
    finding = json_pack("{s:i, s:i, s:i, s:s, s:s, s:s}", "line", number_of(failure, "line"), "column", 1, "end_column",
                        1, "severity", "error", "code", "spec-failed", "message", text);
    if (finding) show(call, spec, finding);
    json_decref(finding);
    free(text);
}

static err run_spec(check_call *call, const char *file, diag *why) {
    char spec[512], *results = NULL;
    json_t *answer, *failures;
    err e;
    if (snprintf(spec, sizeof spec, "%.*s_spec.lua", (int)strlen(file) - 4, file) >= (int)sizeof spec) return OK;
    if (access(spec, F_OK) != 0) {
        fprintf(stderr, "trademind: %s has no spec; expected %s\n", file, spec);
        return OK;
    }
    e = specs_run(spec, &results, why);
    if (e != OK) return e;
    answer = json_loads(results, 0, NULL);
    failures = json_object_get(answer, "failures");
    if (text_of(answer, "missing"))
        e = diag_set(why, ERR_NOT_FOUND, "busted is not installed (Debian: apt install lua-busted); no spec was run");
    for (size_t i = 0; i < json_array_size(failures); i++) show_failure(call, spec, json_array_get(failures, i));
    if (e == OK) {
        fprintf(stderr, "trademind: %s: %d passed, %zu failed, %d pending\n", spec, number_of(answer, "passed"),
                json_array_size(failures), number_of(answer, "pending"));
        call->n_specs++;
    }
    json_decref(answer);
    free(results);
    return e;
}

/* ---- all of them ---- */

static void conclude(const check_call *call) {
    fprintf(stderr, "trademind: %d %s checked", call->n_read, call->n_read == 1 ? "file" : "files");
    if (call->n_unread > 0) fprintf(stderr, ", %d could not be", call->n_unread);
    fputs(": ", stderr);
    if (call->n_errors + call->n_warnings == 0)
        fputs("no finding\n", stderr);
    else
        fprintf(stderr, "%d %s, %d %s\n", call->n_errors, call->n_errors == 1 ? "error" : "errors", call->n_warnings,
                call->n_warnings == 1 ? "warning" : "warnings");
}

/* A file that cannot be read does not hide what is wrong with the others. */
static int check_all(check_call *call, diag *why) {
    for (int i = 0; i < call->n_files; i++) {
        const char *file = call->files[i];
        err e;
        if (ends_in(file, "_spec.lua")) {
            fprintf(stderr, "trademind: %s is a spec, not a trader; skipped\n", file);
            continue;
        }
        e = check_file(call, file, why);
        if (e == OK && call->runs_specs && ends_in(file, ".lua")) e = run_spec(call, file, why);
        if (e == OK) continue;
        call->n_unread++;
        fprintf(stderr, "trademind: %s\n", *why->text ? why->text : error_text(e));
    }
    conclude(call);
    return call->n_unread + call->n_errors + call->n_warnings > 0 ? EXIT_FAILED : EXIT_OK;
}

static int run(int argc, char *const *argv) {
    check_call call = {.options.cost_limit_us = COST_US};
    config cfg = {0};
    diag why = {0};
    int code;
    err e = options_parse(OPTIONS, argc, argv, take, &call, &why);
    if (e == OK && call.n_files == 0) e = diag_set(&why, ERR_INVALID, "no file is given; expected FILE.lua");
    if (e != OK) return verb_fail(&CHECK_VERB, EXIT_USAGE, &why);
    e = settings_load(&call.settings, &cfg, &why);
    if (e != OK) return verb_fail(&CHECK_VERB, settings_exit_code(e), &why);
    call.options.limits = script_limits_from(&cfg);
    config_deinit(&cfg);
    log_init(LOG_OFF, LOG_AUTO); /* what scripts print at thousands of bars */
    e = findings_names(&call.options.limits, &call.names, &why);
    if (e == OK) e = reader_new(&call.reader, &why);
    code = e == OK ? check_all(&call, &why) : verb_fail(&CHECK_VERB, EXIT_FAILED, &why);
    reader_free(call.reader);
    free(call.names);
    return code;
}

const verb CHECK_VERB = {
    .name = "check",
    .summary = "what is wrong with a trader, before the market says so",
    .usage = "FILE... [options]",
    .details =
        "Compiles each trader, reads it with luacheck, and runs it in the sandbox over generated bars: in order, "
        "with later bars not known yet, with less history, and on bars of which every number is NaN. A finding "
        "has file, line, column, severity and a code that does not change:\n"
        "x.lua:12:20: error[unknown-field]: there is no ta.smma; did you mean \"sma\"?\n"
        "Exit code 1 when there is an error or a warning; notes say what a trader needs.",
    .options = OPTIONS,
    .run = run,
};
