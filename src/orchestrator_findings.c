#include "orchestrator_findings.h"
#include "screener/trader_error.h"
#include <jansson.h>
#include <stdlib.h>

enum { COST_US = 1000 }; /* as `trademind check` has it */

void findings_step_run(findings_step *f) {
    trial_options options = {.limits = f->limits, .cost_limit_us = COST_US};
    reader *r = NULL;
    char *names = NULL, *warning = NULL;
    options.limits.is_quiet = true;
    f->failure = findings_names(&options.limits, &names, &f->why);
    if (f->failure == OK) f->failure = reader_new(&r, &f->why);
    if (f->failure == OK) f->failure = findings_make(r, names, &options, f->source, &f->findings, &warning, &f->why);
    reader_free(r);
    free(names);
    free(warning);
}

static void add_message(json_t *list, const char *message) {
    json_t *one = json_pack("{s:i, s:i, s:i, s:s, s:s, s:s}", "line", trader_error_line(message), "column", 1,
                            "end_column", 1, "severity", "error", "code", "load", "message", message);
    if (one) json_array_append_new(list, one);
}

static bool has_errors(const json_t *list) {
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *severity = json_string_value(json_object_get(json_array_get(list, i), "severity"));
        if (severity && severity[0] == 'e') return true;
    }
    return false;
}

char *findings_step_text(const findings_step *f, const char *message, bool *has_error) {
    json_t *list = f->findings ? json_loads(f->findings, 0, NULL) : json_array();
    char *text = NULL, *out = NULL;
    json_writer w;
    bool is_wrong = has_errors(list);
    if (!is_wrong && message) add_message(list, message);
    text = json_dumps(list, JSON_COMPACT);
    json_writer_init(&w);
    if (text) (void)findings_write(&w, text);
    if (!text || json_writer_take(&w, &out, NULL) != OK) out = NULL;
    json_writer_deinit(&w);
    json_decref(list);
    free(text);
    if (has_error) *has_error = is_wrong || message;
    return out;
}

void findings_step_deinit(findings_step *f) {
    free(f->findings);
    f->findings = NULL;
}
