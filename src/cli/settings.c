#include "cli/settings.h"

#include "cli/verbs.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

err settings_add(settings *s, const char *assignment, diag *why) {
    if (s->n_assignments == SETTINGS_MAX_ASSIGNMENTS)
        return diag_set(why, ERR_INVALID, "more than %d times --set; use a .env file", SETTINGS_MAX_ASSIGNMENTS);
    s->assignments[s->n_assignments++] = assignment;
    return OK;
}

err settings_set(settings *s, const char *name, const char *value, diag *why) {
    char *text;
    if (s->n_owned == SETTINGS_MAX_OWNED) return diag_set(why, ERR_INVALID, "an option is given too often");
    if (asprintf(&text, "%s=%s", name, value) < 0) return diag_set(why, ERR_NO_MEMORY, "out of memory");
    s->owned[s->n_owned++] = text;
    return settings_add(s, text, why);
}

void settings_deinit(settings *s) {
    for (size_t i = 0; i < s->n_owned; i++) free(s->owned[i]);
    s->n_owned = 0;
}

err settings_load(const settings *s, config *out, diag *why) {
    char path[PATH_MAX];
    config_input input;
    config_input_here(&input, path, sizeof path);
    input.assignments = s->assignments;
    err e = config_load(&input, out, why);
    if (e == OK) log_init(out->log_level, out->log_format);
    return e;
}

int settings_exit_code(err e) { return e == ERR_NO_MEMORY ? EXIT_FAILED : EXIT_CONFIG; }
