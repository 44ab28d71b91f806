#include "check/findings.h"
#include "script/ask.h"
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

err findings_names(const script_limits *limits, char **names, diag *why) {
    probe p = {0};
    err e = probe_open(&p, limits, why);
    *names = NULL;
    if (e == OK) e = script_state_ask(p.state, "names", NULL, names, why);
    if (e == OK && !*names) e = diag_set(why, ERR_NO_MEMORY, "out of memory");
    probe_close(&p);
    return e;
}

err findings_make(reader *r, const char *names, const trial_options *options, const trader_source *source,
                  char **findings, char **warning, diag *why) {
    char *watched = NULL, *facts = NULL;
    *warning = *findings = NULL;
    err e = reader_open(r, source->code, source->code_bytes, source->chunk, names, &watched, warning, why);
    if (e == OK) e = trial_run(options, source, watched, &facts, why);
    if (e == OK) e = reader_close(r, facts, findings, why);
    free(watched);
    free(facts);
    return e;
}

static void put_text(json_writer *w, const json_t *finding, const char *name) {
    json_put_text(w, name, json_string_value(json_object_get(finding, name)));
}

void findings_write_members(json_writer *w, const json_t *finding) {
    static const char *const places[] = {"line", "column", "end_column"};
    static const char *const texts[] = {"severity", "code", "message", "hint", "source"};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        json_put_integer(w, places[i], json_integer_value(json_object_get(finding, places[i])));
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) put_text(w, finding, texts[i]);
}

bool findings_write(json_writer *w, const char *findings) {
    json_t *list = json_loads(findings, 0, NULL);
    bool has_error = false;
    json_write_array(w);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *finding = json_array_get(list, i);
        const char *severity = json_string_value(json_object_get(finding, "severity"));
        has_error = has_error || (severity && strcmp(severity, "error") == 0);
        json_write_object(w);
        findings_write_members(w, finding);
        json_write_object_end(w);
    }
    json_write_array_end(w);
    json_decref(list);
    return has_error;
}
